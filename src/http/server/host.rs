//! By which names a server is called.

use core::net::IpAddr;

/// Stands for every name in a list of hosts.
const ANY_HOST: &str = "*";

/// What the host of a request is to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Known {
    /// A name of the server's own, which nobody else can lead here.
    Ours,
    /// Any name will do.
    Any,
    /// Not a name of this server: somebody may have led a name of his own here (DNS rebinding).
    Foreign,
}

impl Known {
    /// Of this host, with a port or without, for a server that goes by the names `hosts`.
    pub(super) fn of(host: &str, hosts: &[&str]) -> Self {
        let name = name(host);
        if is_near(name) || hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            Self::Ours
        } else if hosts.contains(&ANY_HOST) {
            Self::Any
        } else {
            Self::Foreign
        }
    }
}

/// The host without its port, brackets, and final dot.
fn name(host: &str) -> &str {
    let name = match host.strip_prefix('[') {
        Some(opened) => opened.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether only this device or its own network says where this name leads: an address, a name in
/// `.local` (RFC 6762, 3), or one without a dot, such as `localhost`.
fn is_near(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    last.len() == name.len() || last.eq_ignore_ascii_case("local") || name.parse::<IpAddr>().is_ok()
}
