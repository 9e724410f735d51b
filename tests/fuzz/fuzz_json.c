/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON: whatever is accepted is written, read again and equal; whatever is refused has an error text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The typed getters against jansson's own answer. */
static void get(const json_t *o, const char *key)
{
    const json_t *v = jx_get(o, key);
    struct err e = {0};
    struct sv text = {NULL, 0};
    int64_t n = 0;
    json_t *inner = NULL;

    if ((jx_need_str(o, key, &text, &e) == 0) != json_is_string(v) ||
        (json_is_string(v) && !sv_eq(text, jx_str(o, key, "other"))) ||
        (jx_need_obj(o, key, &inner, &e) == 0) != json_is_object(v) ||
        (jx_need_arr(o, key, &inner, &e) == 0) != json_is_array(v) ||
        (json_is_integer(v) && (jx_need_int(o, key, &n, &e) < 0 || n != json_integer_value(v))) ||
        (!json_is_number(v) && jx_need_int(o, key, &n, &e) == 0) ||
        (json_is_boolean(v) && jx_bool(o, key, !json_is_true(v)) != json_is_true(v)) ||
        (v != NULL && jx_iget(o, key) == NULL))
        abort();
}

static void get_all(json_t *j)
{
    AUTO(buf_free) struct buf b = BUF_INIT(64U << 20);
    const char *key;
    json_t *v;

    if (!json_is_object(j))
        return;
    json_object_foreach(j, key, v)
    {
        get(j, key);
    }
    get(j, "no such key");
    jx_write_pretty(&b, j, 2);
    AUTO(auto_json) json_t *again = NULL;
    struct err why = {0};
    again = b.over ? json_incref(j) : jx_parse_lax(buf_sv(&b), "pretty", &why);
    if (again == NULL || !json_equal(j, again))
        abort();
}

static void check(json_t *j, const struct err *e)
{
    if (j == NULL) {
        if (e->code != FAIL_INPUT || e->msg[0] == '\0')
            abort();
        return;
    }
    AUTO(buf_free) struct buf b = BUF_INIT(8U << 20);
    struct err why = {0};
    jx_write(&b, j);
    AUTO(auto_json) json_t *again = b.over ? NULL : jx_parse_lax(buf_sv(&b), "again", &why);
    if (again == NULL || !json_equal(j, again))
        abort();
    get_all(j);
    json_decref(j);
}

/* Any bytes as a string: quoted, and read again as what jx_str_new() makes of them. */
static void check_text(struct sv text)
{
    AUTO(buf_free) struct buf b = BUF_INIT(8U << 20);
    AUTO(auto_json) json_t *direct = json_pack("[o]", jx_str_new(text));
    struct err e = {0};

    if (sv_chr(text, '\0') != SV_NPOS)
        return; /* refused by the reader */
    buf_addc(&b, '[');
    jx_quote(&b, text);
    buf_addc(&b, ']');
    AUTO(auto_json) json_t *quoted = jx_parse(buf_sv(&b), "quoted", &e);
    if (quoted == NULL || !json_equal(direct, quoted))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};

    if (size > 65536)
        return 0;
    char *in = malloc(size > 0 ? size : 1); /* exact size: ASan sees one byte too far */
    if (in == NULL)
        abort();
    memcpy(in, data, size);
    check(jx_parse((struct sv){in, size}, "doc", &e), &e);
    e = (struct err){0};
    check(jx_parse_lax((struct sv){in, size}, "doc", &e), &e);
    e = (struct err){0};
    check_text((struct sv){in, size});
    free(in);
    return 0;
}
