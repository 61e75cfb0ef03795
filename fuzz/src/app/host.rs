//! The host under test: tickwire's loop over one app.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::wire::IpCidr;
use tickwire::guard::Guarded;
use tickwire::{Carry, Error, Slot, Tick, turn};

use super::peer::Peer;
use super::{HOST, Subject};
use crate::bounds::Before;
use crate::cable::Cable;
use crate::frame::HOST_MAC;

/// Its longest deadlines are of a minute or two.
const PATIENCE_TICKS: u64 = 600_000;
const TURNS_MAX: u32 = 20_000;

pub(super) type Device<'a> = Guarded<'a, Cable>;

pub(super) struct Host<'a> {
    now: Tick,
    device: Device<'a>,
    iface: Interface,
    sockets: SocketSet<'a>,
    pub(super) subject: Subject<'a>,
    slot: Slot,
    carry: Carry,
    next: Option<Tick>,
}

impl<'a> Host<'a> {
    pub(super) fn new(
        mut device: Device<'a>,
        sockets: SocketSet<'a>,
        subject: Subject<'a>,
    ) -> Self {
        let mut config = Config::new(HOST_MAC.into());
        config.random_seed = 1;
        let now = Tick::from_millis(1);
        let mut iface = Interface::new(config, &mut device, now.to_smoltcp());
        iface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(HOST.into(), 24))
                .expect("an interface has room for one address");
        });
        Self {
            now,
            device,
            iface,
            sockets,
            subject,
            slot: Slot::new(),
            carry: Carry::new(1),
            next: None,
        }
    }

    pub(super) fn hear(&mut self, frame: Vec<u8>) {
        self.device.get_mut().to_host.push_back(frame);
    }

    /// Lets the loop turn until it waits, with the peer answering.
    pub(super) fn settle(&mut self, peer: &mut Peer) {
        for _ in 0..TURNS_MAX {
            let before = Before::new(self.device.get_ref());
            let seats = &mut [self.slot.seat(self.subject.app())];
            self.next = turn(
                self.now,
                &mut self.iface,
                &mut self.device,
                &mut self.sockets,
                seats,
                &mut self.carry,
                &mut (),
            );
            before.check_turn(self.device.get_ref(), self.sockets.iter().count());
            while let Some(frame) = self.device.get_mut().from_host.pop_front() {
                peer.hear(self, &frame);
            }
            let is_due = self.next.is_some_and(|next| next <= self.now);
            if self.device.get_ref().to_host.is_empty() && !is_due {
                return;
            }
        }
        panic!("the loop does not come to rest at {}", self.now);
    }

    pub(super) fn pass(&mut self, ticks: u64, peer: &mut Peer) {
        let end = self.now.after(ticks);
        for _ in 0..TURNS_MAX {
            self.settle(peer);
            match self.next {
                Some(next) if next < end => self.now = next,
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("time does not pass at {}", self.now);
    }

    /// The peer says nothing more: whatever the app was doing ends.
    pub(super) fn run_out(&mut self, peer: &mut Peer) {
        // A chat that redials, and one without `once`, goes on as long as its owner wants it to.
        if let Subject::Chat(chat) = &mut self.subject {
            chat.quit();
        }
        self.pass(PATIENCE_TICKS, peer);
        let is_open = |handle: &SocketHandle| {
            let state = self.sockets.get::<Socket<'_>>(*handle).state();
            !matches!(state, State::Closed | State::Listen | State::TimeWait)
        };
        let open = self.subject.app().sockets().iter().any(is_open);
        let outcome = self.slot.outcome();
        assert!(!open, "a connection is still open, the app {outcome:?}");
        match &self.subject {
            Subject::Get(get) => match outcome.expect("a GET ends") {
                Ok(()) => assert!(get.complete().is_some()),
                Err(error) => assert!(!matches!(error, Error::SocketInUse | Error::NoLocalPort)),
            },
            Subject::Chat(_) => assert!(outcome.is_some(), "a chat that is to quit ends"),
            Subject::Receive(_) => {}
        }
    }
}
