//! `hosttap demo`: the tour. Everything that tickwire does, over an Ethernet that loses frames, in this process.

mod chat;
mod file;
mod get;
mod ledger;
mod network;

use std::fmt::{Arguments, Display};
use std::io::{self, Write};

use sha2::{Digest, Sha256};
use tickwire::{Error, Sink, Tick};

use crate::cli::LinkOptions;
use crate::exit::{Exit, Failure};
use ledger::Ledger;
use network::{LOSS_PPM, Network};

/// The seed of a tour that was not given one: everybody sees the same.
const SEED: u64 = 1;
/// A transfer tells of itself at each of so many parts.
const PARTS: u64 = 4;

/// Runs the command.
///
/// # Errors
/// [`Exit::Write`] when stdout takes no more, and what a part of the tour failed with.
pub fn run(link: &LinkOptions) -> Result<Exit, Failure> {
    let seed = link.seed.unwrap_or(SEED);
    let mut tour = Tour { failed: None };
    let mut network = Network::new(seed);
    tour.welcome(seed);
    get::page(&mut tour, &mut network)?;
    get::file(&mut tour, &mut network)?;
    chat::chat(&mut tour, &mut network)?;
    file::upload(&mut tour, &mut network)?;
    tour.farewell();
    tour.result()
}

/// The guide, who speaks on stdout.
struct Tour {
    failed: Option<io::Error>,
}

impl Tour {
    fn say(&mut self, text: Arguments<'_>) {
        if self.failed.is_none() {
            self.failed = writeln!(io::stdout().lock(), "{text}").err();
        }
    }

    fn welcome(&mut self, seed: u64) {
        let percent = LOSS_PPM / 10_000;
        self.say(format_args!(
            "A device (10.0.0.1) and a laptop (10.0.0.2) on one Ethernet that takes 5 ms and loses {percent} % of all frames.\n\
             Both run tickwire in this process, under a virtual clock; seed {seed} replays every frame.",
        ));
    }

    fn title(&mut self, number: u8, title: &str) {
        self.say(format_args!("\n{number}. {title}"));
    }

    /// What the wire did to the last stretch.
    fn account(&mut self, ledger: &Ledger) {
        let Ledger {
            sent, lost, resent, ..
        } = ledger;
        self.say(format_args!(
            "   wire: {sent} frames sent, {lost} lost, {resent} segments sent again"
        ));
    }

    /// Shows that what arrived is what was there.
    fn compare(&mut self, here: &[u8], there: &[u8]) -> Result<(), Failure> {
        let (sent, arrived) = (digest(here), digest(there));
        self.say(format_args!("   SHA-256 sent    {sent}"));
        self.say(format_args!("   SHA-256 arrived {arrived}"));
        if sent == arrived {
            self.say(format_args!("   equal"));
            return Ok(());
        }
        Err(Failure::new(Exit::Malformed, "the digests differ"))
    }

    fn farewell(&mut self) {
        let program = std::env::args().next();
        let program = program.as_deref().unwrap_or("hosttap");
        self.say(format_args!(
            "\nThe same code over a real interface, against this machine's own kernel (as root):\n   \
             python3 -m http.server 8000 &\n   \
             {program} --host-address 192.168.69.100/24 get http://192.168.69.100:8000/\n\
             What is missing for that, and the commands that mend it: {program} doctor\n\
             All commands: {program} --help",
        ));
    }

    fn result(self) -> Result<Exit, Failure> {
        match self.failed {
            None => Ok(Exit::Fine),
            Some(error) => Err(Failure::system(Exit::Write, "stdout", &error)),
        }
    }
}

/// Says now and then how far a transfer is.
struct Meter {
    told: u64,
}

impl Meter {
    const fn new() -> Self {
        Self { told: 0 }
    }

    fn show(&mut self, tour: &mut Tour, now: Tick, bytes: u64, total: u64) {
        let part = bytes * PARTS / total.max(1);
        if part > self.told {
            self.told = part;
            let percent = part * 100 / PARTS;
            tour.say(format_args!(
                "   {}  {percent:3} %  {bytes} of {total} bytes",
                clock(now),
            ));
        }
    }
}

/// The virtual time in a column.
fn clock(now: Tick) -> impl Display {
    format!("{:>9}", now.to_string())
}

/// A sink that keeps all that comes.
struct Saved(Vec<u8>);

impl Sink for Saved {
    fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.0.extend_from_slice(data);
        Ok(data.len())
    }
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>()
}
