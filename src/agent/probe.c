/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/probe.h"

#include "anchor/probe.h"

/*
 *   LOOK --> done
 *     | the key file is readable
 *     +--> READ as for an enrolment --> done
 *
 * The second reading may fail for reasons of its own: then it is readable, and no more is said.
 */
typedef struct {
    AkmaModem *modem;
    AkmaConfig *config;
    AkmaCards *cards;
    AkmaProbe *probe;
    AkmaProbedFunc done;
    gpointer user_data;
} Asked;

static void
asked_free(Asked *asked)
{
    akma_probe_free(asked->probe);
    akma_cards_unref(asked->cards);
    akma_config_unref(asked->config);
    g_object_unref(asked->modem);
    g_free(asked);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Asked, asked_free)

static void
tell(const Asked *asked)
{
    const AkmaProbe *probe = asked->probe;
    const AkmaModemReport report = {
        .has_channel = probe->has_channel,
        .has_apdu = probe->has_apdu,
        .has_services = probe->has_services,
        .service_68 = probe->service_68,
        .service_123 = probe->service_123,
        .service_124 = probe->service_124,
        .key_file = akma_key_file_get_name(probe->key_file),
        .error = probe->error,
    };

    asked->done(&report, NULL, asked->user_data);
}

static void
anchor_read(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(Asked) asked = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaAnchor) anchor = akma_akma_usim_read_finish(res, &error);
    bool is_known;

    akma_secret_scrub_stack();
    if (!anchor)
        g_debug("probe: no A-KID: %s", error->message);
    else if (akma_cards_recall_kid(asked->cards,
                                   akma_modem_get_sim_id(asked->modem),
                                   akma_anchor_get_kid(anchor),
                                   &is_known))
        asked->probe->key_file = is_known ? AKMA_KEY_FILE_FRESH : AKMA_KEY_FILE_STALE;
    tell(asked);
}

static void
looked(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(Asked) asked = user_data;
    g_autoptr(GError) error = NULL;
    AkmaAkmaUsimConfig usim;

    asked->probe = akma_probe_finish(res, &error);
    if (!asked->probe) {
        asked->done(NULL, error, asked->user_data);
    } else if (asked->probe->key_file == AKMA_KEY_FILE_READABLE) {
        usim = akma_config_get_usim(asked->config);
        akma_akma_usim_read_async(asked->modem, &usim, NULL, anchor_read, asked);
        g_steal_pointer(&asked);
    } else {
        tell(asked);
    }
}

void
akma_agent_probe(
    AkmaModem *modem, AkmaConfig *config, AkmaCards *cards, AkmaProbedFunc done, gpointer user_data)
{
    Asked *asked = g_new0(Asked, 1);

    asked->modem = g_object_ref(modem);
    asked->config = akma_config_ref(config);
    asked->cards = akma_cards_ref(cards);
    asked->done = done;
    asked->user_data = user_data;
    akma_probe_async(modem, NULL, looked, asked);
}
