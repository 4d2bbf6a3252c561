"""Calls about the head go where the head is; no client sees it go back."""
import time

from harness import SLOW, Case, config, endpoint
from upstream import http, serve

POOL = {"min_warm": 0}


class Node:
    """An endpoint with a head that the test moves."""

    def __init__(self, number, final=None):
        self.number, self.final, self.syncing = number, final, False

    def __call__(self, call):
        m, p = call.call, call.json["params"]
        if m == "eth_blockNumber":
            return '"0x%x"' % self.number
        if m == "eth_getBlockByNumber" and p[0] == "latest":
            return '{"number":"0x%x"}' % self.number
        if m == "eth_getBlockByNumber" and p[0] == "finalized":
            return '{"number":"0x%x"}' % self.final if self.final else "null"
        if m == "getSlot":
            return "%d" % self.number
        if m == "getBalance":
            return '{"context":{"slot":%d},"value":1}' % self.number
        if m == "eth_syncing":
            return '{"currentBlock":"0x10","highestBlock":"0x64"}' if self.syncing else "false"
        return '"0x7"'


class Heads(Case):
    def start(self, *numbers, family="evm", **chain):
        self.nodes = [Node(n) for n in numbers]
        self.ups = [self.upstream(serve(n)) for n in self.nodes]
        self.g = self.gateway(config([endpoint(u.url(), x, pool=POOL) for u, x in zip(self.ups, "abcd")], family, chain=chain))
        return self.g

    def asked(self, method):
        return [len(u.calls(method)) for u in self.ups]

    def head(self, c, method="eth_blockNumber"):
        r = c.rpc(method)
        return r["result"] if method == "getSlot" else int(r["result"], 16)

    def tell_all(self, method="eth_blockNumber", ups=None):
        """Every endpoint has told its head, each to a client that knows nothing."""
        for u in ups or self.ups:
            before = len(u.calls(method))

            def asked():
                with self.g.client() as c:
                    c.rpc(method)
                return len(u.calls(method)) > before
            self.eventually(asked)


class Shown(Heads):
    def test_one_client_never_sees_it_go_back(self):
        self.start(100, 101)
        self.tell_all()
        with self.g.client() as c:
            seen = [self.head(c) for _ in range(20)]
            self.assertEqual(seen, sorted(seen))
            self.assertEqual(seen[-1], 101)
            for _ in range(10):
                c.rpc("eth_getBalance", ["0x1", "latest"])
        self.assertEqual(self.asked("eth_getBalance"), [0, 10])

    def test_another_client_may_still_see_the_one_below(self):
        self.start(100, 101)
        self.tell_all()
        with self.g.client() as c:
            self.eventually(lambda: self.head(c) == 101)

        def fresh():
            with self.g.client() as c:
                return self.head(c)
        self.eventually(lambda: fresh() == 100)

    def test_solana(self):
        self.start(1000, 1003, family="solana")
        self.tell_all("getSlot")
        with self.g.client() as c:
            seen = [self.head(c, "getSlot") for _ in range(20)]
            self.assertEqual(seen, sorted(seen))
            self.assertEqual(seen[-1], 1003)

    def test_when_nobody_is_as_far_it_is_waited_for(self):
        self.start(100)
        with self.g.client() as c:
            self.assertEqual(self.head(c), 100)
            self.nodes[0].number = 99
            c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}'))
            self.eventually(lambda: self.g.status()["counters"]["answers_behind"] >= 2)
            self.nodes[0].number = 101
            self.assertEqual(c.read_response().json()["result"], "0x65")

    def test_or_it_is_an_error(self):
        self.start(100, methods={"eth_blockNumber": {"timeout_ms": 300}})
        with self.g.client() as c:
            self.assertEqual(self.head(c), 100)
            self.nodes[0].number = 99
            self.assert_error(c.rpc("eth_blockNumber"), "upstream_behind", 1, endpoint="a")

    def test_two_chains_on_one_connection(self):
        u, v = self.upstream(serve(Node(100))), self.upstream(serve(Node(5)))
        conf = config(endpoint(u.url(), "a"))
        conf["chains"]["other"] = {"family": "evm", "endpoints": [endpoint(v.url(), "b")]}
        g = self.gateway(conf)
        with g.client() as c:
            for path, want in (("/", "0x64"), ("/other", "0x5"), ("/", "0x64")):
                c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}', path=path))
                self.assertEqual(c.read_response().json().get("result"), want)


class Lag(Heads):
    def test_one_far_behind_gets_nothing_about_the_head(self):
        self.start(100, 100, 90)
        self.tell_all()
        with self.g.client() as c:
            for i in range(12):
                c.rpc("eth_getBalance", ["0x%d" % i, "latest"])
            self.assertEqual(self.asked("eth_getBalance")[2], 0)
            for i in range(30):
                c.rpc("eth_getBalance", ["0x%d" % i, "0x10"])
            self.assertGreater(self.asked("eth_getBalance")[2], 0)  # it has that block

    def test_a_block_is_asked_of_those_who_have_it(self):
        self.start(100, 102)
        self.tell_all()
        with self.g.client() as c:
            for i in range(10):
                c.rpc("eth_call", [{"to": "0x%d" % i}, "0x66"])
        self.assertEqual(self.asked("eth_call"), [0, 10])

    def test_better_from_below_than_not_at_all(self):
        self.start(100, 100)
        self.tell_all()
        with self.g.client() as c:
            self.assertEqual(c.rpc("eth_call", [{}, "0x70"])["result"], "0x7")  # nobody has it


class Doubted(Heads):
    def test_a_head_that_cannot_be_is_not_shown(self):
        self.start(100, 100, 100)
        self.tell_all()
        self.nodes[2].number = 900000
        seen = set()
        for _ in range(12):
            with self.g.client() as c:
                seen.add(self.head(c))
        self.assertEqual(seen, {100})
        ends = self.g.status()["chains"]["ethereum"]["endpoints"]
        self.assertEqual([e["head"]["doubted"] for e in ends], [0, 0, 1])
        self.assertIn("millrace_endpoint_head_doubted{chain=\"ethereum\",endpoint=\"c\"} 1", self.g.admin_get("/metrics").body.decode())
        self.g.wait_line("endpoint_head_doubted")

    def test_one_that_was_first_and_wrong_binds_nobody(self):
        """Who was shown its number, when there was none to compare it with, is answered from the chain's head all the same."""
        self.start(900000, 100, 100, methods={"eth_blockNumber": {"timeout_ms": int(1000 * SLOW)}})
        with self.g.client() as c:
            self.assertEqual(self.head(c), 900000)
            self.tell_all(ups=self.ups[1:])
            self.assertEqual([self.head(c) for _ in range(5)], [100] * 5)
            self.nodes[1].number = self.nodes[2].number = 101
            self.eventually(lambda: self.head(c) == 101)
        self.g.wait_line("chain_set_back")

    def test_a_test_node_mines_many_at_once(self):
        self.start(5)
        with self.g.client() as c:
            for n in (5, 1005, 1006, 99999):
                self.nodes[0].number = n
                self.assertEqual(self.head(c), n)

    def test_a_test_node_is_reverted(self):
        self.start(50, methods={"evm_*": {"allow": True}})
        with self.g.client() as c:
            self.assertEqual(self.head(c), 50)
            self.assertIn("result", c.rpc("evm_revert", ["0x1"]))
            self.nodes[0].number = 45
            self.assertEqual(self.head(c), 45)
            self.assertEqual(self.g.status()["counters"]["answers_behind"], 0)


class Final(Heads):
    """What is said to be final is kept for good: so it is looked at."""
    OLD = ("eth_getBalance", ["0x1", "0x60"])

    def told(self, *finals):
        for n, f in zip(self.nodes, finals):
            n.final = f
        for u in self.ups:
            before = len(u.calls("eth_getBlockByNumber"))

            def asked():
                with self.g.client() as c:
                    c.rpc("eth_getBlockByNumber", ["finalized", False])
                return len(u.calls("eth_getBlockByNumber")) > before
            self.eventually(asked)

    def asks(self, n):
        before = sum(self.asked(self.OLD[0]))
        with self.g.client() as c:
            for _ in range(3):
                c.rpc(*self.OLD)
        self.assertEqual(sum(self.asked(self.OLD[0])) - before, n)

    def test_a_final_block_that_cannot_be(self):
        self.start(100, 100)
        self.tell_all()
        self.told(900000, 900000)
        self.asks(3)
        self.told(98, 98)
        self.asks(1)

    def test_one_that_was_told_before_the_head(self):
        self.start(100, 100)
        self.told(900000, 900000)
        self.tell_all()
        self.asks(3)
        self.told(98, 98)
        self.asks(1)

    def test_by_one_whose_head_is_not_believed(self):
        self.start(100, 100, 100, endpoint_header=True)
        self.tell_all()
        self.nodes[0].number, self.nodes[0].final = 900000, 97
        with self.g.client() as c:
            at_a = [("X-Millrace-Endpoint", "a")]
            c.rpc("eth_blockNumber", headers=at_a)
            self.assertEqual(c.rpc("eth_getBlockByNumber", ["finalized", False], headers=at_a)["result"], {"number": "0x61"})
        self.asks(3)

    def test_when_the_gateway_asks_for_it(self):
        self.start(100, 100, cache={"finalized_ms": 1})
        self.tell_all()
        self.nodes[0].final = self.nodes[1].final = 900000
        self.asks(3)
        self.eventually(lambda: sum(self.asked("eth_getBlockByNumber")) > 0)
        self.asks(3)

    def test_of_a_single_endpoint(self):
        self.start(100)
        self.tell_all()
        self.told(900000)
        self.asks(3)
        self.told(98)
        self.asks(1)


class SetBack(Heads):
    def test_a_test_node_that_was_reverted_behind_the_gateway_s_back(self):
        self.start(50)
        with self.g.client() as c:
            self.assertEqual(self.head(c), 50)
            self.nodes[0].number = 45
            self.assertEqual(self.head(c), 45)  # after a while

    def test_a_test_node_with_two_names(self):
        """Whoever was shown the block before waits until all have said for a while that it is no more."""
        self.start(50, 50, head_probe=True, block_time_ms=12000)
        with self.g.client() as c:
            self.tell_all()
            self.assertEqual(self.head(c), 50)
            for n in self.nodes:
                n.number = 45
            at = time.monotonic()
            self.assertEqual(self.head(c), 45)
            self.assertLess(time.monotonic() - at, 6 * SLOW)
            self.assertGreater(time.monotonic() - at, 3)


class Probes(Heads):
    def test_heads_are_asked_for_while_calls_come(self):
        self.start(100, 100, head_probe=True, block_time_ms=1000)
        with self.g.client() as c:
            self.assertEqual(self.asked("eth_blockNumber"), [0, 0])
            end = time.monotonic() + 5
            i = 0
            while min(self.asked("eth_blockNumber")) < 2 and time.monotonic() < end:
                i += 1
                c.rpc("eth_getBalance", ["0x%d" % i, "latest"])
                time.sleep(0.01)
        n = self.asked("eth_blockNumber")
        self.assertGreaterEqual(min(n), 2)
        self.assertLessEqual(sum(n), i)

    def test_an_idle_gateway_asks_nothing(self):
        self.start(100, 100, head_probe=True, block_time_ms=1000)
        time.sleep(1.2)
        self.assertEqual(self.asked("eth_blockNumber"), [0, 0])

    def test_one_that_says_that_it_syncs(self):
        """Whatever its head: it gets nothing about the head until it says that it is in sync."""
        self.start(100, 100, head_probe=True, block_time_ms=1000)
        self.nodes[1].syncing = True
        n = [0]

        def asked():
            before = self.asked("eth_getBalance")
            with self.g.client() as c:
                for _ in range(10):
                    n[0] += 1
                    self.assertIn("result", c.rpc("eth_getBalance", ["0x%d" % n[0], "latest"]))
            return [x - y for x, y in zip(self.asked("eth_getBalance"), before)]
        self.assertGreater(asked()[1], 0)
        self.eventually(lambda: asked() == [10, 0], timeout=10)
        self.g.wait_line("endpoint_syncing.*endpoint=b")
        self.assertEqual(asked(), [10, 0])
        self.nodes[1].syncing = False
        self.eventually(lambda: asked()[1] > 0, timeout=10)
        self.g.wait_line("endpoint_in_sync.*endpoint=b")

    def test_one_that_is_back_is_noticed_without_traffic(self):
        self.start(100, 100, head_probe=True)
        bad = [True]
        self.ups[1].script = lambda conn: self.flaky(conn, bad)
        with self.g.client() as c:
            for i in range(40):
                c.rpc("eth_getBalance", ["0x%d" % i, "latest"])

        def state():
            return [e["state"] for e in self.g.status()["chains"]["ethereum"]["endpoints"]]
        self.eventually(lambda: state()[1] == "down")
        bad[0] = False
        self.eventually(lambda: state()[1] == "up", timeout=10)

    def flaky(self, conn, bad):
        while True:
            req = conn.read_request()
            if req is None:
                return
            if bad[0]:
                conn.reset()
                return
            conn.answer(req, self.nodes[1])


class Replay(Heads):
    """Solana: what an endpoint has received, against what it has processed."""
    LATE = 1500

    def start(self, *shreds, **kw):
        super().start(*[1000] * len(shreds), family="solana", head_probe=True, **kw)
        for u, n in zip(self.ups, shreds):
            u.shreds = n
            u.script = lambda conn, u=u: self.script(conn, u)
        self.i = 0

    def script(self, conn, u):
        while (req := conn.read_request()) is not None:
            if req.call == "getHealth" and u.shreds == "403 Forbidden":
                conn.send(http("no", status=u.shreds, ctype="text/plain"))
            elif req.call != "getMaxShredInsertSlot":
                conn.answer(req, '"ok"' if req.call == "getHealth" else self.nodes[self.ups.index(u)])
            elif isinstance(u.shreds, str):
                conn.send(http("no", status=u.shreds, ctype="text/plain"))
            else:
                conn.answer(req, u.shreds if isinstance(u.shreds, tuple) else "%d" % u.shreds)

    def endpoints(self):
        return self.g.status()["chains"]["solana"]["endpoints"]

    def replay(self, i):
        return self.endpoints()[i].get("replay", {})

    def call(self, c):
        self.i += 1
        return c.rpc("getBalance", ["%044d" % self.i, {"commitment": "confirmed"}])

    def until(self, c, what):
        def step():
            self.assertIn("result", self.call(c))
            return what()
        self.eventually(step, timeout=10)

    def test_traffic_leaves_one_that_is_behind_and_comes_back(self):
        self.start(self.LATE, 1004)
        with self.g.client() as c:
            self.until(c, lambda: self.replay(0).get("late") and "behind" in self.replay(1))
            self.assertEqual((self.replay(0)["behind"], self.replay(1)["behind"]), (500, 4))
            self.assertIn('millrace_endpoint_shred_lag{chain="solana",endpoint="a"} 500',
                          self.g.admin_get("/metrics").body.decode())
            before = self.asked("getBalance")
            for _ in range(20):
                self.call(c)
            self.assertEqual(self.asked("getBalance"), [before[0], before[1] + 20])
            self.g.wait_line("endpoint_replay_behind .*endpoint=a .*slot=1000 shreds=1500")
            self.ups[0].shreds = 1003
            self.until(c, lambda: not self.replay(0)["late"])
            self.until(c, lambda: self.asked("getBalance")[0] > before[0])
            self.g.wait_line("endpoint_replay_caught_up .*endpoint=a")

    def test_how_long_it_is_behind_whatever_is_asked(self):
        """Of the commitment that calls ask for."""
        self.start(1000, 1000)
        self.nodes[1].number = 900
        with self.g.client() as c:
            self.until(c, lambda: all("head" in e for e in self.endpoints()))
            self.until(c, lambda: self.endpoints()[1]["head"]["behind_ms"] > 300)
            self.assertEqual([(e["head"]["behind"], e["head"]["behind_ms"] > 0) for e in self.endpoints()],
                             [(0, False), (100, True)])
            self.nodes[1].number = 1000
            self.until(c, lambda: self.endpoints()[1]["head"]["behind_ms"] == 0)

    def test_the_bound_is_configured(self):
        self.start(1000 + 99, 1000 + 51, max_shred_lag_slots=50)
        with self.g.client() as c:
            self.until(c, lambda: all(self.replay(i).get("late") for i in range(2)))
            self.assertIn("result", self.call(c))  # better from behind than not at all

    def test_who_does_not_say_is_none_the_worse(self):
        refusals = (-32601, "Method not found"), "403 Forbidden", "500 Internal Server Error", 1001
        self.start(*refusals)
        with self.g.client() as c:
            self.until(c, lambda: all(self.replay(i).get("refused") for i in range(3)) and "behind" in self.replay(3))
            before = self.asked("getBalance")
            for _ in range(100):
                self.call(c)
            got = [n - m for n, m in zip(self.asked("getBalance"), before)]
            self.assertGreaterEqual(min(got), 15, got)
        self.assertEqual([e["state"] for e in self.endpoints()], ["up"] * 4)
        time.sleep(1.2)
        self.assertEqual(self.asked("getMaxShredInsertSlot"), [1] * 4)  # and is left alone for long

    def test_devnodes(self):
        nodes = [self.devnode("--family", "solana", "--shred-lag", lag) for lag in ("0", "130")]
        self.g = self.gateway(config([endpoint(n.url, x) for n, x in zip(nodes, "ab")], "solana",
                                     chain={"head_probe": True}))
        with self.g.client() as c:
            self.i = 0

            def step():
                self.assertIn("result", c.rpc("getSlot"))
                return all("behind" in self.replay(i) for i in range(2))
            self.eventually(step, timeout=10)
            self.assertLess(self.replay(0)["behind"], 10)
        self.assertEqual([self.replay(i)["late"] for i in range(2)], [False, True])
