"""Every row of bad input: the whole line, the exit status, and nothing left behind."""
import os
import re
import signal
import socket

import pytest

STEPS = """on: push
jobs:
  t:
    runs-on: ubuntu-latest
    steps:
"""
GOOD = STEPS + "      - run: 'true'\n"
WAITING = STEPS + """      - run: |
          echo now waiting
          exec tail -f /dev/null
"""
LEVEL = "full" if os.getuid() == 0 else "single"


def masked(lines, repository):
    """Folders and the run's own id, which is `<pid>-<token>`."""
    found = []
    for line in lines:
        line = line.replace(str(repository.folder), "<folder>")
        head, mark, rest = line.partition("/runs/")
        found.append(head + mark + "<run>/" + rest.partition("/")[2] if mark else line)
    return found


def notes(run):
    return [(e["level"], e["message"]) for e in run.of("annotation")]


# ---- what is refused before anything runs: status 2 ----

JOB = "    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n"
FILE = "gantry: error: .github/workflows/ci.yml:"
REFUSED = {
    "unknown file": (GOOD, ["-W", "nope.yml"], [
        "gantry: error: cannot find the workflow file 'nope.yml'; gantry run --list shows those of the repository"]),
    "unknown folder": (GOOD, ["-C", "/nonexistent"], [
        "gantry: error: -C: cannot enter the folder '/nonexistent': No such file or directory"]),
    "a folder that is no repository": (GOOD, ["-C", "/usr"], [
        "gantry: error: '/usr' is not inside a git repository; run git init and commit, or name one with -C"]),
    "unknown job": (GOOD, ["-j", "nope"], [
        "gantry: error: -j: no workflow that runs has a job 'nope'; gantry run --list shows them"]),
    "misspelled job": (GOOD.replace("  t:", "  test:"), ["-j", "tset"], [
        "gantry: error: -j: no workflow that runs has a job 'tset'; did you mean 'test'?; gantry run --list shows them"]),
    "event that nothing runs for": (GOOD, ["issues"], [
        "gantry: error: .github/workflows/ci.yml: does not run for event issues: runs for push"]),
    "a variable whose name has a space": (GOOD, ["--env", "A B=1"], [
        "gantry: error: --env: 'A B' is no name of a variable; white space and control characters cannot be in it"]),
    "a host folder behind a link": (GOOD, ["--host-dir", "/proc/self/root/usr"], [
        "gantry: error: --host-dir: '/proc/self/root/usr' lies behind a symbolic link; name it '/usr'"]),
    "unknown option": (GOOD, ["--nope"], ["gantry: error: run: unknown option '--nope'; see gantry help run"]),
    "broken YAML": ("on: push\njobs:\n  t: [\n", [], [
        FILE + "4:1: While parsing a node, did not find expected node content."]),
    "tab in YAML": ("on: push\njobs:\n\tt: x\n", [], [
        FILE + "3:1: While scanning for the next token, find character that cannot start any token."]),
    "unknown job in needs": ("on: push\njobs:\n  a:\n" + JOB + "  b:\n    needs: nope\n" + JOB, [], [
        FILE + "7:12: Job 'b' depends on unknown job 'nope'."]),
    "a cycle": ("on: push\njobs:\n  a:\n" + JOB + "  b:\n    needs: c\n" + JOB + "  c:\n    needs: b\n" + JOB, [], [
        FILE + "7:12: Job 'b' depends on job 'c' which creates a cycle in the dependency graph.",
        FILE + "11:12: Job 'c' depends on job 'b' which creates a cycle in the dependency graph."]),
    "nothing but a cycle": ("on: push\njobs:\n  a:\n    needs: b\n" + JOB + "  b:\n    needs: a\n" + JOB, [], [
        FILE + "3:3: The workflow must contain at least one job with no dependencies."]),
    "an expression that cannot be read": (STEPS + "      - run: echo ${{ github.( }}\n", [], [
        FILE + "6:14: Unexpected symbol: '('. Located at position 8 within expression: github.("]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_it_runs(gantry, repository, host, name):
    workflow, words, lines = REFUSED[name]
    repository.commit(workflow)
    run = gantry("run", *words, "--json", "--offline")
    assert run.finish() == 2
    assert masked(run.errors, repository) == lines
    assert run.events == [] and run.plain == []
    host.assert_clean(repository)


def test_no_workflow_at_all(gantry, repository, host):
    repository.commit("x", {})
    (repository.path / ".github/workflows/ci.yml").unlink()
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 2
    assert masked(run.errors, repository) == [
        "gantry: error: '<folder>/repository/.github/workflows' holds no workflow file; write one or name one with -W"]
    host.assert_clean(repository)


# ---- what fails inside a job: status 1, an annotation ----

WORK = "/home/runner/work/repository/repository"
FAILING = {
    "an expression that fails": (STEPS + "      - run: echo ${{ fromJSON('{') }}\n",
                                 ".github/workflows/ci.yml (Line: 6, Col: 14): Error parsing fromJson,Unexpected end when "
                                 "reading JSON. Path '', line 1, position 1."),
    "a missing action": (STEPS + "      - uses: acme/nope@v1\n",
                         "action 'acme/nope@v1' was not found; put it into a mirror (--actions DIR) as OWNER/NAME or "
                         "OWNER/NAME.git, or run without --offline; looked in the cache '<folder>/gantry/cache/actions'"),
    "a missing local action": (STEPS + "      - uses: ./nope\n",
                               "Can't find 'action.yml', 'action.yaml' or 'Dockerfile' under '" + WORK + "/nope'. Did you forget "
                               "to run actions/checkout before running your local action?"),
    "a shell that is not there": (STEPS + "      - run: x\n        shell: nosuchshell {0}\n", "nosuchshell: command not found"),
    "a step that cannot be executed": (
        STEPS + "      - run: printf '#!/bin/nope\\n' > x; chmod +x x\n      - run: x\n        shell: " + WORK + "/x {0}\n",
        "An error occurred trying to start process '" + WORK + "/x' with working directory '" + WORK + "'. "
        "No such file or directory"),
    "a folder that is not there": (
        STEPS + "      - run: x\n        working-directory: nope\n",
        "An error occurred trying to start process '/usr/bin/bash' with working directory '" + WORK + "/nope'. "
        "No such file or directory"),
    "a label that no runner has": (
        GOOD.replace("ubuntu-latest", "windows-2022"),
        "no local runner has the label 'windows-2022'; leave the job out with -j or --matrix"),
}


@pytest.mark.parametrize("name", FAILING)
def test_fails_inside_the_job(gantry, repository, host, name):
    workflow, message = FAILING[name]
    repository.commit(workflow)
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 1
    assert run.errors == []
    assert masked([m for _, m in notes(run)], repository) == [message]
    assert [e["level"] for e in run.of("annotation")] == ["error"]
    assert [e["result"] for e in run.of("job.completed")] == ["failure"]
    host.assert_clean(repository)


# ---- a full disk ----

FULL = "No space left on device"
SERVICE = "'<folder>/gantry/state/runs/<run>/service"
DISK = {
    "database": ("store-write", "gantry: error: the service cannot take the run (HTTP 500): service database " + SERVICE +
                 "/service.db': cannot write it: " + FULL + "; free some space and run again"),
    "events": ("events-write", "gantry: error: the service ended: cannot write the log of events in " + SERVICE + "': " + FULL +
               "; free some space and run again"),
    "uploaded log": ("blob-write", "gantry: error: the service ended: cannot store a log in " + SERVICE + "/blobs': " + FULL +
                     "; free some space and run again"),
    "sandbox": ("sandbox.build", "gantry: error: job 't': SBX-SETUP: build the sandbox (level " + LEVEL + "): build the job: " + FULL + "; free some space and run again"),
    "root": ("sandbox.mounts", "gantry: error: job 't': SBX-SETUP: set up the sandbox (level " + LEVEL +
             "): build the root of the job: " + FULL + "; free some space and run again"),
}


@pytest.mark.parametrize("name", DISK)
def test_a_full_disk(gantry, repository, host, name):
    point, line = DISK[name]
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", env={"GANTRY_FAIL": point + "=error:ENOSPC"})
    assert run.finish() == 3
    assert masked(run.errors, repository) == [line]
    host.assert_clean(repository)


def test_a_full_disk_for_the_log_of_a_job(gantry, repository, host):
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", env={"GANTRY_FAIL": "worker.spool=error:ENOSPC"})
    assert run.finish() == 1
    said = [re.sub(r"/[^/']+/[^/']+'\)$", "/<run>/<job>')", m) for m in masked([m for _, m in notes(run)], repository)]
    assert said == ["cannot write the job's log: " + FULL +
                    "; free some space and run again (the job lies in '<folder>/gantry/jobs/<run>/<job>')"]
    assert [e["result"] for e in run.of("job.completed")] == ["failure"]
    host.assert_clean(repository)


def small_disk(size):
    """GANTRY_HOME is a file system of that size, in a mount namespace that ends with the run."""
    return ["unshare", "-m", "sh", "-c", "mkdir -p \"$GANTRY_HOME\" && mount -t tmpfs -o size=%s small \"$GANTRY_HOME\" && exec \"$@\"" % size, "x"]


@pytest.mark.root
def test_a_disk_that_is_too_small(gantry, repository, host):
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", prefix=small_disk("8k"))
    assert run.finish() == 3
    assert masked(run.errors, repository) == [
        "gantry: error: service database " + SERVICE + "/service.db': cannot prepare it: database or disk is full; free some space and run again"]
    host.assert_clean(repository)


@pytest.mark.root
@pytest.mark.parametrize("script", ["head -c 40000000 /dev/zero > big", "seq 5000000"])
def test_a_job_that_fills_the_disk(gantry, repository, host, script):
    """By its files, or by its log. Whichever write comes first: the job's own, or its worker's, and it fails; or the service's."""
    repository.commit(STEPS + "      - run: |\n          %s\n          echo after\n" % script)
    run = gantry("run", "--json", "--offline", prefix=small_disk("8m"))
    if run.finish() == 3:
        assert masked(run.errors, repository) in ([DISK["events"][1]], [DISK["uploaded log"][1]])
    else:
        assert run.process.returncode == 1 and run.errors == []
        assert [e["result"] for e in run.of("job.completed")] == ["failure"]
        assert any("No space left on device" in text for text in run.lines() + [message for _, message in notes(run)])
    host.assert_clean(repository)


# ---- what the host cannot do ----

def test_a_port_in_use(gantry, repository, host):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        run = gantry("serve", "--port", str(port), "--state", str(repository.folder / "served"))
        assert run.finish() == 3
    assert run.errors == ["gantry: error: 127.0.0.1 port %d is in use by another program; stop it, or give another --port" % port]
    host.assert_clean(repository)


# The limit counts every namespace below: the one that gantry starts in is the last.
ONE_NAMESPACE = ["unshare", "-U", "-r", "sh", "-c", "echo 1 > /proc/sys/user/max_user_namespaces; "
                 "exec unshare -U --map-user=1000 --map-group=1000 \"$@\"", "x"]


def test_no_user_namespaces(gantry, repository, host):
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", prefix=ONE_NAMESPACE)
    assert run.finish() == 3
    message = ("this host can build a sandbox of level 'none' at most, and 'single' is required: SBX-USERNS-ENOSPC: no more user "
               "namespaces (user.max_user_namespaces is 2147483647); raise it with 'sysctl user.max_user_namespaces=16384'")
    assert run.errors == ["gantry: error: job 't': " + message]
    assert notes(run) == [("error", message)]
    host.assert_clean(repository)


def test_a_home_that_cannot_be_made(gantry, repository, host):
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", env={"GANTRY_HOME": "/etc/passwd"})
    assert run.finish() == 3
    assert run.errors == ["gantry: error: cannot create folder '/etc/passwd/state': Not a directory; give a folder of your own with GANTRY_HOME=DIR"]
    host.assert_clean(repository)


# ---- killed parts ----

KILLED = {
    "service": ("gantry-service", "", 3, "gantry: error: the service ended by signal 9 (Killed); run again"),
    "listener": ("gantry", "_listener", 3, "gantry: error: the listener ended by signal 9 (Killed); run again"),
    "launcher": ("gantry-sandbox", "", 3, "gantry: error: the launcher (gantry-sandbox) ended; run again"),
    "worker": ("gantry-worker", "", 1, "gantry: error: job 't': the worker ended by signal 9; run again"),
}


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_part(gantry, repository, host, name):
    program, words, status, line = KILLED[name]
    repository.commit(WAITING)
    run = gantry("run", "--json", "--offline")
    run.wait_log("now waiting")
    spares = host.find("gantry-worker", " spare ")
    os.kill(min(set(host.find(program, words)) - set(spares)), signal.SIGKILL)
    assert run.finish() == status
    assert run.errors == [line]
    host.wait_no_processes(5)
    repository.commit(GOOD)
    assert gantry("run", "--json", "--offline").finish() == 0
    host.assert_clean(repository)
