"""Planted secrets must reach the endpoint and nothing else: no log, metric, page, error or check output."""
import os
import re
import shutil
import tempfile
import time

from client import Closed
from harness import Case, config, endpoint
from upstream import http, serve

SECRETS = {"user": "PLANTED-user-81", "password": "PLANTED-pass-82", "path": "PLANTED-path-83", "query": "PLANTED-query-84",
           "header": "PLANTED-header-85", "env": "PLANTED-env-86", "proxy": "PLANTED-proxy-87"}


class Secrets(Case):
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

    def test_process_list_shows_no_secret(self):
        u = self.upstream()
        g = self.start(self.conf(u.url()))
        with open("/proc/%d/cmdline" % g.pid, "rb") as f:
            self.assertNotIn(b"PLANTED", f.read())
