/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fake-qmi: a QMI modem on a pseudo terminal, in the same main loop as what it tests. It gives
 * client ids by itself and answers every other request with success, or as it was told.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

G_BEGIN_DECLS

/* Services and requests of the fake's own. */
enum { FAKE_QMI_CTL = 0x00, FAKE_QMI_DMS = 0x02, FAKE_QMI_NAS = 0x03, FAKE_QMI_UIM = 0x0b };
enum { FAKE_QMI_GET_CLIENT = 0x0022, FAKE_QMI_RELEASE_CLIENT = 0x0023, FAKE_QMI_SYNC = 0x0027 };

typedef struct _FakeQmi FakeQmi;

FakeQmi *fake_qmi_new(void);
void fake_qmi_free(FakeQmi *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeQmi, fake_qmi_free)

const char *fake_qmi_get_path(FakeQmi *self);

/* From now on: QMI error @code (0: success), and TLVs in hex behind the result. */
void fake_qmi_set_answer(
    FakeQmi *self, uint8_t service, uint16_t id, uint16_t code, const char *tlvs);

/* Message @answer_id in place of @id. */
void fake_qmi_set_wrong_id(FakeQmi *self, uint16_t answer_id);

/* The next client of @service is refused with @code. */
void fake_qmi_refuse_client(FakeQmi *self, uint8_t service, uint16_t code);

/* After @n more requests @call is called instead of an answer; the answer is kept. */
void fake_qmi_hold(FakeQmi *self, unsigned n, void (*call)(gpointer user_data), gpointer user_data);
/* The answer that was kept goes out now. */
void fake_qmi_release(FakeQmi *self);

/* How often this was asked, and the TLVs of the last time in hex (borrowed; "" if never). */
unsigned fake_qmi_count(FakeQmi *self, uint8_t service, uint16_t id);
const char *fake_qmi_get_asked(FakeQmi *self, uint8_t service, uint16_t id);
unsigned fake_qmi_count_all(FakeQmi *self);

/* @cid 0: the client that the service has; 255: all. */
void fake_qmi_indicate(FakeQmi *self, uint8_t service, uint8_t cid, uint16_t id, const char *tlvs);

void fake_qmi_hang_up(FakeQmi *self);

/* Runs the main loop until nothing has come for so long. */
void fake_qmi_settle(unsigned ms);

G_END_DECLS
