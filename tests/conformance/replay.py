#!/usr/bin/env python3
"""Replays recorded scenarios on netkit-conformance and compares every answer with the real kernel's.

  replay.py PROGRAM CLASS      CLASS is device, control or data

Differences must be exactly those of known_differences.txt: a new one fails, and so does one that has gone, so that
the list can only shrink. Differences of `msg`, the kernel's own error texts, count like all others.
"""
import collections
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "oracle"))
sys.dont_write_bytecode = True
import golden_tool  # noqa: E402

# Not the device's: its queueing discipline, and an operational state for which the kernel looks the other end's
# number up in the wrong namespace (docs/spec/kernel-findings.md 21). The further keys that oracle/README.md leaves
# out are equal and are compared.
IGNORED = ["qdisc", "oper"]
SHOWN = 10


def known_differences(kind):
    """Lines "scenario: operation numbers"; # starts a comment."""
    known = set()
    for line in (HERE / "known_differences.txt").read_text().splitlines():
        line = line.partition("#")[0].strip()
        if line and line.startswith(kind):
            scenario, numbers = line.split(":")
            known |= {(scenario.strip(), int(number)) for number in numbers.split()}
    return known


def answers_of(program, scenarios):
    lines = "".join(json.dumps({"id": s["id"], "ops": s["ops"]}) + "\n" for s in scenarios)
    run = subprocess.run([program, "-"], input=lines, capture_output=True, text=True, timeout=300)
    if run.returncode != 0:
        sys.exit(f"{program} exited with {run.returncode}: {run.stderr.strip()}")
    answers = {}
    for line in run.stdout.splitlines():
        answer = json.loads(line)
        answers[answer["s"], answer["i"]] = answer
    return answers


def main():
    program, kind = sys.argv[1:]
    scenarios = list(golden_tool.scenarios([str(HERE / "oracle" / f"{kind}.jsonl.gz")]))
    answers = answers_of(program, scenarios)
    known = known_differences(kind)
    asked = collections.Counter()
    equal = collections.Counter()
    different = {}
    for scenario in scenarios:
        for number, want in enumerate(scenario["expect"]):
            operation = scenario["ops"][number]
            have = answers.get((scenario["id"], number), {})
            asked[operation["op"]] += 1
            if golden_tool.reduce(want, IGNORED) == golden_tool.reduce(have, IGNORED):
                equal[operation["op"]] += 1
            else:
                different[scenario["id"], number] = (operation, want, have)

    for op in sorted(asked):
        print(f"{op:12} {equal[op]:6} of {asked[op]:6} answers equal")
    print(f"{kind}: {len(scenarios)} scenarios, {sum(asked.values())} answers, {len(different)} different")
    unknown = [difference for difference in different if difference not in known]
    for difference in unknown[:SHOWN]:
        operation, want, have = different[difference]
        print(f"{difference[0]} operation {difference[1]}: {json.dumps(operation)}\n  want {json.dumps(want)}"
              f"\n  have {json.dumps(have)}")
    gone = sorted(known - set(different))
    for scenario, number in gone[:SHOWN]:
        print(f"{scenario} operation {number} is equal now: take it out of known_differences.txt")
    sys.exit(1 if unknown or gone or not scenarios else 0)


if __name__ == "__main__":
    main()
