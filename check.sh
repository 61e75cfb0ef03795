#!/bin/bash
# Runs every check, here and in CI, and names the one that failed.
#   ./check.sh             all of them
#   ./check.sh NAME...     only these: fmt test features clippy docs bare adapters publish firmware fuzz sim mutants
# TICKWIRE_REQUIRE_TAP=1: a check that cannot have its TAP, or its emulator, fails instead of being skipped.
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD
export CARGO_TERM_COLOR=never

check_fmt() {
    cargo fmt --all --check
    cargo fmt --all --check --manifest-path firmware/Cargo.toml
    cargo fmt --check --manifest-path fuzz/Cargo.toml
    cargo fmt --check --manifest-path benches/tap/Cargo.toml
    cargo fmt --check --manifest-path guard/embassy-tests/Cargo.toml
    cargo fmt --check --manifest-path guard/examples/tap/Cargo.toml
    cargo fmt --check --manifest-path embassy-driver/examples/w5500-evb-pico/Cargo.toml
}

# The `rust-version` of Cargo.toml is tested here and only here: clippy::incompatible_msrv, denied for the whole
# workspace, names every item of core and std that is younger than it. Syntax that is younger would pass, and so would
# a dependency's: that needs the old compiler itself.
check_clippy() {
    cargo clippy --locked --workspace --all-targets -- -D warnings
    # Without features, and with those that no other line switches on: `log` and `defmt` exclude each other.
    cargo clippy --locked -p tickwire --no-default-features -- -D warnings
    cargo clippy --locked -p tickwire --no-default-features --features http,chat,log -- -D warnings
    cargo clippy --locked -p tickwire --no-default-features --features flash,dhcp,sntp,socketio,guard,reno,defmt -- -D warnings
    # A line of its own: the simulator, which comes with every test, switches `ipv6` and `guard` on.
    cargo clippy --locked -p tickwire --features flash,reno,defmt --test defmt -- -D warnings
    # The guard alone, and beside whatever features of smoltcp another crate of a build switches on.
    for features in "" ipv6 defmt embassy,ipv6,defmt; do
        cargo clippy --locked -p smoltcp-guard --features "$features" -- -D warnings
    done
    others=smoltcp/medium-ip,smoltcp/medium-ieee802154,smoltcp/proto-sixlowpan,smoltcp/segmentation-offload,smoltcp/packetmeta-id
    cargo clippy --locked -p smoltcp-guard --all-targets --features "$others" -- -D warnings
    cargo clippy --locked --manifest-path benches/tap/Cargo.toml -- -D warnings
    # The firmware, in which the features of both boards exclude each other.
    (
        cd firmware
        source ./toolchain.sh
        core_find
        local features other=lm3s6965evb,ram-16k,panic-location,dns,sntp,websocket,socketio
        for features in mps2-an385,every,sim "$other"; do
            "${CORE_CARGO[@]}" clippy --locked --package board --package images --features "images/${features//,/,images/}" \
                --target-dir target/clippy "${CORE_FLAGS[@]}" -- -D warnings
        done
        # Without the guard.
        "${CORE_CARGO[@]}" clippy --locked --package board --package images --no-default-features \
            --features images/lm3s6965evb,images/page,images/rooms --target-dir target/clippy "${CORE_FLAGS[@]}" \
            -- -D warnings
    )
}

# The features compile without a warning in any company: none, each alone, all, and any three of them in each state that
# they can have together (any of them on, the rest off). Features of smoltcp, which somebody else's crate may switch on
# in the same build, are seen with each of them and without.
check_features() {
    local others=(
        smoltcp/proto-ipv6
        smoltcp/socket-udp,smoltcp/socket-raw,smoltcp/socket-dns,smoltcp/socket-dhcpv4,smoltcp/socket-icmp
        smoltcp/medium-ip,smoltcp/medium-ieee802154,smoltcp/proto-sixlowpan
        smoltcp/std,smoltcp/async,smoltcp/proto-ipv4-fragmentation
        smoltcp/multicast,smoltcp/packetmeta-id
        smoltcp/std,smoltcp/socket-tcp-cubic
    )
    features_check tickwire . "${others[@]}"
    features_check smoltcp-guard guard "${others[@]}"
    features_check tickwire-sim sim "${others[@]}"
    features_check tickwire-embassy-driver embassy-driver
}

# features_check PACKAGE FOLDER [FEATURES OF A DEPENDENCY]...
features_check() {
    local package=$1 sets features
    sets=$(.ci/feature_sets.py "$2/Cargo.toml" "${@:3}")
    while read -r features; do
        RUSTFLAGS="-D warnings" cargo check --quiet --locked -p "$package" --no-default-features \
            --features "$features" --target-dir target/features </dev/null || {
            echo "check.sh: $package with the features ${features:-none}" >&2
            return 1
        }
    done <<<"$sets"
    echo "$package: $(wc -l <<<"$sets") sets of features"
}

# README's test command. The TAP tests are part of it; they wait more than they compute.
check_test() {
    local RUST_TEST_THREADS=$((4 * $(nproc)))
    local PROPTEST_RNG_SEED
    PROPTEST_RNG_SEED=$(number_of_sources)
    export RUST_TEST_THREADS PROPTEST_RNG_SEED
    # Tests send signals to programs, which whoever started this may have told them to ignore (nohup).
    env --default-signal cargo test --locked --workspace
    # The workspace's crates switch `ipv6` on.
    cargo test --locked -p smoltcp-guard
    # The loop as it ships: a broken rule of deadlines is asserted in debug builds, and survived in all others.
    cargo test --locked --release -p tickwire --test turn
    # A million forged answers to each protocol; in debug builds a tenth.
    cargo test --locked --release -p tickwire --test dhcp --test names --test sntp no_guess_is_believed
}

# The guard in other loops than ours, embassy-net's and smoltcp's own over a TAP, and drivers of embassy's in ours.
check_adapters() {
    cargo clippy --locked --manifest-path guard/embassy-tests/Cargo.toml --all-targets -- -D warnings
    cargo test --locked --manifest-path guard/embassy-tests/Cargo.toml
    cargo clippy --locked --manifest-path guard/examples/tap/Cargo.toml -- -D warnings
    guard/examples/tap/run.sh
    # Drivers of embassy's under tickwire, for a board.
    embassy-driver/examples/build.sh
}

# What would be published, in the order of publishing: each package builds from what is in it, and its tests pass where
# there is no repository around it. In a folder of its own: of a folder that it has seen before, cargo takes the sources
# that it unpacked then, for the version is the same.
check_publish() {
    local name place
    local names=(smoltcp-guard tickwire tickwire-sim tickwire-embassy-driver)
    place=$(mktemp -d)
    # What is packed is built below, with its tests, and without their dependencies by the check `features`.
    cargo publish --dry-run --no-verify --quiet --locked --allow-dirty --target-dir "$place/target" "${names[@]/#/--package=}"
    # A dry run leaves no packages behind.
    cargo package --quiet --locked --allow-dirty --no-verify --target-dir "$place/target" "${names[@]/#/--package=}"
    for name in "${names[@]}"; do
        tar --extract --directory "$place" --file "$place/target/package/$name-$(publish_version).crate"
    done
    for name in "${names[@]}"; do
        (
            cd "$place/$name-$(publish_version)"
            echo "package $name: $(find . -type f | wc -l) files"
            publish_test "$place"
        )
    done
    rm -rf "$place"
}

publish_version() {
    sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml"
}

# The packages of the same workspace are taken from beside this one, for no registry has them yet.
publish_test() {
    local name patches=()
    for name in smoltcp-guard tickwire tickwire-sim; do
        patches+=(--config "patch.crates-io.$name.path = '$1/$name-$(publish_version)'")
    done
    # Some tests are of the store in flash, which other crates of the workspace switch on.
    local features=()
    grep -q '^flash = ' Cargo.toml && features=(--features flash)
    cargo test --quiet --target-dir "$root/target/publish" "${features[@]}" "${patches[@]}"
}

check_docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
}

# The core and the guard alone, for a target without an operating system, without and with its features.
check_bare() {
    (
        source firmware/toolchain.sh
        core_find
        for features in "" http chat,file websocket http,chat,flash,ipv6,guard,reno; do
            "${CORE_CARGO[@]}" build --release -p tickwire --no-default-features --features "$features" \
                --target-dir target/bare "${CORE_FLAGS[@]}" --target "$CORE_TARGET"
        done
        # The guard alone.
        for features in smoltcp smoltcp,ipv6,recovery embassy embassy,ipv6,recovery; do
            "${CORE_CARGO[@]}" build --release -p smoltcp-guard --no-default-features --features "$features" \
                --target-dir target/bare "${CORE_FLAGS[@]}" --target "$CORE_TARGET"
        done
    )
}

# Other seeds for other sources; the numbers are printed, and a failure prints the command that replays it.
check_sim() {
    local first=$(($(number_of_sources) * 10000))
    cargo build --locked --release -p tickwire-sim
    for profile in mild bad hostile; do
        echo "profile $profile, seeds from $first"
        target/release/sim --profile "$profile" --seeds "$first..$((first + 3000))"
        for scenario in net serve; do
            target/release/sim --scenario "$scenario" --profile "$profile" --seeds "$first..$((first + 1000))"
        done
    done
    # Every script of up to four acts against one guarded socket, and longer ones that are drawn.
    target/release/sim --explore --seeds 0..21685440
    target/release/sim --explore --seeds "$((first + 100000000))..$((first + 105000000))"
    target/release/sim --downloads --seeds "$first..$((first + 3000))"
    # The same simulator must find every bug that is planted on purpose, or its silence above says nothing.
    target/release/sim --canaries
}

# Bugs that are planted in the guard: its tests must notice each of them.
check_mutants() {
    cargo build --locked --release -p tickwire-sim
    target/release/sim --mutants
}

check_firmware() {
    firmware/test.sh
}

# A short look by each fuzzer; docs/fuzzing.md has the long ones.
check_fuzz() {
    cargo clippy --locked --manifest-path fuzz/Cargo.toml --all-targets -- -D warnings
    fuzz/run.sh --seed "$(number_of_sources)"
}

# A number from 1 to a million for what a check draws at random. It follows from the sources: the same sources have the
# same result each time, and a change is tested with other seeds.
number_of_sources() {
    local sum
    sum=$(find src tests guard/src guard/tests sim/src hosttap/src hosttap/tests fuzz/src fuzz/corpus Cargo.lock \
        fuzz/Cargo.lock -type f -print0 | LC_ALL=C sort -z | xargs -0 cat | cksum | cut -d' ' -f1)
    echo $((sum % 1000000 + 1))
}

# Two checks at a time, for a test that waits and the last crate of a build leave a processor idle. What a check prints
# comes when it has ended; after a failure no other check begins, and what failed is printed last.
two_at_a_time() {
    local logs
    logs=$(mktemp -d)
    # Empty where a check was killed.
    : >"$logs/failed"
    printf '%s\n' "$@" | xargs --max-procs=2 -I CHECK bash -c '
        echo "== CHECK begins; its output so far: $1/CHECK"
        if "$0" CHECK >"$1/CHECK" 2>&1; then
            cat "$1/CHECK"
        else
            echo "== CHECK FAILED; its output comes last"
            echo CHECK >>"$1/failed"
            exit 255
        fi' "$root/check.sh" "$logs" || {
        (cd "$logs" && xargs cat <failed) >&2
        echo "check.sh: failed:" $(cat "$logs/failed") >&2
        exit 1
    }
    rm -r "$logs"
}

checks=("$@")
# Neighbours build in different folders, for cargo lets only one at a time into each.
[ ${#checks[@]} -gt 0 ] || checks=(fmt test features clippy docs bare adapters publish firmware fuzz sim mutants)
for check in "${checks[@]}"; do
    declare -F "check_$check" >/dev/null || {
        echo "check.sh: there is no check named $check" >&2
        exit 2
    }
done
if [ ${#checks[@]} -eq 1 ]; then
    echo "== $check"
    started=$SECONDS
    # Not in a condition: there `set -e` would not hold inside.
    trap 'echo "== $check FAILED" >&2' ERR
    set -E
    "check_$check"
    echo "== $check: fine, $((SECONDS - started)) s"
else
    two_at_a_time "${checks[@]}"
    echo "all checks are fine: ${checks[*]}"
fi
