"""Signals and the end: what is in flight finishes, nothing new begins, the exit code is right."""
import signal
import socket
import struct
import time

from client import Client, Closed
from harness import SLOW, Case
from upstream import serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}'


class Drain(Case):
    def test_in_flight_calls_finish(self):
        g, u = self.front(serve(delay=0.8))
        with g.client() as c:
            c.send(c.build(CALL))
            self.eventually(lambda: len(u.calls()) == 1)
            g.signal(signal.SIGTERM)
            r = c.read_response()
            self.assertEqual(r.json()["result"], "0x1")
            self.assertEqual((r.header("connection") or "").lower(), "close")
            self.assertTrue(c.read_eof())
        self.assertEqual(g.wait(5), 0)

    def test_all_pipelined_calls_finish(self):
        g, u = self.front(serve(delay=0.8), ep={"batch": {"mode": "off"}}, chain={"coalesce": False})
        with g.client() as c:
            c.send(b"".join(c.build(CALL.replace('"id":1', '"id":%d' % i)) for i in range(4)))
            self.eventually(lambda: len(u.calls()) == 4)
            g.signal(signal.SIGTERM)
            got = [c.read_response() for _ in range(4)]
            self.assertEqual([r.json() for r in got], [{"jsonrpc": "2.0", "id": i, "result": "0x1"} for i in range(4)])
            self.assertEqual([r.header("connection") for r in got], [None, None, None, "close"])
            self.assertTrue(c.read_eof())
        self.assertEqual(g.wait(5), 0)

    def test_what_comes_after_the_signal_is_not_carried_out(self):
        """Who is told that the connection ends takes it for unsent, and may send it again elsewhere."""
        g, u = self.front(serve(delay=0.8))
        with g.client() as c:
            c.send(c.build(CALL))
            self.eventually(lambda: len(u.calls()) == 1)
            g.signal(signal.SIGTERM)
            g.wait_line("event=draining")
            c.send(c.build('{"jsonrpc":"2.0","id":2,"method":"eth_sendRawTransaction","params":["0x00"]}'))
            r = c.read_response()
            self.assertEqual((r.json()["id"], (r.header("connection") or "").lower()), (1, "close"))
            self.assertTrue(c.read_eof())
        self.assertEqual(g.wait(5), 0)
        self.assertEqual(u.calls("eth_sendRawTransaction"), [])

    def test_who_came_before_the_signal_is_answered(self):
        """All at once: more than are accepted in one turn, their requests, and the signal."""
        g, u = self.front()
        idle = g.client()
        idle.rpc("eth_call")
        g.signal(signal.SIGSTOP)
        new = [g.client() for _ in range(100)]
        for c in [idle] + new:
            c.send(c.build(CALL))
        silent = g.client()
        g.signal(signal.SIGTERM)
        g.signal(signal.SIGCONT)
        for c in [idle] + new:
            r = c.read_response()
            self.assertEqual((r.json()["result"], r.header("connection")), ("0x1", "close"))
            c.close()
        self.assertTrue(silent.read_eof())
        silent.close()
        self.assertEqual(g.wait(5), 0)

    def test_a_client_that_leaves_is_not_waited_for(self):
        g, u = self.front(lambda conn: (conn.read_request(), conn.wait_eof(20)), limits={"drain_timeout_ms": 8000})
        with g.client() as c:
            c.send(c.build(CALL))
            self.eventually(lambda: len(u.calls()) == 1)
            g.signal(signal.SIGTERM)
            g.wait_line("event=draining")
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        at = time.monotonic()
        self.assertEqual(g.wait(12), 0)
        self.assertLess(time.monotonic() - at, 2.0 * SLOW)

    def test_in_flight_batch_finishes(self):
        g, u = self.front(serve(delay=0.3), ep={"pool": {"max_sockets": 2}})
        with g.client() as c:
            c.send(c.build([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(6)]))
            self.eventually(lambda: len(u.calls()) >= 1)
            g.signal(signal.SIGTERM)
            got = c.read_response().json()
            self.assertEqual([x.get("result") for x in got], ["0x1"] * 6)
        self.assertEqual(g.wait(5), 0)

    def test_new_connections_are_refused(self):
        g, u = self.front(serve(delay=1.0))
        with g.client() as c:
            c.send(c.build(CALL))
            self.eventually(lambda: len(u.calls()) == 1)
            g.signal(signal.SIGTERM)
            g.wait_line("event=draining")

            def refused():
                try:
                    with Client(g.addr, timeout=1) as d:
                        d.request(CALL)
                    return False
                except (ConnectionError, Closed, socket.timeout):
                    return True
            self.eventually(refused, 0.6, "a new connection was served while draining")
            self.assertEqual(c.read_response().json()["result"], "0x1")
        self.assertEqual(g.wait(5), 0)

    def test_idle_gateway_ends_at_once(self):
        for sig in (signal.SIGTERM, signal.SIGINT):
            g, u = self.front(ep={"pool": {"min_warm": 2}})
            held = [g.client() for _ in range(5)]
            for c in held:
                c.rpc("eth_call")
            at = time.monotonic()
            g.signal(sig)
            self.assertEqual(g.wait(5), 0)
            self.assertLess(time.monotonic() - at, 1.0 * SLOW)
            for c in held:
                self.assertTrue(c.read_eof())
                c.close()

    def test_half_sent_request_does_not_hold_up_the_end(self):
        g, u = self.front(limits={"drain_timeout_ms": 700})
        with g.client() as c:
            c.send(c.build(CALL)[:-5])
            time.sleep(0.1)
            at = time.monotonic()
            g.signal(signal.SIGTERM)
            self.assertEqual(g.wait(5), 0)
            self.assertLess(time.monotonic() - at, 0.7 + 0.8 * SLOW)

    def test_drain_timeout(self):
        g, u = self.front(lambda conn: (conn.read_request(), conn.wait_eof(20)), limits={"drain_timeout_ms": 500})
        with g.client() as c:
            c.send(c.build(CALL))
            self.eventually(lambda: len(u.calls()) == 1)
            at = time.monotonic()
            g.signal(signal.SIGTERM)
            self.assertEqual(g.wait(5), 0)
            self.assertTrue(0.4 < time.monotonic() - at < 0.5 + 0.8 * SLOW)

    def test_second_signal_stops_now(self):
        g, u = self.front(lambda conn: (conn.read_request(), conn.wait_eof(20)))
        with g.client() as c:
            c.send(c.build(CALL))
            self.eventually(lambda: len(u.calls()) == 1)
            g.signal(signal.SIGTERM)
            time.sleep(0.3)
            self.assertTrue(g.alive())
            at = time.monotonic()
            g.signal(signal.SIGTERM)
            g.wait(5)
            self.assertLess(time.monotonic() - at, 1.0 * SLOW)
            self.assertIsNone(g.sanitizer_report())

    def test_ready_says_draining(self):
        g, u = self.front(serve(delay=0.8))
        with g.client() as c, Client(g.admin) as a:
            a.get("/healthz")
            c.send(c.build(CALL))
            self.eventually(lambda: len(u.calls()) == 1)
            g.signal(signal.SIGTERM)
            time.sleep(0.1)
            try:
                r = a.get("/readyz")
                self.assertEqual(r.status, 503, r)
                self.assertIn(b"draining", r.body)
            except Closed:
                pass
            self.assertEqual(c.read_response().json()["result"], "0x1")
        self.assertEqual(g.wait(5), 0)

    def test_sigpipe_and_sighup_do_not_kill(self):
        g, u = self.front()
        g.signal(signal.SIGPIPE)
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_large_answer_is_finished(self):
        g, u = self.front(serve('"' + "x" * (3 << 20) + '"'))
        with Client(g.addr, rcvbuf=16384) as c:
            c.send(c.build(CALL))
            time.sleep(0.3)
            g.signal(signal.SIGTERM)
            time.sleep(0.2)
            self.assertEqual(len(c.read_response().json()["result"]), 3 << 20)
        self.assertEqual(g.wait(5), 0)

    def test_many_starts_and_ends(self):
        for _ in range(5):
            g, u = self.front(ep={"pool": {"min_warm": 3}})
            self.end(g)
