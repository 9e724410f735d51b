"""Problem matchers that are slow: the run stays in hand, and no line is lost (spec logs 1.6.3)."""
import time

# About half a second a line: too short for the time-out.
SLOW = """
on: push
jobs:
  t:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo '{"problemMatcher": [{"owner": "slow", "pattern": [{"regexp": "^(a|aa)*[^a]$", "message": 0}]}]}' > slow.json
          echo "::add-matcher::slow.json"
          echo begun
          line=$(head -c %d /dev/zero | tr '\\0' a)
          for i in $(seq %d); do echo "$line"; done
          echo "last"
          %s
"""


def cancelled(gantry, repository, host, workflow, seconds):
    """The run, interrupted two seconds after its first slow line; it must end in time."""
    repository.commit(workflow)
    run = gantry("run", "--json", "--offline")
    run.wait_log("begun")
    time.sleep(2)
    begun = time.monotonic()
    run.interrupt()
    assert run.finish() == 130
    assert time.monotonic() - begun < seconds
    host.assert_clean(repository)
    return run


def test_a_cancel_while_a_matcher_is_slow(gantry, repository, host):
    run = cancelled(gantry, repository, host, SLOW % (29, 300, "sleep 100"), 20)
    assert [e["result"] for e in run.of("job.completed")] == ["cancelled"]


def test_a_cancel_after_the_process_ended(gantry, repository, host):
    run = cancelled(gantry, repository, host, SLOW % (29, 300, ":"), 10)
    assert run.lines().count("a" * 29) == 300 and "last" in run.lines()


def test_a_matcher_that_comes_after_the_cancel(gantry, repository, host):
    """The rest is read without matchers; one that it adds neither stops that nor makes it slow."""
    more = 'echo ::add-matcher::slow.json; for i in $(seq 60); do echo "$line"; done; echo end'
    run = cancelled(gantry, repository, host, SLOW % (29, 60, more), 10)
    assert run.lines().count("a" * 29) == 120 and "end" in run.lines()


def test_no_line_is_lost(gantry, repository, host):
    """What is left when the process ends takes longer than the five seconds that its pipes are waited for."""
    repository.commit(SLOW % (29, 30, ":"))
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0
    assert run.lines().count("a" * 29) == 30 and "last" in run.lines()
    host.assert_clean(repository)
