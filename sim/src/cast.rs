//! The apps of a run, and the hosts that they run on.

use core::cell::RefCell;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use tickwire::chat::Peer;
use tickwire::file::{Receive, Send};
use tickwire::http::Get;
use tickwire::{
    App, Awaited, CAPPED_TURNS_MAX, Deadline, EGRESS_MAX, Error, INGRESS_MAX, Io, Slot, Step, Tick,
};

use crate::ledger::Ledger;
use crate::pattern::{Checked, Pattern};
use crate::recorder::Recorder;
use crate::vault::Vault;
use crate::{Host, Script};

/// Seats of a host: one for each kind of app.
pub(crate) const SEATS: usize = 3;
pub(crate) const GET: usize = 0;
pub(crate) const CHAT: usize = 1;
pub(crate) const FILE: usize = 2;

/// Sockets of a host: two for a chat, one for each other seat.
pub(crate) const SOCKETS: usize = 4;

/// Frames that one turn may send: an answer to each frame that came, and for each socket all passes of egress in four
/// looks, and once more to find a connection that spins.
const FRAMES_MAX: u64 = (INGRESS_MAX + (4 * EGRESS_MAX + EGRESS_MAX) * SOCKETS) as u64;

/// Turns of one host at one tick: those that stopped at a cap, and some that frames or the caller asked for.
const TURNS_MAX: u32 = CAPPED_TURNS_MAX + 64;

/// Does nothing, and never ends: it keeps a world running while sockets come to rest and late frames arrive.
#[derive(Debug, Default)]
pub struct Idle;

impl App for Idle {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn step(&mut self, _io: &mut Io<'_, '_>) -> Result<Step, Error> {
        Ok(Step::Wait)
    }

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn sockets(&self) -> &[SocketHandle] {
        &[]
    }
}

/// An app.
#[expect(
    clippy::large_enum_variant,
    reason = "without an allocator there is no box"
)]
pub(crate) enum Cast<'a> {
    Idle(Idle),
    Get(Get<'a, Checked>),
    Chat(Peer<'a, Ledger>),
    Receive(Receive<Vault<'a>>),
    Send(Send<'a, Pattern>),
    Script(Script<'a>),
}

impl Cast<'_> {
    pub(crate) fn app(&mut self) -> &mut dyn App {
        match self {
            Self::Idle(app) => app,
            Self::Get(app) => app,
            Self::Chat(app) => app,
            Self::Receive(app) => app,
            Self::Send(app) => app,
            Self::Script(app) => app,
        }
    }

    fn app_ref(&self) -> &dyn App {
        match self {
            Self::Idle(app) => app,
            Self::Get(app) => app,
            Self::Chat(app) => app,
            Self::Receive(app) => app,
            Self::Send(app) => app,
            Self::Script(app) => app,
        }
    }
}

/// An app in its seat.
pub(crate) struct Player<'a> {
    pub(crate) cast: Cast<'a>,
    slot: Slot,
    /// What it waited for after its last turn, and until when.
    waits: Option<Deadline>,
}

impl<'a> Player<'a> {
    pub(crate) fn new(cast: Cast<'a>) -> Self {
        Self {
            cast,
            slot: Slot::new(),
            waits: None,
        }
    }

    /// Whether a deadline moved that counts from one moment: nothing that a peer says puts it off. A chat dials again by
    /// itself.
    fn puts_off(&mut self) -> bool {
        let deadline = self.cast.app_ref().deadline();
        let before = core::mem::replace(&mut self.waits, deadline);
        let is_absolute = matches!(self.cast, Cast::Get(_) | Cast::Send(_));
        match (before, deadline) {
            (Some(before), Some(deadline)) => {
                is_absolute
                    && matches!(
                        deadline.awaits,
                        Awaited::Connect | Awaited::Head | Awaited::Total
                    )
                    && before.awaits == deadline.awaits
                    && deadline.at > before.at
            }
            _ => false,
        }
    }

    /// How the app ended; `None` while it lives.
    pub(crate) const fn outcome(&self) -> Option<Result<(), Error>> {
        self.slot.outcome()
    }
}

/// A host and its apps, from one boot to the next.
pub(crate) struct Machine<'a> {
    pub(crate) port: usize,
    /// `None` while it has no power.
    pub(crate) host: Option<Host<'a>>,
    pub(crate) players: [Player<'a>; SEATS],
    /// When it starts again.
    pub(crate) up_at: Option<Tick>,
    pub(crate) boots: usize,
    turned_at: Tick,
    turns_at_tick: u32,
}

/// What a machine broke: the number of the invariant, and how.
pub(crate) type Broken = (u8, &'static str);

impl<'a> Machine<'a> {
    pub(crate) fn new(port: usize) -> Self {
        Self {
            port,
            host: None,
            players: core::array::from_fn(|_| Player::new(Cast::Idle(Idle))),
            up_at: Some(Tick::ZERO),
            boots: 0,
            turned_at: Tick::ZERO,
            turns_at_tick: 0,
        }
    }

    pub(crate) fn player(&mut self, seat: usize) -> &mut Player<'a> {
        self.players.get_mut(seat).expect("a host has three seats")
    }

    /// Puts an app into a seat, and gives the host a turn.
    pub(crate) fn seat(&mut self, now: Tick, seat: usize, cast: Cast<'a>) {
        *self.player(seat) = Player::new(cast);
        self.wake(now);
    }

    pub(crate) fn wake(&mut self, now: Tick) {
        if let Some(host) = &mut self.host {
            host.wake_now(now);
        }
    }

    pub(crate) fn is_due(&self, now: Tick) -> bool {
        self.next().is_some_and(|next| next <= now)
    }

    /// When it must have its next turn, or starts.
    pub(crate) fn next(&self) -> Option<Tick> {
        match &self.host {
            Some(host) => host.next_turn(),
            None => self.up_at,
        }
    }

    /// Gives it a turn, and checks what must hold after each.
    pub(crate) fn turn(
        &mut self,
        now: Tick,
        recorder: &RefCell<Recorder<'_>>,
    ) -> Result<(), Broken> {
        let Some(host) = &mut self.host else {
            return Ok(());
        };
        recorder.borrow_mut().frames_sent = 0;
        let mut seats = self
            .players
            .each_mut()
            .map(|player| player.slot.seat(player.cast.app()));
        let next = host.with(&mut seats).turn(now, recorder);
        if recorder.borrow().frames_sent > FRAMES_MAX {
            return Err((7, "one turn sent more frames than its bound"));
        }
        self.turns_at_tick = if self.turned_at == now {
            self.turns_at_tick + 1
        } else {
            0
        };
        self.turned_at = now;
        if self.turns_at_tick > TURNS_MAX {
            return Err((7, "turns at one tick exceed their bound"));
        }
        self.check_deadlines(now, next)
    }

    /// No operation may be without a deadline in what the loop asked for.
    fn check_deadlines(&mut self, now: Tick, next: Option<Tick>) -> Result<(), Broken> {
        let Some(host) = &mut self.host else {
            return Ok(());
        };
        let local = host.local(now);
        let asked = next.map(|next| local.after(next.since(now)));
        let is_capped = asked.is_some_and(|asked| asked <= local.after(1));
        for player in self
            .players
            .iter_mut()
            .filter(|player| player.outcome().is_none())
        {
            if player.puts_off() {
                return Err((2, "a deadline that counts from one moment was put off"));
            }
            let app = player.cast.app_ref();
            let is_open = app.sockets().iter().any(|&handle| is_open(host, handle));
            match app.deadline() {
                None if is_open => return Err((3, "an open connection has no deadline")),
                Some(deadline) if deadline.at <= local && !is_capped => {
                    return Err((2, "an operation outlived its deadline"));
                }
                Some(deadline) if asked.is_none_or(|asked| asked > deadline.at) => {
                    return Err((3, "a deadline is not in what the turn returned"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether no socket carries a connection.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.host.as_ref().is_none_or(|host| {
            host.sockets
                .iter()
                .all(|(handle, _)| !is_open(host, handle))
        })
    }

    /// Whether somebody listens on this port.
    pub(crate) fn listens(&self, port: u16) -> bool {
        self.host.as_ref().is_some_and(|host| {
            host.sockets.iter().any(|(handle, _)| {
                let socket = host.sockets.get::<Socket<'_>>(handle);
                socket.state() == State::Listen && socket.listen_endpoint().port == port
            })
        })
    }

    /// The power goes; the apps' remains are for whoever may keep them.
    pub(crate) fn crash(&mut self, up_at: Tick) -> [Cast<'a>; SEATS] {
        self.host = None;
        self.up_at = Some(up_at);
        self.players
            .each_mut()
            .map(|player| core::mem::replace(player, Player::new(Cast::Idle(Idle))).cast)
    }
}

fn is_open(host: &Host<'_>, handle: SocketHandle) -> bool {
    !matches!(
        host.sockets.get::<Socket<'_>>(handle).state(),
        State::Closed | State::Listen | State::TimeWait
    )
}
