# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libcli.la
%C%_libcli_la_SOURCES = \
	%D%/bus.c %D%/bus.h \
	%D%/cli.h \
	%D%/command.h \
	%D%/doctor.c %D%/doctor.h \
	%D%/doctor-authorization.c \
	%D%/doctor-bus.c \
	%D%/doctor-card.c \
	%D%/doctor-clock.c \
	%D%/doctor-config.c \
	%D%/doctor-credentials.c \
	%D%/doctor-dns.c \
	%D%/doctor-finding.c \
	%D%/doctor-handshake.c \
	%D%/doctor-server.c \
	%D%/doctor-tls.c \
	%D%/enroll.c \
	%D%/exec.c \
	%D%/format.c \
	%D%/get.c \
	%D%/json.c \
	%D%/key.c %D%/key.h \
	%D%/keyring.c %D%/keyring.h \
	%D%/list.c \
	%D%/modem.c \
	%D%/probe.c %D%/probe.h \
	%D%/progress.c \
	%D%/renew.c \
	%D%/show.c %D%/show.h \
	%D%/status.c \
	%D%/verbs.c \
	%D%/wait.c %D%/wait.h \
	%D%/watch.c
%C%_libcli_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-cli\"
%C%_libcli_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS) $(SSL_CFLAGS)
%C%_libcli_la_LIBADD = dbus/libdbus-generated.la src/base/libbase.la \
	$(GLIB_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS)

bin_PROGRAMS += %D%/akmactl
%C%_akmactl_SOURCES = %D%/main.c
%C%_akmactl_LDADD = %D%/libcli.la

script_tests += tests/e2e/test-doctor.py tests/bus/test-akmactl.py tests/bus/test-doctor-faults.py \
	tests/bus/test-readme.py
EXTRA_DIST += tests/bus/keyrings.py tests/bus/mock_agent.py tests/bus/mock_bus.py
unit_tests += tests/unit/test-cli-doctor tests/unit/test-cli-show
tests_unit_test_cli_doctor_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_cli_doctor_LDADD = %D%/libcli.la $(CMOCKA_LIBS)
tests_unit_test_cli_show_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_cli_show_LDADD = %D%/libcli.la $(CMOCKA_LIBS)
