/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * usb-pipe: a face behind endpoints of a USB device: what the host sent and the face has not taken,
 * what the face said and the host has not fetched. Knows no endpoint.
 */
#pragma once

#include "modem/simulator/face.h"

G_BEGIN_DECLS

typedef struct _AkmaSoftUsbPipe AkmaSoftUsbPipe;

typedef struct {
    void (*said)(void *user_data);   /* there is one message more to fetch */
    void (*hangup)(void *user_data); /* the device is to go and come back */
} AkmaSoftUsbPipeUser;

/* @modem, @face and @dialect must outlive it. NULL: no memory. */
AkmaSoftUsbPipe *akma_soft_usb_pipe_new(AkmaSoftModem *modem,
                                        const AkmaSoftFace *face,
                                        const AkmaSoftDialect *dialect,
                                        const AkmaSoftUsbPipeUser *user,
                                        void *user_data);
void akma_soft_usb_pipe_free(AkmaSoftUsbPipe *self); /* NULL is fine */

/* Bytes of the host. What a full pipe cannot take is lost. */
void akma_soft_usb_pipe_write(AkmaSoftUsbPipe *self, const uint8_t *bytes, size_t len);
/*
 * The oldest message, up to @room bytes of it; returns how many. What did not fit is kept for the
 * next call, or, with @whole, gone.
 */
size_t akma_soft_usb_pipe_read(AkmaSoftUsbPipe *self, uint8_t *to, size_t room, bool whole);
bool akma_soft_usb_pipe_is_empty(const AkmaSoftUsbPipe *self);

/* Does a program on the host listen? What happens unasked is told only then. */
void akma_soft_usb_pipe_set_listening(AkmaSoftUsbPipe *self, bool listening);
bool akma_soft_usb_pipe_is_listening(const AkmaSoftUsbPipe *self);
void akma_soft_usb_pipe_tell(AkmaSoftUsbPipe *self, AkmaSoftEvent event, const char *text);

void akma_soft_usb_pipe_forget(AkmaSoftUsbPipe *self);  /* what was begun, in both directions */
void akma_soft_usb_pipe_restart(AkmaSoftUsbPipe *self); /* as after power on */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaSoftUsbPipe, akma_soft_usb_pipe_free)

G_END_DECLS
