/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * replay: the main() of a fuzz target in a build without libFuzzer. Gives every file of
 * tests/fuzz/corpus/<name>/ to the target and prints TAP; <name> is the program's, without "fuzz-".
 */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char **argv)
{
    const char *top = g_getenv("top_srcdir");
    g_autofree char *base = g_path_get_basename(argc > 0 ? argv[0] : "");
    const char *name = strstr(base, "fuzz-");
    g_autofree char *folder = g_build_filename(
        top ? top : ".", "tests", "fuzz", "corpus", name ? name + strlen("fuzz-") : base, NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *entry;
    int n = 0;

    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("ok %d - empty\n", ++n);

    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, entry, NULL);
        g_autofree char *content = NULL;
        gsize len;

        if (!g_file_get_contents(path, &content, &len, NULL))
            continue;
        /* an exact copy, so that ASan sees a read past its end */
        g_autofree uint8_t *copy = g_memdup2(content, len);
        LLVMFuzzerTestOneInput(copy, len);
        printf("ok %d - %s\n", ++n, entry);
    }
    printf("1..%d\n", n);

    return 0;
}
