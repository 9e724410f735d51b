/* SPDX-License-Identifier: Apache-2.0
 *
 * Members and values that cannot fail but for lack of memory. */
#include "runner/cli/json_make.h"

#include "base/mem.h"

#include <jansson.h>

void jm_set(json_t *o, const char *key, json_t *own)
{
    BUG(json_object_set_new(o, key, own) < 0);
}

json_t *jm_text(const char *s)
{
    return jx_str_new(sv_of(s));
}

json_t *jm_texts(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        BUG(json_array_append_new(a, jm_text(l->v[i])) < 0);
    return a;
}
