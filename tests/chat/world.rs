//! Hosts with chats, and with plain sockets that a test plays by hand.

use std::ops::{Deref, DerefMut};

use tickwire::chat::{Chat, ChatError, Ending, MessageSink, Options};
use tickwire::{Duration, SinkError};

use crate::common::fixture::{self, Fixture, TaskId, leak};

pub(crate) use crate::common::fixture::endpoint;

/// Bytes of each socket buffer.
const BUFFER: usize = 1_024;

/// What a chat writes, as far as the test allows.
#[derive(Default)]
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
    /// Bytes that it still takes; `None` takes all.
    pub(crate) room: Option<usize>,
    /// What ended each message; `None` stands for the end of a conversation.
    pub(crate) ends: Vec<Option<Ending>>,
}

impl MessageSink for Capture {
    fn take_text(&mut self, text: &[u8]) -> Result<usize, SinkError> {
        let count = text.len().min(self.room.unwrap_or(usize::MAX));
        if let Some(room) = &mut self.room {
            *room -= count;
        }
        self.bytes.extend_from_slice(&text[..count]);
        Ok(count)
    }

    fn end_message(&mut self, ending: Ending) -> Result<bool, SinkError> {
        let is_taken = self.take_text(b"\n")? > 0;
        if is_taken {
            self.ends.push(Some(ending));
        }
        Ok(is_taken)
    }

    fn end_conversation(&mut self) {
        self.ends.push(None);
    }
}

/// Hosts with two sockets each, and those of their chats that were started.
pub(crate) struct World {
    net: Fixture,
    chats: Vec<Option<TaskId<Chat<'static, Capture>>>>,
}

impl Deref for World {
    type Target = Fixture;

    fn deref(&self) -> &Fixture {
        &self.net
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Fixture {
        &mut self.net
    }
}

impl AsMut<Fixture> for World {
    fn as_mut(&mut self) -> &mut Fixture {
        &mut self.net
    }
}

pub(crate) fn options() -> Options {
    Options::DEFAULT
}

impl World {
    /// Hosts without chats.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut net = Fixture::new(seed, count);
        for host in 0..count {
            net.add_socket(host, BUFFER);
            net.add_socket(host, BUFFER);
        }
        Self {
            net,
            chats: vec![None; count],
        }
    }

    /// Gives a host a chat with a line buffer of 80 bytes and a queue of 256.
    pub(crate) fn start_chat(
        &mut self,
        host: usize,
        options: Options,
    ) -> &mut Chat<'static, Capture> {
        let sockets = [0, 1].map(|index| self.net.hosts[host].handles[index]);
        let (line, queue) = (leak(0, 80), leak(0, 256));
        let chat = Chat::new(sockets, line, queue, Capture::default(), options);
        let id = self.net.start(host, chat);
        self.chats[host] = Some(id);
        self.net.app_mut(id)
    }

    /// The chat of a host.
    pub(crate) fn chat(&mut self, host: usize) -> &mut Chat<'static, Capture> {
        self.net.app_mut(self.chats[host].unwrap())
    }

    /// What the chat of a host has delivered.
    pub(crate) fn heard(&mut self, host: usize) -> String {
        String::from_utf8(self.chat(host).sink_mut().bytes.clone()).unwrap()
    }

    /// Whether a host has told this.
    pub(crate) fn has_told(&self, host: usize, line: &str) -> bool {
        self.told(host).iter().any(|told| told == line)
    }

    /// How the chat of a host ended, if it has.
    pub(crate) fn outcome(&self, host: usize) -> Option<Result<(), ChatError>> {
        self.net.outcome(self.chats[host]?)
    }

    /// Runs until `is_done`, at most for `time`.
    #[track_caller]
    pub(crate) fn run_until(&mut self, time: Duration, is_done: impl FnMut(&mut Self) -> bool) {
        let end = self.now() + time;
        let is_done = fixture::run_to(self, end, is_done);
        assert!(is_done, "not done at {}: {}", self.now(), self.log.borrow());
    }
}
