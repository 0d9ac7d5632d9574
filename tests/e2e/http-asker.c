/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * http-asker: requests through the libcurl client of src/http for the tests beside it.
 *
 * Each --request "METHOD PATH BODY [same] [cancel] [pause]" is one line of output:
 * "STATUS TYPE LOCATION RETRY-AFTER LENGTH SHA-256" or "error DOMAIN-OR-CODE MESSAGE". BODY "-"
 * is none. With --http-1-1 --authorization VALUE it asks as a client of GBA, and --fields prints
 * what a challenge and its answer say: "fields CHALLENGE|...|AUTHENTICATION-INFO|SERVER". pause:
 * half a second before it; cancel: 100 ms after its start. --hold keeps the last answer and waits
 * for stdin to end.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/program.h"
#include "http/client.h"

static AkmaHttpConfig config = {.timeout_ms = 3000, .body_bytes = 65536};
static int timeout_ms = 3000, body_bytes = 65536;
static char **requests;
static char *authorization;
static gboolean hold, http_1_1, fields;

static const GOptionEntry entries[] = {
    {"url", 0, 0, G_OPTION_ARG_STRING, &config.url, NULL, NULL},
    {"connect", 0, 0, G_OPTION_ARG_STRING, &config.connect, NULL, NULL},
    {"ca-file", 0, 0, G_OPTION_ARG_STRING, &config.ca_file, NULL, NULL},
    {"interface", 0, 0, G_OPTION_ARG_STRING, &config.interface, NULL, NULL},
    {"https-proxy", 0, 0, G_OPTION_ARG_STRING, &config.https_proxy, NULL, NULL},
    {"timeout-ms", 0, 0, G_OPTION_ARG_INT, &timeout_ms, NULL, NULL},
    {"body-bytes", 0, 0, G_OPTION_ARG_INT, &body_bytes, NULL, NULL},
    {"request", 0, 0, G_OPTION_ARG_STRING_ARRAY, &requests, NULL, NULL},
    {"http-1-1", 0, 0, G_OPTION_ARG_NONE, &http_1_1, NULL, NULL},
    {"authorization", 0, 0, G_OPTION_ARG_STRING, &authorization, NULL, NULL},
    {"fields", 0, 0, G_OPTION_ARG_NONE, &fields, NULL, NULL},
    {"hold", 0, 0, G_OPTION_ARG_NONE, &hold, NULL, NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
    GMainLoop *loop;
    AkmaHttpClient *client;
    AkmaHttpResponse *kept;
    size_t next;
} Asker;

static void begin(Asker *asker);

static void
print_answer(const AkmaHttpResponse *answer)
{
    g_autofree char *sum =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, answer->body->data, answer->body->len);

    printf("%u %s %s %u %u %s\n",
           answer->status,
           answer->content_type ? answer->content_type : "-",
           answer->location ? answer->location : "-",
           answer->retry_after_s,
           answer->body->len,
           sum);
    if (fields) {
        printf("fields ");
        for (char *const *challenge = answer->challenges; *challenge; challenge++)
            printf("%s|", *challenge);
        printf("%s|%s\n",
               answer->authentication_info ? answer->authentication_info : "-",
               answer->server ? answer->server : "-");
    }
    fflush(stdout);
}

static void
answered(GObject *client, GAsyncResult *res, gpointer user_data)
{
    Asker *asker = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaHttpResponse) answer =
        akma_http_client_send_finish(AKMA_HTTP_CLIENT(client), res, &error);

    if (answer) {
        print_answer(answer);
        akma_http_response_free(g_steal_pointer(&asker->kept));
        asker->kept = g_steal_pointer(&answer);
    } else if (error->domain == AKMA_ERROR) {
        printf("error %d %s\n", error->code, error->message);
    } else {
        printf("error %s %s\n", g_quark_to_string(error->domain), error->message);
    }
    begin(asker);
}

static gboolean
cancel(gpointer user_data)
{
    g_cancellable_cancel(user_data);

    return G_SOURCE_REMOVE;
}

static void
begin(Asker *asker)
{
    g_auto(GStrv) words = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GBytes) body = NULL;
    const char *const *flags;

    if (!requests || !requests[asker->next]) {
        g_main_loop_quit(asker->loop);
        return;
    }

    words = g_strsplit(requests[asker->next++], " ", -1);
    flags = (const char *const *)words + 3;
    if (!g_str_equal(words[2], "-"))
        body = g_bytes_new(words[2], strlen(words[2]));
    if (g_strv_contains(flags, "pause"))
        g_usleep(2 * G_USEC_PER_SEC);
    if (g_strv_contains(flags, "cancel"))
        g_timeout_add_full(
            G_PRIORITY_DEFAULT, 100, cancel, g_object_ref(cancellable), g_object_unref);
    akma_http_client_send_async(asker->client,
                                words[0],
                                words[1],
                                body ? "text/plain" : NULL,
                                body,
                                g_strv_contains(flags, "same"),
                                cancellable,
                                answered,
                                asker);
}

int
main(int argc, char **argv)
{
    Asker asker = {0};
    g_autoptr(GError) error = NULL;

    akma_program_init("http-asker");
    if (!akma_program_parse(&argc, &argv, entries, NULL, NULL, NULL, true, &error))
        return akma_program_fail(error, false);

    config.timeout_ms = (unsigned)timeout_ms;
    config.body_bytes = (size_t)body_bytes;
    asker.loop = g_main_loop_new(NULL, FALSE);
    config.version = http_1_1 ? AKMA_HTTP_1_1 : AKMA_HTTP_2;
    asker.client = akma_http_client_new(&config);
    akma_http_client_set_authorization(asker.client, authorization);
    begin(&asker);
    g_main_loop_run(asker.loop);

    while (hold && getchar() != EOF)
        ;
    akma_http_response_free(asker.kept);
    g_object_unref(asker.client);
    g_main_loop_unref(asker.loop);
    g_strfreev(requests);

    return 0;
}
