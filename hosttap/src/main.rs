//! tickwire's apps over a TAP interface: reads the command line, runs the command, tells how it ended.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use hosttap::cli::{Cli, Command};
use hosttap::exit::{Exit, Failure};

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                // Where nobody reads stderr the code still tells.
                let _ = writeln!(std::io::stderr(), "hosttap: {failure}");
            }
            failure.exit.into()
        }
    }
}

fn run(cli: &Cli) -> Result<Exit, Failure> {
    cli.link.check()?;
    match &cli.command {
        Some(Command::Get(options)) => hosttap::get::run(&cli.link, options),
        Some(Command::Chat(options)) => hosttap::chat::run(&cli.link, options),
        Some(Command::Echo(options)) => hosttap::echo::run(&cli.link, options),
        Some(Command::Recv(options)) => hosttap::recv::run(&cli.link, options),
        Some(Command::Send(options)) => hosttap::send::run(&cli.link, options),
        None | Some(Command::Demo) => hosttap::demo::run(&cli.link),
        Some(Command::Doctor) => hosttap::doctor::run(&cli.link),
    }
}
