/* SPDX-License-Identifier: Apache-2.0
 *
 * Problem matchers: every rule of spec logs 1.6.1 to 1.6.3. */
#include "tests/unit/base/helper.h"

#include "actions/matcher.h"
#include "actions/matcher_priv.h"
#include "base/mem.h"

/* ---- files ---- */

#define ONE(pattern)       "{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[" pattern "]}]}"
#define MESSAGE            "{\"regexp\":\"^(.+)$\",\"message\":1}"
#define OWNED(owner, rest) "{\"owner\":\"" owner "\"" rest ",\"pattern\":[" MESSAGE "]}"
#define FILE_OF(text)      "{\"problemMatcher\":[" text "]}"
#define TWO(first, second) ONE("{\"regexp\":\"(a)\"" first "},{\"regexp\":\"(b)\"" second "}")
#define REGEX(text)        ONE("{\"regexp\":\"" text "\",\"message\":0}")

struct file_case {
    const char *name, *json;
    const char *error; /* part of the text; NULL = accepted */
};
static const struct file_case file_cases[] = {
    {"one matcher", ONE(MESSAGE), NULL},
    {"no key", "{}", NULL},
    {"no matchers", "{\"problemMatcher\":[]}", NULL},
    {"null", "{\"problemMatcher\":null}", NULL},
    {"names in another case",
     "{\"PROBLEMmatcher\":[{\"Owner\":\"o\",\"PATTERN\":[{\"RegExp\":\"x\",\"MESSAGE\":0}]}]}",
     NULL},
    {"byte order mark", "\xEF\xBB\xBF" ONE(MESSAGE), NULL},
    {"comments and commas too much",
     "// a\n{/* b, ] */\"problemMatcher\":[" OWNED("o//,]", "") ",\n],}", NULL},
    {"no JSON", "{", "matcher file"},
    {"an array", "[]", "an object with the key 'problemMatcher'"},
    {"list is an object", "{\"problemMatcher\":{}}", "'problemMatcher' is not an array"},
    {"matcher is a number", FILE_OF("1"), "'problemMatcher[0].' is not an object"},
    {"no owner", "{\"problemMatcher\":[{\"pattern\":[" MESSAGE "]}]}", "Owner must not be empty"},
    {"empty owner", FILE_OF(OWNED("", "")), "Owner must not be empty"},
    {"owner is a number", "{\"problemMatcher\":[{\"owner\":1}]}",
     "'problemMatcher[0].owner' is not a string"},
    {"two owners", FILE_OF(OWNED("a", "") "," OWNED("b", "")), NULL},
    {"equal owners", FILE_OF(OWNED("a", "") "," OWNED("A", "")), "Duplicate owner name 'A'"},
    {"severity of the matcher", FILE_OF(OWNED("a", ",\"severity\":\"Notice\"")), NULL},
    {"unknown severity", FILE_OF(OWNED("a", ",\"severity\":\"info\"")),
     "Matcher 'a' contains unexpected default severity 'info'"},
    {"no patterns", "{\"problemMatcher\":[{\"owner\":\"o\"}]}",
     "Matcher 'o' does not contain any patterns"},
    {"empty patterns", "{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[]}]}",
     "Matcher 'o' does not contain any patterns"},
    {"pattern is a text", ONE("\"x\""), "'problemMatcher[0].pattern[0].' is not an object"},
    {"no message", ONE("{\"regexp\":\"(a)\",\"file\":1}"),
     "At least one pattern must set 'message'"},
    {"message in the first of two", TWO(",\"message\":1", ",\"file\":1"), NULL},
    {"no regexp matches all", ONE("{\"message\":0}"), NULL},
    {"number as a text", ONE("{\"regexp\":\"(a)\",\"message\":\"1\"}"), NULL},
    {"number as null", ONE("{\"regexp\":\"(a)\",\"message\":1,\"file\":null}"), NULL},
    {"number with a fraction", ONE("{\"regexp\":\"(a)\",\"message\":1.0}"),
     "'problemMatcher[0].pattern[0].message' is not an integer"},
    {"number too large", ONE("{\"regexp\":\"(a)\",\"message\":4294967296}"), "is not an integer"},
    {"group out of range", ONE("{\"regexp\":\"(a)\",\"message\":2}"),
     "The property 'message' is set to 2 which is out of range"},
    {"group below zero", ONE("{\"regexp\":\"(a)\",\"message\":-1}"),
     "The property 'message' is set to -1 which is out of range"},
    {"set twice", TWO(",\"file\":1", ",\"file\":1,\"message\":0"),
     "The property 'file' is set twice"},
    {"loop on the last of two", TWO(",\"file\":1", ",\"message\":1,\"loop\":true"), NULL},
    {"loop on a single one", ONE("{\"regexp\":\"(a)\",\"message\":1,\"loop\":true}"),
     "Only the last pattern in a multiline matcher may set 'loop'"},
    {"loop on the first of two", TWO(",\"file\":1,\"loop\":true", ",\"message\":1"),
     "Only the last pattern in a multiline matcher may set 'loop'"},
    {"loop without a message", TWO(",\"message\":1", ",\"loop\":true"),
     "The loop pattern must set 'message'"},
    {"loop is a number", ONE("{\"regexp\":\"(a)\",\"message\":1,\"loop\":1}"),
     "loop' is not a boolean"},
    {"broken regexp", REGEX("("), "Invalid pattern '(' at offset 1"},
    {"a verb", REGEX("(*ACCEPT)x"), "Quantifier '*' following nothing"},
    {"a verb further on", REGEX("x[(*](*F)"), "Quantifier '*' following nothing"},
    {"no verbs", REGEX("[(*a]\\\\(*[](*][^](*]"), NULL},
    {"brackets that do not pair", REGEX("a)(b"), "Invalid pattern 'a)(b' at offset 1"},
    {"a place behind such letters", REGEX("\\\\Q\\\\K("), "at offset 5"},
    {"a verb where PCRE2 quotes", REGEX("\\\\Q[\\\\E(*F)]\\\\Q(*F)"),
     "Quantifier '*' following nothing"},
    {"a comment at the end", REGEX("(?x)a # b"), NULL},
    {"surrogates in a class", REGEX("[\\\\uD800-\\\\uDFFF]"), NULL},
    {"too many groups", NULL, "a pattern has more than 255 groups"},
    {"too many patterns", NULL, "Matcher 'o' has more than 32 patterns"},
    {"too long", NULL, "a pattern is longer than 8192 bytes"},
    {"too large", NULL, "a matcher file is larger than 1048576 bytes"},
};

/* The cases whose text is long. */
static char *long_text(const struct file_case *c)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)4 << 20);
    bool groups = strcmp(c->name, "too many groups") == 0;

    if (strcmp(c->name, "too large") == 0) {
        for (size_t i = 0; i <= MATCHER_FILE_BYTES; i++)
            buf_addc(&b, ' ');
        return buf_take(&b, NULL);
    }
    if (strcmp(c->name, "too long") == 0) {
        buf_adds(&b,
                 "{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[{\"message\":0,\"regexp\":\"");
        for (size_t i = 0; i <= 8192; i++)
            buf_addc(&b, 'a');
        buf_adds(&b, "\"}]}]}");
        return buf_take(&b, NULL);
    }
    buf_adds(&b,
             groups
                 ? "{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[{\"message\":0,\"regexp\":\""
                 : "{\"problemMatcher\":[{\"owner\":\"o\",\"pattern\":[");
    for (unsigned i = 0; i <= (groups ? MATCHER_GROUPS : MATCHER_OWN_PATTERNS); i++)
        buf_adds(&b, groups ? "()" : i == 0 ? MESSAGE : ",{}");
    buf_adds(&b, groups ? "\"}]}]}" : "]}]}");
    return buf_take(&b, NULL);
}

static void check_file(void **state)
{
    const struct file_case *c = *state;
    AUTO(matcher_set_done) struct matcher_set set = {NULL, 0};
    AUTO(auto_free) char *text = c->json != NULL ? xstrdup(c->json) : long_text(c);
    struct err e = {0};
    int rc = matcher_file_read(sv_of(text), &set, &e);

    if (c->error == NULL) {
        assert_string_equal(e.msg, "");
        assert_int_equal(rc, 0);
        return;
    }
    assert_int_equal(rc, -1);
    assert_true(e.code == FAIL_INPUT || e.code == FAIL_LIMIT);
    if (strstr(e.msg, c->error) == NULL)
        fail_msg("'%s' is not in '%s'", c->error, e.msg);
}

/* ---- lines ---- */

struct log {
    struct buf text;
    int64_t now, step; /* each look at the clock takes `step` */
    struct sv refuse;  /* a message that is no issue */
};

static bool note_match(void *ctx, const struct matched *m)
{
    struct log *l = ctx;
    static const char letters[] = "flcsomp";

    buf_adds(&l->text, l->text.len > 0 ? " |" : "");
    for (int k = 0; k < MATCHED_COUNT_; k++)
        if (m->v[k].p != NULL)
            buf_addf(&l->text, "%s%c=" SV_FMT, l->text.len > 0 ? " " : "", letters[k],
                     SV_ARG(m->v[k]));
    return l->refuse.n == 0 || !sv_eq(m->v[MATCHED_MESSAGE], l->refuse);
}

static void note_failure(void *ctx, struct sv owner, unsigned attempt, const char *why)
{
    struct log *l = ctx;

    assert_non_null(why);
    buf_addf(&l->text, "%s" SV_FMT " failed %u", l->text.len > 0 ? " | " : "", SV_ARG(owner),
             attempt);
}

static int64_t tick(void *ctx)
{
    struct log *l = ctx;

    return l->now += l->step;
}

static struct matching_options options_of(struct log *l)
{
    return (struct matching_options){
        .ctx = l, .now_ms = tick, .timeout_ms = 10, .found = note_match, .gave_up = note_failure};
}

static bool on_line(struct matching *m, struct sv raw)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)1 << 20);

    return matching_line(m, matcher_plain_text(raw, &b), raw);
}

static void read_set(const char *json, struct matcher_set *set)
{
    struct err e = {0};

    assert_int_equal(matcher_file_read(sv_of(json), set, &e), 0);
}

#define THREE \
    "{\"regexp\":\"^(.+)$\",\"file\":1},{\"regexp\":\"^(.+)$\",\"code\":1},{\"regexp\":\"^m:(.+)$\",\"message\":1"

struct line_case {
    const char *name, *json;
    const char *lines; /* parted by '\n' */
    const char *want;
};
static const struct line_case line_cases[] = {
    {"all properties of one line",
     ONE("{\"regexp\":\"^(.+):(\\\\d+):(\\\\d+): (\\\\w+) (\\\\S+) (.*) <(.*)>$\",\"file\":1,\"line\":2,\"column\":3,"
         "\"severity\":4,\"code\":5,\"message\":6,\"fromPath\":7}"),
     "a.c:3:14: warning W1 it is so <p/q.proj>",
     "f=a.c l=3 c=14 s=warning o=W1 m=it is so p=p/q.proj"},
    {"not anchored, case counts", ONE("{\"regexp\":\"rr(o)r\",\"message\":1}"),
     "ERROR\nan error it is", "m=o"},
    {"whole match", ONE("{\"regexp\":\"b+\",\"message\":0}"), "abbbc", "m=bbb"},
    {"a group that took no part", ONE("{\"regexp\":\"x(y)?(z)\",\"code\":1,\"message\":2}"), "xz",
     "o= m=z"},
    {"classes are ASCII", ONE("{\"regexp\":\"^(\\\\w+|\\\\d+|\\\\s+)$\",\"message\":1}"),
     "\xC3\xA4\n\xD9\xA3\n\xC2\xA0\nb", "m=b"},
    {"a character is no byte", ONE("{\"regexp\":\"^(.)$\",\"message\":1}"), "\xE2\x82\xAC",
     "m=\xE2\x82\xAC"},
    {"escapes with four digits", ONE("{\"regexp\":\"\\\\u20AC(\\\\x41)\",\"message\":1}"),
     "\xE2\x82\xAC"
     "A",
     "m=A"},
    {"a letter without a meaning behind a backslash",
     ONE("{\"regexp\":\"^\\\\Qa\\\\E(.)\\\\K[\\\\R]\\\\v$\",\"message\":1}"), "QaExKR\v", "m=x"},
    {"a back reference to nothing matches", ONE("{\"regexp\":\"^(a)?\\\\1b(c)\",\"message\":2}"),
     "bc", "m=c"},
    {"named groups come behind the others",
     ONE("{\"regexp\":\"(?<n>a)(b)(?<k>c)\",\"message\":1,\"code\":2,\"file\":3}"), "abc",
     "f=c o=a m=b"},
    {"empty line", ONE("{\"message\":0}"), "", "m="},
    {"default severity", FILE_OF(OWNED("o", ",\"severity\":\"notice\",\"fromPath\":\"x/y\"")), "a",
     "s=notice m=a p=x/y"},
    {"default where the group is empty",
     "{\"problemMatcher\":[{\"owner\":\"o\",\"severity\":\"notice\",\"pattern\":["
     "{\"regexp\":\"^(.*): (.+)\",\"severity\":1,\"message\":2}]}]}",
     ": a\nerror: b", "s=notice m=a | s=error m=b"},
    /* The asserted vectors of the official runner (T-IssueMatcherL0), in other words. */
    {"several lines", ONE(THREE "}"), "f1\nc1\nm:1\nm:2\nx\nf2\nc2\nm:3",
     "f=f1 o=c1 m=1 | f=f2 o=c2 m=3"},
    {"a loop", ONE(THREE ",\"loop\":true}"), "f1\nc1\nm:1\nm:2\nx\nf2\nc2\nm:3",
     "f=f1 o=c1 m=1 | f=f1 o=c1 m=2 | f=f2 o=c2 m=3"},
    {"a loop broken by a line that may begin", ONE(THREE ",\"loop\":true}"),
     "f1\nc1\nm:1\nf2\nm:2\nm:3", "f=f1 o=c1 m=1 | f=f2 o=m:2 m=3"},
    {"message in front", TWO(",\"message\":1", ",\"code\":1"), "a\nb\na\na\nb",
     "o=b m=a | o=b m=a"},
    {"a longer line is not tried and ends what runs", ONE(THREE "}"), "f1\nc1\n<long>\nm:1", ""},
    {"first of two that match", FILE_OF(OWNED("a", "") "," OWNED("b", ",\"severity\":\"notice\"")),
     "x", "m=x"},
    {"the next one when it is no issue",
     FILE_OF(OWNED("a", "") "," OWNED("b", ",\"severity\":\"notice\"")), "REFUSED",
     "m=REFUSED | s=notice m=REFUSED"},
    {"colours are taken out", ONE("{\"regexp\":\"^red (.*)\",\"message\":1}"),
     "\x1b[31mred\x1b[m \x1b[1mbold\x1b[m", "m=bold"},
    {"a pattern of the colours themselves",
     ONE("{\"regexp\":\"^\\\\u001b\\\\[1m(.+)\\\\x1b\\\\[m$\",\"file\":1},{\"regexp\":\"^  (.+)$\",\"message\":1}"),
     "plain\n\x1b[1ma.c\x1b[m\n\x1b[31m  it is\x1b[m", "f=a.c m=it is"},
    {"a match resets the others",
     FILE_OF(
         "{\"owner\":\"a\",\"pattern\":[{\"regexp\":\"^s\"},{\"regexp\":\"^a(.+)\",\"message\":1}]}"
         ","
         "{\"owner\":\"b\",\"pattern\":[{\"regexp\":\"^s\"},{\"regexp\":\"(.+)\",\"message\":1}]}"),
     "s1\na2\nx\ns3\ny", "m=2 | m=y"},
};

static void feed_line(struct matching *m, struct sv line)
{
    AUTO(buf_free) struct buf b = BUF_INIT((size_t)1 << 20);

    if (sv_is(line, "<long>"))
        for (size_t i = 0; i <= MATCHER_LINE_BYTES; i++)
            buf_addc(&b, 'y');
    else
        buf_addsv(&b, line);
    (void)on_line(m, buf_sv(&b));
}

static void check_lines(void **state)
{
    const struct line_case *c = *state;
    AUTO(matcher_set_done) struct matcher_set set = {NULL, 0};
    AUTO(buf_free) struct buf text = BUF_INIT(1 << 16);
    struct log l = {.text = text, .refuse = SV("REFUSED")};
    struct matching_options o = options_of(&l);
    struct sv rest = sv_of(c->lines), line;

    read_set(c->json, &set);
    struct matching *m = matching_new(&set, &o);
    while (sv_next(&rest, '\n', &line))
        feed_line(m, line);
    matching_free(m);
    text = l.text;
    assert_string_equal(text.p, c->want);
}

/* ---- lists ---- */

static void names_are(const struct matcher_set *s, const char *want)
{
    AUTO(buf_free) struct buf b = BUF_INIT(4096);

    for (size_t i = 0; i < s->n; i++) {
        buf_addsv(&b, matcher_owner(s->v[i]));
        buf_addc(&b, ' ');
    }
    assert_string_equal(b.p, want);
}

static void test_job_list(void **state)
{
    AUTO(matcher_set_done) struct matcher_set job = {NULL, 0}, one = {NULL, 0}, two = {NULL, 0};
    AUTO(strv_free) struct strv owners = STRV_INIT;
    AUTO(strv_free) struct strv removed = STRV_INIT;
    struct err e = {0};

    (void)state;
    read_set(FILE_OF(OWNED("a", "") "," OWNED("b", "")), &one);
    read_set(FILE_OF(OWNED("c", "") "," OWNED("A", "")), &two);
    assert_int_equal(matcher_set_add(&job, &one, &e), 0);
    names_are(&job, "a b ");
    assert_int_equal(matcher_set_add(&job, &two, &e), 0);
    names_are(&job, "c A b ");
    assert_int_equal(
        matcher_file_owners(SV("{\"problemMatcher\":[{\"owner\":\"B\"},{\"owner\":\"x\"}]}"),
                            &owners, &e),
        0);
    matcher_set_remove(&job, &owners, &removed);
    names_are(&job, "c A ");
    assert_int_equal(removed.n, 1);
    assert_string_equal(removed.v[0], "b");
}

static void test_job_list_is_limited(void **state)
{
    AUTO(matcher_set_done) struct matcher_set job = {NULL, 0};
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
    struct err e = {0};

    (void)state;
    for (unsigned i = 0; i <= MATCHER_PATTERNS; i++) {
        AUTO(matcher_set_done) struct matcher_set one = {NULL, 0};
        buf_reset(&b);
        buf_addf(&b, FILE_OF(OWNED("o%u", "")), i);
        read_set(b.p, &one);
        assert_int_equal(matcher_set_add(&job, &one, &e), i < MATCHER_PATTERNS ? 0 : -1);
    }
    assert_int_equal(e.code, FAIL_LIMIT);
    assert_int_equal(job.n, MATCHER_PATTERNS);
}

static void test_running_stream(void **state)
{
    AUTO(matcher_set_done) struct matcher_set one = {NULL, 0}, two = {NULL, 0};
    AUTO(strv_free) struct strv owners = STRV_INIT;
    struct log l = {.text = BUF_INIT(4096)};
    struct matching_options o = options_of(&l);

    (void)state;
    read_set(FILE_OF(OWNED("a", "")), &one);
    read_set(FILE_OF("{\"owner\":\"A\",\"pattern\":[{\"regexp\":\"x(.)\",\"message\":1}]}"
                     ","
                     "{\"owner\":\"b\",\"pattern\":[{\"regexp\":\"xy(.)\",\"message\":1}]}"),
             &two);
    struct matching *m = matching_new(&one, &o);
    assert_true(on_line(m, SV("1")));
    matching_prepend(m, two.v[0]); /* in the place of a */
    assert_false(on_line(m, SV("2")));
    matching_prepend(m, two.v[1]); /* before it */
    assert_true(on_line(m, SV("xyz")));
    strv_add(&owners, "B");
    matching_remove(m, &owners);
    assert_true(on_line(m, SV("xyz")));
    matching_free(m);
    assert_string_equal(l.text.p, "m=1 | m=z | m=y");
    buf_free(&l.text);
}

/* ---- hostile patterns and lines ---- */

static const char hostile_line[] =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";

static void test_gives_up(void **state)
{
    AUTO(matcher_set_done) struct matcher_set set = {NULL, 0};
    struct log l = {.text = BUF_INIT(4096), .step = 6}; /* the second round ends too late */
    struct matching_options o = options_of(&l);

    (void)state;
    read_set(FILE_OF("{\"owner\":\"slow\",\"pattern\":[{\"regexp\":\"^(a+)+$\",\"message\":1}]}"
                     ","
                     "{\"owner\":\"good\",\"pattern\":[{\"regexp\":\"(!)\",\"message\":1}]}"),
             &set);
    struct matching *m = matching_new(&set, &o);
    assert_true(on_line(m, sv_of(hostile_line)));
    assert_string_equal(l.text.p, "slow failed 1 | slow failed 2 | slow failed 3 | m=!");
    buf_reset(&l.text);
    assert_true(on_line(m, SV("aa!"))); /* it is gone, the other stays */
    assert_string_equal(l.text.p, "m=!");
    matching_free(m);
    buf_free(&l.text);
}

/* Many slow ones take no longer than a few. */
static void test_line_has_limited_time(void **state)
{
    AUTO(matcher_set_done) struct matcher_set set = {NULL, 0};
    AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
    struct log l = {.text = BUF_INIT(1 << 16), .step = 6};
    struct matching_options o = options_of(&l);

    (void)state;
    buf_adds(&b, "{\"problemMatcher\":[");
    for (unsigned i = 0; i < 50; i++)
        buf_addf(&b, "%s{\"owner\":\"o%u\",\"pattern\":[{\"regexp\":\"^(a+)+$\",\"message\":1}]}",
                 i > 0 ? "," : "", i);
    buf_adds(&b, "]}");
    read_set(b.p, &set);
    struct matching *m = matching_new(&set, &o);
    assert_false(on_line(m, sv_of(hostile_line)));
    assert_true(l.now <= 10 * o.timeout_ms);
    matching_free(m);
    buf_free(&l.text);
}

/* Steps are counted from each beginning of a match, of which a line has as many as characters. */
static void test_time_of_all_beginnings(void **state)
{
    AUTO(matcher_set_done) struct matcher_set set = {NULL, 0};
    AUTO(buf_free) struct buf line = BUF_INIT(1000);
    struct log l = {.text = BUF_INIT(4096), .step = 1};
    struct matching_options o = options_of(&l);

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        buf_addc(&line, 'a');
    read_set(ONE("{\"regexp\":\"(?=.*.*[xy])\",\"message\":0}"), &set);
    struct matching *m = matching_new(&set, &o);
    assert_false(on_line(m, buf_sv(&line)));
    assert_string_equal(l.text.p, "o failed 1 | o failed 2 | o failed 3");
    assert_true(l.now <= 10 * o.timeout_ms);
    matching_free(m);
    buf_free(&l.text);
}

/* One step looks at the whole line: their number alone is no limit. */
static void test_long_lines(void **state)
{
    static const char *const patterns[] = {"[^x]+y", "(a|b)*c", "(a*)*b", "(.*)(.*)(.*)(.*)[^a]z",
                                           "(?=(a+))a*b\\\\1"};
    AUTO(buf_free) struct buf line = BUF_INIT(MATCHER_LINE_BYTES);

    (void)state;
    for (size_t i = 0; i + 2 < MATCHER_LINE_BYTES; i++)
        buf_addc(&line, 'a');
    buf_adds(&line, "xy");
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        AUTO(matcher_set_done) struct matcher_set set = {NULL, 0};
        AUTO(auto_free)
        char *json = xasprintf(ONE("{\"regexp\":\"%s\",\"message\":0}"), patterns[i]);
        struct log l = {.text = BUF_INIT(1 << 16), .step = 6};
        struct matching_options o = options_of(&l);
        read_set(json, &set);
        struct matching *m = matching_new(&set, &o);
        assert_false(on_line(m, buf_sv(&line)));
        matching_free(m);
        buf_free(&l.text);
    }
}

/* ---- texts ---- */

static void test_plain_text(void **state)
{
    static const char *const rows[][2] = {
        {"plain", "plain"},
        {"", ""},
        {"\x1b[31mred\x1b[m \x1b[1;32mgreen\x1b[0m", "red green"},
        {"\x1b[01m\x1b[Ka.c:1:\x1b[m\x1b[K x", "a.c:1: x"},
        {"\x1b[38:2::1:2:3mx\x1b[?25l", "x"},
        {"cut \x1b[1", "cut "},
        {"cut \x1b[", "cut "},
        {"cut \x1b", "cut \x1b"},
        {"\x1b]8;;u\x07", "\x1b]8;;u\x07"},
        {"\x1b[\xE2\x82\xAC", "\xE2\x82\xAC"},
    };
    AUTO(buf_free) struct buf b = BUF_INIT(4096);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(auto_free) char *got = sv_dup(matcher_plain_text(sv_of(rows[i][0]), &b));
        assert_string_equal(got, rows[i][1]);
    }
}

static void test_timeout(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* 0 = refused */
    } rows[] = {
        {"0:0:0.5", 500},  {"00:00:01", 1000},   {"1:30", 5400000},
        {"5", 432000000},  {"2.0:0", 172800000}, {"1:2:3:4.25", 93784250},
        {" 0:0:2 ", 2000}, {"0:0:0.0015", 1},    {"0:0:0.1234567", 123},
        {"0:0:0", 0},      {"-0:0:1", 0},        {"", 0},
        {"x", 0},          {"0:0:60", 0},        {"24:0", 0},
        {"0:60", 0},       {"0:0:0.", 0},        {"0:0:0.12345678", 0},
        {"1:2:3:4:5", 0},  {"0::1", 0},          {"99999999999999999999", 0},
        {"1.1:2:3:4", 0},  {"0:0:0.0001", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = 0;
        bool ok = matcher_timeout(sv_of(rows[i].text), &ms);
        if (ok != (rows[i].ms != 0) || ms != rows[i].ms)
            fail_msg("'%s' is %lld", rows[i].text, (long long)ms);
    }
}

int main(void)
{
    enum {
        FILES = sizeof file_cases / sizeof file_cases[0],
        LINES = sizeof line_cases / sizeof line_cases[0]
    };
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_job_list),
        cmocka_unit_test(test_job_list_is_limited),
        cmocka_unit_test(test_running_stream),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_line_has_limited_time),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_plain_text),
        cmocka_unit_test(test_time_of_all_beginnings),
        cmocka_unit_test(test_timeout),
    };
    enum { OTHERS = sizeof others / sizeof others[0] };
    struct CMUnitTest tests[FILES + LINES + OTHERS];
    size_t n = 0;

    for (size_t i = 0; i < FILES; i++)
        tests[n++] = (struct CMUnitTest){.name = file_cases[i].name,
                                         .test_func = check_file,
                                         .initial_state = (void *)(uintptr_t)&file_cases[i]};
    for (size_t i = 0; i < LINES; i++)
        tests[n++] = (struct CMUnitTest){.name = line_cases[i].name,
                                         .test_func = check_lines,
                                         .initial_state = (void *)(uintptr_t)&line_cases[i]};
    for (size_t i = 0; i < OTHERS; i++)
        tests[n++] = others[i];
    return cmocka_run_group_tests_name("matcher", tests, NULL, NULL);
}
