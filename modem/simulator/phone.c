/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/simulator/phone.h"

#include <openssl/crypto.h>

#include "base/bytes.h"
#include "base/error.h"
#include "kdf/fiveg.h"

#define SEPARATION_BIT 0x80 /* of the AMF, TS 33.501 6.1.3.2 */
#define RES_LEN_MAX    16

typedef struct {
    AkmaKey128 ck;
    AkmaKey128 ik;
    uint8_t res[RES_LEN_MAX];
    size_t res_len;
} CardKeys;

static void
card_keys_clear(CardKeys *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CardKeys, card_keys_clear)

void
akma_soft_phone_keys_clear(AkmaSoftPhoneKeys *self)
{
    OPENSSL_cleanse(self, sizeof *self);
}

static bool
reject(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_ANCHOR_REJECTED, message);

    return false;
}

/* AUTHENTICATE, and GET RESPONSE where the card speaks T=0. */
static void
ask_card(AkmaSoftUicc *card, const AkmaSoftChallenge *challenge, AkmaSoftResponse *ret)
{
    uint8_t apdu[5 + 34 + 1];
    AkmaWriter writer = akma_writer_init(apdu, sizeof apdu);

    akma_writer_put(&writer, "\x00\x88\x00\x81\x22\x10", 6);
    akma_writer_put(&writer, challenge->rand, sizeof challenge->rand);
    akma_writer_u8(&writer, sizeof challenge->autn);
    akma_writer_put(&writer, challenge->autn, sizeof challenge->autn);
    akma_writer_u8(&writer, 0);
    akma_soft_uicc_transmit_own(card, apdu, writer.len, ret);
    if ((ret->sw & 0xff00) == AKMA_SOFT_SW_MORE && ret->len == 0) {
        const uint8_t more[] = {0x00, AKMA_SOFT_INS_GET_RESPONSE, 0, 0, (uint8_t)ret->sw};

        akma_soft_uicc_transmit_own(card, more, sizeof more, ret);
    }
}

static void
take(AkmaReader *reader, uint8_t *ret, size_t len)
{
    const uint8_t *bytes = akma_reader_take(reader, len);

    for (size_t i = 0; bytes && i < len; i++)
        ret[i] = bytes[i];
}

/* `DB RES CK IK` or `DC AUTS` */
static bool
parse_answer(const AkmaSoftResponse *answer, CardKeys *ret, AkmaSoftPhoneKeys *keys)
{
    AkmaReader reader = akma_reader_init(answer->data, answer->len);
    uint8_t tag = akma_reader_u8(&reader);
    size_t len = akma_reader_u8(&reader);

    if (tag == 0xdc && len == sizeof keys->auts) {
        keys->sync_failure = true;
        take(&reader, keys->auts, len);
        return akma_reader_is_done(&reader);
    }
    if (tag != 0xdb || len < 4 || len > sizeof ret->res)
        return false;
    ret->res_len = len;
    take(&reader, ret->res, len);
    if (akma_reader_u8(&reader) != sizeof ret->ck)
        return false;
    take(&reader, ret->ck.bytes, sizeof ret->ck);
    if (akma_reader_u8(&reader) != sizeof ret->ik)
        return false;
    take(&reader, ret->ik.bytes, sizeof ret->ik);

    return !reader.bad;
}

/*= TS 33.501 6.1.3.2: RES*, K_AUSF and K_SEAF of the UE; HXRES* as the SEAF checks it */
static bool
derive(const CardKeys *card,
       const AkmaSoftChallenge *challenge,
       const char *sn,
       AkmaSoftPhoneKeys *ret,
       GError **error)
{
    uint8_t hxres_star[16];

    if (!akma_kdf_res_star(&card->ck,
                           &card->ik,
                           sn,
                           challenge->rand,
                           card->res,
                           card->res_len,
                           ret->res_star,
                           error) ||
        !akma_kdf_hxres_star(challenge->rand, ret->res_star, hxres_star, error))
        return false;
    if (CRYPTO_memcmp(hxres_star, challenge->hxres_star, sizeof hxres_star) != 0)
        return reject(error, "the vector of the core does not fit together");

    return akma_kdf_k_ausf(&card->ck, &card->ik, sn, challenge->autn, &ret->k_ausf, error) &&
           akma_kdf_k_seaf(&ret->k_ausf, sn, &ret->k_seaf, error);
}

bool
akma_soft_phone_authenticate(AkmaSoftUicc *card,
                             const AkmaSoftChallenge *challenge,
                             const char *serving_network,
                             AkmaSoftPhoneKeys *ret,
                             GError **error)
{
    g_auto(AkmaSoftResponse) answer = {.sw = 0};
    g_auto(CardKeys) keys = {.res_len = 0};

    if ((challenge->autn[6] & SEPARATION_BIT) == 0)
        return reject(error, "the vector of the core is not for 5G");
    ask_card(card, challenge, &answer);
    if (answer.sw != AKMA_SOFT_SW_OK || !parse_answer(&answer, &keys, ret))
        return reject(error, "the card refuses the core's challenge");
    if (ret->sync_failure)
        return true;

    return derive(&keys, challenge, serving_network, ret, error);
}

/*= TS 31.102 4.4.11.6: 80 K_AUSF, 81 and 82 K_SEAF, 83 and 84 counters, the rest FF */
void
akma_soft_phone_store(AkmaSoftUicc *card, const AkmaSoftPhoneKeys *keys)
{
    AkmaSoftFile *file = akma_soft_filesystem_find(akma_soft_uicc_get_root(card), "7FFF/5FC0/4F05");
    AkmaWriter writer;

    if (!file)
        return;
    akma_soft_file_blank(file);
    writer = akma_writer_init(file->content, file->size);
    akma_writer_put(&writer, "\x80\x20", 2);
    akma_writer_put(&writer, &keys->k_ausf, sizeof keys->k_ausf);
    akma_writer_put(&writer, "\x81\x20", 2);
    akma_writer_put(&writer, &keys->k_seaf, sizeof keys->k_seaf);
    akma_writer_put(&writer, "\x82\x00\x83\x02\x00\x00\x84\x02\x00\x00", 10);
}
