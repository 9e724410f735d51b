/* SPDX-License-Identifier: Apache-2.0
 *
 * File commands: entries written as heredocs and parsed again are the same. */
#include "actions/command.h"

#include "base/mem.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DELIMITER "ghadelimiter_6ba7b810"

struct pairs {
    struct buf keys, values;
    struct buf text; /* the same entries as heredocs */
    size_t n;
    bool odd; /* a name ends in '<', which a heredoc would give to the delimiter */
};

static int collect(void *ctx, struct sv key, struct sv value, struct err *e)
{
    struct pairs *p = ctx;

    (void)e;
    BUG(key.n == 0 || !utf8_valid(key) || !utf8_valid(value));
    buf_addf(&p->keys, "%zu:", key.n);
    buf_addsv(&p->keys, key);
    buf_addf(&p->values, "%zu:", value.n);
    buf_addsv(&p->values, value);
    buf_addsv(&p->text, key);
    buf_adds(&p->text, "<<" DELIMITER "\n");
    buf_addsv(&p->text, value);
    buf_adds(&p->text, value.n > 0 ? "\n" DELIMITER "\n" : DELIMITER "\n");
    p->odd = p->odd || sv_ends(key, SV("<"));
    p->n++;
    return 0;
}

static struct pairs pairs_new(void)
{
    return (struct pairs){BUF_INIT(1 << 20), BUF_INIT(1 << 20), BUF_INIT(1 << 20), 0, false};
}

static void pairs_done(struct pairs *p)
{
    buf_free(&p->keys);
    buf_free(&p->values);
    buf_free(&p->text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pairs a = pairs_new(), b = pairs_new();
    struct strv lines = STRV_INIT;
    struct err e = {0};

    if (size > 4096)
        return 0;
    char *exact = xmalloc(size); /* exact size: ASan sees one byte too far */
    if (size > 0)
        (void)memcpy(exact, data, size);
    struct sv text = {exact, size};
    if (cmd_file_pairs(text, collect, &a, &e) < 0)
        BUG(e.code != FAIL_INPUT || e.msg[0] == '\0');
    if (!a.odd && sv_find(buf_sv(&a.values), SV(DELIMITER)) == SV_NPOS &&
        sv_find(buf_sv(&a.keys), SV("\xEF\xBB\xBF")) == SV_NPOS) {
        BUG(cmd_file_pairs(buf_sv(&a.text), collect, &b, &e) < 0);
        BUG(a.n != b.n || !sv_eq(buf_sv(&a.keys), buf_sv(&b.keys)) ||
            !sv_eq(buf_sv(&a.values), buf_sv(&b.values)));
    }
    cmd_file_lines(text, &lines);
    for (size_t i = 0; i < lines.n; i++)
        (void)cmd_env_is_blocked(sv_of(lines.v[i]));
    strv_free(&lines);
    pairs_done(&a);
    pairs_done(&b);
    free(exact);
    return 0;
}
