#!/usr/bin/python3
"""Workflow files beside the official parser.

    workflows.py --bin build/dev/bin corpus                the valid files of tests/data/corpus: both sides accept each
    workflows.py --bin build/dev/bin table                 the corpus and tests/data/workflows: no unknown difference
    workflows.py --bin build/dev/bin manifests             the action manifests of manifest_table.txt, and those of the corpus
    workflows.py --bin build/dev/bin generated [COUNT [SEED]]   the same for generated files; prints what they hold
"""
import argparse
import collections
import json
import pathlib
import sys

import compare_workflow
import gen_workflow
import known_workflow
import sides

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / "data"
MIN_PRODUCTION, MIN_DEEP, INVALID, MAX_KNOWN = 0.02, 0.20, (0.27, 0.33), 0.01
MAX_CLASSES, ENOUGH = 40, 2000
RARE_PRODUCTIONS = ("invalid.", "yaml.")  # mistakes have their share together; YAML is not the schema


def request(name, text):
    return {"file": ".github/workflows/" + name, "text": text, "tokens": True, "editor": True}


def corpus():
    """(name, request) of every workflow file of the corpus."""
    return [(str(path.relative_to(DATA)), request(path.name, path.read_text()))
            for path in sorted((DATA / "corpus").glob("*/.github/workflows/*.y*ml"))]


def small_ones(name):
    """(what it is about, text) of the files of a table, each behind a line "=== what it is about"."""
    return [tuple(part.split("\n", 1)) for part in (HERE / name).read_text().split("=== ")[1:]]


def table():
    """The corpus, the hand-written files of the unit tests, and the small ones."""
    small = [("table: " + what, request("t.yml", text)) for what, text in small_ones("workflow_table.txt")]
    return corpus() + small + [(str(path.relative_to(DATA)), request(path.name, path.read_bytes().decode()))
                               for path in sorted((DATA / "workflows").glob("*/*.yml"))]


def manifests():
    files = [(str(path.relative_to(DATA)), path.read_text()) for path in sorted((DATA / "corpus").glob("*/.github/actions/*/*.y*ml"))]
    return [(what, {"file": "action.yml", "text": text}) for what, text in files + small_ones("manifest_table.txt")]


def answers(gantry, requests):
    lines = [json.dumps(line) for line in requests]
    ours = sides.ask([str(gantry / "gantry"), "parse", "--batch"], lines)
    theirs = sides.ask(sides.official("side_workflow"), lines)
    return [(json.loads(a), json.loads(b)) for a, b in zip(ours, theirs)]


def check_corpus(gantry):
    cases, bad = corpus(), 0
    for (name, _), pair in zip(cases, answers(gantry, [line for _, line in cases])):
        for side, answer in zip(("Gantry", "the official parser"), pair):
            if "errors" in answer:
                bad += 1
                print("%s: refused by %s: %s" % (name, side, answer["errors"]))
    print("corpus: %d files, %d refusals" % (len(cases), bad))
    return bad


def compare(gantry, cases):
    """(how many differ without an explanation, Counter of known classes, how many Gantry refuses)."""
    known, unknown, refused = collections.Counter(), 0, 0
    for (name, line), (ours, theirs) in zip(cases, answers(gantry, [line for _, line in cases])):
        refused += "errors" in ours
        names, left = known_workflow.explain(line, compare_workflow.compare(line, ours, theirs))
        known.update(names)
        unknown += bool(left)
        if left and unknown <= 10:
            print("%s: unknown difference: %s" % (name, "; ".join(str(d)[:600] for d in left[:3])))
    return unknown, known, refused


def print_known(known, total):
    for name, n in known.most_common():
        of = next(k for k in known_workflow.KNOWN if k.name == name)
        print("  %6.2f %%  %s (spec %s; github.com: %s)" % (100 * n / total, name, of.section, of.github))


def check_table(gantry, cases, sections):
    """sections: the first digits of the sections whose classes the files must show."""
    unknown, known, refused = compare(gantry, cases)
    print("table: %d files, %d refused, %d unknown differences; known classes:" % (len(cases), refused, unknown))
    print_known(known, len(cases))
    unseen = {k.name for k in known_workflow.KNOWN if k.section[0] in sections} - set(known)
    for name in sorted(unseen):
        print("no file shows the known difference: %s" % name)
    return unknown + len(unseen) + check_classes()


def check_histogram(hits, total):
    """Is the generated set what it shall be? How many shares are outside."""
    bad = 0
    for name, n in sorted(hits.items()):
        low = n < MIN_PRODUCTION * total and not name.startswith(RARE_PRODUCTIONS)
        bad += low
        print("  %6.2f %%  %s%s" % (100 * n / total, name, "  <- below 2 %" if low else ""))
    for name in ("deep.value", "deep.expression"):
        if hits[name] < MIN_DEEP * total:
            bad += 1
            print("%s: in less than 20 %%" % name)
    if not INVALID[0] * total <= hits["invalid"] <= INVALID[1] * total:
        bad += 1
        print("invalid: %.1f %%, not 30" % (100 * hits["invalid"] / total))
    return bad


def check_known(known, total):
    bad = [name for name, n in known.items() if n > MAX_KNOWN * total]
    for name in bad:
        print("known difference above 1 %%: %s" % name)
    return len(bad)


def check_classes():
    """Are there more classes than allowed? 1 or 0."""
    classes = len({k.name for k in known_workflow.KNOWN})
    if classes > MAX_CLASSES:
        print("%d classes of known differences, above %d" % (classes, MAX_CLASSES))
    return classes > MAX_CLASSES


def check_generated(gantry, count, seed):
    hits, cases, looked_at = collections.Counter(), [], max(count, ENOUGH)
    for number in range(looked_at):  # shares of a few files say nothing: more are made than compared
        text, productions = gen_workflow.generate(seed, number)
        hits.update(productions)
        hits["invalid"] += any(name.startswith("invalid.") for name in productions)
        if number < count:
            cases.append(("generated %d/%d" % (seed, number), request("g.yml", text)))
    unknown, known, refused = compare(gantry, cases)
    print("productions of %d files:" % looked_at)
    outside = check_histogram(hits, looked_at)
    if count >= ENOUGH:
        outside += check_known(known, count) + check_classes()
    print("known classes:")
    print_known(known, count)
    print("generated: %d files from seed %d, %d refused (%.1f %%), %d unknown differences, %d shares outside" %
          (count, seed, refused, 100 * refused / count, unknown, outside))
    return unknown + outside


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("what", choices=("corpus", "table", "manifests", "generated"))
    parser.add_argument("count", type=int, nargs="?", default=5000)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    args = parser.parse_args()
    if args.what == "generated":
        return 1 if check_generated(args.bin, args.count, args.seed) else 0
    if args.what == "corpus":
        return 1 if check_corpus(args.bin) else 0
    if args.what == "manifests":
        return 1 if check_table(args.bin, manifests(), {"8"}) else 0
    return 1 if check_table(args.bin, table(), set("12345679")) else 0


if __name__ == "__main__":
    sys.exit(main())
