/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration object that the parent hands over (docs/internals/local-service.md). Unknown members and wrong
 * types are errors: the parent is our own program, a mismatch is a bug that must show. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#include "actions/names.h"
#include "base/mem.h"

static int text(const json_t *v, const char *key, char **out, struct err *e)
{
    if (!json_is_string(v))
        return err_set(e, FAIL_INPUT, "service configuration: '%s' must be text", key);
    free(*out);
    *out = xstrdup(json_string_value(v));
    return 0;
}

static int number(const json_t *v, const char *key, int64_t max, int64_t *out, struct err *e)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return err_set(e, FAIL_INPUT, "service configuration: '%s' must be a number up to %lld",
                       key, (long long)max);
    *out = json_integer_value(v);
    return 0;
}

static int list(const json_t *v, const char *key, struct strv *out, struct err *e)
{
    size_t i;
    const json_t *item;

    if (!json_is_array(v))
        return err_set(e, FAIL_INPUT, "service configuration: '%s' must be a list", key);
    strv_free(out);
    json_array_foreach(v, i, item)
    {
        if (!json_is_string(item))
            return err_set(e, FAIL_INPUT, "service configuration: '%s' must be a list of texts",
                           key);
        strv_add(out, json_string_value(item));
    }
    return 0;
}

static int boolean(const json_t *v, const char *key, bool *out, struct err *e)
{
    if (!json_is_boolean(v))
        return err_set(e, FAIL_INPUT, "service configuration: '%s' must be true or false", key);
    *out = json_is_true(v);
    return 0;
}

static int member(struct svc_config *c, const char *key, const json_t *v, struct err *e)
{
    int64_t n = 0;
    int rc = 0;

    if (strcmp(key, "mode") == 0) {
        const char *m = json_string_value(v);
        if (m == NULL || (strcmp(m, "run") != 0 && strcmp(m, "serve") != 0))
            return err_set(e, FAIL_INPUT, "service configuration: 'mode' must be run or serve");
        c->serve = strcmp(m, "serve") == 0;
    } else if (strcmp(key, "state_dir") == 0) {
        rc = text(v, key, &c->state_dir, e);
    } else if (strcmp(key, "address") == 0) {
        rc = text(v, key, &c->address, e);
    } else if (strcmp(key, "host_name") == 0) {
        rc = text(v, key, &c->host_name, e);
    } else if (strcmp(key, "cache_dir") == 0) {
        rc = text(v, key, &c->cache_dir, e);
    } else if (strcmp(key, "action_server") == 0) {
        rc = text(v, key, &c->action_server, e);
    } else if (strcmp(key, "admin_token") == 0) {
        rc = text(v, key, &c->admin_token, e);
    } else if (strcmp(key, "record") == 0) {
        rc = text(v, key, &c->record, e);
    } else if (strcmp(key, "port") == 0) {
        rc = number(v, key, 65535, &n, e);
        c->port = (uint16_t)n;
    } else if (strcmp(key, "feed_port") == 0) {
        rc = number(v, key, 65535, &n, e);
        c->feed_port = (uint16_t)n;
    } else if (strcmp(key, "runners") == 0) {
        rc = number(v, key, SVC_MAX_RUNNERS, &n, e);
        c->runners = (unsigned)n;
    } else if (strcmp(key, "labels") == 0) {
        rc = list(v, key, &c->labels, e);
    } else if (strcmp(key, "actions_dirs") == 0) {
        rc = list(v, key, &c->actions_dirs, e);
    } else if (strcmp(key, "offline") == 0) {
        rc = boolean(v, key, &c->offline, e);
    } else {
        return err_set(e, FAIL_INPUT, "service configuration: unknown member '%s'", key);
    }
    return rc;
}

static void default_labels(struct strv *l)
{
    for (const char *const *name = names_local_labels; *name != NULL; name++)
        strv_add(l, *name);
}

int config_parse(struct sv input, struct svc_config *c, struct err *e)
{
    AUTO(auto_json) json_t *j = jx_parse(input, "service configuration", e);
    const char *key;
    json_t *v;

    *c = (struct svc_config){.labels = STRV_INIT, .actions_dirs = STRV_INIT};
    c->address = xstrdup("127.0.0.1");
    c->host_name = xstrdup("gantry.localhost");
    c->action_server = xstrdup("https://github.com");
    if (j == NULL)
        return -1;
    if (!json_is_object(j))
        return err_set(e, FAIL_INPUT, "service configuration: must be an object");
    json_object_foreach(j, key, v)
    {
        if (!json_is_null(v) && member(c, key, v, e) < 0)
            return -1;
    }
    if (c->state_dir == NULL || c->state_dir[0] != '/')
        return err_set(e, FAIL_INPUT,
                       "service configuration: 'state_dir' must be an absolute path");
    if (c->labels.n == 0)
        default_labels(&c->labels);
    return 0;
}

void config_done(struct svc_config *c)
{
    free(c->state_dir);
    free(c->address);
    free(c->host_name);
    free(c->cache_dir);
    free(c->action_server);
    if (c->admin_token != NULL)
        secret_wipe(c->admin_token, strlen(c->admin_token));
    free(c->admin_token);
    free(c->record);
    strv_free(&c->labels);
    strv_free(&c->actions_dirs);
    *c = (struct svc_config){.labels = STRV_INIT, .actions_dirs = STRV_INIT};
}
