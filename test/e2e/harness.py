"""Starts the programs under test, ends each by its pid, and holds them to their promises: ready lines, exit codes,
no sanitizer report.

MILLRACE       the program under test (default build/millrace)
MILLRACE_FAST  the same without sanitizers, for tests of memory and processor time (default: MILLRACE)
DEVNODE        the simulated node (default build/test/devnode/devnode)
"""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import client
import upstream

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MILLRACE = os.environ.get("MILLRACE") or os.path.join(ROOT, "build", "millrace")
MILLRACE_FAST = os.environ.get("MILLRACE_FAST") or MILLRACE
DEVNODE = os.environ.get("DEVNODE") or os.path.join(ROOT, "build", "test", "devnode", "devnode")
SANITIZED = os.environ.get("MILLRACE_SANITIZED", "") != ""  # time bounds are wider then
SLOW = 4.0 if SANITIZED else 1.5  # how much slower than promised this machine may be when other suites run beside

SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|"
                       r"MemorySanitizer|Assertion .* failed")


def base_env(extra=None):
    env = {k: v for k, v in os.environ.items() if k.lower() not in ("http_proxy", "https_proxy", "no_proxy", "all_proxy")}
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:exitcode=99")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1:exitcode=99")
    env.setdefault("TSAN_OPTIONS", "exitcode=99:halt_on_error=0")
    env.update(extra or {})
    return env


def parse_address(text):
    if text.startswith("unix:"):
        return text[5:]
    host, port = text.rsplit(":", 1)
    return (host.strip("[]"), int(port))


class Process:
    """A child whose stderr is collected line by line."""

    def __init__(self, argv, env=None, limits=None, cwd=None):
        def pre():
            for which, value in (limits or {}).items():
                resource.setrlimit(which, value)
        self.argv = argv
        self.p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env=base_env(env), cwd=cwd, preexec_fn=pre if limits else None)
        self.lines, self.out = [], []
        self.cond = threading.Condition()
        self.threads = [threading.Thread(target=self._collect, args=a, daemon=True)
                        for a in ((self.p.stderr, self.lines), (self.p.stdout, self.out))]
        for t in self.threads:
            t.start()

    def _collect(self, stream, into):
        for raw in stream:
            with self.cond:
                into.append(raw.decode("utf-8", "replace").rstrip("\n"))
                self.cond.notify_all()
        with self.cond:
            self.cond.notify_all()

    @property
    def pid(self):
        return self.p.pid

    def stderr(self):
        with self.cond:
            return "\n".join(self.lines)

    def stdout(self):
        with self.cond:
            return "\n".join(self.out)

    def wait_line(self, pattern, timeout=20.0, count=1):
        end = time.monotonic() + timeout
        rx = re.compile(pattern)
        with self.cond:
            while True:
                found = [m for m in (rx.search(ln) for ln in self.lines + self.out) if m]
                if len(found) >= count:
                    return found
                left = end - time.monotonic()
                if left <= 0 or (self.p.poll() is not None and not any(t.is_alive() for t in self.threads)):
                    raise AssertionError("%r: no line %r (exit %r); stderr:\n%s" % (
                        self.argv, pattern, self.p.poll(), "\n".join(self.lines[-40:])))
                self.cond.wait(min(left, 0.2))

    def wait(self, timeout=20.0):
        try:
            code = self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            self._join()
            raise AssertionError("%r did not end within %.0f s; stderr:\n%s" % (
                self.argv, timeout, "\n".join(self.lines[-40:])))
        self._join()
        return code

    def _join(self):
        for t in self.threads:
            t.join(5)
        self.p.stdout.close()
        self.p.stderr.close()

    def alive(self):
        return self.p.poll() is None

    def signal(self, sig):
        self.p.send_signal(sig)

    def sanitizer_report(self):
        text = self.stderr()
        return text[-6000:] if SANITIZER.search(text) else None

    def rss_kib(self):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def cpu_s(self):
        with open("/proc/%d/stat" % self.pid) as f:
            v = f.read().rsplit(")", 1)[1].split()
        return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")

    def fds(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))


class Gateway(Process):
    def __init__(self, argv, env=None, limits=None, n_listen=1, n_admin=1, cwd=None):
        super().__init__(argv, env, limits, cwd)
        try:
            self.listens = [parse_address(m.group(1)) for m in
                            self.wait_line(r"(?:^|[ \"])listening on (\S+?)\"?$", count=n_listen)] if n_listen else []
            self.admins = [parse_address(m.group(1)) for m in
                           self.wait_line(r"(?:^|[ \"])admin on (\S+?)\"?$", count=n_admin)] if n_admin else []
        except AssertionError:
            if self.alive():
                self.p.kill()
            self.p.wait()
            raise
        self.addr = self.listens[0] if self.listens else None
        self.admin = self.admins[0] if self.admins else None

    def client(self, **kw):
        return client.Client(self.addr, **kw)

    def admin_get(self, path):
        with client.Client(self.admin) as c:
            return c.get(path)

    def status(self):
        r = self.admin_get("/status")
        assert r.status == 200, r
        return r.json()


def endpoint(url, name="a", **kw):
    """An endpoint with nothing dialled ahead, so that tests count what they cause."""
    e = {"name": name, "url": url, "pool": {"min_warm": 0}}
    for k, v in kw.items():
        if isinstance(v, dict) and isinstance(e.get(k), dict):
            e[k] = {**e[k], **v}
        else:
            e[k] = v
    return e


def config(endpoints, family="evm", limits=None, chain=None, **top):
    if isinstance(endpoints, dict):
        endpoints = [endpoints]
    c = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0",
         "chains": {"ethereum" if family == "evm" else "solana":
                    # Tests count what endpoints are asked: the gateway's own questions, and second ones of calls that are
                    # late because the machine is busy, are asked where a test wants them.
                    {"family": family, "default": True, "head_probe": False, "hedge": {"budget_percent": 0},
                     "endpoints": endpoints, **(chain or {})}}}
    if limits:
        c["limits"] = limits
    c.update(top)
    return c


_fail_rows = None


def fail_rows():
    """fail.def as {reason: (http status, evm code, solana code, text)}: the tests read the same table the program has."""
    global _fail_rows
    if _fail_rows is None:
        _fail_rows = {}
        with open(os.path.join(ROOT, "src/base/fail.def")) as f:
            for m in re.finditer(r'^FAIL\((\w+),\s*(\d+),\s*(-?\d+),\s*(-?\d+),\s*\w+,\s*"([^"]*)"', f.read(), re.M):
                _fail_rows[m.group(1).lower()] = (int(m.group(2)), int(m.group(3)), int(m.group(4)), m.group(5))
    return _fail_rows


class Case(unittest.TestCase):
    maxDiff = 4000
    _class_things = None

    # -- things a test starts; all are ended with it

    def gateway(self, conf, args=(), env=None, limits=None, program=None, n_listen=1, n_admin=1, expect_exit=0):
        d = tempfile.mkdtemp(prefix="millrace-e2e-")
        self.addCleanup(shutil.rmtree, d, True)
        path = os.path.join(d, "endpoints.json")
        with open(path, "w") as f:
            f.write(conf if isinstance(conf, str) else json.dumps(conf))
        g = Gateway([program or MILLRACE, "-c", path, *args], env, limits, n_listen, n_admin, cwd=d)
        g.path, g.dir = path, d
        self.addCleanup(self.end, g, expect_exit)
        return g

    def end(self, g, expect_exit=0):
        """SIGTERM; the program must drain and exit well."""
        if g.alive():
            g.signal(signal.SIGTERM)
        code = g.wait(30)
        report = g.sanitizer_report()
        if report:
            self.fail("sanitizer report (exit %d):\n%s" % (code, report))
        if code != expect_exit:
            self.fail("%r ended with %r, expected %r; stderr:\n%s" % (g.argv, code, expect_exit, g.stderr()[-3000:]))

    def upstream(self, script=None, **kw):
        u = upstream.Upstream(script, **kw)
        self.addCleanup(self._end_upstream, u)
        return u

    def _end_upstream(self, u):
        u.stop()
        if u.faults:
            self.fail("the test's upstream failed: %r" % u.faults[:3])

    def proxy(self, answer=None):
        p = upstream.Proxy(answer)
        self.addCleanup(p.stop)
        return p

    def deaf(self):
        d = upstream.Deaf()
        self.addCleanup(d.stop)
        return d

    def refused(self):
        s, port = upstream.refused_port()
        self.addCleanup(s.close)
        return "http://127.0.0.1:%d/" % port

    def devnode(self, *args):
        p = Process([DEVNODE, "--listen", "127.0.0.1:0", *args])
        try:
            p.addr = parse_address(p.wait_line(r"listening on (\S+)")[0].group(1))
        except AssertionError:
            p.p.kill()
            p.p.wait()
            raise
        p.url = "http://%s:%d/" % p.addr

        def end():
            if p.alive():
                p.signal(signal.SIGTERM)
            p.wait(10)
            report = p.sanitizer_report()
            if report:
                self.fail("devnode: " + report)
        self.addCleanup(end)
        return p

    EP = {}  # of all endpoints of a class

    def front(self, script=None, family="evm", limits=None, chain=None, top=None, ep=None, **gw):
        """One upstream with a script and a gateway before it."""
        u = self.upstream(script)
        g = self.gateway(config(endpoint(u.url(), **{**self.EP, **(ep or {})}), family, limits, chain, **(top or {})), **gw)
        return g, u

    def run_program(self, *args, env=None, timeout=30, cwd=None):
        r = subprocess.run([MILLRACE, *args], stdin=subprocess.DEVNULL, capture_output=True, env=base_env(env),
                           timeout=timeout, cwd=cwd)
        r.stdout, r.stderr = r.stdout.decode(), r.stderr.decode()
        if SANITIZER.search(r.stderr):
            self.fail("sanitizer report:\n" + r.stderr[-6000:])
        return r

    def write(self, text, name="endpoints.json"):
        d = tempfile.mkdtemp(prefix="millrace-e2e-")
        self.addCleanup(shutil.rmtree, d, True)
        path = os.path.join(d, name)
        with open(path, "w") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return path

    # -- what is asserted again and again

    def assert_error(self, obj, reason, id=None, family="evm", endpoint=None):
        self.assertIsInstance(obj, dict, obj)
        self.assertEqual(set(obj), {"jsonrpc", "id", "error"}, obj)
        self.assertEqual(obj["jsonrpc"], "2.0")
        self.assertEqual(obj["id"], id, obj)
        e = obj["error"]
        reasons = (reason,) if isinstance(reason, str) else reason
        self.assertIn(e.get("data", {}).get("reason"), reasons, obj)
        row = fail_rows()[e["data"]["reason"]]
        self.assertEqual(e["code"], row[1] if family == "evm" else row[2], obj)
        self.assertTrue(e["message"].startswith(row[3]), obj)
        if endpoint:
            self.assertEqual(e["data"].get("endpoint"), endpoint, obj)

    def assert_http_error(self, r, status, reason):
        self.assertEqual(r.status, status, r)
        self.assertEqual((r.header("content-type") or "").split(";")[0], "application/json", r)
        self.assert_error(r.json(), reason)

    def eventually(self, what, timeout=5.0, message=None):
        end = time.monotonic() + timeout
        while True:
            v = what()
            if v:
                return v
            if time.monotonic() > end:
                self.fail(message() if callable(message) else message or "never became true")
            time.sleep(0.02)

    def posting(self, g, body, path="/", timeout=20.0):
        """A client that has sent its body and whose answer is read later."""
        c = g.client(timeout=timeout)
        self.addCleanup(c.close)
        c.send(c.build(body, path=path))
        return c

    def together(self, g, bodies, path="/", timeout=20.0):
        """One client for each body, all sent before the first answer is read; the answers."""
        clients = [self.posting(g, b, path, timeout) for b in bodies]
        return [c.read_response() for c in clients]

    @staticmethod
    def best_of(n, f):
        return min(f() for _ in range(n))


class Shared(Case):
    """A case whose tests share one gateway: for tables of small questions."""

    @classmethod
    def configure(cls):
        """Sets cls.up and returns the configuration."""
        cls.up = upstream.Upstream(upstream.serve())
        return config(endpoint(cls.up.url()))

    @classmethod
    def setUpClass(cls):
        conf = cls.configure()
        cls.dir = tempfile.mkdtemp(prefix="millrace-e2e-")
        path = os.path.join(cls.dir, "endpoints.json")
        with open(path, "w") as f:
            json.dump(conf, f)
        try:
            cls.gw = Gateway([MILLRACE, "-c", path], cwd=cls.dir)
        except BaseException:
            cls.up.stop()
            shutil.rmtree(cls.dir, True)
            raise

    @classmethod
    def tearDownClass(cls):
        try:
            Case("end").end(cls.gw)
        finally:
            cls.up.stop()
            shutil.rmtree(cls.dir, True)

    def setUp(self):
        self.assertTrue(self.gw.alive(), "the gateway died:\n" + self.gw.stderr()[-4000:])
