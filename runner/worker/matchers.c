/* SPDX-License-Identifier: Apache-2.0
 *
 * Source of rules and texts: actions/runner 2.336.0 src/Runner.Worker/ActionCommandManager.cs, ExecutionContext.cs,
 * Handlers/OutputManager.cs (spec logs 1.6.2 to 1.6.4). */
#include "runner/worker/matchers.h"

#include <errno.h>

#include "actions/command.h"
#include "actions/matcher.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "runner/worker/log_chain.h"
#include "runner/worker/matcher_files.h"
#include "runner/worker/worker.h"

enum {
    TIMEOUT_MS = 1000,      /* Source: OutputManager.cs */
    TIMEOUT_MAX_MS = 10000, /* ours: the worker does nothing else meanwhile */
};

/* ---- the commands ---- */

static char *rooted(const struct exec *x, const char *file)
{
    return path_join(x->w->workspace, file);
}

/* Source of the texts: .NET's FileNotFoundException and DirectoryNotFoundException. */
static int not_found(struct exec *x, const char *path, struct err *e)
{
    AUTO(auto_free) char *dir = sv_dup(path_dir(sv_of(path)));
    bool there = false;
    struct err other = {0};

    if (sbx_exists(x->w->sbx, dir, SBX_FOLDER, &there, &other) < 0)
        there = false; /* it counts as missing: this is about a text */
    return err_set(e, FAIL_NOTFOUND,
                   there ? "Could not find file '%s'." : "Could not find a part of the path '%s'.",
                   path);
}

static int read_file(struct exec *x, const char *file, char **text, size_t *n, struct err *e)
{
    AUTO(auto_free) char *path = rooted(x, file);

    if (sbx_read_file(x->w->sbx, path, MATCHER_FILE_BYTES, text, n, e) == 0)
        return 0;
    return e->sys == ENOENT || e->sys == ENOTDIR ? not_found(x, path, e) : -1;
}

static void list_names(struct buf *b, struct sv name)
{
    buf_adds(b, b->len > 0 ? ", '" : "'");
    buf_addsv(b, name);
    buf_addc(b, '\'');
}

int matchers_add_command(struct exec *x, const struct cmd *c, struct err *e)
{
    AUTO(matcher_set_done) struct matcher_set file = {NULL, 0};
    AUTO(buf_free) struct buf names = BUF_INIT(MATCHER_FILE_BYTES);
    AUTO(auto_free) char *text = NULL;
    size_t n = 0;

    if (c->data[0] == '\0') {
        exec_warningf(x, "File path must be specified.");
        return 0;
    }
    if (read_file(x, c->data, &text, &n, e) < 0)
        return -1;
    if (matcher_file_read((struct sv){text, n}, &file, e) < 0 ||
        matcher_set_add(&x->w->matchers, &file, e) < 0)
        return -1;
    if (file.n == 0)
        return 0;
    log_streams_add_matchers(x->w, &file);
    for (size_t i = 0; i < file.n; i++)
        list_names(&names, matcher_owner(file.v[i]));
    exec_debugf(
        x,
        "Added matchers: %s. Problem matchers scan action output for known warning or error "
        "strings and report these inline.",
        names.p);
    return 0;
}

static int owners_of_file(struct exec *x, const char *file, struct strv *owners, struct err *e)
{
    AUTO(auto_free) char *text = NULL;
    size_t n = 0;

    if (read_file(x, file, &text, &n, e) < 0)
        return -1;
    return matcher_file_owners((struct sv){text, n}, owners, e);
}

int matchers_remove_command(struct exec *x, const struct cmd *c, struct err *e)
{
    AUTO(strv_free) struct strv owners = STRV_INIT;
    AUTO(strv_free) struct strv removed = STRV_INIT;
    AUTO(buf_free) struct buf names = BUF_INIT(MATCHER_FILE_BYTES);
    struct sv owner = sv_of(cmd_prop(c, "owner"));
    bool has_file = c->data[0] != '\0';

    if (owner.n > 0 && has_file) {
        exec_warningf(x, "Either specify an owner name or a file path in ##[remove-matcher] "
                         "command. Both values cannot be set.");
        return 0;
    }
    if (owner.n == 0 && !has_file) {
        exec_warningf(x, "Either an owner name or a file path must be specified in "
                         "##[remove-matcher] command.");
        return 0;
    }
    if (owner.n > 0)
        strv_addsv(&owners, owner);
    else if (owners_of_file(x, c->data, &owners, e) < 0)
        return -1;
    matcher_set_remove(&x->w->matchers, &owners, &removed);
    if (removed.n == 0)
        return 0;
    log_streams_remove_matchers(x->w, &owners);
    for (size_t i = 0; i < removed.n; i++)
        list_names(&names, sv_of(removed.v[i]));
    exec_debugf(x, "Removed matchers: %s", names.p);
    return 0;
}

/* ---- one stream ---- */

struct stream_matchers {
    struct exec *x;
    struct matching *matching;
    struct matcher_files *files;
    struct buf plain;
    struct sv text; /* the line under way, without colours */
};

/* The property of a level that is full is not needed. */
static bool is_kept(const struct exec *x, enum issue_level level)
{
    return x->w->step_debug || (x->rec != NULL && x->rec->per_level[level] < ISSUES_PER_LEVEL);
}

static int64_t place(struct exec *x, struct sv text, const char *what)
{
    struct err ignored = {0}; /* its own text follows */
    uint64_t n;

    if (text.n == 0)
        return 0;
    if (num_u64(text, INT32_MAX, &n, &ignored) == 0)
        return (int64_t)n;
    exec_debugf(x, "Unable to parse %s number '" SV_FMT "'", what, SV_ARG(text));
    return 0;
}

static bool level_of(struct sv severity, enum issue_level *out)
{
    *out = ISSUE_ERROR;
    if (severity.n == 0 || sv_ieq(severity, SV("error")))
        return true;
    *out = sv_ieq(severity, SV("warning")) ? ISSUE_WARNING : ISSUE_NOTICE;
    return *out == ISSUE_WARNING || sv_ieq(severity, SV("notice"));
}

static bool on_found(void *ctx, const struct matched *found)
{
    struct stream_matchers *m = ctx;
    struct exec *x = m->x;
    const struct sv *v = found->v;
    struct issue_props props = {.log_text = m->text};
    enum issue_level level;

    if (sv_trim(v[MATCHED_MESSAGE]).n == 0) {
        exec_debugf(x, "Skipping logging an issue for the matched line because the message is "
                       "empty.");
        return false;
    }
    if (!level_of(v[MATCHED_SEVERITY], &level)) {
        exec_debugf(x,
                    "Skipped logging an issue for the matched line because the severity '" SV_FMT
                    "' is not supported.",
                    SV_ARG(v[MATCHED_SEVERITY]));
        return false;
    }
    props.line = place(x, v[MATCHED_LINE], "line");
    props.col = place(x, v[MATCHED_COLUMN], "column");
    AUTO(auto_free) char *file = NULL;
    if (sv_trim(v[MATCHED_FILE]).n > 0 && is_kept(x, level))
        file = matcher_files_map(m->files, v[MATCHED_FILE], v[MATCHED_FROM_PATH]);
    props.file = sv_of(file);
    exec_issue(x, level, v[MATCHED_MESSAGE], &props);
    return true;
}

static void on_gave_up(void *ctx, struct sv owner, unsigned attempt, const char *why)
{
    struct stream_matchers *m = ctx;

    if (attempt < MATCHER_ATTEMPTS)
        exec_debugf(m->x,
                    "Timeout processing issue matcher '" SV_FMT "' against line '" SV_FMT
                    "'. Exception: %s",
                    SV_ARG(owner), SV_ARG(m->text), why);
    else
        exec_warningf(m->x,
                      "Removing issue matcher '" SV_FMT "'. Matcher failed %u times. Error: %s",
                      SV_ARG(owner), MATCHER_ATTEMPTS, why);
}

static int64_t now_ms(void *ctx)
{
    (void)ctx;
    return tm_now_ms();
}

static int64_t timeout_of(const struct worker *w)
{
    static const char name[] = "GITHUB_ACTIONS_RUNNER_ISSUE_MATCHER_TIMEOUT";
    struct sv v = SV("");
    int64_t ms = TIMEOUT_MS;

    if (!(w->msg != NULL && message_var(w->msg, name, &v) && matcher_timeout(v, &ms)) &&
        !matcher_timeout(sv_of(strv_getenv(&w->opt.env, name)), &ms))
        ms = TIMEOUT_MS;
    return ms < TIMEOUT_MAX_MS ? ms : TIMEOUT_MAX_MS;
}

struct stream_matchers *stream_matchers_new(struct exec *x)
{
    if (x->w->matchers.n == 0)
        return NULL;
    struct stream_matchers *m = xcalloc(1, sizeof *m);
    struct matching_options o = {.ctx = m,
                                 .now_ms = now_ms,
                                 .timeout_ms = timeout_of(x->w),
                                 .found = on_found,
                                 .gave_up = on_gave_up};
    m->x = x;
    m->matching = matching_new(&x->w->matchers, &o);
    m->files = matcher_files_new(x);
    m->plain = BUF_INIT((size_t)4 * SPOOL_PIECE_BYTES);
    return m;
}

void stream_matchers_free(struct stream_matchers *m)
{
    if (m == NULL)
        return;
    matching_free(m->matching);
    matcher_files_free(m->files);
    buf_free(&m->plain);
    free(m);
}

struct matching *stream_matchers_of(struct stream_matchers *m)
{
    return m->matching;
}

bool stream_matchers_line(struct stream_matchers *m, struct sv line)
{
    m->text = matcher_plain_text(line, &m->plain);
    return matching_line(m->matching, m->text, line);
}
