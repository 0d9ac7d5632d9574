/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nef: the same keys for an AF outside the operator's network, which never learns a SUPI. */
#include "lab/roles.h"

#define GPSI_SCOPE "nnef-akma:gpsi-access"

/*= TS 29.522 5.17: retrieve is Naanf_AKMA's operation, with a GPSI at most */
/* With tokens, the GPSI is for those alone whose token says so. */
void
akma_lab_nef_retrieve(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer)
{
    bool with_gpsi = !lab->options.oauth || akma_lab_oauth_has(lab, call->request, GPSI_SCOPE);

    akma_lab_retrieve(lab, call->body, false, with_gpsi, answer);
}
