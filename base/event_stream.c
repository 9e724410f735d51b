/* SPDX-License-Identifier: Apache-2.0
 *
 * The stream of events, written and taken apart. */
#include "base/event_stream.h"

#include "base/mem.h"

#define BLOCK_START "{\"type\":\"log.block\","

struct event_reader {
    event_object_fn *object;
    event_line_fn *line;
    void *ctx;
    struct buf text; /* an object, or a line, that is not whole yet */
    json_t *head;    /* of the block under way; NULL: none */
    struct event_block block;
    uint64_t left; /* bytes of it to come */
    uint64_t seq;  /* of its line under way */
    bool inside;   /* a part of that line was handed on */
    uint64_t fed, whole;
    uint64_t last; /* event that was handed on, or is not wanted */
    uint64_t open; /* the line that was handed on in part, and bytes of it: */
    uint64_t shown, came;
};

/* ---- writing ----------------------------------------------------------------------------------------- */

static void add_number(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do
        digits[--n] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    buf_add(b, digits + n, sizeof digits - n);
}

static void add_names(struct buf *b, const struct event_block *k)
{
    buf_adds(b, "\"job\":");
    jx_quote(b, k->job);
    buf_adds(b, ",\"name\":");
    jx_quote(b, k->name);
    buf_adds(b, ",\"step\":");
    if (k->step < 0)
        buf_addc(b, '-');
    add_number(b, k->step < 0 ? 0 - (uint64_t)k->step : (uint64_t)k->step);
}

void event_block_head(struct buf *b, const struct event_block *k)
{
    buf_adds(b, BLOCK_START);
    add_names(b, k);
    buf_adds(b, ",\"lines\":");
    add_number(b, k->lines);
    buf_adds(b, ",\"bytes\":");
    add_number(b, k->bytes);
    if (k->partial)
        buf_adds(b, ",\"partial\":true");
    buf_adds(b, ",\"time\":");
    jx_quote(b, k->time);
    buf_adds(b, ",\"seq\":");
    add_number(b, k->seq);
    buf_adds(b, "}\n");
}

void event_line_json(struct buf *b, const struct event_line *l)
{
    if (l->first) {
        buf_adds(b, "{\"type\":\"log\",");
        add_names(b, l->block);
        buf_adds(b, ",\"line\":\"");
    }
    jx_escape(b, l->text);
    if (!l->last)
        return;
    buf_adds(b, l->block->partial ? "\",\"partial\":true,\"time\":" : "\",\"time\":");
    jx_quote(b, l->block->time);
    buf_adds(b, ",\"seq\":");
    add_number(b, l->seq);
    buf_adds(b, "}\n");
}

/* ---- reading ----------------------------------------------------------------------------------------- */

struct event_reader *event_reader_new(event_object_fn *object, event_line_fn *line, void *ctx)
{
    struct event_reader *r = xcalloc(1, sizeof *r);

    r->object = object;
    r->line = line;
    r->ctx = ctx;
    r->text = BUF_INIT(EVENT_MAX_BYTES);
    return r;
}

static void end_block(struct event_reader *r)
{
    auto_json(&r->head);
    r->left = 0;
    r->inside = false;
    buf_reset(&r->text);
}

void event_reader_free(struct event_reader *r)
{
    if (r == NULL)
        return;
    end_block(r);
    buf_free(&r->text);
    free(r);
}

void event_reader_resume(struct event_reader *r)
{
    end_block(r);
    r->fed = r->whole = r->came = 0;
}

void event_reader_begin(struct event_reader *r, uint64_t after)
{
    event_reader_resume(r);
    r->last = after;
    r->open = r->shown = 0;
}

uint64_t event_reader_last(const struct event_reader *r)
{
    return r->last;
}

uint64_t event_reader_whole(const struct event_reader *r)
{
    return r->whole;
}

/* After an interruption a line comes from its start: what was handed on of it is passed over. */
static int hand_on_rest(struct event_reader *r, struct event_line *l, struct err *e)
{
    if (l->seq != r->open) {
        r->open = l->seq;
        r->shown = r->came = 0;
    }
    r->came += l->text.n;
    if (r->came <= r->shown && !l->last)
        return 0;
    uint64_t fresh = r->came > r->shown ? r->came - r->shown : 0;
    if (fresh < l->text.n)
        l->text = sv_sub(l->text, l->text.n - (size_t)fresh, (size_t)fresh);
    l->first = r->shown == 0;
    r->shown = r->came;
    if (l->last) {
        r->last = l->seq;
        r->open = 0;
    }
    return r->line(r->ctx, l, e);
}

static int hand_on(struct event_reader *r, struct sv text, bool last, struct err *e)
{
    struct event_line l = {.block = &r->block, .seq = r->seq, .text = text, .last = last};

    r->inside = !last;
    if (last)
        r->seq++;
    return l.seq > r->last ? hand_on_rest(r, &l, e) : 0;
}

/* The line under way ends with this. */
static int end_line(struct event_reader *r, struct sv tail, struct err *e)
{
    int rc;

    if (r->text.len == 0)
        return hand_on(r, tail, true, e);
    buf_addsv(&r->text, tail);
    rc = hand_on(r, buf_sv(&r->text), true, e);
    buf_reset(&r->text);
    return rc;
}

/* It goes on: what is too long to be held is handed on as far as its characters are whole. */
static int keep(struct event_reader *r, struct sv part, struct err *e)
{
    buf_addsv(&r->text, part);
    if (r->text.len < EVENT_LINE_BYTES)
        return 0;
    size_t n = utf8_whole(buf_sv(&r->text));
    int rc = hand_on(r, sv_sub(buf_sv(&r->text), 0, n), false, e);
    buf_consume(&r->text, n);
    return rc;
}

static int block_over(struct event_reader *r, struct err *e)
{
    if (r->block.partial && end_line(r, SV(""), e) < 0)
        return -1;
    if (r->inside || r->text.len > 0 || r->seq - r->block.seq != r->block.lines)
        return err_set(e, FAIL_PROTO, "a block of log lines is not what its head says");
    end_block(r);
    r->whole = r->fed;
    return 0;
}

static int feed_block(struct event_reader *r, struct sv *in, struct err *e)
{
    struct sv part = sv_sub(*in, 0, r->left < in->n ? (size_t)r->left : in->n);

    *in = sv_sub(*in, part.n, in->n);
    r->left -= part.n;
    r->fed += part.n;
    while (part.n > 0) {
        size_t nl = r->block.partial ? SV_NPOS : sv_chr(part, '\n');
        if (nl == SV_NPOS) {
            if (keep(r, part, e) < 0)
                return -1;
            break;
        }
        if (end_line(r, sv_sub(part, 0, nl), e) < 0)
            return -1;
        part = sv_sub(part, nl + 1, part.n);
    }
    return r->left == 0 ? block_over(r, e) : 0;
}

static int begin_block(struct event_reader *r, json_t *own_head, struct err *e)
{
    int64_t lines, bytes, seq;
    struct event_block *k = &r->block;

    r->head = own_head;
    *k = (struct event_block){.partial = jx_bool(own_head, "partial", false)};
    if (jx_need_str(own_head, "job", &k->job, e) < 0 ||
        jx_need_str(own_head, "name", &k->name, e) < 0 ||
        jx_need_str(own_head, "time", &k->time, e) < 0 ||
        jx_need_int(own_head, "step", &k->step, e) < 0 ||
        jx_need_int(own_head, "lines", &lines, e) < 0 ||
        jx_need_int(own_head, "bytes", &bytes, e) < 0 || jx_need_int(own_head, "seq", &seq, e) < 0)
        return -1;
    if (lines < 1 || bytes < 1 || seq < 1 || (k->partial && lines != 1))
        return err_set(e, FAIL_PROTO, "a block of log lines has no sensible head");
    k->lines = (uint64_t)lines;
    k->bytes = r->left = (uint64_t)bytes;
    k->seq = r->seq = (uint64_t)seq;
    return 0;
}

static int take_object(struct event_reader *r, struct sv text, struct err *e)
{
    AUTO(auto_json) json_t *j = NULL;
    int64_t seq;

    if (text.n == 0)
        return 0;
    j = jx_parse_lax(text, "event of the run", e);
    if (j == NULL)
        return -1;
    if (sv_starts(text, SV(BLOCK_START)))
        return begin_block(r, TAKE_PTR(j), e);
    seq = jx_int(j, "seq", 0);
    if (seq > 0 && (uint64_t)seq <= r->last)
        return 0;
    if (seq > 0)
        r->last = (uint64_t)seq;
    return r->object(r->ctx, text, j, e);
}

static int feed_object(struct event_reader *r, struct sv *in, struct err *e)
{
    size_t nl = sv_chr(*in, '\n');
    struct sv part = sv_sub(*in, 0, nl == SV_NPOS ? in->n : nl);
    int rc;

    *in = sv_sub(*in, nl == SV_NPOS ? in->n : nl + 1, in->n);
    r->fed += nl == SV_NPOS ? part.n : nl + 1;
    if (nl == SV_NPOS || r->text.len > 0)
        buf_addsv(&r->text, part);
    if (buf_done(&r->text, "one event of the run", e) < 0)
        return -1;
    if (nl == SV_NPOS)
        return 0;
    rc = take_object(r, r->text.len > 0 ? buf_sv(&r->text) : part, e);
    buf_reset(&r->text);
    if (rc == 0 && r->head == NULL) /* a block ends with its bytes */
        r->whole = r->fed;
    return rc;
}

int event_reader_feed(struct event_reader *r, struct sv in, struct err *e)
{
    while (in.n > 0)
        if ((r->left > 0 ? feed_block : feed_object)(r, &in, e) < 0)
            return -1;
    return 0;
}
