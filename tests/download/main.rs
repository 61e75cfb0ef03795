//! The download client against scripted servers on a virtual Ethernet: redirects, retries, resumption.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "flash")]
mod flash;
mod redirects;
mod resume;
mod retries;

use common::fixture::{BUFFER, Fixture, leak, secs};
use smoltcp::iface::{SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use tickwire::http::{
    Complete, Download, DownloadBuffers, DownloadError, DownloadOptions, GetError, Header,
    HeaderError, Method, Proof, RestartSink, SetupError, UrlError, Version,
};
use tickwire::{Sink, SinkError};
use tickwire_sim::{Act, Opening};

const URL: &str = "http://10.0.0.2/page";
const REQUEST_END: Act<'static> = Act::Expect(b"\r\n\r\n");
const CLIENT: usize = 0;
const SERVER: usize = 1;
const OTHER_SERVER: usize = 2;

/// What a sink was told, in order.
#[derive(Debug, Default)]
struct Record {
    bytes: Vec<u8>,
    /// URL, validator and total of each version that began.
    versions: Vec<(String, Option<String>, Option<u64>)>,
    is_pipe: bool,
}

impl Sink for Record {
    fn write(&mut self, data: &[u8]) -> Result<usize, SinkError> {
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }
}

impl RestartSink for Record {
    fn restart(&mut self, version: &Version<'_>) -> Result<(), SinkError> {
        assert!(!self.is_pipe || self.bytes.is_empty());
        self.bytes.clear();
        let validator = version.validator.map(|text| text.to_vec());
        self.versions.push((
            version.url.into(),
            validator.map(|text| String::from_utf8(text).unwrap()),
            version.total,
        ));
        Ok(())
    }

    fn can_restart(&self) -> bool {
        !self.is_pipe
    }
}

/// One download, and the connections that its servers answer.
struct Trial {
    options: DownloadOptions,
    url: &'static str,
    headers: &'static [Header<'static>],
    sink: Record,
    /// What the sink holds at the start, and its validator.
    held: Option<(&'static [u8], &'static [u8])>,
    url_bytes: usize,
}

impl Default for Trial {
    fn default() -> Self {
        Self {
            options: DownloadOptions::default(),
            url: URL,
            headers: &[],
            sink: Record::default(),
            held: None,
            url_bytes: 256,
        }
    }
}

/// How a trial ended.
struct Ended {
    result: Result<Complete, DownloadError>,
    body: String,
    versions: Vec<(String, Option<String>, Option<u64>)>,
    url: String,
    retries: u32,
    millis: u64,
}

impl Trial {
    /// Runs against servers that answer one connection after another: which host, and what it does.
    fn against(self, connections: &[(usize, &[Act<'static>])]) -> Ended {
        let mut net = Fixture::guarded(1, 4);
        for (host, acts) in connections {
            net.script(*host, Opening::Listen(80), acts);
        }
        let handle = net.add_socket(CLIENT, BUFFER);
        let buffers = DownloadBuffers {
            urls: leak(0, 2 * self.url_bytes),
            validators: leak(0, 128),
        };
        let mut sink = self.sink;
        if let Some((bytes, _)) = self.held {
            sink.bytes = bytes.to_vec();
        }
        let app = Download::new(handle, self.url, self.headers, self.options, buffers, sink);
        let mut app = app.unwrap();
        if let Some((bytes, validator)) = self.held {
            let version = Version {
                url: self.url,
                validator: Some(validator),
                total: None,
            };
            app = app.resume(bytes.len() as u64, &version);
        }
        let id = net.start(CLIENT, app);
        let result = net.finish(id, secs(30_000));
        let millis = net.now().as_millis();
        let app = net.stop(id);
        let result = result.map(|()| app.complete().expect("success has a proof"));
        let (url, retries) = (app.url().into(), app.retries());
        let Record {
            bytes, versions, ..
        } = app.into_sink();
        Ended {
            result,
            body: String::from_utf8(bytes).unwrap(),
            versions,
            url,
            retries,
            millis,
        }
    }
}

/// Runs with the default options.
fn download(connections: &[(usize, &[Act<'static>])]) -> Ended {
    Trial::default().against(connections)
}

const fn complete(status: u16, bytes: u64) -> Complete {
    Complete {
        status,
        bytes,
        proof: Proof::Length,
    }
}

const fn status(status: u16) -> DownloadError {
    DownloadError::Get(GetError::Status(status))
}

#[test]
fn a_file_comes_in_one_attempt_and_its_sink_learns_the_version_first() {
    let ended = download(&[(
        SERVER,
        &[
            REQUEST_END,
            Act::Send(b"HTTP/1.0 200 OK\r\nETag: \"v1\"\r\nContent-Length: 5\r\n\r\nhello"),
        ],
    )]);
    assert_eq!(ended.result, Ok(complete(200, 5)));
    assert_eq!(ended.body, "hello");
    assert_eq!(
        ended.versions,
        [(URL.into(), Some("\"v1\"".into()), Some(5))]
    );
    assert_eq!(ended.retries, 0);
}

#[test]
fn a_head_request_gives_the_head_and_nothing_else() {
    let trial = Trial {
        options: DownloadOptions {
            method: Method::Head,
            ..DownloadOptions::default()
        },
        ..Trial::default()
    };
    let head = "HTTP/1.0 200 OK\r\nETag: \"v1\"\r\nContent-Length: 5\r\n\r\n";
    let ended = trial.against(&[(
        SERVER,
        &[
            Act::Expect(b"HEAD /page HTTP/1.0\r\n"),
            REQUEST_END,
            Act::Send(head.as_bytes()),
            Act::Send(b"a body that must not be"),
        ],
    )]);
    assert!(ended.result.is_ok());
    assert_eq!(ended.body, head);
}

#[test]
fn credentials_in_the_url_become_basic_authorization() {
    let trial = Trial {
        url: "http://Aladdin:open%20sesame@10.0.0.2/page",
        ..Trial::default()
    };
    let ended = trial.against(&[(
        SERVER,
        &[
            // RFC 7617, 2.
            Act::Expect(b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"),
            Act::Send(b"HTTP/1.0 204 No Content\r\n\r\n"),
        ],
    )]);
    assert!(ended.result.is_ok());
    assert_eq!(ended.url, URL);
}

#[test]
fn the_callers_own_authorization_replaces_that_of_the_url() {
    let trial = Trial {
        url: "http://u:p@10.0.0.2/page",
        headers: &[Header {
            name: "authorization",
            value: "Bearer b",
        }],
        ..Trial::default()
    };
    let agent = concat!("User-Agent: tickwire/", env!("CARGO_PKG_VERSION"), "\r\n");
    let start = format!("GET /page HTTP/1.0\r\nHost: 10.0.0.2\r\n{agent}Connection: close\r\n");
    let request = format!("{start}authorization: Bearer b\r\n\r\n");
    let ended = trial.against(&[(
        SERVER,
        &[
            Act::Expect(request.leak().as_bytes()),
            Act::Send(b"HTTP/1.0 204 No Content\r\n\r\n"),
        ],
    )]);
    assert!(ended.result.is_ok());
}

fn with_retries(retries_max: u32) -> DownloadOptions {
    DownloadOptions {
        retries_max,
        ..DownloadOptions::default()
    }
}

#[test]
fn what_cannot_be_asked_for_is_refused_before_anything_is_sent() {
    let mut storage = [SocketStorage::EMPTY];
    let mut sockets = SocketSet::new(&mut storage[..]);
    let buffer = || SocketBuffer::new(leak(0, 1));
    let socket = sockets.add(Socket::new(buffer(), buffer()));
    let new = |url, headers, url_bytes| {
        let buffers = DownloadBuffers {
            urls: leak(0, url_bytes),
            validators: leak(0, 8),
        };
        let options = DownloadOptions::default();
        Download::new(socket, url, headers, options, buffers, Record::default()).err()
    };
    let header = [Header {
        name: "Connection",
        value: "close",
    }];
    // Half of the bytes are for the Location of a redirect.
    assert_eq!(new(URL, &[], 2 * URL.len()), None);
    assert_eq!(
        new(URL, &[], 2 * URL.len() - 1),
        Some(SetupError::UrlTooLong)
    );
    assert_eq!(new("", &[], 64), Some(SetupError::Url(UrlError::Empty)));
    assert_eq!(
        new(URL, &header, 64),
        Some(SetupError::Header(HeaderError::Reserved))
    );
}
