/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus/export.h"

#include "base/error.h"

void
akma_export_show(AkmaExport *self,
                 sd_bus *bus,
                 const char *path,
                 const char *interface,
                 const sd_bus_vtable *vtable,
                 gpointer object)
{
    int r;

    self->bus = sd_bus_ref(bus);
    self->path = g_strdup(path);
    self->interface = interface;
    self->n_changed = 0;
    r = sd_bus_add_object_vtable(bus, &self->slot, path, interface, vtable, object);
    if (r < 0)
        g_critical("cannot show %s: %s", path, g_strerror(-r));
}

void
akma_export_announce(const AkmaExport *self)
{
    sd_bus_emit_object_added(self->bus, self->path);
}

void
akma_export_retract(const AkmaExport *self)
{
    sd_bus_emit_object_removed(self->bus, self->path);
}

void
akma_export_clear(AkmaExport *self)
{
    sd_bus_slot_unref(self->slot);
    sd_bus_unref(self->bus);
    g_free(self->path);
    *self = (AkmaExport){0};
}

static void
note(AkmaExport *self, const char *property)
{
    for (unsigned i = 0; i < self->n_changed; i++) {
        if (g_str_equal(self->changed[i], property))
            return;
    }
    g_return_if_fail(self->n_changed < AKMA_EXPORT_PROPERTIES_MAX);

    self->changed[self->n_changed++] = property;
    self->changed[self->n_changed] = NULL;
}

/* True if @field had another text. */
static bool
replace(char **field, const char *value)
{
    g_autofree char *text = value ? g_utf8_make_valid(value, -1) : NULL;

    if (g_strcmp0(*field, text) == 0)
        return false;
    g_free(*field);
    *field = g_steal_pointer(&text);

    return true;
}

void
akma_export_set_text(AkmaExport *self, const char *property, char **field, const char *value)
{
    if (replace(field, value))
        note(self, property);
}

void
akma_export_set_number(AkmaExport *self, const char *property, uint64_t *field, int64_t value)
{
    if (*field == (uint64_t)value)
        return;
    *field = (uint64_t)value;
    note(self, property);
}

void
akma_export_set_list(AkmaExport *self,
                     const char *property,
                     char ***field,
                     const char *const *value)
{
    if (*field && g_strv_equal((const char *const *)*field, value))
        return;
    g_strfreev(*field);
    *field = g_strdupv((char **)value);
    note(self, property);
}

void
akma_export_set_error(AkmaExport *self,
                      const char *property,
                      AkmaExportedError *field,
                      const GError *value)
{
    g_autofree char *name =
        value ? g_strconcat(AKMA_ERROR_DBUS_PREFIX, akma_error_get_name(value), NULL) : NULL;
    bool other_name = replace(&field->name, name);
    bool other_text = replace(&field->text, value ? value->message : NULL);

    if (other_name || other_text)
        note(self, property);
}

void
akma_exported_error_clear(AkmaExportedError *self)
{
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->text, g_free);
}

void
akma_export_send_changes(AkmaExport *self)
{
    if (self->n_changed == 0)
        return;

    sd_bus_emit_properties_changed_strv(
        self->bus, self->path, self->interface, (char **)self->changed);
    self->n_changed = 0;
}

void
akma_export_emit(AkmaExport *self, const char *signal, const char *text)
{
    akma_export_send_changes(self);
    sd_bus_emit_signal(self->bus, self->path, self->interface, signal, "s", text);
}

int
akma_export_get_error(sd_bus *bus,
                      const char *path,
                      const char *interface,
                      const char *property,
                      sd_bus_message *reply,
                      void *field,
                      sd_bus_error *error)
{
    const AkmaExportedError *self = field;

    (void)bus, (void)path, (void)interface, (void)property, (void)error;
    /* NULL goes out as "" */
    return sd_bus_message_append(reply, "(ss)", self->name, self->text);
}
