//! Where the apps of a run meet.

use crate::Generator;
use crate::ethernet::Ethernet;
use core::cell::RefCell;

use smoltcp::iface::SocketHandle;
use tickwire::Tick;

use crate::Profile;
use crate::arena::Arena;
use crate::cast::{Broken, Cast, Machine};
use crate::flash::Supply;
use crate::plan::{HOSTS, Options, STRANGER};
use crate::recorder::Recorder;

/// What a run found broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The number of the invariant, as in `docs/simulation.md`.
    pub invariant: u8,
    /// When it was seen.
    pub at: Tick,
    /// On which host, where it is of one.
    pub host: Option<usize>,
    /// How it was broken.
    pub what: &'static str,
}

/// All that tasks share.
pub(crate) struct Stage<'a, 'w> {
    pub(crate) options: Options,
    pub(crate) ethernet: &'a Ethernet<'a>,
    pub(crate) machines: [Machine<'a>; HOSTS],
    pub(crate) arena: Arena<'a>,
    pub(crate) supply: &'a Supply,
    /// The observer of the Ethernet, too.
    pub(crate) recorder: &'a RefCell<Recorder<'w>>,
    pub(crate) root: Generator,
    /// For whom clients ask.
    pub(crate) chance: Generator,
    pub(crate) is_calm: bool,
    pub(crate) finding: Option<Finding>,
}

impl<'a> Stage<'a, '_> {
    pub(crate) fn now(&self) -> Tick {
        self.ethernet.now()
    }

    pub(crate) fn machine(&mut self, host: usize) -> &mut Machine<'a> {
        self.machines
            .get_mut(host)
            .expect("a world has three hosts")
    }

    /// The app in a seat.
    pub(crate) fn cast(&mut self, host: usize, seat: usize) -> &mut Cast<'a> {
        &mut self.machine(host).player(seat).cast
    }

    pub(crate) fn is_up(&self, host: usize) -> bool {
        self.machines
            .get(host)
            .is_some_and(|machine| machine.host.is_some())
    }

    /// A socket for a host that has just started.
    pub(crate) fn add_socket(&mut self, host: usize, sizes: [usize; 2]) -> SocketHandle {
        let [receive, send] = sizes.map(|size| self.arena.bytes(size));
        let booted = self.machine(host).host.as_mut();
        booted
            .expect("it has just started")
            .add_socket(receive, send)
    }

    /// Whom a client asks that wants something from `host`: at times a liar instead, where there is one.
    pub(crate) fn partner(&mut self, host: usize) -> usize {
        let has_liar = self.options.profile == Profile::Hostile && !self.is_calm;
        if has_liar && self.chance.chance(700_000) {
            STRANGER
        } else {
            host
        }
    }

    /// Notes that an invariant was broken; the first counts.
    pub(crate) fn find(&mut self, host: usize, (invariant, what): Broken) {
        self.finding.get_or_insert(Finding {
            invariant,
            at: self.now(),
            host: Some(host),
            what,
        });
    }

    /// Notes it unless `holds`.
    pub(crate) fn expect(&mut self, holds: bool, host: usize, broken: Broken) {
        if !holds {
            self.find(host, broken);
        }
    }
}
