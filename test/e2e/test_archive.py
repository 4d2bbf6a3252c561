"""Calls that name an old block go to endpoints that have it: as configured, and as the answers of the others have shown."""
from harness import Case, config, endpoint
from upstream import serve

HEAD = 20000
TX = "0x" + "ab" * 32
MISSING = (-32000, "missing trie node 00ff (path ) state 0xaa is not available")
GONE = (4444, "pruned history unavailable")
UNKNOWN = (-32601, "the method does not exist/is not available")


class Node:
    """Keeps the state of `state` blocks, and `history` blocks; None: all."""

    def __init__(self, state=None, history=None, trace=True, old=MISSING):
        self.state, self.history, self.trace, self.old = state, history, trace, old

    def has(self, keep, number):
        return keep is None or number + keep > HEAD

    def number(self, ref):
        return {"latest": HEAD, "earliest": 0}.get(ref) if ref in ("latest", "earliest") else int(ref, 16)

    def __call__(self, call):
        m, p = call.call, call.json["params"]
        if m == "eth_blockNumber":
            return '"0x%x"' % HEAD
        if m == "getSlot":
            return "%d" % HEAD
        if m in ("eth_call", "eth_getBalance"):
            return '"0x7"' if self.has(self.state, self.number(p[1])) else self.old
        if m in ("eth_getStorageAt", "eth_getProof"):
            return '"0x7"' if self.has(self.state, self.number(p[2])) else self.old
        if m == "eth_getLogs":
            return '[{"logIndex":"0x0"}]' if self.has(self.history, self.number(p[0]["fromBlock"])) else GONE
        if m == "eth_getBlockByNumber":
            return '{"number":"%s"}' % p[0] if self.has(self.history, self.number(p[0])) else GONE
        if m == "getBlock":
            return '{"blockhash":"x"}' if self.has(self.history, p[0]) else (-32001, "Block cleaned up")
        if m == "getTransaction":
            return '{"slot":1}' if self.history is None else (-32011, "Transaction history is not available from this node")
        if m in ("trace_block", "debug_traceTransaction", "debug_traceBlockByNumber"):
            return "[]" if self.trace is True else UNKNOWN if self.trace is False else self.trace
        return '"0x1"'


class Archives(Case):
    def start(self, *nodes, each=None, family="evm", **chain):
        self.ups = [self.upstream(serve(n)) for n in nodes]
        self.g = self.gateway(config(
            [endpoint(u.url(), x, **e) for u, x, e in zip(self.ups, "abcd", each or [{}] * len(nodes))], family,
            chain={"hedge": {"budget_percent": 0}, "cache": {"max_bytes": 0}, **chain}))
        return self.g

    def asked(self, *methods):
        return [sum(len(u.calls(m)) for m in methods) for u in self.ups]

    def know_head(self, method="eth_blockNumber"):
        """All have told their heads, each to a client that knows nothing."""
        for u in self.ups:
            def told():
                with self.g.client() as c:
                    c.rpc(method)
                return len(u.calls(method)) > 0
            self.eventually(told)

    def ask(self, method, *refs, first=None, n=10):
        """Calls of their own, n for each block; none may fail."""
        with self.g.client() as c:
            for ref in refs:
                for i in range(n):
                    to = {"to": "0x%040x" % (i + 1)} if method == "eth_call" else "0x%040x" % (i + 1)
                    r = c.rpc(method, [to, *(first or []), ref])
                    self.assertIn("result", r)

    def one(self, method, params, n=10):
        with self.g.client() as c:
            for _ in range(n):
                r = c.rpc(method, params)
                self.assertIn("result", r)
        return r

    def seen(self, name):
        return next(e for c in self.g.status()["chains"].values() for e in c["endpoints"] if e["name"] == name)["archive"]

    def misses(self):
        return self.g.status()["counters"]["archive_misses"]


class Learned(Archives):
    def test_who_lacks_it_is_asked_once(self):
        self.start(Node(state=128), Node(state=128), Node())
        self.know_head()
        self.ask("eth_call", "0x1000")
        a, b, c = self.asked("eth_call")
        self.assertLessEqual(max(a, b), 1)
        self.assertEqual(c, 10)
        self.assertLessEqual(self.misses(), 2)
        self.ask("eth_call", "0x2000", "0x3000", "0x100", n=5)  # nor about what is older, or a little younger
        self.assertLessEqual(max(self.asked("eth_call")[:2]), 4)
        self.assertEqual(self.asked("eth_call")[2], 25)

    def test_all_methods_of_a_kind_learn_together(self):
        self.start(Node(state=128), Node())
        self.know_head()
        self.ask("eth_call", "0x1000")
        before = self.misses()
        self.ask("eth_getBalance", "0x1000")
        self.ask("eth_getStorageAt", "0x1000", first=["0x0"])
        self.assertEqual((before, self.misses()), (1, 1))
        self.assertEqual(self.asked("eth_getBalance", "eth_getStorageAt"), [0, 20])

    def test_proofs_and_history_go_by_themselves(self):
        self.start(Node(state=128), Node())
        self.know_head()
        self.ask("eth_call", "0x1000")
        self.one("eth_getBlockByNumber", ["0x1000", False], 10)
        self.one("eth_getLogs", [{"fromBlock": "0x1000", "toBlock": "0x1001"}], 10)
        self.assertEqual(self.asked("eth_getBlockByNumber", "eth_getLogs"), [10, 10])

    def test_pruned_history(self):
        self.start(Node(history=1000), Node())
        self.know_head()
        self.one("eth_getBlockByNumber", ["0x1000", False], 10)
        self.one("eth_getLogs", [{"fromBlock": "0x1000", "toBlock": "latest"}], 10)
        self.assertLessEqual(self.asked("eth_getBlockByNumber", "eth_getLogs")[0], 1)
        self.assertEqual(self.misses(), 1)
        before = self.asked("eth_call")
        self.ask("eth_call", "0x1000")  # the state is there
        self.assertEqual([n - m for n, m in zip(self.asked("eth_call"), before)], [5, 5])

    def test_a_reader_from_the_beginning_is_told_a_few_times(self):
        self.start(Node(state=128), Node())
        self.know_head()
        self.ask("eth_call", *("0x%x" % n for n in range(1, HEAD - 130, 97)), n=1)
        self.assertLessEqual(self.misses(), 9)  # half way, and half way again

    def test_recent_blocks_are_asked_of_all(self):
        self.start(Node(state=128), Node())
        self.know_head()
        self.ask("eth_call", "0x1000")
        before = self.asked("eth_call")
        self.ask("eth_call", "latest", "0x%x" % (HEAD - 20), "0x%x" % (HEAD - 127))
        self.assertEqual([n - m for n, m in zip(self.asked("eth_call"), before)], [15, 15])

    def test_when_it_is_the_only_one_it_is_asked_again(self):
        self.start(Node(state=128), Node())
        self.know_head()
        self.ask("eth_call", "0x1000")
        self.ups[1].stop()
        with self.g.client() as c:
            r = c.rpc("eth_call", [{"to": "0x%040x" % 99}, "0x1000"])
        self.assertEqual((r["error"]["code"], r["error"]["message"]), MISSING)

    def test_nobody_has_it(self):
        self.start(Node(state=128), Node(state=128))
        self.know_head()
        with self.g.client() as c:
            for i in range(5):
                r = c.rpc("eth_call", [{"to": "0x%040x" % i}, "0x1000"])
                self.assertEqual((r["error"]["code"], r["error"]["message"]), MISSING)

    def test_it_harms_nobody(self):
        self.start(Node(state=128), Node())
        self.know_head()
        self.ask("eth_call", "0x1000", "0x100", "0x3000", n=3)
        self.ask("eth_call", "latest", n=20)
        e = self.g.status()["chains"]["ethereum"]["endpoints"]
        self.assertEqual([x["state"] for x in e], ["up", "up"])
        a, b = self.asked("eth_call")
        self.assertAlmostEqual(a, 10, delta=4)  # its half of those about the head

    def test_a_transaction_by_its_hash(self):
        """How old it is nobody knows: it is tried, and then asked where the archive is."""
        nodes = [Node(trace=(-32000, "historical state 0xaa is not available")) for _ in range(3)]
        self.start(*nodes, Node(), each=[{}, {}, {}, {"archive": True}], retry={"max_attempts": 2, "budget_percent": 100})
        self.know_head()
        self.one("debug_traceTransaction", [TX], 20)
        a, b, c, d = self.asked("debug_traceTransaction")
        self.assertEqual(d, 20)
        self.assertTrue(12 <= a + b + c <= 17, (a, b, c))  # three of four, but for what is thought of their speed

    def test_status(self):
        self.start(Node(state=128), Node(history=5000, trace=False))
        self.know_head()
        for n in "ab":
            self.assertEqual(self.seen(n), {"configured": "learn", "lacks_up_to": {}, "lacks_methods": []})
        self.ask("eth_call", "0x%x" % (HEAD - 1000))
        self.one("eth_getBlockByNumber", ["0x%x" % (HEAD - 8000), False], 3)
        self.one("trace_block", ["latest"], 3)
        self.assertEqual(self.seen("a"), {"configured": "learn", "lacks_up_to": {"state": HEAD - 500}, "lacks_methods": []})
        self.assertEqual(self.seen("b"), {"configured": "learn", "lacks_up_to": {"history": HEAD - 4000},
                                          "lacks_methods": ["trace_block"]})


class Configured(Archives):
    def test_who_is_none_is_never_asked(self):
        self.start(Node(state=128), Node(), Node(state=128), each=[{"archive": False}, {"archive": True}, {"archive": False}])
        self.ask("eth_call", "0x1000", n=5)  # nor while nobody knows where the head is
        self.know_head()
        self.ask("eth_call", "0x1000", "0x%x" % (HEAD - 128), "earliest")
        self.ask("eth_getProof", "earliest", first=[[]], n=5)
        self.assertEqual(self.asked("eth_call"), [0, 35, 0])
        self.assertEqual(self.asked("eth_getProof"), [0, 5, 0])
        self.assertEqual(self.misses(), 0)

    def test_the_archive_is_not_kept_for_old_blocks(self):
        self.start(Node(state=128), Node(), each=[{"archive": False}, {"archive": True}])
        self.know_head()
        self.ask("eth_call", "latest", "0x%x" % (HEAD - 127), "0x%x" % (HEAD - 1))
        self.one("eth_getBlockByNumber", ["0x1", False], 10)
        self.assertEqual(self.asked("eth_call", "eth_getBlockByNumber"), [20, 20])

    def test_a_higher_tier_is_asked(self):
        self.start(Node(state=128), Node(), each=[{"archive": False}, {"archive": True, "tier": 1}])
        self.one("eth_blockNumber", [])
        self.ask("eth_call", "latest")
        self.ask("eth_call", "0x1000")
        self.assertEqual(self.asked("eth_call"), [10, 10])

    def test_when_there_is_no_other(self):
        self.start(Node(), Node(), each=[{"archive": False}, {"archive": False}])
        self.know_head()
        self.ask("eth_call", "0x1000")  # they were asked all the same, and had it
        self.assertEqual(sum(self.asked("eth_call")), 10)

    def test_the_word_of_an_archive_is_not_held_against_it(self):
        self.start(Node(state=128), Node(state=128), each=[{"archive": True}, {"archive": False}])
        self.know_head()
        with self.g.client() as c:
            for i in range(4):
                r = c.rpc("eth_call", [{"to": "0x%040x" % i}, "0x1000"])
                self.assertEqual((r["error"]["code"], r["error"]["message"]), MISSING)
        self.assertEqual(self.asked("eth_call"), [4, 4])
        self.assertEqual(self.seen("a"), {"configured": "true", "lacks_up_to": {}, "lacks_methods": []})
        self.assertEqual(self.seen("b")["configured"], "false")

    def test_devnodes(self):
        nodes = [self.devnode("--block-time-ms", "60000", *args)
                 for args in ((), ("--keep-state", "128"), ("--keep-state", "128"))]
        self.g = self.gateway(config([endpoint(n.url, x, archive=a) for n, x, a in zip(nodes, "abc", (True, False, False))],
                                     chain={"head_probe": True}))
        self.ask("eth_call", "0x1000", "earliest", n=20)
        self.assertEqual(self.misses(), 0)
        calls = {e["name"]: e["calls"] for e in self.g.status()["chains"]["ethereum"]["endpoints"]}
        self.assertGreaterEqual(calls["a"], 40)


class Tracing(Archives):
    def test_what_is_not_known_is_asked_elsewhere_and_remembered(self):
        self.start(Node(trace=False), Node(trace=False), Node())
        self.know_head()
        for method, params in (("trace_block", ["latest"]), ("debug_traceTransaction", [TX])):
            self.one(method, params)
            a, b, c = self.asked(method)
            self.assertLessEqual(max(a, b), 1)
            self.assertEqual(c, 10)

    def test_configured(self):
        self.start(Node(trace=False), Node(trace=False), Node(), each=[{"trace": False}, {"trace": False}, {}])
        self.one("trace_block", ["latest"])
        self.one("debug_traceTransaction", [TX])
        self.one("debug_traceBlockByNumber", ["0x1"])
        self.assertEqual(self.asked("trace_block", "debug_traceTransaction", "debug_traceBlockByNumber"), [0, 0, 30])
        self.assertIn("trace_block", self.seen("a")["lacks_methods"])

    def test_when_there_is_no_other(self):
        self.start(Node(trace=False), Node(trace=False), each=[{"trace": False}, {"trace": False}])
        with self.g.client() as c:
            r = c.rpc("trace_block", ["latest"])
        self.assertEqual((r["error"]["code"], r["error"]["message"]), UNKNOWN)


class Solana(Archives):
    def test_old_slots(self):
        self.start(Node(history=500), Node(), family="solana")
        self.know_head("getSlot")
        self.one("getBlock", [1000])
        self.assertLessEqual(self.asked("getBlock")[0], 1)
        before = self.asked("getBlock")
        self.one("getBlock", [HEAD - 100])
        self.assertEqual([n - m for n, m in zip(self.asked("getBlock"), before)], [5, 5])

    def test_a_node_without_history(self):
        """It answers so whatever the transaction: the method is asked of others."""
        self.start(Node(history=500), Node(), family="solana")
        self.one("getTransaction", ["5" * 88])
        self.assertLessEqual(self.asked("getTransaction")[0], 1)
        self.assertEqual(self.seen("a")["lacks_methods"], ["getTransaction"] if self.asked("getTransaction")[0] else [])

    def test_configured(self):
        self.start(Node(history=500), Node(), family="solana", each=[{"archive": False}, {"archive": True}])
        self.one("getBlock", [1000])  # nobody knows where the head is
        self.assertEqual(self.asked("getBlock"), [0, 10])
