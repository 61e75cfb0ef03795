//! What an app gets to know, and for how long.

use std::net::{Ipv4Addr, Ipv6Addr};
use tickwire::Duration;

use smoltcp::wire::IpAddress;
use tickwire::dhcp::{self, Dhcp, DhcpOptions};
use tickwire::dns::{Families, Lookup, RESOLVE_TIMEOUT, ResolveError};

use crate::common::fixture::{ms, secs};
use crate::reply::{A, AAAA, NXDOMAIN, Reply, asked};
use crate::rig::{RIGHT, Rig, V4, WRONG, answer_to, right};

#[test]
fn a_name_becomes_an_address() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    assert_eq!(asked(&question.bytes), ("www.example.com".into(), A));
    rig.answer(1, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
    assert!(rig.net.app(rig.resolver).is_idle());
}

#[test]
fn every_question_has_a_port_and_an_id_and_a_case_of_its_own() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let mut seen = Vec::new();
    for _ in 0..3 {
        let question = rig.question(1);
        assert!(question.from.port >= 49_152);
        let id = question.bytes[..2].to_vec();
        seen.push((question.from.port, id, question.bytes[12..].to_vec()));
    }
    for (index, first) in seen.iter().enumerate() {
        for other in &seen[index + 1..] {
            assert!(first.0 != other.0 && first.1 != other.1 && first.2 != other.2);
        }
    }
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoAnswer));
}

#[test]
fn an_answer_is_kept_as_long_as_it_says() {
    for (ttl_secs, is_kept_at, is_gone_at) in [
        (0, 500, 1_500),
        (60, 59_000, 61_000),
        (u32::MAX >> 1, 86_000_000, 86_500_000),
    ] {
        let mut rig = Rig::new(1);
        let lookup = rig.look_up("www.example.com");
        let question = rig.question(1);
        let reply = Reply::to(&question.bytes).a("www.example.com", ttl_secs, RIGHT);
        rig.send(1, question.from, &reply.bytes);
        assert_eq!(rig.finish(lookup), Ok(right()));
        let start = rig.net.now();
        rig.net.run_to(start + ms(is_kept_at), |_| false);
        let kept = rig.look_up("WWW.example.COM");
        rig.net.run(ms(1));
        assert_eq!(rig.finish(kept), Ok(right()));
        rig.net.run_to(start + ms(is_gone_at), |_| false);
        let gone = rig.look_up("www.example.com");
        let question = rig.question(1);
        rig.answer(1, &question);
        assert_eq!(rig.finish(gone), Ok(right()));
    }
}

#[test]
fn no_is_kept_as_well() {
    let mut rig = Rig::new(1);
    let first = rig.look_up("none.example.com");
    let question = rig.question(1);
    let reply = Reply::to(&question.bytes)
        .code(NXDOMAIN)
        .soa("com", 900, 30);
    rig.send(1, question.from, &reply.bytes);
    assert_eq!(rig.finish(first), Err(ResolveError::NoSuchName));
    rig.net.run(secs(29));
    let second = rig.look_up("none.example.com");
    rig.net.run(ms(1));
    assert_eq!(rig.net.outcome(second).map(|end| end.is_err()), Some(true));
    rig.net.run(secs(2));
    rig.look_up("none.example.com");
    rig.question(1);
}

#[test]
fn all_apps_that_wait_for_a_name_get_one_answer() {
    let mut rig = Rig::new(1);
    let lookups = [(); 3].map(|()| rig.look_up("www.example.com"));
    let question = rig.question(1);
    rig.answer(1, &question);
    for lookup in lookups {
        assert_eq!(rig.finish(lookup), Ok(right()));
    }
    assert!(!rig.is_asked_within(1, 2_000));
}

#[test]
fn more_names_than_places_wait_for_each_other() {
    const NAMES: [&str; 9] = [
        "a.x", "b.x", "c.x", "d.x", "e.x", "f.x", "g.x", "h.x", "i.x",
    ];
    let mut rig = Rig::new(1);
    let lookups = NAMES.map(|name| rig.look_up(name));
    for _ in NAMES {
        let question = rig.question(1);
        rig.answer(1, &question);
    }
    for lookup in lookups {
        assert_eq!(rig.finish(lookup), Ok(right()));
    }
}

#[test]
fn a_literal_and_localhost_never_leave_the_host() {
    let mut rig = Rig::new(1);
    for (host, address) in [
        ("192.0.2.7", [192, 0, 2, 7]),
        ("localhost", [127, 0, 0, 1]),
        ("a.LocalHost.", [127, 0, 0, 1]),
    ] {
        let lookup = rig.look_up(host);
        assert_eq!(rig.finish(lookup), Ok(vec![Ipv4Addr::from(address).into()]));
    }
    let number = rig.look_up("192.0.2.300");
    let error = rig.finish(number).unwrap_err();
    assert!(matches!(error, ResolveError::NotAName(_)), "{error}");
    assert!(!rig.is_asked_within(1, 2_000));
}

#[test]
fn both_families_are_asked_at_once_and_taken_in_turn() {
    let both = Families { v4: true, v6: true };
    let mut rig = Rig::new(1);
    let lookup = rig.net.start(0, Lookup::new("www.example.com", Some(both)));
    let [v6, v4] = [(); 2].map(|()| rig.question(1));
    assert_eq!(asked(&v6.bytes), ("www.example.com".into(), AAAA));
    assert_eq!(asked(&v4.bytes), ("www.example.com".into(), A));
    let address = |last: u8| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let reply = Reply::to(&v6.bytes).answer("www.example.com", AAAA, 60, &address(1));
    let reply = reply.answer("www.example.com", AAAA, 60, &address(2));
    rig.send(1, v6.from, &reply.bytes);
    assert!(rig.is_open(lookup));
    rig.answer(1, &v4);
    let v6_of = |last| IpAddress::from(Ipv6Addr::from(address(last)));
    let in_turn = vec![v6_of(1), right()[0], v6_of(2)];
    assert_eq!(rig.finish(lookup), Ok(in_turn));
}

#[test]
fn who_has_addresses_does_not_wait_for_the_other_family() {
    let both = Families { v4: true, v6: true };
    let mut rig = Rig::new(1);
    let lookup = rig.net.start(0, Lookup::new("www.example.com", Some(both)));
    let [_, v4] = [(); 2].map(|()| rig.question(1));
    rig.answer(1, &v4);
    let start = rig.net.now();
    assert_eq!(rig.finish(lookup), Ok(right()));
    let waited = rig.net.now().since(start);
    assert!(waited <= Duration::from_millis(50), "{waited}");
}

#[test]
fn another_network_has_other_answers_also_for_a_name_that_is_half_known() {
    let both = Families { v4: true, v6: true };
    let mut rig = Rig::new(1);
    let lookup = rig.net.start(0, Lookup::new("www.example.com", Some(both)));
    let [v6, v4] = [(); 2].map(|()| rig.question(1));
    let old = answer_to(&v4.bytes, WRONG);
    rig.send(1, v4.from, &old.bytes);
    assert!(rig.is_open(lookup));
    rig.net.hosts[0].node.stack.names.clear_cache();
    let none = Reply::to(&v6.bytes);
    rig.send(1, v6.from, &none.bytes);
    for _ in 0..2 {
        let again = rig.question(1);
        match asked(&again.bytes).1 {
            A => rig.answer(1, &again),
            _ => rig.send(1, again.from, &Reply::to(&again.bytes).bytes),
        }
    }
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn an_answer_that_another_network_still_owes_is_not_believed() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let old = rig.question(1);
    rig.net.hosts[0].node.stack.names.clear_cache();
    rig.send(1, old.from, &answer_to(&old.bytes, WRONG).bytes);
    let again = rig.question(1);
    assert_eq!(again.at, old.at + Duration::from_millis(5));
    rig.answer(1, &again);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

/// A client of DHCP that never gets a lease is told when its link goes and comes.
#[test]
fn a_link_that_comes_again_may_lead_to_another_network_with_other_answers() {
    let mut rig = Rig::new(1);
    let client = Dhcp::new(
        Box::leak(Box::new(dhcp::Storage::new())),
        DhcpOptions::default(),
    );
    let client = rig.net.start(0, client);
    let set_link = |rig: &mut Rig, is_up| {
        rig.net.app_mut(client).set_link(is_up);
        rig.net.run(ms(1));
    };
    for is_new in [true, false] {
        let lookup = rig.look_up("www.example.com");
        if is_new {
            let question = rig.question(1);
            rig.answer(1, &question);
        }
        assert_eq!(rig.finish(lookup), Ok(right()));
    }
    set_link(&mut rig, false);
    set_link(&mut rig, true);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    rig.answer(1, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn a_question_that_is_asked_anew_has_no_more_time_for_that() {
    let mut rig = Rig::new(1);
    let start = rig.net.now();
    let lookup = rig.look_up("www.example.com");
    for _ in 0..9 {
        rig.net.run(Duration::from_secs(1));
        rig.net.hosts[0].node.stack.names.clear_cache();
    }
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoAnswer));
    assert_eq!(rig.net.now(), start + RESOLVE_TIMEOUT);
}

#[test]
fn a_family_that_we_have_no_address_of_is_not_asked() {
    let mut rig = Rig::new(1);
    let lookup = rig.net.start(0, Lookup::new("www.example.com", None));
    let question = rig.question(1);
    rig.answer(1, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
    assert!(!rig.is_asked_within(1, 2_000));
}

#[test]
fn a_bare_alias_is_asked_for() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("www.example.com");
    let question = rig.question(1);
    let reply = Reply::to(&question.bytes).cname("www.example.com", 60, "host.example.net");
    rig.send(1, question.from, &reply.bytes);
    let question = rig.question(1);
    assert_eq!(asked(&question.bytes).0, "host.example.net");
    rig.answer(1, &question);
    assert_eq!(rig.finish(lookup), Ok(right()));
}

#[test]
fn aliases_that_lead_round_end() {
    let mut rig = Rig::new(1);
    let lookup = rig.look_up("a.x");
    for turn in 0..=8 {
        let question = rig.question(1);
        let (name, next) = if turn % 2 == 0 {
            ("a.x", "b.x")
        } else {
            ("b.x", "a.x")
        };
        let reply = Reply::to(&question.bytes).cname(name, 60, next);
        rig.send(1, question.from, &reply.bytes);
    }
    assert_eq!(rig.finish(lookup), Err(ResolveError::TooManyAliases));
}

#[test]
fn a_short_name_is_tried_in_each_domain_and_a_long_one_first_as_it_is() {
    for (host, order) in [
        ("www", &["www.a.x", "www.b.x", "www"][..]),
        ("www.c", &["www.c", "www.c.a.x", "www.c.b.x"]),
        ("www.", &["www"]),
    ] {
        let mut rig = Rig::new(1);
        rig.set_search(&["a.x", "b.x"]);
        let lookup = rig.look_up(host);
        for name in order {
            let question = rig.question(1);
            assert_eq!(asked(&question.bytes).0, *name);
            let reply = Reply::to(&question.bytes).code(NXDOMAIN);
            rig.send(1, question.from, &reply.bytes);
        }
        assert_eq!(rig.finish(lookup), Err(ResolveError::NoSuchName));
    }
}

#[test]
fn the_first_domain_that_has_the_name_is_the_last_that_is_asked() {
    let mut rig = Rig::new(1);
    rig.set_search(&["a.x", "b.x"]);
    let lookup = rig.look_up("www");
    let question = rig.question(1);
    let reply = answer_to(&question.bytes, RIGHT);
    rig.send(1, question.from, &reply.bytes);
    assert_eq!(rig.finish(lookup), Ok(right()));
    assert!(!rig.is_asked_within(1, 2_000));
}

#[test]
fn without_a_cache_or_a_server_nothing_is_resolved() {
    let mut rig = Rig::new(0);
    let lookup = rig.look_up("www.example.com");
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoServer));
    rig.net.hosts[0].node.stack.names = Default::default();
    let lookup = rig.net.start(0, Lookup::new("www.example.com", Some(V4)));
    assert_eq!(rig.finish(lookup), Err(ResolveError::NoServer));
}
