//! `get` over links that change, and over different kinds of links.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SendError, Sender, TryRecvError, channel};
use std::time::Duration;

use tempfile::TempDir;

use super::get;
use crate::common::{
    HttpServer, KERNEL_ADDRESS, Process, WAIT_MAX, hosttap, in_namespace, ok_response,
    random_bytes, sh,
};

/// The number of bytes before the pause, and after it.
const HALF_BYTES: usize = 2 << 20;

/// A transfer that is paused in the middle. The server continues on `resume`.
struct PausedTransfer {
    process: Process,
    resume: Sender<()>,
    /// Reports when each half is acknowledged.
    acknowledged: Receiver<()>,
    file: PathBuf,
    _directory: TempDir,
}

impl PausedTransfer {
    fn start(arguments: &[&str]) -> Self {
        let (resume, resumed) = channel();
        let (report, acknowledged) = channel();
        let ends = Mutex::new((resumed, report));
        let server = HttpServer::start(KERNEL_ADDRESS, move |connection| {
            let (resumed, report): &(Receiver<()>, Sender<()>) = &ends.lock().unwrap();
            let response = ok_response(&random_bytes(2 * HALF_BYTES));
            let (front, back) = response.split_at(HALF_BYTES);
            for half in [front, back] {
                connection.send(half);
                connection.wait_until_acknowledged();
                // Both channels are closed when the test is over.
                if report
                    .send(())
                    .and(resumed.recv().map_err(|_| SendError(())))
                    .is_err()
                {
                    return;
                }
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        let url = server.url("/");
        let command = ["get", &url, "-o", file.to_str().unwrap()];
        let process = hosttap(&[&command, arguments].concat());
        acknowledged.recv_timeout(WAIT_MAX).unwrap();
        Self {
            process,
            resume,
            acknowledged,
            file,
            _directory: directory,
        }
    }

    /// Waits for the end of the program. Returns its exit code, its file and stderr.
    fn finish(self) -> (Option<i32>, Option<Vec<u8>>, String) {
        let exited = self.process.finish();
        (exited.code, std::fs::read(&self.file).ok(), exited.stderr())
    }
}

#[test]
fn a_link_that_goes_down_and_up_again_costs_time_but_no_byte() {
    in_namespace!();
    let paused = PausedTransfer::start(&["--idle-timeout", "100"]);
    sh("ip link set tap0 down");
    paused.resume.send(()).unwrap();
    // Long enough for the server's segments to be lost, so that the kernel must retransmit them.
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(paused.acknowledged.try_recv(), Err(TryRecvError::Empty));
    sh("ip link set tap0 up");
    let (code, saved, stderr) = paused.finish();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(saved.unwrap() == random_bytes(2 * HALF_BYTES));
}

#[test]
fn a_link_that_is_down_from_the_start_is_named() {
    in_namespace!();
    sh("ip link set tap0 down");
    let exited = get(&["http://192.168.69.100/", "--connect-timeout", "0.5"]);
    assert_eq!(exited.code, Some(28));
    assert!(
        exited.stderr().contains("tap0 is down; `hosttap doctor`"),
        "{}",
        exited.stderr()
    );
}

#[test]
fn a_tap_that_is_deleted_ends_the_transfer() {
    in_namespace!();
    let paused = PausedTransfer::start(&[]);
    sh("ip link del tap0");
    paused.resume.send(()).unwrap();
    let (code, saved, stderr) = paused.finish();
    assert_eq!((code, saved), (Some(45), None), "{stderr}");
    assert_eq!(stderr, "hosttap: the TAP tap0 was deleted\n");
}

#[test]
fn a_server_that_loses_its_address_is_a_timeout() {
    in_namespace!();
    let paused = PausedTransfer::start(&["--idle-timeout", "1"]);
    sh("ip addr del 192.168.69.100/24 dev tap0");
    paused.resume.send(()).unwrap();
    let (code, saved, stderr) = paused.finish();
    assert_eq!((code, saved), (Some(28), None), "{stderr}");
    assert!(stderr.contains("more data"), "{stderr}");
}

#[test]
fn a_transfer_works_with_every_mtu_from_576() {
    in_namespace!();
    let body = random_bytes(1 << 20);
    let server = HttpServer::with_body(KERNEL_ADDRESS, &body);
    for mtu in ["576", "577", "1280", "1501", "9000", "65521"] {
        sh(&format!("ip link set tap0 mtu {mtu}"));
        let exited = get(&[&server.url("/")]);
        assert_eq!(exited.code, Some(0), "MTU {mtu}: {}", exited.stderr());
        assert!(exited.stdout_bytes == body, "MTU {mtu}");
    }
}

#[test]
fn an_address_in_brackets_is_fetched_over_ipv6() {
    in_namespace!();
    sh("ip addr add fd00::100/64 dev tap0 nodad");
    let body = random_bytes(1 << 20);
    let server = HttpServer::with_body("fd00::100", &body);
    let url = server.url("/");
    assert!(url.starts_with("http://[fd00::100]:"), "{url}");
    let exited = get(&[&url, "--address", "fd00::1/64"]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert!(exited.stdout_bytes == body);
    let address = ["--address", "fd00::1/64"];
    let exited = get(&[&["http://[fd00::100]:9/"], &address[..]].concat());
    assert_eq!(exited.code, Some(7), "{}", exited.stderr());
    assert!(exited.stderr().contains("refused"), "{}", exited.stderr());
    let missing = ["http://[fd00::7]/", "--connect-timeout", "0.7"];
    let exited = get(&[&missing, &address[..]].concat());
    assert_eq!(exited.code, Some(28), "{}", exited.stderr());
}

#[test]
fn a_gateway_leads_to_other_networks() {
    in_namespace!();
    // The kernel answers for an address behind the gateway.
    sh("ip addr add 10.77.0.1/32 dev lo");
    let server = HttpServer::with_body("10.77.0.1", b"from afar");
    let exited = get(&[&server.url("/"), "--gateway", KERNEL_ADDRESS]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(exited.stdout(), "from afar");
    // IPv6 routers use their link-local address.
    sh(
        "ip addr add fd00::100/64 dev tap0 nodad; ip addr add fe80::100/64 dev tap0 nodad
        ip addr add fd77::1/128 dev lo nodad",
    );
    let server = HttpServer::with_body("fd77::1", b"from afar");
    // The kernel's routes may come up after its link, and until then it says that there are none.
    let address = [
        "--address",
        "fd00::1/64",
        "--gateway",
        "fe80::100",
        "--retry",
        "9",
    ];
    let exited = get(&[&[server.url("/").as_str()], &address[..]].concat());
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(exited.stdout(), "from afar");
}

#[test]
fn the_program_creates_its_own_tap_and_configures_the_kernels_side() {
    in_namespace!();
    let server = HttpServer::with_body("0.0.0.0", b"hello");
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
        let exited = get(&[&[url.as_str()], &link[..]].concat());
        assert_eq!(exited.code, Some(0), "{}", exited.stderr());
        assert_eq!(exited.stdout(), "hello");
    }
}

#[test]
fn a_kernels_side_that_cannot_answer_is_named_at_once() {
    in_namespace!();
    for (damage, words) in [
        (
            "ip addr flush dev tap0",
            "has no address in the network of 192.168.69.1/24; `hosttap doctor`",
        ),
        (
            "ip addr add 192.168.69.1/24 dev tap0",
            "the kernel has our address 192.168.69.1; `hosttap doctor`",
        ),
    ] {
        sh(damage);
        for command in [
            // The connection has more time than the test.
            &["get", "http://192.168.69.7/", "--connect-timeout", "1000"][..],
            &["time", "192.168.69.7"],
            &["resolve", "name.local"],
        ] {
            hosttap(command).wait_for_stderr(words);
        }
    }
    sh("ip addr flush dev tap0; ip addr add 192.168.69.100/24 dev tap0");
    let exited = get(&["http://192.168.69.100:9/"]);
    assert!(!exited.stderr().contains("doctor"), "{}", exited.stderr());
}
