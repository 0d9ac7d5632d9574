# SPDX-License-Identifier: LGPL-2.1-or-later
# Proxies (akma_bus_*_proxy_*) of dbus/org.akmad1.xml for the client's end of the bus. Include
# "dbus/generated.h".
noinst_LTLIBRARIES += %D%/libdbus-generated.la
nodist_%C%_libdbus_generated_la_SOURCES = %D%/generated.c %D%/generated.h
%C%_libdbus_generated_la_SOURCES =
# not our code: without our warnings
%C%_libdbus_generated_la_CFLAGS = -std=gnu17 $(SANITIZE_CFLAGS) $(GLIB_CFLAGS)
%C%_libdbus_generated_la_LIBADD = $(GLIB_LIBS)

DBUS_CODEGEN = $(AM_V_GEN)$(MKDIR_P) %D% && $(GDBUS_CODEGEN) --interface-prefix org.akmad1. \
	--c-namespace AkmaBus --c-generate-object-manager --c-generate-autocleanup all \
	--glib-min-required 2.74

%D%/generated.h: %D%/org.akmad1.xml
	$(DBUS_CODEGEN) --header --output $@ $(srcdir)/%D%/org.akmad1.xml
%D%/generated.c: %D%/org.akmad1.xml %D%/generated.h
	$(DBUS_CODEGEN) --body --output $@ $(srcdir)/%D%/org.akmad1.xml

BUILT_SOURCES += %D%/generated.h
CLEANFILES += %D%/generated.c %D%/generated.h
EXTRA_DIST += %D%/org.akmad1.xml

noinst_LTLIBRARIES += %D%/libdbus.la
# The agent's end: sd-bus in the GLib loop, without a thread.
%C%_libdbus_la_SOURCES = \
	%D%/adaptor.c %D%/adaptor.h \
	%D%/application.c %D%/application.h \
	%D%/auth.c %D%/auth.h \
	%D%/bus-source.c %D%/bus-source.h \
	%D%/callers.c %D%/callers.h \
	%D%/connection.c %D%/connection.h \
	%D%/credentials.c %D%/credentials.h \
	%D%/decision.c %D%/decision.h \
	%D%/export.c %D%/export.h \
	%D%/key-reply.c %D%/key-reply.h \
	%D%/limit.c %D%/limit.h \
	%D%/managers.c %D%/managers.h \
	%D%/modem.c %D%/modem.h \
	%D%/refusals.c %D%/refusals.h \
	%D%/service.c %D%/service.h \
	%D%/unit.c %D%/unit.h
%C%_libdbus_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-dbus\"
%C%_libdbus_la_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_libdbus_la_LIBADD = src/store/libstore.la src/base/libbase.la \
	$(GLIB_LIBS) $(SYSTEMD_LIBS)

unit_tests += tests/unit/test-unit
tests_unit_test_unit_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_unit_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sd_pid_get_unit
tests_unit_test_unit_LDADD = %D%/libdbus.la $(CMOCKA_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS)
unit_tests += tests/unit/test-auth tests/unit/test-credentials tests/unit/test-limit \
	tests/unit/test-key-reply tests/unit/test-refusals
tests_unit_test_auth_LDADD = %D%/libdbus.la $(CMOCKA_LIBS) $(GLIB_LIBS)
tests_unit_test_limit_LDADD = %D%/libdbus.la $(CMOCKA_LIBS) $(GLIB_LIBS)
tests_unit_test_refusals_LDADD = %D%/libdbus.la $(CMOCKA_LIBS) $(GLIB_LIBS)
unit_tests += tests/unit/test-forget
tests_unit_test_forget_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_forget_LDADD = %D%/libdbus.la $(CMOCKA_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS)
dbus_message_tests_sources = tests/fakes/bus-message.c tests/fakes/bus-message.h
tests_unit_test_credentials_SOURCES = tests/unit/test-credentials.c $(dbus_message_tests_sources)
tests_unit_test_credentials_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_credentials_LDADD = %D%/libdbus.la $(CMOCKA_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS)
tests_unit_test_key_reply_SOURCES = tests/unit/test-key-reply.c $(dbus_message_tests_sources)
tests_unit_test_key_reply_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_key_reply_LDADD = %D%/libdbus.la $(CMOCKA_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS)

script_tests += tests/bus/test-introspection.py
