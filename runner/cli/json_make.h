/* SPDX-License-Identifier: Apache-2.0
 *
 * Making JSON objects, in short words for the files that make little else. */
#ifndef RUNNER_CLI_JSON_MAKE_H
#define RUNNER_CLI_JSON_MAKE_H

#include "base/json.h"
#include "base/strv.h"

void jm_set(json_t *o, const char *key, json_t *own);
json_t *jm_text(const char *s);
json_t *jm_texts(const struct strv *l);

#endif
