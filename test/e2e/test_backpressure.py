"""Memory and processor under clients that do not read, and without descriptors.  Measured without sanitizers."""
import collections
import json
import resource
import socket
import threading
import time

from client import Client, Closed
from harness import MILLRACE_FAST, SLOW, Case, config, endpoint
from upstream import Gate, http, serve

MIB = 1 << 20
CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}'
BIG = '"' + "r" * (MIB - 2) + '"'


BIG_BYTES = BIG.encode()


def big(conn):
    """Answers 1 MiB to every call, alone or in an array, from one prepared buffer; something small to eth_blockNumber."""
    while True:
        r = conn.read_request()
        if r is None:
            return
        parts = []
        for c in r.calls:
            parts.append((b"," if parts else b"[" if r.is_array else b"") + b'{"jsonrpc":"2.0","id":%d,"result":' % c.id)
            parts.append(b'"0x1"' if c.call == "eth_blockNumber" else BIG_BYTES)
            parts.append(b"}")
        if r.is_array:
            parts.append(b"]")
        conn.send(http(b"", length=sum(map(len, parts))))
        for p in parts:
            conn.send(p)


def distinct(n):
    """Calls that nothing is shared between."""
    return [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [{"to": "0x%040x" % i}, "latest"]}
            for i in range(n)]


def pipelined(c, n=800):
    data = b"".join(c.build(q) for q in distinct(n))
    c.sock.settimeout(2)
    try:
        c.send(data)
    except socket.timeout:
        pass


def array(c, n=800):
    c.send(c.build(distinct(n)))


class Watch(threading.Thread):
    """The largest resident size of a gateway, in MiB above what it was at first."""

    def __init__(self, g):
        super().__init__(daemon=True)
        self.g, self.first, self.peak, self.over = g, g.rss_kib(), 0, threading.Event()

    def run(self):
        while not self.over.wait(0.01):
            self.peak = max(self.peak, self.now())

    def now(self):
        return (self.g.rss_kib() - self.first) / 1024

    def end(self):
        self.over.set()
        self.join()
        return self.peak


class Shared(Case):
    """Answers that travel together count for those who will get them, and who reads is served beside who does not."""

    def hold(self, sends, mode="auto", sockets=4, seconds=4.0):
        """Clients that send and never read, beside one that asks for little and reads; (growth in MiB at most and in the
        end, its times, how often one call was asked)."""
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url(), pool={"max_sockets": sockets, "max_idle": sockets},
                                         batch={"mode": mode}),
                                limits={"call_timeout_ms": 60000, "write_timeout_ms": 60000}),
                         program=MILLRACE_FAST)
        with g.client() as c:
            c.rpc("eth_call")
        watch, times = Watch(g), []
        watch.start()
        held = [Client(g.addr, timeout=30, rcvbuf=65536) for _ in sends]
        threads = [threading.Thread(target=s, args=(c,)) for s, c in zip(sends, held)]
        for t in threads:
            t.start()
        end = time.monotonic() + seconds
        with g.client(timeout=30) as c:
            while time.monotonic() < end:
                at = time.monotonic()
                self.assertEqual(c.rpc("eth_blockNumber")["result"], "0x1")
                times.append(time.monotonic() - at)
                time.sleep(0.005)
        for t in threads:
            t.join()
        last, growth = watch.now(), watch.end()
        for c in held:
            c.close()
        asked = collections.Counter(json.dumps(c.json["params"]) for c in u.calls("eth_call") if c.json["params"])
        return growth, last, sorted(times), max(asked.values())

    def check(self, sends, **kw):
        growth, last, times, asked = self.hold(sends, **kw)
        said = "grew by %.1f MiB at most, by %.1f MiB in the end; a client that reads waited %.1f ms, at most %.1f ms" % (
            growth, last, times[len(times) // 2] * 1e3, times[-1] * 1e3)
        self.assertLessEqual(growth, 16 * len(sends), said)
        self.assertLess(times[len(times) // 2], 0.05, said)
        self.assertLess(times[-1], 2, said)
        self.assertLess(asked, 16, "a call whose answer nobody takes is asked again and again")  # two clients, 4 s

    def test_auto_with_few_sockets(self):
        self.check([array, pipelined])

    def test_auto_with_many_sockets(self):
        self.check([array, pipelined], sockets=50)

    def test_always(self):
        self.check([array, pipelined], mode="always", sockets=50)

    def test_off(self):
        self.check([array, pipelined], mode="off", sockets=50)


class MakingWay(Case):
    """All connections of an endpoint carry answers for a client that does not read: others do not wait for its end."""

    def beside(self, method, n=12):
        u = self.upstream(big)
        g = self.gateway(config(endpoint(u.url(), pool={"max_sockets": 2, "max_idle": 2}, batch={"mode": "off"}),
                                limits={"call_timeout_ms": 30000, "write_timeout_ms": 60000}))
        deaf = Client(g.addr, timeout=30, rcvbuf=65536)
        self.addCleanup(deaf.close)
        for i in range(n):
            deaf.send(deaf.build({"jsonrpc": "2.0", "id": i, "method": method, "params": [i]}))
        time.sleep(1)
        at = time.monotonic()
        with g.client(timeout=60) as c:
            for _ in range(20):
                self.assertEqual(c.rpc("eth_blockNumber").get("result"), "0x1")
        self.assertLess(time.monotonic() - at, 2 * SLOW)
        for i in range(n):  # and it gets all of its own, once it reads
            got = deaf.read_response().json()
            self.assertEqual((got["id"], len(got.get("result", ""))), (i, MIB - 2))
        return [c.json["params"][0] for c in u.calls() if c.call == method]

    def test_reads_are_given_up_and_sent_again(self):
        asked = self.beside("eth_call")
        self.assertEqual(set(asked), set(range(12)))
        self.assertLess(len(asked), 24)

    def test_who_made_way_is_not_asked_again_at_once(self):
        """A large answer that must wait for the one before it, and one connection for its endpoint and another.  What was
        read of it counts no more once it is given up: so there is room for it again, and again not for all of it."""
        gate = Gate()
        large, slow, quick = self.upstream(big), self.upstream(serve(gate.holds('"0x7"'))), self.upstream(serve(delay=0.002))
        self.addCleanup(gate.open)
        conf = config(endpoint(large.url()),
                      limits={"max_upstream_sockets": 2, "max_client_buffer_bytes": 65536, "call_timeout_ms": 30000})
        for name, u in (("slow", slow), ("quick", quick)):
            conf["chains"][name] = {"family": "evm", "head_probe": False, "coalesce": False,
                                    "endpoints": [endpoint(u.url(), name, pool={"max_idle": 0})]}
        g = self.gateway(conf)
        waits = g.client(timeout=30)
        self.addCleanup(waits.close)
        for path, i in (("/slow", 0), ("/", 1)):
            waits.send(waits.build({"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]}, path=path))
        self.eventually(lambda: large.calls())
        end = time.monotonic() + 2
        with g.client(timeout=30) as c:
            while time.monotonic() < end:
                self.assertEqual(c.rpc("eth_call", path="/quick").get("result"), "0x1")
        self.assertLess(len(large.calls()), 10)
        gate.open()
        self.assertEqual([len(waits.read_response().json()["result"]) for _ in range(2)], [3, MIB - 2])

    def test_what_must_not_be_sent_again_is_read_on(self):
        self.assertEqual(sorted(self.beside("my_method")), list(range(12)))


class Pinned(Case):
    def test_a_small_answer_does_not_hold_the_large_body_that_it_came_in(self):
        """One client's answers wait behind a slow one; each came beside a large answer of another client."""
        gate, n = Gate(("eth_getLogs",)), 100

        def result(c):
            return BIG if c.call == "eth_getBlockByNumber" else '"' + "s" * 8000 + '"'
        u = self.upstream(serve(gate.holds(result)))
        self.addCleanup(gate.open)
        g = self.gateway(config(endpoint(u.url(), pool={"max_sockets": 2, "max_idle": 2},
                                         batch={"mode": "always", "window_us": 30000}),
                                chain={"cache": {"max_bytes": 0}}, limits={"call_timeout_ms": 60000}),
                         program=MILLRACE_FAST)
        small, large = g.client(), g.client()
        self.addCleanup(small.close)
        self.addCleanup(large.close)
        large.rpc("eth_getBlockByNumber", ["0x1", False])
        watch = Watch(g)
        small.send(small.build({"jsonrpc": "2.0", "id": 0, "method": "eth_getLogs", "params": [{}]}))
        shared = 0
        for i in range(1, n + 1):
            small.send(small.build({"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [{}, hex(i)]}))
            large.rpc("eth_getBlockByNumber", [hex(i), False])
            shared += u.requests[-1].is_array
        self.assertGreater(shared, n // 2, "the two hardly ever travelled together")
        self.assertLess(watch.now(), 16)
        gate.open()
        for i in range(n + 1):
            got = small.read_response().json()
            self.assertEqual((got["id"], len(got["result"])), (i, 8000))


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

    def test_near_the_end_of_descriptors_pipelined_calls_are_all_answered(self):
        u = self.upstream(serve(delay=0.3))
        g = self.gateway(config(endpoint(u.url(), batch={"mode": "off"}), chain={"coalesce": False}),
                         limits={resource.RLIMIT_NOFILE: (500, 500)}, program=MILLRACE_FAST)
        held = [Client(g.addr, timeout=5) for _ in range(466)]
        time.sleep(0.2)
        c = held[0]
        c.send(b"".join(c.build('{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":[]}' % i) for i in range(3)))
        got = [c.read_response() for _ in range(3)]
        self.assertEqual([r.json()["id"] for r in got], [0, 1, 2])
        self.assertEqual([r.header("connection") for r in got], [None, None, "close"])
        for c in held:
            c.close()

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
