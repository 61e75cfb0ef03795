//! A caller that says something and listens until the server closes.

use tickwire::{
    Closing, Connection, Deadline, Duration, Error, Received, Session, Step, TimeoutKind,
};

/// Between the two pieces of a text that is cut.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) struct Ask {
    text: Vec<u8>,
    /// Where the text pauses.
    cut: usize,
    /// It sends FIN after its text.
    closes: bool,
    sent: usize,
    pause: Option<Deadline>,
    heard: Vec<u8>,
}

impl Ask {
    pub(crate) fn new(text: Vec<u8>, cut: Option<usize>, closes: bool) -> Self {
        Self {
            cut: cut.unwrap_or(text.len()),
            text,
            closes,
            sent: 0,
            pause: None,
            heard: Vec::new(),
        }
    }

    pub(crate) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }
}

impl Session for Ask {
    type Error = Error;

    const CLOSINGS: &'static [Closing] = &[Closing::Fin];

    fn name(&self) -> &'static str {
        "ask"
    }

    fn begin(&mut self, connection: &mut Connection) -> Result<(), Error> {
        connection.socket().set_nagle_enabled(false);
        Ok(())
    }

    fn step(&mut self, connection: &mut Connection) -> Result<Step, Error> {
        let end = if self.pause.is_some() || self.sent < self.cut {
            self.cut
        } else {
            self.text.len()
        };
        // A server that has closed may have refused the rest.
        let written = connection.write(&self.text[self.sent..end]).unwrap_or(0);
        self.sent += written;
        if written > 0 && self.sent == self.cut && self.cut < self.text.len() {
            let at = connection.now() + PAUSE;
            self.pause = Some(Deadline::new(at, TimeoutKind::Send));
        }
        if self.closes && self.sent == self.text.len() {
            self.closes = false;
            connection.close_write();
        }
        let heard = &mut self.heard;
        let received = connection.read_with(|bytes| {
            heard.extend_from_slice(bytes);
            (bytes.len(), ())
        })?;
        Ok(match received {
            Received::Data(()) => Step::Again,
            Received::End => Step::Done,
            Received::Nothing if written > 0 => Step::Again,
            Received::Nothing => Step::Wait,
        })
    }

    fn deadline(&self) -> Option<Deadline> {
        // A caller must have one while its connection is open.
        let last = Deadline::new(
            tickwire::Tick::from_millis(u64::MAX / 2),
            TimeoutKind::Total,
        );
        self.pause.or(Some(last))
    }

    fn expired(&mut self, _connection: &mut Connection, _: Deadline) -> Result<Step, Error> {
        self.pause = None;
        Ok(Step::Again)
    }
}
