//! Two chat peers, and a third node that calls.

use smoltcp::wire::IpEndpoint;
use tickwire::chat::{Chat, LineEnd, Options};
use tickwire::{Duration, Tick};

use super::app_plans::ChatPlan;
use super::attempts::{AttemptCounts, Attempts, is_plausible};
use super::context::RunContext;
use super::line_checker::Lines;
use super::node_slot::Violation;
use super::participant::Participant;
use super::plan::OUTSIDER;
use super::portions::Portions;
use super::second_caller::{PORT, SecondCaller};
use super::sim_app::{CHAT, SimApp};
use crate::{Generator, Idle, Node, streams};

/// Lines that each participant says after the faults.
const FRESH_LINES: u32 = 2;

/// One conversation after the other.
pub(crate) struct ChatWorkload {
    plan: ChatPlan,
    connect_timeout: Duration,
    participants: [Participant; 2],
    attempts: Attempts,
    random: Generator,
    /// In which the listener's user takes what arrived.
    portions: Portions,
    /// The dialler was told that there is nothing more to say.
    is_ending: bool,
    second_caller: SecondCaller,
    /// The present attempt calls a hostile peer.
    is_peer_hostile: bool,
}

impl ChatWorkload {
    pub(crate) fn new(
        plan: ChatPlan,
        connect_timeout: Duration,
        context: &RunContext<'_, '_>,
    ) -> Self {
        let random = context.root.fork(streams::CHAT, 0);
        let attempts = context.root.fork(streams::CHAT_ATTEMPTS, 0);
        let lines = |node: u64| Lines {
            salt: plan.salt + node * 1_000,
            bytes_max: plan.line_bytes_max,
        };
        let [first, second] = plan.lines;
        Self {
            plan,
            connect_timeout,
            participants: [
                Participant::new(lines(0), lines(1), first),
                Participant::new(lines(1), lines(0), second),
            ],
            attempts: Attempts::new(attempts, plan.wanted),
            portions: Portions::new(plan.reader),
            is_ending: false,
            second_caller: SecondCaller::new(&plan, &random),
            is_peer_hostile: false,
            random,
        }
    }

    const fn dialler(&self) -> usize {
        1 - self.plan.listener
    }

    fn participant(&mut self, node: usize) -> &mut Participant {
        let participant = self.participants.get_mut(node);
        participant.expect("a chat has two participants")
    }

    pub(crate) fn install<'a>(
        &mut self,
        context: &mut RunContext<'a, '_>,
        node: usize,
        is_listening: bool,
    ) {
        let [receive, send] = self.plan.buffers;
        if node == OUTSIDER {
            if !is_listening {
                self.second_caller.socket = Some(context.add_socket(node, [512, 512]));
            }
            return;
        }
        if is_listening != (node == self.plan.listener) {
            return;
        }
        let sockets = [(); 2].map(|()| context.add_socket(node, [receive, send]));
        self.participant(node).sockets = Some(sockets);
        if is_listening {
            self.open(context, node);
        }
    }

    /// Starts the chat app of a node.
    fn open<'a>(&mut self, context: &mut RunContext<'a, '_>, node: usize) {
        let [line, queue] = self.plan.memory;
        let options = Options {
            line_end: if self.plan.is_raw {
                LineEnd::Raw
            } else {
                LineEnd::Lf
            },
            redial: self.plan.redials,
            connect_timeout: self.connect_timeout,
            ..Options::DEFAULT
        };
        let listener = self.plan.listener;
        let room = if node == listener {
            self.portions.take(context)
        } else {
            None
        };
        let participant = self.participant(node);
        let Some(sockets) = participant.sockets else {
            return;
        };
        let mut checker = participant.checker;
        checker.room = room;
        let (line, queue) = (context.bump.bytes(line), context.bump.bytes(queue));
        let mut app = Chat::new(sockets, line, queue, checker, options);
        if node == listener {
            app.listen(PORT);
        } else {
            let peer = context.choose_peer(listener);
            self.is_peer_hostile = peer != listener;
            app.dial(IpEndpoint::new(Node::address_of(peer).into(), PORT));
        }
        context.start_app(node, CHAT, SimApp::Chat(app));
    }

    pub(crate) fn drive(&mut self, context: &mut RunContext<'_, '_>) {
        let (dialler, listener) = (self.dialler(), self.plan.listener);
        for node in [0, 1] {
            self.note_reported_loss(context, node);
            self.check_lines(context, node);
            self.say(context, node);
        }
        self.read(context);
        let listener_ended = context.slot(listener, CHAT).outcome().is_some();
        context.check(
            !listener_ended,
            listener,
            Violation::new(2, "a chat listener ended by itself"),
        );
        if context.is_up(dialler) {
            if self.attempts.is_running() {
                self.end_conversation(context);
                self.check_outcome(context);
            }
            if self.attempts.is_due(context.now()) {
                self.is_ending = false;
                self.open(context, dialler);
                self.attempts.begin(context.now());
            }
        }
        self.second_caller.drive(context);
        let what = "no fresh chat succeeded within 60 s of the end of all faults";
        context.check_fresh(&self.attempts, dialler, what);
    }

    fn note_reported_loss(&mut self, context: &RunContext<'_, '_>, node: usize) {
        let mut tracer = context.tracer.borrow_mut();
        let notes = tracer.chat.get_mut(node);
        if notes.is_some_and(|notes| core::mem::take(&mut notes.is_loss_reported)) {
            let participant = self.participant(node);
            participant.excused = participant.said;
        }
    }

    fn check_lines(&mut self, context: &mut RunContext<'_, '_>, node: usize) {
        let notes = context.tracer.borrow().chat.get(node).copied();
        let ends = notes.map_or(0, |notes| notes.ends);
        if let SimApp::Chat(app) = context.app(node, CHAT) {
            self.participant(node).checker = *app.sink_mut();
        }
        let checker = self.participant(node).checker;
        context.check(
            !checker.is_broken,
            node,
            Violation::new(6, "a chat line is wrong, late or came twice"),
        );
        // A line may be cut once for each end of a conversation, once for an end that is not yet
        // reported, and once for each start of a node.
        let starts = context.nodes.iter().map(|slot| slot.boots).sum::<usize>() as u32;
        context.check(
            checker.cuts <= ends + 1 + starts,
            node,
            Violation::new(6, "chat lines were cut without an end of a conversation"),
        );
    }

    /// A user types a line.
    fn say(&mut self, context: &mut RunContext<'_, '_>, node: usize) {
        let now = context.now();
        let partner = Node::address_of(1 - node).into();
        let is_dialler = node == self.dialler();
        let may_say = !self.is_ending || !is_dialler;
        // After the faults nobody types slowly.
        let gap_max = if context.is_healed() {
            50
        } else {
            self.plan.gap_max.as_millis()
        };
        let gap = self.random.between(0, gap_max);
        let participant = self.participant(node);
        if participant.said >= participant.total || participant.says_at > now || !may_say {
            return;
        }
        let line = participant.lines.line(participant.said);
        if context.slot(node, CHAT).outcome().is_some() {
            return;
        }
        let SimApp::Chat(app) = context.app(node, CHAT) else {
            return;
        };
        let is_heard = app.remote().is_some_and(|remote| remote.addr == partner);
        if !is_dialler && !is_heard {
            // The line would go to whoever calls next. The next turn looks again.
            return;
        }
        let said = app.push_line(&line);
        let participant = self.participant(node);
        if said.is_ok() {
            participant.said += 1;
            participant.says_at = now + Duration::from_millis(gap);
            context.wake(node);
        } else {
            participant.says_at = now + Duration::from_millis(50);
        }
    }

    /// The listener's user takes more of what arrived.
    fn read(&mut self, context: &mut RunContext<'_, '_>) {
        if !self.portions.is_due(context) {
            return;
        }
        let (room, listener) = (self.portions.take(context), self.plan.listener);
        if let SimApp::Chat(app) = context.app(listener, CHAT) {
            app.sink_mut().room = room;
        }
        context.wake(listener);
    }

    /// Whether every line of a participant was heard, or its app has reported that it may be lost.
    fn is_settled(&self, node: usize) -> bool {
        let (Some(speaker), Some(hearer)) =
            (self.participants.get(node), self.participants.get(1 - node))
        else {
            return false;
        };
        (speaker.excused..speaker.said).all(|number| hearer.checker.has_heard(number))
    }

    fn is_all_said(&self) -> bool {
        let mut participants = self.participants.iter();
        participants.all(|participant| participant.said == participant.total)
    }

    /// Tells the dialler that there is nothing more to say, when that is so.
    fn end_conversation(&mut self, context: &mut RunContext<'_, '_>) {
        let is_settled = self.is_settled(0) && self.is_settled(1);
        if self.is_ending || !self.is_all_said() || (self.plan.redials && !is_settled) {
            return;
        }
        let dialler = self.dialler();
        if let SimApp::Chat(app) = context.app(dialler, CHAT) {
            if self.plan.redials {
                app.quit();
            } else {
                app.end_input();
            }
            self.is_ending = true;
            context.wake(dialler);
        }
    }

    fn check_outcome(&mut self, context: &mut RunContext<'_, '_>) {
        let (dialler, now) = (self.dialler(), context.now());
        let Some(outcome) = context.slot(dialler, CHAT).outcome() else {
            return;
        };
        self.check_lines(context, dialler);
        match outcome {
            Ok(()) if self.is_all_said() => self.attempts.succeed(now),
            Ok(()) => self.attempts.try_again(now),
            Err(error) => {
                // What waited in its queue is lost with the app, and the app has reported it.
                let participant = self.participant(dialler);
                participant.excused = participant.said;
                context.check(
                    is_plausible(error, self.is_peer_hostile),
                    dialler,
                    Violation::new(2, "a chat ended in an error that nothing caused"),
                );
                self.attempts.fail(now, error);
            }
        }
        context.start_app(dialler, CHAT, SimApp::Idle(Idle));
    }

    pub(crate) fn crashed(&mut self, now: Tick, node: usize, app: &mut SimApp<'_>) {
        if node == OUTSIDER {
            return;
        }
        let is_dialler = node == self.dialler();
        // What it had acknowledged and not delivered is lost with it, and TCP does not tell the
        // sender.
        let other = self.participant(1 - node);
        other.excused = other.said;
        let participant = self.participant(node);
        participant.excused = participant.said;
        participant.sockets = None;
        if let SimApp::Chat(app) = app {
            participant.checker = *app.sink_mut();
        }
        if is_dialler {
            self.attempts.crash(now);
        }
    }

    pub(crate) fn heal(&mut self, context: &mut RunContext<'_, '_>) {
        let (dialler, listener) = (self.dialler(), self.plan.listener);
        if core::mem::take(&mut self.is_peer_hostile)
            && let SimApp::Chat(app) = context.app(dialler, CHAT)
        {
            // The user gives the hostile peer up. An app whose input has ended has nothing to say
            // to another.
            if self.is_ending {
                app.quit();
            } else {
                app.dial(IpEndpoint::new(Node::address_of(listener).into(), PORT));
            }
            context.wake(dialler);
        }
        for participant in &mut self.participants {
            participant.total += FRESH_LINES;
        }
        self.attempts.wanted = 0;
        self.attempts.heal(context.now());
    }

    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let participants = self.participants.iter();
        participants
            .filter(|participant| participant.said < participant.total)
            .map(|participant| participant.says_at)
            .chain(self.attempts.next(now))
            .chain(self.portions.next(now))
            .chain(self.second_caller.next())
            .filter(|at| *at > now)
            .min()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.attempts.is_done()
    }

    pub(crate) fn counts(&self) -> AttemptCounts {
        self.attempts.counts()
    }

    /// Checks that every line was delivered whose loss was not reported.
    pub(crate) fn check_end(&self, context: &mut RunContext<'_, '_>) {
        for node in [0, 1] {
            let what = "a chat line was lost without an error to its sender";
            context.check(self.is_settled(node), node, Violation::new(6, what));
        }
    }
}
