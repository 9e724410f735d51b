/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest of hashFiles: SHA-256 over the SHA-256 digests of the files, in the order they are added (spec
 * expressions 1.10). Fed from base/glob_walk, or with descriptors that a helper inside the sandbox sends. */
#ifndef BASE_FILE_DIGEST_H
#define BASE_FILE_DIGEST_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct file_digest;
struct file_digest *file_digest_new(void);
void file_digest_free(struct file_digest *d);
/* Reads fd to its end. Only regular files; of a file that grows meanwhile no more than its size at the start
 * is read. FAIL_SYS, FAIL_INPUT. */
MUST_USE int file_digest_add(struct file_digest *d, int fd, struct err *e);
size_t file_digest_count(const struct file_digest *d);
/* Lower-case hexadecimal, or "" when no file was added. The digest can only be freed afterwards. */
void file_digest_end(struct file_digest *d, char hex[65]);

#endif
