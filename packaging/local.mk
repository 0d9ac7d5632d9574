# SPDX-License-Identifier: LGPL-2.1-or-later
# What is installed beside the programs. Folders: ./configure --with-systemdsystemunitdir=,
# and make apparmordir= dbuspolicydir= dbusservicedir= catalogdir= polkitactionsdir= bashcompletiondir= sysusersdir= tmpfilesdir=.
dist_man_MANS += \
	%D%/man/akma-keyserver.8 \
	%D%/man/akma-keyserver.conf.5 \
	%D%/man/akma-lab.8 \
	%D%/man/akma-modemsim.8 \
	%D%/man/akmactl.1 \
	%D%/man/akmad-bus.5 \
	%D%/man/akmad-port.8 \
	%D%/man/akmad-tpm.8 \
	%D%/man/akmad.8 \
	%D%/man/akmad.conf.5

dbuspolicydir = $(datadir)/dbus-1/system.d
dist_dbuspolicy_DATA = %D%/org.akmad1.conf
apparmordir = $(sysconfdir)/apparmor.d
dist_apparmor_DATA = %D%/apparmor/akmad %D%/apparmor/akmad-port %D%/apparmor/akma-keyserver
polkitactionsdir = $(datadir)/polkit-1/actions
dist_polkitactions_DATA = %D%/org.akmad1.policy
catalogdir = $(prefix)/lib/systemd/catalog
dist_catalog_DATA = %D%/akmad.catalog
dbusservicedir = $(datadir)/dbus-1/system-services
dbusinterfacesdir = $(datadir)/dbus-1/interfaces
dist_dbusinterfaces_DATA = dbus/org.akmad1.xml
nodist_dbusservice_DATA = %D%/org.akmad1.service
dist_systemdsystemunit_DATA = %D%/akmad-port.socket %D%/akmad-credentials.socket \
	%D%/akma-keyserver.socket
dist_pkglibexec_SCRIPTS = %D%/make-sealing-credential
nodist_systemdsystemunit_DATA = %D%/akmad.service %D%/akmad-sealing.service %D%/akmad-port.service \
	%D%/akmad-wait@.service \
	%D%/akma-keyserver.service %D%/akma-lab.service

examplesdir = $(docdir)/examples
dist_examples_DATA = %D%/akmad.conf %D%/akma-keyserver.conf \
	%D%/examples/akma-keyserver.rules.yml %D%/examples/card.conf %D%/examples/subscribers.conf \
	%D%/udev/78-akmad-at-port.rules.example
applicationexamplesdir = $(examplesdir)/applications
dist_applicationexamples_DATA = %D%/examples/applications/follow.c %D%/examples/applications/follow.js \
	%D%/examples/applications/follow.py %D%/examples/applications/follow.sh

# these lose the ending that they have here
bashcompletiondir = $(datadir)/bash-completion/completions
sysusersdir = $(prefix)/lib/sysusers.d
tmpfilesdir = $(prefix)/lib/tmpfiles.d
udevrulesdir = $(prefix)/lib/udev/rules.d
install-data-local: install-packaging
uninstall-local: uninstall-packaging
install-packaging:
	$(MKDIR_P) '$(DESTDIR)$(udevrulesdir)'
	$(INSTALL_DATA) $(srcdir)/%D%/udev/60-akmad.rules '$(DESTDIR)$(udevrulesdir)/60-akmad.rules'
	$(MKDIR_P) '$(DESTDIR)$(bashcompletiondir)' '$(DESTDIR)$(sysusersdir)' '$(DESTDIR)$(tmpfilesdir)'
	$(INSTALL_DATA) $(srcdir)/%D%/akmactl.bash '$(DESTDIR)$(bashcompletiondir)/akmactl'
	$(INSTALL_DATA) $(srcdir)/%D%/akma-keyserver.bash '$(DESTDIR)$(bashcompletiondir)/akma-keyserver'
	$(INSTALL_DATA) $(srcdir)/%D%/akmad.sysusers '$(DESTDIR)$(sysusersdir)/akmad.conf'
	$(INSTALL_DATA) $(srcdir)/%D%/akma-keyserver.sysusers \
		'$(DESTDIR)$(sysusersdir)/akma-keyserver.conf'
	$(INSTALL_DATA) $(srcdir)/%D%/akma-lab.sysusers '$(DESTDIR)$(sysusersdir)/akma-lab.conf'
	$(INSTALL_DATA) $(srcdir)/%D%/akma-keyserver.tmpfiles \
		'$(DESTDIR)$(tmpfilesdir)/akma-keyserver.conf'
uninstall-packaging:
	rm -f '$(DESTDIR)$(udevrulesdir)/60-akmad.rules' \
		'$(DESTDIR)$(bashcompletiondir)/akmactl' '$(DESTDIR)$(bashcompletiondir)/akma-keyserver' \
		'$(DESTDIR)$(sysusersdir)/akmad.conf' \
		'$(DESTDIR)$(sysusersdir)/akma-keyserver.conf' \
		'$(DESTDIR)$(sysusersdir)/akma-lab.conf' \
		'$(DESTDIR)$(tmpfilesdir)/akma-keyserver.conf'
.PHONY: install-packaging uninstall-packaging

# only when make runs are the folders known
packaging_generated = %D%/org.akmad1.service %D%/akmad.service %D%/akmad-sealing.service %D%/akmad-port.service \
	%D%/akmad-wait@.service \
	%D%/akma-keyserver.service %D%/akma-lab.service
$(packaging_generated): %: %.in
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
		sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' -e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' $< > $@.tmp && \
		mv $@.tmp $@
CLEANFILES += $(packaging_generated)

EXTRA_DIST += \
	$(packaging_generated:=.in) \
	%D%/akma-keyserver.sysusers \
	%D%/akma-keyserver.tmpfiles \
	%D%/akma-keyserver.bash \
	%D%/akma-lab.sysusers \
	%D%/akmactl.bash \
	%D%/akmad.sysusers \
	%D%/clang-format \
	%D%/clang-tidy \
	%D%/deb \
	%D%/debian \
	%D%/docs \
	%D%/udev/60-akmad.rules \
	SECURITY.md dbus/README.md modem/README.md tests/README.md

script_tests += tests/check-docs.py tests/check-rules.py tests/check-units.sh
