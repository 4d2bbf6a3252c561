"""Endpoints say which chain they are on before calls go to them; one on another chain gets none.  What all have agreed
to is answered from the configuration.  And how far a chain is final is asked for when that would be worth knowing."""
import json
import signal
import time

from harness import SLOW, Case, config, endpoint
from upstream import Gate, http, serve

MAINNET = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d"
DEVNET = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"
NO_METHOD = (-32601, "the method eth_chainId does not exist")


def call(method="eth_call", params=(), id=1):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": list(params)}


def node(said='"0x1"', name='"n"'):
    """Says `said` when it is asked for its chain, and its name to anything else."""
    def result(c):
        if c.call in ("eth_chainId", "getGenesisHash"):
            return said(c) if callable(said) else said
        return name
    return result


class Identity(Case):
    def before(self, *scripts, chain=None, family="evm", limits=None, ep=None, top=None, **gw):
        """A gateway before upstreams a, b, ... of one chain, whose identity is configured."""
        us = [self.upstream(s if callable(s) and s.__name__ == "script" else serve(s)) for s in scripts]
        who = {"chain_id": 1} if family == "evm" else {"genesis_hash": MAINNET}
        g = self.gateway(config([endpoint(u.url(), "abcd"[i], **(ep or {})) for i, u in enumerate(us)],
                                family, limits, {**who, **(chain or {})}, **(top or {})), **gw)
        return (g, *us)

    def ask(self, g, method="eth_call", params=(), id=1, headers=()):
        with g.client() as c:
            c.send(c.build(json.dumps(call(method, params, id)), headers=list(headers)))
            return c.read_response()

    def result(self, g, *a, **kw):
        r = self.ask(g, *a, **kw).json()
        self.assertIn("result", r)
        return r["result"]

    def identity(self, g):
        return {e["name"]: e["identity"]["state"] for c in g.status()["chains"].values() for e in c["endpoints"]}

    def until(self, g, **states):
        self.eventually(lambda: self.identity(g) == states, 10, lambda: "%r, not %r" % (self.identity(g), states))

    def metric(self, g, line):
        return line in g.admin_get("/metrics").body.decode()


class Right(Identity):
    def test_each_is_asked_once_before_anything_else(self):
        g, a, b = self.before(node(name='"a"'), node(name='"b"'))
        got = [self.result(g, id=i, params=[i]) for i in range(20)]
        self.assertEqual(sorted(set(got)), ["a", "b"])
        for u in (a, b):
            self.assertEqual(u.calls()[0].call, "eth_chainId")
            self.assertEqual(u.calls()[0].json["params"], [])
            self.assertEqual(len(u.calls("eth_chainId")), 1)
        self.assertEqual(self.identity(g), {"a": "verified", "b": "verified"})
        self.assertEqual(g.status()["counters"]["probes"], 2)
        self.assertEqual(g.status()["counters"]["probes_failed"], 0)
        self.assertTrue(self.metric(g, 'millrace_endpoint_verified{chain="ethereum",endpoint="a"} 1'))
        self.assertTrue(self.metric(g, 'millrace_endpoint_refused{chain="ethereum",endpoint="a"} 0'))

    def test_nothing_is_asked_where_nothing_is_configured(self):
        g, u = self.front(serve(node()))
        self.result(g)
        self.assertEqual([c.call for c in u.calls()], ["eth_call"])
        self.assertNotIn("identity", g.status()["chains"]["ethereum"]["endpoints"][0])

    def test_calls_wait_for_a_late_answer(self):
        gate = Gate(["eth_chainId"])
        g, u = self.before(gate.holds(node()))
        self.eventually(lambda: u.calls())
        with g.client() as c:
            c.send(c.build(json.dumps([call(id=1), call("eth_getBalance", id=2)])))
            c.send(c.build(json.dumps(call("eth_sendRawTransaction", ["0x01"], 3))))
            self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["waiting"] == 3)
            self.assertEqual([x.call for x in u.calls()], ["eth_chainId"])
            gate.open()
            self.assertEqual([x["result"] for x in c.read_response().json()], ["n", "n"])
            c.read_response()
        self.assertEqual(len(u.calls("eth_chainId")), 1)

    def test_a_call_s_deadline_holds_while_it_waits(self):
        gate = Gate(["eth_chainId"])
        self.addCleanup(gate.open)
        g, u = self.before(gate.holds(node()), limits={"call_timeout_ms": 300})
        at = time.monotonic()
        r = self.ask(g).json()
        self.assertLess(time.monotonic() - at, 2 * SLOW)
        self.assert_error(r, ("upstream_timeout", "queue_timeout"), 1)
        self.assertEqual(u.calls("eth_call"), [])
        gate.open()
        self.until(g, a="verified")
        self.assertEqual(self.result(g), "n")

    def test_draining_waits_for_calls_that_wait(self):
        gate = Gate(["eth_chainId"])
        g, u = self.before(gate.holds(node()))
        self.eventually(lambda: u.calls())
        with g.client() as c:
            c.send(c.build(json.dumps(call())))
            self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["waiting"] == 1)
            g.signal(signal.SIGTERM)
            g.wait_line("draining")
            gate.open()
            self.assertEqual(c.read_response().json()["result"], "n")
        self.assertEqual(g.wait(), 0)

    def test_draining_does_not_wait_for_its_own_question(self):
        gate = Gate(["eth_chainId"])
        self.addCleanup(gate.open)
        g, u = self.before(gate.holds(node()))
        self.eventually(lambda: u.calls())
        g.signal(signal.SIGTERM)
        at = time.monotonic()
        self.assertEqual(g.wait(), 0)
        self.assertLess(time.monotonic() - at, 1.5 * SLOW)

    def test_a_batch_mode_and_a_small_pool_change_nothing(self):
        g, u = self.before(node(), ep={"batch": {"mode": "always", "window_us": 1000}, "max_inflight": 1,
                                       "pool": {"max_sockets": 1, "max_idle": 0}})
        with g.client() as c:
            got = c.request(json.dumps([call(params=[i], id=i) for i in range(10)])).json()
        self.assertEqual([x["result"] for x in got], ["n"] * 10)
        self.assertEqual(u.calls()[0].call, "eth_chainId")
        self.assertIsNone(u.calls()[0].array)
        self.assertEqual(len(u.calls("eth_chainId")), 1)

    def test_solana(self):
        g, u = self.before(node(json.dumps(MAINNET)), family="solana")
        self.assertEqual(self.result(g, "getBalance", ["x"]), "n")
        self.assertEqual([c.call for c in u.calls()], ["getGenesisHash", "getBalance"])
        self.assertEqual(self.result(g, "getGenesisHash"), MAINNET)
        self.assertEqual(len(u.calls()), 2)


class Wrong(Identity):
    def test_one_of_two(self):
        g, a, b = self.before(node('"0x89"', '"a"'), node(name='"b"'))
        got = {self.result(g, id=i, params=[i]) for i in range(20)}
        self.assertEqual(got, {"b"})
        self.until(g, a="refused", b="verified")
        self.assertEqual({c.call for c in a.calls()}, {"eth_chainId"})
        line = g.wait_line(r"endpoint_refused")[0].string
        for part in ("level=error", "endpoint=a", "chain_id 1 is expected, it says 137"):
            self.assertIn(part, line)
        e = g.status()["chains"]["ethereum"]["endpoints"][0]
        self.assertEqual((e["state"], e["identity"]["said"]), ("refused", "137"))
        self.assertIn("chain_id 1 is expected, it says 137", e["identity"]["detail"])
        self.assertTrue(self.metric(g, 'millrace_endpoint_refused{chain="ethereum",endpoint="a"} 1'))
        self.assertEqual(g.admin_get("/readyz").status, 200)
        r = self.run_program("status", "--admin", "%s:%d" % g.admin)
        self.assertRegex(r.stdout, r"ethereum +a +refused")
        self.assertIn("ethereum/a: refused: chain_id 1 is expected, it says 137", r.stdout)

    def test_all(self):
        g, a, b = self.before(node('"0x5"'), node('"0x6"'))
        self.until(g, a="refused", b="refused")
        at = time.monotonic()
        r = self.ask(g).json()
        self.assertLess(time.monotonic() - at, 1 * SLOW)
        self.assert_error(r, "upstream_wrong_chain", 1)
        self.assertEqual(r["error"]["data"]["detail"], "chain_id 1 is expected, it says 5")
        self.assert_error(self.ask(g, "eth_sendRawTransaction", ["0x01"]).json(), "upstream_wrong_chain", 1)
        with g.client() as c:
            for x in c.request(json.dumps([call(id=0), call("eth_blockNumber", id=1)])).json():
                self.assert_error(x, "upstream_wrong_chain", x["id"])
            c.request(json.dumps({"jsonrpc": "2.0", "method": "eth_call", "params": []}))
        self.assertEqual(g.status()["refused"]["upstream_wrong_chain"], 5)
        self.assertEqual({x.call for u in (a, b) for x in u.calls()}, {"eth_chainId"})
        r = g.admin_get("/readyz")
        self.assertEqual(r.status, 503)
        self.assertEqual(r.json()["reason"], "upstream_wrong_chain")
        self.assertRegex(r.json()["detail"], "chain_id 1 is expected, it says [56]")
        self.assertFalse(g.status()["chains"]["ethereum"]["ready"])

    def test_calls_that_waited_move_on(self):
        gate = Gate(["eth_chainId"])
        g, a, b = self.before(gate.holds(node('"0x5"', '"a"')), node(name='"b"'))
        with g.client() as c:
            for i in range(8):
                c.send(c.build(json.dumps(call(params=[i], id=i))))
            self.eventually(lambda: len(b.calls("eth_call")) > 0)
            gate.open()
            self.assertEqual({c.read_response().json()["result"] for _ in range(8)}, {"b"})
        self.assertEqual({x.call for x in a.calls()}, {"eth_chainId"})

    def test_calls_that_waited_for_the_only_one_fail(self):
        gate = Gate(["eth_chainId"])
        g, a = self.before(gate.holds(node('"0x5"')))
        self.eventually(lambda: a.calls())
        with g.client() as c:
            c.send(c.build(json.dumps([call(params=[i], id=i) for i in range(5)])))
            self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["waiting"] == 5)
            gate.open()
            for x in c.read_response().json():
                self.assert_error(x, "upstream_wrong_chain", x["id"], endpoint="a")
        self.assertEqual(len(a.calls()), 1)

    def test_it_is_taken_back_when_it_agrees(self):
        said = ['"0x5"']
        g, a = self.before(node(lambda c: said[0]))
        self.until(g, a="refused")
        self.assert_error(self.ask(g).json(), "upstream_wrong_chain", 1)
        said[0] = '"0x1"'
        self.until(g, a="verified")
        g.wait_line(r"level=info event=endpoint_verified .*endpoint=a .*before=refused")
        self.assertEqual(self.result(g), "n")
        self.assertEqual(g.admin_get("/readyz").status, 200)
        self.assertEqual(self.result(g, "eth_chainId"), "0x1")
        self.assertEqual(len(g.wait_line("endpoint_refused")), 1)

    def test_broadcasts_skip_it(self):
        g, a, b = self.before(node('"0x5"'), node())
        self.until(g, a="refused", b="verified")
        self.ask(g, "eth_sendRawTransaction", ["0x01"])
        self.assertEqual((len(a.calls("eth_sendRawTransaction")), len(b.calls("eth_sendRawTransaction"))), (0, 1))

    def test_a_broadcast_whose_group_is_refused(self):
        g, a, b = self.before(node('"0x5"'), node(), chain={"broadcast": {"endpoints": ["a"]}})
        self.until(g, a="refused", b="verified")
        self.assert_error(self.ask(g, "eth_sendRawTransaction", ["0x01"]).json(), "upstream_wrong_chain", 1)
        self.assertEqual(b.calls("eth_sendRawTransaction"), [])

    def test_solana(self):
        g, u = self.before(node(json.dumps(DEVNET)), family="solana")
        self.until(g, a="refused")
        r = self.ask(g, "getBalance", ["x"]).json()
        self.assert_error(r, "upstream_wrong_chain", 1, "solana")
        self.assertEqual(r["error"]["data"]["detail"], "genesis_hash %s is expected, it says %s" % (MAINNET, DEVNET))
        self.assertEqual(len(u.calls()), 1)

    def test_it_holds_no_connection(self):
        g, a = self.before(node('"0x5"'), ep={"pool": {"min_warm": 2, "idle_timeout_ms": 100}})
        self.until(g, a="refused")
        self.eventually(lambda: g.status()["upstream_sockets"] == 0)


class Silent(Identity):
    def test_one_of_two(self):
        """Its share of the calls waits for no longer than the question may take."""
        gate = Gate(["eth_chainId"])
        self.addCleanup(gate.open)
        g, a, b = self.before(gate.holds(node()), node(name='"b"'))
        with g.client() as c:
            for i in range(8):
                c.send(c.build(json.dumps(call(params=[i], id=i))))
            at = time.monotonic()
            self.assertEqual({c.read_response().json()["result"] for _ in range(8)}, {"b"})
            self.assertLess(time.monotonic() - at, 4 * SLOW)
        at = time.monotonic()
        for i in range(10):  # it is known now
            self.assertEqual(self.result(g, params=[100 + i]), "b")
        self.assertLess(time.monotonic() - at, 2 * SLOW)
        self.assertEqual(a.calls("eth_call"), [])

    def test_an_http_error_fails_those_who_wait_and_no_more(self):
        bad = [True]

        def script(conn):
            while True:
                q = conn.read_request()
                if q is None:
                    return
                if bad[0]:
                    conn.send(http("no", status="500 Internal Server Error", ctype="text/plain"))
                else:
                    conn.answer(q, '"0x1"')
        g, u = self.before(script)
        for i in range(3):
            self.assert_error(self.ask(g, id=i).json(), "upstream_http_status", i, endpoint="a")
        self.assertEqual(u.calls("eth_call"), [])
        g.wait_line(r"level=warn event=probe_failed .*endpoint=a .*reason=upstream_http_status")
        bad[0] = False
        self.assertEqual(self.result(g), "0x1")
        self.assertEqual(self.identity(g), {"a": "verified"})

    def test_an_http_error_of_one_of_two(self):
        def script(conn):
            while conn.read_request():
                conn.send(http("no", status="429 Too Many Requests", ctype="text/plain"))
        g, a, b = self.before(script, node(name='"b"'))
        for i in range(10):
            self.assertEqual(self.result(g, params=[i]), "b")
        self.until(g, a="unknown", b="verified")
        self.eventually(a.calls)
        self.assertEqual({x.call for x in a.calls()}, {"eth_chainId"})
        self.assertLessEqual(len(a.calls()), 3)  # not once for each call

    def test_an_answer_that_says_nothing(self):
        said = [(-32000, "not now")]
        g, u = self.before(node(lambda c: said[0]))
        self.assert_error(self.ask(g).json(), "upstream_no_chain", 1, endpoint="a")
        said[0] = "null"
        self.assert_error(self.ask(g).json(), "upstream_no_chain", 1, endpoint="a")
        self.assertEqual(u.calls("eth_call"), [])
        said[0] = '"0x1"'
        self.assertEqual(self.result(g), "n")

    def test_out_of_reach(self):
        g = self.gateway(config(endpoint(self.refused()), chain={"chain_id": 1}))
        self.assert_error(self.ask(g).json(), "upstream_connect", 1, endpoint="a")
        self.assert_error(self.ask(g).json(), "upstream_connect", 1, endpoint="a")

    def test_out_of_reach_with_another(self):
        u = self.upstream(serve(node()))
        g = self.gateway(config([endpoint(self.refused(), "a"), endpoint(u.url(), "b")], chain={"chain_id": 1}))
        for i in range(10):
            self.assertEqual(self.result(g, params=[i]), "n")
        self.until(g, a="unknown", b="verified")

    def test_it_comes_up_later(self):
        u = self.upstream(serve(node()), listening=False)
        g = self.gateway(config(endpoint(u.url(), pool={"min_warm": 1}), chain={"chain_id": 1}))
        self.assert_error(self.ask(g).json(), "upstream_connect", 1)
        u.listen()
        self.until(g, a="verified")
        self.assertEqual(self.result(g), "n")


class CannotTell(Identity):
    def test_it_is_used(self):
        g, u = self.before(node(NO_METHOD))
        self.assertEqual(self.result(g), "n")
        self.until(g, a="unverified")
        line = g.wait_line("endpoint_unverified")[0].string
        self.assertIn("level=warn", line)
        self.assertEqual(len(u.calls("eth_chainId")), 1)
        self.assertIn("error", self.ask(g, "eth_chainId").json())  # as the endpoint says
        self.assertEqual(self.result(g, "net_version"), "n")
        self.assertTrue(self.metric(g, 'millrace_endpoint_verified{chain="ethereum",endpoint="a"} 0'))
        self.assertIn("ethereum/a: unverified: chain_id 1 is expected",
                      self.run_program("status", "--admin", "%s:%d" % g.admin).stdout)


class FromConfiguration(Identity):
    def test_single(self):
        g, u = self.before(node())
        self.until(g, a="verified")
        self.assertEqual(self.result(g, "eth_chainId"), "0x1")
        self.assertEqual(self.result(g, "net_version"), "1")
        with g.client() as c:
            for params in ("", ',"params":null', ',"params":[ \n]'):
                r = c.request('{"jsonrpc":"2.0","id":"x","method":"eth_chainId"%s}' % params).json()
                self.assertEqual(r, {"jsonrpc": "2.0", "id": "x", "result": "0x1"})
        self.assertEqual(len(u.calls()), 1)
        s = g.status()
        self.assertEqual(s["counters"]["calls_cached"], 5)
        self.assertEqual(s["chains"]["ethereum"]["answered_from_config"], 5)
        self.assertTrue(self.metric(g, 'millrace_cache_hits_total{chain="ethereum",rule="config"} 5'))

    def test_large_ids(self):
        for id, text in ((137, "0x89"), (9007199254740991, "0x1fffffffffffff")):
            with self.subTest(id):
                g, u = self.before(node(json.dumps(text)), chain={"chain_id": id, "cache": {"max_bytes": 0}})
                self.until(g, a="verified")
                self.assertEqual(self.result(g, "eth_chainId"), text)
                self.assertEqual(self.result(g, "net_version"), str(id))
                self.assertTrue(self.metric(g, 'rule="config"} 2'))

    def test_arrays(self):
        g, a, b = self.before(node(), node())
        self.until(g, a="verified", b="verified")
        with g.client() as c:
            got = c.request(json.dumps([call("eth_chainId", id="a"), call("eth_blockNumber", id="b"),
                                        call("net_version", id="c"), call("eth_chainId", id=None)])).json()
        self.assertEqual([(x["id"], x["result"]) for x in got], [("a", "0x1"), ("b", "n"), ("c", "1"), (None, "0x1")])
        self.assertEqual(len(a.calls()) + len(b.calls()), 3)

    def test_other_params_go_upstream(self):
        g, u = self.before(node())
        self.until(g, a="verified")
        self.assertEqual(self.result(g, "net_version", [1]), "n")
        with g.client() as c:
            self.assertEqual(c.request('{"jsonrpc":"2.0","id":1,"method":"net_version","params":{}}').json()["result"], "n")
        self.assertEqual(len(u.calls("net_version")), 2)

    def test_only_when_all_have_agreed(self):
        gate = Gate(["eth_chainId"])
        g, a, b = self.before(gate.holds(node()), node(), chain={"cache": {"max_bytes": 0}})
        self.until(g, a="unknown", b="verified")
        self.assertEqual(self.result(g, "net_version"), "n")
        gate.open()
        self.until(g, a="verified", b="verified")
        self.assertEqual(self.result(g, "net_version"), "1")

    def test_off(self):
        for chain in ({"answer_chain_id": False}, {"methods": {"net_version": {"cache": False}}}):
            with self.subTest(chain):
                g, u = self.before(node(), chain=chain)
                self.until(g, a="verified")
                self.assertEqual(self.result(g, "net_version"), "n")

    def test_a_chain_with_another_network_id(self):
        g, u = self.before(node('"0x3d"', '"1"'), chain={"chain_id": 61})
        self.until(g, a="verified")
        self.assertEqual(self.result(g, "eth_chainId"), "0x3d")
        self.assertEqual(self.result(g, "net_version"), "1")
        self.assertEqual(len(u.calls("net_version")), 1)

    def test_explained(self):
        g, u = self.before(node())
        self.until(g, a="verified")
        r = self.ask(g, "eth_chainId", headers=[("X-Millrace-Explain", "1")])
        self.assertEqual(r.header("x-millrace-cache"), "config")
        self.assertEqual(r.header("x-millrace-flight"), "none")
        self.assertEqual(r.header("x-millrace-endpoint"), "")

    def test_denied_stays_denied(self):
        g, u = self.before(node(), chain={"methods": {"eth_chainId": {"allow": False}}})
        self.until(g, a="verified")
        self.assert_error(self.ask(g, "eth_chainId").json(), "method_denied", 1)

    def test_in_the_access_log(self):
        g, u = self.before(node(), top={"log": {"access": True}})
        self.until(g, a="verified")
        self.result(g, "eth_chainId")
        g.wait_line(r"event=call .*method=eth_chainId endpoint=- outcome=result bytes=5")


class Finalized(Case):
    BALANCE = ("eth_getBalance", ["0x" + "11" * 20, "0x64"])

    def start(self, finalized='{"number":"0x100"}', cache=None, **chain):
        def result(c):
            if c.call == "eth_getBlockByNumber" and c.json["params"][0] == "finalized":
                return finalized
            return '"0x1234"'
        u = self.upstream(serve(result))
        g = self.gateway(config(endpoint(u.url()), chain={"cache": cache or {}, **chain}))
        return g, u

    def ask(self, g, method, params):
        with g.client() as c:
            return c.request(json.dumps(call(method, params))).json()

    def test_it_is_asked_for_when_that_is_worth_it(self):
        g, u = self.start()
        self.ask(g, *self.BALANCE)
        self.eventually(lambda: len(u.calls("eth_getBlockByNumber")) == 1)
        self.assertEqual(u.calls("eth_getBlockByNumber")[0].json["params"], ["finalized", False])
        self.eventually(lambda: g.status()["inflight_calls"] == 0)
        for _ in range(5):
            self.assertEqual(self.ask(g, *self.BALANCE)["result"], "0x1234")
        self.assertEqual(len(u.calls("eth_getBalance")), 2)
        for i in range(20):  # above it: no more questions than the time allows
            self.ask(g, "eth_getBalance", ["0x" + "11" * 20, hex(0x101 + i)])
        self.assertEqual(len(u.calls("eth_getBlockByNumber")), 1)
        self.assertEqual(g.status()["counters"]["probes"], 1)

    def test_not_in_idle_times_nor_for_other_questions(self):
        g, u = self.start(cache={"finalized_ms": 10})
        for params in (["0x" + "11" * 20, "latest"], ["0x" + "11" * 20]):
            self.ask(g, "eth_getBalance", params)
        self.ask(g, "eth_blockNumber", [])
        time.sleep(0.2)
        self.assertEqual(u.calls("eth_getBlockByNumber"), [])
        self.ask(g, *self.BALANCE)
        self.eventually(lambda: len(u.calls("eth_getBlockByNumber")) == 1)
        time.sleep(0.2)
        self.assertEqual(len(u.calls("eth_getBlockByNumber")), 1)
        self.ask(g, "eth_getBalance", ["0x" + "11" * 20, "0x101"])
        self.eventually(lambda: len(u.calls("eth_getBlockByNumber")) == 2)

    def test_an_array_is_one_reason(self):
        g, u = self.start(cache={"finalized_ms": 10})
        with g.client() as c:
            c.request(json.dumps([call("eth_getBalance", ["0x" + "11" * 20, hex(i + 1)], i) for i in range(30)]))
        time.sleep(0.1)
        self.assertLessEqual(len(u.calls("eth_getBlockByNumber")), 3)

    def test_off(self):
        for cache in ({"finalized_ms": 0}, {"max_bytes": 0}):
            g, u = self.start(cache=cache)
            self.ask(g, *self.BALANCE)
            self.ask(g, *self.BALANCE)
            time.sleep(0.1)
            self.assertEqual([c.call for c in u.calls()], ["eth_getBalance"] * 2)

    def test_a_node_that_knows_none(self):
        g, u = self.start(finalized="null", cache={"finalized_ms": 60000})
        for _ in range(2):
            self.ask(g, *self.BALANCE)
            self.eventually(lambda: g.status()["inflight_calls"] == 0)
        self.assertEqual(len(u.calls("eth_getBlockByNumber")), 1)
        self.assertEqual(g.status()["counters"]["probes_failed"], 1)
        self.assertEqual(len(u.calls("eth_getBalance")), 2)


if __name__ == "__main__":
    import unittest
    unittest.main()
