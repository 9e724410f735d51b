/* SPDX-License-Identifier: Apache-2.0
 *
 * References that workflows spell: `uses:` of steps (spec job-execution 1.8). */
#ifndef ACTIONS_NAMES_H
#define ACTIONS_NAMES_H

#include "actions/value.h"
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
/* Labels of the runner that `gantry run` and `gantry serve` have unless told otherwise; NULL-terminated. Source:
 * docs.github.com, "About self-hosted runners" (the first three) and "GitHub-hosted runners" (ubuntu-*). */
extern const char *const names_local_labels[];
bool names_is_local_label(struct sv label); /* ASCII case ignored */

/* Whether what a container or a service evaluated to names an image: one whose image is empty, behind docker://, is
 * none (spec job-execution 1.10). */
bool names_image(const struct val *container);

MUST_USE int uses_parse(struct sv text, struct uses *out, struct err *e);

#endif
