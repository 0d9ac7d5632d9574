# SPDX-License-Identifier: LGPL-2.1-or-later
# Two libraries, so that the agent does not link libuv and the key server not libcurl.
noinst_LTLIBRARIES += %D%/libh2.la
%C%_libh2_la_SOURCES = \
	%D%/conn-bytes.c \
	%D%/conn-wire.c \
	%D%/conn.c %D%/conn.h \
	%D%/fields.h \
	%D%/h1-conn.c \
	%D%/h1.c %D%/h1.h \
	%D%/h2-client-call.c \
	%D%/h2-client-internal.h \
	%D%/h2-client-link.c \
	%D%/h2-client.c %D%/h2-client.h \
	%D%/h2-conn.c %D%/h2-frames.c \
	%D%/h2-internal.h \
	%D%/h2-psk.c \
	%D%/h2-server.c \
	%D%/h2-stream.c \
	%D%/h2.h \
	%D%/io.c \
	%D%/listen.c \
	%D%/psk.c %D%/psk.h \
	%D%/tls.c %D%/tls.h
%C%_libh2_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-http\"
%C%_libh2_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(NGHTTP2_CFLAGS) $(SSL_CFLAGS)
%C%_libh2_la_LIBADD = src/base/libbase.la $(UV_LIBS) $(NGHTTP2_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)

noinst_LTLIBRARIES += %D%/libhttp.la
%C%_libhttp_la_SOURCES = \
	%D%/certificate-time.c %D%/certificate-time.h \
	%D%/client-psk.c %D%/client-psk.h \
	%D%/client-request.c %D%/client-request.h \
	%D%/client.c %D%/client.h \
	%D%/curl-source.c %D%/curl-source.h \
	%D%/fields.h \
	%D%/psk.c %D%/psk.h
%C%_libhttp_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-http\"
%C%_libhttp_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(SSL_CFLAGS)
%C%_libhttp_la_LIBADD = src/base/libbase.la $(CURL_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS) $(GLIB_LIBS)

check_PROGRAMS += tests/e2e/http-asker
tests_e2e_http_asker_SOURCES = tests/e2e/http-asker.c
tests_e2e_http_asker_LDADD = %D%/libhttp.la src/base/libbase.la
script_tests += tests/e2e/test-http-client.py

check_PROGRAMS += tests/e2e/http-peer
tests_e2e_http_peer_SOURCES = tests/e2e/http-peer.c
tests_e2e_http_peer_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(SSL_CFLAGS)
tests_e2e_http_peer_LDADD = %D%/libh2.la src/base/libbase.la
script_tests += tests/e2e/test-h1-server.py tests/e2e/test-h2-client.py \
	tests/e2e/test-h2-server.py tests/e2e/test-http-memory.py
EXTRA_DIST += tests/e2e/memscan.py tests/e2e/peers.py

fuzz_tests += tests/fuzz/fuzz-h2
tests_fuzz_fuzz_h2_SOURCES = tests/fuzz/fuzz-h2.c tests/fuzz/fuzz-server.h
tests_fuzz_fuzz_h2_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(NGHTTP2_CFLAGS) $(SSL_CFLAGS)
tests_fuzz_fuzz_h2_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_h2_LDADD = %D%/libh2.la src/base/libbase.la $(FUZZ_LIBS)

unit_tests += tests/unit/test-certificate-time
tests_unit_test_certificate_time_LDADD = %D%/libhttp.la $(CMOCKA_LIBS)

unit_tests += tests/unit/test-h1
tests_unit_test_h1_LDADD = %D%/libh2.la $(CMOCKA_LIBS)

unit_tests += tests/unit/test-h2-client-ahead
tests_unit_test_h2_client_ahead_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(SSL_CFLAGS)
tests_unit_test_h2_client_ahead_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getaddrinfo
tests_unit_test_h2_client_ahead_LDADD = %D%/libh2.la src/base/libbase.la $(UV_LIBS) $(CMOCKA_LIBS)

fuzz_tests += tests/fuzz/fuzz-h1 tests/fuzz/fuzz-h1-server
tests_fuzz_fuzz_h1_SOURCES = tests/fuzz/fuzz-h1.c
tests_fuzz_fuzz_h1_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_h1_LDADD = %D%/libh2.la $(FUZZ_LIBS)
tests_fuzz_fuzz_h1_server_SOURCES = tests/fuzz/fuzz-h1-server.c tests/fuzz/fuzz-server.h
tests_fuzz_fuzz_h1_server_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(NGHTTP2_CFLAGS) $(SSL_CFLAGS)
tests_fuzz_fuzz_h1_server_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_h1_server_LDADD = %D%/libh2.la src/base/libbase.la $(FUZZ_LIBS)
