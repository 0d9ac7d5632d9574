/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-pg: the PostgreSQL backend: open, and run an operation in place.
 *
 * Several servers write to one database. What a transaction may write it first keeps from the
 * others by locks of the database that end with it: a delivery goes alone for its terminal, beside
 * those of other terminals; whatever else writes goes alone, and so does a delivery that makes a
 * key which all terminals share.
 */
#include "keyserver/store-pg.h"

#include "base/error.h"
#include "keyserver/pg-conninfo.h"

#define TRIES 5 /* of a transaction that others were in the way of */

bool
akma_ks_pg_begin(AkmaPg *pg, AkmaPgTransaction *transaction, const AkmaKsOp *op, bool writing)
{
    bool alone = writing && (op->action != AKMA_KS_DELIVER || op->alone);
    AkmaSqlValue lock = {.kind = 'i'};

    akma_pg_send(pg, writing ? AKMA_PG_BEGIN_WRITE : AKMA_PG_BEGIN_READ, NULL, 0, NULL);
    if (alone) {
        akma_pg_send(pg, AKMA_PG_LOCK_ALONE, NULL, 0, NULL);
    } else if (writing) {
        lock.number = (gint32)g_str_hash(op->terminal);
        akma_pg_send(pg, AKMA_PG_LOCK_SHARED, NULL, 0, NULL);
        akma_pg_send(pg, AKMA_PG_LOCK_TERMINAL, &lock, 1, NULL);
    }
    akma_ks_foresee(akma_pg_transaction_get_sql(transaction), op);
    akma_pg_transaction_send_reads(transaction);

    return alone;
}

bool
akma_ks_pg_check(AkmaPgStore *self, const AkmaPg *pg, GError **error)
{
    return akma_ks_check_meta(&self->base,
                              self->base.seal,
                              akma_pg_get_meta(pg, "id_key"),
                              akma_pg_get_meta(pg, "identity"),
                              self->where,
                              error);
}

static AkmaPg *
open_pg(AkmaPgStore *self, GError **error)
{
    const AkmaPgTarget target = {
        .conninfo = self->conninfo,
        .password = self->password,
        .role = self->serves ? AKMA_PG_SERVE : AKMA_PG_VERB,
    };
    g_autoptr(AkmaPg) pg = akma_pg_connect(&target, NULL, error);

    return pg && akma_ks_pg_check(self, pg, error) ? g_steal_pointer(&pg) : NULL;
}

/* The end of a transaction, whatever came of its action. */
static bool
finish(AkmaPgTransaction *transaction, AkmaPg *pg, bool commit, GError **error)
{
    if (commit)
        akma_pg_transaction_send_writes(transaction);
    akma_pg_send(pg, commit ? AKMA_PG_COMMIT : AKMA_PG_ROLL_BACK, NULL, 0, NULL);

    return akma_pg_transaction_wait(transaction, error);
}

/* @ret_again: others were in the way. */
static AkmaKsOutcome
run_once(AkmaPgStore *self, AkmaKsOp *op, bool writing, bool *ret_again, GError **error)
{
    g_autoptr(AkmaPgTransaction) transaction = akma_pg_transaction_new(self->pg, true);
    AkmaKsTransaction context = {
        akma_pg_transaction_get_sql(transaction), self->base.seal, writing, false};
    AkmaKsOutcome outcome = AKMA_KS_FAILED;

    context.alone = akma_ks_pg_begin(self->pg, transaction, op, writing);
    if (akma_pg_transaction_wait(transaction, error))
        outcome = akma_ks_run_action(&context, op, error);
    if (outcome == AKMA_KS_DONE && !finish(transaction, self->pg, true, error))
        outcome = AKMA_KS_FAILED;
    *ret_again = akma_pg_fault_is_passing(akma_pg_transaction_get_fault(transaction));
    /* a connection that cannot even do that is closed, before the rows that it still owes */
    if (outcome != AKMA_KS_DONE && !finish(transaction, self->pg, false, NULL))
        g_clear_pointer(&self->pg, akma_pg_close);

    return outcome;
}

static bool
backend_run(AkmaKsStore *base, AkmaKsOp *op, GError **error)
{
    AkmaPgStore *self = (AkmaPgStore *)base;
    bool writing = !akma_ks_only_reads(op->action) && op->action != AKMA_KS_DELIVER;
    g_autoptr(GError) local = NULL;
    AkmaKsOutcome outcome = AKMA_KS_FAILED;
    AkmaKsMark mark;
    bool again = true;

    akma_ks_mark_init(&mark, op);
    for (int i = 0; again && i < TRIES; i++) {
        g_clear_error(&local);
        if (!self->pg)
            self->pg = open_pg(self, &local);
        if (!self->pg)
            break;
        if (i > 0)
            akma_ks_op_rewind(op, &mark);
        outcome = run_once(self, op, writing, &again, &local);
        again = outcome == AKMA_KS_MUST_WRITE || (again && outcome == AKMA_KS_FAILED);
        writing = writing || outcome == AKMA_KS_MUST_WRITE;
    }
    akma_ks_mark_clear(&mark);
    if (outcome == AKMA_KS_DONE)
        return true;

    g_clear_pointer(&op->set, akma_key_set_free);
    g_propagate_error(error, g_steal_pointer(&local));

    return false;
}

static bool
check_alone(AkmaPgStore *self, int64_t n_servers, GError **error)
{
    if (n_servers == 0)
        return true;

    g_set_error(error,
                AKMA_ERROR,
                AKMA_ERROR_STORE_FAILED,
                "%s: a server has it open: stop all of them first",
                self->where);

    return false;
}

static bool
backend_visit(AkmaKsStore *base, bool alone, AkmaKsVisit visit, void *data, GError **error)
{
    AkmaPgStore *self = (AkmaPgStore *)base;
    g_autoptr(AkmaPgTransaction) transaction = NULL;
    AkmaKsTransaction context = {NULL, base->seal, alone, alone};
    int64_t n_servers = 0;
    bool ok;

    if (!self->pg)
        self->pg = open_pg(self, error);
    if (!self->pg)
        return false;

    transaction = akma_pg_transaction_new(self->pg, true);
    context.sql = akma_pg_transaction_get_sql(transaction);
    akma_pg_send(self->pg, alone ? AKMA_PG_BEGIN_WRITE : AKMA_PG_BEGIN_READ, NULL, 0, NULL);
    if (alone)
        akma_pg_send(self->pg, AKMA_PG_LOCK_ALONE, NULL, 0, NULL);
    ok = akma_pg_transaction_wait(transaction, error) &&
         (!alone || akma_pg_transaction_count_servers(transaction, &n_servers, error)) &&
         check_alone(self, n_servers, error) && visit(&context, data, error);
    akma_pg_transaction_rewind(transaction);
    if (!finish(transaction, self->pg, false, NULL))
        g_clear_pointer(&self->pg, akma_pg_close);

    return ok;
}

static void
backend_close(AkmaKsStore *base)
{
    AkmaPgStore *self = (AkmaPgStore *)base;

    if (base->attached)
        akma_ks_pg_detach(self);
    akma_pg_close(self->pg);
    akma_secret_unref(self->password);
    g_free(self->conninfo);
    g_free(self->where);
}

AkmaKsStore *
akma_ks_pg_open(const AkmaKsPlace *place, GError **error)
{
    static const AkmaKsBackend backend = {
        .run = backend_run,
        .attach = akma_ks_pg_attach,
        .submit = akma_ks_pg_submit,
        .visit = backend_visit,
        .close = backend_close,
    };
    g_autoptr(AkmaKsStore) base = (AkmaKsStore *)g_new0(AkmaPgStore, 1);
    AkmaPgStore *self = (AkmaPgStore *)base;

    base->backend = &backend;
    self->conninfo = g_strdup(place->conninfo);
    self->where = akma_pg_describe(place->conninfo);
    self->password = place->password ? akma_secret_ref((AkmaSecret *)place->password) : NULL;
    self->serves = place->serves;
    base->seal = akma_ks_seal_new(place->store_key, place->old_store_key, error);
    self->pg = base->seal ? open_pg(self, error) : NULL;

    return self->pg ? g_steal_pointer(&base) : NULL;
}

bool
akma_ks_pg_create(const AkmaKsPlace *place, AkmaKsVisit fill, void *data, GError **error)
{
    const AkmaPgTarget target = {
        .conninfo = place->conninfo,
        .password = place->password,
        .role = AKMA_PG_VERB,
        .create = true,
    };
    g_autoptr(AkmaKsSeal) seal = akma_ks_seal_new(place->store_key, place->old_store_key, error);
    g_autoptr(AkmaPg) pg = seal ? akma_pg_connect(&target, NULL, error) : NULL;
    g_autoptr(AkmaPgTransaction) transaction = NULL;
    AkmaKsTransaction context = {NULL, seal, true, true};

    if (!pg)
        return false;

    transaction = akma_pg_transaction_new(pg, true);
    context.sql = akma_pg_transaction_get_sql(transaction);
    if (fill(&context, data, error) && finish(transaction, pg, true, error))
        return true;
    /* closed first: the rows that it still owes have nowhere to go then */
    g_clear_pointer(&pg, akma_pg_close);

    return false;
}
