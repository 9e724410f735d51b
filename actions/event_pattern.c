/* SPDX-License-Identifier: Apache-2.0
 *
 * The pattern language of branches, tags and paths (spec expressions 5.4): compiled to a row of small matchers and run as
 * a set of states, so that no pattern costs more than its length times the name's.
 * Source of the rules: nektos/act: pkg/workflowpattern/workflow_pattern.go and the documentation. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/event.h"
#include "base/mem.h"

#define MAX_PATTERN 4096U /* Ours: bytes */

enum item_kind { ITEM_CHAR, ITEM_CLASS, ITEM_ANY, ITEM_NOT_SLASH };
struct item {
    enum item_kind kind;
    bool optional, repeats;
    bool
        group; /* this and the next item are optional together: the leading folders of a double star */
    unsigned code;   /* ITEM_CHAR */
    uint64_t set[2]; /* ITEM_CLASS: ASCII */
};
struct pattern {
    struct item *v;
    size_t n, cap;
};

static struct item *add(struct pattern *p, struct item it)
{
    GROW(p->v, p->cap, p->n + 1);
    p->v[p->n] = it;
    return &p->v[p->n++];
}

static int fail_at(size_t pos, const char *what, struct err *e)
{
    return err_set(e, FAIL_INPUT, "invalid pattern: %s at position %zu", what, pos);
}

/* Letters of either case, and what stands between them in ASCII. */
static bool is_letter_like(char c)
{
    return c >= 'A' && c <= 'z';
}

static bool same_class(char a, char b)
{
    return (is_letter_like(a) && is_letter_like(b)) || (ch_is_digit(a) && ch_is_digit(b));
}

static void set_add(struct item *it, char c)
{
    it->set[(unsigned char)c / 64] |= (uint64_t)1 << ((unsigned char)c % 64);
}

/* s.p[*at] is '['; leaves *at behind ']'. */
static int read_class(struct sv s, size_t *at, struct pattern *p, struct err *e)
{
    struct item it = {.kind = ITEM_CLASS};
    size_t start = *at, i = start + 1;

    for (; i < s.n && s.p[i] != ']'; i++) {
        char c = s.p[i];
        if (c == '-' && i > start + 1 && i + 1 < s.n && s.p[i + 1] != ']') {
            char from = s.p[i - 1], to = s.p[++i];
            if (!same_class(from, to))
                return fail_at(i, "ranges are within A-z or 0-9", e);
            if (from > to)
                return fail_at(i, "the range is reversed", e);
            for (unsigned k = (unsigned char)from; k <= (unsigned char)to; k++)
                set_add(&it, (char)k);
            continue;
        }
        if (!ch_is_digit(c) && !is_letter_like(c))
            return fail_at(i, "only A-z and 0-9 may stand in brackets", e);
        set_add(&it, c);
    }
    if (i >= s.n)
        return fail_at(start, "missing ']'", e);
    if (i == start + 1)
        return fail_at(i, "empty brackets", e);
    add(p, it);
    *at = i + 1;
    return 0;
}

static void read_star(struct sv s, size_t *at, struct pattern *p)
{
    bool two = *at + 1 < s.n && s.p[*at + 1] == '*';

    if (two && *at + 2 < s.n && s.p[*at + 2] == '/') {
        add(p, (struct item){.kind = ITEM_ANY, .repeats = true, .group = true});
        add(p, (struct item){.kind = ITEM_CHAR, .code = '/'});
        *at += 3;
        return;
    }
    add(p,
        (struct item){.kind = two ? ITEM_ANY : ITEM_NOT_SLASH, .optional = true, .repeats = true});
    *at += two ? 2 : 1;
}

/* A byte that is no UTF-8 is a character of its own, above all others: names of files may hold any. */
static size_t next_code(struct sv *rest, unsigned *code)
{
    unsigned char first = (unsigned char)rest->p[0];
    size_t n = utf8_next(rest, code);

    if (n == 1 && first >= 0x80)
        *code = 0x110000U + first;
    return n;
}

static int compile(struct sv s, struct pattern *p, struct err *e)
{
    for (size_t at = 0; at < s.n;) {
        char c = s.p[at];
        struct sv rest = sv_sub(s, at, SV_NPOS);
        unsigned code;
        if (c == '[') {
            if (read_class(s, &at, p, e) < 0)
                return -1;
            continue;
        }
        if (c == '*') {
            read_star(s, &at, p);
            continue;
        }
        if ((c == '?' || c == '+') && p->n > 0) {
            bool in_group = p->n > 1 && p->v[p->n - 2].group;
            if (!in_group && c == '?')
                p->v[p->n - 1].optional = true;
            else if (!in_group)
                p->v[p->n - 1].repeats = true;
            at++;
            continue;
        }
        if (c == '\\') {
            if (at + 1 >= s.n)
                return fail_at(at, "nothing follows the last '\\'", e);
            rest = sv_sub(s, ++at, SV_NPOS);
        }
        at += next_code(&rest, &code);
        add(p, (struct item){.kind = ITEM_CHAR, .code = code});
    }
    return 0;
}

static bool item_takes(const struct item *it, unsigned code)
{
    switch (it->kind) {
    case ITEM_CHAR:
        return code == it->code;
    case ITEM_CLASS:
        return code < 128 && (it->set[code / 64] >> (code % 64) & 1) != 0;
    case ITEM_ANY:
        return true;
    case ITEM_NOT_SLASH:
        break;
    }
    return code != '/';
}

/* on[i]: the items before i have matched. Adds what follows without taking a character. */
static void close_over(const struct pattern *p, bool *on)
{
    for (size_t i = 0; i < p->n; i++) {
        if (on[i] && p->v[i].optional)
            on[i + 1] = true;
        if (on[i] && p->v[i].group)
            on[i + 2] = true;
    }
}

static bool run(const struct pattern *p, struct sv name)
{
    AUTO(auto_free) bool *now = xcalloc(p->n + 3, sizeof(bool));
    AUTO(auto_free)
    bool *again = xcalloc(p->n + 3, sizeof(bool)); /* item i took one and may take more */

    now[0] = true;
    close_over(p, now);
    while (name.n > 0) {
        unsigned code;
        AUTO(auto_free) bool *next = xcalloc(p->n + 3, sizeof(bool));
        AUTO(auto_free) bool *more = xcalloc(p->n + 3, sizeof(bool));
        (void)next_code(&name, &code);
        for (size_t i = 0; i < p->n; i++) {
            if ((now[i] || again[i]) && item_takes(&p->v[i], code)) {
                next[i + 1] = true;
                more[i] = p->v[i].repeats;
            }
        }
        close_over(p, next);
        memcpy(now, next, (p->n + 3) * sizeof(bool));
        memcpy(again, more, (p->n + 3) * sizeof(bool));
    }
    return now[p->n];
}

int event_pattern(struct sv pattern, struct sv name, bool *matches, struct err *e)
{
    struct pattern p = {0};

    if (pattern.n > MAX_PATTERN)
        return err_set(e, FAIL_LIMIT, "invalid pattern: longer than %u bytes", MAX_PATTERN);
    int rc = compile(pattern, &p, e);
    if (rc == 0)
        *matches = run(&p, name);
    free(p.v);
    return rc;
}
