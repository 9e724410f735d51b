"""`gantry lint` as a program: files that it finds, configuration, formats, exit status.

    cli.py --gantry PROGRAM
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

GANTRY = None
BAD = "on: push\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    timeout-minutes: 5\n    steps:\n      - run: echo ${{ foo.bar }}\n"
WARN = BAD.replace("foo.bar", "github.nope")
GOOD = BAD.replace("foo.bar", "github.sha")
ERROR = "error: there is no context 'foo'"


class Lint(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="gantry-lint-")
        self.top = pathlib.Path(self.folder.name) / "repo"
        (self.top / ".github" / "workflows").mkdir(parents=True)

    def tearDown(self):
        self.folder.cleanup()

    def put(self, name, text):
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def lint(self, *words, cwd=None, stdin="", status=0, env=None):
        done = subprocess.run([GANTRY, "lint", *map(str, words)], cwd=cwd or self.top, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60, env={**os.environ, **(env or {})})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if status < 2:
            self.assertEqual(done.stderr, "")
        else:
            self.assertEqual(done.stdout, "")
            self.assertRegex(done.stderr, r"\Agantry: error: [^\n]+\n\Z")
        return done.stdout if status < 2 else done.stderr

    def test_nothing_to_say(self):
        self.put(".github/workflows/a.yml", GOOD)
        self.assertEqual(self.lint(), "")

    def test_error(self):
        self.put(".github/workflows/a.yml", BAD)
        out = self.lint(status=1)
        self.assertTrue(out.startswith(".github/workflows/a.yml:8:23: " + ERROR), out)
        self.assertTrue(out.endswith(" [unknown-context]\n"))

    def test_warning_and_strict(self):
        self.put(".github/workflows/a.yml", WARN)
        self.assertIn("a.yml:8:30: warning: github has no property 'nope'", self.lint())
        self.lint("--strict", status=1)

    def test_notes(self):
        self.put(".github/workflows/a.yml", GOOD.replace("    timeout-minutes: 5\n", ""))
        self.assertEqual(self.lint(), "")
        self.assertIn("note: job 'a' may hang", self.lint("--notes"))

    def test_what_is_found(self):
        for name in (".github/workflows/b.yaml", ".github/workflows/a.yml", "action.yml", "x/y/action.yaml", ".github/actions/z/action.yml"):
            self.put(name, BAD)
        for name in (".github/workflows/c.txt", ".github/workflows/d/e.yml", "node_modules/m/action.yml", ".git/action.yml", ".hidden/action.yml"):
            self.put(name, BAD)
        files = [x["file"] for x in json.loads(self.lint("--format=json", status=1))]
        self.assertEqual(sorted(set(files)), [".github/actions/z/action.yml", ".github/workflows/a.yml", ".github/workflows/b.yaml",
                                              "action.yml", "x/y/action.yaml"])
        self.assertEqual(files, sorted(files))

    def test_from_a_sub_folder_and_from_outside(self):
        self.put(".github/workflows/a.yml", BAD)
        (self.top / "src").mkdir()
        self.assertTrue(self.lint(cwd=self.top / "src", status=1).startswith(str(self.top.resolve()) + "/.github/workflows/a.yml:8:23: error"))
        self.assertTrue(self.lint("-C", "repo", cwd=self.top.parent, status=1).startswith("repo/.github/workflows/a.yml:8:23: error"))
        self.assertTrue(self.lint("repo", cwd=self.top.parent, status=1).startswith("repo/.github/workflows/a.yml:8:23: error"))
        self.assertTrue(self.lint("repo/.github/workflows/a.yml", cwd=self.top.parent, status=1).startswith("repo/.github/workflows/a.yml:8:23: error"))

    def test_other_files_of_the_repository(self):
        self.put("act/action.yml", "name: a\ndescription: b\ninputs:\n  x: {required: true}\nruns: {using: node24, main: m.js}\n")
        self.put("act/m.js", "")
        self.put(".github/workflows/a.yml", GOOD.replace("- run: echo ${{ github.sha }}", "- uses: actions/checkout@v4\n      - uses: ./act\n      - uses: ./none"))
        out = self.lint()
        self.assertIn("a.yml:9:15: warning: the action requires the input 'x'", out)
        self.assertIn("a.yml:10:15: warning: there is no action.yml", out)

    def test_files_of_two_repositories(self):
        self.put("act/action.yml", "name: a\ndescription: b\nruns: {using: node24, main: m.js}\n")
        self.put("act/m.js", "")
        use = GOOD.replace("- run: echo ${{ github.sha }}", "- uses: actions/checkout@v4\n      - uses: ./act")
        one = self.put(".github/workflows/a.yml", use)
        other = self.top.parent / "other" / ".github" / "workflows" / "b.yml"
        other.parent.mkdir(parents=True)
        other.write_text(use)
        self.assertEqual(self.lint(one), "")
        out = self.lint(one, other)
        self.assertEqual(out.count("\n"), 1)
        self.assertTrue(out.startswith(str(other) + ":9:15: warning: there is no action.yml"), out)

    def test_never_out_of_the_repository(self):
        outside = self.top.parent / "secret"
        outside.mkdir()
        (outside / "action.yml").write_text("name: a\ninputs: {x: {required: true}}\nruns: {using: node24, main: m.js}\n")
        (self.top / "link").symlink_to(outside)
        self.put(".github/workflows/a.yml", GOOD.replace("- run: echo ${{ github.sha }}", "- uses: actions/checkout@v4\n      - uses: ./link\n      - uses: ./../secret"))
        self.assertNotIn("requires the input", self.lint())

    def test_a_pipe_is_no_file(self):
        (self.top / "act").mkdir()
        os.mkfifo(self.top / "act" / "action.yml")
        self.put(".github/workflows/a.yml", GOOD.replace("- run: echo ${{ github.sha }}", "- uses: actions/checkout@v4\n      - uses: ./act"))
        self.lint()

    def test_stdin(self):
        self.assertTrue(self.lint("--stdin", "w.yml", stdin=BAD, status=1).startswith("w.yml:8:23: " + ERROR))
        self.assertIn("'runs'", self.lint("--stdin", "action.yml", stdin="name: x\n", status=1))

    def test_json(self):
        self.put(".github/workflows/a.yml", BAD)
        x = json.loads(self.lint("--format", "json", status=1))
        self.assertEqual(len(x), 1)
        self.assertEqual({k: x[0][k] for k in ("file", "line", "column", "endLine", "endColumn", "level", "rule")},
                         {"file": ".github/workflows/a.yml", "line": 8, "column": 23, "endLine": 8, "endColumn": 26, "level": "error", "rule": "unknown-context"})
        self.put(".github/workflows/a.yml", GOOD)
        self.assertEqual(json.loads(self.lint("--format", "json")), [])

    def test_sarif(self):
        self.put(".github/workflows/a b.yml", BAD)
        s = json.loads(self.lint("--format", "sarif", status=1))
        self.assertEqual(s["version"], "2.1.0")
        self.assertEqual(len(s["runs"]), 1)
        run = s["runs"][0]
        rules = run["tool"]["driver"]["rules"]
        self.assertEqual(len({r["id"] for r in rules}), len(rules))
        for r in rules:
            self.assertIn(r["defaultConfiguration"]["level"], ("error", "warning", "note"))
            self.assertTrue(r["shortDescription"]["text"] and r["fullDescription"]["text"] and r["help"]["text"])
        result = run["results"][0]
        self.assertEqual(rules[result["ruleIndex"]]["id"], result["ruleId"])
        self.assertEqual(result["ruleId"], "unknown-context")
        self.assertEqual(result["level"], "error")
        place = result["locations"][0]["physicalLocation"]
        self.assertEqual(place["artifactLocation"]["uri"], ".github/workflows/a%20b.yml")
        self.assertEqual(place["region"], {"startLine": 8, "startColumn": 23, "endLine": 8, "endColumn": 26})

    def test_explain_and_rules(self):
        out = self.lint("--explain", "script-injection")
        self.assertTrue(out.startswith("script-injection (warning): "))
        self.assertIn("\nBad:\n", out)
        self.assertIn("\nGood:\n", out)
        rules = self.lint("--rules").splitlines()
        self.assertGreaterEqual(len(rules), 45)
        for line in rules:
            self.lint("--explain", line.split()[0])
        self.assertIn("there is no rule 'zz'", self.lint("--explain", "zz", status=2))

    def test_configuration(self):
        self.put(".github/workflows/a.yml", WARN)
        config = self.put(".github/gantry-lint.yml", "rules:\n  unknown-property: error\n")
        self.lint(status=1)
        self.lint("--no-config")
        config.write_text("rules: {unknown-property: off}\n")
        self.assertEqual(self.lint(), "")
        config.write_text("strict: true\n")
        self.lint(status=1)
        config.write_text("ignore:\n  - rule: unknown-property\n    path: .github/workflows/*.yml\n    message: nope\n")
        self.assertEqual(self.lint(), "")
        config.write_text("ignore:\n  - path: other/**\n")
        self.assertIn("unknown-property", self.lint())
        config.write_text("notes: true\n")
        self.put(".github/workflows/a.yml", GOOD.replace("ubuntu-latest", "gpu-4"))
        self.assertIn("[unknown-label]", self.lint())
        config.write_text("notes: true\nlabels: [gpu-*]\n")
        self.assertNotIn("[unknown-label]", self.lint())
        self.put(".github/workflows/a.yml", GOOD.replace("- run: echo ${{ github.sha }}", "- uses: octo/x@main\n      - uses: other/x@main"))
        config.write_text("trusted-actions: [octo/*]\n")
        out = self.lint()
        self.assertNotIn(":8:", out)
        self.assertIn(":9:23: warning", out)
        self.lint("--config", self.put("other.yml", "strict: true\n"), status=1)

    def test_configuration_that_is_wrong(self):
        self.put(".github/workflows/a.yml", GOOD)
        for text, place, word in (("rulez: {}\n", "1:1", "unknown key 'rulez'"),
                                  ("rules:\n  nope: off\n", "2:3", "there is no rule 'nope'"),
                                  ("rules:\n  empty-run: loud\n", "2:14", "there is no level 'loud'"),
                                  ("ignore:\n  - rule: empty-run\n    file: x\n", "3:5", "unknown key 'file'"),
                                  ("ignore:\n  - {}\n", "2:5", "would ignore everything"),
                                  ("ignore:\n  - path: '[z'\n", "2:11", "invalid pattern"),
                                  ("labels: x\n", "1:9", "a list was expected"),
                                  ("strict: maybe\n", "1:9", "true or false"),
                                  ("- x\n", "1:1", "a mapping was expected"),
                                  ("rules: {\n", "2:1", "")):
            self.put(".github/gantry-lint.yml", text)
            err = self.lint(status=2)
            self.assertIn(".github/gantry-lint.yml:%s: " % place, err)
            self.assertIn(word, err)
        self.lint("--no-config")

    def test_usage(self):
        self.put(".github/workflows/a.yml", GOOD)
        self.assertIn("there is no format 'xml'", self.lint("--format", "xml", status=2))
        self.assertIn("unknown option '--what'", self.lint("--what", status=2))
        self.assertIn("nowhere.yml", self.lint("nowhere.yml", status=2))
        self.assertIn("there is no folder 'nowhere'", self.lint("-C", "nowhere", status=2))
        empty = self.top.parent / "empty"
        empty.mkdir()
        (empty / ".git").mkdir()
        self.assertIn("holds no workflow", self.lint(cwd=empty, status=2))

    def test_no_color_unless_on_a_terminal(self):
        self.put(".github/workflows/a.yml", BAD)
        self.assertNotIn("\x1b", self.lint(status=1))
        import pty
        for env, want in (({"NO_COLOR": "1", "TERM": "xterm"}, False), ({"NO_COLOR": "", "TERM": "xterm"}, True), ({"TERM": "dumb"}, False)):
            host, terminal = pty.openpty()
            child = subprocess.Popen([GANTRY, "lint"], cwd=self.top, stdout=terminal, stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "", **env})
            os.close(terminal)
            out = b""
            while True:
                try:
                    part = os.read(host, 4096)
                except OSError:
                    break
                if not part:
                    break
                out += part
            os.close(host)
            self.assertEqual(child.wait(60), 1)
            self.assertEqual(b"\x1b[" in out, want, out)

    def test_names_that_would_confuse_a_terminal(self):
        self.put(".github/workflows/a\x1b[31m\nb.yml", BAD)
        out = self.lint(status=1)
        self.assertNotIn("\x1b", out)
        self.assertEqual(out.count("\n"), 1)

    def test_branding_and_metadata(self):
        self.put("m.js", "")
        self.put("action.yml", "name: a\nbranding:\n  icon: bel\n  color: gray\nruns: {using: node24, main: m.js}\n")
        out = self.lint("--notes")
        self.assertIn("action.yml:1:1: note: an action should have a description [missing-metadata]", out)
        self.assertIn("action.yml:3:9: note: there is no icon 'bel'; did you mean 'bell'? [invalid-branding]", out)
        self.assertIn("action.yml:4:10: note: 'gray' is none of the colors: white", out)
        self.assertEqual(out.count("\n"), 3)
        self.put("action.yml", "name: a\ndescription: b\nbranding: {icon: zoom-out, color: gray-dark}\nruns: {using: node24, main: m.js}\n")
        self.assertEqual(self.lint("--notes"), "")

    def test_what_a_value_may_be(self):
        for value, says in (("off", "Unexpected value 'off'; expected: true, false"), ("'true'", "Unexpected value 'true'; write it without quotes"),
                            ("tru", "Unexpected value 'tru'; expected: true, false")):
            self.put(".github/workflows/a.yml", GOOD.replace("    timeout-minutes: 5\n", "    timeout-minutes: 5\n    strategy: {fail-fast: %s, matrix: {v: [1]}}\n" % value))
            self.assertIn("a.yml:7:27: error: %s [invalid-value]" % says, self.lint(status=1))
        self.put(".github/workflows/a.yml", GOOD.replace("on: push", "on: {release: {tags: [v1]}}"))
        self.assertIn("a.yml:1:16: error: this event has no filter 'tags' [unknown-key]", self.lint(status=1))

    def test_long_messages_are_whole_up_to_a_bound(self):
        for n, whole in ((1000, True), (7000, True), (9000, False)):
            self.put(".github/workflows/a.yml", GOOD.replace("run: echo ${{ github.sha }}", "uses: " + "u" * n))
            message = self.lint(status=1).split("error: ")[1].rsplit(" [", 1)[0]
            self.assertEqual("'%s'" % ("u" * n) in message, whole)
            self.assertLessEqual(len(message), 8191 + len("[...]"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--gantry", required=True)
    options, rest = parser.parse_known_args()
    GANTRY = str(pathlib.Path(options.gantry).resolve())
    unittest.main(argv=[sys.argv[0], *rest])
