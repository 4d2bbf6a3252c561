"""What the benchmarks share: processes that are ended by their pid, figures from /proc, certificates made on the
spot, nginx in front of the simulated node, and millrace with a configuration.  Python's standard library only."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
FILES = 20000  # descriptors: 10,000 clients and some


def say(text):
    print(text, file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tasks(pid):
    try:
        return [int(t) for t in os.listdir(f"/proc/{pid}/task")]
    except FileNotFoundError:
        return []


def children(pid):
    found = []
    for t in tasks(pid):
        try:
            found += [int(c) for c in open(f"/proc/{pid}/task/{t}/children").read().split()]
        except FileNotFoundError:
            pass
    return found


def pin(pid, core):
    """All threads of a process to one core."""
    for t in tasks(pid):
        try:
            os.sched_setaffinity(t, {core})
        except ProcessLookupError:
            pass


def raise_files():
    """As far as it goes: only root may lift the hard limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for want in (FILES, hard):
        try:
            if want != resource.RLIM_INFINITY and want > soft:
                resource.setrlimit(resource.RLIMIT_NOFILE, (want, max(want, hard)))
            return
        except (ValueError, OSError):
            pass


def cpu_ns(pid):
    """User and system time of all threads.  schedstat counts nanoseconds, stat only whole ticks of 10 ms."""
    total = 0
    try:
        for t in tasks(pid):
            total += int(open(f"/proc/{pid}/task/{t}/schedstat").read().split()[0])
    except (FileNotFoundError, IndexError):
        total = 0
    if total:
        return total
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_NS


def rss_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) / 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Process:
    """A child that is ended by its pid, whatever happens.  net: the network namespace that it lives in."""

    def __init__(self, args, log, net=None, env=None, core=None, cwd=None):
        self.log = log
        self.args = (["ip", "netns", "exec", net] if net else []) + args

        def prepare():
            raise_files()
            if core is not None:
                os.sched_setaffinity(0, {core})

        with open(log, "wb") as err:
            self.p = subprocess.Popen(self.args, stdout=subprocess.DEVNULL, stderr=err, stdin=subprocess.DEVNULL,
                                      env=dict(os.environ, **(env or {})), preexec_fn=prepare, cwd=cwd)
        self.pid = self.p.pid  # `ip netns exec` becomes the program

    def text(self):
        return open(self.log, errors="replace").read()

    def fail(self, what):
        self.stop()
        raise RuntimeError(f"{' '.join(self.args[:6])}: {what}\n{self.text()[-1500:]}")

    def wait_line(self, pattern, seconds=20):
        """The group of the first line on stderr that matches."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            m = re.search(pattern, self.text())
            if m:
                return m.group(1)
            if self.p.poll() is not None:
                self.fail(f"ended with {self.p.returncode}")
            time.sleep(0.02)
        self.fail("did not come up")

    def wait_port(self, port, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                pass
            if self.p.poll() is not None:
                self.fail(f"ended with {self.p.returncode}")
            time.sleep(0.02)
        self.fail("did not listen")

    def stop(self, seconds=20):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(seconds)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        return self.p.returncode


def cores():
    """The core of what is near the gateway, and that of what is far away: another one where there is one."""
    free = sorted(os.sched_getaffinity(0))
    return free[0], free[-1]


def send_away(thread):
    os.sched_setaffinity(thread, {cores()[1]})
    os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


class Rig:
    """One run: the programs of a build folder, a temporary folder, and all that was started."""

    def __init__(self, build, folder):
        self.millrace_path = os.path.join(build, "millrace")
        self.load_path = os.path.join(build, "bench", "load")
        self.devnode_path = next((p for p in (os.path.join(build, *d, "devnode") for d in
                                              (("test", "devnode"), ("bench",))) if os.path.exists(p)), "devnode")
        self.nginx_path = shutil.which("nginx") or "/usr/sbin/nginx"
        self.folder = folder
        self.started = []
        self.names = 0
        for p in (self.millrace_path, self.load_path, self.devnode_path, self.nginx_path):
            if not os.access(p, os.X_OK):
                raise RuntimeError(f"{p} is not there: build with -Dbench=true -Dtests=true, install nginx")

    def path(self, name):
        return os.path.join(self.folder, name)

    def fresh(self, name):
        self.names += 1
        return self.path(f"{name}-{self.names}")

    def start(self, name, args, net=None, env=None):
        p = Process(args, self.fresh(name) + ".log", net, env)
        self.started.append(p)
        return p

    def close(self):
        for p in reversed(self.started):
            p.stop()
        self.started = []

    def send_away(self, p):
        """For what stands for another machine: its CPU time must not be what is measured here."""
        for t in [p.pid] + children(p.pid):
            send_away(t)

    # ---- the upstream side ----

    def devnode(self, *options, net=None, near=False):
        p = self.start("devnode", [self.devnode_path, "--listen", "127.0.0.1:0", *map(str, options)], net)
        p.port = int(p.wait_line(r"listening on 127\.0\.0\.1:(\d+)"))
        if near:
            os.sched_setaffinity(p.pid, {cores()[0]})
        return p

    def served(self, node):
        """What a simulated node has served so far; asking is not counted."""
        return json.loads(urllib.request.urlopen(f"http://127.0.0.1:{node.port}/devnode_stats", timeout=5).read())

    def certificates(self, address="127.0.0.1"):
        """An authority, and for `address` a certificate with each kind of key."""

        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, cwd=self.folder, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)

        ecdsa = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", "-x509", *ecdsa, "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
                "/CN=bench authority")
        open(self.path("san"), "w").write(f"subjectAltName=IP:{address}\nbasicConstraints=CA:FALSE\n")
        for kind, key in (("ecdsa", ecdsa), ("rsa", ["-newkey", "rsa:2048"])):
            openssl("req", *key, "-nodes", "-keyout", f"{kind}.key", "-out", f"{kind}.csr", "-subj", "/CN=bench")
            openssl("x509", "-req", "-in", f"{kind}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                    "-out", f"{kind}.pem", "-days", "2", "-extfile", "san")

    def nginx(self, nodes, servers, net=None, address="127.0.0.1"):
        """TLS (or not) in front of simulated nodes.  servers: dicts of port, node (index), tls (ecdsa, rsa or none),
        tickets, versions, and lines of configuration."""
        folder = self.fresh("nginx")
        os.mkdir(folder)
        blocks = "".join(f"upstream node{i} {{ server 127.0.0.1:{n.port}; keepalive 256; keepalive_requests 1000000000;"
                         f" keepalive_timeout 3600s; }}\n" for i, n in enumerate(nodes))
        for s in servers:
            tls = ""
            if s.get("tls"):
                tls = (f"ssl_certificate {self.folder}/{s['tls']}.pem; ssl_certificate_key {self.folder}/{s['tls']}.key;"
                       f" ssl_protocols {s.get('versions', 'TLSv1.2 TLSv1.3')}; ssl_session_cache off;"
                       f" ssl_session_tickets {'on' if s.get('tickets', True) else 'off'};")
            blocks += f"""
server {{
  listen {address}:{s['port']}{' ssl' if s.get('tls') else ''} backlog=1024; {tls} {s.get('lines', '')}
  location / {{ proxy_pass http://node{s['node']}; proxy_http_version 1.1; proxy_set_header Connection ""; }}
}}"""
        open(os.path.join(folder, "conf"), "w").write(f"""
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit; user root; worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_timeout 3600s; keepalive_requests 1000000000; client_max_body_size 20m;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  proxy_buffer_size 32k; proxy_buffers 8 32k; proxy_busy_buffers_size 64k;
  {blocks}
}}""")
        p = self.start("nginx", [self.nginx_path, "-c", os.path.join(folder, "conf"), "-p", folder], net)
        end = time.monotonic() + 20
        while not os.path.exists(os.path.join(folder, "pid")):
            if p.p.poll() is not None or time.monotonic() > end:
                p.fail("did not come up: " + open(os.path.join(folder, "error.log")).read()[-500:])
            time.sleep(0.02)
        time.sleep(0.2)  # the worker
        return p

    # ---- the gateway and the load ----

    def millrace(self, chains, net=None, env=None, program=None, **top):
        """chains: name -> (family, endpoint) or (family, endpoint, more keys of the chain).  program: another build."""
        conf = {"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "chains": {
            name: {"family": family, "coalesce": False, **(more[0] if more else {}),
                   "endpoints": [dict({"name": f"{name}-node", "proxy": "none"}, **endpoint)]}
            for name, (family, endpoint, *more) in chains.items()}, **top}
        path = self.fresh("endpoints") + ".json"
        json.dump(conf, open(path, "w"))
        p = self.start("millrace", [program or self.millrace_path, "-c", path], net, env)
        p.port = int(p.wait_line(r"listening on 127\.0\.0\.1:(\d+)", 30))
        p.admin = int(p.wait_line(r"admin on 127\.0\.0\.1:(\d+)", 30))
        p.net = net
        return p

    def status(self, m):
        """The status page; its endpoints by chain."""
        url = f"http://127.0.0.1:{m.admin}/status"
        if m.net:
            code = f"import urllib.request;print(urllib.request.urlopen({url!r}, timeout=5).read().decode())"
            text = subprocess.run(["ip", "netns", "exec", m.net, sys.executable, "-c", code], check=True, timeout=20,
                                  stdout=subprocess.PIPE).stdout
        else:
            text = urllib.request.urlopen(url, timeout=5).read()
        page = json.loads(text)
        page["endpoint"] = {name: c["endpoints"][0] for name, c in page["chains"].items()}
        return page

    def load_start(self, m, chain, near=False, **options):
        """m: millrace, or anything else with a `port`; near: on the first core, with the nodes that are `near`."""
        args = ["ip", "netns", "exec", m.net] if getattr(m, "net", None) else []
        args += ["taskset", "-c", str(cores()[0])] if near else []
        args += [self.load_path, "--json"]
        for k, v in options.items():
            args += [f"--{k}"] if v is True else [f"--{k}", str(v)]
        return subprocess.Popen(args + [f"http://127.0.0.1:{m.port}/{chain}"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def load_end(self, p, seconds):
        try:
            out, err = p.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()
            raise
        if p.returncode:
            raise RuntimeError(f"load: {err.decode()}")
        return json.loads(out)

    def load(self, m, chain, **options):
        return self.load_end(self.load_start(m, chain, **options),
                             options["seconds"] + options.get("warmup", 0) + 60)


class Targets:
    """What was reached, printed at the end; a reading aid, it does not change the exit code."""

    def __init__(self):
        self.rows = []

    def add(self, what, good, figure):
        self.rows.append((what, good, figure))
        say(f"  {'pass' if good else 'FAIL'}: {what}: {figure}")

    def print(self):
        print("\ntargets")
        for what, good, figure in self.rows:
            print(f"  {'pass' if good else 'FAIL'}  {what}: {figure}")


def table(title, head, rows):
    cells = [[str(c) for c in r] for r in [head] + rows]
    width = [max(len(r[i]) for r in cells) for i in range(len(head))]
    print(f"\n{title}")
    for r in cells:
        print("  " + "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, width))))
    sys.stdout.flush()


def measure(o, work, prepare=None):
    """work(rig, targets) with a rig of its own, in a folder that is gone afterwards."""
    targets = Targets()
    folder = tempfile.mkdtemp(prefix="millrace-bench-")
    rig = None
    try:
        rig = Rig(os.path.abspath(o.build), folder)
        if prepare:
            prepare(rig)
        say(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        work(rig, targets)
    finally:
        if rig:
            rig.close()
        shutil.rmtree(folder, ignore_errors=True)
    targets.print()


def run_parts(parser, o, parts, functions, prepare=None):
    """Those of --only, each part_NAME(o, rig, targets); what they add to o.problems is told at the end."""
    o.only = o.only.split(",")
    o.problems = []
    if set(o.only) - set(parts):
        parser.error(f"--only takes of {', '.join(parts)}")

    def work(rig, targets):
        for name in parts:
            if name in o.only:
                say(name)
                functions[f"part_{name}"](o, rig, targets)
    measure(o, work, prepare)
    for p in o.problems:
        print(f"problem: {p}")
