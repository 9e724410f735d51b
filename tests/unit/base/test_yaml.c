/* SPDX-License-Identifier: Apache-2.0
 *
 * base/yaml: structure, positions, aliases, and every limit at its maximum and one above. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/yaml.h"

/* One line: scalars as text with a style letter, [..] and {..}. */
static void dump(const struct yx_node *n, struct buf *b)
{
    if (n == NULL) {
        buf_adds(b, "(none)");
        return;
    }
    if (n->kind == YX_SCALAR) {
        buf_addc(b, "psdlf"[n->style]);
        buf_addc(b, ':');
        buf_addsv(b, n->text);
        return;
    }
    buf_addc(b, n->kind == YX_SEQUENCE ? '[' : '{');
    for (size_t i = 0; i < n->n; i++) {
        if (i > 0)
            buf_addc(b, ' ');
        if (n->kind == YX_MAPPING) {
            dump(n->items[2 * i], b);
            buf_addc(b, '=');
            dump(n->items[2 * i + 1], b);
        } else {
            dump(n->items[i], b);
        }
    }
    buf_addc(b, n->kind == YX_SEQUENCE ? ']' : '}');
}

struct yaml_case {
    const char *name;
    const char *in;
    const char *want;  /* dump, or NULL */
    const char *error; /* message, or NULL */
    enum fail code;
};
static const struct yaml_case cases[] = {
    {"an empty stream has no root", "", "(none)", NULL, FAIL_NONE},
    {"comments alone have no root", "# nothing\n", "(none)", NULL, FAIL_NONE},
    {"a byte order mark is skipped",
     "\xEF\xBB\xBF"
     "a: 1\n",
     "{p:a=p:1}", NULL, FAIL_NONE},
    {"styles are kept", "- a\n- 'b'\n- \"c\"\n- |\n  d\n- >\n  e\n", "[p:a s:b d:c l:d\n f:e\n]",
     NULL, FAIL_NONE},
    {"a null value is an empty plain scalar", "a:\n", "{p:a=p:}", NULL, FAIL_NONE},
    {"nested collections", "a: [1, {b: 2}]\n", "{p:a=[p:1 {p:b=p:2}]}", NULL, FAIL_NONE},
    {"on is an ordinary text", "on: push\n", "{p:on=p:push}", NULL, FAIL_NONE},
    {"an alias repeats its anchor", "a: &x [1, 2]\nb: *x\n", "{p:a=[p:1 p:2] p:b=[p:1 p:2]}", NULL,
     FAIL_NONE},
    {"a later anchor replaces the earlier", "- &x 1\n- &x 2\n- *x\n", "[p:1 p:2 p:2]", NULL,
     FAIL_NONE},
    {"an anchor on a key", "&k a: *k\n", "{p:a=p:a}", NULL, FAIL_NONE},
    {"a merge key is an ordinary key", "a: &x {b: 1}\nc:\n  <<: *x\n",
     "{p:a={p:b=p:1} p:c={p:<<={p:b=p:1}}}", NULL, FAIL_NONE},
    {"an unknown alias", "a: *x\n", NULL, "1:4: Unknown anchor 'x'", FAIL_INPUT},
    {"an alias inside its own anchor", "a: &x [*x]\n", NULL,
     "1:8: the alias 'x' is inside its own anchor", FAIL_INPUT},
    {"equal keys", "a: 1\nb: 2\na: 3\n", NULL, "3:1: 'a' is already defined", FAIL_INPUT},
    {"equal keys in two styles", "a: 1\n'a': 3\n", NULL, "2:1: 'a' is already defined", FAIL_INPUT},
    {"a second document", "a: 1\n---\nb: 2\n", NULL, "2:1: Expected stream end parse event",
     FAIL_INPUT},
    {"a tab as indentation", "a:\n\tb: 1\n", NULL,
     "2:1: found character that cannot start any token while scanning for the next token",
     FAIL_INPUT},
    {"an unclosed flow sequence", "a: [1, 2\n", NULL,
     "2:1: did not find expected ',' or ']' while parsing a flow sequence", FAIL_INPUT},
    {"bytes that are not UTF-8 are replaced, as .NET and JavaScript do", "a: \xff\n",
     "{p:a=p:\xEF\xBF\xBD}", NULL, FAIL_NONE},
    {"control characters stay what they are",
     "a: \x1b[0m\x7f \"\x01\"\n'b\x02': \xC2\x9B\xEF\xBB\xBF\n",
     "{p:a=p:\x1b[0m\x7f \"\x01\" s:b\x02=p:\xC2\x9B\xEF\xBB\xBF}", NULL, FAIL_NONE},
    {"characters that are none stay too", "a: \xEF\xBF\xBE\xEF\xBF\xBF\n",
     "{p:a=p:\xEF\xBF\xBE\xEF\xBF\xBF}", NULL, FAIL_NONE},
    {"a character of our stand-ins is refused", "a: b\nc: \xF4\x8F\x80\x81\n", NULL,
     "2:4: control characters are not allowed", FAIL_INPUT},
    {"columns count UTF-16 units", "[\xF0\x9F\x98\x80, \xC3\xA4, *x]\n", NULL,
     "1:9: Unknown anchor 'x'", FAIL_INPUT},
    {"columns behind control characters", "[\x01, *x]\n", NULL, "1:5: Unknown anchor 'x'",
     FAIL_INPUT},
};

static void check_case(void **state)
{
    const struct yaml_case *c = *state;
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    AUTO(buf_free) struct buf b = BUF_INIT(4096);
    struct err e = {0};

    int rc = yx_parse(sv_of(c->in), &yx_default_limits, &doc, &e);
    if (c->error != NULL) {
        assert_string_equal(e.msg, c->error);
        assert_int_equal(e.code, c->code);
        assert_int_equal(rc, -1);
        assert_null(doc);
        return;
    }
    assert_int_equal(rc, 0);
    dump(yx_root(doc), &b);
    assert_string_equal(b.p, c->want);
}

static void positions_count_characters(void **state)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;
    struct err e = {0};

    (void)state;
    assert_int_equal(yx_parse(SV("a:\n  - \xC3\xA9: \"x\"\n"), NULL, &doc, &e), 0);
    const struct yx_node *root = yx_root(doc), *map = root->items[1]->items[0];
    assert_int_equal(root->line, 1);
    assert_int_equal(root->col, 1);
    assert_int_equal(map->line, 2);
    assert_int_equal(map->col, 5);
    assert_int_equal(map->items[1]->col, 8);
    assert_int_equal(map->items[1]->end_col, 11);
}

static int parse_with(const char *text, struct yx_limits lim, struct err *e)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;

    return yx_parse(sv_of(text), &lim, &doc, e);
}

static void limits_hold_at_max_and_fail_above(void **state)
{
    const struct yx_limits base = yx_default_limits;
    struct yx_limits l;
    struct err e = {0};

    (void)state;
    l = base;
    l.depth = 2;
    assert_int_equal(parse_with("[[1]]", l, &e), 0);
    assert_int_equal(parse_with("[[[1]]]", l, &e), -1);
    assert_string_equal(e.msg, "1:3: Maximum object depth exceeded");
    assert_int_equal(e.code, FAIL_LIMIT);
    /* through an alias: x has height 1 */
    assert_int_equal(parse_with("[&x [1], *x]", l, &e), 0);
    assert_int_equal(parse_with("[&x [1], [*x]]", l, &e), -1);
    assert_string_equal(e.msg, "1:11: Maximum object depth exceeded");

    l = base;
    l.nodes = 4;
    assert_int_equal(parse_with("[1, 2, 3]", l, &e), 0);
    assert_int_equal(parse_with("[1, 2, 3, 4]", l, &e), -1);
    assert_string_equal(e.msg, "1:11: Maximum YAML nodes exceeded");

    l = base;
    l.alias_nodes = 6; /* root, x and 1, 2; then 3 once more is too many */
    assert_int_equal(parse_with("[1, 2, 3, 4, 5, 6, 7]", l, &e), 0);
    assert_int_equal(parse_with("[&x [1], 2, *x]", l, &e), 0);
    assert_int_equal(parse_with("[&x [1], 2, 3, *x]", l, &e), -1);
    assert_string_equal(e.msg, "1:16: Maximum YAML nodes exceeded");

    l = base;
    l.input_bytes = 5;
    assert_int_equal(parse_with("12345", l, &e), 0);
    assert_int_equal(parse_with("123456", l, &e), -1);
    assert_string_equal(e.msg, "1:1: the file is 6 bytes long; the limit is 5");

    l = base;
    l.total_bytes = 6;
    assert_int_equal(parse_with("[&x abc, *x]", l, &e), 0);
    assert_int_equal(parse_with("[&x abcd, *x]", l, &e), -1);
    assert_string_equal(e.msg, "1:11: Maximum object size exceeded");

    l = base;
    l.no_anchors = true;
    assert_int_equal(parse_with("[&x abc]", l, &e), -1);
    assert_string_equal(e.msg, "1:2: Anchors are not currently supported. Remove the anchor 'x'");

    l = base;
    l.duplicates_ok = true;
    assert_int_equal(parse_with("a: 1\na: 2\n", l, &e), 0);
}

/* Nine levels of ten aliases would be 10^9 nodes. */
static void an_alias_bomb_ends_at_the_node_limit(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct err e = {0};

    (void)state;
    buf_adds(&b, "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(&b, "l%d: &l%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_addf(&b, "*l%d, ", i - 1);
        buf_adds(&b, "]\n");
    }
    assert_int_equal(parse_with(b.p, yx_default_limits, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
}

static void deep_nesting_costs_no_stack(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
    struct err e = {0};

    (void)state;
    for (int i = 0; i < 500000; i++)
        buf_addc(&b, '[');
    assert_int_equal(parse_with(b.p, yx_default_limits, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_string_equal(e.msg, "1:101: Maximum object depth exceeded");
}

/* What came before the problem is there, and the problem in the official words. */
static void a_part_is_kept(void **state)
{
    static const struct {
        const char *in, *dump, *problem;
        struct yx_mark from, to;
        bool marks;
    } rows[] = {
        {"a: [1, {b: c\n",
         "{p:a=[p:1 {p:b=(none)}]}",
         "While parsing a flow mapping,  did not find expected ',' or '}'.",
         {2, 1, 13},
         {2, 1, 13},
         true},
        {"a: b\nc: \"d\ne",
         "{p:a=p:b}",
         "While scanning a quoted scalar, find unexpected end of stream.",
         {2, 4, 8},
         {3, 2, 12},
         true},
        {"a: b\n\xF0\x9F\x98\x80: @\n",
         "{p:a=p:b}",
         "While scanning for the next token, find character that cannot start any token.",
         {2, 5, 9},
         {2, 6, 10},
         true},
        {"- a\nb: c\n",
         "[]",
         "While parsing a block collection, did not find expected '-' indicator.",
         {2, 1, 4},
         {2, 1, 4},
         true},
        {"a: b: c\n",
         "{p:a=(none)}",
         "Mapping values are not allowed in this context.",
         {1, 5, 4},
         {1, 5, 4},
         true},
        {"a: b\n  c\nd\n",
         "{p:a=(none)}",
         "While scanning a simple key, could not find expected ':'.",
         {4, 1, 11},
         {4, 1, 11},
         true},
        {"a: &x b\n--- c\n",
         "{p:a=p:b}",
         "Expected stream end parse event",
         {2, 1, 0},
         {2, 1, 0},
         false},
        {"a: *b\n", "{}", "Unknown anchor 'b'", {1, 4, 0}, {1, 4, 0}, false},
        {"[a: b\n",
         "[{p:a=p:b}]",
         "While parsing a flow sequence, did not find expected ',' or ']'.",
         {2, 1, 6},
         {2, 1, 6},
         true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(auto_yx) struct yx_doc *doc = NULL;
        AUTO(buf_free) struct buf b = BUF_INIT(4096);
        struct yx_problem p;
        struct err e = {0};
        assert_int_equal(yx_parse_part(sv_of(rows[i].in), NULL, &doc, &p, &e), -1);
        dump(yx_root(doc), &b);
        assert_string_equal(p.text, rows[i].problem);
        assert_int_equal(p.has_marks, rows[i].marks);
        assert_int_equal(p.from.line, rows[i].from.line);
        assert_int_equal(p.from.col, rows[i].from.col);
        assert_int_equal(p.from.index, rows[i].from.index);
        assert_int_equal(p.to.line, rows[i].to.line);
        assert_int_equal(p.to.col, rows[i].to.col);
        assert_int_equal(p.to.index, rows[i].to.index);
        assert_string_equal(b.p, rows[i].dump);
    }
}

/* The largest growth of a text that is prepared, and positions behind many wide characters in linear time. */
static void odd_characters_in_bulk(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(2 << 20);

    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        AUTO(auto_yx) struct yx_doc *doc = NULL;
        struct err e = {0};
        buf_reset(&b);
        buf_adds(&b, "a: ['");
        for (int i = 0; i < 200000; i++)
            buf_adds(&b, wide ? "\xF0\x9F\x98\x80" : "\x01");
        buf_adds(&b, "'");
        for (int i = 0; i < 20000; i++)
            buf_adds(&b, wide ? ", \xF0\x9F\x98\x80" : ", \x02");
        buf_adds(&b, "]\n");
        if (yx_parse(buf_sv(&b), NULL, &doc, &e) < 0)
            fail_msg("%s", e.msg);
        const struct yx_node *list = yx_root(doc)->items[1];
        unsigned units = wide ? 2 : 1;
        assert_int_equal(list->n, 20001);
        assert_int_equal(list->items[1]->col, 5 + 200000 * units + 3 + 1);
        assert_int_equal(list->items[20000]->col, 5 + 200000 * units + 3 + 19999 * (units + 2) + 1);
    }
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0], M = 6 };
    struct CMUnitTest tests[N + M] = {
        cmocka_unit_test(positions_count_characters),
        cmocka_unit_test(limits_hold_at_max_and_fail_above),
        cmocka_unit_test(an_alias_bomb_ends_at_the_node_limit),
        cmocka_unit_test(deep_nesting_costs_no_stack),
        cmocka_unit_test(a_part_is_kept),
        cmocka_unit_test(odd_characters_in_bulk),
    };

    for (size_t i = 0; i < N; i++)
        tests[M + i] = (struct CMUnitTest){.name = cases[i].name,
                                           .test_func = check_case,
                                           .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
