/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/fake-card.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct _FakeCard {
    GObject parent;
    GHashTable *always; /* command -> answer */
    GHashTable *once;   /* command -> GQueue of answers */
    AkmaCardState state;
    int fail_open;
    int fail_bare;
    unsigned fail_nth;
    int fail_code;
    bool ends_channels;
    const char *const (*swap_table)[2]; /* NULL: no swap is coming */
    size_t swap_rows;
    unsigned swap_after;
    int ended; /* channels up to this one are of a card that is out */
    bool hold;
    bool closed;
    GQueue held; /* Held */
    unsigned commands;
    unsigned open;
    unsigned opened;
};

typedef struct {
    GTask *task;
    enum { HELD_OPEN, HELD_TRANSMIT, HELD_CLOSE, HELD_QUERY } kind;
    char *command;
    int channel;
    bool bare;
} Held;

static void card_iface_init(AkmaCardInterface *iface);

G_DEFINE_TYPE_WITH_CODE(FakeCard,
                        fake_card,
                        G_TYPE_OBJECT,
                        G_IMPLEMENT_INTERFACE(AKMA_TYPE_CARD, card_iface_init))

static void
held_free(Held *held)
{
    g_clear_object(&held->task);
    g_free(held->command);
    g_free(held);
}

static bool
scripted_failure(FakeCard *self, GTask *task)
{
    if (self->closed) {
        g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "closed");
        return true;
    }
    if (self->fail_nth > 0 && --self->fail_nth == 0) {
        g_task_return_new_error(task, AKMA_ERROR, self->fail_code, "scripted failure");
        return true;
    }

    return false;
}

static const char *
find_answer(FakeCard *self, const char *command, char **ret_owned)
{
    GQueue *turns = g_hash_table_lookup(self->once, command);

    *ret_owned = turns ? g_queue_pop_head(turns) : NULL;
    if (*ret_owned)
        return *ret_owned;

    return g_hash_table_lookup(self->always, command);
}

static void
answer_command(FakeCard *self, GTask *task, const char *command)
{
    g_autofree char *owned = NULL;
    const char *answer = find_answer(self, command, &owned);
    g_autoptr(AkmaResponse) response = akma_response_new(NULL);
    size_t len;

    if (!answer)
        answer = "6a82";
    len = strlen(answer) / 2;
    g_assert_true(akma_hex_decode(answer, strlen(answer), response->bytes, len));
    g_assert_true(akma_response_split(response, len, NULL));
    g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
}

static void
answer_open(FakeCard *self, GTask *task, bool bare)
{
    int code = bare ? self->fail_bare : self->fail_open;

    if (code != 0) {
        g_task_return_new_error(task, AKMA_ERROR, code, "scripted failure");
        return;
    }
    self->open++;
    self->opened++;
    g_task_return_int(task, (gssize)self->opened);
}

static void
swap_now(FakeCard *self)
{
    for (size_t i = 0; i < self->swap_rows; i++)
        fake_card_set(self, self->swap_table[i][0], self->swap_table[i][1]);
    self->swap_table = NULL;
    if (self->ends_channels)
        self->ended = (int)self->opened;
}

static void
answer(FakeCard *self, Held *held)
{
    GTask *task = held->task;

    if (self->swap_table && held->kind != HELD_QUERY && self->swap_after-- == 0)
        swap_now(self);

    if (held->kind == HELD_CLOSE) {
        self->open--; /* whatever else fails, a test sees that it was tried */
        self->commands++;
        g_task_return_boolean(task, TRUE);
    } else if (held->kind == HELD_QUERY) {
        if (!scripted_failure(self, task))
            g_task_return_pointer(task, g_memdup2(&self->state, sizeof self->state), g_free);
    } else {
        self->commands++;
        if (scripted_failure(self, task))
            return;
        if (held->kind == HELD_OPEN)
            answer_open(self, task, held->bare);
        else if (held->channel <= self->ended)
            g_task_return_new_error(task, AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "no such channel");
        else
            answer_command(self, task, held->command);
    }
}

static void
take(AkmaCard *card, Held *held)
{
    FakeCard *self = FAKE_CARD(card);

    if (self->hold) {
        g_queue_push_tail(&self->held, held);
        return;
    }
    answer(self, held);
    held_free(held);
}

static Held *
held_new(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data)
{
    Held *held = g_new0(Held, 1);

    held->task = g_task_new(card, NULL, callback, user_data);

    return held;
}

static void
open_channel(AkmaCard *card,
             const uint8_t *aid G_GNUC_UNUSED,
             size_t aid_len,
             GAsyncReadyCallback callback,
             gpointer user_data)
{
    Held *held = held_new(card, callback, user_data);

    held->kind = HELD_OPEN;
    held->bare = aid_len == 0;
    take(card, held);
}

static void
transmit(AkmaCard *card,
         int channel,
         const AkmaCommand *command,
         GAsyncReadyCallback callback,
         gpointer user_data)
{
    Held *held = held_new(card, callback, user_data);

    g_assert_cmpint(channel, >, 0);
    held->kind = HELD_TRANSMIT;
    held->channel = channel;
    held->command = g_malloc(AKMA_HEX_LEN(command->len) + 1);
    akma_hex_encode(command->bytes, command->len, held->command);
    take(card, held);
}

static void
close_channel(AkmaCard *card,
              int channel G_GNUC_UNUSED,
              GAsyncReadyCallback callback,
              gpointer user_data)
{
    Held *held = held_new(card, callback, user_data);

    held->kind = HELD_CLOSE;
    take(card, held);
}

static void
query(AkmaCard *card, GAsyncReadyCallback callback, gpointer user_data)
{
    Held *held = held_new(card, callback, user_data);

    held->kind = HELD_QUERY;
    take(card, held);
}

static bool
channel_ends_with_card(AkmaCard *card, int channel G_GNUC_UNUSED)
{
    return FAKE_CARD(card)->ends_channels;
}

static const char *
get_manufacturer(AkmaCard *card G_GNUC_UNUSED)
{
    return "Fake";
}

static const char *
get_model(AkmaCard *card G_GNUC_UNUSED)
{
    return "Card";
}

static void
close_card(AkmaCard *card)
{
    FakeCard *self = FAKE_CARD(card);

    self->closed = true;
    fake_card_hold(self, false);
}

static void
card_iface_init(AkmaCardInterface *iface)
{
    iface->protocol = "fake";
    iface->open_channel_async = open_channel;
    iface->transmit_async = transmit;
    iface->close_channel_async = close_channel;
    iface->query_async = query;
    iface->channel_ends_with_card = channel_ends_with_card;
    iface->get_manufacturer = get_manufacturer;
    iface->get_model = get_model;
    iface->close = close_card;
}

static void
turns_free(gpointer turns)
{
    g_queue_free_full(turns, g_free);
}

static void
fake_card_finalize(GObject *object)
{
    FakeCard *self = FAKE_CARD(object);

    g_queue_clear_full(&self->held, (GDestroyNotify)held_free);
    g_hash_table_unref(self->always);
    g_hash_table_unref(self->once);

    G_OBJECT_CLASS(fake_card_parent_class)->finalize(object);
}

static void
fake_card_class_init(FakeCardClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = fake_card_finalize;
}

static void
fake_card_init(FakeCard *self)
{
    self->always = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->once = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, turns_free);
    self->state.sim = AKMA_SIM_READY;
    self->state.registration = AKMA_REGISTRATION_HOME;
    self->state.pin_tries = AKMA_PIN_TRIES_UNKNOWN;
    g_queue_init(&self->held);
}

FakeCard *
fake_card_new(void)
{
    return g_object_new(FAKE_TYPE_CARD, NULL);
}

void
fake_card_set(FakeCard *self, const char *command, const char *text)
{
    g_hash_table_insert(self->always, g_ascii_strdown(command, -1), g_strdup(text));
}

void
fake_card_set_once(FakeCard *self, const char *command, const char *text)
{
    g_autofree char *key = g_ascii_strdown(command, -1);
    GQueue *turns = g_hash_table_lookup(self->once, key);

    if (!turns) {
        turns = g_queue_new();
        g_hash_table_insert(self->once, g_steal_pointer(&key), turns);
    }
    g_queue_push_tail(turns, g_strdup(text));
}

void
fake_card_set_akma(FakeCard *self)
{
    static const char *const table[][2] = {
        {"00a4000c023f00", "9000"},
        {"00b082000a", "988812010000400310f09000"},
        {"00a4000c027fff", "9000"},
        /* services 68, 123 and 124 */
        {"00b0840010", "0000000000000000080000000000000c9000"},
        {"00b0830004", "000000029000"},
        {"00b0870009", "0809101000000000109000"},
        {"00a4080c047fff5fc0", "9000"},
        {"00b08a0004", "21f3ffff9000"},
        {"00b0850022", "8020474698caf02cc715db2ec0726510cfee6caa5bb1a649cb01224f2e23af94de1b9000"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        fake_card_set(self, table[i][0], table[i][1]);
}

void
fake_card_set_state(FakeCard *self, AkmaSimState sim, AkmaRegistration registration)
{
    self->state.sim = sim;
    self->state.registration = registration;
}

void
fake_card_fail_open(FakeCard *self, int code)
{
    self->fail_open = code;
}

void
fake_card_fail_bare(FakeCard *self, int code)
{
    self->fail_bare = code;
}

void
fake_card_fail_command(FakeCard *self, unsigned nth, int code)
{
    self->fail_nth = nth;
    self->fail_code = code;
}

void
fake_card_end_channels(FakeCard *self, bool end)
{
    self->ends_channels = end;
}

void
fake_card_swap_after(FakeCard *self, unsigned n, const char *const (*table)[2], size_t rows)
{
    self->swap_table = table;
    self->swap_rows = rows;
    self->swap_after = n;
}

void
fake_card_hold(FakeCard *self, bool hold)
{
    self->hold = hold;
    while (!hold && !g_queue_is_empty(&self->held))
        fake_card_release(self);
}

void
fake_card_release(FakeCard *self)
{
    Held *held = g_queue_pop_head(&self->held);

    if (held) {
        answer(self, held);
        held_free(held);
    }
}

unsigned
fake_card_count_commands(FakeCard *self)
{
    return self->commands;
}

unsigned
fake_card_count_open(FakeCard *self)
{
    return self->open;
}

unsigned
fake_card_count_opened(FakeCard *self)
{
    return self->opened;
}

bool
fake_card_is_closed(FakeCard *self)
{
    return self->closed;
}

static gboolean
too_late(gpointer user_data G_GNUC_UNUSED)
{
    g_assert_not_reached();
}

void
fake_card_run_until(const bool *flag)
{
    unsigned id = g_timeout_add_seconds(60, too_late, NULL);

    while (!*flag)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(id);
}

void
fake_card_settle(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}
