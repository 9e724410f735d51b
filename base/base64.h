/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 (standard and URL alphabets) and hexadecimal. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

void base64_encode(struct buf *b, const void *p, size_t n);    /* with padding */
void base64url_encode(struct buf *b, const void *p, size_t n); /* without padding */
/* White space inside is refused; padding may be missing. FAIL_INPUT. */
MUST_USE int base64_decode(struct sv s, struct buf *out, struct err *e);
MUST_USE int base64url_decode(struct sv s, struct buf *out, struct err *e);
void hex_encode(struct buf *b, const void *p, size_t n); /* lower case */

#endif
