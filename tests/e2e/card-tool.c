/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * card-tool: the agent's side of a card from a shell:
 * card-tool [--protocol=NAME] [--proxy=auto|always|never] [--helper=SOCKET] [--slot=N]
 *           [--give-up=MS] DEVICE TIMEOUT-MS ACTION...
 *
 * Each action (read, probe, refresh, state, query, pin:DIGITS, cancel:MS, which is a read that is
 * cancelled then, auth:RAND:AUTN in hex; gba-me=BSF, gba-u=BSF, either with "fresh-" in front)
 * prints one line: "ok ..." or "error NAME: message". These say nothing: gba-for=NAME says for
 * which server, drop forgets the bootstrappings, reopen closes the port and opens it again,
 * sleep:MS, wait goes on at a line or the end of stdin, other when another card is ready than there
 * is now.
 * --give-up cancels the opening. For tests: it prints an A-KID, RES and AUTS, and the SHA-256 of
 * K_AF and of CK || IK; its PINs are those of simulated cards.
 */
#include <glib-unix.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "anchor/read.h"
#include "anchor/services.h"
#include "base/error.h"
#include "base/program.h"
#include "base/text.h"
#include "modem/modem-card.h"
#include "modem/usim.h"
#include "tests/e2e/card-options.h"

typedef struct {
    GMainLoop *loop;
    AkmaModem *modem;
    CardOptions options;
    AkmaGbaCache *cache;
    AkmaAfId naf_id;
    unsigned changes;
    uint8_t rand[16];
    uint8_t autn[16];
} Tool;

static void
tool_clear(Tool *tool)
{
    g_clear_object(&tool->modem);
    g_clear_pointer(&tool->cache, akma_gba_cache_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tool, tool_clear)

static void
say_error(GError *error)
{
    const char *name = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
                           ? "Cancelled"
                           : akma_error_get_name(error);

    printf("error %s: %s\n", name, error->message);
    g_error_free(error);
}

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Tool *tool = user_data;
    GError *error = NULL;

    tool->modem = akma_modem_open_finish(res, &error);
    if (error)
        say_error(error);
    g_main_loop_quit(tool->loop);
}

static void
say_anchor(const Tool *tool, const AkmaAnchor *anchor)
{
    GError *error = NULL;
    g_autoptr(AkmaSecret) key = NULL;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char hex[AKMA_HEX_LEN(SHA256_DIGEST_LENGTH) + 1];
    size_t len;

    key = akma_anchor_derive_first_key(anchor, &tool->naf_id, &error);
    if (!key) {
        say_error(error);
        return;
    }
    SHA256(akma_secret_peek(key, &len), akma_secret_get_length(key), digest);
    akma_hex_encode(digest, sizeof digest, hex);
    printf("ok kid=%s first_key_sha256=%s%s\n",
           akma_anchor_get_kid(anchor),
           hex,
           akma_anchor_is_new(anchor) ? " new" : "");
}

static void
anchor_read(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Tool *tool = user_data;
    GError *error = NULL;
    unsigned retry_after_s = 0;
    g_autoptr(AkmaAnchor) anchor = akma_anchor_read_finish(res, &retry_after_s, &error);

    if (!anchor && retry_after_s > 0)
        g_prefix_error(&error, "retry after %u s: ", retry_after_s);
    if (anchor)
        say_anchor(tool, anchor);
    else
        say_error(error);
    g_main_loop_quit(tool->loop);
}

static void
probed(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    Tool *tool = user_data;
    GError *error = NULL;
    g_auto(GStrv) services = akma_anchor_services_finish(res, &error);
    g_autofree char *list = services ? g_strjoinv(",", services) : NULL;

    if (services)
        printf("ok anchors=%s\n", list);
    else
        say_error(error);
    g_main_loop_quit(tool->loop);
}

static void
say_state(Tool *tool)
{
    printf("ok sim=%s registration=%s sim_id=%s manufacturer=%s model=%s changes=%u\n",
           akma_sim_state_get_name(akma_modem_get_sim_state(tool->modem)),
           akma_modem_get_registration(tool->modem),
           akma_modem_get_sim_id(tool->modem),
           akma_modem_get_manufacturer(tool->modem),
           akma_modem_get_model(tool->modem),
           tool->changes);
}

static void
refreshed(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Tool *tool = user_data;
    GError *error = NULL;

    if (akma_modem_refresh_finish(AKMA_MODEM(source), res, &error))
        say_state(tool);
    else
        say_error(error);
    g_main_loop_quit(tool->loop);
}

static void
say_aka(const AkmaAkaResult *aka)
{
    char res[AKMA_HEX_LEN(sizeof aka->res) + 1];
    char auts[AKMA_HEX_LEN(sizeof aka->auts) + 1];
    char hex[AKMA_HEX_LEN(SHA256_DIGEST_LENGTH) + 1];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    uint8_t keys[32];

    switch (aka->outcome) {
    case AKMA_AKA_OK:
        memcpy(keys, aka->ck.bytes, 16);
        memcpy(keys + 16, aka->ik.bytes, 16);
        SHA256(keys, sizeof keys, digest);
        akma_hex_encode(digest, sizeof digest, hex);
        akma_hex_encode(aka->res, aka->res_len, res);
        printf("ok res=%s keys_sha256=%s\n", res, hex);
        return;

    case AKMA_AKA_SYNC_FAILURE:
        akma_hex_encode(aka->auts, sizeof aka->auts, auts);
        printf("ok auts=%s\n", auts);
        return;
    }
}

static void
authenticated(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(AkmaChannel) channel = AKMA_CHANNEL(source);
    g_auto(AkmaAkaResult) aka = {0};
    Tool *tool = user_data;
    GError *error = NULL;

    if (akma_usim_authenticate_finish(channel, res, &aka, &error))
        say_aka(&aka);
    else
        say_error(error);
    g_main_loop_quit(tool->loop);
}

static void
usim_opened(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Tool *tool = user_data;
    GError *error = NULL;
    AkmaChannel *channel = akma_usim_open_finish(AKMA_CARD_QUEUE(source), res, &error);

    if (channel) {
        akma_usim_authenticate_async(channel, tool->rand, tool->autn, NULL, authenticated, tool);
        return;
    }
    say_error(error);
    g_main_loop_quit(tool->loop);
}

/* "auth:RAND:AUTN" */
static bool
read_challenge(Tool *tool, const char *action)
{
    g_auto(GStrv) parts = g_strsplit(action, ":", -1);

    return g_strv_length(parts) == 3 && g_str_equal(parts[0], "auth") &&
           akma_hex_decode(parts[1], strlen(parts[1]), tool->rand, sizeof tool->rand) &&
           akma_hex_decode(parts[2], strlen(parts[2]), tool->autn, sizeof tool->autn);
}

static void
queried(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Tool *tool = user_data;
    GError *error = NULL;
    AkmaCardState state;

    if (akma_card_query_finish(AKMA_CARD(source), res, &state, &error))
        printf("ok sim=%s registration=%s pin_tries=%d\n",
               akma_sim_state_get_name(state.sim),
               akma_registration_get_name(state.registration),
               state.pin_tries);
    else
        say_error(error);
    g_main_loop_quit(tool->loop);
}

static void
verified(GObject *source, GAsyncResult *res, gpointer user_data)
{
    Tool *tool = user_data;
    GError *error = NULL;

    if (akma_card_verify_pin_finish(AKMA_CARD(source), res, &error))
        printf("ok\n");
    else
        say_error(error);
    g_main_loop_quit(tool->loop);
}

static void
begin_pin(Tool *tool, const char *digits)
{
    g_autoptr(AkmaSecret) pin = akma_secret_new((const uint8_t *)digits, strlen(digits), NULL);

    akma_card_verify_pin_async(akma_modem_get_card(tool->modem), pin, verified, tool);
}

/* "[fresh-]gba-me=BSF", "[fresh-]gba-u=BSF". */
static void
begin_gba(Tool *tool, const char *action)
{
    static const char fresh[] = "fresh-";
    AkmaGbaConfig config = {
        .timeout_ms = 1500,
        .naf_id = &tool->naf_id,
        .cache = tool->cache,
        .now = g_get_real_time() / G_USEC_PER_SEC,
        .now_ms = g_get_monotonic_time() / 1000,
    };
    const AkmaAnchorRequest request = {.gba = &config};

    config.fresh = g_str_has_prefix(action, fresh);
    action += config.fresh ? strlen(fresh) : 0;
    config.kind = g_str_has_prefix(action, "gba-u=") ? AKMA_GBA_U : AKMA_GBA_ME;
    config.bsf = strchr(action, '=') + 1;
    akma_anchor_read_async(tool->modem, &request, NULL, anchor_read, tool);
}

/* What needs no card; true: done. */
static bool
set(Tool *tool, const char *action)
{
    static const char name[] = "gba-for=";

    if (g_str_has_prefix(action, name))
        return akma_af_id_init(&tool->naf_id, action + strlen(name), AKMA_UA_MESSAGE, NULL);
    if (!g_str_equal(action, "drop"))
        return false;
    akma_gba_cache_unref(tool->cache);
    tool->cache = akma_gba_cache_new(NULL, NULL);

    return true;
}

static gboolean
slept(gpointer user_data)
{
    g_main_loop_quit(((Tool *)user_data)->loop);

    return G_SOURCE_REMOVE;
}

static gboolean
heard(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    char c;

    if (read(fd, &c, 1) == 1 && c != '\n')
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(((Tool *)user_data)->loop);

    return G_SOURCE_REMOVE;
}

static gboolean
too_late(gpointer user_data)
{
    *(bool *)user_data = true;

    return G_SOURCE_REMOVE;
}

/* As long as it is the card of now, or none. */
static void
wait_for_another(Tool *tool)
{
    g_autofree char *before = g_strdup(akma_modem_get_sim_id(tool->modem));
    bool late = false;
    guint timer = g_timeout_add_seconds(60, too_late, &late);

    while (!late && (*akma_modem_get_sim_id(tool->modem) == '\0' ||
                     g_str_equal(akma_modem_get_sim_id(tool->modem), before)))
        g_main_context_iteration(NULL, TRUE);
    if (!late)
        g_source_remove(timer);
}

static gboolean
cancel(gpointer user_data)
{
    g_cancellable_cancel(user_data);

    return G_SOURCE_REMOVE;
}

/* Cancelled after @ms; 0: never. */
static GCancellable *
cancellable_new(unsigned ms)
{
    GCancellable *cancellable = g_cancellable_new();

    if (ms > 0)
        g_timeout_add_full(
            G_PRIORITY_DEFAULT, ms, cancel, g_object_ref(cancellable), g_object_unref);

    return cancellable;
}

static void
changed(Tool *tool)
{
    tool->changes++;
}

static void
reopen(Tool *tool)
{
    akma_modem_close(tool->modem);
    g_clear_object(&tool->modem);
    akma_modem_open_async(&tool->options.config, NULL, opened, tool);
    g_main_loop_run(tool->loop);
    if (tool->modem)
        g_signal_connect_swapped(tool->modem, "changed", G_CALLBACK(changed), tool);
}

static void
act(Tool *tool, const char *action)
{
    static const AkmaAkmaUsimConfig config = {AKMA_A_KID_DOT_BASE64URL, "", NULL};
    const AkmaAnchorRequest request = {.akma = &config};
    g_autoptr(GCancellable) cancellable = NULL;
    guint64 ms = 0;

    if (g_str_equal(action, "reopen")) {
        reopen(tool);
        return;
    }
    if (set(tool, action))
        return;
    if (g_str_has_prefix(action, "cancel:")) {
        g_ascii_string_to_unsigned(action + strlen("cancel:"), 10, 1, 60000, &ms, NULL);
        cancellable = cancellable_new((unsigned)ms);
    }

    if (g_str_equal(action, "read") || cancellable) {
        akma_anchor_read_async(tool->modem, &request, cancellable, anchor_read, tool);
    } else if (strstr(action, "gba-me=") || strstr(action, "gba-u=")) {
        begin_gba(tool, action);
    } else if (g_str_equal(action, "probe")) {
        akma_anchor_services_async(tool->modem, NULL, probed, tool);
    } else if (g_str_equal(action, "refresh")) {
        akma_modem_refresh_async(tool->modem, NULL, refreshed, tool);
    } else if (g_str_equal(action, "query")) {
        akma_card_query_async(akma_modem_get_card(tool->modem), queried, tool);
    } else if (g_str_has_prefix(action, "pin:")) {
        begin_pin(tool, action + strlen("pin:"));
    } else if (read_challenge(tool, action)) {
        akma_usim_open_async(akma_modem_get_queue(tool->modem), NULL, usim_opened, tool);
    } else if (g_str_has_prefix(action, "sleep:")) {
        g_ascii_string_to_unsigned(action + strlen("sleep:"), 10, 0, 60000, &ms, NULL);
        g_timeout_add((guint)ms, slept, tool);
    } else if (g_str_equal(action, "wait")) {
        g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, heard, tool);
    } else if (g_str_equal(action, "other")) {
        wait_for_another(tool);
        return;
    } else {
        say_state(tool);
        return;
    }
    g_main_loop_run(tool->loop);
}

int
main(int argc G_GNUC_UNUSED, char **argv)
{
    static const uint8_t key[32] = "akmad card-tool";
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(AkmaSecret) sim_id_key = NULL;
    g_autoptr(GCancellable) cancellable = NULL;
    g_auto(Tool) tool = {.loop = loop, .options = CARD_OPTIONS_INIT};
    GError *error = NULL;

    akma_program_init("card-tool");
    if (!card_options_read(&tool.options, argv))
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!akma_secret_heap_init(AKMA_SECRET_HEAP_MIN, NULL, &error))
        return akma_program_fail(error, false);
    sim_id_key = akma_secret_new(key, sizeof key, NULL);
    tool.options.config.sim_id_key = sim_id_key;
    tool.cache = akma_gba_cache_new(NULL, NULL);
    if (!akma_af_id_init(&tool.naf_id, "keys.example.com", AKMA_UA_MESSAGE, &error))
        return akma_program_fail(error, false);
    cancellable = cancellable_new(tool.options.give_up_ms);

    akma_modem_open_async(&tool.options.config, cancellable, opened, &tool);
    g_main_loop_run(loop);
    if (!tool.modem)
        return 1;
    g_signal_connect_swapped(tool.modem, "changed", G_CALLBACK(changed), &tool);
    for (char **action = tool.options.actions; *action && tool.modem; action++)
        act(&tool, *action);
    if (!tool.modem)
        return 1;
    while (g_main_context_iteration(NULL, FALSE))
        continue;

    /* the last channel is closed in the background */
    for (unsigned i = 0;
         i < 300 && akma_card_queue_get_length(akma_modem_get_queue(tool.modem)) > 0;
         i++)
        act(&tool, "sleep:10");
    act(&tool, "sleep:30");
    akma_modem_close(tool.modem);

    return 0;
}
