/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * event: log lines that people search for. In the journal each carries MESSAGE_ID,
 * AKMA_APPLICATION and AKMA_KID; packaging/akmad.catalog says of each what to do next.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* One row each in event.c and in the catalog. An ID is never used for anything else. */
typedef enum {
    AKMA_EVENT_KEY_GIVEN,
    AKMA_EVENT_KEY_REFUSED, /* not authorized */
    AKMA_EVENT_NO_KEY,      /* authorized, but there is none */
    AKMA_EVENT_TOO_MANY_CALLS,
    AKMA_EVENT_CALLER_UNKNOWN, /* the bus does not say who called */
    AKMA_EVENT_MANAGEMENT_ALLOWED,
    AKMA_EVENT_MANAGEMENT_REFUSED,
    AKMA_EVENT_KEY_NEW,
    AKMA_EVENT_KEY_REVOKED,
    AKMA_EVENT_KEY_WIPED, /* another SIM, or not configured any more */
    AKMA_EVENT_RENEWAL_FAILED,
    AKMA_EVENT_EXCHANGE_FAILED, /* no key of a server, for whatever asked it */
    AKMA_EVENT_CARD_MISSING,    /* nothing to ask a server with */
    AKMA_EVENT_CREDENTIAL_GIVEN,
    AKMA_EVENT_CREDENTIAL_REFUSED, /* it may not have one */
    AKMA_EVENT_CREDENTIAL_LOST,    /* it may, but gets none */
} AkmaEvent;

/*
 * One line. @application and @kid may be NULL: those fields are empty then. @domain: of whoever
 * logs; call the macro.
 */
void akma_event_log_in(const char *domain,
                       AkmaEvent event,
                       const char *application,
                       const char *kid,
                       const char *format,
                       ...) G_GNUC_PRINTF(5, 6);

/* One line about all @applications (char *, at least one): it has the field once for each. */
void akma_event_log_all_in(const char *domain,
                           AkmaEvent event,
                           const GPtrArray *applications,
                           const char *format,
                           ...) G_GNUC_PRINTF(4, 5);

#define akma_event_log(event, application, kid, ...)                                               \
    akma_event_log_in(G_LOG_DOMAIN, event, application, kid, __VA_ARGS__)
#define akma_event_log_all(event, applications, ...)                                               \
    akma_event_log_all_in(G_LOG_DOMAIN, event, applications, __VA_ARGS__)

G_END_DECLS
