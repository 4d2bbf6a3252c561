#!/usr/bin/env python3
"""README.md and docs/ against the sources: nothing is named that is not there, and nothing is left out; prints TAP.

    test/check/docs.py
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def text(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def pages():
    """Every Markdown page of the project, by its path from the root."""
    names = ["README.md"] + sorted("docs/" + n for n in os.listdir(os.path.join(ROOT, "docs")) if n.endswith(".md"))
    return {n: text(n) for n in names + ["bench/README.md"] if os.path.exists(os.path.join(ROOT, n))}


def c_sources(folder):
    for at, _, names in os.walk(os.path.join(ROOT, folder)):
        for n in sorted(names):
            if n.endswith((".c", ".h")):
                yield os.path.relpath(os.path.join(at, n), ROOT)


def tables(page):
    """The rows of all tables of a page: lists of cells, header rows and rules left out."""
    rows, lines = [], page.split("\n")
    for i, ln in enumerate(lines):
        if not ln.startswith("|") or set(ln) <= set("|-: "):
            continue
        if i + 1 < len(lines) and lines[i + 1].startswith("|") and set(lines[i + 1]) <= set("|-: "):
            continue
        rows.append([c.strip() for c in ln.strip().strip("|").split("|")])
    return rows


def section(page, title):
    """From the heading that begins so to the next one of its rank or above; "" without it."""
    m = re.search(r"^(#+) %s.*?$" % re.escape(title), page, re.M)
    if not m:
        return ""
    rest = page[m.end():]
    end = re.search(r"^#{1,%d} " % len(m.group(1)), rest, re.M)
    return rest[:end.start()] if end else rest


# -- the facts, as the sources say them

def fail_rows(source):
    rx = r'^FAIL\((\w+),\s*(\d+),\s*(-?\d+),\s*(-?\d+),\s*[01],\s*"([^"]*)"\)'
    return {m[0].lower(): m[1:] for m in re.findall(rx, source, re.M)}


def metric_names(stats_def, metrics_c):
    names = {"millrace_%s_total" % n for n in re.findall(r"^COUNTER\((\w+),", stats_def, re.M)}
    plain = re.findall(r'head\(&?p, "(\w+)", "(?:counter|gauge)"', metrics_c)
    plain += re.findall(r'\{"(\w+)", "(?:counter|gauge)"', metrics_c)
    names |= {"millrace_" + n for n in plain}
    for n in re.findall(r'(?:head\(&?p, |\{)"(\w+)", "histogram"', metrics_c):
        names |= {"millrace_%s%s" % (n, s) for s in ("", "_bucket", "_sum", "_count")}
    return names


def usage_of(main_c):
    block = main_c[main_c.index("usage[] ="):]
    block = block[:block.index(";\n\nstruct")] if ";\n\nstruct" in block else block[:block.index(";\n")]
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', block)).replace("\\n", "\n")


def log_events(sources):
    return {e for s in sources for e in re.findall(r'log_event\(\s*LOG_[A-Z]+,\s*"(\w+)"', s)}


# -- the checks: each returns sentences

def config_parts(readme, config_md):
    """The keys of "The file" and the objects below it, as docs/config.md has them, against README's table of the parts."""
    mine = {k for r in tables(section(readme, "Configuration")) for k in re.findall(r"`([^`]+)`", r[0])}
    top = {r[0].strip("`") for r in tables(section(config_md, "The file"))} - {"$schema"}
    objects = {t for t in re.findall(r"^## (.+)$", config_md, re.M) if t != "The file"}
    short = {re.sub(r"^chains\.NAME(\.endpoints\[\])?\.?", "", t) or "chains" for t in objects}
    short = {re.sub(r"\.METHOD$", "", s) for s in short} | {"endpoints"}
    out = ["README.md: the table of the configuration leaves out `%s`" % k for k in sorted((top | short) - mine)]
    keys = {r[0].strip("`") for r in tables(config_md)} | short | top
    return out + ["README.md: `%s` is no key of docs/config.md" % k for k in sorted(mine - keys)]


def error_rows(errors_md, fail_def):
    rows = fail_rows(fail_def)
    have = {r[0].strip("`"): tuple(r[1:5]) for r in tables(errors_md) if len(r) == 6}
    out = [] if len(rows) > 30 else ["src/base/fail.def: only %d rows were understood" % len(rows)]
    out += ["docs/errors.md has no row `%s`" % k for k in rows if k not in have]
    out += ["docs/errors.md: `%s` is no row of src/base/fail.def" % k for k in have if k not in rows]
    out += ["docs/errors.md: `%s` says %s, src/base/fail.def says %s" % (k, " | ".join(have[k]), " | ".join(rows[k]))
            for k in rows if k in have and have[k] != rows[k]]
    return out


ANSWER_WORDS = {"NO": "no", "ONCE": "one", "YES": "yes", "NONE": "", "NOTHING": "", "IF_ALONE": "if another answers",
                "METHOD": "the method", "ENDPOINT": "the endpoint", "QUOTA": "until the quota is reset",
                "CREDENTIAL": "until the credential changes", "0": "", "1": "yes"}


def answer_rows(answers_md, classify_def):
    rx = r'^CLASS\((\w+),\s*(\w+),\s*([01]),\s*(\w+),\s*(\w+),\s*(\w+),\s*([01]),\s*\d+,\s*"([^"]*)"\)'
    word = lambda w: ANSWER_WORDS.get(w, w.lower().replace("_", " "))
    rows = {m[0].lower(): (m[7],) + tuple(word(w) for w in m[1:7]) for m in re.findall(rx, classify_def, re.M)}
    have = {r[0].strip("`"): tuple(r[1:]) for r in tables(answers_md) if len(r) == 8}
    out = [] if len(rows) == len(re.findall(r"^CLASS\(", classify_def, re.M)) and rows else ["src/rpc/classify.def was not understood"]
    out += ["docs/answers.md has no row `%s`" % k for k in rows if k not in have]
    out += ["docs/answers.md: `%s` is no class of src/rpc/classify.def" % k for k in have if k not in rows]
    return out + ["docs/answers.md: `%s` says %s, src/rpc/classify.def says %s" % (k, " | ".join(have[k]), " | ".join(rows[k]))
                  for k in rows if k in have and have[k] != rows[k]]


def reasons_exist(docs, fail_def, sources=()):
    """`upstream_...` in any page is a reason, or a function."""
    known = set(fail_rows(fail_def)) | {w for s in sources for w in re.findall(r"\b(upstream_\w+)\(", s)}
    return ["%s: `%s` is no reason of src/base/fail.def" % (n, w) for n, page in docs.items()
            for w in sorted(set(re.findall(r"`(upstream_\w+)`", page)) - known)]


def metrics_exist(docs, stats_def, metrics_c):
    names = metric_names(stats_def, metrics_c)
    out = [] if len(names) > 25 else ["src/admin/metrics.c: only %d names were understood" % len(names)]
    for n, page in docs.items():
        for w in sorted(set(re.findall(r"\bmillrace_[a-z0-9_]+\b(?![.*/])", page))):
            if w not in names:
                out.append("%s: there is no metric %s" % (n, w))
    return out


def metrics_listed(readme, stats_def, metrics_c):
    """README names every family of src/admin/metrics.c; the counters of stats.def explain themselves on the page."""
    names = metric_names("", metrics_c)
    families = {n for n in names if not n.endswith(("_bucket", "_sum", "_count"))}
    return ["README.md: the metric %s is not named" % n for n in sorted(families) if n not in readme]


def events_listed(readme, sources):
    have = {w for r in tables(section(readme, "Logs")) for w in re.findall(r"`(\w+)`", r[0])}
    want = log_events(sources)
    return (["README.md: the log line `%s` is not explained" % e for e in sorted(want - have)] +
            ["README.md: no source writes the log line `%s`" % e for e in sorted(have - want)])


def advice_listed(readme, advice_c):
    have = {w for r in tables(section(readme, "Recommendations")) for w in re.findall(r"`(\w+)`", r[0])}
    want = set(re.findall(r'^ +\{"(\w+)", \w+,', advice_c, re.M))
    return (["README.md: the recommendation `%s` is not explained" % e for e in sorted(want - have)] +
            ["README.md: nothing recommends `%s`" % e for e in sorted(have - want)])


def options_exist(docs, main_c):
    """Every option and command that follows the program's name in code is in its usage."""
    usage = usage_of(main_c)
    options = set(re.findall(r"--[a-z-]+|(?<![\w-])-[a-z]\b", usage))
    commands = set(re.findall(r"^\W*(?:usage: )?millrace ([a-z]+)", usage, re.M))
    out = [] if "--listen" in options and "demo" in commands else ["src/main.c: its usage was not understood"]
    for n, page in docs.items():
        code = re.findall(r"^```\w*\n(.*?)^```", page, re.M | re.S) + re.findall(r"`([^`\n]+)`", page)
        for line in "\n".join(code).replace("\\\n", " ").split("\n"):
            m = re.match(r"(?:.*?(?:^|[\s/&])(?:\w+=\S+ )*)?(?:\./)?(?:build/)?millrace(?=$| [a-z-])(.*)", line)
            if not m or "docker" in line.split("millrace")[0]:
                continue
            rest = re.split(r"[|;&#>]", m.group(1))[0]
            for o in re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest):
                if o not in options:
                    out.append("%s: millrace has no option %s" % (n, o))
            word = re.match(r" ([a-z]+)(?=\s|$)", rest)
            if word and word.group(1) not in commands:
                out.append("%s: millrace has no command %s" % (n, word.group(1)))
    missing = [w for w in sorted(options - {"-h"} | commands) if not re.search(r"(?<![\w-])%s(?![\w-])" % w, docs["README.md"])]
    return out + ["README.md: `%s` of src/main.c is not explained" % w for w in missing]


def anchors(page):
    out = set()
    for h in re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S), re.M):
        out.add(re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-"))
    return out


def links_lead_somewhere(docs, exists=lambda p: os.path.exists(os.path.join(ROOT, p)), read=text):
    out = []
    for n, page in docs.items():
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page):
            if re.match(r"[a-z]+:", target):
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(n), target)) if target else n
            if not exists(path):
                out.append("%s links to %s, which is not there" % (n, target))
            elif anchor and path.endswith(".md") and anchor not in anchors(docs.get(path) or read(path)):
                out.append("%s links to %s#%s, a heading that is not there" % (n, target, anchor))
    return out


def named_files_exist(docs, exists=lambda p: os.path.exists(os.path.join(ROOT, p))):
    """`src/...`, `test/...`, `docs/...` and the like in code style are files or folders of the project."""
    out = []
    for n, page in docs.items():
        for w in sorted(set(re.findall(r"`((?:src|test|docs|bench|docker|\.ci)/[\w./-]*)`", page))):
            if not exists(w) and not re.search(r"/MODULE/|_X\.", w):  # placeholders
                out.append("%s names %s, which is not there" % (n, w))
    return out


def layers_agree(design, left):
    """The table of the layers in docs/design.md is the one that the include check enforces."""
    rows = {r[0].strip("`/"): set(re.findall(r"`(\w+)`", r[1])) for r in tables(section(design, "Layers"))}
    out = ["docs/design.md: the layer %s is not in the table" % k for k in sorted(set(left) - {"main"} - set(rows))]
    return out + ["docs/design.md: %s may include %s, the check says %s" % (k, sorted(v), sorted(left[k]))
                  for k, v in rows.items() if k in left and not v <= left[k]]


def self_test():
    """Each check sees what it is for."""
    bad = {"README.md": "`millrace --fast` `millrace fly` `build/millrace check -z x` [a](gone.md) [b](#gone) millrace_gone_total `src/gone.c` `upstream_gone`\n"}
    errors = "| reason | HTTP | code (evm) | code (solana) | message | when |\n|---|---|---|---|---|---|\n| `gone` | 1 | 2 | 3 | x | |\n"
    fails = 'FAIL(HERE, 200, -32603, -32603, 1, "text")\n'
    config = "## The file\n\n| key | takes |\n|---|---|\n| `listen` | x |\n\n## chains.NAME\n\n| key | takes |\n|---|---|\n| `cache` | x |\n"
    main_c = text("src/main.c")
    cases = {
        "options": len(options_exist(bad, main_c)) >= 3 and any("--fast" in f for f in options_exist(bad, main_c))
        and any("command fly" in f for f in options_exist(bad, main_c)) and any(" -z" in f for f in options_exist(bad, main_c)),
        "links": len(links_lead_somewhere(bad, lambda p: p == "README.md")) == 2,
        "files": len(named_files_exist(bad, lambda p: False)) == 1,
        "metrics": len(metrics_exist(bad, text("src/base/stats.def"), text("src/admin/metrics.c"))) == 1,
        "reasons": len(reasons_exist(bad, fails)) == 1,
        "errors": sum("no row" in f for f in error_rows(errors, fails)) == 2,
        "answers": len(answer_rows("| a | b | c | d | e | f | g | h |\n|---|---|---|---|---|---|---|---|\n| `gone` | | | | | | | |\n",
                                   'CLASS(HERE, NO, 0, NONE, NONE, NOTHING, 0, 0, "t")\n')) == 2,
        "parts": any("listen" in f for f in config_parts("## Configuration\n", config)),
        "events": len(events_listed("### Logs\n\n| a | b |\n|---|---|\n| `old` | x |\n", ['log_event(LOG_INFO, "new")'])) == 2,
        "advice": len(advice_listed("### Recommendations\n\n| a | b |\n|---|---|\n| `old` | x |\n", '    {"new", fits, "do"},\n')) == 2,
        "layers": len(layers_agree("## Layers\n\n| a | b |\n|---|---|\n| `json` | `rpc` |\n", {"json": {"base"}, "io": set()})) == 2,
    }
    return ["the check of the %s does not bite" % k for k, good in cases.items() if not good]


def main():
    sys.path.insert(0, HERE)
    import includes
    docs = pages()
    readme, config_md = docs.get("README.md", ""), docs.get("docs/config.md", "")
    fail_def, stats_def, metrics_c = text("src/base/fail.def"), text("src/base/stats.def"), text("src/admin/metrics.c")
    sources = [text(n) for n in c_sources("src") if n.endswith(".c")]
    checks = [
        ("the checks bite", self_test),
        ("README.md names every part of the configuration", lambda: config_parts(readme, config_md)),
        ("docs/errors.md is what src/base/fail.def says", lambda: error_rows(docs.get("docs/errors.md", ""), fail_def)),
        ("docs/answers.md is what src/rpc/classify.def says", lambda: answer_rows(docs.get("docs/answers.md", ""), text("src/rpc/classify.def"))),
        ("reasons that are named exist", lambda: reasons_exist(docs, fail_def, sources)),
        ("metrics that are named exist", lambda: metrics_exist(docs, stats_def, metrics_c)),
        ("README.md names the metrics", lambda: metrics_listed(readme, stats_def, metrics_c)),
        ("README.md explains the log lines", lambda: events_listed(readme, sources)),
        ("README.md explains the recommendations", lambda: advice_listed(readme, text("src/upstream/advice.c"))),
        ("options and commands are those of src/main.c", lambda: options_exist(docs, text("src/main.c"))),
        ("links lead somewhere", lambda: links_lead_somewhere(docs)),
        ("files that are named exist", lambda: named_files_exist(docs)),
        ("docs/design.md has the layers of the include check", lambda: layers_agree(docs.get("docs/design.md", ""), includes.LEFT)),
    ]
    bad = 0
    for i, (name, check) in enumerate(checks, 1):
        faults = check()
        for f in faults:
            print("# " + f)
        bad += bool(faults)
        print("%s %d - %s" % ("not ok" if faults else "ok", i, name), flush=True)
    print("1..%d" % len(checks))
    return bad != 0


if __name__ == "__main__":
    sys.exit(main())
