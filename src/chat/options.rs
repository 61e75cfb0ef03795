//! How a chat behaves.

use super::LineEnd;
use crate::Duration;

/// How a [`Chat`](super::Chat) behaves; fixed for its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Options {
    /// What follows each line that we send.
    pub line_end: LineEnd,
    /// End with the result of the first conversation, or of the attempt to dial it. Without it, one
    /// that fails is an [`Event::Failed`](crate::Event::Failed), and a listener waits for the next.
    pub once: bool,
    /// A client dials again after a failure and after a conversation, with pauses from 1 s to 30 s.
    pub redial: bool,
    /// A client that has nothing more to do waits for its caller's next command, instead of ending.
    /// Not with `once`.
    pub stay: bool,
    /// How long a client waits for the connection to be established.
    pub connect_timeout: Duration,
    /// How long the sink may take nothing before it costs a conversation the rest of its messages
    /// ([`TimeoutKind::Sink`](crate::TimeoutKind::Sink)).
    pub stall_timeout: Duration,
}

impl Options {
    /// Lines with LF, one conversation after the other, no redial, 5 s to connect, 60 s for a sink
    /// that takes nothing.
    pub const DEFAULT: Self = Self {
        line_end: LineEnd::Lf,
        once: false,
        redial: false,
        stay: false,
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_secs(60),
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_options_are_the_documented_ones() {
        let documented = Options {
            line_end: LineEnd::Lf,
            once: false,
            redial: false,
            stay: false,
            connect_timeout: Duration::from_millis(5_000),
            stall_timeout: Duration::from_millis(60_000),
        };
        assert_eq!(Options::default(), documented);
    }
}
