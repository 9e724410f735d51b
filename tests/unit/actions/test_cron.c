/* SPDX-License-Identifier: Apache-2.0
 *
 * Cron texts (spec expressions 5.5). A row is a text and its values, or what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actions/cron.h"
#include "base/buf.h"

static const struct {
    const char *text, *want;
    unsigned gap; /* minutes */
} rows[] = {
    {"0 1 2 3 4", "0|1|2|3|4", 60},
    {"5   4 * * *", "5|4|*|*|*", 60},
    {" 5 4 * * *", "a cron text neither begins nor ends with a space", 0},
    {"5 4 * * * ", "a cron text neither begins nor ends with a space", 0},
    {"*/20 * * * *", "0,20,40|*|*|*|*", 20},
    {"5/15 * * * *", "5,20,35,50|*|*|*|*", 15},
    {"10-20/5 0 * * *", "10,15,20|0|*|*|*", 5},
    {"0,59 * * * *", "0,59|*|*|*|*", 1},
    {"0,59 3 * * *", "0,59|3|*|*|*", 59},
    {"0,59 0,23 * * *", "0,59|0,23|*|*|*", 1},
    {"*/2 5 * * *",
     "0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,44,46,48,50,52,54,56,58|5|*|*|*",
     2},
    {"0 0 1,15-17/2 * *", "0|0|1,15,17|*|*", 60},
    {"0 0 * JAN,mar-apr Mon-fri", "0|0|*|1,3,4|1,2,3,4,5", 60},
    {"007 01 * * *", "7|1|*|*|*", 60},
    {"", "a cron text has five fields, this one has 0", 0},
    {"* * * *", "a cron text has five fields, this one has 4", 0},
    {"* * * * * *", "a cron text has five fields, this one has more", 0},
    {"@daily", "'@daily' is no minute of a cron text; it takes 0 to 59", 0},
    {"60 * * * *", "'60' is no minute of a cron text; it takes 0 to 59", 0},
    {"* 24 * * *", "'24' is no hour of a cron text; it takes 0 to 23", 0},
    {"* * 0 * *", "'0' is no day of the month of a cron text; it takes 1 to 31", 0},
    {"* * * 13 *", "'13' is no month of a cron text; it takes 1 to 12 and names of three letters",
     0},
    {"* * * * 7",
     "'7' is no day of the week of a cron text; it takes 0 to 6 and names of three letters", 0},
    {"* * * * sunday",
     "'sunday' is no day of the week of a cron text; it takes 0 to 6 and names of three letters",
     0},
    {"* * * mon *", "'mon' is no month of a cron text; it takes 1 to 12 and names of three letters",
     0},
    {"1,,2 * * * *", "'1,,2' is no minute of a cron text; it takes 0 to 59", 0},
    {"1, * * * *", "'1,' is no minute of a cron text; it takes 0 to 59", 0},
    {"5-1 * * * *", "'5-1' is no minute of a cron text; it takes 0 to 59", 0},
    {"*/0 * * * *", "'*/0' is no minute of a cron text; it takes 0 to 59", 0},
    {"*/60 * * * *", "'*/60' is no minute of a cron text; it takes 0 to 59", 0},
    {"1/2/3 * * * *", "'1/2/3' is no minute of a cron text; it takes 0 to 59", 0},
    {"-1 * * * *", "'-1' is no minute of a cron text; it takes 0 to 59", 0},
    {"1-2-3 * * * *", "'1-2-3' is no minute of a cron text; it takes 0 to 59", 0},
    {"+1 * * * *", "'+1' is no minute of a cron text; it takes 0 to 59", 0},
    {"0\t0 * * *", "'0\t0' is no minute of a cron text; it takes 0 to 59", 0},
};

static void dump(const struct cron *c, struct buf *b)
{
    static const unsigned all[CRON_FIELDS] = {60, 24, 31, 12, 7};

    for (unsigned i = 0; i < CRON_FIELDS; i++) {
        bool any = false;
        buf_adds(b, i > 0 ? "|" : "");
        if ((unsigned)__builtin_popcountll(c->field[i]) == all[i]) {
            buf_addc(b, '*');
            continue;
        }
        for (unsigned v = 0; v < 64; v++) {
            if ((c->field[i] >> v & 1) != 0) {
                buf_addf(b, "%s%u", any ? "," : "", v);
                any = true;
            }
        }
    }
}

static void texts_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        AUTO(buf_free) struct buf got = BUF_INIT(4096);
        struct cron c;
        struct err e = {0};
        bool ok = cron_parse(sv_of(rows[i].text), &c, &e) == 0;
        if (ok)
            dump(&c, &got);
        else
            buf_adds(&got, e.msg);
        if (strcmp(got.p, rows[i].want) != 0)
            fail_msg("'%s': got '%s', want '%s'", rows[i].text, got.p, rows[i].want);
        if (ok && cron_shortest_gap(&c) != rows[i].gap)
            fail_msg("'%s': gap %u, want %u", rows[i].text, cron_shortest_gap(&c), rows[i].gap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_read)};

    return cmocka_run_group_tests_name("cron", tests, NULL, NULL);
}
