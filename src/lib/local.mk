# SPDX-License-Identifier: LGPL-2.1-or-later
# Parts of base are built into it: libbase.la would bring libcrypto, libsystemd and jansson into
# every program that gets a key.
noinst_LTLIBRARIES += %D%/liblib.la
%C%_liblib_la_SOURCES = \
	src/base/bus-error.c src/base/bus-error.h \
	src/base/error.c src/base/error.h \
	src/base/memfd.c src/base/memfd.h \
	%D%/application.c \
	%D%/connect.c %D%/connect.h \
	%D%/error.c %D%/error-private.h \
	%D%/key.c %D%/key-private.h \
	%D%/locked.c %D%/locked.h \
	%D%/path.c %D%/path.h \
	%D%/watch.c %D%/watch.h
%C%_liblib_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/%D% -DG_LOG_DOMAIN=\"libakmad\"
%C%_liblib_la_LIBADD = $(GLIB_LIBS)

# What is installed. -version-info: current:revision:age, see HACKING.md.
lib_LTLIBRARIES += %D%/libakmad.la
%C%_libakmad_la_SOURCES =
%C%_libakmad_la_LIBADD = %D%/liblib.la
%C%_libakmad_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 \
	-Wl,--version-script=$(srcdir)/%D%/libakmad.map
%C%_libakmad_la_DEPENDENCIES = %D%/liblib.la %D%/libakmad.map
EXTRA_DIST += %D%/libakmad.map

akmadincludedir = $(includedir)/akmad
akmadinclude_HEADERS = %D%/akmad/akmad.h %D%/akmad/application.h %D%/akmad/error.h %D%/akmad/key.h
pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = %D%/akmad.pc

if INTROSPECTION
# From the headers alone: what is not there is not for others.
%D%/Akmad-1.0.gir: %D%/libakmad.la $(akmadinclude_HEADERS)
	$(AM_V_GEN)CC='$(CC)' CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' $(G_IR_SCANNER) --quiet --warn-all $(GIR_WARN) \
		--namespace=Akmad --nsversion=1.0 --identifier-prefix=Akmad --symbol-prefix=akmad \
		--include=Gio-2.0 --pkg=gio-2.0 --pkg-export=akmad --c-include=akmad/akmad.h \
		--libtool='$(LIBTOOL)' --library=%D%/libakmad.la -I$(srcdir)/%D% \
		--output=$@ $(akmadinclude_HEADERS:%=$(srcdir)/%)
%D%/Akmad-1.0.typelib: %D%/Akmad-1.0.gir
	$(AM_V_GEN)$(G_IR_COMPILER) --output=$@ $<
girdir = $(datadir)/gir-1.0
nodist_gir_DATA = %D%/Akmad-1.0.gir
typelibdir = $(libdir)/girepository-1.0
nodist_typelib_DATA = %D%/Akmad-1.0.typelib
CLEANFILES += %D%/Akmad-1.0.gir %D%/Akmad-1.0.typelib
endif

unit_tests += tests/unit/test-lib-connect tests/unit/test-lib-error tests/unit/test-lib-key \
	tests/unit/test-lib-locked \
	tests/unit/test-lib-path
lib_test_cppflags = $(AM_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_test_lib_connect_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=g_timeout_source_new
tests_unit_test_lib_connect_LDADD = %D%/liblib.la $(CMOCKA_LIBS) $(GLIB_LIBS)
tests_unit_test_lib_error_CPPFLAGS = $(lib_test_cppflags)
tests_unit_test_lib_error_LDADD = %D%/liblib.la $(CMOCKA_LIBS) $(GLIB_LIBS)
tests_unit_test_lib_key_CPPFLAGS = $(lib_test_cppflags)
tests_unit_test_lib_key_LDADD = %D%/liblib.la $(CMOCKA_LIBS) $(GLIB_LIBS)
tests_unit_test_lib_locked_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=munmap -Wl,--wrap=mlock
tests_unit_test_lib_locked_LDADD = %D%/liblib.la $(CMOCKA_LIBS) $(GLIB_LIBS)
tests_unit_test_lib_path_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
tests_unit_test_lib_path_LDADD = %D%/liblib.la $(CMOCKA_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/bus/lib-tool
tests_bus_lib_tool_CPPFLAGS = $(lib_test_cppflags)
tests_bus_lib_tool_LDADD = %D%/libakmad.la $(GLIB_LIBS)
script_tests += tests/bus/test-lib.py tests/bus/test-lib-hostile.py tests/bus/test-lib-install.py tests/check-abi.py
EXTRA_DIST += tests/abi/libakmad.abixml tests/abi/org.akmad1.xml tests/bus/lib_client.py
