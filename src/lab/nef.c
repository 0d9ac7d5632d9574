/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nef: the same keys for an AF outside the operator's network, which never learns a SUPI. */
#include "lab/roles.h"

/*= TS 29.522 5.17: retrieve is Naanf_AKMA's operation, with a GPSI at most */
void
akma_lab_nef_retrieve(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    akma_lab_retrieve(lab, call->body, false, answer);
}
