/* SPDX-License-Identifier: Apache-2.0
 *
 * Edit distance. */
#include "actions/nearest.h"

#define WORD_MAX 60U

static bool same(char a, char b)
{
    char x = ch_lower(a), y = ch_lower(b);

    return x == y || (x == '_' && y == '-') || (x == '-' && y == '_');
}

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edit distance with a small limit; both are short. Two neighbours in each other's place are one edit. */
static unsigned distance(struct sv a, struct sv b)
{
    unsigned rows[3][WORD_MAX + 1];

    if (a.n >= WORD_MAX || b.n >= WORD_MAX)
        return 99;
    for (size_t k = 0; k <= b.n; k++)
        rows[0][k] = (unsigned)k;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *up = rows[(i - 1) % 3], *above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t k = 1; k <= b.n; k++) {
            unsigned best = up[k - 1] + !same(a.p[i - 1], b.p[k - 1]);
            best = least_of(best, least_of(up[k], row[k - 1]) + 1);
            if (i > 1 && k > 1 && same(a.p[i - 1], b.p[k - 2]) && same(a.p[i - 2], b.p[k - 1]))
                best = least_of(best, above[k - 2] + 1);
            row[k] = best;
        }
    }
    return rows[a.n % 3][b.n];
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
