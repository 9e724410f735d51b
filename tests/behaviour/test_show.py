"""What --list and --dry-run say, of the event of a pull request too."""
import os

from test_checkout import git

STEPS = "    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n"


def test_dry_run_names_what_cannot_run(gantry, repository):
    repository.commit("on: push\njobs:\n  a:\n    container: alpine\n" + STEPS + "  b:\n" + STEPS +
                      "  c:\n    needs: b\n    strategy:\n      matrix:\n        x: ${{ fromJSON(needs.b.outputs.x) }}\n" + STEPS)
    git(repository.path, "branch", "-M", "main")
    run = gantry("run", "--dry-run")
    assert run.finish() == 0, run.errors
    assert run.plain == [
        ".github/workflows/ci.yml, push on refs/heads/main",
        "  1. b on ubuntu-latest",
        "  -  a: .github/workflows/ci.yml:4:16: job 'a' has a container; container jobs cannot be run yet; choose other jobs (-j)",
        "  -  c: depends on outputs, known only when it runs",
    ]


BROKEN = "gantry: error: .github/workflows/broken.yml:2:1: While parsing a flow sequence, did not find expected ',' or ']'."
LAST = "gantry: error: 1 workflow file is invalid (see above) and did not run: .github/workflows/broken.yml"


def with_a_broken_file(repository, workflow="on: push\njobs:\n  a:\n" + STEPS):
    repository.commit(workflow, {".github/workflows/broken.yml": "on: [push\n"})
    git(repository.path, "branch", "-M", "main")


def test_dry_run_names_labels_and_actions_that_are_not_there(gantry, repository):
    repository.commit("""on: push
jobs:
  a:
    runs-on: [self-hosted, WINDOWS-latest]
    steps: [{run: echo}]
  b:
    runs-on: UBUNTU-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./tools/node
      - uses: ./tools/outer
      - uses: docker://alpine:3
      - uses: ./tools/image
      - uses: ./tools/loop
      - uses: acme/tool/sub@v1
      - uses: acme/tool/old@v1
      - uses: acme/elsewhere@v1
""", {"tools/node/action.yml": "name: n\nruns: {using: node20, main: x.js}\n",
      "tools/outer/action.yaml": "name: o\nruns:\n  using: composite\n  steps: [{uses: ./tools/node}, {run: x, shell: sh}]\n",
      "tools/image/Dockerfile": "FROM scratch\n",
      "tools/loop/action.yml": "name: l\nruns: {using: composite, steps: [{uses: ./tools/loop}]}\n",
      "mirror/acme/tool/sub/action.yml": "name: s\nruns: {using: docker, image: Dockerfile}\n",
      "mirror/acme/tool/old/action.yml": "name: o\nruns: {plugin: checkout}\n"})
    git(repository.path, "branch", "-M", "main")
    run = gantry("run", "--dry-run", "--actions", str(repository.path / "mirror"))
    assert run.finish() == 0, run.errors
    node = "     ./tools/node is a JavaScript action, which this version cannot run"
    assert run.plain == [
        ".github/workflows/ci.yml, push on refs/heads/main",
        "  1. a on self-hosted WINDOWS-latest",
        "     no local runner has the label 'WINDOWS-latest': the job would fail",
        "  1. b on UBUNTU-latest",
        node,
        node,
        "     docker://alpine:3 is a Docker action, which this version cannot run",
        "     ./tools/image is a Docker action, which this version cannot run",
        "     acme/tool/sub@v1 is a Docker action, which this version cannot run",
        "     acme/tool/old@v1 is a plugin of the official runner, which this version cannot run"]


def test_a_step_says_what_kind_of_action_cannot_run(gantry, repository):
    repository.commit("""on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: ./old
      - uses: ./node
        if: always()
""", {"old/action.yml": "name: o\nruns: {plugin: checkout}\n",
      "node/action.yml": "name: n\nruns: {using: node20, main: x.js}\n"})
    git(repository.path, "branch", "-M", "main")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 1, run.errors
    says = [line for line in run.lines() if "cannot run" in line]
    assert [" ".join(line.split(" (action.yml) cannot run: ")[1].split()[:5]) for line in says] == [
        "plugins of the official runner", "JavaScript actions are not available"]


def test_an_invalid_file_is_listed_as_such(gantry, repository):
    with_a_broken_file(repository)
    run = gantry("run", "--list")
    assert (run.finish(), run.errors) == (2, [BROKEN])
    assert run.plain == [".github/workflows/broken.yml", "  invalid, never runs: 1 error", "",
                         ".github/workflows/ci.yml", "  events: push", "  jobs:   a",
                         "  runs for push on refs/heads/main: it runs on every 'push'"]
    run = gantry("run", "--list", "--json")
    assert (run.finish(), run.errors) == (2, [BROKEN])
    assert run.events == [
        {"workflow": ".github/workflows/broken.yml", "path": ".github/workflows/broken.yml", "events": [], "jobs": [], "runs": False,
         "reason": None, "filters": [], "errors": [{"line": 2, "column": 1, "message": "While parsing a flow sequence, did not find expected ',' or ']'."}]},
        {"workflow": ".github/workflows/ci.yml", "path": ".github/workflows/ci.yml", "events": ["push"], "jobs": ["a"], "runs": True,
         "reason": "it runs on every 'push'", "filters": []}]


def test_an_invalid_file_is_left_out(gantry, repository):
    with_a_broken_file(repository)
    for words, said in ((["--graph"], [".github/workflows/ci.yml", "  a"]),
                        (["--dry-run"], [".github/workflows/ci.yml, push on refs/heads/main", "  1. a on ubuntu-latest"]),
                        (["--dry-run", "-W", "ci.yml"], [".github/workflows/ci.yml, push on refs/heads/main", "  1. a on ubuntu-latest"])):
        run = gantry("run", *words)
        named = "-W" in words  # then nobody looks at the other file
        assert (run.finish(), run.errors) == ((0, []) if named else (2, [BROKEN, LAST]))
        assert run.plain == said


def test_an_invalid_file_that_was_named_stops_all(gantry, repository):
    with_a_broken_file(repository)
    run = gantry("run", "-W", "broken.yml", "-W", "ci.yml")
    assert (run.finish(), run.errors, run.plain) == (2, [BROKEN], [])


def test_nothing_runs_beside_an_invalid_file(gantry, repository):
    with_a_broken_file(repository, "on: issues\njobs:\n  a:\n" + STEPS)
    run = gantry("run")
    assert run.finish() == 2
    assert run.errors == [BROKEN, "gantry: error: .github/workflows/ci.yml: does not run for event push: runs for issues"]


def test_a_failed_job_beside_an_invalid_file(gantry, repository):
    with_a_broken_file(repository, "on: push\njobs:\n  a:\n" + STEPS.replace("echo", "exit 1"))
    run = gantry("run", "--json")
    assert (run.finish(), run.errors) == (2, [BROKEN, LAST])
    assert [e["result"] for e in run.of("run.completed")] == ["failure"]


def test_the_text_of_a_run(gantry, repository):
    """Setting up a job is one line, and so is what a step runs, unless all of it is asked for; a failure that does not count is
    marked."""
    repository.commit("on: push\njobs:\n  a:\n    continue-on-error: true\n" + STEPS.replace("echo", "exit 1"))
    run = gantry("run")
    assert run.finish() == 0, run.errors
    text = [line.split("(")[0].rstrip() for line in run.plain]
    level = "full" if os.getuid() == 0 else "single"
    assert text[1:7] == ["a | started", "a | \u2713 Set up job, sandbox " + level, "a | > Run exit 1",
                         "a | error: Process completed with exit code 1.", "a | \u2717 Run exit 1 [failure]",
                         "a | \u2717 job failure [continued]"]
    assert any(line.startswith("  a ") and line.endswith("  (continue-on-error)") for line in run.plain), run.plain
    run = gantry("run", "--verbose")
    assert run.finish() == 0, run.errors
    assert [line for line in run.plain if "Secret source" in line] == ["a | Secret source: Actions"]
    assert "a | Cleaning up orphan processes" in run.plain
    shown = run.plain.index("a | > Run exit 1")
    assert run.plain[shown + 1:shown + 3] == ["a |   exit 1", "a |   shell: /usr/bin/bash -e {0}"]


def test_a_pull_request_is_all_since_its_base(gantry, repository):
    repository.commit("name: CI\non:\n  pull_request:\n    paths: ['src/**']\njobs:\n  a:\n" + STEPS)
    git(repository.path, "branch", "-M", "main")
    git(repository.path, "checkout", "-qb", "topic")
    for name in ("src/x", "docs/y"):
        (repository.path / name).parent.mkdir()
        (repository.path / name).write_text("x")
        git(repository.path, "add", "-A")
        git(repository.path, "commit", "-qm", name)
    listed = [".github/workflows/ci.yml: CI", "  events: pull_request", "  jobs:   a"]
    run = gantry("run", "pull_request", "--list")
    assert run.finish() == 0, run.errors
    assert run.plain == listed + ["  runs for pull_request on refs/pull/1/merge: the changed file 'src/x' matches 'src/**' of 'paths'"]
    git(repository.path, "branch", "-f", "main", "HEAD~1")
    run = gantry("run", "pull_request", "--list")
    assert run.finish() == 0, run.errors
    assert run.plain == listed + ["  does not run for pull_request on refs/pull/1/merge: no changed file matches a pattern of 'paths'"]


def test_called_workflows_are_shown(gantry, repository):
    """--graph names them, --dry-run shows their jobs; what is of another repository is read when it runs."""
    called = "on:\n  workflow_call:\n    inputs:\n      v:\n        type: string\njobs:\n  x:\n    name: x ${{ inputs.v }}\n" + STEPS
    repository.commit("on: push\njobs:\n  a:\n    uses: ./.github/workflows/called.yml\n    with:\n      v: one\n  b:\n    needs: a\n" + STEPS,
                      {".github/workflows/called.yml": called})
    git(repository.path, "branch", "-M", "main")
    run = gantry("run", "--graph")
    assert (run.finish(), run.errors) == (0, [])
    assert run.plain == [".github/workflows/ci.yml", "  a (calls ./.github/workflows/called.yml)", "  b <- a"]
    run = gantry("run", "--dry-run")
    assert (run.finish(), run.errors) == (0, [])
    assert run.plain == [".github/workflows/ci.yml, push on refs/heads/main", "  1. a / x one on ubuntu-latest", "  2. b on ubuntu-latest"]
    (repository.path / ".github/workflows/ci.yml").write_text("on: push\njobs:\n  a:\n    uses: acme/tools/.github/workflows/x.yml@v1\n")
    run = gantry("run", "--dry-run")
    assert (run.finish(), run.errors) == (0, [])
    assert run.plain[1:] == ["  -  a: .github/workflows/ci.yml:3:3: job 'a' calls the workflow 'acme/tools/.github/workflows/x.yml@v1', "
                             "which is read when the workflow runs"]
    (repository.path / ".github/workflows/ci.yml").write_text("on: push\njobs:\n  a:\n    uses: ./.github/workflows/none.yml\n")
    run = gantry("run", "--dry-run")
    assert run.finish() == 2
    assert run.errors == ["gantry: error: .github/workflows/ci.yml:4:11: Unable to find reusable workflow '.github/workflows/none.yml': "
                          "there is no such file in the repository; is it ignored by git?"]


def test_a_repository_of_another_user(gantry, repository):
    repository.commit("on: push\njobs:\n  a:\n" + STEPS)
    run = gantry("run", "--list", env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert run.finish() == 2
    assert run.errors == ["gantry: error: the repository '%s' belongs to another user; run gantry as its owner, or "
                          "git config --global --add safe.directory '%s'" % (repository.path, repository.path)]
