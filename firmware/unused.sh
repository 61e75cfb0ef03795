#!/bin/bash
# What a program pays for DHCP, names and the time of day that it does not use. Builds the program of docs/porting.md
# without their features, and again from a core whose folders src/dhcp, src/dns and src/sntp are deleted: the two images
# must be the same. Then it builds the program with each feature and prints how much larger it is.
set -euo pipefail
cd "$(dirname "$0")"
source ./toolchain.sh
TICKWIRE_CORE=${TICKWIRE_CORE:-debian source installed rustup}
core_find

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/tickwire" target/unused
output=$(realpath target/unused)
(cd .. && tar -c --exclude=target --exclude=.git .) | tar -x -C "$place/tickwire"
python3 harness/porting.py "$place/get"
cp Cargo.lock "$place/get/"

# build NAME
build() {
    (cd "$place/get" && "${CORE_CARGO[@]}" build --quiet --release --target-dir "$output/build" "${CORE_FLAGS[@]}")
    cp "$output/build/$CORE_TARGET/release/get" "$output/$1"
}

build without
rm -r "$place"/tickwire/src/{dhcp,dns,sntp}
# Built anew, and not taken for what is there already.
touch "$place/tickwire/src/lib.rs"
build deleted
cp -r ../src/{dhcp,dns,sntp} "$place/tickwire/src/"
for feature in dhcp sntp dns; do
    sed -i "s/features = \[\"http\".*\]/features = [\"http\", \"$feature\"]/" "$place/get/Cargo.toml"
    build "$feature"
done
python3 harness/unused.py "$output"
