//! Transfers with the kernel over a TAP that loses frames both ways, with the guard and without.
//!
//! Each transfer has a namespace and a process of its own, and all run side by side: they mostly wait for timers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use hosttap::link::tap::{FRAME_BYTES_MAX, Tap};
use rustix::net::sockopt::set_socket_recv_buffer_size;
use smoltcp::phy::{Device, DeviceCapabilities, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::IpEndpoint;
use tickwire::file::{FileSender, SenderOptions};
use tickwire::guard::{Duties, Guarded, Storage};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{App, Duration, Sink, SinkError, Source, SourceError, Task};
use tickwire_sim::Generator;

use crate::kernel;
use crate::link::{Link, MAC, Ours};
use crate::loops::Host;

/// What one process does: direction, bytes, loss in percent, `guarded`, `hangs`, `bare` or `kernel`, and the seed.
const TASK: &str = "TICKWIRE_BENCH_LOSS";
const SIZES: [u64; 2] = [64 << 10, 16 << 20];
const PERCENTS: [u32; 3] = [1, 5, 10];
/// Without new bytes for so long a transfer counts as stuck.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

const CONTENDERS: [&str; 3] = ["guarded", "hangs", "bare"];
/// Uploads to a slow reader that run at the same time, by each contender.
const SIDE_BY_SIDE: usize = 20;
const SLOW_BYTES: u64 = 64 << 10;
const SLOW_PERCENT: u32 = 10;
const SLOW_BUFFER_BYTES: usize = 4 << 10;
const SLOW_PORTION_BYTES: usize = 2 << 10;
const SLOW_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// Starts all transfers and prints how each ended.
pub fn all() {
    println!("with the kernel over a TAP that loses frames each way; seconds, or why it ended");
    println!("direction      bytes  loss   guarded      bare    kernel to kernel");
    let mut rows: Vec<(String, Vec<Child>)> = Vec::new();
    for direction in ["in", "out"] {
        for bytes in SIZES {
            for percent in PERCENTS {
                let start = |how: &str| start(&format!("{direction} {bytes} {percent} {how} 7"));
                let title = format!("{direction:9} {bytes:10} {percent:3} %");
                // Either way it is the same for two kernels.
                let kernel = (direction == "out").then_some("kernel");
                let children = ["guarded", "bare"].into_iter().chain(kernel).map(start);
                rows.push((title, children.collect()));
            }
        }
    }
    for (title, children) in rows {
        print!("{title}");
        for child in children {
            let output = child.wait_with_output().expect("it was started");
            print!(" {:>9}", String::from_utf8_lossy(&output.stdout).trim());
        }
        println!();
    }
}

/// Starts this many uploads to a kernel whose reader is slow, with each of three guards, and prints what they took.
pub fn slow(count: u64) {
    println!(
        "{SLOW_BYTES} bytes to a slow reader behind the kernel, {SLOW_PERCENT} % lost each way, {count} transfers each"
    );
    println!(
        "{:9} {:>8} {:>8} {:>8} {:>8}",
        "", "mean s", "median s", "longest", "failed"
    );
    let mut seconds = CONTENDERS.map(|_| Vec::new());
    let seeds: Vec<u64> = (0..count).collect();
    for some in seeds.chunks(SIDE_BY_SIDE) {
        let children: Vec<_> = some
            .iter()
            .flat_map(|seed| CONTENDERS.map(|how| (how, *seed)))
            .map(|(how, seed)| start(&format!("slow {SLOW_BYTES} {SLOW_PERCENT} {how} {seed}")))
            .collect();
        for (index, child) in children.into_iter().enumerate() {
            let output = child.wait_with_output().expect("it was started");
            let words = String::from_utf8_lossy(&output.stdout);
            if let Ok(took) = words.trim().parse::<f64>() {
                seconds[index % CONTENDERS.len()].push(took);
            }
        }
    }
    for (how, mut seconds) in CONTENDERS.into_iter().zip(seconds) {
        seconds.sort_by(f64::total_cmp);
        let mean = seconds.iter().sum::<f64>() / seconds.len().max(1) as f64;
        let median = seconds.get(seconds.len() / 2).copied().unwrap_or(0.0);
        let longest = seconds.last().copied().unwrap_or(0.0);
        let failed = count - seconds.len() as u64;
        println!("{how:9} {mean:>8.2} {median:>8.2} {longest:>8.2} {failed:>8}");
    }
}

fn start(task: &str) -> Child {
    let program = std::env::current_exe().expect("the program has a path");
    let mut command = Command::new("unshare");
    command.args(["-n", "--"]).arg(program).env(TASK, task);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    child.expect("unshare is there")
}

/// Does the transfer that this process was started for, if it was.
pub fn one() -> bool {
    let Ok(task) = std::env::var(TASK) else {
        return false;
    };
    let words: Vec<_> = task.split(' ').collect();
    let [direction, bytes, percent, how, seed] = words[..] else {
        panic!("a task has five words");
    };
    let bytes = bytes.parse().expect("a number");
    let percent: u32 = percent.parse().expect("a number");
    let transfer = Transfer {
        bytes,
        loss_ppm: percent * 10_000,
        duties: match how {
            "guarded" => Some(Duties::ALL),
            "hangs" => Some(Duties::HANGS),
            _ => None,
        },
        is_slow: direction == "slow",
        seed: seed.parse().expect("a number"),
    };
    let open = || Ours::open("tap0", [192, 168, 69, 0]);
    let outcome = match direction {
        _ if how == "kernel" => kernel::send(bytes, transfer.loss_ppm),
        "in" => transfer.receive(&mut open()),
        _ => transfer.send(&mut open()),
    };
    match outcome {
        Ok(elapsed) => println!("{:.2}", elapsed.as_secs_f64()),
        Err(error) => println!("{error}"),
    }
    true
}

/// One transfer.
struct Transfer {
    bytes: u64,
    loss_ppm: u32,
    /// Of the guard; None without one.
    duties: Option<Duties>,
    /// The kernel's reader takes little at a time, and its receive buffer is small.
    is_slow: bool,
    seed: u64,
}

impl Transfer {
    fn device<'l>(
        &self,
        link: &'l mut Ours,
        storage: &'l mut Storage<3>,
    ) -> Guarded<'l, Lossy<'l>> {
        let lossy = Lossy {
            tap: link.device(),
            loss_ppm: self.loss_ppm,
            random: Generator::new(self.seed),
            scratch: vec![0; FRAME_BYTES_MAX],
        };
        match self.duties {
            Some(duties) => Guarded::new(lossy, MAC, storage).with_duties(duties),
            None => Guarded::passive(lossy, storage),
        }
    }

    /// From the kernel to us.
    fn receive(&self, link: &mut Ours) -> Result<std::time::Duration, String> {
        let remote = self.kernel_sends(link);
        let text = format!("http://{remote}/");
        let url = Url::parse(&text).expect("it is a URL");
        let request = Request::new(&url, &[]).expect("it has no fields");
        let (address, descriptor) = (link.address(), link.descriptor());
        let mut storage = Storage::new();
        let mut host = Host::new(self.device(link, &mut storage), address).with_guard();
        let options = GetOptions {
            connect_timeout: IDLE_TIMEOUT,
            head_timeout: IDLE_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            ..GetOptions::default()
        };
        let to = IpEndpoint::from(remote);
        let sink = Compare { offset: 0 };
        let get = Get::new(host.socket, to, request, options, &mut [], sink);
        let mut task = Task::new(get);
        let elapsed = host.turn_to_end(descriptor, &mut task);
        succeeded(&task)?;
        assert_eq!(task.into_app().into_sink().offset, self.bytes);
        Ok(elapsed)
    }

    /// From us to the kernel.
    fn send(&self, link: &mut Ours) -> Result<std::time::Duration, String> {
        let (remote, thread) = self.kernel_receives(link);
        let (address, descriptor) = (link.address(), link.descriptor());
        let mut storage = Storage::new();
        let mut host = Host::new(self.device(link, &mut storage), address).with_guard();
        let options = SenderOptions {
            connect_timeout: IDLE_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            ..SenderOptions::default()
        };
        let source = Pattern { bytes: self.bytes };
        let to = IpEndpoint::from(remote);
        let mut task = Task::new(FileSender::plain(host.socket, to, source, options));
        let elapsed = host.turn_to_end(descriptor, &mut task);
        succeeded(&task)?;
        thread.join().expect("the peer got every byte");
        Ok(elapsed)
    }

    /// A thread that nobody waits for: our last word to it may be lost, and then it waits for ever.
    fn kernel_sends(&self, link: &Ours) -> SocketAddr {
        let listener = TcpListener::bind((link.kernel(), 0)).expect("the address is there");
        let (local, bytes) = (listener.local_addr().expect("it is bound"), self.bytes);
        std::thread::spawn(move || {
            let (mut caller, _) = listener.accept().expect("one calls");
            let asked = caller.read(&mut [0; 1_024]).expect("a request comes");
            assert!(asked > 0);
            let body: Vec<u8> = (0..bytes).map(byte_at).collect();
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
            // A client that gives up has told why.
            let _ = caller.write_all(&[head.as_bytes(), &body].concat());
            let _ = caller.read(&mut [0; 1]);
        });
        local
    }

    fn kernel_receives(&self, link: &Ours) -> (SocketAddr, JoinHandle<()>) {
        let listener = TcpListener::bind((link.kernel(), 0)).expect("the address is there");
        let (local, bytes) = (listener.local_addr().expect("it is bound"), self.bytes);
        let is_slow = self.is_slow;
        if is_slow {
            set_socket_recv_buffer_size(&listener, SLOW_BUFFER_BYTES).expect("it is a size");
        }
        let thread = std::thread::spawn(move || {
            let (mut caller, _) = listener.accept().expect("one calls");
            // A length, then the bytes; the FIN behind them may be lost with nobody left to repeat it.
            let mut body = vec![0; usize::try_from(4 + bytes).expect("it fits")];
            let portion = if is_slow {
                SLOW_PORTION_BYTES
            } else {
                body.len()
            };
            for portion in body.chunks_mut(portion) {
                caller.read_exact(portion).expect("all of it comes");
                if is_slow {
                    std::thread::sleep(SLOW_PAUSE);
                }
            }
            assert!(body.iter().copied().skip(4).eq((0..bytes).map(byte_at)));
        });
        (local, thread)
    }
}

/// The error of a task that has one, in words.
fn succeeded<A: App>(task: &Task<A>) -> Result<(), String>
where
    A::Error: std::fmt::Display,
{
    match task.outcome() {
        Some(Err(error)) => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// The byte at an offset of what is sent.
fn byte_at(offset: u64) -> u8 {
    (offset.wrapping_mul(7).wrapping_add(offset / 251)) as u8
}

/// Compares what comes with what was sent.
struct Compare {
    offset: u64,
}

impl Sink for Compare {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        for &byte in data {
            assert_eq!(byte, byte_at(self.offset), "at {}", self.offset);
            self.offset += 1;
        }
        Ok(data.len())
    }
}

struct Pattern {
    bytes: u64,
}

impl Source for Pattern {
    fn len(&self) -> u64 {
        self.bytes
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, SourceError> {
        for (byte, offset) in buffer.iter_mut().zip(offset..) {
            *byte = byte_at(offset);
        }
        Ok(buffer.len())
    }
}

/// A TAP that loses frames in both directions.
struct Lossy<'l> {
    tap: &'l mut Tap,
    loss_ppm: u32,
    random: Generator,
    /// Where a frame that is lost on its way out is written.
    scratch: Vec<u8>,
}

impl Device for Lossy<'_> {
    type RxToken<'a>
        = hosttap::link::tap::RxToken<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Leave<'a>
    where
        Self: 'a;

    fn receive(&mut self, now: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        while self.random.chance(self.loss_ppm) {
            self.tap.receive(now)?;
        }
        let lost = self.random.chance(self.loss_ppm);
        let (frame, token) = self.tap.receive(now)?;
        let scratch = &mut self.scratch;
        Some((
            frame,
            Leave {
                token,
                lost,
                scratch,
            },
        ))
    }

    fn transmit(&mut self, now: Instant) -> Option<Self::TxToken<'_>> {
        let lost = self.random.chance(self.loss_ppm);
        let (token, scratch) = (self.tap.transmit(now)?, &mut self.scratch);
        Some(Leave {
            token,
            lost,
            scratch,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.tap.capabilities()
    }
}

/// Leave to send one frame, which may be lost.
struct Leave<'a> {
    token: hosttap::link::tap::TxToken<'a>,
    lost: bool,
    scratch: &'a mut [u8],
}

impl TxToken for Leave<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        if self.lost {
            f(&mut self.scratch[..length])
        } else {
            self.token.consume(length, f)
        }
    }
}
