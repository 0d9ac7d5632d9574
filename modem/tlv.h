/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tlv: the BER-TLV objects of the card (ETSI TS 102 221, TS 101 220): one-byte tags, lengths of
 * one to three bytes. Pure; borrows from the buffer it reads.
 */
#pragma once

#include "base/bytes.h"
#include "modem/card.h"

G_BEGIN_DECLS

/*
 * The next object of @reader. False at its end, at padding (FF or 00 as tag), and when it is
 * broken: then the reader is bad.
 */
bool akma_tlv_next(AkmaReader *reader, uint8_t *ret_tag, AkmaReader *ret_value);

/* The first object with @tag among those of @reader (not deeper). */
bool akma_tlv_find(AkmaReader reader, uint8_t tag, AkmaReader *ret_value);

/* What SELECT tells of a file (TS 102 221 11.1.1.3); 0 where it says nothing. */
typedef struct {
    uint16_t id;
    uint32_t size;      /* bytes of a transparent file */
    uint8_t record_len; /* of a linear file */
    uint8_t n_records;
    bool is_folder; /* DF or ADF */
    bool is_deactivated;
    uint8_t aid[AKMA_AID_MAX];
    size_t aid_len;
} AkmaFcp;

/* Errors: AKMA_ERROR_MODEM_FAILED. */
bool akma_fcp_parse(const uint8_t *bytes, size_t len, AkmaFcp *ret, GError **error);

/*
 * One record of EF.DIR (TS 102 221 13.1): the AID of an application. False: an empty record or
 * one that names none.
 */
bool akma_dir_parse_record(const uint8_t *bytes,
                           size_t len,
                           uint8_t ret_aid[static AKMA_AID_MAX],
                           size_t *ret_aid_len);

G_END_DECLS
