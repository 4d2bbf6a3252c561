"""Calls that share a request to the endpoint: when they do, how they are packed, and what becomes of each when the
endpoint answers an array badly or not at all."""
import gzip
import json
import threading
import time

from harness import SLOW, Case, config, endpoint
from upstream import Gate, answer_text, chunked, http, serve

CHAIN = {"coalesce": False, "cache": {"max_bytes": 0}}
ONE = {"max_sockets": 1, "max_idle": 1, "min_warm": 1}


def call(method, params, id):
    return '{"jsonrpc":"2.0","id":%s,"method":"%s","params":%s}' % (json.dumps(id), method, json.dumps(params))


def array(n, method="eth_call", first=0):
    return "[" + ",".join(call(method, [i], 1000 + i) for i in range(first, first + n)) + "]"


def first_param(c):
    return json.dumps(c.json["params"][0])


class Batch(Case):
    def batching(self, mode="always", result=first_param, array=None, pool=None, limits=None, methods=None, family="evm",
                 script=None, batch=None, **ep):
        chain = {**CHAIN, **({"methods": methods} if methods else {})}
        return self.front(script or serve(result, array=array), family, limits, chain,
                          ep={"batch": {"mode": mode, **(batch or {})}, "pool": pool or ONE, **ep})

    def check(self, response, n, first=0):
        """One answer a call, in order, each with its own id and its own result."""
        got = response.json()
        self.assertEqual([x["id"] for x in got], [1000 + first + i for i in range(n)])
        self.assertEqual([x.get("result", x) for x in got], [first + i for i in range(n)])

    def boarded(self, g, u, gate, bodies):
        """Holds the only link with a call of its own until all bodies have boarded; their answers."""
        gate.close()
        with g.client() as c:
            c.send(c.build(call("eth_call", ["first"], 1)))
            n = len(u.calls())
            self.eventually(lambda: len(u.calls()) > n or u.requests and u.requests[-1].calls[0].json["params"] == ["first"])
            clients = [self.posting(g, b) for b in bodies]
            time.sleep(0.1 * SLOW)
            gate.open()
            c.read_response()
        return [c.read_response() for c in clients]


class Modes(Batch):
    def test_auto_takes_idle_links_first(self):
        g, u = self.batching("auto", pool={"max_sockets": 4, "max_idle": 4, "min_warm": 4})
        self.eventually(lambda: len(u.open_conns()) == 4)
        with g.client() as c:
            self.check(c.request(array(4)), 4)
        self.assertEqual((len(u.arrays()), len(u.calls())), (0, 4))
        self.assertEqual(len({r.conn.index for r in u.requests}), 4)

    def test_auto_shares_when_idle_links_run_out(self):
        gate = Gate()
        g, u = self.batching("auto", gate.holds(first_param))
        got = self.boarded(g, u, gate, [call("eth_call", [i], i) for i in range(10)])
        self.assertEqual([(r.json()["id"], r.json()["result"]) for r in got], [(i, i) for i in range(10)])
        self.assertEqual([len(r.calls) for r in u.requests], [1, 10])

    def test_auto_opens_no_connection_where_a_batch_is_sooner(self):
        g, u = self.batching("auto", pool={"max_sockets": 50, "max_idle": 50, "min_warm": 2})
        self.eventually(lambda: len(u.open_conns()) == 2)
        for i in range(5):
            with g.client() as c:
                self.check(c.request(array(20, first=20 * i)), 20, 20 * i)
        self.assertLessEqual(len(u.conns), 4)
        self.assertLess(len(u.requests), 50)

    def test_auto_alone_is_a_plain_object(self):
        g, u = self.batching("auto")
        with g.client() as c:
            for i in range(10):
                self.assertEqual(json.loads(c.request(call("eth_call", [i], i)).body)["result"], i)
        self.assertEqual((len(u.arrays()), len(u.requests)), (0, 10))

    def test_off(self):
        gate = Gate()
        g, u = self.batching("off", gate.holds(first_param))
        self.boarded(g, u, gate, [call("eth_call", [i], i) for i in range(10)])
        self.assertEqual([len(r.calls) for r in u.requests], [1] * 11)

    def test_always(self):
        g, u = self.batching("always", pool={"max_sockets": 5, "max_idle": 5, "min_warm": 5})
        self.eventually(lambda: len(u.open_conns()) == 5)
        with g.client() as c:
            self.check(c.request(array(5)), 5)
        self.assertEqual([len(r.calls) for r in u.requests], [5])

    def test_one_call_is_unwrapped(self):
        g, u = self.batching("always")
        with g.client() as c:
            r = c.request("[" + call("eth_call", [7], "x") + "]")
            self.assertEqual(r.json(), [{"jsonrpc": "2.0", "id": "x", "result": 7}])
        self.assertEqual((len(u.arrays()), len(u.requests)), (0, 1))

    def test_members_and_ids_upstream(self):
        g, u = self.batching("always")
        with g.client() as c:
            c.request('[{"id":"a","extra":1,"jsonrpc":"2.0","method":"eth_call","params":[1]},'
                      '{"method":"eth_call","params":[2],"id":"a","jsonrpc":"2.0"},'
                      '{"jsonrpc":"2.0","method":"eth_call","id":null,"params":[3]}]')
        (r,) = u.requests
        for e in r.json:
            self.assertEqual(set(e), {"jsonrpc", "id", "method", "params"})
            self.assertIsInstance(e["id"], int)
        self.assertEqual(len({e["id"] for e in r.json}), 3)

    def test_window(self):
        g, u = self.batching("auto", batch={"window_us": 200000}, pool={"max_sockets": 4, "max_idle": 4, "min_warm": 4})
        self.eventually(lambda: len(u.open_conns()) == 4)
        at = time.monotonic()
        got = self.together(g, [call("eth_call", [i], i) for i in range(4)])
        self.assertGreater(time.monotonic() - at, 0.15)
        self.assertEqual([r.json()["result"] for r in got], [0, 1, 2, 3])
        self.assertEqual([len(r.calls) for r in u.requests], [4])

    def test_calls_of_many_clients(self):
        g, u = self.batching("auto", lambda c: (time.sleep(0.002), first_param(c))[1],
                             pool={"max_sockets": 2, "max_idle": 2, "min_warm": 2})
        bad = []

        def client(k):
            with g.client() as c:
                for i in range(30):
                    r = c.rpc("eth_call", [k * 1000 + i], id=i)
                    if r != {"jsonrpc": "2.0", "id": i, "result": k * 1000 + i}:
                        bad.append(r)
        threads = [threading.Thread(target=client, args=(k,)) for k in range(16)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(bad, [])
        self.assertEqual(len(u.calls()), 480)
        self.assertGreater(len(u.arrays()), 10)


def reversed_order(r, texts):
    return texts[::-1]


def string_ids(r, texts):
    return [t.replace('"id":%d' % c.id, '"id":"%d"' % c.id) for t, c in zip(texts, r.calls)]


def pretty(r, texts):
    return http(json.dumps([json.loads(t) for t in texts], indent=3) + "\n")


# How a good array answer may look: each member is answered from it.
GOOD = {
    "reversed": reversed_order,
    "rotated": lambda r, t: t[3:] + t[:3],
    "string_ids": string_ids,
    "result_first": lambda r, t: ['{"result":%s,"id":%d,"jsonrpc":"2.0"}' % (first_param(c), c.id) for c in r.calls],
    "error_null": lambda r, t: ['{"jsonrpc":"2.0","id":%d,"result":%s,"error":null}' % (c.id, first_param(c)) for c in r.calls],
    "pretty": pretty,
    "chunked": lambda r, t: http(chunked("[" + ",".join(t) + "]", (1, 5)), framing=False, headers=[("Transfer-Encoding", "chunked")]),
    "foreign_element": lambda r, t: ['{"jsonrpc":"2.0","id":987654321,"result":"foreign"}'] + t,
    "null_element": lambda r, t: ["null"] + t,
    "note_element": lambda r, t: t + ['{"jsonrpc":"2.0","method":"x","params":[]}'],
}


class Good(Batch):
    def test_out_of_order_with_gzip(self):
        def zipped(r, texts):
            return http(gzip.compress(("[" + ",".join(texts[::-1]) + "]").encode()), headers=[("Content-Encoding", "gzip")])
        g, u = self.batching(array=zipped, accept_encoding="all")
        with g.client() as c:
            self.check(c.request(array(8)), 8)
        self.assertEqual([len(r.calls) for r in u.requests], [8])

    def test_bytes_verbatim(self):
        raw = '{ "n":18446744073709551615 , "f":98.640, "s":"\\u00e9\\/", "a":[ ] }'
        g, u = self.batching(result=raw, array=reversed_order)
        with g.client() as c:
            r = c.request(array(6))
        self.assertEqual([len(r.calls) for r in u.requests], [6])
        self.assertEqual(r.body.count(raw.encode()), 6)
        self.assertEqual([x["id"] for x in r.json()], [1000 + i for i in range(6)])

    def test_one_error_among_results(self):
        g, u = self.batching(result=lambda c: (3, "execution reverted", '{"x" : "0x08"}') if c.json["params"] == [2] else first_param(c),
                             array=reversed_order)
        with g.client() as c:
            r = c.request(array(5))
        got = r.json()
        self.assertEqual(got[2]["error"], {"code": 3, "message": "execution reverted", "data": {"x": "0x08"}})
        self.assertIn(b'{"x" : "0x08"}', r.body)
        self.assertEqual([x["result"] for x in got if "result" in x], [0, 1, 3, 4])
        self.assertEqual([len(r.calls) for r in u.requests], [5])


def _good_test(f):
    def test(self):
        g, u = self.batching(array=f)
        with g.client() as c:
            for k in range(3):
                self.check(c.request(array(8, first=10 * k)), 8, 10 * k)
        self.assertEqual([len(r.calls) for r in u.requests], [8] * 3, "not one array each, or asked again")
        # An answer that nobody asked for: that connection is not trusted with another request.
        conns = 4 if f is GOOD["foreign_element"] else 1
        self.eventually(lambda: (len(u.open_conns()), len(u.conns)) == (1, conns))
    return test


for _name, _f in GOOD.items():
    setattr(Good, "test_" + _name, _good_test(_f))


def on_params(bad, f):
    """Changes the elements whose first parameter is in `bad`; f(call, text) gives the texts that stand for it."""
    def change(r, texts):
        out = []
        for c, t in zip(r.calls, texts):
            out += f(c, t) if c.json["params"][0] in bad else [t]
        return out
    return change


LOST = (1, 4, 5)  # of arrays of eight

# How single elements fail: they are unanswered, and a wrong answer is in the air that must not reach anyone.
ELEMENTS = {
    "dropped": lambda c, t: [],
    "duplicated": lambda c, t: [answer_text(c, '"wrong"'), answer_text(c, '"wrong too"')],
    "id_null": lambda c, t: ['{"jsonrpc":"2.0","id":null,"result":"wrong"}'],
    "id_missing": lambda c, t: ['{"jsonrpc":"2.0","result":"wrong"}'],
    "id_foreign": lambda c, t: ['{"jsonrpc":"2.0","id":987654321,"result":"wrong"}'],
    "id_fraction": lambda c, t: ['{"jsonrpc":"2.0","id":%d.5,"result":"wrong"}' % c.id],
    "no_result": lambda c, t: ['{"jsonrpc":"2.0","id":%d}' % c.id],
    "not_an_object": lambda c, t: ['["wrong"]'],
    "error_429": lambda c, t: [answer_text(c, (429, "Your app has exceeded its compute units per second capacity"))],
    "error_32005": lambda c, t: [answer_text(c, (-32005, "rate limit exceeded"))],
}


class Elements(Batch):
    """Elements that fail are asked again alone, the others are not."""

    def test_all_dropped(self):
        g, u = self.batching(array=lambda r, t: [])
        with g.client() as c:
            self.check(c.request(array(4)), 4)
        self.assertEqual([len(r.calls) for r in u.requests], [4, 1, 1, 1, 1])

    def test_the_others_do_not_wait(self):
        """The element that is asked again is slow; a call of another client in the same array has its answer."""
        gate, slow = Gate(), Gate()

        def result(c):
            if c.array is None and c.json["params"] == [1]:
                slow.event.wait(15)
            return first_param(c)
        g, u = self.batching("auto", gate.holds(result), array=on_params((1,), lambda c, t: []))
        self.addCleanup(slow.open)
        gate.close()
        lead = self.posting(g, call("eth_call", ["first"], 1))
        self.eventually(lambda: u.calls())
        lost, fine = self.posting(g, call("eth_call", [1], "lost")), self.posting(g, call("eth_call", [2], "fine"))
        time.sleep(0.1 * SLOW)
        gate.open()
        lead.read_response()
        self.assertEqual(fine.read_response().json()["result"], 2)
        slow.open()
        self.assertEqual(lost.read_response().json()["result"], 1)

    def test_a_write_is_not_sent_again(self):
        """Neither known as a read nor provably unsent."""
        for name, f in ELEMENTS.items():
            if name.startswith("error_"):
                continue
            with self.subTest(name):
                g, u = self.batching(array=on_params(LOST, f))
                with g.client() as c:
                    got = c.request(array(8, "some_unknownMethod")).json()
                self.assertEqual([x["id"] for x in got], [1000 + i for i in range(8)])
                sent = [x.json["params"][0] for x in u.calls()]
                self.assertEqual(sorted(sent), list(range(8)), "sent twice, or never")
                for i, x in enumerate(got):
                    if "result" in x:
                        self.assertEqual(x["result"], i)
                    else:
                        self.assertIn(i, LOST)
                if u.arrays():
                    self.assertTrue(any("error" in x for x in got), got)


def _element_test(f):
    def test(self):
        g, u = self.batching(array=on_params(LOST, f))
        with g.client() as c:
            self.check(c.request(array(8)), 8)
        again = [x.json["params"][0] for r in u.requests if not r.is_array for x in r.calls]
        self.assertEqual(sorted(again), sorted(LOST), "asked again alone")
        self.assertEqual(len(u.arrays()), 1)
    return test


for _name, _f in ELEMENTS.items():
    setattr(Elements, "test_" + _name, _element_test(_f))


def obj(code, message, data=None, status="200 OK"):
    e = {"code": code, "message": message, **({"data": data} if data else {})}
    return http(json.dumps({"jsonrpc": "2.0", "id": None, "error": e}), status=status)


# How whole arrays are refused (facts: geth, erigon, jsonrpsee, agave, providers).
REFUSALS = {
    "geth": lambda r: http('[{"jsonrpc":"2.0","id":%d,"error":{"code":-32600,"message":"batch too large"}}]' % r.calls[0].id),
    "geth_id_null": lambda r: http('[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}}]'),
    "erigon": lambda r: obj(-32000, "batch limit 3 exceeded: %d requests given" % len(r.calls)),
    "reth": lambda r: obj(-32010, "The batch request was too large", "Exceeded max limit of 3"),
    "nethermind_413": lambda r: obj(-32005, "Batch size limit exceeded", status="413 Content Too Large"),
    "jsonrpsee_413": lambda r: obj(-32007, "Request is too big", status="413 Content Too Large"),
    "proxyd": lambda r: obj(-32014, "too many RPC calls in batch request", status="413 Content Too Large"),
    "agave_413": lambda r: http("Payload Too Large\n", status="413 Content Too Large", ctype="text/plain"),
    "no_id_at_all": lambda r: http('{"jsonrpc":"2.0","error":{"code":-32600,"message":"batch too large"}}'),
    "not_supported": lambda r: obj(-32005, "Batched requests are not supported by this server"),
}


class Refusals(Batch):
    def refusing(self, most, f, **kw):
        self.refused = 0

        def change(r, texts):
            if len(texts) <= most:
                return texts
            self.refused += 1
            return f(r)
        return self.batching(array=change, **kw)

    def test_forgotten_after_a_while_or_kept(self):
        """Whatever is learned, each call is answered, and no answer is another's, while the endpoint changes its mind."""
        self.refused, most = 0, [8]

        def change(r, texts):
            return texts[::-1] if len(texts) <= most[0] else REFUSALS["erigon"](r)
        g, u = self.batching(array=change)
        self.addCleanup(lambda: self.assertGreater(len(u.arrays()), 0, "nothing was batched"))
        with g.client() as c:
            for k, n in enumerate((8, 2, 8, 1, 5, 8)):
                most[0] = n
                self.check(c.request(array(8, first=10 * k)), 8, 10 * k)

    def test_a_method_that_no_batch_may_hold(self):
        """As Infura and Alchemy: one object for the array that holds it."""
        def change(r, texts):
            return obj(-32600, "Unsupported methods [eth_getProof] in batch call") if any(
                c.call == "eth_getProof" for c in r.calls) else texts
        g, u = self.batching(array=change)
        body = "[" + ",".join(call("eth_getProof" if i == 3 else "eth_call", [i], 1000 + i) for i in range(6)) + "]"
        with g.client() as c:
            for _ in range(3):
                self.check(c.request(body), 6)
        self.assertGreater(len(u.arrays()), 0, "nothing was batched")

    def test_an_html_page_for_an_array(self):
        """Reads that got no answer may be asked again; each is answered once, well or with an error of its own."""
        g, u = self.batching(array=lambda r, t: http("<html>502</html>", status="502 Bad Gateway", ctype="text/html"))
        with g.client() as c:
            got = c.request(array(5)).json()
        self.assertEqual([x["id"] for x in got], [1000 + i for i in range(5)])
        self.assertGreater(len(u.arrays()), 0, "nothing was batched")
        for i, x in enumerate(got):
            self.assertTrue(x.get("result") == i or "error" in x, x)

    def test_writes_in_a_refused_array(self):
        """Never twice but where the refusal says that nothing was carried out; never another's answer."""
        for name, f in REFUSALS.items():
            with self.subTest(name):
                g, u = self.refusing(1, f)
                with g.client() as c:
                    got = c.request(array(4, "some_unknownMethod")).json()
                self.assertEqual([x["id"] for x in got], [1000 + i for i in range(4)])
                for i, x in enumerate(got):
                    self.assertTrue(x.get("result") == i or "error" in x, x)
                alone = [x.json["params"][0] for r in u.requests if not r.is_array for x in r.calls]
                self.assertEqual(len(alone), len(set(alone)), "sent twice alone")


def _refusal_test(name, f):
    def test(self):
        most = 1 if name == "not_supported" else 3
        g, u = self.refusing(most, f)
        counts = []
        with g.client() as c:
            for k in range(4):
                before = self.refused
                self.check(c.request(array(8, first=10 * k)), 8, 10 * k)
                counts.append(self.refused - before)
        self.assertGreater(counts[0], 0, "nothing was refused")
        self.assertEqual(counts[-1], 0, "not learned: %r" % counts)
        if most > 1:
            self.assertGreater(len([r for r in u.arrays() if len(r.calls) <= most]), 0, "gave batches up")
    return test


for _name, _f in REFUSALS.items():
    setattr(Refusals, "test_" + _name, _refusal_test(_name, _f))


class Limits(Batch):
    def test_max_calls(self):
        g, u = self.batching(batch={"max_calls": 3})
        with g.client() as c:
            self.check(c.request(array(10)), 10)
        self.assertEqual(sorted(len(r.calls) for r in u.requests), [1, 3, 3, 3])

    def packed(self, limit, params):
        g, u = self.batching(batch={"max_calls": 1000, "max_bytes": limit})
        body = "[" + ",".join(call("eth_call", [p], 1000 + i) for i, p in enumerate(params)) + "]"
        with g.client() as c:
            got = c.request(body).json()
        self.assertEqual([x["result"] for x in got], params)
        self.assertEqual([c.json["params"][0] for c in u.calls()], params, "in order")
        sizes = [(len(r.body), len(r.calls)) for r in u.requests]
        for size, n in sizes:
            self.assertTrue(size <= limit or n == 1, sizes)
        return u, sizes

    def test_max_bytes_is_exact(self):
        """No body is larger, and none has room for the next element; to the byte, at every size around the edge."""
        u, sizes = self.packed(100000, ["p" * 30] * 8)
        self.assertEqual(len(sizes), 1)
        element = len(json.dumps(u.requests[0].json[0], separators=(",", ":")))
        for limit in (4 * element + 5 + d for d in (-2, -1, 0, 1, 2)):  # four elements, three commas, two brackets
            with self.subTest(limit):
                u, sizes = self.packed(limit, ["p" * 30] * 8)
                for r, after in zip(u.requests, u.requests[1:]):
                    first = len(json.dumps(after.calls[0].json, separators=(",", ":")))
                    alone = 2 if not r.is_array else 0  # the brackets that a plain object has not
                    self.assertGreater(len(r.body) + alone + 1 + first, limit, sizes)

    def test_max_bytes_of_mixed_sizes(self):
        self.packed(1000, ["q" * n for n in (10, 700, 10, 300, 300, 300, 1, 1, 1, 850, 5)])

    def test_a_call_larger_than_max_bytes_goes_alone(self):
        u, sizes = self.packed(400, ["a", "b" * 2000, "c"])
        self.assertIn(1, [n for size, n in sizes if size > 2000])

    def test_heavy_methods_keep_apart(self):
        for family, heavy, light in (("evm", ("eth_getLogs", "trace_block"), "eth_call"),
                                     ("solana", ("getProgramAccounts",), "getBalance")):
            for method in heavy:
                with self.subTest(method):
                    g, u = self.batching(family=family)
                    body = "[" + ",".join(call(method if i % 3 == 1 else light, [i], 1000 + i) for i in range(9)) + "]"
                    with g.client() as c:
                        self.check(c.request(body), 9)
                    for r in u.requests:
                        self.assertEqual(len({c.call == method for c in r.calls}), 1, r.body)
                    self.assertGreater(len(u.arrays()), 0)

    def test_each_member_has_its_own_deadline(self):
        """Two clients in one array: one is told at its deadline while the other goes on waiting for the same array."""
        lead, late = Gate(), Gate()

        def result(c):
            (late if c.array else lead).event.wait(15)
            return first_param(c)
        g, u = self.batching("auto", result, methods={"eth_getBalance": {"timeout_ms": 600}})
        self.addCleanup(late.open)
        self.addCleanup(lead.open)
        first = self.posting(g, call("eth_call", ["first"], 1))
        self.eventually(lambda: u.calls())
        at = time.monotonic()
        short = self.posting(g, call("eth_getBalance", [1], "short"))
        long = self.posting(g, call("eth_call", [2], "long"))
        time.sleep(0.1)
        lead.open()
        first.read_response()
        self.eventually(lambda: u.arrays(), 2, "they did not board one array")
        self.assert_error(short.read_response().json(), "upstream_timeout", id="short")
        self.assertTrue(0.5 < time.monotonic() - at < 0.6 + 0.3 * SLOW, time.monotonic() - at)
        late.open()
        self.assertEqual(long.read_response().json(), {"jsonrpc": "2.0", "id": "long", "result": 2})
        self.assertEqual((len(u.calls()), len(u.conns)), (3, 1))

    def test_a_member_that_times_out_does_not_end_the_others(self):
        gate = Gate()

        def result(c):
            if c.array is not None:
                gate.event.wait(15)
            return first_param(c)
        g, u = self.batching(result=result, methods={"eth_getBalance": {"timeout_ms": 300}})
        self.addCleanup(gate.open)
        body = "[" + call("eth_getBalance", [1], "short") + "," + call("eth_call", [2], "long") + "]"
        at = time.monotonic()
        c = self.posting(g, body)
        self.eventually(lambda: u.arrays())
        time.sleep(0.6)
        gate.open()
        got = c.read_response().json()
        self.assert_error(got[0], "upstream_timeout", id="short")
        self.assertEqual(got[1], {"jsonrpc": "2.0", "id": "long", "result": 2})
        self.assertLess(time.monotonic() - at, 0.6 + 0.5 * SLOW)
        self.assertEqual(len(u.calls()), 2)
        with g.client() as c:  # the late answer to "short" went nowhere
            self.assertEqual(c.rpc("eth_call", [5])["result"], 5)

    def test_an_array_answer_that_is_too_large(self):
        """It fails its own members at most; whoever is asked afterwards is well."""
        def result(c):
            return '"%s"' % (str(c.json["params"][0]) * 8000)
        g, u = self.batching(result=result, max_response_bytes=20000)
        with g.client() as c:
            got = c.request(array(4)).json()
            self.assertEqual([x["id"] for x in got], [1000 + i for i in range(4)])
            for i, x in enumerate(got):
                if "error" in x:
                    self.assert_error(x, "upstream_too_large", id=1000 + i)
                else:
                    self.assertEqual(x["result"], str(i) * 8000)
            self.assertEqual(c.rpc("eth_call", [7])["result"], "7" * 8000)
        self.assertEqual(len(u.requests[0].calls), 4, "nothing was batched")

    def test_an_array_answer_that_breaks_off(self):
        """Reads get an attempt of their own or an error of their own."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.is_array:
                    text = "[" + ",".join(answer_text(c, first_param(c)) for c in r.calls) + "]"
                    conn.send(http(text)[:-25])
                    conn.reset()
                    return
                conn.answer(r, first_param)
        g, u = self.batching(script=script)
        with g.client() as c:
            got = c.request(array(6)).json()
        self.assertEqual([x["id"] for x in got], [1000 + i for i in range(6)])
        self.assertGreater(len(u.arrays()), 0, "nothing was batched")
        for i, x in enumerate(got):
            self.assertTrue(x.get("result") == i or "error" in x, x)


class ClientArrays(Batch):
    def test_order_ids_notifications_and_nonsense(self):
        g, u = self.batching(array=reversed_order)
        with g.client() as c:
            got = c.request('[{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["a"]},17,'
                            '{"jsonrpc":"2.0","method":"eth_call","params":["n"]},'
                            '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["b"]},'
                            '{"jsonrpc":"2.0","id":"1","method":"eth_call","params":["c"]},{},'
                            '{"jsonrpc":"2.0","id":null,"method":"eth_call","params":["d"]}]').json()
        self.assertEqual([x["id"] for x in got], [1, None, 1, "1", None, None])
        self.assertEqual([x.get("result") for x in got], ["a", None, "b", "c", None, "d"])
        self.assertEqual([x["error"]["code"] for x in got if "error" in x], [-32600, -32600])
        self.assertEqual(len(u.requests), 1)

    def test_members_that_depend_on_the_head_go_to_one_endpoint(self):
        for mode in ("auto", "always", "off"):
            with self.subTest(mode):
                ups = [self.upstream(serve('"0x%d"' % i)) for i in (1, 2)]
                g = self.gateway(config([endpoint(u.url(), "n%d" % i, batch={"mode": mode}) for i, u in enumerate(ups)], chain=CHAIN))
                for k in range(8):
                    body = "[" + ",".join(call(m, p, i) for i, (m, p) in enumerate((
                        ("eth_blockNumber", []), ("eth_getLogs", [{"fromBlock": "0x%d" % k}]), ("eth_call", [{}, "latest"]),
                        ("eth_getBalance", ["0x%d" % k, "latest"])))) + "]"
                    with g.client() as c:  # one that was shown no head yet
                        got = c.request(body).json()
                    self.assertEqual(len({x["result"] for x in got}), 1, got)
                self.assertTrue(all(u.calls() for u in ups), "one endpoint carried everything")

    def test_twins_in_one_array(self):
        """Equal calls of one array, with and without coalescing: one answer each."""
        for coalesce in (False, True):
            with self.subTest(coalesce):
                g, u = self.front(serve(first_param, array=reversed_order), chain={**CHAIN, "coalesce": coalesce},
                                  ep={"batch": {"mode": "always"}, "pool": ONE})
                body = "[" + ",".join(call("eth_call", [i % 2], 1000 + i) for i in range(8)) + "]"
                with g.client() as c:
                    got = c.request(body).json()
                self.assertEqual([(x["id"], x["result"]) for x in got], [(1000 + i, i % 2) for i in range(8)])
                self.assertEqual(len(u.calls()), 2 if coalesce else 8)


class Devnode(Batch):
    """Load on a node that loses elements, shuffles them and refuses large arrays."""

    def run_load(self, *options):
        d = self.devnode("--block-time-ms", "86400000", "--call-us", "20", "--request-us", "300", *options)
        g = self.gateway(config(endpoint(d.url, pool={"max_sockets": 4, "max_idle": 4, "min_warm": 4},
                                         batch={"mode": "auto", "max_calls": 100}), chain=CHAIN))
        want, bad = {}, []
        with g.client() as c:
            for i in range(200):
                want[i] = c.rpc("eth_getBalance", ["0x%040x" % i, "latest"])["result"]
        self.assertGreater(len(set(want.values())), 190)

        def client(k):
            with g.client() as c:
                for n in range(6):
                    ask = [(k * 37 + n * 11 + i) % 200 for i in range(40)]
                    body = "[" + ",".join(call("eth_getBalance", ["0x%040x" % a, "latest"], i) for i, a in enumerate(ask)) + "]"
                    got = c.request(body).json()
                    if [(x["id"], x.get("result", x)) for x in got] != [(i, want[a]) for i, a in enumerate(ask)]:
                        bad.append([x for x in got if "error" in x][:2] or got[:2])
        threads = [threading.Thread(target=client, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(bad, [])
        import urllib.request
        stats = json.loads(urllib.request.urlopen(d.url + "devnode_stats", timeout=5).read())
        self.assertGreater(stats["batches"], 5, stats)
        return stats

    def test_shuffled(self):
        self.run_load("--shuffle")

    def test_dropped_null_and_limited(self):
        self.run_load("--shuffle", "--drop-rate", "0.05", "--null-id-rate", "0.05", "--element-limit-rate", "0.05")

    def test_refused_by_number(self):
        for style in ("geth", "erigon", "reth"):
            with self.subTest(style):
                stats = self.run_load("--max-batch", "10", "--batch-style", style)
                self.assertLessEqual(stats["largest_batch"], 10)

    def test_refused_by_bytes(self):
        self.run_load("--max-body-bytes", "1024")
