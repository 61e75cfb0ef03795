//! The echo of a WebSocket's messages, as server and as client.

use std::collections::VecDeque;

use smoltcp::iface::SocketHandle;
use tickwire::dns::HostPort;
use tickwire::http::Url;
use tickwire::http::server::{Handler, HttpSession, Reply, Request, Response, Server, Switch};
use tickwire::websocket::{
    Channel, ClientRequest, ClientSession, Delivery, Endpoint, Kind, Options, Outbox, Part,
    WebSocket, accept,
};
use tickwire::{Backoff, Client, ClientOptions, Duration, ServerOptions, Task};

use crate::cli::{EchoOptions, LinkOptions};
use crate::commands::console_observer::ConsoleObserver;
use crate::commands::websocket::Redial;
use crate::commands::{join, websocket};
use crate::exit::{Exit, Failure};
use crate::link::stack::{BULK_BUFFER_BYTES, TapStack};
use crate::terminal::console::Console;

/// What is sent back at a time. Messages may be longer.
const PART_BYTES: usize = 16 * 1024;
/// The longest message that is held as a whole.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Memory for the head of a request.
const HEAD_BYTES: usize = 8 * 1024;
/// Between two attempts to connect.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Sends back each part as it comes, so that a message may have any length.
#[derive(Debug)]
pub(super) struct EchoParts;

impl Endpoint for EchoParts {
    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        channel.send(part)
    }
}

/// Upgrades everybody who may.
#[derive(Debug)]
pub(super) struct EchoSite;

impl Handler for EchoSite {
    type Upgrade = WebSocket<'static, EchoParts>;

    fn respond(&mut self, _request: &Request<'_>, response: Response<'_>) -> Reply {
        let refusal = response.status(426).field("Upgrade", "websocket");
        refusal.text("There is nothing but a WebSocket here.\n")
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        _session: &mut Self::Upgrade,
    ) -> Result<Switch, Reply> {
        accept(request, response, &[], None)
    }
}

/// The server.
pub(super) fn server<const N: usize>(
    sockets: [SocketHandle; N],
    options: &EchoOptions,
) -> Server<'static, EchoSite, N> {
    let sessions = [(); N].map(|()| {
        let options = Options {
            delivery: Delivery::Parts,
            ..Options::default()
        };
        let message = vec![0; PART_BYTES].leak();
        let session = WebSocket::server(message, options, EchoParts);
        HttpSession::with_upgrade(EchoSite, session, vec![0; HEAD_BYTES].leak())
    });
    let server_options = ServerOptions {
        once: options.once,
        // The sessions have deadlines of their own.
        idle_timeout: None,
        ..ServerOptions::default()
    };
    Server::new(sockets, options.port, sessions, server_options)
}

/// Sends back each message as a whole, when the one before was sent.
#[derive(Debug, Default)]
struct EchoWhole {
    has_echoed: bool,
    waiting: VecDeque<(Kind, Vec<u8>)>,
}

impl Endpoint for EchoWhole {
    fn on_open(&mut self, _channel: &mut Channel) {
        self.waiting.clear();
    }

    fn on_part(&mut self, _channel: &mut Channel, part: Part) -> bool {
        let is_free = self.waiting.is_empty();
        if is_free {
            self.waiting.push_back((part.kind, part.bytes.to_vec()));
        }
        is_free
    }

    fn transmit(&mut self, channel: &mut Channel) {
        channel.send_queued(self);
    }
}

impl Outbox for EchoWhole {
    fn front(&mut self) -> Option<Part<'_>> {
        let (kind, bytes) = self.waiting.front()?;
        Some(Part {
            kind: *kind,
            bytes,
            is_last: true,
        })
    }

    fn pop(&mut self) {
        self.has_echoed = true;
        self.waiting.pop_front();
    }
}

/// The client: asks for one WebSocket after the other.
pub(super) fn call(
    link: &LinkOptions,
    console: &mut Console,
    once: bool,
    text: &str,
) -> Result<Exit, Failure> {
    let url = websocket::parse_url(text)?;
    let request = websocket::request(&url)?;
    let mut stack = join::open(link, console)?;
    websocket::start_names(&mut stack, console, link, &url);
    let socket = stack.add_socket(BULK_BUFFER_BYTES);
    let mut message = vec![0; MESSAGE_BYTES];
    loop {
        let mut task = Task::new(new_client(socket, &url, request, once, &mut message));
        let outcome = loop {
            let mut observer = ConsoleObserver {
                console: &mut *console,
            };
            let wake = stack.turn(&mut [&mut task], &mut observer);
            match task.outcome() {
                Some(outcome) => break *outcome,
                None => stack.wait(wake, None, None)?,
            };
        };
        // A server that does not want us will not want us later.
        let is_over = once || !task.app().session().is_open();
        match outcome {
            Err(error) if is_over => return Err(console.failure(text, error)),
            Ok(()) if once => return Ok(Exit::Success),
            // A server that sends nothing would be asked for ever, as fast as it answers.
            _ if !task.app().session().endpoint().has_echoed => pause(&mut stack, console)?,
            _ => {}
        }
    }
}

/// Keeps the link going until the next attempt.
fn pause(stack: &mut TapStack, console: &mut Console) -> Result<(), Failure> {
    let end = stack.clock.now() + PAUSE_MIN;
    while stack.clock.now() < end {
        let mut observer = ConsoleObserver {
            console: &mut *console,
        };
        let wake = stack.turn(&mut [], &mut observer);
        stack.wait(Some(wake.map_or(end, |wake| wake.min(end))), None, None)?;
    }
    Ok(())
}

type EchoClient<'m> = Client<ClientSession<'m, EchoWhole>, Redial, HostPort<&'m str>>;

fn new_client<'m>(
    socket: SocketHandle,
    url: &Url<'m>,
    request: ClientRequest<'m>,
    once: bool,
    message: &'m mut [u8],
) -> EchoClient<'m> {
    let endpoint = EchoWhole::default();
    let session = ClientSession::new(request, &mut [], message, Options::default(), endpoint);
    let redial = Redial((!once).then(|| Backoff::new(PAUSE_MIN, PAUSE_MAX)));
    let options = ClientOptions::default();
    Client::with_retry(socket, url.host_port(), session, options, redial)
}
