/* SPDX-License-Identifier: Apache-2.0
 *
 * The search for ${{ }} in a scalar and its folding into one expression (spec expressions 2.2).
 * Source: actions/runner: src/Sdk/WorkflowParser/ObjectTemplating/TemplateReader.cs (ParseScalar). */
#include <stdlib.h>

#include "actions/token_priv.h"
#include "actions/value_priv.h"
#include "base/mem.h"

#define OPEN   SV("${{")
#define INSERT SV("insert")
#define MAX_COMPOSED \
    (4U << 20) /* Ours: bytes of a composed format(); the expression limit is far below */

int tok_check_expr(struct sv text, const struct expr_names *names, struct buf *why)
{
    AUTO(auto_expr) struct expr *x = NULL;
    struct expr_error xe = {.text = why};
    UNINIT struct err e; /* the whole message is in *why */

    return expr_parse(text, names, &x, &xe, &e);
}

size_t tok_find_close(struct sv s, size_t from)
{
    bool in_string = false;

    for (size_t i = from + OPEN.n; i < s.n; i++) {
        if (s.p[i] == '\'')
            in_string = !in_string;
        else if (!in_string && s.p[i] == '}' && s.p[i - 1] == '}')
            return i + 1;
    }
    return SV_NPOS;
}

/* Parameters of a directive: separated by blanks outside quotes and parentheses. */
static size_t count_parameters(struct sv s)
{
    size_t n = 0;
    unsigned depth = 0;
    bool in_string = false, in_word = false;

    for (size_t i = 0, k; i < s.n; i += k) {
        char c = s.p[i];
        size_t space = val_space(sv_sub(s, i, SV_NPOS));
        k = space > 0 ? space : 1;
        if (space > 0 && !in_string && depth == 0) {
            in_word = false;
            continue;
        }
        if (!in_word)
            n++;
        in_word = true;
        if (c == '\'')
            in_string = !in_string;
        else if (c == '(' && !in_string)
            depth++;
        else if (c == ')' && !in_string && depth > 0)
            depth--;
    }
    return n;
}

enum segment_kind { SEGMENT_FAILED, SEGMENT_EXPR, SEGMENT_INSERT };

static enum segment_kind read_expression(struct sv text, const struct expr_names *names,
                                         struct buf *why)
{
    if (text.n == 0) {
        buf_adds(why, "An expression was expected");
        return SEGMENT_FAILED;
    }
    struct sv behind = sv_sub(text, INSERT.n, SV_NPOS);
    if (sv_starts(text, INSERT) && (behind.n == 0 || val_space(behind) > 0)) {
        size_t n = count_parameters(behind);
        if (n == 0)
            return SEGMENT_INSERT;
        buf_addf(why,
                 "Exactly 0 parameter(s) were expected following the directive 'insert'. Actual "
                 "parameter count: %zu",
                 n);
        return SEGMENT_FAILED;
    }
    return tok_check_expr(text, names, why) == 0 ? SEGMENT_EXPR : SEGMENT_FAILED;
}

/* An expression that is nothing but one string literal, as in ${{ '${{ literal }}' }}, is that string; in
 * parentheses it stays an expression. */
static void replace_single(struct tok **t, struct sv x, const struct expr_names *names)
{
    AUTO(auto_expr) struct expr *tree = NULL;
    struct expr_error xe = {0};
    UNINIT struct err e; /* parsed before without an error */
    struct sv literal;

    if (x.p[0] == '\'' && expr_parse(x, names, &tree, &xe, &e) == 0 &&
        expr_is_string(tree, &literal))
        tok_replace(t, TOK_STRING, literal);
    else
        tok_replace(t, TOK_EXPR, x);
}

static void add_format_text(struct buf *format, struct sv text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\'' || c == '{' || c == '}')
            buf_addc(format, c);
        buf_addc(format, c);
    }
}

struct scan {
    struct buf format, args;
    struct sv first; /* the first expression */
    size_t n_exprs;
    bool has_text; /* text besides expressions */
    bool insert, failed;
};

/* One of the reasons: each ends with a zero byte. */
static int end_reason(struct scan *c, struct buf *why)
{
    buf_addc(why, '\0');
    c->failed = true;
    return -1;
}

/* The expression that opens at *at; moves *at behind it. A mistake inside is noted and the search goes on; -1: there
 * is no going on. */
static int scan_one(struct sv s, size_t *at, const struct expr_names *names, struct scan *c,
                    struct buf *why)
{
    size_t end = tok_find_close(s, *at);

    if (end == SV_NPOS) {
        buf_adds(why, "The expression is not closed. An unescaped ${{ sequence was found, but "
                      "the closing }} sequence was not found.");
        return end_reason(c, why);
    }
    struct sv x = val_trim(sv_sub(s, *at + OPEN.n, end - *at - OPEN.n - 2));
    enum segment_kind kind = read_expression(x, names, why);
    if (kind == SEGMENT_INSERT && (*at != 0 || end != s.n)) {
        buf_adds(why, "The directive 'insert' is not allowed in this context. Directives are "
                      "not supported for expressions that are embedded within a string. "
                      "Directives are only supported when the entire value is an expression.");
        return end_reason(c, why);
    }
    *at = end;
    if (kind == SEGMENT_FAILED) {
        (void)end_reason(c, why);
        return 0;
    }
    c->insert = kind == SEGMENT_INSERT;
    if (c->n_exprs == 0)
        c->first = x;
    buf_addf(&c->format, "{%zu}", c->n_exprs++);
    buf_adds(&c->args, ", ");
    buf_addsv(&c->args, x);
    return 0;
}

static int scan_segments(struct sv s, const struct expr_names *names, struct scan *c,
                         struct buf *why)
{
    for (size_t at = 0; at < s.n;) {
        struct sv rest = sv_sub(s, at, SV_NPOS);
        size_t open = sv_find(rest, OPEN);
        if (open == 0) {
            if (scan_one(s, &at, names, c, why) < 0)
                return -1;
            continue;
        }
        struct sv text = sv_sub(rest, 0, open); /* up to the next expression or the end */
        add_format_text(&c->format, text);
        c->has_text = true;
        at += text.n;
    }
    return c->failed ? -1 : 0;
}

static int fold(struct tok **t, struct scan *c, const struct expr_names *names, struct buf *why)
{
    AUTO(buf_free) struct buf all = BUF_INIT(MAX_COMPOSED);

    if (c->insert) {
        tok_replace(t, TOK_INSERT, INSERT);
        return 0;
    }
    if (c->n_exprs == 1 && !c->has_text) {
        replace_single(t, c->first, names);
        return 0;
    }
    buf_adds(&all, "format('");
    buf_addsv(&all, buf_sv(&c->format));
    buf_addc(&all, '\'');
    buf_addsv(&all, buf_sv(&c->args));
    buf_addc(&all, ')');
    if (all.over || c->format.over || c->args.over) {
        buf_addf(why, "Exceeded max expression length %u", EXPR_MAX_LENGTH);
        return end_reason(c, why);
    }
    if (tok_check_expr(buf_sv(&all), names, why) < 0)
        return end_reason(c, why);
    tok_replace(t, TOK_EXPR, buf_sv(&all));
    return 0;
}

bool tok_may_have_expr(const struct tok *t)
{
    const char *at = t->text.p, *end = at + t->text.n;

    if (t->kind != TOK_STRING)
        return false;
    while ((at = memchr(at, '$', (size_t)(end - at))) != NULL) {
        if (end - at >= 3 && at[1] == '{' && at[2] == '{')
            return true;
        at++;
    }
    return false;
}

int tok_scan(struct tok **t, const struct expr_names *names, struct buf *why)
{
    struct scan c = {.format = BUF_INIT(MAX_COMPOSED), .args = BUF_INIT(MAX_COMPOSED)};
    struct sv s = (*t)->text;

    if (!tok_may_have_expr(*t))
        return 0;
    int rc = scan_segments(s, names, &c, why);
    if (rc == 0)
        rc = fold(t, &c, names, why);
    buf_free(&c.format);
    buf_free(&c.args);
    return rc;
}
