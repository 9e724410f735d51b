/* SPDX-License-Identifier: Apache-2.0
 *
 * A state machine over lines and counted bytes. */
#include "base/http_answer.h"

#include "base/num.h"

void http_answer_init(struct http_answer *a, bool to_head)
{
    *a = (struct http_answer){.to_head = to_head, .line = BUF_INIT(HTTP_LINE_MAX_BYTES)};
}

void http_answer_done(struct http_answer *a)
{
    buf_free(&a->line);
}

static int broken(const char *why, struct err *e)
{
    return err_set(e, FAIL_PROTO, "%s", why);
}

/* ---- head ---- */

/* HTTP/1.x, a blank, three digits, then a blank or the end (RFC 9112 4). */
static int status_line(struct http_answer *a, struct sv line, struct err *e)
{
    uint64_t status;

    if (!sv_starts(line, SV("HTTP/1.")) || line.n < 12 || !ch_is_digit(line.p[7]) ||
        line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' ') ||
        num_u64(sv_sub(line, 9, 3), 999, &status, e) < 0 || status < 100)
        return broken("the answer is not HTTP/1", e);
    a->status = (int)status;
    a->keep = line.p[7] != '0';
    a->has_length = a->chunked = false;
    a->left = 0;
    a->state = HTTP_FIELDS;
    return 0;
}

static int field(struct http_answer *a, struct sv line, struct err *e)
{
    size_t colon = sv_chr(line, ':');
    struct sv name = sv_sub(line, 0, colon == SV_NPOS ? 0 : colon), value, word;
    uint64_t n;

    if (name.n == 0 || ch_is_space(name.p[0]) || ch_is_space(name.p[name.n - 1]))
        return broken("a header of the answer is not 'Name: value'", e);
    value = sv_trim(sv_sub(line, colon + 1, line.n));
    if (sv_ieq(name, SV("Content-Length"))) {
        if (num_u64(value, INT64_MAX, &n, e) < 0 || (a->has_length && n != a->left))
            return broken("the answer's Content-Length is none", e);
        a->has_length = true;
        a->left = n;
    } else if (sv_ieq(name, SV("Transfer-Encoding"))) {
        if (a->chunked || !sv_ieq(value, SV("chunked")))
            return broken("the answer's Transfer-Encoding is not chunked", e);
        a->chunked = true;
    } else if (sv_ieq(name, SV("Connection"))) {
        while (sv_next(&value, ',', &word))
            if (sv_ieq(sv_trim(word), SV("close")))
                a->keep = false;
    }
    return 0;
}

static int head_over(struct http_answer *a, struct err *e)
{
    if (a->status == 101)
        return broken("the answer switches the protocol", e);
    if (a->status < 200) { /* interim: the answer follows */
        a->state = HTTP_STATUS_LINE;
        return 0;
    }
    if (a->to_head || a->status == 204 || a->status == 304) {
        a->state = HTTP_COMPLETE;
    } else if (a->chunked) {
        if (a->has_length) /* RFC 9112 6.3: chunked counts, and nothing more comes over such a connection */
            a->keep = false;
        a->state = HTTP_CHUNK_SIZE;
    } else if (a->has_length) {
        a->state = a->left > 0 ? HTTP_BODY_LENGTH : HTTP_COMPLETE;
    } else {
        a->keep = false;
        a->state = HTTP_BODY_TO_END;
    }
    return 0;
}

/* ---- chunks ---- */

static int chunk_size(struct http_answer *a, struct sv line, struct err *e)
{
    struct sv digits;
    uint64_t n = 0;

    (void)sv_next(&line, ';', &digits); /* extensions mean nothing to us */
    digits = sv_trim(digits);
    for (size_t i = 0; i < digits.n; i++) {
        char c = ch_lower(digits.p[i]);
        if (!ch_is_hex(c) || n > HTTP_CHUNK_MAX_BYTES / 16)
            return broken("a chunk of the answer has no size", e);
        n = n * 16 + (uint64_t)(ch_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    if (digits.n == 0)
        return broken("a chunk of the answer has no size", e);
    a->left = n;
    a->state = n > 0 ? HTTP_CHUNK_DATA : HTTP_TRAILERS;
    return 0;
}

/* ---- lines and bytes ---- */

static int take_line(struct http_answer *a, struct sv line, const struct http_answer_events *ev,
                     struct err *e)
{
    struct sv text = sv_sub(line, 0, line.n - 1); /* without the line feed */

    if (text.n > 0 && text.p[text.n - 1] == '\r')
        text.n--;
    switch (a->state) {
    case HTTP_STATUS_LINE:
        if (status_line(a, text, e) < 0)
            return -1;
        break;
    case HTTP_FIELDS:
        if ((text.n == 0 ? head_over(a, e) : field(a, text, e)) < 0)
            return -1;
        break;
    case HTTP_CHUNK_SIZE:
        return chunk_size(a, text, e);
    case HTTP_CHUNK_BORDER:
        a->state = HTTP_CHUNK_SIZE;
        return text.n == 0 ? 0 : broken("a chunk of the answer is longer than it says", e);
    case HTTP_TRAILERS:
        if (text.n == 0)
            a->state = HTTP_COMPLETE;
        return 0;
    case HTTP_BODY_LENGTH:
    case HTTP_BODY_TO_END:
    case HTTP_CHUNK_DATA:
    case HTTP_COMPLETE:
        BUG(true);
    }
    if (ev->line(ev->ctx, line) < 0)
        return err_set(e, FAIL_CANCELED, "stopped");
    return 0;
}

/* Takes what belongs to the line that is under way, and the line when it is whole. */
static int feed_line(struct http_answer *a, struct sv *in, const struct http_answer_events *ev,
                     struct err *e)
{
    size_t nl = sv_chr(*in, '\n');
    struct sv part = sv_sub(*in, 0, nl == SV_NPOS ? in->n : nl + 1);

    *in = sv_sub(*in, part.n, in->n);
    a->head += part.n;
    buf_addsv(&a->line, part);
    if (a->line.over || a->head > HTTP_HEAD_MAX_BYTES)
        return err_set(e, FAIL_LIMIT, "the head of the answer is too large");
    if (nl == SV_NPOS)
        return 0;
    if (a->state == HTTP_CHUNK_SIZE) /* only heads and trailers count together */
        a->head = 0;
    int rc = take_line(a, buf_sv(&a->line), ev, e);
    buf_reset(&a->line);
    return rc;
}

static int feed_bytes(struct http_answer *a, struct sv *in, const struct http_answer_events *ev,
                      struct err *e)
{
    bool counted = a->state != HTTP_BODY_TO_END;
    size_t n = counted && a->left < in->n ? (size_t)a->left : in->n;

    if (ev->body(ev->ctx, in->p, n) < 0)
        return err_set(e, FAIL_CANCELED, "stopped");
    *in = sv_sub(*in, n, in->n);
    if (!counted)
        return 0;
    a->left -= n;
    if (a->left == 0)
        a->state = a->state == HTTP_CHUNK_DATA ? HTTP_CHUNK_BORDER : HTTP_COMPLETE;
    return 0;
}

int http_answer_feed(struct http_answer *a, struct sv in, const struct http_answer_events *ev,
                     struct err *e)
{
    a->begun |= in.n > 0;
    while (in.n > 0 && a->state != HTTP_COMPLETE) {
        bool bytes = a->state == HTTP_BODY_LENGTH || a->state == HTTP_BODY_TO_END ||
                     a->state == HTTP_CHUNK_DATA;
        if ((bytes ? feed_bytes : feed_line)(a, &in, ev, e) < 0)
            return -1;
    }
    if (a->state != HTTP_COMPLETE)
        return 0;
    if (in.n > 0)
        a->keep = false;
    return 1;
}

int http_answer_end(struct http_answer *a, struct err *e)
{
    if (a->state == HTTP_BODY_TO_END) {
        a->state = HTTP_COMPLETE;
        return 0;
    }
    if (!a->begun)
        return err_set(e, FAIL_NET, "the connection was closed without an answer");
    if (a->state == HTTP_STATUS_LINE || a->state == HTTP_FIELDS)
        return err_set(e, FAIL_NET, "connection closed in the headers of the answer");
    return err_set(e, FAIL_NET, "connection closed %llu bytes before the end of the %s",
                   (unsigned long long)a->left, a->state == HTTP_BODY_LENGTH ? "answer" : "chunk");
}
