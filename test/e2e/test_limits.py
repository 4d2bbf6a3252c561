"""Bounds on what a client may send, hold and take its time over."""
import re
import resource
import socket
import time

from client import Client, Closed
from harness import MILLRACE_FAST, SLOW, Case, Shared, config, endpoint
from upstream import Upstream, serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["x"]}'


class Sizes(Shared):
    @classmethod
    def configure(cls):
        cls.up = Upstream(serve())
        return config(endpoint(cls.up.url()), limits={"max_body_bytes": 10000})

    def client(self):
        c = self.gw.client()
        self.addCleanup(c.close)
        return c

    def refused(self, data, status, reason):
        n = len(self.up.calls())
        c = self.client()
        try:
            c.send(data)
        except OSError:
            pass
        r = c.read_response()
        self.assert_http_error(r, status, reason)
        self.assertEqual(len(self.up.calls()), n)
        return c, r

    def head(self, extra=b"", target=b"/", n=len(CALL)):
        return (b"POST " + target + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + extra +
                b"Content-Length: %d\r\n\r\n" % n)

    def test_body_at_the_limit(self):
        body = CALL + " " * (10000 - len(CALL))
        self.assertEqual(self.client().request(body).status, 200)

    def test_body_over_the_limit_is_refused_by_its_length(self):
        self.refused(self.head(n=10001), 413, "body_too_large")

    def test_body_far_over_the_limit(self):
        self.refused(self.head(n=10**15), 413, "body_too_large")

    def test_body_over_the_limit_fully_sent_still_gets_its_answer(self):
        """The answer must not be destroyed by a reset because the body was not read."""
        c = self.client()
        try:
            c.send(self.head(n=2000000) + b" " * 2000000)
        except OSError:
            pass
        self.assert_http_error(c.read_response(), 413, "body_too_large")

    def test_chunked_body_at_the_limit(self):
        body = (CALL + " " * (10000 - len(CALL))).encode()
        c = self.client()
        c.send(c.build(b"", headers={"Transfer-Encoding": "chunked"}, length=False) + b"%x\r\n" % 5000 + body[:5000] +
               b"\r\n%x\r\n" % 5000 + body[5000:] + b"\r\n0\r\n\r\n")
        self.assertEqual(c.read_response().status, 200)

    def test_chunked_body_over_the_limit(self):
        c = self.client()
        self.refused(c.build(b"", headers={"Transfer-Encoding": "chunked"}, length=False) +
                     b"1000\r\n" + b" " * 4096 + b"\r\n1000\r\n" + b" " * 4096 + b"\r\n1000\r\n" + b" " * 4096,
                     413, "body_too_large")

    def test_chunk_over_the_limit_is_refused_by_its_size(self):
        c = self.client()
        self.refused(c.build(b"", headers={"Transfer-Encoding": "chunked"}, length=False) + b"fffff\r\n", 413, "body_too_large")

    def test_target_at_8000_bytes(self):
        self.assertEqual(self.client().request(CALL, path="/?" + "q" * 7900).status, 200)

    def test_target_too_long(self):
        self.refused(self.head(target=b"/" + b"a" * 9000), 414, "url_too_long")

    def test_target_without_end(self):
        self.refused(b"POST /" + b"a" * 100000, 414, "url_too_long")

    def test_fields_within_the_limit(self):
        c = self.client()
        self.assertEqual(c.request(CALL, headers=[("X-%d" % i, "v") for i in range(90)]).status, 200)

    def test_too_many_fields(self):
        self.refused(self.head(b"".join(b"X-%d: v\r\n" % i for i in range(120))), 431, "headers_too_large")

    def test_long_value_within_the_limit(self):
        self.assertEqual(self.client().request(CALL, headers={"X-A": "v" * 15000}).status, 200)

    def test_head_too_large(self):
        self.refused(self.head(b"X-A: " + b"v" * 20000 + b"\r\n"), 431, "headers_too_large")

    def test_head_too_large_in_many_fields(self):
        self.refused(self.head(b"".join(b"X-%02d: " % i + b"v" * 300 + b"\r\n" for i in range(70))), 431, "headers_too_large")

    def test_head_without_end(self):
        self.refused(self.head(b"X-A: " + b"v" * 300000), 431, "headers_too_large")

    def test_field_name_without_end(self):
        self.refused(self.head(b"X" * 300000), 431, "headers_too_large")

    def test_method_without_end(self):
        c = self.client()
        try:
            c.send(b"A" * 300000)
        except OSError:
            pass
        self.assertIn(c.read_response().status, (400, 405, 414, 431, 501))

    def test_refusal_closes_when_the_body_was_not_read(self):
        c, r = self.refused(self.head(n=10001), 413, "body_too_large")
        self.assertEqual((r.header("connection") or "").lower(), "close")
        c.sock.shutdown(socket.SHUT_WR)
        self.assertTrue(c.read_eof())


class Times(Case):
    def setUp(self):
        super().setUp()
        self.g, self.u = self.front(limits={"header_timeout_ms": 500, "body_timeout_ms": 500, "idle_timeout_ms": 700,
                                            "write_timeout_ms": 2000})

    def drip(self, c, data, pause=0.1):
        """Sends a byte at a time until the gateway has had enough; returns the seconds that took."""
        at = time.monotonic()
        c.sock.settimeout(pause)
        for i in range(len(data)):
            try:
                c.send(data[i:i + 1])
                d = c.sock.recv(65536)
                c.buf += d
                if d == b"" or c.buf:
                    break
            except socket.timeout:
                pass
            except OSError:
                break
        c.sock.settimeout(5)
        return time.monotonic() - at

    def test_slow_head(self):
        with self.g.client() as c:
            took = self.drip(c, c.build(CALL))
            self.assertTrue(0.4 < took < 0.5 + 0.5 * SLOW, took)
            self.assert_http_error(c.read_response(), 408, "request_timeout")
            self.assertTrue(c.read_eof())

    def test_slow_body(self):
        with self.g.client() as c:
            data = c.build(CALL)
            c.send(data[:-len(CALL)])
            took = self.drip(c, CALL.encode())
            self.assertTrue(0.4 < took < 0.5 + 0.5 * SLOW, took)
            self.assert_http_error(c.read_response(), 408, "request_timeout")
            self.assertTrue(c.read_eof())
        self.assertEqual(len(self.u.calls()), 0)

    def test_slow_chunks(self):
        with self.g.client() as c:
            c.send(c.build(b"", headers={"Transfer-Encoding": "chunked"}, length=False))
            took = self.drip(c, b"1\r\n \r\n" * 20)
            self.assertTrue(0.4 < took < 0.5 + 0.5 * SLOW, took)
            self.assert_http_error(c.read_response(), 408, "request_timeout")

    def test_slow_head_of_a_second_request(self):
        with self.g.client() as c:
            c.rpc("eth_call")
            took = self.drip(c, c.build(CALL))
            self.assertLess(took, 0.5 + 0.5 * SLOW)
            self.assert_http_error(c.read_response(), 408, "request_timeout")

    def test_slow_head_behind_an_answer_that_is_being_taken(self):
        g, u = self.front(serve('"' + "x" * (8 << 20) + '"'), limits={"header_timeout_ms": 500})
        with Client(g.addr, rcvbuf=16384) as c:
            c.send(c.build(CALL) + b"POST / HTTP/1.1\r\nHost: lo")
            time.sleep(1.5)
            self.assertEqual(len(c.read_response().json()["result"]), 8 << 20)
            self.assert_http_error(c.read_response(), 408, "request_timeout")
            self.assertTrue(c.read_eof())

    def test_idle_connection_is_closed_silently(self):
        with self.g.client() as c:
            c.rpc("eth_call")
            at = time.monotonic()
            self.assertTrue(c.read_eof(5))
            self.assertTrue(0.6 < time.monotonic() - at < 0.7 + 0.7 * SLOW, time.monotonic() - at)

    def test_connection_that_never_speaks_is_closed(self):
        with self.g.client() as c:
            at = time.monotonic()
            self.assertTrue(c.read_eof(5) or c.buf.startswith(b"HTTP/1.1 408"))
            self.assertLess(time.monotonic() - at, 0.7 + 0.7 * SLOW)

    def test_leading_crlf_does_not_keep_a_connection(self):
        with self.g.client() as c:
            self.drip(c, b"\r\n" * 60, 0.05)
            self.assertTrue(c.read_eof(3) or c.buf.startswith(b"HTTP/1.1 4"))

    def test_a_call_under_way_is_not_idle(self):
        u = self.upstream(serve(delay=1.2))
        g = self.gateway(config(endpoint(u.url()), limits={"idle_timeout_ms": 300, "header_timeout_ms": 300,
                                                           "body_timeout_ms": 300}))
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")


class Counts(Case):
    def test_max_clients(self):
        g, u = self.front(limits={"max_clients": 3})
        held = [g.client() for _ in range(3)]
        for c in held:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        c = g.client()
        try:
            r = c.request(CALL)
            self.assert_http_error(r, 503, "too_many_clients")
        except (Closed, OSError):
            pass
        held[0].close()

        def again():
            with g.client() as c:
                try:
                    return c.request(CALL).status == 200
                except (Closed, OSError):
                    return False
        self.eventually(again)
        for c in held:
            c.close()

    def test_admin_connections_leave_the_service_alone(self):
        u = self.upstream(serve())
        g = self.gateway(config(endpoint(u.url()), limits={"max_clients": 50}), limits={resource.RLIMIT_NOFILE: (160, 160)})
        held = [Client(g.admin, timeout=5) for _ in range(200)]
        time.sleep(0.3)
        with g.client(timeout=5) as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        self.assertEqual(held[0].get("/healthz").status, 200)
        self.assert_http_error(held[64].read_response(), 503, "too_many_clients")
        for c in held:
            c.close()
        self.eventually(lambda: g.fds() < 40)
        self.eventually(lambda: b'millrace_refused_total{reason="too_many_clients"} 136' in g.admin_get("/metrics").body)

    def test_max_inflight_calls_single(self):
        g, u = self.front(serve(delay=0.6), limits={"max_inflight_calls": 2}, chain={"coalesce": False})
        held = [g.client() for _ in range(2)]
        for c in held:
            c.send(c.build(CALL))
        self.eventually(lambda: len(u.calls()) == 2)
        with g.client() as c:
            r = c.request(CALL)
            self.assert_error(r.json(), "overloaded", id=1)
            self.assertEqual(r.status, 429)
            self.assertRegex(r.header("retry-after") or "", r"^\d+$")
            for h in held:
                self.assertEqual(h.read_response().json()["result"], "0x1")
                h.close()
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_max_inflight_calls_batch(self):
        g, u = self.front(serve(delay=0.3), limits={"max_inflight_calls": 2})
        with g.client() as c:
            r = c.request([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(4)])
            self.assertEqual(r.status, 200)
            got = r.json()
            self.assertEqual([x["id"] for x in got], [0, 1, 2, 3])
            bad = [x for x in got if "error" in x]
            self.assertGreaterEqual(len(bad), 1)
            for x in bad:
                self.assert_error(x, "overloaded", id=x["id"])

    def test_max_pipelined_pauses_reading(self):
        g, u = self.front(serve(delay=0.2), limits={"max_pipelined": 4}, ep={"pool": {"max_sockets": 100}},
                          chain={"coalesce": False})
        with g.client() as c:
            c.send(c.build(CALL) * 12)
            self.eventually(lambda: len(u.calls()) >= 4)
            time.sleep(0.05)
            self.assertLessEqual(len(u.calls()), 8)
            for _ in range(12):
                self.assertEqual(c.read_response().status, 200)


class Bodies(Case):
    """max_bodies_bytes: what all clients together may have asked."""
    MIB = 1 << 20
    LIMITS = {"max_body_bytes": 4 * MIB, "max_bodies_bytes": 10 * MIB}

    def body(self, id, mib):
        return '{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":["%s"]}' % (id, "x" * (mib * self.MIB))

    def test_that_arrive(self):
        g, u = self.front(limits={**self.LIMITS, "body_timeout_ms": 8000}, program=MILLRACE_FAST)
        before = g.rss_kib()
        held = [g.client() for _ in range(12)]
        for c in held:
            try:
                c.send(c.build(self.body(1, 3))[:-1])
            except ConnectionError:
                pass
        time.sleep(0.5)
        self.assertLess(g.rss_kib() - before, 32 << 10)
        for c in held[:2]:
            c.send(b"}")
            self.assertEqual(c.read_response().json()["result"], "0x1")
        for c in held[4:]:
            r = c.read_response()
            self.assert_http_error(r, 429, "overloaded")
            self.assertEqual((r.header("retry-after"), r.header("connection")), ("1", "close"))
        for c in held:
            c.close()
        with g.client() as c:
            self.assertEqual(c.request(self.body(2, 3)).json()["result"], "0x1")

    def test_under_way(self):
        g, u = self.front(serve(delay=1.5), limits=self.LIMITS, chain={"coalesce": False})
        held = [self.posting(g, self.body(i, 3)) for i in range(3)]
        self.eventually(lambda: len(u.calls()) == 3)
        with g.client() as c:
            r = c.request(self.body(7, 2))
            self.assertEqual((r.status, r.header("retry-after")), (429, "1"))
            self.assertEqual(r.json()["error"]["data"]["reason"], "overloaded")
        with g.client() as c:  # small ones find room
            self.assertEqual(c.rpc("eth_call", ["small"])["result"], "0x1")
        for i, c in enumerate(held):
            self.assertEqual(c.read_response().json(), {"jsonrpc": "2.0", "id": i, "result": "0x1"})
        with g.client() as c:
            self.assertEqual(c.request(self.body(8, 3)).json()["id"], 8)

    def test_many_small_ones_that_are_under_way(self):
        """None of them is too much while it arrives: it comes in one read."""
        g, u = self.front(serve(delay=2.0), limits={"max_body_bytes": 65536, "max_bodies_bytes": 65536})
        held = [self.posting(g, '{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":["%s%d"]}' % (i, "x" * 1000, i))
                for i in range(80)]
        self.eventually(lambda: re.search(rb'reason="overloaded"} [1-9]', g.admin_get("/metrics").body))
        with g.client() as c:
            r = c.request(CALL.replace("x", "y" * 1100))
            self.assertEqual((r.status, r.header("retry-after"), r.json()["error"]["data"]["reason"]), (429, "1", "overloaded"))
            got = [c.read_response().status for c in held]
            self.assertTrue(60 <= got.count(200) <= 66 and got.count(200) + got.count(429) == 80, got)
            self.assertEqual(c.request(CALL).json()["result"], "0x1")

    def test_one_alone(self):
        g, u = self.front(limits={"max_body_bytes": 4 * self.MIB, "max_bodies_bytes": 4 * self.MIB})
        body = self.body(1, 3)
        body += " " * (4 * self.MIB - len(body))
        with g.client() as c:
            for _ in range(2):
                self.assertEqual(c.request(body).json()["result"], "0x1")


class Memory(Case):
    def test_without_memory_for_large_bodies_calls_fail_and_the_gateway_lives(self):
        conf = config(endpoint(self.upstream(serve('"' + "r" * (6 << 20) + '"')).url()), chain={"coalesce": False})
        g = self.gateway(conf, program=MILLRACE_FAST)
        with open("/proc/%d/status" % g.pid) as f:
            kib = int(re.search(r"VmSize:\s+(\d+)", f.read()).group(1))
        if kib > 1 << 30:
            self.skipTest("a sanitizer takes all addresses there are")
        most = (kib << 10) + (20 << 20)
        g = self.gateway(conf, program=MILLRACE_FAST, limits={resource.RLIMIT_AS: (most, most)})
        seen = set()
        for _ in range(3):
            held = [(i, self.posting(g, '{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":["%s"]}' % (
                i, "x" * (i % 5 << 20)))) for i in range(12)]
            for i, c in held:
                r = c.read_response()
                got = r.json()
                seen.add((r.status, got["error"]["data"]["reason"] if "error" in got else "result"))
                self.assertIn(got["id"], (i, None))  # None: the body did not come so far
                c.close()
        self.assertLessEqual(seen, {(200, "result"), (200, "out_of_memory"), (429, "overloaded")})
        self.assertGreater(len(seen), 1)
        with g.client() as c:
            self.eventually(lambda: "result" in c.rpc("eth_call"))


class ClientGone(Case):
    def test_a_client_that_leaves_hurts_no_one(self):
        g, u = self.front(serve(delay=0.2))
        with g.client() as stays:
            for i in range(20):
                c = g.client()
                c.send(c.build(CALL))
                if i % 2:
                    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                c.close()
            for i in range(5):
                self.assertEqual(stays.rpc("eth_call", id=i)["id"], i)

    def test_clients_that_leave_inside_a_request(self):
        g, u = self.front()
        for n in range(1, 100, 7):
            c = g.client()
            c.send(c.build(CALL)[:n])
            c.close()
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        self.assertEqual(len(u.calls()), 1)

    def test_descriptors_come_back(self):
        g, u = self.front()
        with g.client() as c:
            c.rpc("eth_call")
        before = g.fds()
        for _ in range(5):
            held = [g.client() for _ in range(40)]
            for c in held:
                c.rpc("eth_call")
            for c in held:
                c.close()
        self.eventually(lambda: g.fds() <= before + 11, 5, lambda: "%d before, %d now" % (before, g.fds()))
