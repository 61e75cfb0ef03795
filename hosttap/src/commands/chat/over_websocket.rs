//! A chat over a WebSocket: each line is a text message.

use tickwire::chat::{Ending, MessageSink, PushError};
use tickwire::dns::HostPort;
use tickwire::http::Url;
use tickwire::websocket::{
    Channel, ClientSession, CloseCode, Endpoint, Kind, Options, Part, QueueError, WebSocketError,
};
use tickwire::{Backoff, Client, ClientOptions, Duration};

use super::QUEUE_BYTES;
use super::command::Command;
use super::line_queue::LineQueue;
use super::message_writer::MessageWriter;
use super::terminal_app::TerminalApp;
use crate::commands::websocket::{self, Redial};
use crate::exit::Failure;
use crate::link::stack::TapStack;

/// The longest message that is received.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// Lines that may wait to be sent.
const LINES_MAX: usize = 1024;
/// The size of each buffer of the socket.
const BUFFER_BYTES: usize = 64 * 1024;
/// Pauses between two attempts to connect, with `--retry`.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// What the user says and hears.
pub(super) struct Lines {
    messages: MessageWriter,
    /// The text of the message that is offered was taken; its end was not.
    is_text_taken: bool,
    queue: LineQueue,
    /// After a connection comes another one, for what is queued.
    is_redialled: bool,
    is_open: bool,
    /// There was a connection, or the user does not wait for one.
    may_give_up: bool,
    /// The user has nothing more to say.
    is_ending: bool,
}

/// The app.
pub(super) type WebSocketChat<'u> = Client<ClientSession<'u, Lines>, Redial, HostPort<&'u str>>;

/// A chat with the server of `url`.
pub(super) fn open<'u>(
    stack: &mut TapStack,
    url: &Url<'u>,
    is_redialled: bool,
    messages: MessageWriter,
) -> Result<WebSocketChat<'u>, Failure> {
    let lines = Lines {
        messages,
        is_text_taken: false,
        queue: LineQueue::new(LINES_MAX, QUEUE_BYTES),
        is_redialled,
        is_open: false,
        may_give_up: false,
        is_ending: false,
    };
    let options = Options {
        // The reader of stdout may pause as long as it likes.
        stall_timeout: Duration::MAX,
        ..Options::default()
    };
    let message = vec![0; MESSAGE_BYTES].leak();
    let request = websocket::request(url)?;
    let session = ClientSession::new(request, &mut [], message, options, lines);
    let redial = Redial(is_redialled.then(|| Backoff::new(PAUSE_MIN, PAUSE_MAX)));
    let socket = stack.add_socket(BUFFER_BYTES);
    let options = ClientOptions::default();
    Ok(Client::with_retry(
        socket,
        url.host_port(),
        session,
        options,
        redial,
    ))
}

impl Lines {
    fn push(&mut self, text: &[u8], is_last: bool) -> Result<(), PushError> {
        if self.is_ending {
            return Err(PushError::Ended);
        }
        // A text message must be UTF-8; parts are cut between characters.
        let text = String::from_utf8_lossy(text);
        self.queue
            .push(&text, is_last)
            .map_err(|error| match error {
                QueueError::Full => PushError::Full,
                QueueError::TooLong => PushError::TooLong,
            })
    }
}

impl Endpoint for Lines {
    fn on_open(&mut self, _channel: &mut Channel) {
        self.is_open = true;
        self.may_give_up = true;
        self.is_text_taken = false;
    }

    fn on_part(&mut self, channel: &mut Channel, part: Part) -> bool {
        if part.kind == Kind::Binary {
            channel.close(CloseCode::UNSUPPORTED, "only text is shown");
            return true;
        }
        // The loop finds a failure of stdout by itself.
        if !self.is_text_taken && self.messages.take_text(part.bytes).is_err() {
            return false;
        }
        let is_taken = self.messages.end_message(Ending::Line) == Ok(true);
        self.is_text_taken = !is_taken;
        is_taken
    }

    fn transmit(&mut self, channel: &mut Channel) {
        self.queue.transmit(channel);
        if self.is_ending && self.queue.is_empty() {
            channel.close(CloseCode::NORMAL, "");
        }
    }

    /// A server that starts again closes in order, too.
    fn wants_another(&self) -> bool {
        !self.is_ending || !self.queue.is_empty()
    }

    fn on_end(&mut self, _result: &Result<(), WebSocketError>) {
        self.is_open = false;
        if self.is_redialled {
            self.queue.drop_begun();
        } else {
            self.queue.drop_all();
        }
        self.messages.end_conversation();
    }
}

impl TerminalApp for WebSocketChat<'_> {
    fn push_line(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.session_mut().endpoint_mut().push(text, true)
    }

    fn push_part(&mut self, text: &[u8]) -> Result<(), PushError> {
        self.session_mut().endpoint_mut().push(text, false)
    }

    fn end_input(&mut self) {
        self.session_mut().endpoint_mut().is_ending = true;
    }

    fn command(&mut self, command: Command) -> Result<(), &'static str> {
        match command {
            Command::Connect(_) | Command::Listen(_) => {
                return Err("with --ws there is one server: its URL");
            }
            Command::Disconnect | Command::Quit => {
                let lines = self.session_mut().endpoint_mut();
                if !lines.is_open {
                    lines.queue.drop_all();
                }
                lines.may_give_up = true;
                lines.is_ending = true;
            }
            Command::Help => {}
        }
        Ok(())
    }

    fn is_settled(&self) -> bool {
        self.session().endpoint().is_open
    }

    fn is_idle(&self) -> bool {
        false
    }

    fn is_given_up(&self) -> bool {
        let lines = self.session().endpoint();
        let has_nothing_to_say = lines.is_ending && lines.queue.is_empty();
        has_nothing_to_say && !lines.is_open && lines.may_give_up
    }

    fn take_unsent(&mut self, is_over: bool) -> u64 {
        let queue = &mut self.session_mut().endpoint_mut().queue;
        if is_over {
            queue.drop_all();
        }
        queue.take_unsent()
    }

    fn messages(&mut self) -> &mut MessageWriter {
        &mut self.session_mut().endpoint_mut().messages
    }
}
