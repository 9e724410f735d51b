/* SPDX-License-Identifier: Apache-2.0
 *
 * References that workflows spell: `uses:` of steps (spec job-execution 1.8). */
#ifndef ACTIONS_NAMES_H
#define ACTIONS_NAMES_H

#include "base/err.h"
#include "base/sv.h"

enum uses_kind { USES_REPOSITORY, USES_LOCAL, USES_SELF_REPOSITORY, USES_DOCKER };
struct uses {
    enum uses_kind kind;
    struct sv repository; /* owner/name */
    struct sv ref;
    struct sv path;  /* sub-folder, or the ./path */
    struct sv image; /* docker:// */
};
MUST_USE int uses_parse(struct sv text, struct uses *out, struct err *e);

#endif
