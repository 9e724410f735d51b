/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors: born with CLOEXEC, closed once, -1 after a move. */
#ifndef BASE_FD_H
#define BASE_FD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

void auto_fd(const int *fd); /* never retried: on Linux the fd is gone even on EINTR; keeps errno */
static inline int fd_take(int *fd)
{
    int r = *fd;
    *fd = -1;
    return r;
}
void fd_close(int *fd); /* closes if >= 0 and sets -1 */
MUST_USE int fd_nonblock(int fd, bool on, struct err *e);
MUST_USE int fd_pipe(int out[2], struct err *e); /* O_CLOEXEC */
/* Whole-buffer read and write on blocking descriptors; EINTR is retried. fd_read_full returns bytes read. */
MUST_USE ssize_t fd_read_full(int fd, void *p, size_t n, struct err *e);
MUST_USE int fd_write_full(int fd, const void *p, size_t n, struct err *e);
/* A sealed memfd with this content (SHRINK|GROW|WRITE|SEAL), offset 0. */
MUST_USE int fd_memfd(const char *name, const void *p, size_t n, int *out, struct err *e);
/* Reads a sealed memfd from offset 0; FAIL_DENIED when seals are missing, FAIL_LIMIT above max. *out is
 * NUL-terminated, free(). */
MUST_USE int fd_read_memfd(int fd, size_t max, char **out, size_t *n, struct err *e);
/* Opens /dev/null on those of 0..2 that are closed. First statement of main after the signal mask. */
void fd_ensure_stdio(void);
/* Closes everything from `low` on except the listed ones (sorted or not). */
void fd_close_from(int low, const int *keep, size_t n_keep);

#endif
