//! A router or a host that says that nobody can be reached.

use crate::common::{Exited, KERNEL_ADDRESS, hosttap, in_namespace, is_installed, sh};

/// Our addresses, with the kernel as the router of both families.
const V4: [&str; 4] = ["--address", "192.168.69.1/24", "--gateway", KERNEL_ADDRESS];
const V6: [&str; 4] = ["--address", "fd00::1/64", "--gateway", "fd00::100"];

/// The kernel forwards, has an IPv6 address, and answers everything that it refuses.
fn become_router() {
    sh(
        "sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
            net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
        ip addr add fd00::100/64 dev tap0 nodad",
    );
}

fn get(url: &str, options: &[&str], address: &[&str]) -> Exited {
    hosttap(&[&["get", url, "-o", "-"], options, address].concat()).finish()
}

/// Checks that `get` ends without having waited for its timeout, which is longer than the test may
/// take.
#[track_caller]
fn assert_unreachable(url: &str, address: &[&str]) {
    let exited = get(url, &["--connect-timeout", "1000"], address);
    let stderr = exited.stderr();
    assert_eq!(exited.code, Some(7), "{url}: {stderr}");
    let words = [
        "the network cannot reach the peer",
        "the connection was refused",
    ];
    assert!(words.iter().any(|words| stderr.contains(words)), "{stderr}");
}

#[test]
fn a_router_without_a_route_ends_the_attempt_at_once() {
    in_namespace!();
    become_router();
    sh(
        "ip route add unreachable 10.2.0.0/16; ip route add prohibit 10.3.0.0/16
        ip -6 route add unreachable fd02::/16; ip -6 route add prohibit fd03::/16",
    );
    for host in ["10.1.0.1", "10.2.0.1", "10.3.0.1"] {
        assert_unreachable(&format!("http://{host}/"), &V4);
    }
    for host in ["[fd01::1]", "[fd02::1]", "[fd03::1]"] {
        assert_unreachable(&format!("http://{host}/"), &V6);
    }
}

#[test]
fn a_firewall_that_rejects_ends_the_attempt_at_once() {
    if !is_installed("nft") {
        return;
    }
    in_namespace!();
    become_router();
    sh("nft add table inet t
        nft add chain inet t input '{ type filter hook input priority 0; }'");
    let reject = |rule: &str| {
        sh(&format!(
            "nft flush chain inet t input
            nft add rule inet t input tcp dport 80 reject with {rule}"
        ));
    };
    for kind in ["net", "host", "prot", "port"] {
        reject(&format!("icmp type {kind}-unreachable"));
        assert_unreachable(&format!("http://{KERNEL_ADDRESS}/"), &V4);
    }
    for kind in ["net", "host", "admin"] {
        reject(&format!("icmp type {kind}-prohibited"));
        assert_unreachable(&format!("http://{KERNEL_ADDRESS}/"), &V4);
    }
    for kind in [
        "no-route",
        "admin-prohibited",
        "addr-unreachable",
        "port-unreachable",
    ] {
        reject(&format!("icmpv6 type {kind}"));
        assert_unreachable("http://[fd00::100]/", &V6);
    }
}

#[test]
fn without_the_guard_the_attempt_takes_its_whole_time() {
    in_namespace!();
    become_router();
    let options = ["--connect-timeout", "0.7", "--no-guard"];
    let exited = get("http://10.1.0.1/", &options, &V4);
    assert_eq!(exited.code, Some(28), "{}", exited.stderr());
}
