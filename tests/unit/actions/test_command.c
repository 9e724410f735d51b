/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow commands and file commands: every sentence of spec logs 1.1 and 2.2 to 2.4. */
#include "tests/unit/base/helper.h"

#include "actions/command.h"

/* Expected: "name|key=value|key=value|data", or NULL when the line is no command. */
struct command_case {
    const char *name;
    const char *line;
    const char *want;
};
static const struct command_case command_cases[] = {
    /* The asserted vectors of the official runner (T-ActionCommandL0). */
    {"all escapes of form 2", "::do-something k1=;=%2C=%0D=%0A=]=%3A,::;-%0D-%0A-]-:-,",
     "do-something|k1=;=,=\r=\n=]=:|;-\r-\n-]-:-,"},
    {"an escaped escape", "::do-something k1=%252C,::", "do-something|k1=%2C|"},
    {"no values", "::do-something k1=,k2=,::", "do-something|"},
    {"spaces in front", "   ::do-something k1=v1,::msg", "do-something|k1=v1|msg"},
    {"text in front", "   >>>   ::do-something k1=v1,::msg", NULL},
    {"form 1 with text in front", ">>>   ##[do-something k1=v1;]msg", "do-something|k1=v1|msg"},
    {"form 1 all escapes", "##[do-something k1=%3B=%0D=%0A=%5D;k2=:,]%3B-%0D-%0A-%5D-%2C",
     "do-something|k1=;=\r=\n=]|k2=:,|;-\r-\n-]-%2C"},
    /* Grammar. */
    {"no properties", "::error::x", "error||x"},
    {"no data", "::endgroup::", "endgroup||"},
    {"empty name", ":: error::x", NULL},
    {"no end of the header", "::error:x", NULL},
    {"nothing between", "::::x", NULL},
    {"empty line", "", NULL},
    {"plain text", "compiling x.c", NULL},
    {"colons in the data", "::error::a::b", "error||a::b"},
    {"data is not trimmed", "::error:: a ", "error|| a "},
    {"case is kept, ignored in lookups", "::ERROR FiLe=a::x", "ERROR|FiLe=a|x"},
    {"keys are not trimmed", "::error file=a, line=3::x", "error|file=a| line=3|x"},
    {"header is trimmed in form 2", "::error   file=a  ::x", "error|file=a|x"},
    {"header is not trimmed in form 1", "##[error  file=a ]x", "error| file=a |x"},
    {"leading equals are dropped", "::error k==v,=l=w::", "error|k=v|l=w|"},
    {"later equals are kept", "::error k=a=b=::", "error|k=a=b=|"},
    {"only equals", "::error k==,==::", "error|"},
    {"last of equal keys wins", "::error k=1,K=2::", "error|K=2|"},
    {"lower-case hex is text", "::error k=%0a%3a::%0a%0d", "error|k=%0a%3a|%0a%0d"},
    {"%3A is no escape in data", "::error::%3A%2C%3B%5D", "error||%3A%2C%3B%5D"},
    {"%3B is no escape in form 2", "::error k=%3B::", "error|k=%3B|"},
    {"percent at the end", "::error::100%", "error||100%"},
    {"cut escape at the end", "::error::1%0", "error||1%0"},
    {"%25 then digits", "::error::%250A", "error||%0A"},
    {"unknown names have the form too", "::nonsense k=v::x", "nonsense|k=v|x"},
    {"known form 1 behind an unknown form 2", "::nonsense:: ##[error]x", "error||x"},
    {"known form 2 before a known form 1", "::debug::##[error]x", "debug||##[error]x"},
    {"first of two form 1", "##[warning]a##[error]b", "warning||a##[error]b"},
    {"form 1 without an end", "##[error x", NULL},
    {"form 1 end inside the properties", "##[error k=]x]y", "error||x]y"},
    {"Unicode space in front", "\xC2\xA0\xE3\x80\x80::error::x", "error||x"},
    {"tab ends no name", "::error\tx::y", "error\tx||y"},
    {"traced command", "+ echo ::add-mask::v", NULL},
};

static void check_command(void **state)
{
    const struct command_case *c = *state;
    struct buf b = BUF_INIT(1000);
    struct cmd cmd;
    bool ok = cmd_parse_with(sv_of(c->line), SV("do-something"), &cmd);

    assert_int_equal(ok, c->want != NULL);
    if (c->want == NULL)
        return;
    buf_addsv(&b, cmd.name);
    buf_addc(&b, '|');
    for (size_t i = 0; i < cmd.n_props; i++) {
        buf_addsv(&b, cmd.props[i].key);
        buf_addf(&b, "=%s|", cmd.props[i].value);
    }
    /* A second bar where there are no properties, so that rows read alike. */
    if (cmd.n_props == 0 && strstr(c->want, "||") != NULL)
        buf_addc(&b, '|');
    buf_adds(&b, cmd.data);
    assert_string_equal(b.p, c->want);
    buf_free(&b);
    cmd_done(&cmd);
}

static void lookups_ignore_case(void **state)
{
    (void)state;
    struct cmd c;

    assert_true(cmd_parse(SV("::Warning FILE=a,endLine=3::x"), &c));
    assert_string_equal(cmd_prop(&c, "file"), "a");
    assert_string_equal(cmd_prop(&c, "endline"), "3");
    assert_null(cmd_prop(&c, "line"));
    assert_true(cmd_is_known(c.name));
    assert_false(cmd_is_known(SV("command")));
    assert_false(cmd_is_known(SV("")));
    cmd_done(&c);
}

static void stop_token_is_known(void **state)
{
    (void)state;
    struct cmd c;

    assert_true(cmd_parse_with(SV("::Pause-1::##[error]x"), SV("pause-1"), &c));
    assert_true(sv_is(c.name, "Pause-1"));
    cmd_done(&c);
    assert_true(cmd_parse_with(SV("x ##[pause-1]"), SV("pause-1"), &c));
    assert_true(sv_is(c.name, "pause-1"));
    cmd_done(&c);
}

static void properties_at_the_limit(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(10000);
    struct cmd c;

    buf_adds(&b, "::error ");
    for (int i = 0; i <= CMD_MAX_PROPERTIES; i++)
        buf_addf(&b, "k%d=%d,", i, i);
    buf_adds(&b, "k0=again::data");
    assert_true(cmd_parse(buf_sv(&b), &c));
    assert_int_equal(c.n_props, CMD_MAX_PROPERTIES);
    assert_string_equal(cmd_prop(&c, "k63"), "63");
    assert_null(cmd_prop(&c, "k64"));
    assert_string_equal(cmd_prop(&c, "k0"), "again");
    assert_string_equal(c.data, "data");
    cmd_done(&c);
    buf_free(&b);
}

static void escapes(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);

    cmd_escape_data(&b, SV("a%b\rc\nd:e,f"));
    assert_string_equal(b.p, "a%25b%0Dc%0Ad:e,f");
    buf_reset(&b);
    cmd_escape_property(&b, SV("a%b\rc\nd:e,f"));
    assert_string_equal(b.p, "a%25b%0Dc%0Ad%3Ae%2Cf");
    buf_free(&b);
}

/* Expected: entries as "key=[value]" in order, then the error after '!'. */
struct pairs_case {
    const char *name;
    struct sv in;
    const char *want;
};
#define ROW(name, lit, want)               \
    {                                      \
        name, {lit, sizeof(lit) - 1}, want \
    }
static const struct pairs_case pairs_cases[] = {
    ROW("empty file", "", ""),
    ROW("simple", "A=b\n", "A=[b]"),
    ROW("no newline at the end", "A=b", "A=[b]"),
    ROW("empty lines between", "\n\nA=b\n\nC=d\n\n", "A=[b]C=[d]"),
    ROW("lines are not trimmed", "KEY = v \n", "KEY =[ v ]"),
    ROW("split at the first =", "A=b=c\n", "A=[b=c]"),
    ROW("empty value", "A=\n", "A=[]"),
    ROW("CR stays", "A=b\r\n", "A=[b\r]"),
    ROW("heredoc", "A<<EOF\nline 1\nline 2\nEOF\n", "A=[line 1\nline 2]"),
    ROW("heredoc ends without LF", "A<<EOF\nx\nEOF", "A=[x]"),
    ROW("empty heredoc", "A<<EOF\nEOF\n", "A=[]"),
    ROW("heredoc of one empty line", "A<<EOF\n\nEOF\n", "A=[]"),
    ROW("heredoc with a trailing newline", "A<<EOF\nx\n\nEOF\n", "A=[x\n]"),
    ROW("heredoc with CR", "A<<EOF\r\nx\r\nEOF\r\n", "A=[x\r]"),
    ROW("heredoc that holds an entry", "A<<EOF\nB=c\nEOF\nD=e\n", "A=[B=c]D=[e]"),
    ROW("delimiter is compared exactly", "A<<EOF\n EOF\nEOF \nEOF\n", "A=[ EOF\nEOF ]"),
    ROW("delimiter with =", "A<<=EOF\nx\n=EOF\n", "A=[x]"),
    ROW("value with <<", "A=<<EOF\n", "A=[<<EOF]"),
    ROW("delimiter with <", "A<<<EOF\nx\n<EOF\n", "A=[x]"),
    ROW("second << belongs to the delimiter", "A<<B<<C\nx\nB<<C\n", "A=[x]"),
    ROW("the toolkit's delimiter",
        "out<<ghadelimiter_6ba7b810-9dad-11d1-80b4-00c04fd430c8\nv\n"
        "ghadelimiter_6ba7b810-9dad-11d1-80b4-00c04fd430c8\n",
        "out=[v]"),
    ROW("duplicates come in order", "A=1\nA=2\n", "A=[1]A=[2]"),
    ROW("no separator", "A=1\nnonsense\nB=2\n", "A=[1]!Invalid format 'nonsense'"),
    ROW("empty name", "=v\n", "!Invalid format '=v'"),
    ROW("empty heredoc name", "<<EOF\nx\nEOF\n",
        "!Invalid format '<<EOF'. Name must not be empty and delimiter must not be empty"),
    ROW("empty delimiter", "A<<\nx\n",
        "!Invalid format 'A<<'. Name must not be empty and delimiter must not be empty"),
    ROW("delimiter missing", "A<<EOF\nx\n", "!Invalid value. Matching delimiter not found 'EOF'"),
    ROW("delimiter missing at once", "A<<EOF\n",
        "!Invalid value. Matching delimiter not found 'EOF'"),
    ROW("nothing behind the header", "A<<EOF",
        "!Invalid value. Matching delimiter not found 'EOF'"),
    ROW("last line without LF", "A<<EOF\nx\nEO", "!Invalid value. EOF marker missing new line."),
    ROW("UTF-8 mark",
        "\xEF\xBB\xBF"
        "A=b\n",
        "A=[b]"),
    ROW("UTF-16 little-endian",
        "\xFF\xFE"
        "A\0=\0\x3d\xd8\x00\xde\n\0",
        "A=[\xF0\x9F\x98\x80]"),
    ROW("UTF-16 big-endian", "\xFE\xFF\0A\0=\0\xE4\0\n", "A=[\xC3\xA4]"),
    ROW("UTF-32 little-endian", "\xFF\xFE\0\0A\0\0\0=\0\0\0b\0\0\0", "A=[b]"),
    ROW("UTF-32 big-endian", "\0\0\xFE\xFF\0\0\0A\0\0\0=\0\0\0b", "A=[b]"),
    ROW("UTF-16 cut off",
        "\xFF\xFE"
        "A\0=\0b",
        "A=[\xEF\xBF\xBD]"),
    ROW("not UTF-8", "A=b\xff\n", "A=[b\xEF\xBF\xBD]"),
};

static int collect(void *ctx, struct sv key, struct sv value, struct err *e)
{
    struct buf *b = ctx;

    if (sv_is(key, "FAIL"))
        return err_set(e, FAIL_DENIED, "stop");
    buf_addf(b, SV_FMT "=[", SV_ARG(key));
    buf_addsv(b, value);
    buf_addc(b, ']');
    return 0;
}

static void check_pairs(void **state)
{
    const struct pairs_case *c = *state;
    struct buf b = BUF_INIT(10000);
    struct err e = {0};
    /* An exact copy lets the sanitizer see one byte too far. */
    char *exact = xmalloc(c->in.n);
    (void)memcpy(exact, c->in.p, c->in.n);

    if (cmd_file_pairs((struct sv){exact, c->in.n}, collect, &b, &e) < 0) {
        assert_int_equal(e.code, FAIL_INPUT);
        buf_addf(&b, "!%s", e.msg);
    }
    assert_string_equal(b.p, c->want);
    buf_free(&b);
    free(exact);
}

static void failure_of_the_callback(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(100);
    struct err e;

    assert_int_equal(cmd_file_pairs(SV("A=1\nFAIL=2\nB=3\n"), collect, &b, &e), -1);
    assert_int_equal(e.code, FAIL_DENIED);
    assert_string_equal(b.p, "A=[1]");
    buf_free(&b);
}

static void path_lines(void **state)
{
    (void)state;
    struct strv v = STRV_INIT;

    cmd_file_lines(SV("\xEF\xBB\xBF/a\r\n\n /b \r/c\n\r\n/d"), &v);
    assert_int_equal(v.n, 4);
    assert_string_equal(v.v[0], "/a");
    assert_string_equal(v.v[1], " /b ");
    assert_string_equal(v.v[2], "/c");
    assert_string_equal(v.v[3], "/d");
    strv_free(&v);
    cmd_file_lines(SV(""), &v);
    assert_int_equal(v.n, 0);
}

static void blocked_names(void **state)
{
    (void)state;
    assert_true(cmd_env_is_blocked(SV("NODE_OPTIONS")));
    assert_true(cmd_env_is_blocked(SV("node_Options")));
    assert_false(cmd_env_is_blocked(SV("NODE_OPTIONS ")));
    assert_false(cmd_env_is_blocked(SV("GITHUB_TOKEN")));
    assert_false(cmd_env_is_blocked(SV("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookups_ignore_case),     cmocka_unit_test(stop_token_is_known),
        cmocka_unit_test(properties_at_the_limit), cmocka_unit_test(escapes),
        cmocka_unit_test(failure_of_the_callback), cmocka_unit_test(path_lines),
        cmocka_unit_test(blocked_names),
    };

    return RUN_TABLE("command", command_cases, check_command) +
           RUN_TABLE("file command", pairs_cases, check_pairs) +
           cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
