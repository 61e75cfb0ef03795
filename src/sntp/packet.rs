//! The packets of SNTP as pure bytes (RFC 4330, section 4; RFC 5905, section 7.3).

use core::fmt;

/// Bytes in a packet; what follows them (extensions, authentication) is not read.
pub const PACKET_LEN: usize = 48;

/// Seconds from NTP's first era, which began in 1900, to 1970.
const UNIX_EPOCH_SECS: u64 = 2_208_988_800;
/// Seconds in an era.
const ERA_SECS: u64 = 1 << 32;
const VERSION: u8 = 4;
const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;
const LEAP_UNSYNCHRONISED: u8 = 3;
const STRATUM_MAX: u8 = 15;
/// A root delay or dispersion of a second and more is nobody's (RFC 4330, section 5).
const ROOT_MAX: u32 = 1 << 16;

/// A point in time, in microseconds since 1970 without leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnixTime {
    micros: u64,
}

impl UnixTime {
    /// The time `micros` microseconds after the beginning of 1970.
    pub const fn from_micros(micros: u64) -> Self {
        Self { micros }
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> u64 {
        self.micros
    }

    /// Whole seconds since 1970.
    pub const fn as_secs(self) -> u64 {
        self.micros / 1_000_000
    }

    /// The time of an NTP timestamp between 1968 and 2104: without its first bit it is of the era
    /// that begins in 2036 (RFC 4330, section 3). Before 1970 it is 1970.
    pub const fn from_ntp(timestamp: u64) -> Self {
        let secs = timestamp >> 32;
        let is_first_era = secs >= ERA_SECS / 2;
        let secs = if is_first_era { secs } else { secs + ERA_SECS };
        let micros = ((timestamp & 0xffff_ffff) * 1_000_000) >> 32;
        let since_1970 = secs.saturating_sub(UNIX_EPOCH_SECS);
        Self {
            micros: since_1970 * 1_000_000 + micros,
        }
    }
}

/// Why an answer tells no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Unusable {
    /// Too short, of another version or mode, or without a time: no answer of a server.
    Malformed,
    /// It answers another question.
    Stranger,
    /// A kiss-o'-death: the server does not want to be asked. `DENY` and `RSTR` mean never again,
    /// `RATE` less often. Four printable letters of ASCII.
    Kiss([u8; 4]),
    /// The server does not know the time itself.
    Unsynchronised,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("no answer of a time server"),
            Self::Stranger => f.write_str("an answer to another question"),
            Self::Kiss(code) => {
                f.write_str("the server refuses us: ")?;
                f.write_str(core::str::from_utf8(code).unwrap_or_default())
            }
            Self::Unsynchronised => f.write_str("the server does not know the time"),
        }
    }
}

/// What a server says about the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reply {
    /// How far the server is from a reference clock, 1 to 15.
    pub stratum: u8,
    /// When our question came there.
    pub received: UnixTime,
    /// When the answer left, not before that.
    pub sent: UnixTime,
}

/// The question. `nonce` comes back in the answer; it takes the place of our time, which is nobody's
/// business, and which an outsider could guess.
pub fn request(nonce: u64) -> [u8; PACKET_LEN] {
    let mut packet = [0; PACKET_LEN];
    if let Some(([flags, ..], transmit)) = packet.split_last_chunk_mut::<8>() {
        *flags = VERSION << 3 | MODE_CLIENT;
        *transmit = nonce.to_be_bytes();
    }
    packet
}

impl Reply {
    /// Reads the answer to the question with this nonce.
    ///
    /// # Errors
    /// Any [`Unusable`]. Only an answer to this very question is anything but
    /// [`Unusable::Malformed`] and [`Unusable::Stranger`].
    pub fn parse(packet: &[u8], nonce: u64) -> Result<Self, Unusable> {
        let packet = packet.first_chunk::<PACKET_LEN>();
        let packet = packet.ok_or(Unusable::Malformed)?;
        let (words, []) = packet.as_chunks::<4>() else {
            return Err(Unusable::Malformed);
        };
        let &[
            [flags, stratum, _, _],
            root_delay,
            root_dispersion,
            reference,
            _,
            _,
            origin_high,
            origin_low,
            receive_high,
            receive_low,
            transmit_high,
            transmit_low,
        ] = words
        else {
            return Err(Unusable::Malformed);
        };
        let (leap, version, mode) = (flags >> 6, flags >> 3 & 7, flags & 7);
        // Servers answer with the version of the question; a few know only the one before.
        if mode != MODE_SERVER || !(3..=VERSION).contains(&version) {
            return Err(Unusable::Malformed);
        }
        if timestamp(origin_high, origin_low) != nonce {
            return Err(Unusable::Stranger);
        }
        // Stratum 0 is a refusal, or the 16 of a server that does not know the time itself.
        if stratum == 0 && reference.iter().all(u8::is_ascii_graphic) {
            return Err(Unusable::Kiss(reference));
        }
        let root = [root_delay, root_dispersion].map(u32::from_be_bytes);
        let is_far = root.into_iter().any(|value| value >= ROOT_MAX);
        if leap == LEAP_UNSYNCHRONISED || !(1..=STRATUM_MAX).contains(&stratum) || is_far {
            return Err(Unusable::Unsynchronised);
        }
        let received = timestamp(receive_high, receive_low);
        let sent = timestamp(transmit_high, transmit_low);
        let (received, sent) = match (received, sent) {
            (0, _) | (_, 0) => return Err(Unusable::Malformed),
            (received, sent) => (UnixTime::from_ntp(received), UnixTime::from_ntp(sent)),
        };
        if sent < received {
            return Err(Unusable::Malformed);
        }
        Ok(Self {
            stratum,
            received,
            sent,
        })
    }
}

fn timestamp(high: [u8; 4], low: [u8; 4]) -> u64 {
    u64::from(u32::from_be_bytes(high)) << 32 | u64::from(u32::from_be_bytes(low))
}
