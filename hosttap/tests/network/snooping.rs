//! A bridge that forwards multicast only to those who have said that they listen.

use crate::common::{hosttap, in_namespace, is_installed, sh};

/// Puts `tap0` behind a bridge that asks each second who listens, and forgets after two and a half
/// seconds who does not answer. `version` is that of the protocol in which it asks.
fn start_bridge(version: u32) {
    // What the queries say about answers must be set before there are any.
    sh(&format!(
        "ip link add br0 type bridge mcast_snooping 1 mcast_mld_version {version} \
            mcast_query_interval 100 mcast_query_response_interval 50 \
            mcast_startup_query_interval 50 mcast_membership_interval 250
        ip link set br0 type bridge mcast_querier 1
        ip link set tap0 master br0
        ip addr add fd00::2/64 dev br0 nodad
        ip link set br0 up"
    ));
}

/// What comes back when somebody calls who does not know our hardware address yet, three times the
/// life of a report after the server began to listen. On a busy machine a report may be late, and
/// so there are several tries.
fn call(options: &[&str], tries: usize) -> String {
    let server = hosttap(&[&["echo", "--address", "fd00::1/64"], options].concat());
    server.wait_for_stderr("Listening on port 12345\n");
    sh(&format!(
        "sleep 7.5
        for try in $(seq {tries}); do
            ip -6 neigh flush dev br0
            if echo hello | nc -6 -N -w 5 fd00::1 12345; then exit; fi
        done
        echo unreachable"
    ))
}

#[test]
fn a_server_behind_a_bridge_that_snoops_is_reachable_over_ipv6() {
    if !is_installed("nc") {
        return;
    }
    in_namespace!();
    start_bridge(2);
    assert_eq!(
        call(&["--no-guard"], 3),
        "unreachable\n",
        "the bridge snoops"
    );
    assert_eq!(call(&[], 30), "hello\n");
}

#[test]
fn a_server_behind_a_bridge_that_asks_in_the_old_version_is_reachable_too() {
    if !is_installed("nc") {
        return;
    }
    in_namespace!();
    start_bridge(1);
    assert_eq!(call(&[], 30), "hello\n");
}
