#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzzes: each target for a time, from its corpus and its dictionary, with ASan and UBSan.

    cmake --preset fuzz && cmake --build --preset fuzz --target fuzz_targets
    tests/fuzz/run.py [--seconds 600] [--build build/fuzz] [--found FOLDER] [TARGET...]

Prints a row for each target: executions, a second of processor time, new inputs. New inputs are kept below FOLDER (where a
later run goes on from), findings too: status 1 when there is one. Inputs are at most as long as tests/fuzz/modules.txt says:
long ones are replayed from the corpus, and would leave no time for others here."""
import argparse
import os
import pathlib
import re
import resource
import subprocess
import sys

from coverage import TOP, modules

DEFAULT_LENGTH = 4096


def fuzz(args, target, length):
    """The row of one target, and whether it found nothing."""
    found = args.found / target
    found.mkdir(parents=True, exist_ok=True)
    words = [args.build.resolve() / "fuzz" / f"fuzz_{target}", f"-max_total_time={args.seconds}", f"-max_len={length}", "-timeout=10",
             "-rss_limit_mb=2048", "-print_final_stats=1", f"-artifact_prefix={found}/finding-"]
    dictionary = TOP / "tests/fuzz" / f"{target}.dict"
    if dictionary.exists():
        words.append(f"-dict={dictionary}")
    env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1", ASAN_OPTIONS="strict_string_checks=1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*words, found, TOP / "tests/fuzz/corpus" / target], env=env, check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=args.seconds + 120)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    log = done.stderr.decode(errors="replace")
    (args.found / f"{target}.log").write_text(log)
    count = {name: int(n) for name, n in re.findall(r"stat::(\w+): +(\d+)", log)}
    runs = count.get("number_of_executed_units", 0)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    good = done.returncode == 0 and runs > 0
    print(f"{target:14} {length:6} {runs:10} {runs / max(cpu, 0.001):9.0f} {count.get('new_units_added', 0):6}"
          f"{'' if good else f'  FOUND something: {args.found / target}.log'}", flush=True)
    return good


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--seconds", type=int, default=600)
    args.add_argument("--build", type=pathlib.Path, default=TOP / "build/fuzz")
    args.add_argument("--found", type=pathlib.Path, default=TOP / "build/fuzz/found")
    args.add_argument("targets", nargs="*")
    args = args.parse_args()
    known = {target: length for target, length, _ in modules()}
    unknown = [t for t in args.targets if t not in known]
    if unknown:
        sys.exit(f"run.py: there is no target '{unknown[0]}' in tests/fuzz/modules.txt")
    print(f"{'target':14} {'length':>6} {'runs':>10} {'per cpu-s':>9} {'new':>6}")
    good = [fuzz(args, t, known[t] or DEFAULT_LENGTH) for t in args.targets or known]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
