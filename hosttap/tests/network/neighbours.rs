//! Hosts on the same link: those that ask for our address, use it too, or get another card.

use crate::common::{
    FILE_PEER_PY, KERNEL_ADDRESS, Process, SECONDS_MAX, TCP_PEER_PY, hosttap, in_namespace,
    is_installed, random_bytes, sh, start_python,
};

/// An upload that is on its way when the card changes.
const UPLOAD_BYTES: usize = 4 << 20;

/// A server that waits for a caller and has sent nothing yet.
fn start_server(address: &str) -> Process {
    let server = hosttap(&["echo", "--address", address]);
    server.wait_for_stderr("Listening on port 12345\n");
    server
}

#[test]
fn a_host_that_probes_for_our_address_learns_that_it_is_taken() {
    if !is_installed("arping") {
        return;
    }
    in_namespace!();
    let _server = start_server("192.168.69.1/24");
    // Without an address of its own, as a host is that is about to take one.
    sh("ip addr flush dev tap0");
    // 1 means that somebody answered, 0 that nobody did (arping(8), -D).
    let probe = |address: &str, options: &str| {
        sh(&format!(
            "status=0; arping -q -D {options} -I tap0 {address} || status=$?; echo $status"
        ))
    };
    // It ends with the first answer.
    let many = format!("-c {SECONDS_MAX} -w {SECONDS_MAX}");
    assert_eq!(probe("192.168.69.1", &many), "1\n");
    assert_eq!(probe("192.168.69.2", "-c 2 -w 4"), "0\n");
}

#[test]
fn the_kernel_gives_up_an_ipv6_address_that_is_ours() {
    in_namespace!();
    let _server = start_server("fd00::1/64");
    sh("ip addr add fd00::1/64 dev tap0; ip addr add fd00::2/64 dev tap0");
    let script = "tries=0
        while ip -6 addr show dev tap0 tentative -dadfailed | grep -q inet6; do
            tries=$((tries + 1)); [ $tries -lt 1000 ]; sleep 0.1
        done
        ip -6 addr show dev tap0 dadfailed | grep -o 'inet6 [^ ]*'";
    assert_eq!(sh(script), "inet6 fd00::1/64\n");
}

#[test]
fn another_host_with_our_address_is_reported_and_hears_us_defend_it() {
    if !is_installed("arping") {
        return;
    }
    in_namespace!();
    let server = start_server("192.168.69.1/24");
    // The host is known by what it sends: it must have answered once.
    sh(&format!(
        "arping -q -c 1 -w {SECONDS_MAX} -I tap0 192.168.69.1"
    ));
    let defended = start_python(
        "import socket
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
packets.bind(('tap0', 0))
print('ready', flush=True)
ours = socket.inet_aton('192.168.69.1')
while True:
    frame = packets.recv(2048)
    if frame[:6] == b'\\xff' * 6 and frame[6:12] == b'\\x02\\0\\xc0\\xa8\\x45\\x01':
        print(frame[20:22] == b'\\0\\1', frame[28:32] == ours, frame[38:42] == ours)
        break",
        &[],
    );
    defended.wait_for_stdout("ready");
    sh(
        "ip link set tap0 address 02:00:00:00:00:99; ip addr add 192.168.69.1/24 dev tap0
        arping -q -U -c 1 -w 10 -I tap0 192.168.69.1",
    );
    let warning = "hosttap: the host 02:00:00:00:00:99 uses our address 192.168.69.1 too\n";
    server.wait_for_stderr(warning);
    assert_eq!(defended.expect_success(), "ready\nTrue True True\n");
}

/// Sends a file to a receiver whose hardware address changes in between, and that announces this by
/// `announcement`.
fn send_to_new_card(announcement: &str, options: &[&str]) -> Option<i32> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, random_bytes(UPLOAD_BYTES)).unwrap();
    let script = format!(
        "{TCP_PEER_PY}\n{FILE_PEER_PY}
import subprocess
listener = socket.create_server(('', PORT))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
say('listening')
connection, _ = listener.accept()
length, digest, name = read_offer(connection)
connection.sendall(answer(FINE, 0))
read_exactly(connection, length // 2)
# The window is closed now, and the kernel does not ask who hosttap is, by which it would tell its
# own address.
subprocess.run('''sleep 0.5; ip link set tap0 address 02:00:00:00:00:77
    ip neigh replace 192.168.69.1 lladdr 02:00:c0:a8:45:01 nud permanent dev tap0
    arping -q {announcement} -c 1 -w 10 -I tap0 {KERNEL_ADDRESS}''', shell=True)
read_exactly(connection, length - length // 2)
connection.sendall(receipt(FINE, length))"
    );
    let receiver = start_python(&script, &[]);
    receiver.wait_for_stdout("listening");
    let command = ["send", KERNEL_ADDRESS, file.to_str().unwrap()];
    let exited = hosttap(&[&command[..], options].concat()).finish();
    sh("ip neigh flush nud permanent dev tap0; ip link set tap0 address 02:00:00:00:00:66");
    exited.code
}

#[test]
fn an_upload_follows_a_peer_that_gets_another_card() {
    if !is_installed("arping") {
        return;
    }
    in_namespace!();
    for announcement in ["-U", "-A"] {
        let bare = ["--no-guard", "--idle-timeout", "3"];
        assert_eq!(
            send_to_new_card(announcement, &bare),
            Some(28),
            "smoltcp believes {announcement} now"
        );
        assert_eq!(
            send_to_new_card(announcement, &["--idle-timeout", "1000"]),
            Some(0)
        );
    }
}

#[test]
fn a_frame_with_a_priority_tag_is_read() {
    in_namespace!();
    let _server = start_server("192.168.69.1/24");
    let script = "import socket
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
packets.bind(('tap0', 0))
mac = packets.getsockname()[4]
ends = mac + socket.inet_aton('192.168.69.100') + bytes(6) + socket.inet_aton('192.168.69.1')
tag = b'\\x81\\0\\xc0\\0'
packets.send(b'\\xff' * 6 + mac + tag + b'\\x08\\x06\\0\\1\\x08\\0\\6\\4\\0\\1' + ends)
while True:
    frame = packets.recv(2048)
    if frame[:6] == mac and frame[20:22] == b'\\0\\2':
        print(socket.inet_ntoa(frame[28:32]))
        break";
    let answered = start_python(script, &[]).expect_success();
    assert_eq!(answered, "192.168.69.1\n");
}
