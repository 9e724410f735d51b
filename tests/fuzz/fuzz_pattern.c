/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns of branches, tags and paths. The first line is the pattern, the rest the name. Invariants: a refusal has a
 * text; the same answer as a slow matcher that tries everything. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/event.h"
#include "base/mem.h"

#define SLOW_MAX   16U     /* bytes of both: the slow matcher is exponential */
#define SLOW_STEPS 200000U /* it gives up then, and its answer is not asked for */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One element of the pattern: what it takes, and how often. */
struct element {
    char kind; /* 'c' a character, '[' a class, '.' any, '/' any but a slash, 'd' leading folders */
    struct sv text;
    bool optional, repeats;
};

static size_t parse(struct sv p, struct element *out)
{
    size_t n = 0;

    while (p.n > 0) {
        struct element e = {.kind = 'c'};
        size_t take = 1;
        if (sv_starts(p, SV("**/"))) {
            e.kind = 'd';
            take = 3;
        } else if (sv_starts(p, SV("**")) || sv_starts(p, SV("*"))) {
            take = sv_starts(p, SV("**")) ? 2 : 1;
            e = (struct element){.kind = take == 2 ? '.' : '/', .optional = true, .repeats = true};
        } else if (p.p[0] == '[') {
            take = sv_chr(p, ']') + 1;
            e.kind = '[';
            e.text = sv_sub(p, 1, take - 2);
        } else if ((p.p[0] == '?' || p.p[0] == '+') && n > 0) {
            if (out[n - 1].kind != 'd') {
                out[n - 1].optional |= p.p[0] == '?';
                out[n - 1].repeats |= p.p[0] == '+';
            }
            p = sv_sub(p, 1, SV_NPOS);
            continue;
        } else {
            size_t at = p.p[0] == '\\' ? 1 : 0;
            struct sv rest = sv_sub(p, at, SV_NPOS);
            unsigned code;
            take = utf8_next(&rest, &code);
            e.text = sv_sub(p, at, take);
            take += at;
        }
        out[n++] = e;
        p = sv_sub(p, take, SV_NPOS);
    }
    return n;
}

static bool in_class(struct sv set, char c)
{
    for (size_t i = 0; i < set.n; i++) {
        if (i > 0 && set.p[i] == '-' && i + 1 < set.n) {
            if (c >= set.p[i - 1] && c <= set.p[i + 1])
                return true;
            i++;
        } else if (set.p[i] == c) {
            return true;
        }
    }
    return false;
}

/* Bytes that one occurrence takes; 0 = it does not match here. */
static size_t one(const struct element *e, struct sv name)
{
    struct sv rest = name;
    unsigned code;
    size_t n = name.n > 0 ? utf8_next(&rest, &code) : 0;

    if (n == 0)
        return 0;
    switch (e->kind) {
    case '.':
        return n;
    case '/':
        return name.p[0] != '/' ? n : 0;
    case '[':
        return n == 1 && (unsigned char)name.p[0] < 128 && in_class(e->text, name.p[0]) ? 1 : 0;
    default:
        return n == e->text.n && sv_starts(name, e->text) ? n : 0; /* whole characters */
    }
}

static unsigned steps;

static bool slow(const struct element *e, size_t n, struct sv name)
{
    if (steps >= SLOW_STEPS)
        return false;
    steps++;
    if (n == 0)
        return name.n == 0;
    if (e->kind == 'd') { /* nothing, or anything that ends in a slash */
        if (slow(e + 1, n - 1, name))
            return true;
        for (size_t i = 1; i < name.n; i++)
            if (name.p[i] == '/' && slow(e + 1, n - 1, sv_sub(name, i + 1, SV_NPOS)))
                return true;
        return false;
    }
    if (e->optional && slow(e + 1, n - 1, name))
        return true;
    size_t taken = one(e, name);
    if (taken == 0)
        return false;
    if (slow(e + 1, n - 1, sv_sub(name, taken, SV_NPOS)))
        return true;
    return e->repeats && slow(e, n, sv_sub(name, taken, SV_NPOS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct element elements[SLOW_MAX + 1];
    struct err e = {0};
    struct sv rest, pattern;
    bool hit = false;

    if (size == 0 || size > 8192)
        return 0;
    AUTO(auto_free) char *in = xmemdup(data, size);
    rest = (struct sv){in, size};
    if (!sv_next(&rest, '\n', &pattern) || rest.p == NULL)
        rest = SV("");
    if (event_pattern(pattern, rest, &hit, &e) < 0) {
        if (e.code == FAIL_NONE || e.msg[0] == '\0')
            abort();
        return 0;
    }
    steps = 0;
    if (pattern.n <= SLOW_MAX && rest.n <= SLOW_MAX &&
        slow(elements, parse(pattern, elements), rest) != hit && steps < SLOW_STEPS)
        abort();
    return 0;
}
