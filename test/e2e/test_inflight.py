"""How many calls an endpoint has on the wire: a limit that follows its latency, where that is asked for."""
import threading
import time

from client import Client
from harness import MILLRACE_FAST, SLOW, Case, config, endpoint

CHAIN = {"coalesce": False, "cache": {"max_bytes": 0}}
CLIENTS, SECONDS = 32, 5


class Adaptive(Case):
    def load(self, g):
        """As many calls as there are clients, all the time.  Their number."""
        until, n = time.monotonic() + SECONDS, []

        def run():
            with Client(g.addr) as c:
                while time.monotonic() < until:
                    if "result" in c.rpc("eth_gasPrice"):
                        n.append(1)
        threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return len(n)

    def one(self, **ep):
        """A node that works on four requests at once, 20 ms on each."""
        node = self.devnode("--cores", "4", "--request-us", "20000")
        g = self.gateway(config(endpoint(node.url, **ep), chain=CHAIN), program=MILLRACE_FAST)
        calls = self.load(g)
        return calls, g.status()["chains"]["ethereum"]["endpoints"][0], g

    def test_follows_the_endpoint(self):
        """The queue is here, and not there; and no fewer calls are answered.  Time is compared: so up to three times."""
        for _ in range(3):
            wide, there, _ = self.one()
            calls, here, g = self.one(adaptive_inflight=True, min_inflight=2)
            self.assertEqual(there["inflight"], {"calls": 0, "adaptive": False})
            self.assertTrue(here["inflight"]["adaptive"])
            self.assertGreaterEqual(here["inflight"]["limit"], 2)
            page = g.admin_get("/metrics").body.decode()
            self.assertIn('millrace_endpoint_inflight_limit{chain="ethereum",endpoint="a"} %d\n' % here["inflight"]["limit"], page)
            p50s = here["latency_us"]["p50"], there["latency_us"]["p50"]
            if here["inflight"]["limit"] <= 16 and p50s[0] < p50s[1] * 0.8 and calls > wide * 0.6:
                return
        self.fail("limit %d, p50 %d of %d us, %d of %d calls" % ((here["inflight"]["limit"],) + p50s + (calls, wide)))

    def test_between_its_bounds(self):
        _, e, _ = self.one(adaptive_inflight=True, min_inflight=5, max_inflight=5)
        self.assertEqual(e["inflight"], {"calls": 0, "limit": 5, "adaptive": True})


class Crowd(Case):
    """It refuses what is more than it takes at once: that is no rate."""
    TAKES, WORK = 5, 0.05

    def setUp(self):
        self.lock, self.working, self.log = threading.Lock(), 0, []

    def script(self, conn):
        while (req := conn.read_request()) is not None:
            n = len(req.calls)
            with self.lock:
                good = self.working + n <= self.TAKES
                self.working += n * good
                self.log.append((time.monotonic(), good, n))
            if good:
                time.sleep(self.WORK)
                with self.lock:
                    self.working -= n
                conn.answer(req)
            else:
                conn.answer(req, (-32005, "You've hit the maximum number of concurrent requests"))

    def load(self, g, seconds):
        until, bad = time.monotonic() + seconds, []

        def run(i):
            with Client(g.addr) as c:
                n = 0
                while time.monotonic() < until:
                    n += 1
                    r = c.rpc("eth_call", ["0x%x" % (i << 24 | n)])
                    if "error" in r:
                        bad.append((time.monotonic(), r["error"]))
        threads = [threading.Thread(target=run, args=(i,)) for i in range(30)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return bad

    def look(self, **ep):
        g, _ = self.front(self.script, ep=ep)
        began = time.monotonic()
        bad = self.load(g, 8)
        e = g.status()["chains"]["ethereum"]["endpoints"][0]
        late = [x for x in self.log if x[0] > began + 4]
        taken, refused = (sum(n for _, good, n in late if good is want) for want in (True, False))
        print("# %d at once: limit %d, %.0f/s of %.0f, %d of %d refused after 4 s, %d errors" % (
            self.TAKES, e["inflight"].get("limit", 0), taken / 4, self.TAKES / self.WORK, refused, taken + refused, len(bad)))
        self.assertEqual([b for b in bad if b[0] > began + 2], [])
        self.assertLessEqual(e["inflight"]["limit"], self.TAKES + 2)
        self.assertLess(refused, (taken + refused) * 0.05)
        self.assertGreater(taken / 4, 0.5 * self.TAKES / self.WORK / SLOW)
        self.assertNotIn("requests", e["rate_limit"])  # nothing is held against its rate
        self.assertGreater(e["rate_limit"]["refused"]["at_once"], 0)
        self.assertEqual(e["rate_limit"]["refused"]["rate"], 0)
        g.wait_line("endpoint_crowded .*endpoint=a limit=")

    def test_learned(self):
        self.look()

    def test_below_what_is_configured(self):
        self.look(max_inflight=20, batch={"mode": "off"})

    def test_not_even_one(self):
        """It is left alone for a while, and a call is told in its words."""
        self.TAKES = 0
        g, u = self.front(self.script, limits={"call_timeout_ms": 1500})
        with g.client() as c:
            r = c.rpc("eth_call", ["0x1"])
            self.assertEqual(r["error"], {"code": -32005, "message": "You've hit the maximum number of concurrent requests"})
            self.assertLess(len(u.calls()), 12)
