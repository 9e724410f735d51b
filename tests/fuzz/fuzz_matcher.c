/* SPDX-License-Identifier: Apache-2.0
 *
 * A matcher file, a line "---", lines of output. Invariants: a refusal has a text; what is accepted by one reading is
 * by the next; a match has a message, and every property of it is text of the lines or of the file; the clock is looked
 * at no more often than the time-out allows. */
#include "actions/matcher.h"

#include "actions/matcher_priv.h"
#include "base/mem.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct watch {
    struct sv all; /* of the input */
    int64_t now;
    bool refuse;
};

static int64_t tick(void *ctx)
{
    struct watch *w = ctx;

    return w->now += 4;
}

static bool found(void *ctx, const struct matched *m)
{
    struct watch *w = ctx;

    BUG(m->v[MATCHED_MESSAGE].p == NULL);
    for (int k = 0; k < MATCHED_COUNT_; k++)
        if (k != MATCHED_SEVERITY && k != MATCHED_FROM_PATH && m->v[k].n > 0)
            BUG(sv_chr(w->all, '\x1b') == SV_NPOS && sv_find(w->all, m->v[k]) == SV_NPOS);
    w->refuse = !w->refuse;
    return w->refuse;
}

static void gave_up(void *ctx, struct sv owner, unsigned attempt, const char *why)
{
    (void)ctx;
    BUG(owner.n == 0 || attempt == 0 || attempt > MATCHER_ATTEMPTS || why == NULL);
}

static void check_text(const struct err *e)
{
    BUG(e->msg[0] == '\0' || (e->code != FAIL_INPUT && e->code != FAIL_LIMIT));
}

static void play(struct matcher_set *set, struct sv lines, struct sv all)
{
    struct watch w = {.all = all};
    struct matching_options o = {
        .ctx = &w, .now_ms = tick, .timeout_ms = 10, .found = found, .gave_up = gave_up};
    AUTO(buf_free) struct buf plain = BUF_INIT(1 << 16);
    struct matcher_set none = {NULL, 0};
    struct matching *m = matching_new(set, &o), *late = matching_new(&none, &o);
    struct sv line;

    for (size_t i = 0; i < set->n; i++)
        matching_prepend(late, set->v[i]);
    while (sv_next(&lines, '\n', &line)) {
        struct sv text = matcher_plain_text(line, &plain);
        BUG(text.n > line.n);
        if (!utf8_valid(line) || !utf8_valid(text))
            continue;
        int64_t before = w.now;
        (void)matching_line(m, text, line);
        BUG(w.now - before > 20 * o.timeout_ms);
        (void)matching_line(late, text, line);
    }
    matching_free(m);
    matching_free(late);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(matcher_set_done) struct matcher_set set = {NULL, 0}, job = {NULL, 0};
    AUTO(strv_free) struct strv owners = STRV_INIT;
    AUTO(strv_free) struct strv removed = STRV_INIT;
    struct err e = {0}, e2 = {0};

    if (size > 4096)
        return 0;
    AUTO(auto_free) char *exact = xmalloc(size); /* exact size: ASan sees one byte too far */
    if (size > 0)
        memcpy(exact, data, size);
    struct sv all = {exact, size};
    size_t at = sv_find(all, SV("\n---\n"));
    struct sv file = sv_sub(all, 0, at == SV_NPOS ? size : at);
    struct sv lines = at == SV_NPOS ? SV("") : sv_sub(all, at + 5, size);
    bool has_owners = matcher_file_owners(file, &owners, &e2) == 0;
    if (matcher_file_read(file, &set, &e) < 0) {
        check_text(&e);
        return 0;
    }
    BUG(!has_owners || owners.n != set.n);
    BUG(matcher_set_add(&job, &set, &e) == 0 && job.n != set.n);
    play(&set, lines, all);
    matcher_set_remove(&job, &owners, &removed);
    BUG(job.n != 0);
    return 0;
}
