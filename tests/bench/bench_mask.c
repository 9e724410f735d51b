/* SPDX-License-Identifier: Apache-2.0
 *
 * Throughput of the masker: 1,000 secrets in all encodings over log text, for several kinds of text and
 * lengths of line. Prints MB/s of one core. Not a test: no limit is asserted. */
#include "actions/mask.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>

#define TEXT_BYTES ((size_t)32 << 20)

static uint64_t rng_state = 42;

static uint64_t rng(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return rng_state;
}

static char *random_token(size_t n, const char *abc)
{
    size_t k = strlen(abc);
    char *p = xmalloc(n + 1);

    for (size_t i = 0; i < n; i++)
        p[i] = abc[rng() % k];
    p[n] = '\0';
    return p;
}

static const char alnum[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char *const words[] = {
    "Downloading", "https://registry.npmjs.org/",
    "package",     "-",
    "[INFO]",      "compiled",
    "test",        "ok",
    "passed",      "in",
    "0.012s",      "src/main/java/org/example/Thing.java",
    "warning:",    "unused",
    "variable",    "error",
    "at",          "line",
    "1234",        "token",
    "build",       "target",
    "copying",     "100%",
};

static void fill_words(struct buf *b, size_t line)
{
    size_t col = 0;

    while (b->len < TEXT_BYTES) {
        const char *w = words[rng() % (sizeof words / sizeof *words)];
        buf_adds(b, w);
        col += strlen(w) + 1;
        buf_addc(b, col >= line ? '\n' : ' ');
        if (col >= line)
            col = 0;
    }
}

static void fill_base64(struct buf *b, size_t line)
{
    for (size_t i = 0; b->len < TEXT_BYTES; i++)
        if (i % line == line - 1)
            buf_addc(b, '\n');
        else
            buf_addc(b, alnum[rng() % 62]);
}

static void run(const char *name, struct mask *m, void (*fill)(struct buf *, size_t), size_t line)
{
    AUTO(buf_free) struct buf text = BUF_INIT(2 * TEXT_BYTES);
    AUTO(buf_free) struct buf out = BUF_INIT(4 * TEXT_BYTES);

    fill(&text, line);
    (void)mask_hits(m, SV("x")); /* builds */
    int64_t start = tm_now_us();
    struct sv rest = buf_sv(&text), one;
    while (sv_next(&rest, '\n', &one)) {
        buf_reset(&out);
        mask_apply(m, one, &out);
    }
    int64_t us = tm_now_us() - start;
    printf("masker: %-28s | %5.0f MB/s | lines of %zu bytes\n", name, (double)text.len / (double)us,
           line);
}

int main(void)
{
    struct mask *m = mask_new();
    int64_t start = tm_now_us();

    for (int i = 0; i < 1000; i++) {
        AUTO(auto_free)
        char *s = random_token(
            20 + rng() % 40, i % 4 == 0 ? "abcdefghijklmnopqrstuvwxyz-_\"'&<> 0123456789" : alnum);
        mask_add(m, sv_of(s));
    }
    (void)mask_hits(m, SV("x"));
    printf("masker: 1,000 secrets registered | %.1f ms\n", (double)(tm_now_us() - start) / 1000);
    run("words", m, fill_words, 80);
    run("words", m, fill_words, 1000);
    run("words, one line", m, fill_words, TEXT_BYTES);
    run("random letters", m, fill_base64, 76);
    run("random letters, one line", m, fill_base64, TEXT_BYTES);
    mask_free(m);
    return 0;
}
