/* SPDX-License-Identifier: Apache-2.0
 *
 * The masker: a set of literal forms and a few regular expressions, and the replacement of what they find.
 *
 * Two automata: one over the forms that were known when it was built, a small one over those added since
 * (add-mask during a step), so that registering secrets one by one does not rebuild everything each time.
 * Source of the merging rule: actions/runner 2.336.0: src/Sdk/DTLogging/Logging/SecretMasker.cs. */
#include "actions/mask.h"

#include "actions/mask_priv.h"
#include "base/ids.h"
#include "base/mem.h"

/* Forms in the small automaton before it is merged into the large one: a sixteenth of that, or this. */
#define RECENT_MIN_BYTES 16384U
/* How much of a line in pieces is kept for regular expressions (mask.h promises it). */
#define REGEX_KEEP_BYTES 65536U

struct mask {
    struct secret *forms;
    size_t n_forms, cap_forms;
    size_t n_settled; /* of them in `settled`, the rest in `recent` */
    size_t bytes, settled_bytes;
    size_t longest;
    uint32_t *table; /* open addressing: index into forms + 1, or 0 */
    size_t table_size;
    uint64_t seed;
    struct ac *settled, *recent;
    bool dirty;
    bool over; /* MASK_MAX_BYTES was passed: everything is hidden */
    struct mask_regex *regexes[MASK_MAX_REGEXES];
    size_t n_regexes;
    struct spans spans;
    /* A line in pieces: *** was written and reaches `carried` bytes into the next piece. */
    bool open;
    size_t carried;
};

void spans_add(struct spans *s, size_t start, size_t end)
{
    while (s->n > s->base && s->v[s->n - 1].end >= start) {
        struct span top = s->v[--s->n];
        start = top.start < start ? top.start : start;
        end = top.end > end ? top.end : end;
    }
    GROW(s->v, s->cap, s->n + 1);
    s->v[s->n++] = (struct span){start, end};
}

struct mask *mask_new(void)
{
    struct mask *m = xcalloc(1, sizeof *m);

    ids_random(&m->seed, sizeof m->seed);
    m->seed |= 1;
    return m;
}

void mask_free(struct mask *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_forms; i++)
        secret_free(&m->forms[i]);
    for (size_t i = 0; i < m->n_regexes; i++)
        mask_regex_free(m->regexes[i]);
    ac_free(m->settled);
    ac_free(m->recent);
    free(m->forms);
    free(m->table);
    free(m->spans.v);
    free(m);
}

static uint64_t hash_of(const struct mask *m, struct sv s)
{
    uint64_t h = m->seed;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001B3ULL;
    return h ^ h >> 29;
}

/* The slot that holds s, or the free one for it. */
static size_t slot_of(const struct mask *m, struct sv s)
{
    size_t i = (size_t)hash_of(m, s) & (m->table_size - 1);

    while (m->table[i] != 0 && !sv_eq(secret_sv(&m->forms[m->table[i] - 1]), s))
        i = (i + 1) & (m->table_size - 1);
    return i;
}

static void grow_table(struct mask *m)
{
    m->table_size = m->table_size == 0 ? 64 : m->table_size * 2;
    free(m->table);
    m->table = xcalloc(m->table_size, sizeof *m->table);
    for (size_t i = 0; i < m->n_forms; i++)
        m->table[slot_of(m, secret_sv(&m->forms[i]))] = (uint32_t)(i + 1);
}

static void add_form(void *ctx, struct sv form)
{
    struct mask *m = ctx;

    if (m->over || form.n == 0)
        return;
    if (m->n_forms * 2 >= m->table_size)
        grow_table(m);
    size_t slot = slot_of(m, form);
    if (m->table[slot] != 0)
        return;
    if (form.n > MASK_MAX_BYTES - m->bytes) {
        m->over = true;
        return;
    }
    GROW(m->forms, m->cap_forms, m->n_forms + 1);
    m->forms[m->n_forms++] = secret_new(form.p, form.n);
    m->table[slot] = (uint32_t)m->n_forms;
    m->bytes += form.n;
    m->longest = form.n > m->longest ? form.n : m->longest;
    m->dirty = true;
}

/* One value with its encodings, unless it is known. */
static void add_value(struct mask *m, struct sv value)
{
    if (value.n > MASK_MAX_BYTES)
        m->over = true;
    else if (value.n > 0 && !m->over)
        mask_encode(value, add_form, m);
}

/* Upstream hides these too; then every JSON secret makes all logs unreadable (spec logs 3.2). */
static bool is_structure(struct sv line)
{
    return line.n == 1 && strchr("{}[](),", line.p[0]) != NULL;
}

void mask_add(struct mask *m, struct sv value)
{
    struct sv trimmed = sv_trim(value), rest = trimmed, line, part;

    if (trimmed.n == 0)
        return;
    add_value(m, value);
    add_value(m, trimmed);
    if (sv_chr(trimmed, '\n') == SV_NPOS && sv_chr(trimmed, '\r') == SV_NPOS)
        return;
    while (sv_next(&rest, '\n', &line)) {
        while (sv_next(&line, '\r', &part)) {
            part = sv_trim(part);
            if (!is_structure(part))
                add_value(m, part);
        }
    }
}

int mask_add_regex(struct mask *m, struct sv pattern, struct err *e)
{
    AUTO(buf_free) struct buf literal = BUF_INIT(pattern.n);

    if (m->n_regexes == MASK_MAX_REGEXES)
        return err_set(e, FAIL_LIMIT, "more than %d mask hints", MASK_MAX_REGEXES);
    struct mask_regex *r = mask_regex_new(pattern, e);
    if (r == NULL)
        return -1;
    mask_add(m, pattern);
    if (buf_room(&literal, pattern.n) != NULL && mask_regex_literal(pattern, &literal)) {
        add_form(m, buf_sv(&literal)); /* the automaton is faster than the engine */
        mask_regex_free(r);
    } else {
        m->regexes[m->n_regexes++] = r;
    }
    secret_wipe(literal.p, literal.len);
    return 0;
}

static struct ac *build(const struct mask *m, size_t from, size_t to)
{
    struct sv *v = xcalloc(to - from, sizeof *v);

    for (size_t i = from; i < to; i++)
        v[i - from] = secret_sv(&m->forms[i]);
    struct ac *a = ac_new(v, to - from);
    free(v);
    return a;
}

static void refresh(struct mask *m)
{
    size_t recent = m->bytes - m->settled_bytes;

    if (!m->dirty)
        return;
    m->dirty = false;
    ac_free(m->recent);
    m->recent = NULL;
    if (m->settled != NULL && recent <= RECENT_MIN_BYTES + m->settled_bytes / 16) {
        m->recent = build(m, m->n_settled, m->n_forms);
        return;
    }
    ac_free(m->settled);
    m->settled = build(m, 0, m->n_forms);
    m->n_settled = m->n_forms;
    m->settled_bytes = m->bytes;
}

/* A copy of the same length in which every ill-formed byte is '?': the engine wants well-formed text. */
static char *mended(struct sv text)
{
    char *copy = xmemdup(text.p, text.n);
    struct sv at = text;
    unsigned code;

    for (size_t i = 0, n; (n = utf8_next(&at, &code)) > 0; i += n)
        if (code == 0xFFFD && n == 1)
            copy[i] = '?';
    return copy;
}

static void scan_regexes(struct mask *m, struct sv text)
{
    AUTO(auto_free) char *copy = NULL;

    if (!utf8_valid(text)) {
        copy = mended(text);
        text.p = copy;
    }
    for (size_t i = 0; i < m->n_regexes; i++) {
        m->spans.base = m->spans.n;
        mask_regex_scan(m->regexes[i], text, &m->spans);
    }
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts the sources' spans into one list and merges what overlaps or touches. */
static void merge(struct spans *s)
{
    size_t n = s->n;

    qsort(s->v, n, sizeof *s->v, by_start);
    s->n = 0;
    s->base = 0;
    for (size_t i = 0; i < n; i++) {
        struct span v = s->v[i];
        spans_add(s, v.start, v.end); /* writes at or before i */
    }
}

/* Fills m->spans with what is to be hidden. */
static void find(struct mask *m, struct sv text)
{
    struct spans *s = &m->spans;

    refresh(m);
    s->n = 0;
    s->base = 0;
    if (m->over) {
        if (text.n > 0)
            spans_add(s, 0, text.n);
        return;
    }
    if (m->settled != NULL)
        ac_scan(m->settled, text, s);
    size_t first = s->n;
    if (m->recent != NULL) {
        s->base = s->n;
        ac_scan(m->recent, text, s);
    }
    if (m->n_regexes > 0 && text.n > 0)
        scan_regexes(m, text);
    if (s->n > first && (first > 0 || m->n_regexes > 0))
        merge(s);
}

static void put_hidden(const struct mask *m, struct sv text, struct buf *out)
{
    size_t at = 0;

    for (size_t i = 0; i < m->spans.n; i++) {
        struct span s = m->spans.v[i];
        buf_addsv(out, sv_sub(text, at, s.start - at));
        buf_adds(out, "***");
        at = s.end;
    }
    buf_addsv(out, sv_sub(text, at, text.n));
}

void mask_apply(struct mask *m, struct sv text, struct buf *out)
{
    find(m, text);
    put_hidden(m, text, out);
}

/* Length of the longest beginning of a form that text begins with. */
static size_t begun(const struct mask *m, struct sv text)
{
    size_t longest = 0;

    for (size_t i = 0; i < m->n_forms; i++) {
        struct sv form = secret_sv(&m->forms[i]);
        size_t n = 0, max = form.n < text.n ? form.n : text.n;
        while (n < max && form.p[n] == text.p[n])
            n++;
        longest = n > longest ? n : longest;
    }
    return longest;
}

void mask_apply_cut(struct mask *m, struct sv text, struct buf *out)
{
    struct spans *s = &m->spans;

    find(m, text);
    for (size_t i = 0; !m->over && i < text.n;) {
        size_t n = begun(m, sv_sub(text, i, text.n));
        if (n < MASK_CUT_BYTES) {
            i++;
            continue;
        }
        s->base = s->n; /* not in order with what was found before: merged below */
        spans_add(s, i, i + n);
        i += n;
    }
    if (s->n > 1)
        merge(s);
    put_hidden(m, text, out);
}

bool mask_hits(struct mask *m, struct sv text)
{
    find(m, text);
    return m->spans.n > 0;
}

size_t mask_apply_part(struct mask *m, struct sv text, bool last, struct buf *out)
{
    size_t keep = m->longest > 0 ? m->longest - 1 : 0;

    if (m->n_regexes > 0 && keep < REGEX_KEEP_BYTES)
        keep = REGEX_KEEP_BYTES;
    if (!last && text.n <= keep)
        return 0;
    size_t cut = last ? text.n : text.n - keep, at = 0;
    bool open = m->open;
    size_t carried = m->carried < text.n ? m->carried : text.n;
    find(m, text);
    m->open = false;
    m->carried = 0;
    /* What was hidden already may have no span of its own any more: its beginning is gone. */
    if (open) {
        m->spans.base = 0;
        GROW(m->spans.v, m->spans.cap, m->spans.n + 1);
        m->spans.v[m->spans.n++] = (struct span){0, carried};
        merge(&m->spans);
    }
    for (size_t i = 0; i < m->spans.n && m->spans.v[i].start <= cut; i++) {
        struct span s = m->spans.v[i];
        buf_addsv(out, sv_sub(text, at, s.start - at));
        if (s.start == cut && !last && !(open && s.start == 0)) {
            at = cut; /* begins in what is kept: the next piece sees it whole */
            break;
        }
        if (!(open && s.start == 0))
            buf_adds(out, "***");
        at = s.end;
        if (s.end >= cut && !last) {
            m->open = true;
            m->carried = s.end - cut;
            at = cut;
        }
    }
    if (at < cut)
        buf_addsv(out, sv_sub(text, at, cut - at));
    return cut;
}
