#!/bin/bash
# Builds the programs for boards with drivers of embassy's, which need no such board for that.
set -euo pipefail
cd "$(dirname "$0")/w5500-evb-pico"
CORE_TARGET=thumbv6m-none-eabi
source ../../../firmware/toolchain.sh
core_find
"${CORE_CARGO[@]}" clippy --locked --target-dir target "${CORE_FLAGS[@]}" -- -D warnings
"${CORE_CARGO[@]}" build --locked --release --target-dir target "${CORE_FLAGS[@]}"
