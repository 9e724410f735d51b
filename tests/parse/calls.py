"""`gantry parse FILE` loads what FILE calls: from the repository around it, as git knows it, and from mirrors and the cache.

    calls.py --gantry PROGRAM --cases FOLDER

The cases of the reader (tests/data/cases/call-*.yml) supply their called files in one text. Here the same files lie in
a git repository and in mirrors, and the output must be that of `gantry parse --case`, byte for byte.
"""
import argparse
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

OPTIONS = None
CALLED = "on: workflow_call\njobs:\n  b:\n    runs-on: x\n    steps: [{run: hi}]\n"
CALLS = "on: push\njobs:\n  a:\n    uses: %s\n"
REMOTE = "acme/tools/.github/workflows/t.yml@v1"


def parts(case):
    """Option lines, workflow, {reference: text}; None for a case whose options a plain file cannot have."""
    options, _, rest = case.partition("\n---\n")
    if case.startswith("---\n"):
        options, rest = "", case[4:]
    if [line for line in options.split("\n") if line and not line.startswith("include-source:") and line != "edition: today"]:
        return None
    pieces = rest.split("\n---\n")[:-1]
    called = {pieces[i].strip(): pieces[i + 1] + "\n" for i in range(1, len(pieces) - 1, 2)}
    return options, pieces[0] + "\n", called


class Calls(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="gantry-parse-")
        self.top = pathlib.Path(self.folder.name) / "repo"
        self.mirror = pathlib.Path(self.folder.name) / "mirror"
        self.home = pathlib.Path(self.folder.name) / "home"
        self.top.mkdir()
        self.mirror.mkdir()
        self.git(self.top, "init", "-q")

    def tearDown(self):
        self.folder.cleanup()

    def git(self, where, *words):
        subprocess.run(["git", "-C", where, "-c", "user.name=x", "-c", "user.email=x@example.org", *words], check=True, stdout=subprocess.DEVNULL)

    def put(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def workflow(self, name, text):
        return self.put(self.top / ".github" / "workflows" / name, text)

    def run_gantry(self, *words, cwd=None):
        done = subprocess.run([OPTIONS.gantry, "parse", *map(str, words)], cwd=cwd or self.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, env={**os.environ, "GANTRY_HOME": str(self.home)})
        return done.returncode, done.stdout, done.stderr

    def parse(self, *words, status=0, cwd=None):
        code, out, err = self.run_gantry("--no-positions", *words, cwd=cwd)
        self.assertEqual(code, status, out + err)
        return out if status == 0 else err

    def test_cases(self):
        compared = 0
        for case in sorted(pathlib.Path(OPTIONS.cases).glob("call-*.yml")):
            found = parts(case.read_bytes().decode())
            if found is None or len({ref.split("/.github/")[0]: ref.split("@")[-1] for ref in found[2]}) != \
                    len({(ref.split("/.github/")[0], ref.split("@")[-1] if "@" in ref else "") for ref in found[2]}):
                continue  # options, or two refs of one repository, which a plain folder does not part
            options, text, called = found
            shutil.rmtree(self.top / ".github", ignore_errors=True)
            shutil.rmtree(self.mirror)
            self.mirror.mkdir()
            file = self.workflow(case.name, text)
            for ref, content in called.items():
                path = ref.split("@")[0]
                self.put(self.top / path[2:] if path.startswith("./") else self.mirror / path, content)
            words = [] if "include-source: false" not in options else ["--no-positions"]
            _, want, _ = self.run_gantry("--case", case)
            code, out, err = self.run_gantry(file.relative_to(self.top), "--json", "--actions", self.mirror, *words)
            with self.subTest(case=case.name):
                self.assertEqual((out, err), (want, ""))
                self.assertEqual(code, 2 if '"errors"' in want[:20] else 0)
            compared += 1
        self.assertGreaterEqual(compared, 35)

    def test_from_a_sub_folder_the_names_are_those_of_the_repository(self):
        self.workflow("ci.yml", CALLS % "./.github/workflows/b.yml")
        self.workflow("b.yml", CALLED)
        here = self.parse(".github/workflows/ci.yml")
        self.assertIn('"ref": ".github/workflows/b.yml"', here)
        self.assertEqual(self.parse("ci.yml", cwd=self.top / ".github" / "workflows"), here)
        self.assertEqual(self.parse(self.top / ".github" / "workflows" / "ci.yml", cwd="/"), here)

    def test_errors_can_be_found_from_here(self):
        self.workflow("ci.yml", CALLS % "./.github/workflows/b.yml")
        self.workflow("b.yml", CALLED.replace("steps", "stepz"))
        inside = self.top / ".github" / "workflows"
        err = self.parse("ci.yml", cwd=inside, status=2)
        self.assertEqual(err, "%s/.github/workflows/b.yml:5:5: Unexpected value 'stepz'\n"
                              "  In .github/workflows/ci.yml (Line: 4, Col: 11): Error from called workflow\n" % self.top.resolve())
        self.assertTrue(self.parse(".github/workflows/ci.yml", status=2).startswith(".github/workflows/b.yml:5:5: "))
        self.workflow("ci.yml", CALLS % "./.github/workflows/none.yml")
        self.assertEqual(self.parse("ci.yml", cwd=inside, status=2), "ci.yml:4:11: Unable to find reusable workflow '.github/workflows/none.yml': there "
                                                                     "is no such file in the repository; is it ignored by git?\n")

    def test_what_git_says_of_a_file(self):
        self.workflow("ci.yml", CALLS % "./.github/workflows/b.yml")
        called = self.workflow("b.yml", CALLED)
        self.git(self.top, "add", ".")
        self.git(self.top, "commit", "-qm", "x")
        called.write_text(CALLED.replace("hi", "changed"))
        self.assertIn('"run": "changed"', self.parse(".github/workflows/ci.yml"))
        self.put(self.top / ".gitignore", "n.yml\n")
        self.workflow("n.yml", CALLED)
        self.workflow("ci.yml", CALLS % "./.github/workflows/n.yml")
        self.assertIn("is it ignored by git?", self.parse(".github/workflows/ci.yml", status=2))
        called.unlink()
        self.workflow("ci.yml", CALLS % "./.github/workflows/b.yml")
        self.assertIn("there is no such file", self.parse(".github/workflows/ci.yml", status=2))

    def test_through_no_link_and_from_no_pipe(self):
        outside = self.put(pathlib.Path(self.folder.name) / "b.yml", CALLED)
        (self.top / ".github" / "workflows").mkdir(parents=True)
        (self.top / ".github" / "workflows" / "b.yml").symlink_to(outside)
        os.mkfifo(self.top / ".github" / "workflows" / "p.yml")
        for name in ("b.yml", "p.yml"):
            self.workflow("ci.yml", CALLS % ("./.github/workflows/" + name))
            self.assertIn("there is no such file", self.parse(".github/workflows/ci.yml", status=2))
        for uses in ("./.github/workflows/../../../b.yml", "./../b.yml", "acme/../.github/workflows/t.yml@v1", "acme/tools/.github/workflows/t.yml@../v1"):
            self.workflow("ci.yml", CALLS % uses)
            self.assertNotIn('"run"', "".join(self.run_gantry(".github/workflows/ci.yml", "--actions", self.mirror)[1:]))

    def test_without_git(self):
        shutil.rmtree(self.top / ".git")
        self.workflow("ci.yml", CALLS % "./.github/workflows/b.yml")
        self.workflow("b.yml", CALLED)
        self.assertIn('"run": "hi"', self.parse(".github/workflows/ci.yml"))

    def test_git_mirror(self):
        self.workflow("ci.yml", CALLS % REMOTE)
        repo = self.mirror / "acme" / "tools"
        file = self.put(repo / ".github" / "workflows" / "t.yml", CALLED.replace("hi", "tagged"))
        self.git(repo, "init", "-q")
        self.git(repo, "add", ".")
        self.git(repo, "commit", "-qm", "x")
        self.git(repo, "tag", "v1")
        file.write_text(CALLED.replace("hi", "later"))
        self.git(repo, "commit", "-qam", "y")
        self.assertIn('"run": "tagged"', self.parse(".github/workflows/ci.yml", "--actions", self.mirror))
        self.git(repo, "tag", "-d", "v1")
        self.assertIn("neither in a mirror", self.parse(".github/workflows/ci.yml", "--actions", self.mirror, status=2))

    def test_cache(self):
        self.workflow("ci.yml", CALLS % REMOTE)
        folder = self.home / "cache" / "actions" / "acme_tools"
        self.parse(".github/workflows/ci.yml", status=2)  # makes the folders
        self.put(folder / "refs" / "v1", "1" * 40 + "\n")
        with tarfile.open(folder / ("1" * 40 + ".tar.gz"), "w:gz") as t:
            entry = tarfile.TarInfo("tools-1/.github/workflows/t.yml")
            data = CALLED.encode()
            entry.size = len(data)
            t.addfile(entry, io.BytesIO(data))
        self.assertIn('"ref": "%s"' % REMOTE, self.parse(".github/workflows/ci.yml"))

    def test_owner_of_the_repository_is_trusted(self):
        self.workflow("ci.yml", CALLS % REMOTE)
        self.put(self.mirror / "acme" / "tools" / ".github" / "workflows" / "t.yml", "permissions: {id-token: write}\n" + CALLED)
        words = (".github/workflows/ci.yml", "--actions", self.mirror)
        self.assertIn("is requesting 'id-token: write'", self.parse(*words, status=2))
        self.git(self.top, "remote", "add", "origin", "git@example.org:Acme/app.git")
        self.assertIn('"id-token": "write"', self.parse(*words))

    def test_long_errors(self):
        text = CALLED.replace("- uses", "").replace("run: hi", "uses: " + "u" * 1000).replace("workflow_call", "push")
        self.workflow("a.yml", text)
        self.assertIn("Actual '%s'" % ("u" * 1000), self.parse(".github/workflows/a.yml", status=2))
        _, out, _ = self.run_gantry(".github/workflows/a.yml", "--json")  # as the official reader, which cuts at 500
        self.assertIn("uuu[...]\"", out)

    def test_no_calls(self):
        self.workflow("ci.yml", CALLS % REMOTE)
        self.assertIn('"ref": "%s"\n' % REMOTE, self.parse(".github/workflows/ci.yml", "--no-calls"))


def main():
    global OPTIONS
    p = argparse.ArgumentParser()
    p.add_argument("--gantry", required=True)
    p.add_argument("--cases", required=True)
    OPTIONS, rest = p.parse_known_args()
    OPTIONS.gantry = os.path.abspath(OPTIONS.gantry)
    OPTIONS.cases = os.path.abspath(OPTIONS.cases)
    unittest.main(argv=sys.argv[:1] + rest)


main()
