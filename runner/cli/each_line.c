/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop over the lines of a batch. */
#include "runner/cli/each_line.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static int answer_line(struct sv line, each_line_fn *answer, struct buf *out, struct err *e)
{
    if (line.n > EACH_LINE_MAX)
        return err_set(e, FAIL_LIMIT, "line is longer than 64 MiB");
    buf_reset(out);
    if (answer(line, out, e) < 0)
        return -1;
    (void)fwrite(out->p, 1, out->len, stdout); /* a failure is seen at the end */
    return 0;
}

int cli_each_line(each_line_fn *answer)
{
    AUTO(auto_free) char *line = NULL;
    AUTO(buf_free) struct buf out = BUF_INIT(SIZE_MAX / 4);
    size_t cap = 0, number = 0;
    struct err e = {0};
    ssize_t n;

    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct sv s = sv_trim((struct sv){line, (size_t)n});
        number++;
        if (s.n == 0 || answer_line(s, answer, &out, &e) == 0)
            continue;
        (void)err_wrap(&e, "line %zu", number);
        err_print(&e);
        return 2;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)err_sys(&e, "cannot write the results");
        err_print(&e);
        return 2;
    }
    return 0;
}
