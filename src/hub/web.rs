//! Members who come through an HTTP server: by WebSocket, and by Socket.IO.

#[cfg(feature = "socketio")]
use super::socketio::{HandshakeError, SocketIo};
use super::{Hub, Name, TextMember};
use crate::Deadline;
use crate::http::percent;
use crate::http::server::{Handler, Reply, Request, Response, Switch};
use crate::websocket::{Channel, CloseCode, Endpoint, Part, WebSocket, WebSocketError, accept};

/// Where members by WebSocket come in.
const WEBSOCKET_PATH: &str = "/ws";
/// Where clients of Socket.IO come in.
#[cfg(feature = "socketio")]
const SOCKETIO_PATH: &str = "/socket.io/";
/// Longest percent-encoded name: three bytes for each of 32.
const NAME_CHARS_MAX: usize = 3 * super::NAME_BYTES_MAX;

/// Whoever is at the other end of a WebSocket of a hub.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WebMember<'h, 'm> {
    hub: &'h Hub<'m>,
    protocol: Protocol<'h, 'm>,
}

#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(
    feature = "socketio",
    expect(clippy::large_enum_variant, reason = "there is no box")
)]
enum Protocol<'h, 'm> {
    Text(TextMember<'h, 'm>),
    #[cfg(feature = "socketio")]
    SocketIo(SocketIo<'h, 'm>),
}

/// Calls the endpoint of whichever protocol it is.
macro_rules! endpoint {
    ($self:expr, $endpoint:ident => $call:expr) => {
        match $self {
            Protocol::Text($endpoint) => $call,
            #[cfg(feature = "socketio")]
            Protocol::SocketIo($endpoint) => $call,
        }
    };
}

impl<'h, 'm> WebMember<'h, 'm> {
    /// Nobody yet.
    pub fn new(hub: &'h Hub<'m>) -> Self {
        let protocol = Protocol::Text(TextMember::new(hub));
        Self { hub, protocol }
    }

    /// Says who comes next: what its request asks for.
    fn prepare(&mut self, request: &Request) -> Result<(), &'static str> {
        let name = parameter(request, "name")?;
        #[cfg(feature = "socketio")]
        if request.path() == SOCKETIO_PATH {
            self.protocol = Protocol::SocketIo(SocketIo::new(self.hub, name));
            return Ok(());
        }
        let room = parameter(request, "room")?.unwrap_or_else(Name::lobby);
        let mut member = TextMember::new(self.hub);
        member.set_wishes(room, name);
        self.protocol = Protocol::Text(member);
        Ok(())
    }
}

/// A name in the query of a request. An empty one is none.
fn parameter(request: &Request, key: &str) -> Result<Option<Name>, &'static str> {
    let mut decoded = [0; NAME_CHARS_MAX];
    let text = match request.parameter(key) {
        None | Some("") => return Ok(None),
        Some(text) => percent::decode(text, &mut decoded),
    };
    match text.and_then(Name::parse) {
        Some(name) => Ok(Some(name)),
        None => Err("A name has letters, digits, - _ and ., and 32 bytes at most.\n"),
    }
}

/// Answers a request for another protocol, in
/// [`Handler::upgrade`](crate::http::server::Handler::upgrade), where its path is one of the hub:
/// `/ws?room=R&name=N` or `/socket.io/?EIO=4&transport=websocket&name=N`. `origins` is as for
/// [`accept`].
///
/// # Errors
/// An answer of the hub that refuses; or, where the path is none of the hub's, nothing but the
/// response.
pub fn upgrade<'r>(
    request: &Request,
    response: Response<'r>,
    session: &mut WebSocket<WebMember>,
    origins: &[&str],
) -> Result<Switch, Result<Reply, Response<'r>>> {
    #[cfg(feature = "socketio")]
    if request.path() == SOCKETIO_PATH
        && let Err(error) = HandshakeError::check(request)
    {
        return Err(Ok(error.answer(response)));
    }
    if !is_of_hub(request.path()) {
        return Err(Err(response));
    }
    if let Err(why) = session.endpoint_mut().prepare(request) {
        return Err(Ok(response.status(400).text(why)));
    }
    accept(request, response, origins, None).map_err(Ok)
}

/// Answers a request that asks for no other protocol, where its path is one of the hub: polling gets
/// the error of Engine.IO's own server, and everything else 426.
///
/// # Errors
/// The response, where the path is none of the hub's.
pub fn respond<'r>(request: &Request, response: Response<'r>) -> Result<Reply, Response<'r>> {
    if !is_of_hub(request.path()) {
        return Err(response);
    }
    #[cfg(feature = "socketio")]
    if request.path() == SOCKETIO_PATH {
        let checked = HandshakeError::check(request);
        let error = checked.err().unwrap_or(HandshakeError::NoUpgrade);
        return Ok(error.answer(response));
    }
    let response = response.status(426).field("Upgrade", "websocket");
    Ok(response.text("Here is a WebSocket.\n"))
}

fn is_of_hub(path: &str) -> bool {
    #[cfg(feature = "socketio")]
    if path == SOCKETIO_PATH {
        return true;
    }
    path == WEBSOCKET_PATH
}

impl Endpoint for WebMember<'_, '_> {
    fn on_open(&mut self, channel: &mut Channel) {
        endpoint!(&mut self.protocol, endpoint => endpoint.on_open(channel));
    }

    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        endpoint!(&mut self.protocol, endpoint => endpoint.on_part(channel, part))
    }

    fn transmit(&mut self, channel: &mut Channel) {
        endpoint!(&mut self.protocol, endpoint => endpoint.transmit(channel));
    }

    fn deadline(&self) -> Option<Deadline> {
        endpoint!(&self.protocol, endpoint => endpoint.deadline())
    }

    fn on_deadline(&mut self, channel: &mut Channel) {
        endpoint!(&mut self.protocol, endpoint => endpoint.on_deadline(channel));
    }

    fn on_close(&mut self, channel: &mut Channel, code: Option<CloseCode>, reason: &str) {
        endpoint!(&mut self.protocol, endpoint => endpoint.on_close(channel, code, reason));
    }

    fn take_news(&mut self) -> bool {
        self.hub.take_news()
    }

    fn on_end(&mut self, result: &Result<(), WebSocketError>) {
        endpoint!(&mut self.protocol, endpoint => endpoint.on_end(result));
    }
}

/// A handler that has a hub and nothing else: every other path is not found.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HubHandler<'h, 'm> {
    hub: &'h Hub<'m>,
    origins: &'m [&'m str],
}

impl<'h, 'm> HubHandler<'h, 'm> {
    /// A handler whose callers come from these origins, as for [`accept`].
    pub const fn new(hub: &'h Hub<'m>, origins: &'m [&'m str]) -> Self {
        Self { hub, origins }
    }

    /// Who is at the other end of its session's WebSocket at first: nobody.
    pub fn member(&self) -> WebMember<'h, 'm> {
        WebMember::new(self.hub)
    }
}

impl<'h, 'm> Handler for HubHandler<'h, 'm> {
    type Upgrade = WebSocket<'m, WebMember<'h, 'm>>;

    fn respond(&mut self, request: &Request, response: Response) -> Reply {
        respond(request, response).unwrap_or_else(|response| response.status(404).reason())
    }

    fn upgrade(
        &mut self,
        request: &Request,
        response: Response,
        session: &mut Self::Upgrade,
    ) -> Result<Switch, Reply> {
        upgrade(request, response, session, self.origins)
            .map_err(|refused| refused.unwrap_or_else(|response| response.status(404).reason()))
    }
}
