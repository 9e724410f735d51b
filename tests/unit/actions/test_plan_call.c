/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that call workflows (spec expressions 7.3, 9): ids and names, inputs, outputs, results, skips, failures and
 * cancellations through the caller, groups, secrets. A row is what happened so far and the whole answer as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "actions/workflow_call.h"
#include "tests/unit/actions/plan_text.h"

struct call_case {
    const char *name;
    const char *
        jobs; /* below "on: push\njobs:\n", '|' is a line feed; NULL: jobs, a and b as in the row before */
    const char *a; /* below "on:\n  workflow_call:\n" of a.yml: more of the event, then "jobs:" */
    const char *b; /* b.yml, the same; NULL: none */
    const char *states;
    const char *
        flags; /* words: cancelled, inputs, gates, only=PATH, ID:PHASE (new, waiting, open, cancelled, dropped) */
    const char *want;
};

#define RUN     "runs-on: x, steps: [{run: x}]"
#define CALL    "uses: ./.github/workflows/a.yml"
#define CALL_B  "uses: ./.github/workflows/b.yml"
#define TWO     "jobs:|  x: {" RUN "}|  y: {needs: x, " RUN "}"
#define IN(def) "    inputs: {v: {" def "}}|jobs:|  x: {" RUN "}"
#define OUT(v) \
    "    outputs: {o: {value: \"" v "\"}}|jobs:|  x: {outputs: {p: q}, " RUN "}|  y: {" RUN "}"

static const struct call_case cases[] = {
    /* ids, names, order */
    {"the first jobs of the called workflow start", "  c: {" CALL "}|  z: {needs: c, " RUN "}", TWO,
     NULL, "", "", "ready c/x 'c / x'"},
    {"then those that need them", NULL, NULL, NULL, "c/x=success", "", "ready c/y 'c / y'"},
    {"the caller is done with the last", NULL, NULL, NULL, "c/x=success c/y=success", "",
     "ready z 'z'"},
    {"the run with the last of all", NULL, NULL, NULL, "c/x=success c/y=success z=success", "",
     "done success"},
    {"names of caller and job", "  c: {name: Call, " CALL "}",
     "jobs:|  x: {name: 'job ${{ 1 }}', " RUN "}", NULL, "", "", "ready c/x 'Call / job 1'"},
    {"a matrix of calls", "  c: {strategy: {matrix: {v: [p, q]}}, " CALL "}",
     "jobs:|  x: {strategy: {matrix: {w: [1, 2]}}, " RUN "}", NULL, "", "",
     "ready c.0/x.0 'c (p) / x (1)'|ready c.0/x.1 'c (p) / x (2)'|ready c.1/x.0 'c (q) / x (1)'|"
     "ready c.1/x.1 'c (q) / x (2)'"},
    {"the name of a leg of calls",
     "  c: {name: \"n ${{ matrix.v }}\", strategy: {matrix: {v: [p]}}, " CALL "}",
     "jobs:|  x: {" RUN "}", NULL, "", "", "ready c.0/x 'n p / x'"},
    {"calls in calls", "  c: {" CALL "}", "jobs:|  d: {" CALL_B "}", "jobs:|  x: {" RUN "}", "", "",
     "ready c/d/x 'c / d / x'"},
    {"end together", NULL, NULL, NULL, "c/d/x=success", "", "done success"},
    {"a job with the id of a caller is another one", "  c: {" CALL "}|  c2: {" RUN "}",
     "jobs:|  x: {" RUN "}", NULL, "c2=success", "", "ready c/x 'c / x'"},

    /* restrictions */
    {"a job inside, what it needs, what its caller needs",
     "  a: {" RUN "}|  c: {needs: a, " CALL "}|  z: {needs: c, " RUN "}|  o: {" CALL "}",
     "jobs:|  x: {" RUN "}|  y: {needs: x, " RUN "}|  n: {" RUN "}", NULL, "", "only=c/y",
     "ready a 'a'"},
    {"and nothing beside it", NULL, NULL, NULL, "a=success", "only=c/y", "ready c/x 'c / x'"},
    {"ids ignore case", NULL, NULL, NULL, "a=success c/x=success", "only=C/Y", "ready c/y 'c / y'"},
    {"the run is done with it", NULL, NULL, NULL, "a=success c/x=success c/y=success", "only=c/y",
     "done success"},
    {"a caller that is needed is needed whole", NULL, NULL, NULL, "a=success", "only=z",
     "ready c/x 'c / x'|ready c/n 'c / n'"},
    {"two levels down", "  c: {" CALL "}", "jobs:|  d: {" CALL_B "}|  e: {" RUN "}",
     "jobs:|  x: {" RUN "}|  y: {" RUN "}", "", "only=c/d/y", "ready c/d/y 'c / d / y'"},
    {"in every leg of its caller", "  c: {strategy: {matrix: {v: [p, q]}}, " CALL "}", TWO, NULL,
     "", "only=c/x", "ready c.0/x 'c (p) / x'|ready c.1/x 'c (q) / x'"},

    /* conditions of the caller */
    {"a caller that is skipped", "  c: {if: false, " CALL "}|  z: {needs: c, " RUN "}", TWO, NULL,
     "", "", "skip c 'c' skipped if: false|skip z 'z' skipped needs 'c': skipped|done success"},
    {"is decided by its state", NULL, NULL, NULL, "c=skipped z=skipped", "", "done success"},
    {"a caller waits for its needs", "  a: {" RUN "}|  c: {needs: a, " CALL "}", TWO, NULL, "a", "",
     ""},
    {"a failed need skips it", NULL, NULL, NULL, "a=failure", "",
     "skip c 'c' skipped needs 'a': failure|done failure"},
    {"needs are not seen inside", "  a: {" RUN "}|  c: {needs: a, " CALL "}",
     "jobs:|  x: {if: \"toJSON(needs) == '{}'\", " RUN "}", NULL, "a=success", "",
     "ready c/x 'c / x'"},
    {"success() inside knows only what is inside",
     "  a: {" RUN "}|  c: {needs: a, if: always(), " CALL "}", TWO, NULL, "a=failure", "",
     "ready c/x 'c / x'"},

    /* results */
    {"a failure inside fails the caller",
     "  c: {" CALL "}|  z: {needs: c, " RUN "}|  f: {needs: c, if: failure(), " RUN "}",
     "jobs:|  x: {" RUN "}|  y: {" RUN "}", NULL, "c/x=failure c/y=success", "",
     "ready f 'f'|skip z 'z' skipped needs 'c': failure"},
    {"not before the others ended", NULL, NULL, NULL, "c/x=failure c/y", "", ""},
    {"jobs that were all skipped are a success", "  c: {" CALL "}|  z: {needs: c, " RUN "}",
     "jobs:|  x: {if: false, " RUN "}", NULL, "", "",
     "ready z 'z'|skip c/x 'c / x' skipped if: false"},
    {"continue-on-error inside", "  c: {" CALL "}|  z: {needs: c, " RUN "}",
     "jobs:|  x: {continue-on-error: true, " RUN "}", NULL, "c/x=failure", "", "ready z 'z'"},
    {"a cancelled job inside",
     "  c: {" CALL "}|  z: {needs: c, if: \"needs.c.result == 'cancelled' || always()\", "
     "name: \"${{ needs.c.result }}\", " RUN "}",
     "jobs:|  x: {" RUN "}", NULL, "c/x=cancelled", "", "ready z 'cancelled'"},
    {"fail-fast over calls", "  c: {strategy: {matrix: {v: [1, 2]}}, " CALL "}", TWO, NULL,
     "c.0/x=failure c.0/y=skipped c.1/x", "", "cancel c.1/x"},
    {"a later one that failed cancels an earlier one", NULL, NULL, NULL,
     "c.1/x=failure c.1/y=skipped c.0/x", "", "cancel c.0/x"},
    {"before it goes on", NULL, NULL, NULL, "c.1/x=failure c.1/y=skipped c.0/x=success", "",
     "skip c.0/y 'c (1) / y' cancelled|done failure"},
    {"then nothing more starts", NULL, NULL, NULL, "c.0/x=failure c.0/y=skipped c.1/x=cancelled",
     "", "skip c.1/y 'c (2) / y' cancelled|done failure"},
    {"fail-fast off", "  c: {strategy: {fail-fast: false, matrix: {v: [1, 2]}}, " CALL "}", TWO,
     NULL, "c.0/x=failure c.0/y=skipped c.1/x=success", "", "ready c.1/y 'c (2) / y'"},
    {"max-parallel over calls", "  c: {strategy: {max-parallel: 1, matrix: {v: [1, 2]}}, " CALL "}",
     TWO, NULL, "c.0/x=success c.0/y", "", ""},
    {"lets the next go", NULL, NULL, NULL, "c.0/x=success c.0/y=success", "",
     "ready c.1/x 'c (2) / x'"},

    /* cancellation */
    {"a cancelled run stops what is inside", "  c: {" CALL "}", TWO, NULL, "c/x", "cancelled",
     "cancel c/x"},
    {"and what waits inside", NULL, NULL, NULL, "c/x=cancelled", "cancelled",
     "skip c/y 'c / y' cancelled|done cancelled"},
    {"always() inside goes on", "  c: {" CALL "}",
     "jobs:|  x: {" RUN "}|  y: {needs: x, if: always(), " RUN "}", NULL, "c/x=cancelled",
     "cancelled", "ready c/y 'c / y'"},
    {"a caller that did not start", "  a: {" RUN "}|  c: {needs: a, " CALL "}", TWO, NULL,
     "a=cancelled", "cancelled", "skip c 'c' cancelled|done cancelled"},

    /* inputs */
    {"texts, numbers, booleans", "  c: {" CALL ", with: {s: 1.50, n: 2, b: true}}",
     "    inputs: {s: {type: string}, n: {type: number}, b: {type: boolean}}|jobs:|  x: {" RUN "}",
     NULL, "", "inputs", "ready c/x 'c / x' {\"s\":\"1.5\",\"n\":2,\"b\":true}"},
    {"what was not passed", "  c: {" CALL "}",
     "    inputs: {s: {type: string}, n: {type: number}, b: {type: boolean}}|jobs:|  x: {" RUN "}",
     NULL, "", "inputs", "ready c/x 'c / x' {\"s\":\"\",\"n\":0,\"b\":false}"},
    {"defaults", "  c: {" CALL "}",
     "    inputs: {s: {type: string, default: \"d-${{ github.ref_name }}\"}, n: {type: number, default: 7}, b: {type: "
     "boolean, default: true}}|jobs:|  x: {" RUN "}",
     NULL, "", "inputs", "ready c/x 'c / x' {\"s\":\"d-main\",\"n\":7,\"b\":true}"},
    {"an empty text is not a missing one", "  c: {" CALL ", with: {v: ''}}",
     IN("type: string, default: d"), NULL, "", "inputs", "ready c/x 'c / x' {\"v\":\"\"}"},
    {"expressions see the leg",
     "  a: {" RUN "}|  c: {needs: a, strategy: {matrix: {m: [k]}}, " CALL
     ", with: {v: \"${{ matrix.m }}-${{ needs.a.outputs.o }}-${{ strategy.job-total }}\"}}",
     IN("type: string"), NULL, "a=success{o:out}", "inputs",
     "ready c.0/x 'c (k) / x' {\"v\":\"k-out-1\"}"},
    {"a boolean from an expression", "  c: {" CALL ", with: {v: \"${{ 1 == 1 }}\"}}",
     IN("type: boolean"), NULL, "", "inputs", "ready c/x 'c / x' {\"v\":true}"},
    {"a text is no boolean", "  c: {" CALL ", with: {v: \"${{ 'true' }}${{ '' }}\"}}",
     IN("type: boolean"), NULL, "", "",
     "skip c 'c' failure Error when evaluating 'with' for job 'c'. f.yml (Line: 3, Col: 50): Unexpected value "
     "'true'|done failure"},
    {"nor a number", "  c: {" CALL ", with: {v: \"${{ format('1') }}\"}}", IN("type: number"), NULL,
     "", "",
     "skip c 'c' failure Error when evaluating 'with' for job 'c'. f.yml (Line: 3, Col: 50): Unexpected value "
     "'1'|done failure"},
    {"an object is nothing", "  c: {" CALL ", with: {v: \"${{ github }}\"}}", IN("type: string"),
     NULL, "", "",
     "skip c 'c' failure Error when evaluating 'with' for job 'c'. f.yml (Line: 3, Col: 50): A mapping was not "
     "expected|done failure"},
    {"a default that cannot be evaluated", "  c: {" CALL "}",
     IN("type: string, default: \"${{ fromJSON('') }}\""), NULL, "", "",
     "skip c 'c' failure Error when evaluating 'with' for job 'c'. .github/workflows/a.yml (Line: 3, Col: 41): "
     "Error parsing fromJson,Error reading JToken from JsonReader. Path '', line 0, position 0.|done failure"},
    {"inputs reach conditions, names and matrices", "  c: {" CALL ", with: {v: '[1,2]'}}",
     "    inputs: {v: {type: string}}|jobs:|  x: {if: inputs.v, strategy: {matrix: {m: \"${{ fromJSON(inputs.v) }}\"}}, " RUN
     "}",
     NULL, "", "", "ready c/x.0 'c / x (1)'|ready c/x.1 'c / x (2)'"},
    {"inputs of the outer call are not those of the inner", "  c: {" CALL ", with: {v: outer}}",
     "    inputs: {v: {type: string}}|jobs:|  d: {" CALL_B ", with: {w: \"<${{ inputs.v }}>\"}}",
     "    inputs: {w: {type: string}}|jobs:|  x: {" RUN "}", "", "inputs",
     "ready c/d/x 'c / d / x' {\"w\":\"<outer>\"}"},

    /* outputs */
    {"outputs of the called workflow",
     "  c: {" CALL "}|  z: {needs: c, name: \"${{ needs.c.outputs.o }}\", " RUN "}",
     OUT("${{ jobs.x.outputs.p }}-${{ jobs.y.result }}"), NULL, "c/x=success{p:v1} c/y=success", "",
     "ready z 'v1-success'"},
    {"of a failed one too",
     "  c: {" CALL "}|  z: {needs: c, if: always(), name: \"${{ needs.c.outputs.o }}\", " RUN "}",
     OUT("${{ jobs.x.outputs.p }}-${{ jobs.y.result }}"), NULL, "c/x=success{p:v1} c/y=failure", "",
     "ready z 'v1-failure'"},
    {"an empty one is none",
     "  c: {" CALL "}|  z: {needs: c, name: \"n${{ toJSON(needs.c.outputs) }}\", " RUN "}",
     OUT("${{ jobs.x.outputs.none }}"), NULL, "c/x=success{p:v1} c/y=success", "", "ready z 'n{}'"},
    {"one that cannot be evaluated fails the caller", "  c: {" CALL "}",
     OUT("${{ fromJSON(jobs.x.outputs.p) }}"), NULL, "c/x=success{p:v1} c/y=success", "",
     "skip c 'c' failure Error when evaluating 'outputs' for job 'c'. .github/workflows/a.yml (Line: 3, Col: "
     "26): ...|done failure"},
    {"the last leg that ended wins",
     "  c: {strategy: {fail-fast: false, matrix: {v: [1, 2, 3]}}, " CALL
     "}|  z: {needs: c, if: always(), name: "
     "\"${{ needs.c.outputs.o }}\", " RUN "}",
     OUT("${{ jobs.x.outputs.p }}"), NULL,
     "c.1/x=success{p:two} c.1/y=success c.0/x=success{p:one} c.0/y=success c.2/x=success c.2/y=success",
     "", "ready z 'one'"},
    {"if it succeeded", NULL, NULL, NULL,
     "c.1/x=success{p:two} c.1/y=success c.0/x=success{p:one} c.0/y=failure c.2/x=success c.2/y=success",
     "", "ready z 'two'"},
    {"outputs through two levels",
     "  c: {" CALL "}|  z: {needs: c, name: \"${{ needs.c.outputs.o }}\", " RUN "}",
     "    outputs: {o: {value: \"${{ jobs.d.outputs.i }}!\"}}|jobs:|  d: {" CALL_B "}",
     "    outputs: {i: {value: \"${{ jobs.x.outputs.p }}?\"}}|jobs:|  x: {outputs: {p: q}, " RUN
     "}",
     "c/d/x=success{p:v}", "", "ready z 'v?!'"},

    /* groups */
    {"a group of the calling job", "  c: {concurrency: \"g-${{ github.ref_name }}\", " CALL "}",
     TWO, NULL, "", "gates", "gate c 'g-main'"},
    {"while it waits", NULL, NULL, NULL, "", "c:waiting", "gate c 'g-main'"},
    {"when it has it", NULL, NULL, NULL, "", "c:open", "ready c/x 'c / x'|gate c 'g-main'"},
    {"it is let go with the last job", NULL, NULL, NULL, "c/x=success c/y=success", "c:open",
     "done success"},
    {"and not asked for again", NULL, NULL, NULL, "c/x=success c/y=success", "gates",
     "done success"},
    {"one that was replaced", NULL, NULL, NULL, "", "c:dropped",
     "skip c 'c' cancelled Canceling since a higher priority waiting request for 'g-main' exists|done cancelled"},
    {"one that is cancelled on its way", NULL, NULL, NULL, "c/x", "c:cancelled",
     "cancel c/x|gate c 'g-main'"},
    {"and what waits in it", NULL, NULL, NULL, "c/x=success", "c:cancelled",
     "skip c/y 'c / y' cancelled|done cancelled"},
    {"a run that is cancelled while it waits", NULL, NULL, NULL, "", "cancelled c:waiting",
     "skip c 'c' cancelled|done cancelled"},
    {"groups of the legs of a call",
     "  c: {strategy: {matrix: {v: [1, 2]}}, concurrency: \"g${{ matrix.v }}\", " CALL "}",
     "jobs:|  x: {" RUN "}", NULL, "", "c.0:open c.1:waiting",
     "ready c.0/x 'c (1) / x'|gate c.0 'g1'|gate c.1 'g2'"},
    {"a group of the called workflow", "  c: {" CALL ", with: {v: i}}",
     "    inputs: {v: {type: string}}|concurrency: \"w-${{ inputs.v }}\"|jobs:|  x: {" RUN "}",
     NULL, "", "gates", "gate c/ 'w-i'"},
    {"starts its jobs when it has it", NULL, NULL, NULL, "", "c/:open",
     "ready c/x 'c / x'|gate c/ 'w-i'"},
    {"and is done without it", NULL, NULL, NULL, "c/x=success", "gates", "done success"},
    {"and drops them when it was replaced", NULL, NULL, NULL, "", "c/:dropped",
     "skip c 'c' cancelled Canceling since a higher priority waiting request for 'w-i' exists|done cancelled"},
    {"both", "  c: {concurrency: outer, " CALL "}", "concurrency: inner|jobs:|  x: {" RUN "}", NULL,
     "", "c:open", "gate c/ 'inner'|gate c 'outer'"},
    {"both are the same: it is asked for once", "  c: {concurrency: Same, " CALL "}",
     "concurrency: same|jobs:|  x: {" RUN "}", NULL, "", "gates", "gate c/ 'same'"},
    {"a job inside a call that has its group", "  c: {concurrency: g, " CALL "}",
     "jobs:|  x: {concurrency: G, " RUN "}", NULL, "", "c:open",
     "skip c/x 'c / x' cancelled Canceling since a deadlock for concurrency group 'G' was detected between 'c' and 'c "
     "/ x'|done cancelled"},
    {"a called workflow inside its own group", "  c: {concurrency: g, " CALL "}",
     "jobs:|  d: {" CALL_B "}", "concurrency: g|jobs:|  x: {" RUN "}", "", "c:open",
     "skip c/d 'c / d' cancelled Canceling since a deadlock for concurrency group 'g' was detected between 'c' and 'c / "
     "d'|done cancelled"},
    {"a group that cannot be evaluated", "  c: {concurrency: \"${{ github.none }}\", " CALL "}",
     TWO, NULL, "", "",
     "skip c 'c' failure Error when evaluating 'concurrency' for job 'c'. f.yml (Line: 3, Col: 20): Concurrency group "
     "name must not be empty|done failure"},
};

/* ---- the files ---- */

static void add_text(struct buf *b, const char *s)
{
    for (; *s != '\0'; s++) {
        bool wide = s[0] == '|' && s[1] == '|'; /* an operator */
        if (wide)
            buf_adds(b, "||");
        else if (*s == '|')
            buf_addc(b, '\n');
        else
            buf_addc(b, *s);
        s += wide;
    }
}

static int read_file(void *ctx, struct sv name, struct buf *out, struct err *e)
{
    const struct call_case *c = ctx;
    const char *text = sv_ends(name, SV("/a.yml")) ? c->a : c->b;

    if (text == NULL)
        return err_set(e, FAIL_NOTFOUND, "no such file");
    buf_adds(out, "on:\n  workflow_call:\n");
    add_text(out, text);
    return 0;
}

static struct wf *load(const struct call_case *c)
{
    const struct wf_loader loader = {
        .ctx = (void *)(uintptr_t)c, .read = read_file, .owner = SV("me")};
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    struct wf *w = NULL;
    struct err e = {0};

    buf_adds(&b, "on: push\njobs:\n");
    add_text(&b, c->jobs);
    if (wf_parse(buf_sv(&b), "f.yml", &w, &errors, &e) < 0 ||
        wf_load_calls(w, &loader, NULL, &errors, &e) < 0)
        fail_msg("%s\n%s:%u:%u: %s", b.p, errors.v[0].file, errors.v[0].line, errors.v[0].col,
                 errors.v[0].text);
    return w;
}

/* ---- the answers ---- */

static enum plan_gate_phase phase_of(void *ctx, const char *id)
{
    static const char *const names[] = {"new", "waiting", "open", "cancelled", "dropped"};
    struct sv rest = sv_of(ctx), word;

    while (sv_next(&rest, ' ', &word)) {
        size_t colon = sv_chr(word, ':');
        for (size_t i = 0; colon != SV_NPOS && sv_is(sv_sub(word, 0, colon), id) &&
                           i < sizeof names / sizeof names[0];
             i++) {
            if (sv_is(sv_sub(word, colon + 1, SV_NPOS), names[i]))
                return (enum plan_gate_phase)i;
        }
    }
    return PLAN_GATE_NEW;
}

static void add_details(struct buf *b, const struct plan_leg *l, const char *flags)
{
    AUTO(auto_json) json_t *j = val_to_json(l->inputs);

    if (strcmp(flags, "inputs") != 0)
        return;
    buf_addc(b, ' ');
    jx_write(b, j);
}

static void check(void **state)
{
    const struct call_case *c = *state, *text = c;
    AUTO(auto_val) struct val *github = val_object();
    AUTO(buf_free) struct buf got = BUF_INIT(65536);
    struct fixture f = {.ids = STRV_INIT};
    struct plan p;
    struct err e = {0};

    while (text->jobs == NULL)
        text--;
    AUTO(auto_wf) struct wf *w = load(text);
    struct plan_inputs in = {.wf = w, .github = github};
    const char *const only[] = {strncmp(c->flags, "only=", 5) == 0 ? c->flags + 5 : NULL, NULL};
    val_sets(github, "ref_name", val_string(SV("main")));
    in.only_jobs = only;
    if (strcmp(c->flags, "gates") == 0 || strchr(c->flags, ':') != NULL) {
        in.gate = phase_of;
        in.gate_ctx = (void *)(uintptr_t)c->flags;
    }
    read_states(&f, c->states);
    assert_int_equal(plan_next(&in, f.states, f.n, strncmp(c->flags, "cancelled", 9) == 0, &p, &e),
                     0);
    plan_dump(&p, add_details, c->flags, &got);
    plan_done(&p);
    strv_free(&f.ids);
    for (size_t i = 0; i < f.n; i++)
        val_unref(f.states[i].outputs);
    if (!same(got.p, c->want))
        fail_msg("\ngot  %s\nwant %s", got.p, c->want);
}

/* ---- secrets ---- */

static const struct {
    const char *name, *jobs, *a, *b, *want;
} secrets[] = {
    {"none are passed", "  c: {" CALL "}", "jobs:|  x: {" RUN "}", NULL, "{}"},
    {"those of a map",
     "  c: {" CALL ", secrets: {MINE: \"${{ secrets.ONE }}-${{ github.ref_name }}\", none: \"${{ "
     "secrets.X }}\"}}",
     "    secrets: {MINE: {required: true}, none: {}}|jobs:|  x: {" RUN "}", NULL,
     "{\"MINE\":\"1-main\"}"},
    {"the leg's values",
     "  c: {strategy: {matrix: {k: [ONE]}}, " CALL ", secrets: {S: \"${{ secrets[matrix.k] }}\"}}",
     "    secrets: {S: {}}|jobs:|  x: {" RUN "}", NULL, "{\"S\":\"1\"}"},
    {"the token of the job, which nobody passed on", "  c: {" CALL "}",
     "jobs:|  d: {" CALL_B ", secrets: {T: \"<${{ secrets.GITHUB_TOKEN }}>\"}}",
     "    secrets: {T: {}}|jobs:|  x: {" RUN "}", "{\"T\":\"<t>\",\"GITHUB_TOKEN\":\"t\"}"},
    {"all of them", "  c: {" CALL ", secrets: inherit}", "jobs:|  x: {" RUN "}", NULL,
     "{\"ONE\":\"1\",\"TWO\":\"2\"}"},
    {"only what the level above has", "  c: {" CALL ", secrets: {S: \"${{ secrets.ONE }}\"}}",
     "    secrets: {S: {}}|jobs:|  d: {" CALL_B ", secrets: inherit}", "jobs:|  x: {" RUN "}",
     "{\"S\":\"1\"}"},
    {"through inherit into a map", "  c: {" CALL ", secrets: inherit}",
     "    inputs: {v: {type: string, default: w}}|jobs:|  d: {" CALL_B
     ", secrets: {T: \"${{ secrets.TWO }}${{ inputs.v }}\"}}",
     "    secrets: {T: {}}|jobs:|  x: {" RUN "}", "{\"T\":\"2w\"}"},
};

static void secrets_follow_the_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        const struct call_case c = {.jobs = secrets[i].jobs, .a = secrets[i].a, .b = secrets[i].b};
        AUTO(auto_wf) struct wf *w = load(&c);
        AUTO(auto_val) struct val *github = val_object();
        AUTO(auto_val) struct val *all = val_object();
        AUTO(auto_val) struct val *got = NULL;
        AUTO(auto_json) json_t *j = NULL;
        AUTO(buf_free) struct buf b = BUF_INIT(4096);
        const struct plan_inputs in = {.wf = w, .github = github};
        struct plan p;
        struct err e = {0};

        val_sets(github, "ref_name", val_string(SV("main")));
        val_sets(all, "ONE", val_string(SV("1")));
        val_sets(all, "TWO", val_string(SV("2")));
        if (strstr(secrets[i].name, "token") != NULL)
            val_sets(all, "GITHUB_TOKEN", val_string(SV("t")));
        assert_int_equal(plan_next(&in, NULL, 0, false, &p, &e), 0);
        assert_int_equal(p.n_ready, 1);
        assert_int_equal(plan_secrets(&in, &p.ready[0], all, &got, &e), 0);
        j = val_to_json(got);
        jx_write(&b, j);
        plan_done(&p);
        if (strcmp(b.p, secrets[i].want) != 0)
            fail_msg("%s: got %s, want %s", secrets[i].name, b.p, secrets[i].want);
    }
}

/* 256 x 256 legs: more than a run may have, and no more work than that. */
static void a_matrix_of_matrices_is_bounded(void **state)
{
    static const char many[] =
        "  c: {strategy: {fail-fast: false, matrix: {v: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15], w: "
        "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}}, " CALL "}";
    static const char inside[] =
        "jobs:|  x: {strategy: {fail-fast: false, matrix: {v: [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15], w: [0,1,2,3,4,5,6,7]}}, " RUN
        "}";
    const struct call_case c = {.jobs = many, .a = inside};
    AUTO(auto_wf) struct wf *w = load(&c);
    AUTO(auto_val) struct val *github = val_object();
    const struct plan_inputs in = {.wf = w, .github = github};
    struct plan p;
    struct err e = {0};

    (void)state;
    assert_int_equal(plan_next(&in, NULL, 0, false, &p, &e), 0);
    assert_int_equal(p.n_ready, PLAN_MAX_JOBS);
    assert_string_equal(p.skipped[0].reason, "The run has more than 10000 jobs");
    plan_done(&p);
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0], M = 2 };
    struct CMUnitTest tests[N + M] = {cmocka_unit_test(secrets_follow_the_calls),
                                      cmocka_unit_test(a_matrix_of_matrices_is_bounded)};

    for (size_t i = 0; i < N; i++)
        tests[M + i] = (struct CMUnitTest){.name = cases[i].name,
                                           .test_func = check,
                                           .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name("plan_call", tests, NULL, NULL);
}
