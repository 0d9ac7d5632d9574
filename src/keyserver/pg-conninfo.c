/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "keyserver/pg-conninfo.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/error.h"

static const char *
find(const PQconninfoOption *options, const char *keyword)
{
    for (; options && options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && options->val[0] ? options->val : NULL;
    }

    return NULL;
}

static bool
refuse(GError **error, const char *message)
{
    g_set_error_literal(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, message);

    return false;
}

bool
akma_pg_check_conninfo(const char *conninfo, GError **error)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &message);
    const char *attrs = find(options, "target_session_attrs");
    bool ok = false;

    if (!options)
        /* what libpq says may quote a password */
        refuse(error, "libpq cannot read it");
    else if (find(options, "password") || find(options, "sslpassword"))
        refuse(error, "a password does not belong here but in password-file");
    else if (find(options, "service"))
        /* whoever is in that file need not be this machine, and so would be asked without TLS */
        refuse(error, "a service does not belong here: say what it stands for");
    else if (attrs && strcmp(attrs, "read-write") != 0 && strcmp(attrs, "primary") != 0)
        refuse(error, "target_session_attrs must be read-write or primary");
    else
        ok = true;
    PQfreemem(message);
    PQconninfoFree(options);

    return ok;
}

char *
akma_pg_describe(const char *conninfo)
{
    static const char *const shown[] = {"host", "hostaddr", "port", "dbname", "user"};
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    g_autoptr(GString) text = g_string_new("postgresql");

    for (size_t i = 0; i < G_N_ELEMENTS(shown); i++) {
        const char *value = find(options, shown[i]);

        if (value)
            g_string_append_printf(text, " %s=%s", shown[i], value);
    }
    PQconninfoFree(options);

    return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool
is_near(const char *host)
{
    return host[0] == '\0' || host[0] == '/' || host[0] == '@' || strcmp(host, "localhost") == 0 ||
           strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0;
}

/* Every host that is named is this machine. */
static bool
stays_here(const char *conninfo)
{
    static const char *const keywords[] = {"host", "hostaddr"};
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    bool here = true;

    for (size_t i = 0; i < G_N_ELEMENTS(keywords); i++) {
        const char *value = find(options, keywords[i]);
        g_auto(GStrv) hosts = g_strsplit(value ? value : "", ",", -1);

        for (size_t k = 0; hosts[k]; k++)
            here = here && is_near(hosts[k]);
    }
    PQconninfoFree(options);

    return here;
}

void
akma_pg_params_init(AkmaPgParams *self,
                    const char *conninfo,
                    const AkmaSecret *password,
                    const char *application_name)
{
    size_t n = 0;
    size_t len;

    *self = (AkmaPgParams){0};
    /* what stands in front of conninfo is overruled by it, what stands behind overrules it */
    self->keywords[n] = "gssencmode";
    self->values[n++] = "disable";
    if (!stays_here(conninfo)) {
        self->keywords[n] = "sslmode";
        self->values[n++] = "verify-full";
    }
    self->keywords[n] = "target_session_attrs";
    self->values[n++] = "read-write";
    self->keywords[n] = "dbname";
    self->values[n++] = conninfo;
    self->keywords[n] = "application_name";
    self->values[n++] = application_name;
    self->keywords[n] = "client_encoding";
    self->values[n++] = "UTF8";
    if (password) {
        const uint8_t *bytes = akma_secret_peek(password, &len);

        memcpy(self->password, bytes, MIN(len, AKMA_PG_PASSWORD_MAX));
        self->keywords[n] = "password";
        self->values[n++] = self->password;
    }
}

void
akma_pg_forget_environment(void)
{
    static const char *const more[] = {"PGSERVICEFILE", "PGSYSCONFDIR", "PGTZ", "PGDATESTYLE"};
    PQconninfoOption *options;

    /* first those that would make libpq read a file to tell us the others */
    g_unsetenv("PGSERVICE");
    for (size_t i = 0; i < G_N_ELEMENTS(more); i++)
        g_unsetenv(more[i]);
    options = PQconndefaults();
    for (const PQconninfoOption *option = options; option && option->keyword; option++) {
        if (option->envvar)
            g_unsetenv(option->envvar);
    }
    PQconninfoFree(options);
}
