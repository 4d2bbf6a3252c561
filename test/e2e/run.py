#!/usr/bin/env python3
"""Runs the end-to-end tests: each file in a process of its own, some side by side; prints TAP, then what failed and the counts.

    test/e2e/run.py [-j N] [-k WORD] [FILE or FILE.Class or FILE.Class.test ...]

Many tests look at times.  A test that fails while the machine itself stood still (it was measured) is done again when
nothing runs beside it, up to twice; then it counts.
"""
import argparse
import os
import re
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ALONE = {"test_backpressure", "test_timing"}  # measure memory, processor or time: nothing runs beside them
STOOD_STILL_S = 0.04  # a thread that wants to wake each 10 ms woke so much later
AGAIN = re.compile(r"^again - (\S+)", re.M)


class Watch(threading.Thread):
    """How long the machine made a thread wait that had nothing to do but to wake."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst = 0.0

    def run(self):
        while True:
            at = time.monotonic()
            time.sleep(0.01)
            self.worst = max(self.worst, time.monotonic() - at - 0.01)


class Tap(unittest.TestResult):
    def __init__(self, final):
        super().__init__()
        self.n, self.final = 0, final
        self.failed_for_good = False
        self.watch = Watch()
        self.watch.start()

    def _say(self, ok, test, note=""):
        self.n += 1
        print("%s %d - %s%s" % ("ok" if ok else "not ok", self.n, test.id() if hasattr(test, "id") else test, note), flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.at = time.monotonic()
        self.bad = False
        self.watch.worst = 0.0

    def _bad(self, test, err):
        text = self._exc_info_to_string(err, test)
        for ln in text.rstrip().split("\n"):
            print("# " + ln)
        self.bad = True

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, err)
        if not isinstance(test, unittest.TestCase):  # setUpClass or tearDownClass: no startTest, no stopTest
            self.failed_for_good = True
            self._say(False, test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            print("# in " + str(subtest))
            self._bad(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print("# skipped: " + reason)
        self.bad = True  # a test that cannot run is a failure

    def stopTest(self, test):
        super().stopTest(test)
        took = time.monotonic() - self.at
        if self.bad and not self.final and self.watch.worst > STOOD_STILL_S:
            print("again - %s # failed after %.2f s, in which the machine stood still for %.0f ms" % (test.id(), took, self.watch.worst * 1000), flush=True)
            return
        self.failed_for_good |= self.bad
        self._say(not self.bad, test, " # %.2f s" % took)


def names_of(suite):
    for t in suite:
        if isinstance(t, unittest.TestSuite):
            yield from names_of(t)
        else:
            yield t


def run_here(names, word, final):
    sys.path.insert(0, HERE)
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    if word:
        suite = unittest.TestSuite(t for t in names_of(suite) if word in t.id())
    result = Tap(final)
    suite.run(result)
    print("1..%d" % result.n, flush=True)
    return result.failed_for_good or bool(result.unexpectedSuccesses)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-j", type=int, default=2)
    ap.add_argument("-k", default="")
    ap.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("--final", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("names", nargs="*")
    a = ap.parse_args()
    if a.here:
        return run_here(a.names, a.k, a.final)

    names = a.names or sorted(f[:-3] for f in os.listdir(HERE) if f.startswith("test_") and f.endswith(".py"))
    lock, counts, again, failures = threading.Lock(), [0, 0], [], []

    def one(name, final=False):
        limit = 900
        try:
            p = subprocess.run([sys.executable, __file__, "--here", *(["--final"] if final else []), "-k", a.k, name],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=limit)
            text, code = p.stdout.decode("utf-8", "replace"), p.returncode
        except subprocess.TimeoutExpired as e:
            text, code = (e.stdout or b"").decode("utf-8", "replace") + "\n# %s took longer than %d s\n" % (name, limit), -1
        good = sum(ln.startswith("ok ") for ln in text.split("\n"))
        bad = sum(ln.startswith("not ok ") for ln in text.split("\n"))
        if code and not bad:
            bad = 1
            text += "not ok - %s ended with %d\n" % (name, code)
        with lock:
            counts[0] += good
            counts[1] += bad
            again.extend(AGAIN.findall(text))
            if bad:
                failures.append("\n".join(ln for ln in text.split("\n") if ln and not ln.startswith(("ok ", "1.."))))
            print("# ---- %s: %d passed, %d failed" % (name, good, bad))
            print(text, flush=True)

    together = [n for n in names if n.split(".")[0] not in ALONE]
    alone = [n for n in names if n.split(".")[0] in ALONE]

    def worker():
        while True:
            with lock:
                if not together:
                    return
                name = together.pop(0)
            one(name)
    threads = [threading.Thread(target=worker) for _ in range(max(1, a.j))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for name in alone:
        one(name)
    for final in (False, True):
        some, again = again, []
        for name in some:
            one(name, final)
    for text in failures:
        print("# ---- failed\n" + text)
    print("# e2e: %d passed, %d failed" % tuple(counts))
    return counts[1] > 0 or counts[0] == 0


if __name__ == "__main__":
    sys.exit(main())
