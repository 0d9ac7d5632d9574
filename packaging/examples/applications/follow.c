/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * follow: gets the key of an application with libakmad, and again whenever it changes.
 *
 *     cc -o follow follow.c $(pkg-config --cflags --libs akmad libcrypto)
 *     ./follow mqtt
 *
 * In place of real work it prints the SHA-256 of the key, as akmactl get --format fingerprint.
 */

#include <akmad/akmad.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* The work: with the bytes where they are, no copy of them is left to wipe. */
static void
use_key(AkmadKey *key)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_len = 0;
    gsize len;
    const guint8 *bytes = akmad_key_peek(key, &len);

    EVP_Digest(bytes, len, digest, &digest_len, EVP_sha256(), NULL);
    printf("%s ", akmad_key_get_kid(key));
    for (unsigned int i = 0; i < digest_len; i++)
        printf("%02x", digest[i]);
    printf("\n");
    fflush(stdout);
}

/* In two lines, as akmactl does. */
static void
tell(const char *prefix, const GError *error)
{
    g_autofree char *message = akmad_error_dup_message(error);

    fprintf(stderr, "%s%s\n  next: %s\n", prefix, message, akmad_error_get_next(error));
}

static void
got_key(GObject *source, GAsyncResult *result, gpointer user_data)
{
    AkmadApplication *application = AKMAD_APPLICATION(source);
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmadKey) key = akmad_application_get_key_finish(application, result, &error);

    (void)user_data;
    if (key)
        use_key(key);
    else if (akmad_error_get_next(error))
        tell("", error);
}

/* Also for the version that is there when the watch begins. */
static void
key_changed(AkmadApplication *application, const char *kid, gpointer user_data)
{
    (void)kid;
    akmad_application_get_key_async(application, NULL, got_key, user_data);
}

static void
key_revoked(AkmadApplication *application, const char *kid, gpointer user_data)
{
    (void)application;
    (void)user_data;
    printf("%s revoked\n", kid);
    fflush(stdout);
}

/* No key, and akmad knows why: it goes on trying, and so do we. */
static void
state_changed(AkmadApplication *application, AkmadState state, gpointer user_data)
{
    g_autoptr(GError) error = akmad_application_dup_last_error(application);

    (void)user_data;
    if (state == AKMAD_STATE_FAILED && error)
        tell("no key: ", error);
}

int
main(int argc, char **argv)
{
    g_autoptr(AkmadApplication) application = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);

    if (argc != 2) {
        fprintf(stderr, "usage: %s APPLICATION\n", argv[0]);
        return EXIT_FAILURE;
    }

    application = akmad_application_new(argv[1]);
    g_signal_connect(application, "key-changed", G_CALLBACK(key_changed), NULL);
    g_signal_connect(application, "key-revoked", G_CALLBACK(key_revoked), NULL);
    g_signal_connect(application, "state", G_CALLBACK(state_changed), NULL);
    akmad_application_watch(application);
    g_main_loop_run(loop);

    return EXIT_SUCCESS;
}
