/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* application: the adaptor of org.akmad1.Application. Private to dbus/. */
#pragma once

#include "dbus/adaptor.h"

G_BEGIN_DECLS

/* One application on the bus. */
typedef struct _AkmaApplicationAdaptor AkmaApplicationAdaptor;

/* Where the application @id is shown. Returns: (transfer full). */
char *akma_application_adaptor_dup_path(const char *id);

/* Shown and announced at once. @context outlives it. */
AkmaApplicationAdaptor *akma_application_adaptor_new(const AkmaAdaptorContext *context,
                                                     const char *id,
                                                     const char *server,
                                                     const AkmaAuthRule *rule);
void akma_application_adaptor_free(AkmaApplicationAdaptor *self); /* NULL is fine */

void akma_application_adaptor_set_rule(AkmaApplicationAdaptor *self,
                                       const char *server,
                                       const AkmaAuthRule *rule);
void akma_application_adaptor_update(AkmaApplicationAdaptor *self,
                                     const AkmaApplicationStatus *status);
/* "KeyChanged" or "KeyRevoked". */
void akma_application_adaptor_emit(AkmaApplicationAdaptor *self,
                                   const char *signal,
                                   const char *kid);

G_END_DECLS
