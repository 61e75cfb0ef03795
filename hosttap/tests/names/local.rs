//! Names of the link, against avahi.

use std::path::Path;

use crate::common::{
    KERNEL_ADDRESS, Process, hosttap, in_namespace, is_installed, is_root, killed_with_test, sh,
};
use crate::{assert_addresses, assert_unresolved};
use tempfile::TempDir;

/// Whom a lookup is told to ask if it asks a server: nobody has this address.
const NO_SERVER: &str = "192.168.69.99";

/// A running avahi-daemon whose host has the name `printer.local`, and these other ones.
fn avahi(directory: &Path, hosts: &str) -> Process {
    let settings = "[server]\nhost-name=printer\nallow-interfaces=tap0\nenable-dbus=no\n\
                    use-ipv6=yes\n[publish]\npublish-workstation=no\npublish-aaaa-on-ipv4=yes\n";
    std::fs::write(directory.join("avahi-daemon.conf"), settings).unwrap();
    std::fs::write(directory.join("hosts"), hosts).unwrap();
    // It has a place for its process id and one for static names, and options for neither.
    let script = "mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon &&
        mount --bind \"$1\" /etc/avahi &&
        exec avahi-daemon --no-drop-root --no-chroot --no-rlimits";
    let mut command = killed_with_test("unshare");
    command.args(["--mount", "--", "sh", "-c", script, "sh"]);
    let daemon = Process::start(command.arg(directory));
    daemon.wait_for_stderr("Server startup complete");
    daemon
}

fn resolve(arguments: &[&str]) -> crate::common::Exited {
    let command = [&["--dns", NO_SERVER, "resolve"], arguments].concat();
    hosttap(&command).finish()
}

#[test]
fn avahi_answers_for_its_names_and_nobody_for_others() {
    if !is_root() || !is_installed("avahi-daemon") {
        return;
    }
    in_namespace!();
    let directory = TempDir::new().unwrap();
    sh("ip -6 addr add 2001:db8::100/64 dev tap0 nodad");
    let hosts = "192.168.69.7 scanner.local\n2001:db8::7 scanner6.local\n";
    let _daemon = avahi(directory.path(), hosts);
    let address = format!("{KERNEL_ADDRESS}\n");
    assert_addresses(&resolve(&["printer.local"]), &address);
    assert_addresses(&resolve(&["Printer.LOCAL."]), &address);
    assert_addresses(&resolve(&["scanner.local"]), "192.168.69.7\n");
    let v6 = resolve(&["--type", "AAAA", "scanner6.local"]);
    assert_addresses(&v6, "2001:db8::7\n");
    // The group of IPv6 is asked where we have no other address.
    let command = "--address 2001:db8::1/64 resolve printer.local";
    let command: Vec<_> = command.split(' ').collect();
    assert_addresses(&hosttap(&command).finish(), "2001:db8::100\n");
    assert_unresolved(
        &resolve(&["nobody.local"]),
        "nobody.local: cannot resolve the name: nobody answered",
    );
}
