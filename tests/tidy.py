#!/usr/bin/python3
"""tidy.py [--jobs N] BUILD-DIR [PART-OF-PATH...]: clang-tidy over the sources that BUILD-DIR compiles.

One process a source, because clang-tidy 14 that reads two translation units in one process reports va_lists of
the second as not initialised; and one compile command a source, though some are compiled for several programs.
A source is not read again while nothing that it is made of changed: BUILD-DIR/tidy holds the names of clean ones.
Prints the findings and ends with one line; status 1 where there are any.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def compile_commands(build):
    """{source: arguments without the output}, the first command of each source of ours."""
    commands = {}
    with open(build / "compile_commands.json", encoding="utf-8") as f:
        for entry in json.load(f):
            source = pathlib.Path(entry["directory"], entry["file"]).resolve()
            if ROOT not in source.parents or build in source.parents or source in commands:
                continue
            words = shlex.split(entry["command"])
            at = words.index("-o")
            commands[source] = words[1:at] + words[at + 4:]  # -o OBJECT -c SOURCE
    return commands


def key_of(source, words, rules):
    """Names everything that the findings depend on; None where the source cannot be preprocessed."""
    text = subprocess.run(["clang", *words, "-E", "-C", str(source)], capture_output=True, check=False, cwd=ROOT)
    if text.returncode != 0:
        return None
    return hashlib.sha256(rules + b"\0".join(w.encode() for w in words) + b"\0" + text.stdout).hexdigest()


def check(source, words, rules, stamps):
    """The findings of one source, as text."""
    key = key_of(source, words, rules)
    if key is not None and (stamps / key).exists():
        return ""
    done = subprocess.run(["clang-tidy", "--quiet", str(source), "--", *words], capture_output=True, text=True,
                          errors="replace", check=False, cwd=ROOT)
    if done.returncode == 0 and not done.stdout.strip():
        if key is not None:
            (stamps / key).touch()
        return ""
    return done.stdout.strip() or done.stderr.strip() or f"{source}: clang-tidy ended with status {done.returncode}"


def main():
    options = argparse.ArgumentParser(usage="tests/tidy.py [--jobs N] BUILD-DIR [PART-OF-PATH...]")
    options.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("parts", nargs="*")
    args = options.parse_args()
    for program in ("clang", "clang-tidy"):
        if shutil.which(program) is None:
            sys.exit(f"tidy.py: {program} is not installed; apt-get install {program}")
    build = args.build.resolve()
    if not (build / "compile_commands.json").exists():
        sys.exit(f"tidy.py: '{args.build}' has no compile_commands.json; configure it first: cmake --preset tidy")
    compiler = re.search("CMAKE_C_COMPILER:.*=(.*)", (build / "CMakeCache.txt").read_text())
    if compiler is None or not os.path.basename(compiler[1]).startswith("clang"):
        sys.exit(f"tidy.py: '{args.build}' is not a build with clang, whose warnings clang-tidy shows; take preset tidy")

    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    rules = (ROOT / ".clang-tidy").read_bytes() + version
    stamps = build / "tidy"
    stamps.mkdir(exist_ok=True)
    start, findings = time.monotonic(), 0
    sources = {s: w for s, w in sorted(compile_commands(build).items())
               if not args.parts or any(p in str(s.relative_to(ROOT)) for p in args.parts)}
    if not sources:
        sys.exit("tidy.py: no source of the build has such a name")
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for text in pool.map(lambda item: check(*item, rules, stamps), sources.items()):
            if text:
                findings += 1
                print(text, flush=True)
    print(f"clang-tidy: {len(sources)} sources, {findings} with findings, {time.monotonic() - start:.0f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
