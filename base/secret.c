/* SPDX-License-Identifier: Apache-2.0
 *
 * Secret bytes: one exact allocation, wiped before it is freed. */
#include "base/secret.h"

#include "base/mem.h"

struct secret secret_new(const void *p, size_t n)
{
    return (struct secret){(unsigned char *)xmemdup(p, n), n};
}

void secret_free(struct secret *s)
{
    if (s->p != NULL)
        explicit_bzero(s->p, s->n);
    free(s->p);
    *s = (struct secret){NULL, 0};
}

/* Plain loop over volatile reads: gantry_core has no OpenSSL, and the compiler must not shorten it. */
bool secret_eq(const struct secret *a, const void *b, size_t n)
{
    const volatile unsigned char *x = a->p, *y = b;
    unsigned diff = 0;

    if (a->n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        diff |= (unsigned)(x[i] ^ y[i]);
    return diff == 0;
}

struct sv secret_sv(const struct secret *s)
{
    return (struct sv){s->p != NULL ? (const char *)s->p : "", s->n};
}

void secret_wipe(void *p, size_t n)
{
    if (p != NULL)
        explicit_bzero(p, n);
}
