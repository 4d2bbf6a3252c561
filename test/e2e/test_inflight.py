"""How many calls an endpoint has on the wire: a limit that follows its latency, where that is asked for."""
import threading
import time

from client import Client
from harness import MILLRACE_FAST, Case, config, endpoint

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
