"""Planted secrets must reach the endpoint and nothing else: no log, metric, page, error or check output."""
import json
import os
import time

from client import Closed
from harness import Case, config, endpoint
from upstream import Gate, http, serve

SECRETS = {"user": "PLANTED-user-81", "password": "PLANTED-pass-82", "path": "PLANTED-path-83", "query": "PLANTED-query-84",
           "header": "PLANTED-header-85", "env": "PLANTED-env-86", "proxy": "PLANTED-proxy-87",
           "bearer": "PLANTED-bearer-88", "basic": "PLANTED-basic-89", "file": "PLANTED-file-90", "command": "PLANTED-command-91",
           "argument": "PLANTED-argument-92", "field": "PLANTED-field-93", "parameter": "PLANTED-parameter-94",
           "jwt": "a17e0" * 12 + "9595", "client": "PLANTED-client-96"}


class Planted(Case):
    def conf(self, base, **kw):
        url = base.replace("://", "://%(user)s:%(password)s@" % SECRETS) + "v2/%(path)s?key=%(query)s&e=${PLANTED_ENV}" % SECRETS
        return config(endpoint(url, "keyed", headers={"x-api-key": SECRETS["header"], "authorization-2": "${PLANTED_ENV}"}, **kw),
                      log={"level": "debug", "access": True})

    def start(self, conf, **kw):
        return self.gateway(conf, env={"PLANTED_ENV": SECRETS["env"]}, **kw)

    def outputs(self, g, answers):
        text = {"answers": repr(answers)}
        for p in ("/metrics", "/status", "/status?sockets=1", "/status?format=table", "/", "/readyz", "/healthz"):
            r = g.admin_get(p)
            text[p] = repr(r.headers) + r.body.decode()
        self.end(g)
        text["stderr"] = g.stderr()
        text["stdout"] = g.stdout()
        return text

    def clean(self, text):
        import base64
        words = [s[:-3] for s in SECRETS.values()] + ["PLANTED", base64.b64encode(
            ("me:%(basic)s" % SECRETS).encode()).decode()[4:20], "eyJhbGciOiJIUzI1NiIs", base64.b64encode(
            ("%(user)s:%(password)s" % SECRETS).encode()).decode()[:20]]
        for where, t in text.items():
            for w in words:
                self.assertNotIn(w, t, "in " + where)

    def calls(self, g):
        out = []
        with g.client() as c:
            for m in ("eth_call", "eth_sendRawTransaction", "nonsense_method"):
                out.append(c.request('{"jsonrpc":"2.0","id":1,"method":"%s","params":[]}' % m).body)
            out.append(c.request('[{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}]').body)
        return out


class Secrets(Planted):
    def test_they_reach_the_endpoint(self):
        u = self.upstream()
        g = self.start(self.conf(u.url()))
        answers = self.calls(g)
        r = u.calls()[0]
        self.assertEqual(r.target, "/v2/%(path)s?key=%(query)s&e=%(env)s" % SECRETS)
        self.assertEqual(r.header("x-api-key"), SECRETS["header"])
        self.assertEqual(r.header("authorization-2"), SECRETS["env"])
        self.assertTrue(r.header("authorization").startswith("Basic "))
        self.assertNotIn("PLANTED", r.header("host"))
        self.clean(self.outputs(g, answers))

    def failing(self, base, **kw):
        g = self.start(self.conf(base, **kw))
        answers = self.calls(g)
        time.sleep(0.2)
        for a in answers:
            self.assertIn(b'"error"', a)
        self.clean(self.outputs(g, answers))

    def test_refused_endpoint(self):
        self.failing(self.refused(), pool={"min_warm": 1})

    def test_unknown_host(self):
        self.failing("http://no-such-name.invalid/")

    def test_tls_failure(self):
        u = self.upstream(lambda conn: conn.send("no tls here\r\n\r\n"))
        self.failing(u.url(scheme="https"))

    def test_reset(self):
        self.failing(self.upstream(lambda conn: conn.read_request() and conn.reset()).url())

    def test_an_endpoint_that_echoes_what_it_was_sent(self):
        """HTML of an error page often repeats the URL."""
        def script(conn):
            while True:
                r = conn.read_request()
                if r is None:
                    return
                conn.send(http("<html>404: %s %r</html>" % (r.target, r.headers), status="404 Not Found", ctype="text/html"))
        self.failing(self.upstream(script).url())

    def test_timeout(self):
        self.failing(self.upstream(lambda conn: conn.wait_eof(20)).url(), timeout_ms=200)

    def test_proxy(self):
        u = self.upstream()
        p = self.proxy(b"HTTP/1.1 407 Need auth\r\nX: %s\r\n\r\n" % SECRETS["proxy"].encode())
        self.failing(u.url(), proxy=p.url("me:" + SECRETS["proxy"]))

    def test_check_output(self):
        u = "http://127.0.0.1:1/"
        path = self.write(self.conf(u, proxy="http://me:%(proxy)s@127.0.0.1:2" % SECRETS))
        r = self.run_program("check", "-c", path, env={"PLANTED_ENV": SECRETS["env"]})
        self.assertEqual(r.returncode, 0, r.stderr)
        self.clean({"stdout": r.stdout, "stderr": r.stderr})

    def test_mistakes_in_secret_values_do_not_show_them(self):
        for name, change in {
            "url_scheme": {"url": "htp://host/%(path)s" % SECRETS},
            "url_port": {"url": "http://u:%(password)s@host:999999/%(path)s" % SECRETS},
            "url_space": {"url": "http://host/%(path)s with space" % SECRETS},
            "url_is_a_key": {"url": SECRETS["path"]},
            "url_type": {"url": [SECRETS["path"]]},
            "header_newline": {"headers": {"x-api-key": SECRETS["header"] + "\r\n"}},
            "header_type": {"headers": {"x-api-key": [SECRETS["header"]]}},
            "proxy_scheme": {"proxy": "socks5://u:%(proxy)s@h:1" % SECRETS},
            "env_unset_beside": {"url": "http://host/%(path)s/${PLANTED_NOT_SET_X}" % SECRETS},
        }.items():
            with self.subTest(name):
                e = {**endpoint("http://h/"), **change}
                r = self.run_program("check", "-c", self.write(config(e)))
                self.assertEqual(r.returncode, 2)
                self.clean({"stdout": r.stdout, "stderr": r.stderr.replace("PLANTED_NOT_SET_X", "")})

    def test_mistakes_in_auth_do_not_show_it(self):
        s = SECRETS["bearer"]
        path = self.write(s + " " + s, "token")
        for name, auth in {
            "kinds": {"bearer": s, "basic": {"user": s, "password": s}},
            "type": s, "list": [s], "bearer_type": {"bearer": [s]}, "bearer_space": {"bearer": s + " x"},
            "bearer_newline": {"bearer": s + "\r\nX: y"}, "long": {"bearer": s * 2000},
            "basic_colon": {"basic": {"user": s + ":", "password": s}},
            "basic_control": {"basic": {"user": "u", "password": s + "\n"}},
            "header_control": {"header": {"name": "x", "value": s + "\n"}},
            "header_name": {"header": {"name": "x y", "value": s}},
            "query_name": {"query": {"name": "x y", "value": s}},
            "query_no_name": {"query": {"value": s}},
            "file": {"bearer_file": path}, "secret_file": {"jwt_secret_file": path},
            "env_beside": {"bearer": s + "${PLANTED_NOT_SET_X}"},
            "command": {"bearer_command": ["/nonexistent/x", s + "\n"]},
            "command_type": {"bearer_command": ["x", [s]]},
        }.items():
            with self.subTest(name):
                r = self.run_program("check", "-c", self.write(config(endpoint("http://h/", auth=auth))))
                self.assertEqual(r.returncode, 2, r.stdout)
                self.clean({"stdout": r.stdout, "stderr": r.stderr.replace("PLANTED_NOT_SET_X", "")})

    def test_process_list_shows_no_secret(self):
        u = self.upstream()
        g = self.start(self.conf(u.url()))
        with open("/proc/%d/cmdline" % g.pid, "rb") as f:
            self.assertNotIn(b"PLANTED", f.read())


class Forwarded(Planted):
    """A client's own Authorization: nobody but its endpoint and itself ever sees it."""

    def calls(self, g):
        out = []
        headers = [("Authorization", "Bearer %(client)s" % SECRETS)]
        for extra in ([], [("X-Millrace-Explain", "1")], [("X-Millrace-Endpoint", "fwd")], [("Authorization", SECRETS["client"])],
                      [("X-Millrace-Endpoint", SECRETS["client"] + "!")]):
            with g.client() as c:
                for m, p in (("eth_call", "[]"), ("eth_chainId", "[]"), ("eth_sendRawTransaction", '["0x02f8"]'), ("eth_newFilter", "[{}]"),
                             ("nonsense_method", "[]")):
                    try:
                        r = c.request('{"jsonrpc":"2.0","id":1,"method":"%s","params":%s}' % (m, p), headers=headers + extra)
                        out.append(repr(r.headers) + repr(r.body))
                    except Closed:
                        break
        return out

    def run_with(self, script=None, base=None, echoes=False, **kw):
        u = None if base else self.upstream(script)
        g = self.start(config([endpoint(base or u.url(), "fwd", forward_authorization=True, **kw),
                               endpoint(base or u.url(), "other", forward_authorization=True, **kw)],
                              chain={"endpoint_header": True}, log={"level": "debug", "access": True}))
        answers = self.calls(g)
        if u and not kw:
            self.assertIn("Bearer " + SECRETS["client"], [r.header("authorization") for r in u.requests])
        self.clean(self.outputs(g, [] if echoes else answers))

    def test_good(self):
        self.run_with()

    def test_refused(self):
        self.run_with(base=self.refused())

    def test_reset(self):
        self.run_with(lambda conn: conn.read_request() and conn.reset())

    def test_pages_that_echo(self):
        for status in ("401 Unauthorized", "403 Forbidden", "302 Found", "429 Too Many Requests", "500 Internal Server Error"):
            with self.subTest(status):
                self.run_with(echo_page(status))

    def test_errors_that_echo(self):
        """What its endpoint says goes to this client as it is; to nobody else, and to no page."""
        self.run_with(echo_json, echoes=True)

    def test_heads_that_echo(self):
        def script(conn):
            r = conn.read_request()
            if r:
                conn.send("HTTP/1.1 %s %r\r\n%s: %s\r\n: bad\r\n\r\n" % (r.target, r.headers, r.target, r.headers))
                conn.close()
        self.run_with(script)

    def test_off(self):
        u = self.upstream()
        g = self.start(config(endpoint(u.url(), "fwd"), log={"level": "debug", "access": True}))
        answers = self.calls(g)
        self.assertEqual({r.header("authorization") for r in u.requests}, {None})
        self.clean(self.outputs(g, answers))


class Auth(Planted):
    """Every kind of auth, against every way to fail; what the endpoint echoes in its errors included."""

    def kinds(self):
        script = self.write("#!/bin/sh\nset -x\necho said: $1 $PLANTED_ENV >&2\necho %(command)s\n" % SECRETS, "cmd")
        os.chmod(script, 0o700)
        return {"bearer": {"bearer": "%(bearer)s-${PLANTED_ENV}" % SECRETS},
                "basic": {"basic": {"user": "me", "password": SECRETS["basic"]}},
                "header": {"header": {"name": "x-key", "value": SECRETS["field"]}},
                "query": {"query": {"name": "key", "value": SECRETS["parameter"]}},
                "file": {"bearer_file": self.write(SECRETS["file"] + "\n", "token")},
                "command": {"bearer_command": [script, SECRETS["argument"]]},
                "jwt": {"jwt_secret_file": self.write(SECRETS["jwt"], "jwt.hex")}}

    def all_fail(self, script=None, base=None, env=None, want=b'"error"', **kw):
        for kind, auth in self.kinds().items():
            with self.subTest(kind):
                u = None if base else self.upstream(script)
                e = endpoint((base or u.url(**(kw.pop("at", None) or {}))) + "v2/%(path)s?k=%(query)s" % SECRETS, "keyed",
                             auth=auth, headers={"x-api-key": SECRETS["header"]}, **kw)
                g = self.start(config(e, log={"level": "debug", "access": True}))
                answers = self.calls(g)
                for a in answers:
                    self.assertIn(want, a)
                if u and script is echo_json:
                    self.assertTrue(any(b"***" in a for a in answers), answers)
                self.clean(self.outputs(g, answers))

    def test_good(self):
        self.all_fail(serve(), want=b'"jsonrpc"')

    def test_check(self):
        for kind, auth in self.kinds().items():
            with self.subTest(kind):
                r = self.run_program("check", "-c", self.write(config(endpoint("http://127.0.0.1:1/", auth=auth))),
                                     env={"PLANTED_ENV": SECRETS["env"]})
                self.assertEqual(r.returncode, 0, r.stderr)
                self.clean({"stdout": r.stdout, "stderr": r.stderr})

    def test_refused(self):
        self.all_fail(base=self.refused())

    def test_tls(self):
        u = self.upstream(lambda conn: conn.send("no tls here\r\n\r\n"))
        self.all_fail(base=u.url(scheme="https"))

    def test_reset(self):
        self.all_fail(lambda conn: conn.read_request() and conn.reset())

    def test_401(self):
        self.all_fail(echo_page("401 Unauthorized"))

    def test_403(self):
        self.all_fail(echo_page("403 Forbidden"))

    def test_redirect(self):
        self.all_fail(echo_page("302 Found"))

    def test_500(self):
        self.all_fail(echo_page("500 Internal Server Error"))

    def test_echo_in_an_error(self):
        self.all_fail(echo_json)

    def test_echo_in_the_head(self):
        def script(conn):
            r = conn.read_request()
            if r:
                conn.send("HTTP/1.1 %s %r\r\n%s: %s\r\n: bad\r\n\r\n" % (r.target, r.headers, r.target, r.headers))
                conn.close()
        self.all_fail(script)

    def test_a_token_that_was_replaced_meanwhile(self):
        """It is repeated in the answer to what left with it."""
        gate = Gate()
        self.addCleanup(gate.open)

        def script(conn):
            while (r := conn.read_request()) is not None:
                gate.event.wait(15)
                conn.answer(r, (-32000, "no such block; sent: " + r.header("authorization")))
        u = self.upstream(script)
        path = self.write(SECRETS["file"], "token")
        g = self.start(config(endpoint(u.url(), auth={"bearer_file": path}), log={"level": "debug", "access": True}))
        c = self.posting(g, '{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[]}')
        self.eventually(lambda: len(u.calls()) == 1)
        for i in range(2, 4):
            with open(path + ".new", "w") as f:
                f.write("another-token-of-the-same-%d" % i)
            os.rename(path + ".new", path)
            g.wait_line("credential_new.*generation=%d" % i)
        gate.open()
        answer = c.read_response().body
        self.assertIn(b"sent: Bearer " + b"*" * len(SECRETS["file"]), answer)
        self.clean(self.outputs(g, [answer]))

    def test_spelled_with_escapes(self):
        """Some servers write / and + so."""
        def script(conn):
            while (r := conn.read_request()) is not None:
                text = r.header("x-api-key").replace("+", "\\u002B").replace("/", "\\/")
                conn.send(http('{"jsonrpc":"2.0","id":%d,"error":{"code":-32000,"message":"bad: %s"}}' % (r.id, text)))
        key = "/+PLANTED+/-key-97"
        g = self.start(config(endpoint(self.upstream(script).url(), headers={"x-api-key": key})))
        with g.client() as c:
            r = c.rpc("eth_call")
        self.assertRegex(r["error"]["message"], r"^bad: \*+$")
        self.clean(self.outputs(g, [r]))

    def test_source_that_goes_bad(self):
        """The file is replaced by what is no token, the command fails while it says everything."""
        script = self.write("#!/bin/sh\nset -x\necho \"token=%(command)s\" Bearer %(command)s $1 $PLANTED_ENV >&2\necho %(command)s %(command)s\n"
                            "exit 1\n" % SECRETS, "cmd")
        os.chmod(script, 0o700)
        path = self.write(SECRETS["file"], "token")
        g = self.start(config([endpoint("http://127.0.0.1:1/", "f", auth={"bearer_file": path}),
                               endpoint("http://127.0.0.1:1/", "c", auth={"bearer_command": [script, SECRETS["argument"]]})],
                              log={"level": "debug"}))
        with open(path + ".new", "w") as f:
            f.write("%(file)s\r\n%(file)s" % SECRETS)
        os.rename(path + ".new", path)
        g.wait_line("credential_failed.*endpoint=f")
        g.wait_line("credential_failed.*endpoint=c")
        self.assertIn("credential_command_said", g.stderr())
        answers = self.calls(g)
        self.clean(self.outputs(g, answers))


def echo_page(status):
    def script(conn):
        while True:
            r = conn.read_request()
            if r is None:
                return
            conn.send(http("<html>%s %r</html>" % (r.target, r.headers), status=status, ctype="text/html",
                           headers=[("Location", "http://elsewhere" + r.target), ("WWW-Authenticate", r.header("authorization", "x"))]))
    return script


def echo_json(conn):
    """A JSON-RPC error that repeats the request: target, fields and all."""
    while True:
        r = conn.read_request()
        if r is None:
            return
        text = "%s %s" % (r.target, "; ".join("%s: %s" % h for h in r.headers))
        conn.answer(r, (-32000, "unauthorized: " + text, json.dumps({"sent": text})), status="401 Unauthorized")
