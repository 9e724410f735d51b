/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the problem matchers share. */
#ifndef ACTIONS_MATCHER_PRIV_H
#define ACTIONS_MATCHER_PRIV_H

#include "actions/matcher.h"

/* ---- matcher_regex.c: the regular expressions, on PCRE2 ---- */
struct matcher_regex;
/* FAIL_INPUT and FAIL_LIMIT name the pattern. */
MUST_USE int matcher_regex_new(struct sv pattern, struct matcher_regex **out, struct err *e);
void matcher_regex_free(struct matcher_regex *r);
/* With the whole match; numbers as .NET gives them: named groups come behind the others. */
unsigned matcher_regex_groups(const struct matcher_regex *r);

/* What evaluations need: memory, time. One serves any number of regular expressions, one after the other. */
struct matcher_engine;
struct matcher_engine *matcher_engine_new(void);
void matcher_engine_free(struct matcher_engine *g);
enum regex_result { REGEX_NONE, REGEX_MATCH, REGEX_GAVE_UP };
struct regex_time {
    void *ctx;
    int64_t (*now_ms)(void *ctx);
    int64_t timeout_ms;
};
enum regex_result matcher_regex_search(const struct matcher_regex *r, struct matcher_engine *g,
                                       struct sv text, const struct regex_time *t,
                                       const char **why);
/* After REGEX_MATCH, until the next search; "" where the group took no part. */
struct sv matcher_regex_group(const struct matcher_regex *r, const struct matcher_engine *g,
                              struct sv text, unsigned number);

/* ---- the model ---- */
struct matcher_pattern {
    struct matcher_regex *regex;
    int group[MATCHED_COUNT_]; /* -1 = not set */
    bool loop;
};
struct matcher {
    unsigned refs;
    char *owner, *severity, *from_path; /* the latter two: "" = no default */
    struct matcher_pattern *patterns;
    size_t n;
};
struct matcher *matcher_ref(struct matcher *m);
void matcher_unref(struct matcher *m);
/* Commas before a closing bracket and comments, which .NET's reader lets pass, become blanks. */
void matcher_json_strict(struct sv s, struct buf *out);

#endif
