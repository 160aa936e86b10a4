"""The transcripts of docs/prog-run.md, played without daemon or privilege.

  prog_run_test.py SOURCE-DIRECTORY BUILD-DIRECTORY

The files that its commands read are made first: the blocks ```text that begin with "# FILE", and the packet.
"""
import os
import pathlib
import re
import shutil
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
BUILD = pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCE / "tests/e2e/daemon"))
import transcript  # noqa: E402

DOCUMENT = (SOURCE / "docs/prog-run.md").read_text()
NOBODY = 65534


def make_files(directory):
    for program in (BUILD / "bpf").glob("*.bpf.o"):
        shutil.copy(program, directory)
    shutil.copy(SOURCE / "examples/tcp-exchange.pcap", directory)
    ethernet = bytes.fromhex("020000000002" "020000000001" "0800")
    ip = bytes.fromhex("4500001c000000004011" "66cf" "0a000001" "0a000002")
    udp = bytes.fromhex("03e8" "0035" "0008" "0000")
    (directory / "packet").write_bytes(ethernet + ip + udp)
    context = bytearray(192)
    context[8] = 5  # mark
    (directory / "marked").write_bytes(context)
    for name, content in re.findall(r"```text\n# (\S+)\n(.*?)```", DOCUMENT, re.S):
        (directory / name).write_text(content)


with tempfile.TemporaryDirectory(prefix="netkit-prog-run-") as name:
    directory = pathlib.Path(name)
    make_files(directory)
    binaries = BUILD / "bin"
    if os.getuid() == 0:
        os.chown(directory, NOBODY, NOBODY)
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    commands = transcript.commands_of(DOCUMENT)
    assert len(commands) > 12, len(commands)
    transcript.play(commands, binaries, directory)
