//! The loop and its contract: what an app is, what it may touch, and how one turn moves everything.

mod absence;
#[cfg(any(feature = "dns", feature = "guard", feature = "http"))]
mod address;
mod app;
mod connect;
mod deadline;
mod error;
mod event;
mod guard;
mod io;
mod limits;
mod pacing;
mod ports;
mod snapshot;
mod spin;
mod stack;
mod state_cell;
mod task;
mod tick;
mod turn;
#[cfg(feature = "udp")]
mod udp;

#[cfg(any(feature = "dns", feature = "guard", feature = "http"))]
pub(crate) use address::to_smoltcp;
pub use app::{App, Backlog, Step};
pub use deadline::{Deadline, TimeoutKind};
pub use error::Error;
pub use event::{Event, Observer, Role};
#[cfg(feature = "dhcp")]
pub(crate) use io::Forgotten;
pub use io::{AcceptState, Io, Received};
pub use limits::{CAPPED_TURNS_MAX, EGRESS_MAX, INGRESS_MAX, STEPS_MAX};
pub use ports::Ports;
pub use stack::{Config, Stack};
pub use state_cell::{StateCell, StateName};
pub use task::{AnyTask, Task};
pub use tick::{Duration, Tick, TickCounter};
#[cfg(feature = "udp")]
pub use udp::UdpError;
