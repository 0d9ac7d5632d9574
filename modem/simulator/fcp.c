/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* fcp: the file control parameters of a file, TS 102 221 11.1.1.3. */
#include "base/bytes.h"
#include "modem/simulator/filesystem.h"

#define ARR_OF_MF  0x2f06
#define ARR_OF_ADF 0x6f06

enum {
    TAG_FCP = 0x62,
    TAG_SIZE = 0x80,
    TAG_DESCRIPTOR = 0x82,
    TAG_FID = 0x83,
    TAG_NAME = 0x84,
    TAG_SFI = 0x88,
    TAG_LIFE_CYCLE = 0x8a,
    TAG_ACCESS = 0x8b,
    TAG_PROPRIETARY = 0xa5,
    TAG_PIN_STATUS = 0xc6,
};

static void
put(AkmaWriter *writer, uint8_t tag, const void *bytes, size_t len)
{
    akma_writer_u8(writer, tag);
    akma_writer_u8(writer, (uint8_t)len);
    akma_writer_put(writer, bytes, len);
}

static void
put_u16(AkmaWriter *writer, uint8_t tag, uint16_t value)
{
    akma_writer_u8(writer, tag);
    akma_writer_u8(writer, 2);
    akma_writer_u16(writer, value);
}

static bool
is_below_adf(const AkmaSoftFile *file)
{
    for (; file; file = file->parent) {
        if (file->kind == AKMA_SOFT_ADF)
            return true;
    }

    return false;
}

static uint8_t
descriptor_byte(const AkmaSoftFile *file)
{
    switch (file->kind) {
    case AKMA_SOFT_MF:
    case AKMA_SOFT_ADF:
    case AKMA_SOFT_DF:
        return 0x78;
    case AKMA_SOFT_TRANSPARENT:
        return 0x41;
    case AKMA_SOFT_LINEAR:
        return 0x42;
    }

    g_return_val_if_reached(0);
}

static void
put_descriptor(AkmaWriter *writer, const AkmaSoftFile *file)
{
    akma_writer_u8(writer, TAG_DESCRIPTOR);
    akma_writer_u8(writer, file->kind == AKMA_SOFT_LINEAR ? 5 : 2);
    akma_writer_u8(writer, descriptor_byte(file));
    akma_writer_u8(writer, 0x21);
    if (file->kind == AKMA_SOFT_LINEAR) {
        akma_writer_u16(writer, file->record_len);
        akma_writer_u8(writer, (uint8_t)(file->size / file->record_len));
    }
}

static void
put_access(AkmaWriter *writer, const AkmaSoftFile *file)
{
    akma_writer_u8(writer, TAG_ACCESS);
    akma_writer_u8(writer, 3);
    akma_writer_u16(writer, is_below_adf(file) ? ARR_OF_ADF : ARR_OF_MF);
    akma_writer_u8(writer, (uint8_t)file->access);
}

static void
put_directory(AkmaWriter *writer, const AkmaSoftFile *file, bool pin_enabled)
{
    const uint8_t characteristics[] = {0x80, 0x01, 0x71};
    const uint8_t pin_status[] = {0x90, 0x01, pin_enabled ? 0x80 : 0x00, 0x83, 0x01, 0x01};

    if (file->kind == AKMA_SOFT_ADF)
        put(writer, TAG_NAME, file->aid, file->aid_len);
    put(writer, TAG_PROPRIETARY, characteristics, sizeof characteristics);
    put(writer, TAG_LIFE_CYCLE, "\x05", 1);
    put_access(writer, file);
    put(writer, TAG_PIN_STATUS, pin_status, sizeof pin_status);
}

static void
put_elementary(AkmaWriter *writer, const AkmaSoftFile *file)
{
    const uint8_t sfi = (uint8_t)(file->sfi << 3);

    put(writer, TAG_LIFE_CYCLE, "\x05", 1);
    put_access(writer, file);
    put_u16(writer, TAG_SIZE, (uint16_t)file->size);
    /*= TS 102 221 11.1.1.4.8: a file without a short identifier has an empty DO '88' */
    put(writer, TAG_SFI, &sfi, file->sfi ? 1 : 0);
}

size_t
akma_soft_file_write_fcp(const AkmaSoftFile *self,
                         bool pin_enabled,
                         uint8_t ret[static AKMA_SOFT_FCP_MAX])
{
    AkmaWriter writer = akma_writer_init(ret, AKMA_SOFT_FCP_MAX);

    akma_writer_u8(&writer, TAG_FCP);
    akma_writer_u8(&writer, 0); /* the length, below */
    put_descriptor(&writer, self);
    put_u16(&writer, TAG_FID, self->fid);
    if (akma_soft_file_is_directory(self))
        put_directory(&writer, self, pin_enabled);
    else
        put_elementary(&writer, self);
    g_return_val_if_fail(!writer.bad, 0);
    ret[1] = (uint8_t)(writer.len - 2);

    return writer.len;
}
