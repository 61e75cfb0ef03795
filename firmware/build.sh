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

core_find
mkdir -p target
for board in "${boards[@]}"; do
    list=$(IFS=,; echo "$board${features[*]:+,${features[*]}}")
    "${CORE_CARGO[@]}" build --release --locked --package images --features "$list" \
        --target-dir "target/$board" "${CORE_FLAGS[@]}"
done
echo "$CORE_ROUTE" >target/core-route
python3 harness/sizes.py "${boards[@]}"
