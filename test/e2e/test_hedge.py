"""Reads whose answer is late are asked a second time, of another endpoint: when, what they cost, and what becomes of the
answer that came too late."""
import json
import threading
import time

from client import Client
from harness import MILLRACE_FAST, SLOW, Case, config, endpoint
from upstream import Gate, error_reply, http

ASK = [("X-Millrace-Explain", "1")]
KNOWN = 40  # calls after which it is known how long an answer takes, and the budget has two hedges


def chain(percent=5, delay=5, quantile=0.95, **kw):
    return {"routing": "priority", "coalesce": False, "cache": {"max_bytes": 0},
            "hedge": {"quantile": quantile, "min_delay_ms": delay, "budget_percent": percent}, **kw}


def body(method="eth_call", id=1, params=()):
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)})


def node(name, gate=None, ending=None):
    """Answers with its name; while `gate` is shut each answer waits, and then ends as `ending` does."""
    def script(conn):
        while (req := conn.read_request()) is not None:
            if gate and not gate.event.is_set():
                gate.event.wait(15)
                if ending:
                    ending(conn, req)
                    continue
            conn.answer(req, lambda c: json.dumps("0x" + "ab" * 32 if c.call == "eth_sendRawTransaction" else name))
    return script


class Hedged(Case):
    def two(self, a=None, b=None, conf=None):
        """The first is asked for as long as it can be."""
        self.gate = Gate()
        self.addCleanup(self.gate.open)
        self.gate.open()
        self.a, self.b = self.upstream(a or node("a", self.gate)), self.upstream(b or node("b"))
        return self.gateway(config([endpoint(self.a.url(), "a"), endpoint(self.b.url(), "b")],
                                   chain=conf or chain(percent=10)))

    def warm(self, c, method="eth_call", params=()):
        for i in range(KNOWN):
            self.assertIn("result", c.rpc(method, list(params), id=i))
        self.assertEqual((len(self.a.calls(method)), len(self.b.calls(method))), (KNOWN, 0))
        self.gate.close()

    def ask(self, c, method="eth_call", id=1):
        return c.request(body(method, id), headers=ASK)

    def counters(self, g, *names):
        counters = g.status()["counters"]
        return tuple(counters[n] for n in names)

    ALL = ("hedges", "hedges_won", "hedges_lost", "hedges_over_budget")


class Second(Hedged):
    def test_wins(self):
        """The answer that comes too late is no fault, answers nobody, and frees its connection."""
        g = self.two()
        with g.client() as c:
            self.warm(c)
            r = self.ask(c, id="x")
            self.assertEqual((r.json()["result"], r.json()["id"]), ("b", "x"))
            self.assertEqual([r.header("x-millrace-" + n) for n in ("endpoint", "hedge", "attempts")], ["b", "won", "2"])
            self.assertEqual(self.counters(g, *self.ALL), (1, 1, 0, 0))
            self.gate.open()
            self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["active"] == 0)
            for i in range(20):
                self.assertEqual(self.ask(c, id=i).json(), {"jsonrpc": "2.0", "id": i, "result": "a"})
        status = g.status()
        self.assertEqual(status["chains"]["ethereum"]["endpoints"][0]["errors"], {})
        self.assertEqual(status["counters"]["late_answers"], 0)
        self.assertEqual(len(self.a.conns), 1)

    def test_loses(self):
        b = Gate()
        self.addCleanup(b.open)
        g = self.two(b=node("b", b))
        with g.client() as c:
            self.warm(c)
            c.send(c.build(body(), headers=ASK))
            self.eventually(lambda: len(self.b.calls("eth_call")) == 1)
            self.gate.open()
            r = c.read_response()
            self.assertEqual((r.json()["result"], r.header("x-millrace-hedge"), r.header("x-millrace-endpoint")),
                             ("a", "lost", "a"))
            b.open()
            self.assertEqual(self.ask(c).json()["result"], "a")
        self.assertEqual(self.counters(g, *self.ALL), (1, 0, 1, 0))
        self.assertEqual(g.status()["chains"]["ethereum"]["endpoints"][1]["errors"], {})

    def ended(self, ending, attempts="2"):
        """The first ends badly while the second is out: that is waited for."""
        b = Gate()
        self.addCleanup(b.open)
        self.gate = Gate()
        self.gate.open()
        gate = self.gate
        self.addCleanup(gate.open)
        self.a, self.b = self.upstream(node("a", gate, ending)), self.upstream(node("b", b))
        c3 = self.upstream(node("c"))
        g = self.gateway(config([endpoint(u.url(), n) for u, n in ((self.a, "a"), (self.b, "b"), (c3, "c"))],
                                chain=chain(percent=10)))
        with g.client() as c:
            self.warm(c)
            c.send(c.build(body(), headers=ASK))
            self.eventually(lambda: len(self.b.calls("eth_call")) == 1)
            gate.open()
            time.sleep(0.05 * SLOW)
            b.open()
            r = c.read_response()
            self.assertEqual([r.json()["result"]] + [r.header("x-millrace-" + n) for n in ("hedge", "attempts")],
                             ["b", "won", attempts])
        self.assertEqual(self.counters(g, "retries", *self.ALL), (0, 1, 1, 0, 0))
        self.assertEqual(len(c3.calls("eth_call")), 0)

    def test_first_is_reset(self):
        """On a connection that had been used: that attempt is told, though it counts for none."""
        self.ended(lambda conn, req: conn.reset())

    def test_first_refuses(self):
        self.ended(lambda conn, req: conn.send(http(error_reply(req.id, 429, "rate limit exceeded"))))

    def test_second_refuses(self):
        """The first is waited for."""
        def refuses(conn):
            while (req := conn.read_request()) is not None:
                conn.answer(req, '"0x1"') if req.call != "eth_call" else \
                    conn.send(http(error_reply(req.id, 429, "rate limit exceeded")))
        g = self.two(b=refuses)
        with g.client() as c:
            self.warm(c)
            c.send(c.build(body(), headers=ASK))
            self.eventually(lambda: len(self.b.calls("eth_call")) == 1)
            time.sleep(0.05 * SLOW)
            self.gate.open()
            r = c.read_response()
            self.assertEqual((r.json()["result"], r.header("x-millrace-hedge")), ("a", "lost"))

    def late(self, ending, times=3):
        """So many times the first one is late, and ends badly when the second has answered."""
        self.gate = gate = Gate()
        gate.open()
        self.addCleanup(gate.open)
        g = self.two(a=node("a", gate, ending), conf=chain(percent=50))
        self.gate = gate
        with g.client() as c:
            self.warm(c)
            for i in range(times):
                gate.close()
                self.assertEqual(self.ask(c, id=i).json()["result"], "b")
                gate.open()
                self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["active"] == 0)
        self.assertEqual(self.counters(g, "retries", *self.ALL), (0, times, times, 0, 0))
        return g, g.status()["chains"]["ethereum"]["endpoints"][0]

    def test_loser_ends_badly(self):
        """That it was slow is not held against it, but what it says then is."""
        _, a = self.late(lambda conn, req: conn.send(http("<html>", status="502 Bad Gateway", ctype="text/html")))
        self.assertEqual((a["state"], a["errors"]), ("down", {"upstream_http_status": 3}))

    def test_loser_is_reset(self):
        """On a connection that had been used: that is nobody's fault."""
        _, a = self.late(lambda conn, req: conn.reset(), 2)
        self.assertEqual(a["state"], "up")

    def test_loser_says_that_it_fails(self):
        _, a = self.late(lambda conn, req: conn.send(http(error_reply(req.id, -32603, "no backend"),
                                                          status="503 Service Unavailable")))
        self.assertEqual(a["state"], "down")

    def test_loser_is_refused_for_its_rate(self):
        g, a = self.late(lambda conn, req: conn.send(http(error_reply(req.id, 429, "rate limit exceeded"))), 1)
        self.assertEqual(a["state"], "up")
        g.wait_line("endpoint_(slowed|paused) .*endpoint=a")

    def test_client_leaves(self):
        """Both answers come to nobody."""
        b = Gate()
        self.addCleanup(b.open)
        g = self.two(b=node("b", b))
        with g.client() as c:
            self.warm(c)
            c.send(c.build(body()))
            self.eventually(lambda: len(self.b.calls("eth_call")) == 1)
        self.gate.open()
        b.open()
        self.eventually(lambda: g.status()["inflight_calls"] == 0)
        with g.client() as c:
            self.assertEqual(self.ask(c).json()["result"], "a")

    def test_drains(self):
        g = self.two()
        with g.client() as c:
            self.warm(c)
            self.assertEqual(self.ask(c).json()["result"], "b")
        at = time.monotonic()
        self.end(g)
        self.assertLess(time.monotonic() - at, 5)


class Never(Hedged):
    def never(self, method, params=(), **conf):
        """However late it is."""
        g = self.two(conf=chain(percent=100, **conf))
        with g.client() as c:
            self.warm(c, method, params)
            c.send(c.build(body(method, params=params)))
            time.sleep(0.2 * SLOW)
            self.assertEqual(len(self.b.calls(method)), 0)
            self.gate.open()
            self.assertIn("result", c.read_response().json())
        self.assertEqual(self.counters(g, "hedges"), (0,))

    def test_transactions(self):
        self.never("eth_sendRawTransaction", ["0xff00"], broadcast={"endpoints": ["a"]})

    def test_what_is_not_known(self):
        self.never("sim_other")

    def test_filters(self):
        self.never("eth_newFilter")

    def test_what_is_heavy(self):
        self.never("eth_getLogs")

    def test_where_it_is_told_not_to(self):
        self.never("eth_call", methods={"eth_call": {"hedge": False}})

    def test_without_a_budget(self):
        g = self.two(conf=chain(percent=0))
        with g.client() as c:
            self.warm(c)
            c.send(c.build(body()))
            time.sleep(0.1 * SLOW)
            self.assertEqual(len(self.b.calls("eth_call")), 0)
            self.gate.open()
            self.assertEqual(c.read_response().json()["result"], "a")

    def test_arrays_about_the_head(self):
        """They are one endpoint's."""
        g = self.two(conf=chain(percent=100))
        with g.client() as c:
            self.warm(c)
            c.send(c.build(json.dumps([json.loads(body(id=i)) for i in range(3)])))
            time.sleep(0.2 * SLOW)
            self.gate.open()
            self.assertEqual([e["result"] for e in c.read_response().json()], ["a"] * 3)
        self.assertEqual(self.counters(g, "hedges"), (0,))

    def test_heavy_that_is_told_to(self):
        g = self.two(conf=chain(percent=100, methods={"eth_getLogs": {"hedge": True}}))
        with g.client() as c:
            self.warm(c, "eth_getLogs")
            self.assertEqual(self.ask(c, "eth_getLogs").json()["result"], "b")


class Tail(Case):
    CLIENTS, CALLS = 4, 500

    def percentile(self, g, share=0.99):
        took, wrong = [], []

        def run():
            with Client(g.addr) as c:
                for i in range(self.CALLS):
                    at = time.monotonic()
                    if "result" not in c.rpc("eth_gasPrice", id=i):
                        wrong.append(i)
                    took.append(time.monotonic() - at)
        threads = [threading.Thread(target=run) for _ in range(self.CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        return sorted(took)[int(len(took) * share)]

    def tail(self, percent):
        a = self.devnode("--delay-us", "5000", "--slow-rate", "0.02", "--slow-us", "200000")
        b = self.devnode("--delay-us", "8000")
        g = self.gateway(config([endpoint(a.url, "a"), endpoint(b.url, "b")], chain=chain(percent=percent)),
                         program=MILLRACE_FAST)
        p99 = self.percentile(g)
        return p99, g.status()["counters"]

    def test_is_cut(self):
        """Two in a hundred answers of the first endpoint take 200 ms; the second takes 8 ms."""
        before, counters = self.tail(0)
        self.assertEqual(counters["hedges"], 0)
        self.assertGreater(before, 0.15)
        after, counters = self.tail(5)
        self.assertLess(after, before / 4)
        self.assertLessEqual(counters["hedges"], self.CLIENTS * self.CALLS * 0.05)
        self.assertGreater(counters["hedges_won"], 10)
