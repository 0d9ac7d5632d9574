/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * export: one object on the bus, and which of its properties changed. Private to dbus/.
 *
 * The object's own struct holds the values, which its vtable reads; the setters here compare,
 * replace and remember the name, akma_export_send_changes() tells the bus.
 */
#pragma once

#include <glib.h>
#include <systemd/sd-bus.h>

G_BEGIN_DECLS

#define AKMA_EXPORT_PROPERTIES_MAX 8

/* All zero: not shown yet; the setters work. */
typedef struct {
    sd_bus *bus;
    sd_bus_slot *slot;
    char *path;
    const char *interface;
    const char *changed[AKMA_EXPORT_PROPERTIES_MAX + 1];
    unsigned n_changed;
} AkmaExport;

/* LastError, (ss): name and text; both NULL: none. */
typedef struct {
    char *name;
    char *text;
} AkmaExportedError;

/* @vtable reads and serves @object. @interface and @vtable: for ever. */
void akma_export_show(AkmaExport *self,
                      sd_bus *bus,
                      const char *path,
                      const char *interface,
                      const sd_bus_vtable *vtable,
                      gpointer object);
/* InterfacesAdded and InterfacesRemoved, for what stands below the object manager. */
void akma_export_announce(const AkmaExport *self);
void akma_export_retract(const AkmaExport *self);
void akma_export_clear(AkmaExport *self);

/* What is no UTF-8 is made such: the bus throws out who sends anything else. */
void akma_export_set_text(AkmaExport *self, const char *property, char **field, const char *value);
void akma_export_set_number(AkmaExport *self, const char *property, uint64_t *field, int64_t value);
void akma_export_set_list(AkmaExport *self,
                          const char *property,
                          char ***field,
                          const char *const *value);
void akma_export_set_error(AkmaExport *self,
                           const char *property,
                           AkmaExportedError *field,
                           const GError *value);
void akma_exported_error_clear(AkmaExportedError *self);

/* PropertiesChanged with what was set since, if anything. */
void akma_export_send_changes(AkmaExport *self);

/* Of the object: a signal with one text, after the changes of before. */
void akma_export_emit(AkmaExport *self, const char *signal, const char *text);

/* The getter of a property whose field is an AkmaExportedError. */
int akma_export_get_error(sd_bus *bus,
                          const char *path,
                          const char *interface,
                          const char *property,
                          sd_bus_message *reply,
                          void *field,
                          sd_bus_error *error);

G_END_DECLS
