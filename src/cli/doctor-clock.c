/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor-clock: a clock before the day that this was built lets no certificate be checked. */
#include <sys/timex.h>

#include "cli/doctor.h"

static char *
dup_date(gint64 moment_s)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(moment_s);

    return date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S UTC") : g_strdup("no date");
}

void
akma_doctor_judge_clock(gint64 now_s, gint64 built_s, int synchronised, AkmaFinding *finding)
{
    g_autofree char *now = dup_date(now_s);
    g_autofree char *built = dup_date(built_s);
    const char *more = synchronised == 1   ? ", synchronised"
                       : synchronised == 0 ? ", not synchronised as the kernel says"
                                           : "";

    if (now_s >= built_s) {
        akma_finding_good(finding, "%s%s", now, more);
        return;
    }
    /* the error that certificates end with then */
    akma_finding_fault(finding,
                       AKMA_ERROR_SERVER_NOT_AUTHENTIC,
                       "set the clock: timedatectl set-ntp true",
                       "it shows %s, and akmad was built %s: certificates cannot be checked",
                       now,
                       built);
}

void
akma_doctor_clock(AkmaDoctor *self G_GNUC_UNUSED, AkmaFinding *finding)
{
    struct timex state = {.modes = 0};
    int result = adjtimex(&state);

    akma_doctor_judge_clock(g_get_real_time() / G_USEC_PER_SEC,
                            AKMA_BUILD_TIME,
                            result < 0 ? -1 : !(state.status & STA_UNSYNC),
                            finding);
}
