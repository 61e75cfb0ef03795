//! What the users of a run want from its apps, all together.

use tickwire::Tick;

use super::attempts::AttemptCounts;
use super::chat::ChatWorkload;
use super::context::RunContext;
use super::file::FileWorkload;
use super::get::GetWorkload;
use super::hostile_peer::HostilePeer;
use super::plan::{GET_SERVER, OUTSIDER, RunPlan};
use super::sim_app::SimApp;
use crate::{Act, Profile, streams};

/// The workloads that a seed has decided on.
pub(crate) struct Workloads<'a> {
    get: Option<GetWorkload<'a>>,
    chat: Option<ChatWorkload>,
    file: Option<FileWorkload<'a>>,
    hostile_peer: Option<HostilePeer<'a>>,
}

impl<'a> Workloads<'a> {
    /// `scripts` are what the server of the GETs does: send a whole body, or a cut one.
    /// `hostile_acts` is the memory for the scripts of a hostile peer.
    pub(crate) fn new(
        plan: &RunPlan,
        scripts: [&'a [Act<'a>]; 2],
        hostile_acts: &'a mut [Act<'a>],
        context: &mut RunContext<'a, '_>,
    ) -> Self {
        let connect_timeout = plan.connect_timeout;
        let listeners = [
            GET_SERVER,
            plan.chat.map_or(GET_SERVER, |chat| chat.listener),
            plan.file.as_ref().map_or(GET_SERVER, |file| file.receiver),
        ];
        let is_hostile = context.options.profile == Profile::Hostile;
        let random = context.root.fork(streams::HOSTILE_PEER, 0);
        Self {
            get: plan
                .get
                .map(|get| GetWorkload::new(get, connect_timeout, scripts, context)),
            chat: plan
                .chat
                .map(|chat| ChatWorkload::new(chat, connect_timeout, context)),
            file: plan
                .file
                .clone()
                .map(|file| FileWorkload::new(file, connect_timeout, context)),
            hostile_peer: is_hostile.then(|| HostilePeer::new(listeners, hostile_acts, random)),
        }
    }

    /// Gives a node that starts its sockets, and its services their apps. Called twice, because
    /// smoltcp offers a segment to the sockets in their order: listeners come last.
    pub(crate) fn install(
        &mut self,
        context: &mut RunContext<'a, '_>,
        node: usize,
        is_listening: bool,
    ) {
        if let Some(workload) = &mut self.get {
            workload.install(context, node, is_listening);
        }
        if let Some(workload) = &mut self.chat {
            workload.install(context, node, is_listening);
        }
        if let Some(workload) = &mut self.file {
            workload.install(context, node, is_listening);
        }
        if let (Some(peer), OUTSIDER, true) = (&mut self.hostile_peer, node, is_listening) {
            peer.install(context);
        }
    }

    /// Does what users do, and checks what apps did.
    pub(crate) fn drive(&mut self, context: &mut RunContext<'a, '_>) {
        if let Some(workload) = &mut self.get {
            workload.drive(context);
        }
        if let Some(workload) = &mut self.chat {
            workload.drive(context);
        }
        if let Some(workload) = &mut self.file {
            workload.drive(context);
        }
        if let Some(peer) = &mut self.hostile_peer {
            peer.drive(context);
        }
    }

    /// A node has lost its power; `chat` and `file` are what is left of its apps.
    pub(crate) fn crashed(
        &mut self,
        now: Tick,
        node: usize,
        chat: &mut SimApp<'a>,
        file: SimApp<'a>,
    ) {
        if let Some(workload) = &mut self.get {
            workload.crashed(now, node);
        }
        if let Some(workload) = &mut self.chat {
            workload.crashed(now, node, chat);
        }
        if let Some(workload) = &mut self.file {
            workload.crashed(now, node, file);
        }
    }

    /// All faults have ended: each workload wants one success more.
    pub(crate) fn heal(&mut self, context: &mut RunContext<'a, '_>) {
        self.hostile_peer = None;
        if let Some(workload) = &mut self.get {
            workload.heal(context.now());
        }
        if let Some(workload) = &mut self.chat {
            workload.heal(context);
        }
        if let Some(workload) = &mut self.file {
            workload.heal(context);
        }
    }

    /// The node whose flash has just lost its power.
    pub(crate) fn power_cut(&self, context: &RunContext<'a, '_>) -> Option<usize> {
        self.file
            .as_ref()
            .and_then(|workload| workload.power_cut(context))
    }

    /// When a workload wants to do something, after `now`.
    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let next = [
            self.get.as_ref().and_then(|workload| workload.next(now)),
            self.chat.as_ref().and_then(|workload| workload.next(now)),
            self.file.as_ref().and_then(|workload| workload.next(now)),
            self.hostile_peer.as_ref().and_then(|peer| peer.next(now)),
        ];
        next.into_iter().flatten().min()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.get.as_ref().is_none_or(GetWorkload::is_done)
            && self.chat.as_ref().is_none_or(ChatWorkload::is_done)
            && self.file.as_ref().is_none_or(FileWorkload::is_done)
    }

    /// Checks what can only be checked when everything is over.
    pub(crate) fn check_end(&self, context: &mut RunContext<'a, '_>) {
        if let Some(workload) = &self.chat {
            workload.check_end(context);
        }
    }

    /// How the attempts of GETs, chats and files ended.
    pub(crate) fn counts(&self) -> [AttemptCounts; 3] {
        [
            self.get.as_ref().map(GetWorkload::counts),
            self.chat.as_ref().map(ChatWorkload::counts),
            self.file.as_ref().map(FileWorkload::counts),
        ]
        .map(Option::unwrap_or_default)
    }
}
