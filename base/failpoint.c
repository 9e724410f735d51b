/* SPDX-License-Identifier: Apache-2.0
 *
 * Fail points, in builds with seams only. The variable is read once; a text that cannot be understood
 * ends the process, since a test that injects nothing would pass for the wrong reason. */
#include "base/failpoint.h"

#ifdef GANTRY_SEAMS

#    include "base/mem.h"
#    include "base/num.h"

#    include <errno.h>
#    include <limits.h>
#    include <stdio.h>
#    include <string.h>
#    include <unistd.h>

enum action { ACT_ERROR, ACT_STALL, ACT_EXIT };
#    define MAX_POINTS 32
struct point {
    struct sv name;
    uint64_t from; /* first hit that acts, counted from 1 */
    uint64_t hits;
    enum action action;
    int value; /* errno or exit code */
};

static int errno_by_name(struct sv name)
{
    for (int i = 1; i < 200; i++) {
        const char *s = strerrorname_np(i);
        if (s != NULL && sv_is(name, s))
            return i;
    }
    return -1;
}

static bool parse_action(struct sv text, struct point *p)
{
    struct err e;
    uint64_t v;

    if (sv_is(text, "stall")) {
        p->action = ACT_STALL;
        return true;
    }
    if (sv_starts(text, SV("error:"))) {
        p->action = ACT_ERROR;
        p->value = errno_by_name(sv_sub(text, 6, text.n));
        return p->value > 0;
    }
    if (!sv_starts(text, SV("exit:")) || num_u64(sv_sub(text, 5, text.n), 255, &v, &e) < 0)
        return false;
    p->action = ACT_EXIT;
    p->value = (int)v;
    return true;
}

static bool parse_point(struct sv item, struct point *p)
{
    size_t eq = sv_chr(item, '=');
    struct err e;

    if (eq == SV_NPOS)
        return false;
    struct sv name = sv_sub(item, 0, eq);
    size_t at = sv_chr(name, '@');
    *p = (struct point){.name = sv_sub(name, 0, at), .from = 1};
    if (at != SV_NPOS && num_u64(sv_sub(name, at + 1, name.n), UINT32_MAX, &p->from, &e) < 0)
        return false;
    return p->name.n > 0 && parse_action(sv_sub(item, eq + 1, item.n), p);
}

static size_t load(struct point *points)
{
    const char *text = getenv("GANTRY_FAIL");
    struct sv rest, item;
    size_t n = 0;

    if (text == NULL || text[0] == '\0')
        return 0;
    rest = sv_of(xstrdup(text)); /* the names point into it for the life of the process */
    while (sv_next(&rest, ',', &item)) {
        if (n == MAX_POINTS || !parse_point(item, &points[n])) {
            (void)fprintf(stderr, "gantry: error: wrong GANTRY_FAIL entry '%.*s'\n", (int)item.n,
                          item.p);
            _exit(2);
        }
        n++;
    }
    return n;
}

int failpoint_hit(const char *name)
{
    static struct point points[MAX_POINTS];
    static size_t n = SIZE_MAX;

    if (n == SIZE_MAX)
        n = load(points);
    for (size_t i = 0; i < n; i++) {
        struct point *p = &points[i];
        if (!sv_is(p->name, name) || ++p->hits < p->from)
            continue;
        switch (p->action) {
        case ACT_ERROR:
            return p->value;
        case ACT_EXIT:
            _exit(p->value);
        case ACT_STALL:
            for (;;)
                (void)pause();
        }
    }
    return 0;
}

#else
/* ISO C wants at least one declaration. */
typedef int failpoint_unused_t;
#endif
