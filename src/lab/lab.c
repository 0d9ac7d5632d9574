/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lab/lab.h"

#include "lab/roles.h"

char *
akma_lab_dup_time(int64_t unix_s)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(unix_s);

    return g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");
}

bool
akma_lab_check_af(const AkmaLab *lab,
                  const AkmaAfId *af_id,
                  const char *member,
                  AkmaLabAnswer *answer)
{
    g_autofree char *detail = NULL;

    if (akma_subscribers_allow_af(lab->subscribers, af_id))
        return true;
    detail = g_strconcat(member, ": not in an [af] group", NULL);
    akma_lab_problem(answer, 403, "AF_NOT_ALLOWED", detail);

    return false;
}

AkmaLab *
akma_lab_new(const AkmaLabOptions *options, GError **error)
{
    g_autoptr(AkmaLab) self = g_new0(AkmaLab, 1);

    self->options = *options;
    self->subscribers = akma_subscribers_load(options->subscribers, error);
    self->anchor_keys = akma_anchor_keys_new();
    self->authentications = akma_lab_authentications_new();
    self->bootstraps = akma_bootstraps_new();
    self->challenges = akma_lab_challenges_new();
    self->tokens = akma_lab_tokens_new();
    if (!self->subscribers || !akma_lab_state_load(self, error))
        return NULL;

    return g_steal_pointer(&self);
}

void
akma_lab_free(AkmaLab *self)
{
    if (!self)
        return;

    akma_lab_tokens_free(self->tokens);
    akma_lab_challenges_free(self->challenges);
    akma_bootstraps_free(self->bootstraps);
    akma_lab_authentications_free(self->authentications);
    akma_anchor_keys_free(self->anchor_keys);
    akma_subscribers_free(self->subscribers);
    g_free(self);
}

static bool
may_use_akma(const char *supi, void *user_data)
{
    const AkmaSubscriber *subscriber = akma_subscribers_find(user_data, supi);

    return subscriber && subscriber->akma;
}

static bool
may_use_gba(const char *supi, void *user_data)
{
    const AkmaSubscriber *subscriber = akma_subscribers_find(user_data, supi);

    return subscriber && subscriber->gba != AKMA_GBA_NONE;
}

bool
akma_lab_reload(AkmaLab *self, GError **error)
{
    AkmaSubscribers *subscribers = akma_subscribers_load(self->options.subscribers, error);

    if (!subscribers)
        return false;

    akma_subscribers_take_sqn(subscribers, self->subscribers);
    akma_subscribers_free(self->subscribers);
    self->subscribers = subscribers;
    akma_anchor_keys_prune(self->anchor_keys, may_use_akma, subscribers);
    akma_bootstraps_prune(self->bootstraps, may_use_gba, subscribers);

    return true;
}
