/* SPDX-License-Identifier: Apache-2.0
 *
 * Time of reading a workflow file: milliseconds for parsing, checking and converting it, the median of several
 * rounds. workflow.py puts the official packages beside it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actions/workflow.h"
#include "base/fs.h"
#include "base/mem.h"

#define ROUNDS  15
#define MAX_ALL ((size_t)1 << 21)

static double now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* a busy machine does not count */
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    AUTO(auto_free) char *text = NULL;
    struct err e = {0};
    double t[ROUNDS];
    size_t n;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: bench_workflow FILE\n");
        return 2;
    }
    mem_keep(); /* as `gantry parse` does, and as the warmed-up node beside it */
    if (fs_read_file(AT_FDCWD, argv[1], MAX_ALL, &text, &n, &e) < 0) {
        err_print(&e);
        return 1;
    }
    for (size_t i = 0; i < ROUNDS; i++) {
        AUTO(wf_errors_free) struct wf_errors errors = {0};
        struct wf *w = NULL;
        double start = now_ms();
        if (wf_parse((struct sv){text, n}, argv[1], &w, &errors, &e) < 0) {
            err_print(&e);
            return 1;
        }
        wf_free(w);
        t[i] = now_ms() - start;
    }
    qsort(t, ROUNDS, sizeof t[0], by_value);
    printf("%.3f\n", t[ROUNDS / 2]);
    return 0;
}
