//! A DHCPv4 client (RFC 2131): messages as pure bytes, and the client as an app.
//!
//! ```no_run
//! # use smoltcp::{iface::SocketSet, phy::Device, wire::EthernetAddress};
//! # use tickwire::{Config, Stack, Task, Tick};
//! use tickwire::dhcp::{Dhcp, DhcpDevice, DhcpOptions, Storage};
//! # fn now() -> Tick { Tick::ZERO }
//! # fn sleep_until_frame_or(_: Option<Tick>) {}
//! # fn join(device: impl Device, mac: EthernetAddress) {
//! let storage = Storage::new();
//! let device = DhcpDevice::new(device, &storage);
//! let config = Config { mac, addresses: &[], gateway: None, seed: 0x5eed };
//! let mut stack = Stack::new(device, &config, SocketSet::new(&mut [][..]), now());
//! let mut dhcp = Task::new(Dhcp::new(&storage, DhcpOptions::default()));
//! loop {
//!     let wake = stack.turn(now(), &mut [&mut dhcp], &mut ());
//!     if let Some(lease) = storage.lease() {
//!         // Beside other tasks from now on: they can connect.
//! #       let _ = lease; break;
//!     }
//!     sleep_until_frame_or(wake);
//! }
//! # }
//! ```

mod apply;
mod client;
mod device;
mod encoding;
mod event;
mod frame;
mod lease;
mod message;
mod options;
mod renewal;
mod request;
mod send;
mod state;
mod storage;
mod times;

#[cfg(test)]
mod tests;

pub use client::Dhcp;
pub use device::{DhcpDevice, RxToken};
pub use encoding::{ADDRESSES_MAX, Addresses, NAME_LEN_MAX, Name, ROUTES_MAX, Route, Routes};
pub use event::{DhcpEvent, LossReason};
pub use lease::{Lease, LeaseTime};
pub use message::{Malformed, Message, ReplyKind};
pub use options::{DhcpOptions, Probing};
pub use request::{CLIENT_ID_LEN_MAX, HOST_NAME_LEN_MAX, REQUEST_LEN, Request, RequestKind};
pub use storage::Storage;
