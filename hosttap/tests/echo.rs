//! `echo` for the programs that people use, and for callers that misbehave.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use crate::common::{Running, hosttap, inside, mortal, noise, sh};

const ECHO: &str = "192.168.69.1:12345";
/// Longest wait, however slow the machine.
const SECONDS_MAX: u64 = 60;

/// `hosttap echo` with these arguments, that listens.
fn echo(arguments: &[&str]) -> Running {
    let server = hosttap(&[&["echo"], arguments].concat());
    server.wait_for_stderr("Listening on port 12345\n", SECONDS_MAX);
    server
}

/// Ends a server that goes on for ever, and returns its stderr.
fn stop(server: Running) -> String {
    server.interrupt();
    let ended = server.finish(SECONDS_MAX);
    assert_eq!((ended.code, ended.stdout().as_str()), (Some(130), ""));
    ended.stderr()
}

fn call() -> TcpStream {
    call_at(ECHO)
}

fn call_at(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    let limit = Some(Duration::from_secs(SECONDS_MAX));
    stream.set_read_timeout(limit).unwrap();
    stream.set_write_timeout(limit).unwrap();
    stream
}

/// Sends `text` and reads it back.
fn exchange(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).unwrap();
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(back, text);
}

/// Sends FIN and reads the rest.
fn hang_up(mut stream: TcpStream) -> Vec<u8> {
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    rest
}

/// Ends `stream` with RST.
fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn a_mebibyte_comes_back_to_nc_and_to_python() {
    if !inside("echo::a_mebibyte_comes_back_to_nc_and_to_python") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), noise(1 << 20)).unwrap();
    let cd = format!("cd {}", folder.path().display());
    let server = echo(&[]);
    sh(&format!(
        "{cd}; timeout {SECONDS_MAX} nc -N 192.168.69.1 12345 < data > back; cmp data back"
    ));
    let script = "import signal, socket, sys, threading; signal.alarm(60); data = open(sys.argv[1], 'rb').read()
peer = socket.create_connection(('192.168.69.1', 12345))
def send(): peer.sendall(data); peer.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
back = b''.join(iter(lambda: peer.recv(65536), b''))
assert back == data, (len(back), len(data))
print('the same')";
    let mut python = mortal("python3");
    python.args(["-c", script]).arg(folder.path().join("data"));
    let ended = Running::start(&mut python).finish(SECONDS_MAX);
    assert_eq!(ended.stdout(), "the same\n", "{}", ended.stderr());
    stop(server);
}

#[test]
fn a_caller_that_has_said_all_still_hears_the_end() {
    if !inside("echo::a_caller_that_has_said_all_still_hears_the_end") {
        return;
    }
    let server = echo(&[]);
    let mut caller = call();
    // More than all buffers hold, so that most of it comes back after the FIN was sent.
    let data = noise(3 << 20);
    let mut writer = caller.try_clone().unwrap();
    let sender = thread::spawn({
        let data = data.clone();
        move || {
            writer.write_all(&data).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        }
    });
    thread::sleep(Duration::from_millis(300));
    let mut back = Vec::new();
    caller.read_to_end(&mut back).unwrap();
    sender.join().unwrap();
    assert!(back == data, "{} of {} bytes", back.len(), data.len());
    stop(server);
}

#[test]
fn data_goes_both_ways_at_every_mtu_and_over_ipv6() {
    if !inside("echo::data_goes_both_ways_at_every_mtu_and_over_ipv6") {
        return;
    }
    // As much as the echo's buffers hold, so that it need not be read meanwhile.
    let data = noise(256 * 1024);
    for mtu in ["576", "1280", "9000", "65521"] {
        sh(&format!("ip link set tap0 mtu {mtu}"));
        let server = echo(&[]);
        let mut caller = call();
        exchange(&mut caller, &data);
        assert_eq!(hang_up(caller), b"", "MTU {mtu}");
        stop(server);
    }
    sh("ip addr add fd00::100/64 dev tap0 nodad");
    let server = echo(&["--address", "fd00::1/64"]);
    let mut caller = call_at("[fd00::1]:12345");
    exchange(&mut caller, &data);
    assert_eq!(hang_up(caller), b"");
    assert!(stop(server).contains("[fd00::100]:"));
}

#[test]
fn five_callers_in_a_row_are_served_and_told() {
    if !inside("echo::five_callers_in_a_row_are_served_and_told") {
        return;
    }
    let server = echo(&[]);
    let listening = "hosttap: Listening on port 12345\n";
    let mut told = listening.to_owned();
    for turn in 0..5 {
        let mut caller = call();
        let local = caller.local_addr().unwrap();
        exchange(&mut caller, format!("caller {turn}").as_bytes());
        assert_eq!(hang_up(caller), b"");
        told += &format!("hosttap: {local} connected\nhosttap: {local} disconnected\n{listening}");
        server.wait_for_stderr(&told, SECONDS_MAX);
    }
    assert_eq!(stop(server), told + "hosttap: interrupted\n");
}

#[test]
fn a_second_caller_is_refused_while_one_is_served() {
    if !inside("echo::a_second_caller_is_refused_while_one_is_served") {
        return;
    }
    let server = echo(&[]);
    let mut first = call();
    exchange(&mut first, b"first");
    let refused = TcpStream::connect(ECHO).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    exchange(&mut first, b"still first");
    assert_eq!(hang_up(first), b"");
    stop(server);
}

#[test]
fn once_ends_with_the_code_of_its_one_conversation() {
    if !inside("echo::once_ends_with_the_code_of_its_one_conversation") {
        return;
    }
    let server = echo(&["--once"]);
    let mut caller = call();
    exchange(&mut caller, b"hello");
    hang_up(caller);
    let ended = server.finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());

    let server = echo(&["--once"]);
    let mut caller = call();
    exchange(&mut caller, b"hello");
    reset(caller);
    let ended = server.finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(56), "{}", ended.stderr());
    assert!(
        ended.stderr().ends_with("the connection was reset\n"),
        "{}",
        ended.stderr()
    );
    assert_eq!(
        ended.stderr().matches("was reset").count(),
        1,
        "{}",
        ended.stderr()
    );
}

#[test]
fn a_conversation_that_fails_is_told_and_the_next_one_served() {
    if !inside("echo::a_conversation_that_fails_is_told_and_the_next_one_served") {
        return;
    }
    let server = echo(&[]);
    for _ in 0..3 {
        let mut caller = call();
        let local: SocketAddr = caller.local_addr().unwrap();
        exchange(&mut caller, b"hello");
        reset(caller);
        server.wait_for_stderr(&format!("{local}: the connection was reset\n"), SECONDS_MAX);
    }
    let mut caller = call();
    exchange(&mut caller, b"well");
    assert_eq!(hang_up(caller), b"");
    stop(server);
}

#[test]
fn whoever_reads_that_it_listens_is_heard_at_once() {
    if !inside("echo::whoever_reads_that_it_listens_is_heard_at_once") {
        return;
    }
    // A SYN that came too early would be sent again after a second; a machine that stands still does the same now
    // and then.
    let repeated = || {
        let table = std::fs::read_to_string("/proc/self/net/netstat").unwrap();
        let mut lines = table.lines().filter(|line| line.starts_with("TcpExt:"));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let mut pairs = names.split(' ').zip(values.split(' '));
        let (_, value) = pairs.find(|(name, _)| *name == "TCPSynRetrans").unwrap();
        value.parse::<u64>().unwrap()
    };
    let heard_at_once = |port: &str| {
        let server = hosttap(&["echo", "--port", port]);
        let before = repeated();
        server.wait_for_stderr(&format!("Listening on port {port}\n"), SECONDS_MAX);
        drop(TcpStream::connect(format!("192.168.69.1:{port}")).unwrap());
        stop(server);
        repeated() == before
    };
    assert!(
        ["1001", "1002", "1003", "1004", "1005"]
            .into_iter()
            .any(heard_at_once)
    );
}

#[test]
fn the_end_of_the_program_is_the_end_of_its_conversation() {
    if !inside("echo::the_end_of_the_program_is_the_end_of_its_conversation") {
        return;
    }
    let server = echo(&[]);
    let mut caller = call();
    exchange(&mut caller, b"hello");
    assert!(stop(server).ends_with("hosttap: interrupted\n"));
    let reset = caller.read(&mut [0]).unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset, "{reset}");
    let server = echo(&[]);
    sh("ip link del tap0");
    let ended = server.finish(SECONDS_MAX);
    assert_eq!(ended.code, Some(45), "{}", ended.stderr());
}
