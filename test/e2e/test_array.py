"""What an array of a client asks about the head comes from one endpoint, whatever becomes of that endpoint."""
import json
import threading
import time

from harness import SLOW, Case, config, endpoint
from upstream import Gate, http, serve

CHAIN = {"coalesce": False, "cache": {"max_bytes": 0}}


def array(n, first=("eth_blockNumber", [])):
    calls = [first] + [("eth_call", [{"to": "0x%d" % i}, "latest"]) for i in range(1, n)]
    return json.dumps([{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)])


class Unit(Case):
    def start(self, n=2, chain=None, results=None, pool=None):
        """n endpoints that answer with their names; the first is the one that is asked while it can be.  What it is
        asked with eth_call waits at its gate."""
        self.gate = Gate({"eth_call"})
        self.gate.open()
        self.addCleanup(self.gate.open)
        names = ["n%d" % i for i in range(n)]
        self.ups = [self.upstream(serve(self.gate.holds(results or '"n0"')))]
        self.ups += [self.upstream(serve('"%s"' % name)) for name in names[1:]]
        pool = pool or {"max_sockets": 8, "max_idle": 8, "min_warm": 8}
        self.g = self.gateway(config([endpoint(u.url(), name, batch={"mode": "off"}, pool=pool, tier=int(u is not self.ups[0]))
                                      for u, name in zip(self.ups, names)], chain=chain or CHAIN))
        self.eventually(lambda: all(len(u.open_conns()) == pool["max_sockets"] for u in self.ups))
        with self.g.client() as c:  # each connection has carried a call: then its end is no proof that a call was seen
            for _ in range(2):
                self.assertEqual({x["result"] for x in c.request(array(pool["max_sockets"])).json()}, {"n0"})
        self.before = [len(u.calls()) for u in self.ups]

    def asked(self, i):
        return len(self.ups[i].calls()) - self.before[i]

    def again(self):
        return self.g.status()["counters"]["arrays_again"]

    def under_way(self, n, **kw):
        """An array whose first call is answered, and whose others wait at the first endpoint."""
        self.gate.close()
        c = self.posting(self.g, array(n, **kw))
        self.eventually(lambda: self.asked(0) == n)
        time.sleep(0.1 * SLOW)
        return c

    def answers(self, c):
        got = c.read_response().json()
        self.assertEqual([x["id"] for x in got], list(range(len(got))))
        return [x.get("result") or x["error"]["data"]["reason"] for x in got]

    def test_all_is_asked_again_when_its_endpoint_is_gone(self):
        self.start()
        c = self.under_way(5)
        self.ups[0].stop()
        self.assertEqual(self.answers(c), ["n1"] * 5)
        self.assertEqual((self.asked(1), self.again()), (5, 1))

    def test_what_has_no_answer_moves_together(self):
        """Nobody was told anything: nothing is asked twice of the new endpoint."""
        for turn in range(3):
            self.start(4)
            c = self.under_way(6, first=("eth_call", []))
            self.ups[0].stop()
            got = self.answers(c)
            self.assertEqual(len(set(got)), 1, got)
            self.assertIn(got[0], ("n1", "n2", "n3"))
            self.assertEqual(([self.asked(i) for i in (1, 2, 3)].count(0), self.again()), (2, 0))
            self.gate.open()

    def test_it_stays_while_its_endpoint_can_be_connected(self):
        self.start()
        c = self.under_way(5)
        self.ups[0].drop_all()
        self.eventually(lambda: self.asked(0) == 9)
        self.gate.open()
        self.assertEqual(self.answers(c), ["n0"] * 5)
        self.assertEqual((self.asked(1), self.again()), (0, 0))

    def test_what_was_sent_is_not_taken_back(self):
        self.start(results=lambda c: '"' + "n" * 100000 + '"' if c.json["params"] == ["long"] else '"n0"')
        c = self.under_way(4, first=("eth_blockNumber", ["long"]))
        self.ups[0].stop()
        got = self.answers(c)
        self.assertEqual(len(got[0]), 100000)
        for reason in got[1:]:
            self.assertIn(reason, ("upstream_connect", "upstream_reset"))
        self.assertEqual((self.asked(1), self.again()), (0, 0))

    def test_what_was_sent_and_an_error_that_another_may_not_make(self):
        """Of the rest nothing could be asked again: it stays where its answers are on their way."""
        def result(c):
            first = c.json["params"][0]
            time.sleep({"long": 0, "bad": 0.2, "slow": 0.6}.get(first, 0) * SLOW)
            return (-32603, "internal error") if first == "bad" else '"%s"' % ("n" * 100000 if first == "long" else "n0")
        a, b = self.upstream(serve(result)), self.upstream(serve('"n1"'))
        g = self.gateway(config([endpoint(a.url(), "a", batch={"mode": "off"}), endpoint(b.url(), "b", tier=1)], chain=CHAIN))
        calls = [("eth_getBalance", ["long", "0x1"]), ("eth_call", ["bad", "latest"]), ("eth_call", ["slow", "latest"])]
        c = self.posting(g, json.dumps([{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate(calls)]))
        got = c.read_response().json()
        self.assertEqual((len(got[0]["result"]), got[1]["error"]["code"], got[2].get("result")), (100000, -32603, "n0"), got[1:])
        self.assertEqual(len(b.calls()), 0)

    def test_more_than_any_endpoint_takes_at_once(self):
        """What is refused waits where the others are on their way; nothing that was taken is asked again."""
        for refusal in ((-32005, "rate limit exceeded"), None):
            ups = [self.upstream(self.limited(12, refusal)) for _ in "ab"]
            g = self.gateway(config([endpoint(u.url(), "ab"[i], batch={"mode": "off"}) for i, u in enumerate(ups)], chain=CHAIN))
            c = self.posting(g, array(20, first=("eth_call", [])))
            self.assertEqual([x.get("result") for x in c.read_response().json()], ["n"] * 20)
            self.assertEqual(sorted(len(u.calls()) > 0 for u in ups), [False, True])
            self.assertEqual(g.status()["counters"]["arrays_again"], 0)

    def limited(self, n, refusal):
        """A node that takes so many in a second."""
        taken, lock = [], threading.Lock()

        def script(conn):
            while (r := conn.read_request()) is not None:
                with lock:
                    while taken and taken[0] < time.monotonic() - 1:
                        taken.pop(0)
                    takes = len(taken) < n
                    if takes:
                        taken.append(time.monotonic())
                if takes:
                    time.sleep(0.05 * SLOW)
                    conn.answer(r, '"n"')
                elif refusal:
                    conn.answer(r, refusal)
                else:
                    conn.send(http("too many", status="429 Too Many Requests", ctype="text/plain"))
        return script

    def test_an_error_that_all_make(self):
        """Each is asked for all of it once, whichever error says most."""
        def result(error):
            def answer(c):
                time.sleep(0.3 * SLOW if c.call == "eth_blockNumber" else 0)
                return '"0x10"' if c.call == "eth_blockNumber" else error
            return answer
        ups = [self.upstream(serve(result(e))) for e in ((-32603, "internal error"), (-32601, "the method does not exist"))]
        g = self.gateway(config([endpoint(u.url(), "ab"[i], batch={"mode": "off"}, tier=i) for i, u in enumerate(ups)],
                                chain=CHAIN))
        c = self.posting(g, array(2))
        got = c.read_response().json()
        self.assertEqual((got[0].get("result"), got[1]["error"]["code"]), ("0x10", -32601), got)
        self.assertEqual([len(u.calls()) for u in ups], [2, 2])

    def test_what_its_endpoint_has_no_place_for_is_refused(self):
        self.start(pool={"max_sockets": 1, "max_idle": 1, "min_warm": 1, "max_waiting": 2})
        with self.g.client() as c:
            c.send(c.build(array(6)))
            self.assertEqual(self.answers(c), ["n0"] * 3 + ["queue_full"] * 3)
        self.assertEqual(self.asked(1), 0)

    def test_others_who_share_its_calls(self):
        """Each goes where it must; the answer that an array cannot use is good for a single call."""
        self.start(chain={**CHAIN, "coalesce": True})
        one = self.under_way(5)
        two = self.posting(self.g, array(5, first=("eth_call", [])))
        call = json.loads(array(5))[3]
        three = self.posting(self.g, json.dumps(call))
        self.eventually(lambda: self.g.status()["counters"]["calls_coalesced"] >= 5)
        self.ups[0].stop()
        self.assertEqual(three.read_response().json()["result"], "n1")
        for c in (one, two):
            self.assertEqual(self.answers(c), ["n1"] * 5)

    def test_a_client_that_leaves_meanwhile(self):
        self.start()
        c = self.under_way(5)
        c.close()
        other = self.posting(self.g, array(3))
        self.eventually(lambda: self.asked(0) == 8)
        self.ups[0].stop()
        self.assertEqual(self.answers(other), ["n1"] * 3)

    def test_many_at_once(self):
        self.start(3)
        self.gate.close()
        clients = [self.posting(self.g, array(4)) for _ in range(8)]
        self.eventually(lambda: self.asked(0) >= 8)
        time.sleep(0.1 * SLOW)
        self.ups[0].stop()
        for c in clients:
            got = self.answers(c)
            self.assertEqual(len(got), 4)
            self.assertEqual(len(set(got)), 1, got)


class Dated(Case):
    """The number in an array is that of a block which the rest of it knows of: nothing joins what left before."""

    def answers(self, n, teller=("eth_blockNumber", [])):
        held = Gate()
        self.addCleanup(held.open)
        self.head = 16

        def result(c):
            at = self.head
            if c.call == "eth_getLogs":
                held.event.wait(15)
            return '"0x%x"' % at
        ups = [self.upstream(serve(result)) for _ in range(n)]
        g = self.gateway(config([endpoint(u.url(), "n%d" % i, tier=i) for i, u in enumerate(ups)], chain={"cache": {"max_bytes": 0}}))
        logs = {"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [{"fromBlock": "0x1", "toBlock": "latest"}]}
        one = self.posting(g, json.dumps(logs))
        self.eventually(lambda: ups[0].calls("eth_getLogs"))
        self.head = 17
        two = self.posting(g, json.dumps([logs, {"jsonrpc": "2.0", "id": 2, "method": teller[0], "params": teller[1]}, logs]))
        time.sleep(0.2 * SLOW)
        held.open()
        self.assertEqual(one.read_response().json()["result"], "0x10")
        self.assertEqual(len(ups[0].calls("eth_getLogs")), 1 + (teller[0] == "eth_blockNumber"))
        return [x["result"] for x in two.read_response().json()]

    def test_one_endpoint(self):
        self.assertEqual(self.answers(1), ["0x11"] * 3)

    def test_two_endpoints(self):
        self.assertEqual(self.answers(2), ["0x11"] * 3)

    def test_an_array_that_does_not_ask_for_it_shares(self):
        self.assertEqual(self.answers(2, ("eth_chainId", [])), ["0x10", "0x11", "0x10"])
