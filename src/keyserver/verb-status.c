/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* verb-status: what is in the store, and whether somebody serves it. */
#include "keyserver/verb.h"

#include <stdio.h>

#include "keyserver/admin-client.h"
#include "keyserver/place.h"
#include "keyserver/presence.h"
#include "keyserver/schema.h"

/* Started by systemd, the server has a listener that no configuration names. */
static json_t *
ask_health(const AkmaServerConfig *config, bool runs)
{
    const char *address = config->admin_listen;

    if (!address && runs)
        address = AKMA_ADMIN_SOCKET;

    return address ? akma_admin_ask_health(address) : NULL;
}

/* What the admin listener says, for a person. */
static void
print_admin(const AkmaServerConfig *config, const json_t *admin)
{
    const json_t *workers = json_object_get(admin, "workers");
    const char *store = json_string_value(json_object_get(admin, "store"));

    if (!admin && config->admin_listen)
        printf("admin         %s does not answer\n", config->admin_listen);
    if (!admin)
        return;

    printf("health        %s: %d of %d workers serve, store %s\n",
           json_is_true(json_object_get(admin, "healthy")) ? "well" : "unwell",
           (int)json_integer_value(json_object_get(workers, "serving")),
           (int)json_integer_value(json_object_get(workers, "configured")),
           g_strcmp0(store, "failed") == 0 ? "does not answer" : "answers");
    printf("open          %d sessions, %d connections\n",
           (int)json_integer_value(json_object_get(admin, "sessions")),
           (int)json_integer_value(json_object_get(admin, "connections")));
}

static void
print(const AkmaServerConfig *config,
      const AkmaKsOp *op,
      AkmaIdentityKind kind,
      int64_t pid,
      const json_t *admin)
{
    const AkmaKsCounts *counts = &op->counts;
    g_autofree char *where = akma_place_describe(config);

    printf("server        %s on %s, %u workers\n", config->name, config->listen, config->workers);
    if (pid > 0)
        printf("running       yes, pid %" G_GINT64_FORMAT "\n", pid);
    else
        printf("running       no\n");
    print_admin(config, admin);
    printf("store         %s, version %d, identity %s\n",
           where,
           AKMA_SCHEMA_VERSION,
           kind == AKMA_IDENTITY_SUPI ? "supi" : "gpsi");
    printf("applications  %" G_GINT64_FORMAT "\n", counts->applications);
    printf("terminals     %" G_GINT64_FORMAT ", %" G_GINT64_FORMAT " of them revoked\n",
           counts->terminals,
           counts->revoked_terminals);
    printf("keys          %" G_GINT64_FORMAT " current, %" G_GINT64_FORMAT
           " previous, %" G_GINT64_FORMAT " revoked\n",
           counts->keys[AKMA_KEY_CURRENT],
           counts->keys[AKMA_KEY_PREVIOUS],
           counts->keys[AKMA_KEY_REVOKED]);
    for (guint i = 0; i < config->anchors->len; i++) {
        const AkmaAnchorConfig *anchor = config->anchors->pdata[i];

        printf("%-12s  %s: operator %s at %s\n",
               i == 0 ? "anchors" : "",
               anchor->name,
               anchor->operator,
               anchor->url);
    }
}

static json_t *
anchors_to_json(const AkmaServerConfig *config)
{
    json_t *anchors = json_array();

    for (guint i = 0; i < config->anchors->len; i++) {
        const AkmaAnchorConfig *anchor = config->anchors->pdata[i];

        json_array_append_new(anchors,
                              json_pack("{s:s,s:s,s:s,s:s}",
                                        "name",
                                        anchor->name,
                                        "type",
                                        anchor->gba ? "gba" : "akma",
                                        "operator",
                                        anchor->operator,
                                        "url",
                                        anchor->url));
    }

    return anchors;
}

/* Takes @admin. */
static void
print_json(const AkmaServerConfig *config,
           const AkmaKsOp *op,
           AkmaIdentityKind kind,
           int64_t pid,
           json_t *admin)
{
    const AkmaKsCounts *counts = &op->counts;

    akma_verb_print_json(json_pack(
        "{s:s,s:s,s:b,s:o,s:I,s:{s:s,s:s,s:i,s:s},s:I,s:{s:I,s:I},s:{s:I,s:I,s:I},s:o,s:o}",
        "name",
        config->name,
        "listen",
        config->listen,
        "running",
        pid > 0,
        "pid",
        akma_json_time(pid),
        "workers",
        (json_int_t)config->workers,
        "store",
        "backend",
        config->postgresql ? "postgresql" : "sqlite",
        config->postgresql ? "conninfo" : "path",
        config->postgresql ? config->conninfo : config->store_path,
        "version",
        AKMA_SCHEMA_VERSION,
        "identity",
        kind == AKMA_IDENTITY_SUPI ? "supi" : "gpsi",
        "applications",
        (json_int_t)counts->applications,
        "terminals",
        "total",
        (json_int_t)counts->terminals,
        "revoked",
        (json_int_t)counts->revoked_terminals,
        "keys",
        "current",
        (json_int_t)counts->keys[AKMA_KEY_CURRENT],
        "previous",
        (json_int_t)counts->keys[AKMA_KEY_PREVIOUS],
        "revoked",
        (json_int_t)counts->keys[AKMA_KEY_REVOKED],
        "anchors",
        anchors_to_json(config),
        "admin",
        admin ? admin : json_null()));
}

int
akma_verb_status(AkmaVerb *verb, int argc, char **argv)
{
    g_autoptr(AkmaKsOp) op = akma_ks_op_new(AKMA_KS_COUNT);
    g_autoptr(GError) error = NULL;
    AkmaIdentityKind kind;
    json_t *admin;
    int64_t pid;

    if (!akma_verb_parse(verb,
                         &argc,
                         &argv,
                         NULL,
                         "status",
                         "Show what is in the store, and whether a server on this machine serves "
                         "it.",
                         0,
                         0,
                         &error) ||
        !akma_verb_open(verb, &error) || !akma_ks_run(verb->store, op, &error))
        return akma_verb_fail(verb, error);

    kind = akma_ks_get_identity_kind(verb->store);
    pid = akma_presence_get_pid(verb->config->store_path);
    admin = ask_health(verb->config, pid > 0);
    if (verb->json) {
        print_json(verb->config, op, kind, pid, admin);
    } else {
        print(verb->config, op, kind, pid, admin);
        json_decref(admin);
    }

    return 0;
}
