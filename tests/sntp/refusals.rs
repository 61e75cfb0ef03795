//! Servers that refuse, that do not know the time, or that lie.

use tickwire::sntp::{NTP_PORT, Reply, SntpError, SntpOptions, Unusable, request};
use tickwire::{Tick, UdpError};

use crate::common::fixture::{endpoint, secs};
use crate::network::{Network, answer, kiss};

#[test]
fn nothing_is_believed_that_was_not_asked_for() {
    let mut net = Network::once(1);
    let log = net.serve(1, |question, now| {
        let good = answer(question, now);
        let changed = |place: usize, value: u8| {
            let mut packet = good.clone();
            packet[place] = value;
            packet
        };
        vec![
            changed(24, good[24] ^ 1),
            changed(31, good[31] ^ 0x80),
            changed(0, 0x23),
            changed(0, 0x3c),
        ]
    });
    assert_eq!(net.finish(60), Err(SntpError::NoAnswer));
    assert_eq!(net.error_micros(), None);
    assert_eq!(log.borrow().len(), 4);
}

#[test]
fn an_answer_from_another_port_or_host_is_not_believed() {
    let mut net = Network::once(1);
    // The server tells another host, which answers, and so does another port of the server.
    net.play(1, NTP_PORT, |io, socket, asked| {
        let mut told = answer(&asked.packet, io.now);
        told.extend(asked.from.endpoint.port.to_be_bytes());
        io.send_to(socket, endpoint(2, 5_000), &told).unwrap();
    });
    for (host, port) in [(2, 5_000), (1, 5_001)] {
        net.play(host, port, move |io, socket, asked| {
            let (packet, client) = asked.packet.split_at(48);
            let client = u16::from_be_bytes([client[0], client[1]]);
            io.send_to(socket, endpoint(0, client), packet).unwrap();
            if host == 2 {
                io.send_to(socket, endpoint(1, 5_001), &asked.packet)
                    .unwrap();
            }
        });
    }
    assert_eq!(net.finish(60), Err(SntpError::NoAnswer));
    assert_eq!(net.error_micros(), None);
}

#[test]
fn an_answer_that_was_recorded_before_is_not_believed_again() {
    let mut net = Network::new(1, SntpOptions::default());
    let mut first: Option<Vec<u8>> = None;
    let log = net.serve(1, move |question, now| {
        vec![first.get_or_insert_with(|| answer(question, now)).clone()]
    });
    net.fixture.run(secs(3_000));
    assert!(log.borrow().len() > 5);
    let error = net.error_micros().unwrap();
    assert!(error <= 1_000, "{error}");
}

#[test]
fn a_server_that_denies_is_never_asked_again() {
    for code in [b"DENY", b"RSTR"] {
        let mut net = Network::new(2, SntpOptions::default());
        let denied = net.serve(1, move |question, now| {
            vec![kiss(answer(question, now), code)]
        });
        let good = net.serve(2, |question, now| vec![answer(question, now)]);
        net.fixture.run(secs(10_000));
        assert_eq!(denied.borrow().len(), 1);
        assert!(good.borrow().len() >= 9);
    }
}

#[test]
fn a_client_that_every_server_denies_ends() {
    let mut net = Network::new(2, SntpOptions::default());
    for host in [1, 2] {
        net.serve(host, |question, now| {
            vec![kiss(answer(question, now), b"DENY")]
        });
    }
    assert_eq!(net.finish(60), Err(SntpError::NoServer));
}

#[test]
fn a_server_that_wants_to_rest_is_asked_half_as_often() {
    let mut net = Network::new(1, SntpOptions::default());
    let mut is_first = true;
    let log = net.serve(1, move |question, now| {
        let packet = answer(question, now);
        let refuses = std::mem::take(&mut is_first);
        vec![if refuses {
            kiss(packet, b"RATE")
        } else {
            packet
        }]
    });
    net.fixture.run(secs(10_000));
    let log = log.borrow();
    for pair in log.windows(2) {
        let rest = pair[1].at.since(pair[0].at);
        assert!(rest >= secs(2_048), "{rest}");
    }
    assert!(log.len() >= 4);
}

#[test]
fn a_server_that_does_not_know_the_time_is_passed_over() {
    let mut net = Network::once(2);
    net.serve(1, |question, now| {
        let mut packet = answer(question, now);
        packet[0] |= 0b1100_0000;
        vec![packet]
    });
    net.serve(2, |question, now| vec![answer(question, now)]);
    assert_eq!(net.finish(5), Ok(()));
    assert!(net.error_micros().unwrap() <= 1_000);
}

#[test]
fn a_refusal_ends_a_client_that_asks_once_and_has_no_other_server() {
    for code in [b"RATE", b"DENY"] {
        let mut net = Network::once(1);
        let log = net.serve(1, move |question, now| {
            vec![kiss(answer(question, now), code)]
        });
        let refused = SntpError::Unusable(Unusable::Kiss(*code));
        assert_eq!(net.finish(1), Err(refused));
        assert_eq!(log.borrow().len(), 1);
    }
    let mut net = Network::once(2);
    let first = net.serve(1, |question, now| {
        vec![kiss(answer(question, now), b"RATE")]
    });
    net.serve(2, |question, now| vec![answer(question, now)]);
    assert_eq!(net.finish(1), Ok(()));
    assert_eq!(first.borrow().len(), 1);
}

#[test]
fn a_server_that_had_our_question_for_longer_than_we_waited_is_not_believed() {
    let mut net = Network::once(1);
    net.serve(1, |question, now| {
        let mut packet = answer(question, now);
        // Its answer left a minute after it came.
        let late = answer(question, now + secs(60));
        packet[40..48].copy_from_slice(&late[40..48]);
        vec![packet]
    });
    assert_eq!(
        net.finish(60),
        Err(SntpError::Unusable(Unusable::Malformed))
    );
    assert_eq!(net.error_micros(), None);
}

#[test]
fn without_an_address_it_says_so() {
    let mut net = Network::once(1);
    let iface = &mut net.fixture.hosts[0].node.stack.iface;
    iface.update_ip_addrs(|addresses| addresses.clear());
    assert_eq!(net.finish(60), Err(SntpError::Udp(UdpError::Unreachable)));
}

#[test]
fn without_servers_there_is_nobody_to_ask() {
    let mut net = Network::once(0);
    assert_eq!(net.finish(1), Err(SntpError::NoServer));
}

#[test]
fn no_guess_is_believed() {
    // Without a question nobody knows its number; an answer with any other tells nothing.
    const GUESSES: u64 = if cfg!(debug_assertions) {
        100_000
    } else {
        1_000_000
    };
    let nonce = 0x1234_5678_9abc_def0_u64;
    let mut forged = answer(&request(nonce), Tick::ZERO);
    assert!(Reply::parse(&forged, nonce).is_ok());
    for guess in 1..=GUESSES {
        let number = nonce.wrapping_add(guess.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        forged[24..32].copy_from_slice(&number.to_be_bytes());
        assert_eq!(Reply::parse(&forged, nonce), Err(Unusable::Stranger));
    }
}
