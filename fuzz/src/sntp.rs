//! A time server's answers, and a clock that is set by anything.

use tickwire::sntp::{Reply, UnixTime, Unusable, WallClock};
use tickwire::{Duration, Tick};

/// A packet, and after it settings of a clock: how long after the one before, and to which time.
pub fn run(data: &[u8]) {
    let own_nonce = data.get(24..32).and_then(|bytes| bytes.try_into().ok());
    let own_nonce = own_nonce.map_or(0, u64::from_be_bytes);
    for nonce in [own_nonce, !own_nonce] {
        match Reply::parse(data, nonce) {
            Ok(reply) => {
                assert!(nonce == own_nonce && (1..=15).contains(&reply.stratum));
                assert!(reply.received <= reply.sent);
            }
            Err(Unusable::Malformed | Unusable::Stranger) => {}
            // Nothing but an answer to the question says so.
            Err(Unusable::Kiss(_) | Unusable::Unsynchronised) => assert_eq!(nonce, own_nonce),
        }
    }
    let clock = WallClock::new();
    let mut now = Tick::ZERO;
    for setting in data.get(48..).unwrap_or_default().chunks_exact(10) {
        let (wait, time) = setting.split_at(4);
        let wait = u32::from_be_bytes(wait.try_into().expect("there are four"));
        let time = time
            .iter()
            .fold(0, |time, &byte| time << 8 | u64::from(byte));
        let before = clock.time(now);
        now = now + Duration::from_millis(wait.into());
        // It never goes back by itself.
        assert!(clock.time(now) >= before);
        let offset = clock.set(now, UnixTime::from_micros(time << 8));
        assert_eq!(offset.is_none(), before.is_none());
        assert!(clock.rate_ppb().abs() <= 500_000);
    }
}
