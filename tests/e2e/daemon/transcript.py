"""Runs the transcripts of a document: in its blocks ```console, lines after `$ ` are commands, the others what they print."""

import fnmatch
import re
import shlex
import subprocess


def commands_of(document: str):
    """Commands in their order, each with the lines that it must print."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", document, re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def play(commands, binaries, directory, options=()):
    """Runs them in the directory. `*` in a line stands for anything; blanks at the end of a line do not count."""
    for command, wanted in commands:
        words = shlex.split(command)
        assert words[0] == "netkit", command
        result = subprocess.run([binaries / "netkit", *options, *words[1:]], capture_output=True, text=True,
                                timeout=60, cwd=directory)
        got = [line.rstrip() for line in (result.stdout + result.stderr).splitlines()]
        same = len(got) == len(wanted) and all(
            fnmatch.fnmatchcase(line, re.sub(r"\[", "[[]", pattern).rstrip()) for line, pattern in zip(got, wanted))
        assert same, f"$ {command}\nwanted {wanted}\ngot    {got}"


def check(path, daemon, binaries):
    """Against a daemon; commands find the example programs."""
    commands = commands_of(path.read_text())
    assert len(commands) > 20, len(commands)
    play(commands, binaries, binaries.parent / "bpf", ["--socket", daemon.path])
