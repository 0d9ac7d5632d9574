/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* server: the lab core on its sockets, from the first connection to SIGTERM. */
#pragma once

#include "lab/lab.h"

G_BEGIN_DECLS

typedef struct {
    const char *listen; /* HOST:PORT or unix:/PATH; a socket given by systemd wins */
    const char *certificate_file;
    const char *key_file;   /* both or neither: NULL is h2c */
    const char *client_ca;  /* NULL: clients show no certificate */
    const char *bsf_listen; /* NULL: no Ub */
    const char *bsf_certificate_file;
    const char *bsf_key_file; /* both or neither: NULL is clear text */
    const char *ready_file;
} AkmaLabServerOptions;

/*
 * Serves until SIGTERM or SIGINT; SIGHUP reads subscribers and certificates again. Returns false
 * if it cannot begin. Errors: AKMA_ERROR_CONFIG_INVALID, AKMA_ERROR_STORE_FAILED,
 * AKMA_ERROR_INTERNAL.
 */
bool akma_lab_serve(AkmaLab *lab, const AkmaLabServerOptions *options, GError **error);

G_END_DECLS
