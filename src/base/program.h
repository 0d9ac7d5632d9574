/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * program: what every program of akmad does alike: hardening at the start, --help and
 * --version, errors with their next step, the ready file, and sd_notify.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/*
 * First line of every main(): name for messages, no core dumps, not dumpable, umask 077, and
 * SSLKEYLOGFILE and the *_proxy variables dropped. Fails closed: exits 1 if it cannot.
 */
void akma_program_init(const char *name);

/*
 * Parses --name VALUE and --name=VALUE; --help and --version print and exit 0. @strict: no
 * word may be left over. @summary and @epilog may be NULL.
 * Errors: AKMA_ERROR_INVALID_ARGUMENT.
 */
bool akma_program_parse(int *argc,
                        char ***argv,
                        const GOptionEntry *entries,
                        const char *arguments,
                        const char *summary,
                        const char *epilog,
                        bool strict,
                        GError **error);

/*
 * Prints "<program>: <message>" and "  next: <hint>" on stderr, with @json also
 * {"error":{"name","status","message","next"}} on stdout. Returns: the exit status. Prefix the
 * message with what was being done, so that it reads "<program>: <what>: <message>".
 */
int akma_program_fail(const GError *error, bool json);

/* As above where more is known than the code says; @status 0, @hint NULL: those of the code. */
int akma_program_fail_as(const GError *error, int status, const char *hint, bool json);

/*
 * Writes "pid=..." and @pairs ("name=value", NULL-terminated) to @path in one rename.
 * NULL @path: nothing to do. Errors: AKMA_ERROR_STORE_FAILED.
 */
bool akma_program_write_ready(const char *path, const char *const *pairs, GError **error);

/* sd_notify(3), e.g. "READY=1", "STOPPING=1"; nothing without NOTIFY_SOCKET. */
void akma_program_notify(const char *state);

/* "RELOADING=1" with MONOTONIC_USEC, as systemd wants it; end with "READY=1". */
void akma_program_notify_reloading(void);

/* How often "WATCHDOG=1" is due, in milliseconds: half of what systemd waits; 0 = never. */
unsigned akma_program_get_watchdog_ms(void);

G_END_DECLS
