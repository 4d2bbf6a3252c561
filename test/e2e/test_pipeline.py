"""Several requests under way on one connection: in the order of the answers, the head does not step back."""
import json
import time

from harness import MILLRACE_FAST, Case, config, endpoint
from upstream import serve


class Node:
    def __init__(self, number, delay=0.0):
        self.number, self.delay = number, delay

    def __call__(self, c):
        time.sleep(self.delay)
        return "%d" % self.number if c.call == "getSlot" else '"0x%x"' % self.number


class Pipeline(Case):
    def start(self, *nodes, family="evm", program=None, **chain):
        self.nodes = nodes
        self.ups = [self.upstream(serve(n)) for n in nodes]
        self.g = self.gateway(config([endpoint(u.url(), x) for u, x in zip(self.ups, "ab")], family,
                                     chain={"coalesce": False, "head_probe": False, **chain}), program=program)

    def numbers(self, n, method="eth_blockNumber", params=()):
        """What n requests at once are answered on a new connection."""
        with self.g.client() as c:
            c.send(b"".join(c.build(json.dumps({"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)})) for i in range(n)))
            got = [c.read_response().json() for _ in range(n)]
        self.assertEqual([x["id"] for x in got], list(range(n)))
        return [x["result"] if isinstance(x["result"], int) else int(x["result"], 16) for x in got]

    def test_the_later_answer_is_of_the_one_behind(self):
        self.start(Node(13), Node(12, 0.1))
        for _ in range(6):
            got = self.numbers(2)
            self.assertEqual(got, sorted(got))

    def test_the_earlier_answer_is_of_the_one_ahead(self):
        self.start(Node(13, 0.1), Node(12))
        for _ in range(6):
            got = self.numbers(2)
            self.assertEqual(got, sorted(got))

    def test_many(self):
        self.start(Node(13, 0.02), Node(12))
        for n in (5, 20):
            got = self.numbers(n)
            self.assertEqual(got, sorted(got))
        self.eventually(lambda: self.g.status()["inflight_calls"] == 0)

    def test_solana(self):
        self.start(Node(13, 0.1), Node(12), family="solana")
        for _ in range(6):
            got = self.numbers(3, "getSlot", [{"commitment": "processed"}])
            self.assertEqual(got, sorted(got))

    def test_other_connections_have_their_own_answers(self):
        self.start(Node(13, 0.2), Node(12))
        with self.g.client() as a, self.g.client() as b:
            for c in (a, b):
                c.send(c.build(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"})))
                time.sleep(0.05)
            self.assertEqual({x.read_response().json()["result"] for x in (a, b)}, {"0xc", "0xd"})

    def test_explained(self):
        self.start(Node(13, 0.2), Node(12))
        with self.g.client() as c:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"})
            c.send(c.build(body, headers=[("X-Millrace-Explain", "1")]) * 2)
            first, second = c.read_response(), c.read_response()
        self.assertEqual(first.header("x-millrace-endpoint"), second.header("x-millrace-endpoint"))

    def test_with_an_array_of_another(self):
        """The later call waits with an array, which the endpoint that is behind answers."""
        self.start(Node(11, 0.4), Node(10, 0.7), coalesce=True)
        call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"})
        array = json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "eth_gasPrice"}, {"jsonrpc": "2.0", "id": 2, "method": "eth_blockNumber"}])
        with self.g.client() as a, self.g.client() as b:
            a.send(a.build(call))
            self.eventually(lambda: self.ups[0].calls("eth_blockNumber"))
            b.send(b.build(array))
            self.eventually(lambda: self.ups[1].calls("eth_blockNumber"))
            a.send(a.build(call))
            got = [a.read_response().json()["result"] for _ in range(2)]
            self.assertEqual(got, ["0xb", "0xb"])
            self.assertEqual([x["result"] for x in b.read_response().json()], ["0xa", "0xa"])

    def test_arrays_of_equal_calls(self):
        """One answer for nearly as many calls as may be under way: what was asked later is looked at once for each array."""
        self.start(Node(12, 1.5), coalesce=True, program=MILLRACE_FAST)
        array = json.dumps([{"jsonrpc": "2.0", "id": i, "method": "eth_blockNumber"} for i in range(1000)])
        with self.g.client() as c:
            c.send(c.build(array) * 19)
            self.eventually(lambda: self.g.status()["inflight_calls"] == 1)
            time.sleep(0.5)
            before = self.g.cpu_s()
            for _ in range(19):
                self.assertEqual(len(c.read_response().json()), 1000)
            self.assertLess(self.g.cpu_s() - before, 0.08)
