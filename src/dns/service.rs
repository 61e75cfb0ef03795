//! Names of ports.

/// The well-known ports that have a name (RFC 6335), by those of the apps and what a user of them
/// meets. Sorted by name.
const SERVICES: [(&str, u16); 22] = [
    ("chargen", 19),
    ("daytime", 13),
    ("discard", 9),
    ("domain", 53),
    ("echo", 7),
    ("ftp", 21),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("imap", 143),
    ("ircd", 6667),
    ("mdns", 5353),
    ("mqtt", 1883),
    ("ntp", 123),
    ("pop3", 110),
    ("smtp", 25),
    ("ssh", 22),
    ("syslog", 514),
    ("telnet", 23),
    ("tftp", 69),
    ("time", 37),
    ("whois", 43),
];

/// The port of a service, by its name in any case.
pub fn service_port(name: &str) -> Option<u16> {
    let mut services = SERVICES.iter();
    let service = services.find(|(service, _)| service.eq_ignore_ascii_case(name));
    service.map(|(_, port)| *port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_one_port_and_a_name_in_any_case() {
        assert!(SERVICES.is_sorted());
        assert_eq!(service_port("http"), Some(80));
        assert_eq!(service_port("Domain"), Some(53));
        assert_eq!(service_port("htt"), None);
        assert_eq!(service_port(""), None);
    }
}
