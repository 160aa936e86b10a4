#!/usr/bin/env python3
"""Plays random scenarios with every operation and argument of oracle/README.md, good and bad, on netkit-conformance.

  random_scenarios.py PROGRAM [COUNT]    COUNT scenarios, 1000 if not said

What the answers are is the business of other tests. Here: every operation is known and answered once, the program ends
well and its memory does not grow with the number of scenarios (unless NETKIT_SANITIZED is set: sanitizers keep what was
freed), and a scenario's answers do not depend on those before it.
"""
import json
import os
import random
import subprocess
import sys
import time

NAMES = ["nk0", "nk1", "v0", "d0", "t0", "", ".", "nk%d", "a/b", "all", "a name", "x" * 15, "x" * 16, "lo"]
DEVICES = ["nk0", "pod:nk1", "nk1", "v0", "pod:v1", "d0", "t0", "lo", "pod:lo", "@none", "@0", "pod:@none", "nowhere:x"]
POINTS = ["primary", "peer", "ingress", "egress", "xdp", 9999, 54]
FLAGS = ["replace", "before", "after", "id", "link", "override", "multi", "preorder", 1 << 20, 1 << 31]
PROGRAMS = ["p0", "p1", "p2", "p3", "p4", "@bad", "@0", "@null", "@map", "unknown"]
LINKS = ["l0", "l1", "l2", "@bad", "@0", "@null", "unknown"]
SPACES = ["host", "pod", "pod2", "nowhere"]
MACS = ["02:00:00:00:00:01", "00:00:00:00:00:00", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff"]
U32 = [0, 1, 2, 3, 7, 67, 68, 1500, 65535, 65536, 2147483647, 4294967295]
FRAME = "02000000000a02000000000b0800" + "45000020000100004011000001020304050607080400040000" + "0c0000" + "00" * 4
MEMORY_MARGIN = 16 * 1024  # KiB; what is pooled, and the spread of the allocator
ACTIONS = [["mark", 7], ["prio", 3], ["tc_index", 5], ["tc_classid", 6], ["qmap", 1], ["cb", 0, 9], ["store", 0, "aabb"],
           ["redirect", "nk0", 0], ["redirect", "@none", 1], ["redirect_peer", "v0", 0], ["redirect_neigh", "nk0", 0],
           ["clone_redirect", "v0", 0], ["type", 2], ["tail", 60], ["head", 14], ["vlan_push", 5], ["vlan_pop"]]


class Scenario:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ops = [{"op": "netns_add", "name": "pod"},
                    {"op": "create", "name": "nk0", "mode": self.pick(["l2", "l3"]),
                     "peer": {"name": "nk1", "netns": self.pick(["pod", "host"])}}]
        self.ops += [self.operation() for _ in range(self.random.randint(10, 40))]

    def pick(self, values):
        return self.random.choice(values)

    def some(self, arguments):
        """Each of the arguments with a probability of a quarter."""
        return {key: self.pick(values) for key, values in arguments.items() if self.random.random() < 0.25}

    def flags(self):
        if self.random.random() < 0.1:
            return self.pick([0, 8, 16, 40, 8200, 1 << 31])
        return self.random.sample(FLAGS, self.random.choice([0, 0, 1, 1, 1, 2, 3]))

    def settings(self):
        return self.some({"mac": MACS, "mtu": U32, "txqlen": U32, "netns": SPACES, "arp": [True, False], "up": [True, False],
                          "promisc": [True, False], "multicast": [True, False], "name": NAMES})

    def netkit(self):
        return self.some({"mode": ["l2", "l3", 0, 1, 2, 99], "policy": ["pass", "drop", "next", "redirect", 1, -1],
                          "peer_policy": ["pass", "drop", 7, 99], "scrub": ["none", "default", 2], "pairing": ["pair", "single", 2],
                          "peer_scrub": ["none", "default", 9], "headroom": [0, 32, 65535], "tailroom": [0, 8, 65535],
                          "primary": [0, 1]})

    def attachment(self):
        return {"dev": self.pick(DEVICES), "at": self.pick(POINTS), "flags": self.flags(),
                **self.some({"rel": PROGRAMS + LINKS, "rev": [0, 1, 2, 3, 1 << 63]})}

    def operation(self):
        kind = self.pick(["prog", "prog", "prog", "attach", "attach", "attach", "detach", "detach", "query", "query", "link_create",
                          "link_create", "link_update", "link_detach", "link_info", "close", "alive", "reopen", "progstat", "netns_add",
                          "netns_del", "create", "create", "delete", "set", "set", "change", "show", "list", "addr", "inject", "inject",
                          "sniff", "recv", "stats", "udp"])
        make = {
            "prog": lambda: {"name": self.pick(PROGRAMS[:5]), "verdict": self.pick([-1, 0, 1, 2, 7, 255, "ret"]),
                             **self.some({"type": ["cls", "xdp", "socket_filter", "sched_act"], "record": [True],
                                          "expected_attach": POINTS[:4], "do": [[a] for a in ACTIONS]})},
            "attach": lambda: {"prog": self.pick(PROGRAMS), **self.attachment(), **self.some({"replace": PROGRAMS})},
            "detach": lambda: {**self.some({"prog": PROGRAMS}), **self.attachment()},
            "query": lambda: {"dev": self.pick(DEVICES), "at": self.pick(POINTS),
                              **self.some({"count": [0, 1, 2, 62, 63, 64, 1000], "no_ids": [True], "no_links": [True],
                                           "query_flags": [0, 1, 2, 4], "attach_flags": [0, 1, 8]})},
            "link_create": lambda: {"name": self.pick(LINKS[:3]), "prog": self.pick(PROGRAMS), **self.attachment()},
            "link_update": lambda: {"link": self.pick(LINKS), "new": self.pick(PROGRAMS),
                                    **self.some({"old": PROGRAMS, "flags": [[], ["replace"], ["before"], 4]})},
            "link_detach": lambda: {"link": self.pick(LINKS)},
            "link_info": lambda: {"link": self.pick(LINKS)},
            "close": lambda: {"obj": self.pick(PROGRAMS[:5] + LINKS[:3])},
            "alive": lambda: {"obj": self.pick(PROGRAMS[:5] + LINKS[:3])},
            "reopen": lambda: {"obj": self.pick(PROGRAMS[:5] + LINKS[:3]), "name": self.pick(["p4", "l2"])},
            "progstat": lambda: {"prog": self.pick(PROGRAMS[:5]), **self.some({"ns": SPACES})},
            "netns_add": lambda: {"name": self.pick(SPACES[:3])},
            "netns_del": lambda: {"name": self.pick(SPACES[1:])},
            "create": lambda: {"kind": self.pick(["netkit", "netkit", "veth", "dummy", "tap", "unknown"]), **self.settings(),
                               **self.netkit(), "name": self.pick(NAMES),
                               **self.some({"ns": SPACES, "ifindex": [0, 2, 5, 77, -1], "numtx": U32, "numrx": U32, "alias": ["", "a" * 300],
                                            "no_data": [True], "peer": [{**self.settings(), **self.some({"ifindex": [3, 9, -2]})}],
                                            "mac_len": [0, 5, 6, 7, 32, 33]})},
            "delete": lambda: {"dev": self.pick(DEVICES)},
            "set": lambda: {"dev": self.pick(DEVICES), **self.settings(), **self.some({"mac_len": [0, 5, 6, 7, 32, 33]})},
            "change": lambda: {"dev": self.pick(DEVICES), **self.netkit(), **self.some({"peer": [{}, {"name": "x"}]})},
            "show": lambda: {"dev": self.pick(DEVICES), **self.some({"more": [True]})},
            "list": lambda: self.some({"ns": SPACES}),
            "addr": lambda: {"dev": self.pick(DEVICES[:4]), "addr": self.pick(["10.0.0.1/24", "10.0.0.2/24", "10.0.0.300/24"])},
            "inject": lambda: {"dev": self.pick(DEVICES), "hex": self.pick([FRAME, FRAME[:26], FRAME[:28], ""]),
                               **self.some({"pad": [60, 1514, 1519, 65549, 70000], "n": [0, 1, 3], "mark": U32, "prio": U32,
                                            "bypass": [True]})},
            "sniff": lambda: {"name": self.pick(["s0", "s1"]), "dev": self.pick(DEVICES)},
            "recv": lambda: {"sniff": self.pick(["s0", "s1", "s2"])},
            "stats": lambda: {"dev": self.pick(DEVICES)},
            "udp": lambda: {"from": self.pick(SPACES[:2]), "to": self.pick(SPACES), "src": "10.0.0.1",
                            "dst": self.pick(["10.0.0.2", "10.0.0.1", "10.9.9.9"]), "len": self.pick([0, 33, 1400, 9000]), "wait": 10},
        }[kind]
        return {"op": kind, **make()}


# Runs the program given as argument and tells the most memory that it had, in KiB, behind its answers.
METER = """
import resource, subprocess, sys
status = subprocess.run([sys.argv[1], "-"]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def play(program, scenarios):
    """Answers by scenario, seconds, KiB."""
    lines = "".join(json.dumps({"id": f"random-{seed}", "ops": ops}) + "\n" for seed, ops in scenarios)
    start = time.monotonic()
    run = subprocess.run([sys.executable, "-c", METER, program], input=lines, capture_output=True, text=True, timeout=600)
    seconds = time.monotonic() - start
    if run.returncode != 0 or run.stderr:
        sys.exit(f"{program} exited with {run.returncode}: {run.stderr[:2000]}")
    *told, memory = run.stdout.splitlines()
    answers = {}
    for line in told:
        answer = json.loads(line)
        answers.setdefault(answer.pop("s"), []).append(answer)
    return answers, seconds, int(memory)


def main():
    program, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    scenarios = [(seed, Scenario(seed).ops) for seed in range(count)]
    answers, seconds, memory = play(program, scenarios)
    for seed, ops in scenarios:
        told = answers[f"random-{seed}"]
        assert [(a["i"], a["op"]) for a in told] == [(i, op["op"]) for i, op in enumerate(ops)], f"scenario {seed}"
        for op, answer in zip(ops, told):
            assert answer["err"] not in ("ENOSYS", "EPROTO"), f"scenario {seed}: {op}: {answer}"
    operations = sum(len(ops) for _, ops in scenarios)

    few = scenarios[:: max(1, count // 100)]
    fewer_answers, _, fewer_memory = play(program, few[::-1])
    for scenario in few:
        name = f"random-{scenario[0]}"
        alone, _, _ = play(program, [scenario])
        assert alone[name] == answers[name] == fewer_answers[name], f"{name} answers differently in other company"
    bounded = memory < fewer_memory + MEMORY_MARGIN or "NETKIT_SANITIZED" in os.environ
    assert bounded, f"{memory} KiB after all scenarios, {fewer_memory} KiB after {len(few)}"
    print(f"{count} scenarios, {operations} operations in {seconds:.1f} s, at most {memory} KiB")


if __name__ == "__main__":
    main()
