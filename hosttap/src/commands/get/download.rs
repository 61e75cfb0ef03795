//! One download, in as many requests as the options allow.

use tickwire::http::{
    self, Complete, Download, DownloadBuffers, DownloadError, DownloadOptions, GetError,
    GetOptions, Location, Method, RedirectError, SetupError,
};
use tickwire::{Duration, Event, Observer, Task, Tick};

use super::checked::Checked;
use super::{Fetcher, Job, redact_user_info};
use crate::app_error::AppError;
use crate::cli;
use crate::commands::console_observer::ConsoleObserver;
use crate::commands::transfer::BINARY_ON_TERMINAL;
use crate::exit::{Exit, Failure};
use crate::storage::target::Target;
use crate::terminal::console::Console;
use crate::terminal::text::sanitize_line;

/// How many bytes of a redirect's Location are printed.
const LOCATION_SHOWN_BYTES_MAX: usize = 1_024;
/// Longest URL that a redirect may lead to, if the user's own is not longer.
const URL_BYTES_MAX: usize = 8 * 1_024;
/// Longest ETag that proves something.
const VALIDATOR_BYTES_MAX: usize = 1_024;
/// Redirects with `-L` alone.
const REDIRECTS_MAX: u8 = 5;

impl Fetcher<'_> {
    pub(super) fn fetch(
        &mut self,
        job: &Job<'_>,
        checked: &mut Checked,
    ) -> Result<Complete, Failure> {
        let mut urls = vec![0; 2 * URL_BYTES_MAX.max(3 * job.url.len())];
        let mut validators = [0; 2 * VALIDATOR_BYTES_MAX];
        let buffers = DownloadBuffers {
            urls: &mut urls,
            validators: &mut validators,
        };
        let found = match checked.target() {
            Target::Part(part) => part.found(),
            Target::File(_) | Target::Stdout(_) => None,
        };
        let found = found.map(|(bytes, version)| (bytes, version.clone()));
        let options = download_options(self.options);
        let download = Download::new(self.socket, job.url, job.headers, options, buffers, checked);
        let mut download = download.map_err(|error| refuse(&job.shown, error))?;
        if let Some((bytes, version)) = &found {
            download = download.resume(*bytes, &version.as_version());
        }
        let mut task = Task::new(download);
        let outcome = self.drive(&mut task, found.map(|(bytes, _)| bytes));
        let mut download = task.into_app();
        self.seen.attempts = download.retries().saturating_add(1);
        match (outcome?, download.complete()) {
            (Ok(()), Some(complete)) => {
                self.seen.status = Some(complete.status);
                Ok(complete)
            }
            (Err(error), _) => {
                if let DownloadError::Get(GetError::Status(status)) = error {
                    self.seen.status = Some(status);
                }
                let mut failure = explain(&job.shown, error, &mut download);
                if let Some(hint) = self.stack.link_down_hint() {
                    failure.message.push_str(": ");
                    failure.message.push_str(&hint);
                }
                Err(failure)
            }
            (Ok(()), None) => Err(Failure::new(
                Exit::Unknown,
                "the transfer ended without a result",
            )),
        }
    }

    /// Runs the event loop until the download is over. An earlier run has left `found` bytes.
    fn drive(
        &mut self,
        task: &mut Task<Download<'_, &mut Checked>>,
        found: Option<u64>,
    ) -> Result<Result<(), DownloadError>, Failure> {
        let mut observer = GetObserver {
            console: &mut *self.console,
            cause: None,
            found,
            status: 0,
        };
        loop {
            let wake = self.stack.turn(&mut [task], &mut observer);
            if let Some(outcome) = task.outcome() {
                return Ok(*outcome);
            }
            let wake = observer.console.tick(self.stack.clock.now(), wake);
            let blocked = task.app_mut().sink_mut().blocked();
            self.stack.wait(wake, None, blocked)?;
        }
    }
}

fn download_options(options: &cli::GetOptions) -> DownloadOptions {
    let recovery = &options.recovery;
    DownloadOptions {
        request: GetOptions {
            connect_timeout: options.connect_timeout,
            head_timeout: options.first_byte_timeout,
            idle_timeout: options.idle_timeout,
            // The reader of stdout may pause as long as it likes; an unread pipe is not our error.
            stall_timeout: Duration::MAX,
            total_timeout: options.total_timeout,
            bytes_max: options.max_size.unwrap_or(u64::MAX),
            require_length: options.require_length,
            ..GetOptions::default()
        },
        method: match recovery.head {
            true => Method::Head,
            false => Method::Get,
        },
        redirects_max: (recovery.follow).then(|| recovery.redirects_max.unwrap_or(REDIRECTS_MAX)),
        retries_max: recovery.retries_max,
        retry_timeout: recovery.retry_max_time,
        ..DownloadOptions::default()
    }
}

/// URL and headers were checked before, so this tells of a bug in the check.
fn refuse(shown: &str, error: SetupError) -> Failure {
    Failure::new(Exit::Url, format!("{shown}: {error}"))
}

fn explain(
    shown: &str,
    error: DownloadError,
    download: &mut Download<'_, &mut Checked>,
) -> Failure {
    if download.sink_mut().target().refused_binary() {
        let text = format!("{shown}: {BINARY_ON_TERMINAL}");
        return Failure::new(Exit::Write, text);
    }
    let mut failure = Failure::from_core(shown, error);
    let more = match error {
        // If the head was malformed after its Location, there is no redirect, and the Location may
        // be incomplete.
        DownloadError::Get(GetError::Status(_))
        | DownloadError::Redirect(RedirectError::TooMany) => redirect_target(download.location()),
        DownloadError::Redirect(RedirectError::Loop | RedirectError::Url(_)) => {
            let url = redact_user_info(download.url());
            Some(format!(": {}", sanitize_line(&url)))
        }
        _ => None,
    };
    failure.message.push_str(&more.unwrap_or_default());
    failure
}

fn redirect_target(location: &Location<'_>) -> Option<String> {
    let bytes = location.as_bytes();
    let shown = bytes.get(..LOCATION_SHOWN_BYTES_MAX);
    let is_cut = location.is_truncated() || shown.is_some_and(|shown| shown.len() < bytes.len());
    let text = String::from_utf8_lossy(shown.unwrap_or(bytes));
    let more = if is_cut { " ..." } else { "" };
    (!text.is_empty()).then(|| format!(", Location: {}{more}", sanitize_line(&text)))
}

/// Prints what happens but for the end, which the summary or the failure reports.
struct GetObserver<'c> {
    console: &'c mut Console,
    /// Why the last request failed.
    cause: Option<AppError>,
    /// How many bytes an earlier run has left, until a byte of the answer was taken.
    found: Option<u64>,
    /// The status of the last head.
    status: u16,
}

impl GetObserver<'_> {
    /// Says what the answer does with the bytes that an earlier run has left: its head alone may yet be
    /// refused.
    fn report_resumption(&mut self) {
        match (self.found, self.status) {
            (Some(bytes), 206) => {
                let text = format_args!("going on after {bytes} bytes of an earlier run");
                self.console.status(text);
            }
            (Some(bytes), 200) => {
                let text =
                    format_args!("beginning anew, not after {bytes} bytes of an earlier run");
                self.console.status(text);
            }
            _ => return,
        }
        self.found = None;
    }
}

impl Observer for GetObserver<'_> {
    fn event(&mut self, now: Tick, task: &'static str, event: &Event) {
        if let Some(http::Event::Redirect { status, number }) = event.app() {
            let text = format_args!("{now}  status {status}: redirect {number}");
            self.console.detail(text);
        }
        if let Some(http::Event::Head { status, .. }) = event.app() {
            self.status = *status;
        }
        if let Event::Progress { .. } = event {
            self.report_resumption();
        }
        match event {
            Event::Connecting { .. } => self.cause = None,
            Event::Failed { .. } => self.cause = AppError::of(event),
            _ => {}
        }
        match event {
            Event::Disconnected { .. } | Event::Failed { .. } => {}
            Event::Retrying { delay } => {
                let cause = self.cause.take().map(|error| error.to_string());
                let cause = cause.unwrap_or_else(|| "a part is missing".to_owned());
                let seconds = delay.as_millis().div_ceil(1_000);
                let text = format_args!("{cause}; trying again in {seconds} s");
                self.console.status(text);
            }
            _ => {
                let console = &mut *self.console;
                ConsoleObserver { console }.event(now, task, event);
            }
        }
    }
}
