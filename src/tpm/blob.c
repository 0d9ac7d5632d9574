/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tpm/blob.h"

#include "base/error.h"

#define MAGIC     "AKMATPM"
#define MAGIC_LEN (sizeof MAGIC - 1)

static void
put(GByteArray *to, uint32_t value, unsigned n)
{
    while (n-- > 0) {
        const uint8_t byte = (uint8_t)(value >> (8 * n));

        g_byte_array_append(to, &byte, 1);
    }
}

static void
put_part(GByteArray *to, const uint8_t *bytes, size_t len)
{
    put(to, (uint32_t)len, 2);
    g_byte_array_append(to, bytes, (guint)len);
}

GByteArray *
akma_tpm_blob_write(const AkmaTpmBlob *self)
{
    GByteArray *file = g_byte_array_new();

    g_byte_array_append(file, (const guint8 *)MAGIC, MAGIC_LEN);
    put(file, AKMA_TPM_BLOB_VERSION, 1);
    put(file, self->pcrs, 4);
    put_part(file, self->public_part, self->public_len);
    put_part(file, self->private_part, self->private_len);

    return file;
}

typedef struct {
    const uint8_t *bytes;
    size_t left;
} Reader;

static bool
take(Reader *from, size_t n, const uint8_t **ret)
{
    if (from->left < n)
        return false;

    *ret = from->bytes;
    from->bytes += n;
    from->left -= n;

    return true;
}

static bool
take_number(Reader *from, unsigned n, uint32_t *ret)
{
    const uint8_t *bytes;

    if (!take(from, n, &bytes))
        return false;

    *ret = 0;
    for (unsigned i = 0; i < n; i++)
        *ret = *ret << 8 | bytes[i];

    return true;
}

static bool
take_part(Reader *from, const uint8_t **ret, size_t *ret_len)
{
    uint32_t len;

    if (!take_number(from, 2, &len) || len == 0 || len > AKMA_TPM_BLOB_PART_MAX)
        return false;

    *ret_len = len;

    return take(from, len, ret);
}

static bool
read_all(Reader *from, AkmaTpmBlob *ret)
{
    const uint8_t *magic;
    uint32_t version;

    if (!take(from, MAGIC_LEN, &magic))
        return false;
    for (size_t i = 0; i < MAGIC_LEN; i++) {
        if (magic[i] != (uint8_t)MAGIC[i])
            return false;
    }

    return take_number(from, 1, &version) && version == AKMA_TPM_BLOB_VERSION &&
           take_number(from, 4, &ret->pcrs) && ret->pcrs >> (AKMA_TPM_PCR_MAX + 1) == 0 &&
           take_part(from, &ret->public_part, &ret->public_len) &&
           take_part(from, &ret->private_part, &ret->private_len) && from->left == 0;
}

bool
akma_tpm_blob_read(const uint8_t *bytes, size_t len, AkmaTpmBlob *ret, GError **error)
{
    AkmaTpmBlob blob = {0};
    Reader reader = {bytes, len};

    if (!read_all(&reader, &blob)) {
        g_set_error_literal(error,
                            AKMA_ERROR,
                            AKMA_ERROR_STORE_FAILED,
                            "not a key sealed by a TPM: torn or tampered");
        return false;
    }
    *ret = blob;

    return true;
}

bool
akma_tpm_parse_pcrs(const char *text, uint32_t *ret_pcrs)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    uint32_t pcrs = 0;

    for (char **word = words; *word; word++) {
        guint64 number;

        if (!g_ascii_string_to_unsigned(*word, 10, 0, AKMA_TPM_PCR_MAX, &number, NULL))
            return false;
        pcrs |= UINT32_C(1) << number;
    }
    *ret_pcrs = pcrs;

    return true;
}
