//! Messages of name servers: whatever the bytes, an answer holds only what the message has.

use std::net::IpAddr;

use tickwire::dns::{
    ALIASES_MAX, Answer, Echo, Message, NAME_BYTES_MAX, Name, QUERY_BYTES_MAX, RecordType,
    write_query,
};

/// The type, how many aliases came before, and a message. Its first name is the one asked for, so
/// that most messages are answers to it.
pub fn run(data: &[u8]) {
    let Some((&[kind, aliases], bytes)) = data.split_first_chunk() else {
        return;
    };
    let kind = if kind % 2 == 0 {
        RecordType::A
    } else {
        RecordType::Aaaa
    };
    let aliases = aliases % (ALIASES_MAX + 1);
    let name =
        first_name(bytes).unwrap_or_else(|| Name::parse("www.example.com").expect("it is a name"));
    check_query(&name, kind);
    let Ok(message) = Message::new(bytes) else {
        assert!(bytes.len() < 12);
        return;
    };
    if message.echo(&name, kind) == Echo::Whole {
        let end = 12 + name.as_bytes().len();
        assert_eq!(&bytes[12..end], name.as_bytes());
    }
    match Answer::read(&message, &name, kind, aliases) {
        Ok(Answer::Addresses { addresses, .. }) => {
            assert!(!addresses.is_empty());
            for address in addresses {
                check_address(bytes, address, kind);
            }
        }
        Ok(Answer::Alias { name, count, .. }) => {
            assert!(count > aliases && count <= ALIASES_MAX);
            assert!(name.as_bytes().len() <= NAME_BYTES_MAX);
            assert!(name.to_string().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        _ => {}
    }
}

/// The name at the place of the first question, where it is one that a caller can ask for.
fn first_name(bytes: &[u8]) -> Option<Name> {
    let mut rest = bytes.get(12..)?;
    let mut labels = Vec::new();
    loop {
        let (&length, after) = rest.split_first()?;
        if length == 0 {
            break;
        }
        let (label, after) = after.split_at_checked(usize::from(length))?;
        labels.push(str::from_utf8(label).ok()?);
        rest = after;
    }
    Name::parse(&labels.join(".")).ok()
}

/// A question that is answered by itself, with the flag of a response, repeats itself.
fn check_query(name: &Name, kind: RecordType) {
    let mut query = [0; QUERY_BYTES_MAX];
    let length = write_query(&mut query, 0x1234, name, kind);
    assert_eq!(length, 12 + name.as_bytes().len() + 4);
    let message = Message::new(&query[..length]).expect("it has a header");
    assert_eq!(
        message.echo(name, kind),
        Echo::Other,
        "a query is no response"
    );
    query[2] |= 0x80;
    let message = Message::new(&query[..length]).expect("it has a header");
    assert_eq!(
        (message.id(), message.echo(name, kind)),
        (0x1234, Echo::Whole)
    );
    let nothing = Answer::read(&message, name, kind, 0);
    assert_eq!(nothing, Ok(Answer::NoAddress { ttl_secs: None }));
}

/// An address stands in the message, and can be a host's.
fn check_address(bytes: &[u8], address: IpAddr, kind: RecordType) {
    let is_there = match address {
        IpAddr::V4(address) => bytes.windows(4).any(|window| window == address.octets()),
        IpAddr::V6(address) => bytes.windows(16).any(|window| window == address.octets()),
    };
    assert!(is_there && address.is_ipv4() == (kind == RecordType::A));
    assert!(!address.is_unspecified() && !address.is_multicast());
}
