"""Gantry's figures beside their floors, measured side by side in one run; prints a table. No assertion: speed is
looked at, not tested. Use a release build:

    python3 tests/bench/run.py --bin build/release/bin [--repeat 7] [--quick]

Ratios are medians of pairs: the thing and its floor are run alternately, so that a busy machine hurts both alike. (It hurts what
consists of several processes more: each of them waits for its turn. `chrt -f 5` in front gives all of them theirs at once, as on an
idle machine.)
"""
import argparse
import json
import os
import pathlib
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
    "bench_log": {"log path": "150 MB/s"},
    "bench_mask": {},
    "bench_expr": {},
}


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
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GANTRY_HOME": str(self.folder / "home"), **(env or {})}
        start = time.monotonic()
        done = subprocess.run([self.gantry, "run", "-C", str(path), "--offline", *words], env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode != expect:
            raise SystemExit("gantry run ended with %d: %s" % (done.returncode, done.stderr[-500:]))
        return time.monotonic() - start

    def peak_pss(self, path, *words, env=None):
        """Highest sum of PSS of all gantry processes, sampled every 5 ms."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "GANTRY_HOME": str(self.folder / "home"), **(env or {})}
        process = subprocess.Popen([self.gantry, "run", "-C", str(path), "--offline", *words], env=environment,
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

    def pairs(self, first, second):
        a, b = [], []
        for _ in range(self.repeat):
            a.append(first())
            b.append(second())
        return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in zip(a, b))

    def steps(self):
        lines = {}
        for count in (1, 10, 100):
            workflow = "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n" + "      - run: 'true'\n" * count
            path = self.repository("steps%d" % count, workflow)
            script = self.folder / "noop.sh"
            script.write_text("true\n")
            floor = "for ((i = 0; i < %d; i++)); do bash -e %s; done" % (count, script)

            def shell():
                start = time.monotonic()
                subprocess.run(["bash", "-c", floor], check=True)
                return time.monotonic() - start
            a, b, ratio = self.pairs(lambda p=path: self.run(p), shell)
            lines[count] = (a, b)
            self.row("job of %d no-op steps" % count, "%.1f ms" % (a * 1e3), "shell loop %.1f ms" % (b * 1e3), ratio)
        per_step = (lines[100][0] - lines[10][0]) / 90
        floor = (lines[100][1] - lines[10][1]) / 90
        self.row("one further step", "%.2f ms" % (per_step * 1e3), "one bash -e %.2f ms" % (floor * 1e3), per_step / floor, "1.6 x")
        self.row("fixed part", "%.1f ms" % ((lines[10][0] - 10 * per_step) * 1e3), target="40 ms")

    def legs(self):
        path = self.repository("legs", "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    strategy:\n      matrix:\n        n: %s\n"
                               "    steps: [{run: 'true'}]\n" % json.dumps(list(range(20))))
        self.row("20 matrix legs, one no-op step each", "%.0f ms" % (statistics.median(self.run(path) for _ in range(self.repeat)) * 1e3), target="250 ms")

    def log(self, megabytes):
        line = "the quick brown fox jumps over the lazy dog, again and again, until the log is full"
        path = self.repository("log", "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - run: yes '%s' | head -c %d\n"
                               % (line, megabytes * 1000000))
        secrets = self.folder / "secrets"
        secrets.write_text("".join("S%d=value-of-secret-number-%d-%d\n" % (i, i, i * 7919) for i in range(1000)))
        for what, words in (("without secrets", []), ("with 1,000 secrets", ["--secret-file", str(secrets)])):
            took = self.run(path, *words)
            self.row("%d MB of log %s" % (megabytes, what), "%.2f s, %.0f MB/s end to end" % (took, megabytes / took), target="150 MB/s (log path alone)")

    def long_line(self):
        path = self.repository("line", "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - run: head -c 10000000 /dev/zero | tr '\\0' x\n")
        self.row("one line of 10 MB", "%.2f s" % self.run(path), "peak PSS of all %.1f MiB" % (self.peak_pss(path) / 1024))

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
            self.row("idle gantry start, listener and launcher", "%.1f MiB" % ((self.pss() - before) / 1024),
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
