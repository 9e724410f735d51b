/* SPDX-License-Identifier: Apache-2.0
 *
 * Glob patterns of hashFiles, and the walk: which files, in which order, with which digest. The expected
 * matches and digests were recorded from @actions/glob 0.7.0 with minimatch 10.2.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file_digest.h"
#include "base/fs.h"
#include "base/glob.h"
#include "base/glob_walk.h"
#include "base/mem.h"
#include "base/path.h"

/* match: bits of enum glob_match, -1 = the pattern is refused; partial: may descend. Root /w, home /home/u. */
struct row {
    const char *pattern, *path;
    int match;
    bool partial;
};
static const struct row rows[] = {
    /* plain names, and everything below them */
    {"a", "/w/a", 3, true},
    {"a", "/w/a/b/c", 3, true},
    {"a", "/w/ab", 0, false},
    {"a", "/w", 0, true},
    {"a", "/", 0, true},
    {"a/", "/w/a", 1, true},
    {"a/", "/w/a/x", 3, true},
    {"/x/y", "/x", 0, true},
    {"/x/y", "/x/y", 3, true},
    {"a//b", "/w/a/b", 3, true},
    /* wildcards */
    {"*", "/w/a", 3, true},
    {"*", "/w/.a", 3, true},
    {"*.c", "/w/x.c", 3, true},
    {"*.c", "/w/.c", 3, true},
    {"*.c", "/w/x.h", 0, false},
    {"*.c", "/w/d/x.c", 0, false},
    {"?", "/w/a", 3, true},
    {"?", "/w/ab", 0, false},
    {"?", "/w/\xC3\xA9", 3, true},
    {"?", "/w/\xF0\x9F\x98\x80", 0, false}, /* two UTF-16 units */
    {"??", "/w/\xF0\x9F\x98\x80", 3, true},
    {"a*b*c", "/w/axxbxbyc", 3, true},
    {"a*b*c", "/w/axxbxby", 0, false},
    {"**b", "/w/aab", 3, true},
    {"**b", "/w/x/aab", 0, false},
    {"***", "/w/x", 3, true},
    /* globstar */
    {"**", "/w", 3, true},
    {"**", "/w/a/b", 3, true},
    {"a/**", "/w/a", 3, true},
    {"a/**", "/w/a/b", 3, true},
    {"a/**", "/w/b", 0, false},
    {"**/b", "/w/b", 3, true},
    {"**/b", "/w/a/c/b", 3, true},
    {"**/b", "/w/a/c", 0, true},
    {"a/**/b/**/c", "/w/a/b/c", 3, true},
    {"a/**/b/**/c", "/w/a/b/x/b/y/c", 3, true},
    {"a/**/b/**/c", "/w/a/x/c", 0, true},
    {"**/**/b", "/w/b", 3, true},
    {"a/**/", "/w/a", 1, true},
    {"a/**/", "/w/a/b", 3, true},
    /* classes */
    {"[ab]", "/w/b", 3, true},
    {"[ab]", "/w/c", 0, false},
    {"[!ab]", "/w/c", 3, true},
    {"[^ab]", "/w/a", 0, false},
    {"[a-c]x", "/w/bx", 3, true},
    {"[c-a]", "/w/b", 0, false},
    {"[]a]", "/w/]", 3, true},
    {"[a-]", "/w/-", 3, true},
    {"[a\\-c]", "/w/b", 0, false},
    {"[a\\-c]", "/w/-", 3, true},
    {"[\\]]", "/w/]", 3, true},
    {"[*]", "/w/*", 3, true},
    {"[*]", "/w/x", 0, false},
    {"[a", "/w/[a", 3, true},
    {"[]", "/w/[]", 3, true},
    {"[!]", "/w/[!]", 3, true},
    {"[a-\xC3\xA9]", "/w/\xC3\xA8", 3, true},
    {"[[:digit:]x]", "/w/7", 3, true},
    {"[[:digit:]x]", "/w/y", 0, false},
    {"[[:upper:]]", "/w/A", 3, true},
    {"[[:punct:]]", "/w/!", 3, true},
    {"[[:space:]]", "/w/ ", 3, true},
    {"[[:xdigit:]]", "/w/g", 0, false},
    {"[a-[:alpha:]]", "/w/a", 0, false},
    /* escapes; in "*text" a backslash is text */
    {"\\*", "/w/*", 3, true},
    {"\\*", "/w/a", 0, false},
    {"a\\b", "/w/ab", 3, true},
    {"*\\.c", "/w/x.c", 0, false},
    {"*\\.c", "/w/x\\.c", 3, true},
    /* not special: braces, extended globs */
    {"{a,b}", "/w/a", 0, false},
    {"{a,b}", "/w/{a,b}", 3, true},
    {"+(a)", "/w/aa", 0, false},
    {"@(a)", "/w/@(a)", 3, true},
    /* roots */
    {".", "/w/a", 3, true},
    {"./a", "/w/a", 3, true},
    {"~", "/home/u/x", 3, true},
    {"~/x", "/home/u/x", 3, true},
    {"~x", "/w/~x", 3, true},
    /* lines, comments, excludes in order */
    {"", "/w/a", 0, false},
    {"# all\n**", "/w/a", 3, true},
    {"  a  \r\n\n b ", "/w/b", 3, true},
    {"**\n!a", "/w/a", 0, true},
    {"**\n!a", "/w/a/x", 0, true},
    {"**\n!a\na/x", "/w/a/x", 3, true},
    {"!a\n**", "/w/a", 3, true},
    {"**\n!a/", "/w/a", 2, true},
    {"!!a", "/w/a", 3, true},
    {"! a", "/w/a", 0, false},
    {"!**", "/w/a", 0, false},
    /* refused */
    {"a/../b", "/w", -1, false},
    {"..", "/w", -1, false},
    {"a/./b", "/w", -1, false},
    {"a/\\../b", "/w", -1, false},
    {"[.]/x", "/w", -1, false},
    {"!", "/w", -1, false},
    {"/./a", "/w", -1, false},
};

static void patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct sv p = sv_of(r->pattern);
        struct glob *g = NULL;
        struct err e = {0};
        if (glob_new(&p, 1, SV("/w"), SV("/home/u"), &g, &e) < 0) {
            assert_int_equal(r->match, -1);
            assert_int_equal(e.code, FAIL_INPUT);
            assert_null(g);
            continue;
        }
        int match = (int)glob_match_path(g, sv_of(r->path));
        bool partial = match != 0 || glob_may_descend(g, sv_of(r->path));
        glob_free(g);
        if (match != r->match || partial != r->partial)
            fail_msg("'%s' on '%s': %d %d, want %d %d", r->pattern, r->path, match, partial,
                     r->match, r->partial);
    }
}

static void roots(void **state)
{
    static const struct {
        const char *patterns, *root, *want;
    } cases[] = {
        {"a\nb", "/w", "/w/a /w/b "},
        {"b\na", "/w", "/w/b /w/a "},
        {"a\na/b", "/w", "/w/a "},
        {"a/b\na", "/w", "/w/a "},
        {"a\nab", "/w", "/w/a /w/ab "},
        {"a b\na/b\na\na\na-", "/w", "/w/a b /w/a /w/a- "},
        {"b\n!b/c\nb/c/d\n/w/b", "/w", "/w/b "},
        {"*.c\na", "/w", "/w "},
        {"!x\na", "/w", "/w/a "},
        {"a[b]c/[x]/?", "/w", "/w/abc/x "},
        {"\\*/x", "/w", "/w/*/x "},
        {"/**", "/w", "/ "},
        {"a", "/w[x]", "/w[x]/a "},
        {"a", "/w*?", "/w*?/a "},
        {"a", "/", "/a "},
        {"~", "/w", "/home/u "},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sv p = sv_of(cases[i].patterns);
        struct glob *g = NULL;
        struct err e = {0};
        AUTO(buf_free) struct buf b = BUF_INIT(1000);
        assert_int_equal(glob_new(&p, 1, sv_of(cases[i].root), SV("/home/u"), &g, &e), 0);
        for (size_t k = 0; k < glob_roots(g); k++) {
            buf_addsv(&b, glob_root(g, k));
            buf_addc(&b, ' ');
        }
        glob_free(g);
        assert_string_equal(b.p, cases[i].want);
    }
}

#define LONG_LINE 65536U

/* A long pattern is read in a moment, whatever it is made of: with a second look at the rest for
 * each bracket this would take minutes. */
static void long_lines(void **state)
{
    static const struct {
        const char *unit, *end, *path;
        int match;
    } cases[] = {
        {"[", "", "/w/[", 0},   {"[", "\\]", "/w/[", 0}, {"[a", "[:alpha:]", "/w/[a", 0},
        {"/[", "", "/w/[", 0},  {"!", "a", "/w/a", 3}, /* an even number */
        {"! ", "a", "/w/a", 3}, {"*", "", "/w/a", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(buf_free) struct buf b = BUF_INIT(GLOB_MAX_BYTES);
        struct glob *g = NULL;
        struct err e = {0};
        size_t n = LONG_LINE / strlen(cases[i].unit) / 2 * 2;
        for (size_t k = 0; k < n; k++)
            buf_adds(&b, cases[i].unit);
        buf_adds(&b, cases[i].end);
        struct sv p = buf_sv(&b);
        assert_int_equal(glob_new(&p, 1, SV("/w"), SV("/h"), &g, &e), 0);
        assert_int_equal(glob_match_path(g, sv_of(cases[i].path)), cases[i].match);
        glob_free(g);
    }
}

static void limits(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4 << 20);
    struct glob *g = NULL;
    struct err e = {0};

    (void)state;
    for (unsigned i = 0; i < GLOB_MAX_PATTERNS; i++)
        buf_adds(&b, "a\n");
    struct sv p = buf_sv(&b);
    assert_int_equal(glob_new(&p, 1, SV("/w"), SV(""), &g, &e), 0);
    glob_free(g);
    buf_adds(&b, "a\n");
    p = buf_sv(&b);
    assert_int_equal(glob_new(&p, 1, SV("/w"), SV(""), &g, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    buf_reset(&b);
    for (unsigned i = 0; i <= GLOB_MAX_BYTES; i++)
        buf_addc(&b, 'x');
    p = buf_sv(&b);
    assert_int_equal(glob_new(&p, 1, SV("/w"), SV(""), &g, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    p = SV("a");
    assert_int_equal(glob_new(&p, 1, SV("w"), SV(""), &g, &e), -1);
    p = SV("~");
    assert_int_equal(glob_new(&p, 1, SV("/w"), SV(""), &g, &e), -1);
    /* Many stars against a long name: time is bounded by the product of the lengths. */
    char name[251] = "/w/", stars[] = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b[x]";
    memset(name + 3, 'a', sizeof name - 4);
    p = sv_of(stars);
    assert_int_equal(glob_new(&p, 1, SV("/w"), SV(""), &g, &e), 0);
    assert_int_equal(glob_match_path(g, sv_of(name)), 0);
    glob_free(g);
    buf_reset(&b);
    for (int i = 0; i < 3000; i++)
        buf_adds(&b, "/x");
    p = SV("**");
    assert_int_equal(glob_new(&p, 1, SV("/"), SV(""), &g, &e), 0);
    assert_int_equal(glob_match_path(g, buf_sv(&b)), 0); /* deeper than any path */
    assert_false(glob_may_descend(g, buf_sv(&b)));
    glob_free(g);
}

/* ---- the walk ---- */

struct tree {
    char *dir;
    int fd;
};

static void put(const struct tree *t, const char *path, const char *text)
{
    struct err e = {0};
    AUTO(auto_free) char *copy = xstrdup(path);
    char *slash = strrchr(copy, '/');

    if (slash != NULL) {
        *slash = '\0';
        assert_int_equal(fs_mkdir_all(t->fd, copy, 0700, &e), 0);
    }
    int fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static int make_tree(void **state)
{
    struct tree *t = xcalloc(1, sizeof *t);
    struct err e = {0};

    assert_int_equal(fs_temp_dir("/tmp", "gantry-glob", &t->dir, &e), 0);
    t->fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put(t, "a/z", "z\n");
    put(t, "a.txt", "t\n");
    put(t, "a/deep/er/x.c", "1\n");
    put(t, "b/x.c", "2\n");
    put(t, ".hid/x.c", "3\n");
    put(t, "B", "\n");
    assert_int_equal(symlinkat("../a", t->fd, "b/la"), 0);
    assert_int_equal(symlinkat("../a.txt", t->fd, "b/lf"), 0);
    assert_int_equal(symlinkat(".", t->fd, "b/cyc"), 0);
    *state = t;
    return 0;
}

static int drop_tree(void **state)
{
    struct tree *t = *state;
    struct err e = {0};

    (void)close(t->fd);
    int rc = fs_remove_tree(AT_FDCWD, t->dir, &e);
    free(t->dir);
    free(t);
    return rc;
}

struct seen {
    struct buf names;
    struct file_digest *digest;
    size_t skip;
};

static int see(void *ctx, int fd, struct sv path, struct err *e)
{
    struct seen *s = ctx;

    buf_addsv(&s->names, sv_sub(path, s->skip, path.n));
    buf_addc(&s->names, ' ');
    return file_digest_add(s->digest, fd, e);
}

static int walk(const struct tree *t, const char *pattern, bool follow, struct seen *s,
                struct err *e)
{
    struct sv p = sv_of(pattern), root = sv_of(t->dir);
    struct glob *g = NULL;

    *s = (struct seen){.names = BUF_INIT(10000), .digest = file_digest_new(), .skip = root.n + 1};
    assert_int_equal(glob_new(&p, 1, root, SV(""), &g, e), 0);
    const struct glob_walk_options o = {.workspace = root, .follow = follow, .file = see, .ctx = s};
    int rc = glob_walk(g, &o, e);
    glob_free(g);
    return rc;
}

static void seen_done(struct seen *s)
{
    buf_free(&s->names);
    file_digest_free(s->digest);
}

static void walks(void **state)
{
    static const struct {
        const char *pattern;
        bool follow;
        const char *names;
    } cases[] = {
        {"**", false, ".hid/x.c B a/deep/er/x.c a/z a.txt b/lf b/x.c "},
        {"**", true, ".hid/x.c B a/deep/er/x.c a/z a.txt b/la/deep/er/x.c b/la/z b/lf b/x.c "},
        {"*.txt", false, "a.txt "},
        {"**/x.c", false, ".hid/x.c a/deep/er/x.c b/x.c "},
        {"**/x.c\n!b", false, ".hid/x.c a/deep/er/x.c "},
        {"**/x.c\n!a\na/deep", false, ".hid/x.c a/deep/er/x.c b/x.c "},
        {"b\na", false, "b/lf b/x.c a/deep/er/x.c a/z "},
        {"a", false, "a/deep/er/x.c a/z "},
        {"a.txt/**", false, "a.txt "},
        {"a.txt/", false, ""},
        {"b/la", false, ""},
        {"b/la", true, "b/la/deep/er/x.c b/la/z "},
        {"nope", false, ""},
        {"nope/**/x", false, ""},
        {"/proc/self/status", false, ""},
    };
    const struct tree *t = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen s;
        struct err e = {0};
        if (walk(t, cases[i].pattern, cases[i].follow, &s, &e) < 0)
            fail_msg("'%s': %s", cases[i].pattern, e.msg);
        if (strcmp(s.names.p, cases[i].names) != 0)
            fail_msg("'%s' %d: %s, want %s", cases[i].pattern, cases[i].follow, s.names.p,
                     cases[i].names);
        seen_done(&s);
    }
}

static void digests(void **state)
{
    const struct tree *t = *state;
    struct seen s;
    struct err e = {0};
    char hex[65];

    assert_int_equal(walk(t, "a.txt", false, &s, &e), 0);
    file_digest_end(s.digest, hex);
    assert_string_equal(hex, "d7b2d0260257dddec74cb71bec43cb682f357864c1d88ab5455f212378ac6759");
    seen_done(&s);
    assert_int_equal(walk(t, "**/x.c", false, &s, &e), 0);
    assert_int_equal(file_digest_count(s.digest), 3);
    file_digest_end(s.digest, hex);
    assert_string_equal(hex, "c2387c2a28e95e0c9724c9faa84ff2a3fec83bd19e25834e40a18991e8ea9b1d");
    seen_done(&s);
    assert_int_equal(walk(t, "nothing", false, &s, &e), 0);
    file_digest_end(s.digest, hex);
    assert_string_equal(hex, "");
    seen_done(&s);
}

static void failures(void **state)
{
    const struct tree *t = *state;
    struct seen s;
    struct err e = {0};

    assert_int_equal(symlinkat("gone", t->fd, "dangling"), 0);
    assert_int_equal(walk(t, "d*", true, &s, &e), 0); /* left out when links are followed */
    seen_done(&s);
    assert_int_equal(walk(t, "d*", false, &s, &e), -1);
    assert_int_equal(e.code, FAIL_SYS);
    seen_done(&s);
    assert_int_equal(unlinkat(t->fd, "dangling", 0), 0);
    assert_int_equal(mkfifoat(t->fd, "fifo", 0600), 0);
    assert_int_equal(walk(t, "f*", false, &s, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
    seen_done(&s);
    assert_int_equal(unlinkat(t->fd, "fifo", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(roots),
        cmocka_unit_test(limits),
        cmocka_unit_test(long_lines),
        cmocka_unit_test_setup_teardown(walks, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(digests, make_tree, drop_tree),
        cmocka_unit_test_setup_teardown(failures, make_tree, drop_tree),
    };
    return cmocka_run_group_tests_name("glob", tests, NULL, NULL);
}
