//! `hosttap time` from chrony.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

use common::{
    Exited, KERNEL_ADDRESS, Process, hosttap, in_namespace, is_installed, killed_with_test,
    start_dnsmasq,
};
use tempfile::TempDir;

/// More tries than a busy machine needs for one of which all is true.
const TRIES_MAX: usize = 50;

/// A running chronyd that leaves this computer's clock alone and serves it, if `settings` say so.
fn chronyd(directory: &TempDir, settings: &str) -> Process {
    let path = directory.path().join("chrony.conf");
    let pid = directory.path().join("pid");
    let common = format!("allow all\ncmdport 0\npidfile {}\n", pid.display());
    std::fs::write(&path, common + settings).unwrap();
    let mut command = killed_with_test("chronyd");
    command
        .args(["-d", "-x", "-U", "-u", "root", "-f"])
        .arg(path);
    let server = Process::start(&mut command);
    // It opens its port before it says this.
    server.wait_for_stderr("Disabled control of system clock");
    server
}

fn time(arguments: &[&str]) -> Exited {
    hosttap(&[&["time"], arguments].concat()).finish()
}

/// The number before `unit`, which stands only once.
fn number(text: &str, unit: &str) -> f64 {
    let (before, _) = text
        .split_once(unit)
        .unwrap_or_else(|| panic!("no {unit:?}: {text}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn chrony_tells_the_time_within_ten_milliseconds() {
    if !is_installed("chronyd") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let _server = chronyd(&directory, "local stratum 8\n");
    let mut errors = Vec::new();
    for _ in 0..TRIES_MAX {
        let exited = time(&[KERNEL_ADDRESS]);
        let told = exited.stderr();
        assert_eq!(exited.code, Some(0), "{told}");
        assert!(told.contains("192.168.69.100:123: stratum 8"), "{told}");
        // Both sides have the same clock, so what it is fast or slow by is our error: half of the
        // round trip at most, and the milliseconds of ticks and text.
        let error_millis = number(&told.replace(" s slow", " s fast"), " s fast") * 1_000.0;
        let round_trip_millis = number(&told, " ms\n");
        assert!(error_millis <= round_trip_millis / 2.0 + 3.0, "{told}");
        let stdout = exited.stdout();
        assert!(
            stdout.starts_with("20") && stdout.ends_with("Z\n"),
            "{stdout}"
        );
        errors.push(error_millis);
        if error_millis <= 10.0 {
            return;
        }
    }
    panic!("{errors:?} ms");
}

#[test]
fn a_chrony_that_does_not_know_the_time_is_not_believed() {
    if !is_installed("chronyd") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let _server = chronyd(&directory, "");
    let exited = time(&[KERNEL_ADDRESS]);
    assert_eq!((exited.code, exited.stdout()), (Some(8), String::new()));
    let told = exited.stderr();
    assert!(told.contains("the server does not know the time"), "{told}");
}

#[test]
fn the_time_servers_of_a_lease_are_asked() {
    if !is_installed("chronyd") || !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let _server = chronyd(&directory, "local stratum 8\n");
    let option = "--dhcp-option=option:ntp-server,192.168.69.100";
    let _dnsmasq = start_dnsmasq(directory.path(), &[option]);
    let exited = time(&["--address", "dhcp"]);
    let told = exited.stderr();
    assert_eq!(exited.code, Some(0), "{told}");
    assert!(told.contains("192.168.69.100:123: stratum 8"), "{told}");
}

#[test]
fn a_server_whose_first_address_is_dead_is_asked_at_the_next() {
    if !is_installed("chronyd") || !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let _server = chronyd(&directory, "local stratum 8\n");
    let records = [
        "--port=53",
        "--no-hosts",
        "--host-record=two.lan.test,192.168.69.77",
        "--host-record=two.lan.test,192.168.69.100",
    ];
    let _dnsmasq = start_dnsmasq(directory.path(), &records);
    // dnsmasq has each of them first in turn, and counts a question that is asked again.
    let dead_first = (0..TRIES_MAX).any(|_| {
        let exited = time(&["-v", "--dns", KERNEL_ADDRESS, "two.lan.test"]);
        let told = exited.stderr();
        assert_eq!(exited.code, Some(0), "{told}");
        assert!(told.contains("192.168.69.100:123: stratum 8"), "{told}");
        told.contains("no answer from 192.168.69.77:123")
    });
    assert!(dead_first);
}

#[test]
fn without_a_server_there_is_nobody_to_ask() {
    in_namespace!();
    let exited = time(&[]);
    assert_eq!(exited.code, Some(2));
    assert!(exited.stderr().contains("no time server"));
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    in_namespace!();
    let exited = time(&[KERNEL_ADDRESS]);
    assert_eq!(exited.code, Some(28));
    let told = exited.stderr();
    assert_eq!(told, "hosttap: no time server answered\n");
}
