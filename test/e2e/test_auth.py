"""Credentials: what reaches the endpoint, and what happens when they change, are late, or are refused."""
import base64
import hashlib
import hmac
import json
import os
import shutil
import tempfile
import threading
import time

from harness import SLOW, Case, config, endpoint
from upstream import http

CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"n":%d}]}'


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(**claims):
    return "%s.%s.%s" % (b64url(b'{"alg":"none"}'), b64url(json.dumps(claims).encode()), b64url(os.urandom(24)))


class Auth(Case):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="millrace-auth-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def put(self, name, text, mode=0o600):
        """As an editor or a secret's agent does it: written aside, then renamed."""
        aside = self.path("." + name + ".new")
        with open(aside, "w") as f:
            f.write(text)
        os.chmod(aside, mode)
        os.rename(aside, self.path(name))
        return self.path(name)

    def script(self, name, text):
        return self.put(name, "#!/bin/sh\n" + text, 0o700)

    def gw(self, url, auth, log=None, chain=None, **kw):
        return self.gateway(config(endpoint(url, auth=auth, **kw), chain=chain, log={"level": log or "info"}))

    def ask(self, g, n=0, timeout=20):
        with g.client(timeout=timeout) as c:
            return c.request(CALL % n).json()

    def good(self, g, n=0):
        r = self.ask(g, n)
        self.assertIn("result", r, r)

    def credential(self, g):
        return g.status()["chains"]["ethereum"]["endpoints"][0]["credential"]

    def sent(self, u, field="authorization"):
        return [r.header(field) for r in list(u.requests)]


class Kinds(Auth):
    def test_fixed(self):
        for auth, field, want in (
                ({"bearer": "tok"}, "authorization", "Bearer tok"),
                ({"basic": {"user": "u", "password": "p:q"}}, "authorization", "Basic " + base64.b64encode(b"u:p:q").decode()),
                ({"basic": {"user": "u"}}, "authorization", "Basic " + base64.b64encode(b"u:").decode()),
                ({"header": {"name": "X-Api-Key", "value": "k y"}}, "x-api-key", "k y")):
            with self.subTest(auth=auth):
                u = self.upstream()
                g = self.gw(u.url(), auth)
                self.good(g)
                self.assertEqual(self.sent(u, field), [want])

    def test_query(self):
        u = self.upstream()
        g = self.gw(u.url() + "v1?a=1", {"query": {"name": "api-key", "value": "a/b c"}})
        self.good(g)
        self.assertEqual(u.requests[0].target, "/v1?a=1&api-key=a%2Fb%20c")
        self.assertIsNone(u.requests[0].header("authorization"))

    def test_file(self):
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_file": self.put("token", "  one\n")})
        self.good(g)
        self.assertEqual(self.sent(u), ["Bearer one"])
        self.assertEqual(self.credential(g)["state"], "ok")

    def test_command(self):
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_command": [self.script("cmd", 'sleep 0.3; echo "from-$1"\n'), "argument"]})
        self.good(g)  # a call that comes before the command has ended waits for it
        self.assertEqual(self.sent(u), ["Bearer from-argument"])

    def test_engine_jwt(self):
        u = self.upstream()
        secret = os.urandom(32)
        g = self.gw(u.url(), {"jwt_secret_file": self.put("jwt.hex", "0x" + secret.hex() + "\n")})
        self.good(g)
        kind, token = self.sent(u)[0].split(" ")
        head, claims, mac = token.split(".")
        self.assertEqual(kind, "Bearer")
        pad = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
        self.assertEqual(json.loads(pad(head)), {"alg": "HS256", "typ": "JWT"})
        self.assertLess(abs(json.loads(pad(claims))["iat"] - time.time()), 5)
        self.assertEqual(pad(mac), hmac.new(secret, ("%s.%s" % (head, claims)).encode(), hashlib.sha256).digest())
        self.assertEqual(self.credential(g)["generation"], 1)

    def test_engine_jwt_that_was_refused_is_made_anew(self):
        """As after a suspended machine: the clock went on, the token did not."""
        seen = []

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                seen.append(r.header("authorization"))
                if len(seen) == 2:
                    conn.send(http("stale token, iat too old", status="401 Unauthorized", ctype="text/plain"))
                else:
                    conn.answer(r)
        u = self.upstream(script)
        g = self.gw(u.url(), {"jwt_secret_file": self.put("jwt.hex", os.urandom(32).hex())})
        self.good(g, 1)
        time.sleep(1.1)
        self.good(g, 2)
        self.assertEqual(len(seen), 3)
        self.assertNotEqual(seen[1], seen[2])


class RefusedMeanwhile(Auth):
    """The endpoint takes the old credential no more: a call that still carried it does better with the next one."""

    def node(self, good):
        """Takes only what good() says now."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.header("authorization") == "Bearer " + good():
                    conn.answer(r)
                else:
                    conn.send(http("no such key", status="401 Unauthorized", ctype="text/plain"))
        return self.upstream(script)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read().strip()

    def state(self, g, i=0):
        return g.status()["chains"]["ethereum"]["endpoints"][i]["state"]

    def test_file(self):
        """From the moment that the file changes."""
        u = self.node(lambda: self.read("token"))
        g = self.gw(u.url(), {"bearer_file": self.put("token", "t0")}, chain={"cache": {"max_bytes": 0}})
        self.good(g)
        for i in range(1, 20):
            self.put("token", "t%d" % i)
            self.good(g, i)
        self.assertGreater(g.status()["counters"]["credential_retries"], 0)
        self.assertEqual(self.state(g), "up")
        self.assertNotIn("endpoint_refused_credential", g.stderr())

    def test_file_that_is_written_slowly(self):
        u = self.node(lambda: "second")
        g = self.gw(u.url(), {"bearer_file": self.put("token", "first")})
        g.wait_line("credential_new")
        with open(self.path("token"), "w") as f:
            f.flush()
            t = threading.Timer(0.03, lambda: (f.write("second"), f.flush()))
            t.start()
            self.good(g)
            t.join()
        self.assertEqual(self.state(g), "up")

    def test_command(self):
        """It runs because of the refusal, and all who come meanwhile wait for it."""
        u = self.node(lambda: self.read("current"))
        self.put("current", "t0")
        g = self.gw(u.url(), {"bearer_command": [self.script("cmd", "sleep 0.4; cat %s\n" % self.path("current"))]})
        self.good(g)
        self.put("current", "t1")
        with g.client() as a, g.client() as b:
            a.send(a.build(CALL % 1))
            time.sleep(0.1)
            b.send(b.build(CALL % 2))
            for c in (a, b):
                self.assertIn("result", c.read_response().json())
        self.assertEqual(self.state(g), "up")
        self.assertEqual(self.credential(g)["generation"], 2)
        self.assertNotIn("endpoint_refused_credential", g.stderr())
        self.assertEqual([s for s in self.sent(u)].count("Bearer t0"), 2)  # the second call did not go in vain

    def test_another_endpoint_meanwhile(self):
        u, v = self.node(lambda: "never"), self.upstream()
        g = self.gateway(config([endpoint(u.url(), "keyed", auth={"bearer_command": [self.script("cmd", "sleep 0.1; echo x\n")]}),
                                 endpoint(v.url(), "free", tier=1)]))
        self.eventually(lambda: "credential_new" in g.stderr())
        self.script("cmd", "sleep 5; echo y\n")
        for n in range(3):
            start = time.monotonic()
            self.good(g, n)
            self.assertLess(time.monotonic() - start, 1.0 * SLOW)
        self.assertEqual(len(u.requests), 1)

    def test_a_transaction_is_not_sent_again_but_harms_nobody(self):
        u = self.node(lambda: self.read("current"))
        self.put("current", "t0")
        g = self.gw(u.url(), {"bearer_command": [self.script("cmd", "sleep 0.3; cat %s\n" % self.path("current"))]})
        self.good(g)
        self.put("current", "t1")
        with g.client() as c:
            self.assertIn("error", c.rpc("eth_sendRawTransaction", ["0x02f8"]))
        self.good(g, 1)
        self.assertEqual(len(u.calls("eth_sendRawTransaction")), 1)
        self.assertEqual(self.state(g), "up")
        self.assertNotIn("endpoint_refused_credential", g.stderr())  # nor in the meantime

    def test_refused_though_nothing_is_new(self):
        """Then it is as with any credential that is not accepted."""
        u = self.node(lambda: "other")
        g = self.gw(u.url(), {"bearer_command": [self.script("cmd", "sleep 0.2; echo same\n")]})
        self.assert_error(self.ask(g), "upstream_http_status", 1)
        g.wait_line("endpoint_refused_credential")
        self.assertEqual(self.state(g), "down")


class Rotation(Auth):
    def under_load(self, u, g, rotate, seconds=3.0):
        """Clients that ask all the while; nothing they get may be an error."""
        bad, done, stop = [], [0], threading.Event()

        def client(k):
            n = 0
            try:
                with g.client(timeout=20) as c:
                    while not stop.is_set():
                        n += 1
                        r = c.request(CALL % (k * 1000000 + n)).json()
                        if "result" not in r:
                            bad.append(r)
                        done[0] += 1
            except Exception as e:
                bad.append(repr(e))
        threads = [threading.Thread(target=client, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        try:
            rotate()
        finally:
            stop.set()
            for t in threads:
                t.join(30)
        self.assertEqual(bad, [])
        self.assertGreater(done[0], 100)

    def check_order(self, u, tokens):
        """The generations come in their order on the whole, and no connection carries two."""
        by_conn = {}
        for r in list(u.requests):
            by_conn.setdefault(r.conn, []).append(r.header("authorization"))
        self.assertTrue(all(len(set(v)) == 1 for v in by_conn.values()), "a connection carried two credentials")
        # What leaves after a switch has the new one; two that left just before and after it may be read in either order.
        places = [["Bearer " + t for t in tokens].index(r.header("authorization")) for r in list(u.requests)]
        self.assertEqual(set(places), set(range(len(tokens))))
        for i in range(1, len(tokens)):
            first = places.index(i)
            self.assertLess(sum(p < i for p in places[first:]), 17, "an old credential was used on")

    def test_file_replaced_under_load(self):
        tokens = ["token-%d" % i for i in range(6)]
        valid = set(tokens[:1])

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.header("authorization", "")[7:] not in valid:
                    conn.send(http('{"error":"unauthorized"}', status="401 Unauthorized"))
                else:
                    time.sleep(0.002)
                    conn.answer(r)
        u = self.upstream(script)
        g = self.gw(u.url(), {"bearer_file": self.put("token", tokens[0])}, pool={"max_sockets": 8})

        def rotate():
            time.sleep(0.3)
            for i, t in enumerate(tokens[1:], 1):
                valid.add(t)  # both hold for a while, as a provider has it
                self.put("token", t)
                self.eventually(lambda: self.credential(g)["generation"] == i + 1, 3 * SLOW)
                time.sleep(0.3)
                valid.discard(tokens[i - 1])
        self.under_load(u, g, rotate)
        self.check_order(u, tokens)
        self.assertEqual(g.status()["counters"]["credential_rotations"], 5)

    def test_old_one_ends_the_moment_the_file_is_replaced(self):
        """Nobody is told: the first refusal makes it look, and what was refused is asked again."""
        valid = ["token-a"]

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.header("authorization", "")[7:] != valid[0]:
                    conn.send(http('{"jsonrpc":"2.0","id":%d,"error":{"code":-32000,"message":"unauthorized"}}' % r.calls[0].id,
                                   status="401 Unauthorized"))
                else:
                    conn.answer(r)
        u = self.upstream(script)
        g = self.gw(u.url(), {"bearer_file": self.put("token", valid[0])}, pool={"max_sockets": 8})

        def rotate():
            time.sleep(0.5)
            self.put("token", "token-b")
            valid[0] = "token-b"
            time.sleep(0.5)
        self.under_load(u, g, rotate)

    def test_kubernetes_swaps_a_link_beside_the_file(self):
        os.mkdir(self.path("..2024_1"))
        os.mkdir(self.path("..2024_2"))
        for i in (1, 2):
            with open(self.path("..2024_%d/token" % i), "w") as f:
                f.write("token-%d\n" % i)
        os.symlink("..2024_1", self.path("..data"))
        os.symlink("..data/token", self.path("token"))
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_file": self.path("token")})
        self.good(g, 1)
        os.symlink("..2024_2", self.path("..data_tmp"))
        os.rename(self.path("..data_tmp"), self.path("..data"))
        self.eventually(lambda: self.credential(g)["generation"] == 2, 1.5 * SLOW)
        self.good(g, 2)
        self.assertEqual(self.sent(u), ["Bearer token-1", "Bearer token-2"])

    def test_file_written_in_place(self):
        u = self.upstream()
        path = self.put("token", "one")
        g = self.gw(u.url(), {"bearer_file": path})
        self.good(g, 1)
        with open(path, "w") as f:
            f.write("tw")
            f.flush()
            time.sleep(0.005)
            f.write("o\n")
        self.eventually(lambda: self.credential(g)["generation"] == 2, 1.5 * SLOW)
        self.good(g, 2)
        self.assertEqual(self.sent(u), ["Bearer one", "Bearer two"])

    def test_bad_content_keeps_the_one_before(self):
        u = self.upstream()
        path = self.put("token", "one")
        g = self.gw(u.url(), {"bearer_file": path})
        self.good(g, 1)
        for text in ("", "two lines\nof text", "x" * 70000, "\x00"):
            before = len(g.lines)
            self.put("token", text)
            self.eventually(lambda: any("credential_failed" in ln for ln in g.lines[before:]), 3 * SLOW)
            self.good(g, 2)
        os.unlink(path)
        g.wait_line("credential_failed.*No such file")
        self.good(g, 3)
        self.put("token", "three")
        self.eventually(lambda: self.credential(g)["generation"] == 2, 3 * SLOW)
        self.good(g, 4)
        self.assertEqual(set(self.sent(u)), {"Bearer one", "Bearer three"})

    def test_a_busy_link_ends_its_answer_then_closes(self):
        hold = threading.Event()

        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                hold.wait(20)
                conn.answer(r)
        u = self.upstream(script)
        self.addCleanup(hold.set)
        g = self.gw(u.url(), {"bearer_file": self.put("token", "one")})
        c = self.posting(g, CALL % 1)
        self.eventually(lambda: len(u.requests) == 1)
        self.put("token", "two")
        self.eventually(lambda: self.credential(g)["generation"] == 2, 3 * SLOW)
        hold.set()
        self.assertIn("result", c.read_response().json())
        self.good(g, 2)
        self.assertEqual(self.sent(u), ["Bearer one", "Bearer two"])
        self.assertIsNot(u.requests[0].conn, u.requests[1].conn)


class Commands(Auth):
    def test_jwt_is_fetched_again_before_it_expires(self):
        """2 s to live: the next one is there before, and no call is refused."""
        fetch = self.script("fetch", 'n=$(cat %s/n 2>/dev/null || echo 0); echo $((n+1)) > %s/n; python3 %s/make.py\n' % (
            (self.dir,) * 3))
        self.put("make.py", "import base64,json,time\n"
                 "p=base64.urlsafe_b64encode(json.dumps({'exp':int(time.time())+4}).encode()).rstrip(b'=').decode()\n"
                 "print('h.'+p+'.s')\n")
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_command": [fetch]})
        end = time.monotonic() + 6
        n = 0
        while time.monotonic() < end:
            n += 1
            self.good(g, n)
            time.sleep(0.1)
        self.assertGreaterEqual(self.credential(g)["generation"], 3)
        for r in u.requests:
            p = r.header("authorization").split(".")[1]
            self.assertGreater(json.loads(base64.urlsafe_b64decode(p + "=="))["exp"], time.time() - 8)

    def test_failing(self):
        u = self.upstream()
        for body, why in (("exit 3", "exit code 3"), ("echo", "holds no token"), ("kill -11 $$", "signal 11"),
                          ("echo a b", "space"), ("yes", "more than 65536 bytes")):
            with self.subTest(body):
                g = self.gw(u.url(), {"bearer_command": [self.script("cmd", body + "\n")], "command_timeout_ms": 5000})
                g.wait_line("credential_failed.*" + why)
                r = self.ask(g)
                self.assert_error(r, "upstream_credential", id=1, endpoint="a")
                self.assertIn(why, r["error"]["data"]["detail"])
                self.assertEqual(g.admin_get("/readyz").status, 503)
                self.assertEqual(self.credential(g)["state"], "failed")
                self.end(g)
        self.assertEqual(u.requests, [])

    def test_not_there(self):
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_command": ["no-such-program-anywhere"]})
        g.wait_line("credential_failed.*cannot be run")
        self.assert_error(self.ask(g), "upstream_credential", id=1)

    def test_hanging_is_killed_and_tried_again(self):
        u = self.upstream()
        pidfile = self.path("pid")
        g = self.gw(u.url(), {"bearer_command": [self.script("cmd", """
if [ -e %s ]; then echo second; exit; fi
sleep 1000 & echo $! > %s
sleep 1000
""" % (pidfile, pidfile))], "command_timeout_ms": 400})
        r = g.admin_get("/readyz")
        self.assertEqual((r.status, r.json()["reason"], r.json()["detail"]), (503, "upstream_credential", "the first token is awaited"))
        self.assertEqual(self.credential(g)["state"], "waiting")
        t = time.monotonic()
        with g.client() as c:  # the loop goes on meanwhile
            self.assertEqual(c.request('{"jsonrpc":"2.0","id":1,"method":"admin_peers"}').json()["error"]["code"], -32601)
        self.assertLess(time.monotonic() - t, 0.35 * SLOW)
        g.wait_line("credential_failed.*longer than 400 ms")
        self.eventually(lambda: self.credential(g)["state"] == "ok", 5 * SLOW)
        self.good(g)
        self.assertEqual(self.sent(u), ["Bearer second"])
        with open(pidfile) as f:
            pid = int(f.read())

        def gone():
            try:
                with open("/proc/%d/stat" % pid) as f:
                    return f.read().rsplit(")", 1)[1].split()[0] == "Z"
            except FileNotFoundError:
                return True
        self.eventually(gone, 3, "its child lives on")

    def test_ends_while_the_command_runs(self):
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_command": [self.script("cmd", "sleep 1000\n")], "command_timeout_ms": 60000})
        t = time.monotonic()
        self.end(g)
        self.assertLess(time.monotonic() - t, 5)

    def test_another_endpoint_meanwhile(self):
        u, v = self.upstream(), self.upstream()
        g = self.gateway(config([endpoint(u.url(), "a", auth={"bearer_command": [self.script("cmd", "sleep 0.5; exit 1\n")]}),
                                 endpoint(v.url(), "b")]))
        for n in range(4):
            self.good(g, n)
        self.assertEqual(len(v.requests), 4)
        self.assertEqual(u.requests, [])

    def test_expired(self):
        """No successor: the endpoint is out of use, and says why, from a minute after exp on."""
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_file": self.put("token", jwt(exp=int(time.time()) - 57))})
        self.good(g, 1)
        g.wait_line("credential_expired", timeout=15)
        r = self.ask(g, 2)
        self.assert_error(r, "upstream_credential", id=1)
        self.assertIn("expired", r["error"]["data"]["detail"])
        self.put("token", jwt(exp=int(time.time()) + 3600))
        self.eventually(lambda: self.credential(g)["state"] == "ok", 3 * SLOW)
        self.good(g, 3)

    def test_refused_for_good(self):
        """The endpoint's own answer goes to the client; the file is looked at once in a while, not for each call."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.send(http('{"jsonrpc":"2.0","id":%d,"error":{"code":-32000,"message":"bad token %s"}}' % (
                    r.calls[0].id, r.header("authorization")), status="401 Unauthorized"))
        u = self.upstream(script)
        g = self.gw(u.url(), {"bearer_file": self.put("token", "token-0123456789")})
        for n in range(5):
            self.assertEqual(self.ask(g, n)["error"]["message"], "bad token Bearer ****************")
        self.assertEqual(len(u.requests), 5)
        g.wait_line("event=credential_refused")
        self.assertEqual(g.stderr().count("event=credential_refused"), 1)


class ChainAsked(Auth):
    """The question for an endpoint's chain carries its credential like any other request."""

    def identity(self, g):
        return g.status()["chains"]["ethereum"]["endpoints"][0]["identity"]["state"]

    def verified(self, g):
        self.eventually(lambda: self.identity(g) == "verified", 3 * SLOW)

    def only(self, valid):
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.header("authorization", "")[7:] not in valid:
                    conn.send(http("who are you", status="401 Unauthorized", ctype="text/plain"))
                else:
                    conn.answer(r)
        return script

    def test_not_without_one(self):
        u = self.upstream()
        g = self.gw(u.url(), {"bearer_command": [self.script("cmd", "cat " + self.path("token"))]}, chain={"chain_id": 1})
        g.wait_line("credential_failed")
        self.assert_error(self.ask(g), "upstream_credential", id=1)
        self.assertEqual(g.admin_get("/readyz").json()["reason"], "upstream_credential")
        e = g.status()["chains"]["ethereum"]["endpoints"][0]
        self.assertEqual((e["state"], e["reason"], e["identity"]["state"]), ("down", "upstream_credential", "unknown"))
        self.assertEqual(g.status()["counters"]["probes"], 0)
        self.assertEqual(u.requests, [])
        self.put("token", "tok")
        self.verified(g)
        self.assertEqual(g.admin_get("/readyz").status, 200)
        self.good(g)
        self.assertEqual([c.call for c in u.calls()], ["eth_chainId", "eth_call"])
        self.assertEqual(self.sent(u), ["Bearer tok"] * 2)

    def test_refused_and_asked_again_with_the_next_one(self):
        u = self.upstream(self.only({"new"}))
        g = self.gw(u.url(), {"bearer_file": self.put("token", "old")}, chain={"chain_id": 1})
        self.eventually(lambda: len(u.requests) >= 3, 5 * SLOW)  # the next pause is one of 4 s
        self.assertEqual(self.identity(g), "unknown")
        begin = time.monotonic()
        self.put("token", "new")
        self.verified(g)
        self.assertLess(time.monotonic() - begin, 2 * SLOW)
        self.good(g)

    def test_replaced_meanwhile(self):
        """The file has the next token when the endpoint refuses the last one: it is asked again at once."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                if r.header("authorization") == "Bearer old":
                    self.put("token", "new")
                    conn.send(http("who are you", status="401 Unauthorized", ctype="text/plain"))
                else:
                    conn.answer(r)
        u = self.upstream(script)
        g = self.gw(u.url(), {"bearer_file": self.put("token", "old")}, chain={"chain_id": 1})
        self.good(g)
        self.assertEqual(self.identity(g), "verified")
        self.assertEqual([(r.calls[0].call, r.header("authorization")) for r in u.requests],
                         [("eth_chainId", "Bearer old"), ("eth_chainId", "Bearer new"), ("eth_call", "Bearer new")])
        self.assertEqual(g.status()["counters"]["probes_failed"], 0)
