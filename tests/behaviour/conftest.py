"""What the whole-program tests share: a repository to run in, gantry started in it, and the look at what is left behind."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import pytest

TIME_LIMIT_S = 60


def pytest_addoption(parser):
    parser.addoption("--bin", required=True, help="folder of the gantry programs")


def pytest_configure(config):
    config.addinivalue_line("markers", "root: needs root (namespaces, mounts); not collected for an ordinary user")
    config.addinivalue_line("markers", "user: says what an ordinary user sees; not collected for root")
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup, which a program respects


def pytest_collection_modifyitems(config, items):
    """A test for the other kind of user is no skip: it is run by the other pass of run.sh."""
    other = "user" if os.getuid() == 0 else "root"
    gone = [i for i in items if i.get_closest_marker(other)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [i for i in items if i not in gone]


class Repository:
    """A git repository with one workflow, below a folder that holds gantry's own files too."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "repository"
        self.home = folder / "gantry"
        (folder / "home").mkdir()
        self.path.mkdir()

    def commit(self, workflow, files=None):
        for name, text in {".github/workflows/ci.yml": workflow, **(files or {})}.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
        for words in (["init", "-q"], ["add", "-A"],
                      ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "commit", "-q", "-m", "x"]):
            subprocess.run(["git", *words], cwd=self.path, env=env, check=True)
        return self


class Run:
    """One gantry process: its events as they come, its errors, its status."""

    def __init__(self, words, env, cwd):
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                                        env=env, cwd=cwd, start_new_session=True)
        self.events, self.plain, self.errors = [], [], []
        self.changed = threading.Condition()
        self.readers = [threading.Thread(target=self._read_out), threading.Thread(target=self._read_err)]
        for reader in self.readers:
            reader.start()
        self.timer = threading.Timer(TIME_LIMIT_S, self.process.kill)
        self.timer.start()

    def _read_out(self):
        for line in self.process.stdout:
            with self.changed:
                try:
                    self.events.append(json.loads(line))
                except ValueError:
                    self.plain.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def _read_err(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def wait_log(self, text, count=1):
        """Waits until `count` log lines hold the text."""
        end = time.monotonic() + TIME_LIMIT_S
        with self.changed:
            while sum(1 for e in self.events if e["type"] == "log" and text in e["line"]) < count:
                assert self.process.poll() is None, "ended early: %s %s" % (self.errors, self.events[-3:])
                assert time.monotonic() < end, "no log line %r: %s" % (text, self.events[-5:])
                self.changed.wait(0.2)

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def finish(self):
        status = self.process.wait()
        self.timer.cancel()
        for reader in self.readers:
            reader.join()
        return status

    def of(self, kind):
        return [e for e in self.events if e["type"] == kind]

    def lines(self):
        return [e["line"] for e in self.of("log")]


class Host:
    """The look at what a run leaves behind: processes, mounts, files."""

    def __init__(self, bin_folder, marker_folder):
        self.bin = str(bin_folder)
        self.marker = str(marker_folder)
        self.mounts = self.mount_table()
        self.groups = self.cgroups()

    def mount_table(self):
        """Without the folders of other tests that run on this machine meanwhile."""
        others = re.compile(r" (/run/netns/\S+|(?:/var/tmp|/tmp|/dev/shm)/gantry-(?!\S*%s)\S*) " % re.escape(pathlib.Path(self.marker).name))
        return sorted(line for line in pathlib.Path("/proc/self/mounts").read_text().splitlines() if not others.search(line))

    def processes(self):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                try:
                    exe = os.readlink(entry / "exe")
                except PermissionError:  # those that hold keys are not dumpable: hidden even from their own user
                    exe = words.split(" ")[0]
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state != "Z" and (exe.startswith(self.bin) or self.marker in words):
                found.append("%s %s %s" % (entry.name, exe, words))
        return found

    def find(self, program, words=""):
        return [int(p.split()[0]) for p in self.processes() if p.split()[1].endswith("/" + program) and words in p]

    def wait_no_processes(self, seconds):
        end = time.monotonic() + seconds
        while self.processes():
            assert time.monotonic() < end, "still there: %s" % self.processes()
            time.sleep(0.05)

    @staticmethod
    def files(repository):
        """Everything in gantry's folders but the folders themselves and the cache, which is there to stay; all of HOME."""
        stays = {"jobs", "cache", "state", "state/runs"}
        left = [str(p) for p in (repository.folder / "home").rglob("*")]
        for path in repository.home.rglob("*"):
            name = str(path.relative_to(repository.home))
            if name not in stays and not name.startswith("cache/"):
                left.append(str(path))
        return left

    @staticmethod
    def cgroups():
        return sorted(str(p) for p in pathlib.Path("/sys/fs/cgroup").glob("**/*gantry*"))

    def assert_clean(self, repository):
        self.wait_no_processes(5)
        assert self.mount_table() == self.mounts
        assert self.files(repository) == []
        assert set(self.cgroups()) <= set(self.groups)


def room():
    """Memory where there is plenty: a hundred thousand small files take minutes on a busy disk."""
    try:
        shm = os.statvfs("/dev/shm")
        if shm.f_bavail * shm.f_frsize > 4 << 30 and not shm.f_flag & os.ST_NOEXEC:
            return "/dev/shm"
    except OSError:
        pass
    return "/tmp"


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="gantry-behaviour-", dir=room()))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def repository(folder):
    return Repository(folder)


@pytest.fixture
def bin_folder(request):
    return pathlib.Path(request.config.getoption("--bin")).resolve()


@pytest.fixture
def host(bin_folder, folder):
    return Host(bin_folder, folder)


@pytest.fixture
def gantry(bin_folder, folder, repository):
    """Starts gantry: gantry("run", "--json", ..., env={...}) -> Run; prefix: a command that starts it;
    programs: a folder of other programs."""
    started = []

    def start(*words, env=None, prefix=(), programs=bin_folder):
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": str(folder / "home"),
                       "GANTRY_HOME": str(repository.home), "GIT_CONFIG_SYSTEM": "/dev/null", "TZ": "UTC",
                       "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""), **(env or {})}
        run = Run([*prefix, str(programs / "gantry"), *words], environment, repository.path)
        started.append(run)
        return run

    start.bin = bin_folder
    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
        run.finish()


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
