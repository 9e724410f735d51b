import subprocess
import sys


def run(*args, stdin=""):
    return subprocess.run([sys.executable, "-m", "slugline", *args], input=stdin, capture_output=True, text=True)


def test_arguments():
    done = run("One Two", "one two")
    assert (done.returncode, done.stdout) == (0, "one-two\none-two-2\n")


def test_standard_input():
    assert run(stdin="A\nB c\n").stdout == "a\nb-c\n"


def test_bad_limit():
    done = run("--limit", "0", "x")
    assert (done.returncode, done.stderr) == (2, "slugline: limit must be at least 1\n")
