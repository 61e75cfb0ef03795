//! The link: our TCP/IP stack on a TAP interface, and the kernel's side of that interface.

pub mod arp_probe;
mod dhcp_task;
pub mod kernel_side;
pub mod name_servers;
pub mod netlink;
pub mod pcap;
pub(crate) mod side;
pub mod stack;
pub mod tap;
pub mod watch;
