//! A hub on host 0, and members who talk by plain TCP from other hosts.

use std::collections::VecDeque;

use tickwire::hub::{Hub, LinesSession};
use tickwire::{
    Client, ClientOptions, Connection, Deadline, Duration, Error, Received, Server, ServerOptions,
    Session, Step, Tick, TimeoutKind,
};

use crate::common::fixture::{BUFFER, Fixture, TaskId, endpoint, leak};

pub(crate) const HUB: usize = 0;
pub(crate) const PORT: u16 = 4_000;
/// Callers that the server has sockets for.
pub(crate) const CALLERS: usize = 8;
/// Longest line that stays one message.
pub(crate) const LINE_BYTES: usize = 256;

pub(crate) type Lines = Server<LinesSession<'static, 'static>, CALLERS>;
pub(crate) type Talker = Client<Talk>;

/// Lets host 0 serve lines from this hub.
pub(crate) fn serve(net: &mut Fixture, hub: &'static Hub<'static>, port: u16) -> TaskId<Lines> {
    let sockets = [(); CALLERS].map(|()| net.add_socket(HUB, BUFFER));
    let sessions = [(); CALLERS].map(|()| LinesSession::new(hub, leak(0, LINE_BYTES)));
    let server = Server::new(sockets, port, sessions, ServerOptions::default());
    net.start(HUB, server)
}

/// One who talks: says what its test wants, and keeps what it hears.
#[derive(Default)]
pub(crate) struct Talk {
    pub(crate) says: VecDeque<Vec<u8>>,
    heard: Vec<u8>,
    /// It reads nothing.
    pub(crate) is_frozen: bool,
    /// It has nothing more to say after this.
    pub(crate) ends: bool,
}

impl Talk {
    pub(crate) fn heard(&self) -> Vec<String> {
        let text = String::from_utf8(self.heard.clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Session for Talk {
    type Error = Error;

    fn name(&self) -> &'static str {
        "talk"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        connection.set_idle_timeout(None, TimeoutKind::Receive);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        if let Some(line) = self.says.front() {
            let count = connection.write(line)?;
            let front = self.says.front_mut().unwrap();
            front.drain(..count);
            if front.is_empty() {
                self.says.pop_front();
                return Ok(Step::Again);
            }
        } else if std::mem::take(&mut self.ends) {
            connection.close_write();
        }
        if self.is_frozen {
            return Ok(Step::Wait);
        }
        let heard = &mut self.heard;
        let read = connection.read_with(|bytes| {
            heard.extend(bytes);
            (bytes.len(), ())
        })?;
        Ok(match read {
            Received::Data(()) => Step::Again,
            Received::Nothing => Step::Wait,
            Received::End => Step::Done,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        Some(NEVER)
    }
}

/// Lets somebody at a host call the hub.
pub(crate) fn call<S: Session + 'static>(
    net: &mut Fixture,
    host: usize,
    port: u16,
    session: S,
) -> TaskId<Client<S>> {
    let socket = net.add_socket(host, BUFFER);
    let options = ClientOptions {
        idle_timeout: None,
        ..ClientOptions::default()
    };
    let client = Client::new(socket, endpoint(HUB, port), session, options);
    let id = net.start(host, client);
    // In the order of these calls.
    net.run(Duration::from_millis(100));
    id
}

/// A test is never that long.
pub(crate) const NEVER: Deadline =
    Deadline::new(Tick::from_millis(u64::MAX / 4), TimeoutKind::Total);

/// Lets somebody at a host join over TCP, and say this first.
pub(crate) fn join(net: &mut Fixture, host: usize, first: &str) -> TaskId<Talker> {
    let mut talk = Talk::default();
    talk.says.push_back(first.into());
    call(net, host, PORT, talk)
}

/// Lets somebody say something.
pub(crate) fn say(net: &mut Fixture, id: TaskId<Talker>, text: &str) {
    net.app_mut(id).session_mut().says.push_back(text.into());
}

/// What somebody has heard.
pub(crate) fn heard(net: &Fixture, id: TaskId<Talker>) -> Vec<String> {
    net.app(id).session().heard()
}
