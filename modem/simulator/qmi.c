/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/qmi.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/wiping.h"
#include "modem/simulator/qmi-private.h"

#define UNKNOWN_INDICATION 0x7fff

static const QmiService *const services[] = {
    &akma_soft_qmi_ctl, &akma_soft_qmi_dms, &akma_soft_qmi_nas, &akma_soft_qmi_uim};

/* +CME ERROR of a fault, as QMI says it; any other: QMI_INTERNAL. */
static const struct {
    unsigned cme;
    uint16_t error;
} cme_errors[] = {
    {3, QMI_ACCESS_DENIED},
    {4, QMI_NOT_SUPPORTED},
    {10, QMI_UIM_UNINITIALIZED},
    {11, QMI_ACCESS_DENIED},
    {12, QMI_PIN_BLOCKED},
    {14, QMI_DEVICE_NOT_READY},
    {16, QMI_INCORRECT_PIN},
    {20, QMI_INSUFFICIENT_RESOURCES},
    {21, QMI_INVALID_ARGUMENT},
    {22, QMI_SIM_FILE_NOT_FOUND},
    {50, QMI_INVALID_ARGUMENT},
};

AkmaSoftQmi *
akma_soft_qmi_new(AkmaSoftModem *modem, const AkmaSoftDialect *dialect)
{
    AkmaSoftQmi *self = akma_wiping_calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->modem = modem;
    self->dialect = dialect;
    akma_soft_qmi_restart(self);

    return self;
}

void
akma_soft_qmi_free(AkmaSoftQmi *self)
{
    akma_wiping_free(self);
}

void
akma_soft_qmi_restart(AkmaSoftQmi *self)
{
    memset(self->clients, 0, sizeof self->clients);
    self->last_id = 0;
    self->busy = self->dialect->busy;
}

const QmiService *
akma_soft_qmi_get_service(unsigned index)
{
    return index < G_N_ELEMENTS(services) ? services[index] : NULL;
}

const QmiService *
akma_soft_qmi_find_service(uint8_t service)
{
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        if (services[i]->service == service)
            return services[i];
    }

    return NULL;
}

QmiClient *
akma_soft_qmi_find_client(AkmaSoftQmi *self, uint8_t service, uint8_t id)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->clients); i++) {
        if (self->clients[i].user && self->clients[i].service == service &&
            self->clients[i].id == id)
            return &self->clients[i];
    }

    return NULL;
}

/* Ids count up, so that one that was released is not soon given to somebody else. */
QmiClient *
akma_soft_qmi_add_client(AkmaSoftQmi *self, const AkmaSoftQmiUser *user, uint8_t service)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->clients); i++) {
        QmiClient *client = &self->clients[i];

        if (client->user)
            continue;
        do
            self->last_id = self->last_id == QMI_CLIENT_ALL - 1 ? 1 : self->last_id + 1;
        while (akma_soft_qmi_find_client(self, service, self->last_id));
        *client = (QmiClient){.service = service, .id = self->last_id, .user = user};
        return client;
    }

    return NULL;
}

void
akma_soft_qmi_leave(AkmaSoftQmi *self, const AkmaSoftQmiUser *user)
{
    for (size_t i = 0; i < G_N_ELEMENTS(self->clients); i++) {
        if (self->clients[i].user == user)
            self->clients[i] = (QmiClient){0};
    }
}

unsigned
akma_soft_qmi_count_clients(const AkmaSoftQmi *self)
{
    unsigned n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(self->clients); i++)
        n += self->clients[i].user ? 1 : 0;

    return n;
}

void
akma_soft_qmi_indicate(AkmaSoftQmi *self, uint8_t service, uint16_t id)
{
    akma_soft_qmi_indication_begin(&self->indication, service, 0, id);
}

void
akma_soft_qmi_send_indication(AkmaSoftQmi *self, uint8_t service, uint32_t wanted)
{
    QmiWriter *indication = &self->indication;

    akma_soft_qmi_indication_end(indication);
    for (size_t i = 0; i < G_N_ELEMENTS(self->clients); i++) {
        const QmiClient *client = &self->clients[i];

        if (!client->user || client->service != service ||
            ((client->wants | QMI_WANTED_ALWAYS) & wanted) == 0)
            continue;
        indication->bytes[5] = client->id;
        client->user->indicate(indication->bytes, indication->len, client->user->user_data);
    }
}

void
akma_soft_qmi_tell(AkmaSoftQmi *self, AkmaSoftEvent event, const char *text)
{
    if (event == AKMA_SOFT_EVENT_SIM)
        self->busy = self->dialect->busy;
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        if (services[i]->tell)
            services[i]->tell(self, event);
    }
    if (event != AKMA_SOFT_EVENT_UNSOLICITED)
        return;
    akma_soft_qmi_indicate(self, QMI_UIM, UNKNOWN_INDICATION);
    akma_soft_qmi_put_tlv(&self->indication, 0x10);
    akma_soft_qmi_put_bytes(&self->indication, text, strlen(text));
    akma_soft_qmi_send_indication(self, QMI_UIM, QMI_WANTED_ALWAYS);
}

uint16_t
akma_soft_qmi_reset(const QmiCall *call)
{
    call->client->wants = 0;

    return QMI_OK;
}

static bool
is_known(const AkmaSoftQmi *self, const QmiCommand *command)
{
    switch (command->kind) {
    case QMI_ALWAYS:
    case QMI_CARD:
        return true;
    case QMI_CHANNEL:
        return !self->dialect->qmi_no_channel;
    case QMI_OPEN:
        return !self->dialect->qmi_no_channel && !self->dialect->qmi_no_open;
    case QMI_DMS_UIM:
        return !self->dialect->qmi_no_dms_uim;
    }

    g_return_val_if_reached(false);
}

uint16_t
akma_soft_qmi_list_commands(const QmiCall *call)
{
    const QmiService *service = akma_soft_qmi_find_service(call->request->service);
    uint8_t bits[16] = {0};
    size_t len = 0;

    if (!service)
        return QMI_INVALID_SERVICE_TYPE;

    for (const QmiCommand *command = service->commands; command->handle; command++) {
        if (!is_known(call->self, command) || command->id / 8 >= sizeof bits)
            continue;
        bits[command->id / 8] |= (uint8_t)(1 << (command->id % 8));
        len = MAX(len, (size_t)command->id / 8 + 1);
    }
    akma_soft_qmi_put_tlv(call->answer, 0x10);
    akma_soft_qmi_put_u16(call->answer, (uint16_t)len);
    akma_soft_qmi_put_bytes(call->answer, bits, len);

    return QMI_OK;
}

uint16_t
akma_soft_qmi_need(const QmiCall *call, uint8_t type, QmiReader *ret)
{
    return akma_soft_qmi_find(call->request, type, ret) ? QMI_OK : QMI_MISSING_ARGUMENT;
}

bool
akma_soft_qmi_want(const QmiCall *call, uint8_t type, uint32_t wanted)
{
    QmiReader reader;
    uint8_t on;

    if (!akma_soft_qmi_find(call->request, type, &reader))
        return true;
    on = akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader) || on > 1)
        return false;
    if (on)
        call->client->wants |= wanted;
    else
        call->client->wants &= ~wanted;

    return true;
}

static uint16_t
error_of_cme(unsigned cme)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cme_errors); i++) {
        if (cme_errors[i].cme == cme)
            return cme_errors[i].error;
    }

    return QMI_INTERNAL;
}

/* A command that needs the card. */
static uint16_t
handle_with_card(const QmiCall *call, const QmiCommand *command)
{
    *call->fault = akma_soft_modem_begin(call->modem);
    if (call->fault->kind == AKMA_SOFT_FAULT_CME)
        return error_of_cme(call->fault->value);
    if (call->self->busy > 0) {
        call->self->busy--;
        return QMI_DEVICE_NOT_READY;
    }
    if (!akma_soft_modem_get_card(call->modem))
        return QMI_UIM_UNINITIALIZED;

    return command->handle(call);
}

static uint16_t
handle(QmiCall *call)
{
    const QmiRequest *request = call->request;
    const QmiService *service = akma_soft_qmi_find_service(request->service);

    if (!service)
        return QMI_INVALID_SERVICE_TYPE;
    if (request->malformed)
        return QMI_MALFORMED_MESSAGE;
    if (service != &akma_soft_qmi_ctl) {
        call->client = akma_soft_qmi_find_client(call->self, request->service, request->client);
        if (!call->client)
            return QMI_INVALID_CLIENT_ID;
    }

    for (const QmiCommand *command = service->commands; command->handle; command++) {
        if (command->id != request->id || !is_known(call->self, command))
            continue;
        return command->kind == QMI_ALWAYS ? command->handle(call)
                                           : handle_with_card(call, command);
    }

    return QMI_INVALID_QMI_COMMAND;
}

size_t
akma_soft_qmi_run(AkmaSoftQmi *self,
                  const AkmaSoftQmiUser *user,
                  const uint8_t *frame,
                  size_t len,
                  const uint8_t **ret_answer,
                  AkmaSoftFault *ret_fault)
{
    QmiRequest request;
    QmiCall call = {.self = self,
                    .modem = self->modem,
                    .user = user,
                    .request = &request,
                    .answer = &self->answer,
                    .fault = ret_fault};

    ret_fault->kind = AKMA_SOFT_FAULT_NONE;
    OPENSSL_cleanse(self->answer.bytes, sizeof self->answer.bytes);
    if (!akma_soft_qmi_request_parse(frame, len, &request))
        return 0;

    akma_soft_qmi_answer_begin(&self->answer, &request);
    akma_soft_qmi_answer_end(&self->answer, handle(&call));
    *ret_answer = self->answer.bytes;

    return self->answer.len;
}
