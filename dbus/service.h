/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * service: the objects of the bus. It shows what the agent tells it and asks the agent through
 * one table of functions; it holds no key and decides nothing but who may call.
 */
#pragma once

#include "dbus/auth.h"
#include "dbus/connection.h"
#include "store/store.h"

G_BEGIN_DECLS

/* Called when the exchange has ended; @error NULL: done. */
typedef void (*AkmaEnrolledFunc)(const GError *error, gpointer user_data);

/* What Probe of a modem tells, as org.akmad1.xml says it. No identity and no key. */
typedef struct {
    bool has_channel;
    bool has_apdu;
    bool has_services; /* the three below are known */
    bool service_68;
    bool service_123;
    bool service_124;
    const char *key_file;
    const GError *error; /* why it did not come further; NULL: it did */
} AkmaModemReport;

/* @report NULL: @error says why there is none. */
typedef void (*AkmaProbedFunc)(const AkmaModemReport *report,
                               const GError *error,
                               gpointer user_data);

typedef struct {
    /*
     * The key that @application may use now; @kid NULL: the current version. Never waits.
     * Borrowed until the main loop runs again. Errors: AKMA_ERROR_NOT_READY,
     * AKMA_ERROR_KEY_REVOKED, AKMA_ERROR_KEY_UNKNOWN.
     */
    const AkmaStoredKey *(*peek_key)(gpointer agent,
                                     const char *application,
                                     const char *kid,
                                     GError **error);
    /* Asks the server now; @done is called once, perhaps at once. */
    void (*enroll)(gpointer agent,
                   const char *application,
                   AkmaEnrolledFunc done,
                   gpointer user_data);
    void (*scan)(gpointer agent);
    /* Looks what modem @number and its card can do; @done is called once, perhaps at once. */
    void (*probe)(gpointer agent, unsigned number, AkmaProbedFunc done, gpointer user_data);
} AkmaServiceAgent;

typedef struct {
    const char *state;
    const char *kid; /* "" without a key */
    int64_t not_after;
    int64_t next_renewal;
    const GError *last_error; /* NULL: none */
} AkmaApplicationStatus;

typedef struct {
    const char *device;
    const char *protocol;
    const char *manufacturer;
    const char *model;
    const char *sim_state;
    const char *sim_id;
    const char *const *anchors;
    const char *registration;
} AkmaModemStatus;

typedef struct _AkmaService AkmaService;

/* Exports the manager. @bus and @agent outlive the service. Nobody sees it before the name is
 * owned. */
AkmaService *akma_service_new(AkmaBus *bus, const AkmaServiceAgent *functions, gpointer agent);
void akma_service_free(AkmaService *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaService, akma_service_free)

void akma_service_set_state(AkmaService *self, const char *state);
void akma_service_set_last_error(AkmaService *self, const GError *error); /* NULL: none */
void akma_service_set_sealing(AkmaService *self, const char *sealing);

/* @rule: copied; again with the same @id: the new rule holds from the next call on. */
void akma_service_set_application(AkmaService *self,
                                  const char *id,
                                  const char *server,
                                  const AkmaAuthRule *rule);
void akma_service_update_application(AkmaService *self,
                                     const char *id,
                                     const AkmaApplicationStatus *status);
void akma_service_remove_application(AkmaService *self, const char *id);
/* Signals; the properties of before are sent first. */
void akma_service_emit_key_changed(AkmaService *self, const char *id, const char *kid);
void akma_service_emit_key_revoked(AkmaService *self, const char *id, const char *kid);

/* Adds /org/akmad1/modem/@number or changes it. */
void akma_service_update_modem(AkmaService *self, unsigned number, const AkmaModemStatus *status);
void akma_service_remove_modem(AkmaService *self, unsigned number);

G_END_DECLS
