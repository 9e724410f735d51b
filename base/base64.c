/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 and hexadecimal. Source: RFC 4648 sections 4, 5 and 8. */
#include "base/base64.h"

#include "base/mem.h"

static const char std_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(struct buf *b, const unsigned char *p, size_t n, const char *abc, bool pad)
{
    char out[4];

    for (; n >= 3; p += 3, n -= 3) {
        out[0] = abc[p[0] >> 2];
        out[1] = abc[(p[0] & 3U) << 4 | p[1] >> 4];
        out[2] = abc[(p[1] & 15U) << 2 | p[2] >> 6];
        out[3] = abc[p[2] & 63U];
        buf_add(b, out, 4);
    }
    if (n == 0)
        return;
    unsigned second = n == 2 ? p[1] : 0;
    out[0] = abc[p[0] >> 2];
    out[1] = abc[(p[0] & 3U) << 4 | second >> 4];
    out[2] = '=';
    out[3] = '=';
    if (n == 2)
        out[2] = abc[(second & 15U) << 2];
    buf_add(b, out, pad ? 4 : n + 1);
}

void base64_encode(struct buf *b, const void *p, size_t n)
{
    encode(b, p, n, std_alphabet, true);
}

void base64url_encode(struct buf *b, const void *p, size_t n)
{
    encode(b, p, n, url_alphabet, false);
}

/* Value of one character or -1. */
static int value_of(char c, bool url)
{
    if (ch_is_upper(c))
        return c - 'A';
    if (ch_is_lower(c))
        return c - 'a' + 26;
    if (ch_is_digit(c))
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    if (c == (url ? '_' : '/'))
        return 63;
    return -1;
}

static int decode(struct sv s, bool url, struct buf *out, struct err *e)
{
    size_t full = s.n, pad = 0;
    unsigned acc = 0;
    unsigned bits = 0;

    while (s.n > 0 && pad < 2 && s.p[s.n - 1] == '=') {
        s.n--;
        pad++;
    }
    if (s.n % 4 == 1 || (pad > 0 && full % 4 != 0))
        return err_set(e, FAIL_INPUT, "base64 text has a wrong length");
    for (size_t i = 0; i < s.n; i++)
        if (value_of(s.p[i], url) < 0)
            return err_set(e, FAIL_INPUT, "base64 text has a wrong character at offset %zu", i);
    size_t n = s.n / 4 * 3 + (s.n % 4 > 0 ? s.n % 4 - 1 : 0);
    char *dst = buf_room(out, n);
    if (dst == NULL)
        return buf_done(out, "decoded base64 text", e);
    for (size_t i = 0; i < s.n; i++) {
        acc = (acc << 6 | (unsigned)value_of(s.p[i], url)) & 0xFFFFU;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *dst++ = (char)(acc >> bits & 0xFFU);
        }
    }
    buf_grew(out, n);
    return 0;
}

int base64_decode(struct sv s, struct buf *out, struct err *e)
{
    return decode(s, false, out, e);
}

int base64url_decode(struct sv s, struct buf *out, struct err *e)
{
    return decode(s, true, out, e);
}

void hex_encode(struct buf *b, const void *p, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *s = p;

    for (size_t i = 0; i < n; i++) {
        char two[2] = {hex[s[i] >> 4], hex[s[i] & 15]};
        buf_add(b, two, 2);
    }
}
