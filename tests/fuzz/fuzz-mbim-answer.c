/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first byte says which answer it is, the second its status; the rest is the buffer. */
#include <string.h>

#include "modem/mbim/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_card(unsigned which, const AkmaMbimAnswer *answer, AkmaMbimHabits *habits)
{
    AkmaResponse response = {.len = 0};
    AkmaMbimApplications list;
    unsigned channel;
    uint16_t sw;

    switch (which) {
    case 0:
        if (akma_mbim_take_aka(answer, &response, NULL))
            g_assert(response.len <= 1 + 3 * 17);
        break;
    case 1:
        if (akma_mbim_take_applications(answer, &list, NULL))
            g_assert(list.n <= AKMA_MBIM_APPLICATIONS_MAX);
        break;
    case 2:
        if (akma_mbim_take_channel(answer, habits, &channel, &sw, NULL))
            g_assert(channel <= AKMA_MBIM_CHANNEL_MAX && sw != 0);
        break;
    case 3:
        if (akma_mbim_take_apdu(answer, habits, &response, NULL))
            g_assert(response.len <= AKMA_RESPONSE_DATA_MAX && response.sw != 0);
        break;
    default:
        if (akma_mbim_take_file(answer, &response, NULL))
            g_assert(response.len <= AKMA_RESPONSE_DATA_MAX);
        break;
    }
}

static void
take_state(unsigned which, const AkmaMbimAnswer *answer)
{
    g_autofree char *model = g_strdup("");
    g_autofree char *firmware = g_strdup("");
    AkmaMbimServices services;
    AkmaCardState state = {.sim = AKMA_SIM_UNKNOWN};
    unsigned slot;

    switch (which) {
    case 0:
        akma_mbim_take_services(answer, &services, NULL);
        break;
    case 1:
        akma_mbim_take_model(answer, &model, &firmware);
        g_assert(g_utf8_validate(model, -1, NULL) && g_utf8_validate(firmware, -1, NULL));
        break;
    case 2:
        if (akma_mbim_take_slot(answer, &slot, NULL))
            g_assert(slot > 0);
        break;
    case 3:
        akma_mbim_take_ready(answer, &state, NULL);
        break;
    case 4:
        akma_mbim_take_pin(answer, &state, NULL);
        break;
    default:
        akma_mbim_take_registration(answer, &state, NULL);
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(AkmaMbimHabits) habits = akma_mbim_habits_get("", "fuzz", "");
    g_autofree uint8_t *info = NULL;
    AkmaMbimAnswer answer = {.len = 0};

    if (size < 2)
        return 0;
    info = g_memdup2(data + 2, size - 2); /* of its own, so that its end is seen */
    answer = (AkmaMbimAnswer){.status = data[1], .info = info, .len = size - 2};
    if (data[0] < 5)
        take_card(data[0], &answer, habits);
    else
        take_state(data[0] - 5u, &answer);

    return 0;
}
