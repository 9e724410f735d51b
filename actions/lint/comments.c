/* SPDX-License-Identifier: Apache-2.0
 *
 * Comments that silence findings: "# gantry: ignore[rule, ...]" at the end of a line is about that line, on a line
 * of its own about the next line that is no comment. Rules: unknown-rule, unused-ignore. */
#include <stdlib.h>

#include "actions/lint/lint_priv.h"
#include "base/mem.h"

#define MARK SV("# gantry: ignore")

struct ignore {
    const struct lint_rule *rule;
    unsigned line;    /* that it is about */
    unsigned at, col; /* where it stands */
    size_t n;
    bool used;
};
struct ignores {
    struct ignore *v;
    size_t n, cap;
    unsigned next; /* line behind the block of comments that is being read */
};

static bool is_comment(struct sv line)
{
    return sv_starts(sv_trim(line), SV("#"));
}

static unsigned target(const struct lint *l, struct ignores *all, unsigned line)
{
    if (!is_comment(lint_line(l, line)))
        return line;
    if (line >= all->next) {
        all->next = line + 1;
        while (all->next <= l->n_lines && is_comment(lint_line(l, all->next)))
            all->next++;
    }
    return all->next;
}

static unsigned column(struct sv line, size_t at)
{
    unsigned col = 1;

    for (size_t i = 0; i < at; i++)
        col += ((unsigned char)line.p[i] & 0xC0) != 0x80 ? 1U + ((unsigned char)line.p[i] >= 0xF0)
                                                         : 0U;
    return col;
}

static void say(struct lint *l, const struct lint_rule *r, unsigned line, unsigned col, size_t n,
                struct sv text)
{
    AUTO(auto_free) char *message = sv_dup(text);

    lint_add(l, r, r->level, (struct lint_range){line, col, line, col + (unsigned)n}, message);
}

static void read_comment(struct lint *l, struct ignores *all, unsigned number, struct sv line,
                         size_t at)
{
    struct sv rest = sv_sub(line, at + MARK.n, SV_NPOS), name;
    size_t close = sv_chr(rest, ']');
    unsigned about = target(l, all, number);

    if (!sv_starts(rest, SV("[")) || close == SV_NPOS) {
        say(l, &rule_unknown_rule, number, column(line, at), MARK.n,
            SV("name the rules: # gantry: ignore[rule, ...]"));
        return;
    }
    rest = sv_sub(rest, 1, close - 1);
    while (sv_next(&rest, ',', &name)) {
        struct sv id = sv_trim(name);
        size_t from = (size_t)(id.p - line.p);
        const struct lint_rule *r = lint_rule_find(id);
        if (r == NULL) {
            say(l, &rule_unknown_rule, number, column(line, from), id.n,
                lint_text(l, "there is no rule '" SV_FMT "'; see gantry lint --rules", SV_ARG(id)));
            continue;
        }
        GROW(all->v, all->cap, all->n + 1);
        all->v[all->n++] = (struct ignore){
            .rule = r, .line = about, .at = number, .col = column(line, from), .n = id.n};
    }
}

static bool silenced(struct ignores *all, const struct lint_finding *f)
{
    bool hit = false;

    for (size_t i = 0; i < all->n; i++) {
        if (all->v[i].line != f->line || all->v[i].rule != f->rule)
            continue;
        all->v[i].used = true;
        hit = true;
    }
    return hit;
}

static void drop(struct lint *l, struct ignores *all)
{
    struct lint_report *r = l->out;
    size_t kept = l->first;

    for (size_t i = l->first; i < r->n; i++) {
        if (silenced(all, &r->v[i]))
            free(r->v[i].message);
        else
            r->v[kept++] = r->v[i];
    }
    r->n = kept;
}

void lint_comments(struct lint *l)
{
    struct ignores all = {0};

    if (sv_find(l->text, MARK) == SV_NPOS)
        return;
    for (unsigned i = 1; i <= l->n_lines; i++) {
        struct sv line = lint_line(l, i);
        size_t at = sv_find(line, MARK);
        if (at != SV_NPOS && (at == 0 || ch_is_space(line.p[at - 1])))
            read_comment(l, &all, i, line, at);
    }
    drop(l, &all);
    for (size_t i = 0; i < all.n; i++) {
        if (!all.v[i].used)
            say(l, &rule_unused_ignore, all.v[i].at, all.v[i].col, all.v[i].n,
                lint_text(l, "rule '%s' finds nothing here", all.v[i].rule->id));
    }
    free(all.v);
}
