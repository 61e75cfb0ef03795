//! `hosttap completions` and `hosttap man`: what a package installs beside the program.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsOptions, ManOptions};
use crate::exit::{Exit, Failure};

const PROGRAM: &str = "hosttap";

/// Prints the completions for a shell on stdout.
///
/// # Errors
/// [`Exit::Write`].
pub fn print_completions(options: &CompletionsOptions) -> Result<Exit, Failure> {
    // Written at once, because the generator would panic where stdout cannot be written.
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), PROGRAM, &mut script);
    io::stdout()
        .write_all(&script)
        .map(|()| Exit::Success)
        .map_err(|error| Failure::from_io(Exit::Write, "stdout", &error))
}

/// Writes `hosttap.1` and a page for each command, such as `hosttap-get.1`.
///
/// # Errors
/// [`Exit::Write`].
pub fn write_pages(options: &ManOptions) -> Result<Exit, Failure> {
    let directory = &options.directory;
    // Our own `help` command would get a page that says nothing.
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, directory)
        .map(|()| Exit::Success)
        .map_err(|error| Failure::from_io(Exit::Write, &directory.display().to_string(), &error))
}
