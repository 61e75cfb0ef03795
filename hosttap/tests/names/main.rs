//! Names, against the name servers that people run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;
mod local;

use std::path::Path;

use common::{
    Exited, HttpServer, KERNEL_ADDRESS, Process, hosttap, in_namespace, is_installed,
    killed_with_test, sh,
};
use tempfile::TempDir;

/// More questions than it takes until an answer begins with either of two addresses.
const TRIES_MAX: usize = 50;
/// The kernel's side of the cable, by a name.
const WWW_RECORD: &str = "--host-record=www.lan.test,192.168.69.100";

/// A running dnsmasq that only answers for names, beside other options.
fn dnsmasq(address: &str, options: &[&str]) -> Process {
    let mut command = killed_with_test("dnsmasq");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--user=root",
        "--no-resolv",
        "--no-hosts",
        "--bind-interfaces",
        "--log-queries",
    ]);
    command.arg(format!("--listen-address={address}"));
    let server = Process::start(command.args(options));
    server.wait_for_stderr("started");
    server
}

/// A running unbound that answers from its own data.
fn unbound(directory: &Path, address: &str, settings: &str) -> Process {
    let text = format!(
        "server:\n  interface: {address}\n  access-control: 192.168.69.0/24 allow\n  \
         do-daemonize: no\n  use-syslog: no\n  logfile: \"\"\n  verbosity: 2\n  username: \"\"\n  \
         chroot: \"\"\n  pidfile: \"\"\n  directory: \"{0}\"\n  module-config: \"iterator\"\n  \
         local-zone: \"example.com.\" static\n{settings}remote-control:\n  control-enable: no\n",
        directory.display()
    );
    let path = directory.join("unbound.conf");
    std::fs::write(&path, text).unwrap();
    let mut command = killed_with_test("unbound");
    let server = Process::start(command.args(["-d", "-p", "-c"]).arg(path));
    server.wait_for_stderr("start of service");
    server
}

fn resolve(servers: &[&str], arguments: &[&str]) -> Exited {
    let mut all = vec!["resolve"];
    for server in servers {
        all.extend(["--dns", server]);
    }
    all.extend(arguments);
    hosttap(&all).finish()
}

/// Fails unless the exit code is 6 and the words are these.
fn assert_unresolved(exited: &Exited, words: &str) {
    let told = exited.stderr();
    assert_eq!((exited.code, exited.stdout()), (Some(6), String::new()));
    assert!(told.ends_with(&format!("{words}\n")), "{told}");
}

fn assert_addresses(exited: &Exited, addresses: &str) {
    let told = exited.stderr();
    let (code, stdout) = (exited.code, exited.stdout());
    assert_eq!((code, &stdout[..]), (Some(0), addresses), "{told}");
}

#[test]
fn dnsmasq_tells_addresses_of_both_types_and_which_names_are_not() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let _server = dnsmasq(
        KERNEL_ADDRESS,
        &[
            "--host-record=www.lan.test,192.168.69.100,2001:db8::1",
            "--address=/none.test/",
        ],
    );
    let dns = &[KERNEL_ADDRESS];
    assert_addresses(&resolve(dns, &["www.lan.test"]), "192.168.69.100\n");
    let aaaa = resolve(dns, &["WWW.lan.test", "--type", "AAAA"]);
    assert_addresses(&aaaa, "2001:db8::1\n");
    assert_addresses(&resolve(dns, &["192.0.2.7"]), "192.0.2.7\n");
    assert_unresolved(
        &resolve(dns, &["x.none.test"]),
        "x.none.test: cannot resolve the name: there is no such name",
    );
    // It has nobody to ask.
    assert_unresolved(
        &resolve(dns, &["www.example.com"]),
        "www.example.com: cannot resolve the name: the name servers refused to answer",
    );
}

#[test]
fn get_takes_a_name_and_a_service() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let _server = dnsmasq(KERNEL_ADDRESS, &[WWW_RECORD]);
    let http = HttpServer::with_body(KERNEL_ADDRESS, b"hello");
    let url = http.url("/").replace(KERNEL_ADDRESS, "www.lan.test");
    let get = hosttap(&["-v", "--dns", KERNEL_ADDRESS, "get", &url]);
    let exited = get.finish();
    assert_addresses(&exited, "hello");
    let told = exited.stderr();
    assert!(told.contains("  resolving www.lan.test\n"), "{told}");
    assert!(told.contains("connecting to 192.168.69.100:"), "{told}");
    // Nobody listens at port 80; that it is 80 is what counts.
    let url = "http://www.lan.test:http/";
    let exited = hosttap(&["-v", "--dns", KERNEL_ADDRESS, "get", url]).finish();
    let told = exited.stderr();
    assert_eq!(exited.code, Some(7), "{told}");
    assert!(told.contains("connecting to 192.168.69.100:80\n"), "{told}");
}

#[test]
fn a_dead_address_does_not_keep_us_from_the_other() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    // Nobody has the first. dnsmasq gives them in turn, and counts a question that is asked again.
    let _server = dnsmasq(
        KERNEL_ADDRESS,
        &[
            "--host-record=two.lan.test,192.168.69.77",
            "--host-record=two.lan.test,192.168.69.100",
        ],
    );
    let http = HttpServer::with_body(KERNEL_ADDRESS, b"hello");
    let url = http.url("/").replace(KERNEL_ADDRESS, "two.lan.test");
    let dead_first = (0..TRIES_MAX).any(|_| {
        let get = hosttap(&["-v", "--dns", KERNEL_ADDRESS, "get", &url]);
        let exited = get.finish();
        assert_addresses(&exited, "hello");
        exited.stderr().contains("connecting to 192.168.69.77:")
    });
    assert!(dead_first);
}

#[test]
fn chat_and_send_take_a_name() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let _server = dnsmasq(KERNEL_ADDRESS, &[WWW_RECORD]);
    let run = |arguments: &[&str]| {
        let all = [&["-q", "--dns", KERNEL_ADDRESS], arguments].concat();
        let exited = hosttap(&all).finish();
        (exited.code, exited.stderr())
    };
    // Nobody listens, and who says so was found by its name.
    let (code, told) = run(&["chat", "--once", "--connect", "www.lan.test"]);
    let expected = "hosttap: 192.168.69.100:1001: the connection was refused\n";
    assert_eq!((code, &told[..]), (Some(7), expected));
    let (code, told) = run(&["send", "www.lan.test:9", "/etc/hostname"]);
    assert_eq!(code, Some(7), "{told}");
    assert!(
        told.contains("www.lan.test:9: the connection was refused"),
        "{told}"
    );
    let (code, told) = run(&["send", "none.lan.test", "/etc/hostname"]);
    assert_eq!(code, Some(6), "{told}");
    assert!(
        told.contains("none.lan.test:2001: cannot resolve the name: "),
        "{told}"
    );
}

#[test]
fn a_redirect_leads_to_a_name() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let _server = dnsmasq(KERNEL_ADDRESS, &[WWW_RECORD]);
    let page = HttpServer::with_body(KERNEL_ADDRESS, b"hello");
    let moved = |url: &str| {
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\n\r\n");
        HttpServer::with_response(KERNEL_ADDRESS, head).url("/")
    };
    let url = page.url("/").replace(KERNEL_ADDRESS, "www.lan.test");
    let get = |url: &str| hosttap(&["--dns", KERNEL_ADDRESS, "get", "-L", url]).finish();
    assert_addresses(&get(&moved(&url)), "hello");
    let exited = get(&moved("http://none.lan.test/"));
    assert_eq!(exited.code, Some(6), "{}", exited.stderr());
}

#[test]
fn a_server_that_is_silent_or_closed_is_named_and_the_next_is_asked() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let _server = dnsmasq(KERNEL_ADDRESS, &["--host-record=www.lan.test,192.0.2.1"]);
    let both = &["192.168.69.99", KERNEL_ADDRESS];
    assert_addresses(&resolve(both, &["www.lan.test"]), "192.0.2.1\n");
    let silent = resolve(&["192.168.69.99"], &["www.lan.test"]);
    assert_unresolved(
        &silent,
        "www.lan.test: cannot resolve the name: nobody answered",
    );
    let away = resolve(&["203.0.113.1"], &["www.lan.test"]);
    assert_unresolved(
        &away,
        "www.lan.test: cannot resolve the name: no name server can be asked; --dns gives one",
    );
}

#[test]
fn unbound_truncates_and_answers_over_tcp_and_its_aliases_are_followed() {
    if !is_installed("unbound") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    // 40 addresses do not fit into 512 bytes.
    let many: String = (1..=40)
        .map(|last| format!("  local-data: \"many.example.com. 60 A 192.0.2.{last}\"\n"))
        .collect();
    let settings = format!(
        "{many}  local-data: \"host.example.com. 60 A 192.0.2.200\"\n  \
         local-data: \"www.example.com. 60 CNAME host.example.com.\"\n  \
         local-data: \"web.example.com. 60 CNAME www.example.com.\"\n  \
         local-data: \"loop.example.com. 60 CNAME round.example.com.\"\n  \
         local-data: \"round.example.com. 60 CNAME loop.example.com.\"\n  \
         local-data: \"example.com. 300 SOA ns.example.com. a.example.com. 1 2 3 4 5\"\n"
    );
    let server = unbound(directory.path(), KERNEL_ADDRESS, &settings);
    let dns = &[KERNEL_ADDRESS];
    let exited = resolve(dns, &["-v", "many.example.com"]);
    let (told, stdout) = (exited.stderr(), exited.stdout());
    assert_eq!(exited.code, Some(0), "{told}");
    let is_one = |line: &str| line.starts_with("192.0.2.");
    assert!(
        stdout.lines().count() == 4 && stdout.lines().all(is_one),
        "{stdout}"
    );
    assert!(told.contains("connecting to 192.168.69.100:53"), "{told}");
    assert_addresses(&resolve(dns, &["www.example.com"]), "192.0.2.200\n");
    assert_addresses(&resolve(dns, &["web.example.com"]), "192.0.2.200\n");
    assert_unresolved(
        &resolve(dns, &["loop.example.com"]),
        "loop.example.com: cannot resolve the name: the name has too many aliases",
    );
    assert_unresolved(
        &resolve(dns, &["none.example.com"]),
        "none.example.com: cannot resolve the name: there is no such name",
    );
    assert_unresolved(
        &resolve(dns, &["host.example.com", "--type", "AAAA"]),
        "host.example.com: cannot resolve the name: the name has no address",
    );
    drop(server);
}

#[test]
fn a_server_that_finds_nothing_sends_us_to_the_next() {
    if !is_installed("unbound") || !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    sh("ip addr add 192.168.69.101/24 dev tap0");
    let directory = TempDir::new().unwrap();
    // It asks no server on its own machine, and knows no other: SERVFAIL.
    let settings = "forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@9\n";
    let _failing = unbound(directory.path(), KERNEL_ADDRESS, settings);
    let failed = resolve(&[KERNEL_ADDRESS], &["www.example.org"]);
    assert_unresolved(
        &failed,
        "www.example.org: cannot resolve the name: the name servers found no answer",
    );
    let _server = dnsmasq(
        "192.168.69.101",
        &["--host-record=www.example.org,192.0.2.1"],
    );
    let both = &[KERNEL_ADDRESS, "192.168.69.101"];
    assert_addresses(&resolve(both, &["www.example.org"]), "192.0.2.1\n");
}
