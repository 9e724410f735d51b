/* SPDX-License-Identifier: Apache-2.0
 *
 * Random bytes and identifiers. Seam: with GANTRY_SEAMS and GANTRY_TEST_SEED=N in the environment the
 * sequence is fixed per process. */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include <stddef.h>

#define UUID_TEXT_SIZE 37 /* with NUL */

void ids_random(void *p, size_t n); /* aborts when the kernel cannot deliver */
void ids_uuid4(char out[UUID_TEXT_SIZE]);
/* n characters of [a-z0-9], NUL-terminated: out holds n + 1 bytes. */
void ids_token(char *out, size_t n);

#endif
