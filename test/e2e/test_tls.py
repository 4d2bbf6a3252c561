"""HTTPS upstreams with certificates made on the spot, and proxies."""
import os
import shutil
import ssl
import subprocess
import tempfile
import time

from harness import SLOW, Case, config, endpoint
from test_pool import burst
from upstream import serve


def openssl(*args, cwd):
    r = subprocess.run(["openssl", *args], cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL)
    assert r.returncode == 0, (args, r.stderr.decode())


class Pki:
    """A small authority in a folder: ca.pem, other.pem, and leaves."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="millrace-pki-")
        for ca in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", ca + ".key",
                    "-out", ca + ".pem", "-days", "30", "-subj", "/CN=millrace test " + ca,
                    "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                    cwd=self.dir)
            open(self.path(ca + ".idx"), "w").close()
            with open(self.path(ca + ".cnf"), "w") as f:
                f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=%s.idx\nnew_certs_dir=.\nserial=%s.srl\ndefault_md=sha256\n"
                        "policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n" % (ca, ca))
        self.leaf("good", "DNS:localhost,IP:127.0.0.1")
        self.leaf("wrongname", "DNS:elsewhere.example")
        self.leaf("expired", "DNS:localhost,IP:127.0.0.1", start="20200101000000Z", end="20210101000000Z")
        self.leaf("future", "DNS:localhost,IP:127.0.0.1", start="20900101000000Z", end="20910101000000Z")
        self.leaf("client", "DNS:client", usage="clientAuth")
        self.leaf("rsa", "DNS:localhost,IP:127.0.0.1", rsa=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def leaf(self, name, san, start=None, end=None, usage="serverAuth", rsa=False):
        key = ["-newkey", "rsa:2048"] if rsa else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", *key, "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name, cwd=self.dir)
        with open(self.path(name + ".ext"), "w") as f:
            f.write("subjectAltName=%s\nextendedKeyUsage=%s\nbasicConstraints=CA:FALSE\n" % (san, usage))
        now = time.time()
        stamp = lambda t: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t))
        openssl("ca", "-batch", "-rand_serial", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", name + ".csr",
                "-out", name + ".pem", "-extfile", name + ".ext", "-startdate", start or stamp(now - 3600),
                "-enddate", end or stamp(now + 86400), "-notext", cwd=self.dir)

    def server(self, name="good", client_ca=False, maximum=None, tickets=True, alpn=True):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.path(name + ".pem"), self.path(name + ".key"))
        if maximum:
            c.maximum_version = maximum
        if not tickets:
            c.options |= ssl.OP_NO_TICKET
        if client_ca:
            c.verify_mode = ssl.CERT_REQUIRED
            c.load_verify_locations(self.path("ca.pem"))
        c.names = []
        c.sni_callback = lambda sock, name, ctx: c.names.append(name)
        if alpn:
            c.set_alpn_protocols(["http/1.1"])
        return c


class TlsCase(Case):
    @classmethod
    def setUpClass(cls):
        cls.pki = Pki()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.pki.dir, True)

    def tls_front(self, server=None, script=None, host=None, ca="ca.pem", ep=None, tls=None, **kw):
        u = self.upstream(script, tls=server or self.pki.server())
        t = {"ca_file": self.pki.path(ca)} if ca else {}
        t.update(tls or {})
        g = self.gateway(config(endpoint(u.url(host=host), tls=t, **(ep or {}))), **kw)
        return g, u

    def works(self, g):
        with g.client() as c:
            for i in range(3):
                r = c.rpc("eth_call", id=i)
                self.assertEqual(r.get("result"), "0x1", r)

    def refused_because(self, g, u, pattern, name="a"):
        with g.client() as c:
            r = c.rpc("eth_call")
            self.assert_error(r, ("upstream_tls", "no_endpoint"), id=1, endpoint=name)
        self.assertEqual(u.calls(), [], "a call went over a connection that was not verified")
        g.wait_line("(?i)endpoint=%s.*(%s)" % (name, pattern), 3)
        # and the client, or the status page, can tell it too
        self.assertRegex(str(r) + g.admin_get("/status").body.decode(), "(?i)" + pattern)


class Verification(TlsCase):
    def test_good_by_name(self):
        g, u = self.tls_front(host="localhost")
        self.works(g)
        self.assertEqual(u.tls.names[0], "localhost")

    def test_good_by_address(self):
        g, u = self.tls_front()
        self.works(g)

    def test_good_rsa(self):
        g, u = self.tls_front(self.pki.server("rsa"), host="localhost")
        self.works(g)

    def test_good_tls_1_2(self):
        g, u = self.tls_front(self.pki.server(maximum=ssl.TLSVersion.TLSv1_2), host="localhost")
        self.works(g)

    def test_server_without_alpn(self):
        g, u = self.tls_front(self.pki.server(alpn=False), host="localhost")
        self.works(g)

    def test_server_name(self):
        g, u = self.tls_front(self.pki.server("wrongname"), tls={"server_name": "elsewhere.example"})
        self.works(g)
        self.assertEqual(u.tls.names[0], "elsewhere.example")

    def test_expired(self):
        g, u = self.tls_front(self.pki.server("expired"), host="localhost")
        self.refused_because(g, u, "expired")

    def test_not_yet_valid(self):
        g, u = self.tls_front(self.pki.server("future"), host="localhost")
        self.refused_because(g, u, "not yet valid|not valid yet|future")

    def test_wrong_name(self):
        g, u = self.tls_front(self.pki.server("wrongname"), host="localhost")
        self.refused_because(g, u, "name|not for localhost")

    def test_wrong_name_by_address(self):
        g, u = self.tls_front(self.pki.server("wrongname"))
        self.refused_because(g, u, "name|not for 127.0.0.1")

    def test_unknown_authority(self):
        g, u = self.tls_front(host="localhost", ca="other.pem")
        self.refused_because(g, u, "authority|issuer|trusted|not signed|CA")

    def test_unknown_authority_against_the_system(self):
        g, u = self.tls_front(host="localhost", ca=None)
        self.refused_because(g, u, "authority|issuer|trusted|not signed|CA")

    def test_verification_off(self):
        for name in ("expired", "wrongname", "good"):
            with self.subTest(name):
                g, u = self.tls_front(self.pki.server(name), host="localhost", ca="other.pem", tls={"verify": False})
                self.works(g)

    def test_failed_verification_moves_on(self):
        bad = self.upstream(tls=self.pki.server("expired"))
        good = self.upstream(tls=self.pki.server())
        t = {"ca_file": self.pki.path("ca.pem")}
        g = self.gateway(config([endpoint(bad.url(), "bad", tls=t, weight=5), endpoint(good.url(), "good", tls=t)]))
        self.works(g)
        self.assertEqual(bad.calls(), [])

    def test_missing_ca_file(self):
        path = self.write(config(endpoint("https://localhost:1/", tls={"ca_file": "/nonexistent/ca.pem"})))
        r = self.run_program("-c", path)
        self.assertIn(r.returncode, (1, 2))
        self.assertRegex(r.stderr, r"endpoints\[0\]\.tls\.ca_file: .*No such file")

    def test_ca_file_that_is_none(self):
        path = self.write("no certificate", "junk.pem")
        conf = self.write(config(endpoint("https://localhost:1/", tls={"ca_file": path})))
        r = self.run_program("-c", conf)
        self.assertIn(r.returncode, (1, 2))
        self.assertIn("junk.pem", r.stderr)

    def test_client_certificate(self):
        g, u = self.tls_front(self.pki.server(client_ca=True), host="localhost", tls={
            "client_cert": self.pki.path("client.pem"), "client_key": self.pki.path("client.key")})
        self.works(g)
        self.assertIn("client", str(u.conns[0].peer_cert))

    def test_client_certificate_missing(self):
        g, u = self.tls_front(self.pki.server(client_ca=True), host="localhost")
        with g.client() as c:
            r = c.rpc("eth_call")
            self.assert_error(r, ("upstream_tls", "upstream_reset", "no_endpoint", "upstream_truncated"), id=1)
        self.assertEqual(u.calls(), [])

    def test_plain_server_behind_https(self):
        u = self.upstream(lambda conn: (conn.sock.recv(100), conn.send("HTTP/1.1 400 Bad Request\r\n\r\n")))
        g = self.gateway(config(endpoint(u.url(scheme="https"), tls={"ca_file": self.pki.path("ca.pem")})))
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), ("upstream_tls", "no_endpoint"), id=1)

    def test_handshake_that_hangs_is_cut(self):
        u = self.upstream(lambda conn: conn.wait_eof(20))
        g = self.gateway(config(endpoint(u.url(scheme="https"), connect_timeout_ms=400,
                                         tls={"ca_file": self.pki.path("ca.pem")})))
        with g.client() as c:
            at = time.monotonic()
            self.assert_error(c.rpc("eth_call"), ("upstream_tls", "upstream_connect", "upstream_timeout"), id=1)
            self.assertTrue(0.3 < time.monotonic() - at < 0.4 + 0.6 * SLOW)


class Connections(TlsCase):
    def test_kept_alive(self):
        g, u = self.tls_front(host="localhost")
        with g.client() as c:
            for i in range(50):
                c.rpc("eth_call", id=i)
        self.assertEqual(len(u.conns), 1)

    def resumed(self, **kw):
        def once(conn):
            r = conn.read_request()
            if r is not None:
                conn.answer(r, headers=[("Connection", "close")])
        g, u = self.tls_front(self.pki.server(**kw), once, host="localhost")
        with g.client() as c:
            for i in range(6):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
        return g, u, [c.resumed for c in u.conns]

    def test_resumption_with_tls_1_2(self):
        g, u, seen = self.resumed(maximum=ssl.TLSVersion.TLSv1_2)
        self.assertEqual(seen, [False] + [True] * 5)

    def test_resumption_with_the_best_version(self):
        g, u, seen = self.resumed()
        self.assertEqual(seen[0], False)
        self.assertGreaterEqual(sum(seen), 4, seen)

    def test_resumption_is_counted(self):
        g, u, seen = self.resumed(maximum=ssl.TLSVersion.TLSv1_2)
        e = g.status()["chains"]["ethereum"]["endpoints"][0]
        self.assertEqual((e["tls_handshakes_full"], e["tls_handshakes_resumed"]), (1, 5), e)

    def test_session_that_the_server_forgot(self):
        """A full handshake takes over when the ticket is refused."""
        def once(conn):
            r = conn.read_request()
            if r is not None:
                conn.answer(r, headers=[("Connection", "close")])
        server = self.pki.server(maximum=ssl.TLSVersion.TLSv1_2)
        u = self.upstream(once, tls=server)
        g = self.gateway(config(endpoint(u.url(host="localhost"), tls={"ca_file": self.pki.path("ca.pem")})))
        with g.client() as c:
            c.rpc("eth_call")
            u.tls = self.pki.server(maximum=ssl.TLSVersion.TLSv1_2)  # new ticket keys
            for i in range(3):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
        self.assertEqual([x.resumed for x in u.conns], [False, False, True, True])

    def test_large_bodies_both_ways(self):
        u = self.upstream(serve(lambda r: '"' + r.json["params"][0] + '"'), tls=self.pki.server())
        g = self.gateway(config(endpoint(u.url(host="localhost"), tls={"ca_file": self.pki.path("ca.pem")})))
        with g.client() as c:
            for n in (1, 16383, 16384, 16385, 100000, 3 << 20):
                with self.subTest(n):
                    self.assertEqual(c.rpc("eth_call", ["z" * n])["result"], "z" * n)

    def test_warm_sockets_have_shaken_hands(self):
        g, u = self.tls_front(host="localhost", ep={"pool": {"min_warm": 3}})
        self.eventually(lambda: len([c for c in u.open_conns() if c.resumed is not None]) == 3)
        with g.client() as c:
            c.rpc("eth_call")
        self.assertEqual(len(u.conns), 3)

    def test_close_without_close_notify_truncates(self):
        """A close-delimited answer without close_notify is cut, not complete."""
        def script(conn):
            r = conn.read_request()
            if r is None:
                return
            from upstream import http, reply
            conn.send(http(reply(r.id), framing=False, headers=[("Connection", "close")]))
            raw = conn.sock.detach()  # the TCP connection ends without a word of TLS
            import socket
            s = socket.socket(fileno=raw)
            s.shutdown(socket.SHUT_RDWR)
            s.close()
        g, u = self.tls_front(self.pki.server(maximum=ssl.TLSVersion.TLSv1_2), script, host="localhost")
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), "upstream_truncated", id=1, endpoint="a")

    def test_many_handshakes_at_once(self):
        g, u = self.tls_front(host="localhost", script=serve(delay=0.3), ep={"pool": {"max_sockets": 30, "max_idle": 30}})
        self.assertTrue(all("result" in x for x in burst(g, 30)))
        self.assertLessEqual(len(u.conns), 30)

    def test_reused_tls_socket_that_died_is_replaced(self):
        def script(conn):
            r = conn.read_request()
            if r is None:
                return
            conn.answer(r)
            if conn.read_request() is not None:
                conn.reset()
        g, u = self.tls_front(host="localhost", script=script)
        with g.client() as c:
            for i in range(20):
                r = c.rpc("eth_call", id=i)
                self.assertEqual(r.get("result"), "0x1", r)


class Proxies(TlsCase):
    def test_https_through_connect(self):
        u, p = self.upstream(tls=self.pki.server()), self.proxy()
        g = self.gateway(config(endpoint(u.url(host="localhost"), proxy=p.url(), tls={"ca_file": self.pki.path("ca.pem")})))
        self.works(g)
        self.assertTrue(p.seen[0].startswith("CONNECT localhost:%d HTTP/1.1\r\n" % u.port), p.seen)
        self.assertEqual(len(p.seen), 1)

    def test_http_through_connect(self):
        u, p = self.upstream(), self.proxy()
        g = self.gateway(config(endpoint(u.url(), proxy=p.url())))
        self.works(g)
        self.assertTrue(p.seen[0].startswith("CONNECT 127.0.0.1:%d " % u.port))

    def test_proxy_authorization(self):
        u, p = self.upstream(), self.proxy()
        g = self.gateway(config(endpoint(u.url(), proxy=p.url("user:p%40ss"))))
        self.works(g)
        self.assertIn("Proxy-Authorization: Basic dXNlcjpwQHNz", p.seen[0])
        self.assertNotIn("dXNlcjpwQHNz", u.calls()[0].headers.__repr__())
        self.assertNotIn("p@ss", g.stderr() + g.admin_get("/status").body.decode())

    def test_proxy_that_refuses(self):
        u = self.upstream()
        p = self.proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        g = self.gateway(config(endpoint(u.url(), proxy=p.url())))
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), "upstream_proxy", id=1, endpoint="a")
        self.assertEqual(u.conns, [])

    def test_proxy_that_is_not_there(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url(), proxy=self.refused())))
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), ("upstream_proxy", "upstream_connect"), id=1)

    def test_proxy_that_talks_junk(self):
        u, p = self.upstream(), self.proxy(b"\0junk\r\n\r\n")
        g = self.gateway(config(endpoint(u.url(), proxy=p.url())))
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), "upstream_proxy", id=1)

    def test_proxy_that_says_too_much(self):
        """Bytes of the tunnel that no one asked for are not taken for an answer."""
        u = self.upstream()
        p = self.proxy(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        g = self.gateway(config(endpoint(u.url(), proxy=p.url())))
        with g.client() as c:
            self.assertIn("error", c.rpc("eth_call"))

    def environment(self, scheme, value_of, u):
        p = self.proxy()
        env = {scheme.upper() + "_PROXY": p.url(), **value_of}
        g = self.gateway(config(endpoint(u.url(host="localhost") if u.tls else u.url(),
                                         tls={"ca_file": self.pki.path("ca.pem")})), env=env)
        self.works(g)
        return p

    def test_environment_https(self):
        self.assertEqual(len(self.environment("https", {}, self.upstream(tls=self.pki.server())).seen), 1)

    def test_environment_http(self):
        self.assertEqual(len(self.environment("http", {}, self.upstream()).seen), 1)

    def test_environment_that_is_of_no_use(self):
        path = self.write(config(endpoint("https://node.example/")))
        r = self.run_program("-c", path, env={"HTTPS_PROXY": "socks5://me:hush@127.0.0.1:1"})
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertRegex(r.stderr, "event=proxy_bad_url endpoint=a why=.*HTTPS_PROXY")
        self.assertNotIn("hush", r.stderr)

    def test_environment_of_the_other_scheme(self):
        self.assertEqual(self.environment("https", {}, self.upstream()).seen, [])

    def test_no_proxy(self):
        for v in ("127.0.0.1", "*", "x.example, 127.0.0.1"):
            with self.subTest(v):
                self.assertEqual(self.environment("http", {"NO_PROXY": v}, self.upstream()).seen, [])

    def test_no_proxy_for_others(self):
        self.assertEqual(len(self.environment("http", {"NO_PROXY": "x.example,10.0.0.1"}, self.upstream()).seen), 1)

    def test_none_wins_over_the_environment(self):
        u, p = self.upstream(), self.proxy()
        g = self.gateway(config(endpoint(u.url(), proxy="none")), env={"HTTP_PROXY": p.url()})
        self.works(g)
        self.assertEqual(p.seen, [])
