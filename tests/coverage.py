#!/usr/bin/python3
"""coverage.py [--acceptance] [--no-run] [--demanded] [--min-line MODULE PERCENT]... [--min-branch MODULE PERCENT]... [--files]

Builds preset coverage, runs the unit tests and the replay of the fuzz corpora in it (with --acceptance the acceptance
workflows, too), and prints the line and branch coverage of every module and folder. Status 1 where one is below the
least that was asked for. MODULE is a folder (actions) or a module in it (actions/expr). --demanded asks for what must
never be lost (DEMANDED below) and shows the folders alone; packaging/bootstrap test does.

Not measured: sandbox/program, whose processes run where they cannot write their counts; and what a process did that was
killed or that ended by _exit().
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "coverage"
FOLDERS = ("base", "actions", "sandbox", "runner")
DEMANDED = (("actions", 95.0, 85.0),)  # lines, branches


def run(*words):
    """Shows what a command printed only where it failed."""
    done = subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout)
        sys.exit(f"coverage.py: '{' '.join(map(str, words))}' ended with status {done.returncode}")


def build_and_test(acceptance):
    launcher = ["-DCMAKE_C_COMPILER_LAUNCHER=ccache"] if os.access("/usr/bin/ccache", os.X_OK) else []
    run("cmake", "--preset", "coverage", *launcher)
    run("cmake", "--build", "--preset", "coverage")
    for old in BUILD.rglob("*.gcda"):
        old.unlink()
    run("ctest", "--preset", "coverage", "-j2", "-L", "unit|fuzz")
    if acceptance:
        mode = "--as-root" if os.geteuid() == 0 else "--as-user"
        run("/usr/bin/python3", "tests/acceptance/run.py", "--bin", str(BUILD / "bin"), mode)


class Source:
    """The counts of one file, from every program that it is compiled into."""

    def __init__(self):
        self.lines = {}  # (line, function) -> count
        self.branches = {}  # (line, function) -> counts

    def add(self, line):
        key = line["line_number"], line.get("function_name")
        self.lines[key] = self.lines.get(key, 0) + line["count"]
        counts = [b["count"] for b in line["branches"]]
        known = self.branches.get(key)
        if known is not None and len(known) == len(counts):
            counts = [a + b for a, b in zip(known, counts)]
        elif known is not None and len(known) > len(counts):
            counts = known
        self.branches[key] = counts


class Total:
    """Covered and all, of lines and of branches."""

    def __init__(self):
        self.lines, self.lines_hit, self.branches, self.branches_hit = 0, 0, 0, 0

    def add(self, source):
        lines = collections.defaultdict(int)
        for (number, _), count in source.lines.items():
            lines[number] += count
        self.lines += len(lines)
        self.lines_hit += sum(c > 0 for c in lines.values())
        for counts in source.branches.values():
            self.branches += len(counts)
            self.branches_hit += sum(c > 0 for c in counts)

    def percents(self):
        return (100.0 * self.lines_hit / self.lines if self.lines else 100.0,
                100.0 * self.branches_hit / self.branches if self.branches else 100.0)


def read_counts():
    """{path below the root: Source} of our own .c and .h files that are in the programs and libraries."""
    sources = collections.defaultdict(Source)
    notes = [n for folder in FOLDERS for n in sorted((BUILD / folder).rglob("*.gcno"))]
    if not notes:
        sys.exit(f"coverage.py: nothing is built in '{BUILD}'; run it without --no-run")
    for at in range(0, len(notes), 40):
        done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", *map(str, notes[at:at + 40])],
                              cwd=BUILD, capture_output=True, text=True, check=True)
        for text in done.stdout.splitlines():
            if not text.startswith("{"):
                continue
            report = json.loads(text)
            for file in report["files"]:
                path = pathlib.Path(report["current_working_directory"], file["file"]).resolve()
                if ROOT not in path.parents or path.relative_to(ROOT).parts[0] not in FOLDERS:
                    continue
                for line in file["lines"]:
                    sources[str(path.relative_to(ROOT))].add(line)
    return sources


def folder_of(path):
    """base, actions, sandbox, runner/cli, ...: what totals are given for."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "runner" and len(parts) > 2 else parts[0]


def module_of(path):
    """The folder and the word before the first underscore: http_client.c and http_request.c are base/http."""
    folder, name = path.rsplit("/", 1)
    return f"{folder}/{name.split('.')[0].split('_')[0]}"


def total_by(sources, name_of):
    totals = collections.defaultdict(Total)
    for path, source in sources.items():
        totals[name_of(path)].add(source)
    return totals


def show(title, totals):
    print(f"{title:<34} {'lines':>16} {'':>6}  {'branches':>16} {'':>6}")
    for name, t in sorted(totals.items()):
        line, branch = t.percents()
        print(f"  {name:<32} {t.lines_hit:>8} / {t.lines:<6} {line:>5.1f}% {t.branches_hit:>9} / {t.branches:<6} {branch:>5.1f}%")


def main():
    options = argparse.ArgumentParser(usage=__doc__.splitlines()[0])
    options.add_argument("--acceptance", action="store_true")
    options.add_argument("--no-run", action="store_true", help="only count what an earlier run left")
    options.add_argument("--demanded", action="store_true", help="fail below what must never be lost")
    options.add_argument("--files", action="store_true", help="a row for each file, too")
    for name in ("--min-line", "--min-branch"):
        options.add_argument(name, nargs=2, action="append", default=[], metavar=("MODULE", "PERCENT"))
    args = options.parse_args()
    if args.demanded:
        args.min_line += [(name, line) for name, line, _ in DEMANDED]
        args.min_branch += [(name, branch) for name, _, branch in DEMANDED]
    if not args.no_run:
        build_and_test(args.acceptance)
    sources = read_counts()
    modules, folders = total_by(sources, module_of), total_by(sources, folder_of)
    everything = {"all": Total()}
    for source in sources.values():
        everything["all"].add(source)
    if args.files:
        show("file", total_by(sources, str))
    if not args.demanded:
        show("module", modules)
    show("folder", {**folders, **everything})
    known, status = {**everything, **modules, **folders}, 0
    for which, wanted in (("line", args.min_line), ("branch", args.min_branch)):
        for name, least in wanted:
            if name not in known:
                sys.exit(f"coverage.py: there is no module '{name}'")
            got = known[name].percents()[which == "branch"]
            if got < float(least):
                print(f"coverage.py: {which} coverage of {name} is {got:.1f} %, below {least} %", file=sys.stderr)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
