/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* dialect: how a face differs from the book, as awkward real modems do. */
#pragma once

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef struct {
    const char *name;
    /* AT: */
    bool no_test;          /* refuses "=?" */
    unsigned session_base; /* session id = channel + this */
    bool no_space;         /* "+CGLA:4,..." */
    bool inline_data;      /* fetches what 61xx and 6Cxx announce by itself */
    bool no_cchc;
    unsigned busy;  /* commands for the card refused as busy after power on */
    bool csim_only; /* no +CCHO, +CGLA, +CCHC, +CRSM, +CUAD */
    /* MBIM: */
    bool mbim_p2_0c;          /* opens a channel with P2 0C only */
    bool mbim_class_inter;    /* knows inter-industry class bytes only, and keeps the host's kind */
    bool mbim_class_extended; /* the same with extended ones */
    bool mbim_no_le;          /* refuses a length behind the data of a command */
    bool mbim_61xx;           /* leaves GET RESPONSE to the host */
    bool mbim_sw_be;          /* status words as numbers */
    bool mbim_no_auth;        /* no Auth service */
    bool mbim_no_uicc_files;  /* no application list, file status, read binary, read record */
    bool mbim_qmi;            /* carries QMI too */
    /* QMI: */
    bool qmi_no_channel; /* no Open Logical Channel, Logical Channel, Send APDU */
    bool qmi_no_open;    /* Logical Channel opens too, for want of Open Logical Channel */
    bool qmi_denied;     /* refuses to open a channel */
    bool qmi_no_dms_uim; /* the card is in UIM only */
} AkmaSoftDialect;

/* NULL: there is none of that name. Borrowed for ever. */
const AkmaSoftDialect *akma_soft_dialect_find(const char *name);
/* "plain no-test ..."; free with g_free(). */
char *akma_soft_dialect_dup_names(void);

G_END_DECLS
