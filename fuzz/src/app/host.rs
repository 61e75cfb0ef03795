//! The host under test: tickwire's loop over one app.

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{Socket, State};
use tickwire::guard::Guarded;
use tickwire::http::GetError;
use tickwire::{Duration, Error, Stack, Tick};

use super::Subject;
use super::peer::Peer;
use crate::bounds::Before;
use crate::cable::Cable;
use crate::stack::START;

/// Its longest deadlines are of a minute or two.
const PATIENCE: Duration = Duration::from_secs(600);
const TURNS_MAX: u32 = 20_000;

type Device<'a> = Guarded<'a, Cable>;

pub(super) struct Host<'a> {
    now: Tick,
    stack: Stack<'a, Device<'a>>,
    pub(super) subject: Subject<'a>,
    next: Option<Tick>,
}

impl<'a> Host<'a> {
    pub(super) const fn new(stack: Stack<'a, Device<'a>>, subject: Subject<'a>) -> Self {
        Self {
            now: START,
            stack,
            subject,
            next: None,
        }
    }

    pub(super) const fn cable(&mut self) -> &mut Cable {
        self.stack.device.get_mut()
    }

    /// Lets the loop turn until it waits, with the peer answering.
    pub(super) fn settle(&mut self, peer: &mut Peer) {
        for _ in 0..TURNS_MAX {
            let before = Before::new(self.cable());
            let tasks = &mut [self.subject.task()];
            self.next = self.stack.turn(self.now, tasks, &mut ());
            let sockets = self.stack.sockets.iter().count();
            before.check_turn(self.cable(), sockets);
            while let Some(frame) = self.cable().from_host.pop_front() {
                peer.hear(self.cable(), &frame);
            }
            let is_due = self.next.is_some_and(|next| next <= self.now);
            if self.cable().to_host.is_empty() && !is_due {
                return;
            }
        }
        panic!("the loop does not come to rest at {}", self.now);
    }

    pub(super) fn pass(&mut self, duration: Duration, peer: &mut Peer) {
        let end = self.now + duration;
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
            chat.app_mut().quit();
        }
        self.pass(PATIENCE, peer);
        let is_open = |handle: &SocketHandle| {
            let state = self.stack.sockets.get::<Socket>(*handle).state();
            !matches!(state, State::Closed | State::Listen | State::TimeWait)
        };
        let open = self.subject.task().sockets().iter().any(is_open);
        assert!(!open, "a connection is still open, {}", self.ended());
        match &self.subject {
            Subject::Get(get) => match get.outcome().expect("a GET ends") {
                Ok(()) => assert!(get.app().complete().is_some()),
                Err(error) => assert!(!matches!(
                    error,
                    GetError::Connection(Error::SocketInUse | Error::NoLocalPort)
                )),
            },
            Subject::Chat(chat) => {
                assert!(chat.is_finished(), "a chat that is to quit ends");
            }
            Subject::Receiver(_) | Subject::Server(_) => {}
        }
    }

    fn ended(&self) -> String {
        match &self.subject {
            Subject::Get(get) => format!("the GET {:?}", get.outcome()),
            Subject::Chat(chat) => format!("the chat {:?}", chat.outcome()),
            Subject::Receiver(receiver) => format!("the receiver {:?}", receiver.outcome()),
            Subject::Server(server) => format!("the server {:?}", server.outcome()),
        }
    }
}
