/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * subscribers: the text file of the lab: who has which key, which AF may ask for whose keys,
 * which OAuth2 clients there are. The UDM of the lab, without its own interface.
 */
#pragma once

#include "kdf/af-id.h"
#include "kdf/milenage.h"

G_BEGIN_DECLS

typedef enum {
    AKMA_GBA_NONE,
    AKMA_GBA_ME, /* Ks goes to the terminal */
    AKMA_GBA_U,  /* Ks stays in the card */
} AkmaGbaUse;

typedef struct {
    char *imsi; /* digits */
    char *supi; /* "imsi-" and the digits */
    char *gpsi; /* NULL: none */
    char mcc[4];
    char mnc[4]; /* 2 or 3 digits */
    char *routing_indicator;
    AkmaMilenage keys;
    uint8_t amf[2];
    uint64_t sqn; /* the last one used */
    bool akma;
    AkmaGbaUse gba;
    char *impi; /* private identity: user@domain */
    char *bsf;  /* name of the home BSF */
} AkmaSubscriber;

typedef struct _AkmaSubscribers AkmaSubscribers;

/* Returns: (transfer full). Errors: AKMA_ERROR_CONFIG_INVALID, without any key in the message. */
AkmaSubscribers *akma_subscribers_load(const char *file, GError **error);
void akma_subscribers_free(AkmaSubscribers *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSubscribers, akma_subscribers_free)

/* Borrowed; NULL: nobody. @supi is "imsi-<digits>". */
AkmaSubscriber *akma_subscribers_find(const AkmaSubscribers *self, const char *supi);
AkmaSubscriber *akma_subscribers_find_gpsi(const AkmaSubscribers *self, const char *gpsi);

AkmaSubscriber *akma_subscribers_find_impi(const AkmaSubscribers *self, const char *impi);

/* Where @self and @other have the same IMSI with the same keys, the higher SQN counts in @self. */
void akma_subscribers_take_sqn(AkmaSubscribers *self, const AkmaSubscribers *other);

/* Everyone, in no order; borrowed until the next change. Free the array: g_ptr_array_unref(). */
GPtrArray *akma_subscribers_list(const AkmaSubscribers *self);

/* May the AF of this name and protocol identifier ask? Without any [af] group: every AF. */
bool akma_subscribers_allow_af(const AkmaSubscribers *self, const AkmaAfId *af_id);

/* Without any [client] group every client with a secret is known. Constant time in @secret. */
bool akma_subscribers_know_client(const AkmaSubscribers *self, const char *id, const char *secret);

G_END_DECLS
