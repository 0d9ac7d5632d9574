# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libstore.la
%C%_libstore_la_SOURCES = \
	%D%/entry.c %D%/entry.h \
	%D%/plain.c %D%/plain.h \
	%D%/seal.c %D%/seal.h \
	%D%/store.c %D%/store.h \
	%D%/times.c %D%/times.h
%C%_libstore_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-store\"
%C%_libstore_la_LIBADD = src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS)

unit_tests += tests/unit/test-store
tests_unit_test_store_SOURCES = tests/unit/test-store.c tests/fakes/store-fixture.h
tests_unit_test_store_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=akma_file_replace
tests_unit_test_store_LDADD = %D%/libstore.la src/base/libbase.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)

unit_tests += tests/unit/test-store-time
tests_unit_test_store_time_SOURCES = tests/unit/test-store-time.c tests/fakes/store-fixture.h
tests_unit_test_store_time_LDFLAGS = $(tests_unit_test_store_LDFLAGS)
tests_unit_test_store_time_LDADD = $(tests_unit_test_store_LDADD)

fuzz_tests += tests/fuzz/fuzz-store
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz-store.c
tests_fuzz_fuzz_store_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_store_LDADD = %D%/libstore.la src/base/libbase.la $(FUZZ_LIBS)
