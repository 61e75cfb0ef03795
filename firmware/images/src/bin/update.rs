//! Downloads an image into a flash, and then boots from it, as `recv` does with what it receives. After a loss of power it
//! goes on where it stopped.
//!
//! | key | value | default |
//! |---|---|---|
//! | `url` | as `http://192.168.69.1:8000/image`; an address, not a name | required |
//! | `flash` | a file of the host that models the flash, at its full size | 32 KiB of RAM |
//! | `retries` | attempts after the first | 5 |
//! | `cut` | number of writes and erases after which the power fails in the next one | never |
//!
//! Prints `has N` when it goes on after N bytes, and at the end `image N sha256 ...`.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use core::task::Poll;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use images::app::Memory;
use images::boot::{SCRATCH_BYTES, boot, store};
use images::exit::{self, Failure};
use images::flash::Flash;
use images::{Network, number};
use tickwire::Task;
use tickwire::http::{Download, DownloadBuffers, DownloadOptions, FlashSink, RestartSink};
use tickwire::store::StoreError;

const FLASH_BYTES: usize = 32 * 1_024;
const URLS_BYTES: usize = 512;
const VALIDATORS_BYTES: usize = 144;

type Buffers = Memory<1, 2_920, 512>;
type Sink<'s, 'f> = FlashSink<'s, Flash<'f>>;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Buffers = Memory::empty();
    static mut FLASH: [u8; FLASH_BYTES] = [0; FLASH_BYTES];
    static mut SCRATCH: [u8; SCRATCH_BYTES] = [0; SCRATCH_BYTES];
    exit::finish(run(MEMORY, FLASH, SCRATCH))
}

fn run(
    memory: &'static mut Buffers,
    ram: &mut [u8],
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let mut flash = Flash::from_arguments(&arguments, ram)?;
    if arguments.get("cut").is_some() {
        flash.cut_after(number(&arguments, "cut", 0)?);
    }
    let mut sink = FlashSink::new(store(flash, scratch)?, None);
    finish(&mut sink, Sink::mount)?;
    if let Some(kept) = sink.kept() {
        host::print(Line::new().text("has ").number(kept.bytes));
    }
    download(&arguments, memory, &mut sink)?;
    finish(&mut sink, Sink::commit)?;
    boot(sink.into_store().release(), scratch)
}

fn download(
    arguments: &Arguments<'_>,
    memory: &'static mut Buffers,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Failure> {
    let network = Network::from_arguments(arguments)?;
    let url = arguments
        .get("url")
        .ok_or(Failure::usage("url= is needed"))?;
    let options = DownloadOptions {
        retries_max: number(arguments, "retries", 5)?,
        ..DownloadOptions::default()
    };
    let (mut urls, mut validators) = ([0; URLS_BYTES], [0; VALIDATORS_BYTES]);
    let buffers = DownloadBuffers {
        urls: &mut urls,
        validators: &mut validators,
    };
    let (node, [socket]) = memory.start(&network)?;
    let malformed = Failure::new(exit::URL, "url= is no http URL with an address");
    let download = Download::new(socket, url, &[], options, buffers, sink);
    let mut task = Task::new(download.map_err(|_| malformed)?);
    let result = node.run(&mut task, &mut ());
    node.report_cost();
    result
}

/// Does all units of a work of the store: nothing else has to go on meanwhile.
fn finish<'s, 'f>(
    sink: &mut Sink<'s, 'f>,
    mut work: impl FnMut(&mut Sink<'s, 'f>) -> Poll<Result<(), StoreError>>,
) -> Result<(), Failure> {
    loop {
        if let Poll::Ready(result) = work(sink) {
            return result.map_err(|_| Failure::new(exit::WRITE, "the flash failed"));
        }
    }
}
