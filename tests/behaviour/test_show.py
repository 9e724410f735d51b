"""What --list and --dry-run say, of the event of a pull request too."""
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
    assert run.plain == listed + ["  runs for pull_request on refs/pull/1/merge"]
    git(repository.path, "branch", "-f", "main", "HEAD~1")
    run = gantry("run", "pull_request", "--list")
    assert run.finish() == 0, run.errors
    assert run.plain == listed + ["  does not run for pull_request on refs/pull/1/merge: no changed file matches a pattern of 'paths'"]


def test_a_repository_of_another_user(gantry, repository):
    repository.commit("on: push\njobs:\n  a:\n" + STEPS)
    run = gantry("run", "--list", env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"})
    assert run.finish() == 2
    assert run.errors == ["gantry: error: the repository '%s' belongs to another user; run gantry as its owner, or "
                          "git config --global --add safe.directory '%s'" % (repository.path, repository.path)]
