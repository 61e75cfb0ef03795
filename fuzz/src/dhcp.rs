//! A DHCP server's messages: every option as a plain reading of RFC 2131 and 3396 says, and no lease that no host can have.

use tickwire::dhcp::{Lease, Malformed, Message};

/// Bytes before the options.
const HEADER_LEN: usize = 240;

/// The first byte says whether the rest is a whole message, or what follows a good header.
pub fn run(data: &[u8]) {
    let Some((form, bytes)) = data.split_first() else {
        return;
    };
    let mut message = bytes.to_vec();
    if form & 1 != 0 {
        // `sname`, `file` and options from the input.
        message = [
            &[2, 1, 6, 0][..],
            &[0; 24],
            &[2, 0, 0, 0, 0, 1],
            &[0; 10],
            bytes,
        ]
        .concat();
        message.resize(message.len().max(HEADER_LEN), 0);
        message[236..240].copy_from_slice(&[99, 130, 83, 99]);
    }
    check(&message);
}

fn check(bytes: &[u8]) {
    let specified = specified(bytes);
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(malformed) => {
            let is_known = specified.as_ref().err() == Some(&malformed);
            assert!(is_known, "{malformed:?} instead of {specified:?}");
            return;
        }
    };
    let options = specified.expect("what is malformed is refused");
    for code in 1..255 {
        let joined = options.iter().filter(|option| option.0 == code);
        let joined: Vec<&[u8]> = joined.map(|option| &option.1[..]).collect();
        let whole = joined.concat();
        for room in [0, 4, 72, 4_096] {
            let mut buffer = vec![0; room];
            let len = message.option(code, &mut buffer);
            assert_eq!(
                len,
                (!joined.is_empty()).then_some(whole.len()),
                "option {code}"
            );
            let shared = room.min(whole.len());
            assert_eq!(buffer[..shared], whole[..shared], "option {code}");
        }
    }
    if let Some(lease) = Lease::read(&message) {
        check_lease(&lease);
    }
}

fn check_lease(lease: &Lease) {
    let addresses = [&lease.routers, &lease.name_servers, &lease.time_servers];
    let hosts = addresses.into_iter().flatten().copied();
    for host in hosts.chain([lease.server, lease.address.address()]) {
        assert!(!host.is_unspecified() && !host.is_broadcast());
        assert!(!host.is_multicast() && !host.is_loopback());
    }
    assert_ne!(lease.address.broadcast(), Some(lease.address.address()));
    assert!(lease.routes.iter().all(|route| route.prefix_len <= 32));
    for name in [&lease.domain, &lease.fqdn] {
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    if let Some(time) = lease.time {
        assert!(time.renewal <= time.rebinding && time.rebinding < time.expiry);
    }
}

/// All options in the order in which they are joined, or the first thing that is wrong.
fn specified(bytes: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, Malformed> {
    if bytes.len() < HEADER_LEN {
        return Err(Malformed::Short);
    }
    if bytes[..3] != [2, 1, 6] || bytes[236..240] != [99, 130, 83, 99] {
        return Err(Malformed::Header);
    }
    let mut options = fields(&bytes[HEADER_LEN..])?;
    let single = |options: &[(u8, Vec<u8>)], code: u8| {
        let parts = options.iter().filter(|option| option.0 == code);
        let joined: Vec<u8> = parts.flat_map(|option| option.1.clone()).collect();
        (joined.len() == 1).then(|| joined[0])
    };
    let overload = single(&options, 52).unwrap_or(0);
    for (flag, field) in [(1, &bytes[108..236]), (2, &bytes[44..108])] {
        if overload & flag != 0 {
            options.extend(fields(field)?);
        }
    }
    match single(&options, 53) {
        Some(2 | 5 | 6) => Ok(options),
        _ => Err(Malformed::Type),
    }
}

fn fields(bytes: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, Malformed> {
    let mut options = Vec::new();
    let mut at = 0;
    while at < bytes.len() && bytes[at] != 255 {
        if bytes[at] == 0 {
            at += 1;
            continue;
        }
        let len = *bytes.get(at + 1).ok_or(Malformed::Option)?;
        let end = at + 2 + usize::from(len);
        let value = bytes.get(at + 2..end).ok_or(Malformed::Option)?;
        options.push((bytes[at], value.to_vec()));
        at = end;
    }
    Ok(options)
}
