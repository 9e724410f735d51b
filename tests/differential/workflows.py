#!/usr/bin/python3
"""Workflow files beside the official parser.

    workflows.py --bin build/dev/bin corpus          the valid files of tests/data/corpus: both sides accept each
"""
import argparse
import json
import pathlib
import sys

import sides

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"


def corpus():
    """(name, request) of every workflow file of the corpus; a name is unique, the file name is what a user sees."""
    out = []
    for path in sorted((DATA / "corpus").glob("*/.github/workflows/*.y*ml")):
        out.append((str(path.relative_to(DATA)), {"file": ".github/workflows/" + path.name, "text": path.read_text(),
                                                 "tokens": True}))
    return out


def answers(gantry, requests):
    lines = [json.dumps(request) for request in requests]
    ours = sides.ask([str(gantry / "gantry"), "parse", "--batch"], lines)
    theirs = sides.ask(sides.official("side_workflow"), lines)
    return [(json.loads(a), json.loads(b)) for a, b in zip(ours, theirs)]


def check_corpus(gantry):
    cases = corpus()
    bad = 0
    for (name, _), (ours, theirs) in zip(cases, answers(gantry, [request for _, request in cases])):
        for side, answer in (("Gantry", ours), ("the official parser", theirs)):
            if "errors" in answer:
                bad += 1
                print("%s: refused by %s: %s" % (name, side, answer["errors"]))
    print("corpus: %d files, %d refusals" % (len(cases), bad))
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("what", choices=("corpus",))
    args = parser.parse_args()
    return 1 if check_corpus(args.bin) else 0


if __name__ == "__main__":
    sys.exit(main())
