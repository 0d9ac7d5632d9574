/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/atr.h"

#include "base/bytes.h"

/*= TS 102 221 6.3.1: historical bytes tell of selection and of the logical channels */
static void
put_historical(const AkmaSoftProfile *profile, AkmaWriter *writer)
{
    const unsigned channels = MIN(profile->channels, 8);

    akma_writer_u8(writer, 0x80);
    akma_writer_u8(writer, 0x31); /* card service data: by full and partial DF name, EF_DIR */
    akma_writer_u8(writer, 0xe0);
    akma_writer_u8(writer, 0x73); /* card capabilities */
    akma_writer_u8(writer, 0xfe);
    akma_writer_u8(writer, 0x21);
    akma_writer_u8(writer, (uint8_t)(channels > 1 ? 0x18 | (channels - 1) : 0x00));
}

size_t
akma_soft_atr_write(const AkmaSoftProfile *profile, uint8_t ret[static AKMA_SOFT_ATR_MAX])
{
    AkmaWriter writer = akma_writer_init(ret, AKMA_SOFT_ATR_MAX);
    uint8_t check = 0;

    akma_writer_u8(&writer, 0x3b);
    akma_writer_u8(&writer, 0x97); /* TA1, TD1, seven historical bytes */
    akma_writer_u8(&writer, 0x96);
    akma_writer_u8(&writer, profile->t0 ? 0x80 : 0x81); /* TD2 follows; T=0 or T=1 */
    akma_writer_u8(&writer, 0x1f);                      /* TA3 follows; T=15 */
    akma_writer_u8(&writer, 0xc7);                      /* classes A, B, C */
    put_historical(profile, &writer);
    for (size_t i = 1; i < writer.len; i++)
        check ^= ret[i];
    akma_writer_u8(&writer, check);

    return writer.len;
}
