/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "base/error.h"

#define MODEM  "[modem sim]\ndevice=/dev/ttyUSB2\n"
#define SERVER "[server keys]\nurl=https://Keys.Example.com.:8443\nconnect=127.0.0.1:8443\n"
#define GOOD   MODEM SERVER "[application mqtt]\nserver=keys\nusers=root;4242\ngroups=root\n"

static char *folder;
static char *file;

static AkmaConfig *
load(const char *text, GError **error)
{
    assert_true(g_file_set_contents(file, text, -1, NULL));

    return akma_config_load(file, error);
}

/* @text is refused, and the message names file, group, key and what else @says. */
static void
assert_rejected(const char *text, const char *where, const char *says)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *begin = g_strdup_printf("%s: %s", file, where);

    assert_null(load(text, &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID));
    if (!g_str_has_prefix(error->message, begin) || !strstr(error->message, says))
        fail_msg(
            "\"%s\" does not begin with \"%s\" or says no \"%s\"", error->message, begin, says);
}

static void
a_good_file_gives_what_it_says_and_the_defaults(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaConfig) config = load(GOOD, &error);
    const AkmaConfigServer *server;
    const AkmaConfigApplication *application;
    const AkmaConfigModem *modem;
    AkmaAuthRule rule;

    (void)state;
    assert_null(error);
    server = akma_config_get_servers(config)->pdata[0];
    application = akma_config_get_applications(config)->pdata[0];
    modem = akma_config_get_modems(config)->pdata[0];
    rule = akma_config_application_get_rule(application);
    assert_string_equal(server->fqdn, "keys.example.com");
    assert_int_equal(server->timeout_ms, 30000);
    assert_string_equal(application->key_id, "mqtt");
    assert_int_equal(application->refresh_s, 6 * 3600);
    assert_int_equal(application->renew_before_percent, 20);
    assert_int_equal(rule.n_uids, 2);
    assert_int_equal(rule.uids[0], 0);
    assert_int_equal(rule.uids[1], 4242);
    assert_int_equal(rule.n_gids, 1);
    assert_string_equal(modem->protocol, "auto");
    assert_int_equal(modem->timeout_ms, 20000);
    assert_null(akma_config_get_usim(config).routing_indicator);
    assert_int_equal(akma_config_get_usim(config).a_kid_format, AKMA_A_KID_DOT_BASE64URL);
}

static void
without_users_groups_and_units_nobody_is_named(void **state)
{
    g_autoptr(AkmaConfig) config = load(MODEM SERVER "[application mqtt]\nserver=keys\n", NULL);
    AkmaAuthRule rule =
        akma_config_application_get_rule(akma_config_get_applications(config)->pdata[0]);

    (void)state;
    assert_int_equal(rule.n_uids + rule.n_gids, 0);
    assert_null(rule.units[0]);
}

static void
the_socket_of_credentials_is_what_the_group_says(void **state)
{
    g_autoptr(AkmaConfig) none = load(GOOD, NULL);
    g_autoptr(AkmaConfig) some =
        load("[agent]\ncredential-socket=/run/x.sock\ncredential-wait=2m\n", NULL);

    (void)state;
    assert_null(akma_config_get_credential_socket(none));
    assert_int_equal(akma_config_get_credential_wait_s(none), 30);
    assert_string_equal(akma_config_get_credential_socket(some), "/run/x.sock");
    assert_int_equal(akma_config_get_credential_wait_s(some), 120);
    assert_rejected("[agent]\ncredential-wait=2h\n", "[agent] credential-wait", "0 to 3600");
    assert_rejected("[agent]\ncredential-socket=x\n", "[agent] credential-socket", "");
}

static void
units_are_what_the_group_says(void **state)
{
    g_autoptr(AkmaConfig) config = load(GOOD "units=mosquitto.service;vpn@1.service;\n", NULL);
    AkmaAuthRule rule =
        akma_config_application_get_rule(akma_config_get_applications(config)->pdata[0]);

    (void)state;
    assert_string_equal(rule.units[0], "mosquitto.service");
    assert_string_equal(rule.units[1], "vpn@1.service");
    assert_null(rule.units[2]);
    assert_rejected(GOOD "units=mosquitto\n", "[application mqtt] units", "\"mosquitto\"");
    assert_rejected(GOOD "units=a.service;vpn@.service\n", "[application mqtt] units", "\"vpn@");
}

static void
an_empty_file_means_any_modem(void **state)
{
    g_autoptr(AkmaConfig) config = load("", NULL);
    g_autoptr(AkmaConfig) group = load("[modem m]\n", NULL);
    AkmaConfigModem *any;
    AkmaConfigModem *named;

    (void)state;
    assert_non_null(config);
    assert_int_equal(akma_config_get_modems(config)->len, 1);
    any = akma_config_get_modems(config)->pdata[0];
    named = akma_config_get_modems(group)->pdata[0];
    assert_true(akma_config_modem_is_auto(any));
    assert_string_equal(any->name, "");
    assert_false(akma_config_modem_equal(any, named));
    named->name[0] = '\0'; /* it has the defaults of a group that says nothing */
    assert_true(akma_config_modem_equal(any, named));
}

static void
pin_file_and_what_another_sim_does_are_what_the_file_says(void **state)
{
    g_autofree char *pin = g_build_filename(folder, "pin", NULL);
    g_autofree char *text =
        g_strdup_printf("[agent]\non-sim-change=wipe\n" MODEM "pin-file=%s\n", pin);
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaConfig) other = load(GOOD, NULL);
    g_autoptr(AkmaConfig) config = NULL;

    (void)state;
    assert_true(g_file_set_contents_full(pin, "1234\n", -1, 0, 0600, NULL));
    config = load(text, &error);
    assert_null(error);
    assert_true(akma_config_wipes_on_sim_change(config));
    assert_false(akma_config_wipes_on_sim_change(other));
    assert_string_equal(((AkmaConfigModem *)akma_config_get_modems(config)->pdata[0])->pin_file,
                        pin);
    assert_false(akma_config_modem_equal(akma_config_get_modems(config)->pdata[0],
                                         akma_config_get_modems(other)->pdata[0]));

    g_chmod(pin, 0604);
    assert_rejected(text, "[modem sim] pin-file", "open to everybody");
    g_unlink(pin);
}

static void
proxy_is_what_the_group_says(void **state)
{
    g_autoptr(AkmaConfig) config = load("[modem a]\ndevice=/dev/a\nproxy=always\n"
                                        "[modem b]\ndevice=/dev/b\nproxy=never\n"
                                        "[modem c]\ndevice=/dev/c\n",
                                        NULL);
    const GPtrArray *modems = akma_config_get_modems(config);

    (void)state;
    assert_int_equal(((AkmaConfigModem *)modems->pdata[0])->proxy, AKMA_PROXY_ALWAYS);
    assert_int_equal(((AkmaConfigModem *)modems->pdata[1])->proxy, AKMA_PROXY_NEVER);
    assert_int_equal(((AkmaConfigModem *)modems->pdata[2])->proxy, AKMA_PROXY_AUTO);
}

static void
applications_may_stand_in_the_folder(void **state)
{
    g_autofree char *sub = g_build_filename(folder, "applications.d", NULL);
    g_autofree char *one = g_build_filename(sub, "vpn.conf", NULL);
    g_autoptr(AkmaConfig) config = NULL;

    (void)state;
    assert_int_equal(g_mkdir(sub, 0700), 0);
    assert_true(g_file_set_contents(one, "[application vpn]\nserver=keys\n", -1, NULL));
    config = load(GOOD, NULL);
    g_unlink(one);
    g_rmdir(sub);

    assert_int_equal(akma_config_get_applications(config)->len, 2);
}

static void
gba_is_from_the_imsi_or_as_the_group_says(void **state)
{
    static const struct {
        const char *name;
        AkmaAnchorChoice anchor;
    } rows[] = {
        {"auto", AKMA_ANCHOR_AUTO},
        {"akma", AKMA_ANCHOR_AKMA},
        {"gba", AKMA_ANCHOR_GBA},
        {"gba-u", AKMA_ANCHOR_GBA_U},
    };
    g_autoptr(AkmaConfig) none = load(GOOD, NULL);
    g_autoptr(AkmaConfig) some =
        load(GOOD "[gba]\nbsf=https://bsf.example.com:8443\nimpi=me@example.com\n", NULL);

    (void)state;
    assert_null(akma_config_get_bsf(none));
    assert_null(akma_config_get_impi(none));
    assert_null(akma_config_get_bsf_ca_file(none));
    assert_string_equal(akma_config_get_bsf(some), "https://bsf.example.com:8443");
    assert_string_equal(akma_config_get_impi(some), "me@example.com");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf(SERVER "anchor=%s\n", rows[i].name);
        g_autoptr(AkmaConfig) config = load(text, NULL);
        const AkmaConfigServer *server = akma_config_get_servers(config)->pdata[0];

        assert_int_equal(server->anchor, rows[i].anchor);
        assert_int_equal(server->profile, AKMA_UA_MESSAGE);
    }
}

static void
digest_has_a_first_key_of_its_own(void **state)
{
    g_autoptr(AkmaConfig) config = load(SERVER "profile=digest\n", NULL);
    const AkmaConfigServer *server = akma_config_get_servers(config)->pdata[0];
    g_autofree char *wire = akma_af_id_dup_wire(&server->af_id);

    (void)state;
    assert_int_equal(server->profile, AKMA_UA_DIGEST);
    assert_string_equal(wire, "keys.example.com0100000002");
}

static void
psk_has_a_first_key_of_its_own(void **state)
{
    g_autoptr(AkmaConfig) config = load(SERVER "profile=psk\n", NULL);
    const AkmaConfigServer *server = akma_config_get_servers(config)->pdata[0];
    g_autofree char *wire = akma_af_id_dup_wire(&server->af_id);

    (void)state;
    assert_int_equal(server->profile, AKMA_UA_PSK);
    assert_string_equal(wire, "keys.example.com0100000007");
}

static void
reject_psk_with_a_certificate(void **state)
{
    (void)state;
    assert_rejected(
        SERVER "profile=psk\nca-file=/etc/hostname\n", "[server keys] ca-file", "no certificate");
}

static void
reject_a_bsf_or_an_impi_that_is_none(void **state)
{
    (void)state;
    assert_rejected("[gba]\nbsf=bsf.example.com\n", "[gba] bsf", "http://");
    assert_rejected("[gba]\nbsf=http://a/path\n", "[gba] bsf", "");
    assert_rejected("[gba]\nimpi=nobody\n", "[gba] impi", "");
    assert_rejected("[gba]\nimpi=a b@c\n", "[gba] impi", "");
    assert_rejected("[gba]\nca-file=/proc/nonexistent\n", "[gba] ca-file", "");
    assert_rejected(SERVER "anchor=gba-me\n", "[server keys] anchor", "gba-u");
}

static void
reject_what_belongs_to_features_that_are_not_there(void **state)
{
    (void)state;
    assert_rejected(MODEM "protocol=smoke\n", "[modem sim] protocol", "");
    assert_rejected(SERVER "profile=tls\n", "[server keys] profile", "");
    assert_rejected("[agent]\nsealing=paper\n", "[agent] sealing", "");
}

static void
reject_what_does_not_fit_the_kind_of_sealing(void **state)
{
    (void)state;
    assert_rejected("[agent]\nsealing=tpm\nsealing-key-file=/etc/akmad/k\n",
                    "[agent] sealing-key-file",
                    "sealing=tpm");
    assert_rejected("[agent]\nsealing=systemd\nsealing-key-file=credential:k\n",
                    "[agent] sealing-key-file",
                    "sealing=systemd");
    assert_rejected("[agent]\ntpm-pcrs=24\n", "[agent] tpm-pcrs", "0 to 23");
    assert_rejected("[agent]\ntpm-pcrs=7,8\n", "[agent] tpm-pcrs", "0 to 23");
    assert_rejected("[agent]\ntpm-tcti=--help\n", "[agent] tpm-tcti", "device:");
    assert_rejected("[agent]\ntpm-timeout=0s\n", "[agent] tpm-timeout", "1 to 60");
    assert_rejected("[agent]\ntpm-timeout=2m\n", "[agent] tpm-timeout", "1 to 60");
}

static void
reject_names_that_are_nowhere(void **state)
{
    (void)state;
    assert_rejected(
        GOOD "[application vpn]\nserver=nowhere\n", "[application vpn] server", "nowhere");
    assert_rejected(SERVER "modem=sim\n", "[server keys] modem", "sim");
    assert_rejected(SERVER "[application a]\nserver=keys\nusers=no-such-user-here\n",
                    "[application a] users",
                    "no-such-user-here");
    assert_rejected(SERVER "[application a]\nserver=keys\ngroups=no-such-group-here\n",
                    "[application a] groups",
                    "no-such-group-here");
    assert_rejected(
        SERVER "[application a]\nserver=keys\nusers=-1\n", "[application a] users", "-1");
    assert_rejected(
        SERVER "[application a]\nserver=keys\nusers=4294967295\n", "[application a] users", "");
    assert_rejected(SERVER "ca-file=/proc/nonexistent/ca.pem\n", "[server keys] ca-file", "");
}

static void
reject_bad_values(void **state)
{
    (void)state;
    assert_rejected("[server k]\nurl=http://keys.example.com\n", "[server k] url", "https");
    assert_rejected("[server k]\nurl=https://[::1]:8443\n", "[server k] url", "");
    assert_rejected("[server k]\nconnect=127.0.0.1:1\n", "[server k] url", "");
    assert_rejected(SERVER "timeout=0s\n", "[server keys] timeout", "");
    assert_rejected("[modem m]\ndevice=ttyUSB2\n", "[modem m] device", "absolute");
    assert_rejected("[modem m]\ndevice=\n", "[modem m] device", "");
    assert_rejected("[modem a]\n[modem b]\ndevice=auto\n", "[modem b] device", "only one");
    assert_rejected(SERVER "modem=\n", "[server keys] modem", "");
    assert_rejected(
        MODEM "pin-file=/proc/nonexistent/pin\n", "[modem sim] pin-file", "/proc/nonexistent");
    assert_rejected(MODEM "pin-file=1234\n", "[modem sim] pin-file", "");
    assert_rejected(MODEM "pin-file=/dev/null\n", "[modem sim] pin-file", "not a file");
    assert_rejected("[agent]\non-sim-change=ask\n", "[agent] on-sim-change", "");
    assert_rejected(MODEM "slot=0\n", "[modem sim] slot", "");
    assert_rejected(MODEM "protocol=at\nslot=2\n", "[modem sim] slot", "slot 1");
    assert_rejected(MODEM "proxy=maybe\n", "[modem sim] proxy", "");
    assert_rejected(MODEM "protocol=at\nproxy=always\n", "[modem sim] proxy", "no proxy");
    assert_rejected(SERVER "[application a]\n", "[application a] server", "");
    assert_rejected(SERVER "[application A]\nserver=keys\n", "[application A] key-id", "");
    assert_rejected(
        SERVER "[application a]\nserver=keys\nkey-id=UP\n", "[application a] key-id", "UP");
    assert_rejected(
        SERVER "[application a b]\nserver=keys\nkey-id=ab\n", "[application a b]", "name");
    assert_rejected(
        SERVER "[application a]\nserver=keys\nrefresh=0s\n", "[application a] refresh", "");
    assert_rejected(SERVER "[application a]\nserver=keys\nrenew-before=95%\n",
                    "[application a] renew-before",
                    "");
    assert_rejected("[akma]\nrouting-indicator=12345\n", "[akma] routing-indicator", "");
    assert_rejected("[akma]\nrouting-indicator=1x\n", "[akma] routing-indicator", "");
}

static void
reject_missing_file(void **state)
{
    g_autoptr(GError) error = NULL;

    (void)state;
    assert_null(akma_config_load("/proc/nonexistent/akmad.conf", &error));
    assert_true(g_error_matches(error, AKMA_ERROR, AKMA_ERROR_CONFIG_INVALID));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_gives_what_it_says_and_the_defaults),
        cmocka_unit_test(the_socket_of_credentials_is_what_the_group_says),
        cmocka_unit_test(units_are_what_the_group_says),
        cmocka_unit_test(without_users_groups_and_units_nobody_is_named),
        cmocka_unit_test(an_empty_file_means_any_modem),
        cmocka_unit_test(pin_file_and_what_another_sim_does_are_what_the_file_says),
        cmocka_unit_test(proxy_is_what_the_group_says),
        cmocka_unit_test(applications_may_stand_in_the_folder),
        cmocka_unit_test(gba_is_from_the_imsi_or_as_the_group_says),
        cmocka_unit_test(digest_has_a_first_key_of_its_own),
        cmocka_unit_test(psk_has_a_first_key_of_its_own),
        cmocka_unit_test(reject_psk_with_a_certificate),
        cmocka_unit_test(reject_a_bsf_or_an_impi_that_is_none),
        cmocka_unit_test(reject_what_belongs_to_features_that_are_not_there),
        cmocka_unit_test(reject_what_does_not_fit_the_kind_of_sealing),
        cmocka_unit_test(reject_names_that_are_nowhere),
        cmocka_unit_test(reject_bad_values),
        cmocka_unit_test(reject_missing_file),
    };
    int failed;

    folder = g_dir_make_tmp("akma-config-XXXXXX", NULL);
    file = g_build_filename(folder, "akmad.conf", NULL);
    failed = cmocka_run_group_tests_name("agent-config", tests, NULL, NULL);
    g_unlink(file);
    g_rmdir(folder);
    g_free(file);
    g_free(folder);

    return failed;
}
