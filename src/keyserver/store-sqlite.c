/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-sqlite: the SQLite backend: open, run an operation as one transaction, and the one thread
 * beside a worker's loop that does so.
 *
 * A transaction that only reads waits for nobody in WAL mode, so the loop runs it itself, on a
 * connection of its own that gives up rather than wait; two changes of thread would cost more than
 * the rest of it. Whatever writes, would wait or fails goes to the thread.
 */
#include "keyserver/store-private.h"

#include <unistd.h>

#include "base/error.h"
#include "keyserver/sqlite-schema.h"

#define WAITING_MAX 1024 /* operations that wait; with more the store does not answer */

typedef struct {
    AkmaKsOp *op;
    AkmaKsDone done;
    void *user_data;
    GError *error;
} Job;

typedef struct {
    AkmaKsStore base; /* its seal: the thread's */
    char *path;
    AkmaSqlite *sql;         /* NULL: to be opened again */
    AkmaKsSeal *reader_seal; /* the loop's */
    uv_thread_t thread;
    uv_mutex_t mutex; /* over the rest */
    uv_cond_t wake;
    uv_async_t *ended;  /* the loop's; freed when it is closed */
    AkmaSqlite *reader; /* the loop's; NULL: the thread has not opened one yet, or it is stale */
    GQueue todo;        /* Job */
    GQueue finished;    /* Job */
    bool quit;
} Store;

static void
remove_files(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};

    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *file = g_strconcat(path, endings[i], NULL);

        unlink(file);
    }
}

bool
akma_ks_sqlite_create(const AkmaKsPlace *place, AkmaKsVisit fill, void *data, GError **error)
{
    g_autoptr(AkmaKsSeal) seal = akma_ks_seal_new(place->store_key, place->old_store_key, error);
    bool there = g_file_test(place->path, G_FILE_TEST_EXISTS);
    g_autoptr(AkmaSqlite) sql = seal ? akma_sqlite_open(place->path, true, error) : NULL;

    AkmaKsTransaction transaction = {sql ? akma_sqlite_get_sql(sql) : NULL, seal, true, true};

    if (sql && akma_sqlite_migrate(sql, true, error) && akma_sqlite_begin(sql, true, error) &&
        fill(&transaction, data, error) && akma_sqlite_commit(sql, error))
        return true;

    /* half a store would be in the way of the next try */
    g_clear_pointer(&sql, akma_sqlite_close);
    if (!there)
        remove_files(place->path);

    return false;
}

/* Opens the file; what it says about itself must be what it said the first time. */
static AkmaSqlite *
open_sql(Store *self, GError **error)
{
    g_autoptr(AkmaSqlite) sql = akma_sqlite_open(self->path, false, error);

    if (!sql || !akma_sqlite_migrate(sql, false, error) ||
        !akma_ks_read_meta(
            &self->base, akma_sqlite_get_sql(sql), self->base.seal, self->path, error))
        return NULL;

    return g_steal_pointer(&sql);
}

static AkmaKsOutcome
run_once(AkmaSqlite *sql, AkmaKsSeal *seal, AkmaKsOp *op, bool writing, GError **error)
{
    AkmaKsTransaction transaction = {akma_sqlite_get_sql(sql), seal, writing, writing};
    AkmaKsOutcome outcome;

    if (!akma_sqlite_begin(sql, writing, error))
        return AKMA_KS_FAILED;

    outcome = akma_ks_run_action(&transaction, op, error);
    if (outcome == AKMA_KS_DONE && !akma_sqlite_commit(sql, error))
        outcome = AKMA_KS_FAILED;
    if (outcome != AKMA_KS_DONE)
        akma_sqlite_roll_back(sql);
    if (outcome == AKMA_KS_FAILED && op->action == AKMA_KS_DELIVER)
        g_clear_pointer(&op->set, akma_key_set_free);

    return outcome;
}

/*
 * A file that was moved away or replaced would swallow what is written to it: it is looked for
 * again at its path.
 */
static bool
ensure_open(Store *self, GError **error)
{
    if (self->sql && !akma_sqlite_is_in_place(self->sql))
        g_clear_pointer(&self->sql, akma_sqlite_close);
    if (!self->sql)
        self->sql = open_sql(self, error);

    return self->sql;
}

static bool
backend_run(AkmaKsStore *base, AkmaKsOp *op, GError **error)
{
    Store *self = (Store *)base;
    bool writing = !akma_ks_only_reads(op->action) && op->action != AKMA_KS_DELIVER;
    AkmaKsOutcome outcome;

    if (!ensure_open(self, error))
        return false;

    outcome = run_once(self->sql, base->seal, op, writing, error);
    if (outcome == AKMA_KS_MUST_WRITE)
        outcome = run_once(self->sql, base->seal, op, true, error);

    return outcome == AKMA_KS_DONE;
}

static bool
backend_visit(AkmaKsStore *base, bool alone, AkmaKsVisit visit, void *data, GError **error)
{
    Store *self = (Store *)base;
    AkmaKsTransaction transaction = {NULL, base->seal, alone, alone};
    bool ok;

    if (!ensure_open(self, error) || !akma_sqlite_begin(self->sql, alone, error))
        return false;

    transaction.sql = akma_sqlite_get_sql(self->sql);
    ok = visit(&transaction, data, error);
    akma_sqlite_roll_back(self->sql);

    return ok;
}

static void
job_free(Job *job)
{
    akma_ks_op_free(job->op);
    g_clear_error(&job->error);
    g_free(job);
}

/* Opening may wait for others, so the thread does it for the loop. */
static void
open_reader(Store *self)
{
    AkmaSqlite *reader = open_sql(self, NULL);

    if (reader)
        akma_sqlite_never_wait(reader);
    uv_mutex_lock(&self->mutex);
    self->reader = reader;
    uv_mutex_unlock(&self->mutex);
}

/* The loop: true if @op is done. Only the loop takes a reader away, so it may use it unlocked. */
static bool
read_at_once(Store *self, AkmaKsOp *op)
{
    AkmaSqlite *reader;

    if (op->action != AKMA_KS_DELIVER && !akma_ks_only_reads(op->action))
        return false;

    uv_mutex_lock(&self->mutex);
    if (self->reader && !akma_sqlite_is_in_place(self->reader))
        g_clear_pointer(&self->reader, akma_sqlite_close);
    reader = self->reader;
    uv_mutex_unlock(&self->mutex);

    return reader && run_once(reader, self->reader_seal, op, false, NULL) == AKMA_KS_DONE;
}

/* The thread: takes jobs until it is told to quit and none is left. */
static void
work(void *data)
{
    Store *self = data;
    bool reader_wanted;
    Job *job;

    uv_mutex_lock(&self->mutex);
    while (!self->quit || !g_queue_is_empty(&self->todo)) {
        job = g_queue_pop_head(&self->todo);
        if (!job) {
            uv_cond_wait(&self->wake, &self->mutex);
            continue;
        }
        uv_mutex_unlock(&self->mutex);
        backend_run(&self->base, job->op, &job->error);
        uv_mutex_lock(&self->mutex);
        g_queue_push_tail(&self->finished, job);
        /* unlocked first, here and in submit: who is woken must not run into the lock */
        reader_wanted = !self->reader && self->sql;
        uv_mutex_unlock(&self->mutex);
        uv_async_send(self->ended);
        if (reader_wanted)
            open_reader(self);
        uv_mutex_lock(&self->mutex);
    }
    uv_mutex_unlock(&self->mutex);
}

static Job *
pop_finished(Store *self)
{
    Job *job;

    uv_mutex_lock(&self->mutex);
    job = g_queue_pop_head(&self->finished);
    uv_mutex_unlock(&self->mutex);

    return job;
}

static void
on_ended(uv_async_t *ended)
{
    Store *self = ended->data;
    Job *job;

    while ((job = pop_finished(self))) {
        job->done(g_steal_pointer(&job->op), job->error, job->user_data);
        job_free(job);
    }
}

static bool
backend_attach(AkmaKsStore *base, uv_loop_t *loop, GError **error)
{
    Store *self = (Store *)base;

    self->ended = g_new0(uv_async_t, 1);
    self->ended->data = self;
    if (uv_async_init(loop, self->ended, on_ended) != 0) {
        g_clear_pointer(&self->ended, g_free);
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot start the store");
        return false;
    }
    uv_mutex_init(&self->mutex);
    uv_cond_init(&self->wake);
    base->attached = uv_thread_create(&self->thread, work, self) == 0;
    if (!base->attached) {
        uv_close((uv_handle_t *)g_steal_pointer(&self->ended), (uv_close_cb)g_free);
        uv_mutex_destroy(&self->mutex);
        uv_cond_destroy(&self->wake);
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot start the store");
    }

    return base->attached;
}

static bool
backend_submit(AkmaKsStore *base, AkmaKsOp *op, AkmaKsDone done, void *user_data)
{
    Store *self = (Store *)base;
    Job *job = g_new0(Job, 1);
    bool ready = read_at_once(self, op);
    bool room;

    job->op = op;
    job->done = done;
    job->user_data = user_data;

    uv_mutex_lock(&self->mutex);
    room = ready || self->todo.length < WAITING_MAX;
    if (room)
        g_queue_push_tail(ready ? &self->finished : &self->todo, job);
    uv_mutex_unlock(&self->mutex);

    if (ready)
        uv_async_send(self->ended);
    else if (room)
        uv_cond_signal(&self->wake);
    else
        job_free(job);

    return room;
}

static void
detach(Store *self)
{
    uv_mutex_lock(&self->mutex);
    self->quit = true;
    uv_cond_signal(&self->wake);
    uv_mutex_unlock(&self->mutex);
    uv_thread_join(&self->thread);
    uv_mutex_destroy(&self->mutex);
    uv_cond_destroy(&self->wake);
    uv_close((uv_handle_t *)g_steal_pointer(&self->ended), (uv_close_cb)g_free);
    g_queue_clear_full(&self->todo, (GDestroyNotify)job_free);
    g_queue_clear_full(&self->finished, (GDestroyNotify)job_free);
}

static void
backend_close(AkmaKsStore *base)
{
    Store *self = (Store *)base;

    if (base->attached)
        detach(self);
    akma_sqlite_close(self->reader);
    akma_sqlite_close(self->sql);
    akma_ks_seal_free(self->reader_seal);
    g_free(self->path);
}

AkmaKsStore *
akma_ks_sqlite_open(const AkmaKsPlace *place, GError **error)
{
    static const AkmaKsBackend backend = {
        .run = backend_run,
        .attach = backend_attach,
        .submit = backend_submit,
        .visit = backend_visit,
        .close = backend_close,
    };
    g_autoptr(AkmaKsStore) base = (AkmaKsStore *)g_new0(Store, 1);
    Store *self = (Store *)base;

    base->backend = &backend;
    self->path = g_strdup(place->path);
    base->seal = akma_ks_seal_new(place->store_key, place->old_store_key, error);
    self->reader_seal =
        base->seal ? akma_ks_seal_new(place->store_key, place->old_store_key, error) : NULL;
    if (!self->reader_seal)
        return NULL;
    if (!g_file_test(self->path, G_FILE_TEST_EXISTS)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "there is no store %s: make one with akma-keyserver init",
                    self->path);
        return NULL;
    }
    self->sql = open_sql(self, error);

    return self->sql ? g_steal_pointer(&base) : NULL;
}
