/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";
static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
akma_hex_encode(const void *bytes, size_t len, char *ret)
{
    const uint8_t *in = bytes;

    for (size_t i = 0; i < len; i++) {
        *ret++ = hex_digits[in[i] >> 4];
        *ret++ = hex_digits[in[i] & 15];
    }
    *ret = '\0';
}

bool
akma_hex_decode(const char *text, size_t text_len, void *ret, size_t len)
{
    uint8_t *out = ret;

    if (text_len != AKMA_HEX_LEN(len))
        return false;

    for (size_t i = 0; i < text_len; i++) {
        if (!g_ascii_isxdigit(text[i]))
            return false;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                           g_ascii_xdigit_value(text[2 * i + 1]));

    return true;
}

static void
encode64(const char *alphabet, bool padding, const uint8_t *in, size_t len, char *ret)
{
    while (len > 0) {
        size_t n = MIN(len, 3);
        uint32_t group = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) |
                         (n > 2 ? (uint32_t)in[2] : 0);

        for (size_t i = 0; i <= n; i++)
            *ret++ = alphabet[group >> (18 - 6 * i) & 63];
        for (size_t i = n; padding && i < 3; i++)
            *ret++ = '=';
        in += n;
        len -= n;
    }
    *ret = '\0';
}

static int
value64(const char *alphabet, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == alphabet[62])
        return 62;
    if (c == alphabet[63])
        return 63;

    return -1;
}

/* @text without padding */
static bool
decode64(const char *alphabet,
         const char *text,
         size_t text_len,
         uint8_t *ret,
         size_t size,
         size_t *ret_len)
{
    size_t len = text_len / 4 * 3 + (text_len % 4 > 1 ? text_len % 4 - 1 : 0);
    uint32_t group = 0;
    unsigned bits = 0;
    size_t n = 0;

    if (text_len % 4 == 1 || len > size)
        return false;

    for (size_t i = 0; i < text_len; i++) {
        int value = value64(alphabet, text[i]);

        if (value < 0)
            return false;
        group = (group << 6 | (uint32_t)value) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret[n++] = (uint8_t)(group >> bits);
        }
    }
    if ((group & ((1u << bits) - 1)) != 0)
        return false;

    *ret_len = n;

    return true;
}

void
akma_base64url_encode(const void *bytes, size_t len, char *ret)
{
    encode64(url_alphabet, false, bytes, len, ret);
}

bool
akma_base64url_decode(const char *text, size_t text_len, void *ret, size_t size, size_t *ret_len)
{
    return decode64(url_alphabet, text, text_len, ret, size, ret_len);
}

void
akma_base64_encode(const void *bytes, size_t len, char *ret)
{
    encode64(std_alphabet, true, bytes, len, ret);
}

bool
akma_base64_decode(const char *text, size_t text_len, void *ret, size_t size, size_t *ret_len)
{
    if (text_len % 4 != 0)
        return false;
    for (int i = 0; i < 2 && text_len > 0 && text[text_len - 1] == '='; i++)
        text_len--;

    return decode64(std_alphabet, text, text_len, ret, size, ret_len);
}
