/* SPDX-License-Identifier: Apache-2.0
 *
 * File commands. Source: actions/runner 2.336.0 src/Runner.Worker/FileCommandManager.cs (spec logs 2, 7.5). */
#include "runner/worker/file_commands.h"

#include <errno.h>

#include "actions/command.h"
#include "base/mem.h"
#include "runner/worker/program.h"
#include "runner/worker/step_files.h"
#include "runner/worker/upload.h"
#include "runner/worker/worker.h"

static const struct {
    const char *prefix; /* of the file's name (2.1) */
    const char *member; /* of the github context */
    const char *name;   /* in messages */
} kinds[FILE_COMMAND_COUNT_] = {
    [FILE_PATH] = {"add_path_", "path", "path"},
    [FILE_ENV] = {"set_env_", "env", "env"},
    [FILE_SUMMARY] = {"step_summary_", "step_summary", "step_summary"},
    [FILE_STATE] = {"save_state_", "state", "state"},
    [FILE_OUTPUT] = {"set_output_", "output", "output"},
    [FILE_ARTIFACTS] = {"artifacts_", "artifacts", "artifacts"},
    [FILE_ARTIFACTS_LIST] = {"artifacts_list_", "artifacts_list", "artifacts_list"},
};

void file_commands_name(struct exec *x, const char *dir)
{
    char guid[UUID_TEXT_SIZE];

    ids_uuid4(guid);
    for (int i = 0; i < FILE_COMMAND_COUNT_; i++) {
        free(x->files[i]);
        x->files[i] = xasprintf("%s/%s%s", dir, kinds[i].prefix, guid);
        val_sets(x->github, kinds[i].member, val_string(sv_of(x->files[i])));
    }
}

static int apply_env(void *ctx, struct sv key, struct sv value, struct err *e)
{
    struct exec *x = ctx;

    if (key.n == 0)
        return err_set(e, FAIL_INPUT, "Invalid format '=" SV_FMT "'", SV_ARG(sv_sub(value, 0, 80)));
    if (cmd_env_is_blocked(key)) {
        exec_errorf(x, "Can't store " SV_FMT " output parameter using '$GITHUB_ENV' command.",
                    SV_ARG(key));
        return 0;
    }
    exec_set_env(x, key, value);
    exec_debugf(x, SV_FMT "='" SV_FMT "'", SV_ARG(key), SV_ARG(value));
    return 0;
}

static int apply_output(void *ctx, struct sv key, struct sv value, struct err *e)
{
    if (key.n == 0)
        return err_set(e, FAIL_INPUT, "Invalid format '=" SV_FMT "'", SV_ARG(sv_sub(value, 0, 80)));
    exec_set_output(ctx, key, value);
    return 0;
}

static int apply_state(void *ctx, struct sv key, struct sv value, struct err *e)
{
    if (key.n == 0)
        return err_set(e, FAIL_INPUT, "Invalid format '=" SV_FMT "'", SV_ARG(sv_sub(value, 0, 80)));
    state_save(ctx, key, value);
    return 0;
}

static void apply_path(struct exec *x, struct sv text)
{
    AUTO(strv_free) struct strv lines = STRV_INIT;

    cmd_file_lines(text, &lines);
    for (size_t i = 0; i < lines.n; i++)
        exec_add_path(x, sv_of(lines.v[i]));
}

void summary_scrub(struct exec *x, struct sv text, struct buf *out)
{
    while (text.n > 0) {
        size_t n = 0;
        while (n < text.n && text.p[n] != '\n' && text.p[n] != '\r')
            n++;
        mask_apply(x->w->mask, sv_sub(text, 0, n), out);
        buf_addc(out, '\n');
        if (n + 1 < text.n && text.p[n] == '\r' && text.p[n + 1] == '\n')
            n++;
        text = n < text.n ? sv_sub(text, n + 1, text.n) : SV("");
    }
}

static void apply_summary(struct exec *x, struct sv text)
{
    AUTO(buf_free) struct buf scrubbed = BUF_INIT((size_t)16 * SUMMARY_MAX_BYTES);
    AUTO(buf_free) struct buf own = BUF_INIT(0);

    if (text.n > SUMMARY_MAX_BYTES) { /* the step's result stays (7.5) */
        exec_errorf(
            x,
            "$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of %uk, got "
            "%zuk. For more information see: "
            "https://docs.github.com/actions/using-workflows/"
            "workflow-commands-for-github-actions#adding-a-markdown-summary",
            SUMMARY_MAX_BYTES / 1024, text.n / 1024);
        return;
    }
    summary_scrub(x, cmd_file_text(text, &own), &scrubbed);
    if (scrubbed.over)
        return; /* cannot be: masking never makes 1 MiB sixteen times longer */
    upload_summary(x->w->upload, x->id, buf_sv(&scrubbed));
}

static int apply(struct exec *x, enum file_command k, struct sv text, struct err *e)
{
    switch (k) {
    case FILE_PATH:
        apply_path(x, text);
        return 0;
    case FILE_ENV:
        return cmd_file_pairs(text, apply_env, x, e);
    case FILE_SUMMARY:
        apply_summary(x, text);
        return 0;
    case FILE_STATE:
        return cmd_file_pairs(text, apply_state, x, e);
    case FILE_OUTPUT:
        return cmd_file_pairs(text, apply_output, x, e);
    case FILE_ARTIFACTS: /* off unless the flag of spec logs 2.5 is on: ignored then */
    case FILE_ARTIFACTS_LIST:
    case FILE_COMMAND_COUNT_:
        break;
    }
    return 0;
}

static void report(struct exec *x, enum file_command k, const struct err *e)
{
    exec_errorf(x, "Unable to process file command '%s' successfully.", kinds[k].name);
    exec_error(x, e);
    x->command_result = RES_FAILED;
}

static void on_content(void *ctx, size_t i, const char *text, size_t n, const struct err *failure)
{
    struct exec *x = ctx;
    enum file_command k = (enum file_command)i;
    struct err why = *failure;

    if (i == FILE_ARTIFACTS) {
        step_files_saw_event(x->w, text, n);
        return;
    }
    if (text == NULL) {
        if (why.code != FAIL_NOTFOUND && (why.code != FAIL_SYS || why.sys != ENOENT))
            report(x, k, &why); /* a step may delete its files (2.1) */
        return;
    }
    if (n > 0 && apply(x, k, (struct sv){text, n}, &why) < 0)
        report(x, k, &why);
}

int file_commands_process(struct exec *x, struct err *e)
{
    struct worker *w = x->w;
    const char *paths[FILE_ARTIFACTS + 1];
    size_t n = 0;

    while (n < FILE_ARTIFACTS) {
        paths[n] = x->files[n];
        n++;
    }
    if (w->event_path != NULL)
        paths[n++] = w->event_path;
    struct sbx_look look = {
        .paths = paths, .n_paths = n, .max = FILE_COMMAND_MAX_BYTES, .fn = on_content, .ctx = x};
    return program_look(w, &look, e);
}
