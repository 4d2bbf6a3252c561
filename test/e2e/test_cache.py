"""Answers that cannot change are asked for once; whatever may still change is asked for each time."""
import json
import threading

from harness import Case, config, endpoint
from upstream import serve

HASH = "0x" + "ab" * 32
BLOCK = {"number": "0x64", "hash": HASH, "transactions": []}


def call(method, params, id=1):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


class Cache(Case):
    def kept(self, result, cache=None, family="evm", **chain):
        """A gateway before an upstream whose answers `result` gives.  It asks for nothing by itself."""
        u = self.upstream(serve(lambda c: json.dumps(result(c))))
        g = self.gateway(config(endpoint(u.url()), family, chain={"cache": {"finalized_ms": 0, **(cache or {})}, **chain}))
        return g, u

    def ask(self, g, method, params, id=1):
        with g.client() as c:
            return c.request(json.dumps(call(method, params, id))).json()

    def times(self, g, u, method, params, want, n=3):
        """n calls, one after the other: all with the same answer, and `want` of them upstream."""
        before = len(u.calls(method))
        got = [self.ask(g, method, params, i) for i in range(n)]
        self.assertEqual([x["id"] for x in got], list(range(n)))
        self.assertEqual(len({json.dumps(x.get("result", x.get("error"))) for x in got}), 1, got)
        self.assertEqual(len(u.calls(method)) - before, want, (method, params))
        return got[0]

    def finalized(self, g, number):
        """Lets the gateway learn of the finalized block, from a client's own question."""
        self.ask(g, "eth_getBlockByNumber", ["finalized", False])

    def answers(self, c):
        if c.call == "eth_getBlockByNumber" and c.json["params"][0] == "finalized":
            return {"number": "0x100"}
        return {"eth_chainId": "0x1", "eth_getBlockByHash": BLOCK, "eth_getBlockByNumber": BLOCK,
                "eth_getBalance": "0x1234", "eth_getTransactionReceipt": {"blockNumber": "0x64", "status": "0x1"},
                "eth_getLogs": [{"data": "0x01"}], "eth_blockNumber": "0x120"}.get(c.call)

    def test_what_never_changes(self):
        g, u = self.kept(self.answers)
        self.times(g, u, "eth_chainId", [], 1)
        self.times(g, u, "eth_getBlockByHash", [HASH, False], 1)
        self.times(g, u, "eth_getBlockByHash", [HASH.upper().replace("X", "x"), False], 0)
        self.times(g, u, "eth_getBlockByHash", [HASH, True], 1)
        self.assertEqual(g.status()["counters"]["calls_cached"], 2 + 2 + 3 + 2)

    def test_a_chain_that_was_set_back(self):
        """A test node began anew: its old blocks, and how far they were final, are forgotten."""
        now = {"life": 1, "head": 0x3000, "final": 0x2000}

        def answers(c):
            if c.call == "eth_blockNumber":
                return "0x%x" % now["head"]
            return {"number": "0x%x" % now["final"] if c.json["params"][0] == "finalized" else c.json["params"][0], "life": now["life"]}
        g, u = self.kept(answers)
        self.ask(g, "eth_blockNumber", [])
        self.finalized(g, 0x2000)
        self.times(g, u, "eth_getBlockByNumber", ["0x5", False], 1)
        now.update(life=2, head=0x10, final=0x8)
        self.assertEqual(self.ask(g, "eth_blockNumber", [])["result"], "0x10")
        self.assertEqual(self.times(g, u, "eth_getBlockByNumber", ["0x5", False], 3)["result"]["life"], 2)
        self.finalized(g, 0x8)
        self.times(g, u, "eth_getBlockByNumber", ["0x5", False], 1)
        self.times(g, u, "eth_getBlockByNumber", ["0x9", False], 3)

    def test_numbers_only_when_they_are_final(self):
        g, u = self.kept(self.answers)
        self.times(g, u, "eth_getBalance", ["0x" + "11" * 20, "0x64"], 3)  # nothing is known to be final yet
        self.finalized(g, 0x100)
        self.times(g, u, "eth_getBalance", ["0x" + "11" * 20, "0x64"], 1)
        self.times(g, u, "eth_getBalance", ["0x" + "11" * 20, "0x101"], 3)
        self.times(g, u, "eth_getBlockByNumber", ["0x64", False], 1)
        self.times(g, u, "eth_getTransactionReceipt", [HASH], 1)
        self.times(g, u, "eth_getLogs", [{"fromBlock": "0x1", "toBlock": "0x64"}], 1)
        self.times(g, u, "eth_getLogs", [{"fromBlock": "0x1", "toBlock": "0x101"}], 3)
        self.times(g, u, "eth_getLogs", [{"fromBlock": "0x1"}], 3)

    def test_tags_are_asked_each_time(self):
        g, u = self.kept(self.answers)
        self.finalized(g, 0x100)
        for tag in ("latest", "pending", "safe", "finalized", "earliest"):
            with self.subTest(tag):
                self.times(g, u, "eth_getBalance", ["0x" + "22" * 20, tag], 3)
        self.times(g, u, "eth_getBalance", ["0x" + "22" * 20], 3)
        self.times(g, u, "eth_blockNumber", [], 3)

    def test_null_empty_and_errors_are_not_kept(self):
        g, u = self.kept(lambda c: None)
        self.times(g, u, "eth_getBlockByHash", [HASH, False], 3)
        g, u = self.kept(lambda c: "0x")
        self.times(g, u, "eth_chainId", [], 3)

    def test_a_receipt_above_the_finalized_block(self):
        def result(c):
            if c.call == "eth_getTransactionReceipt":
                return {"blockNumber": "0x101"}
            return self.answers(c)
        g, u = self.kept(result)
        self.finalized(g, 0x100)
        self.times(g, u, "eth_getTransactionReceipt", [HASH], 3)

    def test_off(self):
        for cache in ({"max_bytes": 0},):
            g, u = self.kept(self.answers, cache)
            self.times(g, u, "eth_chainId", [], 3)
        g, u = self.kept(self.answers, methods={"eth_chainId": {"cache": False}})
        self.times(g, u, "eth_chainId", [], 3)
        self.times(g, u, "eth_getBlockByHash", [HASH, False], 1)

    def test_the_head_s_answers_until_it_moves(self):
        head = [0x120]

        def result(c):
            return hex(head[0]) if c.call == "eth_blockNumber" else self.answers(c)
        g, u = self.kept(result, {"head": True}, block_time_ms=60000)
        balance = ("eth_getBalance", ["0x" + "33" * 20, "latest"])
        self.times(g, u, "eth_blockNumber", [], 2)  # the first one moved the head that it tells of
        self.times(g, u, *balance, 1)
        self.times(g, u, "eth_getBalance", ["0x" + "33" * 20, "pending"], 3)
        head[0] += 1
        self.ask(g, "eth_getBlockByNumber", ["0x121", False])  # BLOCK says 0x64: an older block moves nothing
        self.times(g, u, *balance, 0)

    def test_the_head_s_answers_grow_old(self):
        g, u = self.kept(self.answers, {"head": True}, block_time_ms=200)
        balance = ("eth_getBalance", ["0x" + "44" * 20, "latest"])
        self.times(g, u, *balance, 1)
        threading.Event().wait(0.25)
        self.times(g, u, *balance, 1)

    def test_the_head_s_answers_are_void_when_a_transaction_leaves(self):
        """Some nodes mine it at once, and a client that waits until it is mined hears of no head."""
        mined = []

        def answers(c):
            if c.call.startswith("eth_sendRawTransaction"):
                mined.append(c)
                return {"transactionHash": HASH} if c.call.endswith("Sync") else HASH
            return hex(0x1000 + len(mined))
        g, u = self.kept(answers, {"head": True}, block_time_ms=60000)
        balance = ("eth_getBalance", ["0x" + "33" * 20, "latest"])
        self.times(g, u, *balance, 1)
        for i, method in enumerate(("eth_sendRawTransaction", "eth_sendRawTransactionSync")):
            self.assertIn("result", self.ask(g, method, ["0x%x" % (0xc0 + i) + "00" * 40]))
            self.assertEqual(self.times(g, u, *balance, 1)["result"], hex(0x1001 + i))

    def test_large_answers_share_the_bytes(self):
        g, u = self.kept(lambda c: {"number": "0x1", "extraData": "0x" + "cd" * 300000})
        with g.client() as a, g.client() as b:
            for c in (a, b, a, b):
                self.assertEqual(len(c.request(json.dumps(call("eth_getBlockByHash", [HASH, True]))).json()["result"]["extraData"]),
                                 600002)
        self.assertEqual(len(u.calls()), 1)

    def test_arrays_take_what_is_kept_and_ask_for_the_rest(self):
        g, u = self.kept(self.answers)
        self.ask(g, "eth_chainId", [])
        with g.client() as c:
            got = c.request(json.dumps([call("eth_chainId", [], "a"), call("eth_blockNumber", [], "b"),
                                        call("eth_chainId", [], "c")])).json()
        self.assertEqual([(x["id"], x["result"]) for x in got], [("a", "0x1"), ("b", "0x120"), ("c", "0x1")])
        self.assertEqual((len(u.calls("eth_chainId")), len(u.calls("eth_blockNumber"))), (1, 1))

    def test_solana(self):
        g, u = self.kept(lambda c: {"getBlock": {"blockhash": "x", "blockTime": 5}, "getAccountInfo": {"context": {"slot": 9}, "value": {"lamports": 1}},
                                    "getGenesisHash": "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"}.get(c.call), family="solana")
        self.times(g, u, "getGenesisHash", [], 1)
        self.times(g, u, "getAccountInfo", ["So11111111111111111111111111111111111111112"], 3)
        self.times(g, u, "getBlock", [5, {"commitment": "confirmed"}], 3)

    def test_solana_s_block_times(self):
        """They are told of slots that are not final yet, and may be skipped."""
        g, u = self.kept(lambda c: 9 if c.call == "getSlot" else 1574721591, family="solana")
        self.times(g, u, "getBlockTime", [5], 3)
        self.ask(g, "getSlot", [{"commitment": "processed"}])
        self.times(g, u, "getBlockTime", [5], 3)
        self.ask(g, "getSlot", [])
        self.times(g, u, "getBlockTime", [5], 1)
        self.times(g, u, "getBlockTime", [10], 3)
