"""The command line: check, demo, versions, wrong usage; what a configuration mistake says."""
import json
import os
import re
import shlex
import shutil
import signal
import tempfile
import urllib.request

from harness import MILLRACE, ROOT, Case, Gateway, config, endpoint


class Usage(Case):
    def test_help(self):
        for a in ("--help", "-h"):
            r = self.run_program(a)
            self.assertEqual(r.returncode, 0)
            for word in ("demo", "check", "status", "--listen", "--admin", "endpoints.json"):
                self.assertIn(word, r.stdout)
            self.assertEqual(r.stderr, "")

    def test_version(self):
        r = self.run_program("--version")
        self.assertEqual(r.returncode, 0)
        self.assertRegex(r.stdout, r"^millrace \d+\.\d+\.\d+")

    def test_wrong_usage(self):
        for args in (["--nonsense"], ["nonsense"], ["-c"], ["--listen"], ["check", "surplus"], ["--listen", "no address"],
                     ["--admin", "127.0.0.1"], ["--listen", "127.0.0.1:99999"], ["-x"], ["--log-level"],
                     ["demo", "-c", "mine.json"]):
            with self.subTest(args):
                r = self.run_program(*args)
                self.assertEqual(r.returncode, 2, r.stderr)
                self.assertIn("usage", r.stderr)
                self.assertEqual(r.stdout, "")

    def test_unknown_log_level(self):
        r = self.run_program("-c", self.write(config(endpoint("http://127.0.0.1:1/"))), "--log-level", "loud")
        self.assertEqual(r.returncode, 2, r.stderr)

    def test_no_file(self):
        d = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, d)
        r = self.run_program(cwd=d)
        self.assertEqual(r.returncode, 2)
        self.assertIn("endpoints.json", r.stderr)
        self.assertIn("No such file", r.stderr)

    def test_default_file(self):
        path = self.write(config(endpoint("http://127.0.0.1:1/")))
        r = self.run_program("check", cwd=os.path.dirname(path))
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_file_is_a_folder(self):
        r = self.run_program("check", "-c", "/")
        self.assertEqual(r.returncode, 2)
        self.assertNotEqual(r.stderr, "")


GOOD = {"listen": "127.0.0.1:0", "chains": {"ethereum": {"family": "evm", "endpoints": [{"name": "a", "url": "http://127.0.0.1:1/"}]}}}


def changed(path, value):
    """GOOD with one value at a path like chains.ethereum.endpoints.0.weight set, or removed when it is ...."""
    c = json.loads(json.dumps(GOOD))
    at = c
    keys = [int(k) if k.isdigit() else k for k in path.split(".")]
    for k in keys[:-1]:
        at = at[k] if isinstance(k, int) else at.setdefault(k, {})
    if value is ...:
        del at[keys[-1]]
    else:
        at[keys[-1]] = value
    return c


E = "chains.ethereum.endpoints.0."
# path, value, what the message must hold
MISTAKES = {
    "weight_too_small": (E + "weight", -5, ["chains.ethereum.endpoints[0].weight", "1", "1000", "-5"]),
    "weight_too_large": (E + "weight", 1001, ["endpoints[0].weight", "1001"]),
    "weight_text": (E + "weight", "3", ["endpoints[0].weight"]),
    "weight_fraction": (E + "weight", 1.5, ["endpoints[0].weight"]),
    "no_name": (E + "name", ..., ["endpoints[0]", "missing", '"name"']),
    "no_url": (E + "url", ..., ["endpoints[0]", "missing", '"url"']),
    "no_family": ("chains.ethereum.family", ..., ["chains.ethereum", "missing", '"family"']),
    "unknown_family": ("chains.ethereum.family", "bitcoin", ["chains.ethereum.family", "evm", "solana", "bitcoin"]),
    "no_chains": ("chains", ..., ["chains"]),
    "empty_chains": ("chains", {}, ["chains"]),
    "no_endpoints": ("chains.ethereum.endpoints", [], ["chains.ethereum.endpoints"]),
    "unknown_key": ("lisen", "x", ["lisen", "listen"]),
    "unknown_key_deep": (E + "pool", {"max_socket": 5}, ["endpoints[0].pool", '"max_socket"', 'did you mean "max_sockets"']),
    "unknown_key_in_an_endpoint": (E + "wieght", 5, ["endpoints[0]", '"wieght"', 'did you mean "weight"']),
    "url_of_another_scheme": (E + "url", "ftp://host/", ["endpoints[0].url", "http"]),
    "url_without_host": (E + "url", "http:///x", ["endpoints[0].url"]),
    "url_with_bad_port": (E + "url", "http://h:99999/", ["endpoints[0].url"]),
    "listen_bad": ("listen", "nowhere", ["listen"]),
    "limit_zero": ("limits", {"max_clients": 0}, ["limits.max_clients", "0"]),
    "limits_list": ("limits", [], ["limits"]),
    "pool_order": (E + "pool", {"order": "random"}, ["endpoints[0].pool.order", "lifo", "fifo", "random"]),
    "header_frames": (E + "headers", {"Content-Length": "5"}, ["endpoints[0].headers", "Content-Length"]),
    "header_with_newline": (E + "headers", {"X-A": "b\r\nc"}, ["endpoints[0].headers"]),
    "header_bad_name": (E + "headers", {"X A": "b"}, ["endpoints[0].headers"]),
    "client_cert_without_key": (E + "tls", {"client_cert": "/etc/passwd"}, ["client_key"]),
    "min_warm_over_max_sockets": (E + "pool", {"max_sockets": 2, "min_warm": 5}, ["min_warm"]),
    "unset_variable": (E + "url", "http://127.0.0.1/${MILLRACE_TEST_UNSET}", ["endpoints[0].url", "MILLRACE_TEST_UNSET"]),
    "open_variable": (E + "url", "http://127.0.0.1/${OPEN", ["endpoints[0].url"]),
    "bad_chain_name": ("chains.Bad Name", {"family": "evm", "endpoints": [{"name": "a", "url": "http://h/"}]}, ["Bad Name"]),
    "reserved_chain_name": ("chains.healthz", {"family": "evm", "endpoints": [{"name": "a", "url": "http://h/"}]}, ["healthz"]),
    "two_defaults": ("chains", {n: {"family": "evm", "default": True, "endpoints": [{"name": "a", "url": "http://h/"}]} for n in ("x", "y")}, ["default"]),
    "doubled_endpoint_name": ("chains.ethereum.endpoints", [{"name": "a", "url": "http://h/"}, {"name": "a", "url": "http://i/"}], ["endpoints[1].name"]),
}


class Check(Case):
    def check(self, conf, env=None):
        path = self.write(conf)
        return path, self.run_program("check", "-c", path, env=env)

    def test_good(self):
        path, r = self.check(GOOD)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stderr, "")
        self.assertIn("ethereum", r.stdout)
        self.assertIn("127.0.0.1:1", r.stdout)

    def test_run_refuses_what_check_refuses(self):
        path = self.write(changed("lisen", "x"))
        r = self.run_program("-c", path)
        self.assertEqual(r.returncode, 2)
        self.assertIn("lisen", r.stderr)

    def test_every_mistake_is_named_not_just_the_first(self):
        c = changed(E + "weight", -5)
        c["lisen"] = 1
        path, r = self.check(c)
        self.assertEqual(r.returncode, 2)
        self.assertIn("weight", r.stderr)
        self.assertIn("lisen", r.stderr)

    def test_syntax(self):
        for text in ("", "{", "[]", '{"listen": "x",}', "nonsense", '{"a":1}{"b":2}', "\xff"):
            with self.subTest(text):
                path = self.write(text)
                r = self.run_program("check", "-c", path)
                self.assertEqual(r.returncode, 2)
                self.assertTrue(r.stderr.startswith(path + ":"), r.stderr)

    def test_syntax_names_the_line(self):
        path = self.write('{\n  "listen": "127.0.0.1:1",\n  oops\n}')
        r = self.run_program("check", "-c", path)
        self.assertRegex(r.stderr, r"(line 3|:3)")

    def test_doubled_key(self):
        path = self.write('{"listen":"127.0.0.1:1","listen":"127.0.0.1:2","chains":{"e":{"family":"evm","endpoints":[{"name":"a","url":"http://h/"}]}}}')
        r = self.run_program("check", "-c", path)
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn("listen", r.stderr)

    def test_variable(self):
        path, r = self.check(changed(E + "url", "http://${MY_HOST}:1/${MY_KEY}"), {"MY_HOST": "node.example", "MY_KEY": "s3cr3t"})
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("node.example", r.stdout)
        self.assertNotIn("s3cr3t", r.stdout + r.stderr)

    def test_shipped_file(self):
        path = os.path.join(ROOT, "endpoints.json")
        r = self.run_program("check", "-c", path)
        self.assertEqual(r.returncode, 0, r.stderr)
        for word in ("ethereum", "solana", "https://"):
            self.assertIn(word, r.stdout)

    def test_contract_example(self):
        """The example of the contract, keys that this version does not act on yet included."""
        conf = {
            "$schema": "./endpoints.schema.json", "listen": "127.0.0.1:8545", "admin": "127.0.0.1:8546",
            "limits": {"max_body_bytes": 10485760, "max_batch_calls": 1000, "max_clients": 10000, "max_inflight_calls": 20000,
                       "max_upstream_sockets": 1000, "header_timeout_ms": 5000, "body_timeout_ms": 15000,
                       "idle_timeout_ms": 75000, "call_timeout_ms": 10000, "drain_timeout_ms": 10000},
            "hosts": ["localhost", "127.0.0.1", "[::1]"], "cors_origins": [],
            "chains": {"ethereum": {
                "family": "evm", "chain_id": 1, "default": True, "block_time_ms": 12000, "routing": "weighted", "coalesce": True,
                "cache": {"max_bytes": 67108864, "head": False}, "retry": {"max_attempts": 3, "budget_percent": 20},
                "hedge": {"quantile": 0.95, "min_delay_ms": 5, "budget_percent": 5}, "broadcast": {"endpoints": "all"},
                "methods": {"debug_*": {"allow": False}, "eth_getLogs": {"timeout_ms": 20000, "units": 60}},
                "endpoints": [{
                    "name": "provider-a", "url": "https://host/v2/${PROVIDER_A_KEY}", "weight": 3, "tier": 0, "timeout_ms": 5000,
                    "headers": {"x-api-key": "${KEY}"}, "auth": {"bearer_file": self.write("planted-key-3\n", "token.txt")},
                    "rate_limit": {"requests_per_s": 25, "burst": 50, "units_per_s": 500, "requests_per_day": 100000}, "max_inflight": 200,
                    "pool": {"max_sockets": 50, "max_idle": 10, "min_warm": 2, "idle_timeout_ms": 30000, "order": "lifo", "max_requests_per_socket": 0},
                    "batch": {"mode": "auto", "max_calls": 50, "max_bytes": 50000, "window_us": 0},
                    "tls": {"verify": True, "ca_file": "", "server_name": "", "client_cert": "", "client_key": ""},
                    "proxy": "", "dns": {"family": "any", "ttl_ms": 300000}}]},
                "solana": {"family": "solana", "endpoints": [{"name": "node", "url": "http://127.0.0.1:8899"}]}}}
        path, r = self.check(conf, {"PROVIDER_A_KEY": "planted-key-1", "KEY": "planted-key-2"})
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertNotIn("planted-key", r.stdout + r.stderr)


def _mistake_test(path, value, words):
    def test(self):
        f, r = self.check(changed(path, value))
        self.assertEqual(r.returncode, 2, r.stdout)
        self.assertEqual(r.stdout, "")
        line = [ln for ln in r.stderr.split("\n") if all(w in ln for w in words)]
        self.assertTrue(line, "no line with %r in:\n%s" % (words, r.stderr))
        self.assertTrue(line[0].startswith(f + ": "), line[0])
    return test


for _name, (_path, _value, _words) in MISTAKES.items():
    setattr(Check, "test_mistake_" + _name, _mistake_test(_path, _value, _words))


class Schema(Case):
    def test_schema_is_json_and_names_every_key(self):
        with open(os.path.join(ROOT, "endpoints.schema.json")) as f:
            schema = json.load(f)
        text = json.dumps(schema)
        with open(os.path.join(ROOT, "src/config/config.def")) as f:
            keys = re.findall(r'^[A-Z]+\(\w+, "([^"]+)"', f.read(), re.M)
        self.assertGreater(len(keys), 50)
        for k in keys:
            self.assertIn('"%s"' % k, text)


class Demo(Case):
    def test_both_chains_answer(self):
        g = Gateway([MILLRACE, "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        self.addCleanup(self.end, g)
        g.wait_line("Ctrl-C")
        text = g.stderr() + g.stdout()
        self.assertIn("http://127.0.0.1:%d" % g.addr[1], text)
        with g.client() as c:
            for i in range(40):
                r = c.rpc("eth_chainId", id=i)
                if "result" in r:
                    self.assertRegex(r["result"], "^0x")
            self.assertRegex(self.eventually(lambda: c.rpc("eth_blockNumber").get("result")), "^0x")
            self.eventually(lambda: isinstance(c.rpc("getSlot", path="/solana").get("result"), int))
            raw = self.eventually(lambda: self.account(c))
            self.assertIn(b"18446744073709551615", raw)
            got = c.request([{"jsonrpc": "2.0", "id": i, "method": m, "params": p} for i, (m, p) in enumerate([
                ("eth_chainId", []), ("eth_getBalance", ["0x" + "11" * 20, "latest"]),
                ("eth_call", [{"to": "0x" + "22" * 20, "data": "0x"}, "latest"]),
                ("eth_getLogs", [{"fromBlock": "latest", "toBlock": "latest"}])])], path="/ethereum").json()
            self.assertEqual([x["id"] for x in got], [0, 1, 2, 3])
        self.assertEqual(len(g.status()["chains"]["ethereum"]["endpoints"]), 3)
        self.assertEqual(len(g.status()["chains"]["solana"]["endpoints"]), 3)

    @staticmethod
    def account(c):
        r = c.request('{"jsonrpc":"2.0","id":1,"method":"getAccountInfo","params":["11111111111111111111111111111112"]}', path="/solana")
        return r.body if b'"result"' in r.body else None

    def test_its_curl_line_works(self):
        g = Gateway([MILLRACE, "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        self.addCleanup(self.end, g)
        g.wait_line("Ctrl-C")
        lines = re.findall(r"^ *(curl (?:.*\\\n)*.*)$", g.stderr(), re.M)
        self.assertEqual(len(lines), 2, g.stderr())
        for line in lines:
            ok = False
            url, header, body = self.curl(shlex.split(line))
            for _ in range(5):  # one of the nodes fails now and then
                r = urllib.request.urlopen(urllib.request.Request(url, body.encode(), dict([header.split(": ")])), timeout=20)
                ok = ok or "result" in json.loads(r.read())
            self.assertTrue(ok, line)

    def curl(self, words):
        """What curl would do with it: the machine may have none."""
        self.assertEqual(words[0], "curl")
        words = [w for w in words[1:] if w not in ("-s", "\n")]
        options = {k: words[words.index(k) + 1] for k in ("-H", "-d")}
        urls = [w for w in words if w not in options and w not in options.values()]
        self.assertEqual(len(urls), 1, words)
        return urls[0], options["-H"], options["-d"]

    def test_heads_advance(self):
        g = Gateway([MILLRACE, "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        self.addCleanup(self.end, g)
        with g.client() as c:
            a = self.eventually(lambda: c.rpc("getSlot", path="/solana").get("result"))
            self.eventually(lambda: (c.rpc("getSlot", path="/solana").get("result") or 0) > a, 10)

    def test_interrupted(self):
        g = Gateway([MILLRACE, "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        g.signal(signal.SIGINT)
        self.assertEqual(g.wait(), 0, g.stderr())
        self.assertIsNone(g.sanitizer_report())
