/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * unix-time: where our times, int64_t, become those of a library. On the 32-bit ARM of Debian 12
 * time_t ends in 2038; a larger value would be one of 1901 there.
 */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <time.h>

/* The latest second that time_t holds. */
#define AKMA_TIME_MAX ((int64_t)(sizeof(time_t) < sizeof(int64_t) ? G_MAXINT32 : G_MAXINT64))

/* @unix_s, or the nearest that time_t holds; not for times before 1970. */
static inline time_t
akma_time_from_unix(int64_t unix_s)
{
    return (time_t)CLAMP(unix_s, 0, AKMA_TIME_MAX);
}
