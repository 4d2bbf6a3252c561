#!/usr/bin/env python3
"""What sharing saves: equal calls that fly once, calls that share a request, answers that are kept; and what all of it
costs when there is nothing to share.  See README.md beside this file.  Python's standard library only; loopback only;
everything bounded in time."""

import argparse
import os
import statistics
import sys

sys.dont_write_bytecode = True
from rig import ROOT, children, cores, cpu_ns, free_port, pin, run_parts, say, table  # noqa: E402

PARTS = ["hot", "mixes", "burst", "nothing", "array", "saturated"]
DAY_MS = 86400000
POOL = {"max_sockets": 64, "max_idle": 64, "min_warm": 8, "idle_timeout_ms": DAY_MS}
LINKS = {"max_sockets": 8, "max_idle": 8, "min_warm": 8, "idle_timeout_ms": DAY_MS}
CACHE_BYTES = 64 * 1024 * 1024


def median(values):
    return statistics.median(values) if values else 0.0


def problems(o, report, what):
    if report["errors"]["total"]:
        bad = {k: n for k, n in report["errors"].items() if n}
        o.problems.append(f"{what}: {bad} in {report['calls']} calls")


def chain(node, family="evm", coalesce=False, batch="off", cache=0, head=False, pool=POOL, **more):
    """A chain on one node; by default with nothing on."""
    return (family, {"url": f"http://127.0.0.1:{node.port}", "pool": pool, "batch": {"mode": batch}, **more},
            {"coalesce": coalesce, "cache": {"max_bytes": cache, "head": head}})


def everything(node, **more):
    return chain(node, coalesce=True, batch="auto", cache=CACHE_BYTES, **more)


def node_url(node):
    return f"http://127.0.0.1:{node.port}"


class Count:
    """What one node serves, and what the gateway spends, during a `with`."""

    def __init__(self, rig, node, pid=None):
        self.rig, self.node, self.pid = rig, node, pid

    def __enter__(self):
        self.before, self.cpu = self.rig.served(self.node), cpu_ns(self.pid) if self.pid else 0
        return self

    def __exit__(self, *failed):
        if failed[0]:
            return
        if self.pid:
            self.cpu = cpu_ns(self.pid) - self.cpu
        after = self.rig.served(self.node)
        for k, v in after.items():
            setattr(self, k, v - self.before[k])
        self.largest_batch = after["largest_batch"]


# ---- a hot-key mix ----


def zipf(keys, skew):
    weights = [1 / k ** skew for k in range(1, keys + 1)]
    total = sum(weights)
    return [w / total for w in weights]


def best_share(keys, skew, clients):
    """Upstream calls by client calls of a coalescer that misses nothing: `clients` ask, one call at a time each, and a
    question in the air takes a time of 1.  Asked at a rate of r, a question leaves once in 1 + 1/r; who joins waits half of
    its time.  The total rate is found by iteration."""
    rate = clients
    for _ in range(100):
        wait = sum(p * (1 + rate * p / 2) / (1 + rate * p) for p in zipf(keys, skew))
        rate = (rate + clients / wait) / 2
    return sum(p / (1 + rate * p) for p in zipf(keys, skew))


def part_hot(o, rig, targets):
    # The truth is asked of a node that nothing is counted on: all nodes of one chain agree.
    oracle = rig.devnode("--block-time-ms", DAY_MS)
    settings = {"off": {}, "coalesce": {"coalesce": True},
                "coalesce + cache.head": {"coalesce": True, "cache": CACHE_BYTES, "head": True}}
    nodes = {name: rig.devnode("--block-time-ms", DAY_MS, "--delay-us", o.hot_delay_us) for name in settings}
    pool = dict(POOL, max_sockets=512, max_idle=512, min_warm=64)
    m = rig.millrace({name.split(" ")[0] + ("-head" if "head" in name else ""): chain(nodes[name], pool=pool, **s)
                      for name, s in settings.items()})
    rows = []
    for depth in o.hot_depths:
        figures = {name: {"share": [], "requests": [], "p50": [], "p99": [], "rate": []} for name in settings}
        wrong = 0
        for _ in range(o.rounds):
            for name in settings:
                path = name.split(" ")[0] + ("-head" if "head" in name else "")
                with Count(rig, nodes[name]) as c:
                    r = rig.load(m, path, seconds=o.seconds, connections=64, depth=depth, mix="call", skew=1.1,
                                 keys=1000, node=node_url(oracle), truth=True)
                problems(o, r, f"hot {name}")
                wrong += r["errors"]["wrong"] + r["errors"]["id"]
                f = figures[name]
                f["share"].append(c.calls / max(r["calls"], 1))
                f["requests"].append(c.requests / max(r["calls"], 1))
                f["p50"].append(r["latency_us"]["p50"] / 1000)
                f["p99"].append(r["latency_us"]["p99"] / 1000)
                f["rate"].append(r["rate"])
                say(f"  {64 * depth} calls at once, {name}: {100 * f['share'][-1]:.1f} % upstream, p99 {f['p99'][-1]:.1f} ms")
        best = best_share(1000, 1.1, 64 * depth)
        for name, f in figures.items():
            rows.append([f"{64 * depth}", name, f"{100 * median(f['share']):.1f} %",
                         f"{100 * best:.1f} %" if name == "coalesce" else "", f"{median(f['rate']):.0f}",
                         f"{median(f['p50']):.2f}", f"{median(f['p99']):.2f}"])
        for name in [n for n in settings if n != "off"]:
            share = median(figures[name]["share"])
            least = best if name == "coalesce" else 0
            # With so few at once most questions have nobody to share a flight with: then the best there is counts.
            targets.add(f"hot keys, {64 * depth} calls at once, {name}: upstream calls "
                        + ("<= 30 % of client calls" if least < 0.3 else "<= 1.15x of what no coalescer can save"),
                        share <= (0.3 if least < 0.3 else 1.15 * least),
                        f"{100 * share:.1f} %" + (f" (a coalescer that misses nothing: about {100 * best:.1f} %)" if least else ""))
            worse = median(figures[name]["p99"]) / max(median(figures["off"]["p99"]), 1e-9)
            targets.add(f"hot keys, {64 * depth} calls at once, {name}: p99 no worse than with coalescing off",
                        worse <= 1.05, f"{worse:.2f}x (5 % are noise)")
        targets.add(f"hot keys, {64 * depth} calls at once: no answer wrong", wrong == 0, f"{wrong} wrong")
    rig.close()
    table(f"hot keys: 64 connections, Zipf 1.1 over 1,000 reads, endpoint delay {o.hot_delay_us / 1000:.0f} ms; medians of "
          f"{o.rounds}", ["calls at once", "", "calls upstream", "at best", "calls/s", "p50 ms", "p99 ms"], rows)


# ---- synthetic mixes ----


def part_mixes(o, rig, targets):
    settings = {"all off": {}, "coalesce": {"coalesce": True}, "batch": {"batch": "auto"},
                "cache": {"cache": CACHE_BYTES}, "coalesce + batch": {"coalesce": True, "batch": "auto"},
                "all on": {"coalesce": True, "batch": "auto", "cache": CACHE_BYTES},
                "all on, cache.head": {"coalesce": True, "batch": "auto", "cache": CACHE_BYTES, "head": True}}
    for family, mix in (("evm", "ethereum"), ("solana", "solana")):
        args = ["--family", family, "--delay-us", o.mix_delay_us, "--request-us", o.mix_request_us]
        oracle = rig.devnode("--family", family)
        nodes = {name: rig.devnode(*args) for name in settings}
        names = {name: f"c{i}" for i, name in enumerate(settings)}
        pool = dict(POOL, max_sockets=o.mix_links, max_idle=o.mix_links, min_warm=min(8, o.mix_links))
        m = rig.millrace({names[name]: chain(nodes[name], family, pool=pool, **s) for name, s in settings.items()})
        rows, base = [], None
        for name in settings:
            with Count(rig, nodes[name], m.pid) as c:
                r = rig.load(m, names[name], seconds=60, count=o.mix_calls, connections=o.mix_connections, mix=mix,
                             skew=0.99, node=node_url(oracle))
            problems(o, r, f"{mix} {name}")
            n = max(r["calls"], 1)
            now = [c.calls / n, c.requests / n, (c.bytes_in + c.bytes_out) / n]
            base = base or now
            rows.append([name, *(f"{v:.3f}" for v in now[:2]), f"{now[2]:.0f}",
                         *(f"{100 * (1 - v / max(b, 1e-9)):.0f} %" for v, b in zip(now, base)),
                         f"{c.batch_calls / max(c.batches, 1):.1f}", f"{c.cpu / 1000 / n:.1f}",
                         f"{r['latency_us']['p50'] / 1000:.2f}", f"{r['latency_us']['p99'] / 1000:.2f}"])
            say(f"  {mix}, {name}: {now[0]:.3f} calls and {now[1]:.3f} requests upstream a call")
        rig.close()
        table(f"SYNTHETIC {mix} mix (weights of chainbench, keys by Zipf 0.99): per client call, and saved against all "
              f"off; {o.mix_calls} calls from {o.mix_connections} connections over {o.mix_links} links, node: "
              f"{o.mix_request_us} us a request + {o.mix_delay_us} us of way",
              ["", "calls", "requests", "bytes", "calls -", "requests -", "bytes -", "calls a batch", "CPU us", "p50 ms",
               "p99 ms"], rows)


# ---- a burst, and rest ----


def part_burst(o, rig, targets):
    modes = {"off": "off", "auto": "auto", "always": "always"}
    nodes = {name: rig.devnode("--block-time-ms", DAY_MS, "--request-us", 2000, "--call-us", 20) for name in modes}
    m = rig.millrace({name: chain(nodes[name], batch=mode, pool=LINKS) for name, mode in modes.items()})
    took, calm = {n: [] for n in modes}, {n: [] for n in modes}
    batches = dict.fromkeys(modes, 0)
    seen = {}
    for name in modes:
        rig.load(m, name, seconds=0.5, mix="distinct", connections=8)  # the links are warm
    for _ in range(o.rounds):
        for name in modes:
            with Count(rig, nodes[name]) as c:
                r = rig.load(m, name, seconds=o.seconds, connections=50, depth=20, burst=1000, pause=0.05, mix="distinct")
            problems(o, r, f"burst {name}")
            took[name].append(r["burst_us"]["p50"] / 1000)
            seen[name] = [f"{r['calls'] / max(c.requests, 1):.1f}", c.largest_batch,
                          f"{r['latency_us']['p99'] / 1000:.1f}"]
            say(f"  burst, {name}: {took[name][-1]:.1f} ms, {c.requests} requests for {r['calls']} calls")
            with Count(rig, nodes[name]) as c:
                r = rig.load(m, name, seconds=o.seconds, connections=4, rate=o.calm_rate, mix="distinct")
            problems(o, r, f"calm {name}")
            calm[name].append(r["latency_us"]["p50"])
            batches[name] += c.batches
    rig.close()
    table("1,000 distinct calls at once over 8 warm links; the node takes 2 ms a request + 20 us a call (8 links, one call a "
          f"request: {1000 / 8 * 2.02:.0f} ms at best); then the same at {o.calm_rate}/s; medians of {o.rounds}",
          ["batch.mode", "all answered, ms", "calls a request", "largest batch", "p99 ms", "calm p50 us", "calm batches"],
          [[name, f"{median(took[name]):.1f}", *seen[name], f"{median(calm[name]):.0f}", batches[name]] for name in modes])
    share = median(took["auto"]) / median(took["off"])
    targets.add("a burst of 1,000 light calls takes <= 1/5 of the time with batching", share <= 0.2,
                f"{median(took['auto']):.1f} of {median(took['off']):.1f} ms: 1/{1 / share:.1f}")
    wait = median(calm["auto"]) - median(calm["off"])
    targets.add("the same calls at low load wait 0 us", batches["auto"] == 0 and wait <= o.calm_slack_us,
                f"{wait:+.0f} us at p50 (noise up to {o.calm_slack_us:.0f}), {batches['auto']} batches")


# ---- nothing to share ----


def part_nothing(o, rig, targets):
    names = ("off", "on", "against") if o.against else ("off", "on")
    nodes = {name: rig.devnode("--block-time-ms", DAY_MS, "--result-bytes", 42, near=True) for name in names}
    # As many warm links as calls can be under way: each call finds one idle.
    pool = dict(POOL, min_warm=64)
    m = rig.millrace({"off": chain(nodes["off"], pool=pool), "on": everything(nodes["on"], pool=pool)})
    targets_of = {"off": m, "on": m}
    if o.against:  # what it knows of this configuration is not known: as its defaults are
        family, endpoint, _ = chain(nodes["against"], pool=pool)
        targets_of["against"] = rig.millrace({"against": (family, {k: endpoint[k] for k in ("url", "pool")})},
                                             program=os.path.abspath(o.against))
    for process in {p.pid: p for p in targets_of.values()}.values():
        pin(process.pid, cores()[0])  # with the load and the nodes: waking another core would cost more than the call
    rows = []
    for what, options in (("open loop", {"rate": o.nothing_rate, "connections": 50}), ("one connection", {"connections": 1}),
                          ("50 connections", {"connections": 50})):
        cost, p50, shared = {n: [] for n in names}, {n: [] for n in names}, 0
        for n in range(o.rounds + 1):
            for name in names if n % 2 else reversed(names):
                target = targets_of[name]
                with Count(rig, nodes[name], target.pid) as c:
                    r = rig.load(target, name, near=True, seconds=o.seconds, mix="distinct", **options)
                problems(o, r, f"nothing {name}")
                if n == 0:
                    continue  # caches, memory, sockets: once
                cost[name].append(c.cpu / 1000 / max(r["calls"], 1))
                p50[name].append(r["latency_us"]["p50"])
                shared += c.batches if name == "on" else 0
        ratio = median([b / a for a, b in zip(cost["off"], cost["on"])])
        rows.append([what, *(f"{median(cost[n]):.2f}" for n in names), f"{ratio:.3f}",
                     *(f"{median(p50[n]):.0f}" for n in names), shared])
        say(f"  {what}: {rows[-1][1:]}")
        if what != "50 connections":  # there calls pile up and share: no measure of what nothing costs
            targets.add(f"everything on, nothing to share ({what}): CPU per call <= 1.10x of all off", ratio <= 1.10,
                        f"{ratio:.3f}x: {median(cost['off']):.2f} -> {median(cost['on']):.2f} us")
            if o.against:
                ratio = median([b / a for a, b in zip(cost["against"], cost["on"])])
                targets.add(f"everything on, nothing to share ({what}): CPU per call <= 1.10x of {o.against}", ratio <= 1.10,
                            f"{ratio:.3f}x: {median(cost['against']):.2f} -> {median(cost['on']):.2f} us")
    rig.close()
    table(f"distinct calls over idle links, coalescing, batching and cache off and on, in turn; medians of {o.rounds}",
          ["", "CPU us off", *names[1:], "on / off", "p50 us off", *names[1:], "batches"], rows)


# ---- arrays of clients ----


class Peer:
    """nginx as the load and the counters see a gateway."""

    def __init__(self, rig, node):
        self.port = free_port()
        p = rig.nginx([node], [{"port": self.port, "node": 0}])
        kids = children(p.pid)
        self.pid = kids[0] if kids else p.pid


def part_array(o, rig, targets):
    args = ["--block-time-ms", DAY_MS, "--result-bytes", 42]
    nodes = {name: rig.devnode(*args, near=True) for name in ("off", "auto", "all on", "nginx")}
    m = rig.millrace({"off": chain(nodes["off"]), "auto": chain(nodes["auto"], batch="auto"), "all": everything(nodes["all on"])})
    peer = Peer(rig, nodes["nginx"])
    pin(m.pid, cores()[0])
    pin(peer.pid, cores()[0])
    cost = {n: [] for n in nodes}
    rate, shape = {}, {}
    for n in range(o.rounds + 1):
        for name in nodes:
            target = peer if name == "nginx" else m
            with Count(rig, nodes[name], target.pid) as c:
                r = rig.load(target, name.split(" ")[0], near=True, seconds=o.seconds, connections=o.array_connections,
                             batch=50, mix="distinct")
            problems(o, r, f"array {name}")
            if n == 0:
                continue  # not counted: memory, sockets
            cost[name].append(c.cpu / 1000 / max(r["calls"], 1))
            rate[name], shape[name] = r["rate"], c.calls / max(c.requests, 1)
            say(f"  {name}: {cost[name][-1]:.2f} us per call, {shape[name]:.1f} calls a request")
    rig.close()
    table(f"arrays of 50 distinct calls from {o.array_connections} clients, results of 42 bytes; medians of {o.rounds}",
          ["", "CPU us per call", "calls/s", "calls a request upstream"],
          [[n, f"{median(cost[n]):.2f}", f"{rate[n]:.0f}", f"{shape[n]:.1f}"] for n in nodes])
    targets.add("an array of 50 costs <= 1.0 us of CPU per call", median(cost["all on"]) <= 1.0,
                f"{median(cost['all on']):.2f} us with all on, {median(cost['auto']):.2f} with batching alone, "
                f"{median(cost['off']):.2f} without, nginx {median(cost['nginx']):.2f}")


# ---- single calls at saturation ----


def part_saturated(o, rig, targets):
    """The proxy alone on its core.  Where the other core could not keep it busy, its cost still says what it could do."""
    args = ["--block-time-ms", DAY_MS, "--result-bytes", 42]
    nodes = {name: rig.devnode(*args, near=True) for name in ("off", "auto", "all on", "nginx")}
    m = rig.millrace({"off": chain(nodes["off"]), "auto": chain(nodes["auto"], batch="auto"), "all": everything(nodes["all on"])})
    peer = Peer(rig, nodes["nginx"])
    rate, cost, busy, shape, p99 = ({n: [] for n in nodes} for _ in range(5))
    for place, core in (("own core", cores()[1]), ("one core for all", cores()[0])):
        pin(m.pid, core)
        pin(peer.pid, core)
        for values in (rate, cost, busy, shape, p99):
            for n in nodes:
                values[n] = []
        for turn in range(o.rounds + 1):
            for name in nodes if turn % 2 else reversed(nodes):
                target = peer if name == "nginx" else m
                with Count(rig, nodes[name], target.pid) as c:
                    r = rig.load(target, name.split(" ")[0], near=True, seconds=o.seconds, connections=256, mix="distinct")
                problems(o, r, f"saturated {name}")
                if turn == 0:
                    continue  # not counted: memory, sockets
                rate[name].append(r["rate"])
                cost[name].append(c.cpu / 1000 / max(r["calls"], 1))
                busy[name].append(c.cpu / 1e9 / r["seconds"])
                shape[name].append(c.calls / max(c.requests, 1))
                p99[name].append(r["latency_us"]["p99"] / 1000)
                say(f"  {place}, {name}: {rate[name][-1]:.0f} calls/s, {cost[name][-1]:.1f} us, {shape[name][-1]:.1f} a request")
        table(f"256 connections of single distinct calls, results of 42 bytes, {place}; medians of {o.rounds}",
              ["", "calls/s", "share of a core", "CPU us per call", "calls/s of a whole core", "calls a request", "p99 ms"],
              [[n, f"{median(rate[n]):.0f}", f"{median(busy[n]):.2f}", f"{median(cost[n]):.2f}",
                f"{1e6 / max(median(cost[n]), 1e-3):.0f}", f"{median(shape[n]):.1f}", f"{median(p99[n]):.1f}"] for n in nodes])
        # Alone on its core: what that core could carry, for the other one may be the limit.
        figure = {n: 1e6 / max(median(cost[n]), 1e-3) if place == "own core" else median(rate[n]) for n in nodes}
        for other, least in (("off", 1.35), ("nginx", 2.0)):
            ratio = figure["auto"] / max(figure[other], 1)
            targets.add(f"saturated, {place}: calls/s with mode auto >= {least}x {other}", ratio >= least,
                        f"{ratio:.2f}x: {figure['auto']:.0f} to {figure[other]:.0f}")
    rig.close()


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("--build", default=os.path.join(ROOT, "build"), help="folder with millrace, bench/load and devnode")
    a.add_argument("--only", default=",".join(PARTS), help="of " + ",".join(PARTS))
    a.add_argument("--rounds", type=int, default=3)
    a.add_argument("--seconds", type=float, default=2, help="of one measurement")
    a.add_argument("--hot-depths", default="1,16", help="calls under way on each of the 64 connections")
    a.add_argument("--hot-delay-us", type=int, default=5000)
    a.add_argument("--mix-calls", type=int, default=20000)
    a.add_argument("--mix-connections", type=int, default=64)
    a.add_argument("--mix-links", type=int, default=8, help="sockets to the node: fewer than clients, so that calls pile up")
    a.add_argument("--mix-delay-us", type=int, default=2000)
    a.add_argument("--mix-request-us", type=int, default=200)
    a.add_argument("--calm-rate", type=int, default=100, help="calls/s after the bursts")
    a.add_argument("--calm-slack-us", type=float, default=30, help="difference of p50 that is noise")
    a.add_argument("--against", help="another millrace program to compare with where there is nothing to share")
    a.add_argument("--nothing-rate", type=int, default=5000)
    a.add_argument("--array-connections", type=int, default=8)
    o = a.parse_args()
    o.hot_depths = [int(d) for d in o.hot_depths.split(",")]
    run_parts(a, o, PARTS, globals())


if __name__ == "__main__":
    main()
