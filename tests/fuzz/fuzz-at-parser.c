/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The first byte says in what pieces the rest arrives. */
#include <string.h>

#include "modem/at/answer.h"
#include "modem/at/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take_line(const AkmaAtLine *line, AkmaAtApdu *apdu)
{
    AkmaRegistration registration;
    AkmaSimState sim;
    int session;
    int tries;

    g_assert(strlen(line->text) == line->len);
    akma_at_parse_session(line->text, &session);
    akma_at_parse_sim_state(line->text, &sim);
    if (akma_at_parse_pin_tries(line->text, &tries))
        g_assert(tries >= 0 && tries <= 15);
    akma_at_parse_registration(line->text, "+CREG:", &registration);
    akma_at_apdu_take(apdu, "+CGLA:", line->text, line->len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char buffer[700];
    AkmaAtParser parser;
    AkmaResponse response = {0};
    AkmaAtApdu apdu = {.response = &response};
    AkmaAtLine line;
    size_t piece = size > 0 && data[0] > 0 ? data[0] : 1;

    akma_at_parser_init(&parser, buffer, sizeof buffer);
    for (size_t at = 1; at < size;) {
        size_t room;
        char *to = akma_at_parser_room(&parser, &room);
        size_t n = MIN(MIN(room, piece), size - at);

        memcpy(to, data + at, n);
        akma_at_parser_add(&parser, n);
        at += n;
        while (akma_at_parser_next(&parser, &line))
            take_line(&line, &apdu);
    }
    akma_at_apdu_finish(&apdu, NULL);
    akma_at_parser_clear(&parser);

    return 0;
}
