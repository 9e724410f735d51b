/* SPDX-License-Identifier: Apache-2.0
 *
 * Random bytes from the kernel. The seeded generator exists in test builds only and is no secret source. */
#include "base/ids.h"

#include "base/attr.h"
#include "base/num.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void kernel_random(unsigned char *p, size_t n)
{
    while (n > 0) {
        ssize_t r = getrandom(p, n, 0);
        if (r < 0 && errno == EINTR)
            continue;
        BUG(r <= 0); /* going on with guessable ids would be worse */
        p += r;
        n -= (size_t)r;
    }
}

#ifdef GANTRY_SEAMS
/* splitmix64 (public domain, Vigna), seeded by GANTRY_TEST_SEED: the same sequence in every run. */
static bool seeded_random(unsigned char *p, size_t n)
{
    static uint64_t state;
    static int seeded = -1;

    if (seeded < 0) {
        struct err e;
        const char *text = getenv("GANTRY_TEST_SEED");
        seeded = text != NULL && num_u64(sv_of(text), UINT64_MAX, &state, &e) == 0;
    }
    if (!seeded)
        return false;
    while (n > 0) {
        unsigned char word[8];
        state += 0x9E3779B97F4A7C15ULL;
        uint64_t z = state;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
        store_le64(word, z ^ z >> 31);
        size_t k = n < sizeof word ? n : sizeof word;
        memcpy(p, word, k);
        p += k;
        n -= k;
    }
    return true;
}
#endif

void ids_random(void *p, size_t n)
{
#ifdef GANTRY_SEAMS
    if (seeded_random(p, n))
        return;
#endif
    kernel_random(p, n);
}

/* Source: RFC 9562 section 5.4 (version 4, variant 10). */
void ids_uuid4(char out[UUID_TEXT_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char r[16];
    size_t at = 0;

    ids_random(r, sizeof r);
    r[6] = (unsigned char)((r[6] & 0x0FU) | 0x40U);
    r[8] = (unsigned char)((r[8] & 0x3FU) | 0x80U);
    for (size_t i = 0; i < sizeof r; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = hex[r[i] >> 4];
        out[at++] = hex[r[i] & 15];
    }
    out[at] = '\0';
}

void ids_token(char *out, size_t n)
{
    static const char abc[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    size_t at = 0;

    while (at < n) {
        unsigned char r[32];
        ids_random(r, sizeof r);
        for (size_t i = 0; i < sizeof r && at < n; i++)
            if (r[i] < 252) /* 7 * 36: every character equally likely */
                out[at++] = abc[r[i] % 36];
    }
    out[n] = '\0';
}
