/* SPDX-License-Identifier: Apache-2.0
 *
 * `gantry parse`: reads one file, never writes one. */
#include "runner/cli/parse_cmd.h"

#include <fcntl.h>
#include <stdio.h>

#include "actions/manifest.h"
#include "actions/workflow_json.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "runner/cli/parse_batch.h"

#define EXIT_INVALID 2
#define MAX_FILE     ((size_t)4 << 20) /* of a million characters in UTF-8; the reader counts them */

struct options {
    const char *file;
    bool json, positions;
};

static int usage(const char *problem, const char *word)
{
    (void)fprintf(stderr,
                  "gantry: error: %s%s%s; usage: gantry parse FILE [--json] [--no-positions]\n",
                  problem, word != NULL ? " " : "", word != NULL ? word : "");
    return EXIT_INVALID;
}

static void print_json(json_t *own)
{
    AUTO(auto_json) json_t *j = own;
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)256 << 20);

    jx_write_pretty(&b, j, 2);
    (void)fwrite(b.p, 1, b.len, stdout);
    (void)fputc('\n', stdout);
}

static int report(const struct options *o, const struct wf_errors *errors, const struct err *e)
{
    if (o->json)
        print_json(wf_errors_to_json(errors));
    else if (errors->n == 0)
        err_print(e);
    for (size_t i = 0; !o->json && i < errors->n; i++) {
        const struct wf_error *x = &errors->v[i];
        (void)fprintf(stderr, "%s:%u:%u: %s\n", x->file, x->line, x->col, x->text);
    }
    return EXIT_INVALID;
}

static int parse_workflow(const struct options *o, struct sv text)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_wf) struct wf *w = NULL;
    struct err e = {0};

    if (wf_parse(text, o->file, &w, &errors, &e) < 0)
        return report(o, &errors, &e);
    print_json(wf_to_json(w, o->positions));
    return 0;
}

/* A manifest has no template of its own: its tokens as they were read. */
static int parse_manifest(const struct options *o, struct sv text)
{
    AUTO(wf_errors_free) struct wf_errors errors = {0};
    AUTO(auto_manifest) struct manifest *m = NULL;
    struct err e = {0};

    if (manifest_parse(text, o->file, 1, &m, &errors, &e) < 0)
        return report(o, &errors, &e);
    print_json(tok_to_json(m->root));
    return 0;
}

int cli_parse(int argc, char **argv)
{
    struct options o = {.positions = true};
    AUTO(auto_free) char *text = NULL;
    struct err e = {0};
    size_t n;

    if (argc == 2 && sv_is(sv_of(argv[1]), "--batch"))
        return cli_parse_batch();
    for (int i = 1; i < argc; i++) {
        struct sv a = sv_of(argv[i]);
        if (sv_is(a, "--json"))
            o.json = true;
        else if (sv_is(a, "--no-positions"))
            o.positions = false;
        else if (sv_starts(a, SV("-")))
            return usage("unknown option", argv[i]);
        else if (o.file != NULL)
            return usage("one file only, not also", argv[i]);
        else
            o.file = argv[i];
    }
    if (o.file == NULL)
        return usage("no file was named", NULL);
    if (fs_read_file(AT_FDCWD, o.file, MAX_FILE, &text, &n, &e) < 0) {
        err_print(&e);
        return EXIT_INVALID;
    }
    struct sv base = path_base(sv_of(o.file));
    if (sv_is(base, "action.yml") || sv_is(base, "action.yaml"))
        return parse_manifest(&o, (struct sv){text, n});
    return parse_workflow(&o, (struct sv){text, n});
}
