# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libanchor.la
%C%_libanchor_la_SOURCES = \
	%D%/akma-usim.c %D%/akma-usim.h \
	%D%/anchor.c %D%/anchor.h \
	%D%/digest.c %D%/digest.h %D%/digest-parser.c %D%/digest-parser.h \
	%D%/gba-bootstrap.c %D%/gba-usim.c %D%/gba-usim.h %D%/gba-usim-private.h \
	%D%/gba-cache.c %D%/gba-cache.h \
	%D%/gba-info.c %D%/gba-info.h \
	%D%/gba-names.c %D%/gba-names.h \
	%D%/gba-tmpi.c %D%/gba-tmpi.h \
	%D%/gba-ub.c %D%/gba-ub.h \
	%D%/probe.c %D%/probe.h \
	%D%/read.c %D%/read.h \
	%D%/services.c %D%/services.h \
	%D%/usim-visit.c %D%/usim-visit.h
%C%_libanchor_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-anchor\"
%C%_libanchor_la_LIBADD = src/http/libhttp.la src/kdf/libkdf.la modem/libmodem.la

unit_tests += tests/unit/test-akma-usim tests/unit/test-probe
tests_unit_test_probe_SOURCES = tests/unit/test-probe.c \
	tests/fakes/fake-card.c tests/fakes/fake-card.h tests/fakes/usim-fixture.h
tests_unit_test_probe_LDADD = %D%/libanchor.la $(CMOCKA_LIBS)
tests_unit_test_akma_usim_SOURCES = tests/unit/test-akma-usim.c \
	tests/fakes/fake-card.c tests/fakes/fake-card.h tests/fakes/usim-fixture.h
tests_unit_test_akma_usim_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_akma_usim_LDADD = tests/libtests.la %D%/libanchor.la $(JANSSON_LIBS) $(CMOCKA_LIBS)
unit_tests += tests/unit/test-akma-usim-swap
tests_unit_test_akma_usim_swap_SOURCES = tests/unit/test-akma-usim-swap.c \
	tests/fakes/fake-card.c tests/fakes/fake-card.h tests/fakes/usim-fixture.h
tests_unit_test_akma_usim_swap_LDADD = %D%/libanchor.la $(CMOCKA_LIBS)

gba_tests = tests/unit/test-digest tests/unit/test-gba-info tests/unit/test-gba-names \
	tests/unit/test-gba-ub
unit_tests += $(gba_tests)
tests_unit_test_digest_LDADD = %D%/libanchor.la $(CMOCKA_LIBS)
tests_unit_test_gba_info_LDADD = %D%/libanchor.la $(CMOCKA_LIBS)
tests_unit_test_gba_names_LDADD = %D%/libanchor.la $(CMOCKA_LIBS)
tests_unit_test_gba_ub_LDADD = %D%/libanchor.la $(CMOCKA_LIBS)

fuzz_tests += tests/fuzz/fuzz-gba
tests_fuzz_fuzz_gba_SOURCES = tests/fuzz/fuzz-gba.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_gba_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_gba_LDADD = %D%/libanchor.la $(CRYPTO_LIBS) $(FUZZ_LIBS)

# The whole agent side of a card, for tests/e2e/test-card.py.
check_PROGRAMS += tests/e2e/card-tool
tests_e2e_card_tool_SOURCES = tests/e2e/card-options.c tests/e2e/card-options.h tests/e2e/card-tool.c
tests_e2e_card_tool_LDADD = %D%/libanchor.la
script_tests += tests/e2e/test-card.py tests/e2e/test-conformance.py tests/e2e/test-gba-terminal.py
EXTRA_DIST += tests/e2e/columns.py tests/e2e/derive.py tests/e2e/tap.py tests/e2e/ubserver.py
