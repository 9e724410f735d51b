/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions of a scalar: found as the reader finds them, parsed for the position of each mistake, and handed to
 * the checks. Rules: expression-syntax, function-arguments, unknown-context, unavailable-context,
 * unknown-function, unavailable-function, condition-literal-text, wrong-value-type, object-in-string. */
#include "actions/lint/lint_priv.h"
#include "actions/token_priv.h"
#include "base/mem.h"

#define OPEN SV("${{")

static const struct {
    const char *name;
    unsigned bit;
} contexts[] = {
    {"github", CX_GITHUB},     {"inputs", CX_INPUTS}, {"vars", CX_VARS},       {"needs", CX_NEEDS},
    {"strategy", CX_STRATEGY}, {"matrix", CX_MATRIX}, {"secrets", CX_SECRETS}, {"steps", CX_STEPS},
    {"job", CX_JOB},           {"runner", CX_RUNNER}, {"env", CX_ENV},         {"jobs", CX_JOBS},
};
#define N_CONTEXTS (sizeof contexts / sizeof contexts[0])

/* ---- names ---- */

static void list_available(unsigned context, struct buf *b)
{
    for (size_t i = 0; i < N_CONTEXTS; i++) {
        if ((context & contexts[i].bit) != 0)
            buf_addf(b, "%s%s", b->len > 0 ? ", " : "", contexts[i].name);
    }
    if (b->len == 0)
        buf_adds(b, "none");
}

bool lint_is_available(const struct lint_site *s, struct sv name)
{
    for (size_t i = 0; i < N_CONTEXTS; i++) {
        if (sv_ieq(sv_of(contexts[i].name), name))
            return (s->context & contexts[i].bit) != 0;
    }
    return false;
}

static void check_name(const struct lint_expr *x, const struct node *n)
{
    AUTO(buf_free) struct buf list = BUF_INIT(256);
    unsigned allowed = x->site->context;
    const char *names[N_CONTEXTS + 1] = {NULL};
    size_t i = 0;

    while (i < N_CONTEXTS && !sv_ieq(sv_of(contexts[i].name), n->text))
        i++;
    if (i < N_CONTEXTS && (allowed & contexts[i].bit) != 0)
        return;
    list_available(allowed, &list);
    if (i < N_CONTEXTS && contexts[i].bit == CX_SECRETS && x->site->place == PLACE_IF) {
        lint_expr_at(x, &rule_secrets_in_if, n,
                     "secrets cannot be read in `if`; put the secret into `env` and ask for that");
        return;
    }
    if (i < N_CONTEXTS) {
        lint_expr_at(x, &rule_unavailable_context, n,
                     "context '%s' is not available here; available: %s", contexts[i].name, list.p);
        return;
    }
    for (i = 0; i < N_CONTEXTS; i++)
        names[i] = contexts[i].name;
    if (expr_fn_find(n->text) != NULL) {
        lint_expr_at(x, &rule_unknown_context, n,
                     "there is no context '" SV_FMT "'; the function is called " SV_FMT "()",
                     SV_ARG(n->text), SV_ARG(n->text));
        return;
    }
    const char *meant = nearest_name(n->text, names);
    if (meant != NULL)
        lint_expr_at(x, &rule_unknown_context, n,
                     "there is no context '" SV_FMT "'; did you mean '%s'?", SV_ARG(n->text),
                     meant);
    else
        lint_expr_at(x, &rule_unknown_context, n,
                     "there is no context '" SV_FMT "'; texts need single quotes; available: %s",
                     SV_ARG(n->text), list.p);
}

static void check_function(const struct lint_expr *x, const struct node *n)
{
    static const char *const names[] = {"case",    "contains",   "endsWith", "format", "fromJSON",
                                        "join",    "startsWith", "toJSON",   "always", "cancelled",
                                        "failure", "hashFiles",  "success",  NULL};
    unsigned need = 0;

    if (n->fn->id == FN_OTHER) {
        const char *meant = nearest_name(n->text, names);
        lint_expr_at(x, &rule_unknown_function, n, "there is no function '" SV_FMT "'%s%s%s",
                     SV_ARG(n->text), meant != NULL ? "; did you mean '" : "",
                     meant != NULL ? meant : "", meant != NULL ? "'?" : "");
        return;
    }
    if (n->fn->id == FN_HASH_FILES)
        need = CX_HASHFILES;
    else if (n->fn->id >= FN_ALWAYS)
        need = CX_STATUS | CX_JOB_STATUS;
    if (need != 0 && (x->site->context & need) == 0)
        lint_expr_at(x, &rule_unavailable_function, n,
                     "function '" SV_FMT "' is not available here; %s", SV_ARG(n->text),
                     need == CX_HASHFILES ? "hashFiles works in steps" : "it works in `if`");
    else if (n->fn->id >= FN_ALWAYS && n->fn->id != FN_HASH_FILES && n->n_args > 0 &&
             (x->site->context & CX_JOB_STATUS) == 0)
        lint_expr_at(x, &rule_function_arguments, n, "'" SV_FMT "' takes no arguments here",
                     SV_ARG(n->text));
}

/* Recursion is bounded by the parser's depth limit. */
static void check_names(const struct lint_expr *x, const struct node *n)
{
    if (n->kind == N_NAME)
        check_name(x, n);
    if (n->kind == N_CALL)
        check_function(x, n);
    for (const struct node *c = n->first; c != NULL; c = c->next)
        check_names(x, c);
}

/* ---- one expression ---- */

static size_t utf16_offset(struct sv s, size_t units)
{
    struct sv rest = s;
    unsigned code;

    while (units > 0 && rest.n > 0) {
        (void)utf8_next(&rest, &code);
        units -= code > 0xFFFF && units > 1 ? 2 : 1;
    }
    return s.n - rest.n;
}

/* The kind of the parser's message, without position and the whole text behind it. */
static void report_parse(const struct lint_expr *x, struct sv text, const struct expr_error *xe,
                         struct sv message)
{
    size_t cut = sv_find(message, SV(" Located at position"));
    struct sv said = sv_sub(message, 0, cut);
    size_t at = xe->has_pos ? utf16_offset(text, xe->pos) : 0, n = text.n;
    bool arguments = sv_find(message, SV("parameters supplied")) != SV_NPOS;

    while (said.n > 0 && said.p[said.n - 1] == '.')
        said.n--;
    if (xe->has_pos) {
        size_t quote = sv_find(said, SV(": '"));
        n = quote != SV_NPOS && said.n > quote + 4 ? said.n - quote - 4 : 1;
    }
    lint_in(x->l, arguments ? &rule_function_arguments : &rule_expression_syntax, x->site->node,
            x->offset + at, n, "%.*s%s", (int)(said.n > 300 ? 300 : said.n), said.p,
            sv_find(said, SV("'\"")) != SV_NPOS ? "; texts need single quotes" : "");
}

static bool offers(const struct schema *s, enum schema_kind kind)
{
    if (s->kind == kind || s->kind == SCHEMA_ANY)
        return true;
    if (s->kind != SCHEMA_ONE_OF)
        return false;
    for (const struct schema *const *p = s->one_of; *p != NULL; p++) {
        if (offers(*p, kind))
            return true;
    }
    return false;
}

/* There is no conversion of text to a boolean or a number, nor of an object to text (spec 2.3). */
static void check_value(const struct lint_expr *x, const struct lt *t)
{
    const struct schema *want = x->site->type;
    const char *hint = "";
    bool fits = true;

    if (x->site->place == PLACE_IF || x->site->place == PLACE_KEY)
        return;
    if (lt_is_container(t))
        fits = offers(want, t->kind == LT_ARRAY ? SCHEMA_SEQUENCE : SCHEMA_MAPPING);
    else if (t->kind == LT_STRING || t->kind == LT_NUMBER || t->kind == LT_BOOL)
        fits = offers(want, SCHEMA_STRING) || offers(want, t->kind == LT_NUMBER ? SCHEMA_NUMBER
                                                           : t->kind == LT_BOOL ? SCHEMA_BOOL
                                                                                : SCHEMA_STRING);
    if (fits)
        return;
    if (lt_is_container(t))
        hint = "; toJSON() makes a text of it";
    else if (t->kind == LT_STRING)
        hint = "; fromJSON() makes one of a text";
    lint_expr_at(x, &rule_wrong_value_type, x->x->root,
                 "'" SV_FMT "' must be %s, but the expression gives %s%s", SV_ARG(x->site->key),
                 offers(want, SCHEMA_STRING)    ? "a string"
                 : offers(want, SCHEMA_BOOL)    ? "a boolean"
                 : offers(want, SCHEMA_NUMBER)  ? "a number"
                 : offers(want, SCHEMA_MAPPING) ? "a mapping"
                                                : "a sequence",
                 lt_name(t), hint);
}

/* text: trimmed, at this offset of the scalar's value. */
static void check_expression(struct lint *l, const struct lint_site *s, struct sv text,
                             size_t offset, bool mixed)
{
    AUTO(auto_expr) struct expr *x = NULL;
    AUTO(buf_free) struct buf why = BUF_INIT(200000);
    struct expr_error xe = {.text = &why};
    struct err e = {0};
    struct lint_expr ex = {.l = l, .site = s, .offset = offset, .mixed = mixed};

    if (expr_parse(text, NULL, &x, &xe, &e) < 0) {
        report_parse(&ex, text, &xe, buf_sv(&why));
        return;
    }
    if (expr_is_blank(x))
        return;
    ex.x = x;
    check_names(&ex, x->root);
    const struct lt *t = lint_type_of(&ex, x->root);
    lint_use_all(&ex, t);
    if (mixed && lt_is_container(t))
        lint_expr_at(&ex, &rule_object_in_string, x->root,
                     "%s becomes the text '%s' here; use toJSON()", lt_name(t),
                     t->kind == LT_ARRAY ? "Array" : "Object");
    if (!mixed)
        check_value(&ex, t);
    lint_untrusted(&ex);
    lint_habits(&ex);
}

/* ---- the scalar ---- */

static bool too_long(struct lint *l, const struct lint_site *s)
{
    if (s->node->text.n <= EXPR_MAX_LENGTH || utf8_utf16_len(s->node->text) <= EXPR_MAX_LENGTH)
        return false;
    lint_mark(l, s->node);
    lint_at(l, &rule_expression_too_long, s->node,
            "a text with expressions may be %u characters long at most; put it into a file of the "
            "repository",
            EXPR_MAX_LENGTH);
    return true;
}

static bool is_insert(struct sv x)
{
    return sv_starts(x, SV("insert")) && (x.n == 6 || ch_is_space(x.p[6]));
}

static void check_parts(struct lint *l, const struct lint_site *s)
{
    struct sv v = s->node->text;
    size_t first = sv_find(v, OPEN), at = first;

    if (too_long(l, s))
        return;
    while (at != SV_NPOS) {
        size_t end = tok_find_close(v, at);
        if (end == SV_NPOS) {
            lint_in(l, &rule_expression_syntax, s->node, at, 3,
                    "the expression is not closed: '}}' is missing");
            return;
        }
        struct sv inner = sv_sub(v, at + OPEN.n, end - at - OPEN.n - 2), x = sv_trim(inner);
        bool mixed = first != 0 || end != v.n || at != first;
        if (x.n == 0)
            lint_in(l, &rule_expression_syntax, s->node, at, end - at, "the expression is empty");
        else if (s->context == SET_NONE)
            lint_in(l, &rule_expression_not_allowed, s->node, at, end - at,
                    "no expression is allowed here");
        else if (!is_insert(x))
            check_expression(l, s, x, (size_t)(x.p - v.p), mixed);
        size_t next = sv_find(sv_sub(v, end, SV_NPOS), OPEN);
        at = next == SV_NPOS ? SV_NPOS : end + next;
    }
    size_t end = tok_find_close(v, first);
    struct sv behind = sv_sub(v, end, SV_NPOS);
    if (s->place == PLACE_IF && first == 0 && behind.n > 0 && sv_trim(behind).n == 0)
        lint_at(l, &rule_condition_literal_text, s->node,
                "the condition is always true: the %s behind }} makes it a text that is not empty; "
                "%s",
                behind.p[0] == '\n' ? "line break" : "white space",
                behind.p[0] == '\n' ? "begin it with `|-` or `>-`, or leave ${{ }} out"
                                    : "leave it out");
    else if (s->place == PLACE_IF && (first != 0 || behind.n > 0))
        lint_at(l, &rule_condition_literal_text, s->node,
                "the condition is always true: with text around ${{ }} it is a text that is not "
                "empty; put the whole of it into one ${{ }} or none");
}

void lint_site(struct lint *l, const struct lint_site *s)
{
    struct sv v = s->node->text;

    if (lint_is_full(l)) /* more would be dropped */
        return;
    if (lint_kind(s->node) != TOK_STRING && s->place != PLACE_IF)
        return;
    if (sv_find(v, OPEN) != SV_NPOS) {
        check_parts(l, s);
        return;
    }
    if (s->place != PLACE_IF || s->context == SET_NONE)
        return;
    struct sv x = sv_trim(v);
    if (x.n > 0 && x.n <= 4 * (size_t)EXPR_MAX_LENGTH)
        check_expression(l, s, x, (size_t)(x.p - v.p), false);
}
