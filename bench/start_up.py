"""How long a command takes that only asks: `netkit link show` beside `ip link show`. Usage: start_up.py BINARIES

Interleaved runs, medians; the daemon serves in its own memory, on a socket of its own.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(sys.argv[1])
ROUNDS = 50


def milliseconds(*words):
    start = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return (time.monotonic() - start) * 1000


def main():
    with tempfile.TemporaryDirectory() as directory:
        socket = directory + "/d.sock"
        daemon = subprocess.Popen([BIN / "netkitd", "--in-process", "--socket", socket, "--pin-root", directory + "/bpf"],
                                  stderr=subprocess.DEVNULL)
        try:
            while not os.path.exists(socket):
                time.sleep(0.01)
            rounds = [(milliseconds(BIN / "netkit", "--socket", socket, "link", "show"), milliseconds("ip", "link", "show"))
                      for _ in range(ROUNDS)]
        finally:
            daemon.kill()
            daemon.wait()
    ours, theirs = (statistics.median(times) for times in zip(*rounds))
    print(f"start-up: netkit link show {ours:.1f} ms, ip link show {theirs:.1f} ms, ratio {ours / theirs:.1f}")


main()
