//! The options of `get` for downloads that recover.

use clap::Args;
use tickwire::Duration;

use super::values;

/// Options of `get` that make a download out of one request.
#[derive(Debug, Args)]
pub struct RecoveryOptions {
    /// Follow redirects, at most 5
    #[arg(short = 'L', long = "location")]
    pub follow: bool,
    /// Follow at most N redirects
    #[arg(long = "max-redirs", value_name = "N", requires = "follow")]
    pub redirects_max: Option<u8>,
    /// Try again up to N times after what can change, with growing delays
    #[arg(long = "retry", value_name = "N", default_value_t = 0)]
    pub retries_max: u32,
    /// Begin no attempt later than this after the first [default: no limit]
    #[arg(long, value_name = "SECONDS", requires = "retries_max", value_parser = values::seconds)]
    pub retry_max_time: Option<Duration>,
    /// Keep FILE.part after a failure, and go on with it if the file is still the same
    #[arg(short = 'C', long = "continue", conflicts_with = "head")]
    pub resume: bool,
    /// Save nothing unless the whole file has this digest
    #[arg(long, value_name = "HEX", conflicts_with = "head", value_parser = values::sha256)]
    pub sha256: Option<[u8; 32]>,
    /// Ask for the head alone, and write it
    #[arg(short = 'I', long)]
    pub head: bool,
}
