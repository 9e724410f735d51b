/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon's log: levels, both formats, escaping and masking. Standard error goes into a file. */
#include "tests/unit/base/helper.h"

#include "base/log.h"
#include "base/sv.h"

#include <jansson.h>
#include <unistd.h>

static char *line_of(enum log_format format, const char *levels, void (*fn)(void))
{
    struct log_options o = {.program = "test", .format = format, .levels = levels};
    struct err e;
    char path[] = "/tmp/gantry-log-XXXXXX", *out = NULL;
    size_t n = 0;
    int fd = mkostemp(path, O_CLOEXEC), saved = dup(STDERR_FILENO);

    if (fd < 0 || log_init(&o, &e) < 0 || dup2(fd, STDERR_FILENO) < 0)
        return NULL;
    fn();
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(fd);
    if (fs_read_file(AT_FDCWD, path, 100000, &out, &n, &e) < 0)
        out = NULL;
    (void)unlink(path);
    return out;
}

/* Without the time of the human form. */
static const char *behind_time(const char *line)
{
    return strlen(line) > 25 ? line + 25 : line;
}

static void say_fields(void)
{
    log_info("job", "started", "job=%s id=%d path=%s", "my build", 42, "");
}
static void say_text(void)
{
    log_warn("job", "odd", "reason for %s host=%s", "a b=c", "h");
}
static void say_hostile(void)
{
    log_error("net", "failed", "what=%s id=%d",
              "x\x1f"
              "admin\x1e"
              "1\n\"\\\x1b\xff\xC2\x9B",
              1);
}
static void say_secret(void)
{
    log_info("job", "env", "a=%s b=%s", "xhunter2y hunter2", "*");
}
static void say_levels(void)
{
    log_debug("http", "turn", "n=%d", 1);
    log_debug("job", "turn", "n=%d", 2);
    log_info("quiet", "turn", "n=%d", 3);
}
static void say_long(void)
{
    static char big[40000];

    (void)memset(big, 'x', sizeof big - 1);
    log_info("job", "long", "text=%s", big);
}

static void human_form(void **state)
{
    (void)state;
    char *s = line_of(LOG_HUMAN, "info", say_fields);

    assert_string_equal(behind_time(s), "info job: started job=\"my build\" id=42 path=\"\"\n");
    free(s);
    s = line_of(LOG_HUMAN, "info", say_text);
    assert_string_equal(behind_time(s), "warn job: odd text=\"reason for a b=c\" host=h\n");
    free(s);
    s = line_of(LOG_JOURNAL, "info", say_fields);
    assert_true(sv_starts(sv_of(s), SV("<6>job: started job=")));
    free(s);
}

static void hostile_values_stay_one_value(void **state)
{
    (void)state;
    char *s = line_of(LOG_HUMAN, "info", say_hostile);

    assert_string_equal(behind_time(s),
                        "error net: failed text=\"what\\x1ex\\x1fadmin\\x1e1\\x0a\\\""
                        "\\\\\\x1b\\xff\\x9b\\x1fid\\x1e1\"\n");
    free(s);
    s = line_of(LOG_JSON, "info", say_hostile);
    json_t *j = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    assert_null(json_object_get(j, "admin"));
    json_decref(j);
    free(s);
}

static void json_form(void **state)
{
    (void)state;
    char *s = line_of(LOG_JSON, "info", say_fields);
    json_t *j = json_loads(s, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(j);
    assert_string_equal(json_string_value(json_object_get(j, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(j, "job")), "my build");
    assert_string_equal(json_string_value(json_object_get(j, "id")), "42");
    json_decref(j);
    free(s);
}

static void secrets_are_masked(void **state)
{
    (void)state;
    log_mask("hunter2", 7);
    log_mask("", 0);
    char *s = line_of(LOG_HUMAN, "info", say_secret);

    assert_string_equal(behind_time(s), "info job: env a=\"x***y ***\" b=*\n");
    free(s);
}

static void levels_by_module(void **state)
{
    (void)state;
    char *s = line_of(LOG_HUMAN, "info,http=debug,quiet=error", say_levels);

    assert_non_null(strstr(s, "debug http: turn n=1 at="));
    assert_null(strstr(s, "n=2"));
    assert_null(strstr(s, "n=3"));
    free(s);
    struct log_options o = {.levels = "loud"};
    struct err e;
    assert_int_equal(log_init(&o, &e), -1);
    assert_int_equal(e.code, FAIL_INPUT);
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    char *s = line_of(LOG_HUMAN, "info", say_long);

    assert_in_range(strlen(s), 16000, 17000);
    assert_int_equal(s[strlen(s) - 1], '\n');
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(human_form),         cmocka_unit_test(hostile_values_stay_one_value),
        cmocka_unit_test(json_form),          cmocka_unit_test(levels_by_module),
        cmocka_unit_test(long_lines_are_cut), cmocka_unit_test(secrets_are_masked),
    };

    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
