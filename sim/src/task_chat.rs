//! Two chat peers, and a stranger who calls.

use crate::Generator;
use smoltcp::wire::IpEndpoint;
use tickwire::Tick;
use tickwire::chat::{LineEnd, Options, Peer};

use crate::Host;
use crate::cast::{CHAT, Cast, Idle};
use crate::ledger::Speech;
use crate::plan::{ChatPlan, STRANGER};
use crate::side::Side;
use crate::stage::Stage;
use crate::stranger::Stranger;
use crate::tries::{Tries, is_plausible};

/// The port of the listener.
pub(crate) const PORT: u16 = 1_001;
/// Lines that each side says in the calm.
const FRESH_LINES: u32 = 2;
/// One session after the other.
pub(crate) struct ChatTask {
    plan: ChatPlan,
    connect_ticks: u64,
    sides: [Side; 2],
    pub(crate) tries: Tries,
    random: Generator,
    reads_at: Option<Tick>,
    /// The dialler has been told that there is nothing more to say.
    is_ending: bool,
    stranger: Stranger,
    /// The present attempt calls a liar.
    is_lied_to: bool,
}

impl ChatTask {
    pub(crate) fn new(plan: ChatPlan, connect_ticks: u64, stage: &Stage<'_, '_>) -> Self {
        let random = stage.root.fork("chat task", 0);
        let speech = |host: u64| Speech {
            salt: plan.salt + host * 1_000,
            bytes_max: plan.line_bytes_max,
        };
        let [here, there] = plan.lines;
        let side = |host, other, total| Side::new(speech(host), speech(other), total);
        Self {
            plan,
            connect_ticks,
            sides: [side(0, 1, here), side(1, 0, there)],
            tries: Tries::new(stage.root.fork("chat tries", 0), plan.goals),
            reads_at: None,
            is_ending: false,
            stranger: Stranger::new(&plan, &random),
            is_lied_to: false,
            random,
        }
    }

    const fn dialler(&self) -> usize {
        1 - self.plan.listener
    }

    fn side(&mut self, host: usize) -> &mut Side {
        self.sides.get_mut(host).expect("a chat has two sides")
    }

    pub(crate) fn install<'a>(
        &mut self,
        stage: &mut Stage<'a, '_>,
        host: usize,
        is_listening: bool,
    ) {
        let [receive, send] = self.plan.buffers;
        if host == STRANGER {
            if !is_listening {
                self.stranger.socket = Some(stage.add_socket(host, [512, 512]));
            }
            return;
        }
        if is_listening != (host == self.plan.listener) {
            return;
        }
        let sockets = [(); 2].map(|()| stage.add_socket(host, [receive, send]));
        self.side(host).sockets = Some(sockets);
        if is_listening {
            self.open(stage, host);
        }
    }

    /// Puts a peer into the seat of a host.
    fn open<'a>(&mut self, stage: &mut Stage<'a, '_>, host: usize) {
        let [line, queue] = self.plan.memory;
        let options = Options {
            line_end: if self.plan.is_raw {
                LineEnd::Raw
            } else {
                LineEnd::Lf
            },
            redial: self.plan.redials,
            connect_ticks: self.connect_ticks,
            ..Options::DEFAULT
        };
        let is_calm = stage.is_calm;
        let reading = self
            .plan
            .reading
            .filter(|_| !is_calm && host == self.plan.listener);
        let (listener, now) = (self.plan.listener, stage.now());
        if host == listener {
            self.reads_at = reading.map(|reading| now.after(reading.every_ticks));
        }
        let side = self.side(host);
        let Some(sockets) = side.sockets else {
            return;
        };
        let mut ledger = side.ledger;
        ledger.room = reading.map(|reading| reading.bytes);
        let (line, queue) = (stage.arena.bytes(line), stage.arena.bytes(queue));
        let mut peer = Peer::new(sockets, line, queue, ledger, options);
        if host == listener {
            peer.listen(PORT);
        } else {
            let partner = stage.partner(listener);
            self.is_lied_to = partner != listener;
            peer.dial(IpEndpoint::new(Host::address_of(partner).into(), PORT));
        }
        stage.machine(host).seat(now, CHAT, Cast::Chat(peer));
    }

    pub(crate) fn direct(&mut self, stage: &mut Stage<'_, '_>) {
        let (dialler, listener) = (self.dialler(), self.plan.listener);
        for host in [0, 1] {
            self.take_warning(stage, host);
            self.check_ledger(stage, host);
            self.say(stage, host);
        }
        self.read(stage);
        let listener_ended = stage.machine(listener).player(CHAT).outcome().is_some();
        stage.expect(
            !listener_ended,
            listener,
            (2, "a chat listener ended by itself"),
        );
        if stage.is_up(dialler) {
            if self.tries.is_running() {
                self.part(stage);
                self.judge(stage);
            }
            if self.tries.is_due(stage.now()) {
                self.is_ending = false;
                self.open(stage, dialler);
                self.tries.begin(stage.now());
            }
        }
        self.stranger.direct(stage);
        if self
            .tries
            .is_dead(stage.now(), stage.recorder.borrow().excused_until)
        {
            stage.find(
                dialler,
                (12, "no fresh chat succeeded within 60 s of the calm"),
            );
        }
    }

    fn take_warning(&mut self, stage: &Stage<'_, '_>, host: usize) {
        let mut recorder = stage.recorder.borrow_mut();
        let facts = recorder.chat.get_mut(host);
        if facts.is_some_and(|facts| core::mem::take(&mut facts.is_warned)) {
            let side = self.side(host);
            side.excused = side.said;
        }
    }

    fn check_ledger(&mut self, stage: &mut Stage<'_, '_>, host: usize) {
        let ends = stage
            .recorder
            .borrow()
            .chat
            .get(host)
            .map_or(0, |facts| facts.ends);
        if let Cast::Chat(peer) = stage.cast(host, CHAT) {
            self.side(host).ledger = *peer.sink_mut();
        }
        let ledger = self.side(host).ledger;
        stage.expect(
            !ledger.is_broken,
            host,
            (6, "a chat line is wrong, late or came twice"),
        );
        // Of a conversation that has ended but is not told yet there is one at most, and one that a crash ended for each
        // start of a host.
        let starts = stage
            .machines
            .iter()
            .map(|machine| machine.boots)
            .sum::<usize>() as u32;
        let is_explained = ledger.cuts <= ends + 1 + starts;
        stage.expect(
            is_explained,
            host,
            (6, "chat lines were cut without an end of a conversation"),
        );
    }

    fn say(&mut self, stage: &mut Stage<'_, '_>, host: usize) {
        let now = stage.now();
        let partner = Host::address_of(1 - host).into();
        let is_dialler = host == self.dialler();
        let may_say = !self.is_ending || !is_dialler;
        // In the calm nobody takes long to type.
        let gap_max = if stage.is_calm {
            50
        } else {
            self.plan.gap_ticks_max
        };
        let gap = self.random.between(0, gap_max);
        let side = self.side(host);
        if side.said >= side.total || side.says_at > now || !may_say {
            return;
        }
        let line = side.speech.line(side.said);
        if stage.machine(host).player(CHAT).outcome().is_some() {
            return;
        }
        let Cast::Chat(peer) = stage.cast(host, CHAT) else {
            return;
        };
        let is_heard = peer.remote().is_some_and(|remote| remote.addr == partner);
        if !is_dialler && !is_heard {
            // It would wait for whoever comes; looked at again with the next turn.
            return;
        }
        let said = peer.push_line(&line);
        let side = self.side(host);
        if said.is_ok() {
            side.said += 1;
            side.says_at = now.after(gap);
            stage.machine(host).wake(now);
        } else {
            side.says_at = now.after(50);
        }
    }

    fn read(&mut self, stage: &mut Stage<'_, '_>) {
        let (now, is_calm, listener) = (stage.now(), stage.is_calm, self.plan.listener);
        if self.reads_at.is_none_or(|at| at > now && !is_calm) {
            return;
        }
        let reading = self.plan.reading.filter(|_| !is_calm);
        self.reads_at = reading.map(|reading| now.after(reading.every_ticks));
        if let Cast::Chat(peer) = stage.cast(listener, CHAT) {
            peer.sink_mut().room = reading.map(|reading| reading.bytes);
        }
        stage.machine(listener).wake(now);
    }

    /// Whether every line of a side was heard, or its side knows better.
    fn is_settled(&self, host: usize) -> bool {
        let (Some(speaker), Some(hearer)) = (self.sides.get(host), self.sides.get(1 - host)) else {
            return false;
        };
        (speaker.excused..speaker.said).all(|number| hearer.ledger.has_heard(number))
    }

    fn is_all_said(&self) -> bool {
        self.sides.iter().all(|side| side.said == side.total)
    }

    /// Tells the dialler that there is nothing more to say.
    fn part(&mut self, stage: &mut Stage<'_, '_>) {
        let is_settled = self.is_settled(0) && self.is_settled(1);
        if self.is_ending || !self.is_all_said() || (self.plan.redials && !is_settled) {
            return;
        }
        let (dialler, redials, now) = (self.dialler(), self.plan.redials, stage.now());
        if let Cast::Chat(peer) = stage.cast(dialler, CHAT) {
            if redials {
                peer.quit();
            } else {
                peer.end_input();
            }
            self.is_ending = true;
            stage.machine(dialler).wake(now);
        }
    }

    fn judge(&mut self, stage: &mut Stage<'_, '_>) {
        let (dialler, now) = (self.dialler(), stage.now());
        let Some(ended) = stage.machine(dialler).player(CHAT).outcome() else {
            return;
        };
        self.check_ledger(stage, dialler);
        let is_all_said = self.is_all_said();
        let is_lied_to = self.is_lied_to;
        let side = self.side(dialler);
        match ended {
            Ok(()) if is_all_said => self.tries.succeed(now),
            Ok(()) => {
                self.tries.go_on(now);
            }
            Err(error) => {
                // What waited in its queue goes down with the app, and the app has said so.
                side.excused = side.said;
                let is_plausible = is_plausible(error, is_lied_to);
                stage.expect(
                    is_plausible,
                    dialler,
                    (2, "a chat ended in an error that nothing caused"),
                );
                self.tries.fail(now, error);
            }
        }
        stage.machine(dialler).seat(now, CHAT, Cast::Idle(Idle));
    }

    pub(crate) fn crashed(&mut self, now: Tick, host: usize, remains: &mut Cast<'_>) {
        if host == STRANGER {
            return;
        }
        let is_dialler = host == self.dialler();
        // What it had acknowledged and not delivered goes down with it, and TCP does not tell the other side.
        let other = self.side(1 - host);
        other.excused = other.said;
        let side = self.side(host);
        side.excused = side.said;
        side.sockets = None;
        if let Cast::Chat(peer) = remains {
            side.ledger = *peer.sink_mut();
        }
        if is_dialler {
            self.tries.crash(now);
        }
    }

    pub(crate) fn calm(&mut self, stage: &mut Stage<'_, '_>) {
        let (now, dialler, listener) = (stage.now(), self.dialler(), self.plan.listener);
        if core::mem::take(&mut self.is_lied_to)
            && let Cast::Chat(peer) = stage.cast(dialler, CHAT)
        {
            // The user has had enough of the liar. An app whose input has ended has nothing to say to another.
            if self.is_ending {
                peer.quit();
            } else {
                peer.dial(IpEndpoint::new(Host::address_of(listener).into(), PORT));
            }
            stage.machine(dialler).wake(now);
        }
        for side in &mut self.sides {
            side.total += FRESH_LINES;
        }
        self.tries.goals = 0;
        self.tries.calm(now);
    }

    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let says = self.sides.iter().filter(|side| side.said < side.total);
        says.map(|side| side.says_at)
            .chain([self.tries.next(now), self.reads_at].into_iter().flatten())
            .chain(self.stranger.next())
            .filter(|at| *at > now)
            .min()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.tries.goals == 0 && !self.tries.is_running()
    }

    /// Whether everything was delivered that nobody was warned about.
    pub(crate) fn check_end(&self, stage: &mut Stage<'_, '_>) {
        for host in [0, 1] {
            let is_settled = self.is_settled(host);
            stage.expect(
                is_settled,
                host,
                (6, "a chat line was lost without an error to its sender"),
            );
        }
    }
}
