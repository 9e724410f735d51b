/* SPDX-License-Identifier: Apache-2.0
 *
 * Regular expressions of problem matchers, on PCRE2. The official runner uses .NET's with the options ECMAScript and
 * CultureInvariant: classes are ASCII, searches are not anchored, the case counts. What .NET refuses and PCRE2 reads as
 * something of its own ("(*" and what follows) is refused here too.
 *
 * Both the patterns and the lines are the job's. PCRE2 knows no time-out, so an evaluation runs in rounds: each may do so
 * many steps, and the next, larger one starts only where time is left for it. The steps are counted anew from every
 * character where a match may begin, so a callout in front of the pattern looks at the clock there. */
#include "actions/matcher_priv.h"

#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define PATTERN_BYTES ((size_t)8 << 10)
/* As PCRE2 gets it: two bytes become four at most. */
#define TRANSLATED_BYTES (2 * PATTERN_BYTES)
#define HEAP_KIB         (32U << 10)
/* A step looks at no more than the whole line; a first round takes so many of both together, some milliseconds. */
#define ROUND_WORK ((size_t)4 << 20)
#define ROUND_MIN  128U
#define ROUND_MORE 4U /* as many times does the next round take */
#define LOOK_EVERY 4U /* beginnings of a match */

struct matcher_regex {
    pcre2_code *code;
    unsigned groups;                          /* with group 0 */
    unsigned char number[MATCHER_GROUPS + 1]; /* .NET's number -> PCRE2's */
};
struct matcher_engine {
    pcre2_match_context *context;
    pcre2_match_data *data;
    /* the evaluation under way */
    const struct regex_time *time;
    unsigned begins; /* since the last look at the clock */
    bool looked;
    int64_t begun; /* the first look: few lines come to it */
};

/* "(*" outside of a class: verbs of PCRE2. For .NET a quantifier without anything before it. */
static bool has_verb(struct sv p)
{
    bool in_class = false;

    for (size_t i = 0; i < p.n; i++) {
        if (p.p[i] == '\\')
            i++;
        else if (in_class)
            in_class = p.p[i] != ']';
        else if (p.p[i] == '[') {
            in_class = true;
            if (i + 1 < p.n && p.p[i + 1] == '^')
                i++;
            if (i + 1 < p.n && p.p[i + 1] == ']')
                i++; /* as the first one it stands for itself */
        } else if (p.p[i] == '(' && i + 1 < p.n && p.p[i + 1] == '*')
            return true;
    }
    return false;
}

static int invalid(struct sv pattern, size_t at, const char *why, struct err *e)
{
    return err_set(e, FAIL_INPUT, "Invalid pattern '" SV_FMT "' at offset %zu. %s",
                   SV_ARG(sv_sub(pattern, 0, 120)), at, why);
}

/* .NET numbers the groups without a name first. */
static void number_groups(struct matcher_regex *r, uint32_t count)
{
    bool named[MATCHER_GROUPS + 1] = {false};
    uint32_t names = 0, width = 0;
    PCRE2_SPTR table = NULL;
    unsigned next = 1;

    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &names);
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &width);
    (void)pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    for (size_t i = 0; i < names; i++)
        named[(unsigned)table[i * width] << 8 | table[i * width + 1]] = true;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t g = 1; g <= count; g++)
            if (named[g] == (pass == 1))
                r->number[next++] = (unsigned char)g;
    r->groups = (unsigned)count + 1;
}

/* Appends the pattern, up to so many bytes of the result; returns how far it came. With the option ECMAScript a letter
 * that means nothing behind a backslash stands for itself, and \v for one character. PCRE2 knows others: \Q, \K, \R.
 * Source: dotnet/runtime: System.Text.RegularExpressions RegexParser.cs (ScanBackslash, ScanCharEscape). */
static size_t translate(struct sv p, size_t most, struct buf *out)
{
    size_t i = 0;

    for (; i < p.n && out->len < most; i++) {
        if (p.p[i] != '\\' || i + 1 == p.n) {
            buf_addc(out, p.p[i]);
            continue;
        }
        char c = p.p[++i];
        if (c == 'v')
            buf_adds(out, "\\x0b");
        else if (ch_is_alpha(c) && strchr("aAbBcdDefGknpPrsStuwWxzZ", c) == NULL)
            buf_addc(out, c);
        else
            buf_add(out, p.p + i - 1, 2);
    }
    return i;
}

static pcre2_code *compile(struct sv pattern, int *error, PCRE2_SIZE *at)
{
    static const uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_NEVER_BACKSLASH_C |
                                    PCRE2_NEVER_UCP | PCRE2_MATCH_UNSET_BACKREF;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);

    BUG(context == NULL); /* out of memory */
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    (void)pcre2_set_bsr(context, PCRE2_BSR_ANYCRLF);
    (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, error, at, context);
    pcre2_compile_context_free(context);
    return code;
}

/* A pattern that is good by itself, behind the callout. Its end may be a comment, which only a line feed ends; elsewhere
 * that would be a part of it. */
static pcre2_code *compile_watched(struct sv pattern, int *error, PCRE2_SIZE *at)
{
    static const char *const ends[] = {")", "\n)"};
    pcre2_code *code = NULL;

    for (size_t i = 0; i < 2 && code == NULL; i++) {
        AUTO(buf_free) struct buf b = BUF_INIT(TRANSLATED_BYTES + 16);
        buf_adds(&b, "(?C)(?:");
        buf_addsv(&b, pattern);
        buf_adds(&b, ends[i]);
        code = compile(buf_sv(&b), error, at);
    }
    return code;
}

int matcher_regex_new(struct sv pattern, struct matcher_regex **out, struct err *e)
{
    int error = 0;
    PCRE2_SIZE at = 0;
    uint32_t count = 0;

    if (pattern.n > PATTERN_BYTES)
        return err_set(e, FAIL_LIMIT, "a pattern is longer than %zu bytes", PATTERN_BYTES);
    if (has_verb(pattern))
        return invalid(pattern, sv_find(pattern, SV("(*")) + 1, "Quantifier '*' following nothing.",
                       e);
    AUTO(buf_free) struct buf b = BUF_INIT(TRANSLATED_BYTES);
    (void)translate(pattern, SIZE_MAX, &b);
    pcre2_code *code = compile(buf_sv(&b), &error, &at);
    if (code != NULL) {
        pcre2_code_free(code);
        code = compile_watched(buf_sv(&b), &error, &at);
    }
    if (code == NULL) {
        char text[120];
        (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        buf_reset(&b);
        return invalid(pattern, translate(pattern, at, &b), text, e);
    }
    (void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &count);
    if (count > MATCHER_GROUPS) {
        pcre2_code_free(code);
        return err_set(e, FAIL_LIMIT, "a pattern has more than %u groups", MATCHER_GROUPS);
    }
    *out = xcalloc(1, sizeof **out);
    (*out)->code = code;
    number_groups(*out, count);
    return 0;
}

void matcher_regex_free(struct matcher_regex *r)
{
    if (r == NULL)
        return;
    pcre2_code_free(r->code);
    free(r);
}

unsigned matcher_regex_groups(const struct matcher_regex *r)
{
    return r->groups;
}

/* Wherever a match may begin. */
static int on_begin(pcre2_callout_block *block, void *engine)
{
    struct matcher_engine *g = engine;

    (void)block;
    if (++g->begins < LOOK_EVERY)
        return 0;
    g->begins = 0;
    int64_t now = g->time->now_ms(g->time->ctx);
    if (!g->looked)
        g->begun = now;
    g->looked = true;
    return now - g->begun < g->time->timeout_ms ? 0 : PCRE2_ERROR_CALLOUT;
}

struct matcher_engine *matcher_engine_new(void)
{
    struct matcher_engine *g = xcalloc(1, sizeof *g);

    g->context = pcre2_match_context_create(NULL);
    g->data = pcre2_match_data_create(MATCHER_GROUPS + 1, NULL);
    BUG(g->context == NULL || g->data == NULL); /* out of memory */
    (void)pcre2_set_heap_limit(g->context, HEAP_KIB);
    (void)pcre2_set_callout(g->context, on_begin, g);
    return g;
}

void matcher_engine_free(struct matcher_engine *g)
{
    if (g == NULL)
        return;
    pcre2_match_data_free(g->data);
    pcre2_match_context_free(g->context);
    free(g);
}

/* Source of the text: .NET's RegexMatchTimeoutException, which users search for. */
static const char timed_out[] =
    "The Regex engine has timed out while trying to match a pattern to an input string. This can "
    "occur for many reasons, including very large inputs or excessive backtracking caused by "
    "nested quantifiers, back-references and other factors.";

/* Steps of the next round, or 0 when the time is over. */
static size_t next_round(size_t steps, int64_t round_ms, int64_t left_ms)
{
    size_t more = steps * ROUND_MORE;

    if (left_ms <= 0)
        return 0;
    if (round_ms > 0 && (int64_t)ROUND_MORE * round_ms > left_ms)
        more = steps / (size_t)round_ms * (size_t)left_ms;
    if (more <= steps) /* it would end where this one did */
        return 0;
    return more < UINT32_MAX ? more : UINT32_MAX;
}

enum regex_result matcher_regex_search(const struct matcher_regex *r, struct matcher_engine *g,
                                       struct sv text, const struct regex_time *t, const char **why)
{
    size_t steps = ROUND_WORK / (text.n + 1);
    int64_t round_at = 0;

    g->time = t;
    g->looked = false;
    g->begins = 0;
    if (steps < ROUND_MIN)
        steps = ROUND_MIN;
    for (bool first = true;; first = false) {
        (void)pcre2_set_match_limit(g->context, (uint32_t)steps);
        int rc = pcre2_match(r->code, (PCRE2_SPTR)text.p, text.n, 0, PCRE2_NO_UTF_CHECK, g->data,
                             g->context);
        if (g->looked || rc == PCRE2_ERROR_MATCHLIMIT)
            *why = timed_out; /* or it may soon be */
        if (rc == PCRE2_ERROR_NOMATCH)
            return REGEX_NONE;
        if (rc >= 0)
            return REGEX_MATCH;
        if (rc == PCRE2_ERROR_CALLOUT)
            return REGEX_GAVE_UP;
        if (rc != PCRE2_ERROR_MATCHLIMIT) {
            *why = "The pattern takes too much memory on this line.";
            return REGEX_GAVE_UP;
        }
        int64_t now = t->now_ms(t->ctx);
        if (!g->looked)
            g->begun = now;
        g->looked = true;
        if (first)
            round_at = g->begun;
        steps = next_round(steps, now - round_at, g->begun + t->timeout_ms - now);
        round_at = now;
        if (steps == 0)
            return REGEX_GAVE_UP;
    }
}

struct sv matcher_regex_group(const struct matcher_regex *r, const struct matcher_engine *g,
                              struct sv text, unsigned number)
{
    const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(g->data);
    size_t k = number < r->groups ? r->number[number] : 0;

    if (number >= r->groups || ov[2 * k] == PCRE2_UNSET || ov[2 * k + 1] < ov[2 * k])
        return SV("");
    return sv_sub(text, ov[2 * k], ov[2 * k + 1] - ov[2 * k]);
}
