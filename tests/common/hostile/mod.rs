//! Responses of hostile and broken servers, and what `get` must make of each.
//!
//! One table for every level: pure bytes, the machine on a virtual Ethernet, and the program over a TAP. It uses nothing
//! of the core, so that any crate can include it by path. A server sends the [`response`](Case::response), whole or
//! byte by byte, whatever the request was, and then does what [`end`](Case::end) says.
#![allow(dead_code, reason = "each test reads the columns that it needs")]

mod bodies;
mod ends;
mod heads;

/// Exit codes of `get`, which are curl's.
pub(crate) const FINE: i32 = 0;
pub(crate) const MALFORMED: i32 = 8;
pub(crate) const TRUNCATED: i32 = 18;
pub(crate) const STATUS: i32 = 22;
pub(crate) const TIMED_OUT: i32 = 28;
pub(crate) const RESET: i32 = 56;
pub(crate) const TOO_LARGE: i32 = 63;

/// The limit on a head that every case was written for, which is the default one.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What the server does after its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It closes.
    Fin,
    /// It resets, after all of its bytes were acknowledged: a reset may overtake bytes, and then the case is another.
    Rst,
    /// It says nothing more and keeps the connection open.
    Silence,
    /// It sends these bytes over and over, one each second, for ever.
    Drip(&'static [u8]),
}

/// One response and its outcome.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// A sentence without its end, different for each case.
    pub(crate) name: String,
    pub(crate) response: Vec<u8>,
    pub(crate) end: End,
    /// `--max-size`.
    pub(crate) max_size_bytes: Option<u64>,
    /// `--require-length`.
    pub(crate) require_length: bool,
    /// `--first-byte-timeout` and `--idle-timeout`, both; given where the outcome is a timeout.
    pub(crate) timeout_s: Option<u32>,
    /// The exit code.
    pub(crate) exit: i32,
    /// The name of the `Malformed` variant, where the code is 8.
    pub(crate) malformed: Option<&'static str>,
    /// What the sink gets before the outcome, and what stdout shows. Bytes that drip come on top.
    pub(crate) delivered: Vec<u8>,
}

impl Case {
    /// What `get -o FILE` leaves at FILE: the body when all is well, otherwise nothing.
    pub(crate) fn saved(&self) -> Option<&[u8]> {
        (self.exit == FINE).then_some(self.delivered.as_slice())
    }

    /// A response after which the server closes, and which ends with this code and no payload.
    fn new(name: impl Into<String>, response: impl AsRef<[u8]>, exit: i32) -> Self {
        Self {
            name: name.into(),
            response: response.as_ref().to_vec(),
            end: End::Fin,
            max_size_bytes: None,
            require_length: false,
            timeout_s: None,
            exit,
            malformed: None,
            delivered: Vec::new(),
        }
    }

    fn malformed(name: impl Into<String>, response: impl AsRef<[u8]>, how: &'static str) -> Self {
        Self {
            malformed: Some(how),
            ..Self::new(name, response, MALFORMED)
        }
    }

    fn delivers(self, payload: impl AsRef<[u8]>) -> Self {
        Self {
            delivered: payload.as_ref().to_vec(),
            ..self
        }
    }

    fn ends(self, end: End) -> Self {
        let waits = self.exit == TIMED_OUT;
        Self {
            end,
            timeout_s: waits.then_some(2),
            ..self
        }
    }
}

/// All of them, in a fixed order.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = heads::cases();
    cases.append(&mut bodies::cases());
    cases.append(&mut ends::cases());
    cases
}
