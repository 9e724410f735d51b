/* SPDX-License-Identifier: Apache-2.0
 *
 * A pull walker over JSON text: a cursor, the grammar of RFC 8259, a depth limit. Values that nobody asked
 * for are checked and skipped without an allocation. */
#include "runner/listener/envelope.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>

struct walk {
    const char *start, *p, *end;
    unsigned depth;
    struct err *e;
};

static int bad(struct walk *w, const char *what)
{
    return err_set(w->e, FAIL_PROTO, "job message: %s at byte %zu", what,
                   (size_t)(w->p - w->start));
}

static void blanks(struct walk *w)
{
    while (w->p < w->end && (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
        w->p++;
}

static bool eat(struct walk *w, char c)
{
    if (w->p >= w->end || *w->p != c)
        return false;
    w->p++;
    return true;
}

static int hex4(struct walk *w, unsigned *out)
{
    unsigned v = 0;

    if (w->end - w->p < 4)
        return bad(w, "short \\u escape");
    for (int i = 0; i < 4; i++) {
        char c = *w->p;
        if (!ch_is_hex(c))
            return bad(w, "wrong \\u escape");
        v = v << 4 | (unsigned)(ch_is_digit(c) ? c - '0' : ch_lower(c) - 'a' + 10);
        w->p++;
    }
    *out = v;
    return 0;
}

/* After "\u": one code point, joining a surrogate pair; a lone surrogate becomes U+FFFD. */
static int unicode(struct walk *w, struct buf *out)
{
    unsigned hi, lo;

    if (hex4(w, &hi) < 0)
        return -1;
    if (hi >= 0xd800 && hi < 0xdc00 && w->end - w->p >= 2 && w->p[0] == '\\' && w->p[1] == 'u') {
        const char *before = w->p;
        w->p += 2;
        if (hex4(w, &lo) < 0)
            return -1;
        if (lo >= 0xdc00 && lo < 0xe000) {
            hi = 0x10000 + ((hi - 0xd800) << 10) + (lo - 0xdc00);
        } else {
            w->p = before;
            hi = 0xfffd;
        }
    } else if (hi >= 0xd800 && hi < 0xe000) {
        hi = 0xfffd;
    }
    if (out != NULL)
        buf_add_utf8(out, hi);
    return 0;
}

static int escape(struct walk *w, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;
    char c;

    if (w->p >= w->end)
        return bad(w, "unfinished escape");
    c = *w->p++;
    if (c == 'u')
        return unicode(w, out);
    at = c == '\0' ? NULL : strchr(from, c);
    if (at == NULL)
        return bad(w, "unknown escape");
    if (out != NULL)
        buf_addc(out, to[at - from]);
    return 0;
}

/* A string literal; decoded into *out unless NULL. */
static int string(struct walk *w, struct buf *out)
{
    if (!eat(w, '"'))
        return bad(w, "expected a string");
    for (;;) {
        const char *run = w->p;
        while (w->p < w->end && *w->p != '"' && *w->p != '\\' && (unsigned char)*w->p >= 0x20)
            w->p++;
        if (out != NULL)
            buf_add(out, run, (size_t)(w->p - run));
        if (w->p >= w->end)
            return bad(w, "unfinished string");
        if (*w->p == '"') {
            w->p++;
            return 0;
        }
        if (*w->p != '\\')
            return bad(w, "control character in a string");
        w->p++;
        if (escape(w, out) < 0)
            return -1;
    }
}

static int digits(struct walk *w)
{
    const char *from = w->p;

    while (w->p < w->end && ch_is_digit(*w->p))
        w->p++;
    return w->p > from ? 0 : bad(w, "expected a digit");
}

static int number(struct walk *w)
{
    (void)eat(w, '-');
    if (!eat(w, '0') && digits(w) < 0)
        return -1;
    if (eat(w, '.') && digits(w) < 0)
        return -1;
    if (eat(w, 'e') || eat(w, 'E')) {
        if (!eat(w, '+'))
            (void)eat(w, '-');
        return digits(w);
    }
    return 0;
}

static int word(struct walk *w, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(w->end - w->p) < n || memcmp(w->p, text, n) != 0)
        return bad(w, "unknown word");
    w->p += n;
    return 0;
}

static int skip(struct walk *w);

/* Called for each member (key decoded) or item (key NULL) with the cursor on its value, which it consumes. */
typedef int visit_fn(struct walk *w, void *ctx, const char *key);

static int object(struct walk *w, visit_fn *visit, void *ctx)
{
    if (!eat(w, '{'))
        return bad(w, "expected an object");
    if (++w->depth > GH_ENVELOPE_MAX_DEPTH)
        return err_set(w->e, FAIL_LIMIT, "job message: nested deeper than %u",
                       GH_ENVELOPE_MAX_DEPTH);
    blanks(w);
    if (eat(w, '}')) {
        w->depth--;
        return 0;
    }
    do {
        /* Longer keys are none of ours: cut, which cannot make them equal to one. */
        AUTO(buf_free) struct buf key = BUF_INIT(64);

        blanks(w);
        if (string(w, visit != NULL ? &key : NULL) < 0)
            return -1;
        blanks(w);
        if (!eat(w, ':'))
            return bad(w, "expected ':'");
        blanks(w);
        if ((visit == NULL || key.over ? skip(w) : visit(w, ctx, key.p)) < 0)
            return -1;
        blanks(w);
    } while (eat(w, ','));
    if (!eat(w, '}'))
        return bad(w, "expected ',' or '}'");
    w->depth--;
    return 0;
}

static int array(struct walk *w, visit_fn *visit, void *ctx)
{
    if (!eat(w, '['))
        return bad(w, "expected an array");
    if (++w->depth > GH_ENVELOPE_MAX_DEPTH)
        return err_set(w->e, FAIL_LIMIT, "job message: nested deeper than %u",
                       GH_ENVELOPE_MAX_DEPTH);
    blanks(w);
    if (eat(w, ']')) {
        w->depth--;
        return 0;
    }
    do {
        blanks(w);
        if ((visit == NULL ? skip(w) : visit(w, ctx, NULL)) < 0)
            return -1;
        blanks(w);
    } while (eat(w, ','));
    if (!eat(w, ']'))
        return bad(w, "expected ',' or ']'");
    w->depth--;
    return 0;
}

static int skip(struct walk *w)
{
    if (w->p >= w->end)
        return bad(w, "unexpected end");
    switch (*w->p) {
    case '{':
        return object(w, NULL, NULL);
    case '[':
        return array(w, NULL, NULL);
    case '"':
        return string(w, NULL);
    case 't':
        return word(w, "true");
    case 'f':
        return word(w, "false");
    case 'n':
        return word(w, "null");
    default:
        return number(w);
    }
}

static bool is_null(const struct walk *w)
{
    return w->p < w->end && *w->p == 'n';
}

/* A text field that may be null and comes once at most. */
static int text(struct walk *w, const char *name, char **out)
{
    AUTO(buf_free) struct buf b = BUF_INIT(GH_ENVELOPE_MAX_TEXT);
    struct err local;

    if (*out != NULL)
        return err_set(w->e, FAIL_PROTO, "job message: '%s' is there twice", name);
    if (is_null(w))
        return skip(w);
    if (string(w, &b) < 0)
        return -1;
    if (buf_done(&b, name, &local) < 0)
        return err_set(w->e, FAIL_LIMIT, "job message: '%s' is longer than %u bytes", name,
                       GH_ENVELOPE_MAX_TEXT);
    if (memchr(b.p, '\0', b.len) != NULL)
        return err_set(w->e, FAIL_PROTO, "job message: NUL in '%s'", name);
    *out = xmemdup(b.p, b.len);
    return 0;
}

static bool is(const char *key, const char *want)
{
    return sv_ieq(sv_of(key), sv_of(want));
}

struct endpoint {
    char *name, *url, *scheme;
    struct secret token;
};

static void endpoint_done(struct endpoint *p)
{
    free(p->name);
    free(p->url);
    free(p->scheme);
    secret_free(&p->token);
}

static int on_parameter(struct walk *w, void *ctx, const char *key)
{
    struct endpoint *p = ctx;
    struct buf b = BUF_INIT(GH_ENVELOPE_MAX_TOKEN);
    struct err local;
    int rc;

    if (!is(key, "AccessToken"))
        return skip(w);
    if (p->token.p != NULL)
        return err_set(w->e, FAIL_PROTO, "job message: 'AccessToken' is there twice");
    rc = string(w, &b);
    if (rc == 0 && buf_done(&b, "AccessToken", &local) < 0)
        rc = err_set(w->e, FAIL_LIMIT, "job message: 'AccessToken' is longer than %u bytes",
                     GH_ENVELOPE_MAX_TOKEN);
    if (rc == 0)
        p->token = secret_new(b.p, b.len);
    if (b.cap > 0)
        secret_wipe(b.p, b.len);
    buf_free(&b);
    return rc;
}

static int on_authorization(struct walk *w, void *ctx, const char *key)
{
    struct endpoint *p = ctx;

    if (is(key, "scheme"))
        return text(w, "authorization.scheme", &p->scheme);
    if (is(key, "parameters") && !is_null(w))
        return object(w, on_parameter, p);
    return skip(w);
}

static int on_endpoint_member(struct walk *w, void *ctx, const char *key)
{
    struct endpoint *p = ctx;

    if (is(key, "name"))
        return text(w, "endpoint name", &p->name);
    if (is(key, "url"))
        return text(w, "endpoint url", &p->url);
    if (is(key, "authorization") && !is_null(w))
        return object(w, on_authorization, p);
    return skip(w);
}

static int on_endpoint(struct walk *w, void *ctx, const char *key)
{
    struct gh_envelope *v = ctx;
    AUTO(endpoint_done) struct endpoint p = {.name = NULL};

    (void)key; /* an item */
    if (object(w, on_endpoint_member, &p) < 0)
        return -1;
    if (p.name == NULL || !is(p.name, "SystemVssConnection"))
        return 0;
    if (v->url != NULL)
        return err_set(w->e, FAIL_PROTO, "job message: two endpoints named SystemVssConnection");
    if (p.url == NULL || p.url[0] == '\0' || p.token.p == NULL || p.token.n == 0)
        return err_set(w->e, FAIL_PROTO, "job message: SystemVssConnection without url or token");
    if (p.scheme != NULL && !is(p.scheme, "OAuth"))
        return err_set(w->e, FAIL_PROTO, "job message: SystemVssConnection with scheme '%.40s'",
                       p.scheme);
    v->url = TAKE_PTR(p.url);
    v->token = p.token;
    p.token = (struct secret){NULL, 0};
    return 0;
}

static int on_resources(struct walk *w, void *ctx, const char *key)
{
    if (is(key, "endpoints") && !is_null(w))
        return array(w, on_endpoint, ctx);
    return skip(w);
}

static int on_plan(struct walk *w, void *ctx, const char *key)
{
    struct gh_envelope *v = ctx;

    return is(key, "planId") ? text(w, "planId", &v->plan_id) : skip(w);
}

static int request_id(struct walk *w, int64_t *out)
{
    const char *from = w->p;
    bool minus = eat(w, '-');
    int64_t v = 0;

    if (is_null(w) && !minus)
        return skip(w);
    while (w->p < w->end && ch_is_digit(*w->p)) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *w->p - '0', &v))
            return err_set(w->e, FAIL_PROTO, "job message: 'requestId' is above 64 bits");
        w->p++;
    }
    if (w->p == from + (minus ? 1 : 0))
        return bad(w, "'requestId' is not a number");
    *out = minus ? -v : v;
    return 0;
}

static int on_top(struct walk *w, void *ctx, const char *key)
{
    struct gh_envelope *v = ctx;

    if (is(key, "messageType"))
        return text(w, "messageType", &v->message_type);
    if (is(key, "plan"))
        return object(w, on_plan, v);
    if (is(key, "jobId"))
        return text(w, "jobId", &v->job_id);
    if (is(key, "jobDisplayName"))
        return text(w, "jobDisplayName", &v->display_name);
    if (is(key, "requestId"))
        return request_id(w, &v->request_id);
    if (is(key, "billingOwnerId"))
        return text(w, "billingOwnerId", &v->billing_owner);
    if (is(key, "resources"))
        return object(w, on_resources, v);
    return skip(w);
}

static int check_id(const char *s, const char *name, struct err *e)
{
    if (s == NULL || s[0] == '\0')
        return err_set(e, FAIL_PROTO, "job message: '%s' is missing", name);
    if (strlen(s) > 64)
        return err_set(e, FAIL_PROTO, "job message: '%s' is not an id", name);
    for (const char *p = s; *p != '\0'; p++)
        if (!ch_is_alnum(*p) && *p != '-' && *p != '_')
            return err_set(e, FAIL_PROTO, "job message: '%s' is not an id", name);
    return 0;
}

int gh_envelope_parse(struct sv json, struct gh_envelope *out, struct err *e)
{
    AUTO(gh_envelope_done) struct gh_envelope v = GH_ENVELOPE_INIT;
    struct walk w = {.start = json.p, .p = json.p, .end = json.p + json.n, .e = e};

    if (json.n > GH_MESSAGE_MAX_BYTES)
        return err_set(e, FAIL_LIMIT, "job message: larger than %u bytes", GH_MESSAGE_MAX_BYTES);
    if (sv_starts(json, SV("\xef\xbb\xbf"))) /* answers may begin with a BOM (9.2) */
        w.p += 3;
    blanks(&w);
    if (object(&w, on_top, &v) < 0)
        return -1;
    blanks(&w);
    if (w.p != w.end)
        return bad(&w, "text behind the end");
    if (check_id(v.message_type, "messageType", e) < 0 || check_id(v.plan_id, "planId", e) < 0 ||
        check_id(v.job_id, "jobId", e) < 0)
        return -1;
    if (v.url == NULL)
        return err_set(e, FAIL_PROTO, "job message: no endpoint named SystemVssConnection");
    if (v.display_name == NULL)
        v.display_name = xstrdup("");
    *out = v;
    v = GH_ENVELOPE_INIT;
    return 0;
}

void gh_envelope_done(struct gh_envelope *v)
{
    free(v->message_type);
    free(v->plan_id);
    free(v->job_id);
    free(v->display_name);
    free(v->billing_owner);
    free(v->url);
    secret_free(&v->token);
    *v = GH_ENVELOPE_INIT;
}
