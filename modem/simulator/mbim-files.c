/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mbim-files: low-level UICC access: applications and files, on the modem's own channel. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "modem/simulator/mbim-private.h"

#define STRUCTURE_VERSION 1
#define APP_USIM          4
#define PATH_LEN          8   /* bytes: four files */
#define PIN_SIZE          17  /* of a local PIN in 16 characters */
#define READ_MAX          255 /* bytes of one command to the card */
#define OFFSET_MAX        0x7fff

enum {
    PIN_NONE = 0,
    PIN_1 = 2,
    PIN_NEVER = 18,
    PIN_ADM = 19,
};

enum {
    TYPE_WORKING_EF = 1,
    TYPE_DIRECTORY = 3,
};

enum {
    STRUCTURE_UNKNOWN = 0,
    STRUCTURE_TRANSPARENT = 1,
    STRUCTURE_LINEAR = 3,
};

/* Which file: an application, empty or the one there is, and a path from 3F00 or 7FFF. */
typedef struct {
    const uint8_t *aid;
    size_t aid_len;
    const uint8_t *path;
    size_t path_len;
} Target;

uint32_t
akma_soft_mbim_application_list(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    const AkmaSoftProfile *profile =
        akma_soft_uicc_get_profile(akma_soft_modem_get_card(self->modem));
    const uint8_t pin = 0x01; /* PIN1, TS 102 221 9.5.1 */
    uint8_t bytes[128];
    AkmaSoftMbimWriter app = akma_soft_mbim_writer_init(bytes, sizeof bytes);

    (void)in;
    akma_soft_mbim_writer_begin(&app, 32);
    akma_soft_mbim_writer_u32(&app, APP_USIM);
    akma_soft_mbim_writer_ref(&app, AKMA_SOFT_MBIM_OFFSET_SIZE, profile->aid, profile->aid_len);
    akma_soft_mbim_writer_ref(&app, AKMA_SOFT_MBIM_OFFSET_SIZE, "USIM", sizeof "USIM");
    akma_soft_mbim_writer_u32(&app, 1);
    akma_soft_mbim_writer_ref(&app, AKMA_SOFT_MBIM_OFFSET_SIZE, &pin, sizeof pin);

    akma_soft_mbim_writer_begin(out, 24);
    akma_soft_mbim_writer_u32(out, STRUCTURE_VERSION);
    akma_soft_mbim_writer_u32(out, 1); /* applications */
    akma_soft_mbim_writer_u32(out, 0); /* the active one */
    akma_soft_mbim_writer_u32(out, (uint32_t)app.len);
    akma_soft_mbim_writer_ref(out, AKMA_SOFT_MBIM_OFFSET_SIZE, bytes, app.len);

    return MBIM_STATUS_SUCCESS;
}

static bool
get_target(AkmaSoftMbimReader *in, Target *ret)
{
    uint32_t version = akma_soft_mbim_reader_u32(in);

    ret->aid = akma_soft_mbim_reader_ref(in, AKMA_SOFT_MBIM_OFFSET_SIZE, &ret->aid_len);
    ret->path = akma_soft_mbim_reader_ref(in, AKMA_SOFT_MBIM_OFFSET_SIZE, &ret->path_len);

    return !in->bad && version == STRUCTURE_VERSION && ret->path && ret->path_len % 2 == 0 &&
           ret->path_len <= PATH_LEN;
}

/* Is @target below an application that is not on the card? */
static bool
is_foreign(AkmaSoftMbim *self, const Target *target)
{
    const AkmaSoftProfile *profile =
        akma_soft_uicc_get_profile(akma_soft_modem_get_card(self->modem));

    return target->aid_len > profile->aid_len ||
           (target->aid_len > 0 && CRYPTO_memcmp(target->aid, profile->aid, target->aid_len) != 0);
}

/* Selects it; the status word says how that went. */
static uint16_t
select_target(AkmaSoftMbim *self, const Target *target)
{
    uint8_t apdu[5 + PATH_LEN] = {0x00, AKMA_SOFT_INS_SELECT, 0x08, 0x0c};
    bool from_mf = target->path[0] == 0x3f && target->path[1] == 0x00;
    size_t skip = from_mf && target->path_len > 2 ? 2 : 0;
    AkmaSoftResponse response = {.sw = 0};

    if (is_foreign(self, target))
        return AKMA_SOFT_SW_NO_FILE;
    if (from_mf && skip == 0)
        apdu[2] = 0x00; /* the MF itself */
    apdu[4] = (uint8_t)(target->path_len - skip);
    memcpy(apdu + 5, target->path + skip, apdu[4]);
    akma_soft_mbim_exchange(self, true, apdu, (size_t)5 + apdu[4], &response);

    return response.sw;
}

static AkmaSoftFile *
find_target(AkmaSoftMbim *self, const Target *target)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    char path[AKMA_HEX_LEN(PATH_LEN) + 1];

    akma_hex_encode(target->path, target->path_len, path);

    return akma_soft_filesystem_find(akma_soft_uicc_get_root(card), path);
}

static void
put_sw(AkmaSoftMbimWriter *out, uint16_t sw)
{
    akma_soft_mbim_writer_u32(out, STRUCTURE_VERSION);
    akma_soft_mbim_writer_u32(out, sw >> 8);
    akma_soft_mbim_writer_u32(out, sw & 0xff);
}

static void
put_access(AkmaSoftMbimWriter *out, const AkmaSoftFile *file)
{
    static const uint32_t conditions[][2] = {
        [AKMA_SOFT_ALWAYS_NEVER] = {PIN_NONE, PIN_NEVER},
        [AKMA_SOFT_ALWAYS_ADM] = {PIN_NONE, PIN_ADM},
        [AKMA_SOFT_PIN_ADM] = {PIN_1, PIN_ADM},
        [AKMA_SOFT_PIN_PIN] = {PIN_1, PIN_1},
    };

    akma_soft_mbim_writer_u32(out, conditions[file->access][0]);
    akma_soft_mbim_writer_u32(out, conditions[file->access][1]);
    akma_soft_mbim_writer_u32(out, PIN_ADM); /* activate */
    akma_soft_mbim_writer_u32(out, PIN_ADM); /* deactivate */
}

uint32_t
akma_soft_mbim_file_status(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    const AkmaSoftFile *file;
    Target target;
    uint16_t sw;

    if (!get_target(in, &target))
        return MBIM_STATUS_INVALID_PARAMETERS;
    sw = select_target(self, &target);
    file = sw == AKMA_SOFT_SW_OK ? find_target(self, &target) : NULL;
    akma_soft_mbim_writer_begin(out, 48);
    put_sw(out, sw);
    if (!file)
        return MBIM_STATUS_SUCCESS; /* the rest is 0: unknown */

    akma_soft_mbim_writer_u32(out, 2); /* shareable */
    if (akma_soft_file_is_directory(file)) {
        akma_soft_mbim_writer_u32(out, TYPE_DIRECTORY);
        akma_soft_mbim_writer_u32(out, STRUCTURE_UNKNOWN);
        akma_soft_mbim_writer_u32(out, 0);
        akma_soft_mbim_writer_u32(out, 0);
    } else {
        const bool linear = file->kind == AKMA_SOFT_LINEAR;

        akma_soft_mbim_writer_u32(out, TYPE_WORKING_EF);
        akma_soft_mbim_writer_u32(out, linear ? STRUCTURE_LINEAR : STRUCTURE_TRANSPARENT);
        akma_soft_mbim_writer_u32(out, linear ? (uint32_t)(file->size / file->record_len) : 1);
        akma_soft_mbim_writer_u32(out, linear ? file->record_len : (uint32_t)file->size);
    }
    put_access(out, file);

    return MBIM_STATUS_SUCCESS;
}

/* Behind what is to be read: a local PIN, which the card does not have, and data to write. */
static bool
ends_as_read(AkmaSoftMbimReader *in)
{
    char pin[PIN_SIZE];
    size_t data_len;

    akma_soft_mbim_reader_text(in, pin, sizeof pin);
    akma_soft_mbim_reader_ref(in, AKMA_SOFT_MBIM_OFFSET_SIZE, &data_len);
    OPENSSL_cleanse(pin + 1, sizeof pin - 1);

    return !in->bad && pin[0] == '\0' && data_len == 0;
}

static uint32_t
answer_read(AkmaSoftMbimWriter *out, uint16_t sw, const uint8_t *bytes, size_t len)
{
    akma_soft_mbim_writer_begin(out, 20);
    put_sw(out, sw);
    akma_soft_mbim_writer_ref(
        out, AKMA_SOFT_MBIM_OFFSET_SIZE, bytes, sw == AKMA_SOFT_SW_OK ? len : 0);

    return MBIM_STATUS_SUCCESS;
}

uint32_t
akma_soft_mbim_read_binary(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    Target target;
    bool fine = get_target(in, &target);
    uint32_t offset = akma_soft_mbim_reader_u32(in);
    uint32_t len = akma_soft_mbim_reader_u32(in);
    uint8_t bytes[AKMA_SOFT_MBIM_INFO_MAX - 64];
    size_t n = 0;
    uint32_t status;
    uint16_t sw;

    if (!fine || !ends_as_read(in) || len == 0 || len > sizeof bytes || offset > OFFSET_MAX ||
        offset + len > OFFSET_MAX + 1)
        return MBIM_STATUS_INVALID_PARAMETERS;
    sw = select_target(self, &target);
    while (sw == AKMA_SOFT_SW_OK && n < len) {
        g_auto(AkmaSoftResponse) response = {.sw = 0};
        const uint8_t apdu[] = {0x00,
                                AKMA_SOFT_INS_READ_BINARY,
                                (uint8_t)((offset + n) >> 8),
                                (uint8_t)(offset + n),
                                (uint8_t)MIN(len - n, READ_MAX)};

        akma_soft_mbim_exchange(self, true, apdu, sizeof apdu, &response);
        sw = response.sw;
        if (sw != AKMA_SOFT_SW_OK || response.len != apdu[4])
            break;
        memcpy(bytes + n, response.data, response.len);
        n += response.len;
    }
    status = answer_read(out, sw, bytes, n);
    OPENSSL_cleanse(bytes, n);

    return status;
}

uint32_t
akma_soft_mbim_read_record(AkmaSoftMbim *self, AkmaSoftMbimReader *in, AkmaSoftMbimWriter *out)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    Target target;
    bool fine = get_target(in, &target);
    uint32_t record = akma_soft_mbim_reader_u32(in);
    uint8_t apdu[] = {0x00, AKMA_SOFT_INS_READ_RECORD, (uint8_t)record, 0x04, 0x00};

    if (!fine || !ends_as_read(in) || record == 0 || record > 0xfe)
        return MBIM_STATUS_INVALID_PARAMETERS;
    response.sw = select_target(self, &target);
    if (response.sw == AKMA_SOFT_SW_OK)
        akma_soft_mbim_exchange(self, true, apdu, sizeof apdu, &response);
    if ((response.sw & 0xff00) == AKMA_SOFT_SW_WRONG_LE) {
        apdu[4] = (uint8_t)response.sw;
        akma_soft_mbim_exchange(self, true, apdu, sizeof apdu, &response);
    }

    return answer_read(out, response.sw, response.data, response.len);
}
