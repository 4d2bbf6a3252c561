"""A client's own Authorization: forwarded where an endpoint says so, and then never shared with another client's."""
import json
import time

from harness import SLOW, Case, config, endpoint
from upstream import Gate, serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}'
A, B = "Bearer token-of-a", "Basic dG9rZW4tb2YtYg=="


def authorization(auth):
    return [("Authorization", auth)] if auth else []


class Scope(Case):
    def chain(self, *us, chain=None, fwd=True, **kw):
        es = [endpoint(u.url(), "n%d" % i, forward_authorization=fwd, **kw) for i, u in enumerate(us)]
        return self.gateway(config(es, chain=chain))

    def ask(self, g, auth, method="eth_call", params="[]", headers=()):
        with g.client() as c:
            return c.request(CALL % (method, params), headers=authorization(auth) + list(headers))

    def at_once(self, g, auths, method="eth_call", params="[]", settled=None):
        """All ask before the first is answered; the answers."""
        clients = []
        for auth in auths:
            c = g.client()
            self.addCleanup(c.close)
            c.send(c.build(CALL % (method, params), headers=authorization(auth)))
            clients.append(c)
        self.eventually(settled)
        time.sleep(0.1 * SLOW)
        self.gate.open()
        return [c.read_response().json() for c in clients]

    def counter(self, g, name):
        return g.status()["counters"][name]

    def own(self):
        """An upstream that answers with what it was authorised with, when the gate is open."""
        self.gate = Gate()
        self.addCleanup(self.gate.open)
        return self.upstream(serve(self.gate.holds(lambda c: json.dumps(c.header("authorization")))))

    def sent(self, u, field="authorization"):
        return [r.header(field) for r in list(u.requests)]


class Forwarding(Scope):
    def test_not_forwarded_unless_asked_for(self):
        u = self.upstream()
        g = self.chain(u, fwd=False)
        self.assertIn("result", self.ask(g, A).json())
        self.assertEqual(self.sent(u), [None])

    def test_off_equal_calls_share(self):
        """Nothing of it is in a key when no endpoint gets it."""
        u = self.own()
        g = self.chain(u, fwd=False)
        self.at_once(g, [A, B, None], settled=lambda: self.counter(g, "calls_coalesced") == 2)
        self.assertEqual(len(u.calls()), 1)

    def test_off_does_not_look_at_the_field(self):
        u = self.upstream()
        g = self.chain(u, fwd=False)
        for headers in ([("Authorization", A)] * 2, [("Authorization", "x" * 9000)], [("Authorization", "NTLM abc")]):
            with g.client() as c:
                self.assertEqual(c.request(CALL % ("eth_call", "[]"), headers=headers).status, 200)

    def test_forwarded_as_it_is(self):
        u = self.upstream()
        g = self.chain(u)
        for auth in (A, B, None, "x", "Digest username=\"u\", nonce=\"a,b\"", "Bearer " + "t" * 4000):
            self.ask(g, auth, params='["%s"]' % hash(auth))
        self.assertEqual(self.sent(u), [A, B, None, "x", "Digest username=\"u\", nonce=\"a,b\"", "Bearer " + "t" * 4000])

    def test_only_where_it_is_on(self):
        u, v = self.upstream(), self.upstream()
        g = self.gateway(config([endpoint(u.url(), "f", forward_authorization=True),
                                 endpoint(v.url(), "own", auth={"bearer": "ours"})]))
        for i in range(6):
            self.ask(g, A, params="[%d]" % i)
        self.assertEqual(set(self.sent(u)), {A})
        self.assertEqual(set(self.sent(v)), {"Bearer ours"})

    def test_refused(self):
        u = self.upstream()
        g = self.chain(u)
        for headers, status, reason in (
                ([("Authorization", A), ("Authorization", A)], 400, "bad_authorization"),
                ([("authorization", A), ("AUTHORIZATION", B)], 400, "bad_authorization"),
                ([("Authorization", "Bearer " + "t" * 4090)], 431, "headers_too_large"),
                ([("Authorization", "Negotiate abc")], 400, "bad_authorization"),
                ([("Authorization", "NTLM abc")], 400, "bad_authorization"),
                ([("Authorization", "ntlm")], 400, "bad_authorization")):
            with self.subTest(headers=headers), g.client() as c:
                r = c.request(CALL % ("eth_call", "[]"), headers=headers)
                self.assertEqual((r.status, r.json()["error"]["data"]["reason"]), (status, reason))
                self.assertEqual(c.request(CALL % ("eth_call", "[]")).status, 200)
        self.assertEqual([x for x in self.sent(u) if x], [])

    def test_a_link_carries_one_after_the_other(self):
        u = self.upstream()
        g = self.chain(u, pool={"max_sockets": 1, "min_warm": 1})
        for i in range(4):
            self.ask(g, (A, B)[i % 2], params="[%d]" % i)
        self.assertEqual(self.sent(u), [A, B, A, B])
        self.assertEqual(g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["opened"], 1)

    def test_preflight(self):
        u = self.upstream()
        for fwd in (True, False):
            g = self.gateway(config(endpoint(u.url(), forward_authorization=fwd), cors_origins=["https://app.example"]))
            with g.client() as c:
                r = c.request(method="OPTIONS", headers=[("Origin", "https://app.example"),
                                                               ("Access-Control-Request-Method", "POST")])
                self.assertEqual("authorization" in r.header("access-control-allow-headers"), fwd)

    def test_what_a_client_is_refused_does_not_harm_the_endpoint(self):
        for status, code in (("401 Unauthorized", -32000), ("403 Forbidden", -32000), ("429 Too Many Requests", -32005),
                             ("402 Payment Required", -32000)):
            def script(conn):
                while True:
                    r = conn.read_request()
                    if r is None:
                        return
                    if r.header("authorization") == A:
                        conn.answer(r, (code, "your key is no good"), status=status)
                    else:
                        conn.answer(r)
            with self.subTest(status):
                u = self.upstream(script)
                g = self.chain(u)
                for i in range(10):
                    self.assertIn("error", self.ask(g, A, params="[%d]" % i).json())
                    self.assertIn("result", self.ask(g, B, params="[%d]" % i).json())
                self.assertEqual(g.status()["chains"]["ethereum"]["endpoints"][0]["state"], "up")


class Apart(Scope):
    """Invariant 5: what different clients' credentials ask shares nothing."""

    def test_flights(self):
        u = self.own()
        g = self.chain(u, pool={"max_sockets": 20})
        auths = [A, B, None, A, B, None, A]
        answers = self.at_once(g, auths, settled=lambda: self.counter(g, "calls_coalesced") == 4)
        self.assertEqual([a["result"] for a in answers], auths)
        self.assertEqual(sorted(map(str, self.sent(u))), sorted(map(str, {A, B, None})))

    def test_kept_answers(self):
        u = self.upstream(serve(lambda c: json.dumps(c.header("authorization") or "nobody")))
        g = self.chain(u)
        for _ in range(3):
            for auth in (A, B, None):
                self.assertEqual(self.ask(g, auth, "eth_chainId").json()["result"], auth or "nobody")
        self.assertEqual(len(u.calls()), 3)
        self.assertEqual(self.counter(g, "calls_cached"), 6)

    def test_batches(self):
        u = self.own()
        g = self.chain(u, batch={"mode": "always", "window_us": 200000}, pool={"max_sockets": 1, "min_warm": 1})
        clients = []
        self.gate.open()
        for i in range(12):
            auth = (A, B, None)[i % 3]
            c = g.client()
            self.addCleanup(c.close)
            c.send(c.build(CALL % ("eth_call", "[%d]" % i), headers=authorization(auth)))
            clients.append((c, auth))
        for c, auth in clients:
            c.read_response()
        self.assertTrue(any(r.is_array for r in u.requests))
        for r in u.requests:
            for c in r.calls:
                self.assertEqual(r.header("authorization"), (A, B, None)[c.json["params"][0] % 3])

    def test_filters(self):
        u, v = self.upstream(serve(lambda c: '"0x1"')), self.upstream(serve(lambda c: '"0x1"'))
        g = self.chain(u, v)
        id = self.ask(g, A, "eth_newBlockFilter").json()["result"]
        params = json.dumps([id])
        self.assertIn("result", self.ask(g, A, "eth_getFilterChanges", params).json())
        for auth in (B, None):
            self.assert_error(self.ask(g, auth, "eth_getFilterChanges", params).json(), "filter_not_found", 1)
        self.assertIn("result", self.ask(g, A, "eth_getFilterChanges", params).json())

    def test_broadcasts(self):
        u, v = self.own(), None
        v = self.upstream(serve(self.gate.holds('"0x1"')))
        g = self.chain(u, v, pool={"max_sockets": 20})
        raw = '["0x02f8"]'
        self.at_once(g, [A, B, A], "eth_sendRawTransaction", raw, lambda: len(u.calls()) == 2 and len(v.calls()) == 2)
        for x in (u, v):
            self.assertEqual(sorted(r.header("authorization") for r in x.calls("eth_sendRawTransaction")), sorted([A, B]))
        self.assertEqual(self.counter(g, "broadcasts"), 2)

    def test_arrays(self):
        u = self.own()
        self.gate.open()
        g = self.chain(u, self.upstream(serve(lambda c: json.dumps(c.header("authorization")))))
        body = json.dumps([{"jsonrpc": "2.0", "id": i, "method": m, "params": []} for i, m in
                           enumerate(("eth_gasPrice", "eth_blockNumber", "eth_call"))])
        for auth in (A, B, None, A):
            with g.client() as c:
                r = c.request(body, headers=authorization(auth)).json()
            self.assertEqual([x["result"] for x in r], [auth] * 3)

    def test_scopes_that_differ_in_little(self):
        u = self.own()
        g = self.chain(u, pool={"max_sockets": 20})
        auths = ["Bearer a", "bearer a", "Bearer A", "Bearer a,b", 'a,"method":"x"', "Bearer " + "a" * 3000, "Bearer " + "a" * 2999 + "b"]
        answers = self.at_once(g, auths, settled=lambda: len(u.calls()) == len(auths))
        self.assertEqual([a["result"] for a in answers], auths)


class Configured(Scope):
    def test_mistakes(self):
        for e, text in (
                ({"auth": {"bearer": "x"}}, "cannot stand beside auth"),
                ({"headers": {"authorization": "x"}}, "cannot stand beside the field authorization in headers"),
                ({"url": "http://u:p@h/"}, "cannot stand beside a user in the url")):
            with self.subTest(text):
                c = config({**endpoint("http://h/"), "forward_authorization": True, **e})
                r = self.run_program("check", "-c", self.write(c))
                self.assertEqual(r.returncode, 2)
                self.assertIn("chains.ethereum.endpoints[0].forward_authorization: " + text, r.stderr)
