"""The access log: off by default; a line for each call and each refused request; logfmt and JSON; levels."""
import json
import re

from harness import Case, config, endpoint
from upstream import serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"%s","params":[]}'


class AccessLog(Case):
    def lines(self, g, word):
        return [ln for ln in g.stderr().split("\n") if word in ln]

    def ask(self, g):
        with g.client() as c:
            c.request(CALL % "eth_call")
            c.request(CALL % "no_such_thing")
            c.request('[1]')
            c.request(CALL % "eth_call", ctype="text/plain")

    def test_off_by_default(self):
        g, u = self.front()
        self.ask(g)
        self.end(g)
        self.assertEqual(self.lines(g, "event=call") + self.lines(g, "event=refused"), [])

    def test_logfmt(self):
        g, u = self.front(serve(lambda r: '"0x12"'), top={"log": {"access": True}})
        self.ask(g)
        self.end(g)
        calls, refused = self.lines(g, "event=call"), self.lines(g, "event=refused")
        self.assertEqual(len(calls), 3)
        self.assertRegex(calls[0], r"level=info event=call client=127\.0\.0\.1:\d+ chain=\S+ method=eth_call endpoint=a outcome=result bytes=6 us=\d+$")
        self.assertIn("method=other endpoint=a outcome=result", calls[1])
        self.assertIn("method=- endpoint=- outcome=invalid_request", calls[2])
        self.assertEqual(len(refused), 1)
        self.assertRegex(refused[0], r"status=415 reason=content_type$")

    def test_json(self):
        g, u = self.front(top={"log": {"access": True, "format": "json"}})
        self.ask(g)
        self.end(g)
        rows = [json.loads(ln) for ln in self.lines(g, '"event"')]
        call = [r for r in rows if r["event"] == "call"][0]
        self.assertEqual((call["level"], call["method"], call["endpoint"], call["outcome"]), ("info", "eth_call", "a", "result"))
        self.assertTrue(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", call["time"]))
        self.assertIsInstance(call["us"], int)

    def test_an_endpoint_that_failed_is_named(self):
        g = self.gateway(config([endpoint(self.refused(), "gone")], log={"access": True}))
        with g.client() as c:
            c.request(CALL % "eth_call")
        self.end(g)
        self.assertIn("endpoint=gone outcome=upstream_connect", self.lines(g, "event=call")[0])

    def test_level_error_is_silent(self):
        g, u = self.front(top={"log": {"access": True, "level": "error"}})
        self.ask(g)
        self.end(g)
        self.assertEqual(self.lines(g, "event="), [])

