/* SPDX-License-Identifier: Apache-2.0
 *
 * Edit distance. */
#include "actions/nearest.h"

/* Edit distance with a small limit; both are short. */
static unsigned distance(struct sv a, struct sv b)
{
    unsigned row[64];

    if (a.n >= 60 || b.n >= 60)
        return 99;
    for (size_t k = 0; k <= b.n; k++)
        row[k] = (unsigned)k;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned left = row[0];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= b.n; k++) {
            unsigned up = row[k];
            char x = ch_lower(a.p[i - 1]), y = ch_lower(b.p[k - 1]);
            unsigned best = left + !(x == y || (x == '_' && y == '-') || (x == '-' && y == '_'));
            if (up + 1 < best)
                best = up + 1;
            if (row[k - 1] + 1 < best)
                best = row[k - 1] + 1;
            left = up;
            row[k] = best;
        }
    }
    return row[b.n];
}

static const char *below(unsigned least, struct sv word, const char *const *list)
{
    const char *best = NULL;

    for (; *list != NULL; list++) {
        unsigned d = distance(word, sv_of(*list));
        if (d < least) {
            least = d;
            best = *list;
        }
    }
    return best;
}

const char *nearest_name(struct sv word, const char *const *list)
{
    return below(word.n < 3 ? 0 : word.n < 5 ? 2 : 3, word, list);
}

const char *nearest_by_one(struct sv word, const char *const *list)
{
    return below(2, word, list);
}
