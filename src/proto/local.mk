# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libproto.la
%C%_libproto_la_SOURCES = \
	%D%/cause.c %D%/cause.h \
	%D%/first-request.c %D%/first-request.h \
	%D%/first-response.c %D%/first-response.h \
	%D%/json.c %D%/json.h \
	%D%/jwe.c %D%/jwe.h \
	%D%/jwk.c %D%/jwk.h \
	%D%/key.c \
	%D%/key-set.c %D%/key-set.h \
	%D%/problem.c %D%/problem.h \
	%D%/provider-request.c %D%/provider-request.h \
	%D%/schedule.c %D%/schedule.h \
	%D%/second-request.c %D%/second-request.h
%C%_libproto_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-proto\"
%C%_libproto_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_libproto_la_LIBADD = src/kdf/libkdf.la src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS)

proto_tests = tests/unit/test-first-request tests/unit/test-json tests/unit/test-jwe \
	tests/unit/test-key-set tests/unit/test-problem tests/unit/test-provider-request tests/unit/test-schedule
unit_tests += $(proto_tests)
proto_test_libs = %D%/libproto.la tests/libtests.la $(JANSSON_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_test_first_request_LDADD = $(proto_test_libs)
tests_unit_test_json_LDADD = $(proto_test_libs)
tests_unit_test_json_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_jwe_LDADD = $(proto_test_libs)
tests_unit_test_jwe_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_key_set_LDADD = $(proto_test_libs)
tests_unit_test_key_set_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_problem_LDADD = $(proto_test_libs)
tests_unit_test_provider_request_LDADD = $(proto_test_libs)
tests_unit_test_schedule_LDADD = $(proto_test_libs)
tests_unit_test_schedule_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)

# Another implementation of JWE as the peer.
if HAVE_CJOSE
unit_tests += tests/unit/test-jwe-cjose
tests_unit_test_jwe_cjose_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CJOSE_CFLAGS)
tests_unit_test_jwe_cjose_LDADD = %D%/libproto.la src/base/libbase.la $(CJOSE_LIBS) $(CMOCKA_LIBS)
endif

proto_fuzz = tests/fuzz/fuzz-first-request tests/fuzz/fuzz-first-response tests/fuzz/fuzz-jwe \
	tests/fuzz/fuzz-key-set tests/fuzz/fuzz-problem tests/fuzz/fuzz-provider-request \
	tests/fuzz/fuzz-second-request
fuzz_tests += $(proto_fuzz)
proto_fuzz_libs = %D%/libproto.la src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(FUZZ_LIBS)
tests_fuzz_fuzz_first_request_SOURCES = tests/fuzz/fuzz-first-request.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_first_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_first_request_LDADD = $(proto_fuzz_libs)
tests_fuzz_fuzz_first_response_SOURCES = tests/fuzz/fuzz-first-response.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_first_response_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_first_response_LDADD = $(proto_fuzz_libs)
tests_fuzz_fuzz_jwe_SOURCES = tests/fuzz/fuzz-jwe.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_jwe_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_jwe_LDADD = $(proto_fuzz_libs)
tests_fuzz_fuzz_key_set_SOURCES = tests/fuzz/fuzz-key-set.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_key_set_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_key_set_LDADD = $(proto_fuzz_libs)
tests_fuzz_fuzz_problem_SOURCES = tests/fuzz/fuzz-problem.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_problem_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_problem_LDADD = $(proto_fuzz_libs)
tests_fuzz_fuzz_provider_request_SOURCES = tests/fuzz/fuzz-provider-request.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_provider_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_provider_request_LDADD = $(proto_fuzz_libs)
tests_fuzz_fuzz_second_request_SOURCES = tests/fuzz/fuzz-second-request.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_second_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_second_request_LDADD = $(proto_fuzz_libs)
EXTRA_DIST += tests/fuzz/make-proto-corpus.py
