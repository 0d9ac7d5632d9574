/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* modem: the modems, or the one with a number: as they are, or what they can do. */

#include "base/error.h"
#include "cli/probe.h"
#include "cli/show.h"

/* Leaves only the modem with the number @word in @modems. */
static bool
pick(GPtrArray *modems, const char *word, GError **error)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(word, 10, 0, G_MAXINT64, &number, NULL)) {
        g_set_error(error,
                    AKMA_ERROR,
                    AKMA_ERROR_INVALID_ARGUMENT,
                    "\"%s\" is not the number of a modem",
                    word);
        return false;
    }
    for (guint i = modems->len; i > 0; i--) {
        if (akma_cli_modem_number(modems->pdata[i - 1]) != number)
            g_ptr_array_remove_index(modems, i - 1);
    }
    if (modems->len == 0) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_NO_MODEM, "no modem has this number");
        return false;
    }

    return true;
}

bool
akma_verb_modem(AkmaCli *cli, GError **error)
{
    g_autoptr(GDBusObjectManager) objects = NULL;
    g_autoptr(GPtrArray) modems = NULL;
    char **words = cli->words;
    bool is_probe = words && words[0] && g_str_equal(words[0], "probe");
    const char *number = !words ? NULL : is_probe ? words[1] : words[0];

    if (!is_probe && number && words[1]) {
        g_set_error(error, AKMA_ERROR, AKMA_ERROR_INVALID_ARGUMENT, "too many words: %s", words[1]);
        return false;
    }
    objects = akma_cli_get_objects(cli, error);
    if (!objects)
        return false;
    modems = akma_cli_sort_modems(objects);
    if (number && !pick(modems, number, error))
        return false;
    if (is_probe)
        return akma_cli_probe(cli, modems, error);

    if (!cli->json)
        akma_show_modems(modems);
    for (guint i = 0; cli->json && i < modems->len; i++)
        akma_json_print(akma_json_from_modem(modems->pdata[i]));

    return true;
}
