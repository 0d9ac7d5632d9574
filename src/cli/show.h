/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* show: the agent's objects as lines for a person or as JSON. */
#pragma once

#include <jansson.h>

#include "cli/bus.h"

G_BEGIN_DECLS

/* "40 s", "12 min", "5 h", "29 days": rounded down. Free with g_free(). */
char *akma_show_span(gint64 seconds);

/* Without characters that could steer a terminal: those become '?'. Free with g_free(). */
char *akma_show_dup_printable(const char *text);

/* What switches on the colour of @state, and off again; "" where stdout takes no colour. */
const char *akma_show_start_colour(const char *state);
const char *akma_show_end_colour(const char *start);

/* "valid for 29 days", "ended 3 h ago", "valid without end". Free with g_free(). */
char *akma_show_validity(guint64 not_after, gint64 now);
/* "renews in 5 h", without a key "next try in 5 h"; "" for none. Free with g_free(). */
char *akma_show_renewal(bool has_key, guint64 next_renewal, gint64 now);

/*
 * Prints rows of @n_columns cells, aligned; column @coloured holds states (-1: none). The first
 * row is a heading. Characters that could steer a terminal become '?'.
 */
void akma_show_table(const char *const *cells, size_t n_rows, size_t n_columns, int coloured);

/* Tables of these proxies; with the last error of each below. */
void akma_show_applications(GPtrArray *applications);
void akma_show_modems(GPtrArray *modems);

/* One line of text: "what: state", coloured by the state. */
void akma_show_state(const char *what, const char *state);

/* "  mqtt: NoSim: no card"; nothing for an empty @error ("(ss)"). */
void akma_show_error(const char *what, GVariant *error);

/*
 * The object's properties in snake_case, as they stand in the XML: a time of 0 and an empty
 * error become null, an error {"name","message"}. New reference.
 */
json_t *akma_json_from_proxy(GDBusProxy *proxy, GDBusInterfaceInfo *info);
json_t *akma_json_from_application(AkmaBusApplication *application);
json_t *akma_json_from_modem(AkmaBusModem *modem);

/* Prints it on a line of its own and frees it. */
void akma_json_print(json_t *steal);

/* What renew, enroll and wait end with: the application as it is now. */
bool akma_show_application_now(AkmaCli *cli, GError **error);

G_END_DECLS
