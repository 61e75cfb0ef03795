//! Receives one file into a flash, and then boots from it: reads the flash as after a reset, and hashes what it holds.
//!
//! | key | value | default |
//! |---|---|---|
//! | `port` | our port | 2001 |
//! | `flash` | a file of the host that models the flash, at its full size | 32 KiB of RAM |
//! | `idle` | for the offer, and for at least 256 bytes to come, in milliseconds | 20000 |
//! | `boot` | when there, nothing is received | |
//!
//! Prints `listening` when a caller would be heard, `resumed from N` where that happens, and at the end
//! `image N sha256 ...`, or `no image`.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use images::app::Memory;
use images::boot::{SCRATCH_BYTES, boot, store};
use images::exit::{self, Failure};
use images::flash::Flash;
use images::{Network, number};
use tickwire::file::{self, FileReceiver, ReceiverOptions};
use tickwire::{Duration, Event, Observer, Task, Tick};

const FLASH_BYTES: usize = 32 * 1_024;

type Buffers = Memory<1, 2_920, 512>;

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
    if arguments.get("boot").is_none() {
        flash = receive(&arguments, memory, flash, scratch)?;
    }
    boot(flash, scratch)
}

fn receive<'f>(
    arguments: &Arguments<'_>,
    memory: &'static mut Buffers,
    flash: Flash<'f>,
    scratch: &mut [u8; SCRATCH_BYTES],
) -> Result<Flash<'f>, Failure> {
    let network = Network::from_arguments(arguments)?;
    let port = number(arguments, "port", 2_001)?;
    let options = ReceiverOptions {
        once: true,
        idle_timeout: Duration::from_millis(number(arguments, "idle", 20_000)?),
        ..ReceiverOptions::default()
    };
    let store = store(flash, scratch)?;
    let (node, [socket]) = memory.start(&network)?;
    let mut task = Task::new(FileReceiver::new(socket, port, store, options));
    let result = node.run(&mut task, &mut Narrator);
    node.report_cost();
    result?;
    Ok(task.into_app().into_store().release())
}

/// Tells what a person at the console wants to know.
struct Narrator;

impl Observer for Narrator {
    fn event(&mut self, _: Tick, _: &'static str, event: &Event) {
        if let Event::Listening { .. } = event {
            host::write(b"listening\n");
        }
        if let Some(file::Event::Resumed { offset }) = event.app() {
            host::print(Line::new().text("resumed from ").number(*offset));
        }
    }
}
