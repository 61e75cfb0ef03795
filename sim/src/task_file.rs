//! A sender of files, and a receiver whose storage may fail.

use smoltcp::iface::SocketHandle;
use smoltcp::wire::IpEndpoint;
use tickwire::file::{Receive, ReceiveOptions, Send, SendOptions, Status};
use tickwire::store::MemoryStore;
use tickwire::{Error, Tick};

use crate::Host;
use crate::cast::{Cast, FILE, Idle};
use crate::flash::Flash;
use crate::pattern::Pattern;
use crate::plan::{File, FilePlan};
use crate::stage::Stage;
use crate::tries::{Tries, is_plausible};
use crate::vault::{Moods, STORE_BUFFER, Shelf, Vault};

/// The port of the receiver.
pub(crate) const PORT: u16 = 2_001;
/// Room for the journal of a flash store, both halves.
const JOURNAL_BYTES: usize = 5 * 1_024;
/// The file of the calm.
const FRESH: File = File {
    pattern: Pattern {
        salt: 77,
        length: 300,
    },
    is_checked: true,
};

/// One file after the other.
pub(crate) struct FileTask<'a> {
    plan: FilePlan,
    connect_ticks: u64,
    sender: Option<SocketHandle>,
    /// While the receiver has no power.
    flash: Option<Flash<'a>>,
    /// The file that is sent now, or next.
    at: usize,
    /// The last one that the receiver told to be stored, and that nothing but another one may remove.
    durable: Option<Pattern>,
    /// All that it ever told, one bit for each file.
    stored: u32,
    pub(crate) tries: Tries,
    /// The present attempt sends to a liar.
    is_lied_to: bool,
}

impl<'a> FileTask<'a> {
    pub(crate) fn new(plan: FilePlan, connect_ticks: u64, stage: &mut Stage<'a, '_>) -> Self {
        let goals = plan.goals;
        let flash = plan.is_flash.then(|| {
            let size = 2 * plan.slot_bytes + JOURNAL_BYTES;
            let bytes = stage.arena.bytes(size);
            let blank = stage.arena.bytes(Flash::units(size));
            Flash::used(bytes, blank, stage.supply, stage.root.fork("flash", 0))
        });
        stage.supply.cut_after.set(plan.cut_after);
        Self {
            connect_ticks,
            sender: None,
            flash,
            at: 0,
            durable: None,
            stored: 0,
            tries: Tries::new(stage.root.fork("file tries", 0), goals),
            is_lied_to: false,
            plan,
        }
    }

    const fn sender_host(&self) -> usize {
        1 - self.plan.receiver
    }

    fn file(&self) -> File {
        self.plan.files.get(self.at).copied().unwrap_or(FRESH)
    }

    /// The files that the receiver may be storing: the present one, and in the plain form, whose sender knows less, the
    /// one before.
    fn candidates(&self) -> impl Iterator<Item = (usize, Pattern)> {
        let before = self.at.checked_sub(1);
        let files = &self.plan.files;
        [Some(self.at), before].into_iter().flatten().map(|at| {
            let file = files.get(at).copied().unwrap_or(FRESH);
            (at, file.pattern)
        })
    }

    pub(crate) fn install(&mut self, stage: &mut Stage<'a, '_>, host: usize, is_listening: bool) {
        let [receive, send] = self.plan.buffers;
        let sizes = match (host, is_listening) {
            (host, true) if host == self.plan.receiver => [receive, 512],
            (host, false) if host == self.sender_host() => [512, send],
            _ => return,
        };
        let handle = stage.add_socket(host, sizes);
        if is_listening {
            self.serve(stage, handle);
        } else {
            self.sender = Some(handle);
        }
    }

    fn serve(&mut self, stage: &mut Stage<'a, '_>, handle: SocketHandle) {
        let vault = self.open_vault(stage);
        let receive = Receive::new(handle, PORT, vault, ReceiveOptions::default());
        let now = stage.now();
        stage
            .machine(self.plan.receiver)
            .seat(now, FILE, Cast::Receive(receive));
    }

    /// The store after a start; what was durable must still be there.
    fn open_vault(&mut self, stage: &mut Stage<'a, '_>) -> Vault<'a> {
        let boots = stage.machine(self.plan.receiver).boots as u64;
        let random = stage.root.fork("moods", boots);
        // A call that fails does so in the first life.
        let moods = match (stage.is_calm, boots) {
            (true, _) => Moods::default(),
            (false, 1) => self.plan.moods,
            (false, _) => Moods {
                fail_at: None,
                ..self.plan.moods
            },
        };
        let Some(flash) = self.flash.take() else {
            let [first, second] = [(); 2].map(|()| stage.arena.bytes(self.plan.slot_bytes));
            self.durable = None;
            return Vault::new(
                Shelf::Memory(MemoryStore::new(first, second)),
                moods,
                random,
            );
        };
        flash.restore();
        let buffer = stage.arena.bytes(STORE_BUFFER);
        let mut vault = Vault::over(flash, buffer, moods, random);
        if boots > 1 {
            self.check_start(stage, &mut vault);
        }
        vault
    }

    fn check_start(&mut self, stage: &mut Stage<'a, '_>, vault: &mut Vault<'a>) {
        let receiver = self.plan.receiver;
        let is_mounted = vault.mount().is_ok();
        stage.expect(
            is_mounted,
            receiver,
            (5, "a store cannot be mounted after a crash"),
        );
        if self.durable.is_some_and(|durable| vault.has(durable)) {
            return;
        }
        // The one that was being stored may have become durable just before the power went.
        let newer = self.candidates().find(|(_, pattern)| vault.has(*pattern));
        let is_whole = match (newer, self.durable) {
            (Some(_), _) => true,
            (None, None) => vault.length().is_none(),
            (None, Some(_)) => false,
        };
        stage.expect(
            is_whole,
            receiver,
            (5, "a crash left neither the old file nor the new one"),
        );
        self.durable = newer.map(|(_, pattern)| pattern);
    }

    pub(crate) fn direct(&mut self, stage: &mut Stage<'a, '_>) {
        let sender = self.sender_host();
        let is_abused = stage.supply.is_abused.get();
        stage.expect(
            !is_abused,
            self.plan.receiver,
            (5, "the store broke a rule of the flash"),
        );
        self.take_stored(stage);
        if stage.is_up(sender) {
            if self.tries.is_running() {
                self.judge(stage);
            }
            if self.tries.is_due(stage.now()) {
                self.send(stage);
            }
        }
        if self
            .tries
            .is_dead(stage.now(), stage.recorder.borrow().excused_until)
        {
            stage.find(
                sender,
                (12, "no fresh file was sent within 60 s of the calm"),
            );
        }
    }

    /// What the receiver told to be stored must be there, byte for byte.
    fn take_stored(&mut self, stage: &mut Stage<'a, '_>) {
        let stored = core::mem::take(&mut stage.recorder.borrow_mut().stored);
        if stored.is_empty() {
            return;
        }
        let receiver = self.plan.receiver;
        let Cast::Receive(receive) = stage.cast(receiver, FILE) else {
            return;
        };
        if stored.last() == Some(&true) {
            // Whoever reaches the port can store a file.
            self.durable = None;
            return;
        }
        let vault = receive.store_mut();
        let found = self.candidates().find(|(_, pattern)| vault.has(*pattern));
        match found {
            Some((at, pattern)) => {
                self.durable = Some(pattern);
                self.stored |= 1 << at;
            }
            None => stage.find(receiver, (1, "a file was stored that nobody sent")),
        }
    }

    fn send(&mut self, stage: &mut Stage<'a, '_>) {
        let Some(handle) = self.sender else {
            return;
        };
        let (file, now) = (self.file(), stage.now());
        let options = SendOptions {
            connect_ticks: self.connect_ticks,
            ..SendOptions::default()
        };
        let partner = stage.partner(self.plan.receiver);
        self.is_lied_to = partner != self.plan.receiver;
        let remote = IpEndpoint::new(Host::address_of(partner).into(), PORT);
        let send = if file.is_checked {
            Send::checked(handle, remote, "image.bin", file.pattern, options)
        } else {
            Send::plain(handle, remote, file.pattern, options)
        };
        stage
            .machine(self.sender_host())
            .seat(now, FILE, Cast::Send(send));
        self.tries.begin(stage.now());
    }

    fn judge(&mut self, stage: &mut Stage<'a, '_>) {
        let (sender, now) = (self.sender_host(), stage.now());
        let Some(ended) = stage.machine(sender).player(FILE).outcome() else {
            return;
        };
        match ended {
            Ok(()) if self.is_lied_to => self.tries.go_on(now),
            Ok(()) => {
                let is_stored = self.stored & 1 << self.at != 0 || !self.file().is_checked;
                stage.expect(
                    is_stored,
                    sender,
                    (4, "a sender was done before the file was durable"),
                );
                self.at += 1;
                self.tries.succeed(now);
            }
            Err(error) => {
                let is_lied_to = self.is_lied_to || self.plan.word_swap_ppm > 0;
                let is_plausible = is_plausible(error, is_lied_to) || self.explains(error);
                stage.expect(
                    is_plausible,
                    sender,
                    (2, "a file ended in an error that nothing caused"),
                );
                self.tries.fail(now, error);
            }
        }
        stage.machine(sender).seat(now, FILE, Cast::Idle(Idle));
    }

    /// Whether an error can come of what this seed has drawn: a call of the store that fails, a flash without power.
    fn explains(&self, error: Error) -> bool {
        let may_fail = self.plan.moods.fail_at.is_some() || self.plan.cut_after.is_some();
        may_fail && error == Error::ReceiverRefused(Status::STORAGE_FAILED.0)
    }

    pub(crate) fn crashed(&mut self, now: Tick, host: usize, remains: Cast<'a>) {
        if host == self.sender_host() {
            self.sender = None;
            self.tries.crash(now);
        }
        if let Cast::Receive(receive) = remains {
            self.flash = receive.into_store().into_flash();
        }
    }

    pub(crate) fn calm(&mut self, stage: &mut Stage<'a, '_>) {
        self.tries.calm(stage.now());
        stage.supply.cut_after.set(None);
        if let Cast::Receive(receive) = stage.cast(self.plan.receiver, FILE) {
            receive.store_mut().calm();
        }
    }

    /// Whether the power of the receiver has just failed.
    pub(crate) fn cut(&self, stage: &Stage<'a, '_>) -> Option<usize> {
        let is_cut = stage.supply.is_cut.get() && stage.is_up(self.plan.receiver);
        is_cut.then_some(self.plan.receiver)
    }

    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        self.tries.next(now)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.tries.goals == 0 && !self.tries.is_running()
    }
}
