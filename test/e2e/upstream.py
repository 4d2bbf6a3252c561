"""An upstream that can misbehave: one thread per connection runs a script of the test's own.

A script is a function of one Conn; it reads requests and sends whatever it likes.  Everything it received is kept.
"""
import json
import socket
import ssl
import struct
import threading
import time


class Request:
    def __init__(self, method, target, version, headers, body, conn):
        self.method, self.target, self.version, self.headers, self.body, self.conn = (
            method, target, version, headers, body, conn)
        self.at = time.monotonic()

    def header(self, name, default=None):
        for k, v in self.headers:
            if k.lower() == name.lower():
                return v
        return default

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def id(self):
        return self.json["id"]

    @property
    def call(self):
        return self.json["method"]

    array = None  # of a call that came in an array: the request that held it

    @property
    def is_array(self):
        return self.body.lstrip()[:1] == b"["

    @property
    def calls(self):
        """What is asked: this request itself, or one Element for each member of its array."""
        if not self.is_array:
            return [self]
        if self._elements is None:
            self._elements = [Element(self, e) for e in self.json]
        return self._elements

    _elements = None


class Element(Request):
    """A call within an array, as if it had come alone."""

    def __init__(self, array, call):
        super().__init__(array.method, array.target, array.version, array.headers, json.dumps(call).encode(), array.conn)
        self.at, self.array = array.at, array


class Conn:
    def __init__(self, upstream, sock, index):
        self.upstream, self.sock, self.index = upstream, sock, index
        self.buf = b""
        self.requests = 0
        self.open = True
        self.resumed = None
        self.peer_cert = None
        self.ended_at = None

    def read_request(self):
        """The next request, or None at the end of the connection."""
        try:
            while b"\r\n\r\n" not in self.buf:
                d = self.sock.recv(262144)
                if not d:
                    return None
                self.buf += d
            head, self.buf = self.buf.split(b"\r\n\r\n", 1)
            lines = head.decode("latin-1").split("\r\n")
            method, target, version = lines[0].split(" ")
            headers = [(k, v.strip()) for k, _, v in (ln.partition(":") for ln in lines[1:])]
            low = {k.lower(): v for k, v in headers}
            assert "transfer-encoding" not in low, "the gateway knows the length of what it sends"
            n = int(low.get("content-length", "0"))
            while len(self.buf) < n:
                d = self.sock.recv(262144)
                if not d:
                    return None
                self.buf += d
            body, self.buf = self.buf[:n], self.buf[n:]
        except (OSError, ValueError):
            return None
        self.requests += 1
        r = Request(method, target, version, headers, body, self)
        with self.upstream.lock:
            self.upstream.requests.append(r)
            if self.buf:
                self.upstream.early.append(self.buf)
        return r

    def send(self, data):
        try:
            self.sock.sendall(data if isinstance(data, bytes) else data.encode())
        except OSError:
            raise Gone()

    def drip(self, data, pause=0.0):
        for i in range(len(data)):
            self.send(data[i:i + 1])
            if pause:
                time.sleep(pause)

    def answer(self, req, result='"0x1"', array=None, **kw):
        """result: JSON text, or a function of the call that gives it; a tuple is (code, message[, data]) of an error.
        array(req, texts) may change what an array is answered with: texts in another number or order, or bytes that are
        sent as they are."""
        texts = [answer_text(c, result(c) if callable(result) else result) for c in req.calls]
        if req.is_array:
            changed = array(req, texts) if array else texts
            if isinstance(changed, bytes):
                self.send(changed)
                return
            texts = ["[" + ",".join(changed) + "]"]
        self.send(http(texts[0], **kw))

    def close(self):
        self.open = False
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def reset(self):
        self.open = False
        try:
            raw = self.sock
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        # detach so that no TLS close_notify is sent
        self.sock.close()

    def wait_eof(self, timeout=10.0):
        """Waits until the gateway ends the connection; False when it does not in time."""
        self.sock.settimeout(timeout)
        try:
            while self.sock.recv(65536):
                pass
        except socket.timeout:
            return False
        except OSError:
            pass
        return True


class Gone(Exception):
    pass


def reply(id, result='"0x1"'):
    return '{"jsonrpc":"2.0","id":%s,"result":%s}' % (json.dumps(id), result)


def answer_text(call, result):
    return error_reply(call.id, *result) if isinstance(result, tuple) else reply(call.id, result)


def error_reply(id, code, message, data=None):
    e = '{"code":%d,"message":%s%s}' % (code, json.dumps(message), "" if data is None else ',"data":' + data)
    return '{"jsonrpc":"2.0","id":%s,"error":%s}' % (json.dumps(id), e)


def http(body, status="200 OK", headers=(), length=None, ctype="application/json", version="1.1", framing=True):
    if isinstance(body, str):
        body = body.encode()
    head = "HTTP/%s %s\r\nContent-Type: %s\r\n" % (version, status, ctype)
    if framing:
        head += "Content-Length: %d\r\n" % (len(body) if length is None else length)
    for k, v in headers:
        head += "%s: %s\r\n" % (k, v)
    return head.encode() + b"\r\n" + body


def chunked(body, sizes=(7,), ext="", trailer=""):
    if isinstance(body, str):
        body = body.encode()
    out, i, k = b"", 0, 0
    while i < len(body):
        n = min(sizes[k % len(sizes)], len(body) - i)
        out += b"%x%s\r\n%s\r\n" % (n, ext.encode(), body[i:i + n])
        i, k = i + n, k + 1
    return out + b"0\r\n" + trailer.encode() + b"\r\n"


def serve(result='"0x1"', delay=0.0, array=None):
    """The well-behaved script: answers every call, alone or in an array.  See Conn.answer."""
    def script(conn):
        while True:
            req = conn.read_request()
            if req is None:
                return
            if delay:
                time.sleep(delay)
            conn.answer(req, result, array)
    return script


class Upstream:
    """listening=False: connects are refused until listen(), and nobody else gets its port meanwhile."""

    def __init__(self, script=None, tls=None, port=0, host="127.0.0.1", backlog=512, listening=True):
        self.script = script or serve()
        self.tls = tls
        self.lock = threading.Lock()
        self.requests, self.early, self.conns, self.faults, self.handshake_errors = [], [], [], [], []
        self.busy = self.max_busy = 0
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((host, port))
        self.host, self.port, self.backlog = host, self.sock.getsockname()[1], backlog
        self.stopping = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        if listening:
            self.listen()

    def listen(self):
        self.sock.listen(self.backlog)
        self.thread.start()

    def url(self, path="/", userinfo="", scheme=None, host=None):
        h = host or self.host
        return "%s://%s%s:%d%s" % (scheme or ("https" if self.tls else "http"), userinfo + "@" if userinfo else "",
                                   "[%s]" % h if ":" in h else h, self.port, path)

    def _accept(self):
        while not self.stopping:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                c = Conn(self, s, len(self.conns))
                self.conns.append(c)
            threading.Thread(target=self._run, args=(c,), daemon=True).start()

    def _run(self, c):
        try:
            if self.tls:
                try:
                    c.sock.settimeout(20)
                    c.sock = self.tls.wrap_socket(c.sock, server_side=True)
                    c.sock.settimeout(None)
                    c.resumed = c.sock.session_reused
                    c.peer_cert = c.sock.getpeercert()
                except (OSError, ssl.SSLError) as e:
                    with self.lock:
                        self.handshake_errors.append(str(e))
                    return
            self.script(c)
        except (Gone, OSError):
            pass
        except Exception as e:  # a fault of the test itself: shown when the test ends
            with self.lock:
                self.faults.append(repr(e))
        finally:
            c.ended_at = time.monotonic()
            c.close()

    def open_conns(self):
        with self.lock:
            return [c for c in self.conns if c.open]

    def calls(self, method=None):
        """Every call that came, alone or in an array."""
        with self.lock:
            return [c for r in self.requests for c in r.calls if method is None or c.call == method]

    def arrays(self):
        with self.lock:
            return [r for r in self.requests if r.is_array]

    def drop_all(self):
        for c in self.open_conns():
            c.close()

    def stop(self):
        if self.stopping:
            return
        self.stopping = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self.drop_all()
        if self.thread.is_alive():
            self.thread.join(5)


class Gate:
    """Holds answers back until it is opened: what is in the air stays there for as long as a test wants."""

    def __init__(self, methods=None):
        self.methods = methods  # others pass
        self.event = threading.Event()

    def open(self):
        self.event.set()

    def close(self):
        self.event.clear()

    def holds(self, result):
        """A result for serve() that waits here first."""
        def held(call):
            if self.methods is None or call.call in self.methods:
                self.event.wait(15)
            return result(call) if callable(result) else result
        return held


class Proxy:
    """An HTTP proxy that knows CONNECT only."""

    def __init__(self, answer=None):
        self.seen = []
        self.answer = answer
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.port = self.sock.getsockname()[1]
        self.socks = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, userinfo=""):
        return "http://%s127.0.0.1:%d" % (userinfo + "@" if userinfo else "", self.port)

    def _accept(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            self.socks.append(s)
            threading.Thread(target=self._run, args=(s,), daemon=True).start()

    def _run(self, s):
        try:
            buf = b""
            while b"\r\n\r\n" not in buf:
                d = s.recv(65536)
                if not d:
                    return
                buf += d
            head, rest = buf.split(b"\r\n\r\n", 1)
            self.seen.append(head.decode("latin-1"))
            if self.answer:
                s.sendall(self.answer)
                s.close()
                return
            host, port = head.split(b" ")[1].decode().rsplit(":", 1)
            # not every machine has a hosts file that says so
            up = socket.create_connection(("127.0.0.1" if host == "localhost" else host.strip("[]"), int(port)), 10)
            self.socks.append(up)
            s.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if rest:
                up.sendall(rest)
            t = threading.Thread(target=_pump, args=(up, s), daemon=True)
            t.start()
            _pump(s, up)
        except OSError:
            s.close()

    def stop(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        for s in self.socks:
            try:
                s.close()
            except OSError:
                pass


def _pump(a, b):
    try:
        while True:
            d = a.recv(65536)
            if not d:
                break
            b.sendall(d)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Deaf:
    """A port that nobody accepts from: the first connections lie in the kernel's backlog; once that is full, connects hang."""

    def __init__(self):
        self.callers = []
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(0)
        self.url = "http://127.0.0.1:%d/" % self.sock.getsockname()[1]

    def fill(self):
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            try:
                s.connect(self.sock.getsockname())
            except BlockingIOError:
                pass
            self.callers.append(s)

    def stop(self):
        for s in [self.sock, *self.callers]:
            s.close()


def refused_port():
    """A loopback port that nothing listens on: bound and held, never listening, so that no one else gets it."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s, s.getsockname()[1]
