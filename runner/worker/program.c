/* SPDX-License-Identifier: Apache-2.0
 *
 * The program that was looked up last. What was found holds until the next process of the job runs: nothing that a
 * step did is missed. */
#include "runner/worker/program.h"

#include "base/mem.h"
#include "runner/worker/worker.h"

void program_forget(struct worker *w)
{
    struct looked_up *l = &w->looked_up;

    free(l->name);
    free(l->list);
    free(l->found);
    *l = (struct looked_up){.name = NULL};
}

int program_find(struct worker *w, struct sv name, const char *list, char **out, struct err *e)
{
    struct looked_up *l = &w->looked_up;
    char *found = NULL;

    if (l->found != NULL && sv_is(name, l->name) && strcmp(list, l->list) == 0) {
        *out = TAKE_PTR(l->found);
        return 0;
    }
    AUTO(auto_free) char *n = sv_dup(name);
    if (sbx_which(w->sbx, n, list, &found, e) < 0)
        return -1;
    program_forget(w);
    l->name = TAKE_PTR(n);
    l->list = xstrdup(list);
    *out = found;
    return 0;
}

int program_look(struct worker *w, struct sbx_look *l, struct err *e)
{
    struct looked_up *last = &w->looked_up;
    char *found = NULL;

    l->which_name = last->name;
    l->which_list = last->list;
    free(last->found);
    last->found = NULL;
    if (sbx_look(w->sbx, l, &found, e) < 0)
        return -1;
    last->found = found;
    return 0;
}
