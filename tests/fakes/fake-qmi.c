/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "tests/fakes/fake-qmi.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"

#define FRAME 6 /* 01, length, flags, service, client */

typedef struct {
    uint32_t key; /* service and request */
    uint16_t code;
    char *tlvs;
    unsigned count;
    char *asked;
} Row;

struct _FakeQmi {
    int master;
    int slave; /* kept open: the last to close it hangs the terminal up */
    guint watch;
    char path[64];
    GByteArray *input;
    GPtrArray *rows;
    uint8_t cids[256];
    uint16_t wrong_id;
    uint8_t refused; /* service whose client is refused next; 0: none */
    uint16_t refusal;
    unsigned count;
    int hold; /* -1: none */
    void (*call)(gpointer user_data);
    gpointer user_data;
    GByteArray *kept;
};

static void
row_free(gpointer data)
{
    Row *row = data;

    g_free(row->tlvs);
    g_free(row->asked);
    g_free(row);
}

static Row *
get_row(FakeQmi *self, uint8_t service, uint16_t id)
{
    uint32_t key = (uint32_t)service << 16 | id;
    Row *row;

    for (guint i = 0; i < self->rows->len; i++) {
        row = g_ptr_array_index(self->rows, i);
        if (row->key == key)
            return row;
    }
    row = g_new0(Row, 1);
    row->key = key;
    row->tlvs = g_strdup("");
    row->asked = g_strdup("");
    g_ptr_array_add(self->rows, row);

    return row;
}

static void
put(GByteArray *to, unsigned value, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)(value >> 8 * i);

        g_byte_array_append(to, &byte, 1);
    }
}

static void
put_hex(GByteArray *to, const char *hex)
{
    size_t len = strlen(hex) / 2;
    g_autofree uint8_t *bytes = g_malloc(len + 1);

    assert_true(akma_hex_decode(hex, strlen(hex), bytes, len));
    g_byte_array_append(to, bytes, (guint)len);
}

/* One frame. @flags are those of the service, 2 for an answer and 4 for an indication. */
static GByteArray *
build(uint8_t service, uint8_t cid, uint8_t flags, unsigned tid, uint16_t id, GByteArray *tlvs)
{
    GByteArray *frame = g_byte_array_new();
    bool is_ctl = service == FAKE_QMI_CTL;

    put(frame, 0x01, 1);
    put(frame, FRAME - 1u + (is_ctl ? 6u : 7u) + tlvs->len, 2);
    put(frame, 0x80, 1);
    put(frame, service, 1);
    put(frame, cid, 1);
    put(frame, is_ctl ? flags / 2u : flags, 1);
    put(frame, tid, is_ctl ? 1 : 2);
    put(frame, id, 2);
    put(frame, tlvs->len, 2);
    g_byte_array_append(frame, tlvs->data, tlvs->len);

    return frame;
}

static void
send_frame(FakeQmi *self, GByteArray *owned)
{
    assert_int_equal(write(self->master, owned->data, owned->len), owned->len);
    g_byte_array_unref(owned);
}

static void
put_client(FakeQmi *self, GByteArray *tlvs, const uint8_t *asked)
{
    uint8_t service = asked[3];

    self->cids[service] = (uint8_t)(self->cids[service] + 1);
    put(tlvs, 0x01, 1);
    put(tlvs, 2, 2);
    put(tlvs, service, 1);
    put(tlvs, self->cids[service], 1);
}

static GByteArray *
build_answer(FakeQmi *self, const uint8_t *frame, unsigned tid, uint16_t id, const uint8_t *asked)
{
    g_autoptr(GByteArray) tlvs = g_byte_array_new();
    uint8_t service = frame[4];
    const Row *row = get_row(self, service, id);
    bool is_client = service == FAKE_QMI_CTL && id == FAKE_QMI_GET_CLIENT;
    bool is_refused = is_client && self->refused != 0 && asked[3] == self->refused;
    unsigned code = is_refused ? self->refusal : row->code;

    put(tlvs, 0x02, 1);
    put(tlvs, 4, 2);
    put(tlvs, code != 0, 2);
    put(tlvs, code, 2);
    if (is_client && code == 0)
        put_client(self, tlvs, asked);
    if (service == FAKE_QMI_CTL && id == FAKE_QMI_RELEASE_CLIENT)
        g_byte_array_append(tlvs, asked, 5);
    put_hex(tlvs, row->tlvs);
    if (is_refused)
        self->refused = 0;
    if (self->wrong_id && service != FAKE_QMI_CTL)
        id = self->wrong_id;

    return build(service, frame[5], 2, tid, id, tlvs);
}

static void
take_frame(FakeQmi *self, const uint8_t *frame, size_t len)
{
    bool is_ctl = frame[4] == FAKE_QMI_CTL;
    size_t at = FRAME + (is_ctl ? 2 : 3);
    unsigned tid = is_ctl ? frame[FRAME + 1] : frame[FRAME + 1] | (unsigned)frame[FRAME + 2] << 8;
    uint16_t id = (uint16_t)(frame[at] | frame[at + 1] << 8);
    const uint8_t *tlvs = frame + at + 4;
    size_t tlvs_len = len - at - 4;
    Row *row = get_row(self, frame[4], id);
    GByteArray *answer = build_answer(self, frame, tid, id, tlvs);

    self->count++;
    row->count++;
    g_free(row->asked);
    row->asked = g_malloc0(AKMA_HEX_LEN(tlvs_len) + 1);
    akma_hex_encode(tlvs, tlvs_len, row->asked);

    if (self->hold-- != 0) {
        send_frame(self, answer);
        return;
    }
    g_clear_pointer(&self->kept, g_byte_array_unref);
    self->kept = answer;
    if (self->call)
        self->call(self->user_data);
}

static gboolean
readable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    FakeQmi *self = user_data;
    uint8_t bytes[2048];
    ssize_t n = read(fd, bytes, sizeof bytes);

    if (n <= 0)
        return G_SOURCE_CONTINUE;

    g_byte_array_append(self->input, bytes, (guint)n);
    while (self->input->len >= FRAME) {
        const uint8_t *frame = self->input->data;
        guint len = 1u + frame[1] + ((guint)frame[2] << 8);
        g_autofree uint8_t *copy = NULL;

        if (frame[0] != 0x01 || len < FRAME + 6) { /* no QMI at all: heard, not understood */
            g_byte_array_set_size(self->input, 0);
            break;
        }
        if (self->input->len < len)
            break;
        copy = g_memdup2(frame, len);
        g_byte_array_remove_range(self->input, 0, len);
        take_frame(self, copy, len);
    }

    return G_SOURCE_CONTINUE;
}

FakeQmi *
fake_qmi_new(void)
{
    FakeQmi *self = g_new0(FakeQmi, 1);
    struct termios mode;

    self->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_int_equal(grantpt(self->master) | unlockpt(self->master), 0);
    assert_int_equal(ptsname_r(self->master, self->path, sizeof self->path), 0);
    self->slave = open(self->path, O_RDWR | O_NOCTTY);
    assert_int_equal(tcgetattr(self->slave, &mode), 0);
    cfmakeraw(&mode);
    assert_int_equal(tcsetattr(self->slave, TCSANOW, &mode), 0);

    self->input = g_byte_array_new();
    self->rows = g_ptr_array_new_with_free_func(row_free);
    self->hold = -1;
    self->watch = g_unix_fd_add(self->master, G_IO_IN, readable, self);

    return self;
}

void
fake_qmi_hang_up(FakeQmi *self)
{
    if (self->master < 0)
        return;

    g_source_remove(self->watch);
    close(self->slave);
    close(self->master);
    self->master = -1;
}

void
fake_qmi_free(FakeQmi *self)
{
    fake_qmi_hang_up(self);
    g_byte_array_unref(self->input);
    g_clear_pointer(&self->kept, g_byte_array_unref);
    g_ptr_array_unref(self->rows);
    g_free(self);
}

const char *
fake_qmi_get_path(FakeQmi *self)
{
    return self->path;
}

void
fake_qmi_set_answer(FakeQmi *self, uint8_t service, uint16_t id, uint16_t code, const char *tlvs)
{
    Row *row = get_row(self, service, id);

    row->code = code;
    g_free(row->tlvs);
    row->tlvs = g_strdup(tlvs);
}

void
fake_qmi_set_wrong_id(FakeQmi *self, uint16_t answer_id)
{
    self->wrong_id = answer_id;
}

void
fake_qmi_refuse_client(FakeQmi *self, uint8_t service, uint16_t code)
{
    self->refused = service;
    self->refusal = code;
}

void
fake_qmi_hold(FakeQmi *self, unsigned n, void (*call)(gpointer user_data), gpointer user_data)
{
    self->hold = (int)n;
    self->call = call;
    self->user_data = user_data;
}

void
fake_qmi_release(FakeQmi *self)
{
    assert_non_null(self->kept);
    send_frame(self, g_steal_pointer(&self->kept));
}

unsigned
fake_qmi_count(FakeQmi *self, uint8_t service, uint16_t id)
{
    return get_row(self, service, id)->count;
}

const char *
fake_qmi_get_asked(FakeQmi *self, uint8_t service, uint16_t id)
{
    return get_row(self, service, id)->asked;
}

unsigned
fake_qmi_count_all(FakeQmi *self)
{
    return self->count;
}

void
fake_qmi_indicate(FakeQmi *self, uint8_t service, uint8_t cid, uint16_t id, const char *tlvs)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();

    put_hex(bytes, tlvs);
    send_frame(self, build(service, cid ? cid : self->cids[service], 4, 0, id, bytes));
}

void
fake_qmi_settle(unsigned ms)
{
    /* looks that found nothing, not time: a process that did not get to run has not looked */
    for (unsigned i = 0; i < 2 * ms; i++) {
        if (g_main_context_iteration(NULL, FALSE))
            i = 0;
        else
            g_usleep(500);
    }
}
