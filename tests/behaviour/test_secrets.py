"""No secret on disk, in any encoding: before, during and after a run, and after a kill -9."""
import base64
import json
import os
import signal
import urllib.parse

SECRET = 'hunter2 "quoted" <&> line/+=one'
WORKFLOW = """
on: push
jobs:
  t:
    runs-on: ubuntu-latest
    outputs:
      o: ${{ steps.s.outputs.o }}
    steps:
      - id: s
        env:
          S: ${{ secrets.S }}
        run: |
          echo "$S"
          echo "::warning::$S"
          printf '%s' "$S" | base64
          echo "o=$S" >> "$GITHUB_OUTPUT"
          echo "$S" >> "$GITHUB_STEP_SUMMARY"
      - env:
          S: ${{ secrets.S }}
        run: |
          echo now waiting
          exec tail -f /dev/null
"""


def forms():
    raw = SECRET.encode()
    found = {raw, json.dumps(SECRET)[1:-1].encode(), urllib.parse.quote(SECRET, safe="").encode(), raw.hex().encode(),
             SECRET.encode("utf-16-le"), SECRET.replace('"', "&quot;").replace("<", "&lt;").encode()}
    for cut in range(3):
        found.add(base64.b64encode(raw[cut:])[:-4].rstrip(b"="))
    return found


def holders(*folders):
    """Files that hold the secret in some form. Files that vanish meanwhile are fine."""
    bad = []
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                try:
                    if not os.path.isfile(path) or os.path.islink(path):
                        continue
                    content = open(path, "rb").read()
                except OSError:
                    continue
                bad += [path for form in forms() if form in content]
    return bad


def ours(repository):
    """Gantry's own files; the job's own temporary folder is where the step itself wrote the value."""
    return [str(repository.home), str(repository.folder / "home")]


def outside_of_step_files(paths):
    return [p for p in paths if "_runner_file_commands" not in p and "/_temp/" not in p]


def test_no_secret_on_disk(gantry, repository, host):
    repository.commit(WORKFLOW)
    assert holders(*ours(repository)) == []
    run = gantry("run", "--json", "--offline", "--secret", "S", env={"S": SECRET})
    run.wait_log("now waiting")
    assert outside_of_step_files(holders(*ours(repository))) == []
    run.interrupt()
    assert run.finish() == 130
    assert holders(*ours(repository)) == []
    assert not any(SECRET in line for line in run.lines())
    assert all(form.decode("latin-1") not in json.dumps(run.events) for form in forms() if form.isascii())
    host.assert_clean(repository)


def test_no_secret_on_disk_after_kill(gantry, repository, host):
    repository.commit(WORKFLOW)
    run = gantry("run", "--json", "--offline", "--secret", "S", env={"S": SECRET})
    run.wait_log("now waiting")
    for line in host.processes():
        if "/gantry" in line.split()[1]:
            try:
                os.kill(int(line.split()[0]), signal.SIGKILL)
            except ProcessLookupError:
                pass
    run.finish()
    host.wait_no_processes(5)
    assert outside_of_step_files(holders(*ours(repository))) == []
    repository.commit("on: push\njobs:\n  t:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n")
    assert gantry("run", "--json", "--offline").finish() == 0
    assert holders(*ours(repository)) == []
    host.assert_clean(repository)


def test_no_secret_in_the_list_of_processes(gantry, repository, host):
    """Every user of the host may read what programs were called with."""
    repository.commit(WORKFLOW)
    run = gantry("run", "--json", "--offline", "--secret", "S=" + SECRET, "--secret=OTHER=" + SECRET)
    run.wait_log("now waiting")
    with open("/proc/%d/cmdline" % run.process.pid, "rb") as f:
        words = f.read()
    assert b"--secret" in words
    assert SECRET.encode() not in words
    assert not any(SECRET in line for line in host.processes())
    run.interrupt()
    assert run.finish() == 130
    host.assert_clean(repository)
