//! `hosttap demo`: the tour. It shows every app over a simulated Ethernet that loses frames, in
//! this process.

mod chat;
mod file;
mod frame_counter;
mod frame_watch;
mod get;
mod join;
mod lan_server;
mod network;
mod output;

use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};
use frame_watch::note;
use network::Network;
use output::Output;

/// The default seed, so that everybody sees the same tour.
const DEFAULT_SEED: u64 = 1;

/// Runs the command.
///
/// # Errors
/// [`Exit::Write`] if stdout fails, or if there cannot be a capture; otherwise the failure of a part
/// of the tour.
pub fn run(link: &LinkOptions) -> Result<Exit, Failure> {
    let seed = link.seed.unwrap_or(DEFAULT_SEED);
    let mut output = Output::new(link.quiet);
    let mut network = Network::new(seed, link)?;
    output.print_introduction(seed);
    let result = show(&mut output, &mut network);
    if let Some(failure) = network.end_capture() {
        note(&format!("hosttap: {failure}"));
    }
    result?;
    output.print_next_steps();
    output.finish()
}

fn show(output: &mut Output, network: &mut Network) -> Result<(), Failure> {
    get::fetch_page(output, network)?;
    get::fetch_file(output, network)?;
    chat::chat(output, network)?;
    file::upload(output, network)?;
    join::join(output, network)
}
