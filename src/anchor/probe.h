/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * probe: what a modem and the card in it can do for an anchor, fit for a bug report: no identity
 * and no key, nor anything derived from one.
 */
#pragma once

#include "modem/modem.h"

G_BEGIN_DECLS

/* EF_5GAUTHKEYS (TS 31.102 4.4.11.6), as a host may see it. */
typedef enum {
    AKMA_KEY_FILE_UNKNOWN,    /* it did not come so far */
    AKMA_KEY_FILE_ABSENT,     /* service 123 missing, or no such file */
    AKMA_KEY_FILE_UNREADABLE, /* the card or the modem keeps it from the host */
    AKMA_KEY_FILE_EMPTY,      /* not registered on 5G yet, or the modem writes it later */
    AKMA_KEY_FILE_READABLE,   /* it holds K_AUSF; whether the operator's is told by an exchange */
    AKMA_KEY_FILE_FRESH,      /* the operator knew the A-KID made of it */
    AKMA_KEY_FILE_STALE,      /* the operator did not know it */
} AkmaKeyFile;

/* "unknown", "absent", ... as above; borrowed for ever. */
const char *akma_key_file_get_name(AkmaKeyFile file);

typedef struct {
    bool has_channel; /* a logical channel with the USIM was opened */
    bool has_apdu;    /* and the card answered a command on it */
    bool has_services;
    bool service_68;  /* GBA */
    bool service_123; /* 5G security parameters: EF_5GAUTHKEYS */
    bool service_124; /* routing indicator */
    AkmaKeyFile key_file;
    GError *error; /* why it did not come further; NULL: it did */
} AkmaProbe;

void akma_probe_free(AkmaProbe *self); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaProbe, akma_probe_free)

/* Looks now, at the card itself. A card that can do nothing is a result, not an error. */
void akma_probe_async(AkmaModem *modem,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data);
AkmaProbe *akma_probe_finish(GAsyncResult *res, GError **error); /* (transfer full) */

G_END_DECLS
