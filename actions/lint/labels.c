/* SPDX-License-Identifier: Apache-2.0
 *
 * Runner labels. Rules: retired-label, unknown-label, label-conflict, self-hosted-on-pull-request.
 * Source of the lists: actions/runner-images: README.md and its deprecation announcements. */
#include "actions/event.h"
#include "actions/lint/lint_priv.h"

static const char *const hosted[] = {
    "ubuntu-latest",
    "ubuntu-slim",
    "ubuntu-26.04",
    "ubuntu-26.04-arm",
    "ubuntu-24.04",
    "ubuntu-24.04-arm",
    "ubuntu-22.04",
    "ubuntu-22.04-arm",
    "windows-latest",
    "windows-2025",
    "windows-2022",
    "windows-11-arm",
    "windows-2025-vs2026",
    "macos-latest",
    "macos-latest-large",
    "macos-latest-xlarge",
    "macos-26",
    "macos-26-intel",
    "macos-26-large",
    "macos-26-xlarge",
    "macos-15",
    "macos-15-intel",
    "macos-15-large",
    "macos-15-xlarge",
    "macos-14",
    "macos-14-large",
    "macos-14-xlarge",
};
static const struct {
    const char *label, *since;
} retired[] = {
    {"ubuntu-20.04", "April 2025"},      {"ubuntu-18.04", "April 2023"},
    {"ubuntu-16.04", "September 2021"},  {"windows-2019", "June 2025"},
    {"windows-2016", "April 2022"},      {"macos-13", "December 2025"},
    {"macos-13-large", "December 2025"}, {"macos-13-xlarge", "December 2025"},
    {"macos-12", "December 2024"},       {"macos-12-large", "December 2024"},
    {"macos-11", "June 2024"},           {"macos-11.0", "June 2024"},
    {"macos-10.15", "September 2023"},
};
static const char *const self_hosted[] = {"self-hosted", "linux", "windows", "macos",
                                          "x64",         "arm",   "arm64",   "x86"};

static bool own_label(const struct lint *l, struct sv label)
{
    const struct lint_config *c = l->o->config;

    for (size_t i = 0; c != NULL && i < c->n_labels; i++) {
        bool hit = false;
        struct err e;
        if (event_pattern(sv_of(c->labels[i]), label, &hit, &e) == 0 && hit)
            return true;
    }
    return false;
}

static bool is_hosted(struct sv label)
{
    for (size_t i = 0; i < sizeof hosted / sizeof hosted[0]; i++) {
        if (sv_ieq(label, sv_of(hosted[i])))
            return true;
    }
    return false;
}

/* Another number may be an image that is newer than this list. */
static bool same_digits(struct sv a, struct sv b)
{
    size_t i = 0, k = 0;

    for (;; i++, k++) {
        while (i < a.n && !ch_is_digit(a.p[i]))
            i++;
        while (k < b.n && !ch_is_digit(b.p[k]))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (a.p[i] != b.p[k])
            return false;
    }
}

static void check_label(struct lint *l, const struct yx_node *n, bool alone)
{
    struct sv label = n->text;

    if (n->kind != YX_SCALAR || label.n == 0 || lint_has_expr(n) || own_label(l, label))
        return;
    for (size_t i = 0; i < sizeof retired / sizeof retired[0]; i++) {
        if (sv_ieq(label, sv_of(retired[i].label))) {
            lint_at(l, &rule_retired_label, n,
                    "GitHub has no runner '" SV_FMT
                    "' since %s; the job waits until it is cancelled",
                    SV_ARG(label), retired[i].since);
            return;
        }
    }
    for (size_t i = 0; i < sizeof self_hosted / sizeof self_hosted[0]; i++) {
        if (sv_ieq(label, sv_of(self_hosted[i])))
            return;
    }
    if (is_hosted(label) || !alone)
        return;
    const char *meant = NULL;
    const char *names[sizeof hosted / sizeof hosted[0] + 1] = {NULL};
    for (size_t i = 0; i < sizeof hosted / sizeof hosted[0]; i++)
        names[i] = hosted[i];
    meant = nearest_name(label, names);
    bool slip = meant != NULL && same_digits(label, sv_of(meant));
    lint_level_at(l, &rule_unknown_label, slip ? LINT_WARNING : LINT_NOTE, n,
                  "no runner of GitHub has the label '" SV_FMT "'%s%s%s", SV_ARG(label),
                  meant != NULL ? "; did you mean '"
                                : "; name your own under `labels` of the "
                                  "configuration",
                  meant != NULL ? meant : "", meant != NULL ? "'?" : "");
}

/* The values of matrix.KEY when the whole label is that. */
static const struct yx_node *matrix_values(const struct lint_job *j, const struct yx_node *label)
{
    struct sv s = label->text;

    if (!sv_starts(s, SV("${{")) || !sv_ends(s, SV("}}")))
        return NULL;
    s = sv_trim(sv_sub(s, 3, s.n - 5));
    if (!sv_starts(s, SV("matrix.")) || !expr_is_keyword(sv_sub(s, 7, SV_NPOS)))
        return NULL;
    const struct yx_node *matrix = lint_get(lint_get(j->node, "strategy"), "matrix");
    struct sv key = sv_sub(s, 7, SV_NPOS);
    for (size_t i = 0; matrix != NULL && matrix->kind == YX_MAPPING && i < matrix->n; i++) {
        if (sv_ieq(matrix->items[2 * i]->text, key))
            return matrix->items[2 * i + 1]->kind == YX_SEQUENCE ? matrix->items[2 * i + 1] : NULL;
    }
    return NULL;
}

static void check_conflict(struct lint *l, const struct yx_node *list)
{
    const struct yx_node *first = NULL;

    for (size_t i = 0; i < lint_count(list); i++) {
        const struct yx_node *n = lint_item(list, i);
        if (!is_hosted(n->text))
            continue;
        if (first != NULL && !sv_ieq(first->text, n->text)) {
            lint_at(l, &rule_label_conflict, n,
                    "no runner has both '" SV_FMT "' and '" SV_FMT
                    "': a job needs all of its labels",
                    SV_ARG(first->text), SV_ARG(n->text));
            return;
        }
        first = n;
    }
}

void lint_labels(struct lint *l)
{
    bool outside = lint_has_event(l, "pull_request") || lint_has_event(l, "pull_request_target");

    for (size_t i = 0; i < l->n_jobs; i++) {
        const struct lint_job *j = &l->jobs[i];
        const struct yx_node *r = lint_get(j->node, "runs-on"), *self = NULL;
        if (r != NULL && r->kind == YX_MAPPING)
            r = lint_get(r, "labels");
        size_t n = lint_count(r);
        if (r != NULL && r->kind == YX_SEQUENCE && n == 0)
            lint_level_at(l, &rule_unknown_label, LINT_WARNING, r,
                          "the list of labels is empty: no runner is asked for");
        for (size_t k = 0; k < n; k++) {
            const struct yx_node *label = lint_item(r, k);
            const struct yx_node *values =
                label->kind == YX_SCALAR ? matrix_values(j, label) : NULL;
            check_label(l, label,
                        n == 1 && lint_get(lint_get(j->node, "runs-on"), "group") == NULL);
            for (size_t v = 0; values != NULL && v < values->n; v++)
                check_label(l, values->items[v], n == 1);
            if (sv_ieq(label->text, SV("self-hosted")))
                self = label;
        }
        check_conflict(l, r);
        if (self != NULL && outside)
            lint_at(l, &rule_self_hosted_on_pull_request, self,
                    "in a public repository a pull request from anybody runs on this machine");
    }
}
