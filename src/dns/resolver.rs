//! The task that finds out what the stack's names do not know.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp;
use smoltcp::wire::IpEndpoint;

use super::answer::FamilyAddresses;
use super::query::{MULTICAST_HOP_LIMIT, Next, Query, is_near, may_answer};
use super::{Answer, Echo, Malformed, Message, QUERY_BYTES_MAX, ResolveError};
use crate::{App, Deadline, Dial, Error, Io, Lifecycle, Step, Tick, TimeoutKind};

pub use super::query::RESOLVE_TIMEOUT;

/// Questions on their way at a time: both families of one name.
const LANES: usize = 2;
/// Answers of the server with another id or question, after which somebody is at work who guesses.
const NEAR_MISSES_MAX: u8 = 3;

/// The task that asks name servers, or the link, what the stack's [`Names`](super::Names) want to
/// know. One for each stack; it never ends.
///
/// It has two UDP sockets, for the questions of both families, and a TCP socket for an answer that
/// finds no room in a datagram (RFC 7766) and for when somebody guesses. Buffers of 512 bytes and
/// room for two datagrams are enough for UDP. Over TCP an answer may be as long as the receive buffer
/// less 2 bytes; one that is longer counts as none.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Resolver {
    /// Those of the lanes, and TCP's.
    sockets: [SocketHandle; LANES + 1],
    pub(super) lanes: [Option<Lane>; LANES],
    pub(super) connection: Lifecycle<Dial>,
    /// Apps that wait for a second family have waited long enough.
    settles_at: Option<Tick>,
    /// Of the names, when the questions on their way were asked.
    generation: u32,
}

/// One question, and how it is asked.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Lane {
    pub(super) query: Query,
    pub(super) server: IpEndpoint,
    pub(super) via: Via,
    /// When the server's time is over.
    pub(super) until: Tick,
    near_misses: u8,
}

/// `Udp -> Queued -> Tcp`, and back to `Udp` with the next server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Via {
    Udp,
    /// Waits for the TCP socket.
    Queued,
    Tcp,
}

/// What a datagram is.
#[allow(
    clippy::large_enum_variant,
    reason = "a box would need an allocator, and it lives for one step"
)]
pub(super) enum Verdict {
    /// From somebody else.
    Strange,
    /// From the server, and not the answer.
    NearMiss,
    /// All is right but the case of the letters: a server that changes it, or a forgery.
    Doubtful,
    Answer(Result<Answer, Malformed>),
}

impl Resolver {
    /// A resolver over two UDP sockets and one TCP socket of its own.
    pub fn new(udp: [SocketHandle; LANES], tcp: SocketHandle) -> Self {
        let [first, second] = udp;
        Self {
            sockets: [first, second, tcp],
            lanes: [const { None }; LANES],
            connection: Lifecycle::new(tcp),
            settles_at: None,
            generation: 0,
        }
    }

    /// Whether no question is on its way.
    pub fn is_idle(&self) -> bool {
        self.lanes.iter().all(Option::is_none)
    }

    /// Takes up what apps want to know, as far as there are lanes.
    fn begin(&mut self, io: &mut Io) -> bool {
        for index in 0..LANES {
            if !matches!(self.lanes.get(index), Some(None)) {
                continue;
            }
            let Some(wanted) = io.names.take_wanted() else {
                return false;
            };
            if let Some(query) = Query::new(io.now, io.names, wanted) {
                self.ask(io, index, query);
                return true;
            }
        }
        false
    }

    /// After all answers were forgotten those on their way are not believed either. They may be of
    /// another network, so all is asked anew.
    fn start_over(&mut self, io: &mut Io) {
        let generation = io.names.generation();
        if core::mem::replace(&mut self.generation, generation) == generation {
            return;
        }
        for index in 0..LANES {
            let Some(lane) = self.lanes.get_mut(index).and_then(Option::take) else {
                continue;
            };
            if lane.via == Via::Tcp {
                self.connection.abort(io);
            }
            if let Some(query) = lane.query.anew(io.now, io.names) {
                self.ask(io, index, query);
            }
        }
    }

    /// Goes on with a question.
    fn go_on(&mut self, io: &mut Io, index: usize, query: Query, next: Next) {
        match next {
            Next::Ask => self.ask(io, index, query),
            Next::End(result, ttl_secs) => self.end(io, index, &query, result, ttl_secs),
        }
    }

    fn end(
        &mut self,
        io: &mut Io,
        index: usize,
        query: &Query,
        result: Result<FamilyAddresses, ResolveError>,
        ttl_secs: u32,
    ) {
        self.close_udp(io, index);
        io.names.note(io.now, query.wanted, result, ttl_secs);
        if let Some(lane) = self.lanes.get_mut(index) {
            *lane = None;
        }
        // Whoever asked may have had its turn.
        io.yield_now();
    }

    /// Sends a question to the first server, from the one whose turn it is on, that there is a way to.
    fn ask(&mut self, io: &mut Io, index: usize, mut query: Query) {
        loop {
            let server = query.server(io.names);
            if let Some(server) = server
                && self.send(io, index, &mut query, server)
            {
                let lane = Lane {
                    until: query.wait_until(io.now),
                    query,
                    server,
                    via: Via::Udp,
                    near_misses: 0,
                };
                if let Some(place) = self.lanes.get_mut(index) {
                    *place = Some(lane);
                }
                return;
            }
            // As often as there are servers, at most.
            if let Next::End(result, ttl_secs) = query.on_failure(io.names, ResolveError::NoServer)
            {
                return self.end(io, index, &query, result, ttl_secs);
            }
        }
    }

    /// Sends a question from a fresh port; whether there was a way. What the socket still held for
    /// another server goes: a datagram for a neighbour that is silent would hold up all others.
    fn send(&self, io: &mut Io, index: usize, query: &mut Query, server: IpEndpoint) -> bool {
        self.close_udp(io, index);
        let Some(&handle) = self.sockets.get(index) else {
            return false;
        };
        let mut buffer = [0; QUERY_BYTES_MAX];
        let length = query.write(io, &mut buffer);
        let hop_limit = query.is_multicast().then_some(MULTICAST_HOP_LIMIT);
        io.socket::<udp::Socket>(handle).set_hop_limit(hop_limit);
        let question = buffer.get(..length).unwrap_or_default();
        io.bind(handle, 0).is_ok() && io.send_to(handle, server, question).is_ok()
    }

    fn close_udp(&self, io: &mut Io, index: usize) {
        if let Some(&handle) = self.sockets.get(index) {
            io.socket::<udp::Socket>(handle).close();
        }
    }

    /// Looks at one datagram of a lane; whether there was one.
    fn hear(&mut self, io: &mut Io, index: usize) -> bool {
        let Some(Some(lane)) = self.lanes.get_mut(index) else {
            return false;
        };
        let Some(&handle) = self.sockets.get(index).filter(|_| lane.via == Via::Udp) else {
            return false;
        };
        let (query, server) = (&lane.query, lane.server);
        let mut remote = None;
        let received = io.receive_from(handle, |bytes, from| {
            remote = Some(from.endpoint);
            judge(bytes, query, query.is_multicast())
        });
        let (Some(verdict), Some(remote)) = (received, remote) else {
            return false;
        };
        let is_near = is_near(io, &remote.addr);
        let verdict = if may_answer(server, remote, is_near) {
            verdict
        } else {
            Verdict::Strange
        };
        let is_multicast = lane.query.is_multicast();
        match verdict {
            Verdict::Answer(answer) => self.take(io, index, answer),
            Verdict::Strange => {}
            // On the link everybody may answer, and nobody answers over TCP.
            Verdict::NearMiss | Verdict::Doubtful if is_multicast => {}
            Verdict::NearMiss if lane.near_misses < NEAR_MISSES_MAX => lane.near_misses += 1,
            Verdict::NearMiss | Verdict::Doubtful => {
                lane.via = Via::Queued;
                lane.until = lane.query.give_up_at;
            }
        }
        true
    }

    /// Goes on as the answer says.
    pub(super) fn take(&mut self, io: &mut Io, index: usize, answer: Result<Answer, Malformed>) {
        let Some(mut lane) = self.lanes.get_mut(index).and_then(Option::take) else {
            return;
        };
        let query = &mut lane.query;
        let next = match answer {
            Ok(Answer::Addresses {
                addresses,
                ttl_secs,
            }) => query.on_addresses(addresses, ttl_secs),
            Ok(Answer::Alias {
                name,
                count,
                ttl_secs,
            }) => query.on_alias(name, count, ttl_secs),
            Ok(Answer::NoSuchName { ttl_secs }) => query.on_no_such_name(io.names, ttl_secs),
            Ok(Answer::NoAddress { ttl_secs }) => query.on_no_address(ttl_secs),
            Ok(Answer::TooManyAliases) => Next::End(Err(ResolveError::TooManyAliases), 0),
            Ok(Answer::Truncated) if lane.via == Via::Udp && !query.is_multicast() => {
                lane.via = Via::Queued;
                lane.until = query.give_up_at;
                if let Some(place) = self.lanes.get_mut(index) {
                    *place = Some(lane);
                }
                return;
            }
            Ok(Answer::Refused) => query.on_failure(io.names, ResolveError::Refused),
            Ok(Answer::Truncated | Answer::ServerFailed) | Err(_) => {
                query.on_failure(io.names, ResolveError::ServerFailed)
            }
        };
        self.go_on(io, index, lane.query, next);
    }

    /// The server's time is over.
    fn on_silence(&mut self, io: &mut Io, index: usize) {
        let Some(mut lane) = self.lanes.get_mut(index).and_then(Option::take) else {
            return;
        };
        if lane.via == Via::Tcp {
            self.connection.abort(io);
        }
        if let Some(until) = io.excused_until(Deadline::new(lane.until, TimeoutKind::Reply)) {
            lane.query.put_off(until);
        }
        let next = lane.query.on_silence(io.now, io.names);
        self.go_on(io, index, lane.query, next);
    }
}

/// Looks at what came from where answers come from. `ignores_case` says that nobody else can have sent
/// it, or that nobody mixed the case of the question.
pub(super) fn judge(bytes: &[u8], query: &Query, ignores_case: bool) -> Verdict {
    let Ok(message) = Message::new(bytes) else {
        return Verdict::NearMiss;
    };
    let echo = message.echo(&query.name, query.kind());
    if message.id() != query.id || echo == Echo::Other {
        return Verdict::NearMiss;
    }
    if echo == Echo::CaseChanged && !ignores_case {
        return Verdict::Doubtful;
    }
    let answer = Answer::read(&message, &query.name, query.kind(), query.aliases);
    Verdict::Answer(answer)
}

impl App for Resolver {
    type Error = Error;

    fn name(&self) -> &'static str {
        "resolver"
    }

    fn step(&mut self, io: &mut Io) -> Result<Step, Error> {
        self.start_over(io);
        let mut has_moved = self.converse(io, false);
        for index in 0..LANES {
            has_moved |= self.hear(io, index);
        }
        has_moved |= self.begin(io);
        self.settles_at = io.names.settles_at(io.now);
        Ok(if has_moved { Step::Again } else { Step::Wait })
    }

    fn deadline(&self) -> Option<Deadline> {
        let lanes = self.lanes.iter().flatten().map(|lane| lane.until);
        let at = lanes.chain(self.settles_at).min();
        let deadline = at.map(|at| Deadline::new(at, TimeoutKind::Reply));
        Deadline::earlier(deadline, self.connection.deadline())
    }

    fn expired(&mut self, io: &mut Io) -> Result<Step, Error> {
        // All apps are polled in the next turn.
        if self.settles_at.take_if(|at| *at <= io.now).is_some() {
            io.yield_now();
        }
        self.converse(io, true);
        for index in 0..LANES {
            let lane = self.lanes.get(index).and_then(Option::as_ref);
            if lane.is_some_and(|lane| lane.until <= io.now) {
                self.on_silence(io, index);
            }
        }
        Ok(Step::Again)
    }

    fn sockets(&self) -> &[SocketHandle] {
        &self.sockets
    }
}
