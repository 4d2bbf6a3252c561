#!/bin/sh
# Installs what millrace needs from the packages of Debian 12 or 13.
#
#   deps.sh [-n] [build] [run] [test] [bench]      without a word: build
#
#   build  compiler, meson and the libraries to build the program
#   run    only the libraries that the built program loads, and the certificates it trusts
#   test   what the tests need besides
#   bench  the peers and tools of bench/ besides
#   -n     print the packages, one a line, and install nothing
#
# Nothing is fetched when all of it is there.  Uses sudo when not root.
set -eu

usage() {
    sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 2
}

# Whether apt could install it, or has.
known() {
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The libraries to build with.  llhttp has a package of its own since Debian 13; Debian 12 ships its C sources.
libraries() {
    echo libuv1-dev libmbedtls-dev libjansson-dev zlib1g-dev libbrotli-dev
    if known libllhttp-dev; then
        echo libllhttp-dev
    else
        echo node-llhttp
    fi
}

build_packages() {
    echo gcc libc6-dev meson ninja-build pkg-config
    libraries
}

# The names of shared libraries change with each Debian: they are what the -dev packages depend on.
run_packages() {
    echo ca-certificates
    for dev in $(libraries); do
        [ "$dev" = node-llhttp ] || apt-cache depends --important "$dev"
    done | awk '$1 ~ /Depends:$/ && $2 !~ /-dev$/ && $2 !~ /^</ { print $2 }'
}

# Debian's clang is a name for clang-NN; the sanitizers' and libFuzzer's runtime has the same number.
clang_runtime() {
    apt-cache depends --important clang |
        awk '$1 ~ /Depends:$/ && $2 ~ /^clang-[0-9]+$/ { sub(/^clang-/, "", $2); print "libclang-rt-" $2 "-dev"; exit }'
}

test_packages() {
    echo clang clang-format python3 openssl prometheus valgrind
    clang_runtime
    # A Node.js from elsewhere is as good as Debian's, and does not go with Debian's npm.
    command -v node >/dev/null 2>&1 || echo nodejs
    command -v npm >/dev/null 2>&1 || echo npm
}

bench_packages() {
    echo nginx haproxy valgrind strace openssl iproute2 python3
}

packages() {
    for part in $parts; do
        "${part}_packages"
    done | tr ' ' '\n' | sort -u
}

missing() {
    for name in $(packages); do
        installed "$name" || echo "$name"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        echo "deps.sh: needs root, or sudo, for: $*" >&2
        exit 1
    fi
}

print=
parts=
for word in "$@"; do
    case $word in
    -n) print=yes ;;
    build | run | test | bench) parts="$parts $word" ;;
    *) usage ;;
    esac
done
: "${parts:=build}"

command -v apt-get >/dev/null 2>&1 || {
    echo 'deps.sh: this is not Debian: see the lists in this script for what to install' >&2
    exit 1
}

if [ -n "$print" ]; then
    packages
    exit
fi

# An older or empty list may not know a package at all, so what is missing is asked again after the update.
known libuv1-dev && [ -z "$(missing)" ] && exit
as_root apt-get -o DPkg::Lock::Timeout=600 update -qq
names=$(missing)
[ -n "$names" ] || exit 0
# shellcheck disable=SC2086 # one word a package
as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends $names
