/* SPDX-License-Identifier: Apache-2.0
 *
 * The log path alone: pipe reader, line splitter, command parser, masker, spool file, as the worker runs them, fed by
 * another process. Prints MB of input for each second of this process's CPU time, for several kinds of text, without
 * and with 1,000 secrets in all encodings; for one long line of growing length also how much memory it took. Use
 * a build with optimisation.
 *
 *     bench_log [MEGABYTES]       a kind; 200 is the default */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/num.h"
#include "runner/worker/log_chain.h"
#include "runner/worker/worker.h"

#define SAMPLE_BYTES ((size_t)4 << 20)
#define SECRETS      1000U

static const char words[] =
    "the quick brown fox jumps over the lazy dog, again and again, until the log is full\n";
static const char colours[] =
    "\x1b[32m\xe2\x9c\x93\x1b[39m src/components/B\xc3\xa4r.test.ts \x1b[2m(12 tests)\x1b[22m "
    "\x1b[33m153\x1b[2mms\x1b[22m\x1b[39m\n";
static const char commands[] =
    "::debug::one of many\n##[group]Run it\nplain: text :: with marks\nnpm WARN deprecated a@1.0.0\n";
#define FOUR_LINES                                                                          \
    "the quick brown fox jumps over the lazy dog, again and again, until the log is full\n" \
    "npm WARN deprecated a@1.0.0: use b\n"                                                  \
    "plain: text :: with marks, and some more of it behind them\n"                          \
    "   at Object.<anonymous> (/home/runner/work/app/app/src/components/thing.test.ts:12:9)\n"
static const char mixed[] = FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES
    FOUR_LINES FOUR_LINES FOUR_LINES FOUR_LINES "::debug::one of many\n";
static const char base64[] =
    "aGVsbG8gd29ybGQgdGhpcyBpcyBhIGxvbmcgbGluZSBvZiBiYXNlNjQgdGhhdCBsb29rcyBsaWtlIGEgc2VjcmV0Lg\n";
static const char dots[] = ".";
/* Patterns of the kinds that setup actions bring along. */
static const char matchers[] =
    "{\"problemMatcher\":["
    "{\"owner\":\"a\",\"pattern\":[{\"regexp\":\"^([^:]+):(\\\\d+):(\\\\d+): (error|warning): "
    "(.*)$\",\"file\":1,\"line\":2,\"column\":3,\"severity\":4,\"message\":5}]},"
    "{\"owner\":\"b\",\"pattern\":[{\"regexp\":\"^(?:\\\\s+\\\\d+>)?([^\\\\s].*)\\\\((\\\\d+),(\\\\d+)\\\\): "
    "(error|warning)\\\\s+(\\\\w+): (.*)$\",\"file\":1,\"message\":6}]},"
    "{\"owner\":\"c\",\"pattern\":[{\"regexp\":\"^([^\\\\s].*)$\",\"file\":1},{\"regexp\":\"^\\\\s+(\\\\d+):"
    "(\\\\d+)\\\\s+(error|warning|info)\\\\s+(.*)\\\\s\\\\s+(.*)$\",\"line\":1,\"message\":4,\"loop\":true}]}]}";

static const struct kind {
    const char *name, *pattern;
} kinds[] = {
    {"words, 84 bytes a line", words},   {"colours and UTF-8", colours},
    {"one line in 40 a command", mixed}, {"every other line a command", commands},
    {"base64, 91 bytes a line", base64},
};

static double cpu_s(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double rss_mib(void)
{
    struct rusage u;

    (void)getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_maxrss / 1024;
}

static _Noreturn void write_all(int fd, const char *pattern, size_t bytes, bool end_line)
{
    size_t n = strlen(pattern), filled = 0;
    char *block = xmalloc(SAMPLE_BYTES);
    struct err e = {0};

    for (; filled + n <= SAMPLE_BYTES; filled += n)
        memcpy(block + filled, pattern, n);
    for (size_t left = bytes; left > 0;) {
        size_t part = left < filled ? left : filled;
        if (fd_write_full(fd, block, part, &e) < 0)
            _exit(1);
        left -= part;
    }
    _exit(end_line && fd_write_full(fd, "\n", 1, &e) < 0 ? 1 : 0);
}

static void must(int r, const struct err *e)
{
    char text[512];

    if (r >= 0)
        return;
    (void)fprintf(stderr, "bench_log: %s\n", err_text(e, text, sizeof text));
    exit(1);
}

struct rig {
    struct worker w;
    struct exec x;
    struct record record;
};

static void rig_init(struct rig *r, unsigned secrets)
{
    const char *dir = getenv("TMPDIR");
    struct err e = {0};

    *r = (struct rig){.w = {.mask = mask_new(), .loop = loop_new(&e)}};
    for (unsigned i = 0; i < secrets; i++) {
        AUTO(auto_free) char *s = xasprintf("value-of-secret-number-%u-%u", i, i * 7919);
        mask_add(r->w.mask, sv_of(s));
    }
    r->x = (struct exec){.w = &r->w, .rec = &r->record};
    must(spool_new(dir != NULL ? dir : "/var/tmp", r->w.mask, &r->w.spool, &e), &e);
}

static void rig_done(struct rig *r)
{
    spool_free(r->w.spool);
    mask_free(r->w.mask);
    loop_free(r->w.loop);
}

/* CPU seconds of the whole chain over that much text. */
static double run(struct rig *r, const char *pattern, size_t bytes, bool end_line)
{
    struct log_stream *s;
    struct err e = {0};
    int pipe[2], status;

    must(fd_pipe(pipe, &e), &e);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(pipe[0]);
        write_all(pipe[1], pattern, bytes, end_line);
    }
    (void)close(pipe[1]);
    must(log_stream_new(r->w.loop, &r->x, pipe[0], &s, &e), &e);
    double before = cpu_s();
    while (!log_stream_ended(s))
        must(loop_turn(r->w.loop, -1, &e), &e);
    spool_flush(r->w.spool);
    double took = cpu_s() - before;
    log_stream_free(s);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0 ||
        spool_failed(r->w.spool) != NULL || spool_size(r->w.spool) < bytes / 2) {
        (void)fprintf(stderr, "bench_log: the log is not whole\n");
        exit(1);
    }
    return took;
}

static void with_matchers(const struct kind *k, size_t megabytes)
{
    struct rig r;
    struct err e = {0};

    rig_init(&r, 0);
    must(matcher_file_read(sv_of(matchers), &r.w.matchers, &e), &e);
    double took = run(&r, k->pattern, megabytes * 100000, false);
    printf("log path: %-26s | %4.0f MB/s a core | 3 problem matchers\n", k->name,
           (double)megabytes / 10 / took);
    matcher_set_done(&r.w.matchers);
    rig_done(&r);
}

static void lines(const struct kind *k, unsigned secrets, size_t megabytes)
{
    struct rig r;

    rig_init(&r, secrets);
    (void)run(&r, k->pattern, (size_t)4 << 20, false); /* warm; compiles the masks */
    double took = run(&r, k->pattern, megabytes * 1000000, false);
    printf("log path: %-26s | %4.0f MB/s a core | %u secrets\n", k->name, (double)megabytes / took,
           secrets);
    rig_done(&r);
}

/* In a process of its own, so that the peak of memory is this line's. */
static void long_line(size_t megabytes, unsigned secrets)
{
    int status;

    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rig r;
        rig_init(&r, secrets);
        (void)run(&r, words, (size_t)1 << 20, false);
        double before = rss_mib();
        double took = run(&r, dots, megabytes * 1000000, true);
        printf("log path: one line of %3zu MB       | %4.0f MB/s a core, %.1f MiB more memory | %u "
               "secrets\n",
               megabytes, (double)megabytes / took, rss_mib() - before, secrets);
        (void)fflush(stdout);
        rig_done(&r);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    static const size_t lengths[] = {1, 10, 100};
    uint64_t megabytes = 200;
    struct err e = {0};

    if (argc > 1 && (num_u64(sv_of(argv[1]), 100000, &megabytes, &e) < 0 || megabytes == 0))
        return 2;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (unsigned secrets = 0; secrets <= SECRETS; secrets += SECRETS)
            lines(&kinds[i], secrets, (size_t)megabytes);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        with_matchers(&kinds[i], (size_t)megabytes);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        long_line(lengths[i], SECRETS);
    return 0;
}
