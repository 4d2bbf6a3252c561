"""JSON-RPC 2.0 from a client's socket to an upstream and back: ids, envelopes, notifications, bytes verbatim."""
import json
import time

from harness import Case, Shared, config, endpoint
from upstream import Upstream, http, serve


def by_params(req):
    """Answers with the first parameter, so that a test sees which answer came for which call."""
    params = req.json.get("params") or ["none"]
    return json.dumps(params[0])


class Envelopes(Shared):
    @classmethod
    def configure(cls):
        cls.up = Upstream(serve(by_params))
        return config(endpoint(cls.up.url()), limits={"max_batch_calls": 20, "max_json_depth": 16})

    def post(self, body):
        with self.gw.client() as c:
            return c.request(body)

    def answer(self, body):
        r = self.post(body)
        self.assertEqual(r.status, 200, r)
        self.assertEqual(r.header("content-type").split(";")[0], "application/json")
        return r.json()

    def seen(self, since):
        return self.up.calls()[since:]

    def test_single(self):
        self.assertEqual(self.answer('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["x"]}'),
                         {"jsonrpc": "2.0", "id": 1, "result": "x"})

    def test_single_reply_bytes(self):
        r = self.post('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["x"]}')
        self.assertEqual(r.body.rstrip(b"\n"), b'{"jsonrpc":"2.0","id":1,"result":"x"}')

    def test_array_of_one_is_answered_by_an_array(self):
        self.assertEqual(self.answer('[{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["x"]}]'),
                         [{"jsonrpc": "2.0", "id": 1, "result": "x"}])

    def test_array_in_request_order(self):
        calls = [{"jsonrpc": "2.0", "id": 100 - i, "method": "eth_call", "params": [i]} for i in range(20)]
        got = self.answer(json.dumps(calls))
        self.assertEqual([(g["id"], g["result"]) for g in got], [(100 - i, i) for i in range(20)])

    def test_empty_array(self):
        self.assert_error(self.answer("[]"), "empty_batch")

    def test_empty_array_with_space(self):
        self.assert_error(self.answer(" [ \n ] "), "empty_batch")

    def test_invalid_members_each_get_an_error(self):
        got = self.answer('[1,{"jsonrpc":"2.0","id":5,"method":"eth_call","params":["ok"]},"s",null,[],{}]')
        self.assertEqual(len(got), 6)
        self.assertEqual(got[1], {"jsonrpc": "2.0", "id": 5, "result": "ok"})
        for i in (0, 2, 3, 4, 5):
            self.assert_error(got[i], "invalid_request")

    def test_three_numbers(self):
        got = self.answer("[1,2,3]")
        self.assertEqual(len(got), 3)
        for g in got:
            self.assert_error(g, "invalid_request")

    def test_scalar_bodies(self):
        for body in ("1", '"text"', "null", "true"):
            with self.subTest(body):
                self.assert_error(self.answer(body), "invalid_request")

    def test_notification_is_forwarded_and_not_answered(self):
        n = len(self.up.calls())
        r = self.post('{"jsonrpc":"2.0","method":"eth_sendRawTransaction","params":["0xnote"]}')
        self.assertEqual((r.status, r.body), (200, b""))
        self.assertEqual(r.header("content-length"), "0")
        self.eventually(lambda: len(self.up.calls()) > n)
        self.assertEqual(self.seen(n)[0].json["params"], ["0xnote"])
        self.assertIsInstance(self.seen(n)[0].json["id"], int)

    def test_all_notifications(self):
        n = len(self.up.calls())
        r = self.post('[{"jsonrpc":"2.0","method":"eth_call","params":["n1"]},'
                      '{"jsonrpc":"2.0","method":"eth_call","params":["n2"]}]')
        self.assertEqual((r.status, r.body), (200, b""))
        self.eventually(lambda: len(self.up.calls()) >= n + 2)

    def test_notification_among_calls(self):
        n = len(self.up.calls())
        got = self.answer('[{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["a"]},'
                          '{"jsonrpc":"2.0","method":"eth_call","params":["note"]},'
                          '{"jsonrpc":"2.0","id":2,"method":"eth_call","params":["b"]}]')
        self.assertEqual([(g["id"], g["result"]) for g in got], [(1, "a"), (2, "b")])
        self.eventually(lambda: len(self.up.calls()) == n + 3)

    def test_connection_is_kept_after_notifications(self):
        with self.gw.client() as c:
            n = len(self.up.calls())
            c.request('{"jsonrpc":"2.0","method":"eth_call","params":["n"]}')
            self.assertEqual(c.rpc("eth_call", ["y"])["result"], "y")
            self.eventually(lambda: len(self.up.calls()) == n + 2)

    def test_duplicate_ids_in_a_batch(self):
        got = self.answer('[{"jsonrpc":"2.0","id":7,"method":"eth_call","params":["a"]},'
                          '{"jsonrpc":"2.0","id":7,"method":"eth_call","params":["b"]}]')
        self.assertEqual([(g["id"], g["result"]) for g in got], [(7, "a"), (7, "b")])

    def test_duplicate_calls_in_a_batch(self):
        one = {"jsonrpc": "2.0", "id": 7, "method": "eth_call", "params": ["same"]}
        self.assertEqual(self.answer(json.dumps([one] * 5)), [{"jsonrpc": "2.0", "id": 7, "result": "same"}] * 5)

    def test_batch_at_the_limit(self):
        calls = [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(20)]
        self.assertEqual([g["id"] for g in self.answer(json.dumps(calls))], list(range(20)))

    def test_batch_over_the_limit(self):
        n = len(self.up.calls())
        calls = [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(21)]
        got = self.answer(json.dumps(calls))
        self.assert_error(got[0] if isinstance(got, list) else got, "batch_too_large")
        self.assertEqual(len(self.up.calls()), n)

    def test_white_space_everywhere(self):
        self.assertEqual(self.answer(' \r\n\t{ "jsonrpc" : "2.0" , "id" : 3 , "method" : "eth_call" , "params" : [ "w" ] } \n'),
                         {"jsonrpc": "2.0", "id": 3, "result": "w"})

    def test_member_order_is_free(self):
        self.assertEqual(self.answer('{"params":["o"],"method":"eth_call","id":4,"jsonrpc":"2.0"}')["result"], "o")

    def test_params_may_be_absent(self):
        n = len(self.up.calls())
        self.answer('{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}')
        self.assertIn(self.seen(n)[0].json.get("params", []), ([], None))

    def test_params_by_name_pass(self):
        n = len(self.up.calls())
        self.post('{"jsonrpc":"2.0","id":1,"method":"custom_named","params":{"b":1.50,"a":[{}]}}')
        self.eventually(lambda: len(self.up.calls()) > n)
        self.assertIn(b'{"b":1.50,"a":[{}]}', self.seen(n)[0].body)

    # -- what is refused

    def invalid(self, body, id=None):
        n = len(self.up.calls())
        self.assert_error(self.answer(body), "invalid_request", id=id)
        self.assertEqual(len(self.up.calls()), n, "an invalid request reached the upstream")

    def test_missing_method(self):
        self.invalid('{"jsonrpc":"2.0","id":9}', 9)

    def test_missing_version(self):
        self.invalid('{"id":9,"method":"eth_call","params":[]}', 9)

    def test_wrong_version(self):
        self.invalid('{"jsonrpc":"1.0","id":"x","method":"eth_call","params":[]}', "x")

    def test_version_as_a_number(self):
        self.invalid('{"jsonrpc":2.0,"id":9,"method":"eth_call","params":[]}', 9)

    def test_method_as_a_number(self):
        self.invalid('{"jsonrpc":"2.0","id":9,"method":1,"params":[]}', 9)

    def test_params_as_a_string(self):
        self.invalid('{"jsonrpc":"2.0","id":9,"method":"eth_call","params":"x"}', 9)

    def test_id_as_an_object(self):
        self.invalid('{"jsonrpc":"2.0","id":{},"method":"eth_call","params":[]}')

    def test_id_as_an_array(self):
        self.invalid('{"jsonrpc":"2.0","id":[1],"method":"eth_call","params":[]}')

    def test_doubled_method(self):
        self.invalid('{"jsonrpc":"2.0","id":9,"method":"eth_call","method":"eth_sendRawTransaction","params":[]}', 9)

    def test_doubled_params(self):
        self.invalid('{"jsonrpc":"2.0","id":9,"method":"eth_call","params":[1],"params":[2]}', 9)

    def test_doubled_id(self):
        self.invalid('{"jsonrpc":"2.0","id":9,"id":10,"method":"eth_call","params":[]}')

    def test_doubled_id_with_an_escape(self):
        self.invalid(r'{"jsonrpc":"2.0","id":9,"\u0069d":10,"method":"eth_call","params":[]}')

    def test_doubled_method_with_an_escape(self):
        self.invalid(r'{"jsonrpc":"2.0","id":9,"method":"eth_call","m\u0065thod":"eth_sendRawTransaction"}', 9)

    def test_answer_to_a_call_with_null_id(self):
        self.assertEqual(self.answer('{"jsonrpc":"2.0","id":null,"method":"eth_call","params":["z"]}'),
                         {"jsonrpc": "2.0", "id": None, "result": "z"})


PARSE_ERRORS = {
    "nothing": b"",
    "space_only": b"  \n",
    "open_object": b'{"jsonrpc":"2.0"',
    "trailing_comma": b'{"jsonrpc":"2.0","id":1,"method":"eth_call",}',
    "two_documents": b'{"jsonrpc":"2.0","id":1,"method":"eth_call"}{"jsonrpc":"2.0","id":2,"method":"eth_call"}',
    "surplus_bracket": b'[{"jsonrpc":"2.0","id":1,"method":"eth_call"}]]',
    "single_quotes": b"{'jsonrpc':'2.0','id':1,'method':'eth_call'}",
    "comment": b'{"jsonrpc":"2.0",/*x*/"id":1,"method":"eth_call"}',
    "leading_zero": b'{"jsonrpc":"2.0","id":01,"method":"eth_call"}',
    "plus_sign": b'{"jsonrpc":"2.0","id":+1,"method":"eth_call"}',
    "nan": b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[NaN]}',
    "raw_control": b'{"jsonrpc":"2.0","id":"a\x01","method":"eth_call"}',
    "bad_utf8": b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["\xff"]}',
    "overlong_utf8": b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["\xc0\xaf"]}',
    "utf8_surrogate": b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["\xed\xa0\x80"]}',
    "bom": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"eth_call"}',
    "bad_escape": b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["\\x41"]}',
    "nul_byte": b'{"jsonrpc":"2.0","id":1,"method":"eth_call"}\x00',
    "too_deep": b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":' + b"[" * 40 + b"]" * 40 + b"}",
    "very_deep": b"[" * 100000,
    "bad_call_in_batch": b'[{"jsonrpc":"2.0","id":1,"method":"eth_call"},{"jsonrpc":]',
}


def _parse_test(body):
    def test(self):
        n = len(self.up.calls())
        self.assert_error(self.answer(body), "parse_error")
        self.assertEqual(len(self.up.calls()), n, "part of a broken body reached the upstream")
    return test


for _name, _body in PARSE_ERRORS.items():
    setattr(Envelopes, "test_parse_error_" + _name, _parse_test(_body))

IDS = {
    "zero": "0", "minus_zero": "-0", "one": "1", "negative": "-7", "fraction": "1.5", "exponent": "1e3",
    "big_exponent": "1E+400", "u64_max": "18446744073709551615", "beyond_u64": "123456789012345678901234567890",
    "long_fraction": "0.1234567890123456789012345678901234567890", "null": "null", "text": '"abc"', "empty_text": '""',
    "digits_as_text": '"5"', "escapes": r'"a\"b\\c\/d\b\f\n\r\t\u00e9\ud83d\ude00"', "lone_surrogate": r'"\ud800"',
    "escaped_nul": r'"\u0000"', "utf8": '"é😀"', "long_text": '"' + "x" * 5000 + '"', "trailing_zero": "1.50",
}


def _id_test(raw):
    def test(self):
        r = self.post('{"jsonrpc":"2.0","id":%s,"method":"eth_call","params":["v"]}' % raw)
        self.assertEqual(r.body.rstrip(b"\n"), ('{"jsonrpc":"2.0","id":%s,"result":"v"}' % raw).encode())
        r = self.post('[{"jsonrpc":"2.0","id":%s,"method":"eth_call","params":["v"]}]' % raw)
        self.assertEqual(r.body.rstrip(b"\n"), ('[{"jsonrpc":"2.0","id":%s,"result":"v"}]' % raw).encode())
    return test


for _name, _raw in IDS.items():
    setattr(Envelopes, "test_id_verbatim_" + _name, _id_test(_raw))


class Wire(Case):
    """What the upstream sees."""
    EP = {"batch": {"mode": "off"}}  # a call, a request: what is counted here


    def test_exactly_four_members_and_integer_ids(self):
        g, u = self.front()
        with g.client() as c:
            c.request('{"id":"client-id","method":"eth_call","jsonrpc":"2.0","params":[{"to":"0x1"},"latest"],"extra":1}')
            c.request('[{"jsonrpc":"2.0","id":1.5,"method":"eth_getBalance","params":["0x2","latest"]},'
                      '{"jsonrpc":"2.0","id":1e3,"method":"eth_getBalance","params":["0x3","latest"]}]')
        ids = []
        for r in u.calls():
            self.assertEqual(list(r.json)[0], "jsonrpc")
            self.assertEqual(set(r.json), {"jsonrpc", "id", "method", "params"}, r.body)
            self.assertRegex(r.body.decode(), r'"id":\d+[,}]')
            self.assertNotIn(b"extra", r.body)
            self.assertNotIn(b"client-id", r.body)
            ids.append(r.id)
        self.assertEqual(len(ids), 3, "one call of an envelope is one upstream request")
        self.assertEqual(len(set(ids)), 3)

    def test_params_bytes_verbatim(self):
        g, u = self.front()
        params = r'[ {"to" : "0xAbC", "v":1.0e+5, "u":18446744073709551615, "s":"\u0041\/"},  -0, 1.50 ]'
        with g.client() as c:
            c.request('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":%s}' % params)
        self.assertIn(params.encode(), u.calls()[0].body)

    def test_request_head(self):
        g, u = self.front()
        with g.client() as c:
            c.rpc("eth_call")
        r = u.calls()[0]
        self.assertEqual((r.method, r.target, r.version), ("POST", "/", "HTTP/1.1"))
        self.assertEqual(r.header("host"), "127.0.0.1:%d" % u.port)
        self.assertEqual(r.header("content-type"), "application/json")
        self.assertEqual(int(r.header("content-length")), len(r.body))
        self.assertIsNone(r.header("transfer-encoding"))
        names = [k.lower() for k, _ in r.headers]
        self.assertEqual(len(names), len(set(names)), names)

    def test_client_headers_do_not_pass(self):
        g, u = self.front()
        with g.client() as c:
            c.request({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": []},
                      headers={"Authorization": "Bearer client", "Cookie": "a=b", "X-Api-Key": "client"})
        for k, v in u.calls()[0].headers:
            self.assertNotIn("client", v, k)
            self.assertNotEqual(k.lower(), "cookie")

    def test_url_path_and_query_are_used(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url("/v2/key?a=b&c=%20d"))))
        with g.client() as c:
            c.rpc("eth_call")
        self.assertEqual(u.calls()[0].target, "/v2/key?a=b&c=%20d")

    def test_method_name_verbatim(self):
        g, u = self.front()
        with g.client() as c:
            c.request(r'{"jsonrpc":"2.0","id":1,"method":"we\u0069rd_M\"ethod","params":[]}')
        self.assertEqual(u.calls()[0].json["method"], 'weird_M"ethod')

    def test_batch_spreads_in_parallel(self):
        g, u = self.front(serve(delay=0.1), ep={"pool": {"min_warm": 10, "max_idle": 20}})
        self.eventually(lambda: len(u.open_conns()) >= 10)
        calls = [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(10)]

        def once():
            with g.client() as c:
                at = time.monotonic()
                self.assertEqual(len(c.request(calls).json()), 10)
                return time.monotonic() - at
        self.assertLess(self.best_of(3, once), 0.35)

    def test_batch_members_do_not_wait_for_each_other_to_leave(self):
        """One slow answer does not hold the upstream calls of the others back."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.json["params"] == ["slow"]:
                    time.sleep(0.5)
                conn.answer(r)
        g, u = self.front(script, chain={"coalesce": False})
        calls = [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": ["slow" if i == 0 else "fast"]}
                 for i in range(8)]
        with g.client() as c:
            at = time.monotonic()
            c.send(c.build(calls))
            self.eventually(lambda: len(u.calls()) == 8, 0.45, "calls waited for the slow one")
            self.assertEqual([a["id"] for a in c.read_response().json()], list(range(8)))
            self.assertGreater(time.monotonic() - at, 0.45)


RESULTS = {
    "u64_max": "18446744073709551615",
    "rent_epoch": '{"context":{"slot":1},"value":{"lamports":1,"rentEpoch":18446744073709551615}}',
    "float": "98.64", "exponent": "1e2", "minus_zero": "-0", "long_float": "0.00072868000000000000001",
    "beyond_u64": "340282366920938463463374607431768211456", "null": "null", "false": "false", "empty": '""',
    "spaces": '{ "a" : [ 1 , 2 ] ,\n\t"b":{} }', "escapes": r'"\u0041\/\ud83d\ude00"', "doubled_keys": '{"a":1,"a":2}',
    "utf8": '"é😀"', "deep": "[" * 60 + "]" * 60,
}


class Verbatim(Case):
    def test_results(self):
        u = self.upstream(serve(lambda r: RESULTS[r.json["params"][0]]))
        g = self.gateway(config(endpoint(u.url())))
        with g.client() as c:
            for name, raw in RESULTS.items():
                with self.subTest(name):
                    r = c.request('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["%s"]}' % name)
                    self.assertEqual(r.body.rstrip(b"\n"), ('{"jsonrpc":"2.0","id":1,"result":%s}' % raw).encode())

    def test_errors(self):
        errors = [
            '{"code":3,"message":"execution reverted","data":"0x08c379a0"}',
            '{ "message" : "x" , "code" : -32002 , "data" : {"logs":["a"],"unitsConsumed":18446744073709551615} }',
            '{"code":-32005,"message":"Node is behind","data":{"numSlotsBehind":42},"extra":[1.50]}',
        ]

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.send(http('{"jsonrpc":"2.0","error":%s,"id":%d}' % (errors[r.json["params"][0]], r.id)))
        g, u = self.front(script)
        with g.client() as c:
            for i, raw in enumerate(errors):
                r = c.request('{"jsonrpc":"2.0","id":"e","method":"eth_call","params":[%d]}' % i)
                self.assertEqual(r.body.rstrip(b"\n"), ('{"jsonrpc":"2.0","id":"e","error":%s}' % raw).encode())

    def test_error_null_beside_a_result(self):
        g, u = self.front(lambda c: [c.send(http('{"id":%d,"error":null,"result":"0x5"}' % r.id))
                                     for r in iter(c.read_request, None)])
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call"), {"jsonrpc": "2.0", "id": 1, "result": "0x5"})

    def test_result_null_beside_an_error(self):
        g, u = self.front(lambda c: [c.send(http('{"id":%d,"result":null,"error":{"code":-1,"message":"m"}}' % r.id))
                                     for r in iter(c.read_request, None)])
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call"), {"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "m"}})

    def test_id_as_text_of_the_same_number(self):
        g, u = self.front(lambda c: [c.send(http('{"jsonrpc":"2.0","id":"%d","result":"0x6"}' % r.id))
                                     for r in iter(c.read_request, None)])
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x6")

    def test_unknown_members_of_an_answer_are_passed_over(self):
        g, u = self.front(lambda c: [c.send(http('{"took":[{"result":1}],"result":"0x7","jsonrpc":"2.0","id":%d}\n' % r.id))
                                     for r in iter(c.read_request, None)])
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call"), {"jsonrpc": "2.0", "id": 1, "result": "0x7"})

    def test_sizes_around_buffers(self):
        u = self.upstream(serve(lambda r: '"' + "s" * r.json["params"][0] + '"'))
        g = self.gateway(config(endpoint(u.url())))
        with g.client() as c:
            for n in (0, 1, 1000, 4095, 4096, 16384, 65535, 65536, 65537, 262144, 1 << 20, 5 << 20):
                with self.subTest(n):
                    self.assertEqual(c.rpc("eth_call", [n])["result"], "s" * n)

    def test_large_requests(self):
        u = self.upstream(serve(lambda r: str(len(r.json["params"][0]))))
        g = self.gateway(config(endpoint(u.url())))
        with g.client() as c:
            for n in (1000, 65536, 200000, 1 << 20, 8 << 20):
                with self.subTest(n):
                    self.assertEqual(c.rpc("eth_call", ["q" * n])["result"], n)

    def test_batch_of_large_results(self):
        u = self.upstream(serve(lambda r: '"' + chr(97 + r.json["params"][0] % 26) * 100000 + '"'))
        g = self.gateway(config(endpoint(u.url())))
        calls = [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(100)]
        with g.client() as c:
            got = c.request(calls).json()
        self.assertEqual([x["id"] for x in got], list(range(100)))
        for i, x in enumerate(got):
            self.assertEqual(x["result"], chr(97 + i % 26) * 100000)


class Solana(Case):
    def test_rent_epoch_keeps_every_digit(self):
        raw = ('{"context":{"apiVersion":"2.0.0","slot":341197053},"value":{"data":["","base58"],"executable":false,'
               '"lamports":88849814690250,"owner":"11111111111111111111111111111111","rentEpoch":18446744073709551615,'
               '"space":0}}')
        g, u = self.front(serve(raw), family="solana")
        with g.client() as c:
            r = c.request('{"jsonrpc":"2.0","id":1,"method":"getAccountInfo","params":["vines1vzrYbzLMRdu58ou5XTby4qAqVRLmqo36NKPTg"]}')
        self.assertEqual(r.body.rstrip(b"\n"), ('{"jsonrpc":"2.0","id":1,"result":%s}' % raw).encode())

    def test_chain_path_and_default(self):
        evm, sol = self.upstream(serve('"evm"')), self.upstream(serve('"sol"'))
        conf = config(endpoint(evm.url()))
        conf["chains"]["solana"] = {"family": "solana", "endpoints": [endpoint(sol.url())]}
        g = self.gateway(conf)
        with g.client() as c:
            self.assertEqual(c.rpc("eth_chainId")["result"], "evm")
            self.assertEqual(c.rpc("eth_chainId", path="/ethereum")["result"], "evm")
            self.assertEqual(c.rpc("getSlot", path="/solana")["result"], "sol")
            self.assertEqual(c.rpc("getSlot", path="/solana?x=y")["result"], "sol")


class Denied(Case):
    """Methods that are refused until the configuration allows them."""
    EVM = ["eth_sendTransaction", "eth_sign", "eth_signTypedData_v4", "personal_unlockAccount", "admin_peers", "miner_start",
           "engine_newPayloadV4", "debug_setHead", "anvil_mine", "evm_mine", "hardhat_reset", "testing_buildBlockV1"]

    def test_denied_by_default(self):
        g, u = self.front()
        with g.client() as c:
            for i, method in enumerate(self.EVM):
                with self.subTest(method):
                    r = c.rpc(method, ["0x1"], id=i)
                    self.assert_error(r, "method_denied", id=i)
                    self.assertIn("allow", r["error"]["data"]["detail"])
                    self.assertNotIn("endpoint", r["error"]["data"])
        self.assertEqual(u.calls(), [])
        self.assertIn('millrace_refused_total{reason="method_denied"} %d' % len(self.EVM), g.admin_get("/metrics").body.decode())

    def test_escapes_are_no_way_around(self):
        g, u = self.front()
        with g.client() as c:
            for name in ("eth_sen\\u0064Transaction", "\\u0070ersonal_sign", "\\u0061dmin_" + "\\u0061" * 100):
                r = c.request('{"jsonrpc":"2.0","id":1,"method":"%s","params":[]}' % name).json()
                self.assert_error(r, "method_denied", id=1)
        self.assertEqual(u.calls(), [])

    def test_in_an_array_the_others_are_answered(self):
        g, u = self.front(serve(by_params))
        calls = [{"jsonrpc": "2.0", "id": i, "method": m, "params": [i]}
                 for i, m in enumerate(["eth_call", "eth_sign", "eth_call", "eth_subscribe"])]
        with g.client() as c:
            got = c.request(json.dumps(calls)).json()
        self.assertEqual([x["id"] for x in got], [0, 1, 2, 3])
        self.assertEqual((got[0]["result"], got[2]["result"]), (0, 2))
        self.assert_error(got[1], "method_denied", id=1)
        self.assert_error(got[3], "no_notifications", id=3)
        self.assertEqual(len(u.calls()), 2)

    def test_a_denied_notification_is_dropped(self):
        g, u = self.front()
        with g.client() as c:
            r = c.request('{"jsonrpc":"2.0","method":"eth_sendTransaction","params":[]}')
            self.assertEqual((r.status, r.body), (200, b""))
            c.rpc("eth_call")
        self.assertEqual([r.json["method"] for r in u.calls()], ["eth_call"])

    def test_subscriptions_need_a_connection(self):
        for family, methods in (("evm", ["eth_subscribe", "eth_unsubscribe"]),
                                ("solana", ["accountSubscribe", "slotUnsubscribe", "logsSubscribe"])):
            g, u = self.front(family=family)
            with g.client() as c:
                for m in methods:
                    r = c.rpc(m, ["newHeads"])
                    self.assert_error(r, "no_notifications", id=1, family=family)
                    self.assertEqual((r["error"]["code"], r["error"]["message"]), (-32601, "notifications not supported"))
            self.assertEqual(u.calls(), [])

    def test_allowed_by_the_configuration(self):
        g, u = self.front(chain={"methods": {"anvil_*": {"allow": True}, "eth_sendTransaction": {"allow": True},
                                             "eth_getLogs": {"allow": False}, "vendor_secret": {"allow": False}}})
        with g.client() as c:
            for m in ("anvil_mine", "eth_sendTransaction", "eth_call", "vendor_open"):
                self.assertEqual(c.rpc(m).get("result"), "0x1", m)
            for m in ("eth_getLogs", "vendor_secret", "evm_mine"):
                self.assert_error(c.rpc(m), "method_denied", id=1)
        self.assertEqual(len(u.calls()), 4)
