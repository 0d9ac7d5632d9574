/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* explain: what an answer of the TPM means to a person. Pure. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Sets AKMA_ERROR_STORE_FAILED: "@what: cause; next: what to do". @rc: a TSS2_RC that is not 0. */
void akma_tpm_explain(uint32_t rc, const char *what, GError **error);

/* Did the TPM refuse one of the parameters, whatever it has against it? */
bool akma_tpm_is_parameter(uint32_t rc);

G_END_DECLS
