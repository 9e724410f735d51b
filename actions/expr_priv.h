/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the expression engine: tokens, the tree, and what its files share. */
#ifndef ACTIONS_EXPR_PRIV_H
#define ACTIONS_EXPR_PRIV_H

#include "actions/expr.h"
#include "actions/value_priv.h"

enum node_kind {
    /* operands */
    N_NULL,
    N_BOOL,
    N_NUMBER,
    N_STRING,
    N_NAME,
    N_WILDCARD,
    N_CALL,
    /* operators */
    N_INDEX,
    N_NOT,
    N_GT,
    N_GE,
    N_LT,
    N_LE,
    N_EQ,
    N_NE,
    N_AND,
    N_OR,
    /* open brackets: on the operator stack only */
    N_OPEN_GROUP,
    N_OPEN_INDEX,
    N_OPEN_PARAMS,
};

bool expr_is_keyword(struct sv s); /* [A-Za-z_][A-Za-z0-9_-]* */

/* ---- tree ---- */
enum fn_id {
    FN_CASE,
    FN_CONTAINS,
    FN_ENDS_WITH,
    FN_FORMAT,
    FN_FROM_JSON,
    FN_JOIN,
    FN_STARTS_WITH,
    FN_TO_JSON,
    FN_ALWAYS,
    FN_CANCELLED,
    FN_FAILURE,
    FN_HASH_FILES,
    FN_SUCCESS,
    FN_OTHER, /* known to the caller's list only */
};
struct fn {
    struct sv name;
    size_t min, max;
    enum fn_id id;
    bool expand; /* its value stands for it in the "Expanded" trace */
};
const struct fn *expr_fn_find(struct sv name); /* well-known and extension functions; NULL */

/* No member is of a character type: stores to those might change anything, as far as a compiler knows. */
struct node {
    uint32_t kind;
    uint32_t depth; /* of the subtree, 1 = leaf */
    uint32_t at,
        n; /* the token's bytes in the text; operators, calls and values are told apart by at */
    uint32_t n_args;
    uint32_t prec;     /* while it is an operator on the stack; 0 = an open bracket */
    struct node *next; /* sibling; on a stack: the one below */
    struct node *first, *last;
    union {
        double num;
        bool b;
        struct {
            struct sv text; /* N_STRING: the value; N_NAME, N_CALL: the name as written */
            union {
                uint64_t hash;       /* N_STRING that is an index: of the text as a key */
                const struct fn *fn; /* N_CALL */
                struct val *lent;    /* N_NAME: the context when it was found while parsing */
            };
        };
    };
};

struct chunk {
    struct chunk *next;
    size_t cap;
    struct node nodes[];
};

struct expr {
    struct node *root; /* NULL: blank */
    struct sv
        text; /* that names and literals are slices of: the copy behind the struct, or the caller's */
    struct chunk *chunks;
    bool status_function;
    bool borrowed; /* lives in an expr_room */
};

/* Which names there are: a list, or what an environment offers. */
struct naming {
    const struct expr_names *names;
    const struct expr_env *env;
};
/* *lent: the context, when the environment is at hand. */
bool expr_name_known(const struct naming *ns, struct sv name, struct val **lent);
const struct fn *expr_function_known(const struct naming *ns, struct sv name); /* NULL: unknown */
void expr_argument_limits(const struct naming *ns, const struct node *call, size_t *min,
                          size_t *max);

/* Memory for a short-lived tree: most expressions fit, and nothing is allocated. */
struct expr_room {
    _Alignas(struct expr) char bytes[8192];
};
/* Parses against a list of names, or (eval_text) against what the environment offers. room: where the tree may
 * live instead of the heap, or NULL; it is freed with expr_free() all the same. With a room the text must outlive
 * the tree. */
MUST_USE int expr_parse_with(struct sv text, const struct expr_names *names,
                             const struct expr_env *env, struct expr_room *room, struct expr **out,
                             struct expr_error *x, struct err *e);

/* ---- evaluation ---- */
/* The value of a node. Strings may be lent from the tree without a struct val. */
struct res {
    enum val_kind kind;
    bool own; /* v is a reference of ours */
    bool
        raw; /* a scalar out of context data: accounted as object plus value, as the reference does */
    bool b;
    double num;
    struct sv s;
    struct val *v; /* arrays and objects always; strings when they have one */
};

struct eval {
    const struct expr *x;
    const struct expr_env *env;
    struct expr_error *xe;
    struct err *e;
    size_t max_memory;
    /* At first only the sum of all results is kept, which is never less than what is accounted at any time.
     * An evaluation in which it passes the limit starts again, by the rules. */
    bool by_rules;                       /* also with a trace */
    bool again;                          /* the sum has passed the limit */
    size_t total;                        /* bytes accounted now, or the sum */
    size_t at_depth[EXPR_MAX_DEPTH + 2]; /* of which by nodes of this level; set up to deepest */
    unsigned deepest;
    char **expanded; /* by where the node's token begins; trace only */
    size_t expanded_bytes;
};
MUST_USE int expr_eval_node(struct eval *ev, const struct node *n, unsigned level, struct res *out);
MUST_USE int expr_call(struct eval *ev, const struct node *n, unsigned level, struct res *out);
int expr_fail(struct eval *ev, enum fail code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int expr_fail_memory(struct eval *ev, const struct node *n);

static inline void res_done(struct res *r)
{
    if (r->own)
        val_drop(r->v);
    r->own = false;
}
/* Fields are stored one by one, those of other kinds not at all: a struct put together elsewhere and copied is
 * read back before its small stores have landed, which costs more than all the rest. */
static inline void res_set(struct res *r, enum val_kind kind, struct val *v)
{
    r->kind = kind;
    r->own = false;
    r->raw = false;
    r->v = v;
}
static inline void res_set_null(struct res *r)
{
    res_set(r, VAL_NULL, NULL);
}
static inline void res_set_bool(struct res *r, bool b)
{
    res_set(r, VAL_BOOL, NULL);
    r->b = b;
}
static inline void res_set_text(struct res *r, struct sv s) /* lent */
{
    res_set(r, VAL_STRING, NULL);
    r->s = s;
}
static inline void res_set_val(struct res *r, struct val *v)
{
    res_set(r, (enum val_kind)v->kind, v);
    if (v->kind == VAL_STRING)
        r->s = val_sv(v);
    else if (v->kind == VAL_NUMBER)
        r->num = v->num;
    else if (v->kind == VAL_BOOL)
        r->b = v->flag;
}
static inline void res_set_lent(struct res *r, struct val *v) /* out of a context */
{
    res_set_val(r, v);
    r->raw = true;
}
static inline void res_set_own(struct res *r, struct val *own_v)
{
    res_set_val(r, own_v);
    r->own = true;
}
bool res_truthy(const struct res *r);
bool res_equal(const struct res *a, const struct res *b);
double res_number(const struct res *r);
static inline bool res_is_primitive(const struct res *r)
{
    return r->kind != VAL_ARRAY && r->kind != VAL_OBJECT;
}
struct val *res_to_val(struct res *r); /* a new reference; done with r */
/* The text of the value; numbers are written into tmp. Lent. */
struct sv res_text(const struct res *r, char tmp[32]);

/* ---- trace ---- */
void expr_trace_enter(const struct eval *ev, const struct node *n, unsigned level);
void expr_trace_leave(struct eval *ev, const struct node *n, unsigned level, const struct res *r);
MUST_USE int expr_eval_traced(struct eval *ev, struct res *out);

/* ---- printing (trace, memory errors) ---- */
void expr_print(const struct node *n, char *const *expanded, struct buf *b);
void expr_print_value(const struct expr_env *env, const struct res *r, struct buf *b);
const char *expr_node_name(const struct node *n, struct sv *name);

#endif
