/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * answer: what a modem's answers say, in the words of the card contract. Pure: status and
 * information buffer of an MBIM answer in, values out. Bytes of a modem are input: everything is
 * checked here, since libmbim allocates by the counts that it finds.
 *
 * A buffer that is not as the specification says is AKMA_ERROR_MODEM_FAILED.
 * Layouts: MBIM 1.0 (10.5, 10.11.1), and Microsoft's pages "MB low level UICC access" and "MB UICC
 * application and file system access".
 */
#pragma once

#include "modem/card.h"
#include "modem/mbim/habits.h"

G_BEGIN_DECLS

#define AKMA_MBIM_STATUS_DONE            0u
#define AKMA_MBIM_STATUS_BUSY            1u
#define AKMA_MBIM_STATUS_FAILURE         2u /* of whatever kind */
#define AKMA_MBIM_STATUS_PIN_DISABLED    6u
#define AKMA_MBIM_STATUS_WRONG_MAC       35u
#define AKMA_MBIM_STATUS_SYNC_FAILURE    36u
#define AKMA_MBIM_STATUS_NO_CHANNEL      0x87430001u
#define AKMA_MBIM_STATUS_SELECT_FAILED   0x87430002u
#define AKMA_MBIM_STATUS_INVALID_CHANNEL 0x87430003u

#define AKMA_MBIM_APPLICATIONS_MAX 8
#define AKMA_MBIM_CHANNEL_MAX      19

/* Borrowed, and wiped when the callback that got it returns. */
typedef struct {
    uint32_t status;
    const uint8_t *info;
    size_t len;
} AkmaMbimAnswer;

/* What the status of an answer means: AKMA_ERROR_NO_SIM and the like, else _MODEM_FAILED. */
GError *akma_mbim_status_error_new(const char *what, uint32_t status);

/*
 * The modem does not do it, or not in this way: another way may help. A status that tells of the
 * card or of the device is no refusal.
 */
bool akma_mbim_status_is_refusal(uint32_t status);

/* What a modem can do, by its list of services. */
typedef struct {
    bool has_channels;     /* open, close, APDU */
    bool has_applications; /* lists those of the card */
    bool has_files;        /* reads transparent ones */
    bool has_aka;
    bool has_slots; /* says which one is in use */
} AkmaMbimServices;

bool akma_mbim_take_services(const AkmaMbimAnswer *answer, AkmaMbimServices *ret, GError **error);

/*
 * Its model and firmware, as printable UTF-8; what it does not tell, or garbles, stays as it is.
 * The device's number, which stands there too, is left alone.
 */
void akma_mbim_take_model(const AkmaMbimAnswer *answer, char **model, char **firmware);

/* The slot (1..) in use. */
bool akma_mbim_take_slot(const AkmaMbimAnswer *answer, unsigned *ret, GError **error);

typedef struct {
    struct {
        uint8_t aid[AKMA_AID_MAX];
        size_t len;
    } rows[AKMA_MBIM_APPLICATIONS_MAX];
    size_t n;
} AkmaMbimApplications;

/* Those that have an AID; more than AKMA_MBIM_APPLICATIONS_MAX are left out. */
bool akma_mbim_take_applications(const AkmaMbimAnswer *answer,
                                 AkmaMbimApplications *ret,
                                 GError **error);

/* The first one whose AID begins with @aid; -1: none. */
int akma_mbim_applications_find(const AkmaMbimApplications *self,
                                const uint8_t *aid,
                                size_t aid_len);

/* Channel and status word of an opened channel; @ret_channel 0: none was opened. */
bool akma_mbim_take_channel(const AkmaMbimAnswer *answer,
                            AkmaMbimHabits *habits,
                            unsigned *ret_channel,
                            uint16_t *ret_sw,
                            GError **error);

/* The answer to an APDU, and to reading a file. */
bool akma_mbim_take_apdu(const AkmaMbimAnswer *answer,
                         AkmaMbimHabits *habits,
                         AkmaResponse *ret,
                         GError **error);
bool akma_mbim_take_file(const AkmaMbimAnswer *answer, AkmaResponse *ret, GError **error);

/*
 * The answer to AUTHENTICATE that the card gave, made again of what the modem made of it. The
 * status is one of done, sync failure (AUTS is in the answer all the same) and wrong MAC.
 */
bool akma_mbim_take_aka(const AkmaMbimAnswer *answer, AkmaResponse *ret, GError **error);

/* What the three questions about the state add to @ret. */
bool akma_mbim_take_ready(const AkmaMbimAnswer *answer, AkmaCardState *ret, GError **error);
bool akma_mbim_take_pin(const AkmaMbimAnswer *answer, AkmaCardState *ret, GError **error);
bool akma_mbim_take_registration(const AkmaMbimAnswer *answer, AkmaCardState *ret, GError **error);

G_END_DECLS
