/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "proto/schedule.h"

#include <openssl/crypto.h>

#include "base/bytes.h"
#include "base/error.h"
#include "kdf/hkdf.h"
#include "kdf/sha256.h"

#define LABEL_SERVER "akma-key-delivery/1 server to terminal"
#define LABEL_TERM   "akma-key-delivery/1 terminal to server"
#define LABEL_LEN    (sizeof LABEL_SERVER - 1)

G_STATIC_ASSERT(sizeof LABEL_SERVER == sizeof LABEL_TERM);

bool
akma_schedule_digest_body(const void *body, size_t len, uint8_t ret[static AKMA_DIGEST_LEN])
{
    return akma_sha256(body, len, ret);
}

bool
akma_schedule_transcript(const AkmaScheduleInput *input, uint8_t ret[static AKMA_DIGEST_LEN])
{
    uint8_t buffer[AKMA_DIGEST_LEN + AKMA_SESSION_ID_LEN + AKMA_NONCE_LEN + sizeof(AkmaAfId)];
    AkmaWriter writer = akma_writer_init(buffer, sizeof buffer);

    akma_writer_put(&writer, input->body_digest, AKMA_DIGEST_LEN);
    akma_writer_put(&writer, input->session, AKMA_SESSION_ID_LEN);
    akma_writer_put(&writer, input->nonce_server, AKMA_NONCE_LEN);
    akma_writer_put(&writer, input->af_id->bytes, input->af_id->len);

    return !writer.bad && akma_sha256(buffer, writer.len, ret);
}

bool
akma_schedule_extract(const AkmaScheduleInput *input, AkmaKey256 *ret_prk, GError **error)
{
    uint8_t salt[2 * AKMA_NONCE_LEN];
    AkmaWriter writer = akma_writer_init(salt, sizeof salt);
    size_t key_len;
    const uint8_t *key = akma_secret_peek(input->first_key, &key_len);

    g_return_val_if_fail(key_len == AKMA_FIRST_KEY_LEN, false);

    akma_writer_put(&writer, input->nonce_terminal, AKMA_NONCE_LEN);
    akma_writer_put(&writer, input->nonce_server, AKMA_NONCE_LEN);

    return akma_hkdf_extract(salt, sizeof salt, key, key_len, ret_prk, error);
}

static bool
expand(const AkmaKey256 *prk,
       const char *label,
       const uint8_t transcript[static AKMA_DIGEST_LEN],
       AkmaKey256 *ret,
       GError **error)
{
    uint8_t info[LABEL_LEN + AKMA_DIGEST_LEN];
    AkmaWriter writer = akma_writer_init(info, sizeof info);

    akma_writer_put(&writer, label, LABEL_LEN);
    akma_writer_put(&writer, transcript, AKMA_DIGEST_LEN);

    return akma_hkdf_expand32(prk, info, sizeof info, ret, error);
}

AkmaSchedule *
akma_schedule_new(const AkmaScheduleInput *input, GError **error)
{
    g_auto(AkmaKey256) prk = {0};
    uint8_t transcript[AKMA_DIGEST_LEN];
    g_autoptr(AkmaSchedule) self = NULL;

    g_return_val_if_fail(CRYPTO_secure_malloc_initialized(), NULL);

    self = OPENSSL_secure_zalloc(sizeof *self);
    if (!self || !akma_schedule_transcript(input, transcript)) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no room left for keys");
        return NULL;
    }
    if (!akma_schedule_extract(input, &prk, error) ||
        !expand(&prk, LABEL_SERVER, transcript, &self->server, error) ||
        !expand(&prk, LABEL_TERM, transcript, &self->term, error))
        return NULL;

    return g_steal_pointer(&self);
}

void
akma_schedule_free(AkmaSchedule *self)
{
    if (self)
        OPENSSL_secure_clear_free(self, sizeof *self);
}
