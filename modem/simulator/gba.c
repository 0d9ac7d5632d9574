/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/gba.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/bytes.h"
#include "kdf/gba.h"
#include "modem/simulator/uicc-private.h"

#define RAND_LEN  16
#define AUTN_LEN  16
#define MAC_AT    8 /* in AUTN */
#define MAC_LEN   8
#define FIELD_MAX 255

enum {
    TAG_OK = 0xdb,
    TAG_BOOTSTRAPPING = 0xdd,
    TAG_NAF_DERIVATION = 0xde,
    TAG_NAF_ID = 0x80,
    TAG_B_TID = 0x81,
};

static AkmaSoftFile *
find(const AkmaSoftUicc *self, uint16_t fid)
{
    return akma_soft_file_get_child(akma_soft_file_get_child(self->root, AKMA_SOFT_FID_ADF), fid);
}

/* `DB`, then one value with its length. */
static void
answer_value(const uint8_t *value, size_t len, AkmaSoftResponse *ret)
{
    AkmaWriter writer = akma_writer_init(ret->data, sizeof ret->data);

    akma_writer_u8(&writer, TAG_OK);
    akma_writer_u8(&writer, (uint8_t)len);
    akma_writer_put(&writer, value, len);
    ret->len = writer.len;
    ret->sw = AKMA_SOFT_SW_OK;
}

/*= TS 33.220 5.3.2: MAC = MAC* xor Trunc(SHA-1(IK)), Trunc being bits 0 to 63 */
static bool
uncover_mac(const AkmaSoftUicc *self,
            const uint8_t rand[static 16],
            const uint8_t autn_star[static 16],
            uint8_t ret_autn[static 16])
{
    g_auto(AkmaMilenageF2345) keys = {0};
    uint8_t hash[EVP_MAX_MD_SIZE];
    bool ok;

    ok = akma_milenage_f2345(&self->profile->milenage, rand, &keys, NULL) &&
         EVP_Digest(&keys.ik, sizeof keys.ik, hash, NULL, EVP_sha1(), NULL) == 1;
    memcpy(ret_autn, autn_star, AUTN_LEN);
    for (size_t i = 0; ok && i < MAC_LEN; i++)
        ret_autn[MAC_AT + i] ^= hash[i];
    OPENSSL_cleanse(hash, sizeof hash);

    return ok;
}

/*= TS 33.220 G.1: a new bootstrapping replaces Ks, RAND, B-TID and lifetime of the one before */
static void
keep(AkmaSoftUicc *self, const uint8_t rand[static 16], const AkmaMilenageF2345 *keys)
{
    AkmaSoftFile *gbabp = find(self, AKMA_SOFT_FID_GBABP);
    AkmaWriter writer = akma_writer_init(gbabp->content, gbabp->size);

    self->gba.bootstrapped = true;
    self->gba.ck = keys->ck;
    self->gba.ik = keys->ik;
    memcpy(self->gba.rand, rand, RAND_LEN);

    akma_soft_file_blank(gbabp);
    akma_writer_u8(&writer, RAND_LEN);
    akma_writer_put(&writer, rand, RAND_LEN);
    akma_writer_u8(&writer, 0); /* B-TID */
    akma_writer_u8(&writer, 0); /* lifetime */
}

/*= TS 31.102 7.1.2: GBA context, bootstrapping: DD, RAND, AUTN; the answer is DB, RES */
static void
bootstrap(AkmaSoftUicc *self, AkmaReader *reader, AkmaSoftResponse *ret)
{
    g_auto(AkmaMilenageF2345) keys = {0};
    uint8_t rand_len = akma_reader_u8(reader);
    const uint8_t *rand = akma_reader_take(reader, RAND_LEN);
    uint8_t autn_len = akma_reader_u8(reader);
    const uint8_t *autn_star = akma_reader_take(reader, AUTN_LEN);
    uint8_t autn[AUTN_LEN];

    if (!akma_reader_is_done(reader) || rand_len != RAND_LEN || autn_len != AUTN_LEN) {
        ret->sw = AKMA_SOFT_SW_WRONG_DATA;
        return;
    }
    if (!uncover_mac(self, rand, autn_star, autn)) {
        ret->sw = AKMA_SOFT_SW_FAILED;
        return;
    }
    if (!akma_soft_check_challenge(&self->profile->milenage, &self->sqn, rand, autn, &keys, ret))
        return;

    keep(self, rand, &keys);
    /*= TS 33.220 5.3.2: the card gives RES with its last bit flipped */
    keys.res[sizeof keys.res - 1] ^= 1;
    answer_value(keys.res, sizeof keys.res, ret);
}

/* The B-TID that EF_GBABP has for the Ks that is here. False: it is not there, or of another. */
static bool
read_b_tid(const AkmaSoftUicc *self, const uint8_t **ret, size_t *ret_len)
{
    const AkmaSoftFile *gbabp = find(self, AKMA_SOFT_FID_GBABP);
    AkmaReader reader = akma_reader_init(gbabp->content, gbabp->size);
    uint8_t rand_len = akma_reader_u8(&reader);
    const uint8_t *rand = akma_reader_take(&reader, RAND_LEN);
    uint8_t len = akma_reader_u8(&reader);
    const uint8_t *b_tid = akma_reader_take(&reader, len);

    if (reader.bad || rand_len != RAND_LEN || len == 0 || len == 0xff ||
        CRYPTO_memcmp(rand, self->gba.rand, RAND_LEN) != 0)
        return false;
    *ret = b_tid;
    *ret_len = len;

    return true;
}

/* A BER-TLV object; its length is below 256. */
static void
put_object(AkmaWriter *writer, uint8_t tag, const uint8_t *value, size_t len)
{
    akma_writer_u8(writer, tag);
    if (len > 0x7f)
        akma_writer_u8(writer, 0x81);
    akma_writer_u8(writer, (uint8_t)len);
    akma_writer_put(writer, value, len);
}

/* Does the record begin with the object of this NAF_Id? */
static bool
is_of(const uint8_t *record, size_t record_len, const uint8_t *naf_id, size_t len)
{
    uint8_t expected[FIELD_MAX + 3];
    AkmaWriter writer = akma_writer_init(expected, sizeof expected);

    put_object(&writer, TAG_NAF_ID, naf_id, len);

    return writer.len <= record_len && CRYPTO_memcmp(record, expected, writer.len) == 0;
}

/*= TS 31.102 7.1.1: the record of the NAF, else a free one, else the one derived longest ago */
static unsigned
choose_record(const AkmaSoftUicc *self,
              const AkmaSoftFile *gbanl,
              const uint8_t *naf_id,
              size_t len)
{
    unsigned records = (unsigned)MIN(gbanl->size / gbanl->record_len, AKMA_SOFT_NAFS_MAX);
    unsigned best = 0;

    for (unsigned i = 0; i < records; i++) {
        if (is_of(gbanl->content + (size_t)i * gbanl->record_len, gbanl->record_len, naf_id, len))
            return i;
        if (self->gba.used[i] < self->gba.used[best])
            best = i;
    }

    return best;
}

/*= TS 31.102 4.2.83: EF_GBANL: NAF_ID with tag 80, B-TID with tag 81, then FF */
static bool
list_naf(AkmaSoftUicc *self,
         const uint8_t *naf_id,
         size_t naf_id_len,
         const uint8_t *b_tid,
         size_t b_tid_len,
         const AkmaKey256 *ks_int_naf)
{
    AkmaSoftFile *gbanl = find(self, AKMA_SOFT_FID_GBANL);
    uint8_t record[2 * (FIELD_MAX + 3)];
    AkmaWriter writer = akma_writer_init(record, sizeof record);
    unsigned n = choose_record(self, gbanl, naf_id, naf_id_len);
    uint8_t *place = gbanl->content + (size_t)n * gbanl->record_len;

    put_object(&writer, TAG_NAF_ID, naf_id, naf_id_len);
    put_object(&writer, TAG_B_TID, b_tid, b_tid_len);
    if (writer.bad || writer.len > gbanl->record_len)
        return false;

    memset(place, 0xff, gbanl->record_len);
    memcpy(place, record, writer.len);
    self->gba.ks_int_naf[n] = *ks_int_naf;
    self->gba.used[n] = ++self->gba.derivations;

    return true;
}

/* NAF_Id and IMPI, each with its length; the FQDN and the IMPI are text. */
static bool
read_names(AkmaReader *reader, AkmaAfId *ret_naf_id, char ret_impi[static FIELD_MAX + 1])
{
    uint8_t naf_id_len = akma_reader_u8(reader);
    const uint8_t *naf_id = akma_reader_take(reader, naf_id_len);
    uint8_t impi_len = akma_reader_u8(reader);
    const uint8_t *impi = akma_reader_take(reader, impi_len);

    if (!akma_reader_is_done(reader) || naf_id_len <= AKMA_UA_ID_LEN || impi_len == 0 ||
        memchr(impi, 0, impi_len))
        return false;
    memcpy(ret_naf_id->bytes, naf_id, naf_id_len);
    ret_naf_id->len = naf_id_len;
    memcpy(ret_impi, impi, impi_len);
    ret_impi[impi_len] = '\0';

    return true;
}

/*= TS 31.102 7.1.2: GBA context, NAF derivation: DE, NAF_ID, IMPI; the answer is DB, Ks_ext_NAF */
static void
derive(AkmaSoftUicc *self, AkmaReader *reader, AkmaSoftResponse *ret)
{
    const AkmaSoftGba *gba = &self->gba;
    g_auto(AkmaKey256) ext = {0};
    g_auto(AkmaKey256) internal = {0};
    char impi[FIELD_MAX + 1];
    AkmaAfId naf_id;
    const uint8_t *b_tid;
    size_t b_tid_len;

    if (!read_names(reader, &naf_id, impi))
        ret->sw = AKMA_SOFT_SW_WRONG_DATA;
    /*= TS 31.102 7.1.1: without a bootstrapping the card answers 6985 */
    else if (!gba->bootstrapped || !read_b_tid(self, &b_tid, &b_tid_len))
        ret->sw = AKMA_SOFT_SW_CONDITIONS;
    else if (!akma_kdf_ks_naf(&gba->ck, &gba->ik, gba->rand, impi, &naf_id, &ext, NULL) ||
             !akma_kdf_ks_int_naf(&gba->ck, &gba->ik, gba->rand, impi, &naf_id, &internal, NULL))
        ret->sw = AKMA_SOFT_SW_FAILED;
    else if (!list_naf(self, naf_id.bytes, naf_id.len, b_tid, b_tid_len, &internal))
        ret->sw = AKMA_SOFT_SW_NO_ROOM;
    else
        answer_value(ext.bytes, sizeof ext.bytes, ret);
}

void
akma_soft_authenticate_gba(AkmaSoftUicc *self, const AkmaSoftApdu *apdu, AkmaSoftResponse *ret)
{
    AkmaReader reader = akma_reader_init(apdu->data, apdu->data_len);

    switch (akma_reader_u8(&reader)) {
    case TAG_BOOTSTRAPPING:
        bootstrap(self, &reader, ret);
        break;
    case TAG_NAF_DERIVATION:
        derive(self, &reader, ret);
        break;
    default:
        ret->sw = AKMA_SOFT_SW_WRONG_DATA;
        break;
    }
}
