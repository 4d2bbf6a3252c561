"""Corners where clients, answers and connections meet at a bad moment."""
import json
import signal
import socket
import threading
import time

from client import Client, Closed
from harness import MILLRACE_FAST, SLOW, Case, config, endpoint
from upstream import http, reply

MIB = 1 << 20


def sized(conn):
    """Answers with as many bytes as params[0] says, after params[1] seconds."""
    while True:
        r = conn.read_request()
        if r is None:
            return
        n, delay = r.json["params"]
        time.sleep(delay)
        conn.send(http(reply(r.id, '"%s"' % ("r" * n))))


def call(id, n=10, delay=0.0):
    return {"jsonrpc": "2.0", "id": id, "method": "eth_call", "params": [n, delay]}


class Batches(Case):
    def assert_sizes(self, got, want):
        self.assertEqual([(x["id"], len(x.get("result", ()))) for x in got], list(enumerate(want)))

    def test_complete_batch_that_the_client_takes_slowly(self):
        """All but the first are there early: the batch leaves whole, with its length, in more than one go."""
        g, u = self.front(sized)
        with Client(g.addr, rcvbuf=4096) as c:
            c.send(c.build([call(0, 10, 1.0)] + [call(i, 30000) for i in range(1, 300)]))
            time.sleep(1.5)
            r = c.read_response()
            self.assertIsNotNone(r.header("content-length"))
            self.assert_sizes(r.json(), [10] + [30000] * 299)
            c.send(c.build(call(0)))
            self.assertEqual(len(c.read_response().json()["result"]), 10)


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
        g, u = self.front(sized, limits=limits, program=MILLRACE_FAST)
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
