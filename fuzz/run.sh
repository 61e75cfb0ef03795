#!/bin/bash
# Builds the fuzz targets and runs each for a bounded time; fails when one finds something.
#   fuzz/run.sh [SECONDS [TARGET...]]      10 seconds for each of all targets, unless told otherwise
# It needs no nightly toolchain and no cargo-fuzz, but a C++ compiler for libFuzzer. Without one it says so, and with
# TICKWIRE_REQUIRE_TAP=1, as in CI, it fails.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-10}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || for target in fuzz_targets/*.rs; do targets+=("$(basename "$target" .rs)"); done

command -v "${CXX:-c++}" >/dev/null || {
    echo "fuzz/run.sh: no C++ compiler to build libFuzzer with: nothing was fuzzed" >&2
    exit "${TICKWIRE_REQUIRE_TAP:-0}"
}

# What cargo-fuzz passes with `--sanitizer none --no-cfg-fuzzing`: there is no unsafe code for a sanitizer to watch.
host=$(rustc -vV | sed -n 's/^host: //p')
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
flags+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
flags+=" -Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0"
RUSTFLAGS=$flags cargo build --locked --quiet --release --target "$host" "${targets[@]/#/--bin=}"

for target in "${targets[@]}"; do
    # What is found on the way stays out of the repository; a finding is kept to be replayed.
    found=target/corpus/$target
    artifacts=artifacts/$target
    mkdir -p "$found" "$artifacts"
    log=target/$target.log
    if ! "target/$host/release/$target" -max_total_time="$seconds" -max_len=512 -timeout=20 \
        -artifact_prefix="$artifacts/" "$found" "corpus/$target" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz/run.sh: $target has a finding; replay it with" >&2
        echo "  fuzz/target/$host/release/$target fuzz/$artifacts/<FILE>" >&2
        exit 1
    fi
    echo "$target: $(sed -n 's/^Done //p' "$log"), $(grep -c NEW "$log" || true) new inputs"
done
