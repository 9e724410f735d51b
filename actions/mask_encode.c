/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms under which a secret turns up in logs. Source: actions/runner 2.336.0:
 * src/Sdk/DTLogging/Logging/ValueEncoders.cs, src/Runner.Common/HostContext.cs (which of them); spec logs 3.3.
 * Upstream works on UTF-16, we on UTF-8: equivalent for well-formed text. */
#include "actions/mask_priv.h"

#include "base/base64.h"

/* Upstream's limits, in UTF-16 units. */
#define MIN_POWERSHELL  6
#define MIN_TRIM_QUOTES 8
/* No encoder makes more than this out of one byte ("&quot;", "\u0001"). */
#define MAX_GROWTH 6

static void put_base64(struct buf *b, struct sv v, size_t shift)
{
    struct sv rest = v.n > shift ? sv_sub(v, shift, v.n) : v;

    base64_encode(b, rest.p, rest.n);
}

/* Every `c` becomes `text`. */
static void put_replaced(struct buf *b, struct sv v, char c, const char *text)
{
    struct sv part;

    for (bool first = true; sv_next(&v, c, &part); first = false) {
        if (!first)
            buf_adds(b, text);
        buf_addsv(b, part);
    }
}

/* As Newtonsoft.Json's JsonConvert.ToString() without the quotes. */
static void put_json(struct buf *b, struct sv v)
{
    static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
    unsigned code;

    for (const char *from = v.p; utf8_next(&v, &code) > 0; from = v.p) {
        const char *at = code > 0 && code < 0x80 ? strchr(plain, (int)code) : NULL;
        if (at != NULL) {
            buf_addc(b, '\\');
            buf_addc(b, escaped[at - plain]);
        } else if (code < 0x20 || code == 0x85 || code == 0x2028 || code == 0x2029) {
            buf_addf(b, "\\u%04x", code);
        } else {
            buf_add(b, from, (size_t)(v.p - from));
        }
    }
}

/* As .NET's Uri.EscapeDataString(): RFC 3986 unreserved characters stay. */
static void put_uri(struct buf *b, struct sv v)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < v.n; i++) {
        char c = v.p[i];
        unsigned char u = (unsigned char)c;
        if (ch_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_addc(b, c);
            continue;
        }
        char three[3] = {'%', hex[u >> 4], hex[u & 15]};
        buf_add(b, three, sizeof three);
    }
}

static void put_xml(struct buf *b, struct sv v)
{
    static const char plain[] = "<>\"'&";
    static const char *const escaped[] = {"&lt;", "&gt;", "&quot;", "&apos;", "&amp;"};

    for (size_t i = 0; i < v.n; i++) {
        const char *at = v.p[i] != '\0' ? strchr(plain, v.p[i]) : NULL;
        if (at != NULL)
            buf_adds(b, escaped[at - plain]);
        else
            buf_addc(b, v.p[i]);
    }
}

static struct sv trimmed_quotes(struct sv v)
{
    if (utf8_utf16_len(v) <= MIN_TRIM_QUOTES || v.p[0] != '"' || v.p[v.n - 1] != '"')
        return SV("");
    return sv_sub(v, 1, v.n - 2);
}

static struct sv long_enough(struct sv v)
{
    return utf8_utf16_len(v) >= MIN_POWERSHELL ? v : SV("");
}

/* PowerShell colours one part of an echoed command, which cuts the value at an ampersand. */
static struct sv before_ampersand(struct sv v)
{
    size_t at = sv_find(v, SV("&+"));

    if (at != SV_NPOS)
        return long_enough(sv_sub(v, 0, at + 2));
    at = sv_rchr(v, '&');
    return at == SV_NPOS ? SV("") : long_enough(sv_sub(v, 0, at + 1));
}

static struct sv after_ampersand(struct sv v)
{
    size_t at = sv_find(v, SV("&+"));
    unsigned code;

    if (at != SV_NPOS) {
        struct sv rest = sv_sub(v, at + 2, v.n);
        (void)utf8_next(&rest, &code); /* one more character goes, as upstream */
        return long_enough(rest);
    }
    at = sv_rchr(v, '&');
    return at == SV_NPOS ? SV("") : long_enough(sv_sub(v, at + 1, v.n));
}

void mask_encode(struct sv value, mask_form_fn *fn, void *ctx)
{
    size_t room;
    enum { KINDS = 8 };

    BUG(__builtin_mul_overflow(value.n, MAX_GROWTH, &room));
    AUTO(buf_free) struct buf b = BUF_INIT(room + 16);
    /* All the memory at once: growing would leave unwiped copies behind. */
    BUG(buf_room(&b, room + 16) == NULL);
    const struct sv cut[] = {value, trimmed_quotes(value), before_ampersand(value),
                             after_ampersand(value)};
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
        if (cut[i].n > 0)
            fn(ctx, cut[i]);
    for (int kind = 0; kind < KINDS; kind++) {
        buf_reset(&b);
        if (kind < 3)
            put_base64(&b, value, (size_t)kind);
        else if (kind == 3)
            put_replaced(&b, value, '"', "\\\"");
        else if (kind == 4)
            put_replaced(&b, value, '\'', "''");
        else if (kind == 5)
            put_json(&b, value);
        else if (kind == 6)
            put_uri(&b, value);
        else
            put_xml(&b, value);
        BUG(b.over);
        if (b.len > 0)
            fn(ctx, buf_sv(&b));
    }
    secret_wipe(b.p, room + 16);
}
