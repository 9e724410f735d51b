/* SPDX-License-Identifier: Apache-2.0
 *
 * Making JSON objects, in short words for the files that make little else. */
#ifndef RUNNER_CLI_JSON_MAKE_H
#define RUNNER_CLI_JSON_MAKE_H

#include "base/json.h"
#include "base/mem.h"
#include "base/strv.h"

#include <jansson.h>

static inline void set(json_t *o, const char *key, json_t *own)
{
    BUG(json_object_set_new(o, key, own) < 0);
}

static inline json_t *text(const char *s)
{
    return jx_str_new(sv_of(s));
}

static inline json_t *texts(const struct strv *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n; i++)
        BUG(json_array_append_new(a, text(l->v[i])) < 0);
    return a;
}

#endif
