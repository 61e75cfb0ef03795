//! What the client and its device share.

use core::cell::RefCell;
use core::net::Ipv4Addr;

use heapless::Vec;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{EthernetAddress, Ipv4Cidr};

use super::encoding::is_host;
use super::frame::{self, Arp, Frame, Heard};
use super::message::ETHERNET;
use super::{CLIENT_ID_LEN_MAX, Lease, Message, ReplyKind};

/// The memory of a DHCP client: its lease, a frame that has still to leave, and what was heard.
///
/// The caller owns it and lends it to a [`DhcpDevice`](super::DhcpDevice) and to a
/// [`Dhcp`](super::Dhcp), for one interface only. A new one is all zeros, so that a `static` takes no
/// flash.
#[derive(Debug)]
pub struct Storage {
    /// Never borrowed while a token's closure of smoltcp runs.
    pub(super) shared: RefCell<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// The lease in use.
    pub(super) lease: Lease,
    /// The next frame to leave; empty when there is none.
    pub(super) outgoing: Frame,
    /// Which answer of a server is believed, if any. The first is kept, and ends the wait.
    pub(super) expected: Expected,
    pub(super) reply: Reply,
    /// What an ACK granted, until it is used.
    pub(super) granted: Lease,
    /// The address that must be ours alone.
    pub(super) guarded: Guarded,
    /// Who else has or wants it.
    pub(super) claimant: Option<EthernetAddress>,
    /// The next hop whose hardware address was asked for.
    pub(super) hop: Option<Ipv4Addr>,
    pub(super) hop_mac: Option<EthernetAddress>,
    /// Our hardware address, from the client's first step on; nothing is heard before.
    pub(super) mac: Option<EthernetAddress>,
    pub(super) client_id: Vec<u8, CLIENT_ID_LEN_MAX>,
    /// The device's MTU for IP.
    pub(super) packet_bytes_max: u16,
}

/// The answer that a request waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
    /// None.
    Nothing,
    /// Any server's offer.
    Offer { xid: u32 },
    /// An ACK of `address`, or a NAK, from `server` or from any.
    Ack {
        xid: u32,
        server: Option<Ipv4Addr>,
        address: Ipv4Addr,
    },
}

/// An answer that is believed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reply {
    /// None yet.
    Nothing,
    Offer {
        server: Ipv4Addr,
        address: Ipv4Addr,
    },
    /// The lease is in [`Shared::granted`].
    Ack,
    Nak,
}

/// The address that must be ours alone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Guarded {
    Nothing,
    /// We only ask for it yet: it is also taken when another host asks for it.
    Probed(Ipv4Addr),
    /// We use it.
    Used(Ipv4Addr),
}

impl Storage {
    /// A storage without a lease.
    pub const fn new() -> Self {
        Self {
            shared: RefCell::new(Shared {
                lease: Lease::NONE,
                outgoing: Frame::new(),
                expected: Expected::Nothing,
                reply: Reply::Nothing,
                granted: Lease::NONE,
                guarded: Guarded::Nothing,
                claimant: None,
                hop: None,
                hop_mac: None,
                mac: None,
                client_id: Vec::new(),
                packet_bytes_max: 0,
            }),
        }
    }

    /// The lease that the interface uses now.
    pub fn lease(&self) -> Option<Lease> {
        self.shared.borrow().lease.some().cloned()
    }
}

/// What the client does with it.
impl Storage {
    /// Whose frames are heard, and who we are: by default the type of hardware and its address.
    pub(super) fn begin(&self, mac: EthernetAddress, client_id: Option<&[u8]>) {
        let mut shared = self.shared.borrow_mut();
        shared.mac = Some(mac);
        shared.client_id.clear();
        match client_id {
            Some(bytes) => shared
                .client_id
                .extend(bytes.iter().copied().take(CLIENT_ID_LEN_MAX)),
            None => shared.client_id.extend([ETHERNET].into_iter().chain(mac.0)),
        }
    }

    /// From now on `expected` is believed, and nothing that came before.
    pub(super) fn expect(&self, expected: Expected) {
        let mut shared = self.shared.borrow_mut();
        (shared.expected, shared.reply) = (expected, Reply::Nothing);
    }

    /// No answer is believed, and what was granted is forgotten.
    pub(super) fn forget_exchange(&self) {
        let mut shared = self.shared.borrow_mut();
        (shared.expected, shared.reply) = (Expected::Nothing, Reply::Nothing);
        (shared.hop, shared.hop_mac) = (None, None);
        shared.granted = Lease::NONE;
    }

    pub(super) fn take_reply(&self) -> Reply {
        core::mem::replace(&mut self.shared.borrow_mut().reply, Reply::Nothing)
    }

    /// Watches for other hosts that claim an address.
    pub(super) fn guard(&self, guarded: Guarded) {
        let mut shared = self.shared.borrow_mut();
        (shared.guarded, shared.claimant) = (guarded, None);
    }

    pub(super) fn take_claimant(&self) -> Option<EthernetAddress> {
        self.shared.borrow_mut().claimant.take()
    }

    pub(super) fn granted_address(&self) -> Option<Ipv4Cidr> {
        self.shared
            .borrow()
            .granted
            .some()
            .map(|lease| lease.address)
    }

    pub(super) fn granting_server(&self) -> Option<Ipv4Addr> {
        self.shared
            .borrow()
            .granted
            .some()
            .map(|lease| lease.server)
    }

    /// Uses what was granted.
    pub(super) fn accept_granted(&self) {
        let mut shared = self.shared.borrow_mut();
        let granted = core::mem::replace(&mut shared.granted, Lease::NONE);
        shared.lease = granted;
    }

    pub(super) fn forget_lease(&self) {
        self.shared.borrow_mut().lease = Lease::NONE;
    }

    /// Does something with what was granted, if anything was.
    pub(super) fn with_granted<R>(&self, act: impl FnOnce(&Lease) -> R) -> Option<R> {
        self.shared.borrow().granted.some().map(act)
    }

    /// The server of the lease in use.
    pub(super) fn server(&self) -> Option<Ipv4Addr> {
        self.shared.borrow().lease.some().map(|lease| lease.server)
    }

    /// Listens for the hardware address of `hop`.
    pub(super) fn seek(&self, hop: Option<Ipv4Addr>) {
        let mut shared = self.shared.borrow_mut();
        (shared.hop, shared.hop_mac) = (hop, None);
    }

    pub(super) fn is_seeking(&self) -> bool {
        self.shared.borrow().hop.is_some()
    }

    /// The hardware address that was sought, once; then nothing is sought any more.
    pub(super) fn take_hop(&self) -> Option<EthernetAddress> {
        let mut shared = self.shared.borrow_mut();
        let hop_mac = shared.hop_mac.take()?;
        shared.hop = None;
        Some(hop_mac)
    }

    /// Whether the last frame has left.
    pub(super) fn is_flushed(&self) -> bool {
        self.shared.borrow().outgoing.is_empty()
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Storage {
    fn format(&self, f: defmt::Formatter) {
        defmt::write!(f, "Storage {{ lease: {} }}", self.shared.borrow().lease);
    }
}

impl Shared {
    /// Looks at a frame that came in; whether it is the client's alone. smoltcp would answer some of
    /// those with "port unreachable".
    pub(super) fn hear(&mut self, frame: &[u8], checksums: &ChecksumCapabilities) -> bool {
        let Some(mac) = self.mac else {
            return false;
        };
        match frame::read(frame, mac, checksums) {
            Some(Heard::Server(payload)) => {
                if let Some(reply) = self.believe(payload) {
                    (self.expected, self.reply) = (Expected::Nothing, reply);
                }
                true
            }
            Some(Heard::Arp(arp)) => {
                self.hear_arp(arp);
                false
            }
            None => false,
        }
    }

    /// The answer that is expected, if `payload` is it.
    fn believe(&mut self, payload: &[u8]) -> Option<Reply> {
        let (Expected::Offer { xid } | Expected::Ack { xid, .. }) = self.expected else {
            return None;
        };
        let message = Message::parse(payload).ok()?;
        let is_ours = Some(EthernetAddress(message.mac())) == self.mac;
        if !is_ours || message.xid() != xid || !message.is_for(&self.client_id) {
            return None;
        }
        let server = message.server().filter(is_host)?;
        match (self.expected, message.kind()) {
            (Expected::Offer { .. }, ReplyKind::Offer) => {
                let address = message.address();
                is_host(&address).then_some(Reply::Offer { server, address })
            }
            (Expected::Ack { server: chosen, .. }, _) if chosen.is_some_and(|it| it != server) => {
                None
            }
            (Expected::Ack { .. }, ReplyKind::Nak) => Some(Reply::Nak),
            (Expected::Ack { address, .. }, ReplyKind::Ack) => {
                let lease = Lease::read(&message)?;
                if lease.address.address() != address {
                    return None;
                }
                self.granted = lease;
                Some(Reply::Ack)
            }
            _ => None,
        }
    }

    fn hear_arp(&mut self, arp: Arp) {
        if Some(arp.mac) == self.mac {
            return;
        }
        let is_claimed = match self.guarded {
            Guarded::Nothing => false,
            Guarded::Used(address) => arp.sender == address,
            Guarded::Probed(address) => {
                let probes_it = arp.sender.is_unspecified() && arp.target == address;
                arp.sender == address || probes_it
            }
        };
        if is_claimed {
            self.claimant = Some(arp.mac);
        }
        if self.hop == Some(arp.sender) && arp.mac.is_unicast() {
            self.hop_mac = Some(arp.mac);
        }
    }
}
