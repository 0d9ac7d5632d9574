/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qmi-file: UIM Read Transparent, Read Record and Get File Attributes. */
#include <openssl/crypto.h>
#include <string.h>

#include "modem/simulator/qmi-private.h"

#define PATH_MAX_LEN 16 /* bytes of a path below the MF, the file counted */
#define READ_MAX     256
#define OFFSET_MAX   0x7fff /* of READ BINARY */

#define CARD_RESULT 0x10
#define RESULT      0x11
#define MORE_RESULT 0x12

/* The values of file types and security attributes. */
enum {
    FILE_TRANSPARENT = 0,
    FILE_LINEAR_FIXED = 2,
    FILE_DEDICATED = 3,
    FILE_MASTER = 4,
};

enum {
    LOGIC_ALWAYS = 0,
    LOGIC_NEVER = 1,
    LOGIC_SINGLE = 4,
};

enum {
    ATTRIBUTE_NONE = 0,
    ATTRIBUTE_PIN1 = 1 << 0,
    ATTRIBUTE_ADM = 1 << 3,
};

/* Where a file is, below the MF; len 0 = the MF itself. */
typedef struct {
    uint8_t bytes[PATH_MAX_LEN];
    size_t len;
} Path;

/* Paths are in little endian too: two bytes a file, the lower first. */
static uint16_t
get_path(const QmiCall *call, bool application, Path *ret)
{
    QmiReader reader;
    uint16_t fid;
    size_t n;

    ret->len = 0;
    if (akma_soft_qmi_need(call, 0x02, &reader) != QMI_OK)
        return QMI_MISSING_ARGUMENT;
    fid = akma_soft_qmi_get_u16(&reader);
    n = akma_soft_qmi_get_u8(&reader);
    if (n % 2 != 0 || n != reader.left)
        return QMI_MALFORMED_MESSAGE;
    if (n > PATH_MAX_LEN - 2)
        return QMI_ARGUMENT_TOO_LONG;

    for (size_t i = 0; i < n / 2 + 1; i++) {
        uint16_t step = i < n / 2 ? akma_soft_qmi_get_u16(&reader) : fid;

        if (i == 0 && step == AKMA_SOFT_FID_MF)
            continue;
        /* on the card slot no application is active */
        if (step == AKMA_SOFT_FID_ADF && !application)
            return QMI_INTERNAL;
        ret->bytes[ret->len++] = (uint8_t)(step >> 8);
        ret->bytes[ret->len++] = (uint8_t)step;
    }

    return QMI_OK;
}

static void
select_file(const QmiCall *call, const Path *path, bool fcp, AkmaSoftResponse *ret)
{
    uint8_t apdu[5 + PATH_MAX_LEN] = {
        0x00, AKMA_SOFT_INS_SELECT, 0x08, fcp ? 0x04 : 0x0c, (uint8_t)path->len};

    memcpy(apdu + 5, path->bytes, path->len);
    if (path->len == 0) {
        apdu[2] = 0x00; /* by file id */
        apdu[4] = 2;
        apdu[5] = AKMA_SOFT_FID_MF >> 8;
    }
    akma_soft_qmi_exchange(call, true, true, apdu, (size_t)5 + apdu[4], ret);
}

/* The session, the file and no token: an answer in an indication is not on offer. */
static uint16_t
get_file(const QmiCall *call, uint8_t token, Path *ret)
{
    bool application = false;
    uint16_t error = akma_soft_qmi_get_session(call, &application);
    QmiReader reader;

    if (error == QMI_OK)
        error = get_path(call, application, ret);
    if (error == QMI_OK && akma_soft_qmi_find(call->request, token, &reader))
        error = QMI_NOT_SUPPORTED;

    return error;
}

/* The value of @tag in the FCP template in @fcp; NULL: not there. */
static const uint8_t *
find_in_fcp(const AkmaSoftResponse *fcp, uint8_t tag, size_t len)
{
    if (fcp->len < 2 || fcp->data[0] != 0x62)
        return NULL;
    for (size_t i = 2; i + 2 <= fcp->len; i += 2 + (size_t)fcp->data[i + 1]) {
        if (fcp->data[i] == tag && fcp->data[i + 1] >= len && i + 2 + len <= fcp->len)
            return fcp->data + i + 2;
    }

    return NULL;
}

static size_t
get_size(const AkmaSoftResponse *fcp)
{
    const uint8_t *size = find_in_fcp(fcp, 0x80, 2);

    return size ? ((size_t)size[0] << 8) | size[1] : 0;
}

/* Adds to the TLV at hand what is at @offset, in as many commands as it takes. */
static uint16_t
read_binary(const QmiCall *call, size_t offset, size_t len)
{
    g_auto(AkmaSoftResponse) part = {.sw = AKMA_SOFT_SW_OK};

    while (len > 0 && part.sw == AKMA_SOFT_SW_OK && offset <= OFFSET_MAX) {
        const uint8_t apdu[] = {0x00,
                                AKMA_SOFT_INS_READ_BINARY,
                                (uint8_t)(offset >> 8),
                                (uint8_t)offset,
                                (uint8_t)MIN(len, READ_MAX)};

        akma_soft_qmi_exchange(call, true, true, apdu, sizeof apdu, &part);
        if (part.sw != AKMA_SOFT_SW_OK || part.len == 0)
            break;
        akma_soft_qmi_put_bytes(call->answer, part.data, part.len);
        offset += part.len;
        len = part.len < MIN(len, READ_MAX) ? 0 : len - part.len; /* less: the file ended */
    }

    return part.sw;
}

/*
 * The card result stands before the data, and is known after it: takes both TLVs back if the
 * card refused.
 */
static uint16_t
finish(const QmiCall *call, size_t begin, uint16_t sw)
{
    uint16_t error = akma_soft_qmi_error_of(sw);

    if (error != QMI_OK) {
        OPENSSL_cleanse(call->answer->bytes + begin, call->answer->len - begin);
        call->answer->len = begin;
        akma_soft_qmi_put_card_result(call, CARD_RESULT, sw);
    }

    return error;
}

uint16_t
akma_soft_qmi_read_transparent(const QmiCall *call)
{
    const size_t begin = call->answer->len;
    g_auto(AkmaSoftResponse) selected = {.sw = 0};
    QmiReader reader;
    size_t offset;
    size_t len;
    Path path;
    uint16_t error = get_file(call, 0x10, &path);
    uint16_t sw;

    if (error == QMI_OK)
        error = akma_soft_qmi_need(call, 0x03, &reader);
    if (error != QMI_OK)
        return error;
    offset = akma_soft_qmi_get_u16(&reader);
    len = akma_soft_qmi_get_u16(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    if (akma_soft_qmi_find(call->request, 0x11, &reader) && akma_soft_qmi_get_u8(&reader) != 0)
        return QMI_NOT_SUPPORTED; /* encrypted */

    select_file(call, &path, len == 0, &selected);
    if (akma_soft_qmi_error_of(selected.sw) != QMI_OK)
        return finish(call, begin, selected.sw);
    if (len == 0 && get_size(&selected) > offset)
        len = get_size(&selected) - offset;

    akma_soft_qmi_put_card_result(call, CARD_RESULT, AKMA_SOFT_SW_OK);
    akma_soft_qmi_put_tlv(call->answer, RESULT);
    akma_soft_qmi_put_u16(call->answer, 0);
    sw = read_binary(call, offset, len);
    akma_soft_qmi_set_count(call->answer);

    return finish(call, begin, sw);
}

static uint16_t
read_records(const QmiCall *call, unsigned first, unsigned last, uint8_t len)
{
    g_auto(AkmaSoftResponse) record = {.sw = AKMA_SOFT_SW_OK};

    for (unsigned i = first; i <= last && record.sw == AKMA_SOFT_SW_OK; i++) {
        const uint8_t apdu[] = {0x00, AKMA_SOFT_INS_READ_RECORD, (uint8_t)i, 0x04, len};

        akma_soft_qmi_exchange(call, true, true, apdu, sizeof apdu, &record);
        if (record.sw != AKMA_SOFT_SW_OK)
            break;
        if (i == first || i == first + 1) {
            akma_soft_qmi_put_tlv(call->answer, i == first ? RESULT : MORE_RESULT);
            akma_soft_qmi_put_u16(call->answer, 0);
        }
        akma_soft_qmi_put_bytes(call->answer, record.data, record.len);
        akma_soft_qmi_set_count(call->answer);
    }

    return record.sw;
}

uint16_t
akma_soft_qmi_read_record(const QmiCall *call)
{
    const size_t begin = call->answer->len;
    g_auto(AkmaSoftResponse) selected = {.sw = 0};
    QmiReader reader;
    uint16_t first;
    uint16_t last;
    uint16_t len;
    Path path;
    uint16_t error = get_file(call, 0x11, &path);

    if (error == QMI_OK)
        error = akma_soft_qmi_need(call, 0x03, &reader);
    if (error != QMI_OK)
        return error;
    last = first = akma_soft_qmi_get_u16(&reader);
    len = akma_soft_qmi_get_u16(&reader);
    if (!akma_soft_qmi_is_done(&reader))
        return QMI_MALFORMED_MESSAGE;
    if (akma_soft_qmi_find(call->request, 0x10, &reader))
        last = akma_soft_qmi_get_u16(&reader);
    if (first == 0 || first > 254 || last < first || last > 254 || len > 255)
        return QMI_INVALID_ARGUMENT;

    select_file(call, &path, false, &selected);
    if (akma_soft_qmi_error_of(selected.sw) != QMI_OK)
        return finish(call, begin, selected.sw);
    akma_soft_qmi_put_card_result(call, CARD_RESULT, AKMA_SOFT_SW_OK);

    return finish(call, begin, read_records(call, first, last, (uint8_t)len));
}

static void
put_condition(const QmiCall *call, uint8_t logic, uint16_t attribute)
{
    akma_soft_qmi_put_u8(call->answer, logic);
    akma_soft_qmi_put_u16(call->answer, attribute);
}

/* READ, UPDATE, increase, deactivate, activate. */
static void
put_conditions(const QmiCall *call, AkmaSoftAccess access)
{
    if (access == AKMA_SOFT_ALWAYS_NEVER || access == AKMA_SOFT_ALWAYS_ADM)
        put_condition(call, LOGIC_ALWAYS, ATTRIBUTE_NONE);
    else
        put_condition(call, LOGIC_SINGLE, ATTRIBUTE_PIN1);
    if (access == AKMA_SOFT_ALWAYS_NEVER)
        put_condition(call, LOGIC_NEVER, ATTRIBUTE_NONE);
    else
        put_condition(
            call, LOGIC_SINGLE, access == AKMA_SOFT_PIN_PIN ? ATTRIBUTE_PIN1 : ATTRIBUTE_ADM);
    put_condition(call, LOGIC_NEVER, ATTRIBUTE_NONE);
    put_condition(call, LOGIC_SINGLE, ATTRIBUTE_ADM);
    put_condition(call, LOGIC_SINGLE, ATTRIBUTE_ADM);
}

static const AkmaSoftFile *
find_on_card(const QmiCall *call, const Path *path)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(call->modem);
    AkmaSoftFile *file = akma_soft_uicc_get_root(card);

    for (size_t i = 0; file && i < path->len; i += 2)
        file =
            akma_soft_file_get_child(file, (uint16_t)((path->bytes[i] << 8) | path->bytes[i + 1]));

    return file;
}

static uint8_t
type_of(const AkmaSoftFile *file)
{
    switch (file->kind) {
    case AKMA_SOFT_MF:
        return FILE_MASTER;
    case AKMA_SOFT_ADF:
    case AKMA_SOFT_DF:
        return FILE_DEDICATED;
    case AKMA_SOFT_TRANSPARENT:
        return FILE_TRANSPARENT;
    case AKMA_SOFT_LINEAR:
        return FILE_LINEAR_FIXED;
    }

    g_return_val_if_reached(FILE_TRANSPARENT);
}

uint16_t
akma_soft_qmi_get_file_attributes(const QmiCall *call)
{
    g_auto(AkmaSoftResponse) fcp = {.sw = 0};
    const AkmaSoftFile *file;
    Path path;
    uint16_t error = get_file(call, 0x10, &path);

    if (error != QMI_OK)
        return error;
    select_file(call, &path, true, &fcp);
    file = find_on_card(call, &path);
    error = akma_soft_qmi_error_of(fcp.sw);
    akma_soft_qmi_put_card_result(call, CARD_RESULT, fcp.sw);
    if (error != QMI_OK || !file)
        return error != QMI_OK ? error : QMI_SIM_FILE_NOT_FOUND;

    akma_soft_qmi_put_tlv(call->answer, RESULT);
    akma_soft_qmi_put_u16(call->answer, (uint16_t)file->size);
    akma_soft_qmi_put_u16(call->answer, file->fid);
    akma_soft_qmi_put_u8(call->answer, type_of(file));
    akma_soft_qmi_put_u16(call->answer, file->record_len);
    akma_soft_qmi_put_u16(call->answer,
                          file->record_len > 0 ? (uint16_t)(file->size / file->record_len) : 0);
    put_conditions(call, file->access);
    akma_soft_qmi_put_u16(call->answer, (uint16_t)fcp.len);
    akma_soft_qmi_put_bytes(call->answer, fcp.data, fcp.len);

    return QMI_OK;
}
