//! The app that fetches one body in as many attempts as it takes.

use smoltcp::iface::SocketHandle;
#[cfg(not(feature = "dns"))]
use smoltcp::wire::IpEndpoint;

use super::answer::Answer;
use super::download_error::is_retryable;
use super::fetch::Fetch;
use super::redirect::Place;
use super::resumable::{Held, Resumable};
#[cfg(feature = "dns")]
use super::url::NAME_TEXT_BYTES_MAX;
use super::{
    Complete, DownloadBuffers, DownloadError, DownloadOptions, Event, GetError, Header, Location,
    Proof, Request, RestartSink, SetupError, Url, Version,
};
#[cfg(feature = "dns")]
use crate::dns::HostPort;
use crate::{
    App, Backoff, Client, Deadline, IDLE_BYTES_MIN, Io, NoRetry, Retry as _, Step, TimeoutKind,
};

/// Whom requests go to.
#[cfg(not(feature = "dns"))]
type Remote = IpEndpoint;
#[cfg(feature = "dns")]
type Remote = HostPort<HostText>;
/// The host of a URL: a name with its final dot is the longest.
#[cfg(feature = "dns")]
type HostText = heapless::String<{ NAME_TEXT_BYTES_MAX + 1 }>;

/// Fetches one body into a [`RestartSink`], by as many requests as it takes.
///
/// It follows redirects, tries again after what can change (a refused, reset, unreachable, truncated
/// or timed out connection; 408, 429, 500, 502, 503 and 504) and goes on where it stopped, if the file
/// is still the same: only a strong ETag, or a Last-Modified that is as good, proves that. Without such
/// a proof the sink begins anew. So the sink never holds parts of two files.
///
/// Credentials in the URL, and all headers of the caller that are not harmless everywhere, go to the
/// origin of the first URL alone.
///
/// ```
/// use smoltcp::iface::SocketHandle;
/// use tickwire::http::{Download, DownloadBuffers, DownloadOptions, RestartSink, SetupError};
///
/// fn update<'a, S: RestartSink>(
///     socket: SocketHandle,
///     urls: &'a mut [u8; 512],
///     validators: &'a mut [u8; 128],
///     sink: S,
/// ) -> Result<Download<'a, S>, SetupError> {
///     let url = "http://192.168.69.100/firmware.bin";
///     let buffers = DownloadBuffers { urls, validators };
///     Download::new(socket, url, &[], DownloadOptions::default(), buffers, sink)
/// }
/// ```
#[derive(Debug)]
pub struct Download<'a, S> {
    client: Client<Fetch<Resumable<'a>, S>, NoRetry, Remote>,
    options: DownloadOptions,
    backoff: Backoff,
    /// Attempts after the first.
    retries: u32,
    /// No attempt begins after it. Set when the first one begins.
    last_start: Option<Deadline>,
    /// When the next attempt begins, after a failure.
    retry_at: Option<Deadline>,
    /// A 416 has said that the sink holds everything.
    was_whole: bool,
}

impl<'a, S: RestartSink> Download<'a, S> {
    /// A download of `url`, over a socket of its own, into `sink`. What the sink has
    /// [kept](RestartSink::kept) is gone on with.
    ///
    /// # Errors
    /// The URL or a header cannot be asked for.
    pub fn new(
        socket: SocketHandle,
        url: &'a str,
        headers: &'a [Header<'a>],
        options: DownloadOptions,
        buffers: DownloadBuffers<'a>,
        sink: S,
    ) -> Result<Self, SetupError> {
        let asked = Url::parse_with_user_info(url).map_err(SetupError::Url)?;
        Request::new(&asked.0, headers).map_err(SetupError::Header)?;
        let remote = remote_of(&asked.0).ok_or(SetupError::NoAddress)?;
        let (url, location) = halves(buffers.urls);
        let (validator, etag) = halves(buffers.validators);
        let mut place = Place::new(url);
        place.go_to(&asked.0).map_err(|_| SetupError::UrlTooLong)?;
        let answer = Answer::new(location, etag);
        let held = Held::new(validator);
        let exchange = Resumable::new(
            options.method,
            options.redirects_max.is_some(),
            asked,
            headers,
            place,
            answer,
            held,
        );
        let mut fetch = Fetch::new(exchange, options.request, sink);
        if let Some(kept) = fetch.sink.kept() {
            fetch.exchange.held.set(&kept);
            fetch.restart();
        }
        Ok(Self {
            client: Client::new(socket, remote, fetch, options.request.client()),
            options,
            backoff: Backoff::new(options.retry_delay, options.retry_delay_max),
            retries: 0,
            last_start: None,
            retry_at: None,
            was_whole: false,
        })
    }

    /// The same with a sink that holds the first `bytes` of this version, from before a restart, and
    /// does not know it.
    #[must_use]
    pub fn resume(mut self, bytes: u64, version: &Version) -> Self {
        let fetch = self.client.session_mut();
        fetch.exchange.held.set(&version.kept(bytes));
        fetch.restart();
        self
    }

    /// What was fetched, once it is whole; the bytes are those of the whole file.
    pub fn complete(&self) -> Option<Complete> {
        let fetch = self.client.session();
        if self.was_whole {
            return Some(Complete {
                status: 206,
                bytes: fetch.exchange.held.bytes,
                proof: Proof::Length,
            });
        }
        let complete = fetch.complete()?;
        let is_ours = !fetch.exchange.is_callers_own();
        let is_unproved = complete.status == 206 && is_ours && fetch.exchange.held.total.is_none();
        let proof = if is_unproved {
            Proof::CloseOnly
        } else {
            complete.proof
        };
        Some(Complete { proof, ..complete })
    }

    /// Number of attempts after the first.
    pub const fn retries(&self) -> u32 {
        self.retries
    }

    /// The URL that is asked now, or was last.
    pub fn url(&self) -> &str {
        self.client.session().exchange.place.text()
    }

    /// The Location of a redirect that was not followed.
    pub const fn location(&self) -> &Location<'a> {
        &self.client.session().exchange.answer.location
    }

    /// The sink, which the caller may need to tell that there is room again.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.client.session_mut().sink
    }

    /// The sink, with all that it took.
    pub fn into_sink(self) -> S {
        self.client.into_session().sink
    }

    /// The client has taken a step.
    fn on_step(
        &mut self,
        io: &mut Io,
        step: Result<Step, GetError>,
    ) -> Result<Step, DownloadError> {
        match step {
            Ok(Step::Done) => self.end_request(io, Ok(())),
            Ok(step) => Ok(step),
            Err(error) => self.end_request(io, Err(error)),
        }
    }

    /// A request is over: what comes next.
    fn end_request(
        &mut self,
        io: &mut Io,
        result: Result<(), GetError>,
    ) -> Result<Step, DownloadError> {
        let fetch = self.client.session_mut();
        let held = &mut fetch.exchange.held;
        let gained = fetch.bytes.saturating_sub(held.bytes);
        held.bytes = fetch.bytes;
        let (is_short, status) = (held.is_short(), fetch.status());
        let is_complete = fetch.complete().is_some();
        let asked_for_part = fetch.exchange.is_for_part();
        match result {
            Ok(()) if !is_complete => self.go_on(io, status),
            Ok(()) if !is_short => Ok(Step::Done),
            // A server may give less than was asked for. One that gives next to nothing is as slow as
            // one that breaks off.
            Ok(()) if gained >= IDLE_BYTES_MIN => Ok(self.ask_again()),
            Ok(()) => self.retry(io, GetError::Truncated),
            // Another part, or a part of another file.
            Err(GetError::Status(206)) if asked_for_part => {
                fetch.exchange.held.distrust();
                Ok(self.ask_again())
            }
            // A whole file where the sink can only go on.
            Err(GetError::Status(200..=299)) => Err(DownloadError::CannotRestart),
            Err(error) if is_retryable(&error) => self.retry(io, error),
            Err(error) => Err(DownloadError::Get(error)),
        }
    }

    /// A redirect, or a 416.
    fn go_on(&mut self, io: &mut Io, status: u16) -> Result<Step, DownloadError> {
        let exchange = &mut self.client.session_mut().exchange;
        if status != 416 {
            let (place, location) = (&mut exchange.place, &exchange.answer.location);
            let redirects_max = self.options.redirects_max.unwrap_or(0);
            let number =
                (place.follow(location, redirects_max)).map_err(DownloadError::Redirect)?;
            io.emit(&crate::Event::App(&Event::Redirect { status, number }));
            return Ok(self.ask_again());
        }
        if exchange.has_everything() {
            self.was_whole = true;
            return Ok(Step::Done);
        }
        exchange.held.distrust();
        Ok(self.ask_again())
    }

    /// Goes back to the first URL, after a delay.
    fn retry(&mut self, io: &mut Io, error: GetError) -> Result<Step, DownloadError> {
        let exchange = &mut self.client.session_mut().exchange;
        let wanted = match error {
            GetError::Status(_) => exchange.answer.retry_after(),
            _ => None,
        };
        let backoff = self.backoff.next_delay(io).unwrap_or_default();
        let delay = backoff.max(wanted.unwrap_or_default());
        let at = Deadline::new(io.now + delay, TimeoutKind::Connect);
        let is_late = self.last_start.is_some_and(|last| last.at < at.at);
        if self.retries >= self.options.retries_max || is_late {
            return Err(DownloadError::Get(error));
        }
        let asked = exchange.asked;
        (exchange.place.go_to(&asked)).map_err(DownloadError::Redirect)?;
        self.retries += 1;
        self.retry_at = Some(at);
        io.emit(&crate::Event::Retrying { delay });
        Ok(self.ask_again())
    }

    /// The next request goes to where the download is now.
    fn ask_again(&mut self) -> Step {
        let fetch = self.client.session_mut();
        fetch.restart();
        let url = fetch.exchange.place.url();
        if let Some(remote) = url.and_then(|url| remote_of(&url)) {
            self.client.set_remote(remote);
        }
        Step::Again
    }
}

#[cfg(feature = "defmt")]
impl<S: RestartSink> defmt::Format for Download<'_, S> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Download {{ url: {=str}, retries: {=u32} }}",
            self.url(),
            self.retries
        );
    }
}

/// Whom a request for `url` goes to; `None` where it has a name, and nobody can resolve it.
fn remote_of(url: &Url) -> Option<Remote> {
    #[cfg(feature = "dns")]
    return HostText::try_from(*url.host_port().host())
        .ok()
        .map(|host| HostPort::new(host, url.port()));
    #[cfg(not(feature = "dns"))]
    url.endpoint()
}

fn halves(buffer: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    buffer.split_at_mut(buffer.len() / 2)
}

impl<S: RestartSink> App for Download<'_, S> {
    type Error = DownloadError;

    fn name(&self) -> &'static str {
        "download"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, DownloadError> {
        if self.retry_at.is_some() {
            return Ok(Step::Wait);
        }
        if let (None, Some(timeout)) = (self.last_start, self.options.retry_timeout) {
            self.last_start = Some(Deadline::new(io.now + timeout, TimeoutKind::Total));
        }
        let step = self.client.step(io);
        self.on_step(io, step)
    }

    fn deadline(&self) -> Option<Deadline> {
        Deadline::earlier(self.retry_at, self.client.deadline())
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, DownloadError> {
        // While it waits for the next attempt, the client has the deadline of the whole.
        let is_due = |missed: Deadline| missed.at <= io.now;
        if !self.client.deadline().is_some_and(is_due) {
            self.retry_at = None;
            return Ok(Step::Again);
        }
        let step = self.client.expired(io);
        self.on_step(io, step)
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.client.sockets()
    }
}
