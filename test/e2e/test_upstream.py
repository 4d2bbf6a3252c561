"""Upstreams that misbehave: each fault becomes one clear answer, and no doubt about framing outlives its socket."""
import gzip
import json
import time
import zlib

from harness import Case
from upstream import chunked, error_reply, http, reply, serve

HTML = "<html><head><title>502 Bad Gateway</title></head><body>secret-of-cloud</body></html>"


def each(f):
    """A script that calls f(conn, request) for every request; f may return False to end the connection."""
    def script(conn):
        while True:
            r = conn.read_request()
            if r is None or f(conn, r) is False:
                return
    return script


def first_bad(f):
    """Only the first connection misbehaves."""
    def script(conn):
        if conn.index == 0:
            f(conn)
        else:
            serve()(conn)
    return script


def head(text, length=None):
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + text + "\r\n"


# -- what is answered well in spite of everything: name -> f(conn, request)
def _half_status(c, r):
    data = http(reply(r.id))
    c.send(data[:7])
    time.sleep(0.05)
    c.send(data[7:])


def _http_1_0_close(c, r):
    c.send(http(reply(r.id), version="1.0", framing=False))
    return False


def _close_delimited(c, r):
    c.send(http(reply(r.id), framing=False, headers=[("Connection", "close")]))
    return False


GOOD = {
    "plain": lambda c, r: c.send(http(reply(r.id))),
    "one_byte_at_a_time": lambda c, r: c.drip(http(reply(r.id))),
    "one_byte_at_a_time_slowly": lambda c, r: c.drip(http(reply(r.id)), 0.002),
    "head_in_two": _half_status,
    "chunked": lambda c, r: c.send(http(chunked(reply(r.id)), headers=[("Transfer-Encoding", "chunked")], framing=False)),
    "chunked_bytes": lambda c, r: c.drip(http(chunked(reply(r.id), (1,)), headers=[("Transfer-Encoding", "chunked")], framing=False)),
    "chunked_with_extension_and_trailer": lambda c, r: c.send(http(
        chunked(reply(r.id), (5,), ';a="b"', "X-T: v\r\n"), headers=[("Transfer-Encoding", "chunked")], framing=False)),
    "http_1_0_close": _http_1_0_close,
    "close_delimited": _close_delimited,
    "http_1_0_keep_alive": lambda c, r: c.send(http(reply(r.id), version="1.0", headers=[("Connection", "keep-alive")])),
    "continue_100": lambda c, r: c.send(b"HTTP/1.1 100 Continue\r\n\r\n" + http(reply(r.id))),
    "early_hints_103": lambda c, r: c.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + http(reply(r.id))),
    "lower_case_fields": lambda c, r: c.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (
        len(reply(r.id)), reply(r.id).encode())),
    "no_reason_phrase": lambda c, r: c.send(http(reply(r.id), status="200 ")),
    "other_content_type": lambda c, r: c.send(http(reply(r.id), ctype="text/plain")),
    "newline_at_the_end": lambda c, r: c.send(http(reply(r.id) + "\n")),
    "pretty_printed": lambda c, r: c.send(http(json.dumps(json.loads(reply(r.id)), indent=4))),
    "id_last": lambda c, r: c.send(http('{"result":"0x1","jsonrpc":"2.0","id":%d}' % r.id)),
    "no_version_member": lambda c, r: c.send(http('{"result":"0x1","id":%d}' % r.id)),
    "status_201": lambda c, r: c.send(http(reply(r.id), status="201 Created")),
    "status_500_with_a_result": lambda c, r: c.send(http(reply(r.id), status="500 Oops")),
    "many_fields": lambda c, r: c.send(http(reply(r.id), headers=[("X-%d" % i, "v") for i in range(60)])),
    "connection_close": lambda c, r: (c.send(http(reply(r.id), headers=[("Connection", "close")])), False)[1],
    "gzip": lambda c, r: c.send(http(gzip.compress(reply(r.id).encode()), headers=[("Content-Encoding", "gzip")])),
    "x_gzip": lambda c, r: c.send(http(gzip.compress(reply(r.id).encode()), headers=[("Content-Encoding", "x-gzip")])),
    "gzip_chunked": lambda c, r: c.send(http(chunked(gzip.compress(reply(r.id).encode())), framing=False, headers=[
        ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")])),
    "gzip_bytes": lambda c, r: c.drip(http(gzip.compress(reply(r.id).encode()), headers=[("Content-Encoding", "gzip")])),
    "deflate_zlib": lambda c, r: c.send(http(zlib.compress(reply(r.id).encode()), headers=[("Content-Encoding", "deflate")])),
    "deflate_raw": lambda c, r: c.send(http(zlib.compress(reply(r.id).encode())[2:-4], headers=[("Content-Encoding", "deflate")])),
    "identity_coding": lambda c, r: c.send(http(reply(r.id), headers=[("Content-Encoding", "identity")])),
}


class Good(Case):
    def one(self, f):
        g, u = self.front(each(f), ep={"accept_encoding": "all"})
        with g.client() as c:
            for i in range(3):
                self.assertEqual(c.rpc("eth_call", id=i), {"jsonrpc": "2.0", "id": i, "result": "0x1"})
        return g, u


def _good_test(f):
    def test(self):
        self.one(f)
    return test


for _name, _f in GOOD.items():
    setattr(Good, "test_" + _name, _good_test(_f))


# -- what becomes an error: name -> (f(conn, request), reasons)
def _part(conn, r):
    conn.send(http(reply(r.id, '"' + "x" * 5000 + '"'))[:2000])


def _reset_in_body(conn, r):
    _part(conn, r)
    time.sleep(0.05)
    conn.reset()
    return False


def _truncated(conn, r):
    _part(conn, r)
    return False


def _truncated_head(conn, r):
    conn.send("HTTP/1.1 200 OK\r\nContent-Le")
    return False


def _truncated_chunks(conn, r):
    conn.send(http(chunked(reply(r.id))[:-8], headers=[("Transfer-Encoding", "chunked")], framing=False))
    return False


def _no_last_chunk(conn, r):
    conn.send(http(chunked(reply(r.id))[:-5], headers=[("Transfer-Encoding", "chunked")], framing=False))
    return False


def _close(conn, r):
    return False


def _reset(conn, r):
    conn.reset()
    return False


def _continue_then_close(conn, r):
    conn.send("HTTP/1.1 100 Continue\r\n\r\n")
    return False


def _endless_1xx(conn, r):
    for _ in range(1000):
        conn.send("HTTP/1.1 102 Processing\r\n\r\n")


def _endless_head(conn, r):
    conn.send("HTTP/1.1 200 OK\r\n")
    for i in range(20000):
        conn.send("X-%d: vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\r\n" % i)


def _bomb(conn, r):
    z = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join([z.compress(b'{"jsonrpc":"2.0","id":%d,"result":"' % r.id)] + [z.compress(b"a" * (1 << 20)) for _ in range(200)] + [z.flush()])
    conn.send(http(data, headers=[("Content-Encoding", "gzip")]))


def _bomb_twice(conn, r):
    inner = gzip.compress(b"a" * (64 << 20))
    conn.send(http(gzip.compress(inner), headers=[("Content-Encoding", "gzip, gzip")]))


BAD = {
    "reset_before_the_answer": (_reset, "upstream_reset"),
    "closed_before_the_answer": (_close, "upstream_reset"),
    "closed_after_100_continue": (_continue_then_close, ("upstream_reset", "upstream_truncated")),
    "reset_within_the_body": (_reset_in_body, "upstream_truncated"),
    "closed_within_the_body": (_truncated, "upstream_truncated"),
    "closed_within_the_head": (_truncated_head, "upstream_truncated"),
    "closed_within_a_chunk": (_truncated_chunks, "upstream_truncated"),
    "closed_before_the_last_chunk": (_no_last_chunk, "upstream_truncated"),
    "length_too_small": (lambda c, r: c.send(http(reply(r.id), length=len(reply(r.id)) - 2)), "upstream_not_json"),
    "length_zero": (lambda c, r: c.send(http("")), "upstream_not_json"),
    "garbage": (lambda c, r: c.send(b"\x00\x01\x02 this is no HTTP\r\n\r\n" * 20), "upstream_bad_http"),
    "tls_alert": (lambda c, r: c.send(b"\x15\x03\x01\x00\x02\x02\x46"), "upstream_bad_http"),
    "ssh_banner": (lambda c, r: c.send(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "upstream_bad_http"),
    "http_0_9": (lambda c, r: (c.send(reply(r.id)), False)[1], ("upstream_bad_http", "upstream_truncated")),
    "two_lengths": (lambda c, r: c.send(http(reply(r.id), headers=[("Content-Length", "5")])), "upstream_bad_http"),
    "length_with_chunked": (lambda c, r: c.send(http(chunked(reply(r.id)), headers=[("Transfer-Encoding", "chunked")])), "upstream_bad_http"),
    "bad_length": (lambda c, r: c.send("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello"), "upstream_bad_http"),
    "bad_chunk_size": (lambda c, r: c.send(http("zz\r\nhello\r\n0\r\n\r\n", headers=[("Transfer-Encoding", "chunked")], framing=False)), "upstream_bad_http"),
    "unknown_transfer_coding": (lambda c, r: (c.send(http(reply(r.id), headers=[("Transfer-Encoding", "gzip")], framing=False)), False)[1], "upstream_bad_http"),
    "nul_in_the_head": (lambda c, r: c.send(http(reply(r.id), headers=[("X-A", "a\0b")])), "upstream_bad_http"),
    "obs_fold": (lambda c, r: c.send(http(reply(r.id), headers=[("X-A", "a\r\n b")])), "upstream_bad_http"),
    "bare_lf": (lambda c, r: c.send(http(reply(r.id)).replace(b"\r\n", b"\n")), "upstream_bad_http"),
    "endless_1xx": (_endless_1xx, "upstream_bad_http"),
    "switching_protocols": (lambda c, r: c.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
                            ("upstream_bad_http", "upstream_http_status")),
    "endless_head": (_endless_head, "upstream_bad_http"),
    "html_502": (lambda c, r: c.send(http(HTML, status="502 Bad Gateway", ctype="text/html")), "upstream_http_status"),
    "html_200": (lambda c, r: c.send(http(HTML, ctype="text/html")), "upstream_not_json"),
    "html_403": (lambda c, r: c.send(http(HTML, status="403 Forbidden", ctype="text/html")), "upstream_http_status"),
    "redirect": (lambda c, r: c.send(http("", status="301 Moved", headers=[("Location", "http://elsewhere.example/")])), "upstream_http_status"),
    "no_content_204": (lambda c, r: c.send("HTTP/1.1 204 No Content\r\n\r\n"), ("upstream_http_status", "upstream_not_json")),
    "text_429": (lambda c, r: c.send(http("slow down", status="429 Too Many Requests", ctype="text/plain", headers=[("Retry-After", "1")])), "upstream_http_status"),
    "half_json": (lambda c, r: c.send(http(reply(r.id)[:-3])), "upstream_not_json"),
    "two_json_documents": (lambda c, r: c.send(http(reply(r.id) * 2)), "upstream_not_json"),
    "bad_utf8": (lambda c, r: c.send(http(reply(r.id).encode().replace(b"0x1", b"\xff"))), "upstream_not_json"),
    "json_text": (lambda c, r: c.send(http('"ok"')), "upstream_not_rpc"),
    "json_array": (lambda c, r: c.send(http("[%s]" % reply(r.id))), "upstream_not_rpc"),
    "json_empty_object": (lambda c, r: c.send(http("{}")), ("upstream_not_rpc", "upstream_no_id", "upstream_no_result")),
    "wrong_id": (lambda c, r: c.send(http(reply(r.id + 1))), "upstream_wrong_id"),
    "wrong_id_text": (lambda c, r: c.send(http(reply("other"))), ("upstream_wrong_id", "upstream_no_id")),
    "wrong_id_fraction": (lambda c, r: c.send(http(reply(r.id + 0.5))), ("upstream_wrong_id", "upstream_no_id")),
    "no_id": (lambda c, r: c.send(http('{"jsonrpc":"2.0","result":"0x1"}')), "upstream_no_id"),
    "null_id_with_a_result": (lambda c, r: c.send(http('{"jsonrpc":"2.0","id":null,"result":"0x1"}')), ("upstream_no_id", "upstream_wrong_id")),
    "neither_result_nor_error": (lambda c, r: c.send(http('{"jsonrpc":"2.0","id":%d}' % r.id)), "upstream_no_result"),
    "error_null_and_no_result": (lambda c, r: c.send(http('{"jsonrpc":"2.0","id":%d,"error":null}' % r.id)), "upstream_no_result"),
    "doubled_result": (lambda c, r: c.send(http('{"jsonrpc":"2.0","id":%d,"result":1,"result":2}' % r.id)), "upstream_not_rpc"),
    "doubled_id": (lambda c, r: c.send(http('{"jsonrpc":"2.0","id":%d,"result":1,"id":%d}' % (r.id, r.id))), "upstream_not_rpc"),
    "corrupt_gzip": (lambda c, r: c.send(http(b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"junk" * 20, headers=[("Content-Encoding", "gzip")])), "upstream_coding"),
    "no_gzip_at_all": (lambda c, r: c.send(http(reply(r.id), headers=[("Content-Encoding", "gzip")])), "upstream_coding"),
    "truncated_gzip": (lambda c, r: c.send(http(gzip.compress(reply(r.id).encode())[:-6], headers=[("Content-Encoding", "gzip")])), "upstream_coding"),
    "bytes_after_gzip": (lambda c, r: c.send(http(gzip.compress(reply(r.id).encode()) + b"surplus", headers=[("Content-Encoding", "gzip")])), "upstream_coding"),
    "unknown_coding": (lambda c, r: c.send(http(reply(r.id), headers=[("Content-Encoding", "zstd")])), "upstream_coding"),
    "corrupt_br": (lambda c, r: c.send(http(b"\xff" * 100, headers=[("Content-Encoding", "br")])), "upstream_coding"),
    "gzip_bomb": (_bomb, "upstream_too_large"),
    "gzip_bomb_twice": (_bomb_twice, ("upstream_too_large", "upstream_coding")),
    "too_large": (lambda c, r: c.send(http(reply(r.id, '"' + "x" * 3000000 + '"'))), "upstream_too_large"),
    "too_large_by_its_length": (lambda c, r: c.send(http("{", length=1 << 40)), "upstream_too_large"),
    "too_large_chunked": (lambda c, r: c.send(http(chunked("x" * 3000000, (65536,)), headers=[("Transfer-Encoding", "chunked")], framing=False)), "upstream_too_large"),
    "too_large_by_a_chunk": (lambda c, r: c.send(http("ffffffff\r\n{", headers=[("Transfer-Encoding", "chunked")], framing=False)), "upstream_too_large"),
}


class Bad(Case):
    def one(self, f, reasons):
        g, u = self.front(each(f), ep={"accept_encoding": "all", "max_response_bytes": 2000000, "timeout_ms": 4000})
        with g.client() as c:
            r = c.request('{"jsonrpc":"2.0","id":"me","method":"eth_call","params":[]}')
            self.assertEqual(r.status, 200)
            self.assert_error(r.json(), reasons, id="me", endpoint="a")
            self.assertNotIn(b"secret-of-cloud", r.body)
            self.assertNotIn(b"html", r.body)
            # the client's connection lives on, and a batch is answered element by element
            got = c.request('[{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]},'
                            '{"jsonrpc":"2.0","id":2,"method":"eth_sendRawTransaction","params":["0x"]}]').json()
            self.assertEqual([x["id"] for x in got], [1, 2])
            for x in got:
                self.assertIn("error", x)
        self.assertEqual(len(u.calls("eth_sendRawTransaction")) if u.calls() else 0, 1, "a write was sent twice")


def _bad_test(f, reasons):
    def test(self):
        self.one(f, reasons)
    return test


for _name, (_f, _reasons) in BAD.items():
    setattr(Bad, "test_" + _name, _bad_test(_f, _reasons))


class Sockets(Case):
    """Whether a socket is used again."""

    def test_brotli(self):
        # {"jsonrpc":"2.0","id":1,"result":"0x1"} is not known ahead (the id is the gateway's own), so the vector is an
        # uncompressed brotli stream (RFC 7932 section 9.2): one stored meta-block, then the empty last one.
        def br(data):
            n = len(data) - 1
            bits, width = 0, 0

            def put(v, w):
                nonlocal bits, width
                bits |= v << width
                width += w
            put(0, 1)       # WBITS: 16
            put(0, 1)       # ISLAST
            put(0, 2)       # MNIBBLES: 4
            put(n, 16)      # MLEN - 1
            put(1, 1)       # ISUNCOMPRESSED
            return bits.to_bytes((width + 7) // 8, "little") + data + b"\x03"
        g, u = self.front(each(lambda c, r: c.send(http(br(reply(r.id).encode()), headers=[("Content-Encoding", "br")]))),
                          ep={"accept_encoding": "all"})
        with g.client() as c:
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_accept_encoding_choices(self):
        for choice, has, lacks in (("auto", [], ["gzip", "br"]), ("identity", [], ["gzip", "br"]),
                                   ("gzip", ["gzip"], ["br"]), ("all", ["gzip", "br", "deflate"], [])):
            with self.subTest(choice):
                g, u = self.front(ep={"accept_encoding": choice})
                with g.client() as c:
                    c.rpc("eth_call")
                v = u.calls()[0].header("accept-encoding") or ""
                words = [w.split(";")[0].strip() for w in v.split(",")]
                for w in has:
                    self.assertIn(w, words)
                for w in lacks:
                    self.assertNotIn(w, words)

    def test_error_bodies_at_any_status_pass_verbatim(self):
        for status in ("400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "413 Too Large",
                       "429 Too Many Requests", "500 Oops", "502 Bad Gateway", "503 Unavailable"):
            with self.subTest(status):
                g, u = self.front(each(lambda c, r: c.send(http(error_reply(r.id, -32005, "limit exceeded", '{"x":1.0}'), status=status))))
                with g.client() as c:
                    r = c.request('{"jsonrpc":"2.0","id":5,"method":"eth_call","params":[]}')
                    self.assertEqual(r.status, 200)
                    self.assertEqual(r.body.rstrip(b"\n"), b'{"jsonrpc":"2.0","id":5,"error":{"code":-32005,"message":"limit exceeded","data":{"x":1.0}}}')

    def second_call(self, f, same):
        g, u = self.front(f)
        with g.client() as c:
            c.rpc("eth_call")
            time.sleep(0.1)
            self.assertEqual(c.rpc("eth_call", id=2)["result"], "0x1")
        used = {r.conn.index for r in u.calls()}
        self.assertEqual(len(used), 1 if same else 2)
        return g, u

    def test_reused_after_a_plain_answer(self):
        self.second_call(serve(), True)

    def test_reused_after_a_chunked_answer(self):
        self.second_call(each(GOOD["chunked"]), True)

    def test_reused_after_a_gzip_answer(self):
        self.second_call(each(GOOD["gzip"]), True)

    def test_reused_after_an_error_status_with_a_body(self):
        self.second_call(first_bad(lambda c: serve()(c)), True)

    def test_not_reused_after_surplus_bytes(self):
        def f(conn):
            if conn.index == 0:
                r = conn.read_request()
                conn.send(http(reply(r.id)) + b"x")
                conn.wait_eof()
            else:
                serve()(conn)
        g, u = self.front(f)
        with g.client() as c:
            first = c.rpc("eth_call")
            self.assertTrue("result" in first or first["error"]["data"]["reason"] == "upstream_bad_http", first)
            time.sleep(0.1)
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")
        self.assertEqual(len(u.conns), 2)

    def test_not_reused_after_a_whole_second_answer(self):
        """The classic desynchronisation: the next call must not get it."""
        def f(conn):
            r = conn.read_request()
            if r:
                conn.send(http(reply(r.id)) + http(reply(r.id + 1, '"stolen"')))
                conn.wait_eof()
        g, u = self.front(f)
        with g.client() as c:
            for i in range(5):
                got = c.rpc("eth_call", id=i)
                self.assertNotEqual(got.get("result"), "stolen")
        self.assertTrue(all(c.requests <= 1 for c in u.conns))

    def test_unasked_bytes_on_an_idle_socket(self):
        def f(conn):
            r = conn.read_request()
            if r is None:
                return
            conn.answer(r)
            if conn.index == 0:
                time.sleep(0.1)
                conn.send(http(reply(2, '"unasked"')))
                conn.ended = conn.wait_eof(3)
            else:
                serve()(conn)
        g, u = self.front(f)
        with g.client() as c:
            c.rpc("eth_call")
            self.eventually(lambda: getattr(u.conns[0], "ended", False), 3, "the socket was kept")
            for i in range(3):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")

    def test_unasked_408_on_an_idle_socket(self):
        """What HAProxy and others send before they close an idle connection."""
        def f(conn):
            r = conn.read_request()
            if r is None:
                return
            conn.answer(r)
            if conn.index == 0:
                time.sleep(0.05)
                conn.send("HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            else:
                serve()(conn)
        self.second_call(f, False)

    def test_late_answer_goes_to_no_one(self):
        def f(conn):
            r = conn.read_request()
            if r is None:
                return
            if conn.index == 0:
                time.sleep(0.6)
                conn.send(http(reply(r.id, '"late"')))
                conn.wait_eof()
            else:
                conn.answer(r)
                serve()(conn)
        g, u = self.front(f, ep={"timeout_ms": 300}, chain={"retry": {"max_attempts": 1}})
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), "upstream_timeout", id=1)
            for i in range(20):
                self.assertEqual(c.rpc("eth_call", id=i)["result"], "0x1")
                time.sleep(0.03)

    def test_not_reused_after_html(self):
        def f(conn):
            r = conn.read_request()
            if conn.index == 0:
                conn.send(http(HTML, status="502 Bad Gateway", headers=[("Connection", "close")]))
            else:
                conn.answer(r)
                serve()(conn)
        g, u = self.front(f, chain={"retry": {"max_attempts": 1}})
        with g.client() as c:
            self.assertIn("error", c.rpc("eth_call"))
            self.assertEqual(c.rpc("eth_call")["result"], "0x1")

    def test_truncated_is_not_called_an_answer_when_close_delimited_json_is_cut(self):
        g, u = self.front(lambda c: (c.send(http(reply(c.read_request().id)[:-4], framing=False))))
        with g.client() as c:
            self.assert_error(c.rpc("eth_call"), ("upstream_not_json", "upstream_truncated"), id=1)

    def test_never_pipelines_upstream(self):
        g, u = self.front(serve(delay=0.02), ep={"pool": {"max_sockets": 3}})
        calls = [{"jsonrpc": "2.0", "id": i, "method": "eth_call", "params": [i]} for i in range(30)]
        with g.client() as c:
            self.assertEqual(len(c.request(calls).json()), 30)
        self.assertEqual(u.early, [], "a request was sent before the answer of the one before")

    def test_solana_codes(self):
        g, u = self.front(lambda c: c.read_request() and c.wait_eof(), family="solana", ep={"timeout_ms": 200})
        with g.client() as c:
            self.assert_error(c.rpc("getSlot"), "upstream_timeout", id=1, family="solana")

    def test_client_that_leaves_does_not_spoil_the_socket(self):
        g, u = self.front(serve(delay=0.2), ep={"pool": {"max_sockets": 1}})
        for _ in range(3):
            c = g.client()
            c.send(c.build('{"jsonrpc":"2.0","id":1,"method":"eth_call","params":["left"]}'))
            self.eventually(lambda: any(r.json["params"] == ["left"] for r in u.calls()))
            c.close()
            with g.client() as d:
                self.assertEqual(d.rpc("eth_call", ["stays"])["result"], "0x1")
