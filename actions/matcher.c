/* SPDX-License-Identifier: Apache-2.0
 *
 * Problem matchers: the list of a job, and the running state of one stream (spec logs 1.6.2, 1.6.3). */
#include "actions/matcher.h"

#include "actions/fold.h"
#include "actions/matcher_priv.h"
#include "base/mem.h"

/* ---- matchers and sets ---- */

struct matcher *matcher_ref(struct matcher *m)
{
    m->refs++;
    return m;
}

void matcher_unref(struct matcher *m)
{
    if (m == NULL || --m->refs > 0)
        return;
    for (size_t i = 0; i < m->n; i++)
        matcher_regex_free(m->patterns[i].regex);
    free(m->patterns);
    free(m->owner);
    free(m->severity);
    free(m->from_path);
    free(m);
}

struct sv matcher_owner(const struct matcher *m)
{
    return sv_of(m->owner);
}

void matcher_set_done(struct matcher_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        matcher_unref(s->v[i]);
    free(s->v);
    *s = (struct matcher_set){NULL, 0};
}

static bool owns_one_of(const struct matcher *m, const struct matcher_set *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (fold_eq(matcher_owner(m), matcher_owner(s->v[i])))
            return true;
    return false;
}

int matcher_set_add(struct matcher_set *job, const struct matcher_set *file, struct err *e)
{
    struct matcher_set next = {xcalloc(job->n + file->n + 1, sizeof(struct matcher *)), 0};
    size_t patterns = 0;

    for (size_t i = 0; i < file->n; i++)
        next.v[next.n++] = matcher_ref(file->v[i]);
    for (size_t i = 0; i < job->n; i++)
        if (!owns_one_of(job->v[i], file))
            next.v[next.n++] = matcher_ref(job->v[i]);
    for (size_t i = 0; i < next.n; i++)
        patterns += next.v[i]->n;
    if (patterns > MATCHER_PATTERNS) {
        matcher_set_done(&next);
        return err_set(e, FAIL_LIMIT, "the matchers of a job have more than %u patterns together",
                       MATCHER_PATTERNS);
    }
    matcher_set_done(job);
    *job = next;
    return 0;
}

static bool is_named(const struct strv *owners, const struct matcher *m)
{
    for (size_t i = 0; i < owners->n; i++)
        if (fold_eq(sv_of(owners->v[i]), matcher_owner(m)))
            return true;
    return false;
}

void matcher_set_remove(struct matcher_set *job, const struct strv *owners, struct strv *removed)
{
    size_t kept = 0;

    for (size_t i = 0; i < job->n; i++) {
        if (!is_named(owners, job->v[i])) {
            job->v[kept++] = job->v[i];
            continue;
        }
        strv_addsv(removed, matcher_owner(job->v[i]));
        matcher_unref(job->v[i]);
    }
    job->n = kept;
}

/* ---- running matches ---- */

/* A captured text, shared by the states that it was handed on to. */
struct capture {
    unsigned refs;
    size_t n;
    char p[];
};

static struct capture *capture_new(struct sv s)
{
    struct capture *c = xmalloc(sizeof *c + s.n);

    c->refs = 1;
    c->n = s.n;
    if (s.n > 0)
        memcpy(c->p, s.p, s.n);
    return c;
}

/* What the patterns so far have matched, on the lines before; NULL = a property that none of them sets. */
struct partial {
    bool there;
    struct capture *v[MATCHED_COUNT_];
};

static void partial_clear(struct partial *s)
{
    for (int k = 0; k < MATCHED_COUNT_; k++)
        if (s->v[k] != NULL && --s->v[k]->refs == 0)
            free(s->v[k]);
    *s = (struct partial){.there = false};
}

/* A matcher in one stream. */
struct runner {
    struct matcher *m;
    struct partial *state; /* of all patterns but the last */
};

static void runner_reset(struct runner *r)
{
    for (size_t i = 0; i + 1 < r->m->n; i++)
        partial_clear(&r->state[i]);
}

static void runner_done(struct runner *r)
{
    runner_reset(r);
    free(r->state);
    matcher_unref(r->m);
}

static struct runner runner_new(struct matcher *m)
{
    return (struct runner){.m = matcher_ref(m), .state = xcalloc(m->n, sizeof(struct partial))};
}

struct matching {
    struct matching_options o;
    struct matcher_engine *engine;
    struct runner *v;
    size_t n;
};

struct matching *matching_new(const struct matcher_set *job, const struct matching_options *o)
{
    struct matching *m = xcalloc(1, sizeof *m);

    m->o = *o;
    m->engine = matcher_engine_new();
    m->v = xcalloc(job->n + 1, sizeof *m->v);
    for (size_t i = 0; i < job->n; i++)
        m->v[m->n++] = runner_new(job->v[i]);
    return m;
}

void matching_free(struct matching *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n; i++)
        runner_done(&m->v[i]);
    free(m->v);
    matcher_engine_free(m->engine);
    free(m);
}

static void drop(struct matching *m, size_t i)
{
    runner_done(&m->v[i]);
    m->n--;
    memmove(&m->v[i], &m->v[i + 1], (m->n - i) * sizeof *m->v);
}

void matching_prepend(struct matching *m, struct matcher *one)
{
    for (size_t i = m->n; i-- > 0;)
        if (fold_eq(matcher_owner(m->v[i].m), matcher_owner(one)))
            drop(m, i);
    m->v = xreallocarray(m->v, m->n + 1, sizeof *m->v);
    memmove(&m->v[1], &m->v[0], m->n * sizeof *m->v);
    m->v[0] = runner_new(one);
    m->n++;
}

void matching_remove(struct matching *m, const struct strv *owners)
{
    for (size_t i = m->n; i-- > 0;)
        if (is_named(owners, m->v[i].m))
            drop(m, i);
}

/* ---- one line ---- */

enum attempt { ATTEMPT_NONE, ATTEMPT_MATCH, ATTEMPT_GAVE_UP };

struct trying {
    struct matching *m;
    struct sv text, raw;
    struct sv subject; /* which of them the last search was about */
    struct regex_time time;
    const char *why;
    struct matched found;
};

/* Of the patterns before, or else what this one captured (spec logs 1.6.3 `merge`). */
static struct sv property(const struct trying *t, const struct partial *before,
                          const struct matcher_pattern *p, int k)
{
    if (before != NULL && before->v[k] != NULL)
        return (struct sv){before->v[k]->p, before->v[k]->n};
    if (p->group[k] < 0)
        return (struct sv){NULL, 0};
    return matcher_regex_group(p->regex, t->m->engine, t->subject, (unsigned)p->group[k]);
}

static void keep(const struct trying *t, const struct partial *before,
                 const struct matcher_pattern *p, struct partial *into)
{
    struct partial next = {.there = true};

    for (int k = 0; k < MATCHED_COUNT_; k++) {
        if (before != NULL && before->v[k] != NULL) {
            next.v[k] = before->v[k];
            next.v[k]->refs++;
        } else if (p->group[k] >= 0) {
            next.v[k] = capture_new(property(t, before, p, k));
        }
    }
    partial_clear(into);
    *into = next;
}

static void complete(struct trying *t, const struct runner *r, const struct partial *before,
                     const struct matcher_pattern *p)
{
    struct sv *v = t->found.v;

    for (int k = 0; k < MATCHED_COUNT_; k++)
        v[k] = property(t, before, p, k);
    if (v[MATCHED_SEVERITY].n == 0 && r->m->severity[0] != '\0')
        v[MATCHED_SEVERITY] = sv_of(r->m->severity);
    if (v[MATCHED_FROM_PATH].n == 0 && r->m->from_path[0] != '\0')
        v[MATCHED_FROM_PATH] = sv_of(r->m->from_path);
}

static enum regex_result search(struct trying *t, const struct matcher_pattern *p)
{
    t->subject = t->text;
    enum regex_result got =
        matcher_regex_search(p->regex, t->m->engine, t->subject, &t->time, &t->why);
    if (got != REGEX_NONE || t->raw.p == t->text.p)
        return got;
    t->subject = t->raw;
    return matcher_regex_search(p->regex, t->m->engine, t->subject, &t->time, &t->why);
}

/* From the last pattern to the first: each may go on from a line before, the first may begin. On a match the states stay
 * as they are until it was handed on. */
static enum attempt try_once(struct trying *t, struct runner *r)
{
    size_t last = r->m->n - 1;

    for (size_t i = last + 1; i-- > 0;) {
        const struct matcher_pattern *p = &r->m->patterns[i];
        const struct partial *before = i > 0 ? &r->state[i - 1] : NULL;
        if (i > 0 && !before->there)
            continue;
        enum regex_result got = search(t, p);
        if (got == REGEX_GAVE_UP)
            return ATTEMPT_GAVE_UP;
        if (got == REGEX_MATCH && i == last) {
            complete(t, r, before, p);
            return ATTEMPT_MATCH;
        }
        if (got == REGEX_MATCH)
            keep(t, before, p, &r->state[i]);
        else if (i < last)
            partial_clear(&r->state[i]);
        else if (i > 0)
            partial_clear(&r->state[i - 1]); /* breaks the running match */
    }
    return ATTEMPT_NONE;
}

/* A loop goes on with the same lines before. */
static void after_match(struct runner *r)
{
    size_t last = r->m->n - 1;

    for (size_t i = 0; i < last; i++)
        if (!(r->m->patterns[last].loop && i + 1 == last))
            partial_clear(&r->state[i]);
}

static enum attempt try_matcher(struct trying *t, struct runner *r)
{
    enum attempt got = try_once(t, r);

    for (unsigned n = 1; got == ATTEMPT_GAVE_UP; n++) {
        t->m->o.gave_up(t->m->o.ctx, matcher_owner(r->m), n, t->why);
        if (n == MATCHER_ATTEMPTS)
            break;
        got = try_once(t, r);
    }
    return got;
}

static void reset_others(struct matching *m, const struct runner *but)
{
    for (size_t i = 0; i < m->n; i++)
        if (&m->v[i] != but)
            runner_reset(&m->v[i]);
}

bool matching_line(struct matching *m, struct sv text, struct sv raw)
{
    struct trying t = {
        .m = m,
        .text = text,
        .raw = raw,
        .time = {.ctx = m->o.ctx, .now_ms = m->o.now_ms, .timeout_ms = m->o.timeout_ms}};

    if (raw.n > MATCHER_LINE_BYTES) {
        reset_others(m, NULL);
        return false;
    }
    int64_t until = -1;
    for (size_t i = 0; i < m->n;) {
        enum attempt got = try_matcher(&t, &m->v[i]);
        if (got == ATTEMPT_MATCH) {
            reset_others(m, &m->v[i]);
            bool issue = m->o.found(m->o.ctx, &t.found);
            after_match(&m->v[i]);
            if (issue)
                return true;
        }
        if (got == ATTEMPT_GAVE_UP)
            drop(m, i);
        else
            i++;
        /* Ours: once one was slow the others have little time left, so that many take no longer than a few. */
        if (t.why != NULL && until < 0)
            until = m->o.now_ms(m->o.ctx) + m->o.timeout_ms;
        else if (t.why != NULL && m->o.now_ms(m->o.ctx) > until)
            break;
    }
    return false;
}

/* ---- text ---- */

/* Behind a control sequence that begins at i: ESC [ parameters, intermediates, a final byte (ECMA-48 5.4). */
static size_t end_of_sequence(struct sv s, size_t i)
{
    for (i += 2; i < s.n && s.p[i] >= 0x30 && s.p[i] <= 0x3F; i++)
        continue;
    for (; i < s.n && s.p[i] >= 0x20 && s.p[i] <= 0x2F; i++)
        continue;
    return i < s.n && s.p[i] >= 0x40 && s.p[i] <= 0x7E ? i + 1 : i;
}

struct sv matcher_plain_text(struct sv s, struct buf *b)
{
    size_t at = sv_chr(s, '\x1b');

    if (at == SV_NPOS)
        return s;
    buf_reset(b);
    while (at != SV_NPOS) {
        bool sequence = at + 1 < s.n && s.p[at + 1] == '[';
        buf_addsv(b, sv_sub(s, 0, sequence ? at : at + 1));
        s = sv_sub(s, sequence ? end_of_sequence(s, at) : at + 1, s.n);
        at = sv_chr(s, '\x1b');
    }
    buf_addsv(b, s);
    return buf_sv(b);
}
