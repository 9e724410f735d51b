/* SPDX-License-Identifier: Apache-2.0
 *
 * A vector of owned strings that is always a valid argv or envp (NULL-terminated). */
#ifndef BASE_STRV_H
#define BASE_STRV_H

#include "base/sv.h"

struct strv {
    char **v; /* never NULL: v[n] is NULL */
    size_t n;
    size_t cap;
};
extern char *strv_empty[1];
#define STRV_INIT ((struct strv){.v = strv_empty})

void strv_free(struct strv *s); /* for AUTO(strv_free) */
void strv_add(struct strv *s, const char *str);
void strv_addsv(struct strv *s, struct sv str);
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strv_own(struct strv *s, char *own_str); /* takes ownership */
/* Environment use: sets NAME=VALUE, replacing an earlier NAME. */
void strv_setenv(struct strv *s, struct sv name, struct sv value);
const char *strv_getenv(const struct strv *s, const char *name); /* value or NULL */

#endif
