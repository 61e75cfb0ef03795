#!/bin/bash
# Does what docs/porting.md says: makes its project from its blocks in an empty folder, and builds it without and with the
# guard, as the images `porting` and `porting-guard` of mps2-an385. harness/porting_tests.py runs them.
set -euo pipefail
cd "$(dirname "$0")"
source ./toolchain.sh
core_find

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
ln -s "$(realpath ..)" "$place/tickwire"
images=target/mps2-an385
mkdir -p target/porting "$images"
output=$(realpath target/porting)

# build NAME [--guard]
build() {
    local name=$1
    shift
    python3 harness/porting.py "$place/get" "$@"
    # Versions that are known to work, and are here already.
    cp Cargo.lock "$place/get/"
    (cd "$place/get" && "${CORE_CARGO[@]}" build --quiet --release --target-dir "$output/build" "${CORE_FLAGS[@]}")
    rm -f "$images/$name"
    cp "$output/build/$CORE_TARGET/release/get" "$images/$name"
}

build porting
build porting-guard --guard
cp "$place/get/.cargo/config.toml" "$output/"
