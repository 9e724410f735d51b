/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs that are too large for files, made when they are replayed: `unit` many times between `head` and `tail`. Each
 * ends within bounded time with the error that is documented for its limit, or with none where it stays within. */
#ifndef TESTS_FUZZ_BOMBS_H
#define TESTS_FUZZ_BOMBS_H

#include <stddef.h>

struct bomb {
    const char *target, *name;
    const char *head, *unit;
    size_t n;
    const char *tail;
    const char *want; /* the beginning of the error; "" = none */
};
extern const struct bomb bombs[];
extern const size_t n_bombs;

#endif
