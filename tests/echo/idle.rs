//! The idle rule of servers: fewer than 256 bytes in a period end a conversation.

use tickwire::{EchoSession, Server, ServerOptions};

use super::*;

#[test]
fn echo_gives_up_a_caller_that_says_nothing_for_a_minute() {
    let mut served = Served::new(false);
    // Five seconds between words of 150 bytes are no silence: two of them make 256 bytes.
    let words = [Act::Send(&[b'.'; 150]), Act::Wait(secs(5))];
    let talk = [&HELLO[..], &words.repeat(30), &[Act::Wait(secs(120))]].concat();
    assert_eq!(served.call(&talk), RESET);
    let (result, at) = served.end();
    assert_eq!(result, Err(Error::TimedOut(TimeoutKind::Receive)));
    let last_word = 29 * 5_000;
    let minute = last_word + 60_000..last_word + 60_200;
    assert!(minute.contains(&at), "{at}");
}

/// A byte every 25 seconds: under the old rule, by which any byte began the period anew, it held a
/// server for ever.
const DRIP: [Act<'static>; 1] = [Act::Drip(&[b'.'; 100], secs(25))];

#[test]
fn a_drip_cannot_hold_echo() {
    let mut served = Served::new(false);
    assert_eq!(served.call(&DRIP), RESET);
    let (result, at) = served.end();
    assert_eq!(result, Err(Error::TimedOut(TimeoutKind::Receive)));
    assert!((60_000..60_200).contains(&at), "{at}");
    assert_eq!(served.call(&HELLO), Ok(()));
}

#[test]
fn a_drip_cannot_hold_any_server_by_its_default_options() {
    // What comes back and is acknowledged counts as well: ten bytes a second are 200 in a period.
    for gap in [ms(200), secs(1), secs(25)] {
        let mut net = Fixture::guarded(3, 2);
        let socket = net.add_socket(SERVER, BUFFER);
        let options = ServerOptions::default();
        net.start(SERVER, Server::new([socket], 7, [EchoSession], options));
        let drip = Act::Drip(&[b'.'; 1_000], gap);
        let caller = net.script(CLIENT, DIAL(), &[drip]);
        assert_eq!(net.finish(caller, secs(60)), RESET, "{gap}");
        let idle = "failed with 10.0.0.1: TimedOut(Receive)";
        let at = net.when(SERVER, idle).as_millis();
        assert!((20_000..20_200).contains(&at), "{gap}: {at}");
    }
}
