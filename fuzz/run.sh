#!/bin/bash
# Builds the fuzz targets and runs each, bounded by time or by number; fails when one finds something.
#   fuzz/run.sh [SECONDS [TARGET...]]      10 seconds for each of all targets, unless told otherwise
#   fuzz/run.sh --seed SEED [TARGET...]    the same inputs for the same seed, from 1 on, and the same program (one that
#                                          was built in another folder differs a little): about 5 s for each
# It needs no nightly toolchain and no cargo-fuzz, but a C++ compiler for libFuzzer. Without one it says so, and with
# TICKWIRE_REQUIRE_TAP=1, as in CI, it fails.
set -euo pipefail
cd "$(dirname "$0")"

seed=
if [ "${1:-}" = --seed ]; then
    seed=${2:-}
    [[ $seed =~ ^[1-9][0-9]*$ ]] || {
        echo "fuzz/run.sh: --seed wants a number from 1 on" >&2
        exit 2
    }
    shift 2
else
    seconds=${1:-10}
    shift || true
fi
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

# The options that bound a target's run.
bounds() {
    if [ -z "$seed" ]; then
        echo "-max_total_time=$seconds"
        return
    fi
    # Otherwise it reads its folder again once a second, and with it inputs that it has dropped. A folder's order is that
    # of the file system, so the files are listed in their own. (Their names have no commas and no spaces.)
    echo "-seed=$seed -reload=0 -seed_inputs=$(printf '%s\n' "corpus/$1"/* | LC_ALL=C sort | paste -sd,)"
    case $1 in
        # They drive a whole stack.
        app | dhcp | guard | http_server) echo "-runs=50000" ;;
        *) echo "-runs=500000" ;;
    esac
}

# libFuzzer compares numbers of the program, and some are addresses.
program=()
if [ -n "$seed" ]; then
    if setarch -R true 2>/dev/null; then
        program=(setarch -R)
    else
        echo "fuzz/run.sh: addresses are random here (setarch -R fails): the same seed may draw other inputs" >&2
    fi
fi

for target in "${targets[@]}"; do
    # What is found on the way stays out of the repository; a finding is kept to be replayed.
    found=target/corpus/$target
    artifacts=artifacts/$target
    folders=("$found" "corpus/$target")
    if [ -n "$seed" ]; then
        # What an earlier run found would change what is drawn.
        found=target/corpus-of-seed/$target
        folders=("$found")
        rm -rf "$found"
    fi
    mkdir -p "$found" "$artifacts"
    log=target/$target.log
    if ! "${program[@]}" "target/$host/release/$target" $(bounds "$target") -max_len=512 -timeout=300 \
        -artifact_prefix="$artifacts/" "${folders[@]}" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz/run.sh: $target has a finding; replay it with" >&2
        echo "  fuzz/target/$host/release/$target fuzz/$artifacts/<FILE>" >&2
        exit 1
    fi
    echo "$target: $(sed -n 's/^Done //p' "$log"), $(grep -c NEW "$log" || true) new inputs"
done
