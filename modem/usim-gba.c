/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "modem/usim-gba.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define P2_CONTEXT_GBA  0x84
#define TAG_GBA_OK      0xdb
#define TAG_GBA_SYNC    0xdc
#define TAG_BOOTSTRAP   0xdd
#define TAG_DERIVE      0xde
#define KS_EXT_NAF_LEN  32
#define GBABP_RAND_PART 17 /* length and RAND */

/*= TS 31.102 4.2.79: EF_GBABP 6FD6, without short identifier */
const AkmaFile akma_usim_gbabp = {"EF_GBABP", {0x7f, 0xff}, 2, 0x6fd6, 0x00};

static void
broken(GError **error)
{
    g_set_error_literal(error,
                        AKMA_ERROR,
                        AKMA_ERROR_MODEM_FAILED,
                        "the answer to AUTHENTICATE (GBA) of the card is broken");
}

/*= TS 31.102 7.1.2: bootstrapping answers DB RES or DC AUTS, nothing behind it */
bool
akma_usim_parse_gba(const uint8_t *bytes, size_t len, AkmaAkaResult *ret, GError **error)
{
    AkmaReader all = akma_reader_init(bytes, len);
    uint8_t tag = akma_reader_u8(&all);
    size_t value_len = akma_reader_u8(&all);
    const uint8_t *value = akma_reader_take(&all, value_len);
    g_auto(AkmaAkaResult) aka = {0};

    if (value && akma_reader_is_done(&all) && tag == TAG_GBA_OK && value_len >= 4 &&
        value_len <= sizeof aka.res) {
        aka.outcome = AKMA_AKA_OK;
        aka.res_len = value_len;
        memcpy(aka.res, value, value_len);
    } else if (value && akma_reader_is_done(&all) && tag == TAG_GBA_SYNC &&
               value_len == sizeof aka.auts) {
        aka.outcome = AKMA_AKA_SYNC_FAILURE;
        memcpy(aka.auts, value, value_len);
    } else {
        broken(error);
        return false;
    }
    *ret = aka;

    return true;
}

/*= TS 31.102 7.1.2: NAF derivation answers DB Ks_ext_NAF */
AkmaSecret *
akma_usim_parse_ks_ext_naf(const uint8_t *bytes, size_t len, GError **error)
{
    AkmaReader all = akma_reader_init(bytes, len);
    uint8_t tag = akma_reader_u8(&all);
    size_t value_len = akma_reader_u8(&all);
    const uint8_t *value = akma_reader_take(&all, value_len);

    if (!value || !akma_reader_is_done(&all) || tag != TAG_GBA_OK || value_len != KS_EXT_NAF_LEN) {
        broken(error);
        return NULL;
    }

    return akma_secret_new(value, value_len, error);
}

bool
akma_usim_gbabp_has_rand(const uint8_t *bytes, size_t len, const uint8_t rand[static 16])
{
    return len >= GBABP_RAND_PART && bytes[0] == 16 && CRYPTO_memcmp(bytes + 1, rand, 16) == 0;
}

/* The answer with its keys goes on to the finish function as it is: it lives in secret memory. */
static void
answered(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(AkmaResponse) response = akma_uicc_send_finish(AKMA_CHANNEL(source), res, &error);

    if (response && !akma_sw_is_done(response->sw))
        akma_sw_set_error(response->sw, "AUTHENTICATE (GBA)", &error);
    if (error)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        g_task_return_pointer(task, g_steal_pointer(&response), (GDestroyNotify)akma_response_free);
}

/* Takes the task. */
static void
authenticate(GTask *owned, const AkmaWriter *data)
{
    g_autoptr(GTask) task = owned;
    GCancellable *cancellable = g_task_get_cancellable(task);
    AkmaChannel *channel = g_task_get_source_object(task);
    AkmaCommand command;

    akma_command_init(
        &command, AKMA_INS_AUTHENTICATE, 0, P2_CONTEXT_GBA, data->start, data->len, 0);
    akma_uicc_send_async(channel, &command, cancellable, answered, g_steal_pointer(&task));
}

/*= TS 31.102 7.1.2: AUTHENTICATE, P2 84, data DD 10 RAND 10 AUTN */
void
akma_usim_gba_bootstrap_async(AkmaChannel *channel,
                              const uint8_t rand[static 16],
                              const uint8_t autn[static 16],
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    uint8_t bytes[AKMA_COMMAND_DATA_MAX];
    AkmaWriter data = akma_writer_init(bytes, sizeof bytes);

    g_task_set_source_tag(task, akma_usim_gba_bootstrap_async);
    akma_writer_u8(&data, TAG_BOOTSTRAP);
    akma_writer_u8(&data, 16);
    akma_writer_put(&data, rand, 16);
    akma_writer_u8(&data, 16);
    akma_writer_put(&data, autn, 16);
    authenticate(g_steal_pointer(&task), &data);
}

bool
akma_usim_gba_bootstrap_finish(AkmaChannel *channel,
                               GAsyncResult *res,
                               AkmaAkaResult *ret,
                               GError **error)
{
    g_autoptr(AkmaResponse) response = NULL;

    g_return_val_if_fail(g_task_is_valid(res, channel), false);

    response = g_task_propagate_pointer(G_TASK(res), error);

    return response && akma_usim_parse_gba(response->bytes, response->len, ret, error);
}

/*= TS 31.102 7.1.2: AUTHENTICATE, P2 84, data DE L NAF_ID L IMPI */
void
akma_usim_gba_derive_async(AkmaChannel *channel,
                           const uint8_t *naf_id,
                           size_t naf_id_len,
                           const char *impi,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    uint8_t bytes[AKMA_COMMAND_DATA_MAX];
    AkmaWriter data = akma_writer_init(bytes, sizeof bytes);
    size_t impi_len = strlen(impi);

    g_task_set_source_tag(task, akma_usim_gba_derive_async);
    akma_writer_u8(&data, TAG_DERIVE);
    akma_writer_u8(&data, (uint8_t)naf_id_len);
    akma_writer_put(&data, naf_id, naf_id_len);
    akma_writer_u8(&data, (uint8_t)impi_len);
    akma_writer_put(&data, impi, impi_len);
    if (data.bad) /* each length fits into its byte if the whole fits */
        g_task_return_new_error(task,
                                AKMA_ERROR,
                                AKMA_ERROR_ANCHOR_UNSUPPORTED,
                                "the name of the server is too long for the card (GBA_U)");
    else
        authenticate(g_steal_pointer(&task), &data);
    OPENSSL_cleanse(bytes, sizeof bytes);
}

AkmaSecret *
akma_usim_gba_derive_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_autoptr(AkmaResponse) response = NULL;

    g_return_val_if_fail(g_task_is_valid(res, channel), NULL);

    response = g_task_propagate_pointer(G_TASK(res), error);

    return response ? akma_usim_parse_ks_ext_naf(response->bytes, response->len, error) : NULL;
}

static void
written(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;

    if (akma_uicc_update_finish(AKMA_CHANNEL(source), res, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void
put_field(AkmaWriter *writer, const void *bytes, size_t len)
{
    akma_writer_u8(writer, (uint8_t)len);
    akma_writer_put(writer, bytes, len);
}

/*= TS 31.102 4.2.79: L RAND, L B-TID, L key lifetime */
/*= TS 33.220 G.1: the ME stores B-TID and key lifetime in the UICC */
void
akma_usim_write_gbabp_async(AkmaChannel *channel,
                            const uint8_t rand[static 16],
                            const char *b_tid,
                            const char *lifetime,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);
    uint8_t bytes[GBABP_RAND_PART + 2 * (1 + AKMA_GBA_FIELD_MAX)];
    AkmaWriter writer = akma_writer_init(bytes, sizeof bytes);
    size_t b_tid_len = strlen(b_tid);
    size_t lifetime_len = strlen(lifetime);

    g_task_set_source_tag(task, akma_usim_write_gbabp_async);
    if (b_tid_len > AKMA_GBA_FIELD_MAX || lifetime_len > AKMA_GBA_FIELD_MAX) {
        g_task_return_new_error(task,
                                AKMA_ERROR,
                                AKMA_ERROR_ANCHOR_UNSUPPORTED,
                                "the identifier of the bootstrapping is too long for EF_GBABP");
        return;
    }

    put_field(&writer, rand, 16);
    put_field(&writer, b_tid, b_tid_len);
    put_field(&writer, lifetime, lifetime_len);
    akma_uicc_update_async(channel,
                           &akma_usim_gbabp,
                           writer.start,
                           writer.len,
                           cancellable,
                           written,
                           g_steal_pointer(&task));
}

bool
akma_usim_write_gbabp_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, channel), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}

static void
gbabp_read(GObject *source, GAsyncResult *res, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;
    const uint8_t *rand = g_task_get_task_data(task);
    g_autoptr(AkmaResponse) file = akma_uicc_read_finish(AKMA_CHANNEL(source), res, &error);

    if (file)
        g_task_return_boolean(task, akma_usim_gbabp_has_rand(file->bytes, file->len, rand));
    else
        g_task_return_error(task, error);
}

void
akma_usim_check_gbabp_async(AkmaChannel *channel,
                            const uint8_t rand[static 16],
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(channel, cancellable, callback, user_data);

    g_task_set_source_tag(task, akma_usim_check_gbabp_async);
    g_task_set_task_data(task, g_memdup2(rand, 16), g_free);
    akma_uicc_read_async(channel,
                         &akma_usim_gbabp,
                         GBABP_RAND_PART,
                         cancellable,
                         gbabp_read,
                         g_steal_pointer(&task));
}

bool
akma_usim_check_gbabp_finish(AkmaChannel *channel, GAsyncResult *res, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(res, channel), false);

    return g_task_propagate_boolean(G_TASK(res), error);
}
