/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store/plain.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/error.h"

#define FLAG_CURRENT  0x01
#define FLAG_PREVIOUS 0x02
#define FLAG_REVOKED  0x04
#define FLAGS_KNOWN   (FLAG_CURRENT | FLAG_PREVIOUS | FLAG_REVOKED)

#define KEY_FIXED_LEN (5 * 2 + 8 + 8 + 4) /* a key without its texts and bytes */

bool
akma_plain_init(AkmaPlain *ret, size_t len, GError **error)
{
    ret->bytes = OPENSSL_secure_zalloc(len);
    ret->len = len;
    ret->version = AKMA_PLAIN_VERSION;
    if (!ret->bytes) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "no room left for keys");
        return false;
    }

    return true;
}

void
akma_plain_clear(AkmaPlain *self)
{
    if (self->bytes)
        OPENSSL_secure_clear_free(self->bytes, self->len);
    self->bytes = NULL;
}

static size_t
text_len(const char *text)
{
    return text ? strlen(text) : 0;
}

static size_t
key_size(const AkmaStoredKey *key)
{
    if (!key)
        return 0;

    return KEY_FIXED_LEN + text_len(key->kid) + text_len(key->kty) + text_len(key->alg) +
           text_len(key->use) + text_len(key->identity) + akma_secret_get_length(key->secret);
}

static size_t
size_of(const GPtrArray *times, const GPtrArray *entries)
{
    size_t size = 2 + 2;

    for (guint i = 0; i < times->len; i++) {
        const AkmaStoreTime *time = times->pdata[i];

        size += 2 + text_len(time->server) + 8;
    }
    for (guint i = 0; i < entries->len; i++) {
        const AkmaStoreEntry *entry = entries->pdata[i];

        size += 2 + text_len(entry->server) + 2 + text_len(entry->application) + 1;
        size += key_size(entry->current);
        size += entry->previous ? 8 + key_size(entry->previous) : 0;
    }

    return size;
}

static void
put_u32(AkmaWriter *to, uint32_t value)
{
    akma_writer_u16(to, (uint16_t)(value >> 16));
    akma_writer_u16(to, (uint16_t)value);
}

static void
put_i64(AkmaWriter *to, int64_t value)
{
    put_u32(to, (uint32_t)((uint64_t)value >> 32));
    put_u32(to, (uint32_t)value);
}

static void
put_text(AkmaWriter *to, const char *text)
{
    size_t len = text_len(text);

    if (len > UINT16_MAX) {
        to->bad = true;
        return;
    }
    akma_writer_u16(to, (uint16_t)len);
    akma_writer_put(to, text ? text : "", len);
}

static void
put_key(AkmaWriter *to, const AkmaStoredKey *key)
{
    size_t len;
    const uint8_t *bytes = akma_secret_peek(key->secret, &len);

    put_text(to, key->kid);
    put_text(to, key->kty);
    put_text(to, key->alg);
    put_text(to, key->use);
    put_text(to, key->identity);
    put_i64(to, key->iat);
    put_i64(to, key->exp);
    put_u32(to, (uint32_t)len);
    akma_writer_put(to, bytes, len);
}

static void
put_entry(AkmaWriter *to, const AkmaStoreEntry *entry)
{
    unsigned flags = (entry->current ? FLAG_CURRENT : 0) | (entry->previous ? FLAG_PREVIOUS : 0) |
                     (entry->revoked ? FLAG_REVOKED : 0);

    put_text(to, entry->server);
    put_text(to, entry->application);
    akma_writer_u8(to, (uint8_t)flags);
    if (entry->current)
        put_key(to, entry->current);
    if (entry->previous) {
        put_i64(to, entry->previous_until);
        put_key(to, entry->previous);
    }
}

static void
put_server_time(AkmaWriter *to, const AkmaStoreTime *time)
{
    put_text(to, time->server);
    put_i64(to, time->now);
}

bool
akma_plain_write(AkmaPlain *ret, const GPtrArray *times, const GPtrArray *entries, GError **error)
{
    g_auto(AkmaPlain) plain = {0};
    AkmaWriter to;

    if (!akma_plain_init(&plain, size_of(times, entries), error))
        return false;

    to = akma_writer_init(plain.bytes, plain.len);
    to.bad = times->len > UINT16_MAX || entries->len > UINT16_MAX;
    akma_writer_u16(&to, (uint16_t)times->len);
    for (guint i = 0; i < times->len; i++)
        put_server_time(&to, times->pdata[i]);
    akma_writer_u16(&to, (uint16_t)entries->len);
    for (guint i = 0; i < entries->len; i++)
        put_entry(&to, entries->pdata[i]);

    if (to.bad || to.len != plain.len) {
        g_set_error_literal(
            error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "too many or too long keys");
        return false;
    }
    *ret = plain;
    plain.bytes = NULL;

    return true;
}

static uint32_t
take_u32(AkmaReader *from)
{
    uint32_t high = akma_reader_u16(from);

    return high << 16 | akma_reader_u16(from);
}

/* Times are never negative. */
static int64_t
take_time(AkmaReader *from)
{
    uint64_t high = take_u32(from);
    uint64_t value = high << 32 | take_u32(from);

    if (value > INT64_MAX) {
        from->bad = true;
        return 0;
    }

    return (int64_t)value;
}

/* NULL: not given, or the reader is bad now. */
static char *
take_text(AkmaReader *from, bool required)
{
    size_t len = akma_reader_u16(from);
    const char *text = (const char *)akma_reader_take(from, len);

    if (!text || (len == 0 && required) || memchr(text, '\0', len) ||
        !g_utf8_validate(text, (gssize)len, NULL)) {
        from->bad = true;
        return NULL;
    }

    return len > 0 ? g_strndup(text, len) : NULL;
}

static AkmaStoredKey *
take_key(AkmaReader *from, GError **error)
{
    g_autoptr(AkmaStoredKey) key = akma_stored_key_new();
    const uint8_t *bytes;
    size_t len;

    key->kid = take_text(from, true);
    key->kty = take_text(from, true);
    key->alg = take_text(from, false);
    key->use = take_text(from, false);
    key->identity = take_text(from, false);
    key->iat = take_time(from);
    key->exp = take_time(from);
    len = take_u32(from);
    bytes = akma_reader_take(from, len);
    if (from->bad || !bytes || len == 0 || len > AKMA_SECRET_LEN_MAX) {
        from->bad = true;
        return NULL;
    }
    key->secret = akma_secret_new(bytes, len, error);

    return key->secret ? g_steal_pointer(&key) : NULL;
}

static AkmaStoreEntry *
take_entry(AkmaReader *from, GError **error)
{
    g_autofree char *server = take_text(from, true);
    g_autofree char *application = take_text(from, true);
    g_autoptr(AkmaStoreEntry) entry = NULL;
    uint8_t flags = akma_reader_u8(from);

    if (from->bad || flags & ~FLAGS_KNOWN || (flags & FLAG_REVOKED && flags != FLAG_REVOKED) ||
        (flags & FLAG_PREVIOUS && !(flags & FLAG_CURRENT))) {
        from->bad = true;
        return NULL;
    }

    entry = akma_store_entry_new(server, application);
    entry->revoked = flags & FLAG_REVOKED;
    if (flags & FLAG_CURRENT && !(entry->current = take_key(from, error)))
        return NULL;
    if (flags & FLAG_PREVIOUS) {
        entry->previous_until = take_time(from);
        if (!(entry->previous = take_key(from, error)))
            return NULL;
    }

    return g_steal_pointer(&entry);
}

static bool
reject(GError **error)
{
    /* a full secure heap has its own message */
    if (!error || !*error)
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "not a file of keys");

    return false;
}

static void
take_server_times(AkmaReader *from, GPtrArray *times)
{
    unsigned count = akma_reader_u16(from);

    for (unsigned i = 0; i < count && !from->bad; i++) {
        g_autofree char *server = take_text(from, true);
        int64_t now = take_time(from);

        if (from->bad || akma_store_times_find(times, server)) {
            from->bad = true;
            return;
        }
        akma_store_times_set(times, server, now);
    }
}

static void
take_entries(AkmaReader *from, GPtrArray *entries, GError **error)
{
    unsigned count = akma_reader_u16(from);

    for (unsigned i = 0; i < count && !from->bad; i++) {
        g_autoptr(AkmaStoreEntry) entry = take_entry(from, error);

        if (!entry || akma_store_entries_find(entries, entry->server, entry->application)) {
            from->bad = true;
            return;
        }
        g_ptr_array_add(entries, g_steal_pointer(&entry));
    }
}

/* Of whom that one time was, nobody knows; each server mends its own with its next answer. */
static void
give_to_all(const GPtrArray *entries, GPtrArray *times, int64_t last_time)
{
    for (guint i = 0; i < entries->len; i++) {
        const AkmaStoreEntry *entry = entries->pdata[i];

        akma_store_times_set(times, entry->server, last_time);
    }
}

GPtrArray *
akma_plain_read(const AkmaPlain *plain, GPtrArray **ret_times, GError **error)
{
    g_autoptr(GPtrArray) entries = akma_store_entries_new();
    g_autoptr(GPtrArray) times = akma_store_times_new();
    g_autoptr(GError) local = NULL;
    AkmaReader from = akma_reader_init(plain->bytes, plain->len);
    bool before = plain->version == AKMA_PLAIN_VERSION_BEFORE;
    int64_t last_time = before ? take_time(&from) : 0;

    if (!before)
        take_server_times(&from, times);
    take_entries(&from, entries, &local);
    if (!akma_reader_is_done(&from)) {
        reject(&local);
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
    if (before)
        give_to_all(entries, times, last_time);
    *ret_times = g_steal_pointer(&times);

    return g_steal_pointer(&entries);
}
