"""End-to-end tests of `netkit run`, one function each; CTest calls them by name (CMakeLists.txt).

  cases.py NETKIT-PROGRAM SOURCE-DIRECTORY CASE

Exit status 77: skipped, with the reason in the last line, as "Skipped: REASON".
Everything happens in namespaces that netkit makes, or that the case makes and removes.
"""
import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NETKIT = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
NOBODY = 65534

HELLO = """
name: {name}
namespaces: {{pod: {pod}}}
pairs:
  nk0:
    addresses: [10.9.0.1/32]
    routes: [{{to: 10.9.0.2/32}}]
    peer:
      name: eth0
      netns: pod
      addresses: [10.9.0.2/32]
      routes: [{{to: default}}]
{more}
"""


class Skip(Exception):
    pass


# ---- tools ----

def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def hello(directory, name="e2e", pod="{}", more=""):
    path = pathlib.Path(directory) / "topology.yaml"
    path.write_text(HELLO.format(name=name, pod=pod, more=more))
    return path


def run(*arguments, timeout=90, **options):
    return subprocess.run([NETKIT, *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)


def start(*arguments, **options):
    return subprocess.Popen([NETKIT, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, stdin=subprocess.DEVNULL, start_new_session=True, **options)


def names():
    """Everything that a run could leave behind."""
    links = json.loads(subprocess.check_output(["ip", "-j", "link"], text=True))
    found = {link["ifname"] for link in links}
    netns = pathlib.Path("/run/netns")
    found |= {f"netns/{entry.name}" for entry in netns.iterdir()} if netns.is_dir() else set()
    return found


@contextlib.contextmanager
def nothing_left(wait=5.0):
    """What is on the machine before must be there afterwards, and nothing more."""
    before = names()
    yield
    deadline = time.monotonic() + wait
    while names() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert names() == before, f"left behind: {sorted(names() - before)}, lost: {sorted(before - names())}"


def wait_until(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def reachable(name):
    return run("netns", "exec", name, "ping", "-c", "1", "-W", "1", "10.9.0.1").returncode == 0


def one_line(text, *parts):
    lines = text.strip().splitlines()
    assert len(lines) == 1, f"expected one line, got: {text!r}"
    for part in parts:
        assert part in lines[0], f"{part!r} is not in {lines[0]!r}"


def facts(report):
    return [fact for step in report["steps"] for fact in step["facts"]]


def check_two_pods(result, how):
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads(result.stdout)
    assert report["how"].startswith(how), report["how"]
    assert report["ok"] and len(facts(report)) > 25
    policy = {p["name"]: p for p in report["programs"]}["policy.from_pod"]
    assert policy["runs"] == policy["next"] + policy["pass"] + policy["drop"] + policy["redirect"], policy
    assert policy["faults"] == 0
    devices = {d["label"]: d for d in report["devices"]}
    assert devices["nk1.peer"]["dropped"]["policy"] >= 2
    return report


@contextlib.contextmanager
def workspace(mode=0o755):
    with tempfile.TemporaryDirectory(prefix="netkit-e2e-") as directory:
        os.chmod(directory, mode)
        yield pathlib.Path(directory)


@contextlib.contextmanager
def two_pods():
    """The main job's topology without its demands on speed: how busy the machine is must not fail a test."""
    with workspace() as directory:
        path = directory / "two-pods.yaml"
        text = (SOURCE / "examples/two-pods.yaml").read_text()
        path.write_text(re.sub(r", min_ratio: [0-9.]+", "", text))
        yield path


def as_user(command, tun):
    """The command as an ordinary user, with a tun node of its own, open or closed to it."""
    if "thread" in os.environ.get("NETKIT_SANITIZE", ""):
        raise Skip("ThreadSanitizer starts a thread of its own, and only a process without threads can enter a user namespace")
    script = f"""
        set -e
        mount -t tmpfs none /mnt
        mknod -m {'666' if tun else '600'} /mnt/tun c 10 200
        mount --bind /mnt/tun /dev/net/tun
        exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups env -u XDG_RUNTIME_DIR "$@"
    """
    return subprocess.run(["unshare", "-m", "bash", "-c", script, "bash", *map(str, command)], capture_output=True,
                          text=True, timeout=120, stdin=subprocess.DEVNULL)


# ---- the main job ----

def two_pods_as_root():
    need_root()
    with two_pods() as topology, nothing_left():
        check_two_pods(run("run", topology, "--require", "live", "--json"), "live (root)")


def two_pods_in_process():
    with two_pods() as topology:
        report = check_two_pods(run("run", topology, "--require", "in-process", "-j"), "in-process (as asked)")
    showings = {fact["showing"] for fact in facts(report)}
    assert showings == {"shown on recorded packets", "not shown here"}, showings


def two_pods_as_user():
    need_root()
    with two_pods() as topology, nothing_left():
        result = as_user([NETKIT, "run", topology, "--require", "live", "-j"], tun=True)
        check_two_pods(result, "live (unprivileged user namespace)")


def two_pods_as_user_without_tun():
    need_root()
    with two_pods() as topology:
        check_two_pods(as_user([NETKIT, "run", topology, "-j"], tun=False), "in-process (/dev/net/tun")
        refused = as_user([NETKIT, "run", topology, "--require", "live"], tun=False)
    assert refused.returncode == 1
    one_line(refused.stderr, "a live run is not possible here", "/dev/net/tun")


def in_a_chroot():
    """Where the root directory is no mount point (a chroot of a build system), commands start all the same."""
    need_root()
    with workspace() as directory, nothing_left():
        topology = hello(directory, more="steps:\n  - ping: {from: pod, to: nk0}\n")
        script = f"""
            set -e
            mount --make-rprivate /
            mkdir {directory}/outer
            mount -t tmpfs none {directory}/outer
            mkdir {directory}/outer/root
            for part in /*; do
              [ -L "$part" ] && cp -P "$part" {directory}/outer/root/ && continue
              [ -d "$part" ] && [ "$part" != /proc ] || continue
              mkdir {directory}/outer/root/$part && mount --rbind $part {directory}/outer/root/$part
            done
            mkdir {directory}/outer/root/proc && mount -t proc proc {directory}/outer/root/proc
            exec chroot {directory}/outer/root "$@"
        """
        result = subprocess.run(["unshare", "-m", "bash", "-c", script, "bash", NETKIT, "run", topology,
                                 "--require", "live"], capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr


def readme_example():
    text = (SOURCE / "README.md").read_text()
    example = re.search(r"```yaml\n(.*?)```", text, re.S).group(1)
    with workspace() as directory:
        path = directory / "hello.yaml"
        path.write_text(example)
        for require in (["live", "in-process"] if os.geteuid() == 0 else ["in-process"]):
            result = run("run", path, "--require", require)
            assert result.returncode == 0, result.stdout + result.stderr
            assert result.stdout.startswith(require), result.stdout


def readme_commands():
    """The tour's commands, as they stand there; the second one runs beside the third."""
    need_root()
    text = (SOURCE / "README.md").read_text()
    block = next(block for block in re.findall(r"```sh\n(.*?)```", text, re.S) if "netns exec" in block)
    commands = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    assert [command[0] for command in commands] == ["run", "run", "netns", "cleanup"], commands
    with workspace() as directory, nothing_left():
        (directory / "hello.yaml").write_text(re.search(r"```yaml\n(.*?)```", text, re.S).group(1))
        assert run(*commands[0], cwd=directory).returncode == 0
        beside = start(*commands[1], cwd=SOURCE)
        wait_until(lambda: run(*commands[2]).returncode == 0, seconds=20)
        beside.send_signal(signal.SIGTERM)
        beside.communicate(timeout=30)
        assert run(*commands[3]).returncode == 0


@contextlib.contextmanager
def other_namespaces():
    """What an example speaks of as not its own: a named namespace and a process in one; YAML values by example value."""
    subprocess.run(["ip", "netns", "add", "netkit-e2e-blue"], check=True)
    process = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    own = os.readlink("/proc/self/ns/net")
    try:
        wait_until(lambda: os.readlink(f"/proc/{process.pid}/ns/net") != own)
        yield {"existing: blue": "existing: netkit-e2e-blue", "pid: 4242": f"pid: {process.pid}"}
    finally:
        process.kill()
        process.wait()
        subprocess.run(["ip", "netns", "del", "netkit-e2e-blue"], check=True)


def topology_document():
    """Every example of docs/topology.md, live and in the process."""
    need_root()
    blocks = re.findall(r"```yaml\n(.*?)```", (SOURCE / "docs/topology.md").read_text(), re.S)
    assert len(blocks) >= 9, len(blocks)
    with workspace() as directory, nothing_left(), other_namespaces() as others:
        for number, block in enumerate(blocks):
            path = directory / f"example{number}.yaml"
            for named, real in others.items():
                block = block.replace(named, real)
            path.write_text(block)
            for require in ("live", "in-process"):
                result = run("run", path, "--require", require, "--for", "0", cwd=directory)
                assert result.returncode == 0, block + result.stdout + result.stderr
                assert result.stdout.startswith(require), result.stdout


# ---- life of a run ----

def stays_until_sigterm():
    need_root()
    with workspace() as directory, nothing_left():
        process = start("run", hello(directory))
        wait_until(lambda: reachable("pod"))
        listed = run("netns", "list")
        assert sorted(listed.stdout.split()) == ["e2e-host", "e2e-pod"], listed.stdout
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert out.startswith("live (root): e2e\n"), out
        assert "nk0.peer" in out


def runs_a_command_in_the_host_namespace():
    need_root()
    with workspace() as directory, nothing_left():
        topology = hello(directory)
        passed = run("run", topology, "--", "ping", "-c", "1", "-W", "2", "10.9.0.2")
        assert passed.returncode == 0 and "1 received" in passed.stdout, passed.stdout + passed.stderr
        assert run("run", topology, "--", "sh", "-c", "exit 7").returncode == 7


def ends_after_its_time():
    need_root()
    with workspace() as directory, nothing_left():
        before = time.monotonic()
        assert run("run", hello(directory), "--for", "1").returncode == 0
        assert 1 <= time.monotonic() - before < 10


def the_next_start_cleans_up():
    need_root()
    with workspace() as directory, nothing_left(wait=10):
        topology = hello(directory)
        process = start("run", topology)
        wait_until(lambda: reachable("pod"))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
        assert "netns/e2e-pod" in names()  # nobody was left to remove it
        assert run("run", topology, "--for", "0").returncode == 0


def a_namespace_that_vanishes_takes_the_pair():
    need_root()
    with workspace() as directory, nothing_left():
        subprocess.run(["ip", "netns", "add", "netkit-e2e-pod"], check=True)
        try:
            process = start("run", hello(directory, pod="{existing: netkit-e2e-pod}"), "-j")
            wait_until(lambda: reachable("pod"))
        finally:
            subprocess.run(["ip", "netns", "del", "netkit-e2e-pod"], check=True)
        wait_until(lambda: "nk0" not in run("netns", "exec", "host", "ip", "-br", "link").stdout)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0 and "namespace pod has gone" in err, err
        assert json.loads(out)["devices"] == []


def follows_the_interface():
    """`ip link` in the pod is the truth: name, MTU and state of the device follow it, carrier follows the device."""
    need_root()
    with workspace() as directory, nothing_left():
        process = start("run", hello(directory), "-j")
        wait_until(lambda: reachable("pod"))

        def ip(netns, *arguments):
            result = run("netns", "exec", netns, "ip", *arguments)
            assert result.returncode == 0, result.stderr
            return result.stdout

        ip("pod", "link", "set", "eth0", "mtu", "1400", "name", "net7")
        ip("pod", "link", "set", "net7", "down")
        wait_until(lambda: "NO-CARRIER" in ip("host", "link", "show", "nk0"))
        ip("pod", "link", "set", "net7", "up")
        ip("pod", "route", "add", "default", "dev", "net7")
        wait_until(lambda: "LOWER_UP" in ip("host", "link", "show", "nk0"))
        wait_until(lambda: reachable("pod"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        devices = {d["label"]: d for d in json.loads(out)["devices"]}
        assert devices["nk0.peer"]["ifname"] == "net7", devices


def captures():
    need_root()
    with workspace() as directory, nothing_left():
        pcap = directory / "pod.pcap"
        topology = hello(directory, more="steps:\n  - ping: {from: pod, to: nk0, count: 2}\n")
        topology.write_text(topology.read_text().replace("      name: eth0\n", f"      name: eth0\n      capture: {pcap}\n"))
        assert run("run", topology).returncode == 0
        shown = subprocess.check_output(["tcpdump", "-n", "-r", pcap, "icmp"], text=True, stderr=subprocess.DEVNULL)
        assert shown.count("echo request") == 2 and shown.count("echo reply") == 2, shown


# ---- what is wrong is told in one line ----

def refuses(text, *parts, status=1, arguments=()):
    with workspace() as directory, nothing_left():
        path = directory / "bad.yaml"
        path.write_text(text)
        result = run("run", path, *arguments)
        assert result.returncode == status, result.stdout + result.stderr
        one_line(result.stderr, *parts)
        assert result.stdout == ""


def bad_input():
    missing = run("run", "/nowhere/topology.yaml")
    assert missing.returncode == 1
    one_line(missing.stderr, "/nowhere/topology.yaml", "ENOENT")
    refuses("pairs: [", "bad.yaml:1")
    refuses("namespaces: {pod: {}}\npears: {}\n", "bad.yaml:2", "pears", "pairs")
    refuses("objects: {x: missing.bpf.o}\nnamespaces: {pod: {}}\n", "bad.yaml:1", "missing.bpf.o",
            arguments=["--require", "in-process"])
    with workspace() as directory:
        (directory / "broken.bpf.o").write_bytes(b"\x7fELF" + bytes(60))
        path = directory / "bad.yaml"
        path.write_text("objects: {x: broken.bpf.o}\n")
        result = run("run", path, "--require", "in-process")
        assert result.returncode == 1
        one_line(result.stderr, "bad.yaml:1", "broken.bpf.o")
    unknown = run("frobnicate")
    assert unknown.returncode == 2, unknown.stderr
    nobody = run("netns", "exec", "no-such-pod", "true")
    assert nobody.returncode == 1
    one_line(nobody.stderr, "no-such-pod")


def bad_recordings():
    """What an in-process run is to play in a TCP stream's place, and cannot."""
    example = (SOURCE / "examples/tcp-exchange.pcap").read_bytes()
    for content, part in [(None, "no file at"), (b"", "no capture file"), (example[:30000], "damaged capture file"),
                          (example[:24], "no TCP connection")]:
        with workspace() as directory, nothing_left():
            if content is not None:
                (directory / "own.pcap").write_bytes(content)
            step = "steps:\n  - tcp: {from: pod, to: nk0, recording: own.pcap}\n"
            result = run("run", hello(directory, more=step), "--require", "in-process")
            assert result.returncode == 1 and result.stdout == "", result.stdout
            one_line(result.stderr, "topology.yaml:14", "own.pcap", part)


def names_that_are_taken():
    need_root()
    with workspace() as directory, nothing_left():
        subprocess.run(["ip", "netns", "add", "e2e-pod"], check=True)
        try:
            with nothing_left():
                result = run("run", hello(directory), "--for", "0")
                assert result.returncode == 1
                one_line(result.stderr, "topology.yaml:3", "e2e-pod")
        finally:
            subprocess.run(["ip", "netns", "del", "e2e-pod"], check=True)
        subprocess.run(["ip", "netns", "add", "netkit-e2e-busy"], check=True)
        try:
            subprocess.run(["ip", "-n", "netkit-e2e-busy", "link", "add", "eth0", "type", "veth"], check=True)
            with nothing_left():
                result = run("run", hello(directory, pod="{existing: netkit-e2e-busy}"), "--for", "0")
                assert result.returncode == 1
                one_line(result.stderr, "topology.yaml", "eth0")
        finally:
            subprocess.run(["ip", "netns", "del", "netkit-e2e-busy"], check=True)


def interrupted_between_steps():
    """Ctrl-C reaches everything in the terminal: the tool of the step, the engine and its keeper."""
    need_root()
    with workspace() as directory, nothing_left():
        process = start("run", hello(directory, more="steps:\n  - ping: {from: pod, to: nk0, count: 100}\n"))
        wait_until(lambda: reachable("pod"))
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == 1 and "interrupted: SIGINT" in out, out


def an_mtu_that_no_interface_takes():
    need_root()
    with workspace() as directory, nothing_left():
        topology = hello(directory)
        topology.write_text(topology.read_text().replace("      name: eth0\n", "      name: eth0\n      mtu: 65535\n"))
        result = run("run", topology, "--for", "0")
        assert result.returncode == 1
        one_line(result.stderr, "nk0.peer", "65521", "in-process")


def an_error_half_way():
    need_root()
    more = ("objects: {cut: drop_all.bpf.o}\n"
            "attach: {nk0.peer: [cut.drop_all]}\n"
            "steps:\n  - attach: {nk0.peer: [cut.drop_all]}\n")
    with workspace() as directory, nothing_left():
        result = run("run", hello(directory, more=more))
        assert result.returncode == 1
        assert "topology.yaml:" in result.stdout and "EEXIST" in result.stdout, result.stdout


def without_tun():
    need_root()
    with workspace() as directory:
        topology = hello(directory, more="steps:\n  - ping: {from: pod, to: nk0}\n")
        script = 'mount -t tmpfs none /dev/net && exec "$@"'
        result = subprocess.run(["unshare", "-m", "bash", "-c", script, "bash", NETKIT, "run", topology],
                                capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("in-process (") and "/dev/net/tun" in result.stdout.splitlines()[0], result.stdout


def main():
    case = sys.argv[3]
    for tool in ("ip", "ping", "iperf3", "tcpdump", "unshare", "setpriv"):
        if shutil.which(tool) is None:
            raise Skip(f"{tool} is not installed")
    globals()[case]()


if __name__ == "__main__":
    try:
        main()
    except Skip as reason:
        print(f"Skipped: {reason}")
        sys.exit(77)
