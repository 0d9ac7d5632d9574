/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fuzz-lab: one request to the lab core and on Ub, without sockets. Input: a line "METHOD PATH", a
 * line for the Authorization header (may be empty), the rest is the body.
 */
#include <glib/gstdio.h>
#include <openssl/rand.h>
#include <string.h>

#include "lab/lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char subscribers[] = "[subscriber 001010123456789]\n"
                                  "k=465b5ce8b199b49faa5f0a2ee238a6bc\n"
                                  "opc=cd63cb71954a9f4e48a5994e37a02baf\n"
                                  "gpsi=msisdn-491700000001\n"
                                  "[af keys.example.com]\n";

static AkmaLab *
new_lab(bool oauth)
{
    g_autofree char *file = NULL;
    int fd = g_file_open_tmp("akmad-fuzz-XXXXXX", &file, NULL);
    AkmaLabOptions options = {
        .kaf_lifetime_s = 60, .gba_lifetime_s = 60, .a_kid_realm_prefix = "", .oauth = oauth};
    AkmaLab *lab;

    g_assert_true(fd >= 0 && g_close(fd, NULL));
    g_assert_true(g_file_set_contents(file, subscribers, -1, NULL));
    options.subscribers = file;
    lab = akma_lab_new(&options, NULL);
    g_assert_nonnull(lab);
    lab->options.subscribers = NULL; /* it is not read again */
    g_remove(file);

    return lab;
}

/* The text up to the next newline, which is skipped. */
static char *
take_line(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, '\n', *size);
    size_t len = end ? (size_t)(end - *data) : *size;
    char *line = g_strndup((const char *)*data, len);

    *data += end ? len + 1 : len;
    *size -= end ? len + 1 : len;

    return line;
}

static void
check(const AkmaLabAnswer *answer)
{
    g_assert_true(answer->status >= 200 && answer->status < 600);
    g_assert_true((!answer->body && !answer->text) == !answer->content_type);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static AkmaLab *labs[2];
    uint8_t seed[16];
    g_autofree char *first = take_line(&data, &size);
    g_autofree char *authorization = take_line(&data, &size);
    g_auto(GStrv) words = g_strsplit(first, " ", 2);
    bool form = strstr(first, "/oauth2/");
    AkmaH2Request request = {
        .method = words[0] ? words[0] : "",
        .path = words[0] && words[1] ? words[1] : "",
        .authority = "localhost",
        .content_type = form ? "application/x-www-form-urlencoded" : "application/json",
        .authorization = *authorization ? authorization : NULL,
        .body = data,
        .body_len = size,
    };

    if (!labs[0]) {
        /* made in the secure heap, its parts would look like leaks: LeakSanitizer cannot see there
         */
        RAND_bytes(seed, sizeof seed);
        akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL);
        labs[0] = new_lab(false);
        labs[1] = new_lab(true);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(labs); i++) {
        g_auto(AkmaLabAnswer) answer = {0};

        g_auto(AkmaLabAnswer) answer_of_ub = {0};

        akma_lab_handle(labs[i], &request, &answer);
        check(&answer);
        akma_lab_handle_ub(labs[i], &request, &answer_of_ub);
        check(&answer_of_ub);
    }

    return 0;
}
