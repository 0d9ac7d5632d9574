# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libsession.la
%C%_libsession_la_SOURCES = \
	%D%/enrolment.c %D%/enrolment.h \
	%D%/server.c %D%/server.h \
	%D%/terminal.c %D%/terminal.h
%C%_libsession_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-session\"
%C%_libsession_la_LIBADD = src/proto/libproto.la src/kdf/libkdf.la src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS)

# The exchange of the vectors, for tests.
check_LTLIBRARIES += tests/libexchange.la
tests_libexchange_la_SOURCES = tests/fakes/exchange.c tests/fakes/exchange.h
tests_libexchange_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_libexchange_la_LIBADD = %D%/libsession.la tests/libtests.la $(JANSSON_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)

session_tests = tests/unit/test-enrolment tests/unit/test-enrolment-by-card tests/unit/test-exchange \
	tests/unit/test-server-rejects tests/unit/test-server-session \
	tests/unit/test-terminal-rejects tests/unit/test-terminal-session
unit_tests += $(session_tests)
session_test_libs = tests/libexchange.la %D%/libsession.la src/proto/libproto.la tests/libtests.la $(JANSSON_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_test_enrolment_LDADD = %D%/libsession.la $(CMOCKA_LIBS)
tests_unit_test_enrolment_by_card_LDADD = %D%/libsession.la $(CMOCKA_LIBS)
tests_unit_test_exchange_LDADD = $(session_test_libs)
tests_unit_test_exchange_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_server_session_LDADD = $(session_test_libs)
tests_unit_test_server_session_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_terminal_session_LDADD = $(session_test_libs)
tests_unit_test_terminal_session_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_server_rejects_LDADD = $(session_test_libs)
tests_unit_test_server_rejects_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_terminal_rejects_LDADD = $(session_test_libs)
tests_unit_test_terminal_rejects_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

# An independent client and server in Python, for end-to-end tests.
script_tests += tests/e2e/test-reference.py tests/e2e/test-agent-protocol.py
EXTRA_DIST += tests/e2e/reference.py tests/e2e/reference_h2.py tests/e2e/reference_messages.py \
	tests/e2e/reference_server.py
