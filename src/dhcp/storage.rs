//! What the client and its device share.

use core::cell::RefCell;
use core::net::Ipv4Addr;

use heapless::Vec;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{EthernetAddress, Ipv4Cidr};

use super::frame::{self, Arp, Frame, Heard};
use super::lease::is_host;
use super::message::ETHERNET;
use super::{CLIENT_ID_LEN_MAX, Lease, Message, ReplyKind};

/// The memory of a DHCP client: its lease, a frame that has still to leave, and what was heard.
///
/// The caller owns it and lends it to a [`DhcpDevice`](super::DhcpDevice) and to a
/// [`Dhcp`](super::Dhcp), for one interface only.
#[derive(Debug)]
pub struct Storage {
    /// Never borrowed while a token's closure of smoltcp runs.
    pub(super) shared: RefCell<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) lease: Option<Lease>,
    /// The next frame to leave; empty when there is none.
    pub(super) outgoing: Frame,
    /// Which answer of a server is believed, if any. The first is kept, and ends the wait.
    pub(super) expected: Option<Expected>,
    pub(super) reply: Option<Reply>,
    /// What an ACK granted, until it is used.
    pub(super) granted: Option<Lease>,
    /// The address that must be ours alone.
    pub(super) guarded: Option<Guarded>,
    /// Who else has or wants it.
    pub(super) claimant: Option<EthernetAddress>,
    /// The next hop whose hardware address was asked for.
    pub(super) hop: Option<Ipv4Addr>,
    pub(super) hop_mac: Option<EthernetAddress>,
    /// Our hardware address, from the client's first step on; nothing is heard before.
    pub(super) mac: Option<EthernetAddress>,
    pub(super) client_id: Vec<u8, CLIENT_ID_LEN_MAX>,
    /// Which checksums the device computes itself, once there is one.
    pub(super) checksums: Option<ChecksumCapabilities>,
    /// The device's MTU for IP.
    pub(super) packet_bytes_max: u16,
}

/// The answer that a request waits for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
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
    Offer {
        server: Ipv4Addr,
        address: Ipv4Addr,
    },
    /// The lease is in [`Shared::granted`].
    Ack,
    Nak,
}

/// An address of ours, or one that we are about to take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guarded {
    pub(super) address: Ipv4Addr,
    /// Whether we only ask for it yet: then it is also taken when another host asks for it.
    pub(super) is_probed: bool,
}

impl Storage {
    /// A storage without a lease.
    pub const fn new() -> Self {
        Self {
            shared: RefCell::new(Shared {
                lease: None,
                outgoing: Frame::new(),
                expected: None,
                reply: None,
                granted: None,
                guarded: None,
                claimant: None,
                hop: None,
                hop_mac: None,
                mac: None,
                client_id: Vec::new(),
                checksums: None,
                packet_bytes_max: 576,
            }),
        }
    }

    /// The lease that the interface uses now.
    pub fn lease(&self) -> Option<Lease> {
        self.shared.borrow().lease.clone()
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
        (shared.expected, shared.reply) = (Some(expected), None);
    }

    /// No answer is believed, and what was granted is forgotten.
    pub(super) fn forget_exchange(&self) {
        let mut shared = self.shared.borrow_mut();
        (shared.expected, shared.reply) = (None, None);
        (shared.hop, shared.hop_mac) = (None, None);
        shared.granted = None;
    }

    pub(super) fn take_reply(&self) -> Option<Reply> {
        self.shared.borrow_mut().reply.take()
    }

    /// Watches for other hosts that claim an address.
    pub(super) fn guard(&self, guarded: Option<Guarded>) {
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
            .as_ref()
            .map(|lease| lease.address)
    }

    pub(super) fn granting_server(&self) -> Option<Ipv4Addr> {
        self.shared
            .borrow()
            .granted
            .as_ref()
            .map(|lease| lease.server)
    }

    pub(super) fn take_granted(&self) -> Option<Lease> {
        self.shared.borrow_mut().granted.take()
    }

    pub(super) fn set_lease(&self, lease: Option<Lease>) {
        self.shared.borrow_mut().lease = lease;
    }

    /// The server of the lease in use.
    pub(super) fn server(&self) -> Option<Ipv4Addr> {
        self.shared
            .borrow()
            .lease
            .as_ref()
            .map(|lease| lease.server)
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
    pub(super) fn hear(&mut self, frame: &[u8]) -> bool {
        let (Some(checksums), Some(mac)) = (&self.checksums, self.mac) else {
            return false;
        };
        match frame::read(frame, mac, checksums) {
            Some(Heard::Server(payload)) => {
                if let Some(reply) = self.believe(payload) {
                    self.reply = Some(reply);
                    self.expected = None;
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
        let expected = self.expected?;
        let message = Message::parse(payload).ok()?;
        let is_ours =
            Some(EthernetAddress(message.mac())) == self.mac && message.is_for(&self.client_id);
        let server = message.server().filter(is_host)?;
        match (expected, message.kind()) {
            _ if !is_ours || message.xid() != expected.xid() => None,
            (Expected::Offer { .. }, ReplyKind::Offer) => {
                let address = message.address();
                is_host(&address).then_some(Reply::Offer { server, address })
            }
            (Expected::Offer { .. }, _) | (_, ReplyKind::Offer) => None,
            (Expected::Ack { server: chosen, .. }, _) if chosen.is_some_and(|it| it != server) => {
                None
            }
            (Expected::Ack { .. }, ReplyKind::Nak) => Some(Reply::Nak),
            (Expected::Ack { address, .. }, ReplyKind::Ack) => {
                let lease = Lease::read(&message);
                self.granted = lease.filter(|lease| lease.address.address() == address);
                self.granted.is_some().then_some(Reply::Ack)
            }
        }
    }

    fn hear_arp(&mut self, arp: Arp) {
        if Some(arp.mac) == self.mac {
            return;
        }
        if let Some(guarded) = self.guarded {
            let has_it = arp.sender == guarded.address;
            let probes_it = arp.sender.is_unspecified() && arp.target == guarded.address;
            if has_it || (guarded.is_probed && probes_it) {
                self.claimant = Some(arp.mac);
            }
        }
        if self.hop == Some(arp.sender) && arp.mac.is_unicast() {
            self.hop_mac = Some(arp.mac);
        }
    }
}

impl Expected {
    const fn xid(self) -> u32 {
        match self {
            Self::Offer { xid } | Self::Ack { xid, .. } => xid,
        }
    }
}
