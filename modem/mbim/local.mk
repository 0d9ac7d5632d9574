# SPDX-License-Identifier: LGPL-2.1-or-later
# libmbimanswer: what needs no modem, for tests; libmbim: the transport.
noinst_LTLIBRARIES += %D%/libmbimanswer.la %D%/libmbim.la
%C%_libmbimanswer_la_SOURCES = \
	%D%/answer.c %D%/answer.h %D%/answer-private.h \
	%D%/answer-state.c \
	%D%/habits.c %D%/habits.h \
	%D%/status.c
%C%_libmbimanswer_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modem\"
%C%_libmbimanswer_la_LIBADD = modem/libcard.la
%C%_libmbim_la_SOURCES = \
	%D%/mbim-card.c %D%/mbim-card.h %D%/mbim-private.h \
	%D%/mbim-channel.c \
	%D%/mbim-open.c \
	%D%/mbim-query.c \
	%D%/mbim-session.c \
	%D%/mbim-shortcut.c \
	%D%/request.c
%C%_libmbim_la_CPPFLAGS = $(AM_CPPFLAGS) $(MBIM_CFLAGS) -DG_LOG_DOMAIN=\"akma-modem\"
%C%_libmbim_la_LIBADD = %D%/libmbimanswer.la $(MBIM_LIBS)

mbim_tests = tests/unit/test-mbim-answer tests/unit/test-mbim-habits tests/unit/test-mbim-state
unit_tests += $(mbim_tests)
tests_unit_test_mbim_answer_LDADD = %D%/libmbimanswer.la $(CMOCKA_LIBS)
tests_unit_test_mbim_habits_LDADD = %D%/libmbimanswer.la $(CMOCKA_LIBS)
tests_unit_test_mbim_state_LDADD = %D%/libmbimanswer.la $(CMOCKA_LIBS)
script_tests += tests/e2e/test-modem-mbim.py

fuzz_tests += tests/fuzz/fuzz-mbim-answer
tests_fuzz_fuzz_mbim_answer_SOURCES = tests/fuzz/fuzz-mbim-answer.c
tests_fuzz_fuzz_mbim_answer_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_mbim_answer_LDADD = %D%/libmbimanswer.la $(FUZZ_LIBS)
