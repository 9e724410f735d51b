/* SPDX-License-Identifier: Apache-2.0
 *
 * Matcher files (spec logs 1.6.1): JSON as .NET's reader takes it (case of names ignored, comments, a comma too much),
 * and the rules of the official runner with its texts.
 * Source: actions/runner 2.336.0 src/Runner.Worker/IssueMatcher.cs. */
#include <jansson.h>
#include <stdio.h>

#include "actions/fold.h"
#include "actions/matcher_priv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"

#define DEPTH_TEXT 80U /* of a place in the file, for errors */

static const char *const property_names[MATCHED_COUNT_] = {
    [MATCHED_FILE] = "file",         [MATCHED_LINE] = "line", [MATCHED_COLUMN] = "column",
    [MATCHED_SEVERITY] = "severity", [MATCHED_CODE] = "code", [MATCHED_MESSAGE] = "message",
    [MATCHED_FROM_PATH] = "fromPath"};

/* ---- what .NET's reader lets pass ---- */

static size_t end_of_string(struct sv s, size_t i)
{
    for (i++; i < s.n && s.p[i] != '"'; i++)
        if (s.p[i] == '\\')
            i++;
    return i < s.n ? i + 1 : s.n;
}

/* Behind a comment that begins at i, or i itself. */
static size_t end_of_comment(struct sv s, size_t i)
{
    if (i + 1 >= s.n || s.p[i] != '/')
        return i;
    if (s.p[i + 1] == '/') {
        size_t n = sv_chr(sv_sub(s, i, s.n), '\n');
        return n == SV_NPOS ? s.n : i + n;
    }
    if (s.p[i + 1] != '*')
        return i;
    size_t n = sv_find(sv_sub(s, i + 2, s.n), SV("*/"));
    return n == SV_NPOS ? s.n : i + 2 + n + 2;
}

void matcher_json_strict(struct sv s, struct buf *out)
{
    size_t comma = SV_NPOS; /* in *out: nothing but blanks since */

    if (sv_starts(s, SV("\xEF\xBB\xBF")))
        s = sv_sub(s, 3, s.n);
    for (size_t i = 0; i < s.n && !out->over;) {
        size_t end = s.p[i] == '"' ? end_of_string(s, i) : i + 1;
        size_t comment = end_of_comment(s, i);
        if (comment > i) {
            for (; i < comment; i++)
                buf_addc(out, s.p[i] == '\n' ? '\n' : ' ');
            continue;
        }
        if ((s.p[i] == ']' || s.p[i] == '}') && comma != SV_NPOS)
            out->p[comma] = ' ';
        if (!ch_is_space(s.p[i]))
            comma = s.p[i] == ',' ? out->len : SV_NPOS;
        buf_addsv(out, sv_sub(s, i, end - i));
        i = end;
    }
}

static json_t *parse(struct sv text, struct err *e)
{
    AUTO(buf_free) struct buf strict = BUF_INIT(MATCHER_FILE_BYTES);

    if (text.n > MATCHER_FILE_BYTES) {
        (void)err_set(e, FAIL_LIMIT, "a matcher file is larger than %zu bytes", MATCHER_FILE_BYTES);
        return NULL;
    }
    matcher_json_strict(text, &strict);
    json_t *root = jx_parse_lax(buf_sv(&strict), "matcher file", e);
    if (root != NULL && !json_is_object(root)) {
        json_decref(root);
        (void)err_set(e, FAIL_INPUT,
                      "a matcher file holds an object with the key 'problemMatcher'");
        return NULL;
    }
    return root;
}

/* ---- members ---- */

static int array_of(const json_t *o, const char *key, const char *where, json_t **out,
                    struct err *e)
{
    json_t *v = jx_iget(o, key);

    if (v != NULL && !json_is_null(v) && !json_is_array(v))
        return err_set(e, FAIL_INPUT, "'%s%s' is not an array", where, key);
    *out = json_is_array(v) ? v : NULL;
    return 0;
}

static int text_of(const json_t *o, const char *key, const char *where, struct sv *out,
                   struct err *e)
{
    const json_t *v = jx_iget(o, key);

    *out = SV("");
    if (v == NULL || json_is_null(v))
        return 0;
    if (!json_is_string(v))
        return err_set(e, FAIL_INPUT, "'%s%s' is not a string", where, key);
    *out = (struct sv){json_string_value(v), json_string_length(v)};
    return memchr(out->p, '\0', out->n) == NULL
               ? 0
               : err_set(e, FAIL_INPUT, "'%s%s' holds a NUL character", where, key);
}

/* A number, or its text, which .NET's reader converts. */
static int number_of(const json_t *o, const char *key, const char *where, bool *set, int64_t *out,
                     struct err *e)
{
    const json_t *v = jx_iget(o, key);
    struct err ignored = {0}; /* its own text follows */

    *set = v != NULL && !json_is_null(v);
    if (!*set)
        return 0;
    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        if (*out >= INT32_MIN && *out <= INT32_MAX)
            return 0;
    } else if (json_is_string(v) &&
               num_i64((struct sv){json_string_value(v), json_string_length(v)}, INT32_MIN,
                       INT32_MAX, out, &ignored) == 0) {
        return 0;
    }
    return err_set(e, FAIL_INPUT, "'%s%s' is not an integer", where, key);
}

static int flag_of(const json_t *o, const char *key, const char *where, bool *out, struct err *e)
{
    const json_t *v = jx_iget(o, key);

    *out =
        json_is_true(v) || (json_is_string(v) && sv_ieq(sv_of(json_string_value(v)), SV("true")));
    if (v == NULL || json_is_boolean(v) || json_is_string(v))
        return 0;
    return err_set(e, FAIL_INPUT, "'%s%s' is not a boolean", where, key);
}

/* ---- one matcher ---- */

/* Numbers that the patterns before have set. */
struct seen {
    bool v[MATCHED_COUNT_];
};

static int read_groups(const json_t *o, const char *where, struct matcher_pattern *p,
                       struct seen *seen, struct err *e)
{
    unsigned count = matcher_regex_groups(p->regex);

    for (int k = 0; k < MATCHED_COUNT_; k++) {
        int64_t number = -1;
        bool set;
        if (number_of(o, property_names[k], where, &set, &number, e) < 0)
            return -1;
        p->group[k] = -1;
        if (!set)
            continue;
        if (seen->v[k])
            return err_set(e, FAIL_INPUT, "The property '%s' is set twice", property_names[k]);
        if (number < 0 || number >= (int64_t)count)
            return err_set(e, FAIL_INPUT, "The property '%s' is set to %lld which is out of range",
                           property_names[k], (long long)number);
        seen->v[k] = true;
        p->group[k] = (int)number;
    }
    return 0;
}

static int read_pattern(const json_t *o, const char *where, struct matcher *m, struct seen *seen,
                        bool last, struct err *e)
{
    struct matcher_pattern *p = &m->patterns[m->n];
    const json_t *message = jx_iget(o, "message");
    struct sv regexp;

    if (!json_is_object(o))
        return err_set(e, FAIL_INPUT, "'%s' is not an object", where);
    if (text_of(o, "regexp", where, &regexp, e) < 0 || flag_of(o, "loop", where, &p->loop, e) < 0)
        return -1;
    if (p->loop && (m->n == 0 || !last))
        return err_set(e, FAIL_INPUT,
                       "Only the last pattern in a multiline matcher may set 'loop'");
    if (p->loop && (message == NULL || json_is_null(message)))
        return err_set(e, FAIL_INPUT, "The loop pattern must set 'message'");
    if (matcher_regex_new(regexp, &p->regex, e) < 0)
        return -1;
    m->n++; /* from here on it is the matcher's to free */
    return read_groups(o, where, p, seen, e);
}

static bool is_severity(struct sv s)
{
    return s.n == 0 || sv_ieq(s, SV("error")) || sv_ieq(s, SV("warning")) ||
           sv_ieq(s, SV("notice"));
}

static int read_patterns(const json_t *list, const char *where, struct matcher *m, struct err *e)
{
    size_t n = json_array_size(list); /* 0 for none */
    struct seen seen = {{false}};

    if (n == 0)
        return err_set(e, FAIL_INPUT, "Matcher '%.100s' does not contain any patterns", m->owner);
    if (n > MATCHER_OWN_PATTERNS)
        return err_set(e, FAIL_LIMIT, "Matcher '%.100s' has more than %u patterns", m->owner,
                       MATCHER_OWN_PATTERNS);
    m->patterns = xcalloc(n, sizeof *m->patterns);
    for (size_t i = 0; i < n; i++) {
        char place[DEPTH_TEXT];
        (void)snprintf(place, sizeof place, "%spattern[%zu].", where, i);
        if (read_pattern(json_array_get(list, i), place, m, &seen, i + 1 == n, e) < 0)
            return -1;
    }
    if (!seen.v[MATCHED_MESSAGE])
        return err_set(e, FAIL_INPUT, "At least one pattern must set 'message'");
    return 0;
}

static int read_matcher(const json_t *o, const char *where, struct matcher *m, struct err *e)
{
    struct sv owner, severity, from_path;
    json_t *patterns;

    if (!json_is_object(o))
        return err_set(e, FAIL_INPUT, "'%s' is not an object", where);
    if (text_of(o, "owner", where, &owner, e) < 0 ||
        text_of(o, "severity", where, &severity, e) < 0 ||
        text_of(o, "fromPath", where, &from_path, e) < 0 ||
        array_of(o, "pattern", where, &patterns, e) < 0)
        return -1;
    m->owner = sv_dup(owner);
    m->severity = sv_dup(severity);
    m->from_path = sv_dup(from_path);
    if (owner.n == 0)
        return err_set(e, FAIL_INPUT, "Owner must not be empty");
    if (!is_severity(severity))
        return err_set(e, FAIL_INPUT,
                       "Matcher '%.100s' contains unexpected default severity '%.60s'", m->owner,
                       m->severity);
    return read_patterns(patterns, where, m, e);
}

/* ---- the file ---- */

static int add_matcher(const json_t *o, struct matcher_set *out, struct err *e)
{
    struct matcher *m = xcalloc(1, sizeof *m);
    char place[DEPTH_TEXT];

    m->refs = 1;
    (void)snprintf(place, sizeof place, "problemMatcher[%zu].", out->n);
    out->v[out->n++] = m;
    if (read_matcher(o, place, m, e) < 0)
        return -1;
    for (size_t i = 0; i + 1 < out->n; i++)
        if (fold_eq(matcher_owner(out->v[i]), matcher_owner(m)))
            return err_set(e, FAIL_INPUT, "Duplicate owner name '%.100s'", m->owner);
    return 0;
}

int matcher_file_read(struct sv text, struct matcher_set *out, struct err *e)
{
    AUTO(matcher_set_done) struct matcher_set set = {NULL, 0};
    AUTO(auto_json) json_t *root = parse(text, e);
    json_t *list;

    if (root == NULL || array_of(root, "problemMatcher", "", &list, e) < 0)
        return -1;
    size_t n = json_array_size(list);
    if (n > MATCHER_PATTERNS)
        return err_set(e, FAIL_LIMIT, "a matcher file holds more than %u matchers",
                       MATCHER_PATTERNS);
    set.v = xcalloc(n + 1, sizeof(struct matcher *));
    for (size_t i = 0; i < n; i++)
        if (add_matcher(json_array_get(list, i), &set, e) < 0)
            return -1;
    *out = set;
    set = (struct matcher_set){NULL, 0};
    return 0;
}

int matcher_file_owners(struct sv text, struct strv *out, struct err *e)
{
    AUTO(auto_json) json_t *root = parse(text, e);
    AUTO(strv_free) struct strv owners = STRV_INIT;
    json_t *list;

    if (root == NULL || array_of(root, "problemMatcher", "", &list, e) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        char place[DEPTH_TEXT];
        struct sv owner;
        (void)snprintf(place, sizeof place, "problemMatcher[%zu].", i);
        if (!json_is_object(o))
            return err_set(e, FAIL_INPUT, "'%s' is not an object", place);
        if (text_of(o, "owner", place, &owner, e) < 0)
            return -1;
        strv_addsv(&owners, owner);
    }
    for (size_t i = 0; i < owners.n; i++)
        strv_add(out, owners.v[i]);
    return 0;
}
