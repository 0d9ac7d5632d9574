# SPDX-License-Identifier: LGPL-2.1-or-later
# libblob knows no TPM; the rest stands in akmad-tpm alone, so that akmad maps no library of it.
noinst_LTLIBRARIES += %D%/libblob.la
%C%_libblob_la_SOURCES = %D%/blob.c %D%/blob.h
%C%_libblob_la_LIBADD = src/base/libbase.la $(GLIB_LIBS)

unit_tests += tests/unit/test-tpm-blob
tests_unit_test_tpm_blob_LDADD = %D%/libblob.la $(CMOCKA_LIBS)

fuzz_tests += tests/fuzz/fuzz-tpm-blob
tests_fuzz_fuzz_tpm_blob_SOURCES = tests/fuzz/fuzz-tpm-blob.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_tpm_blob_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_tpm_blob_LDADD = %D%/libblob.la $(FUZZ_LIBS)

if HAVE_TSS2
# beside akmad, which looks for it there
sbin_PROGRAMS += src/agent/akmad-tpm
src_agent_akmad_tpm_SOURCES = %D%/main.c %D%/tpm.c %D%/tpm.h %D%/explain.c %D%/explain.h
src_agent_akmad_tpm_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akmad-tpm\"
src_agent_akmad_tpm_CFLAGS = $(AM_CFLAGS) $(TSS2_CFLAGS)
src_agent_akmad_tpm_LDADD = %D%/libblob.la src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(TSS2_LIBS)

unit_tests += tests/unit/test-tpm-explain
tests_unit_test_tpm_explain_SOURCES = tests/unit/test-tpm-explain.c %D%/explain.c %D%/explain.h
tests_unit_test_tpm_explain_CFLAGS = $(AM_CFLAGS) $(TSS2_CFLAGS)
tests_unit_test_tpm_explain_LDADD = src/base/libbase.la $(GLIB_LIBS) $(TSS2_LIBS) $(CMOCKA_LIBS)
endif
