//! Command lines as people write them.

use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_match_the_documentation() {
    let cli = parse("hosttap").unwrap();
    assert!(cli.command.is_none());
    assert_eq!(cli.link.tap, "tap0");
    let address = cli.link.static_address().unwrap();
    assert_eq!(address.to_string(), "192.168.69.1/24");
    assert_eq!(
        cli.link.ethernet_address([0; 6]).to_string(),
        "02-00-c0-a8-45-01"
    );
    let Some(Command::Get(get)) = parse("hosttap get http://x/").unwrap().command else {
        panic!("not get")
    };
    assert_eq!(
        (
            get.connect_timeout,
            get.first_byte_timeout,
            get.idle_timeout
        ),
        (
            Duration::from_secs(5),
            Duration::from_secs(10),
            Duration::from_secs(20)
        )
    );
    assert_eq!(get.total_timeout, None);
    let Some(Command::Recv(recv)) = parse("hosttap recv --dir d").unwrap().command else {
        panic!("not recv")
    };
    assert_eq!(
        (recv.port, recv.idle_timeout),
        (2001, Duration::from_secs(20))
    );
    let Some(Command::Echo(echo)) = parse("hosttap echo").unwrap().command else {
        panic!("not echo")
    };
    assert_eq!(echo.port, 12345);
}

#[test]
fn link_options_work_before_and_after_the_command() {
    for line in [
        "hosttap -i tap7 -v doctor",
        "hosttap doctor -i tap7 -v",
        "hosttap -vv -i tap7 doctor -v",
    ] {
        let cli = parse(line).unwrap();
        assert_eq!(cli.link.tap, "tap7", "{line}");
        assert!(cli.link.verbose, "{line}");
    }
}

#[test]
fn chat_takes_a_role_with_or_without_a_port() {
    let chat = |line: &str| match parse(line).unwrap().command {
        Some(Command::Chat(chat)) => (chat.listen, chat.connect.map(|peer| peer.to_string())),
        _ => panic!("not chat"),
    };
    assert_eq!(chat("hosttap chat"), (None, None));
    assert_eq!(chat("hosttap chat --listen"), (Some(1001), None));
    assert_eq!(chat("hosttap chat --listen 7"), (Some(7), None));
    let connected = chat("hosttap chat --connect 192.168.69.2");
    assert_eq!(connected, (None, Some("192.168.69.2:1001".to_owned())));
}

#[test]
fn wrong_usage_exits_with_2_and_names_the_value() {
    for (line, named) in [
        ("hosttap get", "URL"),
        ("hosttap get http://x/ --idle-timeout 1.2.3", "1.2.3"),
        ("hosttap get http://x/ --header nocolon", "nocolon"),
        ("hosttap get http://x/ --max-size 12q", "12q"),
        ("hosttap get http://x/ --dns 224.0.0.251", "224.0.0.251"),
        ("hosttap get http://x/ --dns 0.0.0.0", "0.0.0.0"),
        ("hosttap get http://x/ --dns 127.0.0.53", "127.0.0.53"),
        ("hosttap recv", "--dir"),
        ("hosttap recv --dir d -o f", "--dir"),
        ("hosttap echo --port 0", "port"),
        ("hosttap echo --port 70000", "70000"),
        ("hosttap --address 192.168.69.0/24", "192.168.69.0"),
        ("hosttap --mac 01:00:00:00:00:01", "01:00:00:00:00:01"),
        ("hosttap -i sixteen-letters- doctor", "sixteen-letters-"),
        ("hosttap chat --listen --connect x", "--connect"),
        ("hosttap -q -v doctor", "--verbose"),
        ("hosttap fly", "fly"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(named), "{line}: {error}");
    }
}

#[test]
fn conflicting_values_are_reported() {
    for (line, named) in [
        ("hosttap -v get http://x/ -q", "--quiet"),
        ("hosttap -q doctor -v", "--verbose"),
        ("hosttap --gateway 192.168.69.255", "broadcast"),
        ("hosttap --gateway 192.168.69.0", "the network itself"),
        ("hosttap --gateway 10.0.0.1", "not in the network"),
        ("hosttap --gateway fe80::1", "not in the network"),
        ("hosttap --gateway 192.168.69.1", "our own"),
        ("hosttap --host-address 192.168.69.1/24", "our own"),
        ("hosttap --dns 192.168.69.1", "our own"),
        ("hosttap --dns 192.168.69.255", "broadcast"),
        (
            "hosttap --dns 1.1.1.1 --dns 1.1.1.2 --dns 1.1.1.3 --dns 1.1.1.4 --dns 1.1.1.5",
            "four times",
        ),
        ("hosttap --host-address 192.168.70.2/24", "one network"),
        ("hosttap --host-address fe80::1/64", "one network"),
    ] {
        let failure = parse(line).unwrap().link.check().unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains(named), "{line}: {failure}");
    }
    let fine = "hosttap --gateway 192.168.69.100 --host-address 192.168.69.100/24";
    assert_eq!(parse(fine).unwrap().link.check(), Ok(()));
}
