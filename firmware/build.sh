#!/bin/bash
# Builds the images for the boards into firmware/target/<board>/, and prints what each takes of flash and RAM.
#   firmware/build.sh [--panic-location] [BOARD]...        default: all boards
set -euo pipefail
cd "$(dirname "$0")"
source ./toolchain.sh

features=()
boards=()
for argument; do
    case $argument in
    --panic-location) features+=(panic-location) ;;
    mps2-an385 | lm3s6965evb) boards+=("$argument") ;;
    *)
        echo "usage: build.sh [--panic-location] [mps2-an385|lm3s6965evb]..." >&2
        exit 2
        ;;
    esac
done
[ ${#boards[@]} -gt 0 ] || boards=(mps2-an385 lm3s6965evb)

# First the way whose sizes are in expected/ and in the budgets: core built with the images' own options.
TICKWIRE_CORE=${TICKWIRE_CORE:-debian source installed rustup}
core_find
# The boards have most of what is built in common.
built=target/build/$CORE_TARGET/release

# build BOARD FEATURES [CARGO OPTION]...
build() {
    local board=$1 list
    list=$(IFS=,; echo "$board${features[*]:+,${features[*]}}${2:+,$2}")
    shift 2
    "${CORE_CARGO[@]}" build --release --locked --package images --features "$list" \
        --target-dir target/build "${CORE_FLAGS[@]}" "$@"
}

# keep IMAGE NAME: for the board, and away from where the next image comes. No link: cargo has one of its own to it.
keep() {
    rm -f "target/$board/$2"
    cp "$built/$1" "target/$board/$2"
    rm "$built/$1"
}

for board in "${boards[@]}"; do
    mkdir -p "target/$board"
    # The image `get` twice more: with all of its RAM in 16 KiB, and without the guard, as the budgets have it.
    build "$board" ram-16k --bin get
    keep get get-16k
    build "$board" "" --bin get --no-default-features
    keep get get-unguarded
    # The image `join` with names and the time of day.
    build "$board" dns,sntp --bin join
    keep join join-names
    build "$board" socketio --bin rooms
    keep rooms rooms
    if [ "$board" = mps2-an385 ]; then
        # Only this board has the 2 MiB of RAM that the simulator needs.
        build "$board" sim --bin sim
        keep sim sim
    fi
    build "$board" ""
    for image in $(find "$built" -maxdepth 1 -type f -executable -printf '%f\n'); do
        keep "$image" "$image"
    done
done
echo "$CORE_ROUTE" >target/core-route
python3 harness/sizes.py "${boards[@]}"
