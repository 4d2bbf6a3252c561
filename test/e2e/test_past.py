"""A test node that is set back by a little breaks its word of what is final: what was kept of that is not answered again."""
import time

from harness import Case, config, endpoint
from upstream import serve

BALANCE = ["0x" + "11" * 20, "0x20"]


class Node:
    """Blocks whose hashes depend on the life that they were mined in."""

    def __init__(self, head=200, final=100, hashes=True):
        self.head, self.final, self.hashes, self.lives = head, final, hashes, [(0, 1)]

    def set_back(self, to, head, final):
        """Back to block `to`, and on from there in another life."""
        self.lives = [x for x in self.lives if x[0] <= to] + [(to + 1, len(self.lives) + 1)]
        self.head, self.final = head, final

    def life(self, number):
        return [life for first, life in self.lives if first <= number][-1]

    def block(self, number, full=False):
        if number > self.head:
            return "null"
        hashed = ',"hash":"0x%064x"' % (self.life(number) << 32 | number) if self.hashes else ""
        txs = '"transactions":[%s]' % ('{"hash":"0x%064x"}' % number if full else "")
        return '{"baseFeePerGas":"0x1","number":"0x%x"%s,%s}' % (number, hashed, txs)

    def __call__(self, c):
        p = c.json["params"]
        if c.call == "eth_blockNumber":
            return '"0x%x"' % self.head
        if c.call == "eth_getBlockByNumber":
            return self.block(self.final if p[0] == "finalized" else self.head if p[0] == "latest" else int(p[0], 16), p[1])
        return '"0x%x"' % self.life(int(p[1], 16))


class Past(Case):
    def start(self, *nodes, **chain):
        self.nodes = nodes
        self.ups = [self.upstream(serve(n)) for n in nodes]
        self.g = self.gateway(config([endpoint(u.url(), x) for u, x in zip(self.ups, "abc")], chain=chain))
        self.c = self.enterContext(self.g.client())

    def ask(self, method, *params, **more):
        return self.c.rpc(method, list(params), **more)["result"]

    def balance(self):
        return int(self.ask("eth_getBalance", *BALANCE), 16)

    def asked(self, method="eth_getBalance"):
        return sum(len(u.calls(method)) for u in self.ups)

    def keep(self):
        """Block 0x20 is final, and what was answered of it is kept."""
        self.ask("eth_blockNumber")
        self.ask("eth_getBlockByNumber", "finalized", False)
        self.assertEqual(self.balance(), 1)
        n = self.asked()
        self.assertEqual(self.balance(), 1)
        self.assertEqual(self.asked(), n)

    def doubts(self):
        """How often the gateway asked whether the final block is the same."""
        return [c.json["params"] for u in self.ups for c in u.calls("eth_getBlockByNumber")].count(["0x64", False])

    def kept_still(self):
        n = self.asked()
        self.assertEqual(self.balance(), 1)
        self.assertEqual(self.asked(), n)

    def test_below_what_was_final(self):
        self.start(Node())
        self.keep()
        self.nodes[0].set_back(10, head=15, final=0)
        with self.g.client() as c:
            c.rpc("eth_blockNumber")
        self.nodes[0].head = 40
        self.assertEqual(self.balance(), 2)

    def test_it_has_more_blocks_again_but_fewer_than_before(self):
        self.start(Node())
        self.keep()
        self.nodes[0].set_back(10, head=180, final=80)
        self.assertEqual(int(self.ask("eth_blockNumber"), 16), 180)
        self.assertEqual(self.balance(), 2)
        self.assertEqual(self.doubts(), 1)
        self.g.wait_line(r"event=chain_past_changed chain=\S+ endpoint=a number=100")

    def test_it_has_as_many_as_before(self):
        self.start(Node())
        self.keep()
        self.ask("eth_getBlockByNumber", "latest", False)
        self.nodes[0].set_back(10, head=200, final=100)
        self.ask("eth_getBlockByNumber", "latest", False)
        self.assertEqual(self.balance(), 2)
        self.assertEqual(self.doubts(), 1)

    def test_the_final_block_is_another(self):
        self.start(Node())
        self.keep()
        self.nodes[0].set_back(10, head=200, final=100)
        self.ask("eth_getBlockByNumber", "finalized", False)
        self.assertEqual(self.balance(), 2)
        self.assertEqual(self.doubts(), 1)

    def test_what_was_final_was_told_with_all_its_transactions(self):
        self.start(Node(final=10))
        self.ask("eth_blockNumber")
        self.ask("eth_getBlockByNumber", "finalized", False)
        self.nodes[0].final = 100
        self.ask("eth_getBlockByNumber", "finalized", True)
        self.assertEqual(self.balance(), 1)
        self.kept_still()
        self.nodes[0].set_back(12, head=180, final=80)
        self.told_another()
        self.eventually(lambda: self.g.status()["inflight_calls"] == 0)
        self.assertEqual(self.balance(), 2)
        self.assertEqual(self.doubts(), 1)

    def told_another(self):
        """Another client is told where the head is."""
        with self.g.client() as c:
            c.rpc("eth_blockNumber")

    def test_twice_at_once(self):
        self.start(Node())
        self.keep()
        for life, to in ((2, 10), (3, 9)):
            self.nodes[0].set_back(to, head=200 - 10 * life, final=100 - 10 * life)
            self.told_another()
            self.assertEqual(self.balance(), life)
            self.eventually(lambda: self.g.status()["inflight_calls"] == 0)
            self.told_another()
            self.ask("eth_getBlockByNumber", "finalized", False)
            self.assertEqual(self.balance(), life)

    def test_it_is_told_to_others_than_those_who_learn_of_it(self):
        self.start(Node())
        self.keep()
        self.nodes[0].set_back(10, head=180, final=80)
        with self.g.client() as c:
            c.rpc("eth_blockNumber")
        self.assertEqual(self.balance(), 2)

    def test_what_is_final_stays_when_only_newer_blocks_change(self):
        self.start(Node())
        self.keep()
        self.ask("eth_getBlockByNumber", "latest", False)
        self.nodes[0].set_back(198, head=200, final=100)
        self.ask("eth_getBlockByNumber", "latest", False)
        self.eventually(lambda: self.doubts() == 1)
        self.eventually(lambda: self.g.status()["inflight_calls"] == 0)
        self.kept_still()

    def test_a_balancer_whose_nodes_are_apart(self):
        """One of them is behind now and then: that is looked into, ever more seldom, and nothing is lost."""
        self.start(Node())
        self.keep()
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            for head in (190, 200):
                self.nodes[0].head = head
                with self.g.client() as c:
                    c.rpc("eth_blockNumber")
        self.eventually(lambda: self.g.status()["inflight_calls"] == 0)
        self.kept_still()
        self.assertIn(self.doubts(), (1, 2))

    def test_a_node_that_tells_no_hash(self):
        self.start(Node(hashes=False))
        self.keep()
        self.nodes[0].set_back(10, head=40, final=0)
        with self.g.client() as c:
            c.rpc("eth_blockNumber")
        self.assertEqual(self.balance(), 2)
        self.assertEqual(self.doubts(), 0)

    def test_one_of_two_that_is_behind_is_just_that(self):
        self.start(Node(), Node(), endpoint_header=True)
        self.ask("eth_blockNumber", headers=[("X-Millrace-Endpoint", "a")])
        self.ask("eth_blockNumber", headers=[("X-Millrace-Endpoint", "b")])
        self.keep()
        self.nodes[1].head = 50
        self.ask("eth_blockNumber", headers=[("X-Millrace-Endpoint", "b")])
        self.eventually(lambda: self.doubts() == 1)
        self.eventually(lambda: self.g.status()["inflight_calls"] == 0)
        self.kept_still()

    def test_both_are_set_back(self):
        self.start(Node(), Node(), endpoint_header=True)
        for x in "ab":
            self.ask("eth_blockNumber", headers=[("X-Millrace-Endpoint", x)])
        self.keep()
        for n in self.nodes:
            n.set_back(10, head=180, final=80)
        self.ask("eth_blockNumber", headers=[("X-Millrace-Endpoint", "b")])
        self.assertEqual(self.balance(), 2)

    def test_a_node_that_does_not_say(self):
        """It is asked again later."""
        node = Node()
        self.start(node)
        self.keep()
        self.ask("eth_getBlockByNumber", "latest", False)
        was, node.block = node.block, lambda n, full: was(n, full) if n != 100 else '{"number":"0x64"}'
        node.set_back(10, head=200, final=100)
        self.ask("eth_getBlockByNumber", "latest", False)
        self.eventually(lambda: self.doubts() == 1)
        node.block = was

        def asks():
            self.ask("eth_blockNumber")
            return self.doubts() == 2
        self.eventually(asks)
        self.assertEqual(self.balance(), 2)

    def test_kept_answers_are_not_given_while_it_is_asked(self):
        node = Node()
        self.start(node)
        self.keep()
        node.set_back(10, head=180, final=80)
        for _ in range(3):  # of the same connection: the question left before the answer came
            self.ask("eth_blockNumber")
            self.assertEqual(self.balance(), 2)
