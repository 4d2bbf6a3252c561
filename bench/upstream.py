#!/usr/bin/env python3
"""What warm sockets are worth, and what handshakes cost others: CPU per call over HTTPS with and without reuse, latency
of one endpoint's calls while another one's handshakes run, the share of reused sockets, and latency over a long way.
See README.md beside this file.  Python's standard library only; loopback and network namespaces of its own only;
everything bounded in time."""

import argparse
import fcntl
import heapq
import http.client
import os
import select
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from rig import ROOT, Rig, cpu_ns, free_port, run_parts, say, send_away, table  # noqa: E402

PARTS = ["cpu", "stall", "reuse", "rtt"]
DAY_MS = 86400000
WARM = {"max_sockets": 64, "max_idle": 64, "idle_timeout_ms": DAY_MS}
ONCE = {"max_sockets": 64, "max_idle": 0, "min_warm": 0, "max_requests_per_socket": 1}


def median(values):
    return statistics.median(values) if values else 0.0


def problems(o, report, what):
    if report["errors"]["total"]:
        o.problems.append(f"{what}: {report['errors']} in {report['calls']} calls")


def https(rig, port, pool):
    return "evm", {"url": f"https://127.0.0.1:{port}", "tls": {"ca_file": rig.path("ca.pem")}, "pool": pool,
                   "connect_timeout_ms": 10000}


# ---- CPU per call ----


def part_cpu(o, rig, targets):
    """Warm sockets against a new connection per call, resumed and not, at the same rate of calls."""
    node = rig.devnode("--block-time-ms", DAY_MS)
    servers, chains = [], {"plain": ("evm", {"url": f"http://127.0.0.1:{node.port}", "pool": WARM}),
                           "plain-new": ("evm", {"url": f"http://127.0.0.1:{node.port}", "pool": ONCE})}
    for kind in ("ecdsa", "rsa"):
        for tickets in (True, False):
            servers.append({"port": free_port(), "node": 0, "tls": kind, "tickets": tickets})
        chains[f"{kind}-warm"] = https(rig, servers[-2]["port"], WARM)
        chains[f"{kind}-resumed"] = https(rig, servers[-2]["port"], ONCE)
        chains[f"{kind}-full"] = https(rig, servers[-1]["port"], ONCE)
    rig.nginx([node], servers)
    m = rig.millrace(chains)
    figures = {name: [] for name in chains}
    shakes = {}
    for _ in range(o.rounds):
        for name in chains:
            rig.load(m, name, seconds=0.5, rate=o.tls_rate, connections=4)
            before, c0, t0 = rig.status(m)["endpoint"][name], cpu_ns(m.pid), time.monotonic()
            report = rig.load(m, name, seconds=o.seconds, rate=o.tls_rate, connections=4)
            c1, t1, after = cpu_ns(m.pid), time.monotonic(), rig.status(m)["endpoint"][name]
            problems(o, report, name)
            figures[name].append((c1 - c0) / 1000 / max(report["calls"], 1))
            shakes[name] = [(after.get(k, 0) - before.get(k, 0)) / max(report["calls"], 1)
                            for k in ("tls_handshakes_full", "tls_handshakes_resumed")]
            say(f"  {name}: {figures[name][-1]:.0f} us per call, {report['calls'] / (t1 - t0):.0f} calls/s")
    rig.close()
    cost = {name: median(v) for name, v in figures.items()}
    rows = []
    for name in chains:
        base = cost[name.split("-")[0] + ("" if name.startswith("plain") else "-warm")]
        rows.append([name, f"{cost[name]:.1f}", f"{cost[name] / base:.1f}", *(f"{s:.2f}" for s in shakes[name])])
    table(f"CPU of the gateway per call at {o.tls_rate} calls/s, us (median of {o.rounds})",
          ["", "us", "x warm", "full handshakes a call", "resumed"], rows)
    for kind in ("ecdsa", "rsa"):
        ratio = cost[f"{kind}-full"] / cost[f"{kind}-warm"]
        targets.add(f"TLS reuse costs >= 15x less CPU than a connection per call ({kind}, full handshake)", ratio >= 15,
                    f"{ratio:.1f}x (resumed: {cost[f'{kind}-resumed'] / cost[f'{kind}-warm']:.1f}x)")


# ---- handshakes beside warm calls ----


class Bursts(threading.Thread):
    """50 calls at once for an endpoint whose sockets carry one call each, over and over until told to stop."""

    def __init__(self, port, chain, count):
        super().__init__()
        self.port, self.chain, self.count = port, chain, count
        self.over = threading.Event()
        self.seconds, self.bad = [], 0

    def run(self):
        send_away(0)
        call = '{"jsonrpc":"2.0","id":%d,"method":"eth_blockNumber","params":[]}'
        body = "[" + ",".join(call % i for i in range(self.count)) + "]"
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while not self.over.is_set():
            t = time.monotonic()
            c.request("POST", f"/{self.chain}", body, {"Content-Type": "application/json"})
            answer = c.getresponse().read()
            self.bad += self.count - answer.count(b'"result"')
            self.seconds.append(time.monotonic() - t)
        c.close()


def part_stall(o, rig, targets):
    node, other = rig.devnode("--block-time-ms", DAY_MS, near=True), rig.devnode("--block-time-ms", DAY_MS)
    ports = {kind: free_port() for kind in ("ecdsa", "rsa")}
    far = rig.nginx([other], [{"port": p, "node": 0, "tls": kind, "tickets": False} for kind, p in ports.items()])
    rig.send_away(far)
    rig.send_away(other)
    once = dict(ONCE, max_sockets=o.burst)
    m = rig.millrace({"warm": ("evm", {"url": f"http://127.0.0.1:{node.port}", "pool": WARM}),
                      **{kind: https(rig, p, once) for kind, p in ports.items()}})
    rig.load(m, "warm", seconds=1, rate=o.stall_rate, connections=20, near=True)
    for kind in ports:
        quiet, busy, took, full = [], [], [], 0
        for _ in range(o.stall_rounds):
            quiet.append(rig.load(m, "warm", seconds=o.seconds, rate=o.stall_rate, connections=20, near=True))
            before = rig.status(m)["endpoint"][kind]
            b = Bursts(m.port, kind, o.burst)
            b.start()
            try:
                busy.append(rig.load(m, "warm", seconds=o.seconds, rate=o.stall_rate, connections=20, near=True))
            finally:
                b.over.set()
                b.join()
            after = rig.status(m)["endpoint"][kind]
            full += after["tls_handshakes_full"] - before["tls_handshakes_full"]
            took += b.seconds
            if b.bad:
                o.problems.append(f"stall {kind}: {b.bad} calls without result")
            problems(o, busy[-1], f"stall {kind}")
            say(f"  {kind}: p99 {quiet[-1]['latency_us']['p99']:.0f} -> {busy[-1]['latency_us']['p99']:.0f} us, "
                f"{len(b.seconds)} bursts of {median(b.seconds) * 1000:.0f} ms")
        rows, p99 = [], {}
        for name, reports in (("before", quiet), ("during", busy)):
            v = {q: median([r["latency_us"][q] for r in reports]) for q in ("p50", "p90", "p99", "max")}
            p99[name] = v["p99"]
            rows.append([name, *(f"{x:.0f}" for x in v.values())])
        ratios = [b["latency_us"]["p99"] / q["latency_us"]["p99"] for q, b in zip(quiet, busy)]
        table(f"latency of warm calls at {o.stall_rate}/s beside bursts of {o.burst} full handshakes ({kind}; {full} in "
              f"all, a burst took {median(took) * 1000:.0f} ms), us, medians of {o.stall_rounds}",
              ["", "p50", "p90", "p99", "max"], rows)
        targets.add(f"p99 of warm calls during {o.burst} full handshakes <= 2x ({kind})",
                    p99["during"] <= 2 * p99["before"],
                    f"{p99['during'] / p99['before']:.2f}x of medians, {median(ratios):.2f}x in the median round")
    rig.close()


# ---- share of reused sockets ----


def part_reuse(o, rig, targets):
    node = rig.devnode()
    port = free_port()
    rig.nginx([node], [{"port": port, "node": 0, "tls": "ecdsa"}])
    plain, roomy = {"url": f"http://127.0.0.1:{node.port}"}, {"max_sockets": 50, "max_idle": 50}
    # The pool's defaults are what a user gets; a pool that keeps all its sockets shows what max_idle costs.
    m = rig.millrace({"plain": ("evm", plain), "tls": https(rig, port, {}), "arrays": ("evm", plain),
                      "plain-roomy": ("evm", dict(plain, pool=roomy)), "tls-roomy": https(rig, port, roomy),
                      "arrays-roomy": ("evm", dict(plain, pool=roomy))})
    rows = []
    for name in ("plain", "tls", "arrays", "plain-roomy", "tls-roomy", "arrays-roomy"):
        batch = 20 if name.startswith("arrays") else 1
        before = rig.status(m)["endpoint"][name]
        report = rig.load(m, name, seconds=o.reuse_seconds, rate=o.reuse_rate, connections=50, batch=batch)
        after = rig.status(m)["endpoint"][name]
        problems(o, report, f"reuse {name}")
        new, again = (after[k] - before[k] for k in ("requests_new", "requests_reused"))
        ratio = again / max(new + again, 1)
        s = after["sockets"]
        rows.append([name, report["calls"], new, again, f"{100 * ratio:.2f} %", s["opened"], s["closed"]])
        if name in ("plain", "tls"):
            targets.add(f"reuse in steady load >= 99 % ({name})", ratio >= 0.99,
                        f"{100 * ratio:.2f} % of {new + again} calls; status says {after['reuse_ratio']}")
    rig.close()
    table(f"reuse at {o.reuse_rate} calls/s over {o.reuse_seconds} s, 50 clients, cold start; arrays: of 20 calls; "
          f"the pool's defaults, roomy: max_idle 50", ["", "calls", "on new", "on reused", "reused", "opened", "closed"], rows)


# ---- a long way ----


class Way:
    """Two network namespaces with a link that takes its time: two TUN devices, and a thread that carries each packet
    over after the delay.  It needs no module of the kernel, and SYN and ACK travel as slowly as data."""

    def __init__(self, one_way_s):
        self.delay = one_way_s
        tag = f"mr{os.getpid() % 100000}"
        self.nets = (f"{tag}a", f"{tag}b")
        self.addresses = ("10.77.91.1", "10.77.91.2")
        self.fds, self.made = [], []
        self.over = threading.Event()
        self.thread = None

    def open(self):
        for net, own, peer in zip(self.nets, self.addresses, reversed(self.addresses)):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            self.fds.append(fd)
            # TUNSETIFF with IFF_TUN | IFF_NO_PI; the device follows its descriptor into the namespace.
            fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", net.encode(), 0x1001))
            self.ip("netns", "add", net)
            self.made.append(net)
            self.ip("link", "set", net, "netns", net)
            self.ip("-n", net, "addr", "add", own, "peer", peer, "dev", net)
            self.ip("-n", net, "link", "set", net, "up")
            self.ip("-n", net, "link", "set", "lo", "up")
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    @staticmethod
    def ip(*args):
        r = subprocess.run(["ip", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        if r.returncode:
            raise OSError(f"ip {' '.join(args)}: {r.stdout.decode().strip()}")

    def carry(self):
        other = {self.fds[0]: self.fds[1], self.fds[1]: self.fds[0]}
        due, order = [], 0
        while not self.over.is_set():
            wait = min(max(due[0][0] - time.monotonic(), 0), 0.2) if due else 0.2
            for fd in select.select(self.fds, [], [], wait)[0]:
                while True:
                    try:
                        packet = os.read(fd, 65536)
                    except BlockingIOError:
                        break
                    heapq.heappush(due, (time.monotonic() + self.delay, order, other[fd], packet))
                    order += 1
            while due and due[0][0] <= time.monotonic():
                _, _, fd, packet = heapq.heappop(due)
                try:
                    os.write(fd, packet)
                except OSError:
                    pass  # as a lost packet

    def close(self):
        self.over.set()
        if self.thread:
            self.thread.join()
        for fd in self.fds:
            os.close(fd)
        for net in self.made:
            subprocess.run(["ip", "netns", "del", net], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20)


def part_rtt(o, rig, targets):
    way = Way(o.rtt_ms / 2000)
    try:
        try:
            way.open()
        except OSError as e:
            say(f"  left out: two namespaces and /dev/net/tun are needed (root): {e}")
            return
        near, far = way.nets
        address = way.addresses[1]
        rig.certificates(address)
        node = rig.devnode("--block-time-ms", DAY_MS, net=far)
        servers = [{"port": 8000, "node": 0},
                   {"port": 8001, "node": 0, "tls": "ecdsa", "versions": "TLSv1.2"},
                   {"port": 8002, "node": 0, "tls": "ecdsa", "tickets": False, "versions": "TLSv1.2"}]
        rig.nginx([node], servers, net=far, address=address)
        plain = {"url": f"http://{address}:8000"}

        def tls(port, pool):
            return "evm", {"url": f"https://{address}:{port}", "tls": {"ca_file": rig.path("ca.pem")}, "pool": pool}

        # name -> round trips that a call takes: TCP, TLS 1.2 (two, resumed one), and the call's own
        trips = {"plain": 1, "plain-new": 2, "tls": 1, "tls-resumed": 3, "tls-full": 4}
        m = rig.millrace({"plain": ("evm", dict(plain, pool=WARM)), "plain-new": ("evm", dict(plain, pool=ONCE)),
                          "tls": tls(8001, WARM), "tls-resumed": tls(8001, ONCE), "tls-full": tls(8002, ONCE)}, net=near)
        p50 = {name: [] for name in trips}
        for name in trips:
            rig.load(m, name, seconds=1)
        for _ in range(o.rounds):
            for name in trips:
                report = rig.load(m, name, seconds=o.seconds)
                problems(o, report, f"rtt {name}")
                p50[name].append(report["latency_us"]["p50"] / 1000)
                say(f"  {name}: p50 {p50[name][-1]:.1f} ms of {report['calls']} calls")
        rig.close()
        ms = {name: median(v) for name, v in p50.items()}
        table(f"a call at {o.rtt_ms:.0f} ms of round-trip time, p50 in ms (median of {o.rounds}; TLS 1.2)",
              ["", "new connection", "warm socket", "saved", "in round trips", "must be"],
              [[name, f"{ms[name]:.1f}", f"{ms[warm]:.1f}", f"{ms[name] - ms[warm]:.1f}",
                f"{(ms[name] - ms[warm]) / o.rtt_ms:.2f}", trips[name] - trips[warm]]
               for name, warm in (("plain-new", "plain"), ("tls-resumed", "tls"), ("tls-full", "tls"))])
        for name, warm in (("plain-new", "plain"), ("tls-resumed", "tls"), ("tls-full", "tls")):
            saved, must = ms[name] - ms[warm], (trips[name] - trips[warm]) * o.rtt_ms
            targets.add(f"reuse saves the handshake's round trips ({name}: {must:.0f} ms)", saved >= 0.98 * must,
                        f"{saved:.1f} ms: {ms[name]:.1f} -> {ms[warm]:.1f}")
    finally:
        rig.close()
        way.close()


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--build", default=os.path.join(ROOT, "build"), help="folder with millrace, bench/load and devnode")
    a.add_argument("--only", default=",".join(PARTS), help="of " + ",".join(PARTS))
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--seconds", type=float, default=2, help="of one measurement")
    a.add_argument("--tls-rate", type=int, default=100, help="calls/s of cpu")
    a.add_argument("--burst", type=int, default=50, help="handshakes at once of stall")
    a.add_argument("--stall-rate", type=int, default=1000, help="warm calls/s beside them")
    a.add_argument("--stall-rounds", type=int, default=7)
    a.add_argument("--reuse-rate", type=int, default=2000)
    a.add_argument("--reuse-seconds", type=float, default=10)
    a.add_argument("--rtt-ms", type=float, default=50)
    o = a.parse_args()
    run_parts(a, o, PARTS, globals(), prepare=Rig.certificates)


if __name__ == "__main__":
    main()
