/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/port.h"

#include <errno.h>
#include <glib-unix.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/wiping.h"
#include "modem/simulator/pty.h"

#define INPUT_SIZE  512
#define OUTPUT_SIZE (32 * 1024) /* what a client does not read is kept up to here */
#define OUTPUT_HIGH (16 * 1024) /* from here on nothing more is read from it */

struct _AkmaSoftPort {
    AkmaSoftModem *modem;
    const AkmaSoftFace *face;
    void *speaker; /* of the face */
    char *path;
    AkmaSoftPty pty;
    guint read_source;
    guint write_source;
    guint watch_source;
    guint come_back;
    uint8_t *input; /* read, not yet fed */
    size_t input_len;
    uint8_t *output; /* not yet written */
    size_t output_len;
};

static void update_sources(AkmaSoftPort *self);

static void
discard(uint8_t *buffer, size_t *len, size_t n)
{
    memmove(buffer, buffer + n, *len - n);
    OPENSSL_cleanse(buffer + *len - n, n);
    *len -= n;
}

static void
flush(AkmaSoftPort *self)
{
    ssize_t written = 0;

    while (self->output_len > 0 && self->pty.master >= 0) {
        written = write(self->pty.master, self->output, self->output_len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        discard(self->output, &self->output_len, (size_t)written);
    }
}

static void
on_output(const void *bytes, size_t len, void *user_data)
{
    AkmaSoftPort *self = user_data;

    if (len > OUTPUT_SIZE - self->output_len)
        return; /* a client that does not read loses answers, as on a real port */
    memcpy(self->output + self->output_len, bytes, len);
    self->output_len += len;
    flush(self);
    update_sources(self);
}

static void
feed(AkmaSoftPort *self)
{
    size_t taken = self->face->feed(self->speaker, self->input, self->input_len);

    discard(self->input, &self->input_len, MIN(taken, self->input_len));
    update_sources(self);
}

static void
on_resume(void *user_data)
{
    feed(user_data);
}

static void
check_clients(AkmaSoftPort *self)
{
    if (!akma_soft_pty_check_clients(&self->pty))
        return;
    discard(self->output, &self->output_len, self->output_len);
    discard(self->input, &self->input_len, self->input_len); /* nobody resumes it any more */
    self->face->forget(self->speaker);
    update_sources(self);
}

static gboolean
on_watch(int fd, GIOCondition condition, gpointer user_data)
{
    AkmaSoftPort *self = user_data;

    (void)fd;
    (void)condition;
    check_clients(self);

    return G_SOURCE_CONTINUE;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    AkmaSoftPort *self = user_data;
    ssize_t len;

    (void)condition;
    self->read_source = 0;
    check_clients(self); /* first: what was not read belongs to the client before */
    len = read(fd, self->input + self->input_len, INPUT_SIZE - self->input_len);
    if (len > 0)
        self->input_len += (size_t)len;
    feed(self);

    return G_SOURCE_REMOVE;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer user_data)
{
    AkmaSoftPort *self = user_data;

    (void)fd;
    (void)condition;
    self->write_source = 0;
    flush(self);
    feed(self);

    return G_SOURCE_REMOVE;
}

/* Reads unless something is still to be said first; writes if something is. */
static void
update_sources(AkmaSoftPort *self)
{
    bool open = self->pty.master >= 0;
    bool can_read = open && self->input_len == 0 && self->output_len < OUTPUT_HIGH;
    bool must_write = open && self->output_len > 0;

    if (can_read && self->read_source == 0)
        self->read_source = g_unix_fd_add(self->pty.master, G_IO_IN, on_readable, self);
    else if (!can_read)
        g_clear_handle_id(&self->read_source, g_source_remove);
    if (must_write && self->write_source == 0)
        self->write_source = g_unix_fd_add(self->pty.master, G_IO_OUT, on_writable, self);
    else if (!must_write)
        g_clear_handle_id(&self->write_source, g_source_remove);
}

static bool
plug(AkmaSoftPort *self, GError **error)
{
    if (self->pty.master >= 0)
        return true;
    if (!akma_soft_pty_open(&self->pty, self->path, error))
        return false;

    self->watch_source = g_unix_fd_add(self->pty.watch, G_IO_IN, on_watch, self);
    self->face->restart(self->speaker);
    update_sources(self);

    return true;
}

static void
unplug(AkmaSoftPort *self)
{
    g_clear_handle_id(&self->come_back, g_source_remove);
    g_clear_handle_id(&self->watch_source, g_source_remove);
    g_clear_handle_id(&self->read_source, g_source_remove);
    g_clear_handle_id(&self->write_source, g_source_remove);
    akma_soft_pty_close(&self->pty);
    if (self->speaker)
        self->face->forget(self->speaker);
    discard(self->input, &self->input_len, self->input_len);
    discard(self->output, &self->output_len, self->output_len);
}

static gboolean
on_come_back(gpointer user_data)
{
    AkmaSoftPort *self = user_data;
    g_autoptr(GError) error = NULL;

    self->come_back = 0;
    unplug(self);
    if (akma_soft_modem_is_plugged(self->modem) && !plug(self, &error))
        g_warning("cannot bring the port back: %s", error->message);

    return G_SOURCE_REMOVE;
}

/* In an idle: the caller is in the middle of a command of this port. */
static void
on_hangup(void *user_data)
{
    AkmaSoftPort *self = user_data;

    if (self->come_back == 0)
        self->come_back = g_idle_add(on_come_back, self);
}

static void
on_event(AkmaSoftEvent event, const char *text, void *user_data)
{
    AkmaSoftPort *self = user_data;

    if (event == AKMA_SOFT_EVENT_PLUG) {
        if (akma_soft_modem_is_plugged(self->modem))
            on_come_back(self);
        else
            unplug(self);
        return;
    }
    if (self->pty.master < 0)
        return;
    check_clients(self);
    if (self->pty.clients > 0)
        self->face->tell(self->speaker, event, text);
}

AkmaSoftPort *
akma_soft_port_new(AkmaSoftModem *modem,
                   const AkmaSoftFace *face,
                   const AkmaSoftDialect *dialect,
                   const char *path,
                   GError **error)
{
    static const AkmaSoftPeer peer = {on_output, on_resume, on_hangup};
    g_autoptr(AkmaSoftPort) self = g_new0(AkmaSoftPort, 1);

    self->modem = modem;
    self->face = face;
    self->path = g_strdup(path);
    self->pty = (AkmaSoftPty){.master = -1, .slave = -1, .watch = -1};
    self->input = akma_wiping_malloc(INPUT_SIZE);
    self->output = akma_wiping_malloc(OUTPUT_SIZE);
    self->speaker = face->create(modem, dialect, &peer, self);
    if (!self->input || !self->output || !self->speaker) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INTERNAL, "no memory for a port");
        return NULL;
    }
    if (!plug(self, error))
        return NULL;
    akma_soft_modem_listen(modem, on_event, self);

    return g_steal_pointer(&self);
}

void
akma_soft_port_free(AkmaSoftPort *self)
{
    if (!self)
        return;

    unplug(self);
    self->face->destroy(self->speaker);
    akma_wiping_free(self->input);
    akma_wiping_free(self->output);
    g_free(self->path);
    g_free(self);
}

unsigned
akma_soft_port_count_clients(const AkmaSoftPort *self)
{
    return self->pty.clients;
}
