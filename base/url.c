/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking URLs apart and percent coding. */
#include "base/url.h"

#include <stdint.h>

#include "base/num.h"

static const struct {
    struct sv name;
    uint16_t port;
} schemes[] = {{{"http", 4}, 80}, {{"https", 5}, 443}, {{"ws", 2}, 80}, {{"wss", 3}, 443}};

static int bad_url(struct err *e, const char *why)
{
    return err_set(e, FAIL_INPUT, "bad URL: %s", why); /* the URL may hold a token: not shown */
}

/* Reads "host[:port]" without a user name. */
static int parse_authority(struct sv a, struct url *u, struct err *e)
{
    struct sv port = {NULL, 0};
    uint64_t n;

    if (sv_chr(a, '@') != SV_NPOS)
        return bad_url(e, "it holds a user name");
    if (a.n > 0 && a.p[0] == '[') {
        size_t end = sv_chr(a, ']');
        if (end == SV_NPOS || (end + 1 < a.n && a.p[end + 1] != ':'))
            return bad_url(e, "unfinished IPv6 address");
        u->host = sv_sub(a, 1, end - 1);
        u->ipv6 = true;
        if (end + 1 < a.n)
            port = sv_sub(a, end + 2, a.n);
    } else {
        size_t colon = sv_chr(a, ':');
        u->host = colon == SV_NPOS ? a : sv_sub(a, 0, colon);
        if (colon != SV_NPOS)
            port = sv_sub(a, colon + 1, a.n);
    }
    if (u->host.n == 0 || u->host.n > 255)
        return bad_url(e, "no host, or one above 255 bytes");
    for (size_t i = 0; i < u->host.n; i++) {
        char c = u->host.p[i];
        bool ok = u->ipv6 ? ch_is_hex(c) || c == ':' || c == '.'
                          : ch_is_alnum(c) || c == '-' || c == '.' || c == '_';
        if (!ok)
            return bad_url(e, "odd character in the host");
    }
    if (port.p != NULL) {
        struct err why;
        if (num_u64(port, 65535, &n, &why) < 0 || n == 0)
            return bad_url(e, "the port is not a number from 1 to 65535");
        u->port = (uint16_t)n;
        u->has_port = true;
    }
    return 0;
}

int url_parse(struct sv text, struct url *out, struct err *e)
{
    struct url u = {.port = 0};
    size_t colon = sv_find(text, SV("://"));

    if (text.n > URL_MAX_BYTES)
        return bad_url(e, "longer than 16 KiB");
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f || text.p[i] == '\\')
            return bad_url(e, "blank, control or non-ASCII character");
    if (colon == SV_NPOS)
        return bad_url(e, "it does not begin with http://, https://, ws:// or wss://");
    u.scheme = sv_sub(text, 0, colon);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (sv_ieq(u.scheme, schemes[i].name))
            u.port = schemes[i].port;
    if (u.port == 0)
        return bad_url(e, "it does not begin with http://, https://, ws:// or wss://");
    struct sv rest = sv_sub(text, colon + 3, text.n);
    if (sv_chr(rest, '#') != SV_NPOS)
        return bad_url(e, "it holds a fragment");
    size_t slash = 0;
    while (slash < rest.n && rest.p[slash] != '/' && rest.p[slash] != '?')
        slash++;
    if (parse_authority(sv_sub(rest, 0, slash), &u, e) < 0)
        return -1;
    rest = sv_sub(rest, slash, rest.n);
    size_t mark = sv_chr(rest, '?');
    u.path = mark == SV_NPOS ? rest : sv_sub(rest, 0, mark);
    u.query = mark == SV_NPOS ? SV("") : sv_sub(rest, mark + 1, rest.n);
    *out = u;
    return 0;
}

bool url_host_is_localhost(struct sv host)
{
    if (host.n > 0 && host.p[host.n - 1] == '.')
        host.n--;
    return sv_ieq(host, SV("localhost")) ||
           (host.n > 10 && sv_ieq(sv_sub(host, host.n - 10, 10), SV(".localhost")));
}

bool url_host_is_loopback(struct sv host)
{
    if (url_host_is_localhost(host) || sv_is(host, "::1"))
        return true;
    /* 127.a.b.c only: 127.evil.example is a name. */
    unsigned dots = 0;
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] == '.')
            dots++;
        else if (!ch_is_digit(host.p[i]))
            return false;
    }
    return dots == 3 && sv_starts(host, SV("127."));
}

void url_encode(struct buf *b, struct sv s)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (ch_is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            buf_addc(b, c);
        } else {
            unsigned char u = (unsigned char)c;
            char triple[3] = {'%', hex[u >> 4], hex[u & 15]};
            buf_add(b, triple, sizeof triple);
        }
    }
}

static unsigned hex_value(char c)
{
    return ch_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(ch_lower(c) - 'a') + 10;
}

int url_decode(struct sv s, struct buf *out, struct err *e)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            buf_addc(out, s.p[i]);
            continue;
        }
        if (s.n - i < 3 || !ch_is_hex(s.p[i + 1]) || !ch_is_hex(s.p[i + 2]))
            return err_set(e, FAIL_INPUT, "%% is not followed by two hexadecimal digits");
        unsigned v = hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]);
        if (v == 0)
            return err_set(e, FAIL_INPUT, "encoded NUL character");
        buf_addc(out, (char)v);
        i += 2;
    }
    return 0;
}
