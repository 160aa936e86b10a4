#!/usr/bin/env python3
"""Checks a document that says which test proves what (docs/netkit-device-tests.md,
docs/mprog-tests.md).

  check_test_names.py DOCUMENT TEST-PROGRAM...

Every table row must name a test or say "none"; every name in the last column, `Suite.Test` or `oracle:PATTERN`, must
match a test of the programs or a recorded scenario.
"""
import fnmatch
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "oracle"))
import golden_tool  # noqa: E402


def tests_of(program):
    listing = subprocess.run([program, "--gtest_list_tests"], capture_output=True, check=True, timeout=60)
    suite = ""
    # Parameters are listed with the names, whatever bytes they have.
    for line in listing.stdout.decode(errors="replace").splitlines():
        name = line.partition("#")[0].rstrip()
        if line.startswith("  "):
            yield suite + name.strip()
        elif name.endswith("."):
            suite = name


def main():
    document, programs = sys.argv[1], sys.argv[2:]
    tests = [test for program in programs for test in tests_of(program)]
    files = sorted(str(file) for file in (HERE / "oracle").glob("*.jsonl.gz"))
    names = tests + ["oracle:" + scenario["id"] for scenario in golden_tool.scenarios(files)]

    rows = 0
    mistakes = []
    for number, line in enumerate(pathlib.Path(document).read_text().splitlines(), 1):
        if not line.startswith("|") or line.startswith("|--") or line.endswith("| tests |"):
            continue
        rows += 1
        proof = line.strip("| ").split(" | ")[-1]
        patterns = re.findall(r"`([\w/*]+\.[^`]+|oracle:[^`]+)`", proof)
        if not patterns and not proof.startswith("none: "):
            mistakes.append(f"{document}:{number}: names no test and gives no reason")
        mistakes += [f"{document}:{number}: nothing is called {pattern}" for pattern in patterns
                     if not fnmatch.filter(names, pattern)]
    print("\n".join(mistakes) or f"{rows} rows, {len(tests)} tests, {len(names) - len(tests)} scenarios: all names exist")
    sys.exit(1 if mistakes or not rows else 0)


if __name__ == "__main__":
    main()
