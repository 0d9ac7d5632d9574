/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-ctl: the control service: what there is, and who may ask for it. */
#include "modem/simulator/qmi-private.h"

#define LINK_ID       1
#define PATH_MAX_LEN  4096
#define ETHERNET      1 /* link layer protocol: 802.3 */
#define RAW_IP        2
#define FORMAT_NO_QOS 0

static uint16_t
set_instance_id(const QmiCall *call)
{
    QmiReader reader;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    akma_soft_qmi_put_tlv(call->answer, 0x01);
    akma_soft_qmi_put_u16(call->answer, LINK_ID);

    return QMI_OK;
}

static uint16_t
get_version_info(const QmiCall *call)
{
    const QmiService *service;
    uint8_t n = 0;

    while (akma_soft_qmi_get_service(n))
        n++;
    akma_soft_qmi_put_tlv(call->answer, 0x01);
    akma_soft_qmi_put_u8(call->answer, n);
    for (unsigned i = 0; (service = akma_soft_qmi_get_service(i)) != NULL; i++) {
        akma_soft_qmi_put_u8(call->answer, service->service);
        akma_soft_qmi_put_u16(call->answer, service->major);
        akma_soft_qmi_put_u16(call->answer, service->minor);
    }

    return QMI_OK;
}

static void
put_client(const QmiCall *call, uint8_t service, uint8_t id)
{
    akma_soft_qmi_put_tlv(call->answer, 0x01);
    akma_soft_qmi_put_u8(call->answer, service);
    akma_soft_qmi_put_u8(call->answer, id);
}

static uint16_t
allocate_cid(const QmiCall *call)
{
    const QmiClient *client;
    QmiReader reader;
    uint8_t service;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    service = akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    if (service == QMI_CTL || !akma_soft_qmi_find_service(service))
        return QMI_INVALID_SERVICE_TYPE;
    client = akma_soft_qmi_add_client(call->self, call->user, service);
    if (!client)
        return QMI_CLIENT_IDS_EXHAUSTED;
    put_client(call, service, client->id);

    return QMI_OK;
}

static uint16_t
release_cid(const QmiCall *call)
{
    QmiClient *client;
    QmiReader reader;
    uint8_t service;
    uint8_t id;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    service = akma_soft_qmi_get_u8(&reader);
    id = akma_soft_qmi_get_u8(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    client = akma_soft_qmi_find_client(call->self, service, id);
    if (!client)
        return QMI_INVALID_CLIENT_ID;
    *client = (QmiClient){0};
    put_client(call, service, id);

    return QMI_OK;
}

/* There is no network interface; the answer is what it would use. */
static uint16_t
set_data_format(const QmiCall *call)
{
    QmiReader reader;
    uint16_t protocol = ETHERNET;

    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    if (akma_soft_qmi_get_u8(&reader) != FORMAT_NO_QOS)
        return QMI_NOT_SUPPORTED;
    if (akma_soft_qmi_find(call->request, 0x10, &reader)) {
        protocol = akma_soft_qmi_get_u16(&reader);
        if (!akma_soft_qmi_is_done(&reader) || (protocol != ETHERNET && protocol != RAW_IP))
            return QMI_INVALID_ARGUMENT;
    }
    akma_soft_qmi_put_tlv(call->answer, 0x10);
    akma_soft_qmi_put_u16(call->answer, protocol);

    return QMI_OK;
}

/* The host begins anew: its client ids of before are released. */
static uint16_t
sync_clients(const QmiCall *call)
{
    akma_soft_qmi_leave(call->self, call->user);

    return QMI_OK;
}

/* What a client of qmi-proxy says first: the device it means. Here there is one. */
static uint16_t
proxy_open(const QmiCall *call)
{
    QmiReader reader;

    if (!call->user->proxy)
        return QMI_INVALID_QMI_COMMAND;
    if (akma_soft_qmi_need(call, 0x01, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;

    return reader.left > 0 && reader.left < PATH_MAX_LEN ? QMI_OK : QMI_INVALID_ARGUMENT;
}

static const QmiCommand commands[] = {
    {0x0020, QMI_ALWAYS, set_instance_id},
    {0x0021, QMI_ALWAYS, get_version_info},
    {0x0022, QMI_ALWAYS, allocate_cid},
    {0x0023, QMI_ALWAYS, release_cid},
    {0x0026, QMI_ALWAYS, set_data_format},
    {0x0027, QMI_ALWAYS, sync_clients},
    {0xff00, QMI_ALWAYS, proxy_open},
    {0, QMI_ALWAYS, NULL},
};

const QmiService akma_soft_qmi_ctl = {QMI_CTL, 1, 5, commands, NULL};
