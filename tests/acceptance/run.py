"""Runs the acceptance cases: each folder below cases/ is one behaviour, named after its spec section.

A case holds
  workflow.yml     the workflow (or repo/.github/workflows/*.yml for several)
  repo/            further files of the repository, optional
  actions/         a mirror OWNER/NAME of actions, optional (given as --actions)
  case.json        optional: {"args": [...], "event": "push", "exit": 0, "env": {...}, "stderr": ["line", ...],
                   "interrupt_at": "text of a log line", "jump_at": {"text": "...", "ms": 61000} (moves the clock of all), "untracked": {"path": "text"}, "only": "full|single"}
  expected.jsonl   the whole expected event list, times and ids masked

`gantry run --json` is run in a fresh git repository made from the case; its events are masked, put in a fixed
order (legs run side by side, so lines are grouped by job) and compared whole. --update writes the expectation.
"""
import argparse
import concurrent.futures
import difflib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
USER = "gantry-acceptance"
TIME_LIMIT_S = 120
COMMIT_TITLE = "case"

MASKS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "<sha>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
    (re.compile(r"sandbox: level=.*"), "sandbox: <facts>"),
    (re.compile(r"\bgantry-\d+\b"), "gantry-<n>"),
    (re.compile(r"^Machine name: '.*'$"), "Machine name: '<host>'"),
    (re.compile(r"localhost:\d+"), "localhost:<port>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
]


def mask_text(text, folder):
    text = text.replace(str(folder), "<case>")
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text


def mask_value(value, folder):
    if isinstance(value, str):
        return mask_text(value, folder)
    if isinstance(value, list):
        return [mask_value(v, folder) for v in value]
    if isinstance(value, dict):
        return {mask_text(k, folder): mask_value(v, folder) for k, v in value.items()}
    return value


def mask_event(event, folder):
    event = dict(event)
    for key in ("time", "seq"):
        event.pop(key, None)
    if "run_name" in event and event["run_name"] in (COMMIT_TITLE, event["workflow"]):
        del event["run_name"]  # the usual one says nothing
    for key in ("duration_ms", "usage", "run_id"):
        if key in event:
            event[key] = "<%s>" % key
    return mask_value(event, folder)


def in_fixed_order(events):
    """Run events first and last, the others grouped by job in order of name; order within a job is kept."""
    first = [e for e in events if e["type"] == "run.started"]
    last = [e for e in events if e["type"] == "run.completed"]
    middle = [e for e in events if e["type"] not in ("run.started", "run.completed")]
    return first + sorted(middle, key=lambda e: (e.get("name") or e.get("job") or "")) + last


class Case:
    def __init__(self, folder):
        self.folder = folder
        self.name = folder.name
        described = folder / "case.json"
        self.about = json.loads(described.read_text()) if described.exists() else {}

    def make_repository(self, target):
        if (self.folder / "repo").exists():
            shutil.copytree(self.folder / "repo", target, symlinks=True)
        if (self.folder / "workflow.yml").exists():
            workflows = target / ".github" / "workflows"
            workflows.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.folder / "workflow.yml", workflows / "workflow.yml")
        target.mkdir(exist_ok=True)
        env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
                   GIT_AUTHOR_DATE="2026-01-02T03:04:05Z", GIT_COMMITTER_DATE="2026-01-02T03:04:05Z")
        for command in (["init", "-q", "-b", "main"], ["add", "-A"],
                        ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "commit", "-q",
                         "--allow-empty", "-m", COMMIT_TITLE]):
            subprocess.run(["git", *command], cwd=target, env=env, check=True)
        for path, text in self.about.get("untracked", {}).items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_text(text)

    def command(self, gantry, repository):
        words = [gantry, "run", self.about.get("event", "push"), "-C", str(repository), "--json", "--offline"]
        if (self.folder / "actions").exists():
            words += ["--actions", str(self.folder / "actions")]
        return words + self.about.get("args", [])


class Runner:
    def __init__(self, options):
        self.options = options
        self.gantry = str(pathlib.Path(options.bin).resolve() / "gantry")
        self.user = None
        if options.as_user and os.getuid() == 0:
            self.user = make_user()

    def environment(self, folder, case):
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": str(folder / "home"),
               "GANTRY_HOME": str(folder / "gantry"), "GIT_CONFIG_SYSTEM": "/dev/null", "TZ": "UTC",
               "ASAN_OPTIONS": "strict_string_checks=1:detect_stack_use_after_return=1",
               "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
        if "jump_at" in case.about:
            page = folder / "home" / "clock"
            page.write_bytes(bytes(4096))
            env["GANTRY_TEST_CLOCK"] = str(page)
        return {**env, **case.about.get("env", {})}

    def start(self, case, folder, repository):
        words = case.command(self.gantry, repository)
        if self.user:
            subprocess.run(["chown", "-R", "%d:%d" % self.user, str(folder)], check=True)
            words = ["setpriv", "--reuid", str(self.user[0]), "--regid", str(self.user[1]), "--clear-groups"] + words
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                                env=self.environment(folder, case), cwd=folder, start_new_session=True)

    def run(self, case):
        """Returns a list of problems; empty means passed."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-acceptance-", dir="/tmp"))
        try:
            (folder / "home").mkdir()
            repository = folder / "repository"
            case.make_repository(repository)
            folder.chmod(0o755)
            return self.compare(case, folder, self.start(case, folder, repository))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def jump(self, case, folder):
        with open(folder / "home" / "clock", "r+b") as page:
            page.write(case.about["jump_at"]["ms"].to_bytes(8, "little"))

    def collect(self, case, folder, process):
        """Reads events as they come, so that an interrupt can be sent at a certain log line."""
        errors = []
        reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
        reader.start()
        timer = threading.Timer(TIME_LIMIT_S, lambda: os.killpg(process.pid, signal.SIGKILL))
        timer.start()
        lines, at, jump_at = [], case.about.get("interrupt_at"), case.about.get("jump_at", {}).get("text")
        for line in process.stdout:
            lines.append(line)
            if jump_at and '"log"' in line and json.loads(line).get("line", "") == jump_at:
                self.jump(case, folder)
                jump_at = None
            if at and '"log"' in line and json.loads(line).get("line", "") == at:
                process.send_signal(signal.SIGINT)
                at = None
        status = process.wait()
        timer.cancel()
        reader.join()
        return lines, errors[0].splitlines(), status

    def compare(self, case, folder, process):
        lines, errors, status = self.collect(case, folder, process)
        problems = []
        if status != case.about.get("exit", 0):
            problems.append("exit status %d, expected %d" % (status, case.about.get("exit", 0)))
        errors = [mask_text(e, folder) for e in errors]
        if self.options.update and errors != case.about.get("stderr", []):
            case.about["stderr"] = errors
            (case.folder / "case.json").write_text(json.dumps(case.about, indent=2) + "\n")
        if errors != case.about.get("stderr", []):
            problems.append("standard error: %s\nexpected: %s" % (json.dumps(errors), json.dumps(case.about.get("stderr", []))))
        try:
            events = in_fixed_order([mask_event(json.loads(line), folder) for line in lines])
        except ValueError as error:
            return problems + ["output is not JSON Lines: %s" % error]
        problems += self.check_schema(lines)
        got = [json.dumps(e, ensure_ascii=False, sort_keys=True) for e in events]
        expected = case.folder / "expected.jsonl"
        if self.options.update:
            expected.write_text("".join(line + "\n" for line in got))
        want = expected.read_text().splitlines() if expected.exists() else []
        if got != want:
            problems.append("\n".join(difflib.unified_diff(want, got, "expected", "got", lineterm="", n=1)))
        left = [p.name for p in folder.iterdir() if p.name not in ("home", "gantry", "repository")]
        jobs = folder / "gantry" / "state" / "jobs"
        left += [str(p) for p in jobs.iterdir()] if jobs.exists() else []
        if left:
            problems.append("left behind: %s" % left)
        return problems

    schema = None

    def check_schema(self, lines):
        import jsonschema
        if Runner.schema is None:
            text = (HERE.parent.parent / "docs" / "events.schema.json").read_text()
            Runner.schema = jsonschema.Draft7Validator(json.loads(text))
        found = []
        for line in lines:
            for error in Runner.schema.iter_errors(json.loads(line)):
                found.append("schema: %s in %s" % (error.message, line[:200]))
        return found[:5]


def make_user():
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        subprocess.run(["useradd", "--no-create-home", "--shell", "/bin/sh", USER], check=True)
        entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


def readable_copy(folder):
    """The programs where an ordinary user can read them, whatever the mode of the checkout's parents."""
    target = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bin-", dir="/tmp"))
    target.chmod(0o755)
    for program in pathlib.Path(folder).iterdir():
        if program.is_file():
            shutil.copy2(program, target / program.name)
    return target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--as-root", action="store_true")
    parser.add_argument("--as-user", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--counts", help="file that gets 'PASSED FAILED'")
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    copy = None
    if options.as_user and os.getuid() == 0:
        copy = options.bin = readable_copy(options.bin)
    level = "full" if os.getuid() == 0 and not options.as_user else "single"
    cases = [Case(f) for f in sorted((HERE / "cases").iterdir()) if not options.case or f.name in options.case]
    cases = [c for c in cases if c.about.get("only", level) == level]
    runner = Runner(options)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for case, problems in zip(cases, pool.map(runner.run, cases)):
            failed += bool(problems)
            print("%s %s" % ("not ok" if problems else "ok", case.name), flush=True)
            for problem in problems:
                print("    " + problem.replace("\n", "\n    "), flush=True)
    if copy:
        shutil.rmtree(copy, ignore_errors=True)
    print("acceptance (%s): %d passed, %d failed" % (level, len(cases) - failed, failed))
    if options.counts:
        pathlib.Path(options.counts).write_text("%d %d" % (len(cases) - failed, failed))
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
