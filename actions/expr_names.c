/* SPDX-License-Identifier: Apache-2.0
 *
 * Which names an expression may use (spec expressions 1.4, 1.9): against the lists of the schema, or against what an
 * environment offers. */
#include "actions/expr_priv.h"

#include <limits.h>

#include "base/num.h"

bool expr_is_keyword(struct sv s)
{
    if (s.n == 0 || !(ch_is_alpha(s.p[0]) || s.p[0] == '_'))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!ch_is_alnum(s.p[i]) && s.p[i] != '_' && s.p[i] != '-')
            return false;
    return true;
}

bool expr_name_listed(const struct expr_names *names, struct sv name)
{
    if (names == NULL || names->contexts == NULL)
        return true;
    for (const char *const *c = names->contexts; *c != NULL; c++)
        if (sv_ieq(sv_of(*c), name))
            return true;
    return false;
}

static bool env_offers(const struct expr_env *env, enum fn_id id)
{
    switch (id) {
    case FN_ALWAYS:
        return env->success != NULL || env->failure != NULL || env->cancelled != NULL;
    case FN_CANCELLED:
        return env->cancelled != NULL;
    case FN_FAILURE:
        return env->failure != NULL;
    case FN_SUCCESS:
        return env->success != NULL;
    case FN_HASH_FILES:
        return env->hash_files != NULL;
    case FN_OTHER:
        return false;
    case FN_CASE:
    case FN_CONTAINS:
    case FN_ENDS_WITH:
    case FN_FORMAT:
    case FN_FROM_JSON:
    case FN_JOIN:
    case FN_STARTS_WITH:
    case FN_TO_JSON:
        return true;
    }
    return false;
}

/* The entry of the caller's list for this function: "name" or "name(min,max)"; NULL when it has none. */
static const char *listed(const struct expr_names *names, struct sv name)
{
    for (const char *const *f = names->functions; *f != NULL; f++) {
        struct sv entry = sv_of(*f);
        size_t paren = sv_chr(entry, '(');
        if (sv_ieq(sv_sub(entry, 0, paren == SV_NPOS ? entry.n : paren), name))
            return *f;
    }
    return NULL;
}

static const struct fn fn_other = {{"", 0}, 0, SIZE_MAX, FN_OTHER, true};

const struct fn *expr_function_known(const struct naming *ns, struct sv name)
{
    const struct fn *fn = expr_fn_find(name);
    bool known;

    if (fn != NULL && fn->id < FN_ALWAYS)
        return fn; /* the well-known ones are everywhere */
    if (ns->env != NULL)
        known = fn != NULL && env_offers(ns->env, fn->id);
    else
        known =
            ns->names == NULL || ns->names->functions == NULL || listed(ns->names, name) != NULL;
    if (!known)
        return NULL;
    return fn != NULL ? fn : &fn_other;
}

/* Argument counts that the caller's list or environment gives instead of the function's own. */
void expr_argument_limits(const struct naming *ns, const struct node *call, size_t *min,
                          size_t *max)
{
    if (ns->env != NULL) {
        if ((call->fn->id == FN_SUCCESS && ns->env->success_of != NULL) ||
            (call->fn->id == FN_FAILURE && ns->env->failure_of != NULL))
            *max = INT_MAX;
        return;
    }
    if (ns->names == NULL || ns->names->functions == NULL) {
        if (call->fn->id == FN_SUCCESS || call->fn->id == FN_FAILURE)
            *max = INT_MAX;
        return;
    }
    struct sv entry = sv_of(listed(ns->names, call->text)), lo;
    size_t paren = sv_chr(entry, '(');
    if (paren == SV_NPOS)
        return;
    struct sv hi = sv_sub(entry, paren + 1, entry.n - paren - 2);
    uint64_t v;
    struct err ignored; /* the lists are ours: anything but a number means MAX */
    if (!sv_next(&hi, ',', &lo))
        return;
    *min = num_u64(sv_trim(lo), INT_MAX, &v, &ignored) == 0 ? (size_t)v : 0;
    *max = num_u64(sv_trim(hi), INT_MAX, &v, &ignored) == 0 ? (size_t)v : INT_MAX;
}
