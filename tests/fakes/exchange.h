/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * exchange: one exchange between both machines with the inputs of
 * tests/vectors/protocol-vectors.json, step by step.
 */
#pragma once

#include "session/server.h"
#include "session/terminal.h"

#include <jansson.h>

#define TEST_IV_LEN 12

typedef struct {
    json_t *vectors;
    const char *anchor; /* "akma" or "gba" */
    AkmaAfId af_id;
    AkmaSecret *first_key;
    AkmaServerSession *server;
    AkmaTerminalSession *terminal;
    GBytes *messages[5]; /* 1 to 4: what was sent */
    char *session;       /* base64url */
    char *path;
    AkmaRefusal refusal;
    GError *error;
    size_t heap_before; /* secure heap in use before both machines were made */
} TestExchange;

/* Group fixtures of cmocka: wiping allocators and the secure heap. */
int test_exchange_setup(void **state);

TestExchange *test_exchange_new(const char *anchor);
void test_exchange_free(TestExchange *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestExchange, test_exchange_free)

/* Goes on until message @last (1 to 4) was made; fails the test if a machine refuses. */
void test_exchange_run(TestExchange *self, unsigned last);

/* A string of the vectors of this anchor: "first_response.body". */
const char *test_exchange_vector(const TestExchange *self, const char *name);
void test_exchange_vector_hex(const TestExchange *self, const char *name, void *ret, size_t len);

/* The key set of the vectors. Returns: (transfer full). */
AkmaKeySet *test_exchange_answer(const TestExchange *self);

/* @text becomes the answer that the terminal gets. */
AkmaAnswer test_answer(unsigned status, const char *content_type, const char *text);

/* Fails the test unless message @index is the vector @name. */
void test_exchange_assert_message(const TestExchange *self, unsigned index, const char *name);

/* A JWE of this session with @plaintext. @server: under K_server. Free with g_free(). */
char *test_exchange_seal(const TestExchange *self,
                         bool server,
                         unsigned type,
                         const char *plaintext);

/* Fails the test unless the secure heap is as it was before both machines were made. */
void test_exchange_assert_wiped(TestExchange *self);
