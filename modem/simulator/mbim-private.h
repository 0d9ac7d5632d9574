/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-private: what the files of the MBIM face share. */
#pragma once

#include "modem/simulator/mbim-wire.h"
#include "modem/simulator/mbim.h"
#include "modem/simulator/qmi.h"

G_BEGIN_DECLS

#define AKMA_SOFT_MBIM_TRANSFER_MAX 4096 /* longest control message, both ways */
#define AKMA_SOFT_MBIM_TRANSFER_MIN 64   /* a host may not ask for less */
#define AKMA_SOFT_MBIM_INFO_MAX     8192 /* longest information buffer, both ways */
#define AKMA_SOFT_MBIM_SERVICES_MAX 4
#define AKMA_SOFT_MBIM_CAPS_MAX     8 /* terminal capabilities of the host */
#define AKMA_SOFT_MBIM_CAP_MAX      32

/* Types of messages. */
enum {
    MBIM_OPEN = 1,
    MBIM_CLOSE = 2,
    MBIM_COMMAND = 3,
    MBIM_HOST_ERROR = 4,
    MBIM_DONE = 0x80000000, /* | what is done */
    MBIM_FUNCTION_ERROR = 0x80000004,
    MBIM_INDICATE_STATUS = 0x80000007,
};

/* What a function error says. */
typedef enum {
    MBIM_ERROR_TIMEOUT_FRAGMENT = 1,
    MBIM_ERROR_FRAGMENT_OUT_OF_SEQUENCE = 2,
    MBIM_ERROR_LENGTH_MISMATCH = 3,
    MBIM_ERROR_NOT_OPENED = 5,
    MBIM_ERROR_UNKNOWN = 6,
    MBIM_ERROR_MAX_TRANSFER = 8,
} AkmaSoftMbimError;

/* What a command ends with. */
enum {
    MBIM_STATUS_SUCCESS = 0,
    MBIM_STATUS_BUSY = 1,
    MBIM_STATUS_FAILURE = 2,
    MBIM_STATUS_SIM_NOT_INSERTED = 3,
    MBIM_STATUS_BAD_SIM = 4,
    MBIM_STATUS_PIN_REQUIRED = 5,
    MBIM_STATUS_PIN_DISABLED = 6,
    MBIM_STATUS_NOT_REGISTERED = 7,
    MBIM_STATUS_NO_DEVICE_SUPPORT = 9,
    MBIM_STATUS_PROVIDER_NOT_VISIBLE = 10,
    MBIM_STATUS_CONTEXT_NOT_ACTIVATED = 16,
    MBIM_STATUS_RADIO_POWER_OFF = 20,
    MBIM_STATUS_INVALID_PARAMETERS = 21,
    MBIM_STATUS_OPERATION_NOT_ALLOWED = 28,
    MBIM_STATUS_AUTH_INCORRECT_AUTN = 35,
    MBIM_STATUS_AUTH_SYNC_FAILURE = 36,
    MBIM_STATUS_AUTH_AMF_NOT_SET = 37,
    MBIM_STATUS_MS_NO_LOGICAL_CHANNELS = 0x87430001,
    MBIM_STATUS_MS_SELECT_FAILED = 0x87430002,
    MBIM_STATUS_MS_INVALID_LOGICAL_CHANNEL = 0x87430003,
};

typedef struct _AkmaSoftMbim AkmaSoftMbim;

/* Runs a query or set with the information buffer @in; returns the status. */
typedef uint32_t (*AkmaSoftMbimHandler)(AkmaSoftMbim *self,
                                        AkmaSoftMbimReader *in,
                                        AkmaSoftMbimWriter *out);

typedef enum {
    AKMA_SOFT_MBIM_NO_CARD,    /* has nothing to do with the card */
    AKMA_SOFT_MBIM_ASKS_CARD,  /* counts as a command that needs the card */
    AKMA_SOFT_MBIM_NEEDS_CARD, /* and is refused without one */
} AkmaSoftMbimCard;

typedef struct {
    uint32_t cid;
    AkmaSoftMbimCard card;
    AkmaSoftMbimHandler query; /* NULL: there is none */
    AkmaSoftMbimHandler set;
} AkmaSoftMbimCid;

/* A device service. To add one: one of these, and its name in mbim-service.c. */
typedef struct {
    uint8_t uuid[16];
    const AkmaSoftMbimCid *cids;
    size_t n_cids;
    bool (*has)(const AkmaSoftDialect *dialect, uint32_t cid); /* NULL: all of them, always */
} AkmaSoftMbimService;

extern const AkmaSoftMbimService akma_soft_mbim_basic;
extern const AkmaSoftMbimService akma_soft_mbim_auth;
extern const AkmaSoftMbimService akma_soft_mbim_uicc;
extern const AkmaSoftMbimService akma_soft_mbim_qmi;

typedef struct {
    uint32_t tid;
    uint8_t service[16];
    uint32_t cid;
    bool set;
    size_t info_len; /* that it says it has */
} AkmaSoftMbimCommand;

/* A channel that a host opened here. */
typedef struct {
    bool open;
    uint32_t group;
} AkmaSoftMbimChannel;

typedef struct {
    uint8_t bytes[AKMA_SOFT_MBIM_CAP_MAX];
    size_t len;
} AkmaSoftMbimCap;

struct _AkmaSoftMbim {
    AkmaSoftModem *modem;
    const AkmaSoftDialect *dialect;
    AkmaSoftPeer peer;
    void *user_data;

    /* mbim-frame.c */
    bool open;
    size_t transfer; /* longest message, as agreed on */
    uint8_t input[AKMA_SOFT_MBIM_TRANSFER_MAX];
    size_t input_len;
    size_t skip;    /* bytes that still come of a message that is too long */
    guint patience; /* while half a message or command is there */
    AkmaSoftMbimCommand command;
    bool collecting; /* fragments of it */
    uint32_t fragments;
    uint32_t next_fragment;
    uint8_t info[AKMA_SOFT_MBIM_INFO_MAX];
    size_t info_len; /* that has come */

    /* mbim-answer.c */
    uint32_t answer_type;
    uint32_t answer_status;
    uint8_t answer[AKMA_SOFT_MBIM_INFO_MAX];
    size_t answer_len;
    AkmaSoftFault fault;
    guint delay;

    /* What commands have set, and what they find. */
    uint32_t wanted[AKMA_SOFT_MBIM_SERVICES_MAX]; /* indications, bit = cid */
    uint32_t signal[3];
    bool idle_hint;
    bool pass_through;
    unsigned busy; /* refusals left */
    AkmaSoftMbimChannel channels[AKMA_SOFT_CHANNELS_MAX];
    AkmaSoftMbimCap caps[AKMA_SOFT_MBIM_CAPS_MAX];
    size_t n_caps;

    /* mbim-qmi.c; NULL: the dialect does not carry QMI. */
    AkmaSoftQmi *qmi;
    AkmaSoftQmiUser qmi_user;
};

/* mbim-frame.c: bytes of the host into commands. */
size_t akma_soft_mbim_feed(AkmaSoftMbim *self, const uint8_t *bytes, size_t len);
void akma_soft_mbim_drop_input(AkmaSoftMbim *self);

/* mbim-answer.c: answers, errors and indications into bytes. */
void akma_soft_mbim_answer(AkmaSoftMbim *self, uint32_t type, uint32_t status); /* to command */
void akma_soft_mbim_drop_answer(AkmaSoftMbim *self);
void akma_soft_mbim_say_error(AkmaSoftMbim *self, uint32_t tid, AkmaSoftMbimError error);
void akma_soft_mbim_indicate(AkmaSoftMbim *self,
                             const uint8_t service[static 16],
                             uint32_t cid,
                             const uint8_t *info,
                             size_t len);

/* mbim-service.c: runs the command; returns its status and leaves its information buffer. */
uint32_t akma_soft_mbim_run(AkmaSoftMbim *self);
void akma_soft_mbim_subscribe_all(AkmaSoftMbim *self);
bool akma_soft_mbim_is_wanted(const AkmaSoftMbim *self,
                              const AkmaSoftMbimService *service,
                              uint32_t cid);
uint32_t akma_soft_mbim_device_services(AkmaSoftMbim *self,
                                        AkmaSoftMbimReader *in,
                                        AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_subscribe(AkmaSoftMbim *self,
                                  AkmaSoftMbimReader *in,
                                  AkmaSoftMbimWriter *out);

/* mbim-basic.c: an indication of what changed, if the host wants it. */
void akma_soft_mbim_tell(AkmaSoftMbim *self, AkmaSoftEvent event, const char *text);

/* mbim-pin.c */
uint32_t akma_soft_mbim_get_pin(AkmaSoftMbim *self,
                                AkmaSoftMbimReader *in,
                                AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_set_pin(AkmaSoftMbim *self,
                                AkmaSoftMbimReader *in,
                                AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_pin_list(AkmaSoftMbim *self,
                                 AkmaSoftMbimReader *in,
                                 AkmaSoftMbimWriter *out);

/* mbim-network.c */
uint32_t akma_soft_mbim_get_radio(AkmaSoftMbim *self,
                                  AkmaSoftMbimReader *in,
                                  AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_set_radio(AkmaSoftMbim *self,
                                  AkmaSoftMbimReader *in,
                                  AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_home(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_get_registration(AkmaSoftMbim *self,
                                         AkmaSoftMbimReader *in,
                                         AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_set_registration(AkmaSoftMbim *self,
                                         AkmaSoftMbimReader *in,
                                         AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_get_packet_service(AkmaSoftMbim *self,
                                           AkmaSoftMbimReader *in,
                                           AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_set_packet_service(AkmaSoftMbim *self,
                                           AkmaSoftMbimReader *in,
                                           AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_get_signal(AkmaSoftMbim *self,
                                   AkmaSoftMbimReader *in,
                                   AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_set_signal(AkmaSoftMbim *self,
                                   AkmaSoftMbimReader *in,
                                   AkmaSoftMbimWriter *out);

/* mbim-card.c: one command to the card, which must be there. */
void akma_soft_mbim_exchange_raw(
    AkmaSoftMbim *self, bool own, const uint8_t *apdu, size_t len, AkmaSoftResponse *ret);
/* The same, and fetches what 61xx announces. */
void akma_soft_mbim_exchange(
    AkmaSoftMbim *self, bool own, const uint8_t *apdu, size_t len, AkmaSoftResponse *ret);
/* The status word as it stands in an answer. */
uint32_t akma_soft_mbim_put_sw(const AkmaSoftMbim *self, uint16_t sw);

/* mbim-qmi.c. False: no memory. */
bool akma_soft_mbim_qmi_init(AkmaSoftMbim *self);

/* mbim-files.c */
uint32_t akma_soft_mbim_application_list(AkmaSoftMbim *self,
                                         AkmaSoftMbimReader *in,
                                         AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_file_status(AkmaSoftMbim *self,
                                    AkmaSoftMbimReader *in,
                                    AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_read_binary(AkmaSoftMbim *self,
                                    AkmaSoftMbimReader *in,
                                    AkmaSoftMbimWriter *out);
uint32_t akma_soft_mbim_read_record(AkmaSoftMbim *self,
                                    AkmaSoftMbimReader *in,
                                    AkmaSoftMbimWriter *out);

G_END_DECLS
