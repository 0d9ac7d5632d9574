/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/delivery.h"

#include <string.h>

#include "base/error.h"
#include "keyserver/providers.h"
#include "keyserver/upstream-answer.h"

/* One question to one provider. */
typedef struct {
    AkmaDelivery *delivery;
    const char *provider;   /* of the operation */
    AkmaProviderCall *call; /* NULL: over */
} Question;

struct _AkmaDelivery {
    unsigned refs; /* until it is over, and one a store operation under way */
    AkmaFront *front;
    AkmaPseudonyms *pseudonyms;
    unsigned time_ms;
    AkmaKsOp *op;         /* once the store has answered */
    GPtrArray *questions; /* Question */
    unsigned waiting;     /* for providers, or for the store to note versions */
    uv_timer_t *timer;
    AkmaDeliveryDone done; /* NULL: over */
    void *user_data;
};

static void
delivery_unref(AkmaDelivery *self)
{
    if (--self->refs > 0)
        return;

    g_free(self);
}

static void
question_free(void *data)
{
    Question *self = data;

    if (self->call)
        akma_provider_call_cancel(self->call);
    g_free(self);
}

static void
stop_timer(AkmaDelivery *self)
{
    if (self->timer)
        uv_close((uv_handle_t *)g_steal_pointer(&self->timer), (uv_close_cb)g_free);
}

/* No call and no key is left after this. */
static void
end(AkmaDelivery *self)
{
    self->done = NULL;
    stop_timer(self);
    g_clear_pointer(&self->questions, g_ptr_array_unref);
    g_clear_pointer(&self->op, akma_ks_op_free);
    g_clear_pointer(&self->pseudonyms, akma_pseudonyms_unref);
    delivery_unref(self);
}

static void
finish(AkmaDelivery *self, const GError *error)
{
    AkmaDeliveryDone done = self->done;

    /* what a provider wants sooner stays */
    if (!error)
        akma_key_set_ask_again(self->op->set, self->front->ask_again_s);
    /* whoever is told must not cancel what is over */
    self->done = NULL;
    done(error ? NULL : self->op->set, error, self->user_data);
    end(self);
}

/* --- versions that nobody had before --- */

static void
on_noted(AkmaKsOp *op, const GError *error, void *user_data)
{
    AkmaDelivery *self = user_data;

    akma_ks_op_free(op);
    if (self->done && error)
        finish(self, error);
    else if (self->done && --self->waiting == 0)
        finish(self, NULL);
    delivery_unref(self);
}

static bool
note_version(AkmaDelivery *self, const char *application, int64_t version)
{
    AkmaKsOp *op = akma_ks_op_new(AKMA_KS_VERSION_SEEN);

    op->application = g_strdup(application);
    op->version = version;
    self->refs++;
    if (akma_front_submit(self->front, op, on_noted, self)) {
        self->waiting++;
        return true;
    }
    delivery_unref(self);

    return false;
}

static int64_t
get_version(const AkmaKeySet *set, const char *application)
{
    for (guint i = 0; i < set->keys->len; i++) {
        const AkmaKey *key = set->keys->pdata[i];

        if (strcmp(key->key_id, application) == 0)
            return g_ascii_strtoll(strrchr(key->kid, ':') + 1, NULL, 10);
    }

    return 0;
}

/* All providers have answered. A kid must name one key for ever, whoever makes it later. */
static void
note_versions(AkmaDelivery *self)
{
    g_autoptr(GError) error = NULL;

    stop_timer(self);
    for (guint i = 0; i < self->op->upstream->len && !error; i++) {
        const AkmaKsUpstream *upstream = self->op->upstream->pdata[i];
        int64_t version = get_version(self->op->set, upstream->application);

        if (version > upstream->seen && !note_version(self, upstream->application, version))
            g_set_error_literal(
                &error, AKMA_ERROR, AKMA_ERROR_STORE_FAILED, "the store is too busy");
    }
    if (error || self->waiting == 0)
        finish(self, error);
}

/* --- providers --- */

static void
answer(AkmaDelivery *self, const char *provider, const AkmaKeySet *set, AkmaCause cause)
{
    for (guint i = 0; i < self->op->upstream->len; i++) {
        const AkmaKsUpstream *upstream = self->op->upstream->pdata[i];

        if (strcmp(upstream->provider, provider) != 0)
            continue;
        if (set)
            akma_upstream_add(self->op->set, upstream, set);
        else
            akma_key_set_add_error(self->op->set, upstream->application, cause);
    }
}

static void
on_provider(const AkmaKeySet *set, AkmaCause cause, void *user_data)
{
    Question *question = user_data;
    AkmaDelivery *self = question->delivery;

    question->call = NULL;
    answer(self, question->provider, set, cause);
    if (--self->waiting == 0)
        note_versions(self);
}

static void
on_time(uv_timer_t *timer)
{
    AkmaDelivery *self = timer->data;

    for (guint i = 0; i < self->questions->len; i++) {
        Question *question = self->questions->pdata[i];

        if (!question->call)
            continue;
        akma_provider_call_cancel(g_steal_pointer(&question->call));
        answer(self, question->provider, NULL, AKMA_CAUSE_UPSTREAM_UNAVAILABLE);
    }
    self->waiting = 0;
    note_versions(self);
}

/* The identifiers at @provider, each once: two applications may share one. */
static GStrv
collect_ids(const AkmaKsOp *op, const char *provider)
{
    GPtrArray *ids = g_ptr_array_new();

    for (guint i = 0; i < op->upstream->len; i++) {
        const AkmaKsUpstream *upstream = op->upstream->pdata[i];

        if (strcmp(upstream->provider, provider) == 0 &&
            !g_ptr_array_find_with_equal_func(ids, upstream->upstream_id, g_str_equal, NULL))
            g_ptr_array_add(ids, g_strdup(upstream->upstream_id));
    }
    g_ptr_array_add(ids, NULL);

    return (GStrv)g_ptr_array_free(ids, FALSE);
}

static bool
was_asked(const AkmaDelivery *self, const char *provider)
{
    for (guint i = 0; i < self->questions->len; i++) {
        if (strcmp(((const Question *)self->questions->pdata[i])->provider, provider) == 0)
            return true;
    }

    return false;
}

static void
ask(AkmaDelivery *self, const char *provider)
{
    const char *pseudonym = akma_pseudonyms_get(self->pseudonyms, provider);
    g_auto(GStrv) ids = collect_ids(self->op, provider);
    Question *question = g_new0(Question, 1);

    question->delivery = self;
    question->provider = provider;
    g_ptr_array_add(self->questions, question);
    if (pseudonym)
        question->call = akma_providers_ask(self->front->providers,
                                            provider,
                                            pseudonym,
                                            (const char *const *)ids,
                                            on_provider,
                                            question);
    else
        g_warning("provider %s is not in the configuration", provider);
    if (question->call)
        self->waiting++;
    else
        answer(self, provider, NULL, AKMA_CAUSE_UPSTREAM_UNAVAILABLE);
}

/* M10: after the fourth request has opened, the third server asks for the fourth key. */
static void
ask_providers(AkmaDelivery *self)
{
    for (guint i = 0; i < self->op->upstream->len; i++) {
        const AkmaKsUpstream *upstream = self->op->upstream->pdata[i];

        if (!was_asked(self, upstream->provider))
            ask(self, upstream->provider);
    }
    if (self->waiting == 0) {
        note_versions(self);
        return;
    }

    self->timer = g_new0(uv_timer_t, 1);
    self->timer->data = self;
    uv_timer_init(self->front->loop, self->timer);
    uv_timer_start(self->timer, on_time, self->time_ms, 0);
}

/* --- begin and end --- */

static void
on_store(AkmaKsOp *op, const GError *error, void *user_data)
{
    AkmaDelivery *self = user_data;

    self->op = op;
    if (!self->done)
        g_clear_pointer(&self->op, akma_ks_op_free);
    else if (error)
        finish(self, error);
    else if (op->upstream->len == 0)
        finish(self, NULL);
    else
        ask_providers(self);
    delivery_unref(self);
}

AkmaDelivery *
akma_delivery_begin(AkmaFront *front,
                    const AkmaDeliveryRequest *request,
                    AkmaDeliveryDone done,
                    void *user_data)
{
    AkmaDelivery *self = g_new0(AkmaDelivery, 1);
    AkmaKsOp *op = akma_ks_op_new(AKMA_KS_DELIVER);

    self->refs = 2;
    self->front = front;
    self->pseudonyms = request->pseudonyms ? akma_pseudonyms_ref(request->pseudonyms) : NULL;
    self->time_ms = request->time_ms;
    self->questions = g_ptr_array_new_with_free_func(question_free);
    self->done = done;
    self->user_data = user_data;

    op->terminal = g_strdup(request->terminal);
    op->ids = g_strdupv((GStrv)request->key_ids);
    if (akma_front_submit(front, op, on_store, self))
        return self;

    delivery_unref(self);
    end(self);

    return NULL;
}

void
akma_delivery_cancel(AkmaDelivery *self)
{
    end(self);
}
