"""Expressions beside @actions/expressions on a warmed-up node 24: one run, medians of the ratios of pairs.

    python3 tests/bench/expr.py --bench build/bench/bench/bench_expr [--pairs 5]

About five seconds a pair on an idle machine: both sides run for a fixed time of the processor, not a number of turns.
Needs tests/differential/prepare, and a build with optimisation and GANTRY_TESTS=ON:
cmake --preset release -B build/bench -DGANTRY_TESTS=ON && ninja -C build/bench bench_expr

language.py prints the median of these ratios with the other figures of the language.
"""
import argparse
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "differential"))
import sides  # noqa: E402  (it lives in another folder)

LIMIT = 300  # seconds for one side of one pair, however busy the machine is


def progress(text):
    if sys.stderr.isatty():
        print("  " + text, file=sys.stderr, flush=True)


def times(command):
    """(expression, nanoseconds for all of it, for the evaluation) in order."""
    try:
        done = subprocess.run(command + [str(HERE / "expressions.json")], stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise SystemExit("%s did not end within %d s; is the machine busy?" % (command[0], LIMIT)) from None
    out = []
    for line in done.stdout.splitlines():
        whole, evaluation, text = line.split(None, 2)
        if whole != "all":
            out.append((text, float(whole), float(evaluation)))
    return out


def compare(bench, pairs):
    """Rows (expression, ours, theirs, ratio, ratio of the evaluation); each side runs in turn, so that load hurts both."""
    theirs_command = sides.official("side_bench_expr")
    runs = []
    for i in range(pairs):
        progress("expressions, pair %d of %d" % (i + 1, pairs))
        runs.append((times([bench]), times(theirs_command)))
    rows = []
    for i, (text, _, _) in enumerate(runs[0][0]):
        ours, theirs = [run[0][i] for run in runs], [run[1][i] for run in runs]
        rows.append((text, statistics.median(a[1] for a in ours), statistics.median(b[1] for b in theirs),
                     statistics.median(b[1] / a[1] for a, b in zip(ours, theirs)), statistics.median(b[2] / a[2] for a, b in zip(ours, theirs))))
    return rows


def table(rows):
    print("| expression | gantry | official | ratio | evaluation alone |\n| --- | --- | --- | --- | --- |")
    for text, ours, theirs, whole, evaluation in rows:
        print("| `%s` | %.0f ns | %.0f ns | %.1f x | %.1f x |" % (text.replace("|", "\\|"), ours, theirs, whole, evaluation))
    print("| median of the ratios | | | %.1f x | %.1f x |" % (statistics.median(row[3] for row in rows), statistics.median(row[4] for row in rows)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", required=True)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    table(compare(str(pathlib.Path(options.bench).resolve()), options.pairs))


if __name__ == "__main__":
    main()
