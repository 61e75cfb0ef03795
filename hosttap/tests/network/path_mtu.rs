//! A path that takes shorter packets than the interface.

use crate::common::namespace::Namespace;
use crate::common::{
    FILE_PEER_PY, KERNEL_ADDRESS, Process, TCP_PEER_PY, hosttap, in_namespace, random_bytes, sh,
    start_python_by,
};

/// Many segments, some of which are on their way when the router reports the first.
const UPLOAD_BYTES: usize = 1 << 20;

/// A namespace behind this one, which routes to it. A packet to it may have 1,400 bytes; it itself
/// believes that its link takes 1,500, and so announces segments that do not fit.
fn narrow_path() -> Namespace {
    let behind = Namespace::beside().unwrap();
    sh(&format!(
        "sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
        ip link add narrow type veth peer name wide netns {}
        ip link set narrow mtu 1400 up; ip addr add 10.5.0.1/24 dev narrow
        ip addr add fd05::1/64 dev narrow nodad; ip addr add fd00::100/64 dev tap0 nodad",
        behind.id()
    ));
    behind.run(
        "ip link set wide up; ip addr add 10.5.0.2/24 dev wide
        ip addr add fd05::2/64 dev wide nodad
        ip route add default via 10.5.0.1; ip -6 route add default via fd05::1",
    );
    behind
}

/// A receiver of one file in `namespace`, which says whether it is the right one.
fn start_receiver(namespace: &Namespace, path: &str) -> Process {
    let script = format!(
        "{TCP_PEER_PY}\n{FILE_PEER_PY}
listener = socket.create_server(('', PORT), family=socket.AF_INET6, dualstack_ipv6=True)
say('listening')
connection, _ = listener.accept()
length, digest, name = read_offer(connection)
connection.sendall(answer(FINE, 0))
data = read_exactly(connection, length)
connection.sendall(receipt(FINE, length))
say(data == open(sys.argv[1], 'rb').read())"
    );
    let process = start_python_by(namespace.command("python3"), &script, &[path]);
    process.wait_for_stdout("listening");
    process
}

#[test]
fn an_upload_gets_through_a_path_that_is_narrower_than_the_interface() {
    in_namespace!();
    let behind = narrow_path();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, random_bytes(UPLOAD_BYTES)).unwrap();
    let file = file.to_str().unwrap();
    for (peer, address) in [
        (
            "10.5.0.2",
            ["--address", "192.168.69.1/24", "--gateway", KERNEL_ADDRESS],
        ),
        (
            "[fd05::2]",
            ["--address", "fd00::1/64", "--gateway", "fd00::100"],
        ),
    ] {
        let receiver = start_receiver(&behind, file);
        let command = ["send", peer, file, "--idle-timeout", "60"];
        let exited = hosttap(&[&command[..], &address].concat()).finish();
        assert_eq!(exited.code, Some(0), "{peer}: {}", exited.stderr());
        assert_eq!(receiver.expect_success(), "listening\nTrue\n");
    }
}
