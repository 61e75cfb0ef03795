//! The loop allocates nothing while data flows, and sleeps while there is nothing to do.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use clap::Parser;
use hosttap::cli::Cli;
use hosttap::commands::console_observer::ConsoleObserver;
use hosttap::link::stack::{BULK_BUFFER_BYTES, TapStack};
use hosttap::storage::atomic_file::AtomicFile;
use hosttap::terminal::console::Console;
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{App, Echo, Error, Sink, Slot};

use crate::common::{Call, HOST, Running, Server, hosttap, inside, mortal, noise};

/// Bytes that flow while allocations are counted, and before.
const STEADY_BYTES: u64 = 16 << 20;
const WARM_BYTES: u64 = 1 << 20;
/// Longest wait for a peer, however slow the machine.
const SECONDS_MAX: u64 = 100;

/// A file that knows how much it has.
struct Counted {
    file: AtomicFile,
    bytes: u64,
}

impl Sink for Counted {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        let taken = self.file.write(data)?;
        self.bytes += taken as u64;
        Ok(taken)
    }
}

fn stack() -> TapStack {
    TapStack::open(&Cli::parse_from(["hosttap"]).link).unwrap()
}

/// Runs `app` as the commands do, until `done` says so.
fn run<A: App>(stack: &mut TapStack, slot: &mut Slot, app: &mut A, done: impl Fn(&mut A) -> bool) {
    let mut console = Console::new(false, false);
    while !done(app) {
        let console = &mut console;
        let wake = stack.turn(&mut [slot.seat(app)], &mut ConsoleObserver { console });
        assert_eq!(slot.outcome(), None);
        stack.wait(wake, None, None).unwrap();
    }
}

#[test]
fn a_get_allocates_nothing_while_data_flows() {
    if !inside("frugal::a_get_allocates_nothing_while_data_flows") {
        return;
    }
    // A bit more than is counted, so that the end stays outside.
    let server = Server::holding(
        HOST,
        &noise((WARM_BYTES + STEADY_BYTES + WARM_BYTES) as usize),
    );
    let url = server.url("/");
    let url = Url::parse(&url).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut target = Counted {
        file: AtomicFile::create(&folder.path().join("file"), &|| false).unwrap(),
        bytes: 0,
    };
    let mut stack = stack();
    let mut get = Get::new(
        stack.add_socket(BULK_BUFFER_BYTES),
        (HOST.parse::<std::net::IpAddr>().unwrap(), server.port()).into(),
        Request::new(&url, &[]).unwrap(),
        GetOptions::default(),
        &mut [],
        &mut target,
    );
    let mut slot = Slot::new();
    run(&mut stack, &mut slot, &mut get, |get| {
        get.sink_mut().bytes >= WARM_BYTES
    });
    let counted = allocation_counter::measure(|| {
        let enough = WARM_BYTES + STEADY_BYTES;
        run(&mut stack, &mut slot, &mut get, |get| {
            get.sink_mut().bytes >= enough
        });
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn an_echo_allocates_nothing_while_data_flows_both_ways() {
    if !inside("frugal::an_echo_allocates_nothing_while_data_flows_both_ways") {
        return;
    }
    // It calls once the loop runs, and goes on until the test is over.
    let back = Arc::new(AtomicU64::new(0));
    thread::spawn({
        let back = Arc::clone(&back);
        move || {
            let mut stream = loop {
                match TcpStream::connect("192.168.69.1:12345") {
                    Ok(stream) => break stream,
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            };
            let mut writer = stream.try_clone().unwrap();
            thread::spawn(move || {
                let block = noise(64 * 1024);
                while writer.write_all(&block).is_ok() {}
            });
            let mut block = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut block) {
                back.fetch_add(count as u64, Ordering::Relaxed);
            }
        }
    });
    let mut stack = stack();
    let mut echo = Echo::new(stack.add_socket(BULK_BUFFER_BYTES), 12345, false);
    let mut slot = Slot::new();
    let back = &back;
    let has = |bytes| move |_: &mut Echo| back.load(Ordering::Relaxed) >= bytes;
    run(&mut stack, &mut slot, &mut echo, has(WARM_BYTES));
    let counted = allocation_counter::measure(|| {
        let enough = WARM_BYTES + STEADY_BYTES;
        run(&mut stack, &mut slot, &mut echo, has(enough));
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

/// How often a program went to sleep of itself, which is how often it woke (proc(5), /proc/PID/status).
fn sleeps(program: &Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// Frames that the kernel gave to the program at tap0: the tenth number of /proc/net/dev.
fn frames() -> u64 {
    let table = fs::read_to_string("/proc/self/net/dev").unwrap();
    let line = table
        .lines()
        .find_map(|line| line.trim().strip_prefix("tap0:"));
    let numbers: Vec<_> = line.unwrap().split_whitespace().collect();
    numbers[9].parse().unwrap()
}

/// Sleeps of `program` in three seconds that no frame explains.
fn idle_sleeps(program: &Running) -> u64 {
    // What just happened may still be acknowledged.
    thread::sleep(Duration::from_secs(1));
    let (sleeps_before, frames_before) = (sleeps(program), frames());
    thread::sleep(Duration::from_secs(3));
    let slept = sleeps(program) - sleeps_before;
    slept.saturating_sub(frames() - frames_before)
}

/// More than a quiet program has, since a busy machine may swap; far less than a loop that looks every 50 ms.
const IDLE_SLEEPS_MAX: u64 = 5;

#[test]
fn a_client_of_a_silent_server_sleeps_and_wakes_for_a_frame() {
    if !inside("frugal::a_client_of_a_silent_server_sleeps_and_wakes_for_a_frame") {
        return;
    }
    let (called, has_called) = channel();
    let (speak, spoken) = channel::<()>();
    let ends = Mutex::new((called, spoken));
    let server = Server::start(HOST, move |call: &mut Call| {
        let (called, spoken) = &*ends.lock().unwrap();
        called.send(()).unwrap();
        spoken.recv().unwrap();
        call.send(b"HTTP/1.0 200 OK\r\n");
        call.wait_until_acknowledged();
        called.send(()).unwrap();
        call.wait_until_gone();
    });
    let limit = Duration::from_secs(SECONDS_MAX);
    let client = hosttap(&["get", &server.url("/"), "--first-byte-timeout", "1000"]);
    has_called.recv_timeout(limit).unwrap();
    let idle = idle_sleeps(&client);
    assert!(idle <= IDLE_SLEEPS_MAX, "{idle} wake-ups for nothing");
    let before = sleeps(&client);
    speak.send(()).unwrap();
    has_called.recv_timeout(limit).unwrap();
    assert!(sleeps(&client) > before, "the count counts");
    let idle = idle_sleeps(&client);
    assert!(
        idle <= IDLE_SLEEPS_MAX,
        "{idle} wake-ups for nothing in mid-head"
    );
}

#[test]
fn a_server_without_a_caller_sleeps() {
    if !inside("frugal::a_server_without_a_caller_sleeps") {
        return;
    }
    let server = hosttap(&["echo"]);
    server.wait_for_stderr("Listening", SECONDS_MAX);
    let idle = idle_sleeps(&server);
    assert!(idle <= IDLE_SLEEPS_MAX, "{idle} wake-ups for nothing");
    let mut caller = TcpStream::connect("192.168.69.1:12345").unwrap();
    caller
        .set_read_timeout(Some(Duration::from_secs(SECONDS_MAX)))
        .unwrap();
    caller.write_all(b"x").unwrap();
    caller.read_exact(&mut [0]).unwrap();
    let idle = idle_sleeps(&server);
    assert!(
        idle <= IDLE_SLEEPS_MAX,
        "{idle} wake-ups for nothing with a silent caller"
    );
}

/// A terminal that nobody reads: its master, which keeps it open, and its name.
fn stopped_terminal() -> (File, PathBuf) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let path = Path::new(OsStr::from_bytes(name.as_bytes())).to_owned();
    (master.into(), path)
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

/// Bytes of lines that a terminal takes before it presses back.
fn terminal_bytes() -> usize {
    let (_master, path) = stopped_terminal();
    let mut terminal = open_terminal(&path, OFlags::NONBLOCK);
    let mut total = 0;
    while let Ok(count) = terminal.write(LINE) {
        total += count;
    }
    total
}

/// The time on a processor that a program had, in hundredths of a second (proc(5), /proc/PID/stat).
fn processor_time(program: &Running) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.id())).unwrap();
    let numbers: Vec<_> = stat.split_whitespace().collect();
    numbers[13].parse::<u64>().unwrap() + numbers[14].parse::<u64>().unwrap()
}

#[test]
fn a_client_whose_last_bytes_wait_for_a_stopped_terminal_does_not_spin_over_a_frame() {
    if !inside(
        "frugal::a_client_whose_last_bytes_wait_for_a_stopped_terminal_does_not_spin_over_a_frame",
    ) {
        return;
    }
    // All of the body is taken, and a part of its last block finds no room.
    let body: Vec<u8> = LINE
        .iter()
        .copied()
        .cycle()
        .take(terminal_bytes() + 400)
        .collect();
    let server = Server::holding(HOST, &body);
    let (_master, path) = stopped_terminal();
    let mut command = mortal(env!("CARGO_BIN_EXE_hosttap"));
    command.args(["get", "-v", &server.url("/")]);
    let terminal = Stdio::from(open_terminal(&path, OFlags::empty()));
    let client = Running::start_with(&mut command, terminal, Stdio::piped());
    client.wait_for_stderr("Body => Closing", SECONDS_MAX);
    // Its lingering is over, and then a frame comes that belongs to nothing.
    thread::sleep(Duration::from_millis(1_500));
    let _refused = TcpStream::connect("192.168.69.1:9");
    let before = processor_time(&client);
    thread::sleep(Duration::from_secs(1));
    let spent = processor_time(&client) - before;
    assert!(spent < 10, "{spent} hundredths of a second for nothing");
}
