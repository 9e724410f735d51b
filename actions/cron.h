/* SPDX-License-Identifier: Apache-2.0
 *
 * The cron texts of `on.schedule` (spec expressions 5.5): five fields, no macros, 7 is no Sunday. */
#ifndef ACTIONS_CRON_H
#define ACTIONS_CRON_H

#include "base/err.h"
#include "base/sv.h"

#include <stdint.h>

#define CRON_FIELDS 5U

/* Which values each field takes, as bits: minute, hour, day of the month, month, day of the week (0 = Sunday). */
struct cron {
    uint64_t field[CRON_FIELDS];
};
/* FAIL_INPUT: which field is wrong, and its text. */
MUST_USE int cron_parse(struct sv text, struct cron *out, struct err *e);
/* The shortest time between two starts of one day, in minutes, as far as it is below an hour; else 60. */
unsigned cron_shortest_gap(const struct cron *c);

#endif
