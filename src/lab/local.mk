# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/liblab.la
%C%_liblab_la_SOURCES = \
	%D%/aanf.c \
	%D%/anchor-keys.c %D%/anchor-keys.h \
	%D%/answer.c %D%/answer.h \
	%D%/auc.c %D%/auc.h \
	%D%/ausf.c \
	%D%/bootstraps.c %D%/bootstraps.h \
	%D%/digest.c %D%/digest.h \
	%D%/lab.c %D%/lab.h \
	%D%/nbsp.c \
	%D%/nef.c \
	%D%/oauth.c \
	%D%/roles.h \
	%D%/router.c \
	%D%/server.c %D%/server.h \
	%D%/state.c \
	%D%/subscribers.c %D%/subscribers.h \
	%D%/ub.c
%C%_liblab_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-lab\"
%C%_liblab_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(SSL_CFLAGS) $(JANSSON_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_liblab_la_LIBADD = src/http/libh2.la src/kdf/libkdf.la src/base/libbase.la \
	$(UV_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) $(GLIB_LIBS)

bin_PROGRAMS += %D%/akma-lab
%C%_akma_lab_SOURCES = %D%/main.c
%C%_akma_lab_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-lab\"
%C%_akma_lab_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(SSL_CFLAGS) $(JANSSON_CFLAGS)
%C%_akma_lab_LDADD = %D%/liblab.la

unit_tests += tests/unit/test-anchor-keys tests/unit/test-auc tests/unit/test-bootstraps \
	tests/unit/test-lab-digest tests/unit/test-subscribers
lab_test_libs = %D%/liblab.la $(CMOCKA_LIBS)
tests_unit_test_anchor_keys_LDADD = $(lab_test_libs)
tests_unit_test_auc_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_auc_LDADD = tests/libtests.la $(JANSSON_LIBS) $(lab_test_libs)
tests_unit_test_bootstraps_LDADD = $(lab_test_libs)
tests_unit_test_lab_digest_LDADD = $(lab_test_libs)
tests_unit_test_subscribers_LDADD = $(lab_test_libs)

fuzz_tests += tests/fuzz/fuzz-lab tests/fuzz/fuzz-lab-digest
tests_fuzz_fuzz_lab_digest_SOURCES = tests/fuzz/fuzz-lab-digest.c
tests_fuzz_fuzz_lab_digest_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_lab_digest_LDADD = %D%/liblab.la $(FUZZ_LIBS)
tests_fuzz_fuzz_lab_SOURCES = tests/fuzz/fuzz-lab.c
tests_fuzz_fuzz_lab_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(SSL_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_lab_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_lab_LDADD = %D%/liblab.la $(FUZZ_LIBS)

script_tests += tests/e2e/test-lab-bsf.py tests/e2e/test-lab.py tests/e2e/test-openapi.py
EXTRA_DIST += tests/e2e/ub.py
