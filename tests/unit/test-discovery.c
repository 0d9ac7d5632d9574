/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Under umockdev, which shows gudev another /sys and another /dev. */
#include "modem/discovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef HAVE_UMOCKDEV

#include <dlfcn.h>
#include <glib/gstdio.h>
#include <umockdev.h>

#define WAIT_MS 60000

typedef struct {
    UMockdevTestbed *bed;
    AkmaDiscovery *discovery;
    unsigned changes;
} Fixture;

static void
changed(AkmaDiscovery *discovery, gpointer user_data)
{
    Fixture *f = user_data;

    (void)discovery;
    f->changes++;
}

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->bed = umockdev_testbed_new();
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    g_clear_object(&f->discovery);
    g_clear_object(&f->bed);
    g_free(f);

    return 0;
}

static void
start(Fixture *f)
{
    f->discovery = akma_discovery_new();
    g_signal_connect(f->discovery, "changed", G_CALLBACK(changed), f);
}

/* AUTO modes and the drivers of gudev want the target of the link to be there. */
static void
set_driver(Fixture *f, const char *device, const char *driver)
{
    g_autofree char *root = umockdev_testbed_get_root_dir(f->bed);
    g_autofree char *folder = g_build_filename(root, "sys/bus/usb/drivers", driver, NULL);
    g_autofree char *target = g_strconcat("../../../../../bus/usb/drivers/", driver, NULL);

    assert_int_equal(g_mkdir_with_parents(folder, 0755), 0);
    umockdev_testbed_set_attribute_link(f->bed, device, "driver", target);
}

/* A stick in @port ("1-1"); the path of its device. */
static char *
add_stick(Fixture *f, const char *port)
{
    char *path = umockdev_testbed_add_device(
        f->bed, "usb", port, NULL, "idVendor", "1234", NULL, "DEVTYPE", "usb_device", NULL);

    assert_non_null(path);

    return path;
}

static char *
add_interface(Fixture *f, const char *stick, const char *number, const char *driver)
{
    g_autofree char *base = g_path_get_basename(stick);
    g_autofree char *label = g_strdup_printf("%s:1.%s", base, number);
    char *path = g_build_filename(stick, label, NULL);

    if (g_file_test(path, G_FILE_TEST_EXISTS))
        return path;
    g_free(path);
    path = umockdev_testbed_add_device(f->bed,
                                       "usb",
                                       label,
                                       stick,
                                       "bInterfaceNumber",
                                       number,
                                       "bInterfaceClass",
                                       "ff",
                                       NULL,
                                       "DEVTYPE",
                                       "usb_interface",
                                       NULL);
    set_driver(f, path, driver);

    return path;
}

/* An interface with one port; the path of the port. */
static char *
add_port(Fixture *f,
         const char *stick,
         const char *number,
         const char *driver,
         const char *subsystem,
         const char *name)
{
    g_autofree char *interface = add_interface(f, stick, number, driver);
    g_autofree char *node = g_strconcat("/dev/", name, NULL);
    char *path = umockdev_testbed_add_device(
        f->bed, subsystem, name, interface, NULL, "DEVNAME", node, NULL);

    assert_non_null(path);

    return path;
}

/* The same, where the path does not matter. */
static void
plug(Fixture *f,
     const char *stick,
     const char *number,
     const char *driver,
     const char *subsystem,
     const char *name)
{
    g_free(add_port(f, stick, number, driver, subsystem, name));
}

static void
wait_change(Fixture *f, unsigned changes)
{
    gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;

    while (f->changes < changes && g_get_monotonic_time() < end) {
        while (g_main_context_iteration(NULL, FALSE))
            continue;
        g_usleep(1000);
    }
    assert_int_equal(f->changes, changes);
}

static const AkmaFoundPort *
get_port(Fixture *f, guint modem, guint port)
{
    const GPtrArray *modems = akma_discovery_get_modems(f->discovery);
    const AkmaFoundModem *found;

    assert_in_range(modem, 0, modems->len - 1);
    found = modems->pdata[modem];
    assert_in_range(port, 0, found->ports->len - 1);

    return found->ports->pdata[port];
}

static void
assert_port(Fixture *f, guint modem, guint port, const char *protocol, const char *node)
{
    assert_string_equal(get_port(f, modem, port)->protocol, protocol);
    assert_string_equal(get_port(f, modem, port)->node, node);
}

static guint
count(Fixture *f)
{
    return akma_discovery_get_modems(f->discovery)->len;
}

static void
modem_that_is_there_is_found(void **state)
{
    Fixture *f = *state;
    g_autofree char *stick = add_stick(f, "1-1");

    plug(f, stick, "04", "qmi_wwan", "usbmisc", "cdc-wdm0");
    plug(f, stick, "02", "option", "tty", "ttyUSB2");
    start(f);

    assert_int_equal(count(f), 1);
    assert_port(f, 0, 0, "qmi", "/dev/cdc-wdm0");
    assert_port(f, 0, 1, "at", "/dev/ttyUSB2");
}

static void
property_of_the_device_counts_for_its_ports(void **state)
{
    Fixture *f = *state;
    g_autofree char *stick = add_stick(f, "1-1");
    g_autofree char *wdm = add_port(f, stick, "04", "cdc_mbim", "usbmisc", "cdc-wdm0");

    umockdev_testbed_set_property(f->bed, stick, "ID_MM_DEVICE_IGNORE", "1");
    start(f);
    assert_int_equal(count(f), 0);

    umockdev_testbed_set_property(f->bed, wdm, "ID_AKMAD_PORT", "mbim");
    akma_discovery_scan(f->discovery);
    assert_port(f, 0, 0, "mbim", "/dev/cdc-wdm0");
    assert_int_equal(f->changes, 0);
}

static void
modem_comes_with_all_its_ports_in_one_change_and_goes(void **state)
{
    Fixture *f = *state;
    g_autofree char *stick = NULL;
    g_autofree char *tty = NULL;
    g_autofree char *wdm = NULL;

    start(f);
    assert_int_equal(count(f), 0);

    stick = add_stick(f, "1-1");
    tty = add_port(f, stick, "02", "option", "tty", "ttyUSB2");
    umockdev_testbed_uevent(f->bed, tty, "add");
    wdm = add_port(f, stick, "04", "cdc_mbim", "usbmisc", "cdc-wdm0");
    umockdev_testbed_uevent(f->bed, wdm, "add");
    wait_change(f, 1);
    assert_int_equal(count(f), 1);
    assert_port(f, 0, 0, "mbim", "/dev/cdc-wdm0");

    umockdev_testbed_uevent(f->bed, wdm, "remove");
    umockdev_testbed_uevent(f->bed, tty, "remove");
    umockdev_testbed_remove_device(f->bed, stick);
    wait_change(f, 2);
    assert_int_equal(count(f), 0);
}

static void
two_modems_at_once_are_two(void **state)
{
    Fixture *f = *state;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;
    g_autofree char *wdm0 = NULL;
    g_autofree char *wdm1 = NULL;

    start(f);
    second = add_stick(f, "1-2");
    wdm1 = add_port(f, second, "04", "qmi_wwan", "usbmisc", "cdc-wdm1");
    first = add_stick(f, "1-1");
    wdm0 = add_port(f, first, "04", "cdc_mbim", "usbmisc", "cdc-wdm0");
    umockdev_testbed_uevent(f->bed, wdm1, "add");
    umockdev_testbed_uevent(f->bed, wdm0, "add");

    wait_change(f, 1);
    assert_int_equal(count(f), 2);
    assert_port(f, 0, 0, "mbim", "/dev/cdc-wdm0");
    assert_port(f, 1, 0, "qmi", "/dev/cdc-wdm1");
}

static void
renumbered_port_is_the_same_modem(void **state)
{
    Fixture *f = *state;
    g_autofree char *stick = add_stick(f, "1-1");
    g_autofree char *old = add_port(f, stick, "02", "option", "tty", "ttyUSB2");
    g_autofree char *fresh = NULL;
    g_autofree char *id = NULL;

    start(f);
    id = g_strdup(((AkmaFoundModem *)akma_discovery_get_modems(f->discovery)->pdata[0])->id);
    umockdev_testbed_uevent(f->bed, old, "remove");
    umockdev_testbed_remove_device(f->bed, old);
    fresh = add_port(f, stick, "02", "option", "tty", "ttyUSB5");
    umockdev_testbed_uevent(f->bed, fresh, "add");

    wait_change(f, 1);
    assert_port(f, 0, 0, "at", "/dev/ttyUSB5");
    assert_string_equal(((AkmaFoundModem *)akma_discovery_get_modems(f->discovery)->pdata[0])->id,
                        id);
}

static void
protocol_of_a_named_port_is_that_of_its_driver(void **state)
{
    Fixture *f = *state;
    g_autofree char *stick = add_stick(f, "1-1");
    g_autofree char *root = umockdev_testbed_get_root_dir(f->bed);
    g_autofree char *folder = g_build_filename(root, "dev", NULL);
    g_autofree char *node = g_build_filename(folder, "cdc-wdm0", NULL);
    g_autofree char *link = g_build_filename(folder, "modem", NULL);

    plug(f, stick, "04", "cdc_mbim", "usbmisc", "cdc-wdm0");
    plug(f, stick, "02", "option", "tty", "ttyUSB2");

    assert_string_equal(akma_discovery_guess_protocol("/dev/cdc-wdm0"), "mbim");
    assert_string_equal(akma_discovery_guess_protocol("/dev/ttyUSB2"), "at");
    assert_string_equal(akma_discovery_guess_protocol("/dev/pts/7"), "at");
    assert_string_equal(akma_discovery_guess_protocol("/nowhere"), "at");

    g_mkdir_with_parents(folder, 0755);
    assert_true(g_file_set_contents(node, "", 0, NULL));
    assert_int_equal(symlink("cdc-wdm0", link), 0);
    assert_string_equal(akma_discovery_guess_protocol("/dev/modem"), "mbim");
}

static void
one_port_may_have_two_names(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("akma-discovery-XXXXXX", NULL);
    g_autofree char *link = g_build_filename(folder, "modem", NULL);

    (void)state;
    assert_int_equal(symlink("/dev/null", link), 0);
    assert_true(akma_discovery_is_same_port(link, "/dev/null"));
    assert_true(akma_discovery_is_same_port("/dev/nowhere", "/dev/nowhere"));
    assert_false(akma_discovery_is_same_port(link, "/dev/zero"));
    assert_false(akma_discovery_is_same_port(link, "/dev/nowhere"));
    g_unlink(link);
    g_rmdir(folder);
}

#define with_bed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* The library that stands before the system calls must be there from the start. */
#define PRELOAD "libumockdev-preload.so.0"

static bool
is_preloaded(void)
{
    return dlopen(PRELOAD, RTLD_NOLOAD | RTLD_LAZY) != NULL;
}

static void
run_again_under_umockdev(char **argv)
{
    const char *before = g_getenv("LD_PRELOAD");
    const char *asan = g_getenv("ASAN_OPTIONS");
    g_autofree char *preload = g_strconcat(before ? before : "", " " PRELOAD, NULL);
    g_autofree char *options = g_strconcat(asan ? asan : "", ":verify_asan_link_order=0", NULL);

    g_setenv("LD_PRELOAD", preload, TRUE);
    g_setenv("AKMA_UMOCKDEV", "1", TRUE);
    g_setenv("ASAN_OPTIONS", options, TRUE);
    execv("/proc/self/exe", argv);
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        with_bed(modem_that_is_there_is_found),
        with_bed(property_of_the_device_counts_for_its_ports),
        with_bed(modem_comes_with_all_its_ports_in_one_change_and_goes),
        with_bed(two_modems_at_once_are_two),
        with_bed(renumbered_port_is_the_same_modem),
        with_bed(protocol_of_a_named_port_is_that_of_its_driver),
        with_bed(one_port_may_have_two_names),
    };

    (void)argc;
    if (!is_preloaded() && !g_getenv("AKMA_UMOCKDEV"))
        run_again_under_umockdev(argv);
    if (!is_preloaded()) {
        puts("1..0 # SKIP " PRELOAD " cannot be loaded");
        return 0;
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int
main(void)
{
    puts("1..0 # SKIP umockdev is not installed");

    return 0;
}

#endif
