/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * message: the card contract (modem/card.h) as messages between akmad and akmad-port: one packet
 * of a SOCK_SEQPACKET socket each. A request is answered by one answer with its serial; an event
 * has serial 0. Both ends come from one build: there is no version.
 *
 * A message may hold a PIN, K_AUSF, CK and IK: it lives on the stack or in the secure heap, and is
 * wiped. Pure.
 */
#pragma once

#include "modem/card.h"

G_BEGIN_DECLS

#define AKMA_PORT_TEXT_MAX    255
#define AKMA_PORT_MESSAGE_MAX 1024 /* bytes of a packet */

typedef enum {
    /* requests */
    AKMA_PORT_OPEN,          /* text: protocol, text2: device, slot, proxy, timeout_ms, is_guess */
    AKMA_PORT_OPEN_CHANNEL,  /* bytes: the AID */
    AKMA_PORT_TRANSMIT,      /* channel, bytes: the command */
    AKMA_PORT_CLOSE_CHANNEL, /* channel */
    AKMA_PORT_QUERY,
    AKMA_PORT_VERIFY_PIN,   /* bytes: the PIN */
    AKMA_PORT_READ,         /* channel, bytes: the folder, file_id, sfi, read_len */
    AKMA_PORT_AUTHENTICATE, /* channel, bytes: RAND AUTN */
    /* answers */
    AKMA_PORT_DONE,     /* to close and verify */
    AKMA_PORT_OPENED,   /* text: manufacturer, text2: model */
    AKMA_PORT_CHANNEL,  /* channel, ends_with_card */
    AKMA_PORT_RESPONSE, /* bytes, sw */
    AKMA_PORT_STATE,    /* state */
    AKMA_PORT_ERROR,    /* code, text: the message */
    /* events */
    AKMA_PORT_CARD_CHANGED,
    AKMA_PORT_REGISTRATION_CHANGED,
    AKMA_PORT_GONE,
    AKMA_PORT_N_KINDS,
} AkmaPortKind;

#define AKMA_PORT_NOT_SUPPORTED 255 /* as a code: G_IO_ERROR_NOT_SUPPORTED */

typedef struct {
    AkmaPortKind kind;
    uint16_t serial;
    uint8_t code; /* an AkmaError, or AKMA_PORT_NOT_SUPPORTED */
    int channel;
    bool ends_with_card; /* as akma_card_channel_ends_with_card() */
    uint8_t slot;
    AkmaProxy proxy;
    unsigned timeout_ms;
    bool is_guess; /* as in AkmaPortConfig */
    uint16_t file_id;
    uint8_t sfi;
    uint16_t read_len;
    AkmaCardState state;
    uint16_t sw;
    uint8_t bytes[AKMA_COMMAND_MAX];
    size_t len;
    char text[AKMA_PORT_TEXT_MAX + 1];
    char text2[AKMA_PORT_TEXT_MAX + 1];
} AkmaPortMessage;

void akma_port_message_clear(AkmaPortMessage *self); /* wipes */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AkmaPortMessage, akma_port_message_clear)

bool akma_port_kind_is_request(AkmaPortKind kind);
bool akma_port_kind_is_event(AkmaPortKind kind);

/*
 * Text that is too long is cut, what cannot be shown is replaced. At most AKMA_COMMAND_MAX bytes
 * are taken.
 */
void akma_port_message_set_text(char to[static AKMA_PORT_TEXT_MAX + 1], const char *text);
void akma_port_message_set_bytes(AkmaPortMessage *self, const void *bytes, size_t len);

/* Returns the length of the packet. */
size_t akma_port_message_encode(const AkmaPortMessage *self,
                                uint8_t ret[static AKMA_PORT_MESSAGE_MAX]);

/*
 * False: not one whole message of a kind that is known, or a value that is out of range; @ret is
 * then empty.
 */
bool akma_port_message_decode(const uint8_t *packet, size_t len, AkmaPortMessage *ret);

G_END_DECLS
