"""Runs every example of docs/api.md, in its order and over one connection, against a daemon.

In a block each request is followed by its answer, and by the notifications that it brings. "*" stands for any value, and an
object with the key "..." may have further ones.
"""

import json
import pathlib
import re


def examples(document: str):
    """Pairs of a request and the messages that it must bring."""
    pairs = []
    for block in re.findall(r"```json\n(.*?)```", document, re.S):
        for line in block.splitlines():
            message = json.loads(line)
            if "method" in message and "id" in message:
                pairs.append((message, []))
            else:
                pairs[-1][1].append(message)
    return pairs


def fits(wanted, got) -> bool:
    if wanted == "*":
        return True
    if isinstance(wanted, dict) and isinstance(got, dict):
        open_ended = "..." in wanted
        keys = wanted.keys() - {"..."}
        return (open_ended or keys == got.keys()) and all(key in got and fits(wanted[key], got[key]) for key in keys)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(fits, wanted, got))
    return wanted == got


def check(client, source: pathlib.Path):
    pairs = examples((source / "docs/api.md").read_text())
    assert len(pairs) > 60, len(pairs)
    for request, wanted in pairs:
        client.send(request)
        got = [client.receive() for _ in wanted]
        assert wanted and all(map(fits, wanted, got)), f"{request}\nwanted {wanted}\ngot    {got}"
