//! `get` over links that change, and of every kind.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SendError, Sender, TryRecvError, channel};
use std::time::Duration;

use tempfile::TempDir;

use super::{TRANSFER_SECONDS_MAX, get};
use crate::common::{HOST, Running, Server, hosttap, inside, noise, sh, with_length};

/// Bytes before the pause and behind it.
const HALF_BYTES: usize = 2 << 20;

/// A transfer that has come to its middle: the server goes on when it is told to.
struct Paused {
    program: Running,
    resume: Sender<()>,
    /// Says once more when all is acknowledged.
    acknowledged: Receiver<()>,
    file: PathBuf,
    _folder: TempDir,
}

impl Paused {
    fn start(arguments: &[&str]) -> Self {
        let (resume, go) = channel();
        let (tell, acknowledged) = channel();
        let ends = Mutex::new((go, tell));
        let server = Server::start(HOST, move |call| {
            let (go, tell): &(Receiver<()>, Sender<()>) = &ends.lock().unwrap();
            let response = with_length(&noise(2 * HALF_BYTES));
            let (front, back) = response.split_at(HALF_BYTES);
            for half in [front, back] {
                call.send(half);
                call.wait_until_acknowledged();
                // Nobody listens to either when the test is over.
                if tell
                    .send(())
                    .and(go.recv().map_err(|_| SendError(())))
                    .is_err()
                {
                    return;
                }
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let url = server.url("/");
        let command = ["get", &url, "-o", file.to_str().unwrap()];
        let program = hosttap(&[&command, arguments].concat());
        let limit = Duration::from_secs(TRANSFER_SECONDS_MAX);
        acknowledged.recv_timeout(limit).unwrap();
        Self {
            program,
            resume,
            acknowledged,
            file,
            _folder: folder,
        }
    }

    /// Waits for the program's end: its code, its file and stderr.
    fn finish(self) -> (Option<i32>, Option<Vec<u8>>, String) {
        let ended = self.program.finish(TRANSFER_SECONDS_MAX);
        (ended.code, std::fs::read(&self.file).ok(), ended.stderr())
    }
}

#[test]
fn a_link_that_goes_down_and_up_again_costs_time_and_no_byte() {
    if !inside("get::link::a_link_that_goes_down_and_up_again_costs_time_and_no_byte") {
        return;
    }
    let paused = Paused::start(&["--idle-timeout", "100"]);
    sh("ip link set tap0 down");
    paused.resume.send(()).unwrap();
    // Long enough for the server's segments to be lost, and the kernel to send them again.
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(paused.acknowledged.try_recv(), Err(TryRecvError::Empty));
    sh("ip link set tap0 up");
    let (code, saved, stderr) = paused.finish();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(saved.unwrap() == noise(2 * HALF_BYTES));
}

#[test]
fn a_link_that_is_down_from_the_start_is_named() {
    if !inside("get::link::a_link_that_is_down_from_the_start_is_named") {
        return;
    }
    sh("ip link set tap0 down");
    let ended = get(&["http://192.168.69.100/", "--connect-timeout", "0.5"]);
    assert_eq!(ended.code, Some(28));
    assert!(
        ended.stderr().contains("tap0 is down; `hosttap doctor`"),
        "{}",
        ended.stderr()
    );
}

#[test]
fn a_tap_that_is_deleted_ends_the_transfer() {
    if !inside("get::link::a_tap_that_is_deleted_ends_the_transfer") {
        return;
    }
    let paused = Paused::start(&[]);
    sh("ip link del tap0");
    paused.resume.send(()).unwrap();
    let (code, saved, stderr) = paused.finish();
    assert_eq!((code, saved), (Some(45), None), "{stderr}");
    assert_eq!(stderr, "hosttap: the TAP tap0 was deleted\n");
}

#[test]
fn a_server_whose_address_has_gone_is_a_timeout() {
    if !inside("get::link::a_server_whose_address_has_gone_is_a_timeout") {
        return;
    }
    let paused = Paused::start(&["--idle-timeout", "1"]);
    sh("ip addr del 192.168.69.100/24 dev tap0");
    paused.resume.send(()).unwrap();
    let (code, saved, stderr) = paused.finish();
    assert_eq!((code, saved), (Some(28), None), "{stderr}");
    assert!(stderr.contains("more data"), "{stderr}");
}

#[test]
fn every_mtu_from_576_up_carries_a_transfer() {
    if !inside("get::link::every_mtu_from_576_up_carries_a_transfer") {
        return;
    }
    let body = noise(1 << 20);
    let server = Server::holding(HOST, &body);
    for mtu in ["576", "577", "1280", "1501", "9000", "65521"] {
        sh(&format!("ip link set tap0 mtu {mtu}"));
        let ended = get(&[&server.url("/")]);
        assert_eq!(ended.code, Some(0), "MTU {mtu}: {}", ended.stderr());
        assert!(ended.stdout_bytes == body, "MTU {mtu}");
    }
}

#[test]
fn an_address_in_brackets_is_fetched_over_ipv6() {
    if !inside("get::link::an_address_in_brackets_is_fetched_over_ipv6") {
        return;
    }
    sh("ip addr add fd00::100/64 dev tap0 nodad");
    let body = noise(1 << 20);
    let server = Server::holding("fd00::100", &body);
    let url = server.url("/");
    assert!(url.starts_with("http://[fd00::100]:"), "{url}");
    let ended = get(&[&url, "--address", "fd00::1/64"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert!(ended.stdout_bytes == body);
    let address = ["--address", "fd00::1/64"];
    let ended = get(&[&["http://[fd00::100]:9/"], &address[..]].concat());
    assert_eq!(ended.code, Some(7), "{}", ended.stderr());
    assert!(ended.stderr().contains("refused"), "{}", ended.stderr());
    let nobody = ["http://[fd00::7]/", "--connect-timeout", "0.7"];
    let ended = get(&[&nobody, &address[..]].concat());
    assert_eq!(ended.code, Some(28), "{}", ended.stderr());
}

#[test]
fn a_gateway_leads_to_other_networks() {
    if !inside("get::link::a_gateway_leads_to_other_networks") {
        return;
    }
    // The kernel answers for an address behind it.
    sh("ip addr add 10.77.0.1/32 dev lo");
    let server = Server::holding("10.77.0.1", b"from afar");
    let ended = get(&[&server.url("/"), "--gateway", HOST]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert_eq!(ended.stdout(), "from afar");
    // A router of IPv6 goes by its link-local address.
    sh(
        "ip addr add fd00::100/64 dev tap0 nodad; ip addr add fe80::100/64 dev tap0 nodad; ip addr add fd77::1/128 dev lo",
    );
    let server = Server::holding("fd77::1", b"from afar");
    let address = ["--address", "fd00::1/64", "--gateway", "fe80::100"];
    let ended = get(&[&[server.url("/").as_str()], &address[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr());
    assert_eq!(ended.stdout(), "from afar");
}

#[test]
fn the_program_makes_its_own_tap_and_gives_the_kernel_an_address() {
    if !inside("get::link::the_program_makes_its_own_tap_and_gives_the_kernel_an_address") {
        return;
    }
    let server = Server::holding("0.0.0.0", b"hello");
    let url = format!("http://10.5.0.2:{}/", server.port());
    let link = [
        "--tap",
        "tap9",
        "--address",
        "10.5.0.1/24",
        "--host-address",
        "10.5.0.2/24",
    ];
    for _ in 0..2 {
        let ended = get(&[&[url.as_str()], &link[..]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr());
        assert_eq!(ended.stdout(), "hello");
    }
}
