/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/found-modem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define STICK "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1"
#define OTHER "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2"

typedef struct {
    GPtrArray *ports; /* AkmaUdevPort, owned */
} Fixture;

static void
facts_free(gpointer data)
{
    AkmaUdevPort *facts = data;

    g_hash_table_unref(facts->properties);
    g_free(facts);
}

static int
setup(void **state)
{
    Fixture *f = g_new0(Fixture, 1);

    f->ports = g_ptr_array_new_with_free_func(facts_free);
    *state = f;

    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;

    g_ptr_array_unref(f->ports);
    g_free(f);

    return 0;
}

static AkmaUdevPort *
add(Fixture *f, const char *subsystem, const char *node, const char *physical, const char *driver)
{
    AkmaUdevPort *facts = g_new0(AkmaUdevPort, 1);

    facts->subsystem = subsystem;
    facts->node = node;
    facts->physical = physical;
    facts->driver = driver;
    facts->is_usb = true;
    facts->interface = -1;
    facts->properties = g_hash_table_new(g_str_hash, g_str_equal);
    g_ptr_array_add(f->ports, facts);

    return facts;
}

static AkmaUdevPort *
add_tty(Fixture *f, const char *node, const char *driver, int interface)
{
    AkmaUdevPort *facts = add(f, "tty", node, STICK, driver);

    facts->interface = interface;
    facts->usb_class = 0xff0000;

    return facts;
}

static AkmaUdevPort *
add_wwan(Fixture *f, const char *node, const char *type)
{
    AkmaUdevPort *facts = add(f, "wwan", node, "/sys/devices/pci0000:00/0000:01:00.0", "mhi-pci");

    facts->is_usb = false;
    facts->wwan_type = type;

    return facts;
}

static void
tag(AkmaUdevPort *facts, const char *property)
{
    g_hash_table_insert(facts->properties, (gpointer)property, (gpointer) "1");
}

/* What was found, as "protocol:node protocol:node | ..."; a guess has a "?". */
static void
assert_found(Fixture *f, const char *expected)
{
    g_autoptr(GPtrArray) modems = akma_found_modem_list(f->ports);
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < modems->len; i++) {
        const AkmaFoundModem *modem = modems->pdata[i];

        g_string_append(text, i > 0 ? " |" : "");
        for (guint j = 0; j < modem->ports->len; j++) {
            const AkmaFoundPort *port = modem->ports->pdata[j];

            g_string_append_printf(text,
                                   "%s%s%s:%s",
                                   text->len > 0 ? " " : "",
                                   port->protocol,
                                   port->is_guess ? "?" : "",
                                   port->node);
        }
    }
    assert_string_equal(text->str, expected);
}

static void
mbim_or_qmi_comes_before_at(void **state)
{
    Fixture *f = *state;

    tag(add_tty(f, "/dev/ttyUSB2", "option", 2), "ID_MM_PORT_TYPE_AT_PRIMARY");
    add(f, "usbmisc", "/dev/cdc-wdm0", STICK, "qmi_wwan");
    assert_found(f, "qmi:/dev/cdc-wdm0 at:/dev/ttyUSB2");

    add(f, "usbmisc", "/dev/cdc-wdm1", STICK, "cdc_mbim");
    assert_found(f, "mbim:/dev/cdc-wdm1 qmi:/dev/cdc-wdm0 qmi:/dev/cdc-wdm1 at:/dev/ttyUSB2");
}

static void
ports_of_two_devices_are_two_modems_by_path(void **state)
{
    Fixture *f = *state;

    add(f, "usbmisc", "/dev/cdc-wdm1", STICK, "cdc_mbim");
    add(f, "usbmisc", "/dev/cdc-wdm0", OTHER, "qmi_wwan");

    assert_found(f, "qmi:/dev/cdc-wdm0 | mbim:/dev/cdc-wdm1 qmi:/dev/cdc-wdm1");
}

static void
ports_that_a_rule_names_together_are_one_modem(void **state)
{
    Fixture *f = *state;
    AkmaUdevPort *a = add(f, "usbmisc", "/dev/cdc-wdm0", STICK, "qmi_wwan");
    AkmaUdevPort *b = add(f, "tty", "/dev/ttyUSB0", OTHER, "ftdi_sio");

    g_hash_table_insert(a->properties, (gpointer) "ID_MM_PHYSDEV_UID", (gpointer) "board");
    g_hash_table_insert(b->properties, (gpointer) "ID_MM_PHYSDEV_UID", (gpointer) "board");
    tag(b, "ID_MM_PORT_TYPE_AT_PRIMARY");

    assert_found(f, "qmi:/dev/cdc-wdm0 at:/dev/ttyUSB0");
}

static void
tagged_port_is_the_one_and_others_are_left_alone(void **state)
{
    Fixture *f = *state;

    tag(add_tty(f, "/dev/ttyUSB0", "option", 0), "ID_MM_PORT_TYPE_QCDM");
    tag(add_tty(f, "/dev/ttyUSB1", "option", 1), "ID_MM_PORT_TYPE_GPS");
    tag(add_tty(f, "/dev/ttyUSB2", "option", 2), "ID_MM_PORT_TYPE_AT_SECONDARY");
    tag(add_tty(f, "/dev/ttyUSB3", "option", 3), "ID_MM_PORT_TYPE_AT_PRIMARY");
    add_tty(f, "/dev/ttyUSB4", "option", 4);

    assert_found(f, "at:/dev/ttyUSB3 at:/dev/ttyUSB2");
}

static void
untagged_ports_of_a_modem_driver_are_guesses_in_order_of_interface(void **state)
{
    Fixture *f = *state;

    add_tty(f, "/dev/ttyUSB0", "option", 0);
    add_tty(f, "/dev/ttyUSB1", "option", 1);
    add_tty(f, "/dev/ttyUSB2", "option", 2);
    add_tty(f, "/dev/ttyUSB3", "option", 3);

    assert_found(f, "at?:/dev/ttyUSB2 at?:/dev/ttyUSB3 at?:/dev/ttyUSB0 at?:/dev/ttyUSB1");
}

static void
reject_serial_ports_that_nothing_calls_a_modem(void **state)
{
    Fixture *f = *state;

    add_tty(f, "/dev/ttyUSB0", "ftdi_sio", 0);
    add(f, "tty", "/dev/ttyS0", "/sys/devices/platform/serial8250", "serial8250")->is_usb = false;
    add(f, "tty", "/dev/ttyACM0", OTHER, "cdc_acm")->usb_class = 0x020201; /* a robot */

    assert_found(f, "");
}

static void
adapter_is_a_modem_if_a_rule_says_so(void **state)
{
    Fixture *f = *state;

    tag(add_tty(f, "/dev/ttyUSB0", "ftdi_sio", 0), "ID_MM_DEVICE_PROCESS");

    assert_found(f, "at?:/dev/ttyUSB0");
}

static void
acm_port_is_one_beside_a_network_interface_or_its_like(void **state)
{
    Fixture *f = *state;

    add_tty(f, "/dev/ttyACM0", "cdc_acm", 0)->usb_class = 0x020201;
    assert_found(f, "");
    add(f, "net", NULL, STICK, "cdc_ether");
    assert_found(f, "at?:/dev/ttyACM0");

    g_ptr_array_set_size(f->ports, 1);
    add_tty(f, "/dev/ttyACM1", "cdc_acm", 2)->usb_class = 0x020201;
    assert_found(f, "at?:/dev/ttyACM1 at?:/dev/ttyACM0");
    g_ptr_array_set_size(f->ports, 1);
    add_tty(f, "/dev/ttyACM1", "cdc_acm", 2)->usb_class = 0x020200; /* no AT commands */
    assert_found(f, "");
}

static void
reject_what_a_rule_ignores(void **state)
{
    static const char *const rules[] = {"ID_MM_DEVICE_IGNORE",
                                        "ID_MM_PORT_IGNORE",
                                        "ID_MM_TTY_BLACKLIST",
                                        "ID_MM_TTY_MANUAL_SCAN_ONLY"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        Fixture *f;
        AkmaUdevPort *facts;

        setup((void **)&f);
        facts = add_tty(f, "/dev/ttyUSB2", "option", 2);
        tag(facts, "ID_MM_PORT_TYPE_AT_PRIMARY");
        assert_found(f, "at:/dev/ttyUSB2");
        tag(facts, rules[i]);
        assert_found(f, "");
        g_hash_table_insert(facts->properties, (gpointer)rules[i], (gpointer) "0");
        assert_found(f, "at:/dev/ttyUSB2");
        teardown((void **)&f);
    }
}

/* So a port is kept from ModemManager and given to akmad. */
static void
own_rule_goes_before_all_others(void **state)
{
    Fixture *f = *state;
    AkmaUdevPort *facts = add_tty(f, "/dev/ttyUSB3", "option", 3);

    tag(facts, "ID_MM_PORT_IGNORE");
    g_hash_table_insert(facts->properties, (gpointer) "ID_AKMAD_PORT", (gpointer) "at");
    add(f, "usbmisc", "/dev/cdc-wdm0", STICK, "qmi_wwan");
    assert_found(f, "at:/dev/ttyUSB3 qmi:/dev/cdc-wdm0");

    g_hash_table_insert(facts->properties, (gpointer) "ID_AKMAD_PORT", (gpointer) "ignore");
    assert_found(f, "qmi:/dev/cdc-wdm0");
    g_hash_table_remove(facts->properties, "ID_MM_PORT_IGNORE");
    g_hash_table_insert(facts->properties, (gpointer) "ID_AKMAD_PORT", (gpointer) "smoke");
    assert_found(f, "qmi:/dev/cdc-wdm0");
}

static void
wwan_ports_go_by_their_type(void **state)
{
    Fixture *f = *state;

    add_wwan(f, "/dev/wwan0at0", "AT");
    add_wwan(f, "/dev/wwan0qcdm0", "QCDM");
    add_wwan(f, "/dev/wwan0mbim0", "MBIM");
    assert_found(f, "mbim:/dev/wwan0mbim0 qmi:/dev/wwan0mbim0 at:/dev/wwan0at0");

    g_ptr_array_set_size(f->ports, 1);
    add_wwan(f, "/dev/wwan0qmi0", "QMI");
    assert_found(f, "qmi:/dev/wwan0qmi0 at:/dev/wwan0at0");
}

static void
port_that_the_kernel_shows_twice_is_taken_as_cdc_wdm(void **state)
{
    Fixture *f = *state;
    AkmaUdevPort *twin = add(f, "wwan", "/dev/wwan0qmi0", STICK, "qmi_wwan");

    twin->wwan_type = "QMI";
    add(f, "usbmisc", "/dev/cdc-wdm0", STICK, "qmi_wwan");

    assert_found(f, "qmi:/dev/cdc-wdm0");
}

static void
reject_drivers_that_carry_something_else(void **state)
{
    Fixture *f = *state;

    add(f, "usbmisc", "/dev/cdc-wdm0", STICK, "huawei_cdc_ncm");
    add(f, "usbmisc", "/dev/hiddev0", OTHER, "usbhid");
    add(f, "usbmisc", "/dev/lp0", OTHER, NULL);

    assert_found(f, "");
}

static void
named_port_speaks_what_its_driver_says(void **state)
{
    Fixture *f = *state;

    assert_string_equal(
        akma_udev_port_get_protocol(add(f, "usbmisc", "/dev/cdc-wdm0", STICK, "cdc_mbim")), "mbim");
    assert_string_equal(
        akma_udev_port_get_protocol(add(f, "usbmisc", "/dev/cdc-wdm1", STICK, "qmi_wwan")), "qmi");
    assert_string_equal(akma_udev_port_get_protocol(add_wwan(f, "/dev/wwan0mbim0", "MBIM")),
                        "mbim");
    assert_string_equal(akma_udev_port_get_protocol(add_wwan(f, "/dev/wwan0at0", "AT")), "at");
    assert_string_equal(akma_udev_port_get_protocol(add_tty(f, "/dev/ttyUSB0", "ftdi_sio", 0)),
                        "at");
}

static void
modems_are_compared_by_device_and_ports(void **state)
{
    Fixture *f = *state;
    g_autoptr(GPtrArray) a = NULL;
    g_autoptr(GPtrArray) b = NULL;

    add(f, "usbmisc", "/dev/cdc-wdm0", STICK, "qmi_wwan");
    a = akma_found_modem_list(f->ports);
    b = akma_found_modem_list(f->ports);
    assert_true(akma_found_modem_equal(a->pdata[0], b->pdata[0]));

    g_ptr_array_unref(b);
    add_tty(f, "/dev/ttyUSB2", "option", 2);
    b = akma_found_modem_list(f->ports);
    assert_false(akma_found_modem_equal(a->pdata[0], b->pdata[0]));
}

#define with_ports(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        with_ports(mbim_or_qmi_comes_before_at),
        with_ports(ports_of_two_devices_are_two_modems_by_path),
        with_ports(ports_that_a_rule_names_together_are_one_modem),
        with_ports(tagged_port_is_the_one_and_others_are_left_alone),
        with_ports(untagged_ports_of_a_modem_driver_are_guesses_in_order_of_interface),
        with_ports(reject_serial_ports_that_nothing_calls_a_modem),
        with_ports(adapter_is_a_modem_if_a_rule_says_so),
        with_ports(acm_port_is_one_beside_a_network_interface_or_its_like),
        cmocka_unit_test(reject_what_a_rule_ignores),
        with_ports(own_rule_goes_before_all_others),
        with_ports(wwan_ports_go_by_their_type),
        with_ports(port_that_the_kernel_shows_twice_is_taken_as_cdc_wdm),
        with_ports(reject_drivers_that_carry_something_else),
        with_ports(named_port_speaks_what_its_driver_says),
        with_ports(modems_are_compared_by_device_and_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
