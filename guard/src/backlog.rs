//! A3: callers that wait until a socket listens again.
//!
//! smoltcp has no backlog: while every socket of a port is busy, it answers a SYN with RST, and the
//! caller gives up. If that RST never leaves, the caller's own retransmission of its SYN (RFC 6298,
//! 5.7: after 1 s, 3 s, 7 s, ...) finds a listener later.

use crate::address::{Address, FlowKey};
use crate::time::Time;

/// Ports that have a backlog.
const PORTS: usize = 4;
/// Callers that may wait at a time, on all ports together.
const CALLERS: usize = 8;

/// A port whose callers may wait. No socket listens on port 0, which marks a free place.
#[derive(Debug, Clone, Copy)]
struct Port {
    number: u16,
    wait_max_millis: u32,
}

/// A caller whose SYN was not answered.
#[derive(Debug, Clone, Copy)]
struct Caller {
    remote: Address,
    remote_port: u16,
    local_port: u16,
    /// When its wait ends: from then on it is refused, and its place is free.
    until: Time,
}

impl Caller {
    const FREE: Self = Self {
        remote: Address::UNSPECIFIED,
        remote_port: 0,
        local_port: 0,
        until: Time::ZERO,
    };

    /// Whether this caller calls. Whichever of our addresses it calls, it is one.
    fn calls(&self, key: &FlowKey) -> bool {
        (self.remote, self.remote_port, self.local_port)
            == (key.remote, key.remote_port, key.local_port)
    }
}

/// The callers that wait.
#[derive(Debug)]
pub(crate) struct Backlog {
    ports: [Port; PORTS],
    callers: [Caller; CALLERS],
    /// Whose SYN has just come in. The reply may be its refusal.
    pub(crate) caller: Option<FlowKey>,
}

impl Backlog {
    pub(crate) const fn new() -> Self {
        let free = Port {
            number: 0,
            wait_max_millis: 0,
        };
        Self {
            ports: [free; PORTS],
            callers: [Caller::FREE; CALLERS],
            caller: None,
        }
    }

    /// Lets the callers of a port wait for so long; None and 0 are not at all. Returns false when
    /// too many ports have a backlog already.
    pub(crate) fn set(&mut self, number: u16, wait_max_millis: Option<u64>) -> bool {
        let wait_max_millis = u32::try_from(wait_max_millis.unwrap_or(0)).unwrap_or(u32::MAX);
        let known = self.ports.iter().position(|port| port.number == number);
        let free = || self.ports.iter().position(|port| port.number == 0);
        let place = known.or_else(free).and_then(|at| self.ports.get_mut(at));
        let Some(port) = place else {
            return wait_max_millis == 0;
        };
        *port = Port {
            number: if wait_max_millis == 0 { 0 } else { number },
            wait_max_millis,
        };
        true
    }

    /// Whether the refusal of this caller's SYN stays here, so that it calls again. A caller that
    /// has waited long enough is refused, and so is one too many.
    pub(crate) fn holds_back_refusal(&mut self, key: &FlowKey, now: Time) -> bool {
        let mut ports = self.ports.iter().filter(|port| port.number != 0);
        let Some(port) = ports.find(|port| port.number == key.local_port) else {
            return false;
        };
        if let Some(waiting) = self.callers.iter_mut().find(|caller| caller.calls(key)) {
            let waits = now < waiting.until;
            if !waits {
                // After its refusal it may call again, and wait again.
                *waiting = Caller::FREE;
            }
            return waits;
        }
        let Some(free) = self.callers.iter_mut().find(|place| place.until <= now) else {
            return false;
        };
        *free = Caller {
            remote: key.remote,
            remote_port: key.remote_port,
            local_port: key.local_port,
            until: now.after(i64::from(port.wait_max_millis) * 1000),
        };
        true
    }

    /// A socket has answered this caller: its wait is over.
    pub(crate) fn on_accepted(&mut self, key: &FlowKey) {
        if let Some(caller) = self.callers.iter_mut().find(|caller| caller.calls(key)) {
            *caller = Caller::FREE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    fn caller(remote_port: u16, local_port: u16) -> FlowKey {
        FlowKey {
            local: Address::UNSPECIFIED,
            remote: Address::UNSPECIFIED,
            local_port,
            remote_port,
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_caller_waits_as_long_as_its_port_lets_it_and_is_then_refused_once() {
        let mut backlog = Backlog::new();
        assert!(backlog.set(80, Some(10 * SECOND)));
        for (second, is_held_back) in [(0, true), (1, true), (9, true), (10, false), (11, true)] {
            let held_back = backlog.holds_back_refusal(&caller(1, 80), at(second));
            assert_eq!(held_back, is_held_back, "{second} s");
        }
    }

    #[test]
    fn a_port_without_a_backlog_refuses() {
        let mut backlog = Backlog::new();
        assert!(!backlog.holds_back_refusal(&caller(1, 80), at(0)));
        assert!(backlog.set(80, Some(SECOND)));
        assert!(!backlog.holds_back_refusal(&caller(1, 81), at(0)));
        assert!(backlog.set(80, None));
        assert!(!backlog.holds_back_refusal(&caller(1, 80), at(0)));
    }

    #[test]
    fn one_caller_too_many_is_refused_until_another_is_accepted_or_has_waited_enough() {
        let mut backlog = Backlog::new();
        assert!(backlog.set(80, Some(10 * SECOND)));
        for port in 0..CALLERS as u16 {
            assert!(backlog.holds_back_refusal(&caller(port, 80), at(0)));
        }
        assert!(!backlog.holds_back_refusal(&caller(100, 80), at(1)));
        backlog.on_accepted(&caller(3, 80));
        assert!(backlog.holds_back_refusal(&caller(100, 80), at(1)));
        assert!(!backlog.holds_back_refusal(&caller(101, 80), at(1)));
        assert!(backlog.holds_back_refusal(&caller(101, 80), at(10)));
    }

    #[test]
    fn one_port_too_many_gets_no_backlog() {
        let mut backlog = Backlog::new();
        for number in 1..=PORTS as u16 {
            assert!(backlog.set(number, Some(SECOND)));
        }
        assert!(!backlog.set(100, Some(SECOND)));
        assert!(backlog.set(2, Some(2 * SECOND)) && backlog.set(1, None));
        assert!(backlog.set(100, Some(SECOND)));
    }
}
