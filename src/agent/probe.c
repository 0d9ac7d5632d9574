/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/probe.h"

#include "anchor/probe.h"

typedef struct {
    AkmaProbedFunc done;
    gpointer user_data;
} Asked;

static void
looked(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autofree Asked *asked = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaProbe) probe = akma_probe_finish(res, &error);
    AkmaModemReport report = {0};

    (void)source;
    if (!probe) {
        asked->done(NULL, error, asked->user_data);
        return;
    }
    report.has_channel = probe->has_channel;
    report.has_apdu = probe->has_apdu;
    report.has_services = probe->has_services;
    report.service_68 = probe->service_68;
    report.service_123 = probe->service_123;
    report.service_124 = probe->service_124;
    report.key_file = akma_key_file_get_name(probe->key_file);
    report.error = probe->error;
    asked->done(&report, NULL, asked->user_data);
}

void
akma_agent_probe(AkmaModem *modem, AkmaProbedFunc done, gpointer user_data)
{
    Asked *asked = g_new(Asked, 1);

    *asked = (Asked){done, user_data};
    akma_probe_async(modem, NULL, looked, asked);
}
