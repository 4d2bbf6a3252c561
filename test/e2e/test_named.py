"""X-Millrace-Endpoint: a request's calls go to the endpoint that it names, and nowhere else."""
import json

from harness import Case, config, endpoint
from upstream import Gate, serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}'


class Named(Case):
    def two(self, scripts=None, chain=None, on=True, **kw):
        names = ("a", "b")
        self.u = [self.upstream(s) for s in scripts or [serve(json.dumps(n)) for n in names]]
        return self.gateway(config([endpoint(u.url(), n, **kw) for u, n in zip(self.u, names)],
                                   chain={"endpoint_header": on, **(chain or {})}))

    def ask(self, g, name, method="eth_call", params="[]"):
        with g.client() as c:
            return c.request(CALL % (method, params), headers=[("X-Millrace-Endpoint", name)] if name else []).json()

    def test_goes_there(self):
        g = self.two()
        for name in "abbab":
            self.assertEqual(self.ask(g, name)["result"], name)

    def test_whatever_the_tier(self):
        u, v = self.upstream(serve('"u"')), self.upstream(serve('"v"'))
        g = self.gateway(config([endpoint(u.url(), "u"), endpoint(v.url(), "v", tier=7)], chain={"endpoint_header": True}))
        self.assertEqual(self.ask(g, "v")["result"], "v")

    def test_off_by_default(self):
        g = self.two(on=False)
        r = self.ask(g, "a")
        self.assert_error(r, "unknown_endpoint", 1)
        self.assertIn("endpoint_header is off", r["error"]["data"]["detail"])
        self.assertEqual(len(self.u[0].calls() + self.u[1].calls()), 0)

    def test_unknown_names(self):
        g = self.two()
        r = self.ask(g, "c-3.x")
        self.assert_error(r, "unknown_endpoint", 1)
        self.assertEqual(r["error"]["data"]["detail"], "no endpoint of chain ethereum has the name c-3.x")
        for name in ("A", "a b", "<script>", "x" * 65, "a\u00e9".encode("utf-8").decode("latin-1")):
            r = self.ask(g, name)
            self.assert_error(r, "unknown_endpoint", 1)
            if name != "A":
                self.assertNotIn(name, r["error"]["data"]["detail"])
        with g.client() as c:
            r = c.request("[%s,%s]" % (CALL % ("eth_call", "[]"), CALL % ("eth_sendRawTransaction", '["0x"]')),
                          headers=[("X-Millrace-Endpoint", "zz")]).json()
            self.assertEqual([x["error"]["data"]["reason"] for x in r], ["unknown_endpoint"] * 2)
        self.assertEqual(len(self.u[0].calls() + self.u[1].calls()), 0)

    def test_arrays(self):
        g = self.two()
        body = json.dumps([{"jsonrpc": "2.0", "id": i, "method": m, "params": []} for i, m in
                           enumerate(("eth_gasPrice", "eth_blockNumber", "eth_call", "nonsense_x"))])
        for name in "abab":
            with g.client() as c:
                r = c.request(body, headers=[("X-Millrace-Endpoint", name)]).json()
            self.assertEqual([x["result"] for x in r], [name] * 4)

    def test_shares_nothing(self):
        gate = Gate()
        self.addCleanup(gate.open)
        g = self.two([serve(gate.holds('"a"')), serve(gate.holds('"b"'))], pool={"max_sockets": 20})
        clients = []
        for name in ("a", "a", None, "b", None):
            c = g.client()
            self.addCleanup(c.close)
            c.send(c.build(CALL % ("eth_call", "[]"), headers=[("X-Millrace-Endpoint", name)] if name else []))
            clients.append(c)
        self.eventually(lambda: len(self.u[0].calls() + self.u[1].calls()) == 4)
        gate.open()
        for c in clients:
            c.read_response()
        self.assertEqual(g.status()["counters"]["calls_coalesced"], 1)  # the two that named none

    def test_is_not_kept(self):
        g = self.two()
        for name in "abab":
            self.assertEqual(self.ask(g, name, "eth_chainId")["result"], name)
        kept = self.ask(g, None, "eth_chainId")["result"]
        self.assertEqual(self.ask(g, None, "eth_chainId")["result"], kept)
        self.assertEqual(g.status()["counters"]["calls_cached"], 1)
        other = "b" if kept == "a" else "a"
        self.assertEqual(self.ask(g, other, "eth_chainId")["result"], other)

    def test_is_not_asked_elsewhere(self):
        for script in (serve((-32000, "header not found")), serve((-32005, "limit exceeded")),
                       lambda conn: conn.read_request() and conn.reset()):
            with self.subTest(script):
                g = self.two([script, serve('"b"')])
                self.assertIn("error", self.ask(g, "a"))
                self.assertEqual(len(self.u[1].calls()), 0)
                self.assertEqual(self.ask(g, "b")["result"], "b")

    def test_down(self):
        v = self.upstream(serve('"v"'))
        g = self.gateway(config([endpoint(self.refused(), "u"), endpoint(v.url(), "v")], chain={"endpoint_header": True}))
        for method in ("eth_call", "eth_newFilter", "eth_sendRawTransaction"):
            self.assert_error(self.ask(g, "u", method), "upstream_connect", 1, endpoint="u")
        self.assertEqual(v.calls(), [])

    def test_a_used_connection_that_died(self):
        def script(conn):
            r = conn.read_request()
            if r:
                conn.answer(r, '"a"')
                if conn.read_request():
                    conn.reset()
        g = self.two([script, serve('"b"')])
        for i in range(4):
            self.assertEqual(self.ask(g, "a", params="[%d]" % i)["result"], "a")

    def test_transactions(self):
        g = self.two()
        self.ask(g, "b", "eth_sendRawTransaction", '["0x02f8"]')
        self.assertEqual([len(u.calls("eth_sendRawTransaction")) for u in self.u], [0, 1])

    def test_filters(self):
        g = self.two([serve(lambda c: '"0x1"'), serve(lambda c: '"0x1"')])
        id = self.ask(g, "b", "eth_newBlockFilter")["result"]
        params = json.dumps([id])
        self.assertEqual(self.ask(g, "b", "eth_getFilterChanges", params)["result"], "0x1")
        self.assertEqual(self.ask(g, None, "eth_getFilterChanges", params)["result"], "0x1")
        self.assert_error(self.ask(g, "a", "eth_getFilterChanges", params), "filter_not_found", 1, endpoint="a")
        self.assertEqual(len(self.u[0].calls()), 0)

    def test_own_answers_are_asked_for(self):
        """Who debugs an endpoint wants to hear it."""
        g = self.two([serve('"0x1"'), serve('"0x1"')], chain={"chain_id": 1})
        self.eventually(lambda: self.ask(g, None, "eth_chainId") and
                        g.status()["chains"]["ethereum"]["answered_from_config"])
        before = len(self.u[1].calls("eth_chainId"))
        self.assertEqual(self.ask(g, "b", "eth_chainId")["result"], "0x1")
        self.assertEqual(len(self.u[1].calls("eth_chainId")), before + 1)

    def test_explained(self):
        g = self.two()
        with g.client() as c:
            r = c.request(CALL % ("eth_call", "[]"), headers=[("X-Millrace-Endpoint", "b"), ("X-Millrace-Explain", "1")])
        self.assertEqual((r.header("x-millrace-endpoint"), r.header("x-millrace-flight")), ("b", "led"))
