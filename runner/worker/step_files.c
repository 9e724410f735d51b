/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of a step. Those of file commands lie in memory: most are never written to, and on a disk each costs more
 * than all the rest of a step. */
#include "runner/worker/step_files.h"

#include "base/mem.h"
#include "base/path.h"
#include "runner/worker/file_commands.h"
#include "runner/worker/worker.h"

#define COMMANDS_FOLDER "_runner_file_commands"
#define EVENT_FOLDER    "_github_workflow"

static int commands_folder(struct worker *w, struct err *e)
{
    AUTO(auto_free) char *dir = path_join(w->hello.temp, COMMANDS_FOLDER);

    if (w->hello.memory[0] == '\0')
        return sbx_mkdir(w->sbx, dir, e);
    AUTO(auto_free) char *target = path_join(w->hello.memory, COMMANDS_FOLDER);
    if (sbx_mkdir(w->sbx, target, e) < 0 || sbx_mkdir(w->sbx, w->hello.temp, e) < 0)
        return -1;
    return sbx_link(w->sbx, dir, target, e);
}

int step_files_folders(struct worker *w, struct err *e)
{
    AUTO(auto_free) char *dir = path_join(w->hello.temp, EVENT_FOLDER);

    if (commands_folder(w, e) < 0 || sbx_mkdir(w->sbx, dir, e) < 0)
        return err_wrap(e, "make the job's temporary folders");
    return 0;
}

/* The text of event.json, made when the payload is another than that of the step before. */
static int render_event(struct worker *w, struct val *event, struct err *e)
{
    if (event == w->event)
        return 0;
    buf_reset(&w->event_text);
    val_to_pretty(event, &w->event_text);
    if (buf_done(&w->event_text, "event payload", e) < 0)
        return err_wrap(e, "write the event payload");
    val_unref(w->event);
    w->event = val_ref(event);
    w->event_intact = false;
    if (w->event_path == NULL)
        w->event_path = xasprintf("%s/" EVENT_FOLDER "/event.json", w->hello.temp);
    return 0;
}

int step_files_name(struct exec *x, struct err *e)
{
    struct worker *w = x->w;
    struct val *event = val_gets(x->github, "event");
    AUTO(auto_free) char *dir = path_join(w->hello.temp, COMMANDS_FOLDER);

    if (event != NULL && render_event(w, event, e) < 0)
        return -1;
    if (event != NULL)
        val_sets(x->github, "event_path", val_string(sv_of(w->event_path)));
    file_commands_name(x, dir);
    return 0;
}

void step_files_list(const struct exec *x, struct step_files *out)
{
    const struct worker *w = x->w;

    out->n = 0;
    /* It is to be whole for every step (5.2), and a step may have changed it. */
    if (w->event != NULL && !w->event_intact)
        out->v[out->n++] = (struct sbx_file){
            .path = w->event_path, .mode = 0644, .content = buf_sv(&w->event_text)};
    for (int i = 0; i < FILE_COMMAND_COUNT_; i++)
        out->v[out->n++] = (struct sbx_file){.path = x->files[i], .mode = 0644, .content = SV("")};
}

int step_files_write(struct exec *x, struct err *e)
{
    struct step_files f;
    size_t failed = 0;

    step_files_list(x, &f);
    int rc = sbx_write_files(x->w->sbx, f.v, f.n, &failed, e);
    if (rc < 0 && e->code == FAIL_NOTFOUND && step_files_folders(x->w, e) == 0)
        rc = sbx_write_files(x->w->sbx, f.v, f.n, &failed, e);
    if (rc < 0)
        return err_wrap(e, "write '%s' for the step", f.v[failed].path);
    x->w->event_intact = x->w->event != NULL;
    return 0;
}

void step_files_saw_event(struct worker *w, const char *text, size_t n)
{
    w->event_intact =
        text != NULL && n == w->event_text.len && memcmp(text, w->event_text.p, n) == 0;
}
