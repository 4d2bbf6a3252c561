"""An HTTP/1.1 client on raw sockets: it sends what it is told, byte for byte, and reads answers strictly."""
import json
import socket
import time


class Response:
    def __init__(self, status, reason, headers, body, raw_head):
        self.status, self.reason, self.headers, self.body, self.raw_head = status, reason, headers, body, raw_head

    def header(self, name, default=None):
        for k, v in self.headers:
            if k.lower() == name.lower():
                return v
        return default

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %r %r>" % (self.status, self.headers, self.body[:300])


class Closed(Exception):
    """The peer ended the connection; .got is what came before."""

    def __init__(self, got=b""):
        super().__init__("connection closed after %r" % got[:200])
        self.got = got


class Client:
    def __init__(self, addr, timeout=20.0, rcvbuf=None, source=None):
        self.addr = addr
        if isinstance(addr, str):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        else:
            self.sock = socket.socket(socket.AF_INET6 if ":" in addr[0] else socket.AF_INET, socket.SOCK_STREAM)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        self.sock.connect(addr)
        if not isinstance(addr, str):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()

    def close(self):
        self.sock.close()

    def host(self):
        if isinstance(self.addr, str):
            return "localhost"
        return ("[%s]:%d" if ":" in self.addr[0] else "%s:%d") % self.addr[:2]

    def send(self, data):
        self.sock.sendall(data)

    def build(self, body=b"", method="POST", path="/", headers=(), version="1.1", length=True, host=True,
              ctype="application/json"):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        head = "%s %s HTTP/%s\r\n" % (method, path, version)
        if host:
            head += "Host: %s\r\n" % (self.host() if host is True else host)
        if ctype and method == "POST":
            head += "Content-Type: %s\r\n" % ctype
        if length and (body or method == "POST"):
            head += "Content-Length: %d\r\n" % len(body)
        for k, v in (headers.items() if isinstance(headers, dict) else headers):
            head += "%s: %s\r\n" % (k, v)
        return head.encode("latin-1") + b"\r\n" + body

    def request(self, body=b"", method="POST", path="/", **kw):
        self.send(self.build(body, method, path, **kw))
        return self.read_response(head=method == "HEAD")

    def get(self, path, **kw):
        return self.request(b"", "GET", path, **kw)

    def _more(self):
        try:
            d = self.sock.recv(262144)
        except ConnectionError:
            d = b""
        if not d:
            raise Closed(self.buf)
        self.buf += d

    def read_response(self, head=False, informational=False):
        while b"\r\n\r\n" not in self.buf:
            self._more()
        raw, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = raw.decode("latin-1").split("\r\n")
        version, status, reason = (lines[0].split(" ", 2) + [""])[:3]
        assert version in ("HTTP/1.1", "HTTP/1.0"), lines[0]
        status = int(status)
        headers = []
        for ln in lines[1:]:
            k, sep, v = ln.partition(":")
            assert sep and k == k.strip() and k, "header line %r" % ln
            headers.append((k, v.strip(" \t")))
        low = {}
        for k, v in headers:
            assert k.lower() not in low or k.lower() not in ("content-length", "transfer-encoding"), "doubled " + k
            low[k.lower()] = v
        if status < 200 and not informational:
            return self.read_response(head)
        if head or status in (204, 304) or status < 200:
            return Response(status, reason, headers, b"", raw)
        if "transfer-encoding" in low:
            assert low["transfer-encoding"].lower() == "chunked" and "content-length" not in low, headers
            parts = []
            while True:
                while b"\r\n" not in self.buf:
                    self._more()
                size, self.buf = self.buf.split(b"\r\n", 1)
                n = int(size, 16)
                while len(self.buf) < n + 2:
                    self._more()
                parts.append(self.buf[:n])
                assert self.buf[n:n + 2] == b"\r\n"
                self.buf = self.buf[n + 2:]
                if n == 0:
                    return Response(status, reason, headers, b"".join(parts), raw)
        assert "content-length" in low, "no framing in %r" % headers
        n = int(low["content-length"])
        if len(self.buf) < n:
            parts, have = [self.buf], len(self.buf)
            while have < n:
                try:
                    d = self.sock.recv(min(1 << 20, n - have))
                except ConnectionError:
                    d = b""
                if not d:
                    raise Closed(b"".join(parts))
                parts.append(d)
                have += len(d)
            self.buf = b"".join(parts)
        body, self.buf = self.buf[:n], self.buf[n:]
        return Response(status, reason, headers, body, raw)

    def read_eof(self, timeout=5.0):
        """True when the peer closes without another byte within the time; leftover bytes go to .buf."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.sock.settimeout(left)
            try:
                d = self.sock.recv(65536)
            except socket.timeout:
                return False
            except ConnectionError:
                return not self.buf
            if not d:
                return not self.buf
            self.buf += d

    def rpc(self, method, params=None, id=1, path="/", **kw):
        """One call; returns the parsed answer object."""
        body = {"jsonrpc": "2.0", "id": id, "method": method, "params": [] if params is None else params}
        r = self.request(json.dumps(body), path=path, **kw)
        assert r.status == 200, r
        return r.json()
