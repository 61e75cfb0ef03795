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
use tickwire::Echo;

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
    let (stack, [socket]) = memory.start(&network)?;
    let result = stack.run(&mut Echo::new(socket, port, true), &mut Announcer);
    stack.report_cost();
    Ok(result?)
}
