/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/at/port.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/wiping.h"

#define BUFFER_SIZE     4096
#define SYNC_TIMEOUT_MS 2000
#define SYNC_TRIES      3
#define QUIET_MS        40
#define BRIEF_MS        1000

/*
 *   in step --timeout--> STALE --> ECHO "ATE0V1" --> TOKEN "AT+CGMI" --> in step
 *                          ^          |                 | no token known
 *                          |          v                 v
 *                          +------ no answer         QUIET --> in step
 */
typedef enum {
    SYNC_DONE,
    SYNC_STALE,
    SYNC_ECHO,
    SYNC_TOKEN,
    SYNC_QUIET,
} Sync;

typedef struct {
    char *text; /* with CR; wiped */
    size_t len;
    size_t sent;
    AkmaAtTake take;
    AkmaAtDone done;
    gpointer user_data;
} Command;

struct _AkmaAtPort {
    gatomicrefcount refs;
    int fd;
    GMainContext *context;
    GSource *in;
    GSource *out;
    GSource *timer;
    AkmaSecret *memory;
    AkmaAtParser parser;
    unsigned timeout_ms;
    AkmaAtPortEvents events;
    gpointer user_data;
    GQueue waiting;   /* Command */
    Command *current; /* was sent, has no final result */
    Sync sync;
    unsigned sync_tries;
    bool token_seen;
    bool is_brief;
    char *token;
};

static void start_next(AkmaAtPort *self);
static void begin_sync(AkmaAtPort *self, Sync step);

static void
clear_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static Command *
command_new(const char *text, AkmaAtTake take, AkmaAtDone done, gpointer user_data)
{
    Command *command = g_new0(Command, 1);
    size_t len = strlen(text);

    command->text = akma_wiping_malloc(len + 1);
    memcpy(command->text, text, len);
    command->text[len] = '\r';
    command->len = len + 1;
    command->take = take;
    command->done = done;
    command->user_data = user_data;

    return command;
}

/* Tells who asked. The command is off the port before: the callback may send the next one. */
static void
finish_command(Command *command, bool ok, int code, const GError *error)
{
    AkmaAtDone done = command->done;
    gpointer user_data = command->user_data;

    akma_wiping_free(command->text);
    g_free(command);
    done(ok, code, error, user_data);
}

static void
fail_all(AkmaAtPort *self, const GError *error)
{
    Command *command = g_steal_pointer(&self->current);

    clear_source(&self->timer);
    clear_source(&self->out);
    if (command)
        finish_command(command, false, AKMA_AT_NO_CODE, error);
    while ((command = g_queue_pop_head(&self->waiting)))
        finish_command(command, false, AKMA_AT_NO_CODE, error);
}

static void
shut(AkmaAtPort *self)
{
    clear_source(&self->in);
    clear_source(&self->out);
    clear_source(&self->timer);
    if (self->fd >= 0)
        close(self->fd);
    self->fd = -1;
    akma_at_parser_clear(&self->parser);
}

static void
lose(AkmaAtPort *self)
{
    g_autoptr(GError) error =
        g_error_new_literal(AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem was unplugged");

    if (self->fd < 0)
        return;

    shut(self);
    fail_all(self, error);
    if (self->events.gone)
        self->events.gone(self->user_data);
}

static GSource *
add_timer(AkmaAtPort *self, unsigned ms, GSourceFunc func)
{
    GSource *source = g_timeout_source_new(ms);

    g_source_set_callback(source, func, self, NULL);
    g_source_attach(source, self->context);

    return source;
}

static gboolean
timed_out(gpointer user_data)
{
    AkmaAtPort *self = user_data;
    g_autoptr(GError) error = NULL;
    Command *command = g_steal_pointer(&self->current);
    bool was_sync = self->sync != SYNC_DONE;

    clear_source(&self->timer);
    clear_source(&self->out);
    self->sync = SYNC_STALE;
    error = g_error_new(AKMA_ERROR,
                        AKMA_ERROR_MODEM_FAILED,
                        was_sync ? "nobody answers AT commands at this port"
                                 : "the modem gave no answer within %u ms",
                        self->timeout_ms);

    akma_at_port_ref(self);
    if (!was_sync) {
        finish_command(command, false, AKMA_AT_NO_CODE, error);
    } else {
        finish_command(command, false, AKMA_AT_NO_CODE, NULL);
        if (++self->sync_tries >= (self->is_brief ? 1 : SYNC_TRIES)) {
            self->sync_tries = 0;
            fail_all(self, error);
        }
    }
    start_next(self);
    akma_at_port_unref(self);

    return G_SOURCE_REMOVE;
}

static gboolean writable(gint fd, GIOCondition condition, gpointer user_data);

/* False: the other end is away. */
static bool
write_some(AkmaAtPort *self)
{
    Command *command = self->current;

    while (command->sent < command->len) {
        ssize_t n = write(self->fd, command->text + command->sent, command->len - command->sent);

        if (n > 0) {
            command->sent += (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!self->out) {
                self->out = g_unix_fd_source_new(self->fd, G_IO_OUT);
                g_source_set_callback(self->out, G_SOURCE_FUNC(writable), self, NULL);
                g_source_attach(self->out, self->context);
            }
            return true;
        } else {
            return false;
        }
    }
    clear_source(&self->out);
    return true;
}

static gboolean
writable(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    AkmaAtPort *self = akma_at_port_ref(user_data);

    if (!self->current)
        clear_source(&self->out);
    else if (!write_some(self))
        lose(self);
    akma_at_port_unref(self);

    return G_SOURCE_CONTINUE;
}

static void
transmit(AkmaAtPort *self, Command *command, unsigned timeout_ms)
{
    self->current = command;
    self->timer = add_timer(self, timeout_ms, timed_out);
    if (!write_some(self))
        lose(self);
}

static void
start_next(AkmaAtPort *self)
{
    if (self->fd < 0 || self->current || g_queue_is_empty(&self->waiting))
        return;

    switch (self->sync) {
    case SYNC_DONE:
        transmit(self, g_queue_pop_head(&self->waiting), self->timeout_ms);
        break;
    case SYNC_STALE:
        begin_sync(self, SYNC_ECHO);
        break;
    case SYNC_ECHO:
    case SYNC_TOKEN:
    case SYNC_QUIET:
        break; /* goes on by itself */
    }
}

/* Lines of the past fall through to the unsolicited ones, where nobody wants them. */
static bool
sync_take(const char *line, size_t len G_GNUC_UNUSED, gpointer user_data)
{
    AkmaAtPort *self = user_data;

    if (self->sync == SYNC_TOKEN && g_str_equal(line, self->token))
        self->token_seen = true;

    return false;
}

static void
sync_ended(bool ok G_GNUC_UNUSED, int code G_GNUC_UNUSED, const GError *error, gpointer user_data)
{
    AkmaAtPort *self = user_data;

    if (error || self->sync == SYNC_STALE)
        return; /* timed_out() and lose() have said what comes next */
    if (self->sync == SYNC_ECHO)
        begin_sync(self, self->token && self->sync_tries == 0 ? SYNC_TOKEN : SYNC_QUIET);
    else
        begin_sync(self, SYNC_DONE);
}

static gboolean
was_quiet(gpointer user_data)
{
    AkmaAtPort *self = akma_at_port_ref(user_data);

    clear_source(&self->timer);
    begin_sync(self, SYNC_DONE);
    akma_at_port_unref(self);

    return G_SOURCE_REMOVE;
}

static void
begin_sync(AkmaAtPort *self, Sync step)
{
    unsigned timeout_ms = MIN(self->timeout_ms, self->is_brief ? BRIEF_MS : SYNC_TIMEOUT_MS);

    self->sync = step;
    switch (step) {
    case SYNC_ECHO:
        transmit(self, command_new("ATE0V1", sync_take, sync_ended, self), timeout_ms);
        break;
    case SYNC_TOKEN:
        self->token_seen = false;
        transmit(self, command_new("AT+CGMI", sync_take, sync_ended, self), timeout_ms);
        break;
    case SYNC_QUIET:
        self->timer = add_timer(self, QUIET_MS, was_quiet);
        break;
    case SYNC_DONE:
        self->sync_tries = 0;
        self->is_brief = false;
        start_next(self);
        break;
    case SYNC_STALE:
        break;
    }
}

static void
take_final(AkmaAtPort *self, bool ok, int code)
{
    Command *command;

    if (self->sync == SYNC_TOKEN && !self->token_seen)
        return; /* of a command that was given up */
    command = g_steal_pointer(&self->current);
    if (!command)
        return;

    clear_source(&self->timer);
    clear_source(&self->out);
    finish_command(command, ok, code, NULL);
    start_next(self);
}

/* With echo on, the command comes back before its answer. */
static bool
is_echo(const Command *command, const AkmaAtLine *line)
{
    return command && line->len == command->len - 1 &&
           g_ascii_strncasecmp(line->text, command->text, line->len) == 0;
}

static void
take_text(AkmaAtPort *self, const AkmaAtLine *line)
{
    Command *command = self->current;

    if (is_echo(command, line))
        return;
    if (command && command->take && command->take(line->text, line->len, command->user_data))
        return;
    if (self->events.unsolicited && self->fd >= 0)
        self->events.unsolicited(line->text, self->user_data);
}

static void
take_lines(AkmaAtPort *self)
{
    AkmaAtLine line;

    while (self->fd >= 0 && akma_at_parser_next(&self->parser, &line)) {
        switch (line.type) {
        case AKMA_AT_TEXT:
            take_text(self, &line);
            break;
        case AKMA_AT_OK:
            take_final(self, true, AKMA_AT_NO_CODE);
            break;
        case AKMA_AT_ERROR:
            take_final(self, false, line.code);
            break;
        case AKMA_AT_OVERLONG:
            g_debug("the modem sent a line without end, ignoring");
            break;
        }
    }
}

static gboolean
readable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    AkmaAtPort *self = akma_at_port_ref(user_data);
    size_t room;
    char *to = akma_at_parser_room(&self->parser, &room);
    ssize_t n = read(fd, to, room);

    if (n > 0) {
        akma_at_parser_add(&self->parser, (size_t)n);
        if (self->sync == SYNC_QUIET) {
            clear_source(&self->timer);
            self->timer = add_timer(self, QUIET_MS, was_quiet);
        }
        take_lines(self);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        lose(self);
    }
    akma_at_port_unref(self);

    return G_SOURCE_CONTINUE;
}

AkmaAtPort *
akma_at_port_new(
    int fd, unsigned timeout_ms, const AkmaAtPortEvents *events, gpointer user_data, GError **error)
{
    AkmaAtPort *self;
    uint8_t *bytes;
    AkmaSecret *memory = akma_secret_new_blank(BUFFER_SIZE, &bytes, error);

    if (!memory) {
        close(fd);
        return NULL;
    }
    self = g_new0(AkmaAtPort, 1);
    g_atomic_ref_count_init(&self->refs);
    g_queue_init(&self->waiting);
    self->memory = memory;
    akma_at_parser_init(&self->parser, (char *)bytes, BUFFER_SIZE);
    self->fd = fd;
    self->timeout_ms = timeout_ms;
    self->events = *events;
    self->user_data = user_data;
    self->sync = SYNC_STALE; /* who knows what the one before us left behind */
    self->context = g_main_context_ref_thread_default();
    self->in = g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
    g_source_set_callback(self->in, G_SOURCE_FUNC(readable), self, NULL);
    g_source_attach(self->in, self->context);

    return self;
}

AkmaAtPort *
akma_at_port_ref(AkmaAtPort *self)
{
    g_atomic_ref_count_inc(&self->refs);

    return self;
}

void
akma_at_port_unref(AkmaAtPort *self)
{
    if (!self || !g_atomic_ref_count_dec(&self->refs))
        return;

    akma_at_port_close(self);
    g_main_context_unref(self->context);
    akma_secret_unref(self->memory);
    g_free(self->token);
    g_free(self);
}

void
akma_at_port_send(
    AkmaAtPort *self, const char *command, AkmaAtTake take, AkmaAtDone done, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    if (self->fd < 0) {
        error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_NO_MODEM, "the modem is gone");
        done(false, AKMA_AT_NO_CODE, error, user_data);
        return;
    }

    g_queue_push_tail(&self->waiting, command_new(command, take, done, user_data));
    start_next(self);
}

void
akma_at_port_be_brief(AkmaAtPort *self)
{
    self->is_brief = true;
}

void
akma_at_port_set_token(AkmaAtPort *self, const char *manufacturer)
{
    g_free(self->token);
    self->token = manufacturer && *manufacturer ? g_strdup(manufacturer) : NULL;
}

void
akma_at_port_close(AkmaAtPort *self)
{
    g_autoptr(GError) error = NULL;

    self->events = (AkmaAtPortEvents){0};
    if (self->fd < 0)
        return;

    shut(self);
    error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_MODEM_FAILED, "the modem was closed");
    fail_all(self, error);
}
