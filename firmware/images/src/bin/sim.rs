//! Runs seeds of the simulator, which needs 2 MiB of RAM: the same code must leave the same traces here as on the host.
//!
//! | key | value | default |
//! |---|---|---|
//! | `from` | the first seed | 0 |
//! | `count` | how many | 1 |
//! | `profile` | `mild`, `bad` or `hostile` | `bad` |
//!
//! Prints `N trace X` for each seed, as the host's `sim --seed N` does in its last line.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use board::host::{self, ARGUMENTS_BYTES_MAX, Arguments, Line};
use images::exit::{self, Failure};
use images::number;
use tickwire_sim::{MEMORY_BYTES, Options, Profile, run};

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut MEMORY: [u8; MEMORY_BYTES] = [0; MEMORY_BYTES];
    exit::finish(run_seeds(MEMORY))
}

fn run_seeds(memory: &mut [u8]) -> Result<(), Failure> {
    let mut buffer = [MaybeUninit::uninit(); ARGUMENTS_BYTES_MAX];
    let arguments = Arguments::read(&mut buffer).map_err(|_| Failure::usage("no command line"))?;
    let first = number(&arguments, "from", 0u64)?;
    let count = number(&arguments, "count", 1u64)?;
    let name = arguments.get("profile").unwrap_or("bad");
    let options = Options {
        profile: [Profile::Mild, Profile::Bad, Profile::Hostile]
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or(Failure::usage("profile= is mild, bad or hostile"))?,
        ..Options::default()
    };
    let mut is_fine = true;
    for seed in first..first.saturating_add(count) {
        let report = run(seed, &options, memory, &mut ());
        let mut line = Line::new();
        line.number(seed).text(" trace ");
        host::print(line.hex_bytes(&report.trace.to_be_bytes()));
        is_fine &= report.finding.is_none();
    }
    if is_fine {
        Ok(())
    } else {
        Err(Failure::new(exit::FAILED, "a seed broke an invariant"))
    }
}
