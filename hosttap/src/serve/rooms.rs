//! The hub, and who serves its members.

use smoltcp::iface::SocketHandle;
use tickwire::http::server::{Reply, Request, Response, Switch};
use tickwire::hub::{self, Hub, Limits, LinesSession, MemberSlot, RoomSlot, WebMember};
use tickwire::websocket::{self, WebSocket};
use tickwire::{Server, ServerOptions};

use crate::cli::HubOptions;

/// Callers over plain TCP that are served at a time.
pub const LINE_CALLERS_MAX: usize = 16;
/// What a member may stay behind, in bytes of each room's log.
const LOG_BYTES: usize = 256 * 1024;
/// An escaped character of JSON has six bytes, in place of one.
const ESCAPED_BYTES: usize = 6;
/// What is beside the text of a message in a packet of Socket.IO.
const PACKET_BYTES: usize = 256;

/// What a WebSocket of a caller is.
pub type Socket = WebSocket<'static, WebMember<'static, 'static>>;

/// A server for callers over plain TCP.
pub type Lines = Server<LinesSession<'static, 'static>, LINE_CALLERS_MAX>;

/// The hub, as one caller's handler sees it.
#[derive(Debug, Clone, Copy)]
pub struct Rooms {
    hub: &'static Hub<'static>,
    origins: &'static [&'static str],
    /// Without `--hub` nobody comes in.
    is_on: bool,
    message_bytes_max: usize,
}

impl Rooms {
    /// A hub with these limits, which lives as long as the program. Where the options want none nobody
    /// comes in, and it has hardly any memory.
    pub fn open(options: &HubOptions, origins: &'static [&'static str]) -> Self {
        let is_on = options.is_on;
        let limits = Limits {
            message_bytes_max: usize::from(options.max_message),
            messages_per_second: options.max_rate,
        };
        let many = |count: u16| if is_on { usize::from(count) } else { 1 };
        let (members, rooms) = (many(options.max_members), many(options.max_rooms));
        let log_bytes = if is_on { LOG_BYTES } else { 1_024 };
        let hub = Hub::new(
            vec![MemberSlot::EMPTY; members].leak(),
            vec![RoomSlot::EMPTY; rooms].leak(),
            vec![0; rooms * log_bytes].leak(),
            limits,
        );
        Self {
            hub: Box::leak(Box::new(hub)),
            origins,
            is_on,
            message_bytes_max: limits.message_bytes_max,
        }
    }

    /// Sends all members away, and lets nobody in.
    pub fn close(&self) {
        self.hub.close();
    }

    /// A WebSocket for one caller after the other.
    pub fn socket(&self) -> Socket {
        let message = vec![0; ESCAPED_BYTES * self.message_bytes_max + PACKET_BYTES];
        let options = websocket::Options::default();
        WebSocket::server(message.leak(), options, WebMember::new(self.hub))
    }

    /// A server of lines.
    pub fn lines(&self, sockets: [SocketHandle; LINE_CALLERS_MAX], port: u16) -> Lines {
        let sessions =
            sockets.map(|_| LinesSession::new(self.hub, vec![0; self.message_bytes_max].leak()));
        Server::new(sockets, port, sessions, ServerOptions::default())
    }

    /// As [`hub::respond`]; without `--hub` there are no paths.
    ///
    /// # Errors
    /// The response, where the path is none of the hub's.
    pub fn respond<'r>(
        &self,
        request: &Request,
        response: Response<'r>,
    ) -> Result<Reply, Response<'r>> {
        if self.is_on {
            hub::respond(request, response)
        } else {
            Err(response)
        }
    }

    /// As [`hub::upgrade`]; without `--hub` there are no paths.
    ///
    /// # Errors
    /// As [`hub::upgrade`].
    pub fn upgrade<'r>(
        &self,
        request: &Request,
        response: Response<'r>,
        socket: &mut Socket,
    ) -> Result<Switch, Result<Reply, Response<'r>>> {
        if self.is_on {
            hub::upgrade(request, response, socket, self.origins)
        } else {
            Err(Err(response))
        }
    }
}
