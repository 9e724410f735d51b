"""Limits of what a job hands on: at the limit, one above it, with the official words (spec logs 2.4, 10, 11). Their texts are too long
for the acceptance cases."""
MAKE = "          { echo -n '%s='; head -c %d /dev/zero | tr '\\0' a; echo; } >> \"$%s\"\n"


def job(name, outputs, run):
    return "  %s:\n    runs-on: ubuntu-latest\n    outputs:\n%s    steps:\n      - id: s\n        run: |\n%s" % (name, outputs, run)


def results(run):
    return {e["job"]: e["result"] for e in run.of("job.completed")}


def messages(run):
    return [(e["job"], e["level"], e["message"]) for e in run.of("annotation")]


def test_outputs_of_a_job(gantry, repository, host):
    """1 MiB of UTF-16 text, names included."""
    one = "      x: ${{ steps.s.outputs.x }}\n"
    repository.commit("on: push\njobs:\n" + job("fits", one, MAKE % ("x", 524287, "GITHUB_OUTPUT")) +
                      job("over", one, MAKE % ("x", 524288, "GITHUB_OUTPUT")) + """
  next:
    needs: [fits, over]
    if: always()
    runs-on: ubuntu-latest
    env:
      SEEN: ${{ needs.fits.result }} ${{ needs.over.result }} ${{ needs.over.outputs.x == '' }}
    steps:
      - run: echo "seen $SEEN"
""")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 1
    assert results(run) == {"fits": "success", "over": "failure", "next": "success"}
    assert messages(run) == [("over", "error", "Job outputs exceed 1,048,576 bytes")]
    assert {e["job"]: len(e["outputs"].get("x", "")) for e in run.of("job.completed")} == {"fits": 524287, "over": 0, "next": 0}
    assert "seen success failure true" in run.lines()
    host.assert_clean(repository)


def test_outputs_that_cannot_be_evaluated(gantry, repository, host):
    """The worker's own limit: 10 MiB, counted as the official evaluator does."""
    three = "".join("      %s: ${{ steps.s.outputs.x }}\n" % name for name in "abc")
    repository.commit("on: push\njobs:\n" + job("t", three, MAKE % ("x", 2000000, "GITHUB_OUTPUT")))
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 1
    assert messages(run) == [("t", "error", "Fail to evaluate job outputs"),
                             ("t", "error", ".github/workflows/ci.yml: Maximum object size exceeded")]
    host.assert_clean(repository)


def test_a_variable_that_no_process_can_have(gantry, repository, host):
    repository.commit("on: push\njobs:\n" + job("t", "      x: 1\n", MAKE % ("LONG", 140000, "GITHUB_ENV")) + """
      - run: echo not reached
      - if: always()
        env:
          LONG: short
        run: echo "$LONG again"
""")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 1
    assert messages(run) == [("t", "error", "An error occurred trying to start process '/usr/bin/bash' with working directory "
                              "'/home/runner/work/repository/repository'. Argument list too long")]
    assert "short again" in run.lines() and "not reached" not in run.lines()
    host.assert_clean(repository)
