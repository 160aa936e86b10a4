"""`netkit prog run` beside `bpftool prog run`: the same words give the same output, on success and on failure.

  prog_run_words_test.py NETKIT OBJECT

Runs in mount and network namespaces of its own, with a bpffs of its own. Exit status 77: not allowed here.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NETKIT, OBJECT = sys.argv[1:3]
SKIP = 77

if os.environ.get("NETKIT_INSIDE") != "1":
    if os.geteuid() != 0 or not shutil.which("bpftool"):
        print("needs root and bpftool")
        sys.exit(SKIP)
    os.environ["NETKIT_INSIDE"] = "1"
    os.execvp("unshare", ["unshare", "-m", "-n", "--propagation", "private", sys.executable, *sys.argv])


def run(*command, stdin=b""):
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60)


def plain(text):
    """Without what is ours alone, and without times."""
    lines = [line for line in text.splitlines() if not line.startswith("Verdict: ")]
    return [re.sub(r"(duration[^:]*): \d+ns", r"\1: Nns", line) for line in lines]


def same_json(ours, theirs):
    ours, theirs = json.loads(ours), json.loads(theirs)
    theirs["duration"] = ours["duration"]
    return {key: ours[key] for key in theirs} == theirs


PACKET = bytes.fromhex("020000000002" "020000000001" "0800" "4500001c00000000401166cf0a0000010a000002" "03e8003500080000")
CONTEXT = bytearray(192)
CONTEXT[8], CONTEXT[32], CONTEXT[52] = 5, 6, 7  # mark, priority, cb[1]
WRONG = bytearray(192)
WRONG[4] = 1  # pkt_type

CASES = [
    "data_in packet",
    "data_in packet data_out -",
    "data_in packet data_out out",
    "data_in packet data_out - repeat 3",
    "repeat 0x3 data_out - data_in packet",
    "data_in packet ctx_in context ctx_out -",
    "data_in packet ctx_in context data_out - ctx_out -",
    "data_in packet ctx_in context ctx_out out",
    "ctx_in short data_in packet ctx_out - data_out -",
    "data_in - data_out -",
    "data_in packet data_out - data_size_out 200",
    "data_in packet data_out - data_size_out 10",
    "data_in packet ctx_in context ctx_out - ctx_size_out 20",
    "data_in short",
    "data_in packet ctx_in wrong",
    "data_in packet ctx_in long",
    "data_in nowhere",
    "data_in packet ctx_in nowhere",
    "data_in packet repeat many",
    "data_in packet data_size_out x",
    "data_in packet nonsense",
    "data_in packet data_",
    "data_in - ctx_in -",
]
PROGRAMS = ["look", "sock", "change", "grow", "redirect"]
problems = []

with tempfile.TemporaryDirectory(prefix="netkit-words-", ignore_cleanup_errors=True) as name:
    directory = pathlib.Path(name)
    bpffs = directory / "bpf"
    bpffs.mkdir()
    if run("mount", "-t", "bpf", "bpf", bpffs).returncode != 0:
        print("no bpffs can be mounted")
        sys.exit(SKIP)
    loaded = run("bpftool", "prog", "loadall", OBJECT, bpffs / "p")
    if loaded.returncode != 0:
        print(loaded.stderr.decode())
        sys.exit(SKIP if b"Operation not permitted" in loaded.stderr else 1)
    os.chdir(directory)
    for file, content in {"packet": PACKET, "context": CONTEXT, "short": b"\0" * 12, "wrong": WRONG,
                          "long": b"\0" * 200 + b"\1"}.items():
        (directory / file).write_bytes(content)
    for program in PROGRAMS:
        for words in CASES:
            for style in ([], ["-j"]):
                theirs = run("bpftool", *style, "prog", "run", "pinned", bpffs / "p" / program, *words.split(), stdin=PACKET)
                their_file = (directory / "out").read_bytes() if words.endswith("out out") else b""
                ours = run(NETKIT, *style, "prog", "run", OBJECT, "--prog", program, *words.split(), stdin=PACKET)
                our_file = (directory / "out").read_bytes() if words.endswith("out out") else b""
                what = f"{program}: {' '.join(style)} {words}"
                if (ours.returncode == 0) != (theirs.returncode == 0):
                    problems.append(f"{what}: status {ours.returncode}, bpftool {theirs.returncode}: "
                                    f"{ours.stderr.decode()} {theirs.stderr.decode()}")
                elif ours.returncode != 0:
                    if ours.stderr.count(b"\n") != 1:
                        problems.append(f"{what}: not one line: {ours.stderr.decode()}")
                elif their_file != our_file:
                    problems.append(f"{what}: files {our_file} and {their_file}")
                elif style and not same_json(ours.stdout, theirs.stdout):
                    problems.append(f"{what}:\n{ours.stdout.decode()}{theirs.stdout.decode()}")
                elif not style and plain(ours.stdout.decode()) != plain(theirs.stdout.decode()):
                    problems.append(f"{what}:\n{ours.stdout.decode()}{theirs.stdout.decode()}")
    run("umount", "-l", bpffs)

print("\n".join(problems) or f"{len(PROGRAMS) * len(CASES) * 2} runs, all alike")
sys.exit(bool(problems))
