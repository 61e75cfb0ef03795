//! The HTTP server on a virtual Ethernet.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod answers;
mod ask;
mod assets;
mod bodies;
#[path = "../common/mod.rs"]
mod common;
mod hosts;
mod limits;
mod site;
mod upgrades;
mod uploads;

use ask::Ask;
use assets::ASSETS;
use common::fixture::{BUFFER, Fixture, TaskId, endpoint, leak, secs};
use common::log::words;
use site::Site;
use tickwire::http::Server;
use tickwire::http::server::{Assets, Handler, HttpOptions, HttpSession, ServeError};
use tickwire::{Client, ClientOptions, Duration, EchoSession, Tick};

const SERVER: usize = 0;
const CALLER: usize = 1;
const PORT: u16 = 80;
const HOST: &str = "Host: 10.0.0.1\r\n";

/// A server of one caller at a time, at host 0.
struct Served<H: Handler = Assets<'static, Site>> {
    net: Fixture,
    server: TaskId<Server<'static, H, 1>>,
}

impl Served {
    fn new() -> Self {
        Self::with(BUFFER, HttpOptions::default())
    }

    /// With a send buffer of this size, and these limits.
    fn with(send: usize, options: HttpOptions) -> Self {
        let handler = Assets::new(&ASSETS, Site::default());
        let session = HttpSession::with_upgrade(handler, EchoSession, leak(0, 2_048));
        Self::start(send, session.with_options(options))
    }

    fn site(&self) -> &Site {
        self.handler().rest()
    }
}

impl<H: Handler + 'static> Served<H> {
    fn start(send: usize, session: HttpSession<'static, H>) -> Self {
        let mut net = Fixture::guarded(7, 2);
        net.log.borrow_mut().words = Box::new(|_, _, event| match event.error::<ServeError>() {
            Some(error) => Some(format!("failed: {error:?}")),
            None => words(event),
        });
        let socket = net.add_socket_with(SERVER, BUFFER, send);
        let server = net.start(SERVER, Server::http([socket], PORT, [session]));
        Self { net, server }
    }

    /// Begins to send this text in one piece or, with `cut`, in two.
    fn call(&mut self, text: &str, cut: Option<usize>) -> TaskId<Client<Ask>> {
        self.dial(Ask::new(text.as_bytes().to_vec(), cut, false))
    }

    /// The same, cut, with a FIN after it.
    fn call_and_close(&mut self, text: &str, cut: usize) -> TaskId<Client<Ask>> {
        self.dial(Ask::new(text.as_bytes().to_vec(), Some(cut), true))
    }

    fn dial(&mut self, ask: Ask) -> TaskId<Client<Ask>> {
        let socket = self.net.add_socket(CALLER, BUFFER);
        let options = ClientOptions {
            idle_timeout: None,
            ..ClientOptions::default()
        };
        let client = Client::new(socket, endpoint(SERVER, PORT), ask, options);
        self.net.start(CALLER, client)
    }

    /// All that the server says to this text before it closes.
    #[track_caller]
    fn ask(&mut self, text: &str) -> String {
        let call = self.call(text, None);
        self.answer(call)
    }

    /// The same for a call that has begun. Its socket is free after that.
    #[track_caller]
    fn answer(&mut self, call: TaskId<Client<Ask>>) -> String {
        let result = self.net.finish(call, secs(120));
        let heard = self.net.app(call).session().heard();
        assert_eq!(result, Ok(()), "after {heard:?}");
        self.net.clear(CALLER);
        heard
    }

    /// The time since the start.
    fn elapsed(&self) -> Duration {
        self.net.now().since(Tick::ZERO)
    }

    fn session(&self) -> &HttpSession<'static, H> {
        let mut sessions = self.net.app(self.server).sessions();
        sessions.next().unwrap()
    }

    fn handler(&self) -> &H {
        self.session().handler()
    }
}

/// A request of one line, with Host and with `Connection: close`.
fn request(line: &str) -> String {
    format!("{line} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
}

/// The status of an answer.
#[track_caller]
fn status(answer: &str) -> u16 {
    let status = answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    status
        .unwrap_or_else(|| panic!("{answer:?}"))
        .parse()
        .unwrap()
}

/// The body of the only answer.
#[track_caller]
fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}
