/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-private: what the services of the QMI face share. */
#pragma once

#include "modem/simulator/qmi.h"

G_BEGIN_DECLS

#define QMI_WANTED_ALWAYS UINT32_C(0x80000000) /* no client can do without */

/* A client of one service; @user NULL: the place is free. */
typedef struct {
    uint8_t service;
    uint8_t id;
    const AkmaSoftQmiUser *user;
    uint32_t wants; /* indications; what a bit means is up to the service */
} QmiClient;

struct _AkmaSoftQmi {
    AkmaSoftModem *modem;
    const AkmaSoftDialect *dialect;
    unsigned busy; /* refusals left */
    uint8_t last_id;
    QmiClient clients[AKMA_SOFT_QMI_CLIENTS_MAX];
    QmiWriter answer;
    QmiWriter indication; /* of its own: an answer may be half written */
};

/* One request that is being answered. */
typedef struct {
    AkmaSoftQmi *self;
    AkmaSoftModem *modem;
    const AkmaSoftQmiUser *user;
    QmiClient *client; /* NULL in CTL */
    const QmiRequest *request;
    QmiWriter *answer;
    AkmaSoftFault *fault;
} QmiCall;

/* Adds TLVs to the answer; returns the error code of the result. */
typedef uint16_t (*QmiHandler)(const QmiCall *call);

typedef enum {
    QMI_ALWAYS,
    QMI_CARD,    /* needs the card, and is counted */
    QMI_CHANNEL, /* the same; not in a modem without logical channels */
    QMI_OPEN,    /* the same; nor in one with the older message only */
    QMI_DMS_UIM, /* the same; not in a modem that has UIM only */
} QmiKind;

typedef struct {
    uint16_t id;
    QmiKind kind;
    QmiHandler handle;
} QmiCommand;

typedef struct {
    uint8_t service;
    uint16_t major;
    uint16_t minor;
    const QmiCommand *commands; /* ends with a handler NULL */
    void (*tell)(AkmaSoftQmi *self, AkmaSoftEvent event);
} QmiService;

extern const QmiService akma_soft_qmi_ctl;
extern const QmiService akma_soft_qmi_dms;
extern const QmiService akma_soft_qmi_nas;
extern const QmiService akma_soft_qmi_uim;

/* Borrowed; NULL: no such service. The CTL service is the first; walk with @index. */
const QmiService *akma_soft_qmi_find_service(uint8_t service);
const QmiService *akma_soft_qmi_get_service(unsigned index);

/* NULL: all are in use. */
QmiClient *akma_soft_qmi_add_client(AkmaSoftQmi *self,
                                    const AkmaSoftQmiUser *user,
                                    uint8_t service);
/* NULL: nobody has that id. */
QmiClient *akma_soft_qmi_find_client(AkmaSoftQmi *self, uint8_t service, uint8_t id);

/* Begins an indication in self->indication; the caller adds its TLVs. */
void akma_soft_qmi_indicate(AkmaSoftQmi *self, uint8_t service, uint16_t id);
/* Sends it to each client of @service that wants one of @wanted; QMI_WANTED_ALWAYS: to all. */
void akma_soft_qmi_send_indication(AkmaSoftQmi *self, uint8_t service, uint32_t wanted);

/* Handlers of every service. */
uint16_t akma_soft_qmi_reset(const QmiCall *call); /* no indications any more */
uint16_t akma_soft_qmi_list_commands(const QmiCall *call);

/* The TLV @type of the request; QMI_MISSING_ARGUMENT, QMI_OK. */
uint16_t akma_soft_qmi_need(const QmiCall *call, uint8_t type, QmiReader *ret);
/* Registers bit @wanted of the client as TLV @type says, if it is there. False: it is no flag. */
bool akma_soft_qmi_want(const QmiCall *call, uint8_t type, uint32_t wanted);

/* qmi-card: one command to the card, which must be there. @resolve: fetch what 61xx and 6Cxx
 * announce. */
void akma_soft_qmi_exchange(const QmiCall *call,
                            bool own,
                            bool resolve,
                            const uint8_t *apdu,
                            size_t len,
                            AkmaSoftResponse *ret);
/* The error code that says the same; QMI_OK for 9000 and warnings. */
uint16_t akma_soft_qmi_error_of(uint16_t sw);
void akma_soft_qmi_put_card_result(const QmiCall *call, uint8_t type, uint16_t sw);
/* The session in TLV 01; *@ret_application: it sees the USIM. */
uint16_t akma_soft_qmi_get_session(const QmiCall *call, bool *ret_application);

uint16_t akma_soft_qmi_read_transparent(const QmiCall *call);
uint16_t akma_soft_qmi_read_record(const QmiCall *call);
uint16_t akma_soft_qmi_get_file_attributes(const QmiCall *call);

uint16_t akma_soft_qmi_open_channel(const QmiCall *call);
uint16_t akma_soft_qmi_logical_channel(const QmiCall *call);
uint16_t akma_soft_qmi_send_apdu(const QmiCall *call);
uint16_t akma_soft_qmi_authenticate(const QmiCall *call);

/* The values of QMI UIM and DMS are the same. */
typedef enum {
    QMI_PIN_NOT_VERIFIED = 1,
    QMI_PIN_VERIFIED = 2,
    QMI_PIN_DISABLED = 3,
    QMI_PIN_IS_BLOCKED = 4,
    QMI_PIN_IS_ALWAYS_BLOCKED = 5,
} QmiPinState;

QmiPinState akma_soft_qmi_pin_get_state(const AkmaSoftPin *pin);
uint16_t akma_soft_qmi_pin_protect(const QmiCall *call);
uint16_t akma_soft_qmi_pin_verify(const QmiCall *call);
uint16_t akma_soft_qmi_pin_unblock(const QmiCall *call);
uint16_t akma_soft_qmi_pin_change(const QmiCall *call);

G_END_DECLS
