/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * store: applications, rights, terminals and keys of a key server.
 *
 * The contract of every backend. One AkmaKsOp is one transaction: it is there as a whole and
 * durable when it is done, or it left nothing. Others (workers, verbs, servers) use the same
 * database at the same time. A worker submits operations and gets their end on its loop; a verb,
 * which serves nobody, runs them in place.
 *
 * No SUPI, IMSI or GPSI comes in here: a terminal is its terminal id.
 */
#pragma once

#include <uv.h>

#include "base/secret.h"
#include "proto/key-set.h"

G_BEGIN_DECLS

#define AKMA_KS_FOLLOWER_S 30

/* In place of a terminal id: what all terminals share. No terminal has this id. */
#define AKMA_KS_SHARED "*"

#define AKMA_KS_IDS_MAX 64 /* applications that one terminal is told about */

typedef struct _AkmaKsStore AkmaKsStore;

typedef enum {
    AKMA_IDENTITY_SUPI,
    AKMA_IDENTITY_GPSI,
} AkmaIdentityKind;

typedef enum {
    AKMA_KEY_CURRENT,
    AKMA_KEY_PREVIOUS, /* accepted until its not_after */
    AKMA_KEY_REVOKED,
} AkmaKeyState;

typedef struct {
    char *pattern; /* a terminal id, a glob over it, or "group:NAME" */
    bool allow;    /* else deny */
} AkmaKsRule;

typedef struct {
    char *id;
    unsigned length;   /* of the keys made, bytes */
    char *alg;         /* NULL: not told */
    char *use;         /* NULL: not told */
    int64_t max_age_s; /* 0: keys do not expire */
    int64_t grace_s;   /* how long the version before is accepted */
    int64_t created;
    bool shared;       /* one key for all terminals, under AKMA_KS_SHARED; else one for each */
    char *provider;    /* who makes the keys; NULL: this server. Then the next two, too */
    char *upstream_id; /* how the provider calls the application */
    int64_t base;      /* version N of the provider is version @base + N here; set by ADD */
    GPtrArray *rules;  /* AkmaKsRule */
} AkmaKsApplication;

typedef struct {
    char *id;
    char *label; /* NULL: none */
    GStrv groups;
    bool revoked;
    int64_t created;
} AkmaKsTerminal;

typedef struct {
    char *application;
    char *terminal; /* NULL: all terminals share it */
    char *kid;
    AkmaKeyState state;
    unsigned length;
    char sha256[65];
    int64_t created;
    int64_t not_after; /* 0: none */
    AkmaKey *key;      /* EXPORT only: with its bytes */
} AkmaKsKey;

/* How many keys an application has, by AkmaKeyState. */
typedef struct {
    char *application;
    int64_t keys[3];
} AkmaKsKeyCount;

typedef struct {
    int64_t applications;
    int64_t terminals;
    int64_t revoked_terminals;
    int64_t keys[3]; /* by AkmaKeyState */
} AkmaKsCounts;

/* The terminal may have a key of @application, and a provider must be asked for it. */
typedef struct {
    char *application;
    char *provider;
    char *upstream_id;
    int64_t base;
    int64_t seen; /* the highest version that anybody got: before a higher one, VERSION_SEEN */
} AkmaKsUpstream;

typedef enum {
    /* hot: what terminals cause */
    /*
     * terminal, [hints] -> ids: what it may ask for, sorted, AKMA_KS_IDS_MAX; @upstream: of the
     * hints, those that a provider would have to be asked for
     */
    AKMA_KS_ENTITLED,
    /* terminal, ids, [granted] -> set: reads, makes or rotates each one; @upstream: the rest */
    AKMA_KS_DELIVER,
    AKMA_KS_VERSION_SEEN, /* application, version: never another key under this kid or a lower */
    /* applications. Errors: KEY_UNKNOWN (no such one), INVALID_ARGUMENT (ADD: is there already) */
    AKMA_KS_APPLICATION_ADD,    /* settings */
    AKMA_KS_APPLICATION_LIST,   /* [application] -> rows of AkmaKsApplication */
    AKMA_KS_APPLICATION_REMOVE, /* application: its rules and keys go too */
    AKMA_KS_RULE,               /* application, text = pattern, flag = allow or deny */
    /* terminals. Errors: KEY_UNKNOWN, unless @create */
    AKMA_KS_TERMINAL_LIST,   /* [terminal], after, limit -> rows of AkmaKsTerminal */
    AKMA_KS_TERMINAL_LABEL,  /* terminal, text */
    AKMA_KS_TERMINAL_GROUP,  /* terminal, text = group, flag = in or out */
    AKMA_KS_TERMINAL_REVOKE, /* terminal, flag = revoked or not */
    AKMA_KS_TERMINAL_FORGET, /* terminal: its groups and keys go too */
    /*
     * keys: [application], [terminal], [kid]; after, limit -> rows of AkmaKsKey, @more.
     * ROTATE and REVOKE take the current ones, ROTATE revoked ones as well.
     */
    AKMA_KS_KEY_LIST,
    AKMA_KS_KEY_ROTATE,
    AKMA_KS_KEY_REVOKE,
    /*
     * application, terminal, secret -> rows: the version that it became. Errors: KEY_UNKNOWN,
     * INVALID_ARGUMENT (a terminal, and the key is shared; or none, and it is not)
     */
    AKMA_KS_KEY_IMPORT,
    /* application, after -> rows with the keys that are accepted now, @more. KEY_UNKNOWN */
    AKMA_KS_KEY_EXPORT,
    /*
     * application, text = the follower's name, version = until when it has published all that was
     * made (Unix time), flag: it goes on. One that is not heard of for AKMA_KS_FOLLOWER_S is gone.
     */
    AKMA_KS_FOLLOW,
    /*
     * -> counts, and rows of AkmaKsKeyCount, of the same moment: looks at every terminal and key
     * once, so not on a loop
     */
    AKMA_KS_COUNT,
    AKMA_KS_REKEY, /* after -> version, @more: seals what the old store key sealed; a page */
} AkmaKsAction;

/* Where a list of keys goes on: behind this row. All NULL: at the start. */
typedef struct {
    char *terminal;
    char *application;
    int64_t version;
} AkmaKsCursor;

typedef struct {
    AkmaKsAction action;
    int64_t now; /* Unix time that everything is judged by */
    char *application;
    char *terminal;
    char *kid;
    char *text;
    GStrv ids; /* DELIVER: asked; ENTITLED: result */
    GStrv hints;
    /*
     * DELIVER to a terminal of a consumer: all that the consumer may ask for, each as if a rule
     * with a glob allowed it. NULL: the rules of the store alone count.
     */
    GStrv granted;
    int64_t version; /* REKEY: how many were sealed anew */
    AkmaSecret *secret;
    AkmaKsApplication *settings;
    bool flag;
    bool create;
    bool alone;         /* DELIVER, of the store's: nobody else may write meanwhile */
    AkmaKsCursor after; /* in: where to start; out: where it goes on */
    unsigned limit;     /* rows of a list, 0: a number that the store chooses */
    /* results */
    AkmaKeySet *set;
    GPtrArray *upstream; /* AkmaKsUpstream */
    GPtrArray *rows;
    bool more;
    AkmaKsCounts counts;
} AkmaKsOp;

AkmaKsOp *akma_ks_op_new(AkmaKsAction action);
void akma_ks_op_free(AkmaKsOp *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaKsOp, akma_ks_op_free)

AkmaKsApplication *akma_ks_application_new(const char *id);
/* "local", "shared" or "upstream" */
const char *akma_ks_application_get_source(const AkmaKsApplication *self);
void akma_ks_application_add_rule(AkmaKsApplication *self, const char *pattern, bool allow);
void akma_ks_application_free(AkmaKsApplication *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaKsApplication, akma_ks_application_free)

typedef enum {
    AKMA_KS_SQLITE,
    AKMA_KS_POSTGRESQL,
} AkmaKsKind;

/* Where a store is, and what opens it; all borrowed. */
typedef struct {
    AkmaKsKind kind;
    const char *path;           /* SQLite: the file */
    const char *conninfo;       /* PostgreSQL: as libpq takes it, without a password */
    const AkmaSecret *password; /* NULL: none */
    const AkmaSecret *store_key;
    const AkmaSecret *old_store_key; /* opens what it sealed; NULL: none */
    bool serves;                     /* for a server: nothing waits long; else for a verb */
} AkmaKsPlace;

/*
 * Makes a store at @place, where none is yet, with a new id key. Errors:
 * AKMA_ERROR_STORE_FAILED (there is one already, cannot write).
 */
bool akma_ks_create(const AkmaKsPlace *place, AkmaIdentityKind identity, GError **error);

/*
 * Opens, and brings an older schema up to date. Errors: AKMA_ERROR_STORE_FAILED (not there, not a
 * store, of a newer version, the store key does not fit).
 */
AkmaKsStore *akma_ks_open(const AkmaKsPlace *place, GError **error);
void akma_ks_close(AkmaKsStore *self); /* waits for what was submitted; calls nobody back */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaKsStore, akma_ks_close)

/* What was copied. */
typedef struct {
    int64_t applications;
    int64_t rules;
    int64_t terminals;
    int64_t memberships;
    int64_t keys;
    int64_t floors;
    int64_t followers;
} AkmaKsCopied;

/*
 * Makes a store at @place that holds what @self does, sealed anew under its key, and reads it
 * again before anybody can see it: as many rows, each key opens. There as a whole, or not at all.
 * @alone: nobody changes @self meanwhile; else as it was at one moment. Errors:
 * AKMA_ERROR_STORE_FAILED (there is one already, a server has @self open, a key does not open).
 */
bool akma_ks_copy(AkmaKsStore *self,
                  bool alone,
                  const AkmaKsPlace *place,
                  AkmaKsCopied *ret_copied,
                  GError **error);

AkmaIdentityKind akma_ks_get_identity_kind(const AkmaKsStore *self);
const AkmaSecret *akma_ks_get_id_key(const AkmaKsStore *self);

/* In place, blocking; not after akma_ks_attach(). Errors: those of the action, STORE_FAILED. */
bool akma_ks_run(AkmaKsStore *self, AkmaKsOp *op, GError **error);

/* @op is the callee's from here on. @error: NULL if it is done. */
typedef void (*AkmaKsDone)(AkmaKsOp *op, const GError *error, void *user_data);

/* From here on operations run beside @loop. Errors: AKMA_ERROR_INTERNAL. */
bool akma_ks_attach(AkmaKsStore *self, uv_loop_t *loop, GError **error);

/*
 * Takes @op. @done is called on the loop, never before this returns. False, and nothing is
 * called: too many wait already.
 */
bool akma_ks_submit(AkmaKsStore *self, AkmaKsOp *op, AkmaKsDone done, void *user_data);

G_END_DECLS
