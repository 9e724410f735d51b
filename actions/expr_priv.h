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
    uint32_t at, n; /* the token's bytes in the text */
    uint32_t n_args;
    union {
        uint32_t prec; /* while it is an operator on the stack; 0 = an open bracket */
        uint32_t how;  /* the value's: RES_ */
    };
    struct node *next; /* sibling; on a stack: the one below */
    struct node *first, *last;
    struct val *
        v; /* the value of literals, and of contexts that were found while parsing; NULL: to be evaluated */
    struct sv text; /* N_STRING: the value; N_NAME, N_CALL: the name as written */
    union {
        uint64_t hash;       /* N_STRING that is an index: of the text as a key */
        const struct fn *fn; /* N_CALL */
    };
    struct val literal; /* what v is for N_NUMBER and N_STRING; not counted */
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
bool expr_name_listed(const struct expr_names *names, struct sv name);
/* *lent: the context, when the environment is at hand. */
static inline bool expr_name_known(const struct naming *ns, struct sv name, struct val **lent)
{
    *lent = NULL;
    if (ns->env == NULL)
        return expr_name_listed(ns->names, name);
    if (ns->env->context != NULL)
        *lent = ns->env->context(ns->env->ctx, name);
    return *lent != NULL;
}
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
/* The value of a node and whose it is, in two registers. Values are lent from the contexts or the tree if no bit is set. */
enum {
    RES_OWN = 1, /* the reference is ours */
    RES_RAW =
        2, /* out of context data: a scalar is accounted as object plus value, as the reference does */
    RES_IN_TREE = 4, /* a literal: not counted, and gone with the tree */
};
struct res {
    struct val *v; /* NULL: the evaluation has failed */
    unsigned how;
};
#define RES_FAILED ((struct res){NULL, 0})

struct eval {
    const struct expr *x;
    const struct expr_env *env;
    struct expr_error *xe;
    struct err *e;
    size_t max_memory;
    /* At first only a sum is kept that is never less than what is accounted at any time. An evaluation in which it
     * passes the limit starts again, by the rules. */
    bool by_rules; /* also with a trace */
    bool again;    /* the sum has passed the limit */
    size_t sum, max_sum;
    size_t total;                        /* bytes accounted now */
    size_t at_depth[EXPR_MAX_DEPTH + 2]; /* of which by nodes of this level; set up to deepest */
    unsigned deepest;
    char **expanded; /* by where the node's token begins; trace only */
    size_t expanded_bytes;
};
struct res expr_eval_any(struct eval *ev, const struct node *n, unsigned level);
struct res expr_call(struct eval *ev, const struct node *n, unsigned level);
struct res expr_over(struct eval *ev, struct res r); /* the sum is above its limit: fails */
struct res expr_fail(struct eval *ev, enum fail code, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct res expr_fail_memory(struct eval *ev, const struct node *n);
bool expr_equal(const struct val *a, const struct val *b); /* == of the language */

static inline struct res res_of_leaf(const struct node *n)
{
    return (struct res){n->v, n->how};
}
static inline struct res expr_eval_node(struct eval *ev, const struct node *n, unsigned level)
{
    return n->v != NULL && !ev->by_rules ? res_of_leaf(n) : expr_eval_any(ev, n, level);
}
static inline struct res res_lent(struct val *v)
{
    return (struct res){v, 0};
}
static inline struct res res_bool(bool b)
{
    return res_lent(b ? &val_true : &val_false);
}
static inline struct res res_own(struct val *own_v)
{
    return (struct res){own_v, RES_OWN};
}
static inline void res_done(struct res r)
{
    if ((r.how & RES_OWN) != 0)
        val_drop(r.v);
}
struct val *res_to_val(struct res r); /* a new reference; done with r */
/* Adds to the sum what a result takes besides fixed_bytes() of the tree; a UTF-16 unit takes a byte or more. */
static inline struct res expr_counted(struct eval *ev, struct res r)
{
    if (r.v->kind == VAL_STRING)
        ev->sum += 2 * r.v->str.s.n;
    else if (r.v->kind == VAL_ARRAY && (r.how & RES_OWN) != 0 && r.v->flag)
        ev->sum += sizeof(void *) * r.v->arr.n;
    else
        return r;
    return ev->sum <= ev->max_sum ? r : expr_over(ev, r);
}

/* ---- trace ---- */
void expr_trace_enter(const struct eval *ev, const struct node *n, unsigned level);
void expr_trace_leave(struct eval *ev, const struct node *n, unsigned level, const struct val *v);
struct res expr_eval_traced(struct eval *ev);

/* ---- printing (trace, memory errors) ---- */
void expr_print(const struct node *n, char *const *expanded, struct buf *b);
void expr_print_value(const struct expr_env *env, const struct val *v, struct buf *b);
const char *expr_node_name(const struct node *n, struct sv *name);

#endif
