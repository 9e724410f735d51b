/* SPDX-License-Identifier: Apache-2.0
 *
 * The one clock, and RFC 3339 text. */
#include "base/clock.h"

#include "base/fd.h"
#include "base/num.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef GANTRY_SEAMS
#    define PAGE_BYTES 4096

/* Maps the page once; NULL when there is none. A wrong file is a broken test: it must not go unnoticed. */
static const volatile unsigned char *clock_page(void)
{
    static const volatile unsigned char *page;
    static bool looked;

    if (looked)
        return page;
    looked = true;
    const char *path = tm_page_path();
    if (path == NULL)
        return NULL;
    AUTO(auto_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL; /* a sandboxed process that cannot see the test's file runs on real time */
    struct stat st;
    BUG(fstat(fd, &st) < 0 || st.st_size < PAGE_BYTES);
    void *p = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    BUG(p == MAP_FAILED);
    page = p;
    return page;
}

const char *tm_page_path(void)
{
    const char *path = getenv("GANTRY_TEST_CLOCK");

    return path != NULL && path[0] != '\0' ? path : NULL;
}

int64_t tm_jumped_ms(void)
{
    const volatile unsigned char *page = clock_page();

    if (page == NULL)
        return 0;
    /* One aligned load: the writer stores all eight bytes at once. */
    return (int64_t)le64toh(__atomic_load_n((const uint64_t *)(uintptr_t)page, __ATOMIC_ACQUIRE));
}
#else
const char *tm_page_path(void)
{
    return NULL;
}

int64_t tm_jumped_ms(void)
{
    return 0;
}
#endif

static int64_t read_us(clockid_t id)
{
    struct timespec ts;

    BUG(clock_gettime(id, &ts) < 0);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 + tm_jumped_ms() * 1000;
}

int64_t tm_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t tm_now_ms(void)
{
    return tm_now_us() / 1000;
}

int64_t tm_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t tm_wall_ms(void)
{
    return tm_wall_us() / 1000;
}

/* Days since 1970-01-01 of a civil date, and back. Source: Howard Hinnant, chrono-compatible low-level
 * date algorithms (public domain). */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

    return era * 146097 + (int64_t)doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, unsigned *m, unsigned *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;

    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void format_seconds(struct buf *b, int64_t s)
{
    int64_t days = floor_div(s, 86400), y;
    unsigned rest = (unsigned)(s - days * 86400), m, d;

    civil_from_days(days, &y, &m, &d);
    buf_addf(b, "%04lld-%02u-%02uT%02u:%02u:%02u", (long long)y, m, d, rest / 3600, rest / 60 % 60,
             rest % 60);
}

void tm_format_ms(struct buf *b, int64_t wall_ms)
{
    int64_t s = floor_div(wall_ms, 1000);

    format_seconds(b, s);
    buf_addf(b, ".%03uZ", (unsigned)(wall_ms - s * 1000));
}

void tm_format_ticks(struct buf *b, int64_t wall_us)
{
    int64_t s = floor_div(wall_us, 1000000);

    format_seconds(b, s);
    buf_addf(b, ".%06u0Z", (unsigned)(wall_us - s * 1000000));
}

/* Takes exactly n digits from the front of *s. */
static bool take_digits(struct sv *s, size_t n, unsigned *out)
{
    unsigned v = 0;

    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!ch_is_digit(s->p[i]))
            return false;
        v = v * 10 + (unsigned)(s->p[i] - '0');
    }
    *s = sv_sub(*s, n, s->n);
    *out = v;
    return true;
}

static bool take_char(struct sv *s, const char *any)
{
    if (s->n == 0 || s->p[0] == '\0' || strchr(any, s->p[0]) == NULL)
        return false;
    *s = sv_sub(*s, 1, s->n);
    return true;
}

static unsigned month_days(unsigned y, unsigned m)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m == 2 && leap ? 29 : days[m - 1];
}

/* Z, +hh:mm or -hh:mm; seconds east of UTC. */
static bool take_zone(struct sv *s, int *east_s)
{
    unsigned h, m;
    bool west = s->n > 0 && s->p[0] == '-';

    if (take_char(s, "Zz")) {
        *east_s = 0;
        return true;
    }
    if (!take_char(s, "+-") || !take_digits(s, 2, &h) || !take_char(s, ":") ||
        !take_digits(s, 2, &m) || h > 23 || m > 59)
        return false;
    *east_s = (int)(h * 3600 + m * 60) * (west ? -1 : 1);
    return true;
}

static bool parse_time(struct sv s, int64_t *wall_ms)
{
    unsigned y, mo, d, h, mi, sec, ms = 0;
    int east_s;

    if (!take_digits(&s, 4, &y) || !take_char(&s, "-") || !take_digits(&s, 2, &mo) ||
        !take_char(&s, "-") || !take_digits(&s, 2, &d) || !take_char(&s, "Tt ") ||
        !take_digits(&s, 2, &h) || !take_char(&s, ":") || !take_digits(&s, 2, &mi) ||
        !take_char(&s, ":") || !take_digits(&s, 2, &sec))
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) || h > 23 || mi > 59 || sec > 60)
        return false;
    if (take_char(&s, ".")) {
        size_t n = 0;
        for (; n < 10 && s.n > 0 && ch_is_digit(s.p[0]); n++, s = sv_sub(s, 1, s.n))
            if (n < 3)
                ms = ms * 10 + (unsigned)(s.p[0] - '0');
        if (n < 1 || n > 9)
            return false;
        for (; n < 3; n++)
            ms *= 10;
    }
    if (!take_zone(&s, &east_s) || s.n > 0)
        return false;
    int64_t day = days_from_civil((int64_t)y, mo, d);
    *wall_ms = (day * 86400 + (int64_t)h * 3600 + (int64_t)mi * 60 + (int64_t)sec - east_s) * 1000 +
               (int64_t)ms;
    return true;
}

int tm_parse(struct sv s, int64_t *wall_ms, struct err *e)
{
    if (!parse_time(s, wall_ms))
        return err_set(e, FAIL_INPUT, "'%.*s' is not an RFC 3339 time", (int)(s.n > 40 ? 40 : s.n),
                       s.p != NULL ? s.p : "");
    return 0;
}

bool tm_starts_stamp(struct sv s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddddZ ";

    if (s.n < TM_STAMP_BYTES ||
        s.p[TM_STAMP_BYTES - 1] != ' ') /* most lines end the question here */
        return false;
    for (size_t i = 0; i < TM_STAMP_BYTES; i++)
        if (form[i] == 'd' ? !ch_is_digit(s.p[i]) : s.p[i] != form[i])
            return false;
    return true;
}
