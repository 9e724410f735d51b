/* SPDX-License-Identifier: Apache-2.0
 *
 * Checked numbers from text, and little-endian wire integers. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/err.h"
#include "base/sv.h"

#include <stdint.h>

/* Decimal digits only. FAIL_INPUT not a number; FAIL_LIMIT above max. */
MUST_USE int num_u64(struct sv s, uint64_t max, uint64_t *out, struct err *e);
MUST_USE int num_i64(struct sv s, int64_t min, int64_t max, int64_t *out, struct err *e);

static inline void store_le32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}
static inline void store_le64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}
static inline uint32_t load_le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t load_le64(const unsigned char *p)
{
    return (uint64_t)load_le32(p) | (uint64_t)load_le32(p + 4) << 32;
}

#endif
