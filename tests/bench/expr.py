"""Expressions beside @actions/expressions on a warmed-up node 24: one run, medians of the ratios of pairs.

    python3 tests/bench/expr.py --bench build/bench/bench/bench_expr [--pairs 5]

Needs tests/differential/prepare, and a build with optimisation and GANTRY_TESTS=ON:
cmake --preset release -B build/bench -DGANTRY_TESTS=ON && ninja -C build/bench bench_expr
"""
import argparse
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "differential"))
import sides  # noqa: E402  (it lives in another folder)


def times(command):
    """(expression, nanoseconds for all of it, for the evaluation) in order."""
    done = subprocess.run(command + [str(HERE / "expressions.json")], stdout=subprocess.PIPE, text=True, check=True)
    out = []
    for line in done.stdout.splitlines():
        whole, evaluation, text = line.split(None, 2)
        if whole != "all":
            out.append((text, float(whole), float(evaluation)))
    return out


def compare(bench, pairs):
    """Rows (expression, ours, theirs, ratio, ratio of the evaluation); each side runs in turn, so that load hurts both."""
    theirs_command = sides.official("side_bench_expr")
    runs = [(times([bench]), times(theirs_command)) for _ in range(pairs)]
    rows = []
    for i, (text, _, _) in enumerate(runs[0][0]):
        ours, theirs = [run[0][i] for run in runs], [run[1][i] for run in runs]
        rows.append((text, statistics.median(a[1] for a in ours), statistics.median(b[1] for b in theirs),
                     statistics.median(b[1] / a[1] for a, b in zip(ours, theirs)), statistics.median(b[2] / a[2] for a, b in zip(ours, theirs))))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", required=True)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    rows = compare(str(pathlib.Path(options.bench).resolve()), options.pairs)
    print("| expression | gantry | official | ratio | evaluation alone |\n| --- | --- | --- | --- | --- |")
    for text, ours, theirs, whole, evaluation in rows:
        print("| `%s` | %.0f ns | %.0f ns | %.1f x | %.1f x |" % (text.replace("|", "\\|"), ours, theirs, whole, evaluation))
    print("| median of the ratios | | | %.1f x | %.1f x |" % (statistics.median(row[3] for row in rows), statistics.median(row[4] for row in rows)))


if __name__ == "__main__":
    main()
