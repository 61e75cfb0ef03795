//! The event loop allocates nothing while data flows.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use clap::Parser;
use hosttap::cli::Cli;
use hosttap::commands::console_observer::ConsoleObserver;
use hosttap::link::stack::{BULK_BUFFER_BYTES, Room, TapStack};
use hosttap::storage::atomic_file::AtomicFile;
use hosttap::terminal::console::Console;
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{App, Echo, Sink, SinkError, Task};

use crate::common::{HttpServer, KERNEL_ADDRESS, in_namespace, random_bytes};

/// How many bytes flow before allocations are counted.
const WARM_UP_BYTES: u64 = 1 << 20;
/// How many bytes flow while allocations are counted.
const COUNTED_BYTES: u64 = 16 << 20;

/// A file that counts its bytes.
struct CountingFile {
    file: AtomicFile,
    bytes: u64,
}

impl Sink for CountingFile {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        let taken = self.file.write(data)?;
        self.bytes += taken as u64;
        Ok(taken)
    }
}

fn stack() -> TapStack {
    TapStack::open(&Cli::parse_from(["hosttap"]).link, Room::Few).unwrap()
}

/// Runs `app` as the commands do, until `is_done` returns true.
fn run<A: App>(stack: &mut TapStack, task: &mut Task<A>, is_done: impl Fn(&mut A) -> bool) {
    let mut console = Console::new(false, false);
    while !is_done(task.app_mut()) {
        let console = &mut console;
        let wake = stack.turn(&mut [&mut *task], &mut ConsoleObserver { console });
        assert!(!task.is_finished());
        stack.wait(wake, None, None).unwrap();
    }
}

#[test]
fn a_get_allocates_nothing_while_data_flows() {
    in_namespace!();
    // A bit more than is counted, so that the end of the transfer is not counted.
    let server = HttpServer::with_body(
        KERNEL_ADDRESS,
        &random_bytes((WARM_UP_BYTES + COUNTED_BYTES + WARM_UP_BYTES) as usize),
    );
    let url = server.url("/");
    let url = Url::parse(&url).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut target = CountingFile {
        file: AtomicFile::create(&directory.path().join("file"), &|| false).unwrap(),
        bytes: 0,
    };
    let mut stack = stack();
    let get = Get::new(
        stack.add_socket(BULK_BUFFER_BYTES),
        url.endpoint().unwrap(),
        Request::new(&url, &[]).unwrap(),
        GetOptions::default(),
        &mut [],
        &mut target,
    );
    let mut task = Task::new(get);
    run(&mut stack, &mut task, |get| {
        get.sink_mut().bytes >= WARM_UP_BYTES
    });
    let counted = allocation_counter::measure(|| {
        let enough = WARM_UP_BYTES + COUNTED_BYTES;
        run(&mut stack, &mut task, |get| get.sink_mut().bytes >= enough);
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn an_echo_allocates_nothing_while_data_flows_both_ways() {
    in_namespace!();
    // The client connects once the event loop runs, and sends until the test ends.
    let echoed_bytes = Arc::new(AtomicU64::new(0));
    thread::spawn({
        let echoed_bytes = Arc::clone(&echoed_bytes);
        move || {
            let mut stream = loop {
                match TcpStream::connect("192.168.69.1:12345") {
                    Ok(stream) => break stream,
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            };
            let mut writer = stream.try_clone().unwrap();
            thread::spawn(move || {
                let block = random_bytes(64 * 1024);
                while writer.write_all(&block).is_ok() {}
            });
            let mut block = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut block) {
                echoed_bytes.fetch_add(count as u64, Ordering::Relaxed);
            }
        }
    });
    let mut stack = stack();
    let sockets = [stack.add_socket(BULK_BUFFER_BYTES)];
    let mut task = Task::new(Echo::echo(sockets, 12345, false));
    let echoed_bytes = &echoed_bytes;
    let has_echoed = |bytes| move |_: &mut Echo<1>| echoed_bytes.load(Ordering::Relaxed) >= bytes;
    run(&mut stack, &mut task, has_echoed(WARM_UP_BYTES));
    let counted = allocation_counter::measure(|| {
        let enough = WARM_UP_BYTES + COUNTED_BYTES;
        run(&mut stack, &mut task, has_echoed(enough));
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}
