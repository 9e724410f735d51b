/* SPDX-License-Identifier: Apache-2.0
 *
 * Problem matchers (spec logs 1.6): the model that a matcher file holds, the list of a job, and what one stream of
 * output has matched so far. Pure: text in, matches out; the clock is handed in.
 * Source: actions/runner 2.336.0 src/Runner.Worker/IssueMatcher.cs, Handlers/OutputManager.cs. */
#ifndef ACTIONS_MATCHER_H
#define ACTIONS_MATCHER_H

#include "base/buf.h"
#include "base/strv.h"

#include <stdint.h>

/* Ours, all: matcher files and lines are the job's. */
#define MATCHER_FILE_BYTES ((size_t)1 << 20)
#define MATCHER_LINE_BYTES \
    ((size_t)32 << 10)            /* a longer line is not tried, and ends running matches */
#define MATCHER_PATTERNS     256U /* of all matchers of a job together */
#define MATCHER_OWN_PATTERNS 32U  /* of one matcher */
#define MATCHER_GROUPS       255U /* of one pattern */
#define MATCHER_ATTEMPTS     3U   /* Source: OutputManager.cs _maxAttempts */

struct matcher; /* immutable; counted, as the job and each stream hold it */
struct matcher_set {
    struct matcher **v; /* in the order in which they are tried */
    size_t n;
};
void matcher_set_done(struct matcher_set *s); /* for AUTO(matcher_set_done) */
struct sv matcher_owner(const struct matcher *m);

/* The matchers of a file, in its order; none is no failure. FAIL_INPUT with the official text where there is one,
 * FAIL_LIMIT. */
MUST_USE int matcher_file_read(struct sv text, struct matcher_set *out, struct err *e);
/* Their owners alone: patterns are not looked at. */
MUST_USE int matcher_file_owners(struct sv text, struct strv *out, struct err *e);
/* In front of the others, in the order of the file; those of the same owner go. FAIL_LIMIT: nothing is changed. */
MUST_USE int matcher_set_add(struct matcher_set *job, const struct matcher_set *file,
                             struct err *e);
/* Names of those that were there are appended to `removed`. */
void matcher_set_remove(struct matcher_set *job, const struct strv *owners, struct strv *removed);

enum matcher_property {
    MATCHED_FILE,
    MATCHED_LINE,
    MATCHED_COLUMN,
    MATCHED_SEVERITY,
    MATCHED_CODE,
    MATCHED_MESSAGE,
    MATCHED_FROM_PATH,
    MATCHED_COUNT_
};
/* A whole match; p is NULL where no pattern sets the property. Lent until the call returns. */
struct matched {
    struct sv v[MATCHED_COUNT_];
};
struct matching_options {
    void *ctx;
    int64_t (*now_ms)(void *ctx);
    int64_t timeout_ms; /* of one evaluation of a regular expression, > 0 */
    /* False: the match is no issue, the next matcher is tried. */
    bool (*found)(void *ctx, const struct matched *m);
    /* The attempt was given up; with the last one the matcher is dropped from this stream. */
    void (*gave_up)(void *ctx, struct sv owner, unsigned attempt, const char *why);
};
struct matching; /* of one stream */
struct matching *matching_new(const struct matcher_set *job, const struct matching_options *o);
void matching_free(struct matching *m);
/* A matcher was added while the stream runs: it comes first, in the place of one of the same owner. */
void matching_prepend(struct matching *m, struct matcher *one);
void matching_remove(struct matching *m, const struct strv *owners);
/* Tries all on a line without its end: well-formed UTF-8, `text` with the colours taken out, `raw` with them. A pattern
 * that does not match the former may match the latter: patterns of the codes themselves work on the official runner.
 * True when a matcher made an issue of it. However many and however slow they are, a line takes at most some twenty
 * times the time-out. */
bool matching_line(struct matching *m, struct sv text, struct sv raw);

/* The text without its ANSI control sequences; the text itself where it has none. */
struct sv matcher_plain_text(struct sv s, struct buf *b);
/* A .NET time span ("0:0:0.5" is half a second, "5" are five days) as milliseconds; false when it is none or not above
 * zero. */
bool matcher_timeout(struct sv text, int64_t *ms);

#endif
