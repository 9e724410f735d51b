"""The native checkout: what a job sees is what `git ls-files` and the working tree say, and .git works."""
import os
import subprocess

WORKFLOW = """
on: push
jobs:
  t:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          submodules: %s
      - run: |
          find . -name .git -prune -o \\( -type f -o -type l \\) -print0 | LC_ALL=C sort -z | tr '\\0' '\\n' | sha256sum | cut -d' ' -f1 | sed 's/^/names /'
          find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | sha256sum | cut -d' ' -f1 | sed 's/^/content /'
          find . -name .git -prune -o -type l -printf '%%p>%%l\\n' | LC_ALL=C sort | sed 's/^/link /'
          find . -name .git -prune -o -type f -perm -100 -print | LC_ALL=C sort | sed 's/^/executable /'
          echo "status $(git status --porcelain | LC_ALL=C sort | tr '\\n' ';')"
          git fsck --no-progress 2>&1 | grep -v dangling || true; echo "head $(git rev-parse HEAD)"
"""


def git(path, *words):
    env = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")
    return subprocess.run(["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "protocol.file.allow=always",
                           *words], cwd=path, env=env, check=True, capture_output=True, text=True).stdout


def host_says(path, skip=()):
    """The same digests, of the folder itself without what must not be copied."""
    script = ("find . -name .git -prune -o \\( -type f -o -type l \\) -print0 | LC_ALL=C sort -z %s | tr '\\0' '\\n' | sha256sum | cut -d' ' -f1;"
              "find . -name .git -prune -o -type f -print0 | LC_ALL=C sort -z %s | xargs -0 cat | sha256sum | cut -d' ' -f1")
    drop = "".join("| LC_ALL=C grep -azvxF -- './%s' " % s for s in skip)
    out = subprocess.run(["bash", "-c", script % (drop, drop)], cwd=path, check=True, capture_output=True, text=True).stdout.split()
    return "names " + out[0], "content " + out[1]


def test_odd_names_links_and_states(gantry, repository, host):
    path = repository.path
    for name, text in {"plain.txt": "plain", "with space/a b.txt": "spaced", "new\nline.txt": "newline", "-dash": "dash", "run.sh": "#!/bin/sh\n",
                       "deleted.txt": "d", "changed.txt": "old", ".gitignore": "*.log\nbuilt/\n", "umläut.txt": "u"}.items():
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text(text)
    with open(os.fsencode(path) + b"/bad-\xff\xfe-utf8.bin", "wb") as out:
        out.write(b"\0\1\2")
    (path / "run.sh").chmod(0o755)
    (path / "to-file").symlink_to("plain.txt")
    (path / "to-nothing").symlink_to("/nonexistent/x")
    (path / "to-outside").symlink_to("../../../etc/passwd")
    repository.commit(WORKFLOW % "false")
    (path / "deleted.txt").unlink()
    (path / "changed.txt").write_text("new")
    (path / "untracked.txt").write_text("untracked")
    (path / "secret.log").write_text("ignored")
    (path / "built").mkdir()
    (path / "built" / "big").write_text("ignored")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    names, content = host_says(path, skip=("secret.log", "built/big"))
    lines = run.lines()
    assert names in lines
    assert content in lines
    assert [x for x in lines if x.startswith("link ")] == ["link ./to-file>plain.txt", "link ./to-nothing>/nonexistent/x",
                                                          "link ./to-outside>../../../etc/passwd"]
    assert [x for x in lines if x.startswith("executable ")] == ["executable ./run.sh"]
    assert "status  D deleted.txt; M changed.txt;?? untracked.txt;" in lines
    assert "head " + git(path, "rev-parse", "HEAD").strip() in lines
    host.assert_clean(repository)


def test_submodules(gantry, repository, host):
    inner = repository.folder / "inner"
    inner.mkdir()
    git(inner, "init", "-q", "-b", "main")
    (inner / "inner.txt").write_text("inner")
    git(inner, "add", "-A")
    git(inner, "commit", "-qm", "inner")
    git(repository.path, "init", "-q", "-b", "main")
    git(repository.path, "submodule", "add", "-q", str(inner), "lib/inner")
    repository.commit(WORKFLOW % "recursive")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    names, content = host_says(repository.path)
    assert names in run.lines() and content in run.lines()
    repository.path.joinpath(".github/workflows/ci.yml").write_text(WORKFLOW % "false")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    names, content = host_says(repository.path, skip=("lib/inner/inner.txt",))
    assert names in run.lines() and content in run.lines()
    host.assert_clean(repository)


def many_files(path, folders, each):
    """One pack by fast-import: as loose objects they would be twice as many files again."""
    stream = ["commit refs/heads/main\ncommitter Ada <ada@example.invalid> 1767225600 +0000\ndata 1\nx\n"]
    for folder in range(folders):
        for number in range(each):
            text = "%d/%d\n" % (folder, number)
            stream.append("M 100644 inline d%03d/f%02d.txt\ndata %d\n%s\n" % (folder, number, len(text), text))
    git(path, "init", "-q", "-b", "main")
    subprocess.run(["git", "fast-import", "--quiet"], cwd=path, input="".join(stream), text=True, check=True)
    git(path, "reset", "-q", "--hard")


def test_fifty_thousand_files(gantry, repository, host):
    many_files(repository.path, 500, 100)
    repository.commit(WORKFLOW % "false")
    run = gantry("run", "--json", "--offline")
    assert run.finish() == 0, run.errors
    names, content = host_says(repository.path)
    assert names in run.lines() and content in run.lines()
    host.assert_clean(repository)


def test_linked_work_tree(gantry, repository, host):
    repository.commit(WORKFLOW % "false", {"changed.txt": "old", "deep/er/run.sh": "#!/bin/sh\n"})
    git(repository.path, "remote", "add", "origin", "https://example.invalid/ada/proj.git")
    linked = repository.folder / "linked tree"
    git(repository.path, "worktree", "add", "-q", str(linked), "-b", "feature")
    (linked / "feature.txt").write_text("feature")
    git(linked, "add", "-A")
    git(linked, "commit", "-qm", "feature")
    (linked / "changed.txt").write_text("new")
    (linked / "untracked.txt").write_text("untracked")
    (linked / "to-file").symlink_to("changed.txt")
    (linked / "deep" / "er" / "run.sh").chmod(0o755)
    run = gantry("run", "--json", "--offline", "-C", str(linked))
    assert run.finish() == 0, run.errors
    names, content = host_says(linked)
    lines = run.lines()
    assert names in lines
    assert content in lines
    assert "link ./to-file>changed.txt" in lines
    assert "executable ./deep/er/run.sh" in lines
    assert "status  M changed.txt; M deep/er/run.sh;?? to-file;?? untracked.txt;" in lines
    assert "head " + git(linked, "rev-parse", "HEAD").strip() in lines
    assert git(repository.path, "remote", "get-url", "origin").strip() == "https://example.invalid/ada/proj.git"
    host.assert_clean(repository)
