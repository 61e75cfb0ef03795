//! What a message says to a question.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use heapless::Vec;

use super::message::{Malformed, Message, RecordType, Section};
use super::{ALIASES_MAX, Name};

/// Addresses of one family that are kept for a name.
pub const ADDRESSES_MAX: usize = 4;

/// The addresses of one family.
pub(super) type FamilyAddresses = Vec<IpAddr, ADDRESSES_MAX>;

/// Record types that are no question's.
const CNAME: u16 = 5;
const NS: u16 = 2;
const SOA: u16 = 6;
/// Response codes (RFC 1035, 4.1.1).
const NO_ERROR: u8 = 0;
const NAME_ERROR: u8 = 3;
const REFUSED: u8 = 5;

/// What a message says to a question. Times are in seconds, as the server gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Answer {
    /// Addresses that can be a host's, in the order of the message.
    Addresses {
        /// At least one.
        addresses: Vec<IpAddr, ADDRESSES_MAX>,
        /// The shortest life of a record that led there.
        ttl_secs: u32,
    },
    /// The name is another's, about which the message says nothing more.
    Alias {
        /// The other name.
        name: Name,
        /// Aliases that led there.
        count: u8,
        /// The shortest life of one of them.
        ttl_secs: u32,
    },
    /// There is no such name.
    NoSuchName {
        /// For how long that holds, where the server says so (RFC 2308).
        ttl_secs: Option<u32>,
    },
    /// The name has no such address.
    NoAddress {
        /// For how long that holds, where the server says so.
        ttl_secs: Option<u32>,
    },
    /// More aliases than we follow, or a loop of them.
    TooManyAliases,
    /// The answer found no room in a datagram.
    Truncated,
    /// The server refuses to answer us.
    Refused,
    /// The server cannot answer, or knows only others who could.
    ServerFailed,
}

impl Answer {
    /// What `message` says to the question `kind` of `name`, of which `aliases` were followed before.
    /// Whose message it is must have been checked.
    ///
    /// # Errors
    /// The message is no message.
    pub fn read(
        message: &Message,
        name: &Name,
        kind: RecordType,
        aliases: u8,
    ) -> Result<Self, Malformed> {
        let code = message.response_code();
        match code {
            _ if message.is_truncated() => return Ok(Self::Truncated),
            NO_ERROR | NAME_ERROR => {}
            REFUSED => return Ok(Self::Refused),
            _ => return Ok(Self::ServerFailed),
        }
        let mut owner = *name;
        let mut ttl_secs = u32::MAX;
        // Whatever their order, each pass finds what the owner of the last pass is.
        for count in aliases..=ALIASES_MAX {
            let found = Found::read(message, &owner, kind)?;
            if let Some(found_ttl_secs) = found.ttl_secs {
                let ttl_secs = ttl_secs.min(found_ttl_secs);
                return Ok(if found.addresses.is_empty() {
                    Self::NoAddress {
                        ttl_secs: Some(ttl_secs),
                    }
                } else {
                    Self::Addresses {
                        addresses: found.addresses,
                        ttl_secs,
                    }
                });
            }
            let Some((target, target_ttl_secs)) = found.alias else {
                return if count > aliases && code == NO_ERROR {
                    Self::nothing_or_alias(message, owner, count, ttl_secs)
                } else {
                    Self::nothing(message, code, ttl_secs)
                };
            };
            owner = target;
            ttl_secs = ttl_secs.min(target_ttl_secs);
        }
        Ok(Self::TooManyAliases)
    }

    /// The chain ends at a name that has no address here: either its server says that there is none,
    /// or it says nothing.
    fn nothing_or_alias(
        message: &Message,
        name: Name,
        count: u8,
        ttl_secs: u32,
    ) -> Result<Self, Malformed> {
        Ok(match Self::nothing(message, NO_ERROR, ttl_secs)? {
            no @ Self::NoAddress { ttl_secs: Some(_) } => no,
            _ => Self::Alias {
                name,
                count,
                ttl_secs,
            },
        })
    }

    /// Reads a negative answer (RFC 2308, 2).
    fn nothing(message: &Message, code: u8, chain_ttl_secs: u32) -> Result<Self, Malformed> {
        let mut ttl_secs = None;
        let mut has_ns = false;
        message.records(|section, record| {
            let is_soa = section == Section::Authority && record.kind == Some(SOA);
            if is_soa {
                let own_secs = record.ttl_secs.min(chain_ttl_secs);
                ttl_secs = Some(message.soa_minimum(record)?.min(own_secs));
            }
            has_ns |= section == Section::Authority && record.kind == Some(NS);
            Ok(is_soa)
        })?;
        Ok(match (code, ttl_secs) {
            (NAME_ERROR, _) => Self::NoSuchName { ttl_secs },
            // A referral: the server does not search for us.
            (_, None) if has_ns => Self::ServerFailed,
            _ => Self::NoAddress { ttl_secs },
        })
    }
}

/// What a message has for one name.
struct Found {
    addresses: FamilyAddresses,
    /// `None` when there is no address at all; those that cannot be a host's count as well.
    ttl_secs: Option<u32>,
    alias: Option<(Name, u32)>,
}

impl Found {
    fn read(message: &Message, owner: &Name, kind: RecordType) -> Result<Self, Malformed> {
        let mut found = Self {
            addresses: Vec::new(),
            ttl_secs: None,
            alias: None,
        };
        message.records(|section, record| {
            if section != Section::Answer {
                return Ok(true);
            }
            if record.kind == Some(kind.code()) && message.is_owner(record, owner)? {
                let address = address(message.data(record), kind)?;
                found.ttl_secs = Some(found.ttl_secs.unwrap_or(u32::MAX).min(record.ttl_secs));
                if is_host(&address) {
                    // Who offers more has them in an order of its own: the first ones will do.
                    let _ = found.addresses.push(address);
                }
            } else if record.kind == Some(CNAME)
                && found.alias.is_none()
                && message.is_owner(record, owner)?
            {
                found.alias = Some((message.target(record)?, record.ttl_secs));
            }
            Ok(false)
        })?;
        Ok(found)
    }
}

fn address(data: &[u8], kind: RecordType) -> Result<IpAddr, Malformed> {
    let address = match kind {
        RecordType::A => data
            .try_into()
            .ok()
            .map(|v4: [u8; 4]| Ipv4Addr::from(v4).into()),
        RecordType::Aaaa => data
            .try_into()
            .ok()
            .map(|v6: [u8; 16]| Ipv6Addr::from(v6).into()),
    };
    address.ok_or(Malformed::RecordLength)
}

/// Whether one host can have this address.
fn is_host(address: &IpAddr) -> bool {
    let is_broadcast = match address {
        IpAddr::V4(address) => address.is_broadcast(),
        // An address of the other family in disguise: no such packet leaves a host.
        IpAddr::V6(address) => address.to_ipv4_mapped().is_some(),
    };
    !address.is_unspecified() && !address.is_multicast() && !is_broadcast
}
