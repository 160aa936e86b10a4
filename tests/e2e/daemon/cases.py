"""netkitd and its command line as their users see them. Usage: cases.py BINARIES SOURCE CASE"""

import array
import contextlib
import ctypes
import json
import os
import pathlib
import pwd
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import api_examples
import transcript

BIN = pathlib.Path(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2])
SKIP = 77
CLONE_NEWNET = 0x40000000


class Client:
    """A connection that speaks JSON-RPC."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("r")

    def send(self, request, descriptors=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.socket.sendmsg([(json.dumps(request) + "\n").encode()], rights)

    def receive(self):
        line = self.stream.readline()
        assert line, "the connection was closed"
        return json.loads(line)

    def call(self, method, descriptors=(), **params):
        self.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, descriptors)
        return self.receive()

    def get(self, method, **params):
        answer = self.call(method, **params)
        assert "result" in answer, answer
        return answer["result"]

    def refusal(self, method, **params):
        answer = self.call(method, **params)
        return answer["error"]["data"]["name"] if "error" in answer else answer

    def close(self):
        self.stream.close()
        self.socket.close()


class Daemon:
    """netkitd, in its process only unless it is to be live, in a directory of its own; stopped, and checked, at the end."""

    def __init__(self, *options, live=False, environment=None):
        self.live = live
        self.directory = tempfile.TemporaryDirectory(prefix="netkitd-test-")
        os.chmod(self.directory.name, 0o755)
        self.path = pathlib.Path(self.directory.name) / "d.sock"
        self.options = options
        self.environment = {**os.environ, **(environment or {})}

    def __enter__(self):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.settimeout(20)
        notify_path = self.directory.name + "/notify"
        notify.bind(notify_path)
        command = [BIN / "netkitd", *([] if self.live else ["--in-process"]), "--socket", self.path,
                   "--pin-root", self.directory.name + "/bpf", *self.options]
        self.log = open(self.directory.name + "/log", "w+")
        self.process = subprocess.Popen(list(map(str, command)), stderr=self.log,
                                        env={**self.environment, "NOTIFY_SOCKET": notify_path})
        self.notify = notify
        ready = notify.recv(4096).decode()
        assert ready.startswith("READY=1\n"), ready
        return self

    def __exit__(self, kind, *_):
        try:
            if self.process.poll() is None:
                self.end()
        finally:
            self.process.kill()
            self.process.wait()
            self.notify.close()
            if kind is not None:
                print(self.logged(), file=sys.stderr)
            self.log.close()
            self.directory.cleanup()

    def end(self):
        """SIGTERM, then everything is in order."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.logged()
        assert not self.path.exists()

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def client(self):
        return Client(self.path)

    def netkit(self, *words, check=True):
        return netkit("--socket", self.path, *words, check=check)


def netkit(*words, check=False, environment=None, prefix=()):
    result = subprocess.run([*map(str, prefix), str(BIN / "netkit"), *map(str, words)], capture_output=True, text=True,
                            timeout=60, env={**os.environ, **(environment or {})})
    assert not check or result.returncode == 0, f"{words}: {result.stderr}"
    return result


def skip(why):
    print("skipped: " + why)
    sys.exit(SKIP)


def wait_until(done, seconds=20):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


# ---- documents ----


def api_examples_case():
    with Daemon() as daemon, contextlib.closing(daemon.client()) as client:
        api_examples.check(client, SOURCE)


def commands_document():
    with Daemon() as daemon, contextlib.closing(daemon.client()) as client:
        for name, verdict in (("first", "ffffffff"), ("second", "00000000")):
            program = client.get("bpf.prog_load", prog_type="sched_cls", prog_name=name, license="GPL",
                                 insns=f"b7000000{verdict}9500000000000000")
            client.get("bpf.obj_pin", fd=program["fd"], path="/sys/fs/bpf/" + name)
        transcript.check(SOURCE / "docs/commands.md", daemon, BIN)


# ---- the daemon ----


def readiness_and_clean_end():
    with Daemon() as daemon:
        client = daemon.client()
        client.get("rtnl.new_link", flags=["create"], ifname="d0", linkinfo={"kind": "dummy"})
        # What was asked before the signal is answered after it.
        client.send([{"jsonrpc": "2.0", "id": i, "method": "rtnl.dump_links"} for i in range(1000)])
        time.sleep(0.2)
        daemon.process.send_signal(signal.SIGTERM)
        assert len(client.receive()) == 1000
        assert daemon.process.wait(20) == 0
        assert daemon.notify.recv(4096) == b"STOPPING=1"
        assert not daemon.path.exists()


def a_path_that_is_taken():
    with Daemon() as daemon:
        second = subprocess.run([BIN / "netkitd", "--in-process", "--socket", daemon.path], capture_output=True, text=True)
        assert second.returncode == 1 and second.stderr.count("\n") == 1, second.stderr
        assert "already listens" in second.stderr and "EADDRINUSE" in second.stderr, second.stderr
        daemon.client().get("hello")
        # One that was killed leaves its socket; the next start replaces it.
        daemon.process.kill()
        daemon.process.wait()
        assert daemon.path.is_socket()
        with subprocess.Popen([BIN / "netkitd", "--in-process", "--socket", daemon.path], stderr=subprocess.DEVNULL) as next_one:
            def answers():
                try:
                    return Client(daemon.path).get("hello")["pid"] == next_one.pid
                except OSError:
                    return False
            wait_until(answers)
            next_one.send_signal(signal.SIGINT)
            assert next_one.wait(20) == 0
        daemon.path.write_text("a file")
        third = subprocess.run([BIN / "netkitd", "--in-process", "--socket", daemon.path], capture_output=True, text=True)
        assert third.returncode == 1 and "is no socket" in third.stderr, third.stderr
        assert daemon.path.read_text() == "a file"
        daemon.path.unlink()
        bad = subprocess.run([BIN / "netkitd", "--in-process", "--group", "no-such-group", "--socket", daemon.path],
                             capture_output=True, text=True)
        assert bad.returncode == 1 and "no-such-group" in bad.stderr and not daemon.path.exists(), bad.stderr


def no_daemon():
    nobody = netkit("--socket", "/nowhere/netkitd.sock", "link")
    assert nobody.returncode == 3 and nobody.stderr.count("\n") == 1, nobody.stderr
    assert "netkitd --in-process" in nobody.stderr and "netkit run" in nobody.stderr, nobody.stderr
    assert netkit("link", environment={"NETKIT_SOCKET": "/nowhere/x"}).returncode == 3


def two_clients():
    with Daemon() as daemon:
        one, two = daemon.client(), daemon.client()
        one.get("rtnl.new_link", flags=["create", "excl"], ifname="nk0",
                linkinfo={"kind": "netkit", "data": {"peer": {"ifname": "nk1"}}})
        assert two.refusal("rtnl.new_link", flags=["create", "excl"], ifname="nk0", linkinfo={"kind": "dummy"}) == "EEXIST"
        ifindex = two.get("rtnl.get_link", ifname="nk0")["ifindex"]
        program = one.get("bpf.prog_load", prog_type="sched_cls", insns="b7000000000000009500000000000000", license="GPL")
        link = one.get("bpf.link_create", target_ifindex=ifindex, prog_fd=program["fd"], attach_type="netkit_primary")
        # Descriptors of one are nothing to the other; ids are.
        assert two.refusal("bpf.link_detach", link_fd=link["fd"]) == "EBADF"
        link_id = one.get("bpf.link_info", link_fd=link["fd"])["id"]
        two.get("bpf.link_get_fd_by_id", id=link_id)
        query = {"target_ifindex": ifindex, "attach_type": "netkit_primary"}
        one.close()
        time.sleep(0.2)
        assert two.get("bpf.prog_query", **query)["count"] == 1  # two holds it now
        two.close()
        three = daemon.client()
        wait_until(lambda: three.get("bpf.prog_query", **query)["count"] == 0)


def clients_that_die():
    with Daemon() as daemon:
        for text in (b"{", b'{"jsonrpc":"2.0","id":1,"method":"netns.add","params":{"name":"half"}}', b"\xff" * 1000):
            dying = daemon.client()
            dying.socket.sendall(text)  # without its newline
            dying.close()
        gone = daemon.client()
        gone.socket.sendall(b'{"jsonrpc":"2.0","id":1,"method":"netns.add","params":{"name":"whole"}}\n')
        gone.close()  # before the answer
        # Whoever only ended its own side still gets its answers.
        half = daemon.client()
        half.send({"jsonrpc": "2.0", "id": 1, "method": "hello"})
        half.socket.shutdown(socket.SHUT_WR)
        assert half.receive()["result"]["protocol"] == 1
        assert half.stream.readline() == ""
        names = {netns["name"] for netns in daemon.client().get("netns.list")}
        assert names == {"host", "whole"}, names


def clients_that_do_not_read():
    with Daemon() as daemon:
        deaf = daemon.client()
        deaf.socket.setblocking(False)
        request = (json.dumps({"jsonrpc": "2.0", "id": 1, "method": "rtnl.dump_links"}) + "\n").encode() * 500
        with contextlib.suppress(BlockingIOError):
            while True:
                deaf.socket.send(request)
        other = daemon.client()
        for i in range(200):
            other.get("rtnl.new_link", flags=["create"], ifname=f"d{i}", linkinfo={"kind": "dummy"})
        status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        assert resident < 200_000 or os.environ.get("NETKIT_SANITIZE"), resident


def endless_messages():
    with Daemon() as daemon:
        endless = daemon.client()
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 1 << 30:
                sent += endless.socket.send(b"x" * (1 << 20))
        assert sent < 32 << 20, sent
        assert endless.receive()["error"]["code"] == -32600
        nested = daemon.client()
        nested.socket.sendall(b"[" * 1_000_000 + b"\n")
        assert nested.receive()["error"]["code"] == -32700
        assert nested.call("hello")["result"]["protocol"] == 1
        # Too many descriptors, at once and in parts.
        many = daemon.client()
        with open("/dev/null") as null:
            many.send({"jsonrpc": "2.0", "id": 1, "method": "hello"}, [null.fileno()] * 17)
            assert many.receive()["error"]["code"] == -32600
        assert daemon.client().get("hello")["protocol"] == 1
        assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) < 40


def notifications():
    with Daemon() as daemon:
        watcher = daemon.client()
        watcher.get("subscribe", links=True, namespaces=True, all=True)
        daemon.netkit("netns", "add", "pod1")
        heard = [watcher.receive() for _ in range(2)]
        assert [one["method"] for one in heard] == ["netns.new", "rtnl.newlink"], heard
        assert heard[1]["params"]["netns"] == "pod1" and heard[1]["params"]["ifname"] == "lo", heard
        # One that does not listen is told how much it missed; nobody waits for it.
        deaf = daemon.client()
        deaf.get("subscribe", links=True)
        other = daemon.client()
        other.get("rtnl.new_link", flags=["create"], ifname="d0", linkinfo={"kind": "dummy"})
        batch = [{"jsonrpc": "2.0", "method": "rtnl.set_link", "params": {"ifname": "d0", "mtu": 1000 + i % 2}}
                 for i in range(1000)]
        for _ in range(30):
            other.send(batch)
        other.get("hello")
        methods = []
        while "overrun" not in methods:
            methods.append(deaf.receive()["method"])


def journal_priorities():
    with Daemon() as plain:
        plain.client().get("hello")
        assert "netkit: info: serving at" in plain.logged(), plain.logged()
    with tempfile.TemporaryFile("w+") as log:
        status = os.fstat(log.fileno())
        result = subprocess.run([BIN / "netkitd", "--in-process", "--socket", "/nowhere/d.sock"], stderr=log,
                                env={**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        log.seek(0)
        line = log.read()
        assert result.returncode == 1 and line.startswith("<3>"), line


# ---- who may do what ----


def members_of_the_group():
    if os.geteuid() != 0:
        skip("needs root to be somebody else")
    nobody = pwd.getpwnam("nobody")
    as_member = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    with Daemon("--group", "nogroup") as daemon:
        daemon.netkit("link", "add", "nk0", "type", "netkit", "peer", "name", "nk1")
        def ask(*words):
            return netkit("--socket", daemon.path, *words, prefix=as_member)
        assert "nk0" in ask("link").stdout
        refused = ask("link", "set", "nk0", "up")
        assert refused.returncode == 1 and "EPERM" in refused.stderr and refused.stderr.count("\n") == 1, refused
        assert "EPERM" in ask("link", "del", "nk0").stderr
        assert "EPERM" in ask("netns", "add", "x").stderr
        stranger = netkit("--socket", daemon.path, "link",
                          prefix=["setpriv", "--reuid=1", "--regid=1", "--clear-groups"])
        assert stranger.returncode == 3 and "Permission denied" in stranger.stderr, stranger


def clients_from_elsewhere():
    with Daemon() as daemon:
        daemon.netkit("link", "add", "nk0", "type", "netkit", "peer", "name", "nk1")
        elsewhere = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        if subprocess.run([*elsewhere, "true"], capture_output=True).returncode != 0:
            skip("no network namespace can be made here")
        for words in (["link"], ["link", "del", "nk0"], ["-n", "host", "link"], ["netns", "add", "x"], ["net"],
                      ["link", "add", "nk5", "type", "netkit"], ["stats"]):
            refused = netkit("--socket", daemon.path, *words, prefix=elsewhere)
            assert refused.returncode == 1 and "EPERM" in refused.stderr, (words, refused)
        assert "nk0" in daemon.netkit("link").stdout


# ---- live ----


def live_pod():
    """A pod with an interface that is real, and what it may do with the socket."""
    if os.geteuid() != 0:
        skip("needs root")
    # In a namespace of its own: this one's interfaces are not touched.
    assert ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
    pod = f"netkitd-pod-{os.getpid()}"
    def ip(*words, inside=None):
        where = ["ip", "netns", "exec", inside] if inside else []
        return subprocess.run([*where, *words], capture_output=True, text=True, timeout=20)
    with Daemon(live=True) as daemon:
        hello = daemon.client().get("hello")
        if not hello["live"]:
            skip("not live here: " + hello["how"])
        daemon.netkit("netns", "add", pod)
        daemon.netkit("link", "add", "nk0", "type", "netkit", "mode", "l3", "peer", "name", "eth0", "netns", pod)
        daemon.netkit("link", "set", "nk0", "up")
        daemon.netkit("-n", pod, "link", "set", "eth0", "up")
        for words, inside in ((["addr", "add", "10.77.0.1/32", "dev", "nk0"], None),
                              (["route", "add", "10.77.0.2/32", "dev", "nk0"], None),
                              (["addr", "add", "10.77.0.2/32", "dev", "eth0"], pod),
                              (["route", "add", "default", "dev", "eth0"], pod)):
            assert ip("ip", *words, inside=inside).returncode == 0, words
        ping = ip("ping", "-c", "2", "-W", "2", "10.77.0.2")
        assert ping.returncode == 0, ping.stdout
        assert json.loads(daemon.netkit("-j", "-s", "link", "show", "nk0").stdout)[0]["stats64"]["tx"]["packets"] >= 2
        # From inside the pod: its own devices, and nothing of the host's.
        def from_pod(*words):
            return netkit("--socket", daemon.path, *words, prefix=["ip", "netns", "exec", pod])
        links = {link["ifname"] for link in json.loads(from_pod("-j", "link").stdout)}
        assert links == {"lo", "eth0"}, links
        assert from_pod("link", "set", "eth0", "mtu", "1300").returncode == 0
        assert "mtu 1300" in ip("ip", "link", "show", "eth0", inside=pod).stdout
        for words in (["-n", "host", "link"], ["netns", "list"], ["netns", "del", pod]):
            refused = from_pod(*words)
            assert refused.returncode == 1 and "EPERM" in refused.stderr, (words, refused)
        daemon.netkit("netns", "del", pod)
        assert "nk0" not in daemon.netkit("link").stdout
        assert pod not in ip("ip", "netns", "list").stdout


# ---- figures ----


def idle():
    with Daemon() as daemon:
        client = daemon.client()
        client.get("hello")
        time.sleep(0.5)
        def ticks():
            fields = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])
        before = ticks()
        time.sleep(2)
        assert ticks() - before <= 1, ticks() - before
        status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
        print(next(line for line in status.splitlines() if line.startswith("VmRSS")))


def a_run_serves_commands():
    with tempfile.TemporaryDirectory() as directory:
        topology = pathlib.Path(directory) / "serve.yaml"
        topology.write_text("name: serve-test\nnamespaces: {pod: {}}\npairs:\n"
                            "  nk0: {peer: {name: eth0, netns: pod}}\n")
        run = subprocess.Popen([BIN / "netkit", "run", "--require", "in-process", "--json", topology],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = run.stderr.readline()
        assert "serving at" in line, line + run.stderr.read()
        path = line.strip().rsplit(" ", 1)[1]
        assert "nk0" in netkit("--socket", path, "-br", "link", check=True).stdout
        netkit("--socket", path, "-n", "pod", "link", "set", "eth0", "mtu", "1300", check=True)
        assert json.loads(netkit("--socket", path, "-j", "-n", "pod", "link", "show", "eth0").stdout)[0]["mtu"] == 1300
        run.send_signal(signal.SIGTERM)
        out, _ = run.communicate(timeout=20)
        assert json.loads(out)["socket"] == path
        assert not pathlib.Path(path).exists()


def programs_that_print():
    """`netkit prog tracelog` follows bpf_printk until the engine ends."""
    with tempfile.TemporaryDirectory() as directory:
        topology = pathlib.Path(directory) / "print.yaml"
        topology.write_text("name: print-test\nnamespaces: {pod: {}}\n"
                            f"objects: {{it: {BIN.parent / 'bpf/prog_run.bpf.o'}}}\n"
                            "pairs:\n  nk0: {addresses: [10.0.1.1/24], peer: {name: eth0, netns: pod, addresses: [10.0.1.2/24]}}\n"
                            "steps:\n  - attach: {nk0.peer: [it.mark]}\n  - wait: 1.5\n"
                            "  - ping: {from: pod, to: 10.0.1.1, count: 2}\n")
        run = subprocess.Popen([BIN / "netkit", "run", "--require", "in-process", topology],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = run.stderr.readline()
        assert "serving at" in line, line + run.stderr.read()
        follower = netkit("--socket", line.strip().rsplit(" ", 1)[1], "prog", "tracelog")
        run.communicate(timeout=20)
        assert follower.returncode == 0, follower
        lines = follower.stdout.splitlines()
        assert len(lines) == 2, lines
        for line in lines:
            assert re.fullmatch(r" *\S+-\d+ +\[\d{3}\] \.{5} +\d+\.\d{6}: bpf_trace_printk: 98 bytes marked", line), line


if __name__ == "__main__":
    case = sys.argv[3]
    {"api_examples": api_examples_case}.get(case, globals().get(case))()
