"""What an error means can be said in the configuration, before the built-in table."""
from harness import Case, config, endpoint
from upstream import http, serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"%s","params":[%d]}'


class Classify(Case):
    def two(self, script, chain=None, **kw):
        self.u, self.v = self.upstream(script), self.upstream(serve('"other"'))
        return self.gateway(config([endpoint(self.u.url(), "u", **kw), endpoint(self.v.url(), "v", tier=1)],
                                   chain={"retry": {"budget_percent": 100}, **(chain or {})}))

    def ask(self, g, n=0, method="eth_call"):
        with g.client() as c:
            return c.request(CALL % (method, n)).json()

    def test_an_error_of_the_endpoint_becomes_the_call_s_own(self):
        said = (-32000, "header not found, as ever")
        self.assertEqual(self.ask(self.two(serve(said)))["result"], "other")
        for where in ({"chain": {"classify": [{"message": "As Ever", "class": "deterministic"}]}},
                      {"classify": [{"code": -32000, "class": "deterministic"}]}):
            with self.subTest(where):
                g = self.two(serve(said), **where)
                self.assertEqual(self.ask(g)["error"]["message"], said[1])
                self.assertEqual(len(self.v.calls()), 0)

    def test_and_the_other_way_round(self):
        said = (3, "execution reverted: try later")
        self.assertEqual(self.ask(self.two(serve(said)))["error"]["message"], said[1])
        g = self.two(serve(said), classify=[{"code": 3, "message": "try later", "class": "node_unhealthy"}])
        self.assertEqual(self.ask(g)["result"], "other")

    def test_all_of_a_row_must_fit(self):
        said = (3, "execution reverted: try later")
        for row in ({"code": 4}, {"message": "tri later"}, {"code": 3, "message": "tri later"}, {"code": 3, "http_status": 503}):
            g = self.two(serve(said), classify=[{**row, "class": "node_unhealthy"}])
            self.assertEqual(self.ask(g)["error"]["message"], said[1])

    def test_own_rows_come_first(self):
        said = (-32077, "odd")
        g = self.two(serve(said), classify=[{"code": -32077, "class": "deterministic"}],
                     chain={"classify": [{"code": -32077, "class": "node_unhealthy"}]})
        self.assertEqual(self.ask(g)["error"]["message"], "odd")

    def test_http_status(self):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.answer(r, (-32000, "execution reverted"), status="503 Service Unavailable")
        self.assertEqual(self.ask(self.two(script))["error"]["message"], "execution reverted")
        g = self.two(script, classify=[{"http_status": 503, "class": "server_fault"}])
        self.assertEqual(self.ask(g)["result"], "other")

    def test_harmless_by_configuration(self):
        """Some answer 403 for one method only: their endpoint need not be given up for it."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.call == "eth_getLogs":
                    conn.send(http("not in your plan", status="403 Forbidden", ctype="text/plain"))
                else:
                    conn.answer(r, '"u"')
        g = self.two(script, classify=[{"http_status": 403, "class": "unsupported_method"}])
        for n in range(5):
            self.assertEqual(self.ask(g, n, "eth_getLogs")["result"], "other")
            self.assertEqual(self.ask(g, n)["result"], "u")

    def test_mistakes(self):
        c = config(endpoint("http://h/"), chain={"classify": [{"code": -1, "class": "rate_limited_endpont"}]})
        r = self.run_program("check", "-c", self.write(c))
        self.assertEqual(r.returncode, 2)
        self.assertIn('chains.ethereum.classify[0].class: no class of errors has the name "rate_limited_endpont", '
                      'did you mean "rate_limited_endpoint"?', r.stderr)
