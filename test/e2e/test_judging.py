"""Endpoints are judged on every answer: who gets the calls when one fails, is slow, is refused or comes back, what is asked
again and where, and what a client is told when nobody could answer."""
import json
import os
import shutil
import signal
import tempfile
import threading
import time
import urllib.request

from client import Closed
from harness import SLOW, Case, config, endpoint
from upstream import error_reply, http, serve

DAY_MS = 86400000
HASH = "0x" + "ab" * 32
PLAIN = {"coalesce": False, "hedge": {"budget_percent": 0}}  # each call is one, and asked again only when it failed


def stats(node):
    return json.loads(urllib.request.urlopen(node.url + "devnode_stats", timeout=5).read())


def tune(node, **options):
    """Changes a simulated node that runs: delay_us, jitter_us, slow_us."""
    query = "&".join("%s=%d" % (k.replace("_", "-"), v) for k, v in options.items())
    urllib.request.urlopen(node.url + "devnode_set?" + query, timeout=5).read()


def states(g):
    return {e["name"]: e["state"] for e in g.status()["chains"]["ethereum"]["endpoints"]}


def metric(g, line):
    """The value of the metric that begins with `line`; 0: it is not there."""
    for ln in g.admin_get("/metrics").body.decode().split("\n"):
        if ln.startswith(line):
            return float(ln.rsplit(" ", 1)[1])
    return 0.0


def retries(g):
    return metric(g, "millrace_retries_total")


class Load:
    """Clients that ask one question after the other, each one of its own, until they are told to end."""

    def __init__(self, test, g, clients=8, calls=None, method="eth_call", pause=0.0):
        self.g, self.method, self.pause = g, method, pause
        self.left = calls
        self.lock = threading.Lock()
        self.answers, self.errors = [], []  # (when, seconds); what was no result
        self.stopping = False
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(clients)]
        for t in self.threads:
            t.start()
        test.addCleanup(self.end)

    def _next(self):
        with self.lock:
            if self.stopping or self.left == 0:
                return False
            if self.left is not None:
                self.left -= 1
            return True

    def _run(self, i):
        n = 0
        try:
            with self.g.client(timeout=60) as c:
                while self._next():
                    n += 1
                    at = time.monotonic()
                    r = c.rpc(self.method, [{"to": "0x%020x%020x" % (i, n)}, "latest"], id=n)
                    now = time.monotonic()
                    with self.lock:
                        self.answers.append((at, now - at))
                        if "result" not in r:
                            self.errors.append(r)
                    if self.pause:
                        time.sleep(self.pause)
        except (OSError, Closed) as e:
            with self.lock:
                self.errors.append(repr(e))

    def end(self):
        self.stopping = True
        return self.join()

    def join(self):
        for t in self.threads:
            t.join(60)
        return self

    def count(self):
        with self.lock:
            return len(self.answers)

    def p99(self, since, until):
        """Of calls that were asked in that time."""
        with self.lock:
            took = sorted(took for at, took in self.answers if since <= at < until)
        return took[len(took) * 99 // 100]

    def slowest(self, since=0.0):
        with self.lock:
            return max([took for at, took in self.answers if at >= since] or [0.0])


class Judged(Case):
    """Three simulated nodes of 2 ms and a gateway before them."""

    def nodes(self, n=3, *args, delay_us=2000):
        return [self.devnode("--delay-us", str(delay_us), "--block-time-ms", str(DAY_MS), *args) for _ in range(n)]

    def before(self, nodes, chain=None, limits=None, each=None, **kw):
        return self.gateway(config([endpoint(n.url, "abcdef"[i], **{**kw, **((each or [{}] * len(nodes))[i])})
                                    for i, n in enumerate(nodes)], limits=limits, chain={**PLAIN, **(chain or {})}))


class Shares(Judged):
    def test_three_to_one_over_20000_calls(self):
        nodes = self.nodes(2)
        g = self.before(nodes, {"hedge": {"budget_percent": 0}}, each=[{"weight": 3}, {"weight": 1}])
        load = Load(self, g, clients=16, calls=20000).join()
        self.assertEqual((load.errors, load.count()), ([], 20000))
        a, b = (stats(n)["calls"] for n in nodes)
        self.assertEqual(a + b, 20000)
        self.assertAlmostEqual(a / 20000, 0.75, delta=0.02)

    def test_priority_takes_the_first_while_it_answers(self):
        nodes = self.nodes()
        g = self.before(nodes, chain={"routing": "priority", "hedge": {"budget_percent": 0}},
                        each=[{"weight": 1}, {"weight": 100}, {"weight": 100}])
        Load(self, g, clients=2, calls=200).join()
        self.assertEqual([stats(n)["calls"] for n in nodes], [200, 0, 0])
        nodes[0].p.kill()
        load = Load(self, g, clients=2, calls=200).join()
        self.assertEqual(load.errors, [])
        self.assertEqual([stats(n)["calls"] for n in nodes[1:]], [200, 0])

    def test_fastest_prefers_the_quick_one(self):
        nodes = self.nodes(2)
        tune(nodes[0], delay_us=40000)
        g = self.before(nodes, chain={"routing": "fastest"}, each=[{"weight": 1}, {"weight": 1}])
        load = Load(self, g, clients=4, calls=600).join()
        self.assertEqual(load.errors, [])
        slow, quick = (stats(n)["calls"] for n in nodes)
        self.assertGreater(quick, 5 * slow)

    def test_fastest_follows_when_the_quick_one_gets_slow(self):
        nodes = self.nodes(2)
        tune(nodes[0], delay_us=20000)
        g = self.before(nodes, chain={"routing": "fastest"})
        Load(self, g, clients=4, calls=200).join()
        tune(nodes[1], delay_us=200000)
        before = [stats(n)["calls"] for n in nodes]
        Load(self, g, clients=4, calls=200).join()
        a, b = (stats(n)["calls"] - was for n, was in zip(nodes, before))
        self.assertGreater(a, b)


class Lost(Judged):
    """One of three goes away under load."""

    def under_load(self, lose, within_s, delay_us=2000, **kw):
        nodes = self.nodes(delay_us=delay_us)
        g = self.before(nodes, **kw)
        load = Load(self, g, clients=12)
        self.eventually(lambda: load.count() > 500, 20)
        at = time.monotonic()
        lose(nodes[0])
        time.sleep(within_s)
        calm = time.monotonic()
        n = load.count()
        self.eventually(lambda: load.count() > n + 500, 20)
        load.end()
        self.assertEqual(load.errors, [])
        return g, nodes, load, at, calm

    def stop(self, node):
        node.signal(signal.SIGSTOP)
        self.addCleanup(lambda: node.alive() and node.signal(signal.SIGCONT))

    def test_killed(self):
        g, nodes, load, at, calm = self.under_load(lambda n: n.p.kill(), 0.5)
        self.assertLess(load.slowest(at), 0.5 * SLOW)
        self.assertLess(load.slowest(calm), 0.1 * SLOW)
        before, after = load.p99(at - 0.5, at - 0.01), load.p99(at + 0.2, at + 0.5)
        print("# p99 %.1f ms; from 200 ms after the kill %.1f ms; slowest %.1f ms" % (
            before * 1e3, after * 1e3, load.slowest(at) * 1e3))
        self.assertLess(after, before + 0.01 * SLOW)
        self.assertEqual(states(g), {"a": "down", "b": "up", "c": "up"})

    def test_every_connection_is_reset(self):
        """The process lives on: whatever was on its way there is asked elsewhere."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if conn.upstream.bad:
                    conn.reset()
                    return
                conn.answer(r)
        up = self.upstream(script)
        up.bad = False
        nodes = self.nodes(2)
        g = self.gateway(config([endpoint(up.url(), "a")] + [endpoint(n.url, "bc"[i]) for i, n in enumerate(nodes)]))
        load = Load(self, g, clients=8)
        self.eventually(lambda: load.count() > 300, 20)
        up.bad = True
        self.eventually(lambda: states(g)["a"] == "down", 5)
        up.bad = False
        self.eventually(lambda: states(g)["a"] == "up", 10)
        self.assertEqual(load.end().errors, [])

    def test_stops_accepting(self):
        """Connections that are there go on; a new one hangs, and finds nobody in time."""
        d, nodes = self.deaf(), self.nodes(2)
        g = self.gateway(config([endpoint(d.url, "a", connect_timeout_ms=300)] +
                                [endpoint(n.url, "bc"[i]) for i, n in enumerate(nodes)]))
        d.fill()
        load = Load(self, g, clients=8)
        self.eventually(lambda: states(g)["a"] == "down", 10)
        calm = time.monotonic()
        self.eventually(lambda: load.count() > 1000, 20)
        self.assertEqual(load.end().errors, [])
        self.assertLess(load.slowest(calm), 0.3 * SLOW)

    def test_black_hole(self):
        """It accepts, and never answers: who waits there is asked elsewhere when the endpoint's own time is over."""
        g, nodes, load, at, calm = self.under_load(self.stop, 2.0, each=[{"timeout_ms": 500}] * 3)
        self.assertEqual(states(g)["a"], "down")
        self.assertLess(load.slowest(at), 1.5 + 0.5 * SLOW)
        nodes[0].signal(signal.SIGCONT)
        load = Load(self, g, clients=4)
        self.eventually(lambda: states(g)["a"] == "up", 12)
        self.assertEqual(load.end().errors, [])

    def test_black_hole_far_away(self):
        """What is usual takes long: that one is silent is seen nearly as soon."""
        g, nodes, load, at, calm = self.under_load(self.stop, 2.0, delay_us=100000, chain={"hedge": {"budget_percent": 0}})
        self.assertEqual(states(g)["a"], "down")
        self.assertLess(load.slowest(at), 2.2 + 0.5 * SLOW)

    def test_black_hole_with_nothing_configured(self):
        self.check_black_hole(5)

    def test_black_hole_without_hedges(self):
        self.check_black_hole(0)

    def check_black_hole(self, percent):
        """No endpoint has a time of its own: its silence, where others answer in 2 ms, is enough to ask elsewhere."""
        g, nodes, load, at, calm = self.under_load(self.stop, 2.0, chain={"hedge": {"budget_percent": percent}})
        self.assertEqual(states(g)["a"], "down")
        self.assertLess(load.slowest(at), 1.5 + 0.5 * SLOW)
        # And when nobody calls any more, who waits is not forgotten.
        self.stop(nodes[1])
        bodies = ['{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":[{"last":%d},"latest"]}' % (i, i) for i in range(12)]
        at = time.monotonic()
        for r in self.together(g, bodies):
            self.assertIn("result", r.json())
        self.assertLess(time.monotonic() - at, 1.5 + 0.5 * SLOW)

    def test_heavy_questions_are_no_silence(self):
        """Some logs take a hundred times as long as others: who works on three such at once, and has nothing else to say,
        is not left."""
        def script(conn):
            while (r := conn.read_request()) is not None:
                if r.call == "eth_getLogs" and "slow" in r.json["params"][0]:
                    time.sleep(2.5)
                conn.answer(r)
        a, b = self.upstream(script), self.upstream(script)
        g = self.gateway(config([endpoint(a.url(), "a"), endpoint(b.url(), "b")], chain={**PLAIN, "routing": "priority"}))
        with g.client() as c:
            for i in range(30):
                self.assertIn("result", c.rpc("eth_getLogs", [{"fromBlock": hex(i)}]))
        for r in self.together(g, ['{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"slow":%d}]}' % i for i in range(3)]):
            self.assertIn("result", r.json())
        self.assertEqual([len(u.calls("eth_getLogs")) for u in (a, b)], [33, 0])
        self.assertEqual(states(g)["a"], "up")

    def test_light_questions_of_uneven_cost_are_no_silence(self):
        """Who works on three that take long for once is asked for its head, and has an answer to that."""
        def script(conn):
            while (r := conn.read_request()) is not None:
                if r.call == "eth_call" and "slow" in r.json["params"][0]:
                    time.sleep(2.5)
                conn.answer(r, '"0x10"')
        a, b = self.upstream(script), self.upstream(script)
        g = self.gateway(config([endpoint(a.url(), "a", batch={"mode": "off"}), endpoint(b.url(), "b")],
                                chain={**PLAIN, "routing": "priority", "head_probe": True, "block_time_ms": 60000}))
        with g.client() as c:
            for i in range(30):
                self.assertIn("result", c.rpc("eth_call", [{"n": i}, "latest"]))
        for r in self.together(g, ['{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"slow":%d},"latest"]}' % i
                                   for i in range(3)]):
            self.assertIn("result", r.json())
        self.assertEqual([len(u.calls("eth_call")) for u in (a, b)], [33, 0])
        self.assertEqual(states(g)["a"], "up")
        self.assertLess(len(a.calls("eth_blockNumber")), 10)

    def test_recovery_is_noticed_within_one_trial(self):
        up = self.upstream()
        port = up.port
        nodes = self.nodes(1)
        g = self.gateway(config([endpoint(up.url(), "a"), endpoint(nodes[0].url, "b")],
                                chain={"breaker": {"max_pause_ms": 400}}))
        load = Load(self, g, clients=4, pause=0.002)
        self.eventually(lambda: load.count() > 100, 20)
        up.stop()
        self.eventually(lambda: states(g)["a"] == "down", 5)
        time.sleep(0.5)
        back = self.upstream(port=port)
        self.eventually(lambda: len(back.calls()) > 50, 0.5 + 1.0 * SLOW)
        self.assertEqual(states(g)["a"], "up")
        self.assertEqual(load.end().errors, [])

    def test_who_is_asked_little_is_noticed_too(self):
        """Five calls a second: time alone makes that the endpoint which failed gets its share again."""
        state = {"bad": True}

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if state["bad"]:
                    conn.send(http("<html>", status="503 Service Unavailable", ctype="text/html"))
                else:
                    conn.answer(r)
        up = self.upstream(script)
        nodes = self.nodes(1)
        g = self.gateway(config([endpoint(up.url(), "a"), endpoint(nodes[0].url, "b")],
                                chain={**PLAIN, "breaker": {"failures": 12, "max_pause_ms": 500}}))
        load = Load(self, g, clients=4, pause=0.02)  # so many failures that its score is next to nothing
        self.eventually(lambda: states(g)["a"] == "down", 20)
        self.assertEqual(load.end().errors, [])
        state["bad"] = False
        load = Load(self, g, clients=1, pause=0.2)
        n = len(up.calls())
        self.eventually(lambda: len(up.calls()) > n + 3, 14, lambda: "%d calls came" % (len(up.calls()) - n))
        self.assertEqual(states(g)["a"], "up")
        self.assertEqual(load.end().errors, [])


class Slow(Judged):
    def test_traffic_leaves_one_that_is_slowed_100_times(self):
        nodes = self.nodes()
        g = self.before(nodes)
        load = Load(self, g, clients=24)
        self.eventually(lambda: load.count() > 1000, 20)
        tune(nodes[0], delay_us=200000)
        slow_from = stats(nodes[0])["calls"]
        # Those that are with it when its first slow answer comes, and its answers until it has lost its traffic.
        self.eventually(lambda: stats(nodes[0])["calls"] >= slow_from + 50, 30)
        left = [stats(n)["calls"] for n in nodes]
        n = load.count()
        self.eventually(lambda: load.count() > n + 3000, 60)
        got = [stats(n)["calls"] - was for n, was in zip(nodes, left)]
        self.assertLess(got[0], 0.05 * sum(got), got)
        tune(nodes[0], delay_us=2000)
        # The trickle that it was left with shows that it is well again.
        self.eventually(lambda: self.share(nodes, load, 600) > 0.2, 40)
        self.assertEqual(load.end().errors, [])

    def share(self, nodes, load, calls):
        was, n = [stats(x)["calls"] for x in nodes], load.count()
        self.eventually(lambda: load.count() > n + calls, 30)
        got = [stats(x)["calls"] - w for x, w in zip(nodes, was)]
        return got[0] / max(sum(got), 1)


class Refused(Judged):
    """401 and 403."""

    def refusing(self, status="401 Unauthorized", body='{"error":"no such key"}'):
        state = {"good": False}

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if state["good"] is True or r.header("authorization") == state["good"]:
                    conn.answer(r)
                else:
                    conn.send(http(body, status=status))
        return self.upstream(script), state

    def check(self, up, state):
        nodes = self.nodes(1)
        g = self.gateway(config([endpoint(up.url(), "a"), endpoint(nodes[0].url, "b")],
                                chain={"breaker": {"refused_pause_ms": 1500}, "coalesce": False}))
        load = Load(self, g, clients=4, pause=0.005)
        line = g.wait_line(r"level=error.*event=endpoint_refused_credential")[0].string
        self.assertIn("endpoint=a", line)
        self.assertRegex(line, r"why=.*(401|403|credential)")
        self.assertEqual(states(g), {"a": "down", "b": "up"})
        n = len(up.calls())
        time.sleep(0.5)
        self.assertLessEqual(len(up.calls()), n + 4)  # those that were on their way
        state["good"] = True
        self.eventually(lambda: states(g)["a"] == "up", 5)
        self.assertEqual(load.end().errors, [])
        self.assertEqual(g.stderr().count("endpoint_refused_credential"), 1)

    def test_401_as_a_page(self):
        self.check(*self.refusing())

    def test_403_as_html(self):
        self.check(*self.refusing("403 Forbidden", "<html>Forbidden</html>"))

    def test_401_as_json_rpc(self):
        self.check(*self.refusing(body='{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Must be authenticated!"}}'))

    def test_arrays_too(self):
        up, state = self.refusing(body='{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Must be authenticated!"}}')
        nodes = self.nodes(1)
        g = self.gateway(config([endpoint(up.url(), "a"), endpoint(nodes[0].url, "b")], chain={"coalesce": False}))
        with g.client() as c:
            for n in range(20):
                got = c.request([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [{"n": n, "i": i}]}
                                 for i in range(5)]).json()
                self.assertEqual([x["id"] for x in got], list(range(5)))
                for x in got:
                    self.assertIn("result", x)
        self.assertEqual(states(g)["a"], "down")
        g.wait_line(r"level=error.*event=endpoint_refused_credential")

    def test_another_credential_at_once(self):
        up, state = self.refusing()
        state["good"] = "Bearer second"
        nodes = self.nodes(1)
        folder = tempfile.mkdtemp(prefix="millrace-e2e-")
        self.addCleanup(shutil.rmtree, folder, True)
        path = os.path.join(folder, "token")

        def put(text):
            with open(path + ".new", "w") as f:
                f.write(text)
            os.rename(path + ".new", path)
        put("first")
        g = self.gateway(config([endpoint(up.url(), "a", auth={"bearer_file": path}), endpoint(nodes[0].url, "b")],
                                chain={"coalesce": False}))
        load = Load(self, g, clients=2, pause=0.005)
        g.wait_line(r"level=error.*event=endpoint_refused_credential")
        put("second")
        self.eventually(lambda: states(g)["a"] == "up", 10)
        n = len(up.calls())
        self.eventually(lambda: len(up.calls()) > n + 20, 10)
        self.assertEqual(load.end().errors, [])


class Again(Judged):
    """What is asked a second time, where, and what the client gets."""

    def two(self, first, second, chain=None, **kw):
        ups = [self.upstream(serve(first)), self.upstream(serve(second))]
        return self.gateway(config([endpoint(u.url(), "ab"[i], weight=1, **kw) for i, u in enumerate(ups)],
                                   chain={**PLAIN, "routing": "priority", **(chain or {})})), ups

    def test_null_at_one_is_found_at_another(self):
        g, (a, b) = self.two("null", '{"hash":"0x1"}')
        with g.client() as c:
            for method, params in (("eth_getTransactionByHash", [HASH]), ("eth_getBlockByHash", [HASH, False]),
                                   ("eth_getTransactionReceipt", [HASH]), ("eth_getBlockByNumber", ["0x10", False])):
                self.assertEqual(c.rpc(method, params)["result"], {"hash": "0x1"}, method)
        self.assertEqual([len([x for x in u.calls() if "finalized" not in x.json["params"]]) for u in (a, b)], [4, 4])
        self.assertEqual(states(g), {"a": "up", "b": "up"})

    def test_null_everywhere_is_null(self):
        g, (a, b) = self.two("null", "null")
        with g.client() as c:
            r = c.rpc("eth_getTransactionByHash", [HASH])
            self.assertEqual((r["result"], "error" in r), (None, False))
        self.assertEqual((len(a.calls()), len(b.calls())), (1, 1))

    def test_null_and_an_error_is_null(self):
        g, ups = self.two("null", (-32000, "internal trouble"))
        with g.client() as c:
            r = c.rpc("eth_getTransactionByHash", [HASH])
            self.assertEqual((r.get("result", 1), "error" in r), (None, False))

    def test_null_and_nobody_is_null(self):
        a = self.upstream(serve("null"))
        g = self.gateway(config([endpoint(a.url(), "a"), endpoint(self.refused(), "b")], chain={"routing": "priority"}))
        with g.client() as c:
            r = c.rpc("eth_getTransactionByHash", [HASH])
            self.assertEqual((r.get("result", 1), "error" in r), (None, False))

    def test_null_that_is_an_answer_is_not_asked_again(self):
        g, (a, b) = self.two("null", '"0x1"')
        with g.client() as c:
            self.assertIsNone(c.rpc("eth_call", [{}, "latest"])["result"])
        self.assertEqual(len(b.calls()), 0)

    def test_lookups_leave_the_budget_to_failures(self):
        """Bots that poll for receipts are answered null again and again: when an endpoint fails, others can still be asked."""
        state = {"bad": False}

        def answer(call):
            if call.call == "eth_getTransactionReceipt":
                return "null"
            return (-32603, "server is shutting down") if state["bad"] else '"0x1"'
        g, (a, b) = self.two(answer, lambda call: "null" if call.call == "eth_getTransactionReceipt" else '"0x2"')
        with g.client() as c:
            for i in range(600):
                self.assertIsNone(c.rpc("eth_getTransactionReceipt", ["0x%064x" % i])["result"])
            polled = len(b.calls())
            self.assertGreater(polled, 20)
            state["bad"] = True
            for i in range(20):
                r = c.rpc("eth_call", [{"n": i}, "latest"], id=i)
                self.assertEqual(r.get("result"), "0x2", r)

    def test_lookups_that_are_refused_cost_nothing(self):
        """Calls that have used up their attempts take nothing from what others may look up elsewhere."""
        def first(call):
            return "null" if call.call == "eth_getTransactionByHash" else (-32000, "header not found")
        ups = [self.upstream(serve(x)) for x in (first, lambda call: "null" if call.call == "eth_getTransactionReceipt" else '{"hash":"0x1"}', "null")]
        g = self.gateway(config([endpoint(u.url(), "abc"[i]) for i, u in enumerate(ups)],
                                chain={**PLAIN, "routing": "priority", "retry": {"max_attempts": 2}}))
        with g.client() as c:
            for i in range(40):
                self.assertIsNone(c.rpc("eth_getTransactionReceipt", ["0x%064x" % i])["result"])
            self.assertEqual(len(ups[2].calls("eth_getTransactionReceipt")), 0)
            for i in range(8):
                self.assertEqual(c.rpc("eth_getTransactionByHash", ["0x%064x" % i])["result"], {"hash": "0x1"}, i)

    def test_a_revert_is_final(self):
        g, (a, b) = self.two((3, "execution reverted: nope", '"0x08c379a0"'), '"0x1"')
        with g.client() as c:
            for i in range(10):
                r = c.rpc("eth_call", [{"n": i}, "latest"])
                self.assertEqual(r["error"], {"code": 3, "message": "execution reverted: nope", "data": "0x08c379a0"})
        self.assertEqual(len(b.calls()), 0)
        self.assertEqual(states(g)["a"], "up")

    def test_the_error_that_says_most_verbatim(self):
        """Each endpoint fails in its own way: the client is shown what says most, byte for byte, whoever came first."""
        telling = '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000 , "message":"missing trie node 12ab", "data":18446744073709551615}}'

        def said(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.send(http(telling % json.dumps(r.id)))

        def broken(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.send(http("<html>", status="502 Bad Gateway", ctype="text/html"))

        def limited(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.send(http(error_reply(r.id, -32005, "rate limit exceeded"), status="429 Too Many Requests"))
        scripts = [said, broken, limited]
        for turn in range(3):
            ups = [self.upstream(s) for s in scripts[turn:] + scripts[:turn]]
            g = self.gateway(config([endpoint(u.url(), "abc"[i]) for i, u in enumerate(ups)],
                                    chain={"routing": "priority", "retry": {"max_attempts": 3}}))
            with g.client() as c:
                r = c.request('{"jsonrpc":"2.0","id":7,"method":"eth_call","params":[{},"latest"]}')
                self.assertEqual(r.status, 200)
                self.assertIn(b'"error":{"code":-32000 , "message":"missing trie node 12ab", "data":18446744073709551615}',
                              r.body)
                self.assertEqual(r.json()["id"], 7)

    def test_the_same_endpoint_only_after_a_pause(self):
        up = self.upstream(serve((-32603, "service unavailable")))
        g = self.gateway(config(endpoint(up.url()), chain={"retry": {"pause_ms": 400, "max_attempts": 3},
                                                           "breaker": {"failures": 100}}))
        took = []
        with g.client() as c:
            for i in range(4):
                at = time.monotonic()
                self.assertIn("error", c.rpc("eth_call", [{"n": i}, "latest"]))
                took.append(time.monotonic() - at)
        self.assertEqual(len(up.calls()), 12)
        self.assertGreater(sum(took), 0.5)  # 0 .. 400 and 0 .. 800 ms: 600 on average
        self.assertLess(max(took), 1.2 + 0.5 * SLOW)

    def test_deadline_while_it_pauses(self):
        up = self.upstream(serve((-32603, "service unavailable")))
        g = self.gateway(config(endpoint(up.url()), limits={"call_timeout_ms": 500},
                                chain={"retry": {"pause_ms": 60000, "max_attempts": 3}, "breaker": {"failures": 100}}))
        with g.client() as c:
            for i in range(5):
                at = time.monotonic()
                r = c.rpc("eth_call", [{"n": i}, "latest"])
                # A pause that would last beyond the deadline is not begun: the error is there at once, as it was said.
                self.assertEqual(r["error"]["message"], "service unavailable")
                self.assertLess(time.monotonic() - at, 0.5 + 0.3 * SLOW)

    def test_clients_that_leave_or_join_while_it_pauses(self):
        state = {"bad": True}
        up = self.upstream(serve(lambda c: (-32603, "service unavailable") if state["bad"] else '"0x5"'))
        g = self.gateway(config(endpoint(up.url()), chain={"retry": {"pause_ms": 2000}, "breaker": {"failures": 100}}))
        body = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{},"latest"]}'
        for _ in range(6):  # pauses are drawn by lot
            first = self.posting(g, body)
            n = len(up.calls())
            self.eventually(lambda: len(up.calls()) > n or retries(g) > 0)
            first.close()
        state["bad"] = False
        got = self.together(g, [body] * 3)
        for r in got:
            self.assertEqual(r.json().get("result"), "0x5", r)
        self.eventually(lambda: g.status()["inflight_calls"] == 0)

    def test_shutdown_while_it_pauses(self):
        up = self.upstream(serve((-32603, "service unavailable")))
        g = self.gateway(config(endpoint(up.url()), chain={"retry": {"pause_ms": 60000}, "breaker": {"failures": 100}},
                                limits={"call_timeout_ms": 3600000, "drain_timeout_ms": 300}))
        for i in range(3):
            self.posting(g, '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"n":%d},"latest"]}' % i)
        self.eventually(lambda: retries(g) >= 3)
        g.signal(signal.SIGTERM)
        self.assertEqual(g.wait(20), 0)

    def test_a_write_is_not_repeated(self):
        def script(conn):
            r = conn.read_request()
            if r is not None:
                conn.reset()
        ups = [self.upstream(script) for _ in range(2)]
        g = self.gateway(config([endpoint(u.url(), "ab"[i]) for i, u in enumerate(ups)]))
        with g.client() as c:
            self.assert_error(c.rpc("eth_sendPrivateRawTransaction", ["0x01"]), "upstream_reset", id=1)
        self.assertEqual(sum(len(u.calls()) for u in ups), 1)

    def test_a_method_that_one_lacks_goes_to_the_other(self):
        g, (a, b) = self.two((-32601, "the method trace_block does not exist"), "[]")
        with g.client() as c:
            for i in range(20):
                self.assertEqual(c.rpc("trace_block", [hex(i)])["result"], [])
        self.assertEqual((len(a.calls()), len(b.calls())), (1, 20))
        self.assertEqual(states(g)["a"], "up")


class Budget(Judged):
    def test_an_outage_is_not_doubled(self):
        """All endpoints fail: what is sent upstream stays below calls x (1 + budget), and what is free."""
        calls, percent = 1500, 20
        ups = [self.upstream(serve((-32603, "server is shutting down"))) for _ in range(3)]
        g = self.gateway(config([endpoint(u.url(), "abc"[i]) for i, u in enumerate(ups)],
                                chain={**PLAIN, "breaker": {"failures": 1000},
                                       "retry": {"budget_percent": percent, "pause_ms": 1}}))
        at = time.monotonic()
        load = Load(self, g, clients=6, calls=calls).join()
        took = time.monotonic() - at
        self.assertEqual(len(load.errors), calls)
        for r in load.errors:
            self.assertEqual(r["error"]["message"], "server is shutting down")
        sent = sum(len(u.calls()) for u in ups)
        self.assertGreater(sent, calls * 1.1)
        self.assertLessEqual(sent, calls * (1 + percent / 100) + 50 + 3 * (took + 2))
        self.assertGreater(metric(g, "millrace_retries_over_budget_total"), 0)

    def test_no_budget_no_retry(self):
        up, other = self.upstream(serve((-32603, "server is shutting down"))), self.upstream()
        g = self.gateway(config([endpoint(up.url(), "a"), endpoint(other.url(), "b")],
                                chain={"routing": "priority", **PLAIN, "breaker": {"failures": 1000},
                                       "retry": {"budget_percent": 0}}))
        with g.client() as c:
            for i in range(30):
                self.assertIn("error", c.rpc("eth_call", [{"n": i}, "latest"]))
        self.assertEqual((len(up.calls()), len(other.calls())), (30, 0))


class Batches(Judged):
    def test_calls_that_are_lost_together_count_once(self):
        """Fifty on one connection: that is one failure, and an endpoint is left alone after three."""
        state = {"bad": 1}

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if state["bad"] > 0:
                    state["bad"] -= 1
                    conn.reset()
                    return
                conn.answer(r)
        a, b = self.upstream(script), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "a", batch={"mode": "always"}), endpoint(b.url(), "b")],
                                chain={"routing": "priority"}))
        with g.client() as c:
            got = c.request([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [{"i": i}]} for i in range(50)]).json()
            for i, x in enumerate(got):
                self.assertEqual((x["id"], x.get("result")), (i, "0x1"), x)
            self.assertEqual(states(g)["a"], "up")

    def whole(self, bad):
        """Endpoint a answers each array with bad(request), b as it should; calls come in arrays of twenty."""
        def script(conn):
            while (r := conn.read_request()) is not None:
                conn.send(bad(r)) if conn.upstream.bad and r.is_array else conn.answer(r)
        a, b = self.upstream(script), self.upstream()
        a.bad = True
        g = self.gateway(config([endpoint(a.url(), "a", batch={"mode": "always"}), endpoint(b.url(), "b")],
                                chain={"routing": "priority", **PLAIN, "retry": {"budget_percent": 100}}))
        with g.client() as c:
            for i in range(100):  # these go alone, and earn what the retries cost
                self.assertIn("result", c.rpc("eth_call", [{"one": i}]))
        a.requests.clear()
        n = [0]

        def arrays(times):
            with g.client() as c:
                for _ in range(times):
                    n[0] += 20
                    got = c.request([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [{"i": i}]}
                                     for i in range(n[0], n[0] + 20)]).json()
                    self.assertEqual([x for x in got if x.get("result") != "0x1"], [])
        arrays(1)
        self.assertEqual((len(a.requests), states(g)["a"]), (1, "up"))
        arrays(1)
        self.assertEqual((len(a.requests), states(g)["a"]), (2, "up"))
        arrays(1)
        self.assertEqual((len(a.requests), states(g)["a"]), (3, "down"))

    def errs(self, mode, bad):
        """Endpoint a answers each call with bad(call); what arrays ask about the head goes to b then, all of it."""
        def script(conn):
            while (r := conn.read_request()) is not None:
                each = [json.dumps({"jsonrpc": "2.0", "id": c.id, **bad(c)}) for c in r.calls]
                conn.send(http("[%s]" % ",".join(each) if r.is_array else each[0]))
        a, b = self.upstream(script), self.upstream(serve('"0x10"'))
        g = self.gateway(config([endpoint(a.url(), "a", batch={"mode": mode}), endpoint(b.url(), "b")],
                                chain={"routing": "priority", **PLAIN}))
        methods = ["eth_blockNumber"] + ["eth_call"] * 5
        with g.client() as c:
            got = c.request([{"jsonrpc": "2.0", "id": i, "method": m, "params": [{"i": i}, "latest"][:2 * (i > 0)]}
                             for i, m in enumerate(methods)]).json()
        return [x.get("result") for x in got], len(b.calls())

    def test_an_array_leaves_who_begins_with_errors(self):
        for mode in ("off", "always"):
            got = self.errs(mode, lambda c: {"error": {"code": -32603, "message": "internal error"}})
            self.assertEqual(got, (["0x10"] * 6, 6), mode)

    def test_an_array_stays_for_one_error_among_results(self):
        got, asked = self.errs("always", lambda c: {"error": {"code": -32603, "message": "internal error"}} if c.id % 6 == 0
                               else {"result": "0x10"})
        self.assertEqual((got.count(None), asked), (1, 0))

    def test_who_fails_half_of_each_batch_is_asked_less(self):
        """That the other half is answered says that it is there; how often it fails is another matter."""
        bad = {"error": {"code": -32011, "message": "no backend is healthy to serve traffic"}}

        def script(conn):
            while (r := conn.read_request()) is not None:
                each = [json.dumps({"jsonrpc": "2.0", "id": c.id, **(bad if c.id // 2 % 2 else {"result": "0x1"})}) for c in r.calls]
                conn.send(http("[%s]" % ",".join(each) if r.is_array else each[0]))
        a, b = self.upstream(script), self.upstream()
        g = self.gateway(config([endpoint(u.url(), n, batch={"mode": "always", "max_calls": 50}) for u, n in ((a, "a"), (b, "b"))],
                                chain={**PLAIN, "retry": {"budget_percent": 100}}))
        with g.client() as c:
            for k in range(20):
                if k == 10:
                    before = len(a.calls())
                got = c.request([{"jsonrpc": "2.0", "id": i, "method": "eth_getBalance",
                                  "params": ["0x%040x" % (40 * k + i), "0x1"]} for i in range(40)]).json()
                self.assertEqual({x.get("result") for x in got}, {"0x1"})
        self.assertLess(len(a.calls()) - before, 100)  # of 400

    def test_one_error_for_all_counts_once(self):
        self.whole(lambda r: http('{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"no backend"}}',
                                  status="503 Service Unavailable"))

    def test_one_error_for_each_counts_once(self):
        self.whole(lambda r: http(json.dumps([{"jsonrpc": "2.0", "id": c.id,
                                               "error": {"code": -32603, "message": "no backend"}} for c in r.calls]),
                                  status="503 Service Unavailable"))

    def test_an_endpoint_is_left_alone_though_its_failures_come_in_batches(self):
        """While its pause lasts it gets nothing, whichever call of a batch was the trial."""
        def script(conn):
            if conn.read_request() is not None:
                conn.reset()
        a, b = self.upstream(script), self.upstream(serve(delay=0.002))
        g = self.gateway(config([endpoint(a.url(), "a", batch={"mode": "always"}, pool={"max_sockets": 2}),
                                 endpoint(b.url(), "b", pool={"max_sockets": 2})],
                                chain={"coalesce": False, "breaker": {"pause_ms": 500, "max_pause_ms": 1000}}))
        load = Load(self, g, clients=16)
        self.eventually(lambda: states(g)["a"] == "down")
        n, at = len(a.requests), time.monotonic()
        time.sleep(2.0)
        came = len(a.requests) - n
        self.assertLessEqual(came, 2 + (time.monotonic() - at) / 0.25)
        self.assertEqual(load.end().errors, [])


if __name__ == "__main__":
    import unittest
    unittest.main()
