/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's log: formats one line, masks it, writes it with one system call. The configuration is set
 * once at start; there is no lock, a line is one write(). */
#include "base/log.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/secret.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Ours: one line; what is longer is cut. */
#define MAX_LINE_BYTES 16384
#define MAX_MODULES    16
/* Between the fields of the expanded text; see mark_fields(). */
#define FIELD_MARK '\x1F'
#define VALUE_MARK '\x1E'

static struct {
    enum log_format format;
    enum log_level level;
    struct {
        char *name;
        enum log_level level;
    } modules[MAX_MODULES];
    size_t n_modules;
    struct secret *masks;
    size_t n_masks, cap_masks;
} config = {.format = LOG_HUMAN, .level = LOG_INFO_};

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};
/* Source: sd-daemon(3): SD_ERR, SD_WARNING, SD_INFO, SD_DEBUG. */
static const char *const journal_prefix[] = {"<3>", "<4>", "<6>", "<7>", "<7>"};

static int parse_level(struct sv word, enum log_level *out, struct err *e)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (sv_is(word, level_names[i])) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return err_set(e, FAIL_INPUT,
                   "log level '%.*s' is unknown; use error, warn, info, debug or trace",
                   SV_ARG(word));
}

static int parse_levels(struct sv text, struct err *e)
{
    struct sv item;

    while (sv_next(&text, ',', &item)) {
        size_t eq = sv_chr(item, '=');
        enum log_level level = LOG_INFO_;
        struct sv word = eq == SV_NPOS ? item : sv_sub(item, eq + 1, item.n);
        if (item.n == 0)
            continue;
        if (parse_level(word, &level, e) < 0)
            return -1;
        if (eq == SV_NPOS) {
            config.level = level;
            continue;
        }
        if (config.n_modules == MAX_MODULES)
            return err_set(e, FAIL_LIMIT, "more than %d modules in the log levels", MAX_MODULES);
        config.modules[config.n_modules].name = sv_dup(sv_sub(item, 0, eq));
        config.modules[config.n_modules++].level = level;
    }
    return 0;
}

static void reset_modules(void)
{
    for (size_t i = 0; i < config.n_modules; i++)
        free(config.modules[i].name);
    config.n_modules = 0;
    config.level = LOG_INFO_;
}

int log_init(const struct log_options *o, struct err *e)
{
    const char *levels = o->levels != NULL ? o->levels : getenv("GANTRY_LOG");

    reset_modules();
    if (levels != NULL && parse_levels(sv_of(levels), e) < 0)
        return -1;
    config.format = o->format;
    /* Source: systemd.exec(5): JOURNAL_STREAM is set when a stream is the journal's. */
    if (o->format == LOG_AUTO)
        config.format = isatty(STDERR_FILENO)              ? LOG_HUMAN
                        : getenv("JOURNAL_STREAM") != NULL ? LOG_JOURNAL
                                                           : LOG_JSON;
    return 0;
}

void log_mask(const void *p, size_t n)
{
    if (n == 0)
        return;
    GROW(config.masks, config.cap_masks, config.n_masks + 1);
    config.masks[config.n_masks++] = secret_new(p, n);
}

bool log_enabled(enum log_level level, const char *module)
{
    for (size_t i = 0; i < config.n_modules; i++)
        if (strcmp(config.modules[i].name, module) == 0)
            return level <= config.modules[i].level;
    return level <= config.level;
}

/* Copies fmt with the '=' and the space between fields replaced by marks, so that values with spaces
 * stay whole. A space separates only where the next word of the format is "key=". */
static void mark_fields(char *fmt)
{
    bool start = true;

    for (char *s = fmt; *s != '\0'; s++) {
        size_t key = start ? strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;
        start = false;
        if (key > 0 && s[key] == '=') {
            if (s != fmt)
                s[-1] = FIELD_MARK;
            s[key] = VALUE_MARK;
            s += key;
        } else if (*s == ' ') {
            start = true;
        }
    }
}

static size_t count(struct sv s, char c)
{
    size_t n = 0;

    for (size_t i = 0; s.p != NULL && i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

static void mask_line(struct buf *b)
{
    for (size_t i = 0; i < config.n_masks; i++) {
        struct sv secret = secret_sv(&config.masks[i]);
        size_t from = 0;
        for (;;) {
            struct sv rest = sv_sub(buf_sv(b), from, b->len);
            size_t at = sv_find(rest, secret);
            if (at == SV_NPOS)
                break;
            AUTO(buf_free) struct buf next = BUF_INIT(b->max);
            buf_add(&next, b->p, from + at);
            buf_adds(&next, "***");
            buf_addsv(&next, sv_sub(rest, at + secret.n, rest.n));
            from += at + 3;
            struct buf old = *b;
            *b = next;
            next = old; /* freed by its cleanup */
        }
    }
}

/* Control characters and ill-formed UTF-8 become \xNN (human) or \u00NN (JSON). */
static void add_escaped(struct buf *b, struct sv s, bool json)
{
    struct sv at = s;
    unsigned code;

    for (;;) {
        const char *from = at.p;
        size_t n = utf8_next(&at, &code);
        if (n == 0)
            return;
        unsigned char c = (unsigned char)*from;
        bool bad = code < 0x20 || (code >= 0x7F && code < 0xA0) || (code == 0xFFFD && n == 1);
        if (bad)
            buf_addf(b, json ? "\\u00%02x" : "\\x%02x", n == 1 ? (unsigned)c : code);
        else if (c == '"' || c == '\\')
            buf_addf(b, "\\%c", c);
        else
            buf_add(b, from, n);
    }
}

static bool needs_quotes(struct sv s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\' ||
            (unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7F)
            return true;
    return s.n == 0;
}

static void add_field(struct buf *b, struct sv key, struct sv value, bool json)
{
    if (json) {
        buf_addf(b, ",\"%.*s\":\"", SV_ARG(key));
        add_escaped(b, value, true);
        buf_addc(b, '"');
        return;
    }
    buf_addf(b, " %.*s=", SV_ARG(key));
    bool quote = needs_quotes(value);
    if (quote)
        buf_addc(b, '"');
    add_escaped(b, value, false);
    if (quote)
        buf_addc(b, '"');
}

static void add_fields(struct buf *b, struct sv text, struct sv marked, bool json)
{
    struct sv field;

    /* More marks than the format had: a value brought its own. Then the whole is one value. */
    if (count(text, VALUE_MARK) != count(marked, VALUE_MARK) ||
        count(text, FIELD_MARK) != count(marked, FIELD_MARK)) {
        add_field(b, SV("text"), text, json);
        return;
    }
    while (sv_next(&text, FIELD_MARK, &field)) {
        size_t at = sv_chr(field, VALUE_MARK);
        if (at == SV_NPOS && field.n > 0)
            add_field(b, SV("text"), field, json);
        else if (at != SV_NPOS)
            add_field(b, sv_sub(field, 0, at), sv_sub(field, at + 1, field.n), json);
    }
}

static void add_head(struct buf *b, enum log_level level, const char *module, const char *event)
{
    switch (config.format) {
    case LOG_JSON:
        buf_adds(b, "{\"time\":\"");
        tm_format_ms(b, tm_wall_ms());
        buf_addf(b, "\",\"level\":\"%s\",\"module\":\"%s\",\"event\":\"", level_names[level],
                 module);
        add_escaped(b, sv_of(event), true);
        buf_addc(b, '"');
        return;
    case LOG_JOURNAL:
        buf_addf(b, "%s%s: %s", journal_prefix[level], module, event);
        return;
    case LOG_AUTO:
    case LOG_HUMAN:
        tm_format_ms(b, tm_wall_ms());
        buf_addf(b, " %s %s: %s", level_names[level], module, event);
        return;
    }
}

void log_write(enum log_level level, const char *module, const char *event, const char *file,
               int line, const char *fmt, ...)
{
    bool json = config.format == LOG_JSON;
    AUTO(buf_free) struct buf text = BUF_INIT(MAX_LINE_BYTES);
    AUTO(buf_free) struct buf out = BUF_INIT((size_t)8 * MAX_LINE_BYTES);
    AUTO(auto_free) char *marked = xstrdup(fmt);
    char raw[MAX_LINE_BYTES];
    va_list ap;
    struct err e;

    mark_fields(marked);
    va_start(ap, fmt);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Wformat-nonliteral" /* fmt, checked at the caller, with other spaces */
    int n = vsnprintf(raw, sizeof raw, marked, ap);
#pragma GCC diagnostic pop
    va_end(ap);
    if (n < 0)
        return;
    buf_add(&text, raw, (size_t)n < sizeof raw ? (size_t)n : sizeof raw - 1);
    mask_line(&text); /* before escaping: it would change the secret's bytes */
    add_head(&out, level, module, event);
    add_fields(&out, buf_sv(&text), sv_of(marked), json);
    if (log_enabled(LOG_DEBUG_, module)) {
        AUTO(auto_free) char *at = xasprintf("%s:%d", file, line);
        add_field(&out, SV("at"), sv_of(at), json);
    }
    if (json)
        buf_addc(&out, '}');
    buf_addc(&out, '\n');
    if (fd_write_full(STDERR_FILENO, out.p, out.len, &e) < 0)
        return; /* nowhere left to say it */
}
