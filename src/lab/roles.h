/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* roles: the handlers behind the paths of router.c, each for one operation of one role. */
#pragma once

#include "lab/lab.h"

G_BEGIN_DECLS

/* AUSF: TS 29.509 Nausf_UEAuthentication */
AkmaLabAuthentications *akma_lab_authentications_new(void);
void akma_lab_authentications_free(AkmaLabAuthentications *self);
void akma_lab_ausf_begin(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);
void akma_lab_ausf_confirm(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);

/* AAnF: TS 29.535 Naanf_AKMA */
void akma_lab_aanf_register(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);
void akma_lab_aanf_retrieve(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);
void akma_lab_aanf_remove(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);

/* NEF: TS 29.522 AKMA */
void akma_lab_nef_retrieve(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);

/* BSF: TS 29.309 Nbsp_GBA; for Ub see akma_lab_handle_ub() */
AkmaLabChallenges *akma_lab_challenges_new(void);
void akma_lab_challenges_free(AkmaLabChallenges *self);
void akma_lab_nbsp_retrieve(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);

/* The authorization server: TS 29.510 Nnrf_AccessToken, RFC 6749 */
AkmaLabTokens *akma_lab_tokens_new(void);
void akma_lab_tokens_free(AkmaLabTokens *self);
void akma_lab_oauth_token(AkmaLab *lab, const AkmaLabCall *call, AkmaLabAnswer *answer);
/* Is its bearer token, which was checked, also for @scope? */
bool akma_lab_oauth_has(AkmaLab *lab, const AkmaH2Request *request, const char *scope);
/* True: the bearer token of @request is ours, valid, and for @scope (NULL: any). */
bool akma_lab_oauth_check(AkmaLab *lab,
                          const AkmaH2Request *request,
                          const char *scope,
                          AkmaLabAnswer *answer);

/* A time as TS 29.571 DateTime and xs:dateTime have it, in UTC. g_free(). */
char *akma_lab_dup_time(int64_t unix_s);
/* Is @af_id in an [af] group? False: @answer has a problem with @member of the request. */
bool akma_lab_check_af(const AkmaLab *lab,
                       const AkmaAfId *af_id,
                       const char *member,
                       AkmaLabAnswer *answer);

/* One application key, with as much of whom it is for. 204 if there is no material for the A-KID.
 */
void akma_lab_retrieve(
    AkmaLab *lab, const json_t *body, bool with_supi, bool with_gpsi, AkmaLabAnswer *answer);

G_END_DECLS
