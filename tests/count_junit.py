"""Counts the tests of a JUnit report of ctest or of pytest: prints "PASSED FAILED".

A skipped test counts as failed unless it stands on the list of allowed skips (one name a line, then the reason).
"""
import sys
import xml.etree.ElementTree as ET


def allowed_skips(path):
    with open(path, encoding="utf-8") as lines:
        return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def pytest_outcome(case):
    """pytest gives no status: a child element says what went wrong."""
    for bad in ("failure", "error", "skipped"):
        if case.find(bad) is not None:
            return bad
    return "passed"


def main(report, skips):
    allowed = allowed_skips(skips)
    passed = failed = 0
    for case in ET.parse(report).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        if status is None:
            outcome = pytest_outcome(case)
            if outcome == "passed":
                passed += 1
            elif outcome != "skipped" or name not in allowed:
                failed += 1
                print(f"not passed: {name} ({outcome})", file=sys.stderr)
            continue
        output = case.findtext("system-out") or ""
        inner_skip = "[  SKIPPED ]" in output
        if status == "run" and not inner_skip:
            passed += 1
        elif (status in ("notrun", "disabled") or inner_skip) and name in allowed:
            passed += inner_skip and status == "run"
        else:
            failed += 1
            print(f"not passed: {name} ({'skipped inside' if inner_skip else status})", file=sys.stderr)
    print(passed, failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
