/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix expansion (spec expressions 6.2): product, exclude, include, and what their filters match.
 * Source: actions/runner: src/Sdk/WorkflowParser/Conversion/{MatrixBuilder,JobNameBuilder}.cs. */
#include <stdlib.h>

#include "actions/plan_priv.h"
#include "actions/workflow_priv.h"
#include "base/mem.h"

#define MAX_NAME 100U /* UTF-16 units of a display name */
/* Ours, to bound the work; legs are bounded by PLAN_MAX_LEGS. */
#define MAX_PRODUCT 100000U   /* combinations before exclude */
#define MAX_FILTERS 10000000U /* combinations times items of include and exclude */
#define MAX_WORK    30000000U /* values that they are compared with, longer ones for so many bytes: */
#define WORK_BYTES  32U
/* Of the texts that make the id and the name of a leg, which show their beginning. */
#define MAX_SEGMENTS ((size_t)4096)

struct builder {
    const struct wf *wf;        /* with the file table */
    const struct tok *strategy; /* positions for errors */
    bool outside;               /* of `matrix`: what is read are the members of `strategy` */
    struct val *vectors;        /* object of arrays, in order */
    const struct val *include, *exclude;
    bool *used; /* of the include items */
    struct val **filters, **extras;
    struct expr *equal; /* left == right */
    struct val *left, *right;
    size_t work;
    struct nameset ids;
    struct matrix *out;
};

static size_t count(const struct val *v) /* absent: 0 */
{
    return v != NULL ? val_count(v) : 0;
}

void matrix_free(struct matrix *m)
{
    for (size_t i = 0; i < m->n; i++) {
        val_unref(m->legs[i].values);
        free(m->legs[i].id);
        free(m->legs[i].segments);
    }
    free(m->legs);
    *m = (struct matrix){0};
}

/* The nearest token that is literally there: values may come from an expression. */
static int fail(const struct builder *b, const char *key, struct err *e, const char *fmt,
                struct sv arg)
{
    const char *const *files = (const char *const *)b->wf->files;
    const struct tok *matrix = tok_get(b->strategy, SV("matrix"));
    const struct tok *t =
        key != NULL ? tok_get(b->outside ? b->strategy : matrix, sv_of(key)) : NULL;
    AUTO(buf_free) struct buf text = BUF_INIT(2 * (size_t)PLAN_MAX_TEXT);

    for (; *fmt != '\0'; fmt++) {
        if (*fmt == '@')
            buf_addsv(&text, arg);
        else
            buf_addc(&text, *fmt);
    }
    return tok_fail(t != NULL        ? t
                    : matrix != NULL ? matrix
                                     : b->strategy,
                    files, b->wf->n_files, e, "%s", text.p);
}

/* ---- filters ---- */

static struct val *equal_context(void *ctx, struct sv name)
{
    const struct builder *b = ctx;

    return sv_is(name, "left") ? b->left : b->right;
}

/* The language's own loose equality. */
static bool equal(struct builder *b, struct val *left, struct val *right)
{
    const struct expr_env env = {.ctx = b, .context = equal_context};
    AUTO(auto_val) struct val *v = NULL;
    struct expr_error xe = {0};
    struct err e; /* == cannot fail but by memory, which these values do not reach */

    b->left = left;
    b->right = right;
    return expr_eval(b->equal, &env, &v, &xe, &e) == 0 && val_truthy(v);
}

/* Every leaf of the filter equals what stands at the same place; missing is null. */
static bool matches(struct builder *b, struct val *filter, struct val *value, unsigned depth)
{
    enum val_kind k = val_kind(filter);

    b->work += 1 + (val_get_string(filter).n + val_get_string(value).n) / WORK_BYTES;
    if (depth > TOK_MAX_DEPTH || b->work > MAX_WORK)
        return false;
    if (k != VAL_ARRAY && k != VAL_OBJECT)
        return equal(b, value, filter);
    for (size_t i = 0; i < val_count(filter); i++) {
        struct val *at = k == VAL_OBJECT && val_kind(value) == VAL_OBJECT
                             ? val_get(value, val_key_at(filter, i))
                         : k == VAL_ARRAY && val_kind(value) == VAL_ARRAY && i < val_count(value)
                             ? val_at(value, i)
                             : NULL;
        AUTO(auto_val) struct val *missing = at == NULL ? val_null() : NULL;
        if (!matches(b, val_at(filter, i), at != NULL ? at : missing, depth + 1))
            return false;
    }
    return true;
}

static bool excluded(struct builder *b, struct val *combination)
{
    for (size_t i = 0; i < count(b->exclude); i++) {
        if (matches(b, val_at(b->exclude, i), combination, 1))
            return true;
    }
    return false;
}

/* Later items overwrite earlier extras; vector values are never changed. */
static struct val *included(struct builder *b, struct val *combination)
{
    struct val *extra = val_object();

    for (size_t i = 0; i < count(b->include); i++) {
        if (!matches(b, b->filters[i], combination, 1))
            continue;
        b->used[i] = true;
        for (size_t k = 0; k < val_count(b->extras[i]); k++)
            val_set(extra, val_key_at(b->extras[i], k), val_ref(val_at(b->extras[i], k)));
    }
    return extra;
}

/* ---- legs ---- */

struct segments {
    struct sv *v;
    size_t n, cap;
    char **texts;
    size_t texts_cap;
    size_t left; /* of MAX_SEGMENTS */
};

static void collect(struct segments *s, const struct val *v, unsigned depth)
{
    enum val_kind k = val_kind(v);

    if (k == VAL_ARRAY || k == VAL_OBJECT) {
        for (size_t i = 0; i < val_count(v) && depth < TOK_MAX_DEPTH && s->left > 0; i++)
            collect(s, val_at(v, i), depth + 1);
        return;
    }
    AUTO(buf_free) struct buf b = BUF_INIT(1U << 20);
    val_to_text(v, &b);
    s->left--; /* nothing takes time, too */
    if (b.len == 0 || b.over)
        return;
    struct sv text = buf_sv(&b);
    if (text.n > s->left)
        text.n = utf8_whole(sv_sub(text, 0, s->left));
    if (text.n == 0)
        return;
    s->left -= text.n;
    GROW(s->v, s->cap, s->n + 1);
    GROW(s->texts, s->texts_cap, s->n + 1);
    s->texts[s->n] = sv_dup(text);
    s->v[s->n] = (struct sv){s->texts[s->n], text.n};
    s->n++;
}

/* values without extras: ids and names come before them. Those that are too many are counted, as the error says it. */
static int add_leg(struct builder *b, struct val *values, const struct val *extra, struct err *e)
{
    struct segments s = {.left = MAX_SEGMENTS};
    AUTO(buf_free) struct buf joined = BUF_INIT(4 * MAX_SEGMENTS);

    if (b->out->n >= PLAN_MAX_LEGS) {
        b->out->left_out++;
        return 0;
    }
    collect(&s, values, 0);
    for (size_t i = 0; i < s.n; i++) {
        buf_adds(&joined, i > 0 ? ", " : "");
        buf_addsv(&joined, s.v[i]);
    }
    char *id = wf_make_id(&b->ids, s.v, s.n, false);
    for (size_t i = 0; i < s.n; i++)
        free(s.texts[i]);
    free(s.texts);
    free(s.v);
    if (id == NULL)
        return fail(b, NULL, e, "Unable to create a unique name", SV(""));
    struct val *all = val_clone_shallow(values);
    for (size_t i = 0; i < count(extra); i++)
        val_set(all, val_key_at(extra, i), val_ref(val_at(extra, i)));
    GROW(b->out->legs, b->out->cap, b->out->n + 1);
    b->out->legs[b->out->n++] = (struct matrix_leg){
        .values = all,
        .id = id,
        .segments = buf_take(&joined, NULL),
    };
    return 0;
}

static int product(struct builder *b, struct err *e)
{
    static const char too_many[] = "The matrix has too many combinations and filters";
    size_t n_vectors = val_count(b->vectors), total = n_vectors > 0 ? 1 : 0;

    for (size_t i = 0; i < n_vectors; i++) {
        if (__builtin_mul_overflow(total, val_count(val_at(b->vectors, i)), &total) ||
            total > MAX_PRODUCT)
            return fail(b, NULL, e, "The matrix has more than 100000 combinations", SV(""));
    }
    if (total > MAX_FILTERS / (count(b->include) + count(b->exclude) + 1))
        return fail(b, NULL, e, too_many, SV(""));
    for (size_t p = 0; p < total; p++) {
        AUTO(auto_val) struct val *c = val_object();
        size_t block = total;
        for (size_t i = 0; i < n_vectors; i++) { /* the first vector varies slowest */
            const struct val *vector = val_at(b->vectors, i);
            block /= val_count(vector);
            val_set(c, val_key_at(b->vectors, i),
                    val_ref(val_at(vector, p / block % val_count(vector))));
        }
        if (excluded(b, c))
            continue;
        AUTO(auto_val) struct val *extra = included(b, c);
        if (b->work > MAX_WORK)
            return fail(b, NULL, e, too_many, SV(""));
        if (add_leg(b, c, extra, e) < 0)
            return -1;
    }
    return 0;
}

static int rest_of_include(struct builder *b, struct err *e)
{
    for (size_t i = 0; i < count(b->include); i++) {
        if (b->used[i])
            continue;
        AUTO(auto_val) struct val *c = val_clone_shallow(b->filters[i]);
        for (size_t k = 0; k < val_count(b->extras[i]); k++)
            val_set(c, val_key_at(b->extras[i], k), val_ref(val_at(b->extras[i], k)));
        if (add_leg(b, c, NULL, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- checks of evaluated values: what the schema would have said ---- */

static int expect(const struct builder *b, const struct val *v, enum val_kind want, const char *key,
                  struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(PLAN_MAX_TEXT);

    if (val_kind(v) == want)
        return 0;
    if (val_kind(v) == VAL_ARRAY)
        return fail(b, key, e, "A sequence was not expected", SV(""));
    if (val_kind(v) == VAL_OBJECT)
        return fail(b, key, e, "A mapping was not expected", SV(""));
    val_to_text(v, &text);
    return fail(b, key, e, "Unexpected value '@'", buf_sv(&text));
}

static int check_items(const struct builder *b, const struct val *list, const char *key,
                       struct err *e)
{
    if (expect(b, list, VAL_ARRAY, key, e) < 0)
        return -1;
    for (size_t i = 0; i < val_count(list); i++) {
        if (expect(b, val_at(list, i), VAL_OBJECT, key, e) < 0)
            return -1;
    }
    return 0;
}

static int read_vectors(struct builder *b, const struct val *matrix, struct err *e)
{
    for (size_t i = 0; i < val_count(matrix); i++) {
        struct sv key = val_key_at(matrix, i);
        struct val *v = val_at(matrix, i);
        AUTO(auto_free) char *name = sv_dup(key);
        if (sv_is(key, "include") || sv_is(key, "exclude")) {
            if (check_items(b, v, name, e) < 0)
                return -1;
            *(sv_is(key, "include") ? &b->include : &b->exclude) = v;
            continue;
        }
        if (expect(b, v, VAL_ARRAY, name, e) < 0)
            return -1;
        if (val_count(v) == 0)
            return fail(b, name, e, "Matrix vector '@' does not contain any values", key);
        val_set(b->vectors, key, val_ref(v));
    }
    if (val_count(b->vectors) == 0 && count(b->include) == 0)
        return fail(b, NULL, e, "Matrix must define at least one vector", SV(""));
    return 0;
}

static int read_filters(struct builder *b, struct err *e)
{
    size_t n = count(b->include);

    b->used = xcalloc(n + 1, sizeof *b->used);
    b->filters = xcalloc(n + 1, sizeof(struct val *));
    b->extras = xcalloc(n + 1, sizeof(struct val *));
    for (size_t i = 0; i < n; i++) {
        const struct val *item = val_at(b->include, i);
        if (val_count(item) == 0)
            return fail(b, "include", e, "Matrix include mapping does not contain any values",
                        SV(""));
        b->filters[i] = val_object();
        b->extras[i] = val_object();
        for (size_t k = 0; k < val_count(item); k++) {
            bool vector = val_get(b->vectors, val_key_at(item, k)) != NULL;
            val_set(vector ? b->filters[i] : b->extras[i], val_key_at(item, k),
                    val_ref(val_at(item, k)));
        }
    }
    for (size_t i = 0; i < count(b->exclude); i++) {
        const struct val *item = val_at(b->exclude, i);
        if (val_count(item) == 0)
            return fail(b, "exclude", e, "Matrix exclude filter must not be empty", SV(""));
        for (size_t k = 0; k < val_count(item); k++) {
            if (val_get(b->vectors, val_key_at(item, k)) == NULL)
                return fail(b, "exclude", e,
                            "Matrix exclude key '@' does not match any key within the matrix",
                            val_key_at(item, k));
        }
    }
    return 0;
}

static int build(struct builder *b, const struct val *matrix, struct err *e)
{
    struct expr_error xe = {0};

    if (expect(b, matrix, VAL_OBJECT, NULL, e) < 0 || read_vectors(b, matrix, e) < 0 ||
        read_filters(b, e) < 0)
        return -1;
    if (expr_parse(SV("left == right"), &(struct expr_names){0}, &b->equal, &xe, e) < 0)
        return -1;
    return product(b, e) < 0 || rest_of_include(b, e) < 0 ? -1 : 0;
}

static int read_strategy(struct builder *b, const struct val *strategy, const struct val **matrix,
                         struct err *e)
{
    if (expect(b, strategy, VAL_OBJECT, NULL, e) < 0)
        return -1;
    for (size_t i = 0; i < val_count(strategy); i++) {
        struct sv key = val_key_at(strategy, i);
        const struct val *v = val_at(strategy, i);
        if (sv_is(key, "fail-fast")) {
            if (expect(b, v, VAL_BOOL, "fail-fast", e) < 0)
                return -1;
            b->out->fail_fast = val_get_bool(v);
        } else if (sv_is(key, "max-parallel")) {
            if (expect(b, v, VAL_NUMBER, "max-parallel", e) < 0)
                return -1;
            double d = val_get_number(v);
            b->out->max_parallel = d >= 1 ? (d < 1e9 ? (double)(long)d : 1e9) : 0;
        } else if (sv_is(key, "matrix")) {
            *matrix = v;
        } else {
            return fail(b, NULL, e, "Unexpected value '@'", key);
        }
    }
    return 0;
}

int matrix_expand(const struct wf *top, const struct wf_job *job, const struct val *strategy,
                  struct matrix *out, struct err *e)
{
    struct matrix m = {.fail_fast = true};
    struct builder b = {.wf = top, .strategy = job->strategy, .out = &m};
    const struct val *values = NULL;
    int rc = 0;

    b.vectors = val_object();
    b.outside = true;
    if (val_kind(strategy) != VAL_NULL)
        rc = read_strategy(&b, strategy, &values, e);
    b.outside = false;
    if (rc == 0 && values != NULL)
        rc = build(&b, values, e);
    for (size_t i = 0; b.filters != NULL && i < count(b.include); i++) {
        val_unref(b.filters[i]);
        val_unref(b.extras[i]);
    }
    free(b.filters);
    free(b.extras);
    free(b.used);
    val_unref(b.vectors);
    expr_free(b.equal);
    nameset_free(&b.ids);
    if (rc < 0) {
        matrix_free(&m);
        return -1;
    }
    m.present = m.n > 0;
    if (m.n == 0) { /* no matrix, or one whose every leg was excluded */
        GROW(m.legs, m.cap, 1);
        m.legs[m.n++] = (struct matrix_leg){val_null(), xstrdup("__default"), xstrdup("")};
    }
    *out = m;
    return 0;
}
