"""Gantry's expressions beside @actions/expressions: both get the same lines, and must give the same answers.

    expr.py --bin build/dev/bin table                     the hand-written table, expr_table.json
    expr.py --bin build/dev/bin generated                 5,000 generated expressions, the fixed seed
    expr.py --bin build/release/bin generated --cases 50000 [--seed N]

Compared are the kind of the result and its value (member order included), the kind of an error, what it says and its
position. A disagreement must belong to a class of expr_classes.py. Fails on one that belongs to none, on a class that
covers more of the generated cases than its cap, on a histogram outside its bounds; with the table also on a class
that nothing in the table shows.
"""
import argparse
import collections
import itertools
import json
import pathlib
import sys

import expr_classes
import expr_generate
import sides

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20260805


def both(binary, lines):
    ours = sides.ask([str(pathlib.Path(binary).resolve() / "gantry"), "expr", "--batch"], lines)
    theirs = sides.ask(sides.official("side_expr"), lines)
    for line, a, b in zip(lines, ours, theirs):
        yield expr_classes.Case(line, a, b)


def table_lines(path):
    """Every group is a list of expressions, or a product: a template with fields, and a list for each field."""
    table = json.loads(path.read_text())
    for name, group in table["groups"].items():
        contexts = dict(table["contexts"], **group.get("contexts", {}))
        for template in group["expr"] if isinstance(group["expr"], list) else [group["expr"]]:
            fields = [field for field in group.get("fields", {}) if "<%s>" % field in template]
            for choice in itertools.product(*(group["fields"][field] for field in fields)):
                text = template
                for field, value in zip(fields, choice):
                    text = text.replace("<%s>" % field, value)
                if "repeat" in group:
                    text = text.replace("<repeat>", "".join(group["repeat"]["text"] * group["repeat"]["times"]))
                yield json.dumps({"expr": text, "contexts": contexts}, ensure_ascii=False)


def data_lines(folder):
    """The cases of the unit tests are asked too; those of the trace have no counterpart."""
    for path in sorted(folder.glob("*.json")):
        for cases in json.loads(path.read_text()).values():
            for case in cases:
                if "trace" not in case and "\0" not in json.dumps(case, ensure_ascii=False):
                    yield json.dumps({"expr": case["expr"], "contexts": case.get("contexts", {})}, ensure_ascii=False)


def show(case):
    print("  %s\n    gantry:   %s\n    official: %s" % (case.line[:600], case.ours_text[:400], case.theirs_text[:400]))


def classified(cases, verbose):
    """Counts by class and the unexplained ones; the first of each class are shown when asked for."""
    counts, unexplained = collections.Counter(), []
    for case in cases:
        if case.agree():
            counts["agree"] += 1
            continue
        name = expr_classes.classify(case)
        if name is None:
            unexplained.append(case)
            continue
        counts[name] += 1
        if name == verbose or (verbose == "all" and counts[name] <= 3):
            print(name)
            show(case)
    return counts, unexplained


def report(counts, unexplained, total, cap):
    faults = []
    print("%d of %d agree; %d disagree by %d classes" % (
        counts["agree"], total, sum(counts.values()) - counts["agree"], len(counts) - ("agree" in counts)))
    for known in expr_classes.CLASSES:
        n = counts[known.name]
        if n > 0:
            print("  %5d (%.2f %%)  %s  [%s; github.com: %s]" % (n, 100.0 * n / total, known.name, known.spec, known.github))
        if cap and n > total * known.cap / 100.0:
            faults.append("class '%s' covers %.2f %%, more than %g %%" % (known.name, 100.0 * n / total, known.cap))
    for case in unexplained[:10]:
        print("unexplained:")
        show(case)
    if unexplained:
        faults.append("%d disagreements belong to no class" % len(unexplained))
    return faults


def run_table(options):
    lines = list(dict.fromkeys(table_lines(HERE / "expr_table.json")))
    print("%d expressions of the table, and those of tests/data/expressions" % len(lines))
    lines = list(dict.fromkeys(lines + list(data_lines(HERE.parent / "data" / "expressions"))))
    counts, unexplained = classified(both(options.bin, lines), options.show)
    faults = report(counts, unexplained, len(lines), cap=False)
    faults += ["the table shows nothing of class '%s'" % known.name for known in expr_classes.CLASSES if counts[known.name] == 0]
    if len(expr_classes.CLASSES) > expr_classes.MOST:
        faults.append("%d classes, at most %d" % (len(expr_classes.CLASSES), expr_classes.MOST))
    return faults


def run_generated(options):
    made = list(expr_generate.requests(options.seed, options.cases))
    histogram = expr_generate.Histogram()
    cases = list(both(options.bin, [line for line, _, _ in made]))
    for case, (line, tree, spoilt) in zip(cases, made):
        histogram.add(line, tree, spoilt, case.refused())
    print("seed %d" % options.seed)
    print("\n".join(histogram.lines()))
    counts, unexplained = classified(cases, options.show)
    return report(counts, unexplained, len(cases), cap=True) + histogram.faults()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["table", "generated"])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--show", help="a class whose cases are shown, or 'all' for the first of each")
    options = parser.parse_args()
    faults = run_table(options) if options.what == "table" else run_generated(options)
    for fault in faults:
        print("FAILED: " + fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
