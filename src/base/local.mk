# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libbase.la
%C%_libbase_la_SOURCES = \
	%D%/bus-error.c %D%/bus-error.h \
	%D%/bytes.c %D%/bytes.h \
	%D%/error.c %D%/error.h \
	%D%/event.c %D%/event.h \
	%D%/file.c %D%/file.h \
	%D%/listener.c %D%/listener.h \
	%D%/log.c %D%/log.h \
	%D%/memfd.c %D%/memfd.h \
	%D%/program.c %D%/program.h \
	%D%/redact.c %D%/redact.h \
	%D%/secret.c %D%/secret.h \
	%D%/setting-syntax.c %D%/setting-syntax.h \
	%D%/settings.c %D%/settings.h \
	%D%/text.c %D%/text.h \
	%D%/unix-time.h \
	%D%/wiping.c %D%/wiping.h
%C%_libbase_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-base\"
%C%_libbase_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS) $(JANSSON_CFLAGS)
%C%_libbase_la_LIBADD = $(GLIB_LIBS) $(CRYPTO_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS)

base_tests = tests/unit/test-bus-error tests/unit/test-bytes tests/unit/test-error tests/unit/test-event tests/unit/test-file \
	tests/unit/test-listener tests/unit/test-memfd tests/unit/test-redact tests/unit/test-secret tests/unit/test-settings tests/unit/test-text
unit_tests += $(base_tests)
tests_unit_test_bus_error_LDADD = %D%/libbase.la $(CMOCKA_LIBS) $(GLIB_LIBS)
tests_unit_test_bytes_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_error_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_event_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_file_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_listener_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_memfd_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_redact_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_secret_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_settings_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
tests_unit_test_text_LDADD = %D%/libbase.la $(CMOCKA_LIBS)
