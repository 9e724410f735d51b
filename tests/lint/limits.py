"""Lints every file by itself under resource limits: no file may need more, whatever is in it.

    limits.py --gantry PROGRAM [--no-memory] FOLDER...

64 MiB of address space and 2 s of processor time for one file. --no-memory is for builds with sanitizers, whose shadow
memory alone is larger and which take four times as long: bombs have 8 s, the valid files are checked in one go. Besides the
files of the folders (workflows of the corpus, inputs of the fuzzers) there are bombs that are made here. Folders called "valid" or "corpus" hold workflows without an error.
"""
import argparse
import pathlib
import resource
import subprocess
import sys
import tempfile

HEAD = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"


def bombs():
    """Name and text; each is near a limit or far beyond it."""
    yield "one-line", HEAD + "      - run: " + "x" * (1 << 20)
    yield "just-one-mebibyte", HEAD + "      - run: " + "x" * ((1 << 20) - len(HEAD) - 15)
    yield "nodes", "on: push\njobs: [" + "a," * 400000 + "]"
    yield "keys", "on: push\njobs:\n" + "".join("  j%d: {runs-on: x, steps: [{run: y}]}\n" % i for i in range(20000))
    yield "needs", HEAD + "      - run: x\n" + "".join("  j%d: {needs: %s, runs-on: x, steps: []}\n" % (i, "j%d" % (i - 1) if i else "a") for i in range(9000))
    yield "needs-of-all", HEAD + "      - run: x\n" + "".join("  j%d: {runs-on: x, steps: []}\n" % i for i in range(3000)) + "  z:\n    needs: [" + ",".join("j%d" % i for i in range(3000)) + "]\n    runs-on: x\n    steps: []\n"
    yield "step-ids", HEAD + "".join("      - {id: s%d, run: 'echo ${{ steps.s%d.outputs.x }}'}\n" % (i, i // 2) for i in range(9000))
    yield "unused-ids", HEAD + "".join("      - {id: s%d, run: x}\n" % i for i in range(15000))
    yield "expressions", HEAD + "".join("      - run: ${{ github.nope }} ${{ foo.bar }}\n" for i in range(20000))
    yield "terms", HEAD + "      - if: " + " || ".join(["a"] * 100000) + "\n        run: x\n"
    yield "many-in-one-text", HEAD + "      - run: " + "${{ github.nope }} " * 50000 + "\n"
    yield "depth-of-expression", HEAD + "      - if: " + "!" * 100000 + "true\n        run: x\n"
    yield "nested-choice", HEAD + "      - run: ${{ " + "(github.sha && (" * 20 + "1" + "))" * 20 + " }}\n"
    yield "nested-or", HEAD + "      - run: ${{ " + "".join("(github.a%d && (" % i for i in range(12)) + "x" + ") || github.b) " * 12 + " }}\n"
    yield "brackets", "[" * 500000
    yield "braces", "{a: " * 200000
    yield "anchors", "on: push\nx0: &x0 [a, a, a, a, a, a, a, a, a, a]\n" + "".join("x%d: &x%d [%s]\n" % (i, i, ", ".join(["*x%d" % (i - 1)] * 10)) for i in range(1, 9))
    yield "anchored-steps", HEAD.replace("steps:\n", "steps: &s\n") + "      - run: echo ${{ github.nope }}\n" * 50 + "".join("  j%d: {runs-on: x, steps: *s}\n" % i for i in range(300))
    yield "anchored-texts", "on: push\nenv:\n  A: &a '" + "x" * 100000 + "'\n" + "".join("  B%d: *a\n" % i for i in range(200)) + HEAD[9:] + "      - run: x\n"
    yield "matrix", HEAD + "      - run: x\n    strategy:\n      matrix:\n        v: [" + ", ".join(str(i) for i in range(60000)) + "]\n"
    yield "matrix-keys", HEAD + "      - run: x\n    strategy:\n      matrix:\n" + "".join("        k%d: [{a: 1}, {b: 2}]\n" % i for i in range(8000))
    yield "matrix-include", HEAD + "      - run: x\n    strategy:\n      matrix:\n        include:\n" + "".join("          - {a%d: 1, b: {c%d: 2}}\n" % (i, i) for i in range(8000))
    yield "filters", "on:\n  push:\n    branches: [" + ", ".join("b%d" % i for i in range(60000)) + "]\n" + HEAD[9:] + "      - run: x\n"
    yield "options", "on:\n  workflow_dispatch:\n    inputs:\n      a:\n        type: choice\n        options: [" + ", ".join("b%d" % i for i in range(60000)) + "]\n" + HEAD[9:] + "      - run: x\n"
    yield "comments", "# gantry: ignore[empty-run]\n" * 30000 + HEAD + "      - run: ''\n"
    yield "unknown-keys", "on: push\n" + "".join("kei%d: 1\n" % i for i in range(50000)) + HEAD[9:] + "      - run: x\n"
    yield "commands", HEAD + "      - run: |\n" + "          echo ::set-output name=a::b\n" * 20000
    yield "pipes", HEAD + "      - run: |\n" + "          curl x | y | z | sh\n" * 20000
    yield "one-long-pipe", HEAD + "      - run: curl " + "| " * 400000 + "sh\n"
    yield "folded", HEAD + "      - run: >\n" + "          ${{ github.nope }}\n" * 900
    yield "double-quoted", HEAD + "      - run: \"" + "\\u00e9" * 100000 + "${{ github.nope }}\"\n"
    yield "local-actions", HEAD + "".join("      - uses: ./a%d\n" % i for i in range(20000))
    yield "null-bytes", HEAD + "      - run: a\0b\n"
    yield "not-utf8", b"on: push\njobs: \xff\xfe\n"


def limit(memory):
    def apply():
        seconds = 2 if memory else 8
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (64 << 20, 64 << 20))
    return apply


def lint(options, name, path):
    """The exit status, or what went wrong."""
    with open(path, "rb") as text:
        done = subprocess.run([options.gantry, "lint", "--no-config", "--notes", "--stdin", name, "-C", str(path.parent)], stdin=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit(options.memory), timeout=120)
    if done.returncode not in (0, 1):
        return "ended with %d: %s" % (done.returncode, done.stderr.decode(errors="replace")[-300:])
    return done.returncode


def files(folders):
    return [p for f in folders for p in sorted(pathlib.Path(f).rglob("*")) if p.is_file()]


def is_valid(path):
    return "corpus" in path.parts and "fuzz" not in path.parts and path.suffix in (".yml", ".yaml")


def names(path):
    """As what a file is checked."""
    if not is_valid(path):
        return ["zz.yml", "action.yml"]
    return [str(path)[str(path).find(".github"):] if ".github" in path.parts else path.name]


def together(options):
    """All valid files in one process, without limits: for slow builds. The number of files."""
    valid = [p for p in files(options.folders) if is_valid(p)]
    done = subprocess.run([options.gantry, "lint", "--no-config", *valid], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if done.returncode != 0:
        print("\n".join(x for x in (done.stdout + done.stderr).decode(errors="replace").split("\n") if "error: " in x))
        raise SystemExit("FAILED: there are errors in valid files")
    return len(valid)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gantry", required=True)
    parser.add_argument("--no-memory", dest="memory", action="store_false")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    failed = count = 0
    with tempfile.TemporaryDirectory(prefix="gantry-lint-") as folder:
        for name, text in bombs():
            (pathlib.Path(folder) / (name + ".yml")).write_bytes(text if isinstance(text, bytes) else text.encode())
        for path in files([folder, *(options.folders if options.memory else [])]):
            for name in names(path):
                status = lint(options, name, path)
                count += 1
                if isinstance(status, str) or (is_valid(path) and status != 0):
                    failed += 1
                    print("FAILED %s as %s: %s" % (path, name, status if isinstance(status, str) else "has errors"))
        if not options.memory:
            count += together(options)
    print("%d files, %d failed" % (count, failed))
    sys.exit(1 if failed or count < 300 else 0)


if __name__ == "__main__":
    main()
