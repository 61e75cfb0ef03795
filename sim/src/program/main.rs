//! `sim`: runs seeds of deterministic networks and prints which of them broke an invariant.
//!
//! Exit codes: 0 when all is well, 1 when a seed failed, 2 on wrong usage, 23 when a file or the
//! output cannot be written.

mod all_cores;
mod canaries;
mod capture;
mod caught;
mod cli;
mod clock;
mod compare;
mod downloads;
mod explore;
mod mutants;
mod net;
mod ran;
mod recovery;
mod result_file;
mod serve;
mod single;
mod summary;
mod sweep;
mod timeline;
mod timeline_data;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    caught::quiet_panics();
    let out = &mut io::stdout().lock();
    let ended = match (cli.seed, cli.mutants) {
        (Some(seed), _) => single::run(&cli, seed, out),
        (None, Some(by)) => mutants::run(&cli, by, out),
        (None, None) if cli.canaries => canaries::run(&cli, out),
        (None, None) if cli.compare_guard => compare::run(&cli, out),
        (None, None) if cli.downloads => downloads::run(&cli, out),
        (None, None) if cli.explore => explore::run(&cli, out),
        (None, None) if cli.recovery => recovery::run(&cli, out),
        (None, None) => sweep::run(&cli, out),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("sim: {error}");
            ExitCode::from(23)
        }
    }
}
