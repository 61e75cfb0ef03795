//! All tasks of a run together.

use tickwire::Tick;

use crate::cast::Cast;
use crate::liar::Liar;
use crate::plan::{Plan, STRANGER, THERE};
use crate::stage::Stage;
use crate::task_chat::ChatTask;
use crate::task_file::FileTask;
use crate::task_get::GetTask;
use crate::{Act, Profile, Tally};

/// The tasks that a seed has drawn.
pub(crate) struct Tasks<'a> {
    get: Option<GetTask<'a>>,
    chat: Option<ChatTask>,
    file: Option<FileTask<'a>>,
    liar: Option<Liar<'a>>,
}

impl<'a> Tasks<'a> {
    /// `scripts` are what the server of the GETs does, whole and cut; `lies` is the memory of a liar's scripts.
    pub(crate) fn new(
        plan: &Plan,
        scripts: [&'a [Act<'a>]; 2],
        lies: &'a mut [Act<'a>],
        stage: &mut Stage<'a, '_>,
    ) -> Self {
        let connect_ticks = plan.connect_ticks;
        let listeners = [
            THERE,
            plan.chat.map_or(THERE, |chat| chat.listener),
            plan.file.as_ref().map_or(THERE, |file| file.receiver),
        ];
        let is_hostile = stage.options.profile == Profile::Hostile;
        let random = stage.root.fork("liar", 0);
        Self {
            get: plan
                .get
                .map(|get| GetTask::new(get, connect_ticks, scripts, stage)),
            chat: plan
                .chat
                .map(|chat| ChatTask::new(chat, connect_ticks, stage)),
            file: plan
                .file
                .clone()
                .map(|file| FileTask::new(file, connect_ticks, stage)),
            liar: is_hostile.then(|| Liar::new(listeners, lies, random)),
        }
    }

    /// Gives a host that starts its sockets, and its services their apps. Called twice, for smoltcp asks sockets in
    /// order: those that listen come behind all others.
    pub(crate) fn install(&mut self, stage: &mut Stage<'a, '_>, host: usize, is_listening: bool) {
        if let Some(task) = &mut self.get {
            task.install(stage, host, is_listening);
        }
        if let Some(task) = &mut self.chat {
            task.install(stage, host, is_listening);
        }
        if let Some(task) = &mut self.file {
            task.install(stage, host, is_listening);
        }
        if let (Some(liar), STRANGER, true) = (&mut self.liar, host, is_listening) {
            liar.install(stage);
        }
    }

    /// Does what users do, and judges what apps did.
    pub(crate) fn direct(&mut self, stage: &mut Stage<'a, '_>) {
        if let Some(task) = &mut self.get {
            task.direct(stage);
        }
        if let Some(task) = &mut self.chat {
            task.direct(stage);
        }
        if let Some(task) = &mut self.file {
            task.direct(stage);
        }
        if let Some(liar) = &mut self.liar {
            liar.direct(stage);
        }
    }

    /// A host has lost its power; `chat` and `file` are what is left of its apps.
    pub(crate) fn crashed(&mut self, now: Tick, host: usize, chat: &mut Cast<'a>, file: Cast<'a>) {
        if let Some(task) = &mut self.get {
            task.crashed(now, host);
        }
        if let Some(task) = &mut self.chat {
            task.crashed(now, host, chat);
        }
        if let Some(task) = &mut self.file {
            task.crashed(now, host, file);
        }
    }

    /// All faults have ended: each wants one more.
    pub(crate) fn calm(&mut self, stage: &mut Stage<'a, '_>) {
        let now = stage.now();
        self.liar = None;
        if let Some(task) = &mut self.get {
            task.tries.calm(now);
        }
        if let Some(task) = &mut self.chat {
            task.calm(stage);
        }
        if let Some(task) = &mut self.file {
            task.calm(stage);
        }
    }

    /// The host whose flash has just lost its power.
    pub(crate) fn cut(&self, stage: &Stage<'a, '_>) -> Option<usize> {
        self.file.as_ref().and_then(|file| file.cut(stage))
    }

    /// When a task wants to do something, after `now`.
    pub(crate) fn next(&self, now: Tick) -> Option<Tick> {
        let next = [
            self.get.as_ref().and_then(|task| task.next(now)),
            self.chat.as_ref().and_then(|task| task.next(now)),
            self.file.as_ref().and_then(|task| task.next(now)),
            self.liar.as_ref().and_then(|liar| liar.next(now)),
        ];
        next.into_iter().flatten().min()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.get.as_ref().is_none_or(GetTask::is_done)
            && self.chat.as_ref().is_none_or(ChatTask::is_done)
            && self.file.as_ref().is_none_or(FileTask::is_done)
    }

    /// What can only be judged when all is over.
    pub(crate) fn check_end(&self, stage: &mut Stage<'a, '_>) {
        if let Some(task) = &self.chat {
            task.check_end(stage);
        }
    }

    /// How the attempts of GETs, chats and files ended.
    pub(crate) fn finish(&mut self) -> [Tally; 3] {
        [
            self.get.as_mut().map(|task| task.tries.finish()),
            self.chat.as_mut().map(|task| task.tries.finish()),
            self.file.as_mut().map(|task| task.tries.finish()),
        ]
        .map(Option::unwrap_or_default)
    }
}
