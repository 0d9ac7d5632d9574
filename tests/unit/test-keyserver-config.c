/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <glib/gstdio.h>
#include <unistd.h>

#include "base/error.h"

#define SERVER "[server]\nname=Keys.Example.COM\ncertificate-file=/c.pem\nkey-file=/k.pem\n"
#define STORE  "[store]\nstore-key-file=/s.key\n"
#define ANCHOR "[anchor op]\ntype=akma\noperator=00101\nurl=http://127.0.0.1:7777\n"
#define BSF    "[anchor bsf]\ntype=gba\noperator=00101\nurl=http://127.0.0.1:7777\n"
#define TOKEN  "client-id=ks\nclient-secret-file=/client.secret\n"

/* @running: NULL at the start. */
static AkmaServerConfig *
load_again(const char *text, const AkmaServerConfig *running, char **ret_kept, GError **error)
{
    g_autofree char *path = NULL;
    AkmaServerConfig *config;
    int fd = g_file_open_tmp("akma-XXXXXX.conf", &path, NULL);

    assert_true(fd >= 0);
    close(fd);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    config = running ? akma_server_config_load_again(path, running, ret_kept, error)
                     : akma_server_config_load(path, error);
    g_unlink(path);

    return config;
}

static AkmaServerConfig *
load(const char *text, GError **error)
{
    return load_again(text, NULL, NULL, error);
}

static void
what_is_not_said_has_its_default(void **state)
{
    g_autoptr(AkmaServerConfig) config = load(SERVER STORE ANCHOR, NULL);
    const AkmaAnchorConfig *anchor;

    (void)state;
    assert_non_null(config);
    assert_string_equal(config->name, "keys.example.com");
    assert_string_equal(config->listen, "0.0.0.0:8443");
    assert_null(config->digest_listen);
    assert_null(config->psk_listen);
    assert_true(config->workers >= 1);
    assert_string_equal(config->store_path, "/var/lib/akma-keyserver/keys.db");
    assert_int_equal(config->handshakes, 1000);
    assert_int_equal(config->connections, 10000);
    assert_true(config->kid.events == 10 && config->kid.seconds == 60);
    assert_int_equal(config->idle_ms, 10000);
    assert_int_equal(config->exchange_ms, 60000);

    anchor = config->anchors->pdata[0];
    assert_string_equal(anchor->name, "op");
    assert_string_equal(anchor->realms[0], "*");
    assert_int_equal(anchor->timeout_ms, 5000);
    assert_null(anchor->ca_file);
}

static void
anchors_have_a_type_and_perhaps_a_token(void **state)
{
    g_autoptr(AkmaServerConfig) config = load(
        SERVER STORE ANCHOR BSF TOKEN "token-url=https://nrf.example.com:8443/oauth2/token?a=b\n"
                                      "ca-file=/ca.pem\n",
        NULL);
    const AkmaAnchorConfig *bsf;
    const AkmaAnchorConfig *aanf;

    (void)state;
    assert_non_null(config);
    bsf = config->anchors->pdata[0];
    aanf = config->anchors->pdata[1];
    assert_true(bsf->gba);
    assert_string_equal(bsf->token_url, "https://nrf.example.com:8443");
    assert_string_equal(bsf->token_path, "/oauth2/token?a=b");
    assert_string_equal(bsf->client_id, "ks");
    assert_false(aanf->gba);
    assert_null(aanf->token_url);
}

#define OTHERS                                                                                     \
    "listen=[::1]:1\nworkers=7\n[store]\nbackend=postgresql\nconninfo=host=/run\n"                 \
    "password-file=/p\nstore-key-file=/t.key\nold-store-key-file=/o.key\n"                         \
    "[admin]\nlisten=unix:/a\n[digest]\nlisten=[::1]:2\n[psk]\nlisten=[::1]:3\n"                   \
    "[limits]\nhandshakes=2\nconnections=3\nidle=4s\nexchange=5s\nkid=1/s\n"
#define OTHER_KEYS                                                                                 \
    "[server] listen, [server] workers, [admin] listen, [digest] listen, [psk] listen, "           \
    "[store] backend, [store] conninfo, [store] password-file, [store] store-key-file, "           \
    "[store] old-store-key-file, [limits] handshakes, [limits] connections, [limits] idle, "       \
    "[limits] exchange"

static void
assert_same_fixed(const AkmaServerConfig *one, const AkmaServerConfig *two)
{
    assert_string_equal(one->listen, two->listen);
    assert_int_equal(g_strcmp0(one->admin_listen, two->admin_listen), 0);
    assert_int_equal(g_strcmp0(one->digest_listen, two->digest_listen), 0);
    assert_int_equal(g_strcmp0(one->psk_listen, two->psk_listen), 0);
    assert_int_equal(one->workers, two->workers);
    assert_true(one->postgresql == two->postgresql);
    assert_int_equal(g_strcmp0(one->conninfo, two->conninfo), 0);
    assert_string_equal(one->store_path, two->store_path);
    assert_string_equal(one->store_key_file, two->store_key_file);
    assert_true(akma_settings_has(one->settings, "store", "password-file") ==
                akma_settings_has(two->settings, "store", "password-file"));
    assert_true(akma_settings_has(one->settings, "store", "old-store-key-file") ==
                akma_settings_has(two->settings, "store", "old-store-key-file"));
    assert_int_equal(one->handshakes, two->handshakes);
    assert_int_equal(one->connections, two->connections);
    assert_int_equal(one->idle_ms, two->idle_ms);
    assert_int_equal(one->exchange_ms, two->exchange_ms);
}

/* Either way, and also the second time. */
static void
what_needs_a_restart_stays_as_it_was(void **state)
{
    static const char *const texts[] = {SERVER STORE ANCHOR, SERVER OTHERS BSF};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(AkmaServerConfig) running = load(texts[i], NULL);
        g_autoptr(AkmaServerConfig) other = load(texts[1 - i], NULL);
        g_autoptr(AkmaServerConfig) again = NULL;
        g_autoptr(AkmaServerConfig) third = NULL;
        g_autofree char *kept = NULL;
        g_autofree char *kept_then = NULL;

        assert_non_null(running);
        assert_non_null(other);
        again = load_again(texts[1 - i], running, &kept, NULL);
        assert_non_null(again);
        assert_same_fixed(again, running);
        assert_string_equal(kept, OTHER_KEYS);
        assert_int_equal(again->kid.events, other->kid.events);
        assert_string_equal(((AkmaAnchorConfig *)again->anchors->pdata[0])->name,
                            ((AkmaAnchorConfig *)other->anchors->pdata[0])->name);

        third = load_again(texts[i], again, &kept_then, NULL);
        assert_non_null(third);
        assert_same_fixed(third, running);
        assert_null(kept_then);
    }
}

static void
reject_a_bad_configuration_also_when_it_is_read_again(void **state)
{
    g_autoptr(AkmaServerConfig) running = load(SERVER STORE ANCHOR, NULL);
    g_autoptr(GError) error = NULL;
    char *kept = NULL;

    (void)state;
    assert_non_null(running);
    assert_null(load_again(SERVER OTHERS BSF "bogus=1\n", running, &kept, &error));
    assert_int_equal(error->code, AKMA_ERROR_CONFIG_INVALID);
    assert_null(kept);
    g_clear_error(&error);
    assert_null(load_again(SERVER STORE BSF "api=nef\n", running, &kept, &error));
    assert_non_null(strstr(error->message, "[anchor bsf] api: "));
    assert_null(kept);
}

/* A configuration, and what is said of it. */
typedef struct {
    const char *text;
    const char *where;
} Fault;

static void
assert_refused(const Fault *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;

        assert_null(load(rows[i].text, &error));
        assert_int_equal(error->code, AKMA_ERROR_CONFIG_INVALID);
        if (!strstr(error->message, rows[i].where))
            fail_msg("%s is not in: %s", rows[i].where, error->message);
    }
}

static void
reject_with_group_and_key(void **state)
{
    static const Fault rows[] = {
        {"[server]\nname=x\n" STORE, "[server] certificate-file: must be set"},
        {SERVER "workers=0\n" STORE, "[server] workers: "},
        {SERVER "workers=257\n" STORE, "[server] workers: "},
        {SERVER "workers=few\n" STORE, "[server] workers: "},
        {SERVER "audit-file=relative\n" STORE, "[server] audit-file: "},
        {"[server]\nname=a b\ncertificate-file=/c\nkey-file=/k\n" STORE, "[server] name: "},
        {SERVER, "[store] store-key-file: must be set"},
        {SERVER STORE "[digest]\nlisten=8444\n", "[digest] listen: "},
        {SERVER STORE "[digest]\nport=8444\n", "[digest] port: no such key"},
        {SERVER STORE "[psk]\nlisten=8445\n", "[psk] listen: "},
        {SERVER STORE "[psk]\ncertificate-file=/c\n", "[psk] certificate-file: no such key"},
        {SERVER STORE "[psk]\nlisten=0.0.0.0:8443\n", "[psk] listen: 0.0.0.0:8443 is taken"},
        {SERVER STORE "[digest]\nlisten=0.0.0.0:8443\n", "[digest] listen: 0.0.0.0:8443 is taken"},
        {SERVER STORE "[digest]\nlisten=[::]:1\n[psk]\nlisten=[::]:1\n",
         "[psk] listen: [::]:1 is taken"},
        {SERVER STORE "backend=oracle\n", "[store] backend: "},
        {SERVER STORE "backend=postgresql\n", "[store] conninfo: "},
        {SERVER STORE "backend=postgresql\nconninfo=dbname=k\npath=/k.db\n", "[store] path: "},
        {SERVER STORE "conninfo=dbname=k\n", "[store] conninfo: "},
        {SERVER STORE "password-file=/nowhere/p\n", "[store] password-file: "},
        {SERVER STORE "backend=postgresql\nconninfo=colour=red\n", "[store] conninfo: "},
        {SERVER STORE "backend=postgresql\nconninfo=password=secret\n", "[store] conninfo: "},
        {SERVER STORE "backend=postgresql\nconninfo=postgresql://u:secret@h/k\n",
         "[store] conninfo: "},
        {SERVER STORE "backend=postgresql\nconninfo=service=keys\n", "[store] conninfo: "},
        {SERVER STORE "backend=postgresql\nconninfo=postgresql:///k?service=keys\n",
         "[store] conninfo: "},
        {SERVER STORE "backend=postgresql\nconninfo=target_session_attrs=any\n",
         "[store] conninfo: "},
        {SERVER STORE "old-store-key-file=x\n", "[store] old-store-key-file: "},
        {SERVER STORE "[limits]\nidle=0s\n", "[limits] idle: "},
        {SERVER "ask-again=59s\n" STORE, "[server] ask-again: "},
        {SERVER "ask-again=8d\n" STORE, "[server] ask-again: "},
        {SERVER "ask-again=0\n" STORE, "[server] ask-again: "},
        {SERVER STORE "[limits]\nidle=9999d\n", "[limits] idle: "},
        {SERVER STORE "[limits]\nconnections=0\n", "[limits] connections: "},
        {SERVER STORE "[limits]\nkid=10\n", "[limits] kid: "},
        {SERVER STORE "[admin]\nlisten=0.0.0.0:1\n", "[admin] listen: must be unix:/PATH or"},
    };

    (void)state;
    assert_refused(rows, G_N_ELEMENTS(rows));
}

static void
reject_anchors_with_group_and_key(void **state)
{
    static const Fault rows[] = {
        {SERVER STORE "[anchor op]\ntype=akma\noperator=1\n", "[anchor op] url: must be set"},
        {SERVER STORE ANCHOR "api=nrf\n", "[anchor op] api: "},
        {SERVER STORE BSF "api=nef\n", "[anchor bsf] api: is for type=akma only"},
        {SERVER STORE "[anchor op]\ntype=akma\noperator=1\napi=nef\nurl=http://nef.example.com\n",
         "[anchor op] url: must be https:// for api=nef"},
        {SERVER STORE "[anchor op]\ntype=bsf\noperator=1\nurl=http://x\n", "[anchor op] type: "},
        {SERVER STORE BSF "api=aanf\n", "[anchor bsf] api: is for type=akma only"},
        {SERVER STORE BSF "af-id-format=hex\n", "[anchor bsf] af-id-format: "},
        {SERVER STORE ANCHOR "[anchor op2]\ntype=akma\noperator=2\nurl=http://x\n",
         "[anchor op2] realms: [anchor op] has \"*\" too"},
        {SERVER STORE ANCHOR "realms=a;b\n[anchor op2]\ntype=akma\noperator=2\nrealms=c;b\n"
                             "url=http://x\n",
         "[anchor op2] realms: [anchor op] has \"b\" too"},
        {SERVER STORE ANCHOR "token-url=http://x\n", "[anchor op] token-url: "},
        {SERVER STORE ANCHOR "client-id=x\n", "[anchor op] client-id: "},
        {SERVER STORE ANCHOR "client-secret-file=/s\n", "[anchor op] client-secret-file: "},
        {SERVER STORE ANCHOR "client-id=x\nclient-secret-file=/s\n", "go together"},
        {SERVER STORE ANCHOR TOKEN "token-url=ftp://x/\n", "[anchor op] token-url: "},
        {SERVER STORE ANCHOR TOKEN "token-url=x/y\n", "[anchor op] token-url: "},
        {SERVER STORE ANCHOR TOKEN "token-url=http:///y\n", "[anchor op] token-url: "},
        {SERVER STORE ANCHOR TOKEN "token-url=http://x/a b\n", "[anchor op] token-url: "},
        {SERVER STORE ANCHOR TOKEN "token-url=http://x/a#b\n", "[anchor op] token-url: "},
        {SERVER STORE ANCHOR "ca-file=/ca.pem\n", "[anchor op] url: "},
        {SERVER STORE "[anchor op]\ntype=akma\noperator=a/b\nurl=http://x\n",
         "[anchor op] operator: "},
        {SERVER STORE
         "[anchor op]\ntype=akma\noperator=1\nurl=https://x\ncertificate-file=/c.pem\n",
         "[anchor op] certificate-file: "},
    };

    (void)state;
    assert_refused(rows, G_N_ELEMENTS(rows));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(anchors_have_a_type_and_perhaps_a_token),
        cmocka_unit_test(what_needs_a_restart_stays_as_it_was),
        cmocka_unit_test(reject_a_bad_configuration_also_when_it_is_read_again),
        cmocka_unit_test(reject_with_group_and_key),
        cmocka_unit_test(reject_anchors_with_group_and_key),
    };

    g_unsetenv("STATE_DIRECTORY");

    return cmocka_run_group_tests(tests, NULL, NULL);
}
