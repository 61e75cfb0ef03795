//! A sender of files, and a receiver whose storage may fail.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::file::{FileReceiver, FileSender, ReceiverOptions, SendError, SenderOptions, Status};
use tickwire::store::MemoryStore;
use tickwire::{Duration, Tick};

use super::app_plans::{File, FilePlan};
use super::attempts::{AttemptCounts, Attempts, is_plausible};
use super::context::RunContext;
use super::faulty_store::{FaultyStore, Medium, STORE_BUFFER_BYTES, StoreFaults};
use super::flash::Flash;
use super::node_slot::Violation;
use super::sim_app::{FILE, SimApp};
use crate::pattern::Pattern;
use crate::{Idle, Node, SimError, streams};

/// The port of the receiver.
pub(crate) const PORT: u16 = 2_001;
/// The journal of a flash store, both halves.
const JOURNAL_BYTES: usize = 5 * 1_024;
/// The file that is sent after the faults.
const FRESH: File = File {
    pattern: Pattern {
        salt: 77,
        length: 300,
    },
    is_checked: true,
};

/// One file after the other.
pub(crate) struct FileWorkload<'a> {
    plan: FilePlan,
    connect_timeout: Duration,
    sender: Option<SocketHandle>,
    /// The flash while the receiver has no power.
    flash: Option<Flash<'a>>,
    /// The number of the file that is sent now, or next.
    at: usize,
    /// The last one that the receiver reported as stored. Only another one may replace it.
    durable: Option<Pattern>,
    /// All that it ever reported, one bit for each file.
    stored: u32,
    attempts: Attempts,
    /// The present attempt sends to a hostile peer.
    is_peer_hostile: bool,
}

impl<'a> FileWorkload<'a> {
    pub(crate) fn new(
        plan: FilePlan,
        connect_timeout: Duration,
        context: &mut RunContext<'a, '_>,
    ) -> Self {
        let flash = plan.is_flash.then(|| {
            let size = 2 * plan.slot_bytes + JOURNAL_BYTES;
            let bytes = context.bump.bytes(size);
            let blank = context.bump.bytes(Flash::units(size));
            let random = context.root.fork(streams::FLASH, 0);
            Flash::used(bytes, blank, context.power, random)
        });
        context.power.cut_after.set(plan.power_cut_after);
        let attempts = context.root.fork(streams::FILE_ATTEMPTS, 0);
        Self {
            connect_timeout,
            sender: None,
            flash,
            at: 0,
            durable: None,
            stored: 0,
            attempts: Attempts::new(attempts, plan.wanted),
            is_peer_hostile: false,
            plan,
        }
    }

    const fn sender_node(&self) -> usize {
        1 - self.plan.receiver
    }

    fn file(&self) -> File {
        self.plan.files.get(self.at).copied().unwrap_or(FRESH)
    }

    /// The files that the receiver may be storing: the present one, and the one before. A sender of
    /// the plain form does not learn when a file is stored.
    fn candidates(&self) -> impl Iterator<Item = (usize, Pattern)> {
        let before = self.at.checked_sub(1);
        let files = &self.plan.files;
        [Some(self.at), before].into_iter().flatten().map(|at| {
            let file = files.get(at).copied().unwrap_or(FRESH);
            (at, file.pattern)
        })
    }

    pub(crate) fn install(
        &mut self,
        context: &mut RunContext<'a, '_>,
        node: usize,
        is_listening: bool,
    ) {
        let [receive, send] = self.plan.buffers;
        let sizes = match (node, is_listening) {
            (node, true) if node == self.plan.receiver => [receive, 512],
            (node, false) if node == self.sender_node() => [512, send],
            _ => return,
        };
        let handle = context.add_socket(node, sizes);
        if is_listening {
            self.serve(context, handle);
        } else {
            self.sender = Some(handle);
        }
    }

    fn serve(&mut self, context: &mut RunContext<'a, '_>, handle: SocketHandle) {
        let store = self.open_store(context);
        let receive = FileReceiver::new(handle, PORT, store, ReceiverOptions::default());
        context.start_app(self.plan.receiver, FILE, SimApp::Receive(receive));
    }

    /// The store after a start; what was durable must still be there.
    fn open_store(&mut self, context: &mut RunContext<'a, '_>) -> FaultyStore<'a> {
        let boots = context.node(self.plan.receiver).boots as u64;
        let random = context.root.fork(streams::STORE_FAULTS, boots);
        // The one call that fails does so before the first restart.
        let faults = match (context.is_healed(), boots) {
            (true, _) => StoreFaults::default(),
            (false, 1) => self.plan.store_faults,
            (false, _) => StoreFaults {
                fail_at: None,
                ..self.plan.store_faults
            },
        };
        let Some(flash) = self.flash.take() else {
            let [first, second] = [(); 2].map(|()| context.bump.bytes(self.plan.slot_bytes));
            let medium = Medium::Memory(MemoryStore::new(first, second));
            self.durable = None;
            return FaultyStore::new(medium, faults, random);
        };
        flash.restore();
        let buffer = context.bump.bytes(STORE_BUFFER_BYTES);
        let mut store = FaultyStore::over(flash, buffer, faults, random);
        if boots > 1 {
            self.check_restart(context, &mut store);
        }
        store
    }

    fn check_restart(&mut self, context: &mut RunContext<'a, '_>, store: &mut FaultyStore<'a>) {
        let receiver = self.plan.receiver;
        let is_mounted = store.mount().is_ok();
        context.check(
            is_mounted,
            receiver,
            Violation::new(5, "a store cannot be mounted after a crash"),
        );
        if self.durable.is_some_and(|durable| store.has(durable)) {
            return;
        }
        // The one that was being stored may have become durable just before the power failed.
        let newer = self.candidates().find(|(_, pattern)| store.has(*pattern));
        let is_whole = match (newer, self.durable) {
            (Some(_), _) => true,
            (None, None) => store.length().is_none(),
            (None, Some(_)) => false,
        };
        context.check(
            is_whole,
            receiver,
            Violation::new(5, "a crash left neither the old file nor the new one"),
        );
        self.durable = newer.map(|(_, pattern)| pattern);
    }

    pub(crate) fn drive(&mut self, context: &mut RunContext<'a, '_>) {
        let sender = self.sender_node();
        context.check(
            !context.power.is_rule_broken.get(),
            self.plan.receiver,
            Violation::new(5, "the store broke a rule of the flash"),
        );
        self.check_stored(context);
        if context.is_up(sender) {
            if self.attempts.is_running() {
                self.check_outcome(context);
            }
            if self.attempts.is_due(context.now()) {
                self.begin(context);
            }
        }
        let what = "no fresh file was sent within 60 s of the end of all faults";
        context.check_fresh(&self.attempts, sender, what);
    }

    /// What the receiver reported as stored must be there, byte for byte.
    fn check_stored(&mut self, context: &mut RunContext<'a, '_>) {
        let stored = core::mem::take(&mut context.tracer.borrow_mut().stored);
        if stored.is_empty() {
            return;
        }
        let receiver = self.plan.receiver;
        let SimApp::Receive(receive) = context.app(receiver, FILE) else {
            return;
        };
        if stored.last() == Some(&true) {
            // Whoever reaches the port can store a file.
            self.durable = None;
            return;
        }
        let store = receive.store_mut();
        let found = self.candidates().find(|(_, pattern)| store.has(*pattern));
        match found {
            Some((at, pattern)) => {
                self.durable = Some(pattern);
                self.stored |= 1 << at;
            }
            None => {
                let what = "a file was stored that nobody sent";
                context.fail(receiver, Violation::new(1, what));
            }
        }
    }

    /// Begins an attempt.
    fn begin(&mut self, context: &mut RunContext<'a, '_>) {
        let Some(handle) = self.sender else {
            return;
        };
        let file = self.file();
        let options = SenderOptions {
            connect_timeout: self.connect_timeout,
            ..SenderOptions::default()
        };
        let peer = context.choose_peer(self.plan.receiver);
        self.is_peer_hostile = peer != self.plan.receiver;
        let remote = IpEndpoint::new(Node::address_of(peer).into(), PORT);
        let send = if file.is_checked {
            FileSender::checked(handle, remote, "image.bin", file.pattern, options)
        } else {
            FileSender::plain(handle, remote, file.pattern, options)
        };
        context.start_app(self.sender_node(), FILE, SimApp::Send(send));
        self.attempts.begin(context.now());
    }

    fn check_outcome(&mut self, context: &mut RunContext<'a, '_>) {
        let (sender, now) = (self.sender_node(), context.now());
        let Some(outcome) = context.slot(sender, FILE).outcome() else {
            return;
        };
        match outcome {
            Ok(()) if self.is_peer_hostile => self.attempts.try_again(now),
            Ok(()) => {
                let is_stored = self.stored & 1 << self.at != 0 || !self.file().is_checked;
                context.check(
                    is_stored,
                    sender,
                    Violation::new(4, "a sender was done before the file was durable"),
                );
                self.at += 1;
                self.attempts.succeed(now);
            }
            Err(error) => {
                let is_peer_hostile = self.is_peer_hostile || self.plan.word_swap_ppm > 0;
                let is_explained = is_plausible(error, is_peer_hostile) || self.explains(error);
                context.check(
                    is_explained,
                    sender,
                    Violation::new(2, "a file ended in an error that nothing caused"),
                );
                self.attempts.fail(now, error);
            }
        }
        context.start_app(sender, FILE, SimApp::Idle(Idle));
    }

    /// Whether an error can come from what this seed has decided: a call of the store that fails, or
    /// a flash without power.
    fn explains(&self, error: SimError) -> bool {
        let may_fail =
            self.plan.store_faults.fail_at.is_some() || self.plan.power_cut_after.is_some();
        may_fail && error == SimError::Send(SendError::Refused(Status::STORAGE_FAILED.0))
    }

    pub(crate) fn crashed(&mut self, now: Tick, node: usize, app: SimApp<'a>) {
        if node == self.sender_node() {
            self.sender = None;
            self.attempts.crash(now);
        }
        if let SimApp::Receive(receive) = app {
            self.flash = receive.into_store().into_flash();
        }
    }

    pub(crate) fn heal(&mut self, context: &mut RunContext<'a, '_>) {
        self.attempts.heal(context.now());
        context.power.cut_after.set(None);
        if let SimApp::Receive(receive) = context.app(self.plan.receiver, FILE) {
            receive.store_mut().heal();
        }
    }

    /// The receiver's node, when its power has just failed.
    pub(crate) fn power_cut(&self, context: &RunContext<'a, '_>) -> Option<usize> {
        let is_cut = context.power.is_cut.get() && context.is_up(self.plan.receiver);
        is_cut.then_some(self.plan.receiver)
    }

    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        self.attempts.next(now)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.attempts.is_done()
    }

    pub(crate) fn counts(&self) -> AttemptCounts {
        self.attempts.counts()
    }
}
