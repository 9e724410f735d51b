/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: from YAML without a schema, the job message's encoding both ways, evaluation with its errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "actions/token.h"
#include "base/json.h"
#include "base/mem.h"

static const char *const contexts[] = {"github", "matrix", "env", NULL};
static const char *const functions[] = {"hashFiles", NULL};
static const struct expr_names names = {.contexts = contexts, .functions = functions};

static struct val *data; /* contexts of the evaluation cases */

static struct val *context(void *ctx, struct sv name)
{
    (void)ctx;
    return val_get(data, name);
}

static int from_yaml(const char *yaml, struct tok **out, struct err *e)
{
    AUTO(auto_yx) struct yx_doc *doc = NULL;

    if (yx_parse(sv_of(yaml), &yx_default_limits, &doc, e) < 0)
        return -1;
    return tok_from_yaml(yx_root(doc), 1, &names, out, e);
}

/* ---- evaluation ---- */

struct eval_case {
    const char *name, *yaml;
    const char *want;  /* JSON, or NULL */
    const char *error; /* message, or NULL */
};
static const struct eval_case eval_cases[] = {
    {"literals keep their kinds", "[1, true, ~, x, 1.5]", "[1,true,null,\"x\",1.5]", NULL},
    {"one expression keeps its kind", "a: ${{ github.list }}", "{\"a\":[1,2]}", NULL},
    {"mixed text is a string", "a: x${{ 1 }}", "{\"a\":\"x1\"}", NULL},
    {"an array is spliced into a sequence", "[0, '${{ github.list }}', 3]", "[0,1,2,3]", NULL},
    {"an object is one item", "[0, '${{ github.map }}']", "[0,{\"k\":\"v\",\"n\":2}]", NULL},
    {"a literal sequence is not spliced", "[0, [1, 2]]", "[0,[1,2]]", NULL},
    {"insert merges a mapping", "{a: 1, '${{ insert }}': '${{ github.map }}', z: 2}",
     "{\"a\":1,\"k\":\"v\",\"n\":2,\"z\":2}", NULL},
    {"insert merges a literal mapping", "'${{ insert }}': {b: 1}", "{\"b\":1}", NULL},
    {"insert of something else", "'${{ insert }}': 1", NULL,
     "f.yml (Line: 1, Col: 18): Expected a mapping"},
    {"insert of a key that is there", "{K: 1, '${{ insert }}': '${{ github.map }}'}", NULL,
     "f.yml (Line: 1, Col: 25): 'k' is already defined"},
    {"insert as a value", "a: ${{ insert }}", NULL,
     "f.yml (Line: 1, Col: 4): The expression directive 'insert' is not supported in this context"},
    {"a key from an expression", "'${{ github.s }}': 1", "{\"text\":1}", NULL},
    {"a key from a number", "'${{ 1 }}': 1", "{\"1\":1}", NULL},
    {"a key that is an array", "'${{ github.list }}': 1", NULL,
     "f.yml (Line: 1, Col: 1): Expected a string"},
    {"two keys that become equal", "{'${{ github.s }}': 1, TEXT: 2}", NULL,
     "f.yml (Line: 1, Col: 24): 'TEXT' is already defined"},
    {"an error inside an expression", "a:\n  - ${{ fromJSON('') }}", NULL,
     "f.yml (Line: 2, Col: 5): Error parsing fromJson,Error reading JToken from JsonReader. Path '', line 0, "
     "position 0."},
    {"a missing property is null", "a: ${{ github.nothing.x }}", "{\"a\":null}", NULL},
};
static void check_eval(void **state)
{
    static const char *const files[] = {"f.yml"};
    const struct eval_case *c = *state;
    const struct expr_env env = {.context = context};
    AUTO(auto_tok) struct tok *t = NULL;
    AUTO(auto_val) struct val *v = NULL;
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct err e = {0};

    if (from_yaml(c->yaml, &t, &e) < 0)
        fail_msg("%s", e.msg);
    int rc = tok_eval(t, &env, files, 1, &v, &e);
    if (c->error != NULL) {
        assert_int_equal(rc, -1);
        assert_string_equal(e.msg, c->error);
        assert_int_equal(e.code, FAIL_INPUT);
        return;
    }
    if (rc < 0)
        fail_msg("%s", e.msg);
    AUTO(auto_json) json_t *j = val_to_json(v);
    jx_write(&b, j);
    assert_string_equal(b.p, c->want);
}

/* All values of a template together have a limit: 24 bytes for each, for a text 26 more and 2 for each unit. */
static void sizes(void **state)
{
    static const struct {
        const char *yaml;
        size_t bytes;
    } cases[] = {
        {"[a, b]", 24 + 52 + 52},
        {"{k: v}", 24 + 52 + 52},
        {"[\xC3\xA9, \xF0\x9F\x98\x80]", 24 + 52 + 54},
        {"[1, ~, true, [], {}]", (size_t)6 * 24},
        {"- ${{ github.list }}\n- ${{ github.list }}", 24 + (size_t)2 * 3 * 24},
        {"a: ${{ github.map }}", 24 + 52 + 24 + 52 + 52 + 52 + 24},
        {"'${{ github.s }}': x", 24 + 58 + 52},
        {"${{ insert }}: ${{ github.map }}", 24 + 24 + 52 + 52 + 52 + 24},
    };
    static const char *const files[] = {"f.yml"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(auto_tok) struct tok *t = NULL;
        AUTO(auto_val) struct val *all = NULL, *none = NULL;
        struct expr_env env = {.context = context, .max_memory = cases[i].bytes};
        struct err e = {0};
        if (from_yaml(cases[i].yaml, &t, &e) < 0)
            fail_msg("%s", e.msg);
        if (tok_eval(t, &env, files, 1, &all, &e) < 0)
            fail_msg("%s: %s", cases[i].yaml, e.msg);
        env.max_memory--;
        if (tok_eval(t, &env, files, 1, &none, &e) == 0)
            fail_msg("%s: fits into %zu bytes", cases[i].yaml, env.max_memory);
        assert_string_equal(e.msg, "f.yml: Maximum object size exceeded");
        assert_null(none);
    }
}

/* Each text fits, all of them do not: without a limit on their sum this took 1 GB. */
static void texts_together_are_too_large(void **state)
{
    static const char *const files[] = {"f.yml"};
    const struct expr_env env = {.context = context};
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
    AUTO(auto_tok) struct tok *t = NULL;
    AUTO(auto_val) struct val *v = NULL;
    struct err e = {0};

    (void)state;
    buf_adds(&b, "- &a ${{ format('");
    for (int i = 0; i < 100; i++)
        buf_adds(&b, "{0}");
    buf_adds(&b, "', format('");
    for (int i = 0; i < 100; i++)
        buf_adds(&b, "{0}");
    buf_adds(
        &b,
        "', 'a text of a hundred units or a few less, of which there is twice a hundred times a hundred')) }}\n");
    for (int i = 0; i < 1000; i++)
        buf_adds(&b, "- *a\n");
    if (from_yaml(b.p, &t, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(tok_eval(t, &env, files, 1, &v, &e), -1);
    assert_string_equal(e.msg, "f.yml: Maximum object size exceeded");
}

/* ---- without a schema ---- */

static const struct eval_case read_cases[] = {
    {"nothing allowed outside the names", "a: ${{ secrets.x }}", NULL,
     "1:4: Unrecognized named-value: 'secrets'. Located at position 1 within expression: secrets.x"},
    {"an allowed function", "a: ${{ hashFiles('x') }}", "", NULL},
    {"a bad tag", "a: !!int x", NULL,
     "1:4: The value 'x' on line 1 and column 4 is invalid for the type 'tag:yaml.org,2002:int'"},
};
static void check_read(void **state)
{
    const struct eval_case *c = *state;
    AUTO(auto_tok) struct tok *t = NULL;
    struct err e = {0};

    int rc = from_yaml(c->yaml, &t, &e);
    assert_int_equal(rc, c->error != NULL ? -1 : 0);
    if (c->error != NULL)
        assert_string_equal(e.msg, c->error);
}

/* ---- JSON ---- */

struct json_case {
    const char *name, *in;
    const char *want; /* as written again, or NULL */
    const char *error;
};
static const struct json_case json_cases[] = {
    {"bare values", "{\"type\":1,\"seq\":[\"a\",1,1.5,true,null]}",
     "{\"type\":1,\"seq\":[\"a\",1,1.5,true,null]}", NULL},
    {"positions are kept", "{\"type\":0,\"file\":1,\"line\":2,\"col\":3,\"lit\":\"x\"}",
     "{\"type\":0,\"file\":1,\"line\":2,\"col\":3,\"lit\":\"x\"}", NULL},
    {"object forms without positions become bare", "{\"type\":5,\"bool\":true}", "true", NULL},
    {"a missing type is a string", "{\"lit\":\"x\"}", "\"x\"", NULL},
    {"a missing payload",
     "{\"type\":1,\"seq\":[{\"type\":0},{\"type\":5},{\"type\":6},{\"type\":7}]}",
     "{\"type\":1,\"seq\":[\"\",false,0,null]}", NULL},
    {"a type that is no integer is ignored",
     "{\"type\":1,\"seq\":[{\"type\":\"0\",\"lit\":\"x\"}]}", "{\"type\":1,\"seq\":[null]}", NULL},
    {"github.com's pairs", "{\"type\":2,\"map\":[{\"Key\":\"a\",\"Value\":1}]}",
     "{\"type\":2,\"map\":[{\"Key\":\"a\",\"Value\":1}]}", NULL},
    {"the serializer's pairs", "{\"type\":2,\"map\":[{\"key\":\"a\",\"value\":1}]}",
     "{\"type\":2,\"map\":[{\"Key\":\"a\",\"Value\":1}]}", NULL},
    {"expressions and insert",
     "{\"type\":2,\"map\":[{\"Key\":{\"type\":4,\"directive\":\"insert\"},\"Value\":{\"type\":3,\"expr\":\"x\"}}]}",
     "{\"type\":2,\"map\":[{\"Key\":{\"type\":4,\"directive\":\"insert\"},\"Value\":{\"type\":3,\"expr\":\"x\"}}]}",
     NULL},
    {"empty collections", "{\"type\":1,\"seq\":[{\"type\":2},{\"type\":1}]}",
     "{\"type\":1,\"seq\":[{\"type\":2},{\"type\":1}]}", NULL},
    {"infinity as text", "{\"type\":6,\"num\":\"Infinity\"}", "\"Infinity\"", NULL},
    {"unknown members are ignored", "{\"type\":0,\"lit\":\"x\",\"more\":1}", "\"x\"", NULL},
    {"a position that is none", "{\"type\":0,\"line\":-1,\"lit\":\"x\"}", "\"x\"", NULL},
    {"an array", "[]", NULL, "template token: unexpected array"},
    {"an unknown type", "{\"type\":8}", NULL, "template token: unknown type 8"},
    {"a text that is none", "{\"type\":3,\"expr\":1}", NULL,
     "template token: the text is not a string"},
    {"an unknown directive", "{\"type\":4,\"directive\":\"each\"}", NULL,
     "template token: unknown directive 'each'"},
    {"items that are none", "{\"type\":1,\"seq\":{}}", NULL,
     "template token: the items are not an array"},
    {"a pair that is none", "{\"type\":2,\"map\":[1]}", NULL,
     "template token: a pair of a mapping is not an object"},
    {"a key that is a mapping", "{\"type\":2,\"map\":[{\"Key\":{\"type\":2},\"Value\":1}]}", NULL,
     "template token: a key of a mapping is not a scalar"},
};
static void check_json(void **state)
{
    const struct json_case *c = *state;
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    AUTO(buf_free) struct buf wrapped = BUF_INIT(65536);
    AUTO(auto_tok) struct tok *t = NULL;
    struct err e = {0};

    buf_addf(&wrapped, "[%s]", c->in);
    AUTO(auto_json) json_t *j = jx_parse(buf_sv(&wrapped), "case", &e);
    assert_non_null(j);
    int rc = tok_from_json(json_array_get(j, 0), &t, &e);
    if (c->error != NULL) {
        assert_int_equal(rc, -1);
        assert_string_equal(e.msg, c->error);
        return;
    }
    assert_int_equal(rc, 0);
    AUTO(auto_json) json_t *out = json_array();
    assert_int_equal(json_array_append_new(out, tok_to_json(t)), 0);
    jx_write(&b, out);
    struct sv got = sv_sub(buf_sv(&b), 1, b.len - 2);
    AUTO(auto_free) char *text = sv_dup(got);
    assert_string_equal(text, c->want);
    AUTO(auto_tok) struct tok *clone = tok_clone(t); /* a copy writes the same */
    AUTO(auto_json) json_t *again = json_array();
    assert_int_equal(json_array_append_new(again, tok_to_json(clone)), 0);
    assert_true(json_equal(out, again));
}

static void kinds_are_not_converted(void **state)
{
    const struct expr_env env = {.context = context};
    AUTO(auto_tok) struct tok *t = NULL;
    AUTO(buf_free) struct buf text = BUF_INIT(100);
    struct err e = {0};
    bool b = false;
    double d = 7;

    (void)state;
    if (from_yaml("['true', 5, true, [1], {a: 1}, ~]", &t, &e) < 0) {
        fail_msg("%s", e.msg);
        return;
    }
    assert_int_equal(tok_eval_bool(t->items[0], &env, NULL, 0, &b, &e), -1);
    assert_string_equal(e.msg, "(Line: 1, Col: 2): Unexpected value 'true'");
    assert_int_equal(tok_eval_bool(t->items[2], &env, NULL, 0, &b, &e), 0);
    assert_true(b);
    assert_int_equal(tok_eval_number(t->items[2], &env, NULL, 0, &d, &e), -1);
    assert_int_equal(tok_eval_number(t->items[1], &env, NULL, 0, &d, &e), 0);
    assert_true(d > 4.5 && d < 5.5);
    assert_int_equal(tok_eval_text(t->items[3], &env, NULL, 0, &text, &e), -1);
    assert_string_equal(e.msg, "(Line: 1, Col: 19): A sequence was not expected");
    assert_int_equal(tok_eval_text(t->items[4], &env, NULL, 0, &text, &e), -1);
    assert_string_equal(e.msg, "(Line: 1, Col: 24): A mapping was not expected");
    assert_int_equal(tok_eval_text(t->items[5], &env, NULL, 0, &text, &e), 0);
    assert_int_equal(text.len, 0);
    assert_int_equal(tok_eval_text(NULL, &env, NULL, 0, &text, &e), 0);
    assert_int_equal(text.len, 0);
}

/* What an error quotes is longer than struct err: nothing of it is lost. */
static void errors_quote_whole_values(void **state)
{
    const struct expr_env env = {.ctx = NULL};
    AUTO(auto_free) char *yaml = xasprintf("['%05000d']", 7);
    AUTO(auto_free) char *want = xasprintf("(Line: 1, Col: 2): Unexpected value '%05000d'", 7);
    AUTO(auto_free) char *text = xcalloc(1, (size_t)2 * ERR_MAX_TEXT);
    AUTO(auto_tok) struct tok *t = NULL;
    struct err e = {0};
    bool b = false;

    (void)state;
    if (from_yaml(yaml, &t, &e) < 0) {
        fail_msg("%s", e.msg);
        return;
    }
    assert_int_equal(tok_eval_bool(t->items[0], &env, NULL, 0, &b, &e), -1);
    assert_string_equal(err_whole(&e), want);
    assert_string_equal(err_text(&e, text, (size_t)2 * ERR_MAX_TEXT), want);
}

static void nesting_ends_at_the_limit(void **state)
{
    json_t *j = json_string("x");
    AUTO(auto_tok) struct tok *t = NULL;
    struct err e = {0};

    (void)state;
    for (int i = 0; i < 127; i++)
        j = json_pack("{s:i,s:[o]}", "type", 1, "seq", j);
    assert_int_equal(tok_from_json(j, &t, &e), 0);
    j = json_pack("{s:i,s:[o]}", "type", 1, "seq", j);
    AUTO(auto_tok) struct tok *none = NULL;
    assert_int_equal(tok_from_json(j, &none, &e), -1);
    assert_int_equal(e.code, FAIL_LIMIT);
    json_decref(j);
}

static int setup(void **state)
{
    struct err e = {0};
    AUTO(auto_json)
    json_t *j =
        jx_parse(SV("{\"github\":{\"list\":[1,2],\"map\":{\"k\":\"v\",\"n\":2},\"s\":\"text\"}}"),
                 "contexts", &e);

    (void)state;
    data = val_from_json(j);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    val_unref(data);
    return 0;
}

int main(void)
{
    enum {
        E = sizeof eval_cases / sizeof eval_cases[0],
        R = sizeof read_cases / sizeof read_cases[0],
        J = sizeof json_cases / sizeof json_cases[0],
        M = 5
    };
    struct CMUnitTest tests[M + E + R + J] = {
        cmocka_unit_test(kinds_are_not_converted), cmocka_unit_test(errors_quote_whole_values),
        cmocka_unit_test(sizes), cmocka_unit_test(texts_together_are_too_large),
        cmocka_unit_test(nesting_ends_at_the_limit)};
    size_t n = M;

    for (size_t i = 0; i < E; i++)
        tests[n++] = (struct CMUnitTest){.name = eval_cases[i].name,
                                         .test_func = check_eval,
                                         .initial_state = (void *)(uintptr_t)&eval_cases[i]};
    for (size_t i = 0; i < R; i++)
        tests[n++] = (struct CMUnitTest){.name = read_cases[i].name,
                                         .test_func = check_read,
                                         .initial_state = (void *)(uintptr_t)&read_cases[i]};
    for (size_t i = 0; i < J; i++)
        tests[n++] = (struct CMUnitTest){.name = json_cases[i].name,
                                         .test_func = check_json,
                                         .initial_state = (void *)(uintptr_t)&json_cases[i]};
    return cmocka_run_group_tests_name("token", tests, setup, teardown);
}
