"""Corners where clients, answers and connections meet at a bad moment."""
import json
import signal
import socket
import time

from client import Client
from harness import MILLRACE_FAST, Case, config, endpoint
from upstream import http, reply

MIB = 1 << 20


def sized(conn):
    """Answers with as many bytes as params[0] says, after params[1] seconds."""
    while True:
        r = conn.read_request()
        if r is None:
            return
        n, delay = r.json["params"][:2]
        time.sleep(delay)
        conn.send(http(reply(r.id, '"%s"' % ("r" * n))))


def call(id, n=10, delay=0.0):
    return {"jsonrpc": "2.0", "id": id, "method": "eth_call", "params": [n, delay]}


class Batches(Case):
    EP = {"batch": {"mode": "off"}}  # a call, a request: what is counted here

    def assert_sizes(self, got, want):
        self.assertEqual([(x["id"], len(x.get("result", ()))) for x in got], list(enumerate(want)))

    def test_complete_batch_that_the_client_takes_slowly(self):
        """All but the first are there early: the batch leaves whole, with its length, in more than one go."""
        g, u = self.front(sized, limits={"max_client_buffer_bytes": 16 * MIB})
        with Client(g.addr, rcvbuf=4096) as c:
            c.send(c.build([call(0, 10, 1.0)] + [call(i, 30000) for i in range(1, 300)]))
            time.sleep(1.5)
            r = c.read_response()
            self.assertIsNotNone(r.header("content-length"))
            self.assert_sizes(r.json(), [10] + [30000] * 299)
            c.send(c.build(call(0)))
            self.assertEqual(len(c.read_response().json()["result"]), 10)

    def test_large_answers_before_a_small_first_one(self):
        """Later answers outgrow the client's share and are read no further: the first one, small as it is, sets them free."""
        for size, limits in ((200000, {"max_client_buffer_bytes": 65536}), (3 * MIB, {})):
            g, u = self.front(sized, limits=limits)
            start = time.monotonic()
            with g.client() as c:
                c.send(c.build([call(0, 10, 0.4), call(1, 10, 0.3), call(2, size), call(3, size), call(4, size)]))
                self.assert_sizes(c.read_response().json(), [10, 10, size, size, size])
            self.assertLess(time.monotonic() - start, 4)


class Requests(Case):
    def test_bytes_before_a_request_are_nobody_elses(self):
        """An empty line may come before a request; half of one must not reach the next client's parser."""
        g, u = self.front(sized)
        with g.client() as a, g.client() as b:
            a.send(b"\r")
            time.sleep(0.2)
            self.assertEqual(b.request(json.dumps(call(1))).status, 200)
            a.send(b"\n" + a.build(call(2)))
            self.assertEqual(a.read_response().json()["id"], 2)


class Continue(Case):
    def test_time_for_a_body_begins_when_it_is_asked_for(self):
        """100 Continue has to wait for the answer before it."""
        g, u = self.front(sized, limits={"body_timeout_ms": 500})
        with g.client() as c:
            body = json.dumps(call(2)).encode()
            c.send(c.build(call(1, 10, 1.0)) + c.build(body, headers={"Expect": "100-continue"})[:-len(body)])
            self.assertEqual(c.read_response().json()["id"], 1)
            self.assertEqual(c.read_response(informational=True).status, 100)
            c.send(body)
            self.assertEqual(c.read_response().json()["id"], 2)


class SlowReaders(Case):
    def read_slowly(self, c, n):
        """Takes n bytes at about 10 MB/s, and the rest of the answer."""
        got = 0
        while got < n:
            d = c.sock.recv(65536)
            if not d:
                break
            got += len(d)
            time.sleep(0.006)
        return got

    def ask(self, size, **limits):
        g, u = self.front(sized, limits=limits, program=MILLRACE_FAST, ep={"max_response_bytes": 32 * MIB})
        c = Client(g.addr, rcvbuf=262144)
        self.addCleanup(c.close)
        c.send(c.build(call(1, size)))
        return g, c

    def test_slow_but_steady_is_no_write_timeout(self):
        g, c = self.ask(20 * MIB, write_timeout_ms=700)
        self.assertGreaterEqual(self.read_slowly(c, 20 * MIB), 20 * MIB)

    def test_a_connection_with_unsent_bytes_is_not_idle(self):
        g, c = self.ask(20 * MIB, idle_timeout_ms=500)
        self.assertGreaterEqual(self.read_slowly(c, 20 * MIB), 20 * MIB)

    def test_draining_waits_for_what_is_unsent(self):
        g, c = self.ask(20 * MIB)
        time.sleep(0.5)
        g.signal(signal.SIGTERM)
        self.assertGreaterEqual(self.read_slowly(c, 20 * MIB), 20 * MIB)


class NotReading(Case):
    """A client that asks for much and reads nothing: its share is all it holds, and others do not notice."""

    SMALL = 50000  # an answer that comes in one read

    def flood(self):
        g, u = self.front(sized, limits={"call_timeout_ms": 60000, "write_timeout_ms": 60000}, program=MILLRACE_FAST)
        with g.client() as c:
            c.request(json.dumps(call(0)))
        before = g.rss_kib()
        c = Client(g.addr, rcvbuf=65536)
        self.addCleanup(c.close)
        for i in range(4):
            c.send(c.build([call(j, self.SMALL) for j in range(1000)]))
        time.sleep(2)
        return g, c, before

    def test_answers_that_come_in_one_read_are_bounded_too(self):
        g, c, before = self.flood()
        self.assertLessEqual((g.rss_kib() - before) / 1024, 16)
        with g.client() as other:
            start = time.monotonic()
            self.assertEqual(len(other.request(json.dumps(call(1))).json()["result"]), 10)
            self.assertLess(time.monotonic() - start, 1)

    def test_idle_connections_keep_no_large_bad_answer(self):
        junk = b"[" + b"0," * (4 * MIB) + b"0]"

        def script(conn):
            while conn.read_request():
                time.sleep(0.3)
                conn.send(http(junk))
        g, u = self.front(script, program=MILLRACE_FAST, limits={"max_client_buffer_bytes": 128 * MIB},
                          chain={"coalesce": False})
        before = g.rss_kib()
        with g.client() as c:
            for x in c.request(json.dumps([call(i) for i in range(6)])).json():
                self.assert_error(x, "upstream_not_rpc", id=x["id"])
        self.assertEqual(len(u.open_conns()), 6)
        self.assertLessEqual((g.rss_kib() - before) / 1024, 16)

    def test_large_requests_are_not_taken_all_at_once(self):
        g, u = self.front(sized, program=MILLRACE_FAST)
        before = g.rss_kib()
        with Client(g.addr, timeout=2) as c:
            body = json.dumps({**call(1), "params": [10, 1.0, "x" * (8 * MIB)]})
            try:
                c.send(c.build(body) * 20)
            except socket.timeout:
                pass
            self.assertLessEqual((g.rss_kib() - before) / 1024, 40)

    def test_all_of_it_arrives_when_it_reads(self):
        g, c, before = self.flood()
        for i in range(4):
            got = c.read_response().json()
            bad = [x for j, x in enumerate(got) if x["id"] != j or len(x.get("result", ())) != self.SMALL]
            self.assertFalse(bad, repr(bad)[:1000])


class SharedSockets(Case):
    """Chains that share max_upstream_sockets."""

    def two_chains(self, script, sockets, chains="ab"):
        ups = [self.upstream(script) for _ in chains]
        g = self.gateway({"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "limits": {"max_upstream_sockets": sockets},
                          "chains": {name: {"family": "evm", "endpoints": [endpoint(u.url())]}
                                     for name, u in zip(chains, ups)}})
        return g, ups

    def test_who_stopped_waiting_takes_no_socket_from_others(self):
        g, (ua, ub) = self.two_chains(sized, 1)
        with g.client() as a:
            a.send(a.build(call(1, 10, 0.6), path="/a"))
            time.sleep(0.2)
            b = g.client()
            b.send(b.build(call(1), path="/b"))
            time.sleep(0.2)
            b.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            b.close()
            a.read_response()
            for i in range(20):
                a.request(json.dumps(call(i)), path="/a")
        self.assertLessEqual(len(ua.conns), 2)

    def test_sockets_that_end_together_wake_all_who_wait(self):
        def closing(conn):
            r = conn.read_request()
            n, delay = r.json["params"]
            time.sleep(delay)
            conn.send(http(reply(r.id), headers=[("Connection", "close")]))
        g, ups = self.two_chains(closing, 2, "abc")
        with g.client() as a, g.client() as b, g.client() as c:
            a.send(a.build([call(1, 10, 0.5), call(2, 10, 0.5)], path="/a"))
            time.sleep(0.2)
            b.send(b.build(call(1, 10, 2.0), path="/b"))
            time.sleep(0.1)
            start = time.monotonic()
            c.request(json.dumps(call(1)), path="/c")
            self.assertLess(time.monotonic() - start, 1.5)


class Refused(Case):
    """An endpoint whose open connections live on while it takes no new one."""

    def stop_listening(self, u):
        u.stopping = True
        u.sock.shutdown(socket.SHUT_RDWR)
        u.sock.close()
        u.thread.join(5)

    def test_is_left_alone_while_a_call_is_on_its_way(self):
        g, u = self.front(sized)
        with g.client() as a, g.client() as b:
            a.send(a.build(call(1, 10, 1.5)))
            time.sleep(0.3)
            self.stop_listening(u)
            b.send(b.build(call(2)))
            self.assertEqual(a.read_response().json()["id"], 1)
            self.assertEqual(len(b.read_response().json()["result"]), 10)  # by the first one's connection
        self.assertLess(g.status()["counters"]["dials_failed"], 10)

    def test_calls_move_to_an_endpoint_that_connects(self):
        ua, ub = self.upstream(sized), self.upstream(sized)
        g = self.gateway(config([endpoint(ua.url(), "a", tier=0), endpoint(ub.url(), "b", tier=1)],
                                chain={"coalesce": False}))
        with g.client() as a, g.client() as b:
            a.send(a.build(call(1, 10, 1.5)))
            time.sleep(0.3)
            self.stop_listening(ua)
            start = time.monotonic()
            self.assertEqual(len(b.request(json.dumps(call(2))).json()["result"]), 10)
            self.assertLess(time.monotonic() - start, 0.7)
            self.assertEqual(a.read_response().json()["id"], 1)
        self.assertEqual((len(ua.requests), len(ub.requests)), (1, 1))


def far(away, rounds=1):
    """A script: a CONNECT proxy that takes `away` seconds, and behind it a server that drops each connection on its
    request after the first `rounds`."""
    def script(conn):
        if conn.read_request() is None:
            return
        time.sleep(away)
        conn.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        for _ in range(rounds):
            r = conn.read_request()
            if r is None:
                return
            n, delay = r.json["params"]
            time.sleep(delay)
            conn.send(http(reply(r.id, '"%s"' % ("r" * n))))
        conn.read_request()
    return script


class DeadSockets(Case):
    def proxied(self, script, **ep):
        u = self.upstream(script)
        return self.gateway(config(endpoint("http://node.invalid/", proxy=u.url(), **ep))), u

    def test_an_endpoints_time_limit_does_not_run_while_a_call_moves(self):
        """500 of its 700 ms pass before the first connection dies, 400 more while the second is made."""
        def script(conn):
            if conn.read_request() is None:
                return
            time.sleep(0.4)
            conn.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            r = conn.read_request()
            if r:
                conn.answer(r)
                if conn.read_request():
                    time.sleep(0.5)
        g, u = self.proxied(script, timeout_ms=700)
        with g.client() as c:
            c.request(json.dumps(call(0)))
            self.assertIn("result", c.request(json.dumps(call(1))).json())

    def test_calls_under_dead_sockets_move_at_once(self):
        """Ten of twenty idle sockets are dead: ten new ones are dialled side by side, and others need not wait for them."""
        g, u = self.proxied(far(0.2), pool={"max_sockets": 20, "max_idle": 20})
        with g.client() as c:
            c.request(json.dumps([call(i, 10, 0.5) for i in range(20)]))
            start = time.monotonic()
            got = c.request(json.dumps([call(i) for i in range(10)])).json()
            self.assertLess(time.monotonic() - start, 1.0)
            self.assertEqual([len(x.get("result", ())) for x in got], [10] * 10, got)


class Signals(Case):
    EP = {"batch": {"mode": "off"}}  # a call, a request: what is counted here

    def test_draining_sends_the_notifications_that_wait(self):
        g, u = self.front(sized, ep={"pool": {"max_sockets": 1}})
        with g.client() as a:
            a.send(a.build(call(1, 10, 0.5)))
            time.sleep(0.1)
            with g.client() as c:
                note = {k: v for k, v in call(0).items() if k != "id"}
                for _ in range(5):
                    self.assertEqual(c.request(json.dumps(note)).body, b"")
            g.signal(signal.SIGTERM)
            self.assertEqual(a.read_response().json()["id"], 1)
        self.assertEqual(g.wait(10), 0)
        self.assertEqual(len(u.requests), 6)

    def test_signals_after_the_drain_do_not_kill(self):
        g, u = self.front(sized)
        with g.client() as c:
            c.request(json.dumps(call(1)))
            g.signal(signal.SIGTERM)
            time.sleep(0.3)  # drained; the client's end is waited for
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                if g.alive():
                    g.signal(number)
            self.assertEqual(g.wait(10), 0)


class Tiers(Case):
    def two(self, **pool):
        ua, ub = self.upstream(sized), self.upstream(sized)
        g = self.gateway(config([endpoint(ua.url(), "a", tier=0, pool=pool, batch={"mode": "off"}),
                                 endpoint(ub.url(), "b", tier=1, batch={"mode": "off"})], chain={"coalesce": False}))
        # Not as an array, which stays with one endpoint whatever its queue.
        clients = [self.posting(g, json.dumps(call(i, 10, 0.3))) for i in range(10)]
        got = [c.read_response().json() for c in clients]
        self.assertEqual([len(x.get("result", ())) for x in got], [10] * 10, got)
        return len(ua.requests), len(ub.requests)

    def test_a_busy_tier_is_waited_for(self):
        self.assertEqual(self.two(max_sockets=2), (10, 0))

    def test_a_full_queue_is_left_to_the_next_tier(self):
        self.assertEqual(self.two(max_sockets=2, max_waiting=3), (5, 5))
