//! The event loop sleeps while there is nothing to do.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::common::{
    HttpConnection, HttpServer, KERNEL_ADDRESS, Process, WAIT_MAX, hosttap, hosttap_command,
    in_namespace, open_pty,
};

/// The tolerated number of wake-ups in three seconds. A busy machine may swap and cause some; a
/// loop that polls every 50 ms has many more.
const IDLE_WAKE_UPS_MAX: u64 = 5;
/// On a busy machine the last segments may be late, so there are several times of three seconds. A
/// loop that polls does so in each.
const TRIES_MAX: usize = 10;

/// How often a program blocked and so woke up again (proc(5), /proc/PID/status).
fn wake_ups(program: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// How many frames the kernel sent to the program on tap0: the tenth number in /proc/net/dev.
fn frames_sent() -> u64 {
    let table = fs::read_to_string("/proc/self/net/dev").unwrap();
    let line = table
        .lines()
        .find_map(|line| line.trim().strip_prefix("tap0:"));
    let numbers: Vec<_> = line.unwrap().split_whitespace().collect();
    numbers[9].parse().unwrap()
}

/// How many wake-ups of `program` in three seconds no frame explains.
fn idle_wake_ups(program: &Process) -> u64 {
    // The last segments may still have to be acknowledged.
    thread::sleep(Duration::from_secs(1));
    let (wake_ups_before, frames_before) = (wake_ups(program), frames_sent());
    thread::sleep(Duration::from_secs(3));
    let count = wake_ups(program) - wake_ups_before;
    count.saturating_sub(frames_sent() - frames_before)
}

/// Checks that `program` sleeps. `when` says what it waits for.
#[track_caller]
fn assert_sleeps(program: &Process, when: &str) {
    let mut counts = (0..TRIES_MAX).map(|_| idle_wake_ups(program));
    let is_idle = counts.any(|count| count <= IDLE_WAKE_UPS_MAX);
    assert!(is_idle, "wake-ups without a cause {when}");
}

#[test]
fn a_client_of_a_silent_server_sleeps_and_wakes_for_a_frame() {
    in_namespace!();
    let (step_done, steps) = channel();
    let (send_head, head_due) = channel::<()>();
    let ends = Mutex::new((step_done, head_due));
    let server = HttpServer::start(KERNEL_ADDRESS, move |connection: &mut HttpConnection| {
        let (step_done, head_due) = &*ends.lock().unwrap();
        step_done.send(()).unwrap();
        head_due.recv().unwrap();
        connection.send(b"HTTP/1.0 200 OK\r\n");
        connection.wait_until_acknowledged();
        step_done.send(()).unwrap();
        connection.wait_until_closed();
    });
    let client = hosttap(&["get", &server.url("/"), "--first-byte-timeout", "1000"]);
    steps.recv_timeout(WAIT_MAX).unwrap();
    assert_sleeps(&client, "before the head");
    let before = wake_ups(&client);
    send_head.send(()).unwrap();
    steps.recv_timeout(WAIT_MAX).unwrap();
    assert!(
        wake_ups(&client) > before,
        "the wake-up for the frame counts"
    );
    assert_sleeps(&client, "within the head");
}

#[test]
fn a_server_without_a_client_sleeps() {
    in_namespace!();
    let server = hosttap(&["echo"]);
    server.wait_for_stderr("Listening");
    assert_sleeps(&server, "without a client");
    let mut client = TcpStream::connect("192.168.69.1:12345").unwrap();
    client.set_read_timeout(Some(WAIT_MAX)).unwrap();
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    assert_sleeps(&server, "with a silent client");
}

fn open_terminal(path: &Path, flags: OFlags) -> File {
    let flags = (flags | OFlags::NOCTTY).bits().cast_signed();
    File::options()
        .write(true)
        .custom_flags(flags)
        .open(path)
        .unwrap()
}

const LINE: &[u8] =
    b"a line of eighty bytes, sixty of which are dots ................................\n";

/// How many bytes an unread terminal accepts.
fn terminal_capacity() -> usize {
    let (_master, path) = open_pty();
    let mut terminal = open_terminal(&path, OFlags::NONBLOCK);
    let mut total = 0;
    while let Ok(count) = terminal.write(LINE) {
        total += count;
    }
    total
}

/// The CPU time of a program in hundredths of a second (proc(5), /proc/PID/stat).
fn cpu_time(program: &Process) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.id())).unwrap();
    let numbers: Vec<_> = stat.split_whitespace().collect();
    numbers[13].parse::<u64>().unwrap() + numbers[14].parse::<u64>().unwrap()
}

#[test]
fn a_client_that_waits_for_a_stopped_terminal_does_not_spin_on_a_frame() {
    in_namespace!();
    // The whole body is received, and a part of its last block finds no room.
    let body: Vec<u8> = LINE
        .iter()
        .copied()
        .cycle()
        .take(terminal_capacity() + 400)
        .collect();
    let server = HttpServer::with_body(KERNEL_ADDRESS, &body);
    let (_master, path) = open_pty();
    let mut command = hosttap_command(&["get", "-v", &server.url("/")]);
    let terminal = Stdio::from(open_terminal(&path, OFlags::empty()));
    let client = Process::start_with(&mut command, terminal, Stdio::piped());
    client.wait_for_stderr("Open => Closing");
    // After the client has stopped lingering, a frame arrives that belongs to no connection.
    thread::sleep(Duration::from_millis(1_500));
    let _refused = TcpStream::connect("192.168.69.1:9");
    // On a busy machine it may linger until now. Who spins does so in each of these seconds.
    let mut spent = (0..TRIES_MAX).map(|_| {
        let before = cpu_time(&client);
        thread::sleep(Duration::from_secs(1));
        cpu_time(&client) - before
    });
    assert!(spent.any(|hundredths| hundredths < 10), "it spins");
}
