/* SPDX-License-Identifier: Apache-2.0
 *
 * `run:` steps: shell, script file, header, process. Source: actions/runner 2.336.0
 * src/Runner.Worker/Handlers/ScriptHandler.cs (spec job-execution 6). */
#include "runner/worker/script.h"

#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/process.h"
#include "runner/worker/program.h"
#include "runner/worker/shell.h"
#include "runner/worker/step_files.h"
#include "runner/worker/step_run.h"
#include "runner/worker/worker.h"

enum { SCRIPT_MAX_BYTES = 10 << 20 };

struct script {
    struct buf text, shell_text, workdir_text;
    struct shell shell;
    bool default_shell;
    char *program; /* absolute */
    char *cwd;
    char *file;
    struct buf content; /* of the file */
    char *path_list;
};

static void script_done(struct script *s)
{
    buf_free(&s->text);
    buf_free(&s->shell_text);
    buf_free(&s->workdir_text);
    free(s->program);
    free(s->cwd);
    free(s->file);
    buf_free(&s->content);
    free(s->path_list);
}

/* A value of `defaults.run`, only outside composites (6.1). */
static struct sv run_default(const struct exec *x, const char *key)
{
    const struct val *v =
        x->parent == NULL && x->w->run_defaults != NULL ? val_gets(x->w->run_defaults, key) : NULL;

    return v != NULL ? val_get_string(v) : SV("");
}

static int evaluate(struct exec *x, struct script *s, struct err *e)
{
    if (exec_text(x, x->def->run, &s->text, e) < 0 ||
        exec_text(x, x->def->shell, &s->shell_text, e) < 0 ||
        exec_text(x, x->def->working_directory, &s->workdir_text, e) < 0)
        return -1;
    if (buf_done(&s->text, "script", e) < 0)
        return -1;
    if (s->shell_text.len == 0)
        buf_addsv(&s->shell_text, run_default(x, "shell"));
    if (x->def->working_directory == NULL)
        buf_addsv(&s->workdir_text, run_default(x, "working-directory"));
    s->cwd = path_join(x->w->workspace, s->workdir_text.p);
    return 0;
}

/* GITHUB_PATH additions, most recent first, then the runner's own PATH; the step's `env: PATH` does not count
 * (6.1). */
static char *search_path(const struct worker *w)
{
    struct buf b = BUF_INIT(1 << 20);
    const char *base = strv_getenv(&w->opt.env, "PATH");

    for (size_t i = w->paths.n; i > 0; i--) {
        buf_adds(&b, w->paths.v[i - 1]);
        buf_addc(&b, ':');
    }
    buf_adds(&b, base != NULL ? base : "/usr/bin:/bin");
    b.over = false;
    return buf_take(&b, NULL);
}

static int look_up(struct exec *x, struct script *s, struct sv name, struct err *e)
{
    return program_find(x->w, name, s->path_list, &s->program, e);
}

/* Which shell, before it is looked up (6.1). */
static int choose_shell(struct exec *x, struct script *s, struct err *e)
{
    struct err first = {0};

    s->path_list = search_path(x->w);
    if (s->shell_text.len > 0)
        return shell_parse(buf_sv(&s->shell_text), &s->shell, e);
    s->default_shell = true;
    s->shell = shell_default(true);
    if (look_up(x, s, s->shell.command, &first) < 0)
        s->shell = shell_default(false);
    return 0;
}

static int find_shell(struct exec *x, struct script *s, struct err *e)
{
    if (s->program != NULL || look_up(x, s, s->shell.command, e) == 0)
        return 0;
    if (e->code != FAIL_NOTFOUND)
        return -1;
    /* Ours: Debian and its children install Python without a program of that plain name. */
    struct err second = {0};
    if (sv_is(s->shell.command, "python") && look_up(x, s, SV("python3"), &second) == 0)
        return 0;
    return err_set(e, FAIL_NOTFOUND, SV_FMT ": command not found", SV_ARG(s->shell.command));
}

static void header(struct exec *x, const struct script *s)
{
    struct sv text = buf_sv(&s->text), line;
    AUTO(buf_free) struct buf plain = BUF_INIT(SCRIPT_MAX_BYTES);

    for (size_t i = 0; i < text.n; i++) /* CRLF is shown as LF */
        if (!(text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n'))
            buf_addc(&plain, text.p[i]);
    while (plain.len > 0 && plain.p[plain.len - 1] == '\n')
        plain.p[--plain.len] = '\0';
    struct sv title = sv_trim(text);
    size_t end = 0;
    while (end < title.n && title.p[end] != '\n' && title.p[end] != '\r')
        end++;
    exec_logf(x, "##[group]Run " SV_FMT, SV_ARG(sv_sub(title, 0, end)));
    struct sv rest = buf_sv(&plain);
    const char *on = x->w->opt.no_color ? "" : "\x1b[36;1m";
    const char *off = x->w->opt.no_color ? "" : "\x1b[0m";
    while (sv_next(&rest, '\n', &line)) {
        AUTO(buf_free) struct buf out = BUF_INIT(SCRIPT_MAX_BYTES + 64);
        buf_adds(&out, on);
        buf_addsv(&out, line);
        buf_adds(&out, off);
        exec_log(x, buf_sv(&out));
    }
    AUTO(auto_free) char *name = sv_dup(s->shell.command);
    exec_logf(x, "shell: %s " SV_FMT, s->program != NULL ? s->program : name,
              SV_ARG(s->shell.template_));
    step_env_lines(x);
    exec_log(x, SV("##[endgroup]"));
}

static int make_script(struct exec *x, struct script *s, struct err *e)
{
    char guid[UUID_TEXT_SIZE];

    ids_uuid4(guid);
    s->file = xasprintf("%s/%s%s", x->w->hello.temp, guid, s->shell.extension);
    shell_script_text(s->shell.command, buf_sv(&s->text), &s->content);
    return buf_done(&s->content, "script", e);
}

/* Its files first: those of every step, and the script. */
static int run_with_files(struct exec *x, const struct script *s, struct process_spec *spec,
                          int *status, struct err *e)
{
    struct step_files made;
    struct sbx_file files[sizeof made.v / sizeof made.v[0] + 1];

    step_files_list(x, &made);
    memcpy(files, made.v, made.n * sizeof made.v[0]);
    files[made.n] = (struct sbx_file){
        .path = s->file, .mode = 0644, .content = buf_sv(&s->content), .recycle = x->w->old_script};
    spec->files = files;
    spec->n_files = made.n + 1;
    x->w->event_intact = false; /* until somebody looks again */
    int rc = process_run(x, spec, status, e);
    if (rc < 0 && spec->file_failed &&
        e->code == FAIL_NOTFOUND) { /* an earlier step removed a folder */
        if (step_files_folders(x->w, e) < 0)
            return -1;
        rc = process_run(x, spec, status, e);
    }
    spec->files = NULL;
    return rc;
}

static void log_command(struct exec *x, const struct strv *argv)
{
    AUTO(buf_free) struct buf line = BUF_INIT(1 << 20);

    for (size_t i = 0; x->w->step_debug && i < argv->n; i++)
        buf_addf(&line, "%s%s", i > 0 ? " " : "", argv->v[i]);
    exec_debug(x, buf_sv(&line));
}

static int run_process(struct exec *x, struct script *s, int *status, struct err *e)
{
    AUTO(strv_free) struct strv argv = STRV_INIT;
    AUTO(strv_free) struct strv env = STRV_INIT;

    strv_add(&argv, s->program);
    if (shell_arguments(s->shell.template_, s->file, &argv, e) < 0)
        return -1;
    log_command(x, &argv);
    environment_build(x, &env);
    struct process_spec spec = {.path = s->program, .argv = argv.v, .envp = env.v, .cwd = s->cwd};
    int rc = run_with_files(x, s, &spec, status, e);
    free(x->w->old_script);
    x->w->old_script = rc == 0 && *status == 0 ? TAKE_PTR(s->file) : NULL;
    if (rc == 0)
        return 0;
    if (spec.file_failed)
        return err_wrap(e, "write the files of the step");
    if (e->code != FAIL_SYS && e->code != FAIL_NOTFOUND)
        return -1;
    /* The official text, which users search for. Source: .NET's Process.Start. */
    struct err cause = *e;
    return err_set(e, cause.code,
                   "An error occurred trying to start process '%s' with working directory '%s'. %s",
                   s->program, s->cwd, cause.sys != 0 ? strerrordesc_np(cause.sys) : cause.msg);
}

int script_run(struct exec *x, struct err *e)
{
    AUTO(script_done)
    struct script s = {.text = BUF_INIT(SCRIPT_MAX_BYTES),
                       .shell_text = BUF_INIT(SCRIPT_MAX_BYTES),
                       .workdir_text = BUF_INIT(SCRIPT_MAX_BYTES),
                       .content = BUF_INIT(SCRIPT_MAX_BYTES + 1024)};
    struct err why = {0};
    int status = 0;

    exec_debugf(x, "Loading inputs");
    if (evaluate(x, &s, &why) < 0 || choose_shell(x, &s, &why) < 0) {
        step_fail(x, &why);
        return 0;
    }
    int found = find_shell(x, &s, &why);
    if (x->parent == NULL)
        record_set_kind(x->rec, "run", s.default_shell ? SV("sh") : s.shell.command, SV(""));
    exec_debugf(x, "Loading env");
    header(x, &s);
    if (found < 0) {
        step_fail(x, &why);
        return 0;
    }
    if (make_script(x, &s, &why) < 0 || run_process(x, &s, &status, &why) < 0) {
        if (why.code == FAIL_CANCELED) {
            *e = why;
            return -1;
        }
        step_fail(x, &why);
        return 0;
    }
    if (status != 0 && !x->cancelled && !x->timed_out && !x->unsafe_stop) {
        exec_errorf(x, "Process completed with exit code %d.", status);
        x->result = RES_FAILED;
    }
    return 0;
}
