"""Cancellation, and what is left when a part is killed."""
import os
import time

HOSTILE = """
on: push
jobs:
  hostile:
    runs-on: ubuntu-latest
    steps:
      - run: |
          cat > hostile.py <<'END'
          import os, signal, sys
          for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
              signal.signal(number, signal.SIG_IGN)
          for i in range(1000):
              if os.fork() == 0:
                  os.setsid()
                  while True:
                      signal.pause()
          print("all forked", flush=True)
          while True:
              signal.pause()
          END
          python3 hostile.py MARKER
      - if: always()
        run: echo clean-up step ran
"""

WAITING = """
on: push
jobs:
  wait:
    runs-on: ubuntu-latest
    steps:
      - run: |
          echo now waiting
          exec tail -f /dev/null --pid=$$ MARKER 2> /dev/null || exec tail -f /dev/null
"""


def test_first_interrupt_ends_a_hostile_step(gantry, repository, host):
    repository.commit(HOSTILE.replace("MARKER", host.marker))
    run = gantry("run", "--json", "--offline")
    run.wait_log("all forked")
    run.interrupt()
    start = time.monotonic()
    assert run.finish() == 130
    host.wait_no_processes(max(0.1, 15 - (time.monotonic() - start)))
    assert "clean-up step ran" in run.lines()
    assert run.of("job.completed")[0]["result"] == "cancelled"
    assert run.of("run.completed")[0]["result"] == "cancelled"
    host.assert_clean(repository)


MUCH = """
on: push
jobs:
  t:
    runs-on: ubuntu-latest
    steps:
      - run: seq 1000000
      - run: exec tail -f /dev/null MARKER 2> /dev/null || exec tail -f /dev/null
"""


def piped(gantry, repository):
    """A run whose standard output is a pipe that nobody reads, and the other end of that."""
    pipe = str(repository.home) + ".pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    run = gantry("run", "--offline", prefix=("bash", "-c", 'exec "$@" > "$0"', pipe))
    time.sleep(3)
    return run, end


def test_interrupts_with_a_reader_that_does_not_read(gantry, repository, host):
    """A pager, or a terminal that was stopped: the program is in hand all the same."""
    repository.commit(MUCH.replace("MARKER", host.marker))
    run, end = piped(gantry, repository)
    assert any("tail" in str(p) for p in host.processes())
    run.interrupt()
    end_of_steps = time.monotonic() + 15
    while any("tail" in str(p) for p in host.processes()):
        assert time.monotonic() < end_of_steps
        time.sleep(0.05)
    run.interrupt()
    start = time.monotonic()
    assert run.finish() == 130
    assert time.monotonic() - start < 5
    os.close(end)
    host.assert_clean(repository)


def test_nothing_is_lost_by_a_reader_that_pauses(gantry, repository, host):
    repository.commit(MUCH.replace("MARKER", host.marker))
    run, end = piped(gantry, repository)
    run.interrupt()
    time.sleep(2)
    os.set_blocking(end, True)
    with os.fdopen(end, "rb") as stream:
        lines = stream.read().decode().splitlines()
    assert run.finish() == 130
    assert [line for line in lines if line[4:].isdigit()] == ["t | %d" % i for i in range(1, 1000001)]
    assert sum("job cancelled" in line for line in lines) == 1
    host.assert_clean(repository)


def test_an_interrupt_ends_all_workflows(gantry, repository, host):
    """They run side by side: that which is not shown yet is cancelled too."""
    waiting = WAITING.replace("MARKER", host.marker)
    cleanup = "      - if: always()\n        run: echo cleaned up\n"
    repository.commit(waiting, {".github/workflows/other.yml": waiting + cleanup, ".github/workflows/z.yml": waiting})
    run = gantry("run", "--json", "--offline", "--jobs", "3")
    run.wait_log("now waiting")
    time.sleep(2)  # the others start meanwhile
    run.interrupt()
    assert run.finish() == 130
    assert [e["result"] for e in run.of("run.completed")] == ["cancelled"] * 3
    assert [e["workflow"] for e in run.of("run.started")] == [".github/workflows/%s.yml" % n for n in ("ci", "other", "z")]
    assert run.lines().count("now waiting") == 3
    assert run.lines().count("cleaned up") == 1
    host.wait_no_processes(15)
    host.assert_clean(repository)


def test_second_interrupt_ends_at_once(gantry, repository, host):
    repository.commit(HOSTILE.replace("MARKER", host.marker))
    run = gantry("run", "--json", "--offline")
    run.wait_log("all forked")
    run.interrupt()
    time.sleep(0.5)  # a person's second Ctrl-C; nothing is being waited for
    run.interrupt()
    start = time.monotonic()
    assert run.finish() == 130
    host.wait_no_processes(max(0.1, 2 - (time.monotonic() - start)))
    host.assert_clean(repository)


def test_a_killed_front_end(gantry, repository, host):
    repository.commit(WAITING.replace("MARKER", ""))
    run = gantry("run", "--json", "--offline")
    run.wait_log("now waiting")
    run.process.kill()
    run.finish()
    host.wait_no_processes(15)
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n")
    assert gantry("run", "--json", "--offline").finish() == 0
    host.assert_clean(repository)


def test_fail_fast_cancels_legs_that_wait(gantry, repository, host):
    """The other legs wait on a FIFO that nobody ever opens for writing."""
    repository.commit("""
on: push
jobs:
  leg:
    runs-on: ubuntu-latest
    strategy:
      matrix:
        n: [1, 2, 3]
    steps:
      - run: |
          mkfifo wait
          if [ ${{ matrix.n }} = 1 ]; then
            echo "::error file=src/x.c,line=7::broken here"
            exit 1
          fi
          echo leg waits
          read -r line < wait
""")
    run = gantry("run", "--json", "--offline", "--jobs", "3")
    assert run.finish() == 1
    results = {e["name"]: e["result"] for e in run.of("job.completed")}
    assert results == {"leg (1)": "failure", "leg (2)": "cancelled", "leg (3)": "cancelled"}
    notes = [e for e in run.of("annotation") if e["message"] == "broken here"]
    assert [(n["level"], n["file"], n["line"]) for n in notes] == [("error", "src/x.c", 7)]
    host.assert_clean(repository)
