"""Plays a transcript of commands against a live netkitd. Usage: play.py BINARIES BUILD TRANSCRIPT

Lines after `$ ` are commands, which one shell runs in their order; the lines that follow are what a command prints (on both
streams), where `*` stands for anything, a line `...` for any lines, and blank lines do not count. `$ ` lines whose command ends in `# fails` must fail, all
others must succeed. Everything else is for readers.

The shell has the programs in its path, the daemon in NETKIT_SOCKET, and in BPF the directory of our compiled programs. Namespaces and
containers whose names begin with `nkt-` are the transcript's and are removed at the end; nothing else of the machine is
touched.
"""

import contextlib
import fnmatch
import functools
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

BIN, BUILD, TRANSCRIPT = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
SKIP = 77
PREFIX = "nkt-"
LIMIT = 60  # seconds for a command


def skip(why):
    print("skipped: " + why)
    sys.exit(SKIP)


# ---- the daemon ----


@contextlib.contextmanager
def daemon(directory):
    path = directory / "d.sock"
    command = [BIN / "netkitd", "--socket", path, "--pin-root", directory / "bpf"]
    with open(directory / "log", "w+") as log:
        process = subprocess.Popen(command, stderr=log)
        try:
            end = time.monotonic() + 20
            while not path.is_socket():
                assert process.poll() is None and time.monotonic() < end, "netkitd does not come up"
                time.sleep(0.02)
            yield path
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, "netkitd did not end well"
        finally:
            process.kill()
            process.wait()
            log.seek(0)
            print(log.read(), file=sys.stderr)


# ---- the transcript ----


def steps(text):
    """Commands in their order, each with the lines that it must print and whether it must fail."""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], [], line.endswith("# fails")))
        elif line.startswith("    ") and found:
            found[-1][1].append(line[4:])
    return found


class Shell:
    MARK = "--- done "

    def __init__(self, directory, environment):
        self.process = subprocess.Popen(["bash", "--norc", "-u"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, cwd=directory, env=environment,
                                        start_new_session=True)

    def run(self, command):
        """The lines that it prints, and its exit status."""
        self.process.stdin.write(f"{{ {command}\n}} </dev/null\nstatus=$?; echo; echo '{self.MARK}'$status\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith(self.MARK):
                while lines and not lines[-1]:
                    lines.pop()
                return lines, int(line[len(self.MARK):])
            lines.append(line.rstrip())
        raise AssertionError("the shell has ended")

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def fits(wanted, got):
    if not wanted:
        return not got
    if wanted[0] == "...":
        return any(fits(wanted[1:], got[at:]) for at in range(len(got) + 1))
    pattern = re.sub(r"\[", "[[]", wanted[0].rstrip())
    return bool(got) and fnmatch.fnmatchcase(got[0], pattern) and fits(wanted[1:], got[1:])


def play(shell):
    signal.signal(signal.SIGALRM, lambda *_: shell.end())
    for command, wanted, fails in steps(TRANSCRIPT.read_text()):
        signal.alarm(LIMIT)
        got, status = shell.run(command)
        signal.alarm(0)
        shown = f"$ {command}\n" + "".join(f"    {line}\n" for line in got)
        assert (status != 0) == fails, f"{shown}exit status {status}"
        assert fits(wanted, [line for line in got if line]), f"{shown}wanted\n" + "".join(f"    {line}\n" for line in wanted)
        print(shown, end="")


# ---- around it ----


def clean_up():
    if command := podman():
        subprocess.run(f"{command} rm -f -t 0 {PREFIX}pod1 {PREFIX}pod2", shell=True, capture_output=True, check=False)
    for path in pathlib.Path("/run/netns").glob(PREFIX + "*"):
        subprocess.run(["ip", "netns", "del", path.name], check=False)


@functools.cache
def podman():
    """The command by which podman runs a container here, with whatever runtime can; nothing where it cannot."""
    for command in ("podman", "podman --runtime runc"):
        tried = subprocess.run(f"{command} run --rm --network none $PODMAN_LIMITS --rootfs /:O true", shell=True,
                               capture_output=True, env=with_limits(os.environ), check=False)
        if tried.returncode == 0:
            return command
    return ""


def with_limits(environment):
    """Podman asks for more by itself than every root may have."""
    return {**environment, "PODMAN_LIMITS": "--ulimit nofile=1024:1024 --ulimit nproc=1000:1000"}


def main():
    if os.geteuid() != 0:
        skip("needs root")
    with tempfile.TemporaryDirectory(prefix="netkit-transcript-") as name:
        directory = pathlib.Path(name)
        clean_up()
        try:
            with daemon(directory) as path:
                environment = {**with_limits(os.environ), "PATH": f"{BIN}:{os.environ['PATH']}", "NETKIT_SOCKET": str(path), "LC_ALL": "C",
                               "HERE": str(TRANSCRIPT.parent), "BPF": str(BUILD / "bpf"), "PODMAN": podman()}
                shell = Shell(directory, environment)
                try:
                    play(shell)
                finally:
                    shell.end()
        finally:
            clean_up()


if __name__ == "__main__":
    main()
