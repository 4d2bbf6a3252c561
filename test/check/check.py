#!/usr/bin/env python3
"""Checks of the source itself; prints TAP.  MILLRACE: a built program, to try what README.md shows."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import includes  # noqa: E402

MAX_LINES = 600


def tracked():
    """The project's own files: what git knows, or without git everything that is not built or installed."""
    if shutil.which("git") and os.path.exists(os.path.join(ROOT, ".git")):
        r = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True)
        if r.returncode == 0:
            names = [n for n in r.stdout.decode().split("\0") if n]
            return [n for n in names if os.path.isfile(os.path.join(ROOT, n))]
    out = []
    for folder, dirs, names in os.walk(ROOT):
        dirs[:] = [d for d in dirs if not d.startswith(("build", ".git", ".cache")) and d not in ("node_modules", "__pycache__")]
        out += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names]
    return sorted(out)


def text_of(name):
    with open(os.path.join(ROOT, name), "rb") as f:
        data = f.read()
    return None if b"\0" in data[:8000] else data.decode("utf-8", "replace")


def c_files():
    return [n for n in tracked() if n.endswith((".c", ".h")) and n.split("/")[0] in ("src", "test", "bench", "include")]


def include_directions():
    return includes.check(ROOT)


def include_check_bites():
    return includes.self_test()


def no_unfinished_words():
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
    out = []
    for n in tracked():
        if n.endswith("package-lock.json"):
            continue
        for i, ln in enumerate((text_of(n) or "").split("\n"), 1):
            if words.search(ln):
                out.append("%s:%d: %s" % (n, i, ln.strip()[:120]))
    return out


def no_machine_paths():
    rx = re.compile(r"(?<![\w./{}$-])/(ro" + r"ot|wo" + r"rk|ho" + r"me)(/|\b)")
    out = []
    for n in tracked():
        for i, ln in enumerate((text_of(n) or "").split("\n"), 1):
            if rx.search(ln):
                out.append("%s:%d: %s" % (n, i, ln.strip()[:120]))
    return out


def files_stay_small():
    out = []
    for n in tracked():
        if n.startswith("src/") and n.endswith((".c", ".h")):
            k = (text_of(n) or "").count("\n")
            if k > MAX_LINES:
                out.append("%s has %d lines: which second noun lives there?" % (n, k))
    return out


def headers_have_guards_and_an_opening():
    out = []
    for n in tracked():
        if not (n.startswith("src/") and n.endswith(".h")):
            continue
        text = text_of(n)
        guard = re.search(r"^#ifndef (MILLRACE_\w+_H)\n#define \1$", text, re.M)
        if not guard or not guard.group(1).endswith(re.sub(r"\W", "_", os.path.basename(n)).upper()):
            out.append("%s: no guard of its name" % n)
        if not text.startswith("/* " + os.path.basename(n) + " - "):
            out.append("%s does not open with what it is and who owns it" % n)
    return out


def clang_format():
    r = subprocess.run(["clang-format", "--version"], capture_output=True)
    version = re.search(rb"version (\d+)", r.stdout).group(1)
    if version != b"14":
        print("# clang-format %s lays out differently from 14: not compared" % version.decode())
        return []
    files = c_files()
    out = []
    for i in range(0, len(files), 50):
        r = subprocess.run(["clang-format", "--dry-run", "-Werror", *files[i:i + 50]], cwd=ROOT, capture_output=True)
        if r.returncode:
            out += sorted({ln.split(":")[0] + " is not as clang-format lays it out"
                           for ln in r.stderr.decode().split("\n") if "error:" in ln}) or [r.stderr.decode()[:500]]
    return out


def scripts_parse():
    out = []
    for n in tracked():
        if n.startswith("test/data/"):
            continue
        text = text_of(n) or ""
        if n.endswith(".sh") or re.match(r"#!.*\b(ba|da)?sh\b", text):
            shell = "bash" if "bash" in text.split("\n")[0] else "sh"
            r = subprocess.run([shell, "-n", os.path.join(ROOT, n)], capture_output=True)
            if r.returncode:
                out.append("%s: %s" % (n, r.stderr.decode()))
        elif n.endswith(".py"):
            try:
                compile(text, n, "exec")
            except SyntaxError as e:
                out.append("%s: %s" % (n, e))
        elif n.endswith(".json"):
            try:
                json.loads(text)
            except ValueError as e:
                out.append("%s: %s" % (n, e))
    return out


def no_stray_files():
    return [n for n in tracked() if re.search(r"(^|/)(node_modules|__pycache__|build[^/]*)/|\.(o|a|so|orig|rej|swp|pyc)$", n)
            and not n.startswith("src/") and "/build" not in n.split("/")[-1]]


def lock_file_is_exact():
    with open(os.path.join(ROOT, "test/clients/package.json")) as f:
        wanted = json.load(f)["dependencies"]
    with open(os.path.join(ROOT, "test/clients/package-lock.json")) as f:
        locked = json.load(f)["packages"]
    out = ["%s: %s is no exact version" % kv for kv in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", kv[1])]
    for name, version in wanted.items():
        if locked.get("node_modules/" + name, {}).get("version") != version:
            out.append("%s: the lock file has another version" % name)
    return out


# -- README.md

def readme():
    return text_of("README.md") if os.path.exists(os.path.join(ROOT, "README.md")) else None


def readme_links_lead_somewhere():
    text = readme()
    if text is None:
        return ["there is no README.md"]
    out = []
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if not re.match(r"[a-z]+:", target) and not os.path.exists(os.path.join(ROOT, target)):
            out.append("README.md links to %s, which is not there" % target)
    return out


def readme_says_how_to_build_and_test():
    text = readme()
    if text is None:
        return ["there is no README.md"]
    out = ["README.md does not say: " + w for w in ("meson setup build", "meson compile -C build", "test/run", "curl", "millrace demo",
                                                    "endpoints.json", "Hacking") if w not in text]
    return out


def readme_json_is_json():
    """Blocks marked json parse; those that are whole configurations pass the check."""
    text = readme()
    if text is None:
        return ["there is no README.md"]
    out, n = [], 0
    for block in re.findall(r"^```json\n(.*?)^```", text, re.M | re.S):
        try:
            value = json.loads(block)
        except ValueError as e:
            out.append("README.md: a json block does not parse: %s\n%s" % (e, block[:200]))
            continue
        if isinstance(value, dict) and "chains" in value:
            n += 1
            out += config_passes(block)
    if n == 0:
        out.append("README.md shows no whole endpoints.json")
    return out


def config_passes(text):
    program = os.environ.get("MILLRACE")
    if not program:
        return []
    env = {**os.environ, **{name: "x" for name in re.findall(r"\$\{(\w+)", text)}}
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "endpoints.json")
        with open(path, "w") as f:
            f.write(text)
        r = subprocess.run([program, "check", "-c", path], capture_output=True, env=env, stdin=subprocess.DEVNULL)
    return [] if r.returncode == 0 else ["README.md: a configuration is refused: " + r.stderr.decode()]


def readme_names_no_key_that_is_not_there():
    """Every `object.key` of the configuration that README.md mentions exists in config.def, and the other way round
    every key is documented there or in docs/."""
    text = readme()
    if text is None:
        return ["there is no README.md"]
    for n in tracked():
        if n.startswith("docs/") and n.endswith(".md"):
            text += text_of(n)
    keys = re.findall(r'^[A-Z]+\((\w+), "([^"]+)"', text_of("src/config/config.def"), re.M)
    return ["%s.%s is documented nowhere" % k for k in keys if not re.search(r"\b%s\b" % re.escape(k[1]).replace("\\$", "[$]"), text)
            and k[1] != "$schema"]


def main():
    checks = [include_directions, include_check_bites, no_unfinished_words, no_machine_paths, files_stay_small,
              headers_have_guards_and_an_opening, clang_format, scripts_parse, no_stray_files, lock_file_is_exact,
              readme_says_how_to_build_and_test, readme_links_lead_somewhere, readme_json_is_json,
              readme_names_no_key_that_is_not_there]
    bad = 0
    for i, c in enumerate(checks, 1):
        try:
            faults = c()
        except Exception as e:
            faults = ["%s: %s" % (type(e).__name__, e)]
        for f in faults[:50]:
            print("# " + f.replace("\n", "\n#   "))
        bad += bool(faults)
        print("%s %d - %s" % ("not ok" if faults else "ok", i, c.__name__), flush=True)
    print("1..%d" % len(checks))
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
