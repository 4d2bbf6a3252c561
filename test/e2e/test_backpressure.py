"""Memory and processor under clients that do not read, and without descriptors.  Measured without sanitizers."""
import json
import resource
import socket
import threading
import time

from client import Client, Closed
from harness import MILLRACE_FAST, Case, config, endpoint
from upstream import http, reply, serve

MIB = 1 << 20
CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}'
BIG = '"' + "r" * (MIB - 2) + '"'


def big(conn):
    """Answers 1 MiB to every call, from one prepared buffer."""
    while True:
        r = conn.read_request()
        if r is None:
            return
        conn.send(http(reply(r.id, BIG)))


class NotReading(Case):
    def measure(self, send):
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url(), pool={"max_sockets": 50, "max_idle": 50}),
                                limits={"call_timeout_ms": 60000, "write_timeout_ms": 60000}),
                         program=MILLRACE_FAST)
        with g.client() as c:
            c.rpc("eth_call")
        before = g.rss_kib()
        c = Client(g.addr, timeout=30, rcvbuf=65536)
        peak = [before]
        stop = threading.Event()

        def watch():
            while not stop.is_set():
                peak[0] = max(peak[0], g.rss_kib())
                time.sleep(0.01)
        t = threading.Thread(target=watch)
        t.start()
        try:
            send(c)
            time.sleep(4)
            last = g.rss_kib()
        finally:
            stop.set()
            t.join()
            c.close()
        growth = (peak[0] - before) / 1024
        self.assertLessEqual(growth, 16, "grew from %.1f MiB by %.1f MiB at most, by %.1f MiB after 4 s" % (
            before / 1024, growth, (last - before) / 1024))
        with g.client() as c:  # and it still serves others
            self.assertEqual(len(c.rpc("eth_call")["result"]), MIB - 2)
        return g, u

    def test_800_pipelined_requests_for_1_mib(self):
        def send(c):
            data = c.build('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}')
            c.sock.settimeout(2)
            try:
                c.send(data * 800)
            except socket.timeout:
                pass
        self.measure(send)

    def test_batch_of_800_results_of_1_mib(self):
        self.measure(lambda c: c.send(c.build(
            [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": []} for i in range(800)])))

    def test_many_clients_that_do_not_read(self):
        """Each may hold its own share, no more: 4 MiB by default, and what is on its way."""
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url()), limits={"call_timeout_ms": 60000, "max_client_buffer_bytes": 65536}),
                         program=MILLRACE_FAST)
        with g.client() as c:
            c.rpc("eth_call")
        before = g.rss_kib()
        held = [Client(g.addr, rcvbuf=65536) for _ in range(8)]
        for c in held:
            c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}') * 60)
        time.sleep(2)
        growth = (g.rss_kib() - before) / 1024
        for c in held:
            c.close()
        self.assertLess(growth, 8 * 5, "%.1f MiB" % growth)

    def test_everything_arrives_once_the_client_reads(self):
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url())), program=MILLRACE_FAST)
        with Client(g.addr, rcvbuf=65536) as c:
            n = 60
            done = threading.Thread(target=lambda: c.send(b"".join(
                c.build('{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":[]}' % i) for i in range(n))))
            done.start()
            time.sleep(2)
            for i in range(n):
                r = c.read_response()
                self.assertEqual(r.body.rstrip(b"\n"), ('{"jsonrpc":"2.0","id":%d,"result":%s}' % (i, BIG)).encode())
            done.join()

    def test_large_batch_arrives_once_the_client_reads(self):
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url())), program=MILLRACE_FAST)
        with Client(g.addr, rcvbuf=65536) as c:
            c.send(c.build([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": []} for i in range(60)]))
            time.sleep(2)
            got = c.read_response().json()
            self.assertEqual([x["id"] for x in got], list(range(60)))
            for x in got:
                self.assertEqual(len(x["result"]), MIB - 2)

    def test_a_client_that_never_takes_its_answer_is_cut_off(self):
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url()), limits={"write_timeout_ms": 600}), program=MILLRACE_FAST)
        c = Client(g.addr, rcvbuf=4096)
        c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}') * 20)
        time.sleep(2.5)
        self.assertTrue(self.cut(c), "the client is still connected")
        c.close()

    @staticmethod
    def cut(c):
        """The gateway's side is gone: what it had queued in the kernel may still be read, an end comes after it."""
        c.sock.settimeout(0.5)
        try:
            while c.sock.recv(1 << 20):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True

    def test_slow_reader_gets_it_all(self):
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url())), program=MILLRACE_FAST)
        with Client(g.addr, rcvbuf=16384) as c:
            c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}') * 2)
            got = 0
            at = time.monotonic()
            while got < 2 * MIB:
                d = c.sock.recv(16384)
                self.assertTrue(d)
                got += len(d)
                time.sleep(0.002)
            self.assertGreater(time.monotonic() - at, 0.2)


class Descriptors(Case):
    def test_out_of_descriptors_nothing_spins(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url())), limits={resource.RLIMIT_NOFILE: (48, 48)}, program=MILLRACE_FAST)
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        held = []
        for _ in range(80):
            try:
                held.append(Client(g.addr, timeout=5))
            except OSError:
                break
        self.assertGreater(len(held), 48)
        time.sleep(0.5)
        self.assertLessEqual(g.fds(), 48)
        at = g.cpu_s()
        time.sleep(2)
        used = g.cpu_s() - at
        self.assertLess(used, 0.2, "%.2f s of processor in 2 s" % used)
        for c in held:
            c.close()

        def served():
            try:
                with g.client(timeout=2) as c:
                    return c.rpc("eth_call")["result"] == "0x1"
            except (OSError, Closed):
                return False
        self.eventually(served, 10, "it did not recover")

    def test_out_of_descriptors_upstream_gives_an_answer(self):
        """No descriptor left for the endpoint: the call is answered, by an error, and later calls work again."""
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url()), limits={"call_timeout_ms": 3000}),
                         limits={resource.RLIMIT_NOFILE: (48, 48)}, program=MILLRACE_FAST)
        held = []
        first = g.client()
        for _ in range(80):
            held.append(Client(g.addr, timeout=5))
        time.sleep(0.5)
        got = first.rpc("eth_call")
        if "error" in got:
            self.assertIn(got["error"]["data"]["reason"], ("upstream_connect", "no_endpoint", "queue_timeout"))
        for c in held:
            c.close()
        self.eventually(lambda: "result" in first.rpc("eth_call"), 10)
        first.close()

    def test_near_the_end_of_descriptors_connections_are_not_kept(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url())), limits={resource.RLIMIT_NOFILE: (500, 500)}, program=MILLRACE_FAST)
        first = g.client()
        self.assertIsNone(first.request(CALL).header("connection"))
        held = []
        for _ in range(465):  # of 500: 93 %
            held.append(Client(g.addr, timeout=5))
        time.sleep(0.2)
        r = first.request(CALL)
        self.assertEqual((r.header("connection") or "").lower(), "close")
        self.assertIn("result", r.json())
        for c in held:
            c.close()
        first.close()

    def test_idle_gateway_is_idle(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url(), pool={"min_warm": 5})), program=MILLRACE_FAST)
        held = [g.client() for _ in range(200)]
        for c in held:
            c.rpc("eth_call")
        time.sleep(0.5)
        at = g.cpu_s()
        time.sleep(3)
        self.assertLessEqual(g.cpu_s() - at, 0.05)
        for c in held:
            c.close()


class ReadingLate(Case):
    def test_a_client_of_large_answers(self):
        """What comes back from being held back departs in the order in which it was asked."""
        u = self.upstream(serve('"' + "r" * 300000 + '"'))
        g = self.gateway(config(endpoint(u.url(), pool={"max_sockets": 2, "max_idle": 2}, batch={"mode": "off"}),
                                limits={"call_timeout_ms": 12000, "max_client_buffer_bytes": 65536},
                                chain={"cache": {"max_bytes": 0}}))
        self.read_late(g, (0,))

    def read_late(self, g, firsts):
        clients = []
        for first in firsts:
            c = Client(g.addr, timeout=30, rcvbuf=65536)
            self.addCleanup(c.close)
            c.send(c.build([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]}
                            for i in range(first, 200)]))
            clients.append((first, c))
        time.sleep(2)
        got = [None] * len(clients)

        def read(k, c):
            got[k] = c.read_response().json()
        threads = [threading.Thread(target=read, args=(k, c)) for k, (_, c) in enumerate(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for (first, _), answers in zip(clients, got):
            self.assertEqual([x["id"] for x in answers], list(range(first, 200)))
            self.assertEqual({x.get("error", {}).get("message") for x in answers}, {None})
