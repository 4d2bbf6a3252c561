"""Sockets to an endpoint: how many, how long, how warm; and calls that move on when one dies."""
import threading
import time

from harness import SLOW, Case, config, endpoint
from upstream import serve


def call(i=1, method="eth_call"):
    return '{"jsonrpc":"2.0","id":%d,"method":"%s","params":[%d]}' % (i, method, i)


def burst(g, n, method="eth_call", timeout=20):
    """n calls at once in one batch; the answers."""
    with g.client(timeout=timeout) as c:
        return c.request("[" + ",".join(call(i, method) for i in range(n)) + "]").json()


class Pool(Case):
    EP = {"batch": {"mode": "off"}}  # a call, a request: what is counted here

    def test_sequential_calls_use_one_socket(self):
        g, u = self.front()
        with g.client() as c:
            for i in range(100):
                c.rpc("eth_call", id=i)
        self.assertEqual(len(u.conns), 1)

    def test_max_sockets_is_respected_and_calls_queue(self):
        busy = [0, 0]
        lock = threading.Lock()

        def result(r):
            with lock:
                busy[0] += 1
                busy[1] = max(busy)
            time.sleep(0.05)
            with lock:
                busy[0] -= 1
            return '"0x1"'
        g, u = self.front(serve(result), ep={"pool": {"max_sockets": 3}})
        got = burst(g, 20)
        self.assertEqual([x["id"] for x in got], list(range(20)))
        self.assertTrue(all("result" in x for x in got), got)
        self.assertEqual(busy[1], 3)
        self.assertLessEqual(len(u.conns), 3)

    def test_queue_is_first_come_first_served(self):
        g, u = self.front(serve(delay=0.01), ep={"pool": {"max_sockets": 1}})
        burst(g, 15)
        self.assertEqual([r.json["params"][0] for r in u.calls()], list(range(15)))

    def test_queue_has_a_bound(self):
        g, u = self.front(serve(delay=0.2), ep={"pool": {"max_sockets": 1, "max_waiting": 2, "min_warm": 1}})
        self.eventually(lambda: u.open_conns())
        time.sleep(0.1)
        got = burst(g, 8)
        bad = [x for x in got if "error" in x]
        self.assertEqual(len(bad), 5, got)
        for x in bad:
            self.assert_error(x, "queue_full", id=x["id"])

    def test_queue_has_a_deadline(self):
        g, u = self.front(serve(delay=0.7), ep={"pool": {"max_sockets": 1}}, limits={"call_timeout_ms": 400})
        at = time.monotonic()
        got = burst(g, 3)
        took = time.monotonic() - at
        self.assertTrue(0.35 < took < 0.4 + 0.3 * SLOW, took)
        reasons = [x["error"]["data"]["reason"] for x in got]
        self.assertEqual(sorted(reasons), ["queue_timeout", "queue_timeout", "upstream_timeout"], got)

    def test_max_inflight_of_an_endpoint(self):
        busy = [0, 0]
        lock = threading.Lock()

        def result(r):
            with lock:
                busy[0] += 1
                busy[1] = max(busy)
            time.sleep(0.03)
            with lock:
                busy[0] -= 1
            return '"0x1"'
        g, u = self.front(serve(result), ep={"max_inflight": 2})
        self.assertTrue(all("result" in x for x in burst(g, 12)))
        self.assertEqual(busy[1], 2)

    def test_max_upstream_sockets_of_all_endpoints(self):
        """Counted by the gateway: an upstream learns of a closed socket a little later than the gateway opens another."""
        ups = [self.upstream(serve(delay=0.03)) for _ in "ab"]
        g = self.gateway(config([endpoint(u.url(), n, **self.EP) for u, n in zip(ups, "ab")],
                                limits={"max_upstream_sockets": 4}))
        most, stop = [0], threading.Event()

        def watch():
            while not stop.is_set():
                most[0] = max(most[0], g.status()["upstream_sockets"])
        t = threading.Thread(target=watch)
        t.start()
        got = burst(g, 30, "web3_sha3")
        stop.set()
        t.join()
        self.assertTrue(all("result" in x for x in got), got)
        self.assertTrue(all(len(u.calls()) > 5 for u in ups), "an endpoint got nearly nothing")
        self.assertEqual(most[0], 4)

    def test_max_idle(self):
        g, u = self.front(serve(delay=0.1), ep={"pool": {"max_idle": 2}})
        burst(g, 10)
        self.assertGreater(len(u.conns), 2)
        self.eventually(lambda: len(u.open_conns()) == 2, 3, lambda: "%d open" % len(u.open_conns()))
        time.sleep(0.2)
        self.assertEqual(len(u.open_conns()), 2)

    def test_max_idle_zero(self):
        g, u = self.front(ep={"pool": {"max_idle": 0}})
        with g.client() as c:
            for i in range(3):
                c.rpc("eth_call", id=i)
        self.eventually(lambda: not u.open_conns())
        self.assertEqual(len(u.conns), 3)

    def test_idle_timeout(self):
        g, u = self.front(serve(delay=0.05), ep={"pool": {"idle_timeout_ms": 400}})
        burst(g, 5)
        at = time.monotonic()
        n = len(u.open_conns())
        self.assertGreater(n, 1)
        time.sleep(0.2)
        self.assertEqual(len(u.open_conns()), n)
        self.eventually(lambda: not u.open_conns(), 3)
        self.assertTrue(0.35 < time.monotonic() - at < 0.4 + 0.4 * SLOW)

    def test_min_warm_at_start(self):
        g, u = self.front(ep={"pool": {"min_warm": 3}})
        self.eventually(lambda: len(u.open_conns()) == 3)
        time.sleep(0.2)
        self.assertEqual((len(u.conns), len(u.calls())), (3, 0))
        burst(g, 3)
        self.assertEqual(len(u.conns), 3, "a warm socket was there, and yet another was opened")

    def test_min_warm_after_loss(self):
        g, u = self.front(ep={"pool": {"min_warm": 3}})
        self.eventually(lambda: len(u.open_conns()) == 3)
        u.drop_all()
        self.eventually(lambda: len(u.open_conns()) == 3, 5, lambda: "%d open" % len(u.open_conns()))
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_min_warm_survives_the_idle_timeout(self):
        g, u = self.front(ep={"pool": {"min_warm": 2, "idle_timeout_ms": 300}})
        self.eventually(lambda: len(u.open_conns()) == 2)
        for _ in range(6):
            time.sleep(0.2)
            self.eventually(lambda: len(u.open_conns()) == 2, 1, "no longer warm")

    def test_min_warm_when_the_endpoint_comes_late(self):
        u = self.upstream(listening=False)
        g = self.gateway(config(endpoint(u.url(), pool={"min_warm": 2})))
        time.sleep(0.5)
        u.listen()
        self.eventually(lambda: len(u.open_conns()) == 2, 8)
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_dead_endpoint_is_not_hammered(self):
        """Warm-up of an endpoint that refuses backs off."""
        conns = []

        def script(conn):
            conns.append(time.monotonic())
            conn.reset()
        g, u = self.front(script, ep={"pool": {"min_warm": 1}})
        time.sleep(2)
        self.assertLess(len(u.conns), 40)

    def test_max_requests_per_socket(self):
        g, u = self.front(ep={"pool": {"max_requests_per_socket": 3}})
        with g.client() as c:
            for i in range(10):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
        self.assertEqual([c.requests for c in u.conns], [3, 3, 3, 1])
        self.assertEqual(len(u.open_conns()), 1)

    def spread(self, order):
        g, u = self.front(serve(delay=0.1), ep={"pool": {"order": order, "max_idle": 10, "min_warm": 4}})
        self.eventually(lambda: len(u.open_conns()) == 4)
        burst(g, 4)
        u.script = None
        n = len(u.calls())
        with g.client() as c:
            for i in range(8):
                c.rpc("eth_call", id=i)
        return [r.conn.index for r in u.calls()[n:]]

    def test_order_lifo(self):
        self.assertEqual(len(set(self.spread("lifo"))), 1)

    def test_order_fifo(self):
        used = self.spread("fifo")
        self.assertEqual(len(set(used[:4])), 4)
        self.assertEqual(used[:4], used[4:])

    def test_connections_are_shared_by_clients(self):
        g, u = self.front()
        for i in range(30):
            with g.client() as c:
                c.rpc("eth_call", id=i)
        self.assertEqual(len(u.conns), 1)

    def test_steady_load_reuses(self):
        d = self.devnode("--family", "evm", "--delay-us", "500")
        g = self.gateway(config(endpoint(d.url), chain={"coalesce": False, "cache": {"max_bytes": 0}}))
        errors = []

        def load():
            with g.client() as c:
                for i in range(150):
                    r = c.rpc("eth_chainId", id=i)
                    if r.get("id") != i or "result" not in r:
                        errors.append(r)
        threads = [threading.Thread(target=load) for _ in range(10)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(errors, [])
        e = g.status()["chains"]["ethereum"]["endpoints"][0]
        self.assertGreaterEqual(e["reuse_ratio"], 0.98, e)
        self.assertEqual(e["calls"], 1500)
        self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["active"] == 0)
        self.assertLessEqual(g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["idle"], 10)


def silent_closer(conn):
    """Answers once and closes without having said so."""
    r = conn.read_request()
    if r is not None:
        conn.answer(r)


class Moving(Case):
    """Calls whose bytes never left, or whose reused socket died before the first byte of an answer."""

    def test_upstream_that_closes_after_each_answer(self):
        g, u = self.front(silent_closer)
        with g.client() as c:
            for i in range(200):
                r = c.rpc("eth_call", id=i)
                self.assertEqual(r.get("result"), "0x1", r)
        self.assertEqual(len(u.calls()), 200)

    def test_upstream_that_resets_after_each_answer(self):
        def script(conn):
            r = conn.read_request()
            if r is not None:
                conn.answer(r)
                time.sleep(0.001)
                conn.reset()
        g, u = self.front(script)
        with g.client() as c:
            for i in range(200):
                r = c.rpc("eth_call", id=i)
                self.assertEqual(r.get("result"), "0x1", r)

    def test_upstream_that_closes_when_the_second_request_arrives(self):
        """The worst case: the request is written whole on a reused socket, and the socket dies."""
        def script(conn):
            r = conn.read_request()
            if r is None:
                return
            conn.answer(r)
            r = conn.read_request()
            if r is not None:
                conn.reset()
        g, u = self.front(script)
        with g.client() as c:
            for i in range(100):
                r = c.rpc("eth_call", id=i)
                self.assertEqual(r.get("result"), "0x1", r)

    def test_parallel_calls_move_too(self):
        def script(conn):
            r = conn.read_request()
            if r is None:
                return
            conn.answer(r)
            if conn.read_request() is not None:
                conn.reset()
        g, u = self.front(script)
        for _ in range(10):
            for x in burst(g, 10):
                self.assertEqual(x.get("result"), "0x1", x)

    def test_a_write_is_never_sent_twice(self):
        for method, family in (("eth_sendRawTransaction", "evm"), ("eth_sendTransaction", "evm"),
                               ("sendTransaction", "solana"), ("some_unknownMethod", "evm")):
            with self.subTest(method):
                def script(conn):
                    r = conn.read_request()
                    if r is None:
                        return
                    conn.answer(r)
                    if conn.read_request() is not None:
                        conn.reset()
                allowed = {"methods": {"eth_sendTransaction": {"allow": True}}} if family == "evm" else None
                g, u = self.front(script, family=family, chain=allowed)
                with g.client() as c:
                    for i in range(10):
                        read = "eth_call" if family == "evm" else "getBalance"
                        c.rpc(read, [i], id=i)
                        r = c.rpc(method, ["0x%d" % i], id=i)
                        if "error" in r:
                            self.assert_error(r, "upstream_reset", id=i, family=family, endpoint="a")
                sent = [r.json["params"][0] for r in u.calls(method)]
                self.assertEqual(len(sent), len(set(sent)), sent)
                self.assertEqual(len(sent), 10)

    def test_a_write_on_a_socket_that_was_closed_before_succeeds(self):
        """The end was seen before anything was written: nothing is in doubt."""
        g, u = self.front(silent_closer)
        with g.client() as c:
            for i in range(30):
                r = c.rpc("eth_sendPrivateRawTransaction", ["0x%d" % i], id=i)
                self.assertEqual(r.get("result"), "0x1", r)
                time.sleep(0.02)
        self.assertEqual(len(u.calls()), 30)

    def test_a_fresh_socket_that_dies_is_an_error_of_the_endpoint(self):
        g, u = self.front(lambda conn: conn.read_request() and conn.reset(), chain={"retry": {"max_attempts": 1}})
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), "upstream_reset", id=1, endpoint="a")
        self.assertEqual(len(u.calls()), 1)

    def test_moving_has_an_end(self):
        """Every reused socket dies: the call must not wander for ever."""
        all_asked = threading.Barrier(5)

        def script(conn):
            if conn.index < 5:
                r = conn.read_request()
                if r is not None:
                    all_asked.wait(10)
                    conn.answer(r)
            if conn.read_request() is not None:
                conn.reset()
        g, u = self.front(script, ep={"pool": {"min_warm": 5, "max_idle": 10}})
        self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["idle"] == 5)
        burst(g, 5)
        n = len(u.calls())
        with g.client() as c:
            at = time.monotonic()
            r = c.rpc("eth_call")
            self.assertIn("error", r)
            self.assertLess(time.monotonic() - at, 5)
        self.assertLessEqual(len(u.calls()) - n, 8)
