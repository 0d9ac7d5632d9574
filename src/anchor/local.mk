# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libanchor.la
%C%_libanchor_la_SOURCES = \
	%D%/akma-usim.c %D%/akma-usim.h \
	%D%/anchor.c %D%/anchor.h
%C%_libanchor_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-anchor\"
%C%_libanchor_la_LIBADD = src/kdf/libkdf.la modem/libmodem.la

unit_tests += tests/unit/test-akma-usim
tests_unit_test_akma_usim_SOURCES = tests/unit/test-akma-usim.c \
	tests/fakes/fake-card.c tests/fakes/fake-card.h tests/fakes/usim-fixture.h
tests_unit_test_akma_usim_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_akma_usim_LDADD = tests/libtests.la %D%/libanchor.la $(JANSSON_LIBS) $(CMOCKA_LIBS)

# The whole agent side of a card, for tests/e2e/test-card.py.
check_PROGRAMS += tests/e2e/card-tool
tests_e2e_card_tool_SOURCES = tests/e2e/card-tool.c
tests_e2e_card_tool_LDADD = %D%/libanchor.la
script_tests += tests/e2e/test-card.py
EXTRA_DIST += tests/e2e/derive.py tests/e2e/tap.py
