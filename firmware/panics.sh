#!/bin/bash
# Lists the places in the core that can panic, with the invariant that rules each out (expected/panics.txt), and counts
# those of smoltcp. It fails when one is not listed.
set -euo pipefail
cd "$(dirname "$0")"
source ./toolchain.sh

TICKWIRE_CORE=${TICKWIRE_CORE:-debian source installed rustup}
core_find
# Nothing that merges calls of the panic functions: neither link-time optimization nor LLVM's merging of equal tails.
# RUSTFLAGS replaces those of .cargo/config.toml.
export RUSTFLAGS="-Clink-arg=-Tlink.x -Clink-arg=--emit-relocs -Cllvm-args=-enable-tail-merge=false \
-Cllvm-args=-simplifycfg-sink-common=false -Cllvm-args=-simplifycfg-hoist-common=false --cfg sha2_backend_soft=\"compact\""
"${CORE_CARGO[@]}" build --release --locked --package images --bin every --features mps2-an385,every \
    --target-dir target/every "${CORE_FLAGS[@]}" --config 'profile.release.lto="off"'
python3 harness/panics.py "target/every/$CORE_TARGET/release/every"
