# SPDX-License-Identifier: LGPL-2.1-or-later
# libcard: the contract and what stands above it, for transports and tests.
noinst_LTLIBRARIES += %D%/libcard.la
%C%_libcard_la_SOURCES = \
	%D%/apdu.c %D%/apdu.h \
	%D%/card.c %D%/card.h \
	%D%/queue.c %D%/queue.h \
	%D%/state.c %D%/state.h \
	%D%/tlv.c %D%/tlv.h \
	%D%/uicc.c %D%/uicc.h \
	%D%/uicc-send.c %D%/uicc-update.c \
	%D%/usim.c %D%/usim.h \
	%D%/usim-files.c %D%/usim-files.h \
	%D%/usim-gba.c %D%/usim-gba.h \
	%D%/usim-keys.c
%C%_libcard_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modem\"
%C%_libcard_la_LIBADD = src/base/libbase.la

# libtransports: all that open a port themselves.
noinst_LTLIBRARIES += %D%/libtransports.la
%C%_libtransports_la_SOURCES = %D%/transports.c %D%/transport.h
%C%_libtransports_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modem\"
%C%_libtransports_la_LIBADD = %D%/libcard.la %D%/at/libat.la %D%/mbim/libmbim.la \
	%D%/qmi/libqmi.la

# libmodem: the modem object over all transports there are.
noinst_LTLIBRARIES += %D%/libmodem.la
%C%_libmodem_la_SOURCES = \
	%D%/discovery.c %D%/discovery.h \
	%D%/modem.c %D%/modem.h %D%/modem-card.h %D%/modem-private.h \
	%D%/modem-open.c %D%/modem-refresh.c \
	%D%/found-modem.c %D%/found-modem.h
%C%_libmodem_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modem\"
%C%_libmodem_la_CFLAGS = $(AM_CFLAGS) $(GUDEV_CFLAGS)
%C%_libmodem_la_LIBADD = %D%/libcard.la %D%/libtransports.la %D%/port/libport.la $(GUDEV_LIBS)

modem_tests = tests/unit/test-apdu tests/unit/test-tlv tests/unit/test-uicc tests/unit/test-usim-files
unit_tests += $(modem_tests)
tests_unit_test_apdu_LDADD = %D%/libcard.la $(CMOCKA_LIBS)
tests_unit_test_tlv_LDADD = %D%/libcard.la $(CMOCKA_LIBS)
tests_unit_test_uicc_SOURCES = tests/unit/test-uicc.c tests/fakes/fake-card.c tests/fakes/fake-card.h
tests_unit_test_uicc_LDADD = %D%/libcard.la $(CMOCKA_LIBS)
tests_unit_test_usim_files_LDADD = %D%/libcard.la $(CMOCKA_LIBS)
unit_tests += tests/unit/test-usim-gba
tests_unit_test_usim_gba_SOURCES = tests/unit/test-usim-gba.c tests/fakes/fake-card.c tests/fakes/fake-card.h
tests_unit_test_usim_gba_LDADD = %D%/libcard.la $(CMOCKA_LIBS)

fuzz_tests += tests/fuzz/fuzz-usim-files
tests_fuzz_fuzz_usim_files_SOURCES = tests/fuzz/fuzz-usim-files.c
tests_fuzz_fuzz_usim_files_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_usim_files_LDADD = %D%/libcard.la $(CRYPTO_LIBS) $(FUZZ_LIBS)

unit_tests += tests/unit/test-modem
tests_unit_test_modem_SOURCES = tests/unit/test-modem.c tests/fakes/fake-card.c tests/fakes/fake-card.h
tests_unit_test_modem_LDADD = %D%/libmodem.la $(CMOCKA_LIBS)

unit_tests += tests/unit/test-found-modem
tests_unit_test_found_modem_LDADD = %D%/libmodem.la $(CMOCKA_LIBS)
unit_tests += tests/unit/test-discovery
tests_unit_test_discovery_CFLAGS = $(AM_CFLAGS)
tests_unit_test_discovery_LDADD = %D%/libmodem.la $(CMOCKA_LIBS)
if HAVE_UMOCKDEV
tests_unit_test_discovery_CFLAGS += $(UMOCKDEV_CFLAGS) -DHAVE_UMOCKDEV=1
tests_unit_test_discovery_LDADD += $(UMOCKDEV_LIBS)
endif
