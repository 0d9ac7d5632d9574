/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* store-op: the life of operations and of the rows in them, the same for every backend. */
#include "keyserver/store-private.h"

static void
rule_free(AkmaKsRule *self)
{
    g_free(self->pattern);
    g_free(self);
}

void
akma_ks_application_free(AkmaKsApplication *self)
{
    if (!self)
        return;

    g_free(self->id);
    g_free(self->alg);
    g_free(self->use);
    g_free(self->provider);
    g_free(self->upstream_id);
    g_clear_pointer(&self->rules, g_ptr_array_unref);
    g_free(self);
}

static void
terminal_free(AkmaKsTerminal *self)
{
    g_free(self->id);
    g_free(self->label);
    g_strfreev(self->groups);
    g_free(self);
}

static void
key_free(AkmaKsKey *self)
{
    g_free(self->application);
    g_free(self->terminal);
    g_free(self->kid);
    akma_key_free(self->key);
    g_free(self);
}

static void
key_count_free(AkmaKsKeyCount *self)
{
    g_free(self->application);
    g_free(self);
}

static void
upstream_free(AkmaKsUpstream *self)
{
    g_free(self->application);
    g_free(self->provider);
    g_free(self->upstream_id);
    g_free(self);
}

static GPtrArray *
new_rows(AkmaKsAction action)
{
    switch (action) {
    case AKMA_KS_APPLICATION_LIST:
        return g_ptr_array_new_with_free_func((GDestroyNotify)akma_ks_application_free);
    case AKMA_KS_TERMINAL_LIST:
        return g_ptr_array_new_with_free_func((GDestroyNotify)terminal_free);
    case AKMA_KS_KEY_LIST:
    case AKMA_KS_KEY_ROTATE:
    case AKMA_KS_KEY_REVOKE:
    case AKMA_KS_KEY_IMPORT:
    case AKMA_KS_KEY_EXPORT:
        return g_ptr_array_new_with_free_func((GDestroyNotify)key_free);
    case AKMA_KS_COUNT:
        return g_ptr_array_new_with_free_func((GDestroyNotify)key_count_free);
    case AKMA_KS_APPLICATION_ADD:
    case AKMA_KS_FOLLOW:
    case AKMA_KS_ENTITLED:
    case AKMA_KS_DELIVER:
    case AKMA_KS_VERSION_SEEN:
    case AKMA_KS_APPLICATION_REMOVE:
    case AKMA_KS_RULE:
    case AKMA_KS_TERMINAL_LABEL:
    case AKMA_KS_TERMINAL_GROUP:
    case AKMA_KS_TERMINAL_REVOKE:
    case AKMA_KS_TERMINAL_FORGET:
    case AKMA_KS_REKEY:
        return NULL;
    }

    g_return_val_if_reached(NULL);
}

AkmaKsApplication *
akma_ks_application_new(const char *id)
{
    AkmaKsApplication *self = g_new0(AkmaKsApplication, 1);

    self->id = g_strdup(id);
    self->rules = g_ptr_array_new_with_free_func((GDestroyNotify)rule_free);

    return self;
}

void
akma_ks_application_add_rule(AkmaKsApplication *self, const char *pattern, bool allow)
{
    AkmaKsRule *rule = g_new0(AkmaKsRule, 1);

    rule->pattern = g_strdup(pattern);
    rule->allow = allow;
    g_ptr_array_add(self->rules, rule);
}

const char *
akma_ks_application_get_source(const AkmaKsApplication *self)
{
    return self->provider ? "upstream" : self->shared ? "shared" : "local";
}

AkmaKsOp *
akma_ks_op_new(AkmaKsAction action)
{
    AkmaKsOp *self = g_new0(AkmaKsOp, 1);

    self->action = action;
    self->now = g_get_real_time() / G_USEC_PER_SEC;
    self->rows = new_rows(action);
    if (action == AKMA_KS_DELIVER || action == AKMA_KS_ENTITLED)
        self->upstream = g_ptr_array_new_with_free_func((GDestroyNotify)upstream_free);

    return self;
}

void
akma_ks_op_free(AkmaKsOp *self)
{
    if (!self)
        return;

    g_free(self->application);
    g_free(self->terminal);
    g_free(self->kid);
    g_free(self->text);
    g_strfreev(self->ids);
    g_strfreev(self->hints);
    g_strfreev(self->granted);
    g_clear_pointer(&self->secret, akma_secret_unref);
    akma_ks_application_free(self->settings);
    g_free(self->after.terminal);
    g_free(self->after.application);
    akma_key_set_free(self->set);
    g_clear_pointer(&self->upstream, g_ptr_array_unref);
    g_clear_pointer(&self->rows, g_ptr_array_unref);
    g_free(self);
}

void
akma_ks_mark_init(AkmaKsMark *self, const AkmaKsOp *op)
{
    self->n_rows = op->rows ? op->rows->len : 0;
    self->after = op->after;
    self->after.terminal = g_strdup(op->after.terminal);
    self->after.application = g_strdup(op->after.application);
}

void
akma_ks_mark_clear(AkmaKsMark *self)
{
    g_clear_pointer(&self->after.terminal, g_free);
    g_clear_pointer(&self->after.application, g_free);
}

void
akma_ks_op_rewind(AkmaKsOp *self, const AkmaKsMark *mark)
{
    AkmaKsMark now = {.after = self->after};

    if (self->rows)
        g_ptr_array_set_size(self->rows, (int)mark->n_rows);
    self->after = mark->after;
    self->after.terminal = g_strdup(mark->after.terminal);
    self->after.application = g_strdup(mark->after.application);
    akma_ks_mark_clear(&now);
    g_clear_pointer(&self->set, akma_key_set_free);
}
