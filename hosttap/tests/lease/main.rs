//! `--address dhcp`: an address from the DHCP servers that people run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use common::{
    HttpServer, KERNEL_ADDRESS, Process, hosttap, in_namespace, is_installed, killed_with_test,
    ok_response, random_bytes, sh, start_dnsmasq,
};
use tempfile::TempDir;

const MAC: &str = "02:00:00:00:00:09";

/// A running udhcpd that lends `first` and the next few addresses for longer than any test takes.
fn udhcpd(directory: &Path, first: u8) -> Process {
    let leases = directory.join(format!("leases-{first}"));
    std::fs::write(&leases, "").unwrap();
    let last = first + 5;
    let settings = format!(
        "start 192.168.69.{first}\nend 192.168.69.{last}\ninterface tap0\nmax_leases 5\n\
         lease_file {}\npidfile {}\noption subnet 255.255.255.0\n\
         option router 192.168.69.100\noption lease 3600\n",
        leases.display(),
        directory.join("pid").display()
    );
    let path = directory.join(format!("udhcpd-{first}.conf"));
    std::fs::write(&path, settings).unwrap();
    let mut command = killed_with_test("udhcpd");
    let server = Process::start(command.args(["-f", "-I", KERNEL_ADDRESS]).arg(path));
    server.wait_for_stderr("started");
    server
}

#[test]
fn a_lease_of_dnsmasq_is_all_that_get_needs() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let server = start_dnsmasq(
        directory.path(),
        &[
            "--dhcp-option=option:router,192.168.69.100,192.168.69.101",
            "--dhcp-option=option:dns-server,192.168.69.100,192.168.69.102",
            "--dhcp-option=option:ntp-server,192.168.69.100",
            "--dhcp-option=option:mtu,1400",
            "--domain=lan.test",
        ],
    );
    // Beyond the router: the kernel itself, at an address of another network.
    sh("ip addr add 10.77.0.1/32 dev lo");
    let http = HttpServer::with_body("10.77.0.1", b"hello");
    let get = hosttap(&["--address", "dhcp", "get", &http.url("/")]);
    let exited = get.finish();
    let told = exited.stderr();
    assert_eq!(
        (exited.code, exited.stdout()),
        (Some(0), "hello".to_owned()),
        "{told}"
    );
    assert!(
        told.contains("/24 from 192.168.69.100 for 120 s\n"),
        "{told}"
    );
    assert!(
        told.contains(
            "Network: router 192.168.69.100, router 192.168.69.101, name server \
             192.168.69.100, name server 192.168.69.102, time server 192.168.69.100, domain \
             lan.test, MTU 1400\n"
        ),
        "{told}"
    );
    // The address is free again for the next program.
    server.wait_for_stderr("DHCPRELEASE");
}

#[test]
fn a_name_and_a_service_are_enough_where_a_lease_says_whom_to_ask() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let _server = start_dnsmasq(
        directory.path(),
        &[
            "--port=53",
            "--no-resolv",
            "--no-hosts",
            "--dhcp-option=option:dns-server,192.168.69.100",
            "--domain=lan.test",
            "--host-record=www.lan.test,192.168.69.100",
        ],
    );
    let _http = HttpServer::start_at((KERNEL_ADDRESS, 80), |connection| {
        connection.send(&ok_response(b"hello"));
    });
    // The domain of the lease is tried after a name without a dot.
    for url in ["http://www.lan.test:http/file", "http://www/file"] {
        let exited = hosttap(&["--address", "dhcp", "get", url]).finish();
        let told = exited.stderr();
        assert_eq!(
            (exited.code, &exited.stdout()[..]),
            (Some(0), "hello"),
            "{told}"
        );
    }
}

#[test]
fn name_servers_that_change_with_a_renewal_are_asked() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let start = |name_server: &str| {
        let name_server = format!("--dhcp-option=option:dns-server,{name_server}");
        let options = [
            "--port=53",
            "--no-resolv",
            "--no-hosts",
            "--host-record=www.lan.test,192.168.69.100",
            "--dhcp-option=option:T1,3s",
            "--dhcp-option=option:T2,100s",
            &name_server,
        ];
        start_dnsmasq(directory.path(), &options)
    };
    // Nobody is there.
    let first = start("192.168.69.99");
    let mut chat = hosttap(&["--address", "dhcp", "chat", "--commands"]);
    chat.wait_for_stderr("name server 192.168.69.99");
    drop(first);
    let second = start(KERNEL_ADDRESS);
    second.wait_for_stderr("DHCPACK");
    chat.write_stdin("/connect www.lan.test\n");
    chat.wait_for_stderr("192.168.69.100:1001: the connection was refused");
}

#[test]
fn an_interrupted_program_gives_its_lease_back() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let server = start_dnsmasq(directory.path(), &[]);
    let echo = hosttap(&["--address", "dhcp", "echo"]);
    echo.wait_for_stderr("Listening on");
    echo.interrupt();
    assert_eq!(echo.finish().code, Some(130));
    server.wait_for_stderr("DHCPRELEASE");
}

#[test]
fn a_lease_is_renewed_under_a_running_download() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    // Leases of dnsmasq last for two minutes at least, but T1 may be as short as three seconds.
    let options = ["--dhcp-option=option:T1,3s", "--dhcp-option=option:T2,100s"];
    let server = start_dnsmasq(directory.path(), &options);
    let body = random_bytes(4 << 20);
    let response = ok_response(&body);
    let (go_on, going_on) = channel();
    let going_on = Mutex::new(going_on);
    // Parts come all the time, and the last one after two renewals.
    let http = HttpServer::start(KERNEL_ADDRESS, move |connection| {
        let mut parts = response.chunks(response.len() / 40);
        let last = parts.next_back().unwrap();
        for part in parts {
            connection.send(part);
            std::thread::sleep(Duration::from_millis(200));
        }
        going_on.lock().unwrap().recv().unwrap();
        connection.send(last);
    });
    let url = http.url("/");
    let get = hosttap(&["--address", "dhcp", "get", "--idle-timeout", "1000", &url]);
    get.wait_for_stderr_times("renewed for 120 s", 2);
    go_on.send(()).unwrap();
    let exited = get.finish();
    let told = exited.stderr();
    assert_eq!(exited.code, Some(0), "{told}");
    assert!(exited.stdout_bytes == body);
    assert!(!told.contains("lost"), "{told}");
    drop(server);
}

#[test]
fn on_another_network_the_address_is_withdrawn_and_another_one_taken() {
    if !is_installed("udhcpd") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let first = udhcpd(directory.path(), 20);
    let echo = hosttap(&["--address", "dhcp", "--mac", MAC, "echo"]);
    echo.wait_for_stderr("Lease 192.168.69.2");
    echo.wait_for_stderr("Listening on");
    // Another server takes its place, which knows nothing of us, and the cable is moved.
    sh("ip link set tap0 down");
    drop(first);
    echo.wait_for_stderr("The link is down");
    sh("ip link set tap0 up");
    let _second = udhcpd(directory.path(), 70);
    echo.wait_for_stderr("A DHCP server refused us 192.168.69.2");
    echo.wait_for_stderr("lost: the server withdrew it");
    echo.wait_for_stderr("Lease 192.168.69.7");
    // It is heard at the new address.
    let told = echo.stderr_so_far();
    let (_, lease) = told.rsplit_once("Lease ").unwrap();
    let (address, _) = lease.split_once('/').unwrap();
    let reply = sh(&format!("printf hello | nc -N {address} 12345"));
    assert_eq!(reply, "hello");
}

/// A running Kea that lends 192.168.69.33 and .34. It hears nothing before a program holds the TAP.
fn kea(directory: &Path) -> Process {
    let settings = format!(
        r#"{{"Dhcp4": {{
            "interfaces-config": {{"interfaces": ["tap0"],
                "service-sockets-max-retries": 600, "service-sockets-retry-wait-time": 100}},
            "lease-database": {{"type": "memfile", "persist": false}},
            "valid-lifetime": 120,
            "subnet4": [{{"id": 1, "subnet": "192.168.69.0/24",
                "pools": [{{"pool": "192.168.69.33 - 192.168.69.34"}}],
                "option-data": [{{"name": "routers", "data": "{KERNEL_ADDRESS}"}}]}}],
            "loggers": [{{"name": "kea-dhcp4", "severity": "INFO",
                "output_options": [{{"output": "stderr"}}]}}]}}}}"#
    );
    let path = directory.join("kea.json");
    std::fs::write(&path, settings).unwrap();
    let mut command = killed_with_test("kea-dhcp4");
    command
        .env("KEA_PIDFILE_DIR", directory)
        .env("KEA_LOCKFILE_DIR", directory);
    let server = Process::start(command.arg("-c").arg(path));
    server.wait_for_stderr("DHCP4_STARTED");
    server
}

#[test]
fn an_address_that_another_host_has_is_declined() {
    if !is_installed("kea-dhcp4") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    // The kernel answers for it, and the server lends it to us all the same.
    sh("ip addr add 192.168.69.33/32 dev tap0");
    let server = kea(directory.path());
    let echo = hosttap(&["--address", "dhcp", "echo"]);
    echo.wait_for_stderr("192.168.69.33 is in use by");
    server.wait_for_stderr("DHCP4_DECLINE_LEASE");
    // After ten seconds it has the other one for us.
    echo.wait_for_stderr("Lease 192.168.69.34/24 from");
    assert!(!echo.stderr_so_far().contains("Lease 192.168.69.33"));
    echo.wait_for_stderr("Listening on");
    echo.interrupt();
    assert_eq!(echo.finish().code, Some(130));
    server.wait_for_stderr("DHCP4_RELEASE");
}

#[test]
fn a_link_that_comes_again_is_asked_at_once() {
    if !is_installed("dnsmasq") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    let _server = start_dnsmasq(directory.path(), &[]);
    let echo = hosttap(&["--address", "dhcp", "echo"]);
    echo.wait_for_stderr("Listening on");
    sh("ip link set tap0 down");
    echo.wait_for_stderr("The link is down");
    sh("ip link set tap0 up");
    echo.wait_for_stderr("The link is up");
    echo.wait_for_stderr("renewed for 120 s");
}

#[test]
fn without_a_server_it_says_so_after_half_a_minute() {
    in_namespace!();
    let get = hosttap(&["--address", "dhcp", "get", "http://192.168.69.100/"]);
    let exited = get.finish();
    assert_eq!(exited.code, Some(28));
    let told = exited.stderr();
    assert!(
        told.contains("no DHCP server gave us an address within 30 s"),
        "{told}"
    );
}
