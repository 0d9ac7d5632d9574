/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/verbs.h"

#include <string.h>

#include "base/text.h"
#include "base/wiping.h"

#define DELAY_MAX_MS (60 * 60 * 1000)

typedef struct {
    const AkmaSoftDesk *desk;
    const char *rest; /* of the line, behind the verb; "" if none */
    AkmaSoftVerbDone done;
    void *user_data;
} Call;

typedef void (*Verb)(const Call *call);

static void answer(const Call *call, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
answer(const Call *call, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    call->done(text, call->user_data);
}

static void
answer_result(const Call *call, bool fine, const char *otherwise)
{
    if (fine)
        answer(call, "ok");
    else
        answer(call, "error %s", otherwise);
}

static const char *
sim_state_name(AkmaSoftModem *modem)
{
    switch (akma_soft_modem_get_sim_state(modem)) {
    case AKMA_SOFT_SIM_ABSENT:
        return "out";
    case AKMA_SOFT_SIM_PIN:
        return "pin";
    case AKMA_SOFT_SIM_PUK:
        return "blocked";
    case AKMA_SOFT_SIM_READY:
        return "ready";
    }

    g_return_val_if_reached("out");
}

static unsigned
count_clients(const AkmaSoftDesk *desk)
{
    unsigned n = desk->qmi_socket ? akma_soft_qmi_socket_count_clients(desk->qmi_socket) : 0;

    n += desk->vhci ? akma_soft_vhci_count_clients(desk->vhci) : 0;
    for (guint i = 0; desk->ports && i < desk->ports->len; i++)
        n += akma_soft_port_count_clients(g_ptr_array_index(desk->ports, i));

    return n;
}

static void
verb_status(const Call *call)
{
    AkmaSoftModem *modem = call->desk->modem;
    AkmaSoftUicc *card = akma_soft_modem_get_card(modem);

    answer(call,
           "ok sim=%s registration=%s radio=%s port=%s clients=%u channels=%u open=%u "
           "pin_tries=%d delay_ms=%u",
           sim_state_name(modem),
           akma_soft_registration_state_get_name(akma_soft_modem_get_registration(modem)),
           akma_soft_modem_is_radio_on(modem) ? "on" : "off",
           akma_soft_modem_is_plugged(modem) ? "plugged" : "unplugged",
           count_clients(call->desk),
           card ? akma_soft_uicc_get_channels(card) : 0,
           card ? akma_soft_uicc_count_open(card) : 0,
           card ? akma_soft_uicc_get_pin(card)->pin_tries : 0,
           akma_soft_modem_get_delay_ms(modem));
}

bool
akma_soft_desk_change_card(const AkmaSoftDesk *desk, const char *file, GError **error)
{
    AkmaSoftProfile *profile = akma_soft_profile_load(file, error);
    AkmaSoftUicc *card = profile ? akma_soft_uicc_new(profile, error) : NULL;

    if (!card) {
        g_prefix_error(error, "card: ");
        return false;
    }
    akma_soft_modem_eject(desk->modem);
    akma_soft_modem_insert(desk->modem, card);

    return true;
}

static void
verb_sim(const Call *call)
{
    AkmaSoftModem *modem = call->desk->modem;
    g_autoptr(GError) error = NULL;

    if (strcmp(call->rest, "out") == 0) {
        if (!akma_soft_modem_get_card(modem)) {
            answer(call, "error there is no card");
            return;
        }
        akma_soft_modem_eject(modem);
        answer(call, "ok");
    } else if (akma_soft_modem_get_card(modem)) {
        answer(call, "error there is a card: sim out first");
    } else if (strcmp(call->rest, "in") == 0) {
        answer_result(call, akma_soft_modem_insert(modem, NULL), "there is no card to put back");
    } else if (!g_str_has_prefix(call->rest, "in ")) {
        answer(call, "error usage: sim out | sim in [FILE]");
    } else if (akma_soft_desk_change_card(call->desk, call->rest + strlen("in "), &error)) {
        answer(call, "ok");
    } else {
        answer(call, "error %s", error->message);
    }
}

static void
verb_pin(const Call *call)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->desk->modem);
    AkmaSoftPin *pin = card ? akma_soft_uicc_get_pin(card) : NULL;

    if (!pin) {
        answer(call, "error there is no card");
        return;
    }
    if (strcmp(call->rest, "on") == 0) {
        pin->enabled = true;
        pin->verified = false;
    } else if (strcmp(call->rest, "off") == 0) {
        pin->enabled = false;
    } else if (strcmp(call->rest, "block") == 0) {
        pin->enabled = true;
        pin->verified = false;
        pin->pin_tries = 0;
    } else if (strcmp(call->rest, "unblock") == 0) {
        pin->pin_tries = AKMA_SOFT_PIN_TRIES;
        pin->puk_tries = AKMA_SOFT_PUK_TRIES;
    } else {
        answer(call, "error usage: pin on | off | block | unblock");
        return;
    }
    akma_soft_modem_check_sim(call->desk->modem);
    answer(call, "ok");
}

static void
registered(const GError *error, void *user_data)
{
    Call *call = user_data;

    if (error)
        answer(call, "error %s", error->message);
    else
        answer(call, "ok");
    g_free(call);
}

static void
verb_register(const Call *call)
{
    if (!call->desk->registration) {
        answer(call, "error there is no core: start with --core");
        return;
    }
    akma_soft_registration_run(call->desk->registration, registered, g_memdup2(call, sizeof *call));
}

static void
verb_deregister(const Call *call)
{
    if (call->desk->registration)
        akma_soft_registration_leave(call->desk->registration);
    else
        akma_soft_modem_leave(call->desk->modem);
    answer(call, "ok");
}

static void
verb_delay(const Call *call)
{
    guint64 delay_ms;

    if (!g_ascii_string_to_unsigned(call->rest, 10, 0, DELAY_MAX_MS, &delay_ms, NULL)) {
        answer(call, "error usage: delay MS");
        return;
    }
    akma_soft_modem_set_delay_ms(call->desk->modem, (unsigned)delay_ms);
    answer(call, "ok");
}

static void
verb_fault(const Call *call)
{
    AkmaSoftFault fault;

    if (!akma_soft_fault_parse(call->rest, &fault)) {
        answer(call,
               "error usage: fault sw HEX|drop|garble|truncate|close|cme CODE "
               "[ins=HEX] [after=N] [times=N]");
        return;
    }
    answer_result(call, akma_soft_modem_add_fault(call->desk->modem, &fault), "too many faults");
}

static void
verb_channels(const Call *call)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->desk->modem);
    guint64 n;

    if (!g_ascii_string_to_unsigned(call->rest, 10, 1, AKMA_SOFT_CHANNELS_MAX, &n, NULL)) {
        answer(call, "error usage: channels N, 1 to %d", AKMA_SOFT_CHANNELS_MAX);
        return;
    }
    if (card)
        akma_soft_uicc_set_channels(card, (unsigned)n);
    answer_result(call, card != NULL, "there is no card");
}

static void
verb_urc(const Call *call)
{
    if (call->rest[0] == '\0') {
        answer(call, "error usage: urc TEXT");
        return;
    }
    akma_soft_modem_say(call->desk->modem, call->rest);
    answer(call, "ok");
}

static void
verb_unplug(const Call *call)
{
    akma_soft_modem_set_plugged(call->desk->modem, false);
    answer(call, "ok");
}

static void
verb_plug(const Call *call)
{
    akma_soft_modem_set_plugged(call->desk->modem, true);
    answer(call, "ok");
}

static void
verb_count(const Call *call)
{
    AkmaSoftCounts counts = akma_soft_modem_get_counts(call->desk->modem);

    answer(call,
           "ok commands=%" G_GUINT64_FORMAT " bytes_in=%" G_GUINT64_FORMAT
           " bytes_out=%" G_GUINT64_FORMAT " lines=%" G_GUINT64_FORMAT,
           counts.commands,
           counts.bytes_in,
           counts.bytes_out,
           counts.lines);
}

static void
verb_reset(const Call *call)
{
    akma_soft_modem_reset(call->desk->modem);
    answer(call, "ok");
}

/* The one verb that shows what is on the card; for tests. */
static void
verb_dump(const Call *call)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->desk->modem);
    AkmaSoftFile *file =
        card ? akma_soft_filesystem_find(akma_soft_uicc_get_root(card), call->rest) : NULL;
    static const char head[] = "ok content=";
    char *text;

    if (!file || akma_soft_file_is_directory(file)) {
        answer(call, "error %s", card ? "no such file" : "there is no card");
        return;
    }
    text = akma_wiping_malloc(sizeof head + AKMA_HEX_LEN(file->size));
    if (!text) {
        answer(call, "error no memory");
        return;
    }
    g_strlcpy(text, head, sizeof head);
    akma_hex_encode(file->content, file->size, text + strlen(head));
    call->done(text, call->user_data);
    akma_wiping_free(text);
}

static const struct {
    const char *name;
    Verb run;
    bool words; /* takes what follows */
} verbs[] = {
    {"status", verb_status, false},
    {"sim", verb_sim, true},
    {"pin", verb_pin, true},
    {"register", verb_register, false},
    {"deregister", verb_deregister, false},
    {"delay", verb_delay, true},
    {"fault", verb_fault, true},
    {"channels", verb_channels, true},
    {"urc", verb_urc, true},
    {"unplug", verb_unplug, false},
    {"plug", verb_plug, false},
    {"count", verb_count, false},
    {"reset", verb_reset, false},
    {"dump", verb_dump, true},
};

void
akma_soft_verbs_run(const AkmaSoftDesk *desk,
                    const char *line,
                    AkmaSoftVerbDone done,
                    void *user_data)
{
    size_t len = strcspn(line, " ");
    const Call call = {desk, line[len] ? line + len + 1 : "", done, user_data};

    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strlen(verbs[i].name) != len || strncmp(verbs[i].name, line, len) != 0)
            continue;
        if (!verbs[i].words && line[len])
            answer(&call, "error %s takes nothing more", verbs[i].name);
        else
            verbs[i].run(&call);
        return;
    }
    answer(&call, "error no such command");
}
