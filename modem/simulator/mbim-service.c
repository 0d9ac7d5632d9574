/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-service: which services there are, and which of their indications the host wants. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/mbim-private.h"

#define CIDS_MAX 32 /* a cid is below this: it is a bit of what is wanted */

static const AkmaSoftMbimService *const services[] = {
    &akma_soft_mbim_basic,
    &akma_soft_mbim_auth,
    &akma_soft_mbim_uicc,
    &akma_soft_mbim_qmi,
};

G_STATIC_ASSERT(G_N_ELEMENTS(services) <= AKMA_SOFT_MBIM_SERVICES_MAX);

static bool
has(const AkmaSoftMbim *self, const AkmaSoftMbimService *service, uint32_t cid)
{
    return !service->has || service->has(self->dialect, cid);
}

/* The index of a service that has a command at all; -1: there is none. */
static int
find_service(const AkmaSoftMbim *self, const uint8_t uuid[static 16])
{
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        if (CRYPTO_memcmp(services[i]->uuid, uuid, sizeof services[i]->uuid) == 0 &&
            has(self, services[i], services[i]->cids[0].cid))
            return (int)i;
    }

    return -1;
}

static const AkmaSoftMbimCid *
find_cid(const AkmaSoftMbim *self)
{
    int index = find_service(self, self->command.service);
    const AkmaSoftMbimService *service = index < 0 ? NULL : services[index];

    for (size_t i = 0; service && i < service->n_cids; i++) {
        if (service->cids[i].cid == self->command.cid && has(self, service, self->command.cid))
            return &service->cids[i];
    }

    return NULL;
}

/* The status that says what +CME ERROR @code says on an AT port. */
static uint32_t
status_of_cme(unsigned code)
{
    static const struct {
        unsigned code;
        uint32_t status;
    } table[] = {
        {3, MBIM_STATUS_OPERATION_NOT_ALLOWED},
        {4, MBIM_STATUS_NO_DEVICE_SUPPORT},
        {10, MBIM_STATUS_SIM_NOT_INSERTED},
        {11, MBIM_STATUS_PIN_REQUIRED},
        {12, MBIM_STATUS_PIN_REQUIRED},
        {13, MBIM_STATUS_BAD_SIM},
        {14, MBIM_STATUS_BUSY},
        {20, MBIM_STATUS_MS_NO_LOGICAL_CHANNELS},
        {21, MBIM_STATUS_MS_INVALID_LOGICAL_CHANNEL},
        {22, MBIM_STATUS_MS_SELECT_FAILED},
        {50, MBIM_STATUS_INVALID_PARAMETERS},
        {256, MBIM_STATUS_BUSY},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].code == code)
            return table[i].status;
    }

    return MBIM_STATUS_FAILURE;
}

/* What stands between the card and the command: 0 = nothing. */
static uint32_t
check_card(AkmaSoftMbim *self, AkmaSoftMbimCard card)
{
    if (card == AKMA_SOFT_MBIM_NO_CARD)
        return MBIM_STATUS_SUCCESS;

    self->fault = akma_soft_modem_begin(self->modem);
    if (self->fault.kind == AKMA_SOFT_FAULT_CME)
        return status_of_cme(self->fault.value);
    if (card == AKMA_SOFT_MBIM_NEEDS_CARD && !akma_soft_modem_get_card(self->modem))
        return MBIM_STATUS_SIM_NOT_INSERTED;
    if (self->busy > 0) {
        self->busy--;
        return MBIM_STATUS_BUSY;
    }

    return MBIM_STATUS_SUCCESS;
}

uint32_t
akma_soft_mbim_run(AkmaSoftMbim *self)
{
    AkmaSoftMbimReader in = akma_soft_mbim_reader_init(self->info, self->info_len);
    AkmaSoftMbimWriter out = akma_soft_mbim_writer_init(self->answer, sizeof self->answer);
    const AkmaSoftMbimCid *cid = find_cid(self);
    AkmaSoftMbimHandler handle = cid ? (self->command.set ? cid->set : cid->query) : NULL;
    uint32_t status;

    if (!handle)
        return MBIM_STATUS_NO_DEVICE_SUPPORT;
    status = check_card(self, cid->card);
    if (status != MBIM_STATUS_SUCCESS)
        return status;

    status = handle(self, &in, &out);
    if (self->fault.kind == AKMA_SOFT_FAULT_CME) /* of a command to the card */
        return status_of_cme(self->fault.value);
    if (out.bad)
        return MBIM_STATUS_FAILURE;
    self->answer_len = out.raw ? out.len : (out.len + 3) & ~(size_t)3;
    memset(self->answer + out.len, 0, self->answer_len - out.len);

    return status;
}

/* A service with the commands that the dialect has. */
static void
put_service(const AkmaSoftMbim *self, const AkmaSoftMbimService *service, AkmaSoftMbimWriter *out)
{
    uint8_t bytes[28 + 4 * CIDS_MAX];
    AkmaSoftMbimWriter element = akma_soft_mbim_writer_init(bytes, sizeof bytes);
    uint32_t n_cids = 0;

    for (size_t i = 0; i < service->n_cids; i++)
        n_cids += has(self, service, service->cids[i].cid) ? 1 : 0;
    akma_soft_mbim_writer_begin(&element, 28 + 4 * n_cids);
    akma_soft_mbim_writer_put(&element, service->uuid, sizeof service->uuid);
    akma_soft_mbim_writer_u32(&element, 0); /* no data service stream */
    akma_soft_mbim_writer_u32(&element, 0);
    akma_soft_mbim_writer_u32(&element, n_cids);
    for (size_t i = 0; i < service->n_cids; i++) {
        if (has(self, service, service->cids[i].cid))
            akma_soft_mbim_writer_u32(&element, service->cids[i].cid);
    }
    akma_soft_mbim_writer_ref(out, AKMA_SOFT_MBIM_OFFSET_SIZE, bytes, element.len);
}

uint32_t
akma_soft_mbim_device_services(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t n = 0;

    (void)in;
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++)
        n += find_service(self, services[i]->uuid) >= 0 ? 1 : 0;
    akma_soft_mbim_writer_begin(out, 8 + (size_t)8 * n);
    akma_soft_mbim_writer_u32(out, n);
    akma_soft_mbim_writer_u32(out, 0); /* no data service sessions */
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        if (find_service(self, services[i]->uuid) >= 0)
            put_service(self, services[i], out);
    }

    return MBIM_STATUS_SUCCESS;
}

void
akma_soft_mbim_subscribe_all(AkmaSoftMbim *self)
{
    memset(self->wanted, 0xff, sizeof self->wanted);
}

bool
akma_soft_mbim_is_wanted(const AkmaSoftMbim *self, const AkmaSoftMbimService *service, uint32_t cid)
{
    int index = find_service(self, service->uuid);

    return index >= 0 && cid < CIDS_MAX && (self->wanted[index] >> cid & 1) != 0;
}

/* One service of a subscribe list; one that the function does not have is left out. */
static void
take_entry(AkmaSoftMbim *self, const uint8_t *bytes, size_t len, bool *ret_bad)
{
    AkmaSoftMbimReader entry = akma_soft_mbim_reader_init(bytes, len);
    const uint8_t *uuid = akma_soft_mbim_reader_take(&entry, 16);
    uint32_t n_cids = akma_soft_mbim_reader_u32(&entry);
    int index = uuid ? find_service(self, uuid) : -1;

    if (index >= 0 && n_cids == 0)
        self->wanted[index] = UINT32_MAX; /* all there are */
    for (uint32_t i = 0; i < n_cids && !entry.bad; i++) {
        uint32_t cid = akma_soft_mbim_reader_u32(&entry);

        if (index >= 0 && cid < CIDS_MAX && !entry.bad)
            self->wanted[index] |= UINT32_C(1) << cid;
    }
    *ret_bad |= entry.bad;
}

/* What is wanted now, as a subscribe list. */
static void
put_wanted(const AkmaSoftMbim *self, AkmaSoftMbimWriter *out)
{
    uint32_t n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(services); i++)
        n += self->wanted[i] != 0 ? 1 : 0;
    akma_soft_mbim_writer_begin(out, 4 + (size_t)8 * n);
    akma_soft_mbim_writer_u32(out, n);
    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        const bool all = self->wanted[i] == UINT32_MAX;
        uint8_t bytes[20 + 4 * CIDS_MAX];
        AkmaSoftMbimWriter entry = akma_soft_mbim_writer_init(bytes, sizeof bytes);
        uint32_t n_cids = all ? 0 : (uint32_t)__builtin_popcount(self->wanted[i]);

        if (self->wanted[i] == 0)
            continue;
        akma_soft_mbim_writer_begin(&entry, 20 + 4 * n_cids);
        akma_soft_mbim_writer_put(&entry, services[i]->uuid, 16);
        akma_soft_mbim_writer_u32(&entry, n_cids);
        for (uint32_t cid = 0; cid < CIDS_MAX && !all; cid++) {
            if ((self->wanted[i] >> cid & 1) != 0)
                akma_soft_mbim_writer_u32(&entry, cid);
        }
        akma_soft_mbim_writer_ref(out, AKMA_SOFT_MBIM_OFFSET_SIZE, bytes, entry.len);
    }
}

uint32_t
akma_soft_mbim_subscribe(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    uint32_t before[AKMA_SOFT_MBIM_SERVICES_MAX];
    uint32_t n = akma_soft_mbim_reader_u32(in);
    bool bad = false;

    memcpy(before, self->wanted, sizeof before);
    memset(self->wanted, 0, sizeof self->wanted);
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        size_t len;
        const uint8_t *bytes = akma_soft_mbim_reader_ref(in, AKMA_SOFT_MBIM_OFFSET_SIZE, &len);

        take_entry(self, bytes, len, &bad);
    }
    if (in->bad || bad) {
        memcpy(self->wanted, before, sizeof before);
        return MBIM_STATUS_INVALID_PARAMETERS;
    }
    put_wanted(self, out);

    return MBIM_STATUS_SUCCESS;
}
