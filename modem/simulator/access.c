/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* access: READ and UPDATE of elementary files, TS 102 221 11.1.3 to 11.1.6. */
#include <string.h>

#include "modem/simulator/uicc-private.h"

#define RECORD_NEXT     2
#define RECORD_PREVIOUS 3
#define RECORD_ABSOLUTE 4

/* Makes @file current if it can be used like this; else the status word. */
static uint16_t
use(const AkmaSoftUicc *self,
    AkmaSoftChannel *channel,
    AkmaSoftFile *file,
    AkmaSoftFileKind kind,
    bool update)
{
    bool pin = akma_soft_pin_is_satisfied(&self->pin);

    if (file->kind != kind)
        return AKMA_SOFT_SW_STRUCTURE;
    if (update ? !akma_soft_file_may_update(file, pin) : !akma_soft_file_may_read(file, pin))
        return AKMA_SOFT_SW_SECURITY;
    if (channel->file != file)
        channel->record = 0;
    channel->file = file;

    return AKMA_SOFT_SW_OK;
}

/* The EF of a short identifier, or with 0 the current one. */
static uint16_t
find(AkmaSoftChannel *channel, unsigned sfi, AkmaSoftFile **ret)
{
    *ret = sfi ? akma_soft_file_get_by_sfi(channel->directory, sfi) : channel->file;
    if (*ret)
        return AKMA_SOFT_SW_OK;

    return sfi ? AKMA_SOFT_SW_NO_FILE : AKMA_SOFT_SW_NO_FILE_SELECTED;
}

/*= TS 102 221 11.1.3.2: P1 is the high part of the offset, or 100 and a short identifier */
static uint16_t
find_binary(AkmaSoftUicc *self,
            AkmaSoftChannel *channel,
            const AkmaSoftApdu *apdu,
            bool update,
            size_t *ret_offset)
{
    bool by_sfi = (apdu->p1 & 0x80) != 0;
    AkmaSoftFile *file = NULL;
    uint16_t sw;

    if (by_sfi && ((apdu->p1 & 0x60) != 0 || (apdu->p1 & 0x1f) == 0))
        return AKMA_SOFT_SW_WRONG_P1P2;
    sw = find(channel, by_sfi ? apdu->p1 & 0x1f : 0, &file);
    if (sw == AKMA_SOFT_SW_OK)
        sw = use(self, channel, file, AKMA_SOFT_TRANSPARENT, update);
    if (sw != AKMA_SOFT_SW_OK)
        return sw;
    *ret_offset = by_sfi ? apdu->p2 : (size_t)(apdu->p1 << 8 | apdu->p2);

    return *ret_offset < file->size ? AKMA_SOFT_SW_OK : AKMA_SOFT_SW_OFFSET;
}

void
akma_soft_read_binary(AkmaSoftUicc *self,
                      AkmaSoftChannel *channel,
                      const AkmaSoftApdu *apdu,
                      AkmaSoftResponse *ret)
{
    size_t offset;
    size_t len;

    if (apdu->data_len != 0) {
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
        return;
    }
    ret->sw = find_binary(self, channel, apdu, false, &offset);
    if (ret->sw != AKMA_SOFT_SW_OK ||
        !akma_soft_channel_agree_length(self, apdu, channel->file->size - offset, false, &len, ret))
        return;

    memcpy(ret->data, channel->file->content + offset, len);
    ret->len = len;
}

void
akma_soft_update_binary(AkmaSoftUicc *self,
                        AkmaSoftChannel *channel,
                        const AkmaSoftApdu *apdu,
                        AkmaSoftResponse *ret)
{
    size_t offset;

    if (apdu->data_len == 0) {
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
        return;
    }
    ret->sw = find_binary(self, channel, apdu, true, &offset);
    if (ret->sw != AKMA_SOFT_SW_OK)
        return;
    if (apdu->data_len > channel->file->size - offset) {
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
        return;
    }

    memcpy(channel->file->content + offset, apdu->data, apdu->data_len);
}

/*= TS 102 221 11.1.5: record by number, current, next or previous; the last two go round */
static uint16_t
find_record(AkmaSoftUicc *self,
            AkmaSoftChannel *channel,
            const AkmaSoftApdu *apdu,
            bool update,
            uint8_t **ret)
{
    unsigned mode = apdu->p2 & 0x07;
    unsigned number = apdu->p1;
    AkmaSoftFile *file = NULL;
    unsigned records;
    uint16_t sw;

    if (mode < RECORD_NEXT || mode > RECORD_ABSOLUTE || (mode != RECORD_ABSOLUTE && number != 0))
        return AKMA_SOFT_SW_WRONG_P1P2;
    sw = find(channel, apdu->p2 >> 3, &file);
    if (sw == AKMA_SOFT_SW_OK)
        sw = use(self, channel, file, AKMA_SOFT_LINEAR, update);
    if (sw != AKMA_SOFT_SW_OK)
        return sw;

    records = (unsigned)(file->size / file->record_len);
    if (mode == RECORD_NEXT)
        number = channel->record + 1;
    else if (mode == RECORD_PREVIOUS)
        number = channel->record == 0 ? records : channel->record - 1;
    else if (number == 0)
        number = channel->record;
    if (number == 0 || number > records)
        return AKMA_SOFT_SW_NO_RECORD;
    if (mode != RECORD_ABSOLUTE)
        channel->record = number;
    *ret = file->content + (size_t)(number - 1) * file->record_len;

    return AKMA_SOFT_SW_OK;
}

void
akma_soft_read_record(AkmaSoftUicc *self,
                      AkmaSoftChannel *channel,
                      const AkmaSoftApdu *apdu,
                      AkmaSoftResponse *ret)
{
    uint8_t *record = NULL;
    size_t len;

    if (apdu->data_len != 0) {
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
        return;
    }
    ret->sw = find_record(self, channel, apdu, false, &record);
    if (ret->sw != AKMA_SOFT_SW_OK ||
        !akma_soft_channel_agree_length(self, apdu, channel->file->record_len, true, &len, ret))
        return;

    memcpy(ret->data, record, len);
    ret->len = len;
}

void
akma_soft_update_record(AkmaSoftUicc *self,
                        AkmaSoftChannel *channel,
                        const AkmaSoftApdu *apdu,
                        AkmaSoftResponse *ret)
{
    uint8_t *record = NULL;

    ret->sw = find_record(self, channel, apdu, true, &record);
    if (ret->sw != AKMA_SOFT_SW_OK)
        return;
    if (apdu->data_len != channel->file->record_len) {
        ret->sw = AKMA_SOFT_SW_WRONG_LENGTH;
        return;
    }

    memcpy(record, apdu->data, apdu->data_len);
}
