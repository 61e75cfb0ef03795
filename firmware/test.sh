#!/bin/bash
# Builds every image and runs it under QEMU, in a network namespace of its own. The last lines are a table:
#   board  image  ok|FAILED|skipped  flash RAM stack instructions-a-byte
# TICKWIRE_REQUIRE_TAP=1: a test that cannot have its TAP, or its emulator, fails instead of being skipped.
# --bless: write the sizes that were found to firmware/expected.
set -euo pipefail
cd "$(dirname "$0")"

for program in qemu-system-arm python3 nginx dnsmasq nc ip; do
    command -v "$program" >/dev/null && continue
    if [ "${TICKWIRE_REQUIRE_TAP:-0}" = 1 ]; then
        echo "firmware: $program is missing, but TICKWIRE_REQUIRE_TAP=1" >&2
        exit 1
    fi
    echo "firmware: skipped, for $program is missing"
    exit 0
done
./build.sh
./porting.sh
./unused.sh
./panics.sh
(
    cd ..
    cargo build --quiet --locked --package hosttap
    cargo build --quiet --locked --release --package tickwire-sim
)

# Two hours at most, where some minutes are usual: this ends what hangs. The namespaces, and with them every process in
# there, end with this command. In the foreground, so that an interrupt from the keyboard reaches it.
inside=(unshare --net --mount-proc --pid --fork --kill-child)
[ "$(id -u)" -eq 0 ] || inside+=(--map-root-user)
if "${inside[@]}" true 2>/dev/null; then
    exec timeout --foreground --kill-after=10 7200 "${inside[@]}" python3 harness/run.py --namespace "$@"
fi
if [ "${TICKWIRE_REQUIRE_TAP:-0}" = 1 ]; then
    echo "firmware: no network namespace here (unshare --net), but TICKWIRE_REQUIRE_TAP=1" >&2
    exit 1
fi
echo "firmware: no network namespace here (unshare --net): only what needs no TAP is run" >&2
exec timeout --kill-after=10 7200 python3 harness/run.py "$@"
