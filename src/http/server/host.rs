//! By which names a server is called.

use core::net::IpAddr;

/// Stands for every name in a list of hosts.
const ANY_HOST: &str = "*";

/// Names that nobody can lead here from the public DNS, nor what is beneath them.
const NEAR: [&str; 12] = [
    // Answered by the link (RFC 6762, 3).
    "local",
    // Reserved (RFC 6761, 6.2 to 6.5).
    "localhost",
    "test",
    "invalid",
    "example",
    "example.com",
    "example.net",
    "example.org",
    // For home networks (RFC 8375).
    "home.arpa",
    // Reserved for private use (ICANN Board, 29 July 2024).
    "internal",
    // In use by routers, and not delegated: `home` never will be (ICANN Board, 4 February 2018).
    "lan",
    "home",
];

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
        if is_near(name)
            || hosts
                .iter()
                .any(|known| self::name(known).eq_ignore_ascii_case(name))
        {
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

/// Whether nobody far away says where this name leads: an address, a name without a dot, or one of
/// [`NEAR`] or beneath it.
fn is_near(name: &str) -> bool {
    !name.contains('.')
        || name.parse::<IpAddr>().is_ok()
        || NEAR.iter().any(|near| is_in(name, near))
}

/// Whether a name is `domain` or is beneath it.
fn is_in(name: &str, domain: &str) -> bool {
    let start = name.len().checked_sub(domain.len());
    let Some((below, end)) = start.and_then(|start| name.split_at_checked(start)) else {
        return false;
    };
    end.eq_ignore_ascii_case(domain) && (below.is_empty() || below.ends_with('.'))
}
