/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding any of many literals in one pass (Aho and Corasick 1975), linear in the text whatever the
 * literals are.
 *
 * States are numbered breadth first, so the children of a state are neighbours: 13 bytes a state. In front
 * stands a filter on a hash of three bytes: text in which no literal begins is skipped at several bytes a
 * cycle group, and the automaton only runs from a position that passed until it knows less than three
 * bytes of any literal again. */
#include "actions/mask_priv.h"

#include "base/mem.h"

#define ROOT 0U
/* The filter's size: at most one bit in 2^FILTER_SPARSE set, between the two limits (bits, as powers of 2). */
#define FILTER_SPARSE 6
#define FILTER_MIN    13
#define FILTER_MAX    21

struct ac {
    uint32_t n;        /* states */
    uint32_t level2;   /* first state of depth 2 */
    uint32_t level3;   /* first state of depth 3 */
    uint32_t *first;   /* [n + 1]: children are first[s] .. first[s + 1] - 1 */
    uint32_t *fail;    /* longest proper suffix that is a state too */
    uint32_t *longest; /* longest literal that ends here, or 0 */
    unsigned char *byte;
    uint32_t root[256];
    uint64_t *filter;
    unsigned filter_shift;
    bool has_short; /* a literal of one or two bytes: look at the pairs too */
    uint64_t pairs[1024];
};

static uint32_t hash3(uint32_t three, unsigned shift)
{
    return (three & 0xFFFFFFU) * 0x9E3779B1U >> shift;
}

static bool bit_of(const uint64_t *bits, uint32_t i)
{
    return (bits[i >> 6] >> (i & 63U) & 1U) != 0;
}

static void set_bit(uint64_t *bits, uint32_t i)
{
    bits[i >> 6] |= 1ULL << (i & 63U);
}

static uint32_t load3(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;

    return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16;
}

static int by_bytes(const void *a, const void *b)
{
    const struct sv *x = a, *y = b;

    return sv_cmp(*x, *y);
}

static size_t dedup(struct sv *v, size_t n)
{
    size_t kept = 0;

    qsort(v, n, sizeof *v, by_bytes);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !sv_eq(v[kept - 1], v[i]))
            v[kept++] = v[i];
    return kept;
}

static void build_filter(struct ac *a, const struct sv *v, size_t n)
{
    unsigned bits = FILTER_MIN;

    while (bits < FILTER_MAX && (n << FILTER_SPARSE) > (size_t)1 << bits)
        bits++;
    a->filter_shift = 32 - bits;
    a->filter = xcalloc(((size_t)1 << bits) / 64, sizeof *a->filter);
    for (size_t i = 0; i < n; i++) {
        const unsigned char *p = (const unsigned char *)v[i].p;
        if (v[i].n >= 3) {
            set_bit(a->filter, hash3(load3(v[i].p), a->filter_shift));
            continue;
        }
        a->has_short = true;
        for (uint32_t c = 0; c < 256; c++)
            if (v[i].n == 1 || c == p[1])
                set_bit(a->pairs, p[0] | c << 8);
    }
}

/* One state while building: the literals lo .. hi - 1 share its bytes. */
struct range {
    uint32_t lo, hi;
};

/* Counts the states: the bytes of each literal beyond what it shares with the one before. */
static size_t count_states(const struct sv *v, size_t n)
{
    size_t states = 1;

    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        while (i > 0 && same < v[i].n && same < v[i - 1].n && v[i].p[same] == v[i - 1].p[same])
            same++;
        states += v[i].n - same;
    }
    return states;
}

static void build_trie(struct ac *a, const struct sv *v, size_t n)
{
    struct range *ranges = xcalloc(a->n, sizeof *ranges);
    uint32_t next = 1, level_end = 1;
    size_t depth = 0;

    ranges[ROOT] = (struct range){0, (uint32_t)n};
    for (uint32_t s = 0; s < a->n; s++) {
        if (s == level_end) {
            level_end = next;
            depth++;
            if (depth == 2)
                a->level2 = s;
            if (depth == 3)
                a->level3 = s;
        }
        struct range r = ranges[s];
        a->first[s] = next;
        /* The literal that ends here sorts first. */
        if (r.lo < r.hi && v[r.lo].n == depth && depth > 0) {
            a->longest[s] = (uint32_t)depth;
            r.lo++;
        }
        while (r.lo < r.hi) {
            char c = v[r.lo].p[depth];
            uint32_t hi = r.lo + 1;
            while (hi < r.hi && v[hi].p[depth] == c)
                hi++;
            a->byte[next] = (unsigned char)c;
            ranges[next++] = (struct range){r.lo, hi};
            r.lo = hi;
        }
    }
    a->first[a->n] = next;
    BUG(next != a->n);
    free(ranges);
}

static uint32_t child_of(const struct ac *a, uint32_t s, unsigned char c)
{
    uint32_t lo = a->first[s], hi = a->first[s + 1];

    while (hi - lo > 4) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (a->byte[mid] <= c)
            lo = mid;
        else
            hi = mid;
    }
    for (; lo < hi; lo++)
        if (a->byte[lo] == c)
            return lo;
    return ROOT;
}

static uint32_t step(const struct ac *a, uint32_t s, unsigned char c)
{
    while (s != ROOT) {
        uint32_t t = child_of(a, s, c);
        if (t != ROOT)
            return t;
        s = a->fail[s];
    }
    return a->root[c];
}

static void build_links(struct ac *a)
{
    for (uint32_t t = a->first[ROOT]; t < a->first[ROOT + 1]; t++)
        a->root[a->byte[t]] = t;
    for (uint32_t s = 0; s < a->n; s++) {
        for (uint32_t t = a->first[s]; t < a->first[s + 1]; t++) {
            a->fail[t] = s == ROOT ? ROOT : step(a, a->fail[s], a->byte[t]);
            if (a->longest[t] == 0)
                a->longest[t] = a->longest[a->fail[t]];
        }
    }
}

struct ac *ac_new(struct sv *v, size_t n)
{
    if (n == 0)
        return NULL;
    n = dedup(v, n);
    size_t states = count_states(v, n);
    BUG(states >= UINT32_MAX || n >= UINT32_MAX); /* MASK_MAX_BYTES is far below */
    struct ac *a = xcalloc(1, sizeof *a);
    a->n = (uint32_t)states;
    a->level2 = a->n;
    a->level3 = a->n;
    a->first = xcalloc(states + 1, sizeof *a->first);
    a->fail = xcalloc(states, sizeof *a->fail);
    a->longest = xcalloc(states, sizeof *a->longest);
    a->byte = xcalloc(states, 1);
    build_filter(a, v, n);
    build_trie(a, v, n);
    build_links(a);
    return a;
}

void ac_free(struct ac *a)
{
    if (a == NULL)
        return;
    secret_wipe(a->byte, a->n);
    secret_wipe(a->root, sizeof a->root);
    free(a->first);
    free(a->fail);
    free(a->longest);
    free(a->byte);
    free(a->filter);
    free(a);
}

/* First position from i on where a literal may begin, or the first one too close to the end to tell. */
static size_t skip(const struct ac *a, const char *p, size_t i, size_t n)
{
    unsigned shift = a->filter_shift;

    while (n - i >= 8) {
        uint64_t w;
        memcpy(&w, p + i, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        w = __builtin_bswap64(w);
#endif
        for (unsigned k = 0; k < 6; k++) {
            uint32_t three = (uint32_t)(w >> 8 * k);
            if (bit_of(a->filter, hash3(three, shift)) ||
                (a->has_short && bit_of(a->pairs, three & 0xFFFFU)))
                return i + k;
        }
        i += 6;
    }
    for (; n - i >= 3; i++) {
        uint32_t three = load3(p + i);
        if (bit_of(a->filter, hash3(three, shift)) ||
            (a->has_short && bit_of(a->pairs, three & 0xFFFFU)))
            return i;
    }
    return i;
}

void ac_scan(const struct ac *a, struct sv text, struct spans *out)
{
    size_t i = 0, seen = 0; /* literals that end up to `seen` are reported */

    while (i < text.n) {
        i = skip(a, text.p, i, text.n);
        size_t start = i, at = i;
        uint32_t s = ROOT;
        while (at < text.n) {
            s = step(a, s, (unsigned char)text.p[at++]);
            if (a->longest[s] > 0 && at > seen)
                spans_add(out, at - a->longest[s], at);
            /* Less than three bytes known: the filter can take over at the first of them. After three
             * steps that is at least one byte further, so the whole stays linear. */
            if (s < a->level3 && at - start >= 3 && text.n - at >= 3)
                break;
        }
        if (at > seen)
            seen = at;
        if (at == text.n)
            return;
        i = at - (s == ROOT ? 0U : s < a->level2 ? 1U : 2U);
    }
}
