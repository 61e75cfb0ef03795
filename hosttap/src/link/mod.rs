//! The link: our TCP/IP stack on a TAP interface, and the kernel's side of that interface.

pub mod kernel_side;
pub mod netlink;
pub mod pcap;
pub mod stack;
pub mod tap;
pub mod watch;
