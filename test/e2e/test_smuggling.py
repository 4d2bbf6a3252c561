"""Requests whose framing or head is in doubt: refused with 400 and a closed connection, nothing reaches the upstream."""
from harness import Shared, config, endpoint
from upstream import Upstream, serve

BODY = b'{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}'
L = b"%d" % len(BODY)
H = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
INNER = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " + L + b"\r\n\r\n" + BODY
CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
TE = H + b"Transfer-Encoding: chunked\r\n"


def cl(extra=b"", n=L, start=b"POST / HTTP/1.1\r\n", host=b"Host: localhost\r\n"):
    return start + host + b"Content-Type: application/json\r\n" + extra + b"Content-Length: " + n + b"\r\n\r\n" + BODY


# name -> (bytes, statuses that are right)
TABLE = {
    # length against coding
    "length_with_chunked": (TE + b"Content-Length: " + L + b"\r\n\r\n" + CHUNK, (400,)),
    "chunked_with_length_first": (H + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK, (400,)),
    "length_zero_with_chunked": (H + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK, (400,)),
    "two_lengths_equal": (cl(b"Content-Length: " + L + b"\r\n"), (400,)),
    "two_lengths_different": (cl(b"Content-Length: 5\r\n"), (400,)),
    "length_list": (cl(n=L + b", " + L), (400,)),
    "length_plus": (cl(n=b"+" + L), (400,)),
    "length_minus": (cl(n=b"-" + L), (400,)),
    "length_hex": (cl(n=b"0x" + L), (400,)),
    "length_empty": (cl(n=b""), (400,)),
    "length_two_words": (cl(n=L + b" 1"), (400,)),
    "length_word": (cl(n=b"abc"), (400,)),
    "length_fraction": (cl(n=L + b".0"), (400,)),
    "length_overflow": (cl(n=b"18446744073709551700"), (400, 413)),
    "length_space_before_colon": (H + b"Content-Length : " + L + b"\r\n\r\n" + BODY, (400,)),
    # codings
    "coding_gzip": (H + b"Transfer-Encoding: gzip\r\n\r\n" + CHUNK, (400, 501)),
    "coding_gzip_chunked": (H + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNK, (400, 501)),
    "coding_chunked_gzip": (H + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + CHUNK, (400, 501)),
    "coding_chunked_chunked": (H + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNK, (400, 501)),
    "coding_identity": (H + b"Transfer-Encoding: identity\r\nContent-Length: " + L + b"\r\n\r\n" + BODY, (400, 501)),
    "coding_chunked_identity": (H + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNK, (400, 501)),
    "coding_xchunked": (H + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNK, (400, 501)),
    "coding_quoted": (H + b'Transfer-Encoding: "chunked"\r\n\r\n' + CHUNK, (400, 501)),
    "coding_with_parameter": (H + b"Transfer-Encoding: chunked;x=y\r\n\r\n" + CHUNK, (400, 501)),
    "coding_vertical_tab": (H + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNK, (400, 501)),
    "coding_empty": (H + b"Transfer-Encoding:\r\n\r\n" + CHUNK, (400, 501)),
    "coding_twice": (TE + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK, (400, 501)),
    "coding_twice_other": (TE + b"Transfer-Encoding: identity\r\n\r\n" + CHUNK, (400, 501)),
    "coding_space_before_colon": (H + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNK, (400,)),
    "coding_tab_before_colon": (H + b"Transfer-Encoding\t: chunked\r\n\r\n" + CHUNK, (400,)),
    "coding_folded": (H + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNK, (400,)),
    "coding_in_http_1_0": (b"POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK, (400,)),
    # Host
    "host_twice": (cl(b"Host: localhost\r\n"), (400,)),
    "host_twice_different": (cl(b"Host: evil.example\r\n"), (400,)),
    "host_missing": (cl(host=b""), (400,)),
    "host_empty": (cl(host=b"Host:\r\n"), (400, 403)),
    "host_with_space": (cl(host=b"Host: local host\r\n"), (400,)),
    "host_with_slash": (cl(host=b"Host: localhost/x\r\n"), (400,)),
    "host_with_user": (cl(host=b"Host: user@localhost\r\n"), (400,)),
    "host_list": (cl(host=b"Host: localhost, evil.example\r\n"), (400,)),
    "host_bad_port": (cl(host=b"Host: localhost:x\r\n"), (400,)),
    "host_port_too_large": (cl(host=b"Host: localhost:99999999\r\n"), (400,)),
    "host_open_bracket": (cl(host=b"Host: [::1\r\n"), (400,)),
    "host_non_ascii": (cl(host=b"Host: localh\xc3\xb6st\r\n"), (400,)),
    # bytes of the head
    "bare_lf_lines": (INNER.replace(b"\r\n", b"\n"), (400,)),
    "bare_lf_one_line": (cl(b"X-A: b\n"), (400,)),
    "bare_lf_at_the_end": (INNER.replace(b"\r\n\r\n", b"\r\n\n"), (400,)),
    "bare_cr_in_a_value": (cl(b"X-A: b\rX-B: c\r\n"), (400,)),
    "bare_cr_before_coding": (H + b"X-A: b\rTransfer-Encoding: chunked\r\n\r\n" + CHUNK, (400,)),
    "bare_cr_line_end": (cl(b"X-A: b\r"), (400,)),
    "cr_cr_lf": (cl(b"X-A: b\r\r\n"), (400,)),
    "nul_in_a_value": (cl(b"X-A: b\x00c\r\n"), (400,)),
    "nul_in_a_name": (cl(b"X\x00A: b\r\n"), (400,)),
    "control_in_a_value": (cl(b"X-A: b\x01c\r\n"), (400,)),
    "del_in_a_value": (cl(b"X-A: b\x7fc\r\n"), (400,)),
    "obs_fold": (cl(b"X-A: b\r\n c\r\n"), (400,)),
    "obs_fold_tab": (cl(b"X-A: b\r\n\tc\r\n"), (400,)),
    "space_before_the_first_field": (b"POST / HTTP/1.1\r\n Host: localhost\r\nContent-Length: " + L + b"\r\n\r\n" + BODY, (400,)),
    "no_colon": (cl(b"X-A\r\n"), (400,)),
    "empty_name": (cl(b": v\r\n"), (400,)),
    "space_in_a_name": (cl(b"X A: v\r\n"), (400,)),
    "non_ascii_name": (cl(b"X-\xc3\xa9: v\r\n"), (400,)),
    "bracket_in_a_name": (cl(b"X(A): v\r\n"), (400,)),
    # the request line
    "lower_case_method": (cl(start=b"post / HTTP/1.1\r\n"), (400, 405, 501)),
    "two_spaces": (cl(start=b"POST  / HTTP/1.1\r\n"), (400,)),
    "tab_for_space": (cl(start=b"POST\t/\tHTTP/1.1\r\n"), (400,)),
    "space_at_the_end": (cl(start=b"POST / HTTP/1.1 \r\n"), (400,)),
    "no_version": (cl(start=b"POST /\r\n"), (400, 505)),
    "version_0_9": (cl(start=b"POST / HTTP/0.9\r\n"), (400, 505)),
    "version_1_2": (cl(start=b"POST / HTTP/1.2\r\n"), (400, 505)),
    "version_2_0": (cl(start=b"POST / HTTP/2.0\r\n"), (400, 505)),
    "version_junk": (cl(start=b"POST / HTTP/1.1x\r\n"), (400, 505)),
    "version_lower_case": (cl(start=b"POST / http/1.1\r\n"), (400, 505)),
    "version_long": (cl(start=b"POST / HTTP/1.10\r\n"), (400, 505)),
    "other_protocol": (cl(start=b"POST / ICE/1.0\r\n"), (400, 505)),
    "http_2_preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    "tls_client_hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), (400,)),
    "target_with_nul": (cl(start=b"POST /\x00 HTTP/1.1\r\n"), (400,)),
    "target_with_control": (cl(start=b"POST /\x01 HTTP/1.1\r\n"), (400,)),
    "target_relative": (cl(start=b"POST ethereum HTTP/1.1\r\n"), (400, 404)),
    "space_before_the_method": (b" " + INNER, (400,)),
    "many_leading_lines": (b"\r\n" * 40000 + INNER, (400, 431)),
    # chunks
    "chunk_size_hex_prefix": (TE + b"\r\n0x5\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_size_minus": (TE + b"\r\n-5\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_size_plus": (TE + b"\r\n+5\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_size_empty": (TE + b"\r\n\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_size_space_first": (TE + b"\r\n 5\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_size_underscore": (TE + b"\r\n1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n", (400,)),
    "chunk_size_junk": (TE + b"\r\n5zz\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_size_bare_lf": (TE + b"\r\n%x\n%s\r\n0\r\n\r\n" % (len(BODY), BODY), (400,)),
    "chunk_size_bare_cr": (TE + b"\r\n%x\r%s\r\n0\r\n\r\n" % (len(BODY), BODY), (400,)),
    "chunk_size_overflow": (TE + b"\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n", (400, 413)),
    "chunk_size_wraps": (TE + b"\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", (400, 413)),
    "chunk_size_many_zeros": (TE + b"\r\n" + b"0" * 70000 + b"5\r\nhello\r\n0\r\n\r\n", (400, 413)),
    "chunk_data_too_long": (TE + b"\r\n5\r\nhello!\r\n0\r\n\r\n", (400,)),
    "chunk_data_without_crlf": (TE + b"\r\n5\r\nhello0\r\n\r\n", (400,)),
    "chunk_data_bare_lf": (TE + b"\r\n%x\r\n%s\n0\r\n\r\n" % (len(BODY), BODY), (400,)),
    "chunk_extension_too_long": (TE + b"\r\n5;" + b"a" * 200000 + b"\r\nhello\r\n0\r\n\r\n", (400, 413)),
    "chunk_extensions_without_end": (TE + b"\r\n" + b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n" * 6000, (400, 413)),
    "chunk_extension_with_bare_lf": (TE + b"\r\n5;a\n\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_extension_with_bare_cr": (TE + b"\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", (400,)),
    "chunk_extension_with_nul": (TE + b"\r\n5;a\x00\r\nhello\r\n0\r\n\r\n", (400,)),
    "last_chunk_bare_lf": (TE + b"\r\n%x\r\n%s\r\n0\n\n" % (len(BODY), BODY), (400,)),
    "trailer_bare_lf": (TE + b"\r\n%x\r\n%s\r\n0\r\nX: y\n\r\n" % (len(BODY), BODY), (400,)),
    "trailer_folded": (TE + b"\r\n%x\r\n%s\r\n0\r\nX: y\r\n z\r\n\r\n" % (len(BODY), BODY), (400,)),
    "trailer_too_long": (TE + b"\r\n%x\r\n%s\r\n0\r\n" % (len(BODY), BODY) + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 3000 + b"\r\n",
                         (400, 431, 413)),
}


class Smuggling(Shared):
    @classmethod
    def configure(cls):
        cls.up = Upstream(serve())
        return config(endpoint(cls.up.url()), limits={"max_body_bytes": 100000, "header_timeout_ms": 1500,
                                                      "body_timeout_ms": 1500})

    def test_the_plain_form_is_served(self):
        """The table below proves something only while its well-formed twins pass."""
        for data in (INNER, cl(), TE + b"\r\n" + CHUNK, cl(b"X-A: b\tc \r\n"), cl(b"X-A:\r\n"), cl(n=L + b" ")):
            with self.gw.client() as c:
                c.send(data)
                self.assertEqual(c.read_response().status, 200, data)


def _test(data, statuses):
    def test(self):
        n = len(self.up.calls())
        with self.gw.client(timeout=10) as c:
            try:
                c.send(data + INNER)  # what a smuggler hopes to get served
            except OSError:
                pass  # refused and closed before all of it was sent
            r = c.read_response()
            self.assertIn(r.status, statuses, r)
            self.assertEqual((r.header("connection") or "").lower(), "close", r)
            self.assertEqual(r.header("content-type").split(";")[0], "application/json", r)
            e = r.json()
            self.assertEqual((e["jsonrpc"], e["id"], e["error"]["code"]), ("2.0", None, -32600), r)
            self.assertTrue(c.read_eof(), "the connection stayed open, or more came: %r" % c.buf[:200])
        self.assertEqual(len(self.up.calls()), n, "something reached the upstream")
    return test


for _name, (_data, _statuses) in TABLE.items():
    setattr(Smuggling, "test_" + _name, _test(_data, _statuses))
