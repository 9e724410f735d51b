"""Which workflows an event starts, and what --list says of it; the refs of events."""
import json

from test_checkout import git

STEPS = "    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n"
JOBS = "jobs:\n  a:\n" + STEPS


def commit(repository, files, message="c"):
    for name, text in files.items():
        path = repository.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(repository.path, "add", "-A")
    git(repository.path, "commit", "-qm", message, "--cleanup=verbatim")


def start(repository, workflow):
    repository.commit(workflow + JOBS)
    git(repository.path, "branch", "-M", "main")


def said(gantry, *words):
    """The only workflow's line of --list, and the same as JSON."""
    run = gantry("run", "--list", *words)
    assert run.finish() == 0, run.errors
    line = run.plain[-1].strip()
    run = gantry("run", "--list", "--json", *words)
    assert run.finish() == 0, run.errors
    [listed] = run.events
    assert line.startswith("runs for" if listed["runs"] else "does not run for")
    assert line.endswith(": " + listed["reason"])
    return listed["runs"], listed["reason"], listed["filters"]


def test_the_filter_that_decides_is_named(gantry, repository):
    start(repository, "on:\n  push:\n    branches:\n      - 'ma*'\n    paths: ['src/**', '!src/*.md']\n")
    commit(repository, {"src/a.md": "x", "src/b.c": "x"})
    assert said(gantry) == (True, "'main' matches 'ma*' of 'branches'; the changed file 'src/b.c' matches 'src/**' of 'paths'", [
        {"filter": "branches", "pattern": "ma*", "value": "main", "line": 4},
        {"filter": "paths", "pattern": "src/**", "value": "src/b.c", "line": 5}])
    commit(repository, {"src/a.md": "y"})
    assert said(gantry) == (False, "'main' matches 'ma*' of 'branches'; no changed file matches a pattern of 'paths'", [
        {"filter": "branches", "pattern": "ma*", "value": "main", "line": 4},
        {"filter": "paths", "pattern": None, "value": "", "line": 5}])
    assert said(gantry, "--ref", "refs/heads/main", "issues") == (False, "runs for push", [])
    git(repository.path, "checkout", "-qb", "dev")
    assert said(gantry)[:2] == (False, "'dev' matches no pattern of 'branches'")
    assert said(gantry, "-W", "ci.yml") == (True, "named with -W, its filters are not asked", [])


def test_a_message_skips(gantry, repository):
    start(repository, "on: [push, pull_request, workflow_dispatch]\n")
    commit(repository, {"x": "1"}, "try [ci skip] this")
    for event in ("push", "pull_request"):
        assert said(gantry, event) == (False, "the commit message says '[ci skip]'", [
            {"filter": "commit message", "pattern": None, "value": "[ci skip]", "line": None}])
    assert said(gantry, "workflow_dispatch")[0]
    run = gantry("run")
    assert run.finish() == 2
    assert run.errors == ["gantry: error: .github/workflows/ci.yml: does not run for event push: the commit message says '[ci skip]'"]
    commit(repository, {"x": "2"}, "x\n\n\nSigned-off-by: me\nskip-checks: true\n")
    assert said(gantry)[1] == "the commit message says 'skip-checks: true'"


def test_a_given_push_says_since_when(gantry, repository):
    start(repository, "on:\n  push:\n    paths: [wanted]\n")
    before = git(repository.path, "rev-parse", "HEAD").strip()
    commit(repository, {"wanted": "x"})
    commit(repository, {"other": "x"})
    assert not said(gantry)[0]
    payload = repository.path / "push.json"
    payload.write_text(json.dumps({"ref": "refs/heads/main", "before": before, "commits": []}))
    assert said(gantry, "--event-path", str(payload))[1] == "the changed file 'wanted' matches 'wanted' of 'paths'"
    payload.write_text(json.dumps({"ref": "refs/heads/main", "before": "1" * 40}))
    assert said(gantry, "--event-path", str(payload))[1] == "the changed files are not known: 'paths' passes"
    payload.write_text(json.dumps({"ref": "refs/heads/main", "before": "--output=x"}))
    assert not said(gantry, "--event-path", str(payload))[0]


def ref_of(gantry, *words):
    run = gantry("run", "--json", *words)
    assert run.finish() == 0, run.errors
    return [e["line"] for e in run.of("log") if e["line"].startswith("ref ")][0]


def test_refs_of_events(gantry, repository):
    events = ["push", "schedule", "release", "create", "issues", "pull_request", "pull_request_target", "workflow_dispatch"]
    on = "".join("  %s:%s\n" % (e, " [{cron: '0 1 * * *'}]" if e == "schedule" else "") for e in events)
    jobs = ("jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
            "      - run: echo \"ref ${{ github.ref }} ${{ github.ref_type }} ${{ github.ref_name }} ${{ github.base_ref }}\"\n")
    repository.commit("on:\n" + on + jobs)
    git(repository.path, "branch", "-M", "main")
    git(repository.path, "checkout", "-qb", "topic")
    payload = repository.path / "event.json"

    def given(**members):
        payload.write_text(json.dumps(members))
        return ["--event-path", str(payload)]

    assert ref_of(gantry, "push") == "ref refs/heads/topic branch topic "
    assert ref_of(gantry, "workflow_dispatch") == "ref refs/heads/topic branch topic "
    assert ref_of(gantry, "schedule") == "ref refs/heads/main branch main "  # what is about no branch is of the default one
    assert ref_of(gantry, "issues") == "ref refs/heads/main branch main "
    assert ref_of(gantry, "issues", "--ref", "topic") == "ref refs/heads/topic branch topic "
    assert ref_of(gantry, "pull_request") == "ref refs/pull/1/merge branch 1/merge main"
    assert ref_of(gantry, "pull_request_target") == "ref refs/heads/main branch main main"
    merged = {"head": {"ref": "topic"}, "base": {"ref": "main"}, "merged": True}
    assert ref_of(gantry, "pull_request", "-W", "ci.yml", *given(action="closed", number=7, pull_request=merged)) == \
        "ref refs/heads/main branch main main"
    assert ref_of(gantry, "release", *given(action="published", release={"tag_name": "v1"})) == "ref refs/tags/v1 tag v1 "
    assert ref_of(gantry, "create", *given(ref="v2", ref_type="tag")) == "ref refs/tags/v2 tag v2 "
    assert ref_of(gantry, "create", *given(ref="b/1", ref_type="branch")) == "ref refs/heads/b/1 branch b/1 "


def test_a_schedule_by_its_cron(gantry, repository):
    start(repository, "on:\n  schedule:\n    - cron: '0 1 * * *'\n    - cron: '30 2 * * 1'\n")
    payload = repository.path / "event.json"
    payload.write_text(json.dumps({"schedule": "30 2 * * 1"}))
    assert said(gantry, "schedule")[:2] == (True, "it runs on every 'schedule'")
    assert said(gantry, "schedule", "--event-path", str(payload))[1] == "'30 2 * * 1' is one of its schedules"
    payload.write_text(json.dumps({"schedule": "0 0 * * *"}))
    assert said(gantry, "schedule", "--event-path", str(payload))[:2] == (False, "'0 0 * * *' is none of its schedules")
