"""Logs that are larger than anything should be, and lines that nobody expects."""
import datetime


def test_a_line_of_ten_megabytes_arrives_whole(gantry, repository, host):
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n"
                      "      - run: head -c 10000000 /dev/zero | tr '\\0' x; echo; echo after\n")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    lines = run.lines()
    assert "x" * 10000000 in lines
    assert lines[lines.index("x" * 10000000) + 1] == "after"
    host.assert_clean(repository)


def moment(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))


def test_a_burst_is_shown_while_its_step_goes_on(gantry, repository, host):
    """More than the live feed carries: every line once and in order, the last ones too before the step says more."""
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n"
                      "      - run: seq -f 'line %.0f' 200000; sleep 3; echo 'and then'; seq -f 'more %.0f' 20000\n")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    said = [e for e in run.of("log") if e["line"].startswith(("line ", "and then", "more ")) and "seq" not in e["line"]]
    assert [e["line"] for e in said] == (["line %d" % i for i in range(1, 200001)] + ["and then"] + ["more %d" % i for i in range(1, 20001)])
    assert [e["seq"] for e in run.events] == list(range(1, len(run.events) + 1))
    assert (moment(said[200000]) - moment(said[199999])).total_seconds() > 2
    host.assert_clean(repository)


def test_a_line_may_hold_anything(gantry, repository, host):
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n"
                      "      - run: printf 'a\\0b\\n\\xff\\xc3\\n\\033[31mred\\033[2J\\n{\"type\":\"log.block\"}\\n'\n")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    assert [e["line"] for e in run.of("log") if e["step"] == 2][-4:] == ["a\0b", "\ufffd\ufffd", "\033[31mred\033[2J", '{"type":"log.block"}']
    text = gantry("run", "--offline")
    assert text.finish() == 0, text.errors
    assert {"t | a\\x00b", "t | \ufffd\ufffd", "t | red\\x1b[2J", 't | {"type":"log.block"}'} <= set(text.plain)
    host.assert_clean(repository)


def test_everything_else_may_hold_nul(gantry, repository, host):
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    outputs: {o: '${{ steps.s.outputs.q }}'}\n    steps:\n"
                      "      - id: s\n        run: |\n"
                      "          printf '::notice title=x\\0y::z\\n'\n"
                      "          printf 'q=a\\0b\\n' >> $GITHUB_OUTPUT\n"
                      "          printf 'sum\\0mary\\n' >> $GITHUB_STEP_SUMMARY\n")
    for words in (["--json"], []):
        run = gantry("run", "--offline", *words)
        assert run.finish() == 0, run.errors
    host.assert_clean(repository)


def test_two_jobs_at_once_keep_their_lines_apart(gantry, repository, host):
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    strategy: {matrix: {n: [1, 2]}}\n    steps:\n"
                      "      - run: |\n"
                      "          for i in 1 2 3 4 5; do\n"
                      "            seq -f '${{ matrix.n }} %.0f' 20000; head -c 400000 /dev/zero | tr '\\0' ${{ matrix.n }}; echo\n"
                      "          done\n")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    for n in ("1", "2"):
        lines = [e["line"] for e in run.of("log") if e["name"] == "t (%s)" % n and e["step"] == 2]
        want = ([n + " %d" % i for i in range(1, 20001)] + [n * 400000]) * 5
        assert lines[-len(want):] == want
    host.assert_clean(repository)
