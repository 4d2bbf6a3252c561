#!/usr/bin/env python3
"""Runs the end-to-end tests: each file in a process of its own, some side by side; prints TAP, then what failed and the counts.

    test/e2e/run.py [-j N] [-k WORD] [FILE or FILE.Class or FILE.Class.test ...]

Many tests look at times, and the machine does other work.  A test that fails beside others is done again with nothing beside
it, and two of at most three such runs decide.  One that passes then has wavered: it is named, and too many of them are a failure.
What a sanitizer reports, and a crash, is a failure at once.
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
CRASH = re.compile(r"Sanitizer|runtime error:|Assertion .* failed|ended with -\d")
AGAIN = re.compile(r"^again - (\S+)", re.M)
MAX_WAVERED = 8  # a machine that is busy now and then costs one or two


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
        self.bad = self.crashed = self.failed_for_good = False
        self.watch = Watch()
        self.watch.start()

    def startTest(self, test):
        super().startTest(test)
        self.at = time.monotonic()
        self.bad = self.crashed = False
        self.watch.worst = 0.0

    def _bad(self, test, err):
        text = self._exc_info_to_string(err, test)
        for ln in text.rstrip().split("\n"):
            print("# " + ln)
        self.bad = True
        self.crashed |= bool(CRASH.search(text))

    def addError(self, test, err):
        super().addError(test, err)
        if isinstance(test, unittest.TestCase):
            self._bad(test, err)
            return
        self.crashed = False  # setUpClass or tearDownClass: no startTest, no stopTest; the class is done again
        self._bad(test, err)
        self._verdict(re.sub(r".*\((.+)\)", r"\1", test.id()), "")

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
        if self.bad:
            print("# failed after %.2f s, in which the machine stood still for %.0f ms at most" % (took, self.watch.worst * 1000))
        self._verdict(test.id(), " # %.2f s" % took)

    def _verdict(self, name, note):
        if self.bad and not self.crashed and not self.final:
            print("again - " + name, flush=True)
            return
        self.failed_for_good |= self.bad
        self.n += 1
        print("%s %d - %s%s" % ("not ok" if self.bad else "ok", self.n, name, note), flush=True)


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


def told_of(text, name):
    """What a test printed: the lines between its verdict and the one before."""
    said = []
    for ln in text.split("\n"):
        if re.match(r"(not ok|ok|again) ", ln):
            if ln.endswith(name) or name + " " in ln:
                return "# %s\n%s" % (name, "\n".join(said))
            said = []
        elif ln.strip():
            said.append(ln)
    return "# %s\n%s" % (name, "\n".join(said))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-j", type=int, default=2)
    ap.add_argument("-k", default="")
    ap.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("--final", action="store_true", help=argparse.SUPPRESS)
    ap.add_argument("names", nargs="*")
    a = ap.parse_args()
    if a.here:
        failed = run_here(a.names, a.k, a.final)
        sys.stdout.flush()
        os._exit(failed)  # threads of clients that the tests left behind are no concern of the verdict

    names = a.names or sorted(f[:-3] for f in os.listdir(HERE) if f.startswith("test_") and f.endswith(".py"))
    lock, counts, again, failures = threading.Lock(), [0, 0], [], []

    def once(name, final):
        """(passed, failed, what it printed) of one process."""
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
        return good, bad, text

    def one(name):
        good, bad, text = once(name, False)
        with lock:
            counts[0] += good
            counts[1] += bad
            again.extend((n, told_of(text, n)) for n in AGAIN.findall(text))
            if bad:
                failures.extend(told_of(text, n) for n in re.findall(r"^not ok [\d -]*(.*)", text, re.M))
            print("# ---- %s: %d passed, %d failed" % (name, good, bad))
            print(text, flush=True)

    def decide(name, told):
        """Runs a test that failed beside others with nothing beside it: two of three."""
        good = bad = 0
        while good < 2 and bad < 2:
            passed, failed, text = once(name, True)
            good, bad = good + (failed == 0 and passed > 0), bad + (failed > 0 or passed == 0)
            if failed or not passed:
                told = text
        counts[bad == 2] += 1
        if bad == 2:
            failures.append(told_of(told, name))
        print(("ok - %s # wavered: passed alone, %d of %d runs" if good == 2 else "not ok - %s # passed alone in %d of %d runs") %
              (name, good, good + bad))
        print("\n".join("# " + ln for ln in told.split("\n")), flush=True)

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
    for name, told in again:
        decide(name, told)
    if len(again) > MAX_WAVERED:
        counts[1] += 1
        failures.append("# %d tests failed beside others, more than %d" % (len(again), MAX_WAVERED))
        print("not ok - few tests waver\n" + failures[-1])
    if failures:
        print("# ---- failed\n" + "\n".join(failures))
    print("# e2e: %d passed, %d failed" % tuple(counts))
    return counts[1] > 0 or counts[0] == 0


if __name__ == "__main__":
    sys.exit(main())
