/* SPDX-License-Identifier: Apache-2.0
 *
 * A run that really happens: service and listener are started, each workflow is posted, its events are followed
 * to their end (resumed when the connection breaks), Ctrl-C is passed on. */
#include "runner/cli/run_priv.h"

#include "base/clock.h"
#include "base/event_stream.h"
#include "base/fd.h"
#include "base/http_client.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/live_config.h"
#include "runner/cli/output.h"
#include "runner/cli/render.h"
#include "runner/cli/state.h"
#include "runner/cli/supervise.h"

#include <jansson.h>
#include <signal.h>
#include <unistd.h>

#define STREAM_MS  ((int64_t)30 * 24 * 3600 * 1000) /* a run may wait for days */
#define POST_MS    60000
#define RESUME_MAX 5U
#define RESUME_MS  200
#define FORCE_MS   700 /* Ours: how long the forced end may take before the processes are killed */
#define STOP_MS    5000
#define WAITING_BYTES \
    ((size_t)1 << 20) /* Ours: output that waits for its reader; then the events do */

/* A run that the service has. */
struct posted {
    struct live *live;
    char *id;
    const char *path; /* of its workflow, borrowed */
    bool over;
    struct hc_req *cancel; /* being asked for, or NULL */
};

struct live {
    const struct run_request *r;
    struct loop *loop;
    struct hc *hc;
    struct sup *sup;
    struct render *render;
    struct hc_req *req;       /* POST or the stream */
    struct loop_timer *timer; /* resume */
    struct loop_timer *force_timer;
    size_t at; /* workflow that is posted */
    struct posted *
        *runs; /* all go side by side, as on GitHub; they are shown one after the other */
    size_t n_runs, cap_runs;
    size_t shown; /* the run that is followed */
    struct event_reader *events;
    struct output *out;
    struct loop_timer *pause_timer;
    bool paused; /* no events until the output was taken */
    bool ended;  /* and that is all that is waited for */
    unsigned resumes;
    unsigned interrupts;
    bool completed;
    int status;       /* worst so far */
    struct strv said; /* messages of refusals, each once */
    struct programs programs;
    struct run_state state;
    struct live_source source;
    bool begun; /* the processes were started; else: */
    struct err why_not;
    bool over; /* the loop came to its end */
};

static void stop_with(struct live *v, const struct err *e, int status)
{
    if (e->msg[0] != '\0')
        err_print(e);
    v->status = status;
    loop_stop(v->loop);
}

static void worse(struct live *v, int status)
{
    if (status > v->status)
        v->status = status;
}

static char *entry_url(const struct live *v, const char *rest)
{
    const char *base = sup_url(v->sup);
    size_t n = strlen(base);

    return xasprintf("%s%s_gantry/runs%s", base, n > 0 && base[n - 1] == '/' ? "" : "/", rest);
}

/* ---- events ---- */

static void post(struct live *v);
static void follow(struct live *v);
static void cancel(struct posted *run, bool force);

static void run_over(struct live *v, enum run_result result)
{
    v->completed = true;
    v->runs[v->shown]->over = true;
    render_summary(v->render);
    switch (result) {
    case RUN_UNKNOWN:
    case RUN_SUCCESS:
    case RUN_SKIPPED:
        break;
    case RUN_FAILURE:
    case RUN_CANCELLED:
        worse(v, EXIT_JOB_FAILED);
        break;
    }
}

static int on_object(void *ctx, struct sv text, const json_t *event, struct err *e)
{
    struct live *v = ctx;
    enum run_result result = render_event(v->render, text, event);

    (void)e;
    if (result != RUN_UNKNOWN)
        run_over(v, result);
    return 0;
}

static int on_line(void *ctx, const struct event_line *l, struct err *e)
{
    struct live *v = ctx;

    (void)e;
    render_line(v->render, l);
    return 0;
}

static void reader_gone(struct live *v)
{
    struct err e = {0};

    (void)err_set(&e, FAIL_SYS, "cannot write to standard output; is its reader gone?");
    stop_with(v, &e, EXIT_HOST);
}

static int on_data(void *ctx, const void *p, size_t n)
{
    struct live *v = ctx;
    struct err e = {0};

    v->resumes = 0;
    if (event_reader_feed(v->events, (struct sv){p, n}, &e) < 0) {
        stop_with(v, &e, EXIT_HOST);
        return -1;
    }
    render_flush(v->render);
    if (render_broken(v->render)) {
        reader_gone(v);
        return -1;
    }
    if (output_waiting(v->out) > WAITING_BYTES) {
        v->paused = true;
        loop_set_timer(v->pause_timer, 0); /* not from inside of the request */
    }
    return 0;
}

static void on_pause(void *ctx)
{
    struct live *v = ctx;

    if (!v->paused || v->req == NULL)
        return;
    hc_cancel(v->req);
    v->req = NULL;
}

static void show(struct live *v, size_t run)
{
    v->shown = run;
    event_reader_begin(v->events, 0);
    v->completed = false;
    if (run < v->n_runs) {
        if (v->n_runs > 1)
            render_next(v->render, v->runs[run]->path);
        follow(v);
        return;
    }
    v->ended = true;
    render_whole(v->render);
    render_flush(v->render);
    if (render_broken(v->render))
        reader_gone(v);
    else if (output_waiting(v->out) == 0)
        loop_stop(v->loop);
}

/* The output was taken: the events go on where they were left. */
static void on_taken(void *ctx)
{
    struct live *v = ctx;

    if (output_failed(v->out)) {
        reader_gone(v);
    } else if (v->ended) {
        loop_stop(v->loop);
    } else if (v->paused) {
        v->paused = false;
        if (v->req == NULL && v->completed)
            show(v, v->shown + 1);
        else if (v->req == NULL)
            follow(v);
    }
}

/* Posts the next workflow; behind the last one the runs are shown. */
static void next(struct live *v)
{
    while (++v->at < v->r->workflows.n && !v->r->workflows.v[v->at].matches)
        ;
    if (v->at < v->r->workflows.n && v->interrupts == 0)
        post(v);
    else
        show(v, 0);
}

static void on_resume(void *ctx)
{
    struct live *v = ctx;

    if (!v->paused && v->req == NULL)
        follow(v);
}

static void on_stream_end(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct live *v = ctx;
    struct err why = {0};

    v->req = NULL;
    if (v->completed) {
        show(v, v->shown + 1);
        return;
    }
    if (e == NULL && r->status != 200)
        (void)err_http(&why, r->status, "the service answered %d for the events of the run",
                       r->status);
    else if (e != NULL)
        why = *e;
    else
        (void)err_set(&why, FAIL_PROTO, "the service ended the events before the run was over");
    if (v->resumes++ < RESUME_MAX) { /* a dead service shows as its process's end meanwhile */
        loop_del_timer(v->timer);
        v->timer = loop_add_timer(v->loop, RESUME_MS, on_resume, v);
        return;
    }
    stop_with(v, &why, EXIT_HOST);
}

static void follow(struct live *v)
{
    static const char *const headers[] = {"Accept: " EVENT_STREAM_TYPE, NULL};
    AUTO(auto_free)
    char *rest = xasprintf("/%s/events?after=%llu", v->runs[v->shown]->id,
                           (unsigned long long)event_reader_last(v->events));
    AUTO(auto_free) char *url = entry_url(v, rest);
    struct hc_spec s = {
        .url = url,
        .headers = headers,
        .bearer = sup_token(v->sup),
        .sink = on_data,
        .max_bytes = SIZE_MAX,
        .timeout_ms = STREAM_MS,
        .done = on_stream_end,
        .ctx = v,
    };
    struct err e = {0};

    event_reader_resume(v->events);
    if (hc_start(v->hc, &s, &v->req, &e) < 0)
        stop_with(v, &e, EXIT_HOST);
}

/* ---- posting ---- */

static void print_errors(struct live *v, const json_t *answer, int status)
{
    const struct workflow *w = &v->r->workflows.v[v->at];
    const json_t *list = jx_get(answer, "errors");
    struct err e = {0};

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        print_workflow_error(jx_str(one, "file", w->path), jx_int(one, "line", 0),
                             jx_int(one, "column", 0), jx_str(one, "message", ""));
    }
    if (json_array_size(list) == 0) {
        (void)err_http(&e, status, "the service refused the run of '%s' (HTTP %d)", w->path,
                       status);
        err_print(&e);
    }
}

static void add_run(struct live *v, struct sv id)
{
    struct posted *run = xcalloc(1, sizeof *run);

    *run = (struct posted){.live = v, .id = sv_dup(id), .path = v->r->workflows.v[v->at].path};
    GROW(v->runs, v->cap_runs, v->n_runs + 1);
    v->runs[v->n_runs++] = run;
}

static void on_posted(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct live *v = ctx;
    AUTO(auto_json) json_t *answer = NULL;
    struct err why = {0};
    struct sv id;

    v->req = NULL;
    if (e != NULL) {
        why = *e;
        (void)err_wrap(&why, "hand the run to the service");
        stop_with(v, &why, EXIT_HOST);
        return;
    }
    answer = jx_parse_lax(r->body, "answer of the service", &why);
    if (r->status == 422 || r->status == 400) {
        print_errors(v, answer, r->status);
        worse(v, EXIT_USAGE);
        next(v); /* as on GitHub, an invalid one stops itself alone */
        return;
    }
    if (r->status != 201 && r->status != 200) {
        struct sv said = jx_str(json_array_get(jx_get(answer, "errors"), 0), "message", "");
        (void)err_http(&why, r->status, "the service cannot take the run (HTTP %d): " SV_FMT,
                       r->status, SV_ARG(sv_sub(said.n > 0 ? said : r->body, 0, 200)));
    }
    if (answer == NULL || why.code != FAIL_NONE || jx_need_str(answer, "run_id", &id, &why) < 0) {
        stop_with(v, &why, EXIT_HOST);
        return;
    }
    add_run(v, id);
    if (v->interrupts > 0)
        cancel(v->runs[v->n_runs - 1], false);
    next(v);
}

static void post(struct live *v)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    AUTO(auto_free) char *url = entry_url(v, "");
    struct buf body;
    struct hc_spec s = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .bearer = sup_token(v->sup),
        .timeout_ms = POST_MS,
        .done = on_posted,
        .ctx = v,
    };
    struct err e = {0};

    if (run_body(v->r, &v->r->workflows.v[v->at], &body, &e) < 0) {
        stop_with(v, &e, e.code == FAIL_INPUT ? EXIT_USAGE : EXIT_HOST);
        return;
    }
    s.body = buf_sv(&body);
    if (hc_start(v->hc, &s, &v->req, &e) < 0)
        stop_with(v, &e, EXIT_HOST);
    secret_wipe(body.p, body.len); /* secrets of the run */
    buf_free(&body);
}

/* ---- the two processes ---- */

static void on_ready(void *ctx)
{
    struct live *v = ctx;

    v->at = (size_t)-1;
    next(v);
}

static void on_failed(void *ctx, const struct err *e)
{
    struct live *v = ctx;

    if (v->interrupts > 0)
        loop_stop(v->loop);
    else
        stop_with(v, e, e->code == FAIL_INPUT ? EXIT_USAGE : EXIT_HOST);
}

static void say_once(struct live *v, struct sv job, struct sv message)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4096);

    for (size_t i = 0; i < v->said.n; i++)
        if (sv_is(message, v->said.v[i]))
            return;
    strv_addsv(&v->said, message);
    buf_adds(&b, "gantry: error: ");
    if (!sv_starts(message, SV("start job"))) {
        buf_adds(&b, "job '");
        render_safe(&b, job, false);
        buf_adds(&b, "': ");
    }
    render_safe(&b, message, false);
    (void)fprintf(stderr, "%s\n", b.p);
}

static void on_refused(void *ctx, struct sv job, struct sv message)
{
    struct live *v = ctx;

    say_once(v, job, message);
    worse(v, EXIT_HOST);
}

static void on_broken(void *ctx, struct sv job, struct sv message)
{
    say_once(ctx, job, message);
}

/* ---- Ctrl-C ---- */

static void on_force_over(void *ctx)
{
    struct live *v = ctx;

    loop_stop(v->loop);
}

static void on_cancelled(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct posted *run = ctx;

    (void)r;
    (void)e; /* the next Ctrl-C does not ask the service */
    run->cancel = NULL;
}

static void cancel(struct posted *run, bool force)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct live *v = run->live;
    AUTO(auto_free) char *rest = xasprintf("/%s/cancel", run->id);
    AUTO(auto_free) char *url = entry_url(v, rest);
    struct hc_spec s = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .bearer = sup_token(v->sup),
        .body = force ? SV("{\"force\":true}") : SV("{}"),
        .timeout_ms = POST_MS,
        .done = on_cancelled,
        .ctx = run,
    };
    struct err e = {0};

    if (run->over)
        return;
    if (run->cancel != NULL)
        hc_cancel(run->cancel);
    run->cancel = NULL;
    if (hc_start(v->hc, &s, &run->cancel, &e) < 0)
        err_print(&e);
}

static void on_signal(void *ctx, int sig)
{
    struct live *v = ctx;

    if (sig != SIGINT && sig != SIGTERM && sig != SIGHUP)
        return;
    v->interrupts++;
    if (v->interrupts == 1 && v->n_runs > 0 && isatty(STDERR_FILENO))
        (void)fputs("gantry: cancelling; steps have 10 s to end, Ctrl-C again ends them at once\n",
                    stderr);
    if (v->n_runs == 0) { /* nothing runs */
        if (v->req == NULL || v->interrupts > 1)
            loop_stop(v->loop);
        return;
    }
    for (size_t i = 0; i < v->n_runs; i++)
        cancel(v->runs[i], v->interrupts > 1);
    if (v->interrupts > 1 && v->force_timer == NULL)
        v->force_timer = loop_add_timer(v->loop, FORCE_MS, on_force_over, v);
    if (v->interrupts > 2)
        loop_stop(v->loop);
}

/* ---- start to end ---- */

static int start(struct live *v, struct err *e)
{
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP};
    AUTO(buf_free) struct buf service = BUF_INIT(1U << 20);
    AUTO(buf_free) struct buf listener = BUF_INIT(1U << 20);
    struct sup_spec s = {
        .programs = &v->programs,
        .on = {on_ready, on_failed, on_refused, on_broken, v},
    };

    if (sup_reserve(e) < 0 || programs_find(&v->programs, e) < 0 ||
        run_state_open(v->programs.launcher, &v->state, e) < 0 ||
        live_service_config(v->r, &v->state, &service, e) < 0 ||
        live_listener_config(v->r, &v->programs, &v->state, &listener, e) < 0)
        return -1;
    s.log_dir = getenv("GANTRY_LOG") == NULL ? v->state.dir : NULL;
    s.config = buf_sv(&service);
    s.listener = buf_sv(&listener);
    v->loop = loop_new(e);
    if (v->loop == NULL ||
        loop_on_signals(v->loop, sigs, sizeof sigs / sizeof sigs[0], on_signal, v, e) < 0)
        return -1;
    v->sup = sup_start(v->loop, &s, e);
    return v->sup != NULL ? 0 : -1;
}

struct live *live_begin(const struct run_request *r)
{
    struct live *v = xcalloc(1, sizeof *v);

    v->r = r;
    v->events = event_reader_new(on_object, on_line, v);
    v->said = STRV_INIT;
    v->state = RUN_STATE_INIT;
    v->source = LIVE_SOURCE_INIT;
    v->begun = start(v, &v->why_not) == 0;
    return v;
}

/* The rest, once the repository is known. */
static int go(struct live *v, struct err *e)
{
    struct hc_options ho = {.user_agent = "gantry/" GANTRY_VERSION, .proxy = ""};

    if (!v->begun) {
        *e = v->why_not;
        return -1;
    }
    if (live_source_open(v->r, &v->state, &v->source, e) < 0)
        return -1;
    sup_go(v->sup, v->source.json, v->source.folder, v->source.listing);
    v->out = output_new(v->loop, STDOUT_FILENO, on_taken, v);
    v->render = render_new(output_file(v->out), args_flag(v->r->args, "json"),
                           output_wants_color(v->out), args_flag(v->r->args, "verbose"));
    v->pause_timer = loop_add_timer(v->loop, 0, on_pause, v);
    v->hc = hc_new(v->loop, &ho, e);
    return v->hc != NULL ? 0 : -1;
}

int run_live(struct live *v)
{
    struct err e = {0};
    int status;

    if (go(v, &e) == 0 && loop_run(v->loop, &e) == 0) {
        if (v->interrupts < 2)
            output_finish(v->out, STOP_MS);
        sup_drain(v->sup); /* why a job broke is said before the job is completed */
        v->over = true;
        return v->interrupts > 0 ? EXIT_CANCELLED : workflows_status(v->r, v->status);
    }
    status = cli_fail(&e);
    return status == EXIT_USAGE /* the user's input was right: it is the host that cannot */
               ? EXIT_HOST
               : status;
}

void live_free(struct live **own)
{
    struct live *v = *own;

    if (v == NULL)
        return;
    if (v->req != NULL)
        hc_cancel(v->req);
    for (size_t i = 0; i < v->n_runs; i++) {
        if (v->runs[i]->cancel != NULL)
            hc_cancel(v->runs[i]->cancel);
        free(v->runs[i]->id);
        free(v->runs[i]);
    }
    free(v->runs);
    loop_del_timer(v->timer);
    loop_del_timer(v->force_timer);
    loop_del_timer(v->pause_timer);
    if (v->sup !=
        NULL) /* an orderly end needs time only when there was a run and nothing hurries */
        sup_stop(v->sup, !v->over || v->interrupts > 1 || v->status == EXIT_HOST ? 0 : STOP_MS);
    hc_free(v->hc);
    sup_free(v->sup);
    render_free(v->render);
    output_free(v->out);
    loop_free(v->loop);
    live_source_done(&v->source);
    run_state_close(&v->state);
    programs_done(&v->programs);
    event_reader_free(v->events);
    strv_free(&v->said);
    free(v);
    *own = NULL;
}
