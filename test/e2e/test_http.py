"""HTTP/1.x on the service port: framing, keep-alive, pipelining, leniency where clients need it."""
import json
import socket
import time

from harness import Case, Shared, config, endpoint
from upstream import Upstream, serve

CALL = '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["x"]}'


class Http(Shared):
    @classmethod
    def configure(cls):
        def result(r):
            p = r.json.get("params") or [0]
            if isinstance(p[0], (int, float)) and p[0]:
                time.sleep(p[0] / 1000)
            return json.dumps(p[0])
        cls.up = Upstream(serve(result))
        conf = config(endpoint(cls.up.url()), cors_origins=["https://app.example"],
                      limits={"max_body_bytes": 100000})
        conf["chains"]["solana"] = {"family": "solana", "endpoints": [endpoint(cls.up.url())]}
        return conf

    def client(self):
        c = self.gw.client()
        self.addCleanup(c.close)
        return c

    def test_keep_alive(self):
        c = self.client()
        for i in range(50):
            self.assertEqual(c.rpc("eth_call", ["v"], id=i)["id"], i)

    def test_pipelined_answers_in_order(self):
        c = self.client()
        delays = [300, 0, 100, 0, 0]
        c.send(b"".join(c.build('{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":[%d]}' % (i, d))
                        for i, d in enumerate(delays)))
        self.assertEqual([c.read_response().json()["id"] for _ in delays], [0, 1, 2, 3, 4])

    def test_many_pipelined(self):
        c = self.client()
        n = 500
        c.send(b"".join(c.build('{"jsonrpc":"2.0","id":%d,"method":"eth_call","params":[0]}' % i) for i in range(n)))
        self.assertEqual([c.read_response().json()["id"] for _ in range(n)], list(range(n)))

    def test_pipelined_error_between_answers(self):
        c = self.client()
        c.send(c.build(CALL) + c.build("{") + c.build(CALL))
        self.assertEqual(c.read_response().json()["result"], "x")
        self.assert_error(c.read_response().json(), "parse_error")
        self.assertEqual(c.read_response().json()["result"], "x")

    def test_pipelined_with_a_get_between(self):
        c = self.client()
        c.send(c.build(CALL) + c.build(b"", "GET", "/healthz") + c.build(CALL))
        self.assertEqual([c.read_response().status for _ in range(3)], [200, 200, 200])

    def test_leading_crlf_is_passed_over(self):
        c = self.client()
        c.send(b"\r\n" + c.build(CALL))
        self.assertEqual(c.read_response().status, 200)

    def test_one_byte_at_a_time(self):
        c = self.client()
        for b in c.build(CALL):
            c.send(bytes([b]))
            time.sleep(0.0005)
        self.assertEqual(c.read_response().json()["result"], "x")

    def test_split_at_every_offset(self):
        c = self.client()
        data = c.build(CALL)
        for i in range(1, len(data)):
            c.send(data[:i])
            if i % 4 == 0:
                time.sleep(0.001)
            c.send(data[i:])
            self.assertEqual(c.read_response().status, 200, "split at %d" % i)

    def test_chunked(self):
        c = self.client()
        for size in (1, 3, 1000):
            body = b"".join(b"%x\r\n%s\r\n" % (len(CALL[i:i + size]), CALL[i:i + size].encode())
                            for i in range(0, len(CALL), size)) + b"0\r\n\r\n"
            c.send(c.build(b"", headers={"Transfer-Encoding": "chunked"}, length=False) + body)
            self.assertEqual(c.read_response().json()["result"], "x")

    def test_chunked_with_extension_and_trailer(self):
        c = self.client()
        body = b'%x;a=b;c="d"\r\n%s\r\n0\r\nX-Trailer: v\r\n\r\n' % (len(CALL), CALL.encode())
        c.send(c.build(b"", headers={"Transfer-Encoding": "Chunked"}, length=False) + body + c.build(CALL))
        self.assertEqual(c.read_response().json()["result"], "x")
        self.assertEqual(c.read_response().json()["result"], "x")

    def test_http_1_0_closes(self):
        c = self.client()
        r = c.request(CALL, version="1.0")
        self.assertEqual(r.json()["result"], "x")
        self.assertTrue(c.read_eof())

    def test_http_1_0_without_host(self):
        c = self.client()
        self.assertEqual(c.request(CALL, version="1.0", host=False).status, 200)

    def test_http_1_0_keep_alive(self):
        c = self.client()
        r = c.request(CALL, version="1.0", headers={"Connection": "keep-alive"})
        self.assertEqual((r.header("connection") or "").lower(), "keep-alive")
        self.assertEqual(c.request(CALL, version="1.0").status, 200)

    def test_connection_close(self):
        c = self.client()
        r = c.request(CALL, headers={"Connection": "close"})
        self.assertEqual((r.header("connection") or "").lower(), "close")
        self.assertTrue(c.read_eof())

    def test_connection_close_in_a_list(self):
        c = self.client()
        c.request(CALL, headers={"Connection": "x-foo, Close"})
        self.assertTrue(c.read_eof())

    def test_nothing_after_connection_close_is_served(self):
        n = len(self.up.calls())
        c = self.client()
        c.send(c.build(CALL, headers={"Connection": "close"}) + c.build(CALL))
        self.assertEqual(c.read_response().status, 200)
        self.assertTrue(c.read_eof())
        self.assertEqual(len(self.up.calls()), n + 1)

    def test_half_close_is_answered(self):
        c = self.client()
        c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[100]}'))
        c.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(c.read_response().json()["result"], 100)
        self.assertTrue(c.read_eof())

    def test_half_close_with_pipelined_requests(self):
        c = self.client()
        c.send(c.build(CALL) * 5)
        c.sock.shutdown(socket.SHUT_WR)
        for _ in range(5):
            self.assertEqual(c.read_response().json()["result"], "x")
        self.assertTrue(c.read_eof())

    def test_half_close_inside_a_request(self):
        n = len(self.up.calls())
        c = self.client()
        c.send(c.build(CALL)[:-3])
        c.sock.shutdown(socket.SHUT_WR)
        self.eventually(lambda: c.read_eof(0.5) or c.buf.startswith(b"HTTP/1.1 400"))
        self.assertEqual(len(self.up.calls()), n)

    def test_expect_continue(self):
        c = self.client()
        c.send(c.build(CALL, headers={"Expect": "100-continue"})[:-len(CALL)])
        self.assertEqual(c.read_response(informational=True).status, 100)
        c.send(CALL.encode())
        self.assertEqual(c.read_response().json()["result"], "x")
        self.assertEqual(c.rpc("eth_call", ["y"])["result"], "y")

    def test_expect_continue_with_the_body_at_once(self):
        c = self.client()
        r = c.request(CALL, headers={"Expect": "100-Continue"})
        self.assertEqual(r.json()["result"], "x")

    def test_expect_continue_is_not_said_before_a_refusal(self):
        c = self.client()
        c.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
               b"Content-Length: 100001\r\n\r\n")
        self.assertEqual(c.read_response(informational=True).status, 413)

    def test_unknown_expectation(self):
        c = self.client()
        self.assert_http_error(c.request(CALL, headers={"Expect": "magic"}), 417, "expectation")

    # -- methods and paths

    def test_get_is_not_allowed(self):
        r = self.client().get("/")
        self.assert_http_error(r, 405, "http_method")
        self.assertIn("POST", r.header("allow"))

    def test_get_on_a_chain_is_not_allowed(self):
        r = self.client().get("/solana")
        self.assert_http_error(r, 405, "http_method")
        self.assertIn("POST", r.header("allow"))

    def test_other_methods_are_not_allowed(self):
        for m in ("PUT", "DELETE", "PATCH", "TRACE"):
            with self.subTest(m):
                r = self.client().request(b"", m, "/")
                self.assert_http_error(r, 405, "http_method")
                self.assertIn("POST", r.header("allow"))

    def test_connect_is_refused(self):
        c = self.client()
        c.send(b"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assertIn(c.read_response().status, (400, 404, 405))

    def test_head_has_no_body(self):
        c = self.client()
        r = c.request(b"", "HEAD", "/")
        self.assertEqual(r.status, 405)
        self.assertIn("POST", r.header("allow"))
        self.assertEqual(c.request(b"", "HEAD", "/healthz").status, 200)
        self.assertEqual(c.rpc("eth_call", ["y"])["result"], "y", "a HEAD answer carried a body")

    def test_post_to_a_probe_is_not_allowed(self):
        r = self.client().request(CALL, path="/healthz")
        self.assertEqual(r.status, 405)
        self.assertIn("GET", r.header("allow"))

    def test_connection_survives_405(self):
        c = self.client()
        c.get("/")
        self.assertEqual(c.rpc("eth_call", ["y"])["result"], "y")

    def test_unknown_chain(self):
        r = self.client().request(CALL, path="/nochain")
        self.assert_http_error(r, 404, "unknown_chain")

    def test_unknown_chain_on_a_longer_path(self):
        self.assertEqual(self.client().request(CALL, path="/ethereum/v1").status, 404)

    def test_chain_with_a_query(self):
        self.assertEqual(self.client().request(CALL, path="/ethereum?x=1").status, 200)

    # -- content types

    def test_content_types_as_geth(self):
        c = self.client()
        for t in ("application/json", "application/json-rpc", "application/jsonrequest", "application/json; charset=utf-8",
                  "application/json;charset=UTF-8", "Application/JSON", "application/json ; a=b; c=\"d\""):
            with self.subTest(t):
                self.assertEqual(c.request(CALL, ctype=t).status, 200)

    def test_other_content_types(self):
        for t in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonx", "application",
                  "application/x-www-form-urlencoded"):
            with self.subTest(t):
                self.assert_http_error(self.client().request(CALL, ctype=t), 415, "content_type")

    def test_refused_content_type_reaches_no_upstream(self):
        n = len(self.up.calls())
        self.client().request(CALL, ctype="text/plain")
        self.assertEqual(len(self.up.calls()), n)

    # -- Host and Origin

    def test_hosts(self):
        c = self.client()
        for h in ("localhost", "localhost:1234", "127.0.0.1", "LocalHost:8545", "[::1]:8545", "[::1]"):
            with self.subTest(h):
                self.assertEqual(c.request(CALL, host=h).status, 200)

    def test_foreign_hosts(self):
        n = len(self.up.calls())
        for h in ("evil.example", "evil.example:8545", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1",
                  "xlocalhost"):
            with self.subTest(h):
                self.assert_http_error(self.client().request(CALL, host=h), 403, "forbidden_host")
        self.assertEqual(len(self.up.calls()), n)

    def test_origin_allowed(self):
        r = self.client().request(CALL, headers={"Origin": "https://app.example"})
        self.assertEqual(r.status, 200)
        self.assertEqual(r.header("access-control-allow-origin"), "https://app.example")
        self.assertIn("origin", (r.header("vary") or "").lower())

    def test_origin_allowed_on_an_error_too(self):
        r = self.client().request("{", headers={"Origin": "https://app.example"})
        self.assertEqual(r.header("access-control-allow-origin"), "https://app.example")

    def test_origin_refused(self):
        n = len(self.up.calls())
        for o in ("https://evil.example", "http://app.example", "https://app.example.evil", "https://app.example:444", "null"):
            with self.subTest(o):
                r = self.client().request(CALL, headers={"Origin": o})
                self.assert_http_error(r, 403, "forbidden_origin")
                self.assertIsNone(r.header("access-control-allow-origin"))
        self.assertEqual(len(self.up.calls()), n)

    def test_no_cors_fields_without_origin(self):
        self.assertIsNone(self.client().request(CALL).header("access-control-allow-origin"))

    def test_preflight(self):
        c = self.client()
        r = c.request(b"", "OPTIONS", "/", headers={"Origin": "https://app.example",
                                                    "Access-Control-Request-Method": "POST",
                                                    "Access-Control-Request-Headers": "content-type"})
        self.assertIn(r.status, (200, 204))
        self.assertEqual(r.header("access-control-allow-origin"), "https://app.example")
        self.assertIn("POST", r.header("access-control-allow-methods"))
        self.assertIn("content-type", r.header("access-control-allow-headers").lower())
        self.assertEqual(c.rpc("eth_call", ["y"])["result"], "y")

    def test_preflight_refused(self):
        r = self.client().request(b"", "OPTIONS", "/", headers={"Origin": "https://evil.example",
                                                                "Access-Control-Request-Method": "POST"})
        self.assertEqual(r.status, 403)
        self.assertIsNone(r.header("access-control-allow-origin"))

    def test_answers_are_not_to_be_stored_or_sniffed_wrongly(self):
        r = self.client().request(CALL)
        self.assertEqual(r.header("content-type").split(";")[0], "application/json")
        self.assertIsNotNone(r.header("content-length") or r.header("transfer-encoding"))


class LargeBatch(Case):
    BIG = '"' + "b" * 500000 + '"'
    CALLS = [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(20)]

    def test_http_1_0_gets_it_whole(self):
        g, u = self.front(serve(self.BIG))
        with g.client() as c:
            c.send(c.build(self.CALLS, version="1.0"))
            data = b""
            while True:
                d = c.sock.recv(1 << 20)
                if not d:
                    break
                data += d
        head, body = data.split(b"\r\n\r\n", 1)
        self.assertNotIn(b"chunked", head.lower())
        self.assertEqual([x["id"] for x in json.loads(body)], list(range(20)))

    def test_the_connection_goes_on_after_it(self):
        g, u = self.front(serve(self.BIG))
        with g.client() as c:
            c.send(c.build(self.CALLS) + c.build(CALL) + c.build(self.CALLS))
            self.assertEqual([x["id"] for x in c.read_response().json()], list(range(20)))
            self.assertEqual(c.read_response().json()["id"], 1)
            self.assertEqual([x["id"] for x in c.read_response().json()], list(range(20)))

    def test_client_that_leaves_inside_it(self):
        g, u = self.front(serve(self.BIG))
        for _ in range(3):
            c = g.client()
            c.send(c.build(self.CALLS))
            c.sock.recv(100000)
            c.close()
        with g.client() as c:
            self.assertEqual(len(c.request(self.CALLS).json()), 20)


class AnyHost(Case):
    def test_star_hosts_and_origins(self):
        g, u = self.front(top={"hosts": ["*"], "cors_origins": ["*"]})
        with g.client() as c:
            r = c.request(CALL, host="whatever.example", headers={"Origin": "https://x.example"})
            self.assertEqual(r.status, 200)
            self.assertIn(r.header("access-control-allow-origin"), ("*", "https://x.example"))


class Listening(Case):
    def test_several_addresses_and_a_unix_socket(self):
        u = self.upstream()
        conf = config(endpoint(u.url()))
        conf["listen"] = ["127.0.0.1:0", "127.0.0.2:0", "unix:sock"]
        g = self.gateway(conf, n_listen=3)
        import client
        import os
        self.assertEqual(len(g.listens), 3)
        for a in g.listens:
            a = os.path.join(g.dir, a) if isinstance(a, str) else a
            c = client.Client(a)
            c.addr = ("127.0.0.1", 1)
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
            c.close()
        self.end(g)
        self.assertFalse(os.path.exists(os.path.join(g.dir, "sock")), "the unix socket was left behind")

    def test_ipv6(self):
        u = self.upstream()
        conf = config(endpoint(u.url()))
        conf["listen"] = "[::1]:0"
        g = self.gateway(conf)
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_options_win_over_the_file(self):
        u = self.upstream()
        conf = config(endpoint(u.url()))
        conf["listen"], conf["admin"] = "127.0.0.1:1", "127.0.0.1:2"
        g = self.gateway(conf, args=["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_a_unix_socket_that_cannot_be_made_says_why(self):
        path = self.write(config(endpoint("http://127.0.0.1:1/"), listen="unix:/nowhere/at/all.sock"))
        r = self.run_program("-c", path)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertRegex(r.stderr, r"event=listen_failed .*No such file or directory")

    def test_address_in_use(self):
        u = self.upstream()
        g = self.gateway(config(endpoint(u.url())))
        path = self.write(config(endpoint(u.url())))
        r = self.run_program("-c", path, "--listen", "127.0.0.1:%d" % g.addr[1])
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("in use", r.stderr)

    def test_tcp_nodelay(self):
        """A quick answer must not wait for the client's delayed acknowledgement of the one before."""
        g, u = self.front()
        with g.client() as c:
            c.rpc("eth_call")
            at = time.monotonic()
            for _ in range(20):
                c.rpc("eth_call")
            self.assertLess((time.monotonic() - at) / 20, 0.03)
