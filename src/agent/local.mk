# SPDX-License-Identifier: LGPL-2.1-or-later
# The agent: everything but main() stands in the library, so that tests can link it.
noinst_LTLIBRARIES += %D%/libagent.la
%C%_libagent_la_SOURCES = \
	%D%/agent.c %D%/agent.h \
	%D%/application.c %D%/application.h %D%/application-private.h \
	%D%/application-outcome.c %D%/application-times.c \
	%D%/cards.c %D%/cards.h \
	%D%/clock-watch.c %D%/clock-watch.h \
	%D%/config.c %D%/config.h %D%/config-private.h %D%/config-modem.c %D%/config-server.c \
	%D%/credential-name.c %D%/credential-name.h \
	%D%/credentials.c %D%/credentials.h %D%/credential-listen.c \
	%D%/enrol.c %D%/enrol.h %D%/enrol-private.h \
	%D%/enrol-digest.c %D%/enrol-message.c %D%/enrol-psk.c \
	%D%/keys.c %D%/keys.h \
	%D%/modem-keeper.c %D%/modem-keeper.h %D%/modem-keeper-private.h \
	%D%/modem-keeper-card.c \
	%D%/modems.c %D%/modems.h \
	%D%/naf.c %D%/naf.h \
	%D%/network.c %D%/network.h %D%/network-event.c %D%/network-event.h \
	%D%/probe.c %D%/probe.h \
	%D%/schedule.c %D%/schedule.h \
	%D%/sealing.c %D%/sealing.h %D%/config-tpm.c %D%/tpm-helper.c %D%/tpm-helper.h \
	%D%/server.c %D%/server.h %D%/server-private.h %D%/server-run.c \
	%D%/timer.c %D%/timer.h \
	%D%/unlock.c %D%/unlock.h \
	%D%/waiters.c %D%/waiters.h
%C%_libagent_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akmad\"
%C%_libagent_la_LIBADD = dbus/libdbus.la src/store/libstore.la src/tpm/libblob.la src/session/libsession.la \
	src/anchor/libanchor.la src/http/libhttp.la modem/libmodem.la src/proto/libproto.la \
	src/kdf/libkdf.la src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS)

sbin_PROGRAMS += %D%/akmad
%C%_akmad_SOURCES = %D%/main.c
%C%_akmad_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akmad\"
%C%_akmad_LDADD = %D%/libagent.la

agent_tests = tests/unit/test-agent-config tests/unit/test-cards tests/unit/test-renewal tests/unit/test-application \
	tests/unit/test-enrol tests/unit/test-waiters
unit_tests += $(agent_tests)
tests_unit_test_agent_config_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
tests_unit_test_waiters_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
tests_unit_test_cards_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
tests_unit_test_renewal_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
tests_unit_test_application_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=akma_file_replace
tests_unit_test_application_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
# its own HTTP client stands in front of the one in the library
tests_unit_test_enrol_SOURCES = tests/unit/test-enrol.c tests/fakes/enrol-fixture.h \
	tests/fakes/fake-http-client.c tests/fakes/fake-http-client.h
tests_unit_test_enrol_LDADD = %D%/libagent.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)
unit_tests += tests/unit/test-enrol-gba
tests_unit_test_enrol_gba_SOURCES = tests/unit/test-enrol-gba.c tests/fakes/enrol-fixture.h \
	tests/fakes/fake-http-client.c tests/fakes/fake-http-client.h
tests_unit_test_enrol_gba_LDADD = %D%/libagent.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)

unit_tests += tests/unit/test-naf
tests_unit_test_naf_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
unit_tests += tests/unit/test-credential-name
tests_unit_test_credential_name_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
fuzz_tests += tests/fuzz/fuzz-credential-name
tests_fuzz_fuzz_credential_name_SOURCES = tests/fuzz/fuzz-credential-name.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_credential_name_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_credential_name_LDADD = %D%/libagent.la $(CRYPTO_LIBS) $(FUZZ_LIBS)
script_tests += tests/bus/test-credential-socket.py
script_tests += tests/bus/test-limits.py tests/bus/test-clock.py
script_tests += tests/e2e/test-agent-digest.py tests/e2e/test-agent-naf.py tests/e2e/test-agent-psk.py
script_tests += tests/bus/test-errors.py tests/bus/test-agent.py tests/bus/test-agent-faults.py tests/bus/test-bus.py \
	tests/bus/test-journal.py tests/bus/test-policy.py tests/bus/test-polkit.py tests/bus/test-who-may.py \
	tests/bus/test-hotplug.py tests/bus/test-sim.py tests/e2e/test-probe.py \
	tests/e2e/test-proxy.py
EXTRA_DIST += tests/bus/world.py tests/e2e/stock_server.py
EXTRA_DIST += tests/bus/cgroups.py

unit_tests += tests/unit/test-sealing
tests_unit_test_sealing_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
script_tests += tests/bus/test-sealing.py tests/bus/test-comes-back.py
unit_tests += tests/unit/test-network tests/unit/test-clock-watch tests/unit/test-application-clock
tests_unit_test_application_clock_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=akma_wall_ms \
	-Wl,--wrap=akma_timer_set -Wl,--wrap=akma_service_set_application \
	-Wl,--wrap=akma_service_update_application -Wl,--wrap=akma_service_remove_application \
	-Wl,--wrap=akma_service_emit_key_changed
tests_unit_test_application_clock_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
tests_unit_test_network_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=socket -Wl,--wrap=bind \
	-Wl,--wrap=akma_timer_set
tests_unit_test_network_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
tests_unit_test_clock_watch_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=timerfd_create \
	-Wl,--wrap=timerfd_settime -Wl,--wrap=read
tests_unit_test_clock_watch_LDADD = %D%/libagent.la $(CMOCKA_LIBS)
fuzz_tests += tests/fuzz/fuzz-network-event
tests_fuzz_fuzz_network_event_SOURCES = tests/fuzz/fuzz-network-event.c
tests_fuzz_fuzz_network_event_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_network_event_LDADD = %D%/libagent.la $(FUZZ_LIBS)
EXTRA_DIST += tests/bus/swtpm.py
