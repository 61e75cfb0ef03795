//! Local ports for connections that we open.

use super::{Duration, Error, Tick};

/// The first ephemeral port (RFC 6335, section 6).
const FIRST: u16 = 49_152;
/// How many there are: up to 65535.
const COUNT: u16 = 16_384;
/// The largest step from one port to the next.
const STEP_MAX: u16 = 8;
/// A port is not used again within this time: the peer may still hold the old connection.
const REST: Duration = Duration::from_secs(10);
/// Ports given out in one period of `REST`. Two periods in a row cannot go round the whole range.
const GIVEN_MAX: u16 = COUNT / STEP_MAX / 2;

/// Gives out local ports: seeded, hard to guess, and none twice within 10 s.
///
/// It walks the ephemeral range in random steps (RFC 6056, section 3.3.5). A step is at most 8, so a
/// round takes at least 2,048 ports; at most 1,024 are given out in 10 s, so no round is shorter
/// than that.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ports {
    random: u64,
    cursor: u16,
    period_start: Tick,
    given: u16,
}

impl Ports {
    /// Ports in an order that `seed` decides. A device should not start with the same seed twice: a
    /// peer may still hold connections from before the restart.
    pub const fn new(seed: u64) -> Self {
        let mut ports = Self {
            random: seed,
            cursor: 0,
            period_start: Tick::ZERO,
            given: 0,
        };
        // Far below u16's range after the remainder.
        ports.cursor = (ports.next_random() % COUNT as u64) as u16;
        ports
    }

    /// A port that was not given out during the last 10 s.
    ///
    /// # Errors
    /// [`Error::NoLocalPort`] after 1,024 ports within 10 s.
    pub fn take(&mut self, now: Tick) -> Result<u16, Error> {
        if now >= self.period_start + REST {
            self.period_start = now;
            self.given = 0;
        }
        if self.given >= GIVEN_MAX {
            return Err(Error::NoLocalPort);
        }
        self.given += 1;
        let step = 1 + (self.next_random() % u64::from(STEP_MAX)) as u16;
        self.cursor = (self.cursor + step) % COUNT;
        Ok(FIRST + self.cursor)
    }

    /// A port of the ephemeral range, each as likely as the others, whether it is in use or not: for
    /// UDP, where a peer keeps no connection, and where nobody must guess the port of a question.
    #[cfg(feature = "udp")]
    pub(super) const fn draw(&mut self) -> u16 {
        FIRST + (self.next_random() % COUNT as u64) as u16
    }

    /// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    pub(crate) const fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn no_port_comes_back_within_ten_seconds() {
        let mut ports = Ports::new(7);
        let mut used: HashMap<u16, Tick> = HashMap::new();
        let mut refused = 0;
        for millis in (0..120_000).step_by(3) {
            let now = Tick::from_millis(millis);
            match ports.take(now) {
                Ok(port) => {
                    assert!(port >= FIRST);
                    if let Some(before) = used.insert(port, now) {
                        assert!(
                            now.since(before) >= REST,
                            "port {port} at {before} and {now}"
                        );
                    }
                }
                Err(error) => {
                    assert_eq!(error, Error::NoLocalPort);
                    refused += 1;
                }
            }
        }
        assert!(
            refused > 0 && used.len() > 4_096,
            "{refused} refused, {} used",
            used.len()
        );
    }

    #[test]
    fn another_seed_begins_elsewhere() {
        let first: HashMap<u16, u64> = (0..100)
            .map(|seed| (Ports::new(seed).take(Tick::ZERO).unwrap(), seed))
            .collect();
        assert!(first.len() > 90);
    }
}
