//! A WebSocket that sends back every message.

use tickwire::http::server::{Handler, Reply, Request, Response, Switch};
use tickwire::websocket::{Channel, Delivery, Endpoint, Options, Part, WebSocket, accept};

/// In the parts in which it comes.
pub(crate) struct Echo;

impl Endpoint for Echo {
    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        channel.send(part)
    }
}

/// Has nothing but WebSockets.
pub(crate) struct Site;

impl Handler for Site {
    type Upgrade = WebSocket<'static, Echo>;

    fn respond(&mut self, _: &Request<'_>, response: Response<'_>) -> Reply {
        response.status(404).reason()
    }

    fn upgrade(
        &mut self,
        request: &Request<'_>,
        response: Response<'_>,
        _: &mut Self::Upgrade,
    ) -> Result<Switch, Reply> {
        accept(request, response, &[], None)
    }
}

/// One for one caller after the other.
pub(crate) fn socket(part: &'static mut [u8]) -> WebSocket<'static, Echo> {
    let options = Options {
        delivery: Delivery::Parts,
        ..Options::DEFAULT
    };
    WebSocket::server(part, options, Echo)
}
