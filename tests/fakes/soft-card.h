/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* soft-card: a card of the simulator for unit tests and fuzz targets. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

#include "modem/simulator/uicc.h"

/* Loads a card from @text through a file, as the program does. NULL: refused. */
static inline AkmaSoftProfile *
soft_card_load(const char *text, size_t len)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("soft-card-XXXXXX", &path, NULL);
    AkmaSoftProfile *profile = NULL;

    if (fd < 0)
        return NULL;
    if (write(fd, text, len) == (ssize_t)len)
        profile = akma_soft_profile_load(path, NULL);
    close(fd);
    g_unlink(path);

    return profile;
}

/* TS 35.208 test set 1, PIN 1234, nothing odd. */
static inline AkmaSoftUicc *
soft_card_new(void)
{
    static const char text[] = "[usim]\nimsi=001010123456789\n"
                               "k=465b5ce8b199b49faa5f0a2ee238a6bc\n"
                               "opc=cd63cb71954a9f4e48a5994e37a02baf\n";
    AkmaSoftProfile *profile = soft_card_load(text, sizeof text - 1);

    return profile ? akma_soft_uicc_new(profile, NULL) : NULL;
}
