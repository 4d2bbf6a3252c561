"""Equal calls that are under way at once are one upstream call; everything else is not."""
import json
import time

from harness import SLOW, Case, config, endpoint
from upstream import Gate, serve

WIDE = {"max_sockets": 200, "max_idle": 200, "min_warm": 0}
CHAIN = {"coalesce": True, "cache": {"max_bytes": 0}}


def call(method, params=None, id="1"):
    """Text, so that a test writes ids and params as it likes; params None: the member is absent."""
    return '{"jsonrpc":"2.0","id":%s,"method":"%s"%s}' % (id, method, "" if params is None else ',"params":' + params)


def echo(c):
    """The question itself, so that an answer shows whose it is."""
    return json.dumps({"m": c.call, "p": c.json.get("params", [])})


class Coalesce(Case):
    def held(self, result=echo, family="evm", chain=None, limits=None, methods=None, **ep):
        """A gateway whose upstream answers when self.gate is opened."""
        self.gate = Gate(methods)
        ep = {"pool": WIDE, "batch": {"mode": "off"}, **ep}
        g, u = self.front(serve(self.gate.holds(result)), family, limits, {**CHAIN, **(chain or {})}, ep=ep)
        self.addCleanup(self.gate.open)  # before the gateway is told to end: it drains
        return g, u

    def settle(self, u, n, more=0.15):
        """n calls have arrived, and for a while no other."""
        self.eventually(lambda: len(u.calls()) >= n, 5, lambda: "%d of %d calls upstream" % (len(u.calls()), n))
        time.sleep(more * SLOW)
        self.assertEqual(len(u.calls()), n, [c.body for c in u.calls()])

    def upstream_calls(self, g, u, bodies, path="/"):
        """How many upstream calls the bodies cause when all are in the air at once; each answer must be its own."""
        before = len(u.calls())
        self.gate.close()
        clients = [self.posting(g, b, path) for b in bodies]
        self.eventually(lambda: len(u.calls()) > before)
        time.sleep(0.2 * SLOW)
        n = len(u.calls()) - before
        self.gate.open()
        return n, [c.read_response() for c in clients]


class Shared(Coalesce):
    def test_two_clients_one_call(self):
        result = '{"a" : 18446744073709551615,\t"b":1.50e2, "c":"\\u00e9\\/"}'
        g, u = self.held(result)
        a = self.posting(g, call("eth_call", '[{"to":"0x1"},"latest"]', '"a\\u0041"'))
        self.eventually(lambda: u.calls())
        b = self.posting(g, call("eth_call", '[{"to":"0x1"},"latest"]', "7"))
        self.settle(u, 1)
        self.gate.open()
        for c, id in ((a, '"a\\u0041"'), (b, "7")):
            self.assertEqual(c.read_response().body.rstrip(b"\n"),
                             ('{"jsonrpc":"2.0","id":%s,"result":%s}' % (id, result)).encode())

    def test_forty_clients_one_call(self):
        g, u = self.held()
        n, got = self.upstream_calls(g, u, [call("eth_getBalance", '["0xab","latest"]', str(i)) for i in range(40)])
        self.assertEqual(n, 1)
        self.assertEqual([r.json()["id"] for r in got], list(range(40)))
        self.assertEqual({r.body.split(b'"result"')[1] for r in got}, {got[0].body.split(b'"result"')[1]})

    def test_within_one_array(self):
        g, u = self.held()
        body = "[" + ",".join(call("eth_call", '["0x%d"]' % (i % 3), str(i)) for i in range(12)) + "]"
        n, (r,) = self.upstream_calls(g, u, [body])
        self.assertEqual(n, 3)
        self.assertEqual([(x["id"], x["result"]["p"]) for x in r.json()], [(i, ["0x%d" % (i % 3)]) for i in range(12)])

    def test_a_transaction_that_is_waited_for(self):
        g, u = self.held()
        n, got = self.upstream_calls(g, u, [call("eth_sendRawTransactionSync", '["0x02%s"]' % ("00" * 40), str(i)) for i in range(4)])
        self.assertEqual(n, 1)
        self.assertEqual([r.json()["id"] for r in got], list(range(4)))

    def test_every_id_is_its_owner_s(self):
        ids = ["1", '"1"', "-0", "1.0", "1e3", "123456789012345678901", '""', '"\\u00e9"', "null", '"é"', "18446744073709551615"]
        g, u = self.held()
        n, got = self.upstream_calls(g, u, [call("eth_call", "[1]", id) for id in ids])
        self.assertEqual(n, 1)
        for id, r in zip(ids, got):
            self.assertIn(('"id":%s,' % id).encode(), r.body)

    def test_an_error_goes_to_all_with_its_data(self):
        g, u = self.held((3, "execution reverted: é", '{"x" : "0x08c379a0"}'))
        n, got = self.upstream_calls(g, u, [call("eth_call", "[1]", str(i)) for i in range(5)])
        self.assertEqual(n, 1)
        for i, r in enumerate(got):
            self.assertEqual(r.json()["id"], i)
            self.assertEqual(r.json()["error"]["code"], 3)
            self.assertIn(b'"data":{"x" : "0x08c379a0"}', r.body)

    def test_what_is_asked_afterwards_is_a_new_call(self):
        g, u = self.held()
        self.gate.open()
        for i in range(3):
            with g.client() as c:
                c.rpc("eth_call", [1], id=i)
        self.assertEqual(len(u.calls()), 3)

    def test_safe_normalisation(self):
        address = "0x" + "aB" * 20
        rows = [
            (call("eth_call", '[{"to":"%s"},"latest"]' % address), call("eth_call", ' [ {"to" :\t"%s"} ,\n"latest" ] ' % address)),
            (call("eth_gasPrice"), call("eth_gasPrice", "[]")),
            (call("eth_getBalance", '["%s","latest"]' % address), call("eth_getBalance", '["%s","latest"]' % address.lower())),
            (call("eth_getBlockByHash", '["0x%s",false]' % ("AA" * 32)), call("eth_getBlockByHash", '["0x%s",false]' % ("aa" * 32))),
        ]
        g, u = self.held()
        for pair in rows:
            with self.subTest(pair):
                n, got = self.upstream_calls(g, u, pair)
                self.assertEqual(n, 1)
                self.assertEqual(got[0].json(), got[1].json())

    def test_large_answer_for_a_slow_and_a_quick_client(self):
        big = '"' + "x" * 3000000 + '"'
        g, u = self.held(big)
        slow = g.client(rcvbuf=4096)
        self.addCleanup(slow.close)
        slow.send(slow.build(call("eth_call", "[1]", "1")))
        self.eventually(lambda: u.calls())
        quick = self.posting(g, call("eth_call", "[1]", "2"))
        self.settle(u, 1)
        self.gate.open()
        at = time.monotonic()
        b = quick.read_response()
        self.assertLess(time.monotonic() - at, 2 * SLOW)
        time.sleep(0.2)
        a = slow.read_response()
        for r, id in ((a, 1), (b, 2)):
            self.assertEqual(r.body.rstrip(b"\n"), b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (id, big.encode()))


# No two of one row are the same question, however near.
EVM_APART = [
    ['["ab","c"]', '["a","bc"]', '["abc"]', '["a","b","c"]', '[["a"],"b","c"]', '[["a","b"],"c"]', '["a",["b","c"]]'],
    ['[["a"],"b"]', '[["a","b"]]', '["a","b"]', '[["a"],["b"]]', '[[["a"]],"b"]'],
    ['[1]', '["1"]', '[1.0]', '[10e-1]', '[[1]]', '[{"1":1}]', '[true]', '[null]', '[]', '[[]]', '[{}]', '[""]', '["null"]'],
    ['["0x1"]', '["0x1","latest"]', '["0x1","pending"]', '["0x1","0x0"]', '["0x1","0x00"]', '["0x1",null]', '["0x1",{}]'],
    ['[{"a":"b","c":"d"}]', '[{"a":"b,c:d"}]', '[{"a":["b"],"c":"d"}]', '[{"a":"b"},{"c":"d"}]', '[{"ab":"","c":"d"}]'],
    ['[{"topics":["0xaa",null]}]', '[{"topics":["0xaa"]}]', '[{"topics":[["0xaa"],null]}]', '[{"topics":["0xaa",[]]}]',
     '[{"topics":["0xaa",["0xbb","0xcc"]]}]', '[{"topics":["0xaa",["0xbb"],["0xcc"]]}]', '[{"topics":[["0xaa","0xbb"],["0xcc"]]}]'],
    ['["a\\"b"]', '["a","b"]', '["a\\\\\\"b"]', '["a\\nb"]', '["anb"]', '["a\\\\nb"]'],
    ['[18446744073709551615]', '[18446744073709551616]', '[18446744073709552000]', '[1.8446744073709552e19]'],
    ['["Zz"]', '["zz"]', '["zZ"]'],
    ['["0x"]', '["0x0"]', '["0x00"]', '["x"]', '["0"]'],
]
SOLANA_APART = [
    ['["4Nd1mYyVHTxLVUNtX8MfaLFPZ1DTXsVQvvBPKDpDhQ6Z"]', '["4nd1mYyVHTxLVUNtX8MfaLFPZ1DTXsVQvvBPKDpDhQ6Z"]'],
    ['["0xAB"]', '["0xab"]'],
    ['["k"]', '["k",{"commitment":"processed"}]', '["k",{"commitment":"confirmed"}]', '["k",{"encoding":"base64"}]'],
]


class Apart(Coalesce):
    def apart(self, g, u, bodies, path="/"):
        n, got = self.upstream_calls(g, u, bodies, path)
        self.assertEqual(n, len(bodies), [b for b in bodies])
        for b, r in zip(bodies, got):
            sent = json.loads(b)
            self.assertEqual(r.json(), {"jsonrpc": "2.0", "id": sent["id"],
                                        "result": {"m": sent["method"], "p": sent.get("params", [])}}, b)

    def test_params(self):
        g, u = self.held()
        for row in EVM_APART:
            with self.subTest(row):
                self.apart(g, u, [call("eth_call", p, str(i)) for i, p in enumerate(row)])

    def test_all_rows_at_once(self):
        g, u = self.held()
        params = sorted({p for row in EVM_APART for p in row})
        self.apart(g, u, [call("eth_getLogs", p, str(i)) for i, p in enumerate(params)])

    def test_base58_keeps_its_case(self):
        g, u = self.held(family="solana")
        for row in SOLANA_APART:
            with self.subTest(row):
                self.apart(g, u, [call("getAccountInfo", p, str(i)) for i, p in enumerate(row)])

    def test_methods(self):
        g, u = self.held()
        self.apart(g, u, [call(m, '["0x1","latest"]') for m in ("eth_call", "eth_getBalance", "eth_getCode", "eth_getTransactionCount")])

    def test_text_that_looks_like_a_key_of_another_call(self):
        g, u = self.held()
        self.apart(g, u, [call("eth_call", '["eth_getCode","[]"]'), call("eth_getCode", '["eth_call","[]"]'),
                          call("eth_call", '["eth_getCode[]"]'), call("eth_getCode", '["[\\"eth_call\\"]"]')])

    def test_chains(self):
        gate = Gate()
        ups = [self.upstream(serve(gate.holds('"%s"' % n))) for n in "ab"]
        c = config(endpoint(ups[0].url(), pool=WIDE), chain=CHAIN)
        c["chains"]["other"] = {"family": "evm", "endpoints": [endpoint(ups[1].url(), pool=WIDE)], **CHAIN}
        g = self.gateway(c)
        self.addCleanup(gate.open)
        clients = [self.posting(g, call("eth_call", "[1]"), path) for path in ("/ethereum", "/other")]
        self.eventually(lambda: all(u.calls() for u in ups))
        gate.open()
        self.assertEqual([x.read_response().json()["result"] for x in clients], ["a", "b"])

    def test_chains_with_the_same_endpoint(self):
        g, u = self.held()
        c = config(endpoint(u.url(), pool=WIDE), chain=CHAIN)
        c["chains"]["other"] = {"family": "evm", "endpoints": [endpoint(u.url(), pool=WIDE)], **CHAIN}
        g = self.gateway(c)
        for path in ("/ethereum", "/other"):
            self.posting(g, call("eth_call", "[1]"), path)
        self.settle(u, 2)
        self.gate.open()

    def test_never(self):
        """Each makes or takes something of its caller's own, or is not known at all."""
        g, u = self.held()
        for method, params in (("eth_newFilter", '[{"topics":["0x1"]}]'), ("eth_newBlockFilter", "[]"),
                               ("eth_newPendingTransactionFilter", "[]"), ("some_unknownMethod", "[1]"), ("eth_Call", "[1]")):
            with self.subTest(method):
                n, got = self.upstream_calls(g, u, [call(method, params, str(i)) for i in range(3)])
                self.assertEqual(n, 3)
                self.assertEqual([r.json()["id"] for r in got], [0, 1, 2])

    def test_two_clients_filters_are_two(self):
        made = iter(range(100))
        g, u = self.held(lambda c: '"0xf%d"' % next(made))
        n, got = self.upstream_calls(g, u, [call("eth_newFilter", "[{}]", str(i)) for i in range(6)])
        self.assertEqual(n, 6)
        self.assertEqual(len({r.json()["result"] for r in got}), 6)

    def test_off(self):
        g, u = self.held(chain={"coalesce": False})
        n, _ = self.upstream_calls(g, u, [call("eth_call", "[1]", str(i)) for i in range(4)])
        self.assertEqual(n, 4)


class Partings(Coalesce):
    def test_the_first_leaves(self):
        g, u = self.held()
        a = self.posting(g, call("eth_call", "[1]", "1"))
        self.eventually(lambda: u.calls())
        b = self.posting(g, call("eth_call", "[1]", "2"))
        self.settle(u, 1)
        a.close()
        time.sleep(0.1)
        self.assertEqual(len(u.open_conns()), 1)
        self.gate.open()
        self.assertEqual(b.read_response().json()["id"], 2)
        self.assertEqual(len(u.calls()), 1)

    def test_the_second_leaves(self):
        g, u = self.held()
        a = self.posting(g, call("eth_call", "[1]", "1"))
        self.eventually(lambda: u.calls())
        b = self.posting(g, call("eth_call", "[1]", "2"))
        self.settle(u, 1)
        b.close()
        time.sleep(0.1)
        self.gate.open()
        self.assertEqual(a.read_response().json()["id"], 1)

    def test_all_leave_and_others_come(self):
        g, u = self.held()
        first = [self.posting(g, call("eth_call", "[1]", str(i))) for i in range(5)]
        self.eventually(lambda: u.calls())
        for c in first:
            c.close()
        time.sleep(0.1)
        late = self.posting(g, call("eth_call", "[1]", "9"))
        time.sleep(0.1)
        self.gate.open()
        self.assertEqual(late.read_response().json()["result"]["p"], [1])
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call", [2])["result"]["p"], [2])

    def test_each_waits_as_long_as_it_may(self):
        """The first times out; the second came later and gets the answer of the same upstream call."""
        g, u = self.held(limits={"call_timeout_ms": 3200})
        a = self.posting(g, call("eth_call", "[1]", "1"))
        self.eventually(lambda: u.calls())
        time.sleep(0.4)  # a flight may be joined in the first quarter of its time
        b = self.posting(g, call("eth_call", "[1]", "2"))
        at = time.monotonic()
        self.assert_error(a.read_response().json(), "upstream_timeout", id=1)
        self.assertLess(time.monotonic() - at, 2.9 + 0.2 * SLOW)
        self.gate.open()
        self.assertEqual(b.read_response().json()["result"]["p"], [1])
        self.assertEqual(len(u.calls()), 1)

    def test_a_flight_that_hangs_is_not_waited_for_by_those_who_come_late(self):
        """After the first quarter of its time a question is asked anew."""
        g, u = self.held(limits={"call_timeout_ms": 1600})
        a = self.posting(g, call("eth_call", "[1]", "1"))
        self.eventually(lambda: u.calls())
        time.sleep(0.6)
        b = self.posting(g, call("eth_call", "[1]", "2"))
        self.eventually(lambda: len(u.calls()) == 2, 0.5)
        self.gate.open()
        for c in (a, b):
            self.assertEqual(c.read_response().json()["result"]["p"], [1])

    def dying_once(self, died, name="a"):
        """Of all that share `died`, one resets its first connection when the gate opens, and says so there."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if not died:
                    self.gate.event.wait(15)
                    died.append(name)
                    conn.reset()
                    return
                conn.answer(r, echo)
        return script

    def test_a_flight_that_dies_gives_each_an_attempt(self):
        self.gate = Gate()
        g, u = self.front(self.dying_once([]), chain=CHAIN, ep={"pool": WIDE})
        self.addCleanup(self.gate.open)
        a = self.posting(g, call("eth_call", "[1]", "1"))
        self.eventually(lambda: u.calls())
        others = [self.posting(g, call("eth_call", "[1]", str(i))) for i in (2, 3)]
        self.settle(u, 1)
        self.gate.open()
        self.assertEqual(a.read_response().json()["id"], 1)
        for c in others:
            self.assertEqual(c.read_response().json().get("result"), {"m": "eth_call", "p": [1]})

    def test_the_one_that_fails_is_told_where(self):
        """The others are under way to another endpoint by then."""
        died = []
        self.gate = Gate()
        ups = {n: self.upstream(self.dying_once(died, n)) for n in "ab"}
        g = self.gateway(config([endpoint(u.url(), name=n, pool=WIDE) for n, u in ups.items()],
                                chain={**CHAIN, "retry": {"max_attempts": 1}}))
        self.addCleanup(self.gate.open)
        a = self.posting(g, call("eth_call", "[1]", "1"))
        self.eventually(lambda: any(u.calls() for u in ups.values()))
        b = self.posting(g, call("eth_call", "[1]", "2"))
        self.eventually(lambda: g.status()["counters"]["calls_coalesced"] == 1)
        self.gate.open()
        self.assert_error(a.read_response().json(), "upstream_reset", id=1, endpoint=died[0])
        self.assertEqual(b.read_response().json()["result"]["p"], [1])

    def test_all_whose_time_is_over_are_told_the_same(self):
        """There is no time for another attempt: none is begun, and the reason is the endpoint's silence."""
        g, u = self.held(limits={"call_timeout_ms": 400})
        c = self.posting(g, "[%s,%s,%s]" % tuple(call("eth_call", "[1]", str(i)) for i in range(3)))
        for i, r in enumerate(c.read_response().json()):
            self.assert_error(r, "upstream_timeout", id=i)
        self.assertEqual(len(u.calls()), 1)

    def test_shutdown_answers_all(self):
        import signal
        g, u = self.held()
        clients = [self.posting(g, call("eth_call", "[1]", str(i))) for i in range(5)]
        self.settle(u, 1)
        g.signal(signal.SIGTERM)
        time.sleep(0.1)
        self.gate.open()
        self.assertEqual([c.read_response().json()["id"] for c in clients], list(range(5)))


class Heads(Coalesce):
    """A caller that was shown a newer head never gets the state of an older one by joining."""

    def chain_at(self, head_method, family="evm", **kw):
        """Held but for the head, which is self.head."""
        self.head = 16

        def result(c):
            if c.call == head_method:
                return '"0x%x"' % self.head if family == "evm" else str(self.head)
            return '{"p":%s,"asked_at":%d}' % (json.dumps(c.json.get("params", [])), self.head)
        g, u = self.held(result, family, **kw)
        waits = self.gate.holds(result)
        u.script = serve(lambda c: result(c) if c.call == head_method else waits(c))
        return g, u

    def show_head(self, g, method, head):
        self.head = head
        with g.client() as c:
            shown = c.rpc(method)["result"]
        self.assertEqual(int(shown, 16) if isinstance(shown, str) else shown, head)

    def joined(self, g, u, head_method, body, moved=True, path="/"):
        """Whether a call that is asked after a newer head was shown joins the older one."""
        method = json.loads(body)["method"]
        self.gate.close()
        self.show_head(g, head_method, self.head)
        n = len(u.calls(method))
        a = self.posting(g, body, path)
        self.eventually(lambda: len(u.calls(method)) == n + 1)
        b = self.posting(g, body, path)
        time.sleep(0.1 * SLOW)
        self.assertEqual(len(u.calls(method)), n + 1, "the same head, and yet not shared")
        if moved:
            self.show_head(g, head_method, self.head + 1)
        else:
            self.show_head(g, head_method, self.head)
        c = self.posting(g, body, path)
        time.sleep(0.2 * SLOW)
        count = len(u.calls(method)) - n
        self.gate.open()
        for x in (a, b, c):
            self.assertIn("result", x.read_response().json())
        return count == 1

    def test_evm_state_at_the_head(self):
        g, u = self.chain_at("eth_blockNumber")
        for body in (call("eth_call", '[{"to":"0x1"},"latest"]'), call("eth_call", '[{"to":"0x1"}]'),
                     call("eth_getBalance", '["0x1","latest"]'), call("eth_getTransactionCount", '["0x1","pending"]'),
                     call("eth_gasPrice"), call("eth_getBlockByNumber", '["latest",false]'),
                     call("eth_getLogs", '[{"fromBlock":"0x1"}]')):
            with self.subTest(body):
                self.assertFalse(self.joined(g, u, "eth_blockNumber", body))

    def test_evm_the_same_head_again_changes_nothing(self):
        g, u = self.chain_at("eth_blockNumber")
        self.assertTrue(self.joined(g, u, "eth_blockNumber", call("eth_call", '[{"to":"0x1"},"latest"]'), moved=False))

    def test_evm_what_does_not_depend_on_the_head(self):
        g, u = self.chain_at("eth_blockNumber")
        for body in (call("eth_chainId"), call("web3_sha3", '["0x%s"]' % ("ab" * 32))):
            with self.subTest(body):
                self.assertTrue(self.joined(g, u, "eth_blockNumber", body))

    def test_solana(self):
        g, u = self.chain_at("getSlot", "solana")
        for body in (call("getAccountInfo", '["k"]'), call("getLatestBlockhash"), call("getBalance", '["k"]')):
            with self.subTest(body):
                self.assertFalse(self.joined(g, u, "getSlot", body))

    def test_a_read_after_one_s_own_broadcast(self):
        g, u = self.held(lambda c: '"0x%s"' % ("ab" * 32) if c.call == "eth_sendRawTransaction" else '"0x5"',
                         methods={"eth_getTransactionCount"})
        body = call("eth_getTransactionCount", '["0x%s","pending"]' % ("cd" * 20))
        a = self.posting(g, body)
        self.eventually(lambda: u.calls("eth_getTransactionCount"))
        with g.client() as b:
            r = b.rpc("eth_sendRawTransaction", ["0x02" + "00" * 40])
            self.assertIn("result", r)
            b.send(b.build(body))
            self.eventually(lambda: len(u.calls("eth_getTransactionCount")) == 2, 3, "it joined a read from before")
            self.gate.open()
            self.assertEqual(b.read_response().json()["result"], "0x5")
        self.assertEqual(a.read_response().json()["result"], "0x5")

    def shares_after(self, before, between, read, family="evm"):
        """Whether two equal reads share when `between` is asked in the time from one to the other. All of a question are
        (method, params, result)."""
        answers = {}

        def result(c):
            return answers[c.call, json.dumps(c.json["params"])] if (c.call, json.dumps(c.json["params"])) in answers else '"0x7"'

        def ask(c, questions):
            for method, params, text in questions:
                answers[method, json.dumps(params)] = text
                self.assertIn("result", c.rpc(method, params))
        g, u = self.held(result, family, methods={read[0]})
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": read[0], "params": read[1]})
        with g.client() as c:
            ask(c, before)
            a = self.posting(g, body)
            self.eventually(lambda: u.calls(read[0]))
            ask(c, between)
            b = self.posting(g, body)
            time.sleep(0.2 * SLOW)
        n = len(u.calls(read[0]))
        self.gate.open()
        for x in (a, b):
            self.assertIn("result", x.read_response().json())
        return n == 1

    BALANCE = "eth_getBalance", ["0x1", "latest"]

    def test_what_is_asked_of_old_blocks_does_not_move_the_head(self):
        number, h = [("eth_blockNumber", [], '"0x1000000"')], "0x" + "ab" * 32
        for old in (("eth_getBlockByNumber", ["0x5", False], '{"number":"0x5"}'),
                    ("eth_getBlockByNumber", ["earliest", False], '{"number":"0x0"}'),
                    ("eth_getBlockByHash", [h, False], '{"number":"0x5"}'),
                    ("eth_getTransactionReceipt", [h], '{"blockNumber":"0x5"}')):
            with self.subTest(old[:2]):
                self.assertTrue(self.shares_after(number, [old], self.BALANCE))

    def test_a_chain_that_was_set_back(self):
        self.assertFalse(self.shares_after([("eth_blockNumber", [], '"0x1000000"')], [("eth_blockNumber", [], '"0x5"')],
                                           self.BALANCE))

    def test_a_pending_block_is_no_head_yet(self):
        """When it has become one, that is news."""
        self.assertFalse(self.shares_after(
            [("eth_blockNumber", [], '"0x10"'), ("eth_getBlockByNumber", ["pending", False], '{"number":"0x11"}')],
            [("eth_blockNumber", [], '"0x11"')], self.BALANCE))

    def test_what_solana_says_of_its_processed_slot_is_not_finalized(self):
        context = '{"context":{"slot":%d},"value":[null]}'
        self.assertFalse(self.shares_after(
            [("getSlot", [], "100"), ("getSignatureStatuses", [["s"]], context % 132)],
            [("getSlot", [], "101")], ("getAccountInfo", ["k"]), "solana"))
