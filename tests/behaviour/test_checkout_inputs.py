"""The inputs of the native checkout: ref, path, clean, fetch-depth, sparse-checkout; its outputs; what it refuses."""
import os
import subprocess

import pytest

HEAD = "on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps:\n"


def git(path, *words):
    env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
    return subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", *words], cwd=path, env=env,
                          check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def history(repository):
    """Three commits on main, a tag and a branch, an uncommitted change, an untracked file."""
    path = repository.path
    git(path, "init", "-q", "-b", "main")
    for n in "one", "two":
        (path / "state.txt").write_text(n + "\n")
        git(path, "add", "-A")
        git(path, "commit", "-qm", n)
        git(path, "tag", "tag-" + n)
    git(path, "checkout", "-q", "-b", "feature/x", "tag-one")
    (path / "state.txt").write_text("feature\n")
    (path / "only-feature.txt").write_text("here\n")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "feature")
    git(path, "checkout", "-q", "main")
    for name in "src/a/deep.txt", "src/top.txt", "docs/guide.txt":
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name + "\n")
    return repository


def run_steps(gantry, history, steps, *words):
    """Commits the workflow, leaves something uncommitted, runs."""
    history.commit(HEAD + steps)
    (history.path / "state.txt").write_text("three, uncommitted\n")
    (history.path / "untracked.txt").write_text("untracked\n")
    return gantry("run", "--json", "--offline", *words)


def said(run, prefix):
    return [line[len(prefix):] for line in run.lines() if line.startswith(prefix)]


REFS = [("tag-one", "one", "tag-one"), ("refs/tags/tag-two", "two", "tag-two"), ("feature/x", "feature", "feature/x"),
        ("refs/heads/feature/x", "feature", "feature/x")]


@pytest.mark.parametrize("ref,state,commit", REFS, ids=[r[0] for r in REFS])
def test_another_ref_is_the_committed_state(gantry, history, host, ref, state, commit):
    run = run_steps(gantry, history, f"""
      - id: c
        uses: actions/checkout@v4
        with: {{ref: "{ref}"}}
      - run: |
          echo "state $(cat state.txt)"
          echo "untracked $(ls | grep -c untracked)"
          echo "status $(git status --porcelain)"
          echo "outputs ${{{{ steps.c.outputs.ref }}}} ${{{{ steps.c.outputs.commit }}}}"
""")
    assert run.finish() == 0, run.errors
    assert said(run, "state ") == [state]
    assert said(run, "untracked ") == ["0"]
    assert said(run, "status ") == [""]
    assert said(run, "outputs ") == [f"{ref} {git(history.path, 'rev-parse', commit + '^{commit}')}"]
    host.assert_clean(history)


def test_a_commit_id_is_a_ref(gantry, history, host):
    old = git(history.path, "rev-parse", "tag-one")
    run = run_steps(gantry, history, f"""
      - uses: actions/checkout@v4
        with: {{ref: {old}}}
      - run: echo "state $(cat state.txt) $(git rev-parse HEAD)"
""")
    assert run.finish() == 0, run.errors
    assert said(run, "state ") == [f"one {old}"]
    host.assert_clean(history)


def test_the_own_branch_keeps_the_uncommitted_state(gantry, history, host):
    run = run_steps(gantry, history, """
      - uses: actions/checkout@v4
        with: {ref: main}
      - run: echo "state $(cat state.txt) $(ls untracked.txt)"
""")
    assert run.finish() == 0, run.errors
    assert said(run, "state ") == ["three, uncommitted untracked.txt"]
    host.assert_clean(history)


DEPTHS = [("", 1), ("fetch-depth: 1", 1), ("fetch-depth: 2", 2), ("fetch-depth: 0", 3), ("fetch-depth: 99", 3)]


@pytest.mark.parametrize("depth,commits", DEPTHS, ids=[d[0] or "default" for d in DEPTHS])
def test_depth_of_the_history(gantry, history, host, depth, commits):
    run = run_steps(gantry, history, f"""
      - uses: actions/checkout@v4
        with: {{path: '', {depth}}}
      - run: |
          echo "commits $(git rev-list --count HEAD)"
          echo "fsck $(git fsck --connectivity-only 2>&1 | grep -vc dangling)"
""")
    assert run.finish() == 0, run.errors
    assert said(run, "commits ") == [str(commits)]
    assert said(run, "fsck ") == ["0"]
    host.assert_clean(history)


SPARSE = [("cone", "src/a", "true", {"state.txt", "src/top.txt", "src/a/deep.txt"}),
          ("patterns", "/docs/", "false", {"docs/guide.txt"})]


@pytest.mark.parametrize("name,lines,cone,there", SPARSE, ids=[s[0] for s in SPARSE])
def test_sparse(gantry, history, host, name, lines, cone, there):
    history.commit(HEAD + f"""
      - uses: actions/checkout@v4
        with:
          sparse-checkout: {lines}
          sparse-checkout-cone-mode: {cone}
      - run: find . -path ./.git -prune -o -path ./.github -prune -o -type f -printf 'file %P\\n'
""")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    assert set(said(run, "file ")) == there
    host.assert_clean(history)


def test_two_paths_side_by_side_and_clean(gantry, history, host):
    run = run_steps(gantry, history, """
      - uses: actions/checkout@v4
        with: {path: new}
      - uses: actions/checkout@v4
        with: {path: old, ref: tag-one}
      - run: |
          echo "states $(cat new/state.txt), $(cat old/state.txt)"
          echo mine > new/mine.txt; echo spoilt > new/state.txt
      - uses: actions/checkout@v4
        with: {path: new, clean: false}
      - run: echo "kept $(cat new/mine.txt) $(cat new/state.txt)"
      - uses: actions/checkout@v4
        with: {path: new}
      - run: echo "cleaned $(ls new | grep -c mine) $(cat new/state.txt)"
""")
    assert run.finish() == 0, run.errors
    assert said(run, "states ") == ["three, uncommitted, one"]
    assert said(run, "kept ") == ["mine three, uncommitted"]
    assert said(run, "cleaned ") == ["0 three, uncommitted"]
    host.assert_clean(history)


REFUSED = [("ref: no-such-branch", "exit code"), ("path: ../outside", "Repository path '/home/runner/work/repository/outside' is not under '/home/runner/work/repository/repository'"),
           ("ref: --upload-pack=x", "'--upload-pack=x' is not a ref"), ("sparse-checkout: --stdin", "sparse-checkout: '--stdin' is not a path")]


@pytest.mark.parametrize("given,text", REFUSED, ids=[r[0] for r in REFUSED])
def test_refused(gantry, history, host, given, text):
    run = run_steps(gantry, history, f"""
      - uses: actions/checkout@v4
        with: {{{given}}}
      - run: echo not reached
""")
    assert run.finish() == 1
    assert any(text in e["message"] for e in run.of("annotation")), run.of("annotation")
    assert "not reached" not in run.lines()
    host.assert_clean(history)


def test_nothing_of_the_job_reaches_the_source(gantry, history, host):
    before = git(history.path, "rev-parse", "main", "feature/x")
    run = run_steps(gantry, history, """
      - uses: actions/checkout@v4
        with: {fetch-depth: 0}
      - run: |
          git -c user.name=b -c user.email=b@b.invalid commit -qam 'by the job'
          git branch -f feature/x HEAD
          git tag by-job
          rm -rf src
""")
    assert run.finish() == 0, run.errors
    assert git(history.path, "rev-parse", "main", "feature/x").splitlines()[1] == before.splitlines()[1]
    assert "by-job" not in git(history.path, "tag")
    assert (history.path / "src/top.txt").exists()
    host.assert_clean(history)
