//! Whether our addresses are ours, and whether our neighbours are where they were.
//!
//! smoltcp answers nobody who asks whether its address is taken, does not notice that somebody else
//! uses it, and believes only what is said to it in person. The guard lets smoltcp do all this by
//! saying it in person: it turns such a frame into a question that smoltcp answers if, and only if,
//! the address is its own at that moment, and turns the answer into the one that is due.

use crate::address::{Address, Mac};
use crate::arp::{self, Arp};
use crate::counters::{Counters, count};
use crate::link::Link;
#[cfg(feature = "ipv6")]
use crate::ndisc;
use crate::neighbours::Neighbours;
use crate::notice::Notice;
use crate::time::Time;

/// As many as smoltcp has addresses, unless it is configured otherwise, and one address that it had
/// before.
const OWN_ADDRESSES: usize = 3;
/// An address is not defended more often than this (RFC 5227, 2.4: DEFEND_INTERVAL), or two hosts
/// would defend it against each other for ever.
const DEFEND_INTERVAL_MICROS: i64 = 10_000_000;

/// What smoltcp was just asked about one of its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    address: Address,
    /// The host that uses the address too. None when it only wants to know.
    rival: Option<Mac>,
}

#[derive(Debug)]
pub(crate) struct Presence {
    /// The addresses from which smoltcp sent, the last one first. Some of them may be ours no more.
    own: [Address; OWN_ADDRESSES],
    /// Until smoltcp has answered, or has taken in the next frame.
    question: Option<Question>,
    defended_at: Option<Time>,
}

impl Presence {
    pub(crate) const fn new() -> Self {
        Self {
            own: [Address::UNSPECIFIED; OWN_ADDRESSES],
            // About no address. A static of this is all zeros and takes no flash; with None it would
            // not be.
            question: Some(Question {
                address: Address::UNSPECIFIED,
                rival: None,
            }),
            defended_at: None,
        }
    }

    /// A frame came in that is no TCP. Returns the length of the frame in `buffer` that smoltcp gets
    /// instead.
    pub(crate) fn incoming(
        &mut self,
        frame: &[u8],
        link: &Link,
        neighbours: &Neighbours,
        now: Time,
        counters: &mut Counters,
        buffer: &mut [u8],
    ) -> Option<usize> {
        // smoltcp did not answer: the address is another host's by now.
        if let Some(unanswered) = self.question.take() {
            self.forget(unanswered.address);
        }
        #[cfg(feature = "ipv6")]
        if let Some(message) = ndisc::Message::parse(frame) {
            return self.incoming_message(frame, &message, link, now, buffer);
        }
        let arp = Arp::parse(frame)?;
        let (sender, target) = (arp.sender, arp.target.address);
        let is_from_host = is_other_host(sender.mac, link);
        if !is_from_host || !(link.is_to_us(frame) || link.is_to_group(frame)) {
            return None;
        }
        let packet = frame.get(..arp::FRAME_LEN)?;
        let changed = buffer.get_mut(..arp::FRAME_LEN)?;
        if sender.address.is_unspecified() {
            // RFC 5227, 2.1.1: a probe.
            if arp.operation != arp::REQUEST || target.is_unspecified() {
                return None;
            }
            self.ask(target, None, packet, changed)
        } else if self.owns(sender.address) {
            if !self.may_defend(now) {
                return None;
            }
            self.ask(sender.address, Some(sender.mac), packet, changed)
        } else if neighbours.have_moved(sender) && !self.owns(target) {
            // RFC 826: whatever the packet is about, it tells where its sender is.
            let own = self.last_own_ipv4()?;
            count(&mut counters.neighbours_moved);
            changed.copy_from_slice(packet);
            arp::set_operation(changed, arp::REPLY);
            arp::set_target_address(changed, own);
            Some(arp::FRAME_LEN)
        } else {
            None
        }
    }

    #[cfg(feature = "ipv6")]
    fn incoming_message(
        &mut self,
        frame: &[u8],
        message: &ndisc::Message,
        link: &Link,
        now: Time,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let mac = link.source_mac(frame)?;
        if !is_other_host(mac, link) || !(link.is_to_us(frame) || link.is_to_group(frame)) {
            return None;
        }
        let rival = match message.kind {
            // RFC 4862, 5.4: the sender wants to know whether the address is taken.
            ndisc::Kind::Solicitation if message.source.is_unspecified() => None,
            // RFC 4862, 5.4.4: it says that the address is its own.
            ndisc::Kind::Advertisement if self.owns(message.target) && self.may_defend(now) => {
                Some(mac)
            }
            _ => return None,
        };
        let len = ndisc::solicit(buffer, frame, message.target)?;
        self.question = Some(Question {
            address: message.target,
            rival,
        });
        Some(len)
    }

    /// Lets the sender of `packet` ask for the hardware address of `address`, as if that were its
    /// own address too.
    fn ask(
        &mut self,
        address: Address,
        rival: Option<Mac>,
        packet: &[u8],
        changed: &mut [u8],
    ) -> Option<usize> {
        changed.copy_from_slice(packet);
        arp::set_operation(changed, arp::REQUEST);
        arp::set_sender_address(changed, address);
        arp::set_target_address(changed, address);
        self.question = Some(Question { address, rival });
        Some(arp::FRAME_LEN)
    }

    /// A frame goes out that is no TCP. If it answers our question, it becomes what the network is
    /// to hear.
    pub(crate) fn outgoing(
        &mut self,
        frame: &mut [u8],
        now: Time,
        counters: &mut Counters,
    ) -> Option<Notice> {
        let answer = Answer::parse(frame)?;
        self.learn(answer.own);
        let question = self.question.take_if(|question| {
            answer.asker == Some(question.address) && answer.own == question.address
        })?;
        let Some(mac) = question.rival else {
            count(&mut counters.probes_answered);
            if question.address.is_ipv4() {
                arp::set_no_target_address(frame);
            } else {
                advertise_to_all(frame);
            }
            return None;
        };
        count(&mut counters.addresses_defended);
        self.defended_at = Some(now);
        if question.address.is_ipv4() {
            arp::announce(frame);
        } else {
            advertise_to_all(frame);
        }
        Some(Notice::AddressConflict {
            address: question.address.to_ip_addr(),
            mac,
        })
    }

    /// The addresses from which smoltcp sent, and some of which may be ours no more.
    #[cfg(feature = "ipv6")]
    pub(crate) const fn own(&self) -> &[Address] {
        &self.own
    }

    fn owns(&self, address: Address) -> bool {
        !address.is_unspecified() && self.own.contains(&address)
    }

    /// The IPv4 address from which smoltcp sent last.
    fn last_own_ipv4(&self) -> Option<Address> {
        let mut own = self.own.iter();
        own.find(|own| own.is_ipv4() && !own.is_unspecified())
            .copied()
    }

    fn may_defend(&self, now: Time) -> bool {
        self.defended_at
            .is_none_or(|at| now >= at.after(DEFEND_INTERVAL_MICROS))
    }

    /// The address stands first from now on.
    fn learn(&mut self, address: Address) {
        if address.is_unspecified() {
            return;
        }
        let known = self.own.iter().position(|own| *own == address);
        let len = known.map_or(OWN_ADDRESSES, |index| index + 1);
        if let Some(moved) = self.own.get_mut(..len) {
            moved.rotate_right(1);
        }
        if let Some(first) = self.own.first_mut() {
            *first = address;
        }
    }

    fn forget(&mut self, address: Address) {
        for own in &mut self.own {
            if *own == address {
                *own = Address::UNSPECIFIED;
            }
        }
    }
}

/// What smoltcp sends about one of its addresses.
struct Answer {
    own: Address,
    /// Whom it answers. None for a question of its own.
    asker: Option<Address>,
}

impl Answer {
    fn parse(frame: &[u8]) -> Option<Self> {
        #[cfg(feature = "ipv6")]
        if let Some(message) = ndisc::Message::parse(frame) {
            return Some(match message.kind {
                ndisc::Kind::Solicitation => Self {
                    own: message.source,
                    asker: None,
                },
                ndisc::Kind::Advertisement => Self {
                    own: message.target,
                    asker: Some(message.destination),
                },
            });
        }
        let arp = Arp::parse(frame)?;
        Some(Self {
            own: arp.sender.address,
            asker: (arp.operation == arp::REPLY).then_some(arp.target.address),
        })
    }
}

/// Whether this is the hardware address of a single host, and not ours.
fn is_other_host(mac: Mac, link: &Link) -> bool {
    let [first, ..] = mac;
    mac != link.mac && first & 1 == 0
}

#[cfg(feature = "ipv6")]
use ndisc::advertise_to_all;
/// There is no address that is not IPv4.
#[cfg(not(feature = "ipv6"))]
const fn advertise_to_all(_: &mut [u8]) {}
