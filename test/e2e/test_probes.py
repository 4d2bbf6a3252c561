"""Health, readiness, metrics, status: what operators and load balancers see."""
import json
import re
import subprocess
import time

from client import Client
from harness import Case, Shared, config, endpoint
from upstream import Upstream, error_reply, http, serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}'


class Ready(Case):
    def ask(self, g, path):
        """The answer on both ports; they must agree."""
        with g.client() as c:
            a = c.get(path)
        b = g.admin_get(path)
        self.assertEqual((a.status, a.body), (b.status, b.body))
        return a

    def test_healthz(self):
        g, u = self.front()
        r = self.ask(g, "/healthz")
        self.assertEqual(r.status, 200)
        self.assertIsInstance(r.json(), dict)

    def test_healthz_head(self):
        g, u = self.front()
        for a in (g.addr, g.admin):
            with Client(a) as c:
                r = c.request(b"", "HEAD", "/healthz")
                self.assertEqual((r.status, r.body), (200, b""))
                self.assertEqual(c.get("/healthz").status, 200)

    def test_healthz_with_a_dead_endpoint(self):
        g = self.gateway(config(endpoint(self.refused(), pool={"min_warm": 1})))
        time.sleep(0.2)
        self.assertEqual(self.ask(g, "/healthz").status, 200)

    def test_probes_by_any_host_name(self):
        """A load balancer asks by address or by a name of its own."""
        g, u = self.front()
        with g.client() as c:
            self.assertEqual(c.get("/healthz", host="10.1.2.3").status, 200)

    def test_readyz(self):
        g, u = self.front()
        self.assertEqual(self.ask(g, "/readyz").status, 200)
        self.assertEqual(self.ask(g, "/readyz/ethereum").status, 200)

    def test_readyz_http_1_0(self):
        g, u = self.front()
        with g.client() as c:
            c.send(b"GET /readyz HTTP/1.0\r\n\r\n")
            self.assertEqual(c.read_response().status, 200)
            self.assertTrue(c.read_eof())

    def test_readyz_of_an_unknown_chain(self):
        g, u = self.front()
        self.assertEqual(self.ask(g, "/readyz/nochain").status, 404)

    def test_readyz_when_endpoints_are_dead(self):
        g = self.gateway(config(endpoint(self.refused(), "node-7", pool={"min_warm": 1})))
        self.eventually(lambda: g.admin_get("/readyz").status == 503)
        r = self.ask(g, "/readyz")
        self.assertEqual(r.status, 503)
        self.assertEqual(r.header("content-type").split(";")[0], "application/json")
        body = r.json()
        self.assertEqual(body["reason"], "upstream_connect", body)
        self.assertIn("node-7", r.body.decode())

    def test_readyz_by_chain(self):
        u = self.upstream()
        conf = config(endpoint(u.url(), pool={"min_warm": 1}))
        conf["chains"]["solana"] = {"family": "solana", "endpoints": [endpoint(self.refused(), pool={"min_warm": 1})]}
        g = self.gateway(conf)
        self.eventually(lambda: g.admin_get("/readyz/solana").status == 503)
        self.assertEqual(self.ask(g, "/readyz/ethereum").status, 200)
        r = self.ask(g, "/readyz")
        self.assertEqual(r.status, 503)
        self.assertIn("solana", r.body.decode())

    def test_readyz_with_one_of_two_endpoints(self):
        u = self.upstream()
        g = self.gateway(config([endpoint(self.refused(), "a", pool={"min_warm": 1}), endpoint(u.url(), "b", pool={"min_warm": 1})]))
        self.eventually(lambda: u.open_conns())
        time.sleep(0.2)
        self.assertEqual(self.ask(g, "/readyz").status, 200)

    def test_readyz_comes_back(self):
        u = self.upstream(listening=False)
        g = self.gateway(config(endpoint(u.url(), pool={"min_warm": 1})))
        self.eventually(lambda: g.admin_get("/readyz").status == 503)
        u.listen()
        self.eventually(lambda: g.admin_get("/readyz").status == 200, 8)

    def test_readyz_stays_503_while_nothing_changes(self):
        """It must not flap with the back-off."""
        g = self.gateway(config(endpoint(self.refused(), pool={"min_warm": 1})))
        self.eventually(lambda: g.admin_get("/readyz").status == 503)
        for _ in range(40):
            self.assertEqual(g.admin_get("/readyz").status, 503)
            time.sleep(0.05)


class Admin(Shared):
    @classmethod
    def configure(cls):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.call == "eth_getLogs":
                    conn.send(http(error_reply(r.id, -32602, "invalid argument")))
                elif r.call == "trace_block":
                    conn.send(http("<html>", status="502 Bad", ctype="text/html"))
                else:
                    conn.answer(r)
        cls.up = Upstream(script)
        # What is counted here is asked once, whatever it is answered with.
        conf = config(endpoint(cls.up.url(), "main"), chain={"retry": {"max_attempts": 1}})
        conf["chains"]["solana"] = {"family": "solana", "endpoints": [endpoint(cls.up.url(), "sol.1_x-y")]}
        return conf

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.gw.client() as c:
            for i in range(20):
                c.rpc("eth_call", id=i)
            c.rpc("eth_getLogs")
            c.rpc("trace_block")
            c.rpc("some_method\" with{odd}=names\\n")
            c.rpc("getSlot", path="/solana")
            c.request("{")
            c.get("/nowhere")

    def metrics(self):
        r = self.gw.admin_get("/metrics")
        self.assertEqual(r.status, 200)
        self.assertTrue(r.header("content-type").startswith("text/plain; version=0.0.4"), r.header("content-type"))
        return r.body.decode()

    def value(self, name, **labels):
        total, found = 0.0, False
        for ln in self.metrics().split("\n"):
            m = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", ln)
            if m and m.group(1) == name and all('%s="%s"' % kv in (m.group(2) or "") for kv in labels.items()):
                total += float(m.group(3))
                found = True
        self.assertTrue(found, "no metric %s %r" % (name, labels))
        return total

    def test_promtool_check_metrics(self):
        p = subprocess.run(["promtool", "check", "metrics"], input=self.metrics().encode(), capture_output=True)
        self.assertEqual(p.returncode, 0, p.stderr.decode() + p.stdout.decode())
        self.assertEqual(p.stderr.decode().strip() + p.stdout.decode().strip(), "", "promtool has advice")

    def test_metrics_have_our_name(self):
        for ln in self.metrics().split("\n"):
            if ln and not ln.startswith("#"):
                self.assertTrue(ln.startswith("millrace_"), ln)

    def test_metrics_values(self):
        self.assertEqual(self.value("millrace_endpoint_calls_total", chain="ethereum", endpoint="main", answer="error"), 1)
        self.assertGreaterEqual(self.value("millrace_endpoint_calls_total", chain="ethereum", answer="result"), 20)
        self.assertGreaterEqual(self.value("millrace_endpoint_failures_total", reason="upstream_http_status"), 1)
        self.assertGreaterEqual(self.value("millrace_method_calls_total", method="eth_call", answer="result"), 20)
        self.assertEqual(self.value("millrace_build_info"), 1)
        self.assertGreaterEqual(self.value("millrace_refused_total", reason="parse_error"), 1)
        self.assertGreaterEqual(self.value("millrace_calls_total"), 24)
        self.assertGreater(self.value("millrace_client_bytes_in_total"), 1000)
        self.assertGreater(self.value("millrace_client_bytes_out_total"), 1000)

    def test_metrics_histograms_add_up(self):
        text = self.metrics()
        for chain in ("ethereum", "solana"):
            last = -1
            for m in re.finditer(r'millrace_endpoint_latency_seconds_bucket\{chain="%s",endpoint="[^"]*",le="([^"]+)"\} (\d+)' % chain, text):
                self.assertGreaterEqual(int(m.group(2)), last)
                last, le = int(m.group(2)), m.group(1)
            self.assertEqual(le, "+Inf")
            n = re.search(r'millrace_endpoint_latency_seconds_count\{chain="%s"[^}]*\} (\d+)' % chain, text)
            self.assertEqual(int(n.group(1)), last)

    def test_unknown_methods_do_not_make_labels(self):
        """A client must not be able to grow /metrics."""
        with self.gw.client() as c:
            for i in range(50):
                c.rpc("invented_%d" % i)
        self.assertNotIn("invented_", self.metrics())
        self.assertNotIn("odd", self.metrics())
        self.assertNotIn("invented_", self.gw.admin_get("/status").body.decode())

    def test_metrics_not_on_the_service_port(self):
        with self.gw.client() as c:
            for p in ("/metrics", "/status"):
                r = c.get(p)
                self.assertIn(r.status, (404, 405))
                self.assertNotIn(b"millrace_", r.body)

    def test_rpc_not_on_the_admin_port(self):
        n = len(self.up.calls())
        with Client(self.gw.admin) as c:
            self.assertIn(c.request(CALL).status, (404, 405))
        self.assertEqual(len(self.up.calls()), n)

    def test_admin_checks_host(self):
        with Client(self.gw.admin) as c:
            self.assertEqual(c.get("/status", host="evil.example").status, 403)

    def test_admin_index(self):
        r = self.gw.admin_get("/")
        self.assertEqual(r.status, 200)

    def test_admin_unknown_path(self):
        self.assertEqual(self.gw.admin_get("/nope").status, 404)

    def test_status_fields(self):
        s = self.gw.status()
        self.assertIn("version", s["build"])
        for k in ("libuv", "mbedtls", "llhttp"):
            self.assertTrue(s["build"][k])
        self.assertGreaterEqual(s["uptime_ms"], 0)
        self.assertGreaterEqual(s["clients"]["connections"], 1)
        self.assertGreater(s["bytes"]["client_in"], 0)
        self.assertGreater(s["bytes"]["client_out"], 0)
        e = s["chains"]["ethereum"]["endpoints"][0]
        self.assertEqual(e["name"], "main")
        self.assertEqual(set(e["sockets"]) >= {"active", "idle", "dialling", "waiting"}, True, e)
        self.assertEqual(e["sockets"]["active"], 0)
        self.assertEqual(e["requests_new"] + e["requests_reused"] >= 22, True, e)
        self.assertGreater(e["reuse_ratio"], 0.8)
        self.assertGreaterEqual(e["calls"], 21)
        self.assertEqual(e["rpc_errors"], 1)
        self.assertGreaterEqual(e["errors"]["upstream_http_status"], 1)
        for q in ("p50", "p90", "p99"):
            self.assertGreater(e["latency_us"][q], 0)
        self.assertLessEqual(e["latency_us"]["p50"], e["latency_us"]["p99"])
        m = s["chains"]["ethereum"]["methods"]
        self.assertGreaterEqual(m["eth_call"]["calls"], 20)
        self.assertEqual(m["eth_getLogs"]["rpc_errors"], 1)
        self.assertGreater(m["eth_call"]["latency_us"]["p50"], 0)
        self.assertEqual(s["chains"]["solana"]["methods"]["getSlot"]["calls"], 1)

    def test_status_sockets_on_request(self):
        e = self.gw.status()["chains"]["ethereum"]["endpoints"][0]
        self.assertNotIn("socket_list", e)
        e = self.gw.admin_get("/status?sockets=1").json()["chains"]["ethereum"]["endpoints"][0]
        self.assertEqual(len(e["socket_list"]), e["sockets"]["idle"] + e["sockets"]["active"] + e["sockets"]["dialling"])
        for s in e["socket_list"]:
            self.assertIn(s["state"], ("idle", "active", "dialling"))
            self.assertGreaterEqual(s["age_ms"], 0)
            self.assertGreaterEqual(s["calls"], 0)
        self.assertGreaterEqual(max(s["calls"] for s in e["socket_list"]), 10)

    def test_status_command(self):
        r = self.run_program("status", "--admin", "%s:%d" % self.gw.admin)
        self.assertEqual(r.returncode, 0, r.stderr)
        for word in ("ethereum", "solana", "main", "sol.1_x-y", "eth_call", "getSlot", "upstream_http_status"):
            self.assertIn(word, r.stdout)


class StatusCommand(Case):
    def test_nobody_there(self):
        s = self.refused()
        r = self.run_program("status", "--admin", s[7:-1])
        self.assertEqual(r.returncode, 1)
        self.assertEqual(r.stdout, "")
        self.assertIn("refused", r.stderr)

    def test_address_from_the_file(self):
        g, u = self.front()
        with open(g.path) as f:
            conf = json.load(f)
        conf["admin"] = "%s:%d" % g.admin
        r = self.run_program("status", "-c", self.write(conf))
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_not_a_gateway(self):
        u = self.upstream(lambda conn: (conn.read_request(), conn.send(http("nothing", status="404 Not Found"))))
        r = self.run_program("status", "--admin", "127.0.0.1:%d" % u.port)
        self.assertEqual(r.returncode, 1)
        self.assertIn("404", r.stderr)

    def test_silent_peer_is_given_up(self):
        u = self.upstream(lambda conn: conn.wait_eof(20))
        at = time.monotonic()
        r = self.run_program("status", "--admin", "127.0.0.1:%d" % u.port)
        self.assertEqual(r.returncode, 1)
        self.assertLess(time.monotonic() - at, 12)


class Gauges(Case):
    EP = {"batch": {"mode": "off"}}  # a call, a request: what is counted here

    def test_waiting_and_active(self):
        g, u = self.front(serve(delay=0.5), ep={"pool": {"max_sockets": 2}})
        with g.client() as c:
            c.send(c.build([{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(5)]))
            self.eventually(lambda: len(u.calls()) == 2)
            s = g.status()
            e = s["chains"]["ethereum"]["endpoints"][0]
            self.assertEqual((e["sockets"]["active"], e["sockets"]["waiting"]), (2, 3), e)
            self.assertEqual(s["inflight_calls"], 5)
            c.read_response()
        self.eventually(lambda: g.status()["chains"]["ethereum"]["endpoints"][0]["sockets"]["active"] == 0)

    def test_no_admin(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url()), admin=""), n_admin=0)
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        self.assertNotIn("admin on", g.stderr())


class Logs(Case):
    def test_logfmt(self):
        g = self.gateway(config(endpoint(self.refused(), "dead", pool={"min_warm": 1})))
        line = g.wait_line(r"level=warn.*endpoint=dead")[0].string
        self.assertRegex(line, r"^time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z level=warn event=\w+ ")

    def test_json(self):
        g = self.gateway(config(endpoint(self.refused(), "dead", pool={"min_warm": 1}), log={"format": "json"}))
        line = g.wait_line(r'^\{.*"dead"')[0].string
        o = json.loads(line)
        self.assertEqual((o["level"], o["endpoint"]), ("warn", "dead"))

    def test_level(self):
        g = self.gateway(config(endpoint(self.refused(), "dead", pool={"min_warm": 1}), log={"level": "error"}))
        time.sleep(0.4)
        self.assertNotIn("level=warn", g.stderr())

    def test_dead_endpoint_does_not_flood_the_log(self):
        g = self.gateway(config(endpoint(self.refused(), "dead", pool={"min_warm": 1})))
        with g.client() as c:
            for i in range(200):
                c.rpc("eth_call", id=i)
        self.assertLess(len(g.stderr().split("\n")), 60)
