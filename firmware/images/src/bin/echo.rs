//! Sends back what one caller sends, and ends as its conversation ends.
//!
//! Parameter besides the common ones: `port` (7). Prints `listening` when a caller would be heard.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use board::host::{ARGUMENTS_BYTES_MAX, Arguments};
use images::app::{Announcer, Memory};
use images::exit::{self, Failure};
use images::{Network, number};
use tickwire::{Echo, Task};

type Buffers = Memory<1, 2_920, 2_920>;

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Buffers = Memory::empty();
    exit::finish(run(MEMORY))
}

fn run(memory: &'static mut Buffers) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let port = number(&arguments, "port", 7)?;
    let (node, sockets) = memory.start(&network)?;
    let mut task = Task::new(Echo::echo(sockets, port, true));
    let result = node.run(&mut task, &mut Announcer);
    node.report_cost();
    result
}
