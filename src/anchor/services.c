/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "anchor/services.h"

#include "anchor/usim-visit.h"

static void
visited(GObject *source G_GNUC_UNUSED, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    AkmaVisit *visit = akma_visit_finish(res, &error);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (!visit) {
        g_task_return_error(task, error);
        return;
    }
    if (akma_visit_has_service(visit, AKMA_SERVICE_5G_SECURITY))
        g_strv_builder_add(builder, "akma");
    g_strv_builder_add(builder, "gba-me");
    if (akma_visit_has_service(visit, AKMA_SERVICE_GBA))
        g_strv_builder_add(builder, "gba-u");

    akma_visit_free(visit); /* the channel is free before anybody is told */
    g_task_return_pointer(task, g_strv_builder_end(builder), (GDestroyNotify)g_strfreev);
}

void
akma_anchor_services_async(AkmaModem *modem,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);

    g_task_set_source_tag(task, akma_anchor_services_async);
    akma_visit_async(modem, AKMA_VISIT_SERVICES, 0, cancellable, visited, task);
}

GStrv
akma_anchor_services_finish(GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, NULL), NULL);

    return g_task_propagate_pointer(G_TASK(res), error);
}
