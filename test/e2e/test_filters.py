"""Filters live on the endpoint that made them: their ids never meet, and nobody else is asked about them."""
import json
import threading
import unittest

from harness import Case, config, endpoint
from upstream import serve

CREATE = ("eth_newFilter", "eth_newBlockFilter", "eth_newPendingTransactionFilter")


class Node:
    """A node that counts its filters 0x1, 0x2, ... as many do; each poll says whose filter it was, and how often."""

    def __init__(self, name):
        self.name, self.next, self.polls = name, 0, {}
        self.lock = threading.Lock()

    def __call__(self, c):
        p = c.json["params"]
        with self.lock:
            if c.call in CREATE:
                self.next += 1
                id = "0x%x" % self.next
                self.polls[id] = 0
                return json.dumps(id)
            if c.call == "eth_blockNumber":
                return json.dumps(self.name)
            if len(p) != 1 or p[0] not in self.polls:
                return (-32000, "filter not found")
            if c.call == "eth_uninstallFilter":
                del self.polls[p[0]]
                return "true"
            self.polls[p[0]] += 1
            return json.dumps([self.name, p[0], self.polls[p[0]]])

    def restart(self):
        with self.lock:
            self.next, self.polls = 0, {}


class Filters(Case):
    def two(self, **kw):
        self.nodes = [Node("a"), Node("b")]
        self.ups = [self.upstream(serve(n)) for n in self.nodes]
        return self.gateway(config([endpoint(u.url(), n.name, **kw) for u, n in zip(self.ups, self.nodes)]))

    def asked(self, *methods):
        return [c for u in self.ups for c in u.calls() if c.call in methods]

    def counter(self, g, name):
        text = g.admin_get("/metrics").body.decode()
        return int(float([ln for ln in text.split("\n") if ln.startswith("millrace_%s_total " % name)][0].split()[1]))


class Home(Filters):
    def test_same_ids_never_mix(self):
        g = self.two()
        with g.client() as one, g.client() as two:
            made = [(c, c.rpc(m, [{}] if m == "eth_newFilter" else [])["result"])
                    for _ in range(5) for c in (one, two) for m in CREATE]
            ids = [id for _, id in made]
            self.assertEqual(len(set(ids)), len(ids))
            for id in ids:
                self.assertRegex(id, r"^0x[1-9a-f][0-9a-f]{31}$")
            homes = {}
            for turn in (1, 2, 3):
                for c, id in made:
                    name, own, n = c.rpc("eth_getFilterChanges", [id])["result"]
                    self.assertEqual(n, turn, "a poll that was someone else's")
                    self.assertEqual(homes.setdefault(id, (name, own)), (name, own))
            self.assertEqual(len(set(homes.values())), len(ids))
            self.assertEqual({name for name, _ in homes.values()}, {"a", "b"})
            for c, id in made:
                self.assertEqual(c.rpc("eth_getFilterLogs", [id])["result"][:2], list(homes[id]))
        self.assertEqual(self.counter(g, "filters_bound"), len(ids))
        self.assertEqual(self.counter(g, "filters_not_found"), 0)

    def test_within_an_array(self):
        g = self.two()
        with g.client() as c:
            def post(calls):
                body = [{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)]
                c.send(c.build(body))
                return [x.get("result") for x in c.read_response().json()]
            ids = post([("eth_newBlockFilter", [])] * 6)
            self.assertEqual(len(set(ids)), 6)
            for turn in (1, 2):
                got = post([("eth_getFilterChanges", [id]) for id in ids] + [("eth_blockNumber", [])] * 4)
                self.assertEqual([x[2] for x in got[:6]], [turn] * 6)
                self.assertEqual(len({(x[0], x[1]) for x in got[:6]}), 6)

    def test_uninstall(self):
        g = self.two()
        with g.client() as c:
            a, b = (c.rpc("eth_newBlockFilter")["result"] for _ in range(2))
            self.assertIs(c.rpc("eth_uninstallFilter", [a])["result"], True)
            n = len(self.asked("eth_getFilterChanges", "eth_uninstallFilter"))
            for m in ("eth_getFilterChanges", "eth_uninstallFilter", "eth_getFilterLogs"):
                self.assert_error(c.rpc(m, [a]), "filter_not_found", id=1)
            self.assertEqual(len(self.asked("eth_getFilterChanges", "eth_uninstallFilter")), n)
            self.assertEqual(c.rpc("eth_getFilterChanges", [b])["result"][2], 1)
        self.assertEqual(self.counter(g, "filters_not_found"), 3)

    def test_ids_in_other_spelling(self):
        g = self.two()
        with g.client() as c:
            id = c.rpc("eth_newBlockFilter")["result"]
            self.assertEqual(c.rpc("eth_getFilterChanges", [id.upper().replace("X", "x")])["result"][2], 1)
            c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_getFilter\\u0043hanges","params":[ "\\u0030x%s" ]}' % id[2:]))
            self.assertEqual(c.read_response().json()["result"][2], 2)

    def test_an_endpoint_s_own_error_is_its_own(self):
        g = self.two()
        with g.client() as c:
            id = c.rpc("eth_newBlockFilter")["result"]
            for n in self.nodes:
                n.restart()
            self.assertEqual(c.rpc("eth_getFilterChanges", [id])["error"], {"code": -32000, "message": "filter not found"})
        self.assertEqual(len(self.asked("eth_getFilterChanges")), 1)

    def test_a_restarted_endpoint_s_ids_are_the_new_holder_s(self):
        g = self.two()
        with g.client() as c:
            old = [c.rpc("eth_newBlockFilter")["result"] for _ in range(2)]
            for n in self.nodes:
                n.restart()
            new = [c.rpc("eth_newBlockFilter")["result"] for _ in range(2)]
            for id in old:
                self.assert_error(c.rpc("eth_getFilterChanges", [id]), "filter_not_found", id=1)
            for id in new:
                self.assertEqual(c.rpc("eth_getFilterChanges", [id])["result"][2], 1)

    def test_numbers_as_ids(self):
        ups = [self.upstream(serve(lambda c, k=k: "7" if c.call in CREATE else json.dumps([k, c.json["params"]])))
               for k in "ab"]
        g = self.gateway(config([endpoint(u.url(), "e%d" % i) for i, u in enumerate(ups)]))
        with g.client() as c:
            got = [c.rpc("eth_getFilterChanges", [c.rpc("eth_newFilter", [{}])["result"]])["result"] for _ in range(2)]
        self.assertEqual(sorted(got), [["a", [7]], ["b", [7]]])


class Odd(Filters):
    def test_params_that_are_no_id(self):
        g = self.two()
        with g.client() as c:
            id = c.rpc("eth_newBlockFilter")["result"]
            for m in ("eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter"):
                for p in ([], [1], [None], [[id]], [id, id], [id, {}], [{}], {"id": id}):
                    with self.subTest(method=m, params=p):
                        self.assert_error(c.rpc(m, p), "filter_params", id=1)
                for p in ("0x1", "0x01", "", "0x", "1", "x" * 4000, id + "0", id[:-1], id[2:], "0x" + "0" * 32, "\x00", "é"):
                    with self.subTest(method=m, params=p):
                        self.assert_error(c.rpc(m, [p]), "filter_not_found", id=1)
                c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"%s"}' % m))
                self.assert_error(c.read_response().json(), "filter_params", id=1)
            c.send(c.build('{"jsonrpc":"2.0","method":"eth_getFilterChanges","params":["0x1"]}'))
            self.assertEqual(c.read_response().body, b"")
            self.assertEqual(c.rpc("eth_getFilterChanges", [id])["result"][2], 1)
        self.assertEqual(len(self.asked("eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter")), 1)

    def test_refusals_and_answers_that_are_no_id_pass_as_they_are(self):
        for result in (None, '{"a" : 1}', "null", "[]", '"%s"' % ("f" * 200)):
            with self.subTest(result=result):
                ups = [self.upstream(serve(result or (-32601, "no filters here", '"x"'))) for _ in range(2)]
                g = self.gateway(config([endpoint(u.url(), "e%d" % i) for i, u in enumerate(ups)]))
                with g.client() as c:
                    c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_newBlockFilter"}'))
                    body = c.read_response().body.rstrip(b"\n").decode()
                want = '"result":%s' % result if result else '"error":{"code":-32601,"message":"no filters here","data":"x"}'
                self.assertEqual(body, '{"jsonrpc":"2.0","id":1,%s}' % want)


class Dead(Filters):
    def test_a_dead_endpoint_s_filter_is_not_found(self):
        g = self.two()
        with g.client() as c:
            ids = [c.rpc("eth_newBlockFilter")["result"] for _ in range(4)]
            homes = {id: c.rpc("eth_getFilterChanges", [id])["result"][0] for id in ids}
            self.assertEqual(sorted(homes.values()), ["a", "a", "b", "b"])
            self.ups[0].stop()
            for turn in range(3):
                for id in ids:
                    r = c.rpc("eth_getFilterChanges", [id])
                    if homes[id] == "b":
                        self.assertEqual(r["result"][2], 2 + turn)
                    elif turn:
                        self.assert_error(r, "filter_not_found", id=1, endpoint="a")
                    else:  # the socket may not be known to be dead yet
                        self.assert_error(r, ("filter_not_found", "upstream_reset"), id=1, endpoint="a")
            self.assertEqual(c.rpc("eth_blockNumber")["result"], "b")

    def test_a_poll_whose_connection_dies_is_not_sent_again(self):
        nodes = [Node("a"), Node("b")]

        def script(node):
            def run(conn):
                while True:
                    req = conn.read_request()
                    if req is None:
                        return
                    if req.call == "eth_getFilterChanges":
                        conn.close()
                        return
                    conn.answer(req, node)
            return run
        self.ups = [self.upstream(script(n)) for n in nodes]
        g = self.gateway(config([endpoint(u.url(), n.name) for u, n in zip(self.ups, nodes)]))
        with g.client() as c:
            for k in range(1, 5):
                id = c.rpc("eth_newBlockFilter")["result"]
                self.assert_error(c.rpc("eth_getFilterChanges", [id]), "upstream_reset", id=1)
                self.assertEqual(len(self.asked("eth_getFilterChanges")), k)

    def test_equal_polls_are_each_sent(self):
        g = self.two()
        with g.client() as c:
            id = c.rpc("eth_newBlockFilter")["result"]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getFilterChanges", "params": [id]})
        got = [r.json()["result"][2] for r in self.together(g, [body] * 20)]
        self.assertEqual(sorted(got), list(range(1, 21)))


class Single(Case):
    def test_one_endpoint_s_ids_are_verbatim(self):
        node = Node("a")
        g, u = self.front(serve(node))
        with g.client() as c:
            self.assertEqual(c.rpc("eth_newBlockFilter")["result"], "0x1")
            self.assertEqual(c.rpc("eth_getFilterChanges", ["0x1"])["result"], ["a", "0x1", 1])
            for p in ([], [1], ["0x1", 2], ["0x9"]):
                self.assertEqual(c.rpc("eth_getFilterChanges", p)["error"], {"code": -32000, "message": "filter not found"})
            self.assertEqual([q.json["params"] for q in u.calls() if q.call == "eth_getFilterChanges"],
                             [["0x1"], [], [1], ["0x1", 2], ["0x9"]])
            self.assertIs(c.rpc("eth_uninstallFilter", ["0x1"])["result"], True)


if __name__ == "__main__":
    unittest.main()
