#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Lines of its module that each fuzz target reaches by replaying its corpus alone.

    cmake --preset coverage && cmake --build --preset coverage
    tests/fuzz/coverage.py [--build build/coverage] [--min PERCENT] [TARGET...]

Prints a table; with --min, fails when a target stays below. tests/fuzz/modules.txt says what belongs to a target."""
import argparse
import fnmatch
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]


def modules():
    """Target, greatest length of an input to fuzz with or None, globs."""
    for line in (TOP / "tests/fuzz/modules.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if words:
            length = next((int(w[4:]) for w in words if w.startswith("max=")), None)
            yield words[0], length, [w for w in words[1:] if not w.startswith("max=")]


def replay(build, target, data):
    """Runs the corpus with the counters of this run alone, below the folder `data`."""
    env = dict(os.environ, GCOV_PREFIX=str(data), GCOV_PREFIX_STRIP="0")
    subprocess.run([build / "fuzz" / f"fuzz_{target}", TOP / "tests/fuzz/corpus" / target, f"bombs:{target}"], env=env, check=True,
                   timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def lines_of(build, data, globs):
    """{file: {line: reached}} of the files that match, from the counters below `data`."""
    seen = {}
    for gcda in sorted(data.rglob("*.gcda")):
        real = pathlib.Path("/") / gcda.relative_to(data)
        source = real.name.removesuffix(".gcda")
        if not any(fnmatch.fnmatch(source, pathlib.PurePath(g).name) for g in globs):
            continue
        (gcda.with_name(real.name.removesuffix(".gcda") + ".gcno")).symlink_to(real.with_suffix(".gcno"))
        with tempfile.TemporaryDirectory() as out:
            subprocess.run(["gcov", "--json-format", str(gcda)], cwd=out, check=True, stdout=subprocess.DEVNULL)
            for report in pathlib.Path(out).glob("*.gcov.json.gz"):
                for f in json.loads(gzip.open(report).read())["files"]:
                    path = os.path.relpath(os.path.join(build, f["file"]), TOP)
                    if any(fnmatch.fnmatch(path, g) for g in globs):
                        known = seen.setdefault(path, {})
                        for line in f["lines"]:
                            n = line["line_number"]
                            known[n] = known.get(n, False) or line["count"] > 0
    return seen


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--build", type=pathlib.Path, default=TOP / "build/coverage")
    args.add_argument("--min", type=float, default=0)
    args.add_argument("--files", action="store_true", help="a row for each file too")
    args.add_argument("targets", nargs="*")
    args = args.parse_args()
    low = 0
    print(f"{'target':14} {'lines':>6} {'reached':>8} {'%':>6}")
    for target, _, globs in modules():
        if args.targets and target not in args.targets:
            continue
        with tempfile.TemporaryDirectory() as data:
            replay(args.build.resolve(), target, data)
            files = lines_of(args.build.resolve(), pathlib.Path(data), globs)
        total = sum(len(f) for f in files.values())
        reached = sum(sum(f.values()) for f in files.values())
        percent = 100 * reached / total if total else 0
        low += percent < args.min
        print(f"{target:14} {total:6} {reached:8} {percent:6.1f}{'  below the minimum' if percent < args.min else ''}")
        for path, f in sorted(files.items()) if args.files else ():
            print(f"  {path:40} {len(f):6} {sum(f.values()):8} {100 * sum(f.values()) / max(1, len(f)):6.1f}")
    if low:
        sys.exit(f"{low} targets reach less than {args.min:g} % of their module")


if __name__ == "__main__":
    main()
