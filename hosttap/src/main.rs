//! tickwire's apps over a TAP interface: parses the command line, runs the command and reports how
//! it ended.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use hosttap::cli::{Cli, Command};
use hosttap::commands::{chat, demo, doctor, echo, get, manual, recv, resolve, send, serve, time};
use hosttap::exit::{Exit, Failure};

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                // If nobody reads stderr, the exit code still reports the failure.
                let _ = writeln!(std::io::stderr(), "hosttap: {failure}");
            }
            failure.exit.into()
        }
    }
}

fn run(cli: &Cli) -> Result<Exit, Failure> {
    cli.check()?;
    match &cli.command {
        Some(Command::Get(options)) => get::run(&cli.link, options),
        Some(Command::Chat(options)) => chat::run(&cli.link, options),
        Some(Command::Echo(options)) => echo::run(&cli.link, options),
        Some(Command::Recv(options)) => recv::run(&cli.link, options),
        Some(Command::Send(options)) => send::run(&cli.link, options),
        Some(Command::Serve(options)) => serve::run(&cli.link, options),
        Some(Command::Time(options)) => time::run(&cli.link, options),
        Some(Command::Resolve(options)) => resolve::run(&cli.link, options),
        None | Some(Command::Demo) => demo::run(&cli.link),
        Some(Command::Doctor) => doctor::run(&cli.link),
        Some(Command::Completions(options)) => manual::print_completions(options),
        Some(Command::Man(options)) => manual::write_pages(options),
    }
}
