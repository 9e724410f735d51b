/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that must not outlive their use. Never grows: realloc() would leave an unwiped copy. Not printable
 * on purpose. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/sv.h"

struct secret {
    unsigned char *p; /* followed by a NUL that is not counted */
    size_t n;
};

struct secret secret_new(const void *p, size_t n); /* copies */
void secret_free(struct secret *s);                /* wipes; for AUTO(secret_free) */
bool secret_eq(const struct secret *a, const void *b,
               size_t n); /* constant time; lengths are public */
/* Lends the bytes; the only way to read them. */
struct sv secret_sv(const struct secret *s);
/* Wipes a plain buffer that held secret text. */
void secret_wipe(void *p, size_t n);

#endif
