#!/usr/bin/env python3
"""A minute of mixed calls from 100 connections over nodes that close sockets: nothing may fail, leak or stay open.
See README.md beside this file.  Python's standard library only; loopback only; everything bounded in time."""

import argparse
import os
import re
import shutil
import sys
import time

sys.dont_write_bytecode = True
from rig import ROOT, descriptors, free_port, measure, rss_mib, say, table  # noqa: E402

POOL = {"max_sockets": 40, "max_idle": 8, "min_warm": 2, "idle_timeout_ms": 3000}
NODE = ["--idle-timeout-ms", 2000, "--max-requests-per-socket", 500, "--delay-us", 300, "--jitter-us", 1000]
# chain, connections, calls/s, batch, mix, and whether it rests now and then, so that sockets grow old.
LOADS = [("evm", 30, 600, 1, "ethereum", False), ("evm", 10, 400, 20, "ethereum", True),
         ("tls", 30, 600, 1, "ethereum", False), ("tls", 5, 200, 20, "ethereum", True),
         ("solana", 20, 300, 1, "solana", True), ("solana-tls", 5, 100, 5, "solana", True)]
ON_S, OFF_S = 6, 4
BAD = re.compile(r"Sanitizer|runtime error|[Aa]ssert|level=error")


def set_up(rig):
    evm, solana = rig.devnode(*NODE), rig.devnode(*NODE, "--family", "solana")
    ports = [free_port(), free_port()]
    closing = "keepalive_timeout 2s; keepalive_requests 500;"
    rig.certificates()
    rig.nginx([evm, solana], [{"port": ports[0], "node": 0, "tls": "ecdsa", "lines": closing},
                              {"port": ports[1], "node": 1, "tls": "rsa", "tickets": False, "lines": closing}])

    def endpoint(family, url):
        return family, {"url": url, "pool": POOL, "tls": {"ca_file": rig.path("ca.pem")}}

    return rig.millrace({"evm": endpoint("evm", f"http://127.0.0.1:{evm.port}"),
                         "tls": endpoint("evm", f"https://127.0.0.1:{ports[0]}"),
                         "solana": endpoint("solana", f"http://127.0.0.1:{solana.port}"),
                         "solana-tls": endpoint("solana", f"https://127.0.0.1:{ports[1]}")},
                        env={"ASAN_OPTIONS": "detect_leaks=1"})


class Stream:
    """One row of LOADS: its runs of the generator, one after the other until the end."""

    def __init__(self, row):
        self.chain, self.connections, self.rate, self.batch, self.mix, self.rests = row
        self.process, self.next = None, 0.0
        self.calls, self.errors = 0, {}

    def take(self, rig):
        report = rig.load_end(self.process, 30)
        self.process = None
        self.calls += report["calls"]
        for kind, n in report["errors"].items():
            self.errors[kind] = self.errors.get(kind, 0) + n

    def drive(self, rig, m, now, end):
        if self.process and self.process.poll() is not None:
            self.take(rig)
            self.next = now + OFF_S if self.rests else now
        if not self.process and now >= self.next and end - now > 1:
            seconds = min(ON_S, end - now) if self.rests else end - now
            self.process = rig.load_start(m, self.chain, connections=self.connections, rate=self.rate, batch=self.batch,
                                          mix=self.mix, seconds=f"{seconds:.1f}", verify=True)


def within(s):
    return s["active"] == 0 and s["waiting"] == 0 and s["dialling"] <= POOL["min_warm"] and s["idle"] <= POOL["max_idle"]


def soak(o, rig, targets):
    m = set_up(rig)
    asan = "AddressSanitizer" in os.popen(f"ldd {rig.millrace_path}").read() or "libasan" in open(
        f"/proc/{m.pid}/maps").read()
    time.sleep(1)
    start = {"rss": rss_mib(m.pid), "fds": descriptors(m.pid)}
    streams = [Stream(row) for row in LOADS]
    begin = time.monotonic()
    end = begin + o.seconds
    early, most, samples = None, 0, []
    try:
        while time.monotonic() < end or any(s.process for s in streams):
            now = time.monotonic()
            for s in streams:
                s.drive(rig, m, now, end)
            if now - begin > len(samples) * 2:
                page = rig.status(m)
                most = max(most, page["clients"]["service_connections"])
                samples.append((now - begin, rss_mib(m.pid), descriptors(m.pid), page["upstream_sockets"]))
                if early is None and now - begin >= o.settle:
                    early = samples[-1][1]
            time.sleep(0.1)
    finally:
        for s in streams:
            if s.process:
                s.process.kill()
                s.process.wait()
    late = rss_mib(m.pid)
    early = early or samples[0][1]
    limit = time.monotonic() + 6
    ended = time.monotonic()
    back = None
    while time.monotonic() < limit:
        page = rig.status(m)
        if all(within(e["sockets"]) for e in page["endpoint"].values()):
            back = time.monotonic() - ended
            break
        time.sleep(0.1)
    time.sleep(5)  # past every idle time-out: only what is kept warm is left
    page, rest = rig.status(m), {"rss": rss_mib(m.pid), "fds": descriptors(m.pid)}
    code = m.stop()
    printed = [line for line in m.text().splitlines() if BAD.search(line)]
    warned = [line for line in m.text().splitlines() if "level=warn" in line]

    table(f"{o.seconds:.0f} s, {sum(s.connections for s in streams)} connections"
          f"{', address sanitizer' if asan else ''}",
          ["", "calls", "errors", "opened", "closed", "dial failed", "moved", "reuse", "idle", "full", "resumed"],
          [[name, sum(s.calls for s in streams if s.chain == name),
            sum(s.errors.get("total", 0) for s in streams if s.chain == name), e["sockets"]["opened"],
            e["sockets"]["closed"], e["sockets"]["dial_failed"], e["moved"], e["reuse_ratio"], e["sockets"]["idle"],
            e.get("tls_handshakes_full", ""), e.get("tls_handshakes_resumed", "")]
           for name, e in page["endpoint"].items()])
    table("memory and descriptors", ["at", "RSS MiB", "descriptors", "upstream sockets"],
          [[f"{t:.0f} s", f"{rss:.1f}", fds, up] for t, rss, fds, up in samples[::max(len(samples) // 8, 1)]])
    errors = {k: n for s in streams for k, n in s.errors.items() if n and k != "total"}
    failed = {k: n for e in page["endpoint"].values() for k, n in e["errors"].items() if n}
    targets.add("100 connections", most >= 100, f"{most} at once")
    targets.add("no error", not errors, f"{sum(s.calls for s in streams)} calls, errors {errors}, "
                f"upstream failures (moved on by themselves) {failed}")
    targets.add("sockets back at their idle limits", back is not None,
                "not within 6 s" if back is None else f"{back:.1f} s after the last call; then idle "
                + ", ".join(f"{e['sockets']['idle']}" for e in page["endpoint"].values()))
    growth = f"{early:.1f} -> {late:.1f} MiB (start {start['rss']:.1f}, at rest {rest['rss']:.1f})"
    if asan:
        say(f"  RSS {growth}: says nothing, the sanitizer keeps what is freed")
    else:
        targets.add(f"RSS flat from {o.settle:.0f} s to the end (<= 2 MiB or 5 %)",
                    late - early <= max(2, 0.05 * early), growth)
    targets.add("descriptors back", rest["fds"] <= start["fds"] + len(page["endpoint"]) * POOL["min_warm"],
                f"{start['fds']} before, {max(x[2] for x in samples)} at most, {rest['fds']} at rest")
    targets.add("exit 0, no leak, nothing bad printed", code == 0 and not printed,
                f"exit {code}, {len(printed)} bad lines, {len(warned)} warnings" + ("" if asan else " (no sanitizer)"))
    for line in (printed + warned)[:20]:
        print(f"  {line}")
    if o.log:
        shutil.copy(m.log, o.log)


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--build", default=os.path.join(ROOT, "build"),
                   help="folder with millrace, bench/load and devnode; -Db_sanitize=address tells leaks")
    a.add_argument("--seconds", type=float, default=60)
    a.add_argument("--settle", type=float, default=10, help="from when on memory has to be flat")
    a.add_argument("--log", help="keep the gateway's log here")
    o = a.parse_args()
    o.settle = min(o.settle, o.seconds / 3)
    measure(o, lambda rig, targets: soak(o, rig, targets))


if __name__ == "__main__":
    main()
