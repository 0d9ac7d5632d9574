/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first byte says which file of the card the rest is. */
#include "modem/tlv.h"
#include "modem/usim-files.h"
#include "modem/usim-gba.h"
#include "tests/fuzz/fuzz.h"

static void
decode(uint8_t file, const uint8_t *bytes, size_t len)
{
    g_auto(AkmaKey256) key = {0};
    g_auto(AkmaAkaResult) aka = {0};
    char imsi[AKMA_IMSI_MAX + 1];
    char rid[AKMA_RID_MAX + 1];
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
    unsigned number;
    AkmaFcp fcp;

    switch (file % 8) {
    case 0:
        akma_usim_parse_imsi(bytes, len, imsi, NULL);
        break;
    case 1:
        akma_usim_parse_mnc_length(bytes, len, &number, NULL);
        break;
    case 2:
        akma_usim_has_service(bytes, len, AKMA_SERVICE_5G_SECURITY);
        break;
    case 3:
        akma_usim_parse_routing_indicator(bytes, len, rid, NULL);
        break;
    case 4:
        akma_usim_peek_k_ausf(bytes, len, &key);
        akma_usim_find_k_ausf(bytes, len, &key);
        break;
    case 5:
        akma_dir_parse_record(bytes, len, aid, &aid_len);
        break;
    case 6:
        akma_fcp_parse(bytes, len, &fcp, NULL);
        break;
    default:
        akma_usim_parse_aka(bytes, len, &aka, NULL);
        akma_usim_parse_gba(bytes, len, &aka, NULL);
        akma_secret_unref(akma_usim_parse_ks_ext_naf(bytes, len, NULL));
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!CRYPTO_secure_malloc_initialized())
        akma_secret_heap_init(AKMA_SECRET_HEAP_SIZE, NULL, NULL);
    if (size > 0)
        decode(data[0], data + 1, size - 1);

    return 0;
}
