"""Everything at once, by a seed: clients that come, pipeline, stall and go; endpoints that fail, lie, vanish and come back.

Every answer is checked for id, order and content.  CHAOS_SEED and CHAOS_SECONDS repeat or lengthen a run.
"""
import asyncio
import json
import logging
import os
import random
import socket
import struct
import time

from client import Response
from harness import Case, config, endpoint

SECONDS = float(os.environ.get("CHAOS_SECONDS") or 10)
CALL_S = 1.0  # limits.call_timeout_ms
LOST_S = 20.0  # an answer that takes longer is lost

REASONS = {"upstream_timeout", "upstream_connect", "upstream_reset", "upstream_truncated", "upstream_bad_http",
           "upstream_http_status", "upstream_not_json", "upstream_not_rpc", "upstream_no_id", "upstream_wrong_id",
           "upstream_no_result", "queue_full", "queue_timeout", "overloaded", "array_split"}
FAULTS = ("reset", "reset_inside", "truncate", "hang", "garbage", "html", "wrong_id", "no_result", "close_after", "surplus",
          "eof_body", "informational", "drip", "error")


def result_of(params):
    """What an honest endpoint answers."""
    n, tag = params
    return {"tag": tag, "pad": "r" * n}


def hard_close(writer):
    try:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # it is closed already
    writer.transport.abort()


class Node:
    """An endpoint whose every answer may go wrong."""

    def __init__(self, rng, fault_rate):
        self.rng, self.fault_rate = rng, fault_rate
        self.writes = {}  # tag: how often it arrived
        self.server, self.port, self.writers, self.tasks = None, 0, set(), set()

    async def up(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    def down(self):
        self.server.close()
        for w in list(self.writers):
            (hard_close if self.rng.random() < 0.5 else lambda w: w.close())(w)

    async def serve(self, reader, writer):
        self.writers.add(writer)
        self.tasks.add(asyncio.current_task())
        try:
            while await self.one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            self.tasks.discard(asyncio.current_task())
            writer.close()

    async def stop(self):
        self.server.close()
        for t in self.tasks:
            t.cancel()
        while self.tasks:
            await asyncio.sleep(0.01)

    async def one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        n = next(int(ln.split(b":")[1]) for ln in head.split(b"\r\n") if ln.lower().startswith(b"content-length:"))
        q = json.loads(await reader.readexactly(n))
        assert set(q) == {"jsonrpc", "id", "method", "params"}, q
        if q["method"] == "eth_sendPrivateRawTransaction":
            self.writes[q["params"][1]] = self.writes.get(q["params"][1], 0) + 1
        rng = self.rng
        fault = rng.choice(FAULTS) if rng.random() < self.fault_rate else None
        if rng.random() < 0.5:
            await asyncio.sleep(rng.random() ** 4 * 0.3)
        body = json.dumps({"jsonrpc": "2.0", "id": q["id"], "result": result_of(q["params"])}).encode()
        if fault == "error":
            body = json.dumps({"jsonrpc": "2.0", "id": q["id"],
                               "error": {"code": 3, "message": "reverted", "data": q["params"][1]}}).encode()
        elif fault == "wrong_id":
            body = body.replace(b'"id": %d' % q["id"], b'"id": %d' % (q["id"] + 1))
        elif fault == "no_result":
            body = b'{"jsonrpc":"2.0","id":%d}' % q["id"]
        elif fault == "html":
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>")
            return True
        elif fault == "garbage":
            writer.write(b"\x16\x03\x01 what\r\n\r\n")
            return False
        elif fault == "hang":
            await asyncio.sleep(rng.random() ** 3 * 2 * CALL_S)
            return False
        elif fault == "reset":
            hard_close(writer)
            return False
        if fault == "eof_body":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
            return False
        if rng.random() < 0.3:
            size = rng.randint(1, 40000)
            parts = [body[i:i + size] for i in range(0, len(body), size)]
            out = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            out += b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"
        else:
            out = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (
                len(body), b"Connection: close\r\n" if fault == "close_after" else b"", body)
        if fault == "informational":
            out = b"HTTP/1.1 103 Early Hints\r\n\r\n" + out
        elif fault == "surplus":
            out += b"HTTP/1.1 200 OK\r\n"
        elif fault in ("reset_inside", "truncate"):
            out = out[:rng.randint(1, len(out) - 1)]
        if fault == "drip":
            for i in range(0, min(len(out), 60)):
                writer.write(out[i:i + 1])
                await writer.drain()
                await asyncio.sleep(0.001)
            out = out[60:]
        writer.write(out)
        await writer.drain()
        if fault == "reset_inside":
            await asyncio.sleep(0.01)
            hard_close(writer)
        return fault not in ("reset_inside", "truncate", "close_after") and rng.random() > 0.02  # closes idle ones too


class Chaos:
    def __init__(self, addr, admin, nodes, rng):
        self.addr, self.admin, self.nodes, self.rng = addr, admin, nodes, rng
        self.serial = 0
        self.counts = {}
        self.end = 0

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    # -- what is asked, and what must come back

    def call(self):
        """One member of a request and its check; None: nothing comes back."""
        rng = self.rng
        self.serial += 1
        kind = rng.random()
        tag = "t%d" % self.serial
        size = rng.choice((0, 10, 500, 5000, 60000, 200000)) if rng.random() < 0.3 else rng.randint(0, 100)
        id = rng.choice((self.serial, tag, "é\\u00e9\"" + tag, 0.5, None, 18446744073709551616, "x" * 3000))
        if kind < 0.04:
            return rng.choice((7, "x", [], {})), self.check_invalid
        q = {"jsonrpc": "2.0", "id": id, "method": "eth_call", "params": [size, tag]}
        if kind < 0.15:
            q["method"] = rng.choice(("eth_sendPrivateRawTransaction", "eth_unheardOf"))
        if kind > 0.92:
            del q["id"]
            return q, None

        def check(a):
            assert a["id"] == id and a["jsonrpc"] == "2.0" and len(a) == 3, (q, a)
            if "result" in a:
                assert a["result"] == result_of([size, tag]), (q, str(a)[:300])
                self.count("answered")
            elif a["error"].get("code") == 3:
                assert a["error"] == {"code": 3, "message": "reverted", "data": tag}, (q, a)
                self.count("reverted")
            else:
                assert a["error"]["data"]["reason"] in REASONS, (q, a)
                self.count(a["error"]["data"]["reason"])
        return q, check

    @staticmethod
    def check_invalid(a):
        assert a["id"] is None and a["error"]["code"] == -32600, a

    def request(self, minor=1, close=False):
        """The bytes of one HTTP request, and the check of its response."""
        rng = self.rng
        if rng.random() < 0.05:
            return b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", lambda r: r.status == 200 or self.fail(r)
        if rng.random() < 0.5:
            q, check = self.call()
            while isinstance(q, list):
                q, check = self.call()
            body, checks, array = json.dumps(q).encode(), [check], False
        else:
            calls = [self.call() for _ in range(rng.choice((1, 2, 5, 20, 60)))]
            body, checks, array = json.dumps([q for q, _ in calls]).encode(), [c for _, c in calls if c], True
            if rng.random() < 0.02:
                body, checks, array = b"[" + body, None, False
        head = b"POST / HTTP/1.%d\r\nHost: localhost\r\nContent-Type: application/json\r\n" % minor
        if close:
            head += b"Connection: close\r\n"
        elif minor == 0:
            head += b"Connection: keep-alive\r\n"
        if minor and rng.random() < 0.2:
            k = rng.randint(1, len(body))
            data = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (k, body[:k])
            data += (b"%x\r\n%s\r\n" % (len(body) - k, body[k:]) if k < len(body) else b"") + b"0\r\n\r\n"
        else:
            data = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

        def check(r):
            assert r.status in (200, 429), r
            if checks is None:
                assert r.json()["error"]["code"] == -32700, r
                return
            live = [c for c in checks if c]
            if not live:
                assert r.body == b"", r
                return
            got = r.json()
            assert isinstance(got, list) == array, r
            got = got if array else [got]
            assert len(got) == len(live), (len(got), len(live))
            for a, c in zip(got, live):
                c(a)
        return data, check

    @staticmethod
    def fail(r):
        raise AssertionError(r)

    async def response(self, reader, minor=1):
        lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].decode("latin-1").split("\r\n")
        headers = [tuple(x.strip() for x in ln.split(":", 1)) for ln in lines[1:]]
        low = {k.lower(): v for k, v in headers}
        status = int(lines[0].split(" ")[1])
        if status == 100:
            return await self.response(reader)
        if "content-length" in low:
            body = await reader.readexactly(int(low["content-length"]))
        elif "transfer-encoding" in low:
            parts = []
            while True:
                n = int(await reader.readuntil(b"\r\n"), 16)
                parts.append((await reader.readexactly(n + 2))[:-2])
                if n == 0:
                    break
            body = b"".join(parts)
        else:
            assert low.get("connection") == "close", headers
            body = await reader.read()
        return Response(status, "", headers, body, b"")

    # -- clients

    async def connect(self):
        sock = socket.socket()
        if self.rng.random() < 0.3:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, self.addr)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return await asyncio.open_connection(sock=sock, limit=1 << 20)

    async def client(self):
        rng = self.rng
        while time.monotonic() < self.end:
            reader, writer = await self.connect()
            try:
                while time.monotonic() < self.end:
                    mode = rng.choice(("one", "one", "pipeline", "split", "slow", "half_close", "leave", "leave", "old",
                                       "close", "expect"))
                    self.count(mode)
                    if not await getattr(self, mode)(reader, writer):
                        break
            finally:
                if rng.random() < 0.3:
                    hard_close(writer)
                writer.close()

    async def read(self, reader, checks):
        for check in checks:
            check(await asyncio.wait_for(self.response(reader), LOST_S))

    async def one(self, reader, writer):
        data, check = self.request()
        writer.write(data)
        await self.read(reader, [check])
        return True

    async def pipeline(self, reader, writer):
        asked = [self.request() for _ in range(self.rng.randint(2, 12))]
        writer.write(b"".join(d for d, _ in asked))
        await self.read(reader, [c for _, c in asked])
        return True

    async def split(self, reader, writer):
        data, check = self.request()
        data = self.rng.choice((b"", b"\r\n")) + data
        at = sorted(self.rng.randint(0, len(data)) for _ in range(3))
        for a, b in zip([0] + at, at + [len(data)]):
            writer.write(data[a:b])
            await asyncio.sleep(self.rng.random() * 0.01)
        await self.read(reader, [check])
        return True

    async def slow(self, reader, writer):
        asked = [self.request() for _ in range(3)]
        writer.write(b"".join(d for d, _ in asked))
        writer.transport.pause_reading()
        await asyncio.sleep(self.rng.random())
        writer.transport.resume_reading()
        await self.read(reader, [c for _, c in asked])
        return True

    async def half_close(self, reader, writer):
        asked = [self.request() for _ in range(2)]
        writer.write(b"".join(d for d, _ in asked))
        writer.write_eof()
        await self.read(reader, [c for _, c in asked])
        assert await asyncio.wait_for(reader.read(), LOST_S) == b""
        return False

    async def leave(self, reader, writer):
        data = b"".join(self.request()[0] for _ in range(self.rng.randint(1, 4)))
        writer.write(data[:self.rng.randint(1, len(data))] if self.rng.random() < 0.5 else data)
        await asyncio.sleep(self.rng.random() ** 2 * 0.3)
        return False

    async def old(self, reader, writer):
        data, check = self.request(minor=0, close=True)
        writer.write(data)
        await self.read(reader, [check])
        return not data.startswith(b"POST")

    async def close(self, reader, writer):
        data, check = self.request(close=True)
        writer.write(data)
        await self.read(reader, [check])
        return not data.startswith(b"POST")

    async def expect(self, reader, writer):
        first, check = self.request()
        q, check2 = self.call()
        while isinstance(q, list):
            q, check2 = self.call()
        body = json.dumps(q).encode()
        writer.write(first + b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        await self.read(reader, [check])
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LOST_S)).startswith(b"HTTP/1.1 100 ")
        writer.write(body)
        r = await asyncio.wait_for(self.response(reader), LOST_S)
        check2(r.json()) if check2 else self.assert_empty(r)
        return True

    @staticmethod
    def assert_empty(r):
        assert r.body == b"", r

    # -- endpoints

    async def weather(self):
        while time.monotonic() < self.end:
            await asyncio.sleep(self.rng.random() * 1.0)
            node = self.rng.choice(self.nodes)
            node.down()
            await asyncio.sleep(self.rng.random() * 0.6)
            await node.up()

    async def run(self, seconds, clients):
        self.end = time.monotonic() + seconds
        await asyncio.gather(self.weather(), *(self.client() for _ in range(clients)))


class ChaosTest(Case):
    def setUp(self):
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # it remarks on every peer that went

    def storm(self, clients, fault_rate, limits, pool, **ep):
        seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randint(1, 10 ** 9))
        print("# CHAOS_SEED=%d" % seed, flush=True)
        asyncio.run(self.go(random.Random(seed), clients, fault_rate, limits, pool, ep))

    async def go(self, rng, clients, fault_rate, limits, pool, ep):
        nodes = [Node(rng, fault_rate) for _ in range(3)]
        for n in nodes:
            await n.up()
        g = await asyncio.to_thread(self.gateway, config(
            [endpoint("http://127.0.0.1:%d/" % n.port, "n%d" % i, weight=i + 1, tier=int(i == 2), pool=pool, **ep)
             for i, n in enumerate(nodes)],
            limits={"call_timeout_ms": int(CALL_S * 1000), **limits}))
        chaos = Chaos(g.addr, g.admin, nodes, rng)
        try:
            await chaos.run(SECONDS, clients)
        except BaseException:
            print("# " + g.stderr()[-3000:].replace("\n", "\n# "))
            raise
        print("# %r" % chaos.counts)
        # All quiet: what is left must go away by itself, and the program must serve as on its first day.
        for n in nodes:
            n.fault_rate = 0
        await asyncio.sleep(0.5)
        reader, writer = await chaos.connect()
        await asyncio.sleep(CALL_S * 2 + 0.5)
        for _ in range(20):
            data, check = chaos.request()
            writer.write(data)
            check(await asyncio.wait_for(chaos.response(reader), LOST_S))
        writer.close()
        doubled = {t: n.writes[t] for n in nodes for t in n.writes if sum(m.writes.get(t, 0) for m in nodes) > 1}
        self.assertEqual(doubled, {})
        await asyncio.to_thread(self.end, g)
        for n in nodes:
            await n.stop()

    def test_storm(self):
        self.storm(30, 0.15, {}, {"max_sockets": 8, "max_idle": 4, "idle_timeout_ms": 300, "min_warm": 1})

    def test_storm_in_a_narrow_place(self):
        """Every bound is met all the time."""
        self.storm(30, 0.3, {"max_client_buffer_bytes": 65536, "max_upstream_sockets": 4, "max_pipelined": 3,
                             "max_inflight_calls": 300},
                   {"max_sockets": 3, "max_idle": 2, "idle_timeout_ms": 50, "min_warm": 0, "max_waiting": 50,
                    "max_requests_per_socket": 7}, max_inflight=2, timeout_ms=900)
