/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store: the SQLite backend: open, run an operation as one transaction, and the one thread
 * beside a worker's loop that does so.
 *
 * A transaction that only reads waits for nobody in WAL mode, so the loop runs it itself, on a
 * connection of its own that gives up rather than wait; two changes of thread would cost more than
 * the rest of it. Whatever writes, would wait or fails goes to the thread.
 */
#include "keyserver/store.h"

#include <openssl/rand.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "keyserver/schema.h"
#include "keyserver/store-private.h"

#define ID_KEY_LEN   32
#define ID_KEY_PLACE "akmad/1 id key"
#define WAITING_MAX  1024 /* operations that wait; with more the store does not answer */

typedef struct {
    AkmaKsOp *op;
    AkmaKsDone done;
    void *user_data;
    GError *error;
} Job;

struct _AkmaKsStore {
    char *path;
    AkmaSql *sql; /* NULL: to be opened again */
    AkmaKsSeal *seal;
    AkmaKsSeal *reader_seal; /* the loop's */
    AkmaIdentityKind identity;
    AkmaSecret *id_key;
    bool attached;
    uv_thread_t thread;
    uv_mutex_t mutex; /* over the rest */
    uv_cond_t wake;
    uv_async_t *ended; /* the loop's; freed when it is closed */
    AkmaSql *reader;   /* the loop's; NULL: the thread has not opened one yet, or it is stale */
    GQueue todo;       /* Job */
    GQueue finished;   /* Job */
    bool quit;
};

static bool
store_id_key(AkmaSql *sql, AkmaKsSeal *seal, AkmaIdentityKind identity, GError **error)
{
    g_autoptr(GBytes) kind = g_bytes_new(identity == AKMA_IDENTITY_SUPI ? "supi" : "gpsi", 4);
    g_autoptr(AkmaSecret) id_key = NULL;
    g_autoptr(GBytes) wrapped = NULL;
    uint8_t *bytes;

    id_key = akma_secret_new_blank(ID_KEY_LEN, &bytes, error);
    if (!id_key)
        return false;
    if (RAND_priv_bytes(bytes, ID_KEY_LEN) != 1) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no random numbers");
        return false;
    }
    wrapped = akma_ks_seal_close(seal, id_key, ID_KEY_PLACE, strlen(ID_KEY_PLACE), error);

    return wrapped && akma_sql_exec(sql, AKMA_SQL_META_SET, error, "tb", "id_key", wrapped) &&
           akma_sql_exec(sql, AKMA_SQL_META_SET, error, "tb", "identity", kind);
}

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
akma_ks_create(const char *path,
               const AkmaSecret *store_key,
               AkmaIdentityKind identity,
               GError **error)
{
    g_autoptr(AkmaKsSeal) seal = akma_ks_seal_new(store_key, error);
    bool there = g_file_test(path, G_FILE_TEST_EXISTS);
    g_autoptr(AkmaSql) sql = seal ? akma_sql_open(path, true, error) : NULL;

    if (sql && akma_schema_migrate(sql, true, error) &&
        akma_sql_exec(sql, AKMA_SQL_BEGIN_WRITE, error, "") &&
        store_id_key(sql, seal, identity, error) && akma_sql_exec(sql, AKMA_SQL_COMMIT, error, ""))
        return true;

    /* half a store would be in the way of the next try */
    g_clear_pointer(&sql, akma_sql_close);
    if (!there)
        remove_files(path);

    return false;
}

static GBytes *
get_meta(AkmaSql *sql, const char *name, GError **error)
{
    sqlite3_stmt *row = akma_sql_bind(sql, AKMA_SQL_META_GET, error, "t", name);
    int more = row ? akma_sql_step(sql, row, error) : -1;
    GBytes *value = NULL;

    if (more == 1)
        value = g_bytes_new(sqlite3_column_blob(row, 0), (gsize)sqlite3_column_bytes(row, 0));
    else if (more == 0)
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "store: no %s in it", name);
    if (row)
        sqlite3_reset(row);

    return value;
}

/* Opens the file; what it says about itself must be what it said the first time. */
static AkmaSql *
open_sql(AkmaKsStore *self, GError **error)
{
    g_autoptr(AkmaSql) sql = akma_sql_open(self->path, false, error);
    g_autoptr(AkmaSecret) id_key = NULL;
    g_autoptr(GBytes) wrapped = NULL;
    g_autoptr(GBytes) kind = NULL;
    gsize len;
    const void *bytes;

    if (!sql || !akma_schema_migrate(sql, false, error) ||
        !(wrapped = get_meta(sql, "id_key", error)) || !(kind = get_meta(sql, "identity", error)))
        return NULL;

    bytes = g_bytes_get_data(wrapped, &len);
    id_key = akma_ks_seal_open(self->seal, bytes, len, ID_KEY_PLACE, strlen(ID_KEY_PLACE), NULL);
    if (!id_key || akma_secret_get_length(id_key) != ID_KEY_LEN) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "%s: the store key does not fit this store",
                    self->path);
        return NULL;
    }
    if (self->id_key && !akma_secret_equal(self->id_key, id_key)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "%s: another store has taken its place",
                    self->path);
        return NULL;
    }

    /* once, before there is a thread: others read both without a lock */
    if (!self->id_key) {
        bytes = g_bytes_get_data(kind, &len);
        self->identity =
            len == 4 && strncmp(bytes, "gpsi", 4) == 0 ? AKMA_IDENTITY_GPSI : AKMA_IDENTITY_SUPI;
        self->id_key = g_steal_pointer(&id_key);
    }

    return g_steal_pointer(&sql);
}

AkmaKsStore *
akma_ks_open(const char *path, const AkmaSecret *store_key, GError **error)
{
    g_autoptr(AkmaKsStore) self = g_new0(AkmaKsStore, 1);

    self->path = g_strdup(path);
    self->seal = akma_ks_seal_new(store_key, error);
    self->reader_seal = self->seal ? akma_ks_seal_new(store_key, error) : NULL;
    if (!self->reader_seal)
        return NULL;
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "there is no store %s: make one with akma-keyserver init",
                    path);
        return NULL;
    }
    self->sql = open_sql(self, error);
    if (!self->sql)
        return NULL;

    return g_steal_pointer(&self);
}

AkmaIdentityKind
akma_ks_get_identity_kind(const AkmaKsStore *self)
{
    return self->identity;
}

const AkmaSecret *
akma_ks_get_id_key(const AkmaKsStore *self)
{
    return self->id_key;
}

static AkmaKsOutcome
dispatch(AkmaKsTransaction *transaction, AkmaKsOp *op, GError **error)
{
    switch (op->action) {
    case AKMA_KS_ENTITLED:
        return akma_ks_run_entitled(transaction, op, error);
    case AKMA_KS_DELIVER:
        return akma_ks_run_deliver(transaction, op, error);
    case AKMA_KS_VERSION_SEEN:
        return akma_ks_run_version_seen(transaction, op, error);
    case AKMA_KS_APPLICATION_ADD:
    case AKMA_KS_APPLICATION_LIST:
    case AKMA_KS_APPLICATION_REMOVE:
    case AKMA_KS_RULE:
        return akma_ks_run_application(transaction, op, error);
    case AKMA_KS_TERMINAL_LIST:
    case AKMA_KS_TERMINAL_LABEL:
    case AKMA_KS_TERMINAL_GROUP:
    case AKMA_KS_TERMINAL_REVOKE:
    case AKMA_KS_TERMINAL_FORGET:
        return akma_ks_run_terminal(transaction, op, error);
    case AKMA_KS_KEY_LIST:
    case AKMA_KS_KEY_ROTATE:
    case AKMA_KS_KEY_REVOKE:
        return akma_ks_run_keys(transaction, op, error);
    case AKMA_KS_COUNT:
        return akma_ks_run_count(transaction, op, error);
    }

    g_return_val_if_reached(AKMA_KS_FAILED);
}

static bool
only_reads(AkmaKsAction action)
{
    return action == AKMA_KS_ENTITLED || action == AKMA_KS_APPLICATION_LIST ||
           action == AKMA_KS_TERMINAL_LIST || action == AKMA_KS_KEY_LIST || action == AKMA_KS_COUNT;
}

static AkmaKsOutcome
run_once(AkmaSql *sql, AkmaKsSeal *seal, AkmaKsOp *op, bool writing, GError **error)
{
    AkmaKsTransaction transaction = {.sql = sql, .seal = seal, .writing = writing};
    AkmaKsOutcome outcome;

    if (!akma_sql_exec(sql, writing ? AKMA_SQL_BEGIN_WRITE : AKMA_SQL_BEGIN_READ, error, ""))
        return AKMA_KS_FAILED;

    outcome = dispatch(&transaction, op, error);
    if (outcome == AKMA_KS_DONE && !akma_sql_exec(sql, AKMA_SQL_COMMIT, error, ""))
        outcome = AKMA_KS_FAILED;
    if (outcome != AKMA_KS_DONE)
        akma_sql_exec(sql, AKMA_SQL_ROLLBACK, NULL, "");
    if (outcome == AKMA_KS_FAILED && op->action == AKMA_KS_DELIVER)
        g_clear_pointer(&op->set, akma_key_set_free);

    return outcome;
}

/*
 * A file that was moved away or replaced would swallow what is written to it: it is looked for
 * again at its path.
 */
static bool
ensure_open(AkmaKsStore *self, GError **error)
{
    if (self->sql && !akma_sql_is_in_place(self->sql))
        g_clear_pointer(&self->sql, akma_sql_close);
    if (!self->sql)
        self->sql = open_sql(self, error);

    return self->sql;
}

static bool
run(AkmaKsStore *self, AkmaKsOp *op, GError **error)
{
    bool writing = !only_reads(op->action) && op->action != AKMA_KS_DELIVER;
    AkmaKsOutcome outcome;

    if (!ensure_open(self, error))
        return false;

    outcome = run_once(self->sql, self->seal, op, writing, error);
    if (outcome == AKMA_KS_MUST_WRITE)
        outcome = run_once(self->sql, self->seal, op, true, error);

    return outcome == AKMA_KS_DONE;
}

bool
akma_ks_run(AkmaKsStore *self, AkmaKsOp *op, GError **error)
{
    g_return_val_if_fail(!self->attached, false);

    return run(self, op, error);
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
open_reader(AkmaKsStore *self)
{
    AkmaSql *reader = open_sql(self, NULL);

    if (reader)
        akma_sql_never_wait(reader);
    uv_mutex_lock(&self->mutex);
    self->reader = reader;
    uv_mutex_unlock(&self->mutex);
}

/* The loop: true if @op is done. Only the loop takes a reader away, so it may use it unlocked. */
static bool
read_at_once(AkmaKsStore *self, AkmaKsOp *op)
{
    AkmaSql *reader;

    if (op->action != AKMA_KS_DELIVER && !only_reads(op->action))
        return false;

    uv_mutex_lock(&self->mutex);
    if (self->reader && !akma_sql_is_in_place(self->reader))
        g_clear_pointer(&self->reader, akma_sql_close);
    reader = self->reader;
    uv_mutex_unlock(&self->mutex);

    return reader && run_once(reader, self->reader_seal, op, false, NULL) == AKMA_KS_DONE;
}

/* The thread: takes jobs until it is told to quit and none is left. */
static void
work(void *data)
{
    AkmaKsStore *self = data;
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
        run(self, job->op, &job->error);
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
pop_finished(AkmaKsStore *self)
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
    AkmaKsStore *self = ended->data;
    Job *job;

    while ((job = pop_finished(self))) {
        job->done(g_steal_pointer(&job->op), job->error, job->user_data);
        job_free(job);
    }
}

bool
akma_ks_attach(AkmaKsStore *self, uv_loop_t *loop, GError **error)
{
    g_return_val_if_fail(!self->attached, false);

    self->ended = g_new0(uv_async_t, 1);
    self->ended->data = self;
    if (uv_async_init(loop, self->ended, on_ended) != 0) {
        g_clear_pointer(&self->ended, g_free);
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot start the store");
        return false;
    }
    uv_mutex_init(&self->mutex);
    uv_cond_init(&self->wake);
    self->attached = uv_thread_create(&self->thread, work, self) == 0;
    if (!self->attached) {
        uv_close((uv_handle_t *)g_steal_pointer(&self->ended), (uv_close_cb)g_free);
        uv_mutex_destroy(&self->mutex);
        uv_cond_destroy(&self->wake);
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "cannot start the store");
    }

    return self->attached;
}

bool
akma_ks_submit(AkmaKsStore *self, AkmaKsOp *op, AkmaKsDone done, void *user_data)
{
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
detach(AkmaKsStore *self)
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

void
akma_ks_close(AkmaKsStore *self)
{
    if (!self)
        return;

    if (self->attached)
        detach(self);
    akma_sql_close(self->reader);
    akma_sql_close(self->sql);
    akma_ks_seal_free(self->reader_seal);
    akma_ks_seal_free(self->seal);
    akma_secret_unref(self->id_key);
    g_free(self->path);
    g_free(self);
}
