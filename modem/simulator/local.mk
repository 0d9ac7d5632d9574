# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += %D%/libsimulator.la
%C%_libsimulator_la_SOURCES = \
	%D%/access.c \
	%D%/apdu.c %D%/apdu.h \
	%D%/at.c %D%/at.h %D%/at-private.h \
	%D%/at-channel.c \
	%D%/at-general.c \
	%D%/at-network.c \
	%D%/at-run.c \
	%D%/at-sim.c \
	%D%/atr.c %D%/atr.h \
	%D%/authenticate.c %D%/authenticate.h \
	%D%/channels.c \
	%D%/contents.c %D%/contents.h \
	%D%/control.c %D%/control.h \
	%D%/dialect.c %D%/dialect.h \
	%D%/face.h \
	%D%/fault.c %D%/fault.h \
	%D%/fcp.c \
	%D%/filesystem.c %D%/filesystem.h \
	%D%/gba.c %D%/gba.h \
	%D%/mbim.c %D%/mbim.h %D%/mbim-private.h \
	%D%/mbim-answer.c \
	%D%/mbim-auth.c \
	%D%/mbim-basic.c \
	%D%/mbim-card.c \
	%D%/mbim-files.c \
	%D%/mbim-frame.c \
	%D%/mbim-network.c \
	%D%/mbim-pin.c \
	%D%/mbim-qmi.c \
	%D%/mbim-service.c \
	%D%/mbim-wire.c %D%/mbim-wire.h \
	%D%/modem.c %D%/modem.h \
	%D%/nausf.c %D%/nausf.h \
	%D%/phone.c %D%/phone.h \
	%D%/pin.c %D%/pin.h \
	%D%/port.c %D%/port.h \
	%D%/profile.c %D%/profile.h \
	%D%/pty.c %D%/pty.h \
	%D%/qmi.c %D%/qmi.h %D%/qmi-private.h \
	%D%/qmi-card.c \
	%D%/qmi-channel.c \
	%D%/qmi-ctl.c \
	%D%/qmi-dms.c \
	%D%/qmi-file.c \
	%D%/qmi-link.c %D%/qmi-link.h \
	%D%/qmi-message.c %D%/qmi-message.h \
	%D%/qmi-nas.c \
	%D%/qmi-pin.c \
	%D%/qmi-socket.c %D%/qmi-socket.h \
	%D%/qmi-uim.c \
	%D%/registration.c %D%/registration.h \
	%D%/select.c \
	%D%/uicc.c %D%/uicc.h %D%/uicc-private.h \
	%D%/usb-control.c \
	%D%/usb-device.c %D%/usb-device.h %D%/usb-private.h \
	%D%/usb-link.c %D%/usb-link.h \
	%D%/usb-model.c %D%/usb-model.h \
	%D%/usb-pipe.c %D%/usb-pipe.h \
	%D%/usbip.c %D%/usbip.h \
	%D%/verbs.c %D%/verbs.h \
	%D%/vhci.c %D%/vhci.h
%C%_libsimulator_la_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modemsim\"
%C%_libsimulator_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_libsimulator_la_LIBADD = src/http/libhttp.la src/kdf/libkdf.la src/base/libbase.la \
	$(GLIB_LIBS) $(CRYPTO_LIBS) $(JANSSON_LIBS)

bin_PROGRAMS += %D%/akma-modemsim
%C%_akma_modemsim_SOURCES = %D%/main.c
%C%_akma_modemsim_CPPFLAGS = $(AM_CPPFLAGS) -DG_LOG_DOMAIN=\"akma-modemsim\"
%C%_akma_modemsim_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_akma_modemsim_LDADD = %D%/libsimulator.la $(SYSTEMD_LIBS)

script_tests += tests/e2e/test-modemsim.py tests/e2e/test-modemsim-mbim.py \
	tests/e2e/test-modemsim-mbim-card.py tests/e2e/test-modemsim-mbim-faults.py \
	tests/e2e/test-modemsim-mbim-manager.py tests/e2e/test-modemsim-mbim-raw.py \
	tests/e2e/test-modemsim-qmi.py tests/e2e/test-modemsim-qmi-card.py \
	tests/e2e/test-modemsim-qmi-mbim.py tests/e2e/test-modemsim-qmi-raw.py
EXTRA_DIST += tests/e2e/manager.py tests/e2e/mbim_host.py tests/e2e/modemsim.py tests/e2e/qmi.py

unit_tests += tests/unit/test-soft-nausf tests/unit/test-soft-uicc tests/unit/test-soft-gba \
	tests/unit/test-soft-usb tests/unit/test-soft-usbip tests/unit/test-soft-vhci
tests_unit_test_soft_nausf_LDADD = %D%/libsimulator.la src/base/libbase.la $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_soft_gba_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_soft_gba_LDADD = tests/libtests.la %D%/libsimulator.la $(CMOCKA_LIBS)
tests_unit_test_soft_usb_SOURCES = tests/unit/test-soft-usb.c tests/fakes/usb-host.h
tests_unit_test_soft_usb_LDADD = %D%/libsimulator.la src/base/libbase.la $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_soft_usbip_LDADD = %D%/libsimulator.la src/base/libbase.la $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_soft_vhci_LDADD = %D%/libsimulator.la src/base/libbase.la $(GLIB_LIBS) $(CMOCKA_LIBS)
tests_unit_test_soft_uicc_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_soft_uicc_LDADD = tests/libtests.la %D%/libsimulator.la $(CMOCKA_LIBS)

simulator_fuzz = tests/fuzz/fuzz-modemsim-apdu tests/fuzz/fuzz-modemsim-at \
	tests/fuzz/fuzz-modemsim-card tests/fuzz/fuzz-modemsim-control tests/fuzz/fuzz-modemsim-core \
	tests/fuzz/fuzz-modemsim-mbim tests/fuzz/fuzz-modemsim-qmi tests/fuzz/fuzz-modemsim-usb
fuzz_tests += $(simulator_fuzz)
tests_fuzz_fuzz_modemsim_apdu_SOURCES = tests/fuzz/fuzz-modemsim-apdu.c tests/fakes/soft-card.h
tests_fuzz_fuzz_modemsim_apdu_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_apdu_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
tests_fuzz_fuzz_modemsim_at_SOURCES = tests/fuzz/fuzz-modemsim-at.c tests/fakes/soft-card.h
tests_fuzz_fuzz_modemsim_at_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_at_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
tests_fuzz_fuzz_modemsim_card_SOURCES = tests/fuzz/fuzz-modemsim-card.c tests/fakes/soft-card.h
tests_fuzz_fuzz_modemsim_card_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_card_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
tests_fuzz_fuzz_modemsim_control_SOURCES = tests/fuzz/fuzz-modemsim-control.c tests/fakes/soft-card.h
tests_fuzz_fuzz_modemsim_control_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_control_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
tests_fuzz_fuzz_modemsim_core_SOURCES = tests/fuzz/fuzz-modemsim-core.c
tests_fuzz_fuzz_modemsim_core_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_core_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
tests_fuzz_fuzz_modemsim_mbim_SOURCES = tests/fuzz/fuzz-modemsim-mbim.c tests/fakes/soft-card.h
tests_fuzz_fuzz_modemsim_mbim_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_mbim_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
tests_fuzz_fuzz_modemsim_qmi_SOURCES = tests/fuzz/fuzz-modemsim-qmi.c tests/fakes/soft-card.h
tests_fuzz_fuzz_modemsim_qmi_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_qmi_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
tests_fuzz_fuzz_modemsim_usb_SOURCES = tests/fuzz/fuzz-modemsim-usb.c tests/fakes/soft-card.h
tests_fuzz_fuzz_modemsim_usb_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_modemsim_usb_LDADD = %D%/libsimulator.la $(FUZZ_LIBS)
