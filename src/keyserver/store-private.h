/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store-private: what the backends share: an operation in its transaction, and what a store says
 * about itself.
 */
#pragma once

#include "keyserver/seal.h"
#include "keyserver/sql.h"
#include "keyserver/store.h"

G_BEGIN_DECLS

typedef struct {
    AkmaSql *sql;
    AkmaKsSeal *seal;
    bool writing; /* the transaction may write */
    bool alone;   /* and no other one meanwhile */
} AkmaKsTransaction;

/* Something that is done in one transaction, in place. */
typedef bool (*AkmaKsVisit)(AkmaKsTransaction *transaction, void *data, GError **error);

/* What a backend does; store.h says what each function promises. */
typedef struct {
    bool (*run)(AkmaKsStore *self, AkmaKsOp *op, GError **error);
    bool (*attach)(AkmaKsStore *self, uv_loop_t *loop, GError **error);
    bool (*submit)(AkmaKsStore *self, AkmaKsOp *op, AkmaKsDone done, void *user_data);
    /*
     * @visit reads the store as of one moment; nothing that it writes stays. @alone: nobody else
     * writes meanwhile, or it fails, as it does if another server has the store open.
     */
    bool (*visit)(AkmaKsStore *self, bool alone, AkmaKsVisit visit, void *data, GError **error);
    void (*close)(AkmaKsStore *self); /* all but what stands here */
} AkmaKsBackend;

/* The first member of every backend's store. */
struct _AkmaKsStore {
    const AkmaKsBackend *backend;
    bool attached;
    AkmaKsSeal *seal;
    AkmaIdentityKind identity;
    AkmaSecret *id_key; /* NULL: not read yet */
};

/* akma_ks_create() with all that @fill writes. */
bool akma_ks_create_filled(const AkmaKsPlace *place, AkmaKsVisit fill, void *data, GError **error);

/* @fill: what the new store holds from the first moment on; if it fails there is none. */
bool akma_ks_sqlite_create(const AkmaKsPlace *place, AkmaKsVisit fill, void *data, GError **error);
AkmaKsStore *akma_ks_sqlite_open(const AkmaKsPlace *place, GError **error);
bool akma_ks_pg_create(const AkmaKsPlace *place, AkmaKsVisit fill, void *data, GError **error);
AkmaKsStore *akma_ks_pg_open(const AkmaKsPlace *place, GError **error);

/* Into an empty store: the kind of identity, and @id_key or, if it is NULL, a new one. */
bool akma_ks_write_meta(AkmaSql *sql,
                        AkmaKsSeal *seal,
                        AkmaIdentityKind identity,
                        const AkmaSecret *id_key,
                        GError **error);

/*
 * What the database behind @sql says about itself goes into @self the first time; later it must
 * be the same. @where: for messages. @seal: of the thread that calls. Errors:
 * AKMA_ERROR_STORE_FAILED.
 */
/* Wraps the id key anew if the old store key wrapped it; @ret_changed. */
bool akma_ks_rewrap_meta(AkmaKsTransaction *self, bool *ret_changed, GError **error);

bool akma_ks_check_meta(AkmaKsStore *self,
                        AkmaKsSeal *seal,
                        GBytes *wrapped_id_key,
                        GBytes *identity,
                        const char *where,
                        GError **error);
bool akma_ks_read_meta(
    AkmaKsStore *self, AkmaSql *sql, AkmaKsSeal *seal, const char *where, GError **error);

/* What an action came to. */
typedef enum {
    AKMA_KS_FAILED, /* error set: roll back */
    AKMA_KS_DONE,
    AKMA_KS_MUST_WRITE, /* nothing done: again in one that may write, alone if @op says so */
} AkmaKsOutcome;

/* Runs what @op asks for, inside the transaction. */
AkmaKsOutcome akma_ks_run_action(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);

/* What @op will read for sure goes to @sql at once. */
void akma_ks_foresee(AkmaSql *sql, const AkmaKsOp *op);

/* How an operation was before an action began, for one that has to run again. */
typedef struct {
    guint n_rows;
    AkmaKsCursor after;
} AkmaKsMark;

void akma_ks_mark_init(AkmaKsMark *self, const AkmaKsOp *op);
void akma_ks_mark_clear(AkmaKsMark *self);
void akma_ks_op_rewind(AkmaKsOp *self, const AkmaKsMark *mark);

/* Which transaction @op begins with. DELIVER: one that reads; it may have to write. */
bool akma_ks_only_reads(AkmaKsAction action);

AkmaKsOutcome akma_ks_run_entitled(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_deliver(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_version_seen(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_application(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_terminal(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_keys(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_import(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_export(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_follow(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_rekey(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);
AkmaKsOutcome akma_ks_run_count(AkmaKsTransaction *self, AkmaKsOp *op, GError **error);

/* One version as it stands in the database. */
typedef struct {
    int64_t version;
    int64_t state; /* AkmaKeyState */
    int64_t created;
    int64_t not_after; /* 0: none */
    AkmaSecret *secret;
} AkmaKsVersion;

void akma_ks_version_clear(AkmaKsVersion *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaKsVersion, akma_ks_version_clear)

/* @ret_application NULL: there is none. */
bool akma_ks_get_application(AkmaKsTransaction *self,
                             const char *id,
                             AkmaKsApplication **ret_application,
                             GError **error);

/* Under which terminal the keys of @terminal for @application lie. */
const char *akma_ks_get_place(const AkmaKsApplication *application, const char *terminal);

char *akma_ks_dup_kid(const char *application, int64_t version);

/* The newest version and the one before; version 0: there is none. The secrets are opened. */
bool akma_ks_get_versions(AkmaKsTransaction *self,
                          const char *terminal,
                          const AkmaKsApplication *application,
                          AkmaKsVersion *ret_newest,
                          AkmaKsVersion *ret_before,
                          GError **error);

/*
 * The version after @newest (version 0: the first one). @newest, if it was current, becomes the
 * version before, for the grace time of @application, and is changed so; older ones go.
 * @ret_made: empty, or with the secret that it is to have.
 */
bool akma_ks_make_version(AkmaKsTransaction *self,
                          const char *terminal,
                          const AkmaKsApplication *application,
                          int64_t now,
                          AkmaKsVersion *newest,
                          AkmaKsVersion *ret_made,
                          GError **error);

/* @newest as it is told to others; @before is told with it while it is accepted. */
AkmaKey *akma_ks_to_key(const char *terminal,
                        const AkmaKsApplication *application,
                        const AkmaKsVersion *newest,
                        const AkmaKsVersion *before,
                        int64_t now);

/* A row of AKMA_KS_KEY_*. Returns: (transfer none): it is in @op. */
AkmaKsKey *akma_ks_add_key_row(AkmaKsOp *op,
                               const char *place,
                               const char *application,
                               const AkmaKsVersion *version);

/* A list goes on behind this one. */
void akma_ks_move_cursor(AkmaKsOp *op,
                         const char *terminal,
                         const char *application,
                         int64_t version);

G_END_DECLS
