#!/bin/bash
# Runs every check, here and in CI, and names the one that failed.
#   ./check.sh             all of them
#   ./check.sh NAME...     only these: fmt clippy features docs bare test adapters publish sim mutants firmware fuzz
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

# Every set of protocols compiles without a warning, with nothing else, with one other feature and with all, and also
# beside features of smoltcp that somebody else's crate may switch on in the same build.
check_features() {
    local http chat file protocols options
    for http in "" http download server websocket,download download,server; do
        for chat in "" chat; do
            # `flash` brings `file`.
            for file in "" file flash; do
                protocols=$http,$chat,$file
                for options in "" ipv6 guard,recovery udp,dns,dhcp,sntp,ipv6,guard,recovery,reno; do
                    features_check tickwire "$protocols,$options"
                done
            done
        done
    done
    # Each of the others alone, without any protocol and beside all of them.
    for protocols in "" download,server,chat,flash; do
        for options in udp dns dhcp sntp hub websocket hub,websocket socketio guard recovery reno log defmt ipv6,reno ipv6,guard guard,reno; do
            features_check tickwire "$protocols,$options"
        done
        features_check tickwire "$protocols,udp,dns,dhcp,sntp,socketio,ipv6,guard,recovery,reno,log"
        features_check tickwire "$protocols,udp,dns,dhcp,sntp,socketio,ipv6,guard,recovery,reno,defmt"
    done
    for options in "" ipv6 recovery defmt smoltcp smoltcp,ipv6 smoltcp,recovery smoltcp,defmt smoltcp,ipv6,recovery,defmt \
        embassy embassy,ipv6,recovery,defmt smoltcp,embassy; do
        features_check smoltcp-guard "$options"
    done
    for options in "" cli; do
        features_check tickwire-sim "$options"
    done
    for options in "" ip ipv6 ip,ipv6,defmt; do
        features_check tickwire-embassy-driver "$options"
    done
    local others=(
        smoltcp/proto-ipv6
        smoltcp/socket-udp,smoltcp/socket-raw,smoltcp/socket-dns,smoltcp/socket-dhcpv4,smoltcp/socket-icmp
        smoltcp/medium-ip,smoltcp/medium-ieee802154,smoltcp/proto-sixlowpan
        smoltcp/std,smoltcp/async,smoltcp/proto-ipv4-fragmentation
        smoltcp/multicast,smoltcp/packetmeta-id
        smoltcp/std,smoltcp/socket-tcp-cubic
    )
    for options in "${others[@]}"; do
        for protocols in "" http http,chat,flash,guard,reno http,chat,flash,dhcp,ipv6,guard; do
            features_check tickwire "$protocols,$options"
        done
        features_check smoltcp-guard "smoltcp,$options"
        features_check tickwire-sim "$options"
    done
}

features_check() {
    RUSTFLAGS="-D warnings" cargo check --quiet --locked -p "$1" --no-default-features --features "$2" \
        --target-dir target/features || {
        echo "check.sh: $1 with the features ${2:-none}" >&2
        return 1
    }
}

# README's test command. The TAP tests are part of it.
check_test() {
    cargo test --locked --workspace
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
    cargo publish --dry-run --quiet --locked --allow-dirty --target-dir "$place/target" "${names[@]/#/--package=}"
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

# Other seeds at each run; the numbers are printed, and a failure prints the command that replays it.
check_sim() {
    local first=$(($(date +%s) % 1000000 * 10000))
    cargo build --locked --release -p tickwire-sim
    for profile in mild bad hostile; do
        echo "profile $profile, seeds from $first"
        target/release/sim --profile "$profile" --seeds "$first..$((first + 3000))"
        # The same seeds at each run: sweeps of all profiles as wide as those above are not done yet.
        target/release/sim --scenario net --profile "$profile" --seeds 0..1000
        # Of all others, one in fifty thousand finds what docs/simulation.md tells.
        target/release/sim --scenario serve --profile "$profile" --seeds 0..1000
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
    fuzz/run.sh 6
}

checks=("$@")
[ ${#checks[@]} -gt 0 ] || checks=(fmt clippy features docs bare test adapters publish sim mutants firmware fuzz)
for check in "${checks[@]}"; do
    declare -F "check_$check" >/dev/null || {
        echo "check.sh: there is no check named $check" >&2
        exit 2
    }
    echo "== $check"
    started=$SECONDS
    # Not in a condition: there `set -e` would not hold inside.
    trap 'echo "== $check FAILED" >&2' ERR
    set -E
    "check_$check"
    echo "== $check: fine, $((SECONDS - started)) s"
done
echo "all checks are fine: ${checks[*]}"
