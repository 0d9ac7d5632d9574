# SPDX-License-Identifier: LGPL-2.1-or-later
# libport: the client's side, and what both sides share.
noinst_LTLIBRARIES += %D%/libport.la
%C%_libport_la_SOURCES = \
	%D%/link.c %D%/link.h \
	%D%/message.c %D%/message.h \
	%D%/port-card.c %D%/port-card.h \
	%D%/route.c %D%/route.h
%C%_libport_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modem\" \
	-DAKMA_PROXY_DIR=\"$(proxydir)\"
%C%_libport_la_LIBADD = modem/libcard.la

sbin_PROGRAMS += %D%/akmad-port
%C%_akmad_port_SOURCES = %D%/guest.c %D%/guest.h %D%/main.c
%C%_akmad_port_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akmad-port\"
%C%_akmad_port_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_akmad_port_LDADD = %D%/libport.la modem/libtransports.la $(SYSTEMD_LIBS)

unit_tests += tests/unit/test-port-message tests/unit/test-port-card tests/unit/test-port-route
tests_unit_test_port_route_LDADD = %D%/libport.la $(CMOCKA_LIBS)
tests_unit_test_port_message_LDADD = %D%/libport.la $(CMOCKA_LIBS)
tests_unit_test_port_card_SOURCES = tests/unit/test-port-card.c \
	tests/fakes/fake-card.c tests/fakes/fake-card.h
tests_unit_test_port_card_LDADD = %D%/libport.la $(CMOCKA_LIBS)

fuzz_tests += tests/fuzz/fuzz-port-message
tests_fuzz_fuzz_port_message_SOURCES = tests/fuzz/fuzz-port-message.c
tests_fuzz_fuzz_port_message_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_port_message_LDADD = %D%/libport.la $(FUZZ_LIBS)

script_tests += tests/e2e/test-akmad-port.py
