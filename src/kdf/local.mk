# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libkdf.la
%C%_libkdf_la_SOURCES = \
	%D%/aes.c %D%/aes.h \
	%D%/af-id.c %D%/af-id.h \
	%D%/akma.c %D%/akma.h \
	%D%/fiveg.c %D%/fiveg.h \
	%D%/gba.c %D%/gba.h \
	%D%/hkdf.c %D%/hkdf.h \
	%D%/hmac.c %D%/hmac.h \
	%D%/kdf.c %D%/kdf.h \
	%D%/milenage.c %D%/milenage.h \
	%D%/plmn.c %D%/plmn.h \
	%D%/sha256.c %D%/sha256.h
%C%_libkdf_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-kdf\"
%C%_libkdf_la_LIBADD = src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS)

kdf_tests = tests/unit/test-aes tests/unit/test-af-id tests/unit/test-akma tests/unit/test-fiveg tests/unit/test-gba \
	tests/unit/test-hkdf tests/unit/test-hmac tests/unit/test-kdf tests/unit/test-milenage tests/unit/test-plmn \
	tests/unit/test-sha256
unit_tests += $(kdf_tests)
tests_unit_test_aes_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_aes_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_af_id_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_af_id_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_akma_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_akma_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_fiveg_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_fiveg_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_gba_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_gba_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_hkdf_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_hkdf_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_hmac_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_hmac_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_kdf_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_kdf_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_milenage_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_milenage_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_plmn_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_plmn_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sha256_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_sha256_LDADD = tests/libtests.la %D%/libkdf.la $(JANSSON_LIBS) $(CMOCKA_LIBS)

# the vectors themselves, against osmo-auc-gen
script_tests += tests/vectors/check-milenage.py
