//! `--scenario net`: a client that joins a network, finds names and the time, and uses both, while
//! servers are late, silent, unreliable and surrounded by forgers, and its address changes under its
//! connections.

mod client;
mod frames;
mod judge;
mod lease_server;
mod mood;
mod name_server;
mod options;
mod plan;
mod server;
mod services;
mod time_server;
mod trial;
mod user;

use std::net::Ipv4Addr;

use smoltcp::wire::EthernetAddress;

pub(crate) use trial::{describe, run};

/// The port of the client; those of the two servers follow.
const CLIENT: usize = 0;
const PORTS: usize = 3;
const CLIENT_MAC: EthernetAddress = EthernetAddress([2, 0, 10, 0, 0, 1]);
/// Each lends addresses, and knows names and the time.
const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 0, 3)];
