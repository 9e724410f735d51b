/* SPDX-License-Identifier: Apache-2.0
 *
 * Glob patterns over absolute paths: reading the pattern lines, and matching a path against all of them.
 * Sources: see base/glob.h. */
#include "base/glob.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/glob_priv.h"
#include "base/mem.h"

struct pattern {
    bool negate;
    bool dirs_only; /* ended in '/' */
    bool implicit;  /* PATTERN/ and everything below, added for a PATTERN that names a directory */
    struct seg *segs;
    size_t n;
    char *search; /* literal beginning */
    bool is_root; /* the first with a beginning that lies below no other include's */
};

struct glob {
    struct pattern *patterns;
    size_t n, cap;
    char **roots;
    size_t n_roots, cap_roots;
};

struct maker {
    struct glob *g;
    struct sv root, home;
    struct err *e;
};

/* ---- text ---- */

/* JavaScript's String.trim(). */
static bool is_js_space(unsigned c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

static struct sv js_trim_start(struct sv s)
{
    struct sv rest = s, kept;
    unsigned code;

    do {
        kept = rest;
    } while (utf8_next(&rest, &code) > 0 && is_js_space(code));
    return kept;
}

static struct sv js_trim(struct sv s)
{
    size_t end = 0;
    struct sv rest;
    unsigned code;

    s = js_trim_start(s);
    for (rest = s; utf8_next(&rest, &code) > 0;)
        if (!is_js_space(code))
            end = s.n - rest.n;
    return (struct sv){s.p, end};
}

/* Doubles are squeezed, as normalizeSeparators() does. */
static void add_squeezed(struct buf *b, struct sv s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '/' || b->len == 0 || b->p[b->len - 1] != '/')
            buf_addc(b, s.p[i]);
}

/* Escapes a folder name so that it matches itself only. */
static void add_escaped(struct buf *b, struct sv s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\\') {
            buf_adds(b, "\\\\");
        } else if (c == '?' || c == '*') {
            buf_addc(b, '[');
            buf_addc(b, c);
            buf_addc(b, ']');
        } else if (c == '[') { /* only where a ']' follows in the segment, not at once */
            struct sv rest = sv_sub(s, i + 1, s.n);
            rest = sv_sub(rest, 0, sv_chr(rest, '/'));
            size_t close = sv_chr(rest, ']');
            if (close == 0)
                close = sv_chr(sv_sub(rest, 1, rest.n), ']');
            buf_adds(b, close != SV_NPOS ? "[[]" : "[");
        } else {
            buf_addc(b, c);
        }
    }
}

/* ---- reading patterns ---- */

static struct sv no_end_slash(struct sv s)
{
    return s.n > 1 && s.p[s.n - 1] == '/' ? sv_sub(s, 0, s.n - 1) : s;
}

static int invalid(const struct maker *m, struct sv pattern, const char *why)
{
    return err_set(m->e, FAIL_INPUT, "Invalid pattern '%.*s'. %s",
                   (int)(pattern.n > 200 ? 200 : pattern.n), pattern.p, why);
}

/* No '..' segment, and '.' only as the first: compared after unescaping. */
static int check_dots(const struct maker *m, struct sv pattern)
{
    AUTO(buf_free) struct buf clean = BUF_INIT(SIZE_MAX / 4);
    AUTO(auto_free) char *lit = xmalloc(pattern.n + 1);
    size_t i = 0, n;
    struct sv rest, seg;

    add_squeezed(&clean, pattern);
    rest = no_end_slash(buf_sv(&clean));
    if (rest.n > 0 && rest.p[0] == '/') { /* the root counts as the first segment */
        rest = sv_sub(rest, 1, rest.n);
        i = 1;
    }
    for (; sv_next(&rest, '/', &seg); i++) {
        (void)seg_literal(seg, lit, &n);
        struct sv s = {lit, n};
        if (sv_eq(s, SV("..")) || (i > 0 && sv_eq(s, SV("."))))
            return invalid(m, pattern, "Relative pathing '.' and '..' is not allowed.");
    }
    return 0;
}

/* An absolute pattern without doubled slashes. */
static int fix_up(const struct maker *m, struct sv pattern, struct buf *out)
{
    if (pattern.n == 0)
        return err_set(m->e, FAIL_INPUT, "pattern cannot be empty");
    if (check_dots(m, pattern) < 0)
        return -1;
    AUTO(buf_free) struct buf clean = BUF_INIT(SIZE_MAX / 4), all = BUF_INIT(SIZE_MAX / 4);
    add_squeezed(&clean, pattern);
    struct sv p = buf_sv(&clean);
    bool dot = sv_eq(p, SV(".")) || sv_starts(p, SV("./"));
    bool tilde = sv_eq(p, SV("~")) || sv_starts(p, SV("~/"));
    if (tilde && m->home.n == 0)
        return err_set(m->e, FAIL_INPUT, "Unable to determine HOME directory");
    if (dot || tilde) {
        add_escaped(&all, dot ? m->root : m->home);
        buf_addsv(&all, sv_sub(p, 1, p.n));
    } else if (p.p[0] != '/') {
        add_escaped(&all, m->root);
        buf_addc(&all, '/');
        buf_addsv(&all, p);
    } else {
        buf_addsv(&all, p);
    }
    add_squeezed(out, buf_sv(&all));
    return 0;
}

static struct pattern *new_pattern(struct glob *g)
{
    GROW(g->patterns, g->cap, g->n + 1);
    g->patterns[g->n] = (struct pattern){0};
    return &g->patterns[g->n++];
}

/* Segments of an absolute pattern (without a slash at the end) and the literal path in front. */
static void compile(struct pattern *p, struct sv text)
{
    AUTO(buf_free) struct buf search = BUF_INIT(SIZE_MAX / 4);
    AUTO(auto_free) char *lit = xmalloc(text.n + 1);
    struct sv rest = sv_sub(text, 1, text.n), seg;
    size_t cap = 0, n = 0;
    bool literal = true;

    if (rest.n == 0)
        rest.p = NULL; /* "/" has no segments */
    while (sv_next(&rest, '/', &seg)) {
        GROW(p->segs, cap, p->n + 1);
        seg_compile(seg, &p->segs[p->n]);
        bool star = p->segs[p->n].kind == SEG_GLOBSTAR;
        literal = literal && seg_literal(seg, lit, &n) && n > 0;
        if (literal) {
            buf_addc(&search, '/');
            buf_add(&search, lit, n);
        }
        if (star && p->n > 0 && p->segs[p->n - 1].kind == SEG_GLOBSTAR)
            seg_done(&p->segs[p->n]); /* two in a row are one */
        else
            p->n++;
    }
    if (search.len == 0)
        buf_addc(&search, '/');
    p->search = buf_take(&search, NULL);
}

static int add_line(struct maker *m, struct sv line)
{
    AUTO(buf_free) struct buf abs = BUF_INIT(SIZE_MAX / 4);
    bool negate = false;

    line = js_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return 0;
    if (m->g->n >= 2 * (size_t)GLOB_MAX_PATTERNS)
        return err_set(m->e, FAIL_LIMIT, "more than %u patterns", GLOB_MAX_PATTERNS);
    while (line.n > 0 && line.p[0] == '!') {
        negate = !negate;
        line = js_trim_start(sv_sub(line, 1, line.n)); /* its end is trimmed */
    }
    if (fix_up(m, line, &abs) < 0)
        return -1;
    struct sv text = no_end_slash(buf_sv(&abs));
    struct pattern *p = new_pattern(m->g);
    p->negate = negate;
    p->dirs_only = abs.len > 0 && abs.p[abs.len - 1] == '/';
    compile(p, text);
    bool deep = sv_ends(text, SV("/**"));
    if (deep && !p->dirs_only)
        return 0;
    AUTO(buf_free) struct buf below = BUF_INIT(SIZE_MAX / 4);
    buf_addsv(&below, text);
    buf_adds(&below, text.n == 1 ? "**" : "/**");
    if (check_dots(m, buf_sv(&below)) <
        0) /* "[.]/x": the reference checks the rooted text again here */
        return -1;
    p = new_pattern(m->g); /* naming a directory means all that is in it */
    p->negate = negate;
    p->implicit = true;
    compile(p, js_trim(buf_sv(&below)));
    return 0;
}

static int rank(char c)
{
    return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 1;
}

/* By their literal beginnings, '/' before every other byte: all that lies below a folder follows it at once. */
static int by_search(const void *a, const void *b)
{
    const struct pattern *const *x = a, *const *y = b;
    const char *p = (*x)->search, *q = (*y)->search;
    size_t i = 0;

    while (p[i] != '\0' && p[i] == q[i])
        i++;
    if (p[i] == q[i])
        return *x < *y ? -1 : *x > *y; /* the earlier line first */
    return rank(p[i]) - rank(q[i]);
}

/* Is it the folder itself, or below it? */
static bool is_within(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && (n == 1 || path[n] == '/' || path[n] == '\0');
}

/* Literal beginnings of the includes, in the order of the lines; one that lies below another is left out. */
static void find_roots(struct glob *g)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    AUTO(auto_free) struct pattern **sorted = xcalloc(g->n + 1, sizeof *sorted);
    const char *top = NULL;
    size_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        if (!g->patterns[i].negate)
            sorted[n++] = &g->patterns[i];
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): here too */
    qsort(sorted, n, sizeof *sorted, by_search);
    for (size_t i = 0; i < n; i++) {
        if (top != NULL && is_within(sorted[i]->search, top))
            continue;
        sorted[i]->is_root = true;
        top = sorted[i]->search;
    }
    for (size_t i = 0; i < g->n; i++) {
        if (!g->patterns[i].is_root)
            continue;
        GROW(g->roots, g->cap_roots, g->n_roots + 1);
        g->roots[g->n_roots++] = g->patterns[i].search;
    }
}

void glob_free(struct glob *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->n; i++) {
        for (size_t k = 0; k < g->patterns[i].n; k++)
            seg_done(&g->patterns[i].segs[k]);
        free(g->patterns[i].segs);
        free(g->patterns[i].search);
    }
    free(g->patterns);
    free(g->roots);
    free(g);
}

void auto_glob(struct glob **g)
{
    glob_free(*g);
}

int glob_new(const struct sv *patterns, size_t n, struct sv root, struct sv home, struct glob **out,
             struct err *e)
{
    AUTO(auto_glob) struct glob *g = xcalloc(1, sizeof *g);
    struct maker m = {.g = g, .root = root, .home = home, .e = e};
    size_t bytes = 0;

    if (root.n == 0 || root.p[0] != '/' || (home.n > 0 && home.p[0] != '/'))
        return err_set(e, FAIL_INPUT,
                       "the root of patterns and the home folder must be absolute paths");
    for (size_t i = 0; i < n; i++) {
        struct sv rest = patterns[i], line;
        if (rest.n > GLOB_MAX_BYTES - bytes)
            return err_set(e, FAIL_LIMIT, "patterns are longer than %u bytes", GLOB_MAX_BYTES);
        bytes += rest.n;
        while (sv_next(&rest, '\n', &line))
            if (add_line(&m, line) < 0)
                return -1;
    }
    find_roots(g);
    *out = TAKE_PTR(g);
    return 0;
}

/* ---- matching ---- */

#define MAX_SEGMENTS 2048U /* of a path: PATH_MAX / 2 */

struct path {
    struct sv seg[MAX_SEGMENTS];
    size_t n;
};

static bool split(struct sv text, struct path *p)
{
    p->n = 0;
    while (text.n > 0) {
        if (text.p[0] == '/') {
            text = sv_sub(text, 1, text.n);
            continue;
        }
        size_t len = sv_chr(text, '/');
        if (len == SV_NPOS)
            len = text.n;
        if (p->n == MAX_SEGMENTS)
            return false;
        p->seg[p->n++] = sv_sub(text, 0, len);
        text = sv_sub(text, len, text.n);
    }
    return true;
}

/* As in a segment, only the last "**" needs to be gone back to. A "**" at the end takes what is left: at least
 * one segment when the pattern is an implicit one, which does not match the directory itself. */
static bool matches(const struct pattern *g, const struct path *p)
{
    size_t k = 0, i = 0, star = SIZE_MAX, mark = 0;

    for (;;) {
        if (k < g->n && g->segs[k].kind == SEG_GLOBSTAR) {
            if (k + 1 == g->n)
                return !g->implicit || i < p->n;
            star = k++;
            mark = i;
        } else if (i == p->n) {
            return k == g->n;
        } else if (k < g->n && seg_match(&g->segs[k], p->seg[i])) {
            k++;
            i++;
        } else if (star != SIZE_MAX) {
            k = star + 1;
            i = ++mark;
        } else {
            return false;
        }
    }
}

static bool matches_partly(const struct pattern *g, const struct path *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (i == g->n)
            return false;
        if (g->segs[i].kind == SEG_GLOBSTAR)
            return true;
        if (!seg_match(&g->segs[i], p->seg[i]))
            return false;
    }
    return true;
}

unsigned glob_match_path(const struct glob *g, struct sv path)
{
    struct path p;
    unsigned r = GLOB_NONE;

    if (!split(path, &p))
        return GLOB_NONE;
    for (size_t i = 0; i < g->n; i++) {
        const struct pattern *t = &g->patterns[i];
        unsigned bits = t->dirs_only ? GLOB_DIR : GLOB_ALL;
        if ((t->negate ? (r & bits) == 0 : (r & bits) == bits) || !matches(t, &p))
            continue;
        r = t->negate ? r & ~bits : r | bits;
    }
    return r;
}

bool glob_may_descend(const struct glob *g, struct sv path)
{
    struct path p;

    if (!split(path, &p))
        return false;
    for (size_t i = 0; i < g->n; i++)
        if (!g->patterns[i].negate && matches_partly(&g->patterns[i], &p))
            return true;
    return false;
}

size_t glob_roots(const struct glob *g)
{
    return g->n_roots;
}

struct sv glob_root(const struct glob *g, size_t i)
{
    return sv_of(g->roots[i]);
}
