//! `hosttap echo` with common programs as clients, and with clients that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use common::{
    Process, SECONDS_MAX, TCP_PEER_PY, WAIT_MAX, hosttap, in_namespace, is_installed, random_bytes,
    sh, start_python,
};

const ECHO_ADDRESS: &str = "192.168.69.1:12345";

/// Starts `hosttap echo`, and waits until it listens.
fn start_echo(arguments: &[&str]) -> Process {
    let server = hosttap(&[&["echo"], arguments].concat());
    server.wait_for_stderr("Listening on port 12345\n");
    server
}

/// Interrupts the server. Returns its stderr.
fn stop(server: Process) -> String {
    server.interrupt();
    let exited = server.finish();
    assert_eq!((exited.code, exited.stdout().as_str()), (Some(130), ""));
    exited.stderr()
}

fn connect() -> TcpStream {
    connect_to(ECHO_ADDRESS)
}

fn connect_to(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT_MAX)).unwrap();
    stream.set_write_timeout(Some(WAIT_MAX)).unwrap();
    stream
}

/// Sends `text` and reads it back.
fn exchange(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, text);
}

/// Sends FIN, and returns everything until the server's FIN.
fn close(mut stream: TcpStream) -> Vec<u8> {
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    rest
}

/// Closes `stream` with RST.
fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn a_mebibyte_is_echoed_to_nc_and_to_python() {
    if !is_installed("nc") {
        return;
    }
    in_namespace!();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("data"), random_bytes(1 << 20)).unwrap();
    let cd = format!("cd {}", directory.path().display());
    let server = start_echo(&[]);
    sh(&format!(
        "{cd}; timeout {SECONDS_MAX} nc -N 192.168.69.1 12345 < data > echoed; cmp data echoed"
    ));
    let script = format!(
        "{TCP_PEER_PY}
import threading
PORT = 12345
data, connection = open(sys.argv[1], 'rb').read(), connect_once()
def send():
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
echoed = read_to_end(connection)
assert echoed == data, (len(echoed), len(data))
"
    );
    let data = directory.path().join("data");
    let client = start_python(&script, &[data.to_str().unwrap()]);
    client.expect_success();
    stop(server);
}

#[test]
fn a_client_that_has_sent_fin_still_gets_the_rest() {
    in_namespace!();
    let server = start_echo(&[]);
    let mut client = connect();
    // More than all buffers hold, so most of it is echoed after the FIN.
    let data = random_bytes(3 << 20);
    let mut writer = client.try_clone().unwrap();
    let sender = thread::spawn({
        let data = data.clone();
        move || {
            writer.write_all(&data).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        }
    });
    thread::sleep(Duration::from_millis(300));
    let mut back = Vec::new();
    client.read_to_end(&mut back).unwrap();
    sender.join().unwrap();
    assert!(back == data, "{} of {} bytes", back.len(), data.len());
    stop(server);
}

#[test]
fn data_goes_both_ways_at_every_mtu_and_over_ipv6() {
    in_namespace!();
    // As much as the buffers of `echo` hold, so the client need not read meanwhile.
    let data = random_bytes(256 * 1024);
    for mtu in ["576", "1280", "9000", "65521"] {
        sh(&format!("ip link set tap0 mtu {mtu}"));
        let server = start_echo(&[]);
        let mut client = connect();
        exchange(&mut client, &data);
        assert_eq!(close(client), b"", "MTU {mtu}");
        stop(server);
    }
    sh("ip addr add fd00::100/64 dev tap0 nodad");
    let server = start_echo(&["--address", "fd00::1/64"]);
    let mut client = connect_to("[fd00::1]:12345");
    exchange(&mut client, &data);
    assert_eq!(close(client), b"");
    assert!(stop(server).contains("[fd00::100]:"));
}

#[test]
fn five_clients_in_a_row_are_served_and_reported() {
    in_namespace!();
    let server = start_echo(&[]);
    // There is a listener all the time, so the port is printed once.
    let mut expected = "hosttap: Listening on port 12345\n".to_owned();
    for round in 0..5 {
        let mut client = connect();
        let local = client.local_addr().unwrap();
        exchange(&mut client, format!("client {round}").as_bytes());
        assert_eq!(close(client), b"");
        expected += &format!("hosttap: {local} connected\nhosttap: {local} disconnected\n");
        server.wait_for_stderr(&expected);
    }
    assert_eq!(stop(server), expected + "hosttap: interrupted\n");
}

#[test]
fn eight_clients_are_served_at_a_time_and_the_ninth_is_refused() {
    in_namespace!();
    let server = start_echo(&[]);
    let mut clients: Vec<_> = (0..8).map(|_| connect()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        exchange(client, format!("client {number}").as_bytes());
    }
    let refused = TcpStream::connect(ECHO_ADDRESS).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    for mut client in clients {
        exchange(&mut client, b"still there");
        assert_eq!(close(client), b"");
    }
    stop(server);
}

#[test]
fn a_second_client_is_refused_where_one_connection_is_all() {
    in_namespace!();
    let server = start_echo(&["--once"]);
    let mut first = connect();
    exchange(&mut first, b"first");
    let refused = TcpStream::connect(ECHO_ADDRESS).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    exchange(&mut first, b"still first");
    assert_eq!(close(first), b"");
    assert_eq!(server.finish().code, Some(0));
}

#[test]
fn two_thousand_quick_clients_in_a_row_and_four_at_once_are_all_served() {
    in_namespace!();
    let server = start_echo(&[]);
    let call = |number: usize| {
        let mut client = connect();
        let text = format!("call {number}");
        exchange(&mut client, text.as_bytes());
        assert_eq!(close(client), b"");
    };
    // Each SYN comes right after the last FIN.
    (0..2_000).for_each(call);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(call));
        }
    });
    stop(server);
}

#[test]
fn once_exits_with_the_code_of_its_one_connection() {
    in_namespace!();
    let server = start_echo(&["--once"]);
    let mut client = connect();
    exchange(&mut client, b"hello");
    close(client);
    let exited = server.finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());

    let server = start_echo(&["--once"]);
    let mut client = connect();
    exchange(&mut client, b"hello");
    reset(client);
    let exited = server.finish();
    assert_eq!(exited.code, Some(56), "{}", exited.stderr());
    assert!(
        exited.stderr().ends_with("the connection was reset\n"),
        "{}",
        exited.stderr()
    );
    assert_eq!(
        exited.stderr().matches("was reset").count(),
        1,
        "{}",
        exited.stderr()
    );
}

#[test]
fn a_failed_connection_is_reported_and_the_next_client_served() {
    in_namespace!();
    let server = start_echo(&[]);
    for _ in 0..3 {
        let mut client = connect();
        let local: SocketAddr = client.local_addr().unwrap();
        exchange(&mut client, b"hello");
        reset(client);
        server.wait_for_stderr(&format!("{local}: the connection was reset\n"));
    }
    let mut client = connect();
    exchange(&mut client, b"well");
    assert_eq!(close(client), b"");
    stop(server);
}

#[test]
fn no_syn_is_lost_that_comes_after_the_listening_message() {
    in_namespace!();
    // Nothing is asked before the first SYN.
    let neighbour = "ip neigh replace 192.168.69.1 lladdr 02:00:c0:a8:45:01 nud permanent dev tap0";
    sh(neighbour);
    let syn_retransmissions = || {
        let table = std::fs::read_to_string("/proc/self/net/netstat").unwrap();
        let mut lines = table.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let mut pairs = names.split(' ').zip(values.split(' '));
        let (_, value) = pairs.find(|(name, _)| *name == "TCPSynRetrans").unwrap();
        value.parse::<usize>().unwrap()
    };
    for port in ["1001", "1002", "1003", "1004", "1005"] {
        let server = hosttap(&["echo", "-v", "--port", port]);
        let before = syn_retransmissions();
        server.wait_for_stderr(&format!("Listening on port {port}\n"));
        drop(TcpStream::connect(format!("192.168.69.1:{port}")).unwrap());
        let sent = 1 + syn_retransmissions() - before;
        // What the kernel sent again because a machine stalled has come too.
        let stderr = stop(server);
        let received = |line: &&str| line.contains(" <- ") && line.contains(" syn ");
        assert_eq!(stderr.lines().filter(received).count(), sent, "{stderr}");
    }
}

#[test]
fn the_end_of_the_program_resets_its_connection() {
    in_namespace!();
    let server = start_echo(&[]);
    let mut client = connect();
    exchange(&mut client, b"hello");
    assert!(stop(server).ends_with("hosttap: interrupted\n"));
    let reset = client.read(&mut [0]).unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset, "{reset}");
    let server = start_echo(&[]);
    sh("ip link del tap0");
    let exited = server.finish();
    assert_eq!(exited.code, Some(45), "{}", exited.stderr());
}
