/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "agent/agent.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/clock-watch.h"
#include "agent/credentials.h"
#include "agent/keys.h"
#include "agent/modems.h"
#include "agent/network.h"
#include "agent/probe.h"
#include "agent/sealing.h"
#include "agent/server.h"
#include "agent/timer.h"
#include "base/error.h"

struct _AkmaAgent {
    AkmaConfig *config;
    AkmaStore *store;
    AkmaService *service;
    AkmaModems *modems;
    AkmaServerContext server_context;
    AkmaGbaCache *cache;
    AkmaCards *cards;
    AkmaCredentials *credentials; /* NULL: no socket for them */
    AkmaNetwork *network;         /* NULL: it tells nothing here */
    AkmaClockWatch *clock_watch;
    AkmaTimer *cache_end; /* when the next bootstrapping in it ends */
    GPtrArray *servers;   /* AkmaServer, owned */
    bool started;         /* a modem was opened or could not be */
};

static AkmaServer *
find_server(AkmaAgent *self, const char *name)
{
    for (guint i = 0; i < self->servers->len; i++) {
        AkmaServer *server = self->servers->pdata[i];

        if (g_str_equal(akma_server_get_name(server), name))
            return server;
    }

    return NULL;
}

static AkmaApplication *
find_application(AkmaAgent *self, const char *name, AkmaServer **ret_server)
{
    for (guint i = 0; i < self->servers->len; i++) {
        AkmaApplication *application = akma_server_find(self->servers->pdata[i], name);

        if (application) {
            *ret_server = self->servers->pdata[i];
            return application;
        }
    }

    return NULL;
}

/* One word for a person: what runs, else what is missing first. */
static const char *
state_name(AkmaAgent *self)
{
    const char *modems = akma_modems_get_state(self->modems);
    bool degraded = false;

    for (guint i = 0; i < self->servers->len; i++) {
        if (akma_server_is_running(self->servers->pdata[i]))
            return "enrolling";
        degraded = degraded || !akma_server_has_all_keys(self->servers->pdata[i]) ||
                   akma_server_is_degraded(self->servers->pdata[i]);
    }
    if (!self->started && akma_modems_is_busy(self->modems, NULL))
        return "starting";
    if (!g_str_equal(modems, "ready"))
        return modems;

    return degraded ? "degraded" : "ready";
}

static void
publish(gpointer user_data)
{
    AkmaAgent *self = user_data;
    const GError *error = NULL;

    for (guint i = 0; i < self->servers->len && !error; i++)
        error = akma_server_get_error(self->servers->pdata[i]);
    if (!error)
        error = akma_modems_get_error(self->modems);

    akma_service_set_state(self->service, state_name(self));
    akma_service_set_last_error(self->service, error);
    if (self->credentials)
        akma_credentials_retry(self->credentials);
}

/* Ks is wiped at the end of its lifetime, whether or not anybody asks. */
static void
wipe_ended(gpointer user_data)
{
    AkmaAgent *self = user_data;
    int64_t next_ms = akma_gba_cache_expire(self->cache, akma_boottime_ms());

    if (next_ms > 0)
        akma_timer_set(self->cache_end, next_ms);
    else
        akma_timer_stop(self->cache_end);
}

static bool
has_card(const char *sim_id, gpointer modems)
{
    return akma_modems_has_card(modems, sim_id);
}

static void
modems_event(AkmaModemsEvent event, AkmaModem *modem, gpointer user_data)
{
    AkmaAgent *self = user_data;

    /* what was made with a card that is out goes with it */
    akma_gba_cache_keep(self->cache, has_card, self->modems);
    for (guint i = 0; i < self->servers->len; i++) {
        AkmaServer *server = self->servers->pdata[i];

        if (modem && !akma_server_may_use(server, akma_modems_get_name(self->modems, modem)))
            continue;
        switch (event) {
        case AKMA_MODEMS_APPEARED:
            akma_server_card_appeared(server);
            break;
        case AKMA_MODEMS_CARD_REPLACED:
            if (akma_config_wipes_on_sim_change(self->config))
                akma_server_wipe_keys(server);
            break;
        case AKMA_MODEMS_CARD_CHANGED:
            akma_server_card_changed(server, modem);
            break;
        case AKMA_MODEMS_CHANGED:
            akma_server_kick(server);
            break;
        }
    }
    self->started = self->started || !akma_modems_is_busy(self->modems, NULL);
    publish(self);
}

static const AkmaStoredKey *
peek_key(gpointer agent, const char *application, const char *kid, GError **error)
{
    AkmaServer *server;
    AkmaApplication *found = find_application(agent, application, &server);

    if (!found) {
        g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no such application");
        return NULL;
    }

    return akma_application_peek_key(found, kid, error);
}

static void
enroll(gpointer agent, const char *application, AkmaEnrolledFunc done, gpointer user_data)
{
    AkmaServer *server;
    AkmaApplication *found = find_application(agent, application, &server);
    g_autoptr(GError) error = NULL;

    if (!found) {
        error = g_error_new_literal(AKMA_ERROR, AKMA_ERROR_KEY_UNKNOWN, "no such application");
        done(error, user_data);
        return;
    }
    akma_server_enroll(server, found, done, user_data);
}

static void
scan(gpointer agent)
{
    AkmaAgent *self = agent;

    akma_modems_scan(self->modems);
}

static void
probe(gpointer agent, unsigned number, AkmaProbedFunc done, gpointer user_data)
{
    AkmaAgent *self = agent;
    g_autoptr(GError) error = NULL;
    AkmaModem *modem = akma_modems_find(self->modems, number, &error);

    if (modem)
        akma_agent_probe(modem, self->config, self->cards, done, user_data);
    else
        done(NULL, error, user_data);
}

static void
network_came(gpointer user_data)
{
    AkmaAgent *self = user_data;

    g_info("the network has changed: servers that could not be reached are asked again");
    for (guint i = 0; i < self->servers->len; i++)
        akma_server_retry(self->servers->pdata[i], AKMA_ERROR_SERVER_UNREACHABLE);
}

static void
clock_was_set(gpointer user_data)
{
    AkmaAgent *self = user_data;

    g_info("the clock was set");
    for (guint i = 0; i < self->servers->len; i++)
        akma_server_clock_was_set(self->servers->pdata[i]);
    publish(self);
}

static const AkmaServiceAgent functions = {peek_key, enroll, scan, probe};

/* Ours alone: who may write to it could put another key there, or an older file. */
static bool
make_folder(const char *folder, GError **error)
{
    struct stat st;

    if (g_mkdir_with_parents(folder, 0700) != 0 || stat(folder, &st) != 0) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "cannot make %s: %s",
                    folder,
                    g_strerror(errno));
        return false;
    }
    if (st.st_uid != geteuid()) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "%s belongs to uid %u, not to %u who runs this: chown it",
                    folder,
                    st.st_uid,
                    geteuid());
        return false;
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_STORE_FAILED,
                    "others may write to %s (mode %04o): chmod go-w it",
                    folder,
                    st.st_mode & 07777);
        return false;
    }

    return true;
}

/* Servers that are not in the configuration any more, and their applications, go. */
static void
drop_servers(AkmaAgent *self)
{
    const GPtrArray *sections = akma_config_get_servers(self->config);

    for (guint i = self->servers->len; i > 0; i--) {
        AkmaServer *server = self->servers->pdata[i - 1];
        const AkmaConfigServer *section = NULL;

        for (guint j = 0; j < sections->len && !section; j++) {
            const AkmaConfigServer *each = sections->pdata[j];

            if (g_str_equal(each->name, akma_server_get_name(server)))
                section = each;
        }
        akma_server_configure(server, self->config, section);
        if (!section)
            g_ptr_array_remove_index(self->servers, i - 1);
    }
}

static void
add_servers(AkmaAgent *self)
{
    const GPtrArray *sections = akma_config_get_servers(self->config);

    for (guint i = 0; i < sections->len; i++) {
        const AkmaConfigServer *section = sections->pdata[i];

        if (!find_server(self, section->name))
            g_ptr_array_add(self->servers,
                            akma_server_new(&self->server_context, self->config, section));
    }
}

AkmaAgent *
akma_agent_new(AkmaBus *bus, AkmaConfig *config, const char *state_dir, GError **error)
{
    g_autoptr(AkmaAgent) self = g_new0(AkmaAgent, 1);
    g_autoptr(AkmaSecret) sim_id_key = NULL;
    const char *sealing = NULL;

    if (!make_folder(state_dir, error))
        return NULL;
    sim_id_key = akma_keys_load_sim_id(state_dir, error);
    self->store = sim_id_key ? akma_sealing_open_store(config, state_dir, &sealing, error) : NULL;
    if (!self->store)
        return NULL;

    self->config = akma_config_ref(config);
    self->servers = g_ptr_array_new_with_free_func((GDestroyNotify)akma_server_free);
    self->cache = akma_gba_cache_new(wipe_ended, self);
    self->cache_end = akma_timer_new(wipe_ended, self);
    self->service = akma_service_new(bus, &functions, self);
    self->cards = akma_cards_new(state_dir, sim_id_key);
    self->modems = akma_modems_new(self->service, sim_id_key, self->cards, modems_event, self);
    self->server_context = (AkmaServerContext){
        .store = self->store,
        .service = self->service,
        .modems = self->modems,
        .cache = self->cache,
        .cards = self->cards,
        .changed = publish,
        .user_data = self,
    };

    akma_service_set_sealing(self->service, sealing);
    add_servers(self);
    self->network = akma_network_new(network_came, self);
    self->clock_watch = akma_clock_watch_new(clock_was_set, self);
    akma_modems_configure(self->modems, config);
    publish(self);

    return g_steal_pointer(&self);
}

void
akma_agent_free(AkmaAgent *self)
{
    if (!self)
        return;

    akma_network_free(self->network);
    akma_clock_watch_free(self->clock_watch);
    akma_credentials_free(g_steal_pointer(&self->credentials));
    g_clear_pointer(&self->servers, g_ptr_array_unref);
    akma_modems_mute(self->modems);
    akma_service_free(self->service);
    akma_modems_free(self->modems);
    if (self->cache)
        akma_gba_cache_close(self->cache);
    akma_gba_cache_unref(self->cache);
    akma_cards_unref(self->cards);
    akma_timer_free(self->cache_end);
    akma_store_free(self->store);
    akma_config_unref(self->config);
    g_free(self);
}

void
akma_agent_configure(AkmaAgent *self, AkmaConfig *config)
{
    akma_config_ref(config);
    akma_config_unref(self->config);
    self->config = config;

    /* first what goes: an application may move from one server to another */
    drop_servers(self);
    add_servers(self);
    akma_modems_configure(self->modems, config);
    if (self->credentials)
        akma_credentials_configure(self->credentials, config);
    publish(self);
}

void
akma_agent_serve_credentials(AkmaAgent *self, int fd)
{
    self->credentials = akma_credentials_new(fd, self->config, peek_key, self);
}
