/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* waiters: those who called Enroll or Renew and wait for the exchange to end. */
#pragma once

#include "dbus/service.h"

G_BEGIN_DECLS

#define AKMA_WAIT_MAX_S 120

typedef struct _AkmaWaiters AkmaWaiters;

/* @wait_ms: the longest that anybody waits; AKMA_WAIT_MAX_S but in tests. */
AkmaWaiters *akma_waiters_new(unsigned wait_ms);
void akma_waiters_free(AkmaWaiters *self); /* who still waits gets AKMA_ERROR_NOT_READY */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AkmaWaiters, akma_waiters_free)

/* @done is called once: by _complete(), or with AKMA_ERROR_NOT_READY after that time. */
void akma_waiters_add(AkmaWaiters *self, AkmaEnrolledFunc done, gpointer user_data);
bool akma_waiters_is_empty(const AkmaWaiters *self);
/* All who wait now; @error NULL: done. */
void akma_waiters_complete(AkmaWaiters *self, const GError *error);

G_END_DECLS
