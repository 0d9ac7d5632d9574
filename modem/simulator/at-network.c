/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-network: radio and registration: +CFUN, +COPS, +CREG, +CEREG, +C5GREG. */
#include <string.h>

#include "modem/simulator/at-private.h"

#define CELL      "\"000001\",\"000000001\"" /* tracking area and cell */
#define NR_TO_5GC 11                         /* <AcT> of TS 27.007 */

static const char *const names[AT_REGISTRATIONS] = {"+CREG", "+CEREG", "+C5GREG"};

int
akma_soft_at_cfun(AkmaSoftAt *self, const AtCommand *command)
{
    unsigned fun;
    unsigned reset = 0;

    if (command->form == AT_READ) {
        akma_soft_at_info(self, "+CFUN: %d", akma_soft_modem_is_radio_on(self->modem) ? 1 : 4);
        return AT_OK;
    }
    if (!akma_soft_at_get_uint(command, 0, 4, &fun) || fun == 2 || fun == 3 ||
        (command->n_args > 1 && !akma_soft_at_get_uint(command, 1, 0, &reset)))
        return CME_PARAMETERS;
    akma_soft_modem_set_radio(self->modem, fun == 1);

    return AT_OK;
}

static bool
is_registered(AkmaSoftRegistrationState state)
{
    return state == AKMA_SOFT_REGISTRATION_HOME || state == AKMA_SOFT_REGISTRATION_ROAMING;
}

int
akma_soft_at_cops(AkmaSoftAt *self, const AtCommand *command)
{
    AkmaSoftUicc *card = akma_soft_modem_get_card(self->modem);

    (void)command;
    if (card && is_registered(akma_soft_modem_get_registration(self->modem)))
        akma_soft_at_info(
            self, "+COPS: 0,2,\"%s\",%d", akma_soft_uicc_get_profile(card)->plmn, NR_TO_5GC);
    else
        akma_soft_at_info(self, "+COPS: 0");

    return AT_OK;
}

static AtRegistration
which(const char *name)
{
    if (strcmp(name, names[AT_CREG]) == 0)
        return AT_CREG;

    return strcmp(name, names[AT_CEREG]) == 0 ? AT_CEREG : AT_C5GREG;
}

/*= TS 27.007 10.1.47: +C5GREG tells of 5GS; +CREG and +CEREG know nothing of it */
static AkmaSoftRegistrationState
state_of(AkmaSoftAt *self, AtRegistration registration)
{
    return registration == AT_C5GREG ? akma_soft_modem_get_registration(self->modem)
                                     : AKMA_SOFT_REGISTRATION_IDLE;
}

int
akma_soft_at_creg(AkmaSoftAt *self, const AtCommand *command)
{
    AtRegistration registration = which(command->name);
    AkmaSoftRegistrationState state = state_of(self, registration);
    unsigned *report = &self->report[registration];

    if (command->form == AT_SET)
        return command->n_args == 1 && akma_soft_at_get_uint(command, 0, 2, report)
                   ? AT_OK
                   : CME_PARAMETERS;

    if (*report == 2 && is_registered(state))
        akma_soft_at_info(self, "%s: 2,%d," CELL ",%d", command->name, (int)state, NR_TO_5GC);
    else
        akma_soft_at_info(self, "%s: %u,%d", command->name, *report, (int)state);

    return AT_OK;
}

void
akma_soft_at_report_registration(AkmaSoftAt *self)
{
    AkmaSoftRegistrationState state = akma_soft_modem_get_registration(self->modem);
    const char *space = self->dialect->no_space ? "" : " ";
    char line[80];

    if (self->report[AT_C5GREG] == 0)
        return;
    if (self->report[AT_C5GREG] == 2 && is_registered(state))
        g_snprintf(line,
                   sizeof line,
                   "\r\n%s:%s%d," CELL ",%d\r\n",
                   names[AT_C5GREG],
                   space,
                   (int)state,
                   NR_TO_5GC);
    else
        g_snprintf(line, sizeof line, "\r\n%s:%s%d\r\n", names[AT_C5GREG], space, (int)state);
    self->peer.output(line, strlen(line), self->user_data);
}
