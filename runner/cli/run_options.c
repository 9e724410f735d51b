/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of `gantry run`, read and checked before anything is started. */
#include "runner/cli/run_priv.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (1U << 20)
#define JOBS_MAX       64U

static void put(json_t *o, const char *key, struct sv value)
{
    BUG(json_object_set_new(o, key, jx_str_new(value)) < 0);
}

/* Names of secrets and variables (docs): letters, digits, _; no digit first; not GITHUB_. */
static int check_name(const char *what, struct sv name, bool token_is_fine, struct err *e)
{
    if (name.n == 0 || ch_is_digit(name.p[0]))
        return err_set(e, FAIL_INPUT, "%s: '" SV_FMT "' is not a name; use letters, digits and _",
                       what, SV_ARG(sv_sub(name, 0, 60)));
    for (size_t i = 0; i < name.n; i++)
        if (!ch_is_alnum(name.p[i]) && name.p[i] != '_')
            return err_set(e, FAIL_INPUT,
                           "%s: '" SV_FMT "' is not a name; use letters, digits and _", what,
                           SV_ARG(sv_sub(name, 0, 60)));
    if (sv_istarts(name, SV("GITHUB_")) && !(token_is_fine && sv_ieq(name, SV("GITHUB_TOKEN"))))
        return err_set(e, FAIL_INPUT,
                       "%s: names that begin with GITHUB_ are reserved: '" SV_FMT "'", what,
                       SV_ARG(sv_sub(name, 0, 60)));
    return 0;
}

/* Variables of the environment: what no shell can set is a slip of the pen. */
static int check_variable(const char *what, struct sv name, struct err *e)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f)
            return err_set(e, FAIL_INPUT,
                           "%s: '" SV_FMT "' is no name of a variable; white space and control "
                           "characters cannot be in it",
                           what, SV_ARG(sv_sub(name, 0, 60)));
    return 0;
}

static int split(const char *what, const char *word, char c, struct sv *key, struct sv *value,
                 struct err *e)
{
    *value = sv_of(word);
    (void)sv_next(value, c, key);
    if (value->p == NULL || key->n == 0)
        return err_set(e, FAIL_INPUT, "%s: '%.60s' is not of the form NAME%cVALUE", what, word, c);
    return 0;
}

static int read_pairs(const struct args *a, const char *name, bool checked, json_t *into,
                      struct err *e)
{
    const struct strv *l = args_list(a, name);
    AUTO(auto_free) char *what = xasprintf("--%s", name);
    struct sv key, value;

    for (size_t i = 0; i < l->n; i++) {
        AUTO(auto_free) char *k = NULL;
        if (split(what, l->v[i], '=', &key, &value, e) < 0 ||
            (strcmp(name, "env") == 0 && check_variable(what, key, e) < 0) ||
            (checked && check_name(what, key, false, e) < 0))
            return -1;
        k = sv_dup(key);
        put(into, k, value);
    }
    return 0;
}

static int read_secrets(const struct args *a, json_t *into, struct err *e)
{
    const struct strv *l = args_list(a, "secret");

    if (args_flag(a, "debug"))
        put(into, "ACTIONS_STEP_DEBUG", SV("true"));
    for (size_t i = 0; i < l->n; i++) {
        struct sv value = sv_of(l->v[i]), key;
        AUTO(auto_free) char *k = NULL;
        (void)sv_next(&value, '=', &key);
        if (check_name("--secret", key, true, e) < 0)
            return -1;
        k = sv_dup(key);
        if (value.p == NULL) {
            const char *v = getenv(k);
            if (v == NULL)
                return err_set(e, FAIL_INPUT,
                               "--secret: the environment has no variable '%s'; set it or give "
                               "--secret %s=VALUE",
                               k, k);
            value = sv_of(v);
        }
        put(into, k, value);
    }
    return 0;
}

/* A value of a NAME=VALUE line (or lines, in quotes): bare, 'literal' or "with \n \t \" \\ escapes". */
static int line_value(struct sv s, const char *path, unsigned line, struct buf *out, struct err *e)
{
    char quote = (char)(s.n > 0 ? s.p[0] : '\0');

    if (quote != '"' && quote != '\'') {
        buf_addsv(out, s);
        return 0;
    }
    if (s.n < 2 || s.p[s.n - 1] != quote)
        return err_set(e, FAIL_INPUT, "%s:%u: the quote of the value is not closed", path, line);
    s = sv_sub(s, 1, s.n - 2);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (quote == '"' && c == '\\' && i + 1 < s.n) {
            c = s.p[++i];
            c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
        }
        buf_addc(out, c);
    }
    return 0;
}

/* A quoted value may go on in the lines below, as keys do, and have a comment after it: `line` grows to its closing
 * quote (both lie in one text), `rest` and `number` follow. Without such a quote all stays: line_value() complains. */
static void join_lines(struct sv *line, struct sv *rest, unsigned *number)
{
    char quote = (char)(line->n > 0 ? line->p[0] : '\0');
    const char *end = rest->p != NULL ? rest->p + rest->n : line->p + line->n;
    const char *p = line->p + 1;
    struct sv after, more;

    if ((quote != '"' && quote != '\'') || (line->n > 1 && line->p[line->n - 1] == quote))
        return;
    while (p < end && *p != quote)
        p += *p == '\\' && quote == '"' && end - p > 1 ? 2 : 1;
    if (p == end)
        return;
    after = (struct sv){p + 1, (size_t)(end - p) - 1};
    (void)sv_next(&after, '\n', &more);
    more = sv_trim(more);
    if (more.n > 0 && more.p[0] != '#')
        return;
    *line = (struct sv){line->p, (size_t)(p - line->p) + 1};
    *rest = after;
    for (size_t i = 0; i < line->n; i++)
        *number += line->p[i] == '\n';
}

static int read_lines(const char *option, const char *path, json_t *into, struct err *e)
{
    AUTO(auto_free) char *text = NULL;
    struct sv rest, line, key;
    unsigned number = 0, first;
    size_t n;

    if (fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &text, &n, e) < 0)
        return err_wrap(e, "%s", option);
    rest = (struct sv){text, n};
    while (sv_next(&rest, '\n', &line)) {
        AUTO(buf_free) struct buf value = BUF_INIT(FILE_MAX_BYTES);
        AUTO(auto_free) char *k = NULL;
        number++;
        line = sv_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (sv_starts(line, SV("export ")))
            line = sv_sub(line, 7, line.n);
        (void)sv_next(&line, '=', &key);
        key = sv_trim(key);
        if (line.p == NULL)
            return err_set(e, FAIL_INPUT, "%s:%u: not of the form NAME=VALUE", path, number);
        line = sv_trim(line);
        first = number;
        join_lines(&line, &rest, &number);
        if (check_name(path, key, true, e) < 0 || line_value(line, path, first, &value, e) < 0)
            return -1;
        k = sv_dup(key);
        put(into, k, buf_sv(&value));
    }
    if (n > 0)
        explicit_bzero(text, n);
    return 0;
}

static int read_files(const struct args *a, const char *name, json_t *into, struct err *e)
{
    const struct strv *l = args_list(a, name);
    AUTO(auto_free) char *what = xasprintf("--%s", name);

    for (size_t i = 0; i < l->n; i++)
        if (read_lines(what, l->v[i], into, e) < 0)
            return -1;
    return 0;
}

static int read_matrix(const struct args *a, json_t *into, struct err *e)
{
    const struct strv *l = args_list(a, "matrix");
    struct sv key, value;

    for (size_t i = 0; i < l->n; i++) {
        json_t *o;
        if (split("--matrix", l->v[i], ':', &key, &value, e) < 0)
            return -1;
        o = json_object();
        put(o, "key", key);
        put(o, "value", value);
        BUG(json_array_append_new(into, o) < 0);
    }
    return 0;
}

int absolute_folder(const char *what, const char *path, char **out, struct err *e)
{
    AUTO(auto_free) char *full = realpath(path, NULL);
    struct stat st;

    if (full == NULL || stat(full, &st) < 0)
        return err_set(e, FAIL_INPUT, "%s: cannot find the folder '%.160s': %s", what, path,
                       strerrordesc_np(errno));
    if (!S_ISDIR(st.st_mode))
        return err_set(e, FAIL_INPUT, "%s: '%.160s' is not a folder", what, path);
    *out = TAKE_PTR(full);
    return 0;
}

int host_folder(const char *what, const char *path, char **out, struct err *e)
{
    AUTO(auto_free) char *full = NULL;
    AUTO(auto_free) char *here = realpath(".", NULL);
    AUTO(auto_free)
    char *joined = path[0] != '/' && here != NULL ? path_join(here, path) : xstrdup(path);
    AUTO(auto_free) char *clean = path_clean(sv_of(joined));

    if (absolute_folder(what, path, &full, e) < 0)
        return -1;
    if (strcmp(full, clean) != 0)
        return err_set(e, FAIL_INPUT, "%s: '%.120s' lies behind a symbolic link; name it '%.120s'",
                       what, path, full);
    *out = TAKE_PTR(full);
    return 0;
}

static int read_folders(const struct args *a, const char *name, struct strv *into, struct err *e)
{
    const struct strv *l = args_list(a, name);
    AUTO(auto_free) char *what = xasprintf("--%s", name);

    for (size_t i = 0; i < l->n; i++) {
        char *full;
        if ((strcmp(name, "host-dir") == 0 ? host_folder(what, l->v[i], &full, e)
                                           : absolute_folder(what, l->v[i], &full, e)) < 0)
            return -1;
        strv_own(into, full);
    }
    return 0;
}

int read_network(const char *mode, bool *none, struct err *e)
{
    *none = mode != NULL && strcmp(mode, "none") == 0;
    if (mode != NULL && !*none && strcmp(mode, "host") != 0)
        return err_set(e, FAIL_INPUT, "--network: '%.40s' is not available; use host or none",
                       mode);
    return 0;
}

static int read_jobs(const struct args *a, unsigned *out, struct err *e)
{
    const char *text = args_text(a, "jobs");
    cpu_set_t cpus;
    uint64_t n;

    if (text == NULL) {
        CPU_ZERO(&cpus);
        *out = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? (unsigned)CPU_COUNT(&cpus) : 1;
        if (*out > JOBS_MAX)
            *out = JOBS_MAX;
        return 0;
    }
    if (num_u64(sv_of(text), JOBS_MAX, &n, e) < 0 || n == 0)
        return err_set(e, FAIL_INPUT, "--jobs: '%.20s' is not a number from 1 to %u", text,
                       JOBS_MAX);
    *out = (unsigned)n;
    return 0;
}

static const char *event_name(const struct args *a)
{
    return a->words.n > 0 ? a->words.v[0] : "push";
}

/* Combinations that would otherwise be ignored silently. */
static int check_combinations(const struct run_request *r, const char *event, struct err *e)
{
    const char *checkout = args_text(r->args, "checkout");

    if (checkout != NULL && strcmp(checkout, "action") == 0)
        return err_set(e, FAIL_INPUT, "--checkout=action is not available yet; use native");
    if (checkout != NULL && strcmp(checkout, "native") != 0)
        return err_set(e, FAIL_INPUT, "--checkout: '%.40s' is neither native nor action", checkout);
    if (r->net_none && args_flag(r->args, "no-sandbox"))
        return err_set(e, FAIL_INPUT, "--network none needs the sandbox; leave --no-sandbox away");
    if (json_object_size(r->inputs) > 0 && strcmp(event, "workflow_dispatch") != 0)
        return err_set(e, FAIL_INPUT,
                       "--input belongs to workflow_dispatch, not to %.60s; run gantry run "
                       "workflow_dispatch",
                       event);
    return 0;
}

static void add_env(struct run_request *r)
{
    r->secrets = json_object();
    r->vars = json_object();
    r->env = json_object();
    r->inputs = json_object();
    r->matrix = json_array();
}

int run_request_read(const struct args *a, struct run_request *out, struct err *e)
{
    AUTO(run_request_done) struct run_request r = RUN_REQUEST_INIT;

    r.args = a;
    add_env(&r);
    if (read_files(a, "secret-file", r.secrets, e) < 0 || read_secrets(a, r.secrets, e) < 0 ||
        read_files(a, "var-file", r.vars, e) < 0 || read_pairs(a, "var", true, r.vars, e) < 0 ||
        read_pairs(a, "env", false, r.env, e) < 0 ||
        read_pairs(a, "input", false, r.inputs, e) < 0 || read_matrix(a, r.matrix, e) < 0 ||
        read_folders(a, "host-dir", &r.host_dirs, e) < 0 ||
        read_folders(a, "actions", &r.actions, e) < 0 || read_jobs(a, &r.jobs, e) < 0 ||
        read_network(args_text(a, "network"), &r.net_none, e) < 0 ||
        check_combinations(&r, event_name(a), e) < 0)
        return -1;
    *out = r;
    r = RUN_REQUEST_INIT;
    return 0;
}

/* A push that was given names the commit before it: its changed files are those since then. */
static void push_since(struct run_request *r)
{
    struct sv before = jx_str(r->event.payload, "before", "");
    bool hex = before.n == 40 || before.n == 64, zero = true;

    for (size_t i = 0; i < before.n; i++) {
        hex = hex && ch_is_hex(before.p[i]);
        zero = zero && before.p[i] == '0';
    }
    if (args_text(r->args, "event-path") == NULL || strcmp(r->event.name, "push") != 0 || !hex ||
        zero)
        return;
    free(r->repo.fork);
    r->repo.fork = sv_dup(before);
}

int run_request_find(struct run_request *r, struct err *e)
{
    const struct args *a = r->args;
    const char *event = event_name(a);
    const char *actor = args_text(a, "actor");

    if (repo_read(args_text(a, "C"), args_text(a, "ref"), &r->repo, e) < 0)
        return -1;
    if (sv_starts(sv_of(event), SV("pull_request")))
        repo_read_fork(&r->repo, r->repo.default_branch);
    r->actor = xstrdup(actor != NULL ? actor : r->repo.actor);
    if (run_event_make(event, &r->repo, r->actor, args_text(a, "ref") != NULL,
                       args_text(a, "event-path"), r->inputs, &r->event, e) < 0)
        return -1;
    push_since(r);
    if (r->event.base_ref[0] != '\0' && strcmp(r->event.base_ref, r->repo.default_branch) != 0)
        repo_read_fork(&r->repo, r->event.base_ref); /* the payload names another base */
    return 0;
}

void run_request_done(struct run_request *r)
{
    json_t **all[] = {&r->secrets, &r->vars, &r->env, &r->inputs, &r->matrix};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        auto_json(all[i]);
        *all[i] = NULL;
    }
    workflows_done(&r->workflows);
    repo_done(&r->repo);
    run_event_done(&r->event);
    free(r->actor);
    strv_free(&r->host_dirs);
    strv_free(&r->actions);
}
