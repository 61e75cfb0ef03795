#!/bin/sh
# Runs the example in a network namespace of its own, so that it needs no interface of this machine. As root, or where
# an ordinary user may have namespaces.
set -eu
cd "$(dirname "$0")"
cargo build --quiet --locked --release
map=
[ "$(id -u)" -eq 0 ] || map=--map-root-user
if ! unshare --net $map test -c /dev/net/tun 2>/dev/null; then
    echo "guard/examples/tap: no network namespace or no /dev/net/tun here" >&2
    [ "${TICKWIRE_REQUIRE_TAP:-0}" = 1 ] && exit 1
    exit 0
fi
# shellcheck disable=SC2086 # one option or none
exec timeout 700 unshare --net $map sh -eu -c '
    for link in 0 1; do
        ip tuntap add "tap$link" mode tap
        ip address add "10.0.$link.1/24" dev "tap$link"
        ip link set "tap$link" up
    done
    exec "$1"' sh target/release/guard-tap
