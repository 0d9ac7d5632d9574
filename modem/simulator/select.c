/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* select: SELECT and STATUS, TS 102 221 11.1.1 and 11.1.2. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/uicc-private.h"

enum {
    BY_FID = 0x00,
    CHILD_DF = 0x01,
    PARENT_DF = 0x03,
    BY_NAME = 0x04,
    PATH_FROM_MF = 0x08,
    PATH_FROM_CURRENT = 0x09,
};

enum {
    WANT_FCI = 0x00,
    WANT_FCP = 0x04,
    WANT_NOTHING = 0x0c,
};

enum {
    OCCURRENCE_FIRST,
    OCCURRENCE_LAST,
    OCCURRENCE_NEXT,
    OCCURRENCE_PREVIOUS,
};

static uint16_t
fid_at(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

static AkmaSoftFile *
only_directory(AkmaSoftFile *file)
{
    return file && akma_soft_file_is_directory(file) ? file : NULL;
}

/*= TS 102 221 8.4.1: child, DF beside, parent, the DF itself, MF, ADF of the channel */
static AkmaSoftFile *
find_by_fid(const AkmaSoftUicc *self, const AkmaSoftChannel *channel, uint16_t fid)
{
    AkmaSoftFile *current = channel->directory;
    AkmaSoftFile *found;

    if (fid == AKMA_SOFT_FID_MF)
        return self->root;
    if (fid == AKMA_SOFT_FID_ADF)
        return channel->application;
    if (fid == current->fid)
        return current;

    found = akma_soft_file_get_child(current, fid);
    if (!found && current->parent)
        found = current->parent->fid == fid
                    ? current->parent
                    : only_directory(akma_soft_file_get_child(current->parent, fid));

    return found;
}

static AkmaSoftFile *
find_by_path(const AkmaSoftUicc *self, const AkmaSoftChannel *channel, const AkmaSoftApdu *apdu)
{
    AkmaSoftFile *file = apdu->p1 == PATH_FROM_MF ? self->root : channel->directory;

    for (size_t i = 0; file && i + 1 < apdu->data_len; i += 2) {
        uint16_t fid = fid_at(apdu->data + i);

        if (!akma_soft_file_is_directory(file))
            return NULL;
        if (i == 0 && fid == AKMA_SOFT_FID_ADF)
            file = channel->application;
        else
            file = akma_soft_file_get_child(file, fid);
    }

    return file;
}

/*= TS 102 221 8.5: an AID may be cut at its end; there is one application */
static AkmaSoftFile *
find_by_name(const AkmaSoftUicc *self, const AkmaSoftChannel *channel, const AkmaSoftApdu *apdu)
{
    AkmaSoftFile *adf = akma_soft_file_get_child(self->root, AKMA_SOFT_FID_ADF);
    unsigned occurrence = apdu->p2 & 0x03;
    bool here = channel->application == adf;

    if (apdu->data_len < 5 || apdu->data_len > adf->aid_len)
        return NULL;
    if (CRYPTO_memcmp(apdu->data, adf->aid, apdu->data_len) != 0)
        return NULL;
    if (here && (occurrence == OCCURRENCE_NEXT || occurrence == OCCURRENCE_PREVIOUS))
        return NULL;

    return adf;
}

static AkmaSoftFile *
find(const AkmaSoftUicc *self, const AkmaSoftChannel *channel, const AkmaSoftApdu *apdu)
{
    switch (apdu->p1) {
    case BY_FID:
        return apdu->data_len == 0 ? self->root : find_by_fid(self, channel, fid_at(apdu->data));
    case CHILD_DF:
        return only_directory(akma_soft_file_get_child(channel->directory, fid_at(apdu->data)));
    case PARENT_DF:
        return channel->directory->parent;
    case BY_NAME:
        return find_by_name(self, channel, apdu);
    default:
        return find_by_path(self, channel, apdu);
    }
}

static uint16_t
check(const AkmaSoftApdu *apdu)
{
    unsigned wanted = apdu->p2 & 0x1c;
    size_t len = apdu->data_len;

    if ((apdu->p2 & 0x80) != 0 ||
        (wanted != WANT_FCI && wanted != WANT_FCP && wanted != WANT_NOTHING))
        return AKMA_SOFT_SW_WRONG_P1P2;

    switch (apdu->p1) {
    case BY_FID:
        return len == 0 || len == 2 ? AKMA_SOFT_SW_OK : AKMA_SOFT_SW_WRONG_LENGTH;
    case CHILD_DF:
        return len == 2 ? AKMA_SOFT_SW_OK : AKMA_SOFT_SW_WRONG_LENGTH;
    case PARENT_DF:
        return len == 0 ? AKMA_SOFT_SW_OK : AKMA_SOFT_SW_WRONG_LENGTH;
    case BY_NAME:
        return len >= 1 && len <= AKMA_SOFT_AID_MAX ? AKMA_SOFT_SW_OK : AKMA_SOFT_SW_WRONG_LENGTH;
    case PATH_FROM_MF:
    case PATH_FROM_CURRENT:
        return len >= 2 && len % 2 == 0 ? AKMA_SOFT_SW_OK : AKMA_SOFT_SW_WRONG_LENGTH;
    default:
        return AKMA_SOFT_SW_WRONG_P1P2;
    }
}

static void
make_current(AkmaSoftChannel *channel, AkmaSoftFile *file)
{
    bool directory = akma_soft_file_is_directory(file);

    channel->file = directory ? NULL : file;
    channel->record = 0;
    channel->directory = directory ? file : file->parent;
    if (file->kind == AKMA_SOFT_ADF)
        channel->application = file;
}

void
akma_soft_select(AkmaSoftUicc *self,
                 AkmaSoftChannel *channel,
                 const AkmaSoftApdu *apdu,
                 AkmaSoftResponse *ret)
{
    AkmaSoftFile *file;

    ret->sw = check(apdu);
    if (ret->sw != AKMA_SOFT_SW_OK)
        return;
    file = find(self, channel, apdu);
    if (!file) {
        ret->sw = AKMA_SOFT_SW_NO_FILE;
        return;
    }

    make_current(channel, file);
    if ((apdu->p2 & 0x1c) == WANT_NOTHING)
        return;
    ret->len = akma_soft_file_write_fcp(file, self->pin.enabled, ret->data);
    akma_soft_channel_deliver(self, channel, apdu, ret);
}

void
akma_soft_status(AkmaSoftUicc *self,
                 AkmaSoftChannel *channel,
                 const AkmaSoftApdu *apdu,
                 AkmaSoftResponse *ret)
{
    AkmaSoftResponse answer = {.sw = AKMA_SOFT_SW_OK};
    size_t len;

    if (apdu->p1 > 2 || (apdu->p2 != 0 && apdu->p2 != 1 && apdu->p2 != WANT_NOTHING)) {
        ret->sw = AKMA_SOFT_SW_WRONG_P1P2;
        return;
    }
    if (apdu->data_len != 0) {
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
        return;
    }

    if (apdu->p2 == 0) {
        answer.len = akma_soft_file_write_fcp(channel->directory, self->pin.enabled, answer.data);
    } else if (apdu->p2 == 1 && channel->application) {
        answer.data[0] = 0x84;
        answer.data[1] = (uint8_t)channel->application->aid_len;
        memcpy(answer.data + 2, channel->application->aid, channel->application->aid_len);
        answer.len = 2 + channel->application->aid_len;
    }
    if (apdu->p2 != WANT_NOTHING &&
        akma_soft_channel_agree_length(self, apdu, answer.len, true, &len, ret)) {
        memcpy(ret->data, answer.data, len);
        ret->len = len;
    }
}
