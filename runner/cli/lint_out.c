/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings as text, as JSON and as SARIF 2.1.0 (docs.oasis-open.org/sarif/sarif/v2.1.0). */
#include "runner/cli/lint_priv.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "runner/cli/json_make.h"
#include "runner/cli/render.h"

void lint_output_done(struct lint_output *o)
{
    for (size_t i = 0; i < o->n_files; i++)
        free(o->files[i].file);
    free(o->files);
    lint_report_done(&o->report);
    *o = (struct lint_output){0};
}

/* ---- text ---- */

static const char *color_of(enum lint_level l)
{
    return l == LINT_ERROR ? "\x1b[31m" : l == LINT_WARNING ? "\x1b[33m" : "\x1b[36m";
}

static void one_line(struct buf *b, struct sv s)
{
    struct sv part;

    for (bool first = true; sv_next(&s, '\n', &part); first = false) {
        if (!first)
            buf_adds(b, "\\n");
        render_safe(b, part, false);
    }
}

void lint_print_text(const struct lint_output *o, bool color)
{
    for (size_t i = 0; i < o->n_files; i++) {
        const struct lint_shown *f = &o->files[i];
        for (size_t k = f->from; k < f->from + f->n; k++) {
            const struct lint_finding *x = &o->report.v[k];
            AUTO(buf_free) struct buf b = BUF_INIT(65536);
            if (color)
                buf_adds(&b, "\x1b[1m");
            one_line(&b, sv_of(f->file));
            buf_addf(&b, ":%u:%u:%s ", x->line, x->col, color ? "\x1b[0m" : "");
            buf_addf(&b, "%s%s:%s ", color ? color_of(x->level) : "", lint_level_name(x->level),
                     color ? "\x1b[0m" : "");
            one_line(&b, sv_of(x->message));
            buf_addf(&b, " %s[%s]%s\n", color ? "\x1b[2m" : "", x->rule->id,
                     color ? "\x1b[0m" : "");
            (void)fwrite(b.p, 1, b.len, stdout);
        }
    }
}

/* ---- JSON ---- */

static void set_number(json_t *o, const char *key, unsigned v)
{
    jm_set(o, key, json_integer(v));
}

static void print_json(const json_t *j)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)256 << 20);

    jx_write_pretty(&b, j, 2);
    (void)fwrite(b.p, 1, b.len, stdout);
    (void)fputc('\n', stdout);
}

void lint_print_json(const struct lint_output *o)
{
    AUTO(auto_json) json_t *all = json_array();

    for (size_t i = 0; i < o->n_files; i++) {
        const struct lint_shown *f = &o->files[i];
        for (size_t k = f->from; k < f->from + f->n; k++) {
            const struct lint_finding *x = &o->report.v[k];
            json_t *j = json_object();
            jm_set(j, "file", jx_str_new(sv_of(f->file)));
            set_number(j, "line", x->line);
            set_number(j, "column", x->col);
            set_number(j, "endLine", x->end_line);
            set_number(j, "endColumn", x->end_col);
            jm_set(j, "level", jm_text(lint_level_name(x->level)));
            jm_set(j, "rule", jm_text(x->rule->id));
            jm_set(j, "message", jx_str_new(sv_of(x->message)));
            (void)json_array_append_new(all, j);
        }
    }
    print_json(all);
}

/* ---- SARIF ---- */

static json_t *text_object(const char *s)
{
    json_t *o = json_object();

    jm_set(o, "text", jx_str_new(sv_of(s)));
    return o;
}

static json_t *sarif_rule(const struct lint_rule *r)
{
    json_t *o = json_object(), *config = json_object();
    AUTO(auto_free)
    char *help = xasprintf("%s\n\nBad:\n\n%s\nGood:\n\n%s", r->why, r->bad, r->good);

    jm_set(o, "id", jm_text(r->id));
    jm_set(o, "shortDescription", text_object(r->summary));
    jm_set(o, "fullDescription", text_object(r->why));
    jm_set(o, "help", text_object(help));
    jm_set(config, "level", jm_text(lint_level_name(r->level)));
    jm_set(o, "defaultConfiguration", config);
    return o;
}

/* A relative reference: what a URI cannot hold is written as %XX. */
static json_t *uri(const char *file)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);

    if (file[0] == '/')
        buf_adds(&b, "file://");
    for (const char *p = file; *p != '\0'; p++) {
        if (ch_is_alnum(*p) || strchr("/._-~", *p) != NULL)
            buf_addc(&b, *p);
        else
            buf_addf(&b, "%%%02X", (unsigned char)*p);
    }
    return jm_text(b.p);
}

static json_t *sarif_result(const char *file, const struct lint_finding *x)
{
    json_t *o = json_object(), *place = json_object(), *artifact = json_object();
    json_t *region = json_object(), *location = json_object(), *locations = json_array();
    size_t index = 0;

    while (lint_rules[index] != x->rule)
        index++;
    jm_set(o, "ruleId", jm_text(x->rule->id));
    jm_set(o, "ruleIndex", json_integer((json_int_t)index));
    jm_set(o, "level", jm_text(lint_level_name(x->level)));
    jm_set(o, "message", text_object(x->message));
    jm_set(artifact, "uri", uri(file));
    set_number(region, "startLine", x->line);
    set_number(region, "startColumn", x->col);
    set_number(region, "endLine", x->end_line);
    set_number(region, "endColumn", x->end_col);
    jm_set(place, "artifactLocation", artifact);
    jm_set(place, "region", region);
    jm_set(location, "physicalLocation", place);
    (void)json_array_append_new(locations, location);
    jm_set(o, "locations", locations);
    return o;
}

void lint_print_sarif(const struct lint_output *o)
{
    AUTO(auto_json) json_t *all = json_object();
    json_t *run = json_object(), *runs = json_array(), *tool = json_object();
    json_t *driver = json_object(), *rules = json_array(), *results = json_array();

    for (size_t i = 0; i < lint_n_rules; i++)
        (void)json_array_append_new(rules, sarif_rule(lint_rules[i]));
    for (size_t i = 0; i < o->n_files; i++) {
        const struct lint_shown *f = &o->files[i];
        for (size_t k = f->from; k < f->from + f->n; k++)
            (void)json_array_append_new(results, sarif_result(f->file, &o->report.v[k]));
    }
    jm_set(driver, "name", jm_text("gantry lint"));
    jm_set(driver, "version", jm_text(GANTRY_VERSION));
    jm_set(driver, "rules", rules);
    jm_set(tool, "driver", driver);
    jm_set(run, "tool", tool);
    jm_set(run, "columnKind", jm_text("utf16CodeUnits"));
    jm_set(run, "results", results);
    (void)json_array_append_new(runs, run);
    jm_set(all, "$schema", jm_text("https://json.schemastore.org/sarif-2.1.0.json"));
    jm_set(all, "version", jm_text("2.1.0"));
    jm_set(all, "runs", runs);
    print_json(all);
}

/* ---- rules ---- */

void lint_print_rules(void)
{
    for (size_t i = 0; i < lint_n_rules; i++)
        (void)printf("%-30s %-8s %s\n", lint_rules[i]->id, lint_level_name(lint_rules[i]->level),
                     lint_rules[i]->summary);
}

static void print_example(const char *head, const char *text)
{
    struct sv rest = sv_of(text), line;

    (void)printf("\n%s:\n\n", head);
    while (sv_next(&rest, '\n', &line)) {
        if (rest.p != NULL || line.n > 0)
            (void)printf("    %.*s\n", SV_ARG(line));
    }
}

void lint_print_rule(const struct lint_rule *r)
{
    (void)printf("%s (%s): %s\n\n%s\n", r->id, lint_level_name(r->level), r->summary, r->why);
    print_example("Bad", r->bad);
    print_example("Good", r->good);
    (void)printf("\nTo silence it on one line:  # gantry: ignore[%s]\n", r->id);
}
