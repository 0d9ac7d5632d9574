/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fleet-psk: a terminal of the PSK profile: K_AF is the PSK of TLS 1.3, and one GET gets the key.
 */
#include "base/error.h"
#include "http/tls.h"
#include "proto/key-set.h"
#include "tests/bench/fleet.h"

static void
answered(const AkmaH2Response *response, const GError *failure, void *user_data)
{
    Terminal *self = user_data;
    const char *const asked[] = {self->fleet->application, NULL};
    g_autoptr(GError) error = failure ? g_error_copy(failure) : NULL;
    g_autoptr(AkmaKeySet) keys = NULL;

    if (response && response->status == 200)
        keys = akma_key_set_from_json(response->body, response->body_len, asked, &error);
    else if (response)
        error = g_error_new(
            AKMA_ERROR, AKMA_ERROR_SERVER_REFUSED, "the server answered %u", response->status);

    if (keys)
        fleet_terminal_take(self, keys);
    else
        fleet_terminal_fail(self, error, response ? response->retry_after_s : 0);
}

void
fleet_psk_begin(Terminal *self)
{
    g_autoptr(AkmaSecret) first_key = fleet_terminal_derive(self);
    g_autofree char *identity = g_strconcat("3GPP-AKMA;", self->a_kid, NULL);
    g_autofree char *path = g_strconcat("/v1/keys/", self->fleet->application, NULL);
    g_autoptr(GError) error = NULL;
    SSL_CTX *tls = akma_tls_client_new(self->fleet->ca, NULL, NULL, &error);

    self->psk = akma_http_psk_new(identity, first_key);
    if (!tls || !akma_http_psk_set(self->psk, tls))
        fleet_die("TLS with a PSK", error);
    fleet_terminal_connect(self, tls);
    SSL_CTX_free(tls); /* the client has it */

    akma_h2_client_request(self->client, "GET", path, NULL, 0, NULL, 0, answered, self);
}
