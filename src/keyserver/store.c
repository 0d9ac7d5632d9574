/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store: which backend does it, and which action an operation is. */
#include "keyserver/store-private.h"

bool
akma_ks_create_filled(const AkmaKsPlace *place, AkmaKsVisit fill, void *data, GError **error)
{
    return place->kind == AKMA_KS_POSTGRESQL ? akma_ks_pg_create(place, fill, data, error)
                                             : akma_ks_sqlite_create(place, fill, data, error);
}

static bool
fill_with_meta(AkmaKsTransaction *transaction, void *data, GError **error)
{
    const AkmaIdentityKind *identity = data;

    return akma_ks_write_meta(transaction->sql, transaction->seal, *identity, NULL, error);
}

bool
akma_ks_create(const AkmaKsPlace *place, AkmaIdentityKind identity, GError **error)
{
    return akma_ks_create_filled(place, fill_with_meta, &identity, error);
}

AkmaKsStore *
akma_ks_open(const AkmaKsPlace *place, GError **error)
{
    return place->kind == AKMA_KS_POSTGRESQL ? akma_ks_pg_open(place, error)
                                             : akma_ks_sqlite_open(place, error);
}

void
akma_ks_close(AkmaKsStore *self)
{
    if (!self)
        return;

    self->backend->close(self);
    akma_ks_seal_free(self->seal);
    akma_secret_unref(self->id_key);
    g_free(self);
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

bool
akma_ks_run(AkmaKsStore *self, AkmaKsOp *op, GError **error)
{
    g_return_val_if_fail(!self->attached, false);

    return self->backend->run(self, op, error);
}

bool
akma_ks_attach(AkmaKsStore *self, uv_loop_t *loop, GError **error)
{
    g_return_val_if_fail(!self->attached, false);

    return self->backend->attach(self, loop, error);
}

bool
akma_ks_submit(AkmaKsStore *self, AkmaKsOp *op, AkmaKsDone done, void *user_data)
{
    g_return_val_if_fail(self->attached, false);

    return self->backend->submit(self, op, done, user_data);
}

AkmaKsOutcome
akma_ks_run_action(AkmaKsTransaction *transaction, AkmaKsOp *op, GError **error)
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
    case AKMA_KS_KEY_IMPORT:
        return akma_ks_run_import(transaction, op, error);
    case AKMA_KS_KEY_EXPORT:
        return akma_ks_run_export(transaction, op, error);
    case AKMA_KS_FOLLOW:
        return akma_ks_run_follow(transaction, op, error);
    case AKMA_KS_REKEY:
        return akma_ks_run_rekey(transaction, op, error);
    case AKMA_KS_COUNT:
        return akma_ks_run_count(transaction, op, error);
    }

    g_return_val_if_reached(AKMA_KS_FAILED);
}

bool
akma_ks_only_reads(AkmaKsAction action)
{
    return action == AKMA_KS_ENTITLED || action == AKMA_KS_APPLICATION_LIST ||
           action == AKMA_KS_TERMINAL_LIST || action == AKMA_KS_KEY_LIST ||
           action == AKMA_KS_KEY_EXPORT || action == AKMA_KS_COUNT;
}
