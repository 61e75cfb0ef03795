//! `hosttap get`: fetches URLs to files or to stdout.

mod checked;
mod destination;
mod download;
mod report;

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use smoltcp::iface::SocketHandle;
use tickwire::http::{Complete, Header, Request, Url};

use super::join;
use super::resolve;
use super::transfer::Throughput;
use crate::cli::{self, LinkOptions};
use crate::exit::{Exit, Failure};
use crate::link::side::hint;
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::storage::hex;
use crate::storage::part_file::PartFile;
use crate::storage::target::Target;
use crate::terminal::console::Console;
use crate::terminal::text::sanitize_line;
use checked::{Checked, FileDigest};
use report::{Fetched, Seen};

/// Runs the command.
///
/// # Errors
/// The failure of the only URL, with curl's exit code for it. Of several, each failure is printed,
/// and the result is `Ok` with the exit code of the first.
pub fn run(link: &LinkOptions, options: &cli::GetOptions) -> Result<Exit, Failure> {
    check(options)?;
    let headers: Vec<_> = options
        .header
        .iter()
        .map(|field| Header {
            name: &field.name,
            value: &field.value,
        })
        .collect();
    // Mistakes that need no network are found before the first transfer.
    let jobs: Vec<_> = options
        .urls
        .iter()
        .map(|url| Job::new(url, &headers, options))
        .collect::<Result<_, _>>()?;
    let is_on_stdout = jobs.iter().any(|job| cli::is_stdout(&job.path));
    let mut console = Console::new(link.verbose, link.quiet).with_data_on_stdout(is_on_stdout);
    let mut stack = join::open(link, &mut console)?;
    if let Some(hint) = hint(link) {
        console.status(hint);
    }
    if jobs.iter().any(|job| job.has_name) {
        resolve::start(&mut stack, &console, link);
    } else if options.recovery.follow {
        // A redirect may lead to a name.
        resolve::start_quietly(&mut stack, link);
    }
    let mut fetcher = Fetcher {
        socket: stack.add_socket(BULK_BUFFER_BYTES),
        stack: &mut stack,
        console: &mut console,
        options,
        seen: Seen::default(),
    };
    let mut first = Exit::Success;
    for job in &jobs {
        let result = fetcher.fetch_and_store(job);
        if options.json {
            report::print(&job.shown, &job.path, fetcher.seen, result.as_ref())?;
        }
        let Err(failure) = result else {
            continue;
        };
        if jobs.len() == 1 || options.fail_early || failure.exit == Exit::Interrupted {
            return Err(failure);
        }
        fetcher.console.error(&failure);
        if first == Exit::Success {
            first = failure.exit;
        }
    }
    Ok(first)
}

/// Checks the options against each other.
fn check(options: &cli::GetOptions) -> Result<(), Failure> {
    let usage = |text: &str| Err(Failure::new(Exit::Usage, text));
    if options.urls.len() > 1 && !destination::takes_several(options) {
        return usage("-o FILE takes one body; give -O, or -o DIR/, for several URLs");
    }
    if options.json && options.writes_to_stdout() {
        return usage("--json needs stdout for itself; give -O, -o FILE or -o DIR/ too");
    }
    if options.recovery.resume && options.writes_to_stdout() {
        return usage("-C needs a file in which a part can stay; give -O, -o FILE or -o DIR/ too");
    }
    if options.recovery.sha256.is_some() && options.urls.len() > 1 {
        return usage("--sha256 is the digest of one file; give one URL");
    }
    Ok(())
}

/// One URL, its request, and where its body goes.
struct Job<'a> {
    url: &'a str,
    /// The URL for messages.
    shown: Cow<'a, str>,
    /// Its host has to be resolved.
    has_name: bool,
    headers: &'a [Header<'a>],
    path: PathBuf,
}

impl<'a> Job<'a> {
    fn new(
        text: &'a str,
        headers: &'a [Header<'a>],
        options: &cli::GetOptions,
    ) -> Result<Self, Failure> {
        let (url, user_info) = Url::parse_with_user_info(text).map_err(|why| {
            let redacted = redact_user_info(text);
            let shown = sanitize_line(&redacted);
            Failure::new(Exit::Url, format!("{shown}: {why}"))
        })?;
        Request::new(&url, headers)
            .map_err(|why| Failure::new(Exit::Usage, format!("--header: {why}")))?;
        let shown = match user_info {
            Some(_) => Cow::Owned(sanitize_line(&without_user_info(text)).into_owned()),
            None => sanitize_line(text),
        };
        let path = destination::path_for(options, text).map_err(|mut failure| {
            failure.message = format!("{shown}: {}", failure.message);
            failure
        })?;
        Ok(Self {
            url: text,
            shown,
            has_name: url.endpoint().is_none(),
            headers,
            path,
        })
    }
}

/// Fetches one URL after another.
struct Fetcher<'a> {
    stack: &'a mut TapStack,
    console: &'a mut Console,
    socket: SocketHandle,
    options: &'a cli::GetOptions,
    seen: Seen,
}

impl Fetcher<'_> {
    fn fetch_and_store(&mut self, job: &Job<'_>) -> Result<Fetched, Failure> {
        self.seen = Seen {
            status: None,
            attempts: 1,
        };
        let mut checked = self.open(job)?;
        let started = self.stack.clock.now();
        let result = self.fetch(job, &mut checked);
        self.console.end_progress();
        if let (Err(_), Target::Part(part)) = (&result, checked.target())
            && let Some(kept) = part.kept()
        {
            self.console.status(kept);
        }
        let complete = result?;
        let resumed_bytes = checked.resumed_bytes();
        let (target, digest) = verify(checked, self.options.recovery.sha256, job)?;
        commit(target, &job.path, self.stack)?;
        let fetched = Fetched {
            complete,
            time: self.stack.clock.now().since(started),
            digest,
            resumed_bytes,
        };
        let summary = summary(&fetched);
        match self.options.urls.len() {
            1 => self.console.status(summary),
            _ => self
                .console
                .status(format_args!("{}: {summary}", job.shown)),
        }
        Ok(fetched)
    }

    /// The target, and what an earlier run has left of it.
    fn open(&self, job: &Job<'_>) -> Result<Checked, Failure> {
        let recovery = &self.options.recovery;
        let is_interrupted = || self.stack.signals.received();
        let mut target = match recovery.resume {
            true => Target::Part(PartFile::open(&job.path)?),
            false => Target::create(&job.path, &is_interrupted)?,
        };
        if let (true, Target::Stdout(output)) = (recovery.head, &mut target) {
            output.expect_text();
        }
        if let Some(note) = target.note() {
            self.console.status(note);
        }
        let is_hashed = self.options.json || recovery.sha256.is_some();
        Checked::new(target, is_hashed, || !is_interrupted()).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => Failure::interrupted(),
            _ => Failure::from_io(Exit::Write, &job.path.display().to_string(), &error),
        })
    }
}

/// An invalid URL without everything before the last `@`, which may contain a password.
fn redact_user_info(url: &str) -> String {
    let Some((before, after)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let schemes = ["http://", "https://"];
    let scheme = schemes
        .into_iter()
        .find(|scheme| before.starts_with(scheme));
    format!("{}***@{after}", scheme.unwrap_or_default())
}

/// A valid URL with `***` in place of the user name and password.
fn without_user_info(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (_, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    format!("{scheme}://***@{host}{path}")
}

/// Compares the digest with the one that was asked for; what has another one is not saved.
fn verify(
    checked: Checked,
    wanted: Option<FileDigest>,
    job: &Job<'_>,
) -> Result<(Target, Option<FileDigest>), Failure> {
    let digest = checked.digest();
    let target = checked.into_target();
    let (Some(wanted), Some(digest)) = (wanted, digest) else {
        return Ok((target, digest));
    };
    if wanted == digest {
        return Ok((target, Some(digest)));
    }
    target.discard(&job.path)?;
    let text = format!(
        "{}: the file has another digest: {}",
        job.shown,
        hex::encode(&digest)
    );
    Err(Failure::new(Exit::Refused, text))
}

fn commit(target: Target, path: &Path, stack: &mut TapStack) -> Result<(), Failure> {
    let Target::Stdout(mut output) = target else {
        return target.commit(path);
    };
    loop {
        let is_done = output
            .finish()
            .map_err(|error| Failure::from_core("stdout", error))?;
        if is_done {
            return Ok(());
        }
        // The connection is closed, but an unread frame would end every wait at once.
        let wake = stack.turn(&mut [], &mut ());
        stack.wait(wake, None, output.blocked())?;
    }
}

fn summary(fetched: &Fetched) -> String {
    let Complete {
        bytes,
        proof,
        status,
    } = fetched.complete;
    let (time, resumed) = (fetched.time, fetched.resumed_bytes);
    let bytes = bytes.saturating_sub(resumed);
    let throughput = Throughput { bytes, time };
    let before = match resumed {
        0 => String::new(),
        _ => format!(" after the {resumed} that were there"),
    };
    format!("{throughput}{before}, status {status}: {proof}")
}
