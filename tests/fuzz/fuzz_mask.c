/* SPDX-License-Identifier: Apache-2.0
 *
 * The masker against a naive one: same output whole and in pieces, and no form of any secret is left.
 * Input: lines that are secrets, an empty line, the text. */
#include "actions/mask.h"
#include "actions/mask_priv.h"
#include "base/mem.h"

#include <stdint.h>

#define MAX_FORMS    4096
#define MAX_BYTEWISE 256

struct forms {
    char *v[MAX_FORMS];
    size_t len[MAX_FORMS];
    size_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keep_form(void *ctx, struct sv form)
{
    struct forms *f = ctx;

    BUG(f->n == MAX_FORMS);
    f->v[f->n] = xmemdup(form.p, form.n);
    f->len[f->n++] = form.n;
}

/* Marks every byte of every occurrence; runs of marked bytes, and runs that touch, become ***. */
static void naive(const struct forms *f, struct sv text, struct buf *out)
{
    unsigned char *hit = xcalloc(text.n + 1, 1);

    for (size_t k = 0; k < f->n; k++)
        for (size_t i = 0; f->len[k] <= text.n && i <= text.n - f->len[k]; i++)
            if (memcmp(text.p + i, f->v[k], f->len[k]) == 0)
                (void)memset(hit + i, 1, f->len[k]);
    for (size_t i = 0; i < text.n; i++) {
        if (!hit[i])
            buf_addc(out, text.p[i]);
        else if (i == 0 || !hit[i - 1])
            buf_adds(out, "***");
    }
    free(hit);
}

static void check_pieces(struct mask *m, struct sv text, size_t piece, struct sv want)
{
    AUTO(buf_free) struct buf out = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf carry = BUF_INIT(1 << 20);

    for (size_t at = 0; at < text.n || at == 0; at += piece) {
        buf_addsv(&carry, sv_sub(text, at, piece));
        size_t used = mask_apply_part(m, buf_sv(&carry), text.n - at <= piece, &out);
        buf_consume(&carry, used);
    }
    BUG(carry.len != 0);
    BUG(!sv_eq(buf_sv(&out), want));
}

static void keep_value(struct forms *f, struct sv value)
{
    struct sv trimmed = sv_trim(value);

    if (trimmed.n > 0)
        mask_encode(value, keep_form, f);
    if (trimmed.n > 0 && trimmed.n < value.n)
        mask_encode(trimmed, keep_form, f);
}

/* The lines of a secret are secrets, too; a byte 1 stands for the end of one. */
static void add_secret(struct mask *m, struct forms *f, struct sv line)
{
    AUTO(auto_free) char *copy = xmemdup(line.p, line.n);
    struct sv value = {copy, line.n}, part;

    for (size_t i = 0; i < line.n; i++)
        if (copy[i] == 1)
            copy[i] = '\n';
    mask_add(m, value);
    keep_value(f, value);
    value = sv_trim(value);
    while (sv_chr(line, 1) != SV_NPOS && sv_next(&value, '\n', &part)) {
        part = sv_trim(part);
        if (part.n > 1 || (part.n == 1 && strchr("{}[](),", part.p[0]) == NULL))
            keep_value(f, part);
    }
}

/* Where the text was cut, no beginning of a form of some length is left either. */
static void check_cut(struct mask *m, const struct forms *f, struct sv text)
{
    AUTO(buf_free) struct buf out = BUF_INIT(1 << 20);

    mask_apply_cut(m, text, &out);
    BUG(out.over);
    for (size_t i = 0; i < f->n; i++) {
        size_t n = f->len[i] < MASK_CUT_BYTES ? f->len[i] : MASK_CUT_BYTES;
        BUG(sv_find(buf_sv(&out), (struct sv){f->v[i], n}) != SV_NPOS);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv rest = {(const char *)data, size}, line;
    static struct forms f; /* large */
    AUTO(buf_free) struct buf want = BUF_INIT(1 << 20);
    AUTO(buf_free) struct buf got = BUF_INIT(1 << 20);
    size_t secrets = 0;

    if (size > 4096)
        return 0;
    f.n = 0;
    struct mask *m = mask_new();
    while (sv_next(&rest, '\n', &line) && line.n > 0) {
        /* A secret with a star in it could be put together out of the replacement. */
        if (secrets++ == 16 || line.n > 200 || sv_chr(line, '*') != SV_NPOS ||
            sv_chr(line, '\r') != SV_NPOS)
            continue;
        add_secret(m, &f, line);
        if (secrets == 8)
            (void)mask_hits(m, line); /* builds: the later ones go into the small automaton */
    }
    struct sv text = rest.p != NULL ? rest : SV("");
    naive(&f, text, &want);
    mask_apply(m, text, &got);
    BUG(got.p == NULL || want.p == NULL || got.over || want.over);
    BUG(!sv_eq(buf_sv(&got), buf_sv(&want)));
    BUG(mask_hits(m, text) != (want.len != text.n || !sv_eq(buf_sv(&want), text)) &&
        !mask_hits(m, text));
    for (size_t i = 0; i < f.n; i++)
        BUG(sv_find(buf_sv(&got), (struct sv){f.v[i], f.len[i]}) != SV_NPOS);
    if (text.n <= MAX_BYTEWISE) /* each piece is looked at together with what was kept */
        check_pieces(m, text, 1, buf_sv(&want));
    check_pieces(m, text, 7, buf_sv(&want));
    check_pieces(m, text, 64, buf_sv(&want));
    check_cut(m, &f, text);
    for (size_t i = 0; i < f.n; i++)
        free(f.v[i]);
    mask_free(m);
    return 0;
}
