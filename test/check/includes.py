"""Include directions: a module never includes a header of a layer to its right.

    base <- json <- rpc <- upstream \\
    base <- json <- cache --------- \\
    base <- http ------------------- gateway <- config, admin, main, devnode
    base <- io (libuv, mbedTLS) ---/
"""
import os
import re

LEFT = {
    "base": set(),
    "json": {"base"},
    "rpc": {"base", "json"},
    "http": {"base"},
    "io": {"base"},
    "upstream": {"base", "json", "rpc", "http"},
    "cache": {"base", "json"},
    # config fills the plain conf structs of everything left of it; admin shows the gateway's numbers on its pages
    "gateway": {"base", "json", "rpc", "http", "io", "upstream", "cache", "config", "admin"},
    "config": {"base", "json", "rpc", "http", "upstream"},
    "admin": {"base", "json", "rpc", "http", "io", "upstream", "cache", "gateway", "config"},
    "devnode": {"base", "json", "rpc", "http", "io"},
    "main": {"base", "json", "rpc", "http", "io", "upstream", "gateway", "config", "admin", "devnode"},
}

# Single headers that a module may take from a layer that is not its own: plain conf structs and syntax checks.
EXTRA = {
    "upstream": {"io/dial.h", "io/tls.h", "io/stream.h"},
    "config": {"io/dial.h", "io/tls.h", "io/stream.h", "io/listener.h"},
}

# Libraries and the only files that may know them.
LIBRARIES = {
    r"(uv|uv/.*)\.h": r"src/io/[a-z0-9_]+\.c|src/io/[a-z0-9_]+_priv\.h",
    r"mbedtls/.*": r"src/io/[a-z0-9_]+\.c|src/io/tls_[a-z0-9_]+\.h",
    r"llhttp(/llhttp)?\.h": r"src/http/[a-z0-9_]+\.c",
    r"(zlib|brotli/.*)(\.h)?": r"src/http/[a-z0-9_]+\.c",
    r"jansson\.h": r"src/config/.*",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def module_of(path):
    parts = path.split("/")
    return "main" if len(parts) == 2 else parts[1]


def faults(path, text, exists=lambda p: True):
    """What is wrong with the include lines of src/... file `path`: sentences."""
    out = []
    me = module_of(path)
    if me not in LEFT:
        return ["%s: module %s has no place in the layers" % (path, me)]
    for kind, name in INCLUDE.findall(text):
        if kind == "<":
            for lib, where in LIBRARIES.items():
                if re.fullmatch(lib, name) and not re.fullmatch(where, path):
                    out.append("%s: includes <%s>, which stays in %s" % (path, name, where))
            continue
        if name.startswith("millrace/"):
            continue
        if "/" not in name:
            out.append('%s: "%s" is not spelled "module/header"' % (path, name))
            continue
        other = name.split("/")[0]
        if other != me and other not in LEFT[me] and name not in EXTRA.get(me, ()):
            out.append('%s: %s must not include "%s"' % (path, me, name))
        if not exists("src/" + name):
            out.append('%s: there is no "%s"' % (path, name))
    return out


def check(root):
    out, n = [], 0
    for folder, _, names in os.walk(os.path.join(root, "src")):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".def")):
                full = os.path.join(folder, name)
                with open(full, encoding="utf-8") as f:
                    n += 1
                    out += faults(os.path.relpath(full, root), f.read(), lambda p: os.path.exists(os.path.join(root, p)))
    if n < 50:
        out.append("only %d files were looked at" % n)
    return out


# What the check must catch, and what it must let pass.
PLANTED = [
    ("src/json/jtok.c", '#include "rpc/message.h"'),
    ("src/rpc/batch.c", '#include "upstream/pool.h"'),
    ("src/rpc/batch.h", '#include "io/stream.h"'),
    ("src/upstream/pool.c", '#include "gateway/worker.h"'),
    ("src/upstream/pool.c", '  #  include "io/loop.h"'),
    ("src/http/url.c", '#include "json/jtok.h"'),
    ("src/cache/cache.c", '#include "rpc/method.h"'),
    ("src/io/dial.c", '#include "http/url.h"'),
    ("src/base/buf.c", '#include "json/jout.h"'),
    ("src/base/buf.c", '#include "buf.h"'),
    ("src/config/config.c", '#include "gateway/worker.h"'),
    ("src/gateway/worker.c", '#include "devnode/devnode.h"'),
    ("src/upstream/pool.c", "#include <uv.h>"),
    ("src/gateway/link.c", "#include <mbedtls/ssl.h>"),
    ("src/io/stream.h", "#include <uv.h>"),
    ("src/http/h1_server.h", "#include <llhttp.h>"),
    ("src/rpc/message.c", "#include <jansson.h>"),
    ("src/newmodule/x.c", ""),
]
FINE = [
    ("src/rpc/batch.c", '#include "json/jtok.h"\n#include "rpc/batch.h"\n#include <string.h>'),
    ("src/io/stream.c", '#include <uv.h>\n#include "io/stream.h"'),
    ("src/upstream/endpoint_conf.h", '#include "io/tls.h"'),
    ("src/main.c", '#include "gateway/gateway.h"'),
]


def self_test():
    out = ["the check does not see %r in %s" % (text, path) for path, text in PLANTED if not faults(path, text)]
    out += ["the check objects to %r in %s: %s" % (text, path, faults(path, text)) for path, text in FINE if faults(path, text)]
    return out
