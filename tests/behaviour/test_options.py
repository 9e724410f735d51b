"""What is given on the command line and in files of values: words that are nearly right, values of several lines."""
import json

import pytest

WORKFLOW = "on: [push, workflow_dispatch]\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - run: x\n"
VALUES = """on: push
jobs:
  t:
    runs-on: ubuntu-latest
    steps:
      - run: printf '%s\\n' "$V"
        env: {V: "${{ toJSON(vars) }}"}
"""
WORDS = {
    "an event without run": (["pull_request"], "unknown command 'pull_request'; did you mean gantry run pull_request?"),
    "an option without run": (["-l"], "'-l' comes before a command; options follow it, as in gantry run --list"),
    "a command": (["strat"], "unknown command 'strat'; did you mean 'start'?"),
    "no command at all": (["frobnicate"], "unknown command 'frobnicate'; see gantry help"),
    "an event": (["run", "workflow_dispach"], "there is no event 'workflow_dispach'; did you mean 'workflow_dispatch'?"),
    "an event that starts nothing": (["run", "issues"], "none of 2 workflows runs for event issues on refs/heads/main; "
                                     "gantry run --list shows why"),
    "a ref": (["run", "--ref", "refs/heads/nope"], "repository '<top>' has no commit 'refs/heads/nope'; see git log"),
}


@pytest.mark.parametrize("name", WORDS)
def test_words_that_are_nearly_right(gantry, repository, name):
    words, said = WORDS[name]
    repository.commit(WORKFLOW, {".github/workflows/other.yml": WORKFLOW, ".git-keep": ""})
    (repository.path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    repository.commit(WORKFLOW + "# changed\n")
    run = gantry(*words)
    assert run.finish() == 2
    assert [line.replace(str(repository.path), "<top>") for line in run.errors] == ["gantry: error: " + said]


def test_a_repository_without_commits(gantry, repository):
    repository.commit(WORKFLOW)
    (repository.path / ".git/HEAD").write_text("ref: refs/heads/empty\n")
    run = gantry("run")
    assert run.finish() == 2
    assert [line.replace(str(repository.path), "<top>") for line in run.errors] == [
        "gantry: error: repository '<top>' has no commit yet; commit something"]


def test_values_of_several_lines(gantry, repository):
    repository.commit(VALUES)
    (repository.folder / "vars").write_text(
        'A="first\nlast" # a key\nexport B=bare\nC=\'q\n\nr\'\nD="one \\" of\n them"\nE="same # line"\n')
    run = gantry("run", "--var-file", str(repository.folder / "vars"), "--json")
    assert run.finish() == 0, run.errors
    lines = [e["line"] for e in run.of("log") if e["step"] == 2]
    text = "\n".join(lines[max(i for i, line in enumerate(lines) if line == "{"):])
    assert json.loads(text) == {"A": "first\nlast", "B": "bare", "C": "q\n\nr", "D": 'one " of\n them', "E": "same # line"}


@pytest.mark.parametrize("text, line", [('A=x\nB="open\nC=y\n', 2), ('A="x" y\n', 1), ('A="x\ny" z\n', 1), ("A='\n", 1)])
def test_a_quote_that_is_not_closed(gantry, repository, text, line):
    repository.commit(VALUES)
    (repository.folder / "vars").write_text(text)
    run = gantry("run", "--var-file", str(repository.folder / "vars"))
    assert run.finish() == 2
    assert [said.replace(str(repository.folder), "<folder>") for said in run.errors] == [
        "gantry: error: <folder>/vars:%d: the quote of the value is not closed" % line]


def test_the_reason_of_a_failure(gantry, repository):
    """It is an error of the step that failed, not of one before it that was allowed to."""
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - run: exit 3\n"
                      "        continue-on-error: true\n      - run: exit 4\n")
    run = gantry("run")
    assert run.finish() == 1
    assert "    Run exit 4: Process completed with exit code 4." in run.plain


def test_a_composite_action_is_shown_by_its_steps(gantry, repository):
    action = ("runs:\n  using: composite\n  steps:\n    - {run: echo one, shell: bash}\n"
              "    - {run: 'echo \"::group::Run tests\"; echo two; echo ::endgroup::', shell: sh}\n")
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n"
                      "      - uses: ./act\n", {"act/action.yml": action})
    run = gantry("run")
    assert run.finish() == 0, run.errors
    first = run.plain.index("t | > Run ./act")
    assert run.plain[first + 1:first + 6] == [
        "t |   > Run echo one", "t | one", "t |   > Run echo \"::group::Run tests\"; echo two; echo ::endgroup::",
        "t |   > Run tests", "t |   two"]


def test_several_workflows_are_told_apart(gantry, repository):
    """Two of one name and one without: each header has the file, and all results stand together at the end."""
    job = "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps: [{run: %s}]\n"
    repository.commit("name: CI\n" + job % "exit 0", {".github/workflows/a.yml": "name: CI\n" + job % "exit 1",
                                                      ".github/workflows/bare.yml": job % "exit 0"})
    run = gantry("run")
    assert run.finish() == 1, run.errors
    head = [line for line in run.plain if "(push " in line]
    assert [line.rsplit(" ", 1)[-1] for line in (head[0], head[2])] == [".github/workflows/a.yml)", ".github/workflows/ci.yml)"]
    assert head[1].startswith(".github/workflows/bare.yml: x (push ") and head[1].count("bare.yml") == 1
    assert [run.plain[run.plain.index(line) - 1] for line in head[1:]] == ["", ""]
    last = run.plain.index("3 workflows")
    assert run.plain[last - 1] == ""
    assert [line.split()[:-1] for line in run.plain[last + 1:]] == [
        ["CI", "(.github/workflows/a.yml)", "failure"], [".github/workflows/bare.yml", "success"],
        ["CI", "(.github/workflows/ci.yml)", "success"]]
    run = gantry("run", "-W", "a.yml")
    assert run.finish() == 1, run.errors
    assert "a.yml" not in run.plain[0] and not any("workflows" in line for line in run.plain)
