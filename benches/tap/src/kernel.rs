//! The same transfer from kernel to kernel, for comparison: two TAPs in two namespaces, and between them a process that
//! loses as many frames as our device does.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use hosttap::link::tap::{FRAME_BYTES_MAX, Tap};
use rustix::event::{PollFd, PollFlags, poll};
use tickwire_sim::Generator;

use crate::link::{Link, MAC, Ours};

/// What the process between the kernels does: bytes to receive, parts per million to lose.
const BETWEEN: &str = "TICKWIRE_BENCH_BETWEEN";
const NET: [u8; 4] = [192, 168, 71, 0];
/// The far kernel.
const FAR: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 168, 71, 1), 5_000);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Where a frame has its EtherType, and that of IPv4. Others are not lost: the kernel repeats a lost ARP request only
/// after a second.
const ETHERTYPE: std::ops::Range<usize> = 12..14;
const IPV4: [u8; 2] = [8, 0];

/// Sends from this namespace's kernel to another's, and returns how long it took until all had arrived.
pub fn send(bytes: u64, loss_ppm: u32) -> Result<Duration, String> {
    let near = Ours::open("tap0", NET);
    let mut between = start(&near, bytes, loss_ppm);
    let output = between.stdout.take().expect("it is piped");
    let sent = send_through(output, bytes);
    between.kill().expect("it can be killed");
    between.wait().expect("it was started");
    sent.map_err(|error| error.to_string())
}

fn send_through(output: ChildStdout, bytes: u64) -> io::Result<Duration> {
    let mut lines = BufReader::new(output).lines();
    let mut heard = move || lines.next().is_some_and(|line| line.is_ok());
    assert!(heard(), "the process between the kernels is ready");

    let started = Instant::now();
    let mut stream = TcpStream::connect_timeout(&FAR.into(), CONNECT_TIMEOUT)?;
    let block = vec![0x5a; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let size = block.len().min(left as usize);
        left -= stream.write(&block[..size])? as u64;
    }
    assert!(heard(), "all has arrived");
    Ok(started.elapsed())
}

/// Starts the process between the kernels, in a namespace of its own. It gets our TAP as its standard input.
fn start(near: &Ours, bytes: u64, loss_ppm: u32) -> Child {
    let tap = near
        .as_fd()
        .try_clone_to_owned()
        .expect("there is a descriptor left");
    let mut command = Command::new("unshare");
    command.args(["-n", "--"]);
    command.arg(std::env::current_exe().expect("the program has a path"));
    command.env(BETWEEN, format!("{bytes} {loss_ppm}"));
    command.stdin(tap).stdout(Stdio::piped());
    command.spawn().expect("unshare is there")
}

/// Is the process between the kernels, if this process was started for it. It ends when it is killed.
pub fn between() -> bool {
    let Ok(task) = std::env::var(BETWEEN) else {
        return false;
    };
    let (bytes, loss_ppm) = task.split_once(' ').expect("a task has two words");
    let (bytes, loss_ppm) = (
        bytes.parse().expect("a number"),
        loss_ppm.parse().expect("a number"),
    );
    let far = Tap::open("tap1").expect("the TAP opens");
    // The near kernel was told this hardware address.
    for arguments in [
        format!("link set tap1 address {MAC}").replace('-', ":"),
        format!("addr add {}/24 dev tap1", FAR.0),
        "link set tap1 up".to_owned(),
    ] {
        let status = Command::new("ip").args(arguments.split(' ')).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "ip {arguments}"
        );
    }
    let listener = TcpListener::bind(FAR).expect("the address is there");
    println!("ready");
    std::thread::spawn(move || receive(&listener, bytes));
    let near = std::io::stdin().as_fd().try_clone_to_owned();
    let far = far.as_fd().try_clone_to_owned();
    forward(
        [near, far].map(|end| end.expect("there is a descriptor left")),
        loss_ppm,
    )
}

fn receive(listener: &TcpListener, bytes: u64) {
    let (mut caller, _) = listener.accept().expect("one calls");
    let (mut block, mut left) = (vec![0; 1 << 16], bytes);
    while left > 0 {
        let count = caller.read(&mut block).expect("it comes");
        assert!(count > 0, "it does not end early");
        left -= count as u64;
    }
    println!("all");
    // The sender's process ends this one.
    std::thread::park();
}

/// Carries frames between the two TAPs, and loses some.
fn forward(ends: [OwnedFd; 2], loss_ppm: u32) -> ! {
    let ends = ends.map(File::from);
    let mut random = Generator::new(7);
    let mut frame = vec![0; FRAME_BYTES_MAX];
    loop {
        let mut ready = [&ends[0], &ends[1]].map(|end| PollFd::new(end, PollFlags::IN));
        poll(&mut ready, None).expect("poll works");
        for (mut from, mut to) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
            // A few at a time, so that no direction waits for the other. A TAP never blocks.
            for _ in 0..64 {
                let Ok(length) = from.read(&mut frame) else {
                    break;
                };
                if frame[ETHERTYPE] == IPV4 && random.chance(loss_ppm) {
                    continue;
                }
                // A full queue loses it, as everywhere.
                let _ = to.write(&frame[..length]);
            }
        }
    }
}
