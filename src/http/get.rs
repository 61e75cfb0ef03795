//! The app that fetches one body.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;

use super::fetch::{Exchange, Fetch};
use super::{
    Complete, Framing, GetError, GetOptions, Head, HeadParser, Host, Location, Request, Url,
};
#[cfg(feature = "dns")]
use crate::dns::HostPort;
use crate::runtime::to_smoltcp;
use crate::{App, Client, Deadline, Io, NoRetry, Remote, Sink, Step};

/// Fetches one body by HTTP/1.0 GET into a [`Sink`].
///
/// It ends with success only when the body is there as a whole; [`complete`](Get::complete) says how
/// it knows. A status of 3xx or 400 and above is [`GetError::Status`], and the sink gets nothing of
/// its body. Where the request has a Range, 206 is a success, and `complete` tells it from 200. Once
/// the result is decided the connection may linger for a second, which changes nothing about it.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Get<'a, S, T = IpEndpoint> {
    client: Client<Fetch<Plain<'a>, S>, NoRetry, T>,
}

/// One request as the caller made it; every body of a 2xx is saved.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Plain<'a> {
    request: Request<'a>,
    /// The caller's buffer, until it drops the `Get`.
    location: Location<'a>,
}

impl<'a, S> Exchange<S> for Plain<'a> {
    type Fields = Location<'a>;

    fn parser(&self, bytes_max: u32) -> HeadParser {
        HeadParser::for_request(&self.request, bytes_max)
    }

    fn request_len(&self) -> usize {
        self.request.len()
    }

    fn write_from(&self, offset: usize, out: &mut [u8]) -> usize {
        self.request.write_from(offset, out)
    }

    fn fields(&mut self) -> &mut Location<'a> {
        &mut self.location
    }

    fn accept(&mut self, head: &Head, _sink: &mut S) -> Result<Framing, GetError> {
        if head.status >= 300 {
            return Err(GetError::Status(head.status));
        }
        Ok(head.framing)
    }
}

impl<'a> Url<'a> {
    /// Host and port of the server, which [`Get`] dials by whatever the URL has, a name or an address.
    #[cfg(feature = "dns")]
    pub fn host_port(&self) -> HostPort<&'a str> {
        HostPort::new(self.authority().host_text(), self.port())
    }

    /// Address and port of the server, where the URL has an address and no name.
    pub fn endpoint(&self) -> Option<IpEndpoint> {
        let Host::Address(address) = self.host() else {
            return None;
        };
        Some(IpEndpoint::new(to_smoltcp(address)?, self.port()))
    }
}

impl<'a, S: Sink, T: Remote> Get<'a, S, T> {
    /// A GET of `request` from `remote`, over a socket of its own, into `sink`. Where the answer is a
    /// redirect, its Location is kept in `location`, which may be empty.
    pub fn new(
        socket: SocketHandle,
        remote: T,
        request: Request<'a>,
        options: GetOptions,
        location: &'a mut [u8],
        sink: S,
    ) -> Self {
        let plain = Plain {
            request,
            location: Location::new(location),
        };
        let fetch = Fetch::new(plain, options, sink);
        Self {
            client: Client::new(socket, remote, fetch, options.client()),
        }
    }

    /// What was fetched, once it is whole.
    pub const fn complete(&self) -> Option<Complete> {
        self.client.session().complete()
    }

    /// The Location of a redirect.
    pub const fn location(&self) -> &Location<'a> {
        &self.client.session().exchange.location
    }

    /// The sink, which the caller may need to tell that there is room again.
    pub const fn sink_mut(&mut self) -> &mut S {
        &mut self.client.session_mut().sink
    }

    /// The sink, with all that it took.
    pub fn into_sink(self) -> S {
        self.client.into_session().sink
    }
}

impl<S: Sink, T: Remote> App for Get<'_, S, T> {
    type Error = GetError;

    fn name(&self) -> &'static str {
        self.client.name()
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, GetError> {
        self.client.step(io)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.client.deadline()
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, GetError> {
        self.client.expired(io)
    }

    fn sockets(&self) -> &[SocketHandle] {
        self.client.sockets()
    }
}
