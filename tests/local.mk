# SPDX-License-Identifier: LGPL-2.1-or-later
# What the tests of all folders share. A folder's own tests stand in its local.mk.
check_LTLIBRARIES += %D%/libtests.la
%C%_libtests_la_SOURCES = %D%/fakes/vectors.c %D%/fakes/vectors.h
%C%_libtests_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
%C%_libtests_la_LIBADD = src/base/libbase.la $(JANSSON_LIBS) $(CMOCKA_LIBS)

# A fuzz target is one function. Without libFuzzer it replays its corpus and prints TAP.
if FUZZERS
FUZZ_LIBS =
else
check_LTLIBRARIES += %D%/fuzz/libreplay.la
%C%_fuzz_libreplay_la_SOURCES = %D%/fuzz/replay.c
FUZZ_LIBS = %D%/fuzz/libreplay.la
endif

script_tests += %D%/check-dev.sh %D%/check-tree.sh %D%/list-clauses.sh \
	%D%/e2e/test-consumers.py %D%/e2e/test-demo.py %D%/e2e/test-fleet.py %D%/e2e/test-flood.py %D%/e2e/test-logs.py %D%/e2e/test-main-gba.py %D%/e2e/test-main-job.py %D%/e2e/test-memory.py \
	%D%/e2e/test-memory-psk.py

# What several scripts import; what one folder's scripts import stands in its local.mk.
EXTRA_DIST += %D%/e2e/aka.py %D%/e2e/demo.py %D%/e2e/h2client.py %D%/e2e/harness.py %D%/e2e/lab.py \
	%D%/e2e/openapi.py
EXTRA_DIST += %D%/vectors/README.md %D%/vectors/chain.json %D%/vectors/eap-aka-prime.json \
	%D%/vectors/gba.json %D%/vectors/hkdf.json %D%/vectors/make-gba.py %D%/vectors/milenage.json %D%/vectors/protocol-vectors.json
# A whole folder: nothing is ever built in it.
EXTRA_DIST += %D%/fuzz/corpus

# Built by `make check`, run by ./dev bench only.
check_PROGRAMS += %D%/bench/getkey
%C%_bench_getkey_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
%C%_bench_getkey_LDADD = $(SYSTEMD_LIBS)
check_PROGRAMS += %D%/bench/fleet
%C%_bench_fleet_SOURCES = %D%/bench/fleet.c %D%/bench/fleet-psk.c %D%/bench/fleet-terminal.c \
	%D%/bench/fleet.h
%C%_bench_fleet_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(JANSSON_CFLAGS)
%C%_bench_fleet_LDADD = src/agent/libagent.la src/session/libsession.la src/http/libh2.la \
	$(UV_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS)
EXTRA_DIST += %D%/bench/agent.py %D%/bench/bench.py %D%/bench/cost.py %D%/bench/fleet.py %D%/bench/flood.py \
	%D%/bench/outage.py %D%/bench/server.py

# ./dev vm only.
EXTRA_DIST += %D%/vm/act-autopkgtest %D%/vm/act-deb %D%/vm/booted.py %D%/vm/debian.sh %D%/vm/entitled.py \
	%D%/vm/guest.py %D%/vm/init %D%/vm/init-deb %D%/vm/kernel.sh %D%/vm/restarted.py %D%/vm/run \
	%D%/vm/run-autopkgtest %D%/vm/run-deb %D%/vm/system.py
