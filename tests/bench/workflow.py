"""A workflow file of 1 MiB beside @actions/workflow-parser, hashFiles over 50,000 files beside @actions/glob, on the pinned node 24.

    python3 tests/bench/workflow.py --build build/bench [--pairs 5] [--files 50000]

Medians of the ratios of pairs; each side runs in turn. Needs tests/differential/prepare, and a build with optimisation:
cmake --preset release -B build/bench -DGANTRY_TESTS=ON && ninja -C build/bench gantry bench_workflow

language.py prints these with the figure of expressions.
"""
import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "differential"))
import sides  # noqa: E402  (it lives in another folder)

import expr  # noqa: E402  (beside this file)

MIB = 1 << 20
JOB = """  {id}:
    name: Build ${{{{ matrix.os }}}} ${{{{ matrix.version }}}}
    needs: [{needs}]
    if: github.event_name == 'push' && startsWith(github.ref, 'refs/heads/')
    runs-on: ${{{{ matrix.os }}}}
    strategy:
      fail-fast: false
      matrix:
        os: [ubuntu-latest, windows-latest, macos-latest]
        version: [18, 20, "22"]
    permissions:
      contents: read
      id-token: write
    env:
      TARGET: job-{n}
      REF: ${{{{ github.ref_name }}}}
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # all of it
      - name: Set up
        id: setup
        uses: actions/setup-node@v4
        with:
          node-version: ${{{{ matrix.version }}}}
          cache: npm
      - run: |
          npm ci
          npm run build -- --target job-{n}
          npm test
      - name: Report
        if: failure() && steps.setup.outcome == 'success'
        run: echo "$RESULT" >> "$GITHUB_STEP_SUMMARY"
        env:
          RESULT: ${{{{ toJSON(steps) }}}}
"""


def big_workflow():
    """A workflow just under the limit: jobs as real files have them."""
    text, n = "name: Big\non:\n  push:\n    branches: [main]\njobs:\n  start:\n    runs-on: x\n    steps: [{run: make}]\n", 0
    while True:
        job = JOB.format(id="job%d" % n, n=n, needs="start" if n == 0 else "start, job%d" % (n - 1))
        if len(text) + len(job) > MIB:
            return text
        text, n = text + job, n + 1


def number(command):
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=expr.LIMIT).stdout)


def workflow_row(build, pairs, folder):
    path = folder / "big.yml"
    path.write_text(big_workflow())
    runs = []
    for i in range(pairs):
        expr.progress("workflow of 1 MiB, pair %d of %d" % (i + 1, pairs))
        runs.append((number([str(build / "bench" / "bench_workflow"), str(path)]),
                     number(sides.official("side_bench_workflow") + [str(path)])))
    return ["workflow of %.2f MiB, read and converted" % (path.stat().st_size / MIB), "%.1f ms" % statistics.median(a for a, _ in runs),
            "%.0f ms" % statistics.median(b for _, b in runs), "%.1f x" % statistics.median(b / a for a, b in runs)]


def make_files(folder, count):
    rng = random.Random(1)
    for i in range(count):
        path = folder / ("d%d" % (i // 1000)) / ("e%d" % (i // 50 % 20))
        if i % 50 == 0:
            path.mkdir(parents=True, exist_ok=True)
        (path / ("f%d.%s" % (i, "c" if i % 2 else "h"))).write_bytes(rng.randbytes(rng.randint(50, 4000)))


def hash_row(build, pairs, folder, count):
    expr.progress("hashFiles over %d files" % count)
    folder = folder / "tree"
    folder.mkdir()
    make_files(folder, count)
    command = [str(build / "bin" / "gantry"), "expr", "hashFiles('**')"]
    environment = dict(os.environ, GITHUB_WORKSPACE=str(folder))

    def ours():
        start = time.monotonic()
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip().strip('"'), (time.monotonic() - start) * 1e3
    ours()  # the page cache
    theirs = subprocess.run(sides.official("side_bench_hash") + [str(folder), "**", str(pairs)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, check=True, timeout=expr.LIMIT).stderr.splitlines()
    runs = [(ours(), line.split()) for line in theirs]
    if any(a[0] != b[0] for a, b in runs):
        raise SystemExit("the digests differ: %s and %s" % (runs[0][0][0], runs[0][1][0]))
    return ["hashFiles('**') over %d files, warm; a process of its own beside a warmed-up node" % count,
            "%.0f ms" % statistics.median(a[1] for a, _ in runs), "%.0f ms" % statistics.median(float(b[1]) for _, b in runs),
            "%.1f x" % statistics.median(float(b[1]) / a[1] for a, b in runs)]


def table(rows):
    """Rows (what, ours, theirs, ratio, target)."""
    print("| what | gantry | official | ratio | target |\n| --- | --- | --- | --- | --- |")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--files", type=int, default=50000)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir="/var/tmp"))
    try:
        rows = [workflow_row(options.build.resolve(), options.pairs, folder),
                hash_row(options.build.resolve(), options.pairs, folder, options.files)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table([row + [target] for row, target in zip(rows, ("20 x", ""))])


if __name__ == "__main__":
    main()
