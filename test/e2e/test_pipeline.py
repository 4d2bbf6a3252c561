"""Several requests under way on one connection: in the order of the answers, the head does not step back."""
import json
import time

from harness import Case, config, endpoint
from upstream import serve


class Node:
    def __init__(self, number, delay=0.0):
        self.number, self.delay = number, delay

    def __call__(self, c):
        time.sleep(self.delay)
        return "%d" % self.number if c.call == "getSlot" else '"0x%x"' % self.number


class Pipeline(Case):
    def start(self, *nodes, family="evm", **chain):
        self.nodes = nodes
        self.ups = [self.upstream(serve(n)) for n in nodes]
        self.g = self.gateway(config([endpoint(u.url(), x) for u, x in zip(self.ups, "ab")], family,
                                     chain={"coalesce": False, "head_probe": False, **chain}))

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
