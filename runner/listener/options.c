/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON options of `gantry _listener`: what a front end of the same build hands over in a sealed memfd. */
#include "runner/listener/listener.h"

#include "base/json.h"
#include "base/mem.h"

#include <jansson.h>

enum kind { K_STR, K_BOOL, K_FD, K_STRV, K_PORT, K_SANDBOX, K_JSON };
struct field {
    const char *name;
    enum kind kind;
    size_t at;
};
#define FIELD(name, kind)                              \
    {                                                  \
#        name, kind, offsetof(struct gh_options, name) \
    }
static const struct field fields[] = {
    FIELD(jit, K_STRV),          FIELD(late_fd, K_FD),       FIELD(launcher, K_STR),
    FIELD(worker, K_STR),        FIELD(jobs_dir, K_STR),     FIELD(sandbox, K_SANDBOX),
    FIELD(net_none, K_BOOL),     FIELD(host_dirs, K_STRV),   FIELD(service_host, K_STR),
    FIELD(service_port, K_PORT), FIELD(source_fd, K_FD),     FIELD(listing_fd, K_FD),
    FIELD(source_json, K_JSON),  FIELD(checkout, K_STR),     FIELD(prefill, K_BOOL),
    FIELD(ca_file, K_STR),       FIELD(proxy, K_STR),        FIELD(version, K_STR),
    FIELD(once, K_BOOL),         FIELD(announce, K_BOOL),    FIELD(status_fd, K_FD),
    FIELD(drop_user, K_STR),     FIELD(keep_groups, K_BOOL),
};

static int wrong(const char *name, struct err *e)
{
    return err_set(e, FAIL_INPUT, "listener options: '%s' has the wrong type", name);
}

static int strv_field(const struct field *f, const json_t *v, const char *const **out,
                      struct err *e)
{
    size_t n = json_array_size(v);
    const char **list;

    if (!json_is_array(v))
        return wrong(f->name, e);
    for (size_t i = 0; i < n; i++)
        if (!json_is_string(json_array_get(v, i)))
            return wrong(f->name, e);
    list = xcalloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = json_string_value(json_array_get(v, i));
    *out = list;
    return 0;
}

static int one(const struct field *f, const json_t *v, struct gh_options *o, struct err *e)
{
    char *at = (char *)o + f->at;
    json_int_t n = json_integer_value(v);

    switch (f->kind) {
    case K_STR:
    case K_JSON:
        if (!json_is_string(v))
            return wrong(f->name, e);
        *(const char **)(void *)at = json_string_value(v);
        return 0;
    case K_BOOL:
        if (!json_is_boolean(v))
            return wrong(f->name, e);
        *(bool *)(void *)at = json_is_true(v);
        return 0;
    case K_FD:
        if (!json_is_integer(v) || n < -1 || n > 1 << 20)
            return wrong(f->name, e);
        *(int *)(void *)at = (int)n;
        return 0;
    case K_PORT:
        if (!json_is_integer(v) || n < 0 || n > 65535)
            return wrong(f->name, e);
        *(uint16_t *)(void *)at = (uint16_t)n;
        return 0;
    case K_SANDBOX:
        if (!json_is_string(v))
            return wrong(f->name, e);
        o->sandbox = strcmp(json_string_value(v), "none") == 0 ? GH_SANDBOX_NONE : GH_SANDBOX_BEST;
        return 0;
    case K_STRV:
        return strv_field(f, v, (const char *const **)(void *)at, e);
    }
    return 0;
}

static void free_list(const char *const *list)
{
    free((void *)(uintptr_t)list);
}

void gh_options_done(struct gh_options *o)
{
    free_list(o->jit);
    free_list(o->host_dirs);
    o->jit = NULL;
    o->host_dirs = NULL;
}

int gh_options_from_json(struct sv text, struct gh_options *out, json_t **keep, struct err *e)
{
    struct gh_options o = {.late_fd = -1, .source_fd = -1, .listing_fd = -1, .status_fd = -1};
    AUTO(auto_json) json_t *root = jx_parse(text, "listener options", e);
    const char *key;
    json_t *v;

    if (root == NULL)
        return -1;
    json_object_foreach(root, key, v)
    {
        size_t i, n = sizeof fields / sizeof fields[0];
        for (i = 0; i < n && strcmp(fields[i].name, key) != 0; i++)
            ;
        if (i == n) {
            gh_options_done(&o);
            return err_set(e, FAIL_INPUT, "listener options: unknown member '%.60s'", key);
        }
        if (one(&fields[i], v, &o, e) < 0) {
            gh_options_done(&o);
            return -1;
        }
    }
    if (o.launcher == NULL || o.worker == NULL || o.jobs_dir == NULL) {
        gh_options_done(&o);
        return err_set(e, FAIL_INPUT, "listener options: launcher, worker or jobs_dir is missing");
    }
    *out = o;
    *keep = TAKE_PTR(root);
    return 0;
}
