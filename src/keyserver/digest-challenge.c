/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/digest-challenge.h"

#include <string.h>

#include "base/text.h"

#define SEPARATORS " \t,;()"

static bool
is_product(const char *word, size_t len, const char *token)
{
    return len == strlen(token) && g_ascii_strncasecmp(word, token, len) == 0;
}

/*= TS 24.109 5.2: the product tokens of a client that can do GBA; 3gpp-akma: TS 33.535 B.1.2 */
unsigned
akma_digest_get_kinds(const char *user_agent)
{
    unsigned kinds = 0;

    while (user_agent && *user_agent) {
        size_t len = strcspn(user_agent, SEPARATORS);
        size_t name = strcspn(user_agent, SEPARATORS "/"); /* without its version */

        if (is_product(user_agent, name, "3gpp-akma"))
            kinds |= AKMA_DIGEST_KIND(AKMA_ANCHOR_KIND_AKMA);
        if (is_product(user_agent, name, "3gpp-gba"))
            kinds |= AKMA_DIGEST_KIND(AKMA_ANCHOR_KIND_GBA);
        user_agent += len + strspn(user_agent + len, SEPARATORS);
    }

    return kinds;
}

/*= TS 33.222 5.3: the realm is a constant, @ and the name; that of AKMA: TS 33.535 B.1.2 */
char *
akma_digest_dup_realm(AkmaAnchorKind kind, const char *fqdn)
{
    switch (kind) {
    case AKMA_ANCHOR_KIND_AKMA:
        return g_strconcat("3GPP-bootstrapping-akma@", fqdn, NULL);
    case AKMA_ANCHOR_KIND_GBA:
        return g_strconcat("3GPP-bootstrapping@", fqdn, NULL);
    }

    g_return_val_if_reached(NULL);
}

/*= RFC 7616 3.3: the WWW-Authenticate field; stale: the nonce was the only fault */
char *
akma_digest_dup_challenge(const char *realm, const char *nonce, bool stale)
{
    return g_strdup_printf(
        "Digest realm=\"%s\", nonce=\"%s\", algorithm=MD5, qop=\"auth,auth-int\"%s",
        realm,
        nonce,
        stale ? ", stale=true" : "");
}

const char *
akma_digest_nonces_add(AkmaDigestNonces *self,
                       const uint8_t random[static AKMA_DIGEST_NONCE_BYTES],
                       uint64_t now_ms)
{
    unsigned place = self->next;

    self->next = (place + 1) % AKMA_DIGEST_NONCES;
    self->until_ms[place] = now_ms + AKMA_DIGEST_NONCE_MS;
    akma_base64url_encode(random, AKMA_DIGEST_NONCE_BYTES, self->text[place]);

    return self->text[place];
}

bool
akma_digest_nonces_take(AkmaDigestNonces *self, const char *nonce, uint64_t now_ms)
{
    for (unsigned i = 0; i < AKMA_DIGEST_NONCES; i++) {
        if (!self->text[i][0] || strcmp(self->text[i], nonce) != 0)
            continue;

        self->text[i][0] = '\0';
        return now_ms < self->until_ms[i];
    }

    return false;
}
