"""Rate limits of endpoints: what is configured is kept, what they refuse is learned, who must wait waits in order."""
import email.utils
import json
import threading
import time

from harness import SLOW, Case, config, endpoint
from upstream import http


class Bucket:
    """What an endpoint takes in truth."""

    def __init__(self, per_s, burst):
        self.per_s, self.burst, self.have, self.at = per_s, burst, burst, time.monotonic()
        self.lock = threading.Lock()
        self.taken = self.refused = 0
        self.log = []

    def take(self):
        with self.lock:
            now = time.monotonic()
            self.have = min(self.burst, self.have + (now - self.at) * self.per_s)
            self.at = now
            good = self.have >= 1
            self.have -= good
            self.taken += good
            self.refused += not good
            self.log.append((now, good))
            return good


def refuse(conn, headers=(), text="Too Many Requests"):
    conn.send(http(text, status="429 Too Many Requests", ctype="text/plain", headers=headers))


def limited(bucket, headers=()):
    def script(conn):
        while (req := conn.read_request()) is not None:
            if all([bucket.take() for _ in req.calls]):
                conn.answer(req)
            else:
                refuse(conn, headers)
    return script


class Load:
    """Clients who each ask again as soon as they have an answer."""

    def __init__(self, g, clients, seconds, method="eth_call"):
        self.answers, self.lock = [], threading.Lock()  # (when, reason or None)
        self.until = time.monotonic() + seconds
        self.threads = [threading.Thread(target=self.run, args=(g, i, method)) for i in range(clients)]
        for t in self.threads:
            t.start()

    def run(self, g, i, method):
        with g.client() as c:
            n = 0
            while time.monotonic() < self.until:
                n += 1
                r = c.rpc(method, ["0x%x" % (i << 24 | n)], id=n)
                with self.lock:
                    self.answers.append((time.monotonic(), r.get("error")))

    def wait(self):
        for t in self.threads:
            t.join()
        return self.answers


def limits_of(g):
    return g.status()["chains"]["ethereum"]["endpoints"][0]["rate_limit"]


class Rate(Case):
    def array(self, c, calls):
        r = c.request(json.dumps(calls))
        self.assertEqual(r.status, 200)
        return r.json()


class Configured(Rate):
    def windows(self, u, per_s, burst, slack=2):
        at = [r.at for r in u.calls()]
        for i in range(len(at)):
            for j in range(i, len(at)):
                self.assertLessEqual(j - i + 1, per_s * (at[j] - at[i]) + burst + slack)
        return at

    def test_no_window_holds_more(self):
        g, u = self.front(ep={"rate_limit": {"requests_per_s": 100, "burst": 5}})
        bad = [e for _, e in Load(g, 10, 2).wait() if e]
        self.assertEqual(bad, [])
        at = self.windows(u, 100, 5, slack=8)  # they are read here somewhat later than they left
        self.assertGreater(len(at), 160)
        self.assertGreater(limits_of(g)["waited"]["rate"], 100)

    def test_a_batch_counts_its_calls(self):
        g, u = self.front(ep={"rate_limit": {"requests_per_s": 20, "burst": 10}, "batch": {"mode": "always"}})
        with g.client() as c:
            at = time.monotonic()
            got = self.array(c, [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(30)])
            took = time.monotonic() - at
        self.assertEqual([x["result"] for x in got], ["0x1"] * 30)
        self.assertGreater(took, 0.9)
        self.assertLess(took, 2.0 * SLOW)

    def test_a_batch_counts_as_one(self):
        g, u = self.front(ep={"rate_limit": {"requests_per_s": 1, "burst": 1, "batch_counts": "one"},
                              "batch": {"mode": "always"}})
        with g.client() as c:
            got = self.array(c, [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(30)])
        self.assertEqual([x["result"] for x in got], ["0x1"] * 30)
        self.assertEqual(len(u.requests), 1)

    def test_preset(self):
        g, u = self.front(ep={"preset": "quicknode"})  # 15 a second, 2 at once
        Load(g, 6, 2).wait()
        self.assertLess(len(self.windows(u, 15, 2)), 40)

    def test_units(self):
        """eth_call costs 26 by the table, or what the chain says."""
        for methods, expected in ((None, 10), ({"eth_call": {"units": 130}}, 2)):
            chain = {"methods": methods} if methods else None
            g, u = self.front(ep={"rate_limit": {"units_per_s": 260, "units_burst": 1000}}, chain=chain)
            at = time.monotonic()
            Load(g, 20, 1.5).wait()
            most = (1000 + 260 * (time.monotonic() - at)) / 260 * expected
            self.assertLess(len(u.calls()), most + 2)
            self.assertGreater(len(u.calls()), most * 0.6)

    def test_goes_where_a_token_is(self):
        """One has a token in a minute, the other in 50 ms."""
        a, b = self.upstream(), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "a", rate_limit={"requests_per_s": 1, "burst": 1}),
                                 endpoint(b.url(), "b", rate_limit={"requests_per_s": 20, "burst": 1})]))
        at = time.monotonic()
        bad = [e for _, e in Load(g, 5, 1.5).wait() if e]
        self.assertEqual(bad, [])
        self.assertLess(time.monotonic() - at, 2.5 * SLOW)
        self.assertLessEqual(len(a.calls()), 5)
        self.assertGreater(len(b.calls()), 20)

    def test_a_higher_tier_takes_what_the_lower_cannot(self):
        a, b = self.upstream(), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "free", rate_limit={"requests_per_s": 10, "burst": 5}),
                                 endpoint(b.url(), "paid", tier=1)]))
        with g.client() as c:
            for i in range(50):
                self.assertEqual(c.rpc("eth_call", [i])["result"], "0x1")
        self.assertGreaterEqual(len(a.calls()), 5)
        self.assertGreater(len(b.calls()), 20)

    def test_order(self):
        """Transactions before reads before heavy reads, and each as its client says."""
        g, u = self.front(ep={"rate_limit": {"requests_per_s": 10, "burst": 1}, "batch": {"mode": "off"}})
        kinds = [("eth_getLogs", None), ("eth_call", "low"), ("eth_call", None), ("eth_call", "high"),
                 ("eth_sendPrivateRawTransaction", "urgent")]
        done = []

        def ask(i, method, priority):
            with g.client() as c:
                headers = [("X-Millrace-Priority", priority)] if priority else []
                c.rpc(method, [i], id=i, headers=headers)
                done.append((method, priority))
        with g.client() as c:
            c.rpc("eth_blockNumber")
        threads = []
        for i, k in enumerate(kinds):
            threads.append(threading.Thread(target=ask, args=(i, *k)))
            threads[-1].start()
            time.sleep(0.01)
        for t in threads:
            t.join()
        asked = [(r.call, r.json["params"][0]) for r in u.calls()[1:]]
        # the first of them may have found the next token before the others came
        first = 1 if asked[0] == ("eth_getLogs", 0) else 0
        self.assertEqual([i for _, i in asked[first:]], [4, 3, 2, 1, 0][:5 - first])

    def test_quota_of_the_day(self):
        g, u = self.front(ep={"rate_limit": {"requests_per_day": 5}}, limits={"call_timeout_ms": 400})
        with g.client() as c:
            for i in range(5):
                self.assertEqual(c.rpc("eth_call", [i])["result"], "0x1")
            r = c.rpc("eth_call", [6])
        self.assert_error(r, "rate_limited", id=1, endpoint="a")
        self.assertIn("quota", r["error"]["message"] + str(r["error"]["data"]))
        self.assertEqual(len(u.calls()), 5)
        self.assertEqual(limits_of(g)["quota"]["requests_left"], 0)

    def test_more_than_a_day_allows(self):
        g, u = self.front(ep={"rate_limit": {"units_per_day": 20}})
        with g.client() as c:
            at = time.monotonic()
            self.assert_error(c.rpc("eth_call"), "above_rate_limit", id=1, endpoint="a")
            self.assertLess(time.monotonic() - at, 1.0 * SLOW)
        self.assertEqual(u.calls(), [])

    def test_waits_until_the_deadline(self):
        g, u = self.front(ep={"rate_limit": {"requests_per_s": 1, "burst": 1}}, limits={"call_timeout_ms": 300})
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call", [1])["result"], "0x1")
            at = time.monotonic()
            r = c.rpc("eth_call", [2])
            took = time.monotonic() - at
        self.assert_error(r, "rate_limited", id=1, endpoint="a")
        self.assertGreater(took, 0.25)
        self.assertEqual(len(u.calls()), 1)

    def test_the_queue_is_bounded(self):
        g, u = self.front(ep={"rate_limit": {"requests_per_s": 1, "burst": 1}, "pool": {"max_waiting": 3, "max_sockets": 1}},
                          limits={"call_timeout_ms": 500})
        with g.client() as c:
            got = self.array(c, [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(30)])
        reasons = [x.get("error", {}).get("data", {}).get("reason") for x in got]
        self.assertGreater(reasons.count("queue_full"), 20)
        self.assertGreaterEqual(reasons.count("rate_limited"), 2)


class Learned(Rate):
    def test_found_at_60_percent(self):
        b = Bucket(120, 12)
        g, u = self.front(limited(b), ep={"rate_limit": {"requests_per_s": 200}})
        began = time.monotonic()
        answers = Load(g, 20, 20).wait()
        late = [e for at, e in answers if at > began + 10]
        self.assertLessEqual(sum(e is not None for e in late), len(late) * 0.01)
        taken = sum(good for at, good in b.log if began + 10 < at < began + 20) / 10
        refused = sum(not good for at, good in b.log if began + 10 < at < began + 20) / 10
        print("# true limit 120/s: held at %.1f/s, %.2f/s refused there; clients saw %d errors of %d after 10 s" % (
            taken, refused, sum(e is not None for e in late), len(late)))
        self.assertGreater(taken, 108)
        self.assertLess(refused, 12)
        self.assertGreater(limits_of(g)["refused"]["rate"], 0)
        self.assertIn("endpoint_slowed", g.stderr())

    def test_nothing_configured(self):
        b = Bucket(100, 10)
        g, u = self.front(limited(b))
        began = time.monotonic()
        answers = Load(g, 10, 14).wait()
        late = [e for at, e in answers if at > began + 10]
        self.assertLessEqual(sum(e is not None for e in late), len(late) * 0.01)
        taken = sum(good for at, good in b.log if began + 10 < at < began + 14) / 4
        print("# true limit 100/s, nothing configured: held at %.1f/s" % taken)
        self.assertGreater(taken, 65)  # what is guessed is approached slowly

    def test_all_refuse(self):
        def script(conn):
            while conn.read_request() is not None:
                refuse(conn)
        ups = [self.upstream(script) for _ in range(2)]
        g = self.gateway(config([endpoint(u.url(), n) for u, n in zip(ups, "ab")], limits={"call_timeout_ms": 1500}))
        began = time.monotonic()
        answers = Load(g, 10, 4).wait()
        self.assertTrue(all(e for _, e in answers))
        waited = [e for _, e in answers if e["data"]["reason"] == "rate_limited"]
        self.assertGreater(len(waited), len(answers) * 0.5)
        self.assertTrue(all(e["data"]["endpoint"] in "ab" for e in waited))
        self.assertLess(len(ups[0].requests) + len(ups[1].requests), 160)
        self.assertLess(time.monotonic() - began, 6.5 * SLOW)
        took = []

        def one(n):
            with g.client() as c:
                at = time.monotonic()
                r = c.rpc("eth_call", ["0x%x" % n])
                took.append((r["error"]["data"]["reason"], time.monotonic() - at))
        threads = [threading.Thread(target=one, args=(1000 + n,)) for n in range(10)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        ended = [s for reason, s in took if reason == "rate_limited"]  # they waited until their time was over
        self.assertGreater(len(ended), 5, took)
        self.assertGreater(min(ended), 1.4, took)
        self.assertLess(max(ended), 1.5 + 0.3 * SLOW, took)

    def test_one_refuses(self):
        """Calls that it refuses are answered by the other, at once."""
        def script(conn):
            while conn.read_request() is not None:
                refuse(conn)
        a, b = self.upstream(script), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "a"), endpoint(b.url(), "b")]))
        self.assertEqual([e for _, e in Load(g, 5, 1.5).wait() if e], [])
        self.assertLess(len(a.calls()), 40)

    def retry_after(self, value, least):
        state = {"refused": None, "next": None}

        def script(conn):
            while (req := conn.read_request()) is not None:
                if state["refused"] is None:
                    state["refused"] = time.monotonic()
                    refuse(conn, [("Retry-After", value())])
                else:
                    state["next"] = state["next"] or time.monotonic()
                    conn.answer(req)
        g, u = self.front(script)
        answers = Load(g, 1, 0.5).wait()
        self.assertEqual([e for _, e in answers if e], [])
        self.assertGreaterEqual(state["next"] - state["refused"], least)
        self.assertLess(state["next"] - state["refused"], 5 * SLOW)

    def test_retry_after_seconds(self):
        self.retry_after(lambda: "2", 1.95)

    def test_retry_after_date(self):
        self.retry_after(lambda: email.utils.formatdate(time.time() + 3, usegmt=True), 1.0)

    def test_one_method(self):
        """The method alone is left alone."""
        def script(conn):
            while (req := conn.read_request()) is not None:
                if req.call == "eth_getLogs":
                    refuse(conn, [("x-ratelimit-method-limit", "1"), ("x-ratelimit-method-remaining", "0"),
                                  ("x-ratelimit-remaining", "70"), ("Retry-After", "30")])
                else:
                    conn.answer(req)
        g, u = self.front(script, limits={"call_timeout_ms": 800})
        with g.client() as c:
            c.rpc("eth_getLogs", [{}])
            for i in range(20):
                self.assertEqual(c.rpc("eth_call", [i])["result"], "0x1")
            r = c.rpc("eth_getLogs", [{"fromBlock": "0x1"}], id=7)
            self.assert_error(r, "rate_limited", id=7, endpoint="a")
        self.assertEqual(len(u.calls("eth_getLogs")), 1)

    def test_codes_within_a_200(self):
        """In an answer, and in elements of a batch."""
        b = Bucket(50, 5)

        def answer(call):
            return '"0x1"' if b.take() else (-32005, "daily request rate limited; too many requests")

        def script(conn):
            while (req := conn.read_request()) is not None:
                conn.answer(req, answer)
        g, u = self.front(script, ep={"rate_limit": {"requests_per_s": 100}})
        answers = Load(g, 10, 6).wait()
        late = [e for at, e in answers[len(answers) // 2:]]
        self.assertLessEqual(sum(e is not None for e in late), len(late) * 0.02)
        self.assertLess(b.refused, b.taken * 0.3)

    def test_paid_no_more(self):
        def script(conn):
            while conn.read_request() is not None:
                conn.send(http('{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"daily request count exceeded"}}',
                               status="402 Payment Required"))
        a, b = self.upstream(script), self.upstream()
        g = self.gateway(config([endpoint(a.url(), "a"), endpoint(b.url(), "b")]))
        self.assertEqual([e for _, e in Load(g, 3, 1).wait() if e], [])
        self.assertLessEqual(len(a.calls()), 4)
        self.assertIn("endpoint_spent", g.stderr())


class Told(Rate):
    """Who waits in vain is told what says most of why: an endpoint's own words, if it had any."""
    WORDS = (-32005, "slow down, too many requests", '{"see":"https://a.example/limits"}')

    def says(self, answer, delay=0.0):
        """Answers so whatever is asked; a number: that status, and a page."""
        def script(conn):
            while (req := conn.read_request()) is not None:
                time.sleep(delay)
                if isinstance(answer, int):
                    conn.send(http("no", status="%d X" % answer, ctype="text/plain"))
                elif answer is not None:
                    conn.answer(req, answer)
        return script

    def two(self, a, b, timeout_ms=600, **b_conf):
        ups = self.upstream(a), self.upstream(b)
        self.ups = ups
        return self.gateway(config([endpoint(ups[0].url(), "a"), endpoint(ups[1].url(), "b", tier=1, **b_conf)],
                                   limits={"call_timeout_ms": timeout_ms}))

    def spent(self, answer, delay=0.0, timeout_ms=600):
        """The first endpoint answers so, the other has had all that it takes in a day."""
        g = self.two(self.says(answer, delay), None, timeout_ms, rate_limit={"requests_per_day": 1})
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call", ["0x0"])["result"], "0x1")
        self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["rate_limit"]["paused_ms"] == 0)
        return g

    def ask(self, g, params):
        at = time.monotonic()
        with g.client() as c:
            r = c.rpc("eth_call", [params])
        return r, time.monotonic() - at

    def assert_words(self, r):
        self.assertEqual(r["error"], {"code": self.WORDS[0], "message": self.WORDS[1], "data": json.loads(self.WORDS[2])})

    def test_refused_and_no_token_elsewhere(self):
        g = self.spent(self.WORDS)
        r, took = self.ask(g, "0x1")
        self.assert_words(r)
        self.assertGreater(took, 0.5)
        self.assertEqual(len(self.ups[1].calls()), 1)

    def test_each_of_those_who_wait_together(self):
        g = self.spent(self.WORDS, 0.25, 2000)
        got = []

        def ask(pause):
            time.sleep(pause)
            got.append(self.ask(g, "0x1"))
        threads = [threading.Thread(target=ask, args=(p,)) for p in (0, 0.12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for r, took in got:
            self.assert_words(r)
        self.assertEqual(g.status()["counters"]["calls_coalesced"], 1)
        self.assertGreater(max(took for _, took in got), 1.9)

    def test_refused_with_a_page_and_no_token_elsewhere(self):
        g = self.spent(429)
        r, _ = self.ask(g, "0x1")
        self.assert_error(r, "rate_limited", id=1, endpoint="b")
        self.assertIn("quota", r["error"]["data"]["detail"])

    def test_refused_and_never_let_in(self):
        u = self.upstream(self.says(self.WORDS))
        g = self.gateway(config(endpoint(u.url()), limits={"call_timeout_ms": 700}))
        r, took = self.ask(g, "0x1")
        self.assert_words(r)
        self.assertGreater(took, 0.2)
        self.assertLess(len(u.calls()), 6)

    def test_a_status_says_more_than_silence(self):
        g = self.two(self.says(503), self.says(None))
        r, took = self.ask(g, "0x1")
        self.assert_error(r, "upstream_http_status", id=1, endpoint="a")
        self.assertEqual(r["error"]["data"]["http_status"], 503)
        self.assertGreater(took, 0.5)

    def test_a_token_that_never_comes_says_more_than_a_failure(self):
        g = self.two(self.says(503), None, rate_limit={"units_per_day": 20, "requests_per_s": 100})
        r, _ = self.ask(g, "0x1")
        self.assert_error(r, ("above_rate_limit", "upstream_http_status"), id=1)
        g = self.two(self.says(503), None, rate_limit={"requests_per_s": 1, "burst": 1})
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call", ["0x0"])["result"], "0x1")
        r, took = self.ask(g, "0x2")
        self.assert_error(r, "rate_limited", id=1, endpoint="b")
