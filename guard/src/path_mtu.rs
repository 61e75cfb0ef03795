//! A5: how long packets may be on the way to a peer (RFC 1191 and RFC 8201).

use crate::address::Address;
use crate::flow::Flow;
use crate::icmp::IcmpError;
use crate::segment::{IPV4_HEADER_LEN_MIN, IPV6_HEADER_LEN};
use crate::time::Time;

/// Peers behind a narrower link that are remembered at a time.
const PATHS: usize = 4;
/// A path may have become wider: it is tried again after this time (RFC 1191, 6.3).
const LIFETIME_MICROS: i64 = 10 * 60 * 1_000_000;
/// Whoever says that a path takes less is believed this much (RFC 1191, 3: every host reassembles
/// 576 bytes), so that no liar makes us send tiny segments.
const IPV4_MTU_MIN: u16 = 576;
/// Every IPv6 link takes so much, and a report of less is discarded (RFC 8201, 4).
const IPV6_MTU_MIN: u16 = 1280;
/// The longest TCP header, all options used.
const TCP_HEADER_LEN_MAX: usize = 60;

/// A path that is narrower than our own link, until it is tried again: then its place is free.
#[derive(Debug, Clone, Copy)]
struct Path {
    remote: Address,
    mtu: u16,
    until: Time,
}

impl Path {
    const FREE: Self = Self {
        remote: Address::UNSPECIFIED,
        mtu: 0,
        until: Time::ZERO,
    };
}

/// The paths of which we were told.
#[derive(Debug)]
pub(crate) struct PathMtus {
    paths: [Path; PATHS],
    /// Whether there ever was one: most hosts never hear of any.
    is_used: bool,
}

impl PathMtus {
    pub(crate) const fn new() -> Self {
        Self {
            paths: [Path::FREE; PATHS],
            is_used: false,
        }
    }

    /// The longest packet that reaches `remote`, where it is known to be limited.
    pub(crate) fn get(&self, remote: Address, now: Time) -> Option<u16> {
        let mut paths = self.paths.iter();
        let path = paths.find(|path| path.remote == remote && now < path.until)?;
        Some(path.mtu)
    }

    /// Whether any path takes less than `packet_len`.
    pub(crate) fn may_limit(&self, packet_len: usize, now: Time) -> bool {
        let limits = |path: &Path| usize::from(path.mtu) < packet_len && now < path.until;
        self.is_used && self.paths.iter().any(limits)
    }

    /// Notes a report that was [believed](believed). No report widens a path (RFC 1191, 3).
    pub(crate) fn learn(&mut self, remote: Address, mtu: u16, now: Time) {
        self.is_used = true;
        let mtu = self.get(remote, now).map_or(mtu, |known| known.min(mtu));
        let known = self.paths.iter().position(|path| path.remote == remote);
        let place = match known {
            Some(at) => self.paths.get_mut(at),
            // A free one, or the oldest.
            None => self.paths.iter_mut().min_by_key(|path| path.until),
        };
        if let Some(place) = place {
            let until = now.after(LIFETIME_MICROS);
            *place = Path { remote, mtu, until };
        }
    }
}

/// What a report that a segment of `flow` was too big says about the path, if it is to be believed.
///
/// Anyone can send such a report. But who cannot see our segments has to guess the ports and a
/// sequence number that is in flight (RFC 5927, 4.1 and 7), and may only claim what makes sense: the
/// segment was one of ours in full, and longer than what the path takes.
pub(crate) fn believed(error: &IcmpError, reported: u32, flow: &Flow) -> Option<u16> {
    let is_ipv4 = error.key.remote.is_ipv4();
    let reported = u16::try_from(reported).unwrap_or(u16::MAX);
    let mtu = match reported {
        // A router older than RFC 1191 says nothing; its section 5 allows the lowest.
        mtu if is_ipv4 => mtu.max(IPV4_MTU_MIN),
        mtu if mtu < IPV6_MTU_MIN => return None,
        mtu => mtu,
    };
    let ip_header_len = if is_ipv4 {
        IPV4_HEADER_LEN_MIN
    } else {
        IPV6_HEADER_LEN
    };
    let packet_len = usize::from(error.packet_len);
    // The options are not always quoted, so the shortest payload is assumed.
    let payload_len = packet_len.checked_sub(ip_header_len + TCP_HEADER_LEN_MAX)?;
    let end = error.seq.after(u32::try_from(payload_len).ok()?);
    let is_ours =
        flow.is_established() && flow.is_in_flight(error.seq) && !flow.snd_max.is_before(end);
    (is_ours && mtu < error.packet_len).then_some(mtu)
}
