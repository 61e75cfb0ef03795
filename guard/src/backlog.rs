//! A3: callers that wait until a socket listens again.
//!
//! smoltcp has no backlog: while every socket of a port is busy, it answers a SYN with RST, and the
//! caller gives up. If that RST never leaves, the caller's own retransmission of its SYN (RFC 6298,
//! 5.7: after 1 s, 3 s, 7 s, ...) finds a listener later.

use crate::address::FlowKey;
use crate::time::Time;

/// Ports that have a backlog.
const PORTS: usize = 4;
/// Callers that may wait at a time, on all ports together.
const CALLERS: usize = 8;

/// A port whose callers may wait.
#[derive(Debug, Clone, Copy)]
struct Port {
    number: u16,
    wait_max_micros: i64,
}

/// A caller whose SYN was not answered.
#[derive(Debug, Clone, Copy)]
struct Caller {
    key: FlowKey,
    /// When its wait ends: from then on it is answered.
    until: Time,
}

/// The callers that wait.
#[derive(Debug)]
pub(crate) struct Backlog {
    ports: [Option<Port>; PORTS],
    callers: [Option<Caller>; CALLERS],
    /// Whose SYN has just come in. The next frame that goes out may be its refusal.
    pub(crate) caller: Option<FlowKey>,
}

impl Backlog {
    pub(crate) const fn new() -> Self {
        Self {
            ports: [None; PORTS],
            callers: [None; CALLERS],
            caller: None,
        }
    }

    /// Lets the callers of a port wait for so long, or not at all. Returns false when too many ports
    /// have a backlog already.
    pub(crate) fn set(&mut self, number: u16, wait_max_micros: Option<i64>) -> bool {
        let is_port = |port: &&mut Option<Port>| port.is_some_and(|port| port.number == number);
        let mut known = self.ports.iter_mut().find(is_port);
        if known.is_none() {
            known = self.ports.iter_mut().find(|port| port.is_none());
        }
        let Some(port) = known else {
            return wait_max_micros.is_none();
        };
        *port = wait_max_micros.map(|wait_max_micros| Port {
            number,
            wait_max_micros,
        });
        true
    }

    /// Whether the refusal of this caller's SYN stays here, so that it calls again. A caller that
    /// has waited long enough is refused, and so is one too many.
    pub(crate) fn holds_back_refusal(&mut self, key: &FlowKey, now: Time) -> bool {
        let ports = self.ports.iter().flatten();
        let Some(port) = ports.clone().find(|port| port.number == key.local_port) else {
            return false;
        };
        let is_caller = |caller: &Caller| caller.key == *key;
        let waiting = self
            .callers
            .iter_mut()
            .find(|one| one.is_some_and(|one| is_caller(&one)));
        if let Some(waiting) = waiting {
            // After its refusal it may call again, and wait again.
            return waiting.take_if(|caller| caller.until <= now).is_none();
        }
        let is_free = |one: &&mut Option<Caller>| one.is_none_or(|caller| caller.until <= now);
        let Some(free) = self.callers.iter_mut().find(is_free) else {
            return false;
        };
        *free = Some(Caller {
            key: *key,
            until: now.after(port.wait_max_micros),
        });
        true
    }

    /// A socket has answered this caller: its wait is over.
    pub(crate) fn on_accepted(&mut self, key: &FlowKey) {
        for caller in &mut self.callers {
            caller.take_if(|caller| caller.key == *key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    const SECOND: i64 = 1_000_000;

    fn caller(remote_port: u16, local_port: u16) -> FlowKey {
        FlowKey {
            local: Address::UNSPECIFIED,
            remote: Address::UNSPECIFIED,
            local_port,
            remote_port,
        }
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * SECOND)
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
        for number in 0..PORTS as u16 {
            assert!(backlog.set(number, Some(SECOND)));
        }
        assert!(!backlog.set(100, Some(SECOND)));
        assert!(backlog.set(0, Some(2 * SECOND)) && backlog.set(1, None));
        assert!(backlog.set(100, Some(SECOND)));
    }
}
