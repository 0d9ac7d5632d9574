/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* enrol-fixture: an enrolment with a card and a server made for tests; one for each program. */
#pragma once

#include "agent/enrol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "tests/fakes/fake-http-client.h"

#define K_AKMA "0123456789abcdef0123456789abcdef"
#define KID    "0.one@5gc.mnc001.mcc001.3gppnetwork.org"
#define KID2   "0.two@5gc.mnc001.mcc001.3gppnetwork.org"

#define KS_NAF "fedcba9876543210fedcba9876543210"
#define B_TID  "AAECAwQFBgcICQoLDA0ODw==@bsf.mnc001.mcc001.pub.3gppnetwork.org"
#define B_TID2 "EBESExQVFhcYGRobHB0eHw==@bsf.mnc001.mcc001.pub.3gppnetwork.org"

/* The servers of the configuration, by name: each asks for its anchor. */
enum { AKMA, AUTO, GBA };

/* The card: what each reading gives, the last one for ever. */
static struct {
    const char *kids[3];
    AkmaError error; /* instead of a kid; 0: none */
    unsigned reads;
    unsigned forgotten;
    unsigned gba_reads;
    unsigned gba_fresh; /* of these: asked for a new one */
    unsigned gba_short; /* of these: the first ones end after 20 ms */
    bool gba_is_new;    /* the first one is made for this enrolment */
    AkmaError gba_error;
    unsigned gba_retry_after_s; /* that come with it */
} card;

typedef struct {
    AkmaConfig *config;
    AkmaEnrolment *machine;
    GCancellable *cancellable;
    guint server;
    bool done;
    AkmaKeySet *keys;
    GError *error;
    size_t used; /* of the secure heap, before */
} Fixture;

/* As a bootstrapping would give it: the first one is there already, the others are new. */
static inline void
read_gba(GTask *task, const AkmaGbaConfig *config)
{
    g_autoptr(AkmaSecret) key = akma_secret_new(KS_NAF, 32, NULL);
    unsigned n = card.gba_reads++;
    bool is_new = n > 0 || card.gba_is_new;

    assert_string_equal(config->bsf, "http://bsf.example");
    assert_int_equal(config->kind, AKMA_GBA_ME);
    assert_true(config->now >= 1800000000);
    card.gba_fresh += config->fresh ? 1 : 0;
    if (card.gba_error)
        g_task_return_new_error(task, AKMA_ERROR, (int)card.gba_error, "BSF: as the test wants");
    else
        g_task_return_pointer(
            task,
            akma_anchor_new_gba(config->fresh || n > 0 ? B_TID2 : B_TID,
                                config->naf_id,
                                key,
                                n < card.gba_short ? config->now_ms + 20 : INT64_MAX,
                                is_new),
            (GDestroyNotify)akma_anchor_unref);
}

static inline void
read_card(AkmaModem *modem,
          const AkmaAnchorRequest *request,
          GCancellable *cancellable,
          GAsyncReadyCallback callback,
          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autoptr(AkmaSecret) key = akma_secret_new(K_AKMA, 32, NULL);
    unsigned n = MIN(card.reads, G_N_ELEMENTS(card.kids) - 1);

    (void)modem;
    if (request->gba) {
        read_gba(task, request->gba);
        return;
    }
    while (n > 0 && !card.kids[n])
        n--;
    card.reads++;
    if (card.error)
        g_task_return_new_error(task, AKMA_ERROR, (int)card.error, "as the test wants");
    else
        g_task_return_pointer(
            task, akma_anchor_new("akma", card.kids[n], key), (GDestroyNotify)akma_anchor_unref);
}

static inline AkmaAnchor *
read_card_finish(GAsyncResult *res, unsigned *ret_retry_after_s, GError **error)
{
    *ret_retry_after_s = card.gba_retry_after_s;

    return g_task_propagate_pointer(G_TASK(res), error);
}

static inline void
forget_card(AkmaModem *modem)
{
    (void)modem;
    card.forgotten++;
}

static const AkmaCardReader reader = {read_card, read_card_finish, forget_card};

static inline int
setup(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autofree char *folder = g_dir_make_tmp("akma-enrol-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(folder, "akmad.conf", NULL);

    g_file_set_contents(file,
                        "[gba]\nbsf=http://bsf.example\n"
                        "[server keys]\nurl=https://" FAKE_FQDN ":8443\nanchor=akma\n"
                        "[server keys-auto]\nurl=https://" FAKE_FQDN ":8443\n"
                        "[server keys-gba]\nurl=https://" FAKE_FQDN ":8443\nanchor=gba\n",
                        -1,
                        NULL);
    fixture->config = akma_config_load(file, NULL);
    g_unlink(file);
    g_rmdir(folder);
    fixture->machine = akma_enrolment_new();
    fixture->cancellable = g_cancellable_new();
    fixture->used = CRYPTO_secure_used();

    card.kids[0] = KID;
    card.kids[1] = card.kids[2] = NULL;
    card.error = 0;
    card.reads = card.forgotten = 0;
    card.gba_reads = card.gba_fresh = card.gba_short = 0;
    card.gba_error = 0;
    card.gba_retry_after_s = 0;
    card.gba_is_new = false;
    fake_peer.ks_naf = akma_secret_new(KS_NAF, 32, NULL);
    fake_peer.k_akma = akma_secret_new(K_AKMA, 32, NULL);
    *state = fixture;

    return 0;
}

static inline int
teardown(void **state)
{
    Fixture *fixture = *state;
    size_t used = fixture->used;

    g_clear_pointer(&fixture->keys, akma_key_set_free);
    g_clear_error(&fixture->error);
    g_object_unref(fixture->cancellable);
    akma_enrolment_free(fixture->machine);
    akma_config_unref(fixture->config);
    g_free(fixture);
    fake_peer_clear();

    /* M6: whatever happened, no key of the exchange is left */
    return CRYPTO_secure_used() == used ? 0 : -1;
}

static inline void
done(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Fixture *fixture = user_data;

    (void)source;
    fixture->keys = akma_enrol_finish(res, &fixture->error);
    fixture->done = true;
}

static inline void
begin(Fixture *fixture, const char *const *key_ids)
{
    const AkmaEnrolRequest request = {
        .config = fixture->config,
        .server = akma_config_get_servers(fixture->config)->pdata[fixture->server],
        .now = 1800000000,
        .reader = &reader,
        .key_ids = key_ids,
        .machine = fixture->machine,
    };

    akma_enrol_async(&request, fixture->cancellable, done, fixture);
}

static const char *const mqtt[] = {"mqtt", NULL};

static inline void
run(Fixture *fixture)
{
    begin(fixture, mqtt);
    while (!fixture->done)
        g_main_context_iteration(NULL, TRUE);
}

static inline void
assert_failed(Fixture *fixture, AkmaError code)
{
    assert_null(fixture->keys);
    assert_true(g_error_matches(fixture->error, AKMA_ERROR, (int)code));
    assert_true(akma_enrolment_get_wait_ms(fixture->machine) > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* The generators of libcrypto stand in the secure heap too, from their first use on. */
static inline bool
make_heap(void)
{
    uint8_t warm[2];

    return akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL) && RAND_bytes(warm, 1) == 1 &&
           RAND_priv_bytes(warm + 1, 1) == 1;
}
