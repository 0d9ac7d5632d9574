/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:akmad
 * @title: libakmad
 * @short_description: application keys from akmad
 *
 * An #AkmadApplication asks akmad, over the system bus, for the key of one application, and tells
 * when there is another version. The key comes as an #AkmadKey: locked in RAM, wiped when it is
 * freed. Errors are of the domain #AKMAD_ERROR.
 *
 * |[
 * g_autoptr(AkmadApplication) application = akmad_application_new("mqtt");
 * g_autoptr(AkmadKey) key = akmad_application_get_key(application, NULL, &error);
 * ]|
 */
#pragma once

#include <akmad/application.h>
#include <akmad/error.h>
#include <akmad/key.h>
