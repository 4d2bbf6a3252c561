"""Arrays on Solana that ask about several commitments: each is a head of its own, and one endpoint answers for all."""
import threading

from harness import Case, config, endpoint
from upstream import serve


class Node:
    def __init__(self, processed, finalized):
        self.processed, self.finalized = processed, finalized

    def __call__(self, c):
        p = c.json["params"]
        slot = self.processed if {"commitment": "processed"} in p else self.finalized
        return {"getSlot": "%d" % slot, "getHealth": '"ok"'}.get(c.call, '{"context":{"slot":%d},"value":1}' % slot)


def slot(commitment, id, **more):
    return {"jsonrpc": "2.0", "id": id, "method": "getSlot", "params": [{"commitment": commitment, **more}]}


class Commitments(Case):
    def start(self, *nodes):
        self.nodes = nodes
        ups = [self.upstream(serve(n)) for n in nodes]
        self.g = self.gateway(config([endpoint(u.url(), x) for u, x in zip(ups, "abc")], "solana",
                                     chain={"endpoint_header": True, "head_probe": False}))
        self.c = self.enterContext(self.g.client())
        for x, _ in zip("abc", nodes):  # the gateway knows how far each is
            with self.g.client() as c:
                for commitment in ("processed", "finalized"):
                    c.request([slot(commitment, 1)], headers=[("X-Millrace-Endpoint", x)])

    def shown(self, **slots):
        """The client is told these."""
        for commitment, number in slots.items():
            for _ in range(50):
                if self.c.request(slot(commitment, 1)).json()["result"] == number:
                    break
            else:
                self.fail("never told %s %d" % (commitment, number))

    def test_an_endpoint_that_is_far_enough_for_all(self):
        self.start(Node(1000, 950), Node(990, 960), Node(1000, 960))
        self.shown(processed=1000, finalized=960)
        for kinds in (("processed", "finalized"), ("finalized", "processed")):
            for _ in range(12):
                r = self.c.request([slot(k, i) for i, k in enumerate(kinds)]).json()
                self.assertEqual([x.get("result") for x in r], [{"processed": 1000, "finalized": 960}[k] for k in kinds], r)

    def test_min_context_slot(self):
        self.start(Node(1000, 950), Node(990, 960), Node(1000, 960))
        for _ in range(12):
            with self.g.client() as c:
                r = c.request([slot("processed", 1), slot("finalized", 2, minContextSlot=960)]).json()
                self.assertEqual(r[1].get("result"), 960, r)

    def test_where_there_is_none_the_one_that_is_behind_is_waited_for(self):
        self.start(Node(1000, 950), Node(990, 960))
        self.shown(processed=1000, finalized=960)
        caught_up = threading.Timer(0.3, lambda: [setattr(n, "finalized", 961) or setattr(n, "processed", 1001) for n in self.nodes])
        caught_up.start()
        r = self.c.request([slot("processed", 1), slot("finalized", 2)]).json()
        caught_up.join()
        self.assertTrue(all("result" in x for x in r), r)
        self.assertGreaterEqual(r[0]["result"], 1000)
        self.assertGreaterEqual(r[1]["result"], 960)

    def test_two_of_one_commitment_are_not_of_two_heads(self):
        """When one of them would have to wait, the other would be of an earlier head."""
        self.start(Node(1000, 960), Node(1000, 960))
        self.shown(finalized=960)
        for n in self.nodes:
            n.finalized = 940
        r = self.c.request([slot("finalized", 1), {"jsonrpc": "2.0", "id": 2, "method": "getBalance", "params": ["x"]}]).json()
        self.assertEqual(r[0]["error"]["data"]["reason"], "upstream_behind", r)
