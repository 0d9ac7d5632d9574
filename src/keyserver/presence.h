/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* presence: a lock beside the store that says whether a server of this machine serves it. */
#pragma once

#include <stdint.h>

/* Held until the process ends; -1: another one serves it too, or the folder cannot be written. */
int akma_presence_hold(const char *store_path);

/* 0: nobody. */
int64_t akma_presence_get_pid(const char *store_path);
