/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/fake-at.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct _FakeAt {
    int fd;
    guint source;
    guint second;
    GString *in;
    GString *rest; /* second part of an answer */
    GString *late; /* an answer that waits for the next */
    bool delay;
    size_t split;
    FakeAtManner manner;
    GHashTable *answers;
    GHashTable *apdus;
    GPtrArray *seen;
    int open;
};

static void
send_all(FakeAt *self, const char *bytes, size_t len)
{
    if (self->fd >= 0 && len > 0)
        g_assert_cmpint(write(self->fd, bytes, len), ==, (gssize)len);
}

static gboolean
send_rest(gpointer user_data)
{
    FakeAt *self = user_data;

    self->second = 0;
    send_all(self, self->rest->str, self->rest->len);
    g_string_truncate(self->rest, 0);

    return G_SOURCE_REMOVE;
}

void
fake_at_say(FakeAt *self, const char *text)
{
    size_t len = strlen(text);

    if (self->second != 0) { /* what was said before comes before */
        g_source_remove(self->second);
        send_rest(self);
    }
    if (self->split > 0 && self->split < len) {
        send_all(self, text, self->split);
        g_string_append(self->rest, text + self->split);
        self->second = g_timeout_add(1, send_rest, self);
    } else {
        send_all(self, text, len);
    }
}

static void
line(FakeAt *self, GString *out, const char *text)
{
    if (self->manner.urc)
        g_string_append_printf(out, "%s%s%s", self->manner.eol, self->manner.urc, self->manner.eol);
    g_string_append_printf(out, "%s%s%s", self->manner.eol, text, self->manner.eol);
}

static const char *
card_answer(FakeAt *self, const char *hex)
{
    g_autofree char *apdu = g_ascii_strdown(hex, -1);
    const char *answer;

    if (strlen(apdu) >= 2)
        apdu[0] = apdu[1] = '0'; /* class 00 */
    if (g_str_equal(apdu, "0070000001")) {
        if (self->manner.no_channels)
            return "6881";
        self->open++;
        return "019000";
    }
    if (g_str_has_prefix(apdu, "007080")) {
        self->open--;
        return "9000";
    }
    answer = g_hash_table_lookup(self->apdus, apdu);

    return answer ? answer : "6a82";
}

static void
say_apdu(FakeAt *self, GString *out, const char *prefix, const char *hex)
{
    const char *quote = self->manner.no_quotes ? "" : "\"";
    const char *answer = card_answer(self, hex);
    g_autofree char *text = g_strdup_printf("%s:%s%zu,%s%s%s",
                                            prefix,
                                            self->manner.no_space ? "" : " ",
                                            strlen(answer),
                                            quote,
                                            answer,
                                            quote);

    line(self, out, text);
    line(self, out, "OK");
}

static bool
answer_card(FakeAt *self, const char *command, GString *out)
{
    int session;
    unsigned len;
    char hex[600];
    g_autofree char *text = NULL;

    if (sscanf(command, "AT+CGLA=%d,%u,\"%599[0-9A-Fa-f]\"", &session, &len, hex) == 3) {
        if (session != self->manner.session || self->open < 1 || len != strlen(hex))
            line(self, out, "+CME ERROR: 21");
        else
            say_apdu(self, out, "+CGLA", hex);
        return true;
    }
    if (sscanf(command, "AT+CSIM=%u,\"%599[0-9A-Fa-f]\"", &len, hex) == 2) {
        say_apdu(self, out, "+CSIM", hex);
        return true;
    }
    if (g_str_has_prefix(command, "AT+CCHO=") && !self->manner.no_ccho) {
        self->open++;
        text = g_strdup_printf("%s%s%d",
                               self->manner.bare_ccho ? "" : "+CCHO:",
                               self->manner.no_space || self->manner.bare_ccho ? "" : " ",
                               self->manner.session);
        line(self, out, text);
        line(self, out, "OK");
        return true;
    }
    if (g_str_has_prefix(command, "AT+CCHC=") && !self->manner.no_cchc) {
        self->open--;
        line(self, out, "OK");
        return true;
    }

    return false;
}

static void
answer(FakeAt *self, const char *command)
{
    g_autoptr(GString) out = g_string_new(NULL);
    gpointer scripted;

    g_ptr_array_add(self->seen, g_strdup(command));
    if (self->manner.echo)
        g_string_append_printf(out, "%s\r", command);

    if (g_hash_table_lookup_extended(self->answers, command, NULL, &scripted)) {
        if (!scripted)
            return;
        g_string_append(out, scripted);
    } else if (self->manner.busy > 0 && strstr(command, "AT+C") && strchr(command, '"')) {
        self->manner.busy--;
        line(self, out, "+CME ERROR: SIM busy");
    } else if (!answer_card(self, command, out)) {
        line(self, out, "ERROR");
    }

    if (self->delay) {
        self->delay = false;
        g_string_append_len(self->late, out->str, (gssize)out->len);
        return;
    }
    g_string_prepend(out, self->late->str);
    g_string_truncate(self->late, 0);
    fake_at_say(self, out->str);
}

static gboolean
readable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    FakeAt *self = user_data;
    char bytes[1024];
    ssize_t n = read(fd, bytes, sizeof bytes);
    char *end;

    if (n <= 0) {
        self->source = 0;
        return G_SOURCE_REMOVE;
    }
    g_string_append_len(self->in, bytes, n);
    while ((end = strchr(self->in->str, '\r'))) {
        g_autofree char *command = g_strndup(self->in->str, (gsize)(end - self->in->str));

        g_string_erase(self->in, 0, end - self->in->str + 1);
        answer(self, command);
        if (self->fd < 0)
            return G_SOURCE_REMOVE;
    }

    return G_SOURCE_CONTINUE;
}

FakeAt *
fake_at_new(int *ret_fd)
{
    static const char *const table[][2] = {
        {"ATE0V1", "\r\nOK\r\n"},
        {"AT+CMEE=1", "\r\nOK\r\n"},
        {"AT+CGMI", "\r\nFake Ltd\r\n\r\nOK\r\n"},
        {"AT+CGMM", "\r\nModel 1\r\n\r\nOK\r\n"},
        {"AT+CREG=1", "\r\nOK\r\n"},
        {"AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n"},
        {"AT+CREG?", "\r\n+CREG: 1,1\r\n\r\nOK\r\n"},
    };
    FakeAt *self = g_new0(FakeAt, 1);
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), ==, 0);
    self->fd = fds[0];
    *ret_fd = fds[1];
    self->in = g_string_new(NULL);
    self->rest = g_string_new(NULL);
    self->late = g_string_new(NULL);
    self->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->apdus = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->seen = g_ptr_array_new_with_free_func(g_free);
    self->manner = (FakeAtManner){.eol = "\r\n", .session = 1};
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        fake_at_set(self, table[i][0], table[i][1]);
    fake_at_set_apdu(self, "00a4040c07a0000000871002", "9000");
    self->source = g_unix_fd_add(self->fd, G_IO_IN | G_IO_HUP, readable, self);

    return self;
}

void
fake_at_hang_up(FakeAt *self)
{
    if (self->source != 0)
        g_source_remove(self->source);
    self->source = 0;
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
}

void
fake_at_free(FakeAt *self)
{
    fake_at_hang_up(self);
    if (self->second != 0)
        g_source_remove(self->second);
    g_string_free(self->in, TRUE);
    g_string_free(self->rest, TRUE);
    g_string_free(self->late, TRUE);
    g_hash_table_unref(self->answers);
    g_hash_table_unref(self->apdus);
    g_ptr_array_unref(self->seen);
    g_free(self);
}

FakeAtManner *
fake_at_manner(FakeAt *self)
{
    return &self->manner;
}

void
fake_at_set(FakeAt *self, const char *command, const char *text)
{
    g_hash_table_insert(self->answers, g_strdup(command), g_strdup(text));
}

void
fake_at_unset(FakeAt *self, const char *command)
{
    g_hash_table_remove(self->answers, command);
}

void
fake_at_set_apdu(FakeAt *self, const char *apdu, const char *text)
{
    g_hash_table_insert(self->apdus, g_ascii_strdown(apdu, -1), g_strdup(text));
}

void
fake_at_split(FakeAt *self, size_t first)
{
    self->split = first;
}

void
fake_at_delay_next(FakeAt *self)
{
    self->delay = true;
}

unsigned
fake_at_count(FakeAt *self, const char *prefix)
{
    unsigned n = 0;

    for (guint i = 0; i < self->seen->len; i++)
        n += g_str_has_prefix(g_ptr_array_index(self->seen, i), prefix) ? 1 : 0;

    return n;
}

int
fake_at_count_open(FakeAt *self)
{
    return self->open;
}
