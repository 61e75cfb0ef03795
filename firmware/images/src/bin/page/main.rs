//! An HTTP server of four callers with one page; with the feature `websocket`, every request for a WebSocket gets one
//! that sends back what comes. It is there to see what these cost (`costs.sh`), and never ends.
//!
//! Parameter besides the common ones: `port` (80).
#![no_std]
#![no_main]

#[cfg(feature = "websocket")]
mod echo;

use core::mem::MaybeUninit;

use board::host::{ARGUMENTS_BYTES_MAX, Arguments};
use images::app::Memory;
use images::exit::{self, Failure};
use images::{Network, number};
use tickwire::Task;
use tickwire::http::Server;
#[cfg(not(feature = "websocket"))]
use tickwire::http::server::NotFound;
use tickwire::http::server::{Asset, Assets, HEAD_MEMORY_MIN, HttpSession};

const CALLERS: usize = 4;
const FLOWS: usize = CALLERS + 2;
/// What of a message is sent back at a time.
const PART_BYTES: usize = 16;

static PAGE: [Asset<'static>; 1] = [Asset::new(
    "/",
    "text/html; charset=utf-8",
    b"<!doctype html><title>A page</title>",
)];

type Buffers = Memory<CALLERS, 1_460, 1_460, FLOWS>;
/// The head of a request, and a part of a message.
type Memories = [[u8; HEAD_MEMORY_MIN + PART_BYTES]; CALLERS];

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: Buffers = Memory::empty();
    static mut MEMORIES: Memories = [[0; HEAD_MEMORY_MIN + PART_BYTES]; CALLERS];
    exit::finish(run(MEMORY, MEMORIES))
}

fn run(memory: &'static mut Buffers, memories: &'static mut Memories) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let network = Network::from_arguments(&arguments)?;
    let port = number(&arguments, "port", 80)?;
    let (node, sockets) = memory.start(&network)?;
    let sessions = memories.each_mut().map(|memory| {
        let (head, _part) = memory.split_at_mut(HEAD_MEMORY_MIN);
        #[cfg(not(feature = "websocket"))]
        return HttpSession::new(Assets::new(&PAGE, NotFound), head);
        #[cfg(feature = "websocket")]
        HttpSession::with_upgrade(Assets::new(&PAGE, echo::Site), echo::socket(_part), head)
    });
    let mut task = Task::new(Server::http(sockets, port, sessions));
    loop {
        let next = node.turn(&mut task, &mut ());
        node.sleep(next);
    }
}
