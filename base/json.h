/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON on top of jansson: parsing with limits, typed getters that check the type, writing. A json_t * is
 * jansson's reference-counted value; .c files that walk it may include <jansson.h>, headers may not. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#include <stdint.h>

typedef struct json_t
    json_t; /* jansson's own typedef, repeated so that headers need no jansson.h */

void auto_json(json_t **j); /* json_decref, for AUTO(auto_json) */

#define JX_MAX_DEPTH 128
/* Rejects duplicates, trailing text, invalid UTF-8, nesting above JX_MAX_DEPTH. FAIL_INPUT with line and
 * column; `what` names the document. */
MUST_USE json_t *jx_parse(struct sv text, const char *what, struct err *e);
/* As jx_parse, but keeps the last of duplicate keys, and strings may hold NUL: for peers that send such (workflow data,
 * what a step printed). */
MUST_USE json_t *jx_parse_lax(struct sv text, const char *what, struct err *e);
/* Compact, member order kept, non-ASCII as is; appends. */
void jx_write(struct buf *b, const json_t *j);
void jx_write_pretty(struct buf *b, const json_t *j, unsigned indent);
/* Appends a JSON string literal with quotes; ill-formed UTF-8 becomes U+FFFD. */
void jx_quote(struct buf *b, struct sv s);
/* What is between the quotes: for a text that comes in parts, each of whole characters. */
void jx_escape(struct buf *b, struct sv s);

/* Getters: FAIL_INPUT when the member has the wrong type or (jx_need_*) is missing; null counts as missing. */
MUST_USE int jx_need_str(const json_t *o, const char *key, struct sv *out,
                         struct err *e); /* lent */
MUST_USE int jx_need_int(const json_t *o, const char *key, int64_t *out, struct err *e);
MUST_USE int jx_need_obj(const json_t *o, const char *key, json_t **out, struct err *e); /* lent */
MUST_USE int jx_need_arr(const json_t *o, const char *key, json_t **out, struct err *e); /* lent */
/* Optional: the default when missing. */
struct sv jx_str(const json_t *o, const char *key, const char *dflt);
int64_t jx_int(const json_t *o, const char *key, int64_t dflt);
bool jx_bool(const json_t *o, const char *key, bool dflt);
json_t *jx_get(const json_t *o, const char *key);  /* exact; NULL when missing or not an object */
json_t *jx_iget(const json_t *o, const char *key); /* ASCII case ignored, as .NET's readers do */
json_t *jx_str_new(struct sv s);                   /* ill-formed UTF-8 becomes U+FFFD */
/* Installs wiping allocators; once, before any other JSON call. */
void jx_init(void);

#endif
