"""A signed transaction goes to every endpoint of its group at once, once; the first acceptance answers."""
import time

from harness import SLOW, Case, config, endpoint
from upstream import Gate, serve

SEND = "eth_sendRawTransaction"
LOOKUP = "eth_getTransactionByHash"
# EIP-155's example transaction.
RAW = ("0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a0"
       "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a0"
       "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83")
HASH = "0x33469b22e9f636356c4160a87eb19df52b7412e8eac32a4a55ffe88ea8350788"
ACCEPT = '"%s"' % HASH
KNOWN = (-32000, "already known")
NONCE = (-32000, "nonce too low: next nonce 10, tx nonce 9")
FUNDS = (-32000, "insufficient funds for gas * price + value: balance 0")
FULL = (-32000, "txpool is full")
SEND_SOLANA = "sendTransaction"
STALE = (-32002, "Transaction simulation failed: Blockhash not found", '{"err":"BlockhashNotFound","logs":[]}')
POOL = {"min_warm": 0}
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(b):
    n, out = int.from_bytes(b, "big"), ""
    while n:
        n, r = divmod(n, 58)
        out = ALPHABET[r] + out
    return "1" * (len(b) - len(b.lstrip(b"\0"))) + out


def body(raw=RAW, id="1", method=SEND):
    return '{"jsonrpc":"2.0","id":%s,"method":"%s","params":["%s"]}' % (id, method, raw)


def reset(conn):
    while conn.read_request() is not None:
        conn.reset()
        return


class Lane(Case):
    def lane(self, *scripts, family="evm", limits=None, chain=None):
        """A gateway before as many endpoints, a, b, c: each a script, or a result for serve()."""
        self.ups = [self.upstream(s if callable(s) and getattr(s, "__code__", None) and s.__code__.co_varnames[:1] == ("conn",)
                                  else serve(s)) for s in scripts]
        eps = [endpoint(u.url(), name, pool=POOL) for u, name in zip(self.ups, "abcdefgh")]
        return self.gateway(config(eps, family, limits, chain))

    def holding(self, result=ACCEPT):
        """A result that comes when the test is over, or opens the gate."""
        g = Gate()
        self.addCleanup(g.open)
        return g.holds(result), g

    def sends(self, method=SEND):
        return [len(u.calls(method)) for u in self.ups]

    def send(self, g, raw=RAW, id=1, timeout=20.0):
        with g.client(timeout=timeout) as c:
            return c.rpc(SEND, [raw], id=id)

    def all_once(self, n=1, method=SEND):
        self.eventually(lambda: self.sends(method) == [n] * len(self.ups), 5, lambda: "sent %r times" % self.sends(method))
        time.sleep(0.1 * SLOW)
        self.assertEqual(self.sends(method), [n] * len(self.ups))

    def outcomes(self, g, chain="ethereum"):
        return [{k: v for k, v in e["broadcasts"].items() if k != "answer_us" and v}
                for e in g.status()["chains"][chain]["endpoints"]]


class Accepted(Lane):
    def test_the_first_acceptance_answers(self):
        slow, gate = self.holding()
        g = self.lane(slow, ACCEPT, slow)
        at = time.monotonic()
        self.assertEqual(self.send(g), {"jsonrpc": "2.0", "id": 1, "result": HASH})
        self.assertLess(time.monotonic() - at, 1 * SLOW)
        self.all_once()
        self.assertEqual(self.outcomes(g), [{}, {"accepted": 1}, {}])
        gate.open()
        self.eventually(lambda: self.outcomes(g) == [{"accepted": 1}] * 3)
        page = g.admin_get("/metrics").body.decode()
        self.assertIn('millrace_endpoint_broadcasts_total{chain="ethereum",endpoint="c",outcome="accepted"} 1\n', page)
        self.assertIn('millrace_endpoint_broadcast_seconds_count{chain="ethereum",endpoint="c"} 1\n', page)
        self.assertIn("millrace_broadcasts_total 1\n", page)
        self.assertIn("millrace_broadcasts_accepted_total 1\n", page)
        self.assertIn("millrace_inflight_calls 0\n", page)
        self.assertIn('millrace_method_calls_total{chain="ethereum",method="%s",answer="result"} 1\n' % SEND, page)

    def test_an_acceptance_wins_over_refusals_before_it(self):
        slow, gate = self.holding()
        g = self.lane(FUNDS, slow, reset)
        c = self.posting(g, body())
        self.all_once()
        self.eventually(lambda: self.outcomes(g) == [{"refused": 1}, {}, {"failed": 1}])
        gate.open()
        self.assertEqual(c.read_response().json()["result"], HASH)

    def test_already_known(self):
        for error in (KNOWN, (-32000, "ALREADY_EXISTS: already known"), (-32010, "AlreadyKnown"), (1000, "Already known transaction")):
            with self.subTest(error):
                g = self.lane(error, error, error)
                self.assertEqual(self.send(g)["result"], HASH)
                self.all_once()
                self.eventually(lambda: self.outcomes(g) == [{"known": 1}] * 3)

    def test_already_known_without_a_name_is_an_error(self):
        g = self.lane(KNOWN, KNOWN)
        self.assertEqual(self.send(g, "0x05c0")["error"]["message"], KNOWN[1])
        self.all_once()

    def test_one_endpoint(self):
        for result, want in ((ACCEPT, HASH), (KNOWN, HASH)):
            with self.subTest(want):
                g = self.lane(result)
                self.assertEqual(self.send(g)["result"], want)
                self.all_once()

    def test_an_endpoint_that_is_down_costs_nothing(self):
        u = self.upstream(serve(ACCEPT))
        g = self.gateway(config([endpoint(self.refused(), "dead", pool=POOL), endpoint(u.url(), "b", pool=POOL)]))
        self.assertEqual(self.send(g)["result"], HASH)
        self.eventually(lambda: self.outcomes(g) == [{"failed": 1}, {"accepted": 1}])

    def test_a_wrong_hash_is_not_believed(self):
        g = self.lane(lambda c: '"0x%s"' % ("ab" * 32) if c.call == SEND else "null")
        self.assert_error(self.send(g), "upstream_wrong_hash", id=1)


class LookedUp(Lane):
    def answers(self, sent, found):
        return lambda c: sent if c.call == SEND else found

    def test_nonce_too_low_and_mined(self):
        a = self.answers(NONCE, '{"hash":"%s","blockNumber":"0x1"}' % HASH)
        g = self.lane(a, a, a)
        self.assertEqual(self.send(g)["result"], HASH)
        self.all_once()
        self.assertEqual(sum(self.sends(LOOKUP)), 1)
        self.assertEqual([c.json["params"] for u in self.ups for c in u.calls(LOOKUP)], [[HASH]])

    def test_nonce_too_low_and_not_there(self):
        for found in ("null", '{"hash":"0x%s"}' % ("11" * 32), "7", (-32000, "no")):
            with self.subTest(found):
                a = self.answers(NONCE, found)
                g = self.lane(a, a)
                self.assertEqual(self.send(g)["error"], {"code": NONCE[0], "message": NONCE[1]})
                self.assertEqual(sum(self.sends(LOOKUP)), 1)

    def test_a_reset_after_it_was_read(self):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.call == SEND:
                    conn.reset()
                    return
                conn.answer(r, '{"hash":"%s"}' % HASH)
        g = self.lane(script)
        self.assertEqual(self.send(g)["result"], HASH)
        self.assertEqual(self.sends(), [1])

    def test_a_reset_and_nobody_has_it(self):
        g = self.lane(reset, reset)
        self.assert_error(self.send(g), "upstream_reset", id=1)
        self.all_once()

    def test_all_hang(self):
        slow, gate = self.holding(self.answers(ACCEPT, "null"))
        g = self.lane(slow, slow, limits={"call_timeout_ms": 1000})
        at = time.monotonic()
        self.assert_error(self.send(g), "upstream_timeout", id=1)
        self.assertLess(time.monotonic() - at, 1 + 1 * SLOW)
        self.all_once()
        self.eventually(lambda: g.status()["clients"]["connections"] >= 0 and self.outcomes(g) == [{"failed": 1}] * 2)

    def test_one_hangs_and_the_other_has_it(self):
        slow, gate = self.holding()
        g = self.lane(slow, self.answers(FULL, '{"hash":"%s"}' % HASH), limits={"call_timeout_ms": 1000})
        self.assertEqual(self.send(g)["result"], HASH)
        self.all_once()
        self.assertEqual(self.sends(LOOKUP), [0, 1])

    def test_only_the_group_is_asked(self):
        slow, gate = self.holding()
        g = self.lane(slow, self.answers(ACCEPT, '{"hash":"%s"}' % HASH), limits={"call_timeout_ms": 1000},
                      chain={"broadcast": {"endpoints": "a"}})
        self.assert_error(self.send(g), "upstream_timeout", id=1)
        self.assertEqual((self.sends(), self.sends(LOOKUP)[1]), ([1, 0], 0))


class Refused(Lane):
    def test_the_most_informative_error_verbatim(self):
        error = (-32000, "insufficient funds é", '{"x" : 18446744073709551615}')
        g = self.lane(FULL, reset, error)
        with g.client() as c:
            r = c.request(body())
        self.assertIn('"error":{"code":-32000,"message":"insufficient funds \\u00e9","data":{"x" : 18446744073709551615}}}',
                      r.body.decode())
        self.all_once()
        self.assertEqual(self.sends(LOOKUP)[0] + self.sends(LOOKUP)[2], 0)
        self.assertEqual(self.outcomes(g), [{"refused": 1}, {"failed": 1}, {"refused": 1}])

    def test_endpoints_words_before_ours(self):
        u = self.upstream(serve(lambda c: FULL if c.call == SEND else "null"))
        g = self.gateway(config([endpoint(self.refused(), "dead", pool=POOL), endpoint(u.url(), "b", pool=POOL)]))
        self.assertEqual(self.send(g)["error"]["message"], FULL[1])

    def test_none_can_be_connected(self):
        g = self.gateway(config([endpoint(self.refused(), n, pool=POOL) for n in "ab"]))
        self.assert_error(self.send(g), "upstream_connect", id=1, endpoint="a")


class Together(Lane):
    def test_copies_of_five_clients_are_one_broadcast(self):
        slow, gate = self.holding()
        g = self.lane(slow, slow, slow)
        clients = [self.posting(g, body(id=str(i))) for i in range(5)]
        self.all_once()
        gate.open()
        self.assertEqual([c.read_response().json() for c in clients],
                         [{"jsonrpc": "2.0", "id": i, "result": HASH} for i in range(5)])
        self.all_once()

    def test_a_copy_that_comes_late_is_not_sent_again(self):
        slow, gate = self.holding()
        g = self.lane(slow, slow, limits={"call_timeout_ms": 4000})
        first = self.posting(g, body(id="1"))
        self.all_once()
        time.sleep(1.3)  # a read would not be joined any more
        second = self.posting(g, body(id="2"))
        time.sleep(0.2)
        gate.open()
        self.assertEqual([c.read_response().json()["result"] for c in (first, second)], [HASH] * 2)
        self.all_once()

    def test_different_transactions_are_apart(self):
        g = self.lane(*[lambda c: '"0x%064x"' % int(c.json["params"][0][6:], 16)] * 3)
        got = self.together(g, [body("0x05c0%04x" % i, str(i)) for i in range(20)])
        self.assertEqual([int(r.json()["result"], 16) for r in got], list(range(20)))
        self.all_once(20)

    def test_in_an_array(self):
        g = self.lane(*[lambda c: ACCEPT if c.call == SEND else '"0x1"'] * 3)
        with g.client() as c:
            r = c.request('[%s,{"jsonrpc":"2.0","id":2,"method":"eth_chainId"},%s]' % (body(id="1"), body(id="3")))
        self.assertEqual([(x["id"], x["result"]) for x in r.json()], [(1, HASH), (2, "0x1"), (3, HASH)])
        self.all_once()

    def test_a_client_that_leaves(self):
        slow, gate = self.holding()
        g = self.lane(slow, slow, ACCEPT + " ")
        c = self.posting(g, body())
        c.close()
        self.all_once()
        gate.open()
        self.eventually(lambda: self.outcomes(g) == [{"accepted": 1}] * 3)
        self.assertIn("millrace_inflight_calls 0\n", g.admin_get("/metrics").body.decode())

    def test_one_of_two_leaves(self):
        slow, gate = self.holding()
        g = self.lane(slow, slow)
        a, b = self.posting(g, body(id="1")), None
        self.all_once()
        b = self.posting(g, body(id="2"))
        time.sleep(0.1)
        a.close()
        time.sleep(0.1)
        gate.open()
        self.assertEqual(b.read_response().json()["result"], HASH)
        self.all_once()

    def test_a_notification(self):
        g = self.lane(ACCEPT, KNOWN, FUNDS)
        with g.client() as c:
            r = c.request('{"jsonrpc":"2.0","method":"%s","params":["%s"]}' % (SEND, RAW))
        self.assertEqual((r.status, r.body), (200, b""))
        self.all_once()
        self.eventually(lambda: self.outcomes(g) == [{"accepted": 1}, {"known": 1}, {"refused": 1}])

    def test_a_named_group(self):
        g = self.lane(ACCEPT, ACCEPT, ACCEPT, chain={"broadcast": {"endpoints": ["a", "c"]}})
        self.assertEqual(self.send(g)["result"], HASH)
        self.eventually(lambda: self.sends() == [1, 0, 1])
        time.sleep(0.1 * SLOW)
        self.assertEqual(self.sends(), [1, 0, 1])

    def test_private_sends_go_to_one_endpoint(self):
        g = self.lane(*['"0x%s"' % ("ab" * 32)] * 3)
        for method in ("eth_sendBundle", "eth_sendPrivateTransaction", "eth_sendRawTransactionConditional"):
            with self.subTest(method), g.client() as c:
                c.rpc(method, [RAW])
                time.sleep(0.1 * SLOW)
                self.assertEqual(sum(self.sends(method)), 1)

    def test_ending_with_legs_under_way(self):
        import signal
        slow, gate = self.holding()
        g = self.lane(slow, ACCEPT, slow)
        self.assertEqual(self.send(g)["result"], HASH)
        self.all_once()
        at = time.monotonic()
        g.signal(signal.SIGTERM)
        self.assertEqual(g.wait(10), 0)
        self.assertLess(time.monotonic() - at, 3 * SLOW)

    def test_a_second_signal_with_a_client_that_waits(self):
        import signal
        slow, gate = self.holding()
        g = self.lane(slow, slow)
        self.posting(g, body())
        self.all_once()
        g.signal(signal.SIGTERM)
        g.wait_line("draining")
        g.signal(signal.SIGTERM)
        g.wait(10)

    def test_an_unknown_name(self):
        path = self.write(config([endpoint("http://127.0.0.1:1/", "node-a")], chain={"broadcast": {"endpoints": ["node-b"]}}))
        r = self.run_program("check", "-c", path)
        self.assertEqual(r.returncode, 2)
        self.assertIn('chains.ethereum.broadcast.endpoints[0]: no endpoint of this chain has the name "node-b", '
                      'did you mean "node-a"?', r.stdout + r.stderr)


class Solana(Lane):
    SIGNATURE = base58(bytes(range(1, 65)))
    TX = base58(bytes([1]) + bytes(range(1, 65)) + b"\x01\x00\x01\x03" + bytes(range(32)) * 3 + bytes(range(32)) + b"\x00")

    def call(self, g):
        with g.client() as c:
            return c.rpc("sendTransaction", [self.TX])

    def test_the_signature(self):
        slow, gate = self.holding('"%s"' % self.SIGNATURE)
        g = self.lane(slow, '"%s"' % self.SIGNATURE, slow, family="solana")
        self.assertEqual(self.call(g)["result"], self.SIGNATURE)
        self.all_once(method="sendTransaction")

    def test_already_processed(self):
        error = (-32002, "Transaction simulation failed: This transaction has already been processed",
                 '{"err":"AlreadyProcessed","logs":[]}')
        g = self.lane(error, error, family="solana")
        self.assertEqual(self.call(g)["result"], self.SIGNATURE)
        self.all_once(method="sendTransaction")
        self.eventually(lambda: self.outcomes(g, "solana") == [{"known": 1}] * 2)

    def test_preflight_failure_before_transport_errors(self):
        error = (-32002, "Transaction simulation failed", '{"err":{"InstructionError":[0,{"Custom":1}]},"logs":["a"]}')
        g = self.lane(reset, error, family="solana")
        self.assertEqual(self.call(g)["error"]["data"]["logs"], ["a"])

    def freshest_of(self, slots):
        """Who gets a transaction that a does not know the blockhash of, when b, c and d, which were too busy for it
        before, are at these slots."""
        answers, busy = Gate({SEND_SOLANA}), Gate({"getBalance"})
        self.addCleanup(answers.open)
        self.addCleanup(busy.open)

        def of(slot, late):
            def result(call):
                if call.call == SEND_SOLANA:
                    return STALE if late else '"%s"' % self.SIGNATURE
                return str(slot) if call.call == "getSlot" else '{"context":{"slot":%d},"value":5}' % slot
            return result
        self.ups = [self.upstream(serve(answers.holds(of(0, True))))]
        self.ups += [self.upstream(serve(busy.holds(of(s, False)))) for s in slots]
        eps = [endpoint(u.url(), n, pool={"min_warm": 0, "max_sockets": 1, "max_waiting": 0} if n != "a" else POOL)
               for u, n in zip(self.ups, "abcd")]
        eps[0]["tier"] = 1 # it is asked for nothing else
        g = self.gateway(config(eps, "solana"))
        for u in self.ups[1:]:
            self.eventually(lambda: len(u.calls("getSlot")) or self.slot(g) is None)
        held = [self.posting(g, '{"jsonrpc":"2.0","id":1,"method":"getBalance","params":["k%d"]}' % i) for i in range(3)]
        self.eventually(lambda: all(len(u.calls("getBalance")) == 1 for u in self.ups[1:]))
        sent = self.posting(g, body(self.TX, method=SEND_SOLANA))
        self.eventually(lambda: len(self.ups[0].calls(SEND_SOLANA)) == 1)
        busy.open()
        for c in held:
            c.read_response()
        answers.open()
        self.assertEqual(sent.read_response().json()["result"], self.SIGNATURE)
        got = self.sends(SEND_SOLANA)
        self.assertEqual((got[0], sum(got)), (1, 2))
        return "abcd"[got.index(1, 1)]

    def slot(self, g):
        with g.client() as c:
            self.assertIn("result", c.rpc("getSlot", [{"commitment": "processed"}]))

    def test_a_node_that_lags_and_another_that_is_ahead(self):
        self.assertEqual([self.freshest_of(s) for s in ((1010, 1000, 1001), (1000, 1010, 1001), (1000, 1001, 1010))],
                         ["b", "c", "d"])

    def test_a_node_that_lags_and_none_left(self):
        g = self.lane(STALE, STALE, family="solana")
        self.assertEqual(self.call(g)["error"]["data"]["err"], "BlockhashNotFound")
        self.all_once(method="sendTransaction")
