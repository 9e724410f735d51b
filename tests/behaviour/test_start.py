"""What keeps a run from starting: the first cause in one line that says where and what to do, and nothing left behind."""
import os
import re
import shutil

import pytest

GOOD = """
on: push
jobs:
  t:
    runs-on: ubuntu-latest
    steps:
      - run: echo it works
"""
OWN = "; give a folder of your own with GANTRY_HOME=DIR"
FILES = "Too many open files; raise the limit of open files (ulimit -n)"
SPACE = "; free some space and run again"


def shell(script):
    return ["sh", "-c", script + "; exec \"$@\"", "x"]


def in_own_mounts(script):
    return ["unshare", "-m", "sh", "-c", script + " && exec \"$@\"", "x"]


def one_line(run, repository, pattern):
    """Standard error is this line alone."""
    assert run.finish() == 3, (run.errors, run.events[-3:])
    assert len(run.errors) == 1, run.errors
    text = run.errors[0].replace(str(repository.folder), "<folder>")
    assert re.fullmatch("gantry: error: " + pattern, text), text


# ---- folders ----

@pytest.mark.user
@pytest.mark.parametrize("made, closed, pattern", [
    ("gantry", "gantry", r"cannot create folder '<folder>/gantry/state': Permission denied"),
    ("gantry/state", "gantry/state", r"cannot create folder '<folder>/gantry/state/runs': Permission denied"),
    ("gantry/state/runs", "gantry/state/runs", r"cannot open '\S+\.lock': Permission denied \(in '<folder>/gantry/state/runs'\)"),
    ("gantry/jobs", "gantry/jobs", r"cannot make the folder '<folder>/gantry/jobs/\S+': Permission denied"),
])
def test_a_folder_that_is_not_writable(gantry, repository, made, closed, pattern):
    repository.commit(GOOD)
    (repository.folder / made).mkdir(parents=True)
    (repository.folder / closed).chmod(0o555)
    run = gantry("run", "--json", "--offline")
    try:
        one_line(run, repository, pattern + OWN)
    finally:
        (repository.folder / closed).chmod(0o755)


@pytest.mark.user
def test_a_folder_of_another_user(gantry, repository):
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", env={"GANTRY_HOME": "/root/gantry"})
    one_line(run, repository, "cannot create folder '/root/gantry': Permission denied" + OWN)


def test_a_file_in_the_place_of_the_folder(gantry, repository):
    repository.commit(GOOD)
    repository.home.write_text("x")
    one_line(gantry("run", "--json", "--offline"), repository, "cannot create folder '<folder>/gantry/state': Not a directory" + OWN)


@pytest.mark.root
def test_a_read_only_file_system(gantry, repository, host):
    repository.commit(GOOD)
    mounts = in_own_mounts("mkdir -p \"$GANTRY_HOME\" && mount -t tmpfs small \"$GANTRY_HOME\" && mount -o remount,ro \"$GANTRY_HOME\"")
    one_line(gantry("run", "--json", "--offline", prefix=mounts), repository,
             "cannot create folder '<folder>/gantry/state': Read-only file system" + OWN)
    host.assert_clean(repository)


# ---- space ----

@pytest.mark.root
@pytest.mark.parametrize("kib", range(8, 73, 4))
def test_every_size_of_a_small_disk(gantry, repository, host, kib):
    """Wherever it ends, the one line, or the error of the job, names the folder and what to do; or it is enough."""
    repository.commit(GOOD)
    small = in_own_mounts("mkdir -p \"$GANTRY_HOME\" && mount -t tmpfs -o size=%dk small \"$GANTRY_HOME\"" % kib)
    run = gantry("run", "--json", "--offline", prefix=small)
    status = run.finish()
    said = run.errors if status == 3 else [e["message"] for e in run.of("annotation")]
    said = [line.replace(str(repository.folder), "<folder>") for line in said]
    assert (status == 0) == (said == [])
    assert all("No space left on device" in line or "database or disk is full" in line for line in said), said
    assert all(SPACE in line and "'<folder>/gantry/" in line for line in said), said
    host.assert_clean(repository)


# ---- limits ----

@pytest.mark.parametrize("limit", [12, 16, 20, 24, 28])
def test_few_open_files(gantry, repository, host, limit):
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", prefix=shell("ulimit -n %d" % limit))
    assert run.finish() == 3, (run.errors, run.events[-3:])
    assert run.errors[-1].startswith("gantry: error: ") and run.errors[-1].endswith(FILES), run.errors
    shutil.rmtree(repository.home / "jobs", ignore_errors=True)
    shutil.rmtree(repository.home / "state", ignore_errors=True)
    repository.home.mkdir(exist_ok=True)
    host.wait_no_processes(5)


@pytest.mark.user
def test_few_processes(gantry, repository, host):
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", prefix=["prlimit", "--nproc=1"], env={"ASAN_OPTIONS": "detect_leaks=0"})
    one_line(run, repository, r"cannot fork for '\S+git': too many processes; end some, or raise their limit \(ulimit -u\)")
    host.assert_clean(repository)


def test_small_files(gantry, repository, host):
    """The kernel ends the process that writes more."""
    repository.commit(GOOD)
    run = gantry("run", "--json", "--offline", prefix=shell("ulimit -f 1"))
    one_line(run, repository, r"the service ended by signal 25 \(File size limit exceeded: raise it with ulimit -f\); run again")
    host.assert_clean(repository)


KEEP = "F=$(dirname \"$GANTRY_HOME\") && mount --bind \"$F\" /mnt && "
BACK = " && mkdir -p \"$F\" && mount --move /mnt \"$F\" && cd \"$F/repository\""


@pytest.mark.root
def test_without_devices(gantry, repository, host):
    repository.commit(GOOD)
    bare = in_own_mounts(KEEP + "mount -t tmpfs bare /dev && mknod /dev/null c 1 3" + BACK)
    one_line(gantry("run", "--json", "--offline", prefix=bare), repository,
             "cannot read '/dev/urandom', which libwebsockets needs: No such file or directory")
    host.assert_clean(repository)


@pytest.mark.root
def test_without_shared_memory(gantry, repository, host):
    """It is not needed."""
    repository.commit(GOOD)
    bare = in_own_mounts(KEEP + "mount -t tmpfs bare /dev/shm" + BACK + " && mount -o remount,ro /dev/shm")
    run = gantry("run", "--json", "--offline", prefix=bare)
    assert run.finish() == 0, run.errors
    host.assert_clean(repository)


# ---- programs ----

@pytest.mark.parametrize("program, pattern", [
    ("gantry-service", r"start the service: cannot execute '<folder>/bin/gantry-service': No such file or directory"),
    ("gantry-sandbox", r"start '<folder>/bin/gantry-sandbox': cannot execute '<folder>/bin/gantry-sandbox': No such file or directory"),
    ("gantry-worker", r"job 't': cannot open the worker '<folder>/bin/gantry-worker': No such file or directory"),
])
def test_a_program_that_is_missing(gantry, repository, program, pattern):
    repository.commit(GOOD)
    one_line(gantry("run", "--json", "--offline", programs=programs_of(gantry, repository, gone=program)), repository, pattern)


def test_a_launcher_that_ends_at_once(gantry, repository):
    repository.commit(GOOD)
    folder = programs_of(gantry, repository, gone="gantry-sandbox")
    (folder / "gantry-sandbox").write_text("#!/bin/false\n")
    (folder / "gantry-sandbox").chmod(0o755)
    one_line(gantry("run", "--json", "--offline", programs=folder), repository,
             r"the launcher \(gantry-sandbox\) ended before it did anything; see what 'gantry-sandbox probe' says")


def programs_of(gantry, repository, gone):
    folder = repository.folder / "bin"
    folder.mkdir()
    for name in ("gantry", "gantry-service", "gantry-sandbox", "gantry-worker"):
        if name != gone:
            shutil.copy(os.path.join(gantry.bin, name), folder / name)
    return folder
