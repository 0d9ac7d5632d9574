/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define MINUTE 60
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define BOLD   "\033[1m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define RED    "\033[31m"
#define RESET  "\033[0m"

static const struct {
    const char *state;
    const char *colour;
} colours[] = {
    {"ready", GREEN},
    {"home", GREEN},
    {"roaming", GREEN},
    {"starting", YELLOW},
    {"pending", YELLOW},
    {"enrolling", YELLOW},
    {"stale", YELLOW},
    {"degraded", YELLOW},
    {"failed", RED},
    {"revoked", RED},
    {"no-modem", RED},
    {"no-sim", RED},
    {"pin-required", RED},
    {"absent", RED},
    {"blocked", RED},
};

static bool
is_coloured(void)
{
    const char *no_color = getenv("NO_COLOR");

    return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static const char *
colour_of(const char *state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(colours); i++) {
        if (strcmp(colours[i].state, state) == 0)
            return colours[i].colour;
    }

    return "";
}

const char *
akma_show_start_colour(const char *state)
{
    return is_coloured() ? colour_of(state) : "";
}

const char *
akma_show_end_colour(const char *start)
{
    return *start ? RESET : "";
}

/* Text from a modem or a server must not steer the terminal. */
char *
akma_show_dup_printable(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text ? text : "", -1);
    GString *clean = g_string_new(NULL);

    for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
        gunichar one = g_utf8_get_char(c);

        g_string_append_unichar(clean, g_unichar_isprint(one) ? one : '?');
    }

    return g_string_free(clean, FALSE);
}

char *
akma_show_span(gint64 seconds)
{
    if (seconds < 2 * MINUTE)
        return g_strdup_printf("%" G_GINT64_FORMAT " s", seconds);
    if (seconds < 2 * HOUR)
        return g_strdup_printf("%" G_GINT64_FORMAT " min", seconds / MINUTE);
    if (seconds < 2 * DAY)
        return g_strdup_printf("%" G_GINT64_FORMAT " h", seconds / HOUR);

    return g_strdup_printf("%" G_GINT64_FORMAT " days", seconds / DAY);
}

char *
akma_show_validity(guint64 not_after, gint64 now)
{
    gint64 left = (gint64)MIN(not_after, G_MAXINT64) - now;
    g_autofree char *span = akma_show_span(ABS(left));

    if (not_after == 0)
        return g_strdup("valid without end");
    if (left <= 0)
        return g_strdup_printf("ended %s ago", span);

    return g_strdup_printf("valid for %s", span);
}

char *
akma_show_renewal(bool has_key, guint64 next_renewal, gint64 now)
{
    gint64 left = (gint64)MIN(next_renewal, G_MAXINT64) - now;
    g_autofree char *span = akma_show_span(ABS(left));

    if (next_renewal == 0)
        return g_strdup("");
    if (left <= 0)
        return g_strdup(has_key ? "renewal due" : "next try due");

    return g_strdup_printf(has_key ? "renews in %s" : "next try in %s", span);
}

void
akma_show_table(const char *const *cells, size_t n_rows, size_t n_columns, int coloured)
{
    bool colour = is_coloured();
    g_autofree glong *widths = g_new0(glong, n_columns);

    for (size_t i = 0; i < n_rows * n_columns; i++)
        widths[i % n_columns] = MAX(widths[i % n_columns], g_utf8_strlen(cells[i], -1));

    for (size_t i = 0; i < n_rows * n_columns; i++) {
        size_t column = i % n_columns;
        const char *start = "";
        g_autofree char *text = akma_show_dup_printable(cells[i]);
        bool last = column == n_columns - 1;
        glong fill = last ? 0 : widths[column] - g_utf8_strlen(text, -1) + 2;

        if (colour && i < n_columns)
            start = BOLD;
        else if (colour && (int)column == coloured)
            start = colour_of(text);
        printf("%s%s%s%*s", start, text, *start ? RESET : "", (int)fill, "");
        if (last)
            putchar('\n');
    }
}

void
akma_show_state(const char *what, const char *state)
{
    const char *colour = akma_show_start_colour(state);

    printf("%-12s%s%s%s\n", what, colour, state, akma_show_end_colour(colour));
}

void
akma_show_error(const char *what, GVariant *error)
{
    const char *name = "";
    const char *message = "";
    g_autofree char *clean = NULL;

    if (error)
        g_variant_get(error, "(&s&s)", &name, &message);
    if (!*name)
        return;
    if (g_str_has_prefix(name, AKMA_ERROR_DBUS_PREFIX))
        name += strlen(AKMA_ERROR_DBUS_PREFIX);

    clean = akma_show_dup_printable(message);
    printf("  %s: %s: %s\n", what, name, clean);
}

static void
add_cell(GPtrArray *cells, const char *text)
{
    g_ptr_array_add(cells, g_strdup(text && *text ? text : "-"));
}

void
akma_show_applications(GPtrArray *applications)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;

    if (applications->len == 0) {
        puts("no applications");
        return;
    }

    add_cell(cells, "APPLICATION");
    add_cell(cells, "STATE");
    add_cell(cells, "KEY");
    add_cell(cells, "VALIDITY");
    add_cell(cells, "RENEWAL");
    add_cell(cells, "SERVER");
    for (guint i = 0; i < applications->len; i++) {
        AkmaBusApplication *one = applications->pdata[i];
        const char *kid = akma_bus_application_get_key_id(one);
        bool has_key = kid && *kid;
        g_autofree char *validity =
            has_key ? akma_show_validity(akma_bus_application_get_not_after(one), now) : NULL;
        g_autofree char *renewal =
            akma_show_renewal(has_key, akma_bus_application_get_next_renewal(one), now);

        add_cell(cells, akma_bus_application_get_id(one));
        add_cell(cells, akma_bus_application_get_state(one));
        add_cell(cells, kid);
        add_cell(cells, validity);
        add_cell(cells, renewal);
        add_cell(cells, akma_bus_application_get_server(one));
    }
    akma_show_table((const char *const *)cells->pdata, applications->len + 1, 6, 1);

    for (guint i = 0; i < applications->len; i++) {
        AkmaBusApplication *one = applications->pdata[i];

        akma_show_error(akma_bus_application_get_id(one), akma_bus_application_get_last_error(one));
    }
}

void
akma_show_modems(GPtrArray *modems)
{
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);

    if (modems->len == 0) {
        puts("no modem");
        return;
    }

    add_cell(cells, "MODEM");
    add_cell(cells, "SIM");
    add_cell(cells, "REGISTRATION");
    add_cell(cells, "ANCHORS");
    add_cell(cells, "PROTOCOL");
    add_cell(cells, "DEVICE");
    add_cell(cells, "MODEL");
    for (guint i = 0; i < modems->len; i++) {
        AkmaBusModem *one = modems->pdata[i];
        const char *const *list = akma_bus_modem_get_anchors(one);
        g_autofree char *anchors = list ? g_strjoinv(",", (char **)list) : NULL;
        g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, akma_cli_modem_number(one));
        g_autofree char *model = g_strjoin(
            " ", akma_bus_modem_get_manufacturer(one), akma_bus_modem_get_model(one), NULL);

        add_cell(cells, number);
        add_cell(cells, akma_bus_modem_get_sim_state(one));
        add_cell(cells, akma_bus_modem_get_registration(one));
        add_cell(cells, anchors);
        add_cell(cells, akma_bus_modem_get_protocol(one));
        add_cell(cells, akma_bus_modem_get_device(one));
        add_cell(cells, model ? g_strstrip(model) : NULL);
    }
    akma_show_table((const char *const *)cells->pdata, modems->len + 1, 7, 1);
}

bool
akma_show_application_now(AkmaCli *cli, GError **error)
{
    g_autoptr(AkmaBusApplication) now = akma_cli_get_application(cli, cli->words[0], error);
    g_autoptr(GPtrArray) one = g_ptr_array_new_with_free_func(g_object_unref);

    if (!now)
        return false;

    if (cli->json) {
        akma_json_print(akma_json_from_application(now));
    } else {
        g_ptr_array_add(one, g_steal_pointer(&now));
        akma_show_applications(one);
    }

    return true;
}
