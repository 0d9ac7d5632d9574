# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libkeyserver.la
%C%_libkeyserver_la_SOURCES = \
	%D%/admin.c %D%/admin.h %D%/admin-client.c %D%/admin-client.h \
	%D%/anchor-answer.c %D%/anchor-answer.h \
	%D%/anchor-token.c %D%/anchor-token.h %D%/token-answer.c \
	%D%/anchor-value.c %D%/anchor-value.h \
	%D%/anchors.c %D%/anchors.h %D%/anchors-private.h %D%/anchor-call.c \
	%D%/audit.c %D%/audit.h \
	%D%/breaker.c %D%/breaker.h \
	%D%/bsf-answer.c %D%/bsf-answer.h \
	%D%/check.c %D%/check.h \
	%D%/child.c %D%/child.h \
	%D%/config.c %D%/config.h \
	%D%/config-anchor.c %D%/config-anchor.h \
	%D%/config-consumer.c %D%/config-consumer.h \
	%D%/config-provider.c %D%/config-provider.h \
	%D%/consumer.c %D%/consumer.h \
	%D%/delivery.c %D%/delivery.h \
	%D%/digest-credentials.c %D%/digest-credentials.h \
	%D%/digest-challenge.c %D%/digest-challenge.h \
	%D%/digest-exchange.c %D%/digest-face.c %D%/digest-face.h \
	%D%/exchange.c %D%/exchange.h \
	%D%/fleet-counter.c %D%/fleet-counter.h \
	%D%/front.c %D%/front.h \
	%D%/health.c %D%/health.h \
	%D%/history.c %D%/history.h \
	%D%/impi.c %D%/impi.h \
	%D%/key-lines.c %D%/key-lines.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/pg.c %D%/pg.h %D%/pg-private.h %D%/pg-connect.c %D%/pg-conninfo.c %D%/pg-conninfo.h \
	%D%/pg-schema.c %D%/pg-schema.h %D%/pg-transaction.c %D%/pg-transaction.h \
	%D%/place.c %D%/place.h \
	%D%/presence.c %D%/presence.h \
	%D%/prometheus.c %D%/prometheus.h \
	%D%/provider-face.c %D%/provider-face.h \
	%D%/providers.c %D%/providers.h \
	%D%/pseudonym.c %D%/pseudonym.h \
	%D%/psk-exchange.c %D%/psk-face.c %D%/psk-face.h \
	%D%/psk-offer.c %D%/psk-offer.h \
	%D%/rate.c %D%/rate.h %D%/siphash.c \
	%D%/rights.c %D%/rights.h \
	%D%/schema.c %D%/schema.h \
	%D%/seal.c %D%/seal.h \
	%D%/sockets.c %D%/sockets.h \
	%D%/sql.c %D%/sql.h %D%/sqlite.c %D%/sqlite.h %D%/sqlite-schema.c %D%/sqlite-schema.h \
	%D%/status-page.c %D%/status-page.h %D%/status-plot.c %D%/status-plot.h \
	%D%/store.c %D%/store.h %D%/store-private.h \
	%D%/store-admin.c %D%/store-deliver.c %D%/store-keys.c %D%/store-meta.c %D%/store-copy.c %D%/store-rekey.c %D%/store-op.c \
	%D%/store-pg.c %D%/store-pg.h %D%/store-pg-pool.c %D%/store-pg-pool.h %D%/store-pg-task.c \
	%D%/store-publish.c %D%/store-sqlite.c %D%/store-version.c \
	%D%/supervisor.c %D%/supervisor.h \
	%D%/table.c \
	%D%/tally.c %D%/tally.h \
	%D%/terminal-id.c %D%/terminal-id.h \
	%D%/unknown-kids.c %D%/unknown-kids.h \
	%D%/upstream-answer.c %D%/upstream-answer.h \
	%D%/verb.c %D%/verb.h \
	%D%/verb-application.c %D%/verb-check.c %D%/verb-export.c \
	%D%/verb-import.c %D%/verb-init.c %D%/verb-key.c %D%/verb-serve.c \
	%D%/verb-status.c %D%/verb-store.c %D%/verb-terminal.c \
	%D%/vitals.c %D%/vitals.h \
	%D%/worker.c %D%/worker.h
%C%_libkeyserver_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-keyserver\"
%C%_libkeyserver_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(PQ_CFLAGS) $(SQLITE_CFLAGS) $(SYSTEMD_CFLAGS) \
	$(UV_CFLAGS) $(SSL_CFLAGS)
%C%_libkeyserver_la_LIBADD = src/session/libsession.la src/proto/libproto.la src/http/libh2.la \
	src/kdf/libkdf.la src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(SSL_LIBS) \
	$(JANSSON_LIBS) $(PQ_LIBS) $(SQLITE_LIBS) $(SYSTEMD_LIBS) $(UV_LIBS) -lm

bin_PROGRAMS += %D%/akma-keyserver
%C%_akma_keyserver_SOURCES = %D%/main.c
%C%_akma_keyserver_CPPFLAGS = $(%C%_libkeyserver_la_CPPFLAGS)
%C%_akma_keyserver_CFLAGS = $(%C%_libkeyserver_la_CFLAGS)
%C%_akma_keyserver_LDADD = %D%/libkeyserver.la

EXTRA_DIST += %D%/README.md

keyserver_tests = tests/unit/test-admin tests/unit/test-anchor-answer tests/unit/test-breaker tests/unit/test-bsf-answer \
	tests/unit/test-digest-challenge tests/unit/test-digest-credentials tests/unit/test-front \
	tests/unit/test-impi tests/unit/test-keyserver-config tests/unit/test-psk-offer tests/unit/test-token-answer \
	tests/unit/test-keyserver-publish tests/unit/test-keyserver-store \
	tests/unit/test-keyserver-store-rejects tests/unit/test-keyserver-store-shared \
	tests/unit/test-keyserver-store-upstream \
	tests/unit/test-in-flight tests/unit/test-rate tests/unit/test-rights tests/unit/test-terminal-id \
	tests/unit/test-upstream-answer
unit_tests += $(keyserver_tests)
keyserver_test_cflags = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(PQ_CFLAGS) $(SQLITE_CFLAGS) $(UV_CFLAGS) $(SSL_CFLAGS)
keyserver_test_libs = %D%/libkeyserver.la src/proto/libproto.la src/base/libbase.la \
	$(GLIB_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS)
tests_unit_test_admin_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_admin_LDADD = $(keyserver_test_libs) $(JANSSON_LIBS)
tests_unit_test_anchor_answer_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_anchor_answer_LDADD = $(keyserver_test_libs)
tests_unit_test_breaker_LDADD = $(keyserver_test_libs)
tests_unit_test_in_flight_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_in_flight_LDADD = $(keyserver_test_libs) $(SSL_LIBS) $(UV_LIBS)
tests_unit_test_bsf_answer_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_bsf_answer_LDADD = $(keyserver_test_libs)
tests_unit_test_digest_credentials_LDADD = $(keyserver_test_libs)
tests_unit_test_digest_challenge_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_digest_challenge_LDADD = $(keyserver_test_libs)
tests_unit_test_impi_LDADD = $(keyserver_test_libs)
tests_unit_test_token_answer_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_token_answer_LDADD = $(keyserver_test_libs)
tests_unit_test_front_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_front_LDADD = $(keyserver_test_libs)
tests_unit_test_keyserver_config_LDADD = $(keyserver_test_libs)
tests_unit_test_keyserver_store_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_keyserver_store_LDADD = $(keyserver_test_libs) $(SQLITE_LIBS) $(UV_LIBS)
tests_unit_test_keyserver_store_rejects_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_keyserver_store_rejects_LDADD = $(keyserver_test_libs) $(SQLITE_LIBS)
tests_unit_test_keyserver_store_shared_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_keyserver_store_shared_LDADD = $(keyserver_test_libs) $(SQLITE_LIBS) $(UV_LIBS)
tests_unit_test_keyserver_publish_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_keyserver_publish_LDADD = $(keyserver_test_libs)
tests_unit_test_keyserver_store_upstream_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_keyserver_store_upstream_LDADD = $(keyserver_test_libs) $(SQLITE_LIBS)
tests_unit_test_psk_offer_LDADD = $(keyserver_test_libs)
tests_unit_test_rate_LDADD = $(keyserver_test_libs)
tests_unit_test_rights_LDADD = $(keyserver_test_libs)
tests_unit_test_upstream_answer_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_upstream_answer_LDADD = $(keyserver_test_libs)
tests_unit_test_terminal_id_CFLAGS = $(keyserver_test_cflags)
tests_unit_test_terminal_id_LDADD = tests/libtests.la $(keyserver_test_libs) $(JANSSON_LIBS)

fuzz_tests += tests/fuzz/fuzz-anchor-answer tests/fuzz/fuzz-bsf-answer \
	tests/fuzz/fuzz-digest-credentials tests/fuzz/fuzz-impi tests/fuzz/fuzz-psk-offer \
	tests/fuzz/fuzz-token-answer tests/fuzz/fuzz-upstream-answer
keyserver_fuzz_libs = %D%/libkeyserver.la src/base/libbase.la $(GLIB_LIBS) $(CRYPTO_LIBS) $(FUZZ_LIBS)
tests_fuzz_fuzz_anchor_answer_SOURCES = tests/fuzz/fuzz-anchor-answer.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_anchor_answer_CFLAGS = $(keyserver_test_cflags)
tests_fuzz_fuzz_anchor_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_anchor_answer_LDADD = $(keyserver_fuzz_libs)
tests_fuzz_fuzz_bsf_answer_SOURCES = tests/fuzz/fuzz-bsf-answer.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_bsf_answer_CFLAGS = $(keyserver_test_cflags)
tests_fuzz_fuzz_bsf_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_bsf_answer_LDADD = $(keyserver_fuzz_libs)
tests_fuzz_fuzz_digest_credentials_SOURCES = tests/fuzz/fuzz-digest-credentials.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_digest_credentials_CFLAGS = $(keyserver_test_cflags)
tests_fuzz_fuzz_digest_credentials_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_digest_credentials_LDADD = $(keyserver_fuzz_libs)
tests_fuzz_fuzz_impi_SOURCES = tests/fuzz/fuzz-impi.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_impi_CFLAGS = $(keyserver_test_cflags)
tests_fuzz_fuzz_impi_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_impi_LDADD = $(keyserver_fuzz_libs)
tests_fuzz_fuzz_psk_offer_SOURCES = tests/fuzz/fuzz-psk-offer.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_psk_offer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_psk_offer_LDADD = $(keyserver_fuzz_libs)
tests_fuzz_fuzz_token_answer_SOURCES = tests/fuzz/fuzz-token-answer.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_token_answer_CFLAGS = $(keyserver_test_cflags)
tests_fuzz_fuzz_token_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_token_answer_LDADD = $(keyserver_fuzz_libs)
tests_fuzz_fuzz_upstream_answer_SOURCES = tests/fuzz/fuzz-upstream-answer.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_upstream_answer_CFLAGS = $(keyserver_test_cflags)
tests_fuzz_fuzz_upstream_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_upstream_answer_LDADD = $(keyserver_fuzz_libs)

script_tests += tests/e2e/test-keyserver.py tests/e2e/test-keyserver-admin.py \
	tests/e2e/test-keyserver-anchors.py \
	tests/e2e/test-keyserver-edges.py tests/e2e/test-keyserver-figures.py \
	tests/e2e/test-keyserver-follow.py tests/e2e/test-keyserver-page.py tests/e2e/test-keyserver-verbs.py \
	tests/e2e/test-keyserver-migrate.py tests/e2e/test-keyserver-shared.py \
	tests/e2e/test-keyserver-postgresql.py tests/e2e/test-keyserver-postgresql-faults.py \
	tests/e2e/test-keyserver-psk.py tests/e2e/test-keyserver-psk-rejects.py \
	tests/e2e/test-keyserver-digest.py tests/e2e/test-keyserver-gba.py tests/e2e/test-keyserver-lab.py \
	tests/e2e/test-keyserver-limits.py \
	tests/e2e/test-keyserver-method.py tests/e2e/test-keyserver-nef.py \
	tests/e2e/test-keyserver-operators.py tests/e2e/test-keyserver-reload.py tests/e2e/test-operations.py \
	tests/e2e/test-provider-api.py tests/e2e/test-third-server.py \
	tests/e2e/test-third-server-faults.py tests/e2e/test-third-server-main.py \
	tests/e2e/test-third-server-postgresql.py tests/e2e/test-third-server-profiles.py \
	tests/e2e/test-systemd.py
EXTRA_DIST += tests/e2e/aanf.py tests/e2e/bsf.py tests/e2e/certificates.py \
	tests/e2e/digest_client.py tests/e2e/fifth.py tests/e2e/figures.py \
	tests/e2e/keyserver.py tests/e2e/pgdoor.py tests/e2e/postgres.py tests/e2e/provider.py \
	tests/e2e/psk_client.py tests/e2e/third.py \
	tests/fakes/key-store.h tests/fakes/postgres.h
