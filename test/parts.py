#!/usr/bin/env python3
"""The parts of the test command: builds, unit tests, simulation, end to end, clients, fuzzing, source checks, thread sanitizer.

Every part counts its tests; a build is a test too.  What cannot run is a failure, never a skip.
"""
import ctypes
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

TEST = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TEST)
OUT = os.path.join(ROOT, "build-test")
CPUS = len(os.sched_getaffinity(0))
SIM_RUNS, SIM_SECONDS = os.environ.get("SIM_RUNS", "10000"), os.environ.get("SIM_SECONDS", "60")
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "TSAN_OPTIONS": "exitcode=99",
}

# name -> compiler, meson options, targets to build (none: all)
BUILDS = {
    "gcc-asan": ("gcc", ["-Dwerror=true", "-Ddebug=true", "-Doptimization=1", "-Db_sanitize=address,undefined",
                         "-Dc_args=-fno-sanitize-recover=all"], []),
    "clang": ("clang", ["-Dwerror=true", "-Dbench=true", "-Dplant=true"], []),
    "fuzz": ("clang", ["-Dwerror=true", "-Dfuzz=true", "-Ddebug=true", "-Doptimization=1", "-Db_sanitize=address,undefined",
                       "-Db_lundef=false", "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all"], ["fuzz"]),
    "tsan": ("clang", ["-Dwerror=true", "-Ddebug=true", "-Doptimization=1", "-Db_sanitize=thread", "-Db_lundef=false"], ["tsan"]),
}


class Counts:
    def __init__(self):
        self.passed, self.failed, self.names, self.wavered = 0, 0, [], []
        self.lock = threading.Lock()

    def one(self, name, ok, output="", seconds=None):
        with self.lock:
            if ok:
                self.passed += 1
            else:
                self.failed += 1
                self.names.append(name)
            print("%s - %s%s" % ("ok" if ok else "not ok", name, "" if seconds is None else " # %.1f s" % seconds))
            if not ok and output:
                print("\n".join("#   " + ln for ln in output.rstrip().split("\n")[-120:]))
            sys.stdout.flush()

    def tap(self, name, text, code, seconds):
        """Counts the lines of a TAP report; a program that failed without saying where counts as one failure."""
        good = len(re.findall(r"^ok\b", text, re.M))
        bad = re.findall(r"^not ok\b.*", text, re.M)
        plan = re.search(r"^1\.\.(\d+)", text, re.M)
        with self.lock:
            self.passed += good
            self.failed += len(bad)
            self.names += ["%s: %s" % (name, re.sub(r"^not ok[ \d-]*", "", b)) for b in bad]
            if not bad and (code or good == 0 or (plan and int(plan.group(1)) != good)):
                self.failed += 1
                self.names.append("%s ended with %d after %d tests" % (name, code, good))
                bad = [""]
            print("%s - %s: %d passed, %d failed # %.1f s" % ("not ok" if bad else "ok", name, good, len(bad), seconds))
            for b in bad:
                print("#   %s" % b)
            if bad:
                print("\n".join("#   " + ln for ln in [ln for ln in self.told(text) if ln.strip() and not ln.startswith("ok ")][-200:]))
            self.wavered += re.findall(r"^ok - (.+ # wavered.*)", text, re.M)
            sys.stdout.flush()

    def told(self, text):
        """The lines about what failed, where a program puts them last; else all lines."""
        lines = text.split("\n")
        return lines[lines.index("# ---- failed"):] if "# ---- failed" in lines else lines


counts = Counts()


def run(argv, timeout, cwd=ROOT, env=None):
    """(exit code, all output); the whole process group is ended when the time is over."""
    e = {**os.environ, **SANITIZERS, **(env or {})}
    try:
        p = subprocess.Popen(argv, cwd=cwd, env=e, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True)
    except OSError as err:
        return 127, "%s: %s" % (argv[0], err)
    try:
        out, _ = p.communicate(timeout=timeout)
        return p.returncode, out.decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, _ = p.communicate()
        return 124, out.decode("utf-8", "replace") + "\n%s took longer than %d s" % (argv[0], timeout)


# -- builds

built = {}


def build(name):
    """The build folder, or None when it failed; each is built once."""
    if name in built:
        return built[name]
    compiler, options, targets = BUILDS[name]
    folder = os.path.join(OUT, name)
    at = time.monotonic()
    env = {"CC": compiler}
    stamp = os.path.join(folder, "options.txt")
    wanted = " ".join([compiler] + options)
    fresh = not os.path.exists(os.path.join(folder, "build.ninja"))
    if not fresh and (not os.path.exists(stamp) or open(stamp).read() != wanted):
        shutil.rmtree(folder)
        fresh = True
    code, text = run(["meson", "setup", folder, *options], 300, env=env) if fresh else (0, "")
    if code == 0:
        with open(stamp, "w") as f:
            f.write(wanted)
        wish = [p for kind in targets for p in programs_of(folder, kind)]
        if targets and not wish:
            code, text = 1, "nothing to build for %s" % targets
        else:
            code, text = run(["ninja", "-C", folder, "-j%d" % CPUS, *wish], 900)
    if code == 0 and re.search(r"warning:", text):
        code, text = 1, "a warning:\n" + text
    counts.one("build " + name, code == 0, text, time.monotonic() - at)
    built[name] = folder if code == 0 else None
    return built[name]


def programs_of(folder, kind):
    """Executables, relative to the build folder.  fuzz: the fuzz targets; io: tests of src/io; tsan: these and the
    programs."""
    code, text = run(["meson", "introspect", "--targets", folder], 120)
    found = []
    for t in json.loads(text) if code == 0 else []:
        if t["type"] != "executable":
            continue
        sources = [s for group in t["target_sources"] for s in group.get("sources", [])]
        io = any("/test/io/" in s for s in sources)
        if {"fuzz": t["name"].startswith("fuzz_"), "io": io, "tsan": io or t["name"] in ("millrace", "devnode")}[kind]:
            found.append(os.path.relpath(t["filename"][0], folder))
    return sorted(found)


def side_by_side(jobs, n=CPUS):
    """Runs functions, n at a time."""
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not jobs:
                    return
                job = jobs.pop(0)
            job()
    threads = [threading.Thread(target=work) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


# -- parts

def unit_of(folder, label, only=None):
    code, text = run(["meson", "introspect", "--tests", folder], 60)
    try:
        tests = json.loads(text) if code == 0 else []
    except ValueError:
        tests = []
    tests = [t for t in tests if not any(s.endswith("sim") for s in t.get("suite", []))]
    if only is not None:
        tests = [t for t in tests if os.path.relpath(t["cmd"][0], folder) in only]
    if not tests:
        counts.one("%s: unit tests" % label, False, "none found\n" + text)
        return

    def job(t):
        def go():
            at = time.monotonic()
            code, text = run(t["cmd"], max(t.get("timeout") or 0, 120), cwd=t.get("workdir") or ROOT, env=t.get("env"))
            counts.tap("%s: %s" % (label, t["name"]), text, code, time.monotonic() - at)
        return go
    side_by_side([job(t) for t in tests])


def part_unit():
    for name in ("gcc-asan", "clang"):
        folder = build(name)
        if folder:
            unit_of(folder, "unit, " + name)


def part_sim():
    """Seeded runs of the gateway in a simulated world, with sanitizers and without; then the proof that they find faults."""
    for name, program, more, timeout in (("gcc-asan", "sim", ["--from", "1000001"], 300), ("clang", "sim", [], 300),
                                         ("clang", "sim_plant", ["--plants", "--runs", "1000000", "--seconds", "240"], 1800)):
        folder = build(name)
        if not folder:
            continue
        at = time.monotonic()
        code, text = run([os.path.join(folder, "test", "sim", program), "--runs", SIM_RUNS, "--seconds", SIM_SECONDS, *more], timeout)
        counts.tap("%s, %s" % (program, name), text, code, time.monotonic() - at)


def programs(folder):
    return {"MILLRACE": os.path.join(folder, "millrace"), "DEVNODE": os.path.join(folder, "test", "devnode", "devnode")}


def e2e(label, env, names=(), jobs=3):
    at = time.monotonic()
    code, text = run([sys.executable, os.path.join(TEST, "e2e", "run.py"), "-j", str(jobs), *names], 1500, env=env)
    text = re.sub(r"^1\.\.\d+$", "", text, flags=re.M)  # one plan for each file: the counts are checked by exit code
    counts.tap(label, text, code, time.monotonic() - at)


def part_e2e():
    asan, fast = build("gcc-asan"), build("clang")
    if asan and fast:
        e2e("e2e, gcc-asan", {**programs(asan), "MILLRACE_FAST": os.path.join(fast, "millrace"), "MILLRACE_SANITIZED": "1"})
    else:
        counts.one("e2e", False, "not built")


def npm_ci():
    folder = os.path.join(TEST, "clients")
    with open(os.path.join(folder, "package-lock.json"), "rb") as f:
        want = hashlib.sha256(f.read()).hexdigest()
    stamp = os.path.join(folder, "node_modules", ".lock-sha256")
    if os.path.exists(stamp) and open(stamp).read() == want:
        return 0, ""
    for attempt in range(3):
        code, text = run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], 300, cwd=folder)
        if code == 0:
            with open(stamp, "w") as f:
                f.write(want)
            break
        time.sleep(3 * attempt)
    return code, text


def part_clients():
    asan = build("gcc-asan")
    at = time.monotonic()
    code, text = npm_ci()
    counts.one("clients: npm ci", code == 0, text, time.monotonic() - at)
    if code or not asan:
        return
    folder = os.path.join(TEST, "clients")
    for name in sorted(n for n in os.listdir(folder) if n.endswith(".test.mjs")):
        at = time.monotonic()
        code, text = run(["node", "--test", "--test-reporter=tap", name], 240, cwd=folder, env=programs(asan))
        counts.tap("clients: " + name, text, code, time.monotonic() - at)


def seeds(target, folder):
    """A small corpus to begin with: what the other tests feed."""
    sys.path.insert(0, os.path.join(TEST, "e2e"))
    out = []
    if target in ("jtok", "message"):
        for sub in ("valid", "invalid"):
            d = os.path.join(TEST, "data", sub)
            for n in sorted(os.listdir(d)) if os.path.isdir(d) else []:
                with open(os.path.join(d, n), "rb") as f:
                    out.append(f.read(65536))
        import test_jsonrpc
        out += list(test_jsonrpc.PARSE_ERRORS.values())
        out += [('{"jsonrpc":"2.0","id":%s,"method":"eth_call","params":[]}' % v).encode() for v in test_jsonrpc.IDS.values()]
        out += [('{"jsonrpc":"2.0","id":1,"result":%s}' % v).encode() for v in test_jsonrpc.RESULTS.values()]
    elif target == "batch_answer":
        import test_jsonrpc
        results = list(test_jsonrpc.RESULTS.values())
        out += [('[%s]' % ",".join('{"jsonrpc":"2.0","id":%d,"result":%s}' % (i % 9, v) for i, v in enumerate(results[k:k + 9]))).encode()
                for k in range(0, len(results), 9)]
        for code, text in ((-32600, "batch too large"), (-32005, "Batched requests are not supported"), (-32000, "batch limit 3 exceeded"),
                           (-32600, "Unsupported methods [trace_block, x] in batch call"), (429, "rate limit"), (3, "execution reverted")):
            error = '"error":{"code":%d,"message":"%s"}' % (code, text)
            out += [('{"jsonrpc":"2.0","id":null,%s}' % error).encode(), ('[{"jsonrpc":"2.0","id":0,%s}]' % error).encode(),
                    ('[%s]' % ",".join('{"id":"%d",%s}' % (i, error) for i in range(8))).encode()]
    elif target == "h1_server":
        import test_smuggling
        out += [data for data, _ in test_smuggling.TABLE.values()]
    else:
        import upstream
        body = upstream.reply(1)
        out += [upstream.http(body), upstream.http(body, framing=False),
                upstream.http(upstream.chunked(body), headers=[("Transfer-Encoding", "chunked")], framing=False),
                b"HTTP/1.1 100 Continue\r\n\r\n" + upstream.http(body), upstream.http(body, version="1.0")]
        import gzip
        import zlib
        out += [upstream.http(z(body.encode()), headers=[("Content-Encoding", c)])
                for z, c in ((gzip.compress, "gzip"), (zlib.compress, "deflate"))]
    for i, data in enumerate(out):
        with open(os.path.join(folder, "seed-%d" % i), "wb") as f:
            f.write(data[:65536])


def part_fuzz():
    folder = build("fuzz")
    if not folder:
        return

    def job(path):
        def go():
            name = os.path.basename(path)
            corpus = os.path.join(folder, "corpus-" + name)
            shutil.rmtree(corpus, True)
            os.makedirs(corpus)
            seeds(name[len("fuzz_"):], corpus)
            at = time.monotonic()
            code, text = run([path, "-max_total_time=%d" % FUZZ_SECONDS, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
                              "-artifact_prefix=" + folder + os.sep, corpus], FUZZ_SECONDS + 120, cwd=folder)
            runs = re.search(r"number_of_executed_units: (\d+)", text)
            ok = code == 0 and runs is not None and int(runs.group(1)) > 1000
            counts.one("fuzz: %s, %s runs" % (name, runs.group(1) if runs else "no"), ok, text, time.monotonic() - at)
        return go
    side_by_side([job(os.path.join(folder, p)) for p in programs_of(folder, "fuzz")])


def part_check():
    folder = build("clang")
    at = time.monotonic()
    code, text = run([sys.executable, os.path.join(TEST, "check", "check.py")], 300,
                     env={"MILLRACE": os.path.join(folder, "millrace")} if folder else {})
    counts.tap("check", text, code, time.monotonic() - at)
    at = time.monotonic()
    code, text = run([sys.executable, os.path.join(TEST, "check", "docs.py")], 300)
    counts.tap("docs", text, code, time.monotonic() - at)


def part_tsan():
    folder = build("tsan")
    if not folder:
        return
    unit_of(folder, "unit, tsan", programs_of(folder, "io"))
    e2e("e2e, tsan", {**programs(folder), "MILLRACE_SANITIZED": "1"},
        ["test_tls", "test_pool.Moving", "test_lifecycle", "test_routing.Unreachable", "test_cli.Demo"], jobs=2)


PARTS = {"check": part_check, "unit": part_unit, "sim": part_sim, "e2e": part_e2e, "clients": part_clients, "fuzz": part_fuzz, "tsan": part_tsan}


def main():
    names = sys.argv[1:] or list(PARTS)
    wrong = [n for n in names if n not in PARTS]
    if wrong:
        print("unknown part %s; there are: %s" % (wrong[0], " ".join(PARTS)), file=sys.stderr)
        return 2
    # The sanitizers of older compilers cannot live with as much address randomisation as newer kernels use.
    no_randomize = 0x0040000
    ctypes.CDLL(None).personality(ctypes.c_ulong(no_randomize))
    os.makedirs(OUT, exist_ok=True)
    times = []
    for n in names:
        at = time.monotonic()
        print("# ---- %s" % n, flush=True)
        try:
            PARTS[n]()
        except Exception as e:
            counts.one(n, False, "%s: %s" % (type(e).__name__, e))
        times.append("%s %.0f s" % (n, time.monotonic() - at))
    print("# " + ", ".join(times))
    for n in counts.wavered:
        print("# " + n)
    for n in counts.names:
        print("# failed: " + n)
    print("%d passed, %d failed" % (counts.passed, counts.failed), flush=True)
    return 1 if counts.failed or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main())
