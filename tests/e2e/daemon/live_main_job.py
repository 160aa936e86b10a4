"""The two-pod main job as commands against netkitd with live pods. Usage: live_main_job.py BINARIES HOW

HOW says what the pods are: `names` (under /run/netns), or `processes`, as containers are: unshared and named by pid.
Everything happens in network and mount namespaces of the test's own; traffic is real ping and iperf3 between the pods, and
flows through each change of the lists.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

BIN = pathlib.Path(sys.argv[1])
HOW = sys.argv[2]
POLICY = BIN.parent / "bpf/pod_policy.bpf.o"
DROP = BIN.parent / "bpf/drop_all.bpf.o"
SKIP = 77


def run(*words, check=True, timeout=60):
    result = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=timeout)
    assert not check or result.returncode == 0, f"{' '.join(map(str, words))}: {result.stdout}{result.stderr}"
    return result


class Pods:
    """Two namespaces beside the host's, as `netkit` and as `ip` and `nsenter` name them."""

    def __init__(self):
        self.processes = {}

    def make(self, name):
        if HOW == "names":
            run("ip", "netns", "add", name)
            return
        self.processes[name] = subprocess.Popen(["unshare", "--net", "sleep", "1000"])
        while os.stat(f"/proc/{self.pid(name)}/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino:
            time.sleep(0.01)

    def pid(self, name):
        return self.processes[name].pid

    def word(self, name):
        return name if HOW == "names" else str(self.pid(name))

    def command(self, name, *words):
        if HOW == "names":
            return ["ip", "netns", "exec", name, *words]
        return ["nsenter", "--target", str(self.pid(name)), "--net", *words]

    def run(self, name, *words, check=True):
        return run(*self.command(name, *words), check=check)

    def start(self, name, *words):
        return subprocess.Popen(self.command(name, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def remove(self, name):
        if HOW == "names":
            run("ip", "netns", "del", name)
        else:
            self.processes[name].kill()
            self.processes.pop(name).wait()

    def clear(self):
        for process in self.processes.values():
            process.kill()


class Job:
    def __init__(self, socket, pods):
        self.socket = socket
        self.pods = pods

    def netkit(self, *words, check=True):
        print("$ netkit", *words, flush=True)
        return run(BIN / "netkit", "--socket", self.socket, *words, check=check).stdout

    def json(self, *words):
        return json.loads(self.netkit("-j", *words))

    def address(self, pod, name, address):
        """What a container runtime does to the interface that it was given."""
        self.pods.run(pod, "ip", "address", "add", address, "dev", name)
        self.pods.run(pod, "ip", "link", "set", name, "up")
        self.pods.run(pod, "ip", "route", "add", "default", "dev", name)

    def make_pod(self, number):
        pod, primary, address = f"pod{number}", f"nk{number}", f"10.0.{number}.2"
        self.pods.make(pod)
        self.netkit("link", "add", primary, "type", "netkit", "forward", "peer", "blackhole", "name", "eth0", "netns",
                    self.pods.word(pod))
        self.netkit("link", "set", primary, "up")
        self.address(pod, "eth0", address + "/32")
        ifindex = self.json("link", "show", primary)[0]["ifindex"]
        run("ip", "route", "add", address, "dev", primary)
        key = [128, 0, 0, 0] + [0] * 10 + [255, 255] + list(map(int, address.split(".")))
        self.netkit("map", "update", "name", "destinations", "key", *key, "value", *ifindex.to_bytes(4, "little"))

    def ping(self, count=3, interval=0.05):
        """How many of them were answered."""
        output = self.pods.run("pod1", "ping", "-n", "-c", count, "-i", interval, "-W", 1, "10.0.2.2", check=False).stdout
        return int(re.search(r"(\d+) received", output).group(1))

    def while_traffic_flows(self, *changes, count=100):
        """Every one of the packets that are sent while the commands run is answered."""
        traffic = self.pods.start("pod1", "ping", "-n", "-c", str(count), "-i", "0.02", "-W", "2", "10.0.2.2")
        time.sleep(0.2)
        for words in changes:
            self.netkit(*words)
        output = traffic.communicate(timeout=60)[0]
        assert f"{count} packets transmitted, {count} received" in output, output

    def bytes_by_tcp(self):
        server = self.pods.start("pod2", "iperf3", "-s", "-1")
        time.sleep(0.5)
        client = self.pods.run("pod1", "iperf3", "-J", "-t", "1", "-c", "10.0.2.2", "--connect-timeout", "1000", check=False)
        server.kill()
        server.wait()
        return json.loads(client.stdout).get("end", {}).get("sum_received", {}).get("bytes", 0)

    def programs_at(self, primary, hook):
        return [one["prog_id"] for one in self.json("net", "show", "dev", primary)[0]["tc"] if one["kind"] == hook]


def play(job, pods):
    job.netkit("prog", "loadall", POLICY, "policy", "pinmaps", "maps")
    for number in (1, 2):
        job.make_pod(number)
    assert job.ping() == 0, "a blackhole lets nothing out while no program is attached"

    for primary in ("nk1", "nk2"):
        job.netkit("net", "attach", "netkit_peer", "pinned", "policy/from_pod", "dev", primary)
    assert job.ping() == 3
    assert job.bytes_by_tcp() > 10_000_000

    # The same policy once more, as an upgrade is rolled out: at both ends of the list, and in the old one's place.
    job.netkit("prog", "loadall", POLICY, "policy2", "map", "name", "destinations", "pinned", "maps/destinations")
    job.while_traffic_flows(
        ("net", "attach", "netkit_peer", "pinned", "policy2/from_pod", "dev", "nk1", "head"),
        ("net", "detach", "netkit_peer", "pinned", "policy/from_pod", "dev", "nk1"),
        ("net", "attach", "netkit_peer", "pinned", "policy/from_pod", "dev", "nk1", "replace", "pinned", "policy2/from_pod"),
        ("bpf-link", "create", "link2", "netkit_peer", "pinned", "policy2/from_pod", "dev", "nk2", "after", "pinned",
         "policy/from_pod"),
        ("bpf-link", "detach", "pinned", "link2"),
        ("qdisc", "add", "dev", "nk1", "clsact"),
        ("qdisc", "del", "dev", "nk1", "clsact"))
    assert len(job.programs_at("nk1", "netkit/peer")) == 1

    # Cut off, and joined again.
    job.netkit("prog", "load", DROP, "drop")
    job.netkit("net", "attach", "netkit_peer", "pinned", "drop", "dev", "nk1", "head")
    assert job.ping(2) == 0
    assert job.bytes_by_tcp() == 0
    job.netkit("net", "detach", "netkit_peer", "pinned", "drop", "dev", "nk1")
    assert job.ping() == 3

    # The user's own `ip` and ours look at the same device.
    pods.run("pod2", "ip", "link", "set", "eth0", "mtu", "1400")
    job.netkit("link", "set", "nk2", "mtu", "1400")
    assert job.json("link", "show", "nk2")[0]["mtu"] == 1400
    assert job.ping() == 3

    # A device moves to another namespace, with its programs; what was configured there does not.
    pods.make("pod3")
    job.netkit("-n", pods.word("pod2"), "link", "set", "eth0", "netns", pods.word("pod3"))
    job.address("pod3", "eth0", "10.0.2.2/32")
    run("ip", "route", "replace", "10.0.2.2", "dev", "nk2")
    assert job.ping() == 3

    # Deleting by command, and by the end of a namespace.
    job.netkit("link", "del", "nk1")
    assert "eth0" not in pods.run("pod1", "ip", "link").stdout
    pods.remove("pod3")
    until = time.monotonic() + 10
    while "nk2" in run("ip", "link").stdout:
        assert time.monotonic() < until, "nk2 outlives its pod"
        time.sleep(0.05)
    assert job.json("link", "show", "type", "netkit") == []


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
        print("skipped: needs root and /dev/net/tun")
        sys.exit(SKIP)
    if os.environ.get("NETKIT_UNSHARED") != "1":
        os.environ["NETKIT_UNSHARED"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "set", "lo", "up")
    run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    pods = Pods()
    with tempfile.TemporaryDirectory(prefix="netkitd-live-") as directory:
        socket = directory + "/d.sock"
        daemon = subprocess.Popen([str(BIN / "netkitd"), "--socket", socket])
        try:
            until = time.monotonic() + 10
            while not os.path.exists(socket):
                assert daemon.poll() is None and time.monotonic() < until, "netkitd does not serve"
                time.sleep(0.02)
            play(Job(socket, pods), pods)
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(20) == 0
            left = [link["ifname"] for link in json.loads(run("ip", "-j", "link").stdout) if link["ifname"] != "lo"]
            assert left == [], left
        finally:
            daemon.kill()
            pods.clear()


main()
