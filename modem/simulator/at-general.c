/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* at-general: who the modem is, and how it answers. */
#include "modem/simulator/at-private.h"

int
akma_soft_at_cgmi(AkmaSoftAt *self, const AtCommand *command)
{
    (void)command;
    akma_soft_at_info(self, AKMA_SOFT_MANUFACTURER);

    return AT_OK;
}

int
akma_soft_at_cgmm(AkmaSoftAt *self, const AtCommand *command)
{
    (void)command;
    akma_soft_at_info(self, AKMA_SOFT_MODEL);

    return AT_OK;
}

int
akma_soft_at_cgmr(AkmaSoftAt *self, const AtCommand *command)
{
    (void)command;
    akma_soft_at_info(self, "%s", PACKAGE_VERSION);

    return AT_OK;
}

int
akma_soft_at_cgsn(AkmaSoftAt *self, const AtCommand *command)
{
    (void)command;
    akma_soft_at_info(self, AKMA_SOFT_IMEI);

    return AT_OK;
}

int
akma_soft_at_identify(AkmaSoftAt *self, const AtCommand *command)
{
    akma_soft_at_cgmi(self, command);
    akma_soft_at_cgmm(self, command);

    return akma_soft_at_cgmr(self, command);
}

int
akma_soft_at_cmee(AkmaSoftAt *self, const AtCommand *command)
{
    if (command->form == AT_READ)
        akma_soft_at_info(self, "+CMEE: %u", self->cmee);
    else if (command->n_args != 1 || !akma_soft_at_get_uint(command, 0, 2, &self->cmee))
        return CME_PARAMETERS;

    return AT_OK;
}
