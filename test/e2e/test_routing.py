"""Which endpoint gets a call: weights, tiers, endpoints that cannot be connected; and deadlines."""
import time

from harness import SLOW, Case, config, endpoint
from test_pool import burst
from upstream import http, reply, serve


def silent(conn):
    conn.read_request()
    conn.wait_eof(20)


class Weights(Case):
    def counts(self, weights, n=400, **kw):
        # Long enough that an endpoint whose thread has to wait for the processor is not taken for a slow one.
        ups = [self.upstream(serve(delay=0.004)) for _ in weights]
        g = self.gateway(config([endpoint(u.url(), "e%d" % i, weight=w, **kw) for i, (u, w) in enumerate(zip(ups, weights))]))
        with g.client() as c:
            for i in range(n):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
        return [len(u.calls()) for u in ups], ups

    def shares(self, weights, wanted, delta):
        """On a busy machine one may look slower, and gets less: then it is looked at again."""
        for _ in range(5):
            got, _ = self.counts(weights, sum(wanted))
            if all(abs(n - w) <= d for n, w, d in zip(got, wanted, delta)):
                return
        self.fail("%r, five times not within %r of %r" % (got, delta, wanted))

    def test_three_to_one(self):
        self.shares([3, 1], [300, 100], [8, 4])

    def test_equal(self):
        self.shares([1, 1, 1], [100, 100, 100], [3, 3, 3])

    def test_smooth(self):
        """5:1:1 gives no run of five: a a b a c a a (nginx's example)."""
        got, ups = self.counts([5, 1, 1], 70)
        order = sorted((r.at, i) for i, u in enumerate(ups) for r in u.calls())
        run, longest = 0, 0
        for _, i in order:
            run = run + 1 if i == 0 else 0
            longest = max(longest, run)
        self.assertLessEqual(longest, 4)
        self.assertEqual(got, [50, 10, 10])

    def test_weights_within_batches(self):
        a, b = self.upstream(), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "a", weight=3), endpoint(b.url(), "b", weight=1)]))
        for _ in range(5):
            burst(g, 20)
        self.assertAlmostEqual(len(a.calls()), 75, delta=10)

    def test_higher_tier_stands_by(self):
        a, b = self.upstream(), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "a", tier=1), endpoint(b.url(), "b", tier=0)]))
        with g.client() as c:
            for i in range(20):
                c.rpc("eth_call", id=i)
        self.assertEqual((len(a.calls()), len(b.calls())), (0, 20))

    def test_higher_tier_takes_over(self):
        b = self.upstream()
        g = self.gateway(config([endpoint(self.refused(), "a", tier=0), endpoint(b.url(), "b", tier=1)]))
        with g.client() as c:
            for i in range(20):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
        self.assertEqual(len(b.calls()), 20)


class Unreachable(Case):
    def test_refused_gives_an_answer_within_50_ms(self):
        g = self.gateway(config(endpoint(self.refused())))

        def once():
            with g.client() as c:
                at = time.monotonic()
                r = c.rpc("eth_call")
                took = time.monotonic() - at
                self.assert_error(r, ("upstream_connect", "no_endpoint"), id=1)
                return took
        first = once()
        self.assertLess(min(first, self.best_of(4, once)), 0.05)
        self.assertLess(first, 0.05 * SLOW)

    def test_refused_names_endpoint_and_reason(self):
        g = self.gateway(config(endpoint(self.refused(), "node-1")))
        with g.client() as c:
            r = c.rpc("eth_call")
            self.assert_error(r, "upstream_connect", id=1, endpoint="node-1")

    def test_refused_batch(self):
        g = self.gateway(config(endpoint(self.refused())))
        at = time.monotonic()
        got = burst(g, 50)
        self.assertLess(time.monotonic() - at, 0.2 * SLOW)
        self.assertEqual([x["id"] for x in got], list(range(50)))
        for x in got:
            self.assert_error(x, ("upstream_connect", "no_endpoint"), id=x["id"])

    def test_refused_write_moves_on(self):
        """Nothing was written: a write may go elsewhere."""
        b = self.upstream()
        g = self.gateway(config([endpoint(self.refused(), "a"), endpoint(b.url(), "b")]))
        with g.client() as c:
            for i in range(20):
                self.assertEqual(c.rpc("eth_sendPrivateRawTransaction", [str(i)], id=i)["result"], "0x1")
        self.assertEqual(len(b.calls()), 20)

    def test_failover_is_quick_and_unseen(self):
        b = self.upstream()
        g = self.gateway(config([endpoint(self.refused(), "a", weight=9), endpoint(b.url(), "b")]))
        with g.client() as c:
            at = time.monotonic()
            for i in range(100):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
            self.assertLess(time.monotonic() - at, 1.0 * SLOW)
        self.assertEqual(len(b.calls()), 100)

    def test_all_endpoints_refused(self):
        g = self.gateway(config([endpoint(self.refused(), n) for n in "abc"]))
        with g.client() as c:
            for i in range(5):
                self.assert_error(c.rpc("eth_call", id=i), ("upstream_connect", "no_endpoint"), id=i)

    def test_endpoint_comes_back(self):
        u = self.upstream(listening=False)
        g = self.gateway(config(endpoint(u.url())))
        with g.client() as c:
            for i in range(3):
                self.assertIn("error", c.rpc("eth_call"))
            u.listen()
            self.eventually(lambda: "result" in c.rpc("eth_call"), 8)

    def test_endpoint_dies_and_the_other_takes_all(self):
        a, b = self.upstream(), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "a"), endpoint(b.url(), "b")]))
        with g.client() as c:
            for i in range(10):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
            a.stop()
            for i in range(50):
                r = c.rpc("eth_call", id=i)
                self.assertEqual(r.get("result"), "0x1", r)

    def test_connect_that_hangs_is_cut(self):
        d = self.deaf()
        d.fill()
        time.sleep(0.1)
        g = self.gateway(config(endpoint(d.url, connect_timeout_ms=400)))
        with g.client() as c:
            at = time.monotonic()
            self.assert_error(c.rpc("eth_call"), ("upstream_connect", "upstream_timeout"), id=1)
            self.assertTrue(0.3 < time.monotonic() - at < 0.4 + 0.6 * SLOW)

    def test_connect_that_hangs_moves_on_to_another_endpoint(self):
        d, b = self.deaf(), self.upstream()
        d.fill()
        time.sleep(0.1)
        g = self.gateway(config([endpoint(d.url, "a", connect_timeout_ms=300), endpoint(b.url(), "b")]))
        with g.client() as c:
            for i in range(4):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")

    def test_name_that_does_not_exist(self):
        g = self.gateway(config(endpoint("http://no-such-name.invalid/")))
        with g.client(timeout=30) as c:
            self.assert_error(c.rpc("eth_call"), ("upstream_dns", "upstream_timeout"), id=1, endpoint="a")

    def test_localhost_by_name(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url(host="localhost"))))
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        self.assertEqual(u.calls()[0].header("host"), "localhost:%d" % u.port)

    def test_localhost_ipv6_only(self):
        u = self.upstream(host="::1")
        g = self.gateway(config(endpoint(u.url())))
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        self.assertEqual(u.calls()[0].header("host"), "[::1]:%d" % u.port)


class Deadlines(Case):
    EP = {"batch": {"mode": "off"}}  # a call, a request: what is counted here

    def timed(self, g, method="eth_call", family="evm"):
        with g.client() as c:
            at = time.monotonic()
            self.assert_error(c.rpc(method), "upstream_timeout", id=1, family=family)
            return time.monotonic() - at

    def about(self, took, want):
        self.assertTrue(want - 0.05 < took < want + 0.25 * SLOW, "%.3f s, expected %.1f" % (took, want))

    def test_call_timeout(self):
        g, u = self.front(silent, limits={"call_timeout_ms": 400})
        self.about(self.timed(g), 0.4)

    def test_endpoint_timeout(self):
        g, u = self.front(silent, ep={"timeout_ms": 300}, chain={"retry": {"max_attempts": 1}})
        self.about(self.timed(g), 0.3)

    def test_method_timeout(self):
        g, u = self.front(silent, chain={"methods": {"eth_getLogs": {"timeout_ms": 300}, "trace_*": {"timeout_ms": 500}}},
                          limits={"call_timeout_ms": 1200})
        self.about(self.timed(g, "eth_getLogs"), 0.3)
        self.about(self.timed(g, "trace_block"), 0.5)
        self.about(self.timed(g, "eth_call"), 1.2)

    def test_method_timeout_may_be_longer(self):
        g, u = self.front(serve(delay=0.6), chain={"methods": {"eth_getLogs": {"timeout_ms": 3000}}},
                          limits={"call_timeout_ms": 300})
        with g.client() as c:
            self.assertEqual(c.rpc("eth_getLogs")["result"], "0x1")

    def test_answer_that_drips_is_cut(self):
        """The time-out is absolute: bytes that keep coming do not extend it."""
        def script(conn):
            r = conn.read_request()
            conn.drip(http(reply(r.id, '"' + "x" * 300 + '"')), 0.05)
        g, u = self.front(script, limits={"call_timeout_ms": 500})
        self.about(self.timed(g), 0.5)

    def test_other_calls_are_not_held_up(self):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.call == "eth_getLogs":
                    conn.wait_eof(20)
                    return
                conn.answer(r)
        g, u = self.front(script, limits={"call_timeout_ms": 1000})
        with g.client() as stuck, g.client() as c:
            stuck.send(stuck.build('{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{}]}'))
            at = time.monotonic()
            for i in range(20):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
            self.assertLess(time.monotonic() - at, 0.5 * SLOW)
            self.assert_error(stuck.read_response().json(), "upstream_timeout", id=1)

    def test_batch_with_one_that_times_out(self):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.json["params"] == [3]:
                    conn.wait_eof(20)
                    return
                conn.answer(r)
        g, u = self.front(script, limits={"call_timeout_ms": 500})
        got = burst(g, 6)
        for x in got:
            if x["id"] == 3:
                self.assert_error(x, "upstream_timeout", id=3)
            else:
                self.assertEqual(x["result"], "0x1")

    def test_socket_of_a_timed_out_call_is_not_reused(self):
        g, u = self.front(silent, limits={"call_timeout_ms": 300})
        self.timed(g)
        self.eventually(lambda: not u.open_conns(), 3, "the socket is still open")
