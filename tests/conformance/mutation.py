#!/usr/bin/env python3
"""Breaks a rule of the device library on purpose and looks at netkit-conformance's answers: they must change exactly
where the rule speaks. So the answers are the library's; the replay program has no behaviour of its own.

  mutation.py PROGRAM MUTANT    PROGRAM is netkit-conformance, linked with the mutant of that name (CMakeLists.txt)
"""
import sys

sys.dont_write_bytecode = True
import replay  # noqa: E402
from replay import golden_tool  # noqa: E402


class Mutant:
    """`rule(op, want)`: whether the broken rule gives this answer; `broken(want)`: what it is then.
    `lasting`: the rule changes what later operations find, so that each scenario is looked at up to the first answer
    that the rule gives."""

    def __init__(self, kind, rule, broken, lasting=False):
        self.kind, self.rule, self.broken, self.lasting = kind, rule, broken, lasting


MUTANTS = {
    # A program that is in the list already: ENOENT in place of EEXIST.
    "program_twice": Mutant(
        "control",
        lambda op, want: op["op"] in ("attach", "link_create") and want["err"] == "EEXIST",
        lambda want: want | {"err": "ENOENT"}),
    # Another text and errno for an MTU that is too small.
    "small_mtu": Mutant(
        "device",
        lambda op, want: want.get("msg") == "mtu less than device minimum",
        lambda want: want | {"err": "ERANGE", "msg": "too small"}),
    # The default policy `drop` lets packets pass: what was refused is sent, what was lost arrives. What is heard and
    # counted from then on differs, too.
    "policy_drop": Mutant(
        "data",
        lambda op, want: (op["op"] == "inject" and want["err"] == "ENOBUFS") or want.get("got") is False,
        lambda want: want | {"err": "OK"},
        lasting=True),
}


def check(mutant, scenario, have, known):
    """The number of answers that changed as expected, and what changed otherwise."""
    changed = 0
    for number, (op, want) in enumerate(zip(scenario["ops"], scenario["expect"])):
        answer = have[scenario["id"], number]
        same = golden_tool.reduce(want, replay.IGNORED) == golden_tool.reduce(answer, replay.IGNORED)
        if (scenario["id"], number) in known:
            continue
        ruled = mutant.rule(op, want)
        if same and (mutant.lasting or not ruled):
            continue
        if not ruled or golden_tool.reduce(mutant.broken(want), replay.IGNORED)["err"] != answer["err"]:
            return changed, f"{scenario['id']} operation {number}: want {want}, have {answer}"
        changed += 1
        if mutant.lasting:
            break
    return changed, None


def main():
    program, name = sys.argv[1:]
    mutant = MUTANTS[name]
    scenarios = list(golden_tool.scenarios([str(replay.HERE / "oracle" / f"{mutant.kind}.jsonl.gz")]))
    have = replay.answers_of(program, scenarios)
    known = replay.known_differences(mutant.kind)
    results = [check(mutant, scenario, have, known) for scenario in scenarios]
    wrong = [text for _, text in results if text]
    changed = sum(count for count, _ in results)
    print("\n".join(wrong[:10]) or f"{name}: {changed} answers changed, no other")
    sys.exit(1 if wrong or not changed else 0)


if __name__ == "__main__":
    main()
