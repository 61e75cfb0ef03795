//! What the apps of all hosts told, as lines of text with their times.

use std::fmt;

use tickwire::http::server::ServeError;
use tickwire::websocket::WebSocketError;
use tickwire::{Event, Tick};
use tickwire_sim::{ScriptError, SimError, Tracer};

/// Makes a line of an event of a host, or nothing.
pub(crate) type Words = Box<dyn FnMut(Tick, usize, &Event) -> Option<String>>;

pub(crate) struct Log {
    /// Time, host and text of each line.
    lines: Vec<(Tick, usize, String)>,
    /// How it makes words of events: [`words`] unless a test wants something else.
    pub(crate) words: Words,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            words: Box::new(|_, _, event| words(event)),
        }
    }
}

/// Every event as text but changes of state.
pub(crate) fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::State { .. } => return None,
        Event::Listening { port } => format!("listening {port}"),
        Event::Resolving { host } => format!("resolving {host}"),
        Event::Connecting { remote } => format!("connecting {remote}"),
        Event::Connected { role, .. } => format!("connected as {role:?}"),
        Event::Progress { bytes, total } => match total {
            Some(total) => format!("progress {bytes} of {total}"),
            None => format!("progress {bytes}"),
        },
        Event::Disconnected { .. } => "disconnected".into(),
        Event::Failed { remote, .. } => match remote {
            Some(remote) => format!("failed with {}: {}", remote.addr, error_text(event)),
            None => format!("failed: {}", error_text(event)),
        },
        Event::Retrying { delay } => format!("retrying in {}", delay.as_millis()),
        _ => app_text(event),
    })
}

/// The error of [`Event::Failed`], without the name of the layer that it is of.
pub(crate) fn error_text(event: &Event) -> String {
    let upgraded = event.error::<ServeError<WebSocketError>>();
    let text = upgraded.map(|error| format!("{error:?}"));
    let websocket = event.error::<WebSocketError>();
    if let Some(text) = text.or_else(|| websocket.map(|error| format!("{error:?}"))) {
        return text;
    }
    match SimError::of(event).expect("an error of a known type") {
        SimError::Connection(error) => format!("{error:?}"),
        SimError::Get(error) => format!("{error:?}"),
        SimError::Chat(error) => format!("{error:?}"),
        SimError::Send(error) => format!("{error:?}"),
        SimError::Receive(error) => format!("{error:?}"),
        SimError::Script => format!("{:?}", ScriptError::Truncated),
        SimError::Hub(error) => format!("{error:?}"),
    }
}

/// An app's own event, whichever app's it is.
fn app_text(event: &Event) -> String {
    let http = event.app::<tickwire::http::Event>();
    let text = http.map(|own| format!("{own:?}"));
    let chat = event.app::<tickwire::chat::Event>();
    let text = text.or_else(|| chat.map(|own| format!("{own:?}")));
    let file = event.app::<tickwire::file::Event>();
    let text = text.or_else(|| file.map(|own| format!("{own:?}")));
    let websocket = event.app::<tickwire::websocket::Event>();
    let text = text.or_else(|| websocket.map(|own| format!("{own:?}")));
    let socketio = event.app::<tickwire::hub::socketio::Event>();
    let text = text.or_else(|| socketio.map(|own| format!("{own:?}")));
    text.unwrap_or_else(|| format!("{event:?}"))
}

impl Log {
    /// What a host has told, without the times.
    pub(crate) fn told(&self, host: usize) -> Vec<String> {
        self.of(host).map(|(_, line)| line.to_owned()).collect()
    }

    /// What a host has told, with the times.
    pub(crate) fn of(&self, host: usize) -> impl Iterator<Item = (Tick, &str)> {
        let lines = self.lines.iter().filter(move |(_, at, _)| *at == host);
        lines.map(|(now, _, line)| (*now, line.as_str()))
    }

    /// When a host first told a line that begins like this, and that it did.
    #[track_caller]
    pub(crate) fn when(&self, host: usize, line: &str) -> Tick {
        let found = self.of(host).find(|(_, told)| told.starts_with(line));
        let (now, _) = found.unwrap_or_else(|| panic!("host {host} never told {line:?}: {self}"));
        now
    }

    pub(crate) fn forget(&mut self, host: usize) {
        self.lines.retain(|(_, at, _)| *at != host);
    }
}

impl Tracer for Log {
    fn event(&mut self, now: Tick, node: usize, _task: &'static str, event: &Event) {
        let line = (self.words)(now, node, event);
        self.lines.extend(line.map(|line| (now, node, line)));
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (now, host, line) in &self.lines {
            write!(f, "\n  {now} host {host}: {line}")?;
        }
        Ok(())
    }
}
