//! What happens to a lease, in words.

use tickwire::dhcp::{DhcpEvent, Lease};
use tickwire::{Duration, Event};

/// What the server tells about its network, on one line; `None` if that is nothing. Names in a lease
/// are printable ASCII.
pub(super) fn settings_text(lease: &Lease) -> Option<String> {
    let mut parts = Vec::new();
    for (what, addresses) in [
        ("router", &lease.routers),
        ("name server", &lease.name_servers),
        ("time server", &lease.time_servers),
    ] {
        parts.extend(addresses.iter().map(|address| format!("{what} {address}")));
    }
    for route in &lease.routes {
        let (destination, prefix_len) = (route.destination, route.prefix_len);
        parts.push(format!(
            "{destination}/{prefix_len} through {}",
            route.router
        ));
    }
    for (what, name) in [("domain", &lease.domain), ("our name", &lease.fqdn)] {
        if !name.is_empty() {
            parts.push(format!("{what} {name}"));
        }
    }
    parts.extend(lease.mtu.map(|mtu| format!("MTU {mtu}")));
    (!parts.is_empty()).then(|| format!("Network: {}", parts.join(", ")))
}

/// What happened to the lease or the link, as a line for the user; `None` for everything else.
pub(super) fn event_text(event: &Event<'_>) -> Option<String> {
    match event {
        Event::LinkUp => return Some("The link is up".to_owned()),
        Event::LinkDown => return Some("The link is down".to_owned()),
        _ => {}
    }
    Some(match event.app::<DhcpEvent>()? {
        DhcpEvent::LeaseAcquired {
            address,
            server,
            time,
        } => format!("Lease {address} from {server} {}", time_text(*time)),
        DhcpEvent::LeaseRenewed { address, time, .. } => {
            format!("Lease {address} renewed {}", time_text(*time))
        }
        DhcpEvent::LeaseLost { address, reason } => format!("Lease {address} lost: {reason}"),
        DhcpEvent::Refused { address } => format!("A DHCP server refused us {address}"),
        DhcpEvent::Declined { address, holder } => {
            format!("{address} is in use by {holder}: asking for another address")
        }
        _ => return None,
    })
}

fn time_text(time: Option<Duration>) -> String {
    match time {
        Some(time) => format!("for {} s", time.as_millis() / 1_000),
        None => "for ever".to_owned(),
    }
}
