/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The virtual controller of the kernel, as a folder with the files that it has in /sys. */
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "modem/simulator/vhci.h"
#include "tests/fakes/soft-card.h"

static void
a_free_socket_is_found(void **state)
{
    static const char head[] = "hub port sta spd dev      sockfd local_busid\n";
    g_autofree char *free_one = g_strconcat(head,
                                            "hs  0000 006 003 00010002 000003 1-1\n"
                                            "hs  0001 004 000 00000000 000000 0-0\n",
                                            NULL);
    g_autofree char *none =
        g_strconcat(head, "hs  0000 006 003 00010002 000003 1-1\nss  0015 004 000 0 0 0-0\n", NULL);

    (void)state;
    assert_int_equal(akma_soft_vhci_find_socket(free_one), 1);
    assert_int_equal(akma_soft_vhci_find_socket(none), -1);
    assert_int_equal(akma_soft_vhci_find_socket(""), -1);
    assert_int_equal(akma_soft_vhci_find_socket("nonsense\nhs\n"), -1);
}

/* A folder with the files of a controller. */
static char *
controller_new(const char *status)
{
    char *folder = g_dir_make_tmp("vhci-XXXXXX", NULL);
    g_autofree char *status_path = g_build_filename(folder, "status", NULL);
    g_autofree char *attach_path = g_build_filename(folder, "attach", NULL);

    assert_true(g_file_set_contents(status_path, status, -1, NULL));
    assert_true(g_file_set_contents(attach_path, "", -1, NULL));

    return folder;
}

static void
controller_free(char *folder)
{
    g_autofree char *status_path = g_build_filename(folder, "status", NULL);
    g_autofree char *attach_path = g_build_filename(folder, "attach", NULL);

    g_unlink(status_path);
    g_unlink(attach_path);
    g_rmdir(folder);
    g_free(folder);
}

static void
the_controller_is_handed_a_socket(void **state)
{
    char *folder = controller_new("hs  0007 004 000 00000000 000000 0-0\n");
    g_autofree char *attach_path = g_build_filename(folder, "attach", NULL);
    g_autofree char *line = NULL;
    g_autoptr(AkmaSoftModem) modem = akma_soft_modem_new(soft_card_new());
    g_autoptr(AkmaSoftVhci) vhci = akma_soft_vhci_new(
        modem, akma_soft_usb_model_find("mbim"), akma_soft_dialect_find("plain"), folder, NULL);

    (void)state;
    assert_non_null(vhci);
    assert_true(g_file_get_contents(attach_path, &line, NULL, NULL));
    assert_true(g_regex_match_simple("^7 [0-9]+ 65538 3$", line, 0, 0));
    assert_int_equal(akma_soft_vhci_count_clients(vhci), 0);

    g_clear_pointer(&vhci, akma_soft_vhci_free);
    controller_free(folder);
}

static void
reject_a_machine_without_a_controller(void **state)
{
    char *folder = controller_new("hs  0000 006 003 00010002 000003 1-1\n");
    g_autofree char *elsewhere = g_build_filename(folder, "none", NULL);
    const char *folders[] = {folder, elsewhere};
    g_autoptr(AkmaSoftModem) modem = akma_soft_modem_new(soft_card_new());

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(akma_soft_vhci_new(modem,
                                       akma_soft_usb_model_find("mbim"),
                                       akma_soft_dialect_find("plain"),
                                       folders[i],
                                       &error));
        assert_int_equal(error->code, AKMA_ERROR_INVALID_ARGUMENT);
    }
    controller_free(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_socket_is_found),
        cmocka_unit_test(the_controller_is_handed_a_socket),
        cmocka_unit_test(reject_a_machine_without_a_controller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
