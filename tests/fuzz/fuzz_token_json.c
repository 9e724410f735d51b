/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of a job message: what is read writes itself again in the same way, and evaluates or fails with a text. */
#include <stdint.h>
#include <stdlib.h>

#include "actions/token.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/fuzz/said.h"

#define MAX_INPUT ((size_t)2 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct val *context(void *ctx, struct sv name)
{
    return val_get(ctx, name);
}

static void write_token(const struct tok *t, struct buf *b)
{
    AUTO(auto_json) json_t *j = tok_to_json(t);

    jx_write(b, j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf_free) struct buf once = BUF_INIT(4U << 20);
    AUTO(buf_free) struct buf twice = BUF_INIT(4U << 20);
    AUTO(auto_tok) struct tok *t = NULL;
    AUTO(auto_tok) struct tok *again = NULL;
    AUTO(auto_val) struct val *v = NULL;
    struct err e = {0};

    if (size > MAX_INPUT)
        return 0;
    AUTO(auto_free) char *in = xmalloc(size > 0 ? size : 1);
    if (size > 0)
        memcpy(in, data, size);
    AUTO(auto_json) json_t *j = jx_parse_lax((struct sv){in, size}, "token", &e);
    if (j == NULL) {
        said(err_whole(&e));
        return 0;
    }
    if (tok_from_json(j, &t, &e) < 0) {
        if (e.msg[0] == '\0' || t != NULL)
            abort();
        said(err_whole(&e));
        return 0;
    }
    AUTO(auto_json) json_t *written = tok_to_json(t);
    if (tok_from_json(written, &again, &e) < 0)
        abort();
    write_token(t, &once);
    write_token(again, &twice);
    if (!once.over && !sv_eq(buf_sv(&once), buf_sv(&twice)))
        abort();
    AUTO(auto_val) struct val *contexts = val_object();
    val_sets(contexts, "github", val_object());
    const struct expr_env env = {.ctx = contexts, .context = context, .max_memory = 1U << 20};
    if (tok_eval(t, &env, NULL, 0, &v, &e) < 0 && e.msg[0] == '\0')
        abort();
    return 0;
}
