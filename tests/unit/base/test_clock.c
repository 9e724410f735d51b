/* SPDX-License-Identifier: Apache-2.0
 *
 * Time text, the test clock page, seeded ids, fail points. */
#include "tests/unit/base/helper.h"

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/ids.h"
#include "base/num.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char *page; /* mapped before the clock is read for the first time */

struct time_case {
    const char *name;
    const char *in;
    bool ok;
    int64_t ms;
    const char *back; /* NULL: as in */
};
static const struct time_case time_cases[] = {
    {"epoch", "1970-01-01T00:00:00.000Z", true, 0, NULL},
    {"one before", "1969-12-31T23:59:59.999Z", true, -1, NULL},
    {"leap day", "2024-02-29T12:34:56.789Z", true, 1709210096789, NULL},
    {"century that leaps", "2000-02-29T00:00:00.000Z", true, 951782400000, NULL},
    {"offset east", "2026-01-02T05:04:05+02:00", true, 1767323045000, "2026-01-02T03:04:05.000Z"},
    {"offset west", "2026-01-01T22:04:05.6-05:00", true, 1767323045600, "2026-01-02T03:04:05.600Z"},
    {"nine digits", "2026-01-02T03:04:05.678999999Z", true, 1767323045678,
     "2026-01-02T03:04:05.678Z"},
    {"far future", "9999-12-31T23:59:59.999Z", true, 253402300799999, NULL},
    {"year zero", "0000-03-01T00:00:00.000Z", true, -62162035200000, NULL},
    {"century that does not leap", "1900-02-29T00:00:00Z", false, 0, NULL},
    {"month 13", "2026-13-01T00:00:00Z", false, 0, NULL},
    {"month 0", "2026-00-01T00:00:00Z", false, 0, NULL},
    {"hour 24", "2026-01-01T24:00:00Z", false, 0, NULL},
    {"no zone", "2026-01-01T00:00:00", false, 0, NULL},
    {"ten digits", "2026-01-01T00:00:00.1234567890Z", false, 0, NULL},
    {"no digits", "2026-01-01T00:00:00.Z", false, 0, NULL},
    {"text behind", "2026-01-01T00:00:00Zx", false, 0, NULL},
    {"zone too large", "2026-01-01T00:00:00+24:00", false, 0, NULL},
    {"empty", "", false, 0, NULL},
};

static void check_time(void **state)
{
    const struct time_case *c = *state;
    struct buf b = BUF_INIT(100);
    struct err e = {0};
    int64_t ms = 77;

    assert_int_equal(tm_parse(sv_of(c->in), &ms, &e), c->ok ? 0 : -1);
    assert_true(ms == (c->ok ? c->ms : 77));
    assert_int_equal(e.code, c->ok ? FAIL_NONE : FAIL_INPUT);
    if (c->ok) {
        tm_format_ms(&b, ms);
        assert_string_equal(b.p, c->back != NULL ? c->back : c->in);
    }
    buf_free(&b);
}

static void every_day_round_trips(void **state)
{
    (void)state;
    for (int64_t day = -800000; day < 800000; day += 97) {
        struct buf b = BUF_INIT(100);
        struct err e;
        int64_t back;
        int64_t ms = day * 86400000 + 1;
        tm_format_ms(&b, ms);
        if (b.p[0] != '-' && b.len == 24) { /* years 0 to 9999 */
            assert_int_equal(tm_parse(buf_sv(&b), &back, &e), 0);
            assert_true(back == ms);
        }
        buf_free(&b);
    }
}

static void ticks_have_seven_digits(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);

    tm_format_ticks(&b, 1767323045678901);
    assert_string_equal(b.p, "2026-01-02T03:04:05.6789010Z");
    buf_free(&b);
}

static void page_moves_both_readings(void **state)
{
    (void)state;
    int64_t mono = tm_now_ms(), wall = tm_wall_ms();

    store_le64(page, 70LL * 60 * 1000);
    assert_int_equal(tm_jumped_ms(), 4200000);
    assert_in_range(tm_now_ms() - mono, 4200000, 4230000);
    assert_in_range(tm_wall_ms() - wall, 4200000, 4230000);
    store_le64(page, 0);
    assert_int_equal(tm_jumped_ms(), 0);
    assert_string_equal(tm_page_path(), getenv("GANTRY_TEST_CLOCK"));
}

static void ids_have_their_form(void **state)
{
    (void)state;
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], t[41];

    ids_uuid4(a);
    ids_uuid4(b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    ids_token(t, 40);
    assert_int_equal(strspn(t, "abcdefghijklmnopqrstuvwxyz0123456789"), 40);
    assert_int_equal(t[40], '\0');
    ids_token(t, 0);
    assert_int_equal(t[0], '\0');
}

static void fail_points(void **state)
{
    (void)state;
    assert_int_equal(failpoint_hit("one"), ENOSPC);
    assert_int_equal(failpoint_hit("one"), ENOSPC);
    assert_int_equal(failpoint_hit("two"), 0); /* from the second hit on */
    assert_int_equal(failpoint_hit("two"), EIO);
    assert_int_equal(failpoint_hit("other"), 0);
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)failpoint_hit("three");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

static void stamps_are_known(void **state)
{
    AUTO(buf_free) struct buf b = BUF_INIT(64);

    (void)state;
    tm_format_ticks(&b, 1772600767123456);
    assert_false(tm_starts_stamp(buf_sv(&b))); /* the blank belongs to it */
    buf_addc(&b, ' ');
    assert_int_equal(b.len, TM_STAMP_BYTES);
    for (size_t i = 0; i < TM_STAMP_BYTES; i++) {
        char was = b.p[i];
        b.p[i] = '?';
        assert_false(tm_starts_stamp(buf_sv(&b)));
        b.p[i] = was;
    }
    buf_adds(&b, "text");
    assert_true(tm_starts_stamp(buf_sv(&b)));
    assert_false(tm_starts_stamp(sv_sub(buf_sv(&b), 1, b.len)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_round_trips), cmocka_unit_test(ticks_have_seven_digits),
        cmocka_unit_test(stamps_are_known),      cmocka_unit_test(page_moves_both_readings),
        cmocka_unit_test(ids_have_their_form),   cmocka_unit_test(fail_points),
    };
    char path[] = "/tmp/gantry-clock-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0 || ftruncate(fd, 4096) < 0)
        return 1;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    static const char points[] = "one=error:ENOSPC,two@2=error:EIO,three=exit:9";
    bool set = setenv("GANTRY_TEST_CLOCK", path, 1) == 0; /* allow: own test process */
    set = setenv("GANTRY_FAIL", points, 1) == 0 && set;   /* allow: own test process */
    if (page == MAP_FAILED || !set)
        return 1;
    int failed = cmocka_run_group_tests_name("clock", tests, NULL, NULL) +
                 RUN_TABLE("time", time_cases, check_time);
    (void)unlink(path);
    return failed;
}
