"""What a call that asks with "X-Millrace-Explain: 1" is told, and the same in the numbers of /metrics and /status."""
import json
import re
import subprocess
import time

from harness import SLOW, Case, config, endpoint
from upstream import Gate, error_reply, http, serve

CHAIN = {"coalesce": True, "cache": {"max_bytes": 0}}
ONCE = {"retry": {"max_attempts": 1}}  # what a first attempt came to is the answer
ONE = {"max_sockets": 1, "max_idle": 1, "min_warm": 1}
ASK = [("X-Millrace-Explain", "1")]
NAMES = ("endpoint", "flight", "cache", "batch", "boarding-us", "attempts", "upstream-us", "hedge")


def call(method="eth_call", params=(), id=1):
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)})


def told(r):
    """The explanation as {name: text or number}; only those that are there."""
    got = {n: r.header("x-millrace-" + n) for n in NAMES if r.header("x-millrace-" + n) is not None}
    return {n: int(v) if v.isdigit() else v for n, v in got.items()}


class Explain(Case):
    def asking(self, g, body, headers=ASK):
        c = g.client()
        self.addCleanup(c.close)
        c.send(c.build(body, headers=headers))
        return c

    def ask(self, g, body, headers=ASK):
        return self.asking(g, body, headers).read_response()

    def own(self, r):
        """The gateway answered by itself."""
        self.assertEqual(told(r), {"endpoint": "", "flight": "none", "cache": "none", "batch": 0, "boarding-us": 0,
                                   "attempts": 0, "upstream-us": 0, "hedge": "none"})


class Headers(Explain):
    def test_led(self):
        g, _ = self.front(serve(delay=0.05), chain=CHAIN, ep={"name": "some.node"})
        t = told(self.ask(g, call()))
        self.assertEqual(set(t), set(NAMES))
        self.assertEqual((t["endpoint"], t["flight"], t["cache"], t["batch"], t["attempts"]),
                         ("some.node", "led", "none", 1, 1))
        self.assertGreaterEqual(t["upstream-us"], 45000)
        self.assertLess(t["upstream-us"], 5e6 * SLOW)

    def test_only_when_asked(self):
        """On one connection, so that heads that are remembered are not taken for each other."""
        g, _ = self.front(serve(), chain=CHAIN)
        with g.client() as c:
            for headers, asked in ((ASK, 1), ((), 0), ((), 0), (ASK, 1), (ASK, 1), ([("X-Millrace-Explain", "0")], 0),
                                   ([("x-millrace-explain", "1")], 1), ([("X-Millrace-Explain", "true")], 0), ((), 0)):
                r = c.request(call(), headers=headers)
                self.assertEqual(r.json()["result"], "0x1")
                self.assertEqual(len(told(r)), len(NAMES) if asked else 0, r)
                self.assertEqual(b"millrace" in r.raw_head.lower(), bool(asked), r.raw_head)

    def test_pipelined(self):
        g, _ = self.front(serve(), chain=CHAIN)
        with g.client() as c:
            c.send(b"".join(c.build(call(params=[i], id=i), headers=ASK if i % 2 else ()) for i in range(10)))
            for i in range(10):
                r = c.read_response()
                self.assertEqual((r.json()["id"], len(told(r))), (i, len(NAMES) if i % 2 else 0))

    def test_joined(self):
        gate = Gate()
        g, u = self.front(serve(gate.holds('"0x1"')), chain=CHAIN)
        self.addCleanup(gate.open)
        quiet = self.asking(g, call(), ())
        self.eventually(lambda: len(u.calls()) == 1)
        joined = [self.asking(g, call()) for _ in range(3)]
        self.eventually(lambda: g.status()["counters"]["calls_coalesced"] == 3)
        gate.open()
        self.assertEqual(told(quiet.read_response()), {})
        for c in joined:
            t = told(c.read_response())
            self.assertEqual((t["endpoint"], t["flight"], t["batch"], t["attempts"]), ("a", "joined", 1, 1))
            self.assertGreater(t["upstream-us"], 0)
        self.assertEqual(g.status()["chains"]["ethereum"]["methods"]["eth_call"]["coalesced"], 3)

    def test_boarded_a_batch(self):
        gate = Gate()
        g, u = self.front(serve(gate.holds(lambda c: json.dumps(c.json["params"]))), chain=CHAIN,
                          ep={"batch": {"mode": "auto"}, "pool": ONE})
        self.addCleanup(gate.open)
        first = self.asking(g, call(params=["first"]))
        self.eventually(lambda: len(u.calls()) == 1)
        later = [self.asking(g, call(params=[i], id=i)) for i in range(5)]
        time.sleep(0.1 * SLOW)
        gate.open()
        t = told(first.read_response())
        self.assertEqual((t["batch"], t["attempts"]), (1, 1))
        for i, c in enumerate(later):
            r = c.read_response()
            self.assertEqual(r.json()["result"], [i])
            t = told(r)
            self.assertEqual((t["endpoint"], t["flight"], t["batch"], t["attempts"]), ("a", "led", 5, 1))
            self.assertGreaterEqual(t["boarding-us"], 90000)

    def test_attempts_after_a_split(self):
        """The endpoint refuses arrays: each call goes a second time, alone."""
        g, u = self.front(serve('"0x1"', array=lambda r, t: http(error_reply(None, -32600, "batch requests are not supported"))),
                          chain=CHAIN, ep={"batch": {"mode": "always", "window_us": 200000}, "pool": ONE})
        clients = [self.asking(g, call(params=[i], id=i)) for i in range(3)]
        got = [told(c.read_response()) for c in clients]
        self.assertEqual(len(u.arrays()), 1)
        self.assertEqual({(t["batch"], t["attempts"]) for t in got}, {(1, 2)}, got)
        e = g.status()["chains"]["ethereum"]["endpoints"][0]["batch"]
        self.assertEqual((e["refused"], e["splits"]), (1, 3), e)
        self.assertRegex(e["learned"], r"^no batches \(tried again in \d+ s\)$")
        self.assertEqual(e["max_calls"], 1)

    def test_error_of_the_endpoint(self):
        g, _ = self.front(serve((3, "execution reverted")), chain=CHAIN)
        r = self.ask(g, call())
        self.assertEqual(r.json()["error"]["code"], 3)
        t = told(r)
        self.assertEqual((t["endpoint"], t["flight"], t["attempts"]), ("a", "led", 1))

    def test_time_out(self):
        g, u = self.front(serve(delay=5), chain={**CHAIN, **ONCE}, ep={"timeout_ms": 200})
        r = self.ask(g, call())
        self.assert_error(r.json(), "upstream_timeout", 1)
        t = told(r)
        self.assertEqual((t["endpoint"], t["batch"], t["attempts"]), ("a", 1, 1))
        self.assertGreaterEqual(t["upstream-us"], 190000)

    def test_moved_to_another_endpoint(self):
        u = self.upstream(serve())
        g = self.gateway(config([endpoint(self.refused(), "dead", weight=1000), endpoint(u.url(), "alive")], chain=CHAIN))
        for i in range(5):
            t = told(self.ask(g, call(params=[i])))
            self.assertEqual((t["endpoint"], t["attempts"]), ("alive", 1))

    def test_an_attempt_of_its_own(self):
        """The endpoint dies under a call and those who joined it: the first is told so, the others of the next one."""
        gate = Gate()

        def dies(conn):
            if conn.read_request():
                gate.event.wait(15)
                conn.reset()
        a, b = self.upstream(dies), self.upstream(serve())
        self.addCleanup(gate.open)
        g = self.gateway(config([endpoint(a.url(), "a", weight=1000), endpoint(b.url(), "b")], chain={**CHAIN, **ONCE}))
        led = self.asking(g, call())
        self.eventually(lambda: len(a.calls()) == 1)
        joined = self.asking(g, call(id=2))
        self.eventually(lambda: g.status()["counters"]["calls_coalesced"] == 1)
        time.sleep(0.01)
        gate.open()
        r = led.read_response()
        self.assert_error(r.json(), ("upstream_reset", "upstream_truncated"), 1, endpoint="a")
        t = told(r)
        self.assertEqual((t["endpoint"], t["flight"], t["attempts"]), ("a", "led", 1))
        self.assertGreaterEqual(t["upstream-us"], 10000)
        r = joined.read_response()
        self.assertEqual(r.json()["result"], "0x1")
        t = told(r)
        self.assertEqual((t["endpoint"], t["flight"], t["attempts"]), ("b", "joined", 2))

    def test_the_gateway_s_own_answers(self):
        g, u = self.front(serve(), chain=CHAIN)
        for body in (call("eth_sign"), "{", '{"jsonrpc":"2.0","id":1}', "[]"):
            self.own(self.ask(g, body))
        self.assertEqual(u.calls(), [])

    def test_kept_answers(self):
        g, u = self.front(serve())
        for want in (("a", "led", "none", 1), ("", "none", "static", 0), ("", "none", "static", 0)):
            t = told(self.ask(g, call("web3_sha3", ["0x68656c6c6f"])))
            self.assertEqual((t["endpoint"], t["flight"], t["cache"], t["attempts"]), want)
        self.assertEqual(len(u.calls()), 1)
        m = g.admin_get("/metrics").body.decode()
        self.assertIn('millrace_cache_hits_total{chain="ethereum",rule="static"} 2\n', m)
        self.assertIn('millrace_cache_misses_total{chain="ethereum"} 1\n', m)
        self.assertIn('millrace_cache_answers{chain="ethereum"} 1\n', m)
        c = g.status()["chains"]["ethereum"]["cache"]
        self.assertEqual((c["hits"], c["misses"], c["answers"]), ({"static": 2}, 1, 1))
        self.assertGreater(c["bytes"], 0)

    def test_overloaded(self):
        gate = Gate()
        g, u = self.front(serve(gate.holds('"0x1"')), chain=CHAIN, limits={"max_inflight_calls": 1})
        self.addCleanup(gate.open)
        self.asking(g, call())
        self.eventually(lambda: len(u.calls()) == 1)
        r = self.ask(g, call(params=[2]))
        self.assertEqual((r.status, r.header("retry-after")), (429, "1"))
        self.own(r)

    def test_arrays_and_notifications_are_not_explained(self):
        g, u = self.front(serve(), chain=CHAIN)
        for body in ("[%s]" % call(), "[%s,%s]" % (call(), call(params=[2], id=2)),
                     '{"jsonrpc":"2.0","method":"eth_call","params":[3]}'):
            r = self.ask(g, body)
            self.assertEqual((r.status, told(r)), (200, {}))

    def test_other_paths_are_not_explained(self):
        g, _ = self.front(serve(), chain=CHAIN)
        with g.client() as c:
            for path in ("/healthz", "/readyz", "/nowhere"):
                self.assertEqual(told(c.request(method="GET", path=path, headers=ASK)), {})

    def test_http_1_0_and_close(self):
        g, _ = self.front(serve(), chain=CHAIN)
        with g.client() as c:
            r = c.request(call(), headers=ASK + [("Connection", "close")])
            self.assertEqual((len(told(r)), r.header("connection")), (len(NAMES), "close"))
        with g.client() as c:
            self.assertEqual(len(told(c.request(call(), headers=ASK, version="1.0"))), len(NAMES))

    def test_pages_may_read_it(self):
        g, _ = self.front(serve(), chain=CHAIN, top={"cors_origins": ["https://app.example"]})
        origin = [("Origin", "https://app.example")]
        with g.client() as c:
            r = c.request(method="OPTIONS", headers=origin + [("Access-Control-Request-Method", "POST"),
                                                              ("Access-Control-Request-Headers", "x-millrace-explain")])
            self.assertIn("x-millrace-explain", r.header("access-control-allow-headers"))
            r = c.request(call(), headers=origin + ASK)
            exposed = {h.strip() for h in r.header("access-control-expose-headers").split(",")}
            self.assertEqual(exposed, {"x-millrace-" + n for n in NAMES})
            self.assertIsNone(c.request(call(), headers=origin).header("access-control-expose-headers"))

    def test_not_sent_on(self):
        g, u = self.front(serve(), chain=CHAIN)
        self.ask(g, call())
        self.assertEqual([h for h, _ in u.requests[-1].headers if "millrace" in h.lower()], [])

    def test_no_secret(self):
        u = self.upstream(serve())
        g = self.gateway(config(endpoint(u.url("/v2/KEY-in-path?key=KEY-in-query"), headers={"x-api-key": "KEY-in-field"}),
                                chain=CHAIN))
        self.assertNotIn(b"KEY", self.ask(g, call()).raw_head)


class Numbers(Explain):
    def metric(self, g, name, **labels):
        text = g.admin_get("/metrics").body.decode()
        for ln in text.split("\n"):
            m = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", ln)
            if m and m.group(1) == "millrace_" + name and all('%s="%s"' % kv in (m.group(2) or "") for kv in labels.items()):
                return float(m.group(3))
        self.fail("no metric %s %r" % (name, labels))

    def test_batches(self):
        g, u = self.front(serve(lambda c: json.dumps(c.json["params"])), chain={**CHAIN, "coalesce": False},
                          ep={"batch": {"mode": "always", "max_calls": 50}, "pool": ONE})
        self.eventually(lambda: len(u.open_conns()) == 1)
        with g.client() as c:
            c.request(call(params=["alone"]))
            c.request("[" + ",".join(call(params=[i], id=i) for i in range(50)) + "]")
        sizes = [len(r.calls) for r in u.requests]
        shared = [n for n in sizes if n > 1]
        self.assertGreater(max(sizes), 1, sizes)
        self.assertEqual(self.metric(g, "endpoint_batches_total"), len(shared))
        self.assertEqual(self.metric(g, "endpoint_batch_calls_count"), len(sizes))
        self.assertEqual(self.metric(g, "endpoint_batch_calls_sum"), sum(sizes))
        for le in (1, 2, 3, 5, 10, 20, 31, 51, 103):
            self.assertEqual(self.metric(g, "endpoint_batch_calls_bucket", le=str(le)), sum(n <= le for n in sizes), le)
        self.assertEqual(self.metric(g, "endpoint_boarding_wait_seconds_count"), 51)
        self.assertGreaterEqual(self.metric(g, "endpoint_boarding_wait_seconds_bucket", le="0"), 1)
        self.assertEqual(self.metric(g, "endpoint_batch_max_calls"), 50)
        self.assertEqual(self.metric(g, "endpoint_batch_on"), 1)
        b = g.status()["chains"]["ethereum"]["endpoints"][0]["batch"]
        self.assertEqual((b["mode"], b["batches"], b["learned"], b["refused"], b["splits"]), ("always", len(shared), "", 0, 0))
        self.assertEqual((b["calls"]["count"], b["calls"]["max"]), (len(sizes), max(sizes)))
        self.assertEqual(b["boarding_us"]["count"], 51)
        table = g.admin_get("/status?format=table").body.decode()
        self.assertRegex(table, r"(?m)^ethereum +a +%d +%d +\S+ +%d +0 +0 .* -$" % (len(sizes), len(shared), max(sizes)))

    def test_what_was_learned(self):
        """The endpoint takes no more than 10 calls."""
        def array(r, texts):
            if len(r.calls) > 10:
                return http(error_reply(None, -32600, "batch too large"))
            return texts
        g, u = self.front(serve(array=array), chain={**CHAIN, "coalesce": False},
                          ep={"batch": {"mode": "always", "max_calls": 40}, "pool": ONE})
        self.eventually(lambda: len(u.open_conns()) == 1)
        with g.client() as c:
            r = c.request("[" + ",".join(call(params=[i], id=i) for i in range(40)) + "]")
        self.assertEqual([x.get("result") for x in r.json()], ["0x1"] * 40)
        b = g.status()["chains"]["ethereum"]["endpoints"][0]["batch"]
        self.assertLessEqual(b["max_calls"], 20)
        self.assertEqual(self.metric(g, "endpoint_batch_max_calls"), b["max_calls"])
        self.assertRegex(b["learned"], r"^at most %d calls \(more in \d+ s\)$" % b["max_calls"])
        self.assertGreaterEqual(b["refused"], 1)
        self.assertEqual(self.metric(g, "endpoint_batches_refused_total"), b["refused"])
        self.assertEqual(self.metric(g, "endpoint_batch_splits_total"), b["splits"])
        self.assertIn("at most %d calls" % b["max_calls"], g.admin_get("/status?format=table").body.decode())
        text = g.admin_get("/metrics").body
        p = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        self.assertEqual((p.returncode, p.stderr + p.stdout), (0, b""))

    def test_off(self):
        g, _ = self.front(serve(), chain=CHAIN, ep={"batch": {"mode": "off"}})
        self.assertEqual(self.metric(g, "endpoint_batch_on"), 0)
        self.assertEqual(self.metric(g, "endpoint_batch_max_calls"), 1)

    def test_coalesced_by_method(self):
        gate = Gate()
        g, u = self.front(serve(gate.holds('"0x1"')), chain=CHAIN)
        self.addCleanup(gate.open)
        clients = [self.asking(g, call()) for _ in range(4)]
        self.eventually(lambda: g.status()["counters"]["calls_coalesced"] == 3)
        gate.open()
        flights = sorted(told(c.read_response())["flight"] for c in clients)
        self.assertEqual(flights, ["joined"] * 3 + ["led"])
        self.assertEqual(self.metric(g, "method_coalesced_total", method="eth_call"), 3)
