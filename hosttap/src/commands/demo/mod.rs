//! `hosttap demo`: the tour. It shows every app over a simulated Ethernet that loses frames, in this
//! process.

mod chat;
mod file;
mod frame_counter;
mod get;
mod network;
mod output;

use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};
use network::Network;
use output::Output;

/// The default seed, so that everybody sees the same tour.
const DEFAULT_SEED: u64 = 1;

/// Runs the command.
///
/// # Errors
/// [`Exit::Write`] if stdout fails; otherwise the failure of a part of the tour.
pub fn run(link: &LinkOptions) -> Result<Exit, Failure> {
    let seed = link.seed.unwrap_or(DEFAULT_SEED);
    let mut output = Output::default();
    let mut network = Network::new(seed);
    output.print_introduction(seed);
    get::fetch_page(&mut output, &mut network)?;
    get::fetch_file(&mut output, &mut network)?;
    chat::chat(&mut output, &mut network)?;
    file::upload(&mut output, &mut network)?;
    output.print_next_steps();
    output.finish()
}
