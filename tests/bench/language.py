"""The three figures of the language, beside the official packages on a warmed-up node 24, in one run:

    python3 tests/bench/language.py --build build/bench [--pairs 3] [--files 50000] [--all]

Lexing, parsing and evaluating expressions beside @actions/expressions (the median of the ratios of expressions.json; --all prints
each), a workflow file of 1 MiB beside @actions/workflow-parser, hashFiles over 50,000 files beside @actions/glob. Two minutes on
an idle machine; `chrt -f 5` in front on a busy one. Needs tests/differential/prepare, and a build with optimisation:
cmake --preset release -B build/bench -DGANTRY_TESTS=ON && ninja -C build/bench gantry bench_expr bench_workflow
"""
import argparse
import pathlib
import shutil
import statistics
import tempfile

import expr  # beside this file
import workflow


def expression_row(rows):
    return ["expressions, lexed, parsed and evaluated: median of %d" % len(rows), "%.0f ns" % statistics.median(row[1] for row in rows),
            "%.0f ns" % statistics.median(row[2] for row in rows), "%.1f x" % statistics.median(row[3] for row in rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--files", type=int, default=50000)
    parser.add_argument("--all", action="store_true", help="a table of the expressions before")
    options = parser.parse_args()
    build = options.build.resolve()
    expressions = expr.compare(str(build / "bench" / "bench_expr"), options.pairs)
    if options.all:
        expr.table(expressions)
        print()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir="/var/tmp"))
    try:
        rows = [expression_row(expressions), workflow.workflow_row(build, options.pairs, folder),
                workflow.hash_row(build, options.pairs, folder, options.files)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    workflow.table([row + [target] for row, target in zip(rows, ("20 x", "20 x", ""))])


if __name__ == "__main__":
    main()
