/* SPDX-License-Identifier: Apache-2.0
 *
 * Mask hints that are regular expressions: the first line is a pattern, the rest any bytes of a log line.
 * Invariants: a refusal has a text that does not quote the pattern; whole and in pieces the same is hidden;
 * what is hidden is replaced, never added; a pattern without special characters hides every occurrence. */
#include "actions/mask.h"
#include "base/mem.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void in_pieces(struct mask *m, struct sv text, size_t piece, struct sv want)
{
    AUTO(buf_free) struct buf out = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf carry = BUF_INIT(1 << 20);

    for (size_t at = 0; at < text.n || at == 0; at += piece) {
        buf_addsv(&carry, sv_sub(text, at, piece));
        size_t used = mask_apply_part(m, buf_sv(&carry), text.n - at <= piece, &out);
        buf_consume(&carry, used);
    }
    BUG(carry.len != 0);
    BUG(out.p == NULL || want.p == NULL || !sv_eq(buf_sv(&out), want));
}

/* Everything but the replacements is in the text, in the same order. */
static bool is_rest_of(struct sv masked, struct sv text)
{
    while (masked.n > 0) {
        if (sv_starts(masked, SV("***"))) {
            masked = sv_sub(masked, 3, masked.n);
            continue;
        }
        size_t at = sv_chr(text, masked.p[0]);
        if (at == SV_NPOS)
            return false;
        text = sv_sub(text, at + 1, text.n);
        masked = sv_sub(masked, 1, masked.n);
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv rest = {(const char *)data, size}, pattern = {NULL, 0};
    AUTO(buf_free) struct buf got = BUF_INIT(1 << 20);
    struct err e = {0};

    if (size > 4096 || !sv_next(&rest, '\n', &pattern))
        return 0;
    struct sv text = rest.p != NULL ? rest : SV("");
    if (sv_chr(text, '*') != SV_NPOS)
        return 0; /* a star of the text reads like a replacement */
    struct mask *m = mask_new();
    if (mask_add_regex(m, pattern, &e) < 0) {
        BUG(e.msg[0] == '\0' || (e.code != FAIL_INPUT && e.code != FAIL_LIMIT));
        BUG(pattern.n > 20 && sv_find(sv_of(e.msg), pattern) != SV_NPOS);
    }
    mask_apply(m, text, &got);
    BUG(got.p == NULL || text.p == NULL);
    BUG(!is_rest_of(buf_sv(&got), text));
    BUG(mask_hits(m, text) != !sv_eq(buf_sv(&got), text));
    in_pieces(m, text, 1, buf_sv(&got));
    in_pieces(m, text, 13, buf_sv(&got));
    mask_free(m);
    return 0;
}
