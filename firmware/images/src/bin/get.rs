//! Fetches one body by HTTP.
//!
//! | key | value | default |
//! |---|---|---|
//! | `url` | as `http://192.168.69.1:8000/file`; an address, not a name | required |
//! | `connect`, `head`, `idle`, `total` | deadlines in milliseconds | 5000, 10000, 20000, none |
//! | `max` | bytes that the body may have | no limit |
//! | `discard` | when there, the body is counted, but not looked at | |
//!
//! Prints `received N`, with the body's CRC-32 unless it was discarded.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use images::app::Memory;
use images::exit::{self, Failure};
use images::{Network, number};
use tickwire::http::{Get, GetOptions, Request, Url};
use tickwire::{Duration, Sink, SinkError, Task};

type Buffers = Memory<1, 2_920, 512>;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Buffers = Memory::empty();
    exit::finish(run(MEMORY))
}

fn run(memory: &'static mut Buffers) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let text = arguments
        .get("url")
        .ok_or(Failure::usage("url= is needed"))?;
    let malformed = Failure::new(exit::URL, "url= is no http URL with an address");
    let url = Url::parse(text).map_err(|_| malformed)?;
    let remote = url.endpoint().ok_or(malformed)?;
    let request = Request::new(&url, &[]).map_err(|_| malformed)?;
    let options = options(&arguments)?;
    let sink = Checksum {
        crc: u32::MAX,
        is_off: arguments.get("discard").is_some(),
    };
    let (node, [socket]) = memory.start(&network)?;
    let get = Get::new(socket, remote, request, options, &mut [], sink);
    let mut task = Task::new(get);
    let result = node.run(&mut task, &mut ());
    node.report_cost();
    result?;
    let get = task.into_app();
    let mut line = Line::new();
    line.text("received ")
        .number(get.complete().map_or(0, |complete| complete.bytes));
    let sink = get.into_sink();
    if !sink.is_off {
        line.text(" crc32 ").hex_bytes(&(!sink.crc).to_be_bytes());
    }
    host::print(&mut line);
    Ok(())
}

fn options(arguments: &Arguments<'_>) -> Result<GetOptions, Failure> {
    let default = GetOptions::default();
    let limit = |key| -> Result<Option<u64>, Failure> {
        number(arguments, key, 0).map(|limit| Some(limit).filter(|&limit| limit > 0))
    };
    let timeout = |key, default: Duration| {
        number(arguments, key, default.as_millis()).map(Duration::from_millis)
    };
    Ok(GetOptions {
        connect_timeout: timeout("connect", default.connect_timeout)?,
        head_timeout: timeout("head", default.head_timeout)?,
        idle_timeout: timeout("idle", default.idle_timeout)?,
        total_timeout: limit("total")?.map(Duration::from_millis),
        bytes_max: limit("max")?.unwrap_or(default.bytes_max),
        ..default
    })
}

/// Counts the body into its CRC-32, so that the host can compare.
struct Checksum {
    crc: u32,
    is_off: bool,
}

impl Sink for Checksum {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        if !self.is_off {
            self.crc = data
                .iter()
                .fold(self.crc, |crc, &byte| crc_after(crc, byte));
        }
        Ok(data.len())
    }
}

/// CRC-32 (ISO-HDLC) by the bit: slow, and without a table.
fn crc_after(crc: u32, byte: u8) -> u32 {
    (0..8).fold(crc ^ u32::from(byte), |crc, _| {
        crc >> 1 ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
    })
}
