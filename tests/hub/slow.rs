//! Slow and dead members.

use tickwire::hub::Hub;

use crate::common::fixture::{Fixture, ms, secs};
use crate::rules;
use crate::world::{CALLERS, HUB, PORT, heard, join, say, serve};

#[test]
fn a_frozen_member_is_closed_when_the_log_laps_it_and_slows_nobody() {
    let mut net = Fixture::guarded(1, 4);
    let hub: &Hub = Box::leak(Box::new(rules::hub(CALLERS, 1, 4_096)));
    serve(&mut net, hub, PORT);
    let names = ["/name alice\n", "/name bob\n", "/name frozen\n"];
    let [alice, bob, frozen] = [1, 2, 3].map(|host| join(&mut net, host, names[host - 1]));
    net.app_mut(frozen).session_mut().is_frozen = true;
    let mut said = 0;
    // 4 KiB in the log, 4 KiB in our send buffer, 4 KiB in its receive buffer.
    while !heard(&net, alice)
        .iter()
        .any(|line| line == "* frozen left")
    {
        assert!(said < 100, "{:?}", net.told(HUB));
        say(&mut net, bob, &format!("{said:0>200}\n"));
        net.run(ms(20));
        let line = format!("bob: {said:0>200}");
        assert!(
            heard(&net, alice).contains(&line),
            "at once, whatever others do"
        );
        net.run(ms(40));
        said += 1;
    }
    assert!(said > 40, "{said}");
    assert!(
        net.has_told(HUB, "failed with 10.0.0.4: TooSlow"),
        "{:?}",
        net.told(HUB)
    );
    let all: Vec<_> = (0..said)
        .map(|number| format!("bob: {number:0>200}"))
        .collect();
    for id in [alice, bob] {
        let told = heard(&net, id);
        let told: Vec<_> = told
            .iter()
            .filter(|line| line.starts_with("bob: "))
            .collect();
        assert_eq!(told, all.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_frozen_member_of_a_quiet_room_is_closed_within_a_minute_of_what_it_does_not_take() {
    let mut net = Fixture::guarded(1, 3);
    let hub: &Hub = Box::leak(Box::new(rules::hub(CALLERS, 1, 65_536)));
    serve(&mut net, hub, PORT);
    let alice = join(&mut net, 1, "/name alice\n");
    let frozen = join(&mut net, 2, "/name frozen\n");
    net.app_mut(frozen).session_mut().is_frozen = true;
    let text = "x".repeat(250) + "\n";
    say(&mut net, alice, &text.repeat(40));
    net.run(secs(3));
    let spoke_at = net.now();
    net.run_until(secs(61), |net| {
        heard(net, alice).last().unwrap() == "* frozen left"
    });
    assert!(net.now().since(spoke_at) > secs(20));
}
