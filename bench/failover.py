#!/usr/bin/env python3
"""What clients see of an endpoint that dies, of one that is slow now and then, and what it costs to watch for that; beside
HAProxy and nginx.  See README.md beside this file.  Python's standard library only; loopback only; everything bounded in
time."""

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import time

sys.dont_write_bytecode = True
from rig import ROOT, cores, cpu_ns, free_port, pin, run_parts, say, table  # noqa: E402

PARTS = ["kill", "tail", "cost"]
DAY_MS = 86400000
SLICE_MS = 200
# Each as an operator would set it who wants no error: retries of whatever may be retried, health checks where there are any.
WAYS = {"kill": (signal.SIGKILL, "killed: its connections are reset, new ones refused"),
        "half": (signal.SIGKILL, "killed, and its answers, of 16 KiB, come in halves"),
        "stop": (signal.SIGSTOP, "stopped: it accepts connections and never answers")}


def median(values):
    return statistics.median(values) if values else 0.0


def millrace(rig, nodes, chain=None, pool=None, program=None, weights=None):
    conf = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "chains": {"c": {
        "family": "evm", **(chain or {}),
        "endpoints": [{"name": f"node{i}", "url": f"http://127.0.0.1:{n.port}", "proxy": "none",
                       "weight": weights[i] if weights else 1,
                       "pool": pool or {"max_sockets": 128, "max_idle": 128, "min_warm": 32}}
                      for i, n in enumerate(nodes)]}}}
    path = rig.fresh("endpoints") + ".json"
    with open(path, "w") as f:
        json.dump(conf, f)
    p = rig.start("millrace", [program or rig.millrace_path, "-c", path])
    p.port = int(p.wait_line(r"listening on 127\.0\.0\.1:(\d+)", 30))
    p.admin = int(p.wait_line(r"admin on 127\.0\.0\.1:(\d+)", 30))
    return p


def haproxy(rig, nodes, timeout_s):
    port = free_port()
    path = rig.fresh("haproxy") + ".cfg"
    servers = "".join(f"  server node{i} 127.0.0.1:{n.port}\n" for i, n in enumerate(nodes))
    with open(path, "w") as f:
        f.write(f"""
global
  nbthread 1
  maxconn 4000
  no strict-limits
  tune.bufsize 32768
defaults
  mode http
  option redispatch
  option http-buffer-request
  retry-on all-retryable-errors
  retries 3
  timeout connect 1s
  timeout client 1h
  timeout server {timeout_s}s
  timeout http-keep-alive 1h
  http-reuse always
frontend in
  bind 127.0.0.1:{port} backlog 4096
  default_backend node
backend node
  default-server check inter 1s fall 2 rise 1
{servers}""")
    p = rig.start("haproxy", [rig.haproxy_path, "-db", "-f", path])
    p.wait_port(port)
    p.port = port
    return p


def nginx(rig, nodes, timeout_s):
    port = free_port()
    folder = rig.fresh("nginx")
    os.mkdir(folder)
    servers = " ".join(f"server 127.0.0.1:{n.port};" for n in nodes)
    with open(os.path.join(folder, "conf"), "w") as f:
        f.write(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit; user root; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_timeout 3600s; keepalive_requests 1000000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  upstream nodes {{ {servers} keepalive 128; keepalive_requests 1000000000; keepalive_timeout 3600s; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_next_upstream error timeout http_502 http_503 http_504 non_idempotent; proxy_next_upstream_tries 3;
      proxy_connect_timeout 1s; proxy_read_timeout {timeout_s}s;
    }}
  }}
}}
""")
    p = rig.start("nginx", [rig.nginx_path, "-c", os.path.join(folder, "conf"), "-p", folder])
    p.wait_port(port)
    p.port = port
    return p


# ---- one of three dies ----


def one_death(o, rig, name, way):
    """A gateway and three nodes of its own, a load, and after a while one node less."""
    # On a real line the bytes of an answer come one after the other: half of the time is between its halves.
    answer = {"half": ["--result-bytes", 16384, "--delay-us", o.delay_us // 2, "--half-us", o.delay_us // 2]}
    nodes = [rig.devnode("--block-time-ms", DAY_MS, *answer.get(way, ["--delay-us", o.delay_us])) for _ in range(3)]
    start = {"millrace": lambda: millrace(rig, nodes, {"coalesce": False}),
             "haproxy": lambda: haproxy(rig, nodes, o.timeout_s), "nginx": lambda: nginx(rig, nodes, o.timeout_s)}
    gateway = start[name]()
    load = rig.load_start(gateway, "c" if name == "millrace" else "", seconds=o.kill_seconds, warmup=1, rate=o.rate,
                          connections=o.connections, mix="distinct", **{"slice-ms": SLICE_MS})
    time.sleep(1 + o.kill_seconds / 3)
    at_ns = time.monotonic_ns()
    nodes[0].p.send_signal(WAYS[way][0])
    report = rig.load_end(load, o.kill_seconds + 60)
    if way == "stop":
        nodes[0].p.send_signal(signal.SIGCONT)
    rig.close()
    at = int((at_ns - report["began_ns"]) / 1e6 / SLICE_MS)
    calm = [s["p99"] / 1000 for s in report["slices"][2:at]]
    after = report["slices"][at:]
    usual = median(calm)
    # The last slice with errors, or with a p99 that is not as before; an open loop counts from when a call was due.
    late = [i for i, s in enumerate(after) if s["errors"] or s["p99"] / 1000 > max(3 * usual, usual + 5)]
    return {"errors": report["errors"]["total"], "kinds": {k: v for k, v in report["errors"].items() if v and k != "total"},
            "calls": report["calls"], "slowest": max([s["max"] for s in after] or [0]) / 1000,
            "slowest_before": max([s["max"] for s in report["slices"][2:at]] or [0]) / 1000, "usual": usual,
            "back_ms": SLICE_MS * (late[-1] + 1) if late else 0,
            "slices": [s["p99"] / 1000 for s in report["slices"][at - 1:at + 6]]}


def part_kill(o, rig, targets):
    peers = [p for p in ("millrace", "haproxy", "nginx") if p == "millrace" or getattr(rig, p + "_path", None)]
    for way in o.ways:
        seen = {p: [] for p in peers}
        for _ in range(o.rounds):
            for p in peers:
                r = one_death(o, rig, p, way)
                seen[p].append(r)
                say(f"  {way}, {p}: {r['errors']} errors {r['kinds']} in {r['calls']} calls, slowest {r['slowest']:.1f} ms")
        rows = []
        for p in peers:
            v = seen[p]
            rows.append([p, sum(r["errors"] for r in v), sum(r["calls"] for r in v), f"{median([r['usual'] for r in v]):.1f}",
                         f"{median([r['slowest_before'] for r in v]):.0f}",
                         f"{median([r['slowest'] for r in v]):.0f}", f"{max(r['slowest'] for r in v):.0f}",
                         f"{median([r['back_ms'] for r in v]):.0f}",
                         " ".join(f"{median([r['slices'][i] for r in v if len(r['slices']) > i]):.0f}" for i in range(7))])
        table(f"one of three endpoints is {WAYS[way][1]}; open loop of {o.rate} calls/s, {o.connections} connections, "
              f"{o.delay_us / 1000:.0f} ms to each; {o.rounds} rounds, medians",
              ["", "errors", "calls", "p99 ms before", "slowest before", "slowest after", "of all rounds",
               "back as before, ms", f"p99 ms in slices of {SLICE_MS} ms, from the one before"], rows)
        errors = {p: sum(r["errors"] for r in seen[p]) for p in peers}
        others = [errors[p] for p in peers if p != "millrace"]
        if way == "half":
            targets.add("an endpoint is killed in the middle of answers: no error that a client sees, and fewer than with the others",
                        errors["millrace"] == 0 and all(e > 0 for e in others),
                        ", ".join(f"{p} {n}" for p, n in errors.items()))
        elif way == "kill":
            targets.add("an endpoint is killed: no error that a client sees, and no more than with the others",
                        errors["millrace"] == 0 and all(e >= errors["millrace"] for e in others),
                        ", ".join(f"{p} {n}" for p, n in errors.items()))
            slowest, before = (median([r[k] for r in seen["millrace"]]) for k in ("slowest", "slowest_before"))
            targets.add("... the slowest read takes one round trip more than before",
                        slowest <= before + o.delay_us / 1000 + 1, f"{slowest:.1f} ms, {before:.1f} before it")
            back = median([r["back_ms"] for r in seen["millrace"]])
            targets.add(f"... p99 is as before within {SLICE_MS} ms", back <= SLICE_MS, f"{back:.0f} ms")
        else:
            targets.add("an endpoint is stopped: errors that a client sees (for reference)", errors["millrace"] == 0,
                        ", ".join(f"{p} {n}" for p, n in errors.items()))


# ---- a long tail ----


def part_tail(o, rig, targets):
    """A is quick but for some answers, B a little slower: the second question to B when A takes longer than usual."""
    settings = {"off": {"methods": {"*": {"hedge": False}}}, "on": {}}
    seen = {s: {"p50": [], "p99": [], "p999": [], "extra": []} for s in settings}
    for _ in range(o.rounds):
        for name, chain in settings.items():
            a = rig.devnode("--block-time-ms", DAY_MS, "--delay-us", 5000, "--slow-rate", 0.02, "--slow-us", 200000)
            b = rig.devnode("--block-time-ms", DAY_MS, "--delay-us", 8000)
            g = millrace(rig, [a, b], {"coalesce": False, **chain}, weights=[3, 1])
            rig.load(g, "c", seconds=1, rate=o.tail_rate, connections=64, mix="distinct")  # it knows what is usual
            before = rig.served(a)["calls"] + rig.served(b)["calls"]
            r = rig.load(g, "c", seconds=o.tail_seconds, rate=o.tail_rate, connections=64, mix="distinct", seed=7)
            sent = rig.served(a)["calls"] + rig.served(b)["calls"] - before
            rig.close()
            v = seen[name]
            for q in ("p50", "p99", "p999"):
                v[q].append(r["latency_us"][q] / 1000)
            v["extra"].append(100 * (sent / max(r["calls"], 1) - 1))
            if r["errors"]["total"]:
                o.problems.append(f"tail {name}: {r['errors']}")
            say(f"  hedging {name}: p99 {v['p99'][-1]:.1f} ms, {v['extra'][-1]:+.2f} % calls upstream")
    table(f"A: 5 ms, 2 % of answers 200 ms, weight 3; B: 8 ms, weight 1; {o.tail_rate} calls/s; medians of {o.rounds}",
          ["hedging", "p50 ms", "p99 ms", "p99.9 ms", "extra calls %"],
          [[n, *(f"{median(v[q]):.1f}" for q in ("p50", "p99", "p999")), f"{median(v['extra']):.2f}"] for n, v in seen.items()])
    ratio = median(seen["off"]["p99"]) / max(median(seen["on"]["p99"]), 1e-9)
    targets.add("hedging cuts p99 at least 4x", ratio >= 4,
                f"{ratio:.1f}x: {median(seen['off']['p99']):.1f} -> {median(seen['on']['p99']):.1f} ms")
    targets.add("... for at most 5 % extra calls", median(seen["on"]["extra"]) <= 5, f"{median(seen['on']['extra']):.2f} %")


# ---- what it costs ----


def part_cost(o, rig, targets):
    """Everything as it comes, all endpoints well, against another build: CPU per call with all programs on one core."""
    programs = {"now": None}
    if o.against:
        programs["before"] = os.path.abspath(o.against)
    rows = []
    for n_nodes in o.cost_nodes:
        nodes = {p: [rig.devnode("--block-time-ms", DAY_MS, "--result-bytes", 42, near=True) for _ in range(n_nodes)]
                 for p in programs}
        pool = {"max_sockets": 64, "max_idle": 64, "min_warm": 64 // n_nodes, "idle_timeout_ms": DAY_MS}
        gateways = {p: millrace(rig, nodes[p], pool=pool, program=program) for p, program in programs.items()}
        for g in gateways.values():
            pin(g.pid, cores()[0])
        for what, options in (("open loop", {"rate": o.rate, "connections": 50}), ("one connection", {"connections": 1})):
            cost, p50 = {p: [] for p in programs}, {p: [] for p in programs}
            for turn in range(o.cost_rounds + 1):
                for p in programs if turn % 2 else reversed(list(programs)):
                    cpu = cpu_ns(gateways[p].pid)
                    r = rig.load(gateways[p], "c", near=True, seconds=o.seconds, mix="distinct", **options)
                    cpu = cpu_ns(gateways[p].pid) - cpu
                    if r["errors"]["total"]:
                        o.problems.append(f"cost {p}: {r['errors']}")
                    if turn:  # the first one warms caches, memory and sockets
                        cost[p].append(cpu / 1000 / max(r["calls"], 1))
                        p50[p].append(r["latency_us"]["p50"])
            ratio = median([a / b for a, b in zip(cost["now"], cost["before"])]) if o.against else 0
            rows.append([n_nodes, what, *(f"{median(cost[p]):.2f}" for p in programs), f"{ratio:.3f}" if ratio else "",
                         *(f"{median(p50[p]):.0f}" for p in programs)])
            say(f"  {n_nodes} endpoints, {what}: {rows[-1][2:]}")
            if o.against:
                targets.add(f"{n_nodes} endpoints, {what}: CPU per call <= 1.08x of the build before", ratio <= 1.08,
                            f"{ratio:.3f}x: {median(cost['before']):.2f} -> {median(cost['now']):.2f} us")
        rig.close()
    table(f"distinct calls, all endpoints well, everything on one core; medians of {o.cost_rounds}",
          ["endpoints", "", *(f"CPU us {p}" for p in programs), "now / before", *(f"p50 us {p}" for p in programs)], rows)


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--build", default=os.path.join(ROOT, "build"), help="folder with millrace, bench/load and devnode")
    a.add_argument("--only", default=",".join(PARTS), help="of " + ",".join(PARTS))
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--seconds", type=float, default=2, help="of one measurement of the cost")
    a.add_argument("--rate", type=int, default=5000, help="calls/s")
    a.add_argument("--ways", default="kill,half,stop", help="of " + ",".join(WAYS))
    a.add_argument("--connections", type=int, default=200, help="of clients while an endpoint dies")
    a.add_argument("--delay-us", type=int, default=5000, help="to each endpoint and back, while one dies")
    a.add_argument("--timeout-s", type=int, default=2, help="for an answer, at HAProxy and nginx")
    a.add_argument("--kill-seconds", type=float, default=6)
    a.add_argument("--tail-rate", type=int, default=500)
    a.add_argument("--tail-seconds", type=float, default=10)
    a.add_argument("--against", help="another millrace program, to compare the cost with")
    a.add_argument("--cost-nodes", default="1,3", help="numbers of endpoints")
    a.add_argument("--cost-rounds", type=int, default=7)
    o = a.parse_args()
    o.ways = o.ways.split(",")
    o.cost_nodes = [int(n) for n in o.cost_nodes.split(",")]
    if set(o.ways) - set(WAYS):
        a.error(f"--ways takes of {', '.join(WAYS)}")

    def prepare(rig):
        rig.haproxy_path = shutil.which("haproxy") or next((p for p in ("/usr/sbin/haproxy",) if os.path.exists(p)), None)

    run_parts(a, o, PARTS, globals(), prepare)


if __name__ == "__main__":
    main()
