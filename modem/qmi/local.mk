# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libqmi.la
%C%_libqmi_la_SOURCES = \
	%D%/card-status.c %D%/card-status.h \
	%D%/general.c %D%/general.h \
	%D%/port.c %D%/port.h %D%/port-private.h \
	%D%/port-open.c \
	%D%/qmi-card.c %D%/qmi-card.h %D%/qmi-private.h \
	%D%/qmi-channel.c \
	%D%/qmi-query.c \
	%D%/qmi-send.c \
	%D%/result.c %D%/result.h \
	%D%/tlv.c %D%/tlv.h \
	%D%/uim.c %D%/uim.h
%C%_libqmi_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modem\"
%C%_libqmi_la_CFLAGS = $(AM_CFLAGS) $(QMI_CFLAGS)
%C%_libqmi_la_LIBADD = modem/libcard.la $(QMI_LIBS)

qmi_tests = tests/unit/test-qmi-card tests/unit/test-qmi-card-status tests/unit/test-qmi-port \
	tests/unit/test-qmi-tlv tests/unit/test-qmi-uim
unit_tests += $(qmi_tests)
tests_unit_test_qmi_card_status_LDADD = %D%/libqmi.la $(CMOCKA_LIBS)
fake_qmi = tests/fakes/fake-qmi.c tests/fakes/fake-qmi.h
tests_unit_test_qmi_card_SOURCES = tests/unit/test-qmi-card.c $(fake_qmi)
tests_unit_test_qmi_card_LDADD = %D%/libqmi.la $(CMOCKA_LIBS)
tests_unit_test_qmi_port_SOURCES = tests/unit/test-qmi-port.c $(fake_qmi)
tests_unit_test_qmi_port_LDADD = %D%/libqmi.la $(CMOCKA_LIBS)
tests_unit_test_qmi_tlv_LDADD = %D%/libqmi.la $(CMOCKA_LIBS)
tests_unit_test_qmi_uim_CFLAGS = $(AM_CFLAGS) $(QMI_CFLAGS)
tests_unit_test_qmi_uim_LDADD = %D%/libqmi.la $(QMI_LIBS) $(CMOCKA_LIBS)

script_tests += tests/e2e/test-modem-qmi.py

fuzz_tests += tests/fuzz/fuzz-qmi-tlv
tests_fuzz_fuzz_qmi_tlv_SOURCES = tests/fuzz/fuzz-qmi-tlv.c
tests_fuzz_fuzz_qmi_tlv_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_qmi_tlv_LDADD = %D%/libqmi.la $(FUZZ_LIBS)
