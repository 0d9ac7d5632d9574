/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-sim: what the modem itself does with the card: +CPIN, +CIMI, +CCID, +CRSM, +CUAD. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/text.h"
#include "modem/simulator/at-private.h"
#include "modem/simulator/contents.h"

#define PATH_MAX_LEN 8 /* bytes of a path below +CRSM */

/* Sends a PIN command made of one or two values; 0 or a CME code. */
static int
send_pin(AkmaSoftAt *self, uint8_t ins, const AtCommand *command)
{
    uint8_t apdu[5 + 2 * AKMA_SOFT_PIN_LEN] = {
        0x00, ins, 0x00, 0x01, (uint8_t)(command->n_args * AKMA_SOFT_PIN_LEN)};
    AkmaSoftResponse response = {.sw = 0};

    for (unsigned i = 0; i < command->n_args; i++) {
        if (!akma_soft_pin_encode(
                command->args[i], strlen(command->args[i]), apdu + 5 + i * AKMA_SOFT_PIN_LEN))
            return CME_PARAMETERS;
    }
    if (!akma_soft_at_exchange(self, true, false, apdu, (size_t)5 + apdu[4], &response))
        return CME_NO_SIM;
    OPENSSL_cleanse(apdu, sizeof apdu);

    if (response.sw == AKMA_SOFT_SW_OK)
        return AT_OK;

    return response.sw == AKMA_SOFT_SW_BLOCKED ? CME_PUK : CME_PASSWORD;
}

/*= TS 27.007 8.3: +CPIN? and +CPIN="PIN" or "PUK","new PIN" */
int
akma_soft_at_cpin(AkmaSoftAt *self, const AtCommand *command)
{
    bool ask = command->form == AT_READ;

    switch (akma_soft_modem_get_sim_state(self->modem)) {
    case AKMA_SOFT_SIM_ABSENT:
        return CME_NO_SIM;
    case AKMA_SOFT_SIM_READY:
        if (!ask)
            return CME_NOT_ALLOWED;
        akma_soft_at_info(self, "+CPIN: READY");
        return AT_OK;
    case AKMA_SOFT_SIM_PIN:
        if (!ask)
            return command->n_args == 1 ? send_pin(self, AKMA_SOFT_INS_VERIFY, command)
                                        : CME_PARAMETERS;
        akma_soft_at_info(self, "+CPIN: SIM PIN");
        return AT_OK;
    case AKMA_SOFT_SIM_PUK:
        if (!ask)
            return command->n_args == 2 ? send_pin(self, AKMA_SOFT_INS_UNBLOCK_PIN, command)
                                        : CME_PUK;
        akma_soft_at_info(self, "+CPIN: SIM PUK");
        return AT_OK;
    }

    g_return_val_if_reached(AT_ERROR);
}

static int
need_pin(AkmaSoftAt *self)
{
    switch (akma_soft_modem_get_sim_state(self->modem)) {
    case AKMA_SOFT_SIM_ABSENT:
        return CME_NO_SIM;
    case AKMA_SOFT_SIM_PIN:
        return CME_PIN;
    case AKMA_SOFT_SIM_PUK:
        return CME_PUK;
    case AKMA_SOFT_SIM_READY:
        return AT_OK;
    }

    g_return_val_if_reached(AT_ERROR);
}

int
akma_soft_at_cimi(AkmaSoftAt *self, const AtCommand *command)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    int result = need_pin(self);
    char imsi[AKMA_SOFT_IMSI_MAX + 1];

    (void)command;
    if (result != AT_OK)
        return result;
    if (!akma_soft_read_imsi(akma_soft_uicc_get_root(card), imsi))
        return CME_SIM_FAILURE;
    akma_soft_at_info(self, "%s", imsi);

    return AT_OK;
}

int
akma_soft_at_ccid(AkmaSoftAt *self, const AtCommand *command)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    char iccid[AKMA_SOFT_ICCID_MAX + 1];

    akma_soft_read_iccid(akma_soft_uicc_get_root(card), iccid);
    akma_soft_at_info(self, "%s: %s", command->name, iccid);

    return AT_OK;
}

/* Selects a file on the modem's own channel: path of the directory (may be empty), file id. */
static bool
select_own(AkmaSoftAt *self,
           const uint8_t *path,
           size_t path_len,
           uint16_t fid,
           bool fcp,
           AkmaSoftResponse *ret)
{
    uint8_t apdu[5 + PATH_MAX_LEN + 2] = {0x00, AKMA_SOFT_INS_SELECT, 0x08, fcp ? 0x04 : 0x0c};
    size_t len = 5;

    memcpy(apdu + len, path, path_len);
    len += path_len;
    if (fid != 0) {
        apdu[len++] = (uint8_t)(fid >> 8);
        apdu[len++] = (uint8_t)fid;
    }
    apdu[4] = (uint8_t)(len - 5);

    return akma_soft_at_exchange(self, true, true, apdu, len, ret) && ret->sw == AKMA_SOFT_SW_OK;
}

/* Where +CRSM says, or without a path below the USIM, then below the MF. */
static bool
find_file(AkmaSoftAt *self, const AtCommand *command, uint16_t fid, bool fcp, AkmaSoftResponse *ret)
{
    static const uint8_t adf[] = {0x7f, 0xff};
    uint8_t path[PATH_MAX_LEN];
    size_t len = 0;
    size_t skip;

    if (command->n_args > 6) {
        if (!akma_soft_at_get_hex(command, 6, path, sizeof path, &len) || len % 2 != 0) {
            ret->sw = AKMA_SOFT_SW_NO_FILE;
            return false;
        }
        skip = len >= 2 && path[0] == 0x3f && path[1] == 0x00 ? 2 : 0;
        return select_own(self, path + skip, len - skip, fid, fcp, ret);
    }

    return select_own(self, adf, sizeof adf, fid, fcp, ret) ||
           select_own(self, adf, 0, fid, fcp, ret);
}

static bool
is_allowed(unsigned ins)
{
    return ins == AKMA_SOFT_INS_READ_BINARY || ins == AKMA_SOFT_INS_READ_RECORD ||
           ins == AKMA_SOFT_INS_GET_RESPONSE || ins == AKMA_SOFT_INS_UPDATE_BINARY ||
           ins == AKMA_SOFT_INS_UPDATE_RECORD || ins == AKMA_SOFT_INS_STATUS;
}

static bool
is_update(unsigned ins)
{
    return ins == AKMA_SOFT_INS_UPDATE_BINARY || ins == AKMA_SOFT_INS_UPDATE_RECORD;
}

static bool
get_numbers(const AtCommand *command, unsigned ret[static 5])
{
    static const unsigned most[] = {255, 65535, 255, 255, 255};

    for (unsigned i = 0; i < G_N_ELEMENTS(most); i++) {
        ret[i] = 0;
        if (i < command->n_args && command->args[i][0] &&
            !akma_soft_at_get_uint(command, i, most[i], &ret[i]))
            return false;
    }

    return command->n_args >= 1 && is_allowed(ret[0]);
}

/*= TS 27.007 8.18: +CRSM=<command>,<fileid>,<P1>,<P2>,<P3>,<data>,<pathid> */
int
akma_soft_at_crsm(AkmaSoftAt *self, const AtCommand *command)
{
    g_auto(AkmaSoftResponse) response = {.sw = 0};
    uint8_t apdu[5 + 255];
    unsigned numbers[5];
    char head[32];
    size_t len = 0;
    bool fcp;

    if (!get_numbers(command, numbers) || command->n_args > 7 ||
        (command->n_args > 5 && !akma_soft_at_get_hex(command, 5, apdu + 5, 255, &len)) ||
        (is_update(numbers[0]) ? len == 0 || len != numbers[4] : len != 0))
        return CME_PARAMETERS;

    fcp = numbers[0] == AKMA_SOFT_INS_GET_RESPONSE;
    if ((numbers[1] == 0 && numbers[0] == AKMA_SOFT_INS_STATUS) ||
        (find_file(self, command, (uint16_t)numbers[1], fcp, &response) && !fcp)) {
        apdu[0] = numbers[0] == AKMA_SOFT_INS_STATUS ? 0x80 : 0x00;
        for (unsigned i = 1; i < 4; i++)
            apdu[i] = (uint8_t)numbers[i == 1 ? 0 : i];
        apdu[4] = (uint8_t)numbers[4];
        akma_soft_at_exchange(self, true, true, apdu, 5 + len, &response);
    }
    OPENSSL_cleanse(apdu, sizeof apdu);

    g_snprintf(head, sizeof head, "+CRSM: %u,%u", response.sw >> 8, response.sw & 0xff);
    if (response.len == 0) {
        akma_soft_at_info(self, "%s", head);
    } else {
        g_strlcat(head, ",", sizeof head);
        akma_soft_at_info_hex(self, head, response.data, response.len, NULL);
    }

    return AT_OK;
}

/*= TS 27.007 8.64: +CUAD gives the content of EF_DIR */
int
akma_soft_at_cuad(AkmaSoftAt *self, const AtCommand *command)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);
    AkmaSoftFile *dir = akma_soft_file_get_child(akma_soft_uicc_get_root(card), AKMA_SOFT_FID_DIR);

    (void)command;
    if (dir->size > AKMA_SOFT_RESPONSE_MAX)
        return CME_MEMORY_FULL;
    akma_soft_at_info_hex(self, "+CUAD: ", dir->content, dir->size, NULL);

    return AT_OK;
}
