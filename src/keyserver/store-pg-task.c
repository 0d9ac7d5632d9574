/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-pg-task: one operation on its connection, group by group. */
#include "base/error.h"
#include "keyserver/store-pg-pool.h"

#define TRIES 4

static void
task_clear_transaction(AkmaPgTask *task)
{
    g_clear_pointer(&task->transaction, akma_pg_transaction_free);
    task->link = NULL;
}

void
akma_pg_task_free(AkmaPgTask *task)
{
    akma_pg_transaction_free(task->transaction);
    akma_ks_mark_clear(&task->mark);
    akma_ks_op_free(task->op);
    g_clear_error(&task->error);
    g_free(task);
}

void
akma_pg_task_finish(AkmaPgTask *task, const GError *error)
{
    AkmaPgPool *self = task->pool;

    task_clear_transaction(task);
    if (error && !task->error)
        task->error = g_error_copy(error);
    if (task->error)
        g_clear_pointer(&task->op->set, akma_key_set_free);
    self->n_tasks--;
    g_queue_push_tail(&self->finished, task);
    uv_async_send(self->wake);
}

bool
akma_pg_task_begins_reading(const AkmaPgTask *task)
{
    const AkmaKsOp *op = task->op;

    return op->action == AKMA_KS_DELIVER || akma_ks_only_reads(op->action);
}

/*
 * May it begin again where nobody knows whether it was committed? A delivery finds what it made
 * before; nothing is delivered that is not there.
 */
static bool
can_begin_again(const AkmaPgTask *task)
{
    return akma_pg_task_begins_reading(task) || task->op->action == AKMA_KS_VERSION_SEEN;
}

/* Once more from the start, or the end of it. @link: forgotten. */
static void
begin_again(AkmaPgTask *task, GQueue *queue, const GError *error)
{
    task_clear_transaction(task);
    if (++task->tries >= TRIES) {
        akma_pg_task_finish(task, error);
        return;
    }
    g_clear_error(&task->error);
    akma_ks_op_rewind(task->op, &task->mark);
    g_queue_push_head(queue, task);
}

void
akma_pg_task_lose(AkmaPgTask *task, GQueue *queue, const GError *error)
{
    if (can_begin_again(task))
        begin_again(task, queue, error);
    else
        akma_pg_task_finish(task, error);
}

/* Ends the group; on_synced() hears of its answer. */
static void on_synced(const AkmaPgFault *fault, void *user_data);

static void
go_on(AkmaPgTask *task, AkmaPgPhase phase)
{
    task->phase = phase;
    akma_pg_sync(task->link->pg, on_synced, task);
    akma_pg_link_flush(task->link);
}

static void
roll_back(AkmaPgTask *task, const GError *error)
{
    if (error && !task->error)
        task->error = g_error_copy(error);
    akma_pg_send(task->link->pg, AKMA_PG_ROLL_BACK, NULL, 0, NULL);
    go_on(task, ROLLING_BACK);
}

static AkmaKsOutcome
run_action(AkmaPgTask *task, bool writing)
{
    AkmaKsTransaction context = {akma_pg_transaction_get_sql(task->transaction),
                                 task->pool->store->base.seal,
                                 writing,
                                 task->alone};

    g_clear_error(&task->error);
    akma_ks_op_rewind(task->op, &task->mark);
    akma_pg_transaction_rewind(task->transaction);

    return akma_ks_run_action(&context, task->op, &task->error);
}

/* The rows that it foresaw are there. Its transaction has ended with them. */
static void
end_read(AkmaPgTask *task, const AkmaPgFault *fault)
{
    AkmaPgPool *self = task->pool;
    AkmaKsOutcome outcome;
    bool missing;

    if (fault->error) {
        task->link->broken = akma_pg_fault_is_stale(fault);
        akma_pg_task_finish(task, fault->error);
        return;
    }
    outcome = run_action(task, false);
    missing = akma_pg_transaction_is_missing(task->transaction);
    if (outcome == AKMA_KS_MUST_WRITE || missing) {
        /* again where it may write, or ask for more */
        g_clear_error(&task->error);
        akma_ks_op_rewind(task->op, &task->mark);
        task_clear_transaction(task);
        g_queue_push_tail(&self->writes, task);
    } else {
        akma_pg_task_finish(task, NULL);
    }
}

/* Others would have been in the way. It asks for this once at most. */
static void
begin_alone(AkmaPgTask *task)
{
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: others were in the way");

    task->again = true;
    roll_back(task, error);
}

static void
end_rows(AkmaPgTask *task)
{
    bool writing = !akma_ks_only_reads(task->op->action);
    AkmaKsOutcome outcome = run_action(task, writing);

    if (akma_pg_transaction_is_missing(task->transaction)) {
        akma_pg_transaction_send_reads(task->transaction);
        go_on(task, READING);
    } else if (outcome == AKMA_KS_DONE) {
        akma_pg_transaction_send_writes(task->transaction);
        akma_pg_send(task->link->pg, AKMA_PG_COMMIT, NULL, 0, NULL);
        go_on(task, COMMITTING);
    } else if (outcome == AKMA_KS_MUST_WRITE) {
        begin_alone(task);
    } else {
        roll_back(task, NULL);
    }
}

static void
end_write(AkmaPgTask *task, const AkmaPgFault *fault)
{
    if (fault->error && (task->phase == ROLLING_BACK || akma_pg_fault_is_stale(fault))) {
        task->link->broken = true; /* in a state that nobody knows: link_drop() goes on */
    } else if (fault->error) {
        task->again = akma_pg_fault_is_passing(fault);
        roll_back(task, fault->error);
    } else if (task->phase == READING) {
        end_rows(task);
    } else {
        g_queue_clear(&task->link->tasks);
        if (task->phase == ROLLING_BACK && task->again)
            begin_again(task, &task->pool->writes, task->error);
        else
            akma_pg_task_finish(task, NULL);
    }
}

static void
on_synced(const AkmaPgFault *fault, void *user_data)
{
    AkmaPgTask *task = user_data;

    if (!task->link->reads) {
        end_write(task, fault);
        return;
    }
    g_queue_remove(&task->link->tasks, task);
    end_read(task, fault);
}

void
akma_pg_task_start(AkmaPgTask *task, AkmaPgLink *link)
{
    task->link = link;
    task->again = false;
    task->transaction = akma_pg_transaction_new(link->pg, false);
    task->alone = false;
    g_queue_push_tail(&link->tasks, task);
    if (link->reads) {
        akma_ks_foresee(akma_pg_transaction_get_sql(task->transaction), task->op);
        akma_pg_transaction_send_reads(task->transaction);
    } else {
        task->alone = akma_ks_pg_begin(
            link->pg, task->transaction, task->op, !akma_ks_only_reads(task->op->action));
    }
    go_on(task, READING);
}
