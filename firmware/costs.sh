#!/bin/bash
# Prints the table of docs/porting.md: what each part of tickwire costs in flash and RAM on mps2-an385, as differences
# between images that are built alike.
set -euo pipefail
cd "$(dirname "$0")"
source ./toolchain.sh

TICKWIRE_CORE=${TICKWIRE_CORE:-debian source installed rustup}
core_find
rm -rf target/costs-images
mkdir -p target/costs-images

# build NAME FEATURES IMAGE...: keeps the images as NAME-IMAGE.
build() {
    local name=$1 list=mps2-an385${2:+,$2} image
    shift 2
    for image; do
        "${CORE_CARGO[@]}" build --quiet --release --locked --package images --bin "$image" \
            --no-default-features --features "$list" --target-dir target/costs "${CORE_FLAGS[@]}"
        cp "target/costs/$CORE_TARGET/release/$image" "target/costs-images/$name-$image"
    done
}

build plain "" bare minimal get join echo chat recv update
build dns dns join
build sntp sntp join
build guard guard get
build recovery recovery get
build reno reno get
build ipv6 ipv6 bare get
build page page page
build websocket websocket page
build rooms rooms rooms
build socketio socketio rooms
build panic-location panic-location get
python3 harness/costs.py
