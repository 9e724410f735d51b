/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard output of a program that lives in a loop: a reader that is slow, or has stopped reading, holds nothing up.
 * What a pipe, a terminal or a socket does not take now waits here; files are written at once. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct loop;
struct output;
typedef void output_fn(void *ctx);
/* taken: what waited was taken, or cannot be any more (output_failed). fd is lent. */
struct output *output_new(struct loop *l, int fd, output_fn *taken, void *ctx);
void output_free(struct output *o); /* before the loop; what waits is dropped. NULL is fine */
/* Unbuffered; a write fails once the reader is gone. Lent. */
FILE *output_file(struct output *o);
size_t output_waiting(const struct output *o); /* bytes */
bool output_failed(const struct output *o);
bool output_wants_color(const struct output *o); /* a terminal, unless NO_COLOR or TERM=dumb */
/* Waits until all is taken, as long as some is every stall_ms. */
void output_finish(struct output *o, int stall_ms);

#endif
