"""Gantry's figures beside their floors, measured side by side in one run; prints a table. No assertion: speed is
looked at, not tested. Use a release build:

    python3 tests/bench/run.py --bin build/release/bin [--repeat 7] [--quick]

Ratios are medians of pairs: the thing and its floor are run alternately, so that a busy machine hurts both alike. (It hurts what
consists of several processes more: each of them waits for its turn. `chrt -f 5` in front gives all of them theirs at once, as on an
idle machine.)
"""
import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import expr  # beside this file

# Programs of tests/bench, and the targets of their rows by how these begin.
MICRO = {
    "bench_sandbox": {"sandbox": "1.0 x", "step in": "2.0 x", "tear down": "10 ms"},
    "bench_log": {"log path: every other": "", "log path": "150 MB/s"},
    "bench_mask": {},
    "bench_expr": {},
}


@dataclasses.dataclass(frozen=True)
class Took:
    """Seconds on the clock, and of all processes together on a core."""
    wall: float
    cpu: float

    def __sub__(self, other):
        return Took(self.wall - other.wall, self.cpu - other.cpu)

    def __truediv__(self, n):
        return Took(self.wall / n, self.cpu / n)

    def __str__(self):
        return "%.1f ms (CPU %.1f)" % (self.wall * 1e3, self.cpu * 1e3)


def median(several):
    return Took(statistics.median(t.wall for t in several), statistics.median(t.cpu for t in several))


def took(argv, expect=0, stdout=subprocess.DEVNULL, **more):
    """Runs a program to its end; its descendants count as far as they were waited for, which gantry's all are."""
    with tempfile.TemporaryFile() as errors:
        start = time.monotonic()
        process = subprocess.Popen(argv, stdout=stdout, stderr=errors, **more)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != expect:
            errors.seek(0)
            raise SystemExit("%s ended with %d: %s" % (argv[0], process.returncode, errors.read()[-500:].decode(errors="replace")))
    return Took(wall, usage.ru_utime + usage.ru_stime)


class Bench:
    def __init__(self, options):
        self.gantry = str(pathlib.Path(options.bin).resolve() / "gantry")
        self.bin = pathlib.Path(options.bin).resolve()
        self.repeat = options.repeat
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir="/var/tmp"))
        self.rows = []

    def row(self, what, figure, beside="", ratio=None, target=""):
        self.rows.append((what, figure, beside, "" if ratio is None else "%.2f x" % ratio, target))
        print("  %s: %s" % (what, figure), file=sys.stderr)

    def repository(self, name, workflow):
        path = self.folder / name
        (path / ".github" / "workflows").mkdir(parents=True)
        (path / ".github" / "workflows" / "ci.yml").write_text(workflow)
        env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
        for words in (["init", "-q", "-b", "main"], ["add", "-A"],
                      ["-c", "user.name=A", "-c", "user.email=a@example.invalid", "commit", "-q", "-m", "x"]):
            subprocess.run(["git", *words], cwd=path, env=env, check=True)
        return path

    def run(self, path, *words, env=None, expect=0):
        return took([self.gantry, "run", "-C", str(path), "--offline", *words], expect, env=self.environment(env))

    def environment(self, env=None):
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GANTRY_HOME": str(self.folder / "home"), **(env or {})}

    def peak_pss(self, path, *words, env=None):
        """Highest sum of PSS of all gantry processes, sampled every 5 ms."""
        process = subprocess.Popen([self.gantry, "run", "-C", str(path), "--offline", *words], env=self.environment(env),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            peak = max(peak, self.pss())
            time.sleep(0.005)
        return peak

    def pss(self):
        total = 0
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if os.readlink(entry / "exe").startswith(str(self.bin)):
                        for line in (entry / "smaps_rollup").read_text().splitlines():
                            if line.startswith("Pss:"):
                                total += int(line.split()[1])
                except OSError:
                    pass
        return total

    def pairs(self, first, second, repeat=None):
        a, b = [], []
        for _ in range(repeat or self.repeat):
            a.append(first())
            b.append(second())
        return median(a), median(b), statistics.median(x.wall / y.wall for x, y in zip(a, b))

    def shell(self, count):
        """The floor: a shell that starts a no-op script so many times."""
        script = self.folder / "noop.sh"
        script.write_text("true\n")
        return took(["bash", "-c", "for ((i = 0; i < %d; i++)); do bash -e %s; done" % (count, script)])

    def steps(self):
        lines = {}
        for count in (1, 10, 100):
            workflow = "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n" + "      - run: 'true'\n" * count
            path = self.repository("steps%d" % count, workflow)
            a, b, ratio = self.pairs(lambda p=path: self.run(p), lambda n=count: self.shell(n))
            lines[count] = (a, b)
            self.row("job of %d no-op steps" % count, str(a), "shell loop %s" % b, ratio)
        step, floor = ((lines[100][i] - lines[10][i]) / 90 for i in (0, 1))
        self.row("one further step", str(step), "one bash -e %s" % floor, step.wall / floor.wall, "1.6 x")
        self.row("fixed part: job of one step, less that step", str(lines[1][0] - step), "bash -e %s" % lines[1][1], target="40 ms")

    def legs(self):
        path = self.repository("legs", "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        n: %s\n"
                               "    steps: [{run: 'true'}]\n" % json.dumps(list(range(20))))
        a, b, ratio = self.pairs(lambda: self.run(path), lambda: self.shell(20))
        self.row("20 matrix legs, one no-op step each, %d cores" % len(os.sched_getaffinity(0)), str(a), "shell loop of 20 %s" % b, ratio,
                 "250 ms on 2 cores")

    def first_output(self):
        """From the job's message to what its first step wrote first: jobs in a row, so that none has to be planned for."""
        count = 12
        path = self.repository("row", "on: push\njobs:\n" + "".join(
            "  j%d:\n    runs-on: ubuntu-latest\n    needs: %s\n    steps: [{run: echo at $EPOCHREALTIME}]\n"
            % (i, json.dumps(["j%d" % (i - 1)] if i else [])) for i in range(count)))
        delays = []
        for _ in range(self.repeat):
            done = subprocess.run([self.gantry, "run", "-C", str(path), "--offline", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, check=True, env=self.environment({"GANTRY_LOG": "service=debug"}))
            sent = [datetime.datetime.fromisoformat(json.loads(line)["time"].replace("Z", "+00:00")).timestamp()
                    for line in done.stderr.splitlines() if '"event":"deliver"' in line]
            came = [float(at) for at in re.findall(r'"line":"at (\d+\.\d+)"', done.stdout)]
            if len(sent) != count or len(came) != count:
                raise SystemExit("%d messages and %d answers of %d jobs" % (len(sent), len(came), count))
            delays += [b - a for a, b in zip(sent, came)][1:]
        floor = median([took(["bash", "-c", "true"]) for _ in range(5 * self.repeat)])
        delay = statistics.median(delays)
        self.row("job message to first output of its first step", "%.1f ms" % (delay * 1e3), "bash -c true %s" % floor, delay / floor.wall, "10 x")

    def log(self, megabytes):
        """From a step's output to a file of ours, beside the same bytes through two pipes and into a file."""
        path = self.repository("log", "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - run: %s\n" % self.much(megabytes))
        secrets = self.folder / "secrets"
        secrets.write_text("".join("S%d=value-of-secret-number-%d-%d\n" % (i, i, i * 7919) for i in range(1000)))
        out = self.folder / "log.out"
        for what, words in (("without secrets", []), ("with 1,000 secrets", ["--secret-file", str(secrets)]), ("as JSON Lines", ["--json"])):
            a, b, ratio = self.pairs(lambda w=words: self.run_to(out, path, *w), lambda: self.cat(out, megabytes), 3)
            self.row("%d MB of log %s, lines of 100 bytes, to a file" % (megabytes, what), "%.0f MB/s end to end, %s" % (megabytes / a.wall, a),
                     "cat %.0f MB/s" % (megabytes / b.wall), ratio, "100 MB/s")
        out.unlink()
        self.row("%d MB of log, peak PSS of all processes" % megabytes, "%.1f MiB" % (self.peak_pss(path) / 1024), target="30 MiB")

    @staticmethod
    def much(megabytes):
        line = "the quick brown fox jumps over the lazy dog, again and again, until the log is full and the day over"[:99]
        return "yes '%s' | head -c %d" % (line, megabytes * 1000000)

    def run_to(self, out, path, *words):
        with out.open("wb") as file:
            return took([self.gantry, "run", "-C", str(path), "--offline", *words], env=self.environment(), stdout=file)

    def cat(self, out, megabytes):
        with out.open("wb") as file:
            return took(["bash", "-c", self.much(megabytes) + " | cat"], stdout=file)

    def long_line(self):
        path = self.repository("line", "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - run: head -c 10000000 /dev/zero | tr '\\0' x\n")
        self.row("one line of 10 MB, peak PSS of all processes", "%.1f MiB" % (self.peak_pss(path) / 1024), str(self.run(path)), target="30 MiB")

    def lint(self):
        corpus = pathlib.Path(__file__).resolve().parents[1] / "data" / "corpus"
        files = sorted(p for p in corpus.rglob("*") if p.suffix in (".yml", ".yaml"))[:300]
        bytes_ = sum(p.stat().st_size for p in files)
        time_of = median([took([self.gantry, "lint", "--no-config", "--notes", *map(str, files)]) for _ in range(self.repeat)])
        self.row("lint of %d files, %.0f KB" % (len(files), bytes_ / 1000), str(time_of), target="1 s")

    def memory(self):
        path = self.repository("idle", "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps: [{run: sleep 1}]\n")
        self.row("peak PSS of a local run, all processes", "%.1f MiB" % (self.peak_pss(path) / 1024), target="30 MiB")
        size = sum(p.stat().st_size for p in self.bin.iterdir() if p.is_file())
        self.row("programs on disk", "%.1f MiB" % (size / 2**20), target="6 MiB (stripped)")

    def build(self, folder):
        """The programs of tests/bench, with optimisation."""
        source = pathlib.Path(__file__).resolve().parents[2]
        configure = ["cmake", "-S", source, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DGANTRY_HARDEN=ON",
                     "-DGANTRY_TESTS=ON"]
        if shutil.which("ccache"):
            configure.append("-DCMAKE_C_COMPILER_LAUNCHER=ccache")
        for command in (configure, ["cmake", "--build", folder, "--target", *MICRO]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise SystemExit("cannot build the programs of tests/bench:\n" + done.stdout[-2000:])

    def micro(self, folder):
        """Their rows: what | measured [| beside [| ratio]]."""
        for name, target in MICRO.items():
            if name == "bench_expr":
                self.expressions(folder / "bench" / name)
                continue
            done = subprocess.run([folder / "bench" / name], stdout=subprocess.PIPE, text=True, check=True)
            for line in done.stdout.splitlines():
                what, figure, beside, ratio = ([" ".join(cell.split()) for cell in line.split(" | ", 3)] + ["", ""])[:4]
                wanted = next((value for start, value in target.items() if what.startswith(start)), "")
                self.rows.append((what, figure, beside.replace("|", "\\|"), ratio, wanted))
                print("  %s: %s" % (what, figure), file=sys.stderr)

    def expressions(self, program):
        """Lexing, parsing and evaluating, beside the official package; without it only the times."""
        try:
            rows = expr.compare(str(program), 3)
        except SystemExit:
            for text, whole, _ in expr.times([str(program)]):
                self.row("`%s`" % text.replace("|", "\\|"), "%.0f ns" % whole, "the official package: run tests/differential/prepare")
            return
        for text, ours, theirs, ratio, _ in rows:
            self.row("`%s`" % text.replace("|", "\\|"), "%.0f ns" % ours, "@actions/expressions %.0f ns" % theirs, ratio)
        self.row("expressions, median of the ratios", "", "", statistics.median(row[3] for row in rows), "20 x")

    def idle(self):
        """One registered runner that waits for a job, beside a service of our own."""
        home = self.folder / "idle-home"
        home.mkdir(mode=0o755)
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "GANTRY_HOME": str(home)}
        jit = home / "jit"
        quiet = {"env": env, "stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        service = subprocess.Popen([self.gantry, "serve", "--port", "0", "--jit-out", str(jit)],
                                   stdout=subprocess.PIPE, text=True, **quiet)
        try:
            service.stdout.readline()  # the URL: it listens
            before = self.pss()
            runner = subprocess.Popen([self.gantry, "start", "--jitconfig-file", str(jit)], stdout=subprocess.DEVNULL, **quiet)
            time.sleep(2)
            if runner.poll() is not None:
                raise SystemExit("gantry start ended with %d" % runner.returncode)
            self.row("idle gantry start: listener, launcher, spare worker", "%.1f MiB" % ((self.pss() - before) / 1024),
                     "PSS; no TLS", target="10 MiB")
            runner.terminate()
            runner.wait()
        finally:
            service.terminate()
            service.wait()

    def table(self):
        print("| what | measured | beside | ratio | target |\n| --- | --- | --- | --- | --- |")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--micro", default="build/bench", help="build folder for the programs of tests/bench, made where it is not there")
    parser.add_argument("--quick", action="store_true", help="20 MB of log instead of 200")
    options = parser.parse_args()
    bench = Bench(options)
    try:
        bench.build(pathlib.Path(options.micro).resolve())
        bench.steps()
        bench.legs()
        bench.first_output()
        bench.lint()
        bench.memory()
        bench.long_line()
        bench.log(20 if options.quick else 200)
        bench.idle()
        bench.micro(pathlib.Path(options.micro).resolve())
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)
    bench.table()


if __name__ == "__main__":
    main()
