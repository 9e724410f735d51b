/* SPDX-License-Identifier: Apache-2.0
 *
 * Text from a job as a terminal may see it. */
#include "runner/cli/render_priv.h"

/* Length of a colour sequence (ESC [ digits ; ... m) at the front, or 0. */
static size_t sgr(struct sv s)
{
    size_t i = 2;

    if (s.n < 3 || s.p[0] != '\x1b' || s.p[1] != '[')
        return 0;
    while (i < s.n && i < RENDER_SGR_BYTES &&
           (ch_is_digit(s.p[i]) || s.p[i] == ';' || s.p[i] == ':'))
        i++;
    return i < s.n && s.p[i] == 'm' ? i + 1 : 0;
}

size_t render_open_sgr(struct sv s)
{
    size_t at = sv_rchr(s, '\x1b');
    struct sv rest = sv_sub(s, at == SV_NPOS ? s.n : at, s.n);

    if (rest.n == 0 || rest.n >= RENDER_SGR_BYTES || (rest.n > 1 && rest.p[1] != '['))
        return 0;
    for (size_t i = 2; i < rest.n; i++)
        if (!ch_is_digit(rest.p[i]) && rest.p[i] != ';' && rest.p[i] != ':')
            return 0;
    return rest.n;
}

/* One character that is not plain ASCII. */
static void add_character(struct buf *b, struct sv *s)
{
    unsigned char c = (unsigned char)s->p[0];
    unsigned code;

    (void)utf8_next(s, &code);
    if ((c < 0x20 && c != '\t') || c == 0x7f)
        buf_addf(b, "\\x%02x", c);
    else if (code >= 0x80 && code < 0xa0) /* C1: as strong as ESC */
        buf_addf(b, "\\x%02x", code);
    else
        buf_add_utf8(b, code);
}

void render_safe_part(struct buf *b, struct sv s, bool color, bool *colored)
{
    while (s.n > 0) {
        size_t n = sv_printable(s);
        buf_add(b, s.p, n);
        s = sv_sub(s, n, s.n);
        if (s.n == 0)
            break;
        n = sgr(s);
        if (n == 0) {
            add_character(b, &s);
            continue;
        }
        if (color)
            buf_add(b, s.p, n);
        *colored = true;
        s = sv_sub(s, n, s.n);
    }
}

void render_safe(struct buf *b, struct sv s, bool color)
{
    bool colored = false;

    render_safe_part(b, s, color, &colored);
    if (colored && color)
        buf_adds(b, PAINT_RESET);
}

void render_duration(struct buf *b, int64_t ms)
{
    if (ms < 1000)
        buf_addf(b, "%lldms", (long long)ms);
    else if (ms < 60000)
        buf_addf(b, "%lld.%llds", (long long)(ms / 1000), (long long)(ms % 1000 / 100));
    else if (ms < 3600000)
        buf_addf(b, "%lldm%02llds", (long long)(ms / 60000), (long long)(ms / 1000 % 60));
    else
        buf_addf(b, "%lldh%02lldm", (long long)(ms / 3600000), (long long)(ms / 60000 % 60));
}
