# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libat.la
%C%_libat_la_SOURCES = \
	%D%/answer.c %D%/answer.h \
	%D%/at-card.c %D%/at-card.h %D%/at-private.h \
	%D%/at-channel.c \
	%D%/at-late.c \
	%D%/at-pin.c \
	%D%/at-query.c \
	%D%/leftover.c %D%/leftover.h %D%/leftover-free.c \
	%D%/parser.c %D%/parser.h \
	%D%/port.c %D%/port.h \
	%D%/tty.c %D%/tty.h
%C%_libat_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modem\"
%C%_libat_la_LIBADD = modem/libcard.la

at_tests = tests/unit/test-at-answer tests/unit/test-at-leftover tests/unit/test-at-parser tests/unit/test-at-card tests/unit/test-at-pin \
	tests/unit/test-at-port
unit_tests += $(at_tests)
tests_unit_test_at_parser_LDADD = %D%/libat.la $(CMOCKA_LIBS)
tests_unit_test_at_leftover_LDADD = %D%/libat.la $(CMOCKA_LIBS)
tests_unit_test_at_answer_LDADD = %D%/libat.la $(CMOCKA_LIBS)
at_fixture = tests/fakes/at-fixture.c tests/fakes/at-fixture.h \
	tests/fakes/fake-at.c tests/fakes/fake-at.h tests/fakes/fake-card.c tests/fakes/fake-card.h
tests_unit_test_at_card_SOURCES = tests/unit/test-at-card.c $(at_fixture)
tests_unit_test_at_card_LDADD = %D%/libat.la $(CMOCKA_LIBS)
tests_unit_test_at_pin_SOURCES = tests/unit/test-at-pin.c $(at_fixture)
tests_unit_test_at_pin_LDADD = %D%/libat.la $(CMOCKA_LIBS)
tests_unit_test_at_port_SOURCES = tests/unit/test-at-port.c $(at_fixture)
tests_unit_test_at_port_LDADD = %D%/libat.la $(CMOCKA_LIBS)
script_tests += tests/e2e/test-at-leftover.py

fuzz_tests += tests/fuzz/fuzz-at-parser
tests_fuzz_fuzz_at_parser_SOURCES = tests/fuzz/fuzz-at-parser.c
tests_fuzz_fuzz_at_parser_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_at_parser_LDADD = %D%/libat.la $(FUZZ_LIBS)
