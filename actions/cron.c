/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads cron texts. Source: actions/languageservices: workflow-parser/src/model/converter/cron.ts. */
#include "actions/cron.h"

#include "base/num.h"

static const struct cron_field {
    const char *what;
    unsigned min, max;
    const char *names; /* three letters each, from min on */
} fields[CRON_FIELDS] = {
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of the month", 1, 31, ""},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day of the week", 0, 6, "sunmontuewedthufrisat"},
};

static bool read_value(const struct cron_field *f, struct sv s, uint64_t *out)
{
    struct err e; /* no number: perhaps a name */

    if (num_u64(s, f->max, out, &e) == 0)
        return *out >= f->min;
    for (size_t i = 0; s.n == 3 && f->names[i] != '\0'; i += 3) {
        if (sv_ieq(s, (struct sv){f->names + i, 3})) {
            *out = f->min + i / 3;
            return true;
        }
    }
    return false;
}

/* "*", "a", "a-b", each with "/step": "a/n" goes on to the end of the field. */
static bool read_part(const struct cron_field *f, struct sv s, uint64_t *bits)
{
    size_t slash = sv_chr(s, '/'), dash;
    uint64_t from = f->min, to = f->max, step = 1;
    struct err e; /* only whether it is a number */

    if (slash != SV_NPOS) {
        if (num_u64(sv_sub(s, slash + 1, SV_NPOS), f->max, &step, &e) < 0 || step == 0)
            return false;
        s = sv_sub(s, 0, slash);
    }
    dash = sv_chr(s, '-');
    if (dash != SV_NPOS) {
        if (!read_value(f, sv_sub(s, 0, dash), &from) ||
            !read_value(f, sv_sub(s, dash + 1, SV_NPOS), &to) || from > to)
            return false;
    } else if (!sv_is(s, "*")) {
        if (!read_value(f, s, &from))
            return false;
        to = slash != SV_NPOS ? f->max : from;
    }
    for (uint64_t v = from; v <= to; v += step)
        *bits |= (uint64_t)1 << v;
    return true;
}

static int bad_field(const struct cron_field *f, struct sv word, struct err *e)
{
    return err_set(e, FAIL_INPUT, "'%.*s' is no %s of a cron text; it takes %u to %u%s",
                   (int)(word.n < 60 ? word.n : 60), word.p, f->what, f->min, f->max,
                   f->names[0] != '\0' ? " and names of three letters" : "");
}

int cron_parse(struct sv text, struct cron *out, struct err *e)
{
    struct cron c = {{0}};
    struct sv word, part;
    size_t n = 0;

    if (sv_starts(text, SV(" ")) || sv_ends(text, SV(" ")))
        return err_set(e, FAIL_INPUT, "a cron text neither begins nor ends with a space");
    while (sv_next(&text, ' ', &word)) {
        struct sv whole = word;
        if (word.n == 0)
            continue;
        if (n == CRON_FIELDS)
            return err_set(e, FAIL_INPUT, "a cron text has five fields, this one has more");
        while (sv_next(&word, ',', &part)) {
            if (!read_part(&fields[n], part, &c.field[n]))
                return bad_field(&fields[n], whole, e);
        }
        n++;
    }
    if (n != CRON_FIELDS)
        return err_set(e, FAIL_INPUT, "a cron text has five fields, this one has %zu", n);
    *out = c;
    return 0;
}

unsigned cron_shortest_gap(const struct cron *c)
{
    unsigned first = 60, last = 60, gap = 60;

    for (unsigned m = 0; m < 60; m++) {
        if ((c->field[0] >> m & 1) == 0)
            continue;
        if (first == 60)
            first = m;
        else if (m - last < gap)
            gap = m - last;
        last = m;
    }
    uint64_t hours = c->field[1];
    bool next_hour = (hours & hours >> 1) != 0 || ((hours & 1) != 0 && (hours >> 23 & 1) != 0);
    unsigned over = first + 60 - last; /* from the last of an hour to the first of the next */
    return next_hour && over < gap ? over : gap;
}
