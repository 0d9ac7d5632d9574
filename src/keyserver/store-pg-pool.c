/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-pg-pool: operations of a worker on its loop, which never waits for the database.
 *
 * One connection takes everything that only reads, one group of statements after the other
 * without waiting in between; a few more take what writes, one operation each at a time, since
 * its statements depend on what was read. Connecting blocks, so a thread does it. Of a database
 * that does not answer the operations hear after OP_MS; while there is none, at once.
 */
#include "keyserver/store-pg-pool.h"
#include "base/error.h"

#define WAITING_MAX 1024 /* operations that wait; with more the store does not answer */
#define OP_MS       5000 /* of one operation, from its submission */
#define RETRY_MS    500  /* after connecting failed */
#define TICK_MS     200

static void schedule(AkmaPgPool *self);

/* --- connections --- */

static void
free_handle(uv_handle_t *handle)
{
    g_free(handle);
}

/* Closes; what was under way on it begins again, or fails. */
static void
link_drop(AkmaPgLink *link, const GError *error)
{
    AkmaPgPool *self = link->pool;
    AkmaPgTask *task;

    if (link->poll)
        uv_close((uv_handle_t *)g_steal_pointer(&link->poll), free_handle);
    g_clear_pointer(&link->pg, akma_pg_close);
    link->broken = false;
    while ((task = g_queue_pop_tail(&link->tasks))) {
        akma_pg_task_lose(task, link->reads ? &self->reads : &self->writes, error);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events);

/*
 * Sends what is queued; watches for answers, and for room if not all went out. Of a connection that
 * broke libpq has closed the descriptor, perhaps before the loop first waits for it: the loop ends
 * the process over one that it cannot wait for.
 */
void
akma_pg_link_flush(AkmaPgLink *link)
{
    bool pending = false;

    if (akma_pg_flush(link->pg, &pending, NULL)) {
        uv_poll_start(link->poll, pending ? UV_READABLE | UV_WRITABLE : UV_READABLE, on_poll);
    } else {
        link->broken = true;
        uv_poll_stop(link->poll);
    }
}

static void
on_poll(uv_poll_t *poll, int status, int events G_GNUC_UNUSED)
{
    AkmaPgLink *link = poll->data;
    AkmaPgPool *self = link->pool;
    g_autoptr(GError) error = NULL;

    if (status < 0 || !akma_pg_read(link->pg, &error))
        link->broken = true;
    if (!error)
        error = g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: the connection to the database broke");
    if (!link->broken)
        akma_pg_link_flush(link);
    if (link->broken)
        link_drop(link, error);
    schedule(self);
}

static void
link_adopt(AkmaPgLink *link, AkmaPg *pg)
{
    uv_poll_t *poll = g_new0(uv_poll_t, 1);

    link->pg = pg;
    if (uv_poll_init(link->pool->loop, poll, akma_pg_get_fd(pg)) != 0) {
        g_free(poll);
        g_clear_pointer(&link->pg, akma_pg_close);
        return;
    }
    poll->data = link;
    link->poll = poll;
    akma_pg_link_flush(link);
}

static void
connect_in_thread(void *data)
{
    AkmaPgPool *self = data;
    const AkmaPgStore *store = self->store;
    const AkmaPgTarget target = {
        .conninfo = store->conninfo,
        .password = store->password,
        .role = self->connecting->reads ? AKMA_PG_READER : AKMA_PG_SERVE,
    };

    self->new_pg = akma_pg_connect(&target, &self->quit, &self->new_error);
    g_atomic_int_set(&self->connected, 1);
    uv_async_send(self->wake);
}

static void
connect_link(AkmaPgPool *self, AkmaPgLink *link)
{
    if (self->connecting || uv_now(self->loop) < self->connect_at)
        return;

    self->connecting = link;
    g_atomic_int_set(&self->connected, 0);
    if (uv_thread_create(&self->thread, connect_in_thread, self) != 0) {
        self->connecting = NULL;
        self->connect_at = uv_now(self->loop) + RETRY_MS;
    }
}

static void
fail_all(GQueue *queue, const GError *error)
{
    AkmaPgTask *task;

    while ((task = g_queue_pop_head(queue)))
        akma_pg_task_finish(task, error);
}

static bool
has_writer(const AkmaPgPool *self)
{
    for (size_t i = 1; i < G_N_ELEMENTS(self->links); i++) {
        if (self->links[i].pg)
            return true;
    }

    return false;
}

/* There is nobody who could do what waits, and will not be soon. */
static void
fail_without_links(AkmaPgPool *self, const GError *error)
{
    if (!self->links[0].pg)
        fail_all(&self->reads, error);
    if (!has_writer(self))
        fail_all(&self->writes, error);
}

static void
end_connecting(AkmaPgPool *self)
{
    AkmaPgLink *link = g_steal_pointer(&self->connecting);
    g_autoptr(GError) error = NULL;
    AkmaPg *pg;

    uv_thread_join(&self->thread);
    error = g_steal_pointer(&self->new_error);
    pg = g_steal_pointer(&self->new_pg);
    if (pg && !akma_ks_pg_check(self->store, pg, &error))
        g_clear_pointer(&pg, akma_pg_close);
    if (pg) {
        link_adopt(link, pg);
        return;
    }
    self->connect_at = uv_now(self->loop) + RETRY_MS;
    fail_without_links(self, error);
}

/* --- who is next --- */

/* Two for one terminal would only wait for each other, each on a connection. */
static bool
is_busy(const AkmaPgPool *self, const AkmaPgTask *wanted)
{
    for (size_t i = 1; i < G_N_ELEMENTS(self->links); i++) {
        const AkmaPgTask *task = g_queue_peek_head((GQueue *)&self->links[i].tasks);

        if (task && g_strcmp0(task->op->terminal, wanted->op->terminal) == 0)
            return true;
    }

    return false;
}

static AkmaPgTask *
pop_write(AkmaPgPool *self)
{
    for (GList *at = self->writes.head; at; at = at->next) {
        AkmaPgTask *task = at->data;

        if (!is_busy(self, task)) {
            g_queue_delete_link(&self->writes, at);
            return task;
        }
    }

    return NULL;
}

static void
schedule_writes(AkmaPgPool *self)
{
    AkmaPgLink *missing = NULL;
    AkmaPgTask *task;

    for (size_t i = 1; i < G_N_ELEMENTS(self->links); i++) {
        AkmaPgLink *link = &self->links[i];

        if (link->pg && !link->broken && g_queue_is_empty(&link->tasks) && (task = pop_write(self)))
            akma_pg_task_start(task, link);
        if (!link->pg && !missing)
            missing = link;
    }
    if (!g_queue_is_empty(&self->writes) && missing)
        connect_link(self, missing);
}

static void
schedule(AkmaPgPool *self)
{
    AkmaPgLink *reader = &self->links[0];
    AkmaPgTask *task;

    while (reader->pg && !reader->broken && (task = g_queue_pop_head(&self->reads)))
        akma_pg_task_start(task, reader);
    if (!g_queue_is_empty(&self->reads) && !reader->pg)
        connect_link(self, reader);
    schedule_writes(self);

    /* not even trying: it was in vain a moment ago */
    if (!self->connecting && uv_now(self->loop) < self->connect_at) {
        g_autoptr(GError) error = g_error_new_literal(
            AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: there is no connection to the database");

        fail_without_links(self, error);
    }
    if (self->n_tasks == 0)
        uv_timer_stop(self->tick);
}

static void
expire(AkmaPgPool *self, GQueue *queue, const GError *error)
{
    for (GList *at = queue->head; at;) {
        GList *next = at->next;
        AkmaPgTask *task = at->data;

        if (uv_now(self->loop) >= task->deadline) {
            g_queue_delete_link(queue, at);
            akma_pg_task_finish(task, error);
        }
        at = next;
    }
}

static void
on_tick(uv_timer_t *timer)
{
    AkmaPgPool *self = timer->data;
    g_autoptr(GError) error = g_error_new_literal(
        AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: the database does not answer");

    for (size_t i = 0; i < G_N_ELEMENTS(self->links); i++) {
        AkmaPgLink *link = &self->links[i];
        const AkmaPgTask *oldest = g_queue_peek_head(&link->tasks);

        /* what it owes may still come: it is of no more use */
        if (link->broken || (oldest && uv_now(self->loop) >= oldest->deadline))
            link_drop(link, error);
    }
    expire(self, &self->reads, error);
    expire(self, &self->writes, error);
    schedule(self);
}

/* --- the store's side --- */

static void
on_wake(uv_async_t *wake)
{
    AkmaPgPool *self = wake->data;
    AkmaPgTask *task;

    if (self->connecting && g_atomic_int_get(&self->connected)) {
        end_connecting(self);
        schedule(self);
    }
    while ((task = g_queue_pop_head(&self->finished))) {
        task->done(g_steal_pointer(&task->op), task->error, task->user_data);
        akma_pg_task_free(task);
    }
}

bool
akma_ks_pg_attach(AkmaKsStore *base, uv_loop_t *loop, GError **error)
{
    AkmaPgStore *store = (AkmaPgStore *)base;
    AkmaPgPool *self = g_new0(AkmaPgPool, 1);

    self->store = store;
    self->loop = loop;
    self->wake = g_new0(uv_async_t, 1);
    if (uv_async_init(loop, self->wake, on_wake) != 0) {
        g_free(self->wake);
        g_free(self);
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot start the store");
        return false;
    }
    self->wake->data = self;
    self->tick = g_new0(uv_timer_t, 1);
    uv_timer_init(loop, self->tick);
    self->tick->data = self;
    for (size_t i = 0; i < G_N_ELEMENTS(self->links); i++)
        self->links[i] = (AkmaPgLink){.pool = self, .reads = i == 0};
    store->pool = self;
    base->attached = true;

    /* the one that opened the store writes; one that reads comes by itself */
    link_adopt(&self->links[1], g_steal_pointer(&store->pg));
    connect_link(self, &self->links[0]);

    return true;
}

bool
akma_ks_pg_submit(AkmaKsStore *base, AkmaKsOp *op, AkmaKsDone done, void *user_data)
{
    AkmaPgPool *self = ((AkmaPgStore *)base)->pool;
    AkmaPgTask *task;

    if (self->n_tasks >= WAITING_MAX) {
        akma_ks_op_free(op);
        return false;
    }

    task = g_new0(AkmaPgTask, 1);
    *task = (AkmaPgTask){.pool = self, .op = op, .done = done, .user_data = user_data};
    task->deadline = uv_now(self->loop) + OP_MS;
    akma_ks_mark_init(&task->mark, op);
    g_queue_push_tail(akma_pg_task_begins_reading(task) ? &self->reads : &self->writes, task);
    if (self->n_tasks++ == 0)
        uv_timer_start(self->tick, on_tick, TICK_MS, TICK_MS);
    schedule(self);

    return true;
}

void
akma_ks_pg_detach(AkmaPgStore *store)
{
    AkmaPgPool *self = g_steal_pointer(&store->pool);

    g_atomic_int_set(&self->quit, 1);
    if (self->connecting)
        uv_thread_join(&self->thread);
    akma_pg_close(self->new_pg);
    g_clear_error(&self->new_error);
    for (size_t i = 0; i < G_N_ELEMENTS(self->links); i++) {
        AkmaPgLink *link = &self->links[i];

        if (link->poll)
            uv_close((uv_handle_t *)link->poll, free_handle);
        akma_pg_close(link->pg);
        g_queue_clear_full(&link->tasks, (GDestroyNotify)akma_pg_task_free);
    }
    g_queue_clear_full(&self->reads, (GDestroyNotify)akma_pg_task_free);
    g_queue_clear_full(&self->writes, (GDestroyNotify)akma_pg_task_free);
    g_queue_clear_full(&self->finished, (GDestroyNotify)akma_pg_task_free);
    uv_close((uv_handle_t *)self->wake, free_handle);
    uv_close((uv_handle_t *)self->tick, free_handle);
    g_free(self);
}
