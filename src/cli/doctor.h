/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * doctor: the way from the card to an application, looked at step by step. Each check is one
 * function with one row in doctor.c; it says what it found in an AkmaFinding and leaves in the
 * AkmaDoctor what later checks stand on. No check changes anything, and each wait ends.
 */
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "base/settings.h"
#include "cli/cli.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_VERDICT_UNSEEN, /* could not be looked at */
    AKMA_VERDICT_GOOD,
    AKMA_VERDICT_FAULT,
} AkmaVerdict;

typedef struct {
    AkmaVerdict verdict;
    AkmaError code; /* of a fault */
    char *message;
    char *next; /* of a fault; NULL: what the table of errors says */
} AkmaFinding;

void akma_finding_clear(AkmaFinding *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaFinding, akma_finding_clear)

/* Each replaces what the finding said before. @next: NULL, or better than the table's. */
void akma_finding_unseen(AkmaFinding *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
void akma_finding_good(AkmaFinding *self, const char *format, ...) G_GNUC_PRINTF(2, 3);
void akma_finding_fault(AkmaFinding *self,
                        AkmaError code,
                        const char *next,
                        const char *format,
                        ...) G_GNUC_PRINTF(4, 5);

/* What the reader can do about a fault; NULL for another finding. Borrowed. */
const char *akma_finding_get_next(const AkmaFinding *self);

/* Its message, without what the next step says. Free with g_free(). */
char *akma_finding_dup_message(const AkmaFinding *self);

/* A [server NAME] that an application names. */
typedef struct {
    char *name;
    char *host; /* of url=: whose certificate it must show */
    char *peer; /* who is connected to: of connect=, https-proxy= or url= */
    uint16_t port;
    char *ca_file;   /* NULL: the system's */
    char *interface; /* NULL: any */
    bool by_proxy;
    bool is_psk;       /* no certificate: the card's key proves the server */
    bool speaks_old;   /* profile=digest: HTTP/1.1, also over TLS 1.2 */
    GList *addresses;  /* of GInetAddress, after the check of names */
    GError *no_answer; /* after the check of TLS: nobody is there */
} AkmaDoctorServer;

/* One object of the agent. */
typedef struct {
    char *path;
    GVariant *properties; /* a{sv} */
} AkmaDoctorObject;

typedef struct {
    AkmaCli *cli;
    unsigned wait_s; /* that akmad, a name server or a server may take for one answer */

    AkmaSettings *settings; /* NULL: not read, and these two say why */
    GError *config_fault;
    char *config_unread;
    GPtrArray *servers; /* of AkmaDoctorServer */

    GError *bus_fault;   /* no bus */
    GError *bus_refusal; /* the bus does not let us call the agent */
    char *owner;         /* of org.akmad1; NULL: nobody */
    uid_t owner_uid;     /* (uid_t)-1: not known */
    GVariant *manager;   /* a{sv}; NULL: the agent did not answer */
    GPtrArray *modems;   /* of AkmaDoctorObject, as by their paths */
    GPtrArray *applications;
} AkmaDoctor;

/* One for each row of the table in doctor.c. */
typedef void AkmaDoctorCheck(AkmaDoctor *self, AkmaFinding *finding);
AkmaDoctorCheck akma_doctor_daemon;
AkmaDoctorCheck akma_doctor_bus;
AkmaDoctorCheck akma_doctor_modem;
AkmaDoctorCheck akma_doctor_sim;
AkmaDoctorCheck akma_doctor_anchor;
AkmaDoctorCheck akma_doctor_clock;
AkmaDoctorCheck akma_doctor_dns;
AkmaDoctorCheck akma_doctor_tls;
AkmaDoctorCheck akma_doctor_server;
AkmaDoctorCheck akma_doctor_entitlement;
AkmaDoctorCheck akma_doctor_authorization;
AkmaDoctorCheck akma_doctor_credentials;

/* Reads the configuration of the agent; what hinders it stays in @self. */
void akma_doctor_load_config(AkmaDoctor *self);
void akma_doctor_server_free(gpointer data);

/* The answer of a call on the bus; NULL with @error as GDBus gives it. (transfer full) */
GVariant *akma_doctor_call(AkmaDoctor *self,
                           const char *name,
                           const char *path,
                           const char *interface,
                           const char *method,
                           GVariant *arguments,
                           GError **error);
/* "" for what is not there or no text. Borrowed from @properties. */
const char *akma_doctor_get_text(GVariant *properties, const char *name);

/*
 * Which check the error belongs to: an error of the agent is told once, where it arose. Borrowed
 * for ever.
 */
const char *akma_doctor_check_of(AkmaError code);
/* A last error of the agent or of an application that belongs to @check becomes the finding. */
bool akma_doctor_take_last_error(AkmaDoctor *self, const char *check, AkmaFinding *finding);
/* Has this object an error, of whatever check? */
bool akma_doctor_has_last_error(const AkmaDoctorObject *object);

/* The check of the clock without the clock. @synchronised: 1, 0, or -1 for not known. */
void akma_doctor_judge_clock(gint64 now_s, gint64 built_s, int synchronised, AkmaFinding *finding);

/*
 * TLS over a connected socket as the agent does it. @message: what was agreed upon (transfer
 * full). Errors: AKMA_ERROR_SERVER_NOT_AUTHENTIC, _UNREACHABLE, _REFUSED, _CONFIG_INVALID.
 */
bool akma_doctor_shake_hands(const AkmaDoctorServer *server,
                             unsigned wait_s,
                             GSocket *socket,
                             char **message,
                             GError **error);

G_END_DECLS
