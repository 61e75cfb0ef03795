# Finds a `core` for thumbv7m-none-eabi, or for CORE_TARGET if that is set. To be sourced by bash; sets
#   CORE_ROUTE    which way it was found, with the compiler's version: sizes are comparable only within a route
#   CORE_CARGO    the cargo command, an array
#   CORE_FLAGS    what to add to `cargo build`, an array
# TICKWIRE_CORE=installed|rustup|source|debian tries that way only.
#
# installed  the toolchain in use has the target already
# rustup     rustup fetches the target, for at most two minutes
# source     a nightly toolchain with the component rust-src builds core
# debian     a nightly toolchain builds core from Debian's package rust-src, for machines that reach a Debian mirror
#            but not Rust's servers; the package is unpacked below firmware/target, apt's own state is not touched

CORE_TARGET=${CORE_TARGET:-thumbv7m-none-eabi}
CORE_DIRECTORY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/target/rust-src

core_has_target() {
    compgen -G "$(rustc --print sysroot)/lib/rustlib/$CORE_TARGET/lib/libcore-*.rlib" >/dev/null
}

core_version() {
    "$@" --version | cut -d ' ' -f 2
}

core_installed() {
    core_has_target || return 1
    CORE_ROUTE="prebuilt-$(core_version rustc)"
    CORE_CARGO=(cargo) CORE_FLAGS=()
}

core_rustup() {
    command -v rustup >/dev/null || return 1
    timeout 120 rustup target add "$CORE_TARGET" >&2 || return 1
    core_installed
}

core_source() {
    local sysroot
    sysroot=$(rustc +nightly --print sysroot 2>/dev/null) || return 1
    [ -d "$sysroot/lib/rustlib/src/rust/library" ] ||
        timeout 120 rustup component add rust-src --toolchain nightly >&2 || return 1
    [ -d "$sysroot/lib/rustlib/src/rust/library" ] || return 1
    CORE_ROUTE="built-$(core_version rustc +nightly)"
    CORE_CARGO=(cargo +nightly) CORE_FLAGS=(-Zbuild-std=core)
}

# Fetches rust-src of the release that the nightly became, from Debian's forky, into a tree of its own.
core_fetch_debian() {
    local release=$1 state=$CORE_DIRECTORY/apt mirror version
    mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null |
        head -1 | tr -d ' ')
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" || return 1
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} forky main" \
        >"$state/sources.list"
    local options=(-o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=-
        -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" -o Dir::State::Status=/dev/null
        -o APT::Sandbox::User=root -o Acquire::Retries=1 -o Acquire::http::Timeout=20)
    timeout 300 apt-get "${options[@]}" update >&2 || return 1
    version=$(apt-cache "${options[@]}" madison rust-src | awk '{print $3}' | grep -m1 "^$release\.") || return 1
    (cd "$CORE_DIRECTORY" && timeout 300 apt-get "${options[@]}" download "rust-src=$version" >&2 &&
        dpkg-deb -x rust-src_*.deb "$CORE_DIRECTORY/unpacked") || return 1
}

core_debian() {
    local release library
    release=$(core_version rustc +nightly 2>/dev/null | cut -d . -f 1,2)
    [ -n "$release" ] || return 1
    compgen -G "$CORE_DIRECTORY/unpacked/usr/src/rustc-$release.*/library" >/dev/null ||
        core_fetch_debian "$release" || return 1
    library=$(compgen -G "$CORE_DIRECTORY/unpacked/usr/src/rustc-$release.*/library" | head -1)
    [ -n "$library" ] || return 1
    CORE_ROUTE="built-$(core_version rustc +nightly)-debian"
    CORE_CARGO=(env "__CARGO_TESTS_ONLY_SRC_ROOT=$library" cargo +nightly) CORE_FLAGS=(-Zbuild-std=core)
}

core_find() {
    local way
    for way in ${TICKWIRE_CORE:-installed rustup source debian}; do
        if "core_$way"; then
            echo "firmware: core for $CORE_TARGET: $CORE_ROUTE" >&2
            return 0
        fi
    done
    echo "firmware: no core for $CORE_TARGET: tried ${TICKWIRE_CORE:-installed, rustup, source, debian}" >&2
    return 1
}
