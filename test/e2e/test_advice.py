"""What /status and `millrace status` recommend: each names the endpoint, what was seen, and what to do."""
from harness import Case, config, endpoint
from upstream import Gate, http, serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"%s","params":[%d]}'


class Advice(Case):
    def rows(self, g):
        return g.status()["recommendations"]

    def names(self, g):
        return [r["name"] for r in self.rows(g)]

    def ask(self, g, n, first=0, method="eth_call"):
        with g.client() as c:
            for i in range(first, first + n):
                c.request(CALL % (method, i))

    def status(self, g):
        r = self.run_program("status", "--admin", "%s:%d" % g.admin)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def test_nothing_to_say(self):
        g = self.gateway(config(endpoint(self.upstream().url())))
        self.ask(g, 300)
        self.assertEqual(self.rows(g), [])
        self.assertNotIn("recommendations", self.status(g))

    def test_more_sockets(self):
        gate = Gate()
        self.addCleanup(gate.open)
        u = self.upstream(serve(gate.holds('"0x1"')))
        g = self.gateway(config(endpoint(u.url(), "few", pool={"max_sockets": 2}, batch={"mode": "off"}), chain={"coalesce": False}))
        for i in range(6):
            self.posting(g, CALL % ("eth_call", i))
        self.eventually(lambda: "raise_max_sockets" in self.names(g))
        row = self.rows(g)[0]
        self.assertEqual((row["chain"], row["endpoint"]), ("ethereum", "few"))
        self.assertIn("4 calls wait now, 2 of 2 sockets are busy", row["seen"])
        self.assertIn("pool.max_sockets", row["todo"])
        self.assertIn("  ethereum/few: raise_max_sockets: 4 calls wait now", self.status(g))
        gate.open()

    def test_more_in_flight(self):
        gate = Gate()
        self.addCleanup(gate.open)
        u = self.upstream(serve(gate.holds('"0x1"')))
        g = self.gateway(config(endpoint(u.url(), max_inflight=2, batch={"mode": "off"}), chain={"coalesce": False}))
        for i in range(6):
            self.posting(g, CALL % ("eth_call", i))
        self.eventually(lambda: self.names(g) == ["raise_max_inflight"])
        gate.open()

    def test_keep_alive(self):
        def script(conn):
            r = conn.read_request()
            if r:
                conn.answer(r, headers=[("Connection", "close")])
                conn.close()
        g = self.gateway(config(endpoint(self.upstream(script).url(), "closes")))
        self.ask(g, 220)
        self.assertEqual(self.names(g), ["check_keep_alive"])
        self.assertIn("only 0 % of 220 requests", self.rows(g)[0]["seen"])

    def test_few_requests_a_socket(self):
        g = self.gateway(config(endpoint(self.upstream().url(), pool={"max_requests_per_socket": 2})))
        self.ask(g, 220)
        self.assertEqual(self.names(g), ["raise_requests_per_socket"])

    def test_refused_credential(self):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.send(http("no", status="401 Unauthorized", ctype="text/plain"))
        g = self.gateway(config(endpoint(self.upstream(script).url(), "keyed", auth={"bearer": "PLANTED-x"})))
        self.ask(g, 1)
        self.assertIn("credential_refused", self.names(g))
        row = [r for r in self.rows(g) if r["name"] == "credential_refused"][0]
        self.assertRegex(row["seen"], r"^it answered 401 or 403, and gets no calls for [2-6]\d s$")

    def test_no_credential(self):
        g = self.gateway(config(endpoint(self.upstream().url(), auth={"bearer_command": ["/bin/false"]})))
        self.eventually(lambda: self.names(g) == ["no_credential"])
        self.assertIn("the command ended with exit code 1", self.rows(g)[0]["seen"])

    def test_wrong_chain(self):
        g = self.gateway(config(endpoint(self.upstream(serve('"0x5"')).url(), pool={"min_warm": 1}), chain={"chain_id": 1}))
        self.eventually(lambda: self.names(g) == ["wrong_chain"])

    def test_throttled(self):
        def result(c):
            return (-32005, "limit exceeded") if c.json["params"][0] >= 120 else '"0x1"'
        g = self.gateway(config(endpoint(self.upstream(serve(result)).url(), "free"), chain={"retry": {"max_attempts": 1}},
                                limits={"call_timeout_ms": 300}))
        self.ask(g, 123)
        self.assertIn("throttled", self.names(g))

    def test_no_batches(self):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.is_array:
                    conn.send(http('{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch requests are not supported"}}'))
                else:
                    conn.answer(r)
        g = self.gateway(config(endpoint(self.upstream(script).url(), batch={"mode": "always", "window_us": 20000},
                                         pool={"max_sockets": 1}), chain={"coalesce": False}))
        for k in range(4):
            self.together(g, [CALL % ("eth_call", 100 * k + i) for i in range(4)])
        self.assertEqual(self.names(g), ["no_batches"])

    def test_unstable(self):
        seen = [0]

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                seen[0] += 1
                if seen[0] % 2:
                    conn.answer(r)
                else:
                    conn.send(http("bad gateway", status="502 Bad Gateway", ctype="text/plain"))
        g = self.gateway(config(endpoint(self.upstream(script).url(), "gone"), chain={
            "breaker": {"failures": 1, "pause_ms": 10, "max_pause_ms": 10}, "retry": {"max_attempts": 1}}))
        self.eventually(lambda: self.ask(g, 3, seen[0]) or "unstable" in self.names(g), 10)

    def test_rate(self):
        g = self.gateway(config(endpoint(self.upstream().url(), "plan", rate_limit={"requests_per_s": 20, "burst": 20})))
        self.ask(g, 60)
        self.assertEqual(self.names(g), ["near_rate_limit"])
        self.assertIn("a second of the 20 that it may", self.rows(g)[0]["seen"])

    def test_quota(self):
        g = self.gateway(config([endpoint(self.upstream().url(), "daily", rate_limit={"requests_per_day": 20}),
                                 endpoint(self.upstream().url(), "other", tier=1)]))
        self.ask(g, 30)
        self.assertEqual(self.names(g), ["quota_ends"])
        self.assertRegex(self.rows(g)[0]["seen"], r"^all 20 requests of the day are used up until 20\d\d-\d\d-\d\d 00:00 UTC$")

    def test_of_the_gateway(self):
        g = self.gateway(config(endpoint(self.upstream().url(), pool={"min_warm": 0, "max_sockets": 1}), limits={"max_upstream_sockets": 1}))
        self.ask(g, 1)
        row = self.rows(g)[0]
        self.assertEqual((row["name"], "endpoint" in row), ("raise_max_upstream_sockets", False))
        self.assertIn("1 of 1 sockets", row["seen"])
        self.assertIn("  raise_max_upstream_sockets: 1 of 1 sockets", self.status(g))
