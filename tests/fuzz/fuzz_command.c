/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow commands: what was parsed, written again with the escapes and parsed once more, is the same. */
#include "actions/command.h"

#include "base/mem.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A NUL ends the C strings of the struct, and form 1 allows keys that form 2 would split. */
static bool can_be_written(const struct cmd *c)
{
    if (sv_find(c->name, SV("::")) != SV_NPOS || sv_ends(c->name, SV(":")))
        return false;
    for (size_t i = 0; i < c->n_props; i++) {
        struct sv k = c->props[i].key;
        if (k.n == 0 || sv_chr(k, ':') != SV_NPOS || sv_chr(k, ',') != SV_NPOS ||
            c->props[i].value[0] == '\0' || c->props[i].value[0] == '=')
            return false;
    }
    return true;
}

static void check_again(const struct cmd *c)
{
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
    struct cmd again;

    buf_adds(&b, "::");
    buf_addsv(&b, c->name);
    for (size_t i = 0; i < c->n_props; i++) {
        /* The key is between two others that are not trimmed away. */
        buf_adds(&b, i == 0 ? " !=!," : ",");
        buf_addsv(&b, c->props[i].key);
        buf_addc(&b, '=');
        cmd_escape_property(&b, sv_of(c->props[i].value));
    }
    buf_adds(&b, c->n_props > 0 ? ",!=!::" : "::");
    cmd_escape_data(&b, sv_of(c->data));
    BUG(!cmd_parse_with(buf_sv(&b), c->name, &again));
    BUG(!sv_eq(again.name, c->name) || strcmp(again.data, c->data) != 0);
    for (size_t i = 0; i < c->n_props && i + 1 < CMD_MAX_PROPERTIES; i++) {
        if (sv_is(c->props[i].key, "!"))
            continue;
        AUTO(auto_free) char *key = sv_dup(c->props[i].key);
        const char *value = cmd_prop(&again, key);
        BUG(strlen(key) == c->props[i].key.n &&
            (value == NULL || strcmp(value, c->props[i].value) != 0));
    }
    cmd_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cmd c;

    if (size > 4096)
        return 0;
    char *exact = xmalloc(size); /* exact size: ASan sees one byte too far */
    if (size > 0)
        (void)memcpy(exact, data, size);
    if (cmd_parse((struct sv){exact, size}, &c)) {
        BUG(c.name.n == 0 || c.data == NULL || c.n_props > CMD_MAX_PROPERTIES);
        BUG(strlen(c.data) > size);
        if (can_be_written(&c))
            check_again(&c);
        cmd_done(&c);
    }
    free(exact);
    return 0;
}
