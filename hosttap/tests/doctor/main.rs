//! `doctor` finds each fault and prints its fix, and the fix works.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

use common::{hosttap, hosttap_as, in_namespace, is_root, recreate_tap_for, sh, start_python};

/// Runs doctor. Returns its exit code and stdout.
fn doctor(arguments: &[&str]) -> (Option<i32>, String) {
    let exited = hosttap(&[&["doctor"], arguments].concat()).finish();
    assert_eq!(exited.stderr(), "");
    (exited.code, exited.stdout())
}

#[test]
fn doctor_finds_nothing_wrong_with_a_complete_set_up() {
    in_namespace!();
    let (code, text) = doctor(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("All is well.\n"), "{text}");
    assert!(
        text.contains("the kernel reaches 192.168.69.1 through tap0"),
        "{text}"
    );
}

#[test]
fn no_command_starts_with_an_mtu_that_doctor_calls_wrong() {
    in_namespace!();
    for (mtu, mtu_min, address) in [(575, 576, "192.168.69.1/24"), (1279, 1280, "fd00::1/64")] {
        sh(&format!("ip link set tap0 mtu {mtu}"));
        let arguments = ["--address", address];
        let (code, text) = doctor(&arguments);
        assert_eq!(code, Some(45), "{text}");
        let found = format!("WRONG  an MTU of {mtu} is below {mtu_min}\n");
        assert!(text.contains(&found), "{text}");
        let command = "sudo ip link set tap0 mtu 1500";
        assert!(text.contains(command), "{text}");
        let exited = hosttap(&[&["echo"][..], &arguments].concat());
        let exited = exited.finish();
        let message =
            format!("hosttap: the TAP tap0 has an MTU of {mtu}, below {mtu_min}: {command}\n");
        assert_eq!((exited.code, exited.stderr()), (Some(45), message));
    }
}

/// The network as every test finds it.
fn reset_network() {
    sh(
        "exec 2>/dev/null; ip addr del 192.168.69.1/32 dev lo || :; ip link del v0 || :
        ip route flush type blackhole; ip route flush type prohibit; ip route flush type unreachable
        ip link del br0 || :; iptables -F || :; ip link del tap0 || :
        ip tuntap add dev tap0 mode tap; ip addr add 192.168.69.100/24 dev tap0
        ip link set tap0 up",
    );
}

/// Faults, each as commands of a shell, and what `doctor` says of it.
const FAULTS: &[(&str, &str)] = &[
    ("ip link set tap0 down", "tap0 is down"),
    ("ip addr flush dev tap0", "has no address in the network"),
    (
        "ip tuntap del dev tap0 mode tap",
        "there is no interface tap0",
    ),
    (
        "ip addr add 192.168.69.1/24 dev tap0",
        "the kernel has our address",
    ),
    (
        "ip addr flush dev tap0; ip addr add 192.168.69.1/24 dev tap0",
        "the kernel has our address",
    ),
    (
        "ip addr add 192.168.69.1/32 dev lo",
        "the kernel has our address",
    ),
    (
        "ip route flush dev tap0",
        "the kernel has no route to 192.168.69.1",
    ),
    (
        "ip route add blackhole 192.168.69.1",
        "the kernel drops packets for 192.168.69.1",
    ),
    (
        "ip route flush dev tap0; ip route add prohibit 192.168.69.0/24",
        "the kernel drops packets for 192.168.69.1",
    ),
    (
        "ip route add unreachable 192.168.69.1",
        "the kernel drops packets for 192.168.69.1",
    ),
    (
        "ip link del tap0; ip tuntap add dev tap0 mode tap multi_queue
        ip addr add 192.168.69.100/24 dev tap0; ip link set tap0 up",
        "tap0 was created with multi_queue",
    ),
    ("ip link set tap0 arp off", "tap0 was told not to use ARP"),
    ("iptables -A INPUT -i tap0 -j DROP", "does not get through"),
    (
        "iptables -A INPUT -i tap0 -m state --state NEW -j REJECT",
        "a connection from 192.168.69.1 to the kernel's 192.168.69.100 does not",
    ),
    (
        "iptables -A OUTPUT -o tap0 -j DROP",
        "a connection from the kernel to 192.168.69.1 does not",
    ),
    ("ip link set tap0 mtu 500", "an MTU of 500"),
    (
        "ip link add v0 type veth peer v1 || { echo no veth; exit; }
        ip addr add 192.168.69.7/32 dev v0; ip link set v0 up; ip link set v1 up
        ip route add 192.168.69.1/32 dev v0",
        "through another interface",
    ),
];

#[test]
fn the_commands_that_doctor_prints_fix_what_is_wrong() {
    in_namespace!();
    for (damage, finding) in FAULTS {
        reset_network();
        if sh(damage) == "no veth\n" {
            eprintln!("not tested, because this kernel has no veth: {finding}");
            continue;
        }
        let (code, text) = doctor(&[]);
        assert_eq!(code, Some(45), "{damage}: {text}");
        assert!(text.contains(finding), "{damage}: {text}");
        let commands: String = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("sudo "))
            .map(|command| format!("{command}\n"))
            .collect();
        let options: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("hosttap ")?.strip_suffix(" ..."))
            .flat_map(str::split_whitespace)
            .collect();
        assert!(!commands.is_empty() || !options.is_empty(), "{text}");
        sh(&commands);
        let (code, text) = doctor(&options);
        assert_eq!(code, Some(0), "after {commands} {options:?} {text}");
        assert!(text.ends_with("All is well.\n"), "{text}");
    }
}

#[test]
fn doctor_accepts_a_missing_interface_that_will_be_created_and_refuses_another_kind() {
    in_namespace!();
    let (code, text) = doctor(&["--tap", "tap7", "--host-address", "192.168.69.100/24"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("it will be created"), "{text}");
    let (code, text) = doctor(&["--tap", "lo"]);
    assert_eq!(code, Some(45), "{text}");
    assert!(text.contains("lo exists but is not a TAP"), "{text}");
}

#[test]
fn doctor_works_without_privileges_and_names_the_owner_of_the_tap() {
    if !is_root() {
        return;
    }
    in_namespace!();
    recreate_tap_for("4242");
    for (uid, code, finding) in [
        ("4242", 0, "tap0 can be opened by you"),
        ("4243", 45, "tap0 belongs to user 4242"),
    ] {
        let exited = hosttap_as(uid, &["doctor"]).finish();
        let text = exited.stdout();
        assert_eq!(exited.code, Some(code), "{text}{}", exited.stderr());
        assert!(text.contains("no CAP_NET_ADMIN"), "{text}");
        assert!(text.contains(finding), "{text}");
    }
}

#[test]
fn doctor_reports_that_another_program_holds_the_tap() {
    in_namespace!();
    // TUNSETIFF with IFF_TAP | IFF_NO_PI. The end of stdin or Ctrl-C releases the TAP. Python's own
    // SIGINT handler could run only after the end of stdin, which follows at once, and the program
    // would then exit with 0.
    let hold = "import fcntl, signal, struct, sys; signal.signal(signal.SIGINT, signal.SIG_DFL)
f = open('/dev/net/tun', 'r+b', 0)
fcntl.ioctl(f, 0x400454ca, struct.pack('16sH22x', b'tap0', 0x1002)); print('held')
for line in sys.stdin: print('read', line, file=sys.stderr)";
    for by_signal in [false, true] {
        let mut holder = start_python(hold, &[]);
        holder.wait_for_stdout("held");
        holder.write_stdin("still there?\n");
        holder.wait_for_stderr("read still there?");
        let (code, text) = doctor(&[]);
        assert_eq!(code, Some(45), "{text}");
        assert!(text.contains("tap0 is held by another program"), "{text}");
        if by_signal {
            holder.interrupt();
        }
        assert_eq!(holder.finish().code == Some(0), !by_signal);
        assert_eq!(doctor(&[]).0, Some(0));
    }
}

/// Makes `tap0` a port of the bridge `br0`, which has the kernel's address.
fn bridge_tap() {
    sh(
        "ip link add br0 type bridge forward_delay 0; ip addr flush dev tap0
        ip link set tap0 master br0; ip link set br0 up; ip addr add 192.168.69.100/24 dev br0",
    );
}

#[test]
fn a_port_of_a_bridge_that_works_is_well() {
    in_namespace!();
    bridge_tap();
    let (code, text) = doctor(&[]);
    assert_eq!(code, Some(0), "{text}");
    for words in [
        "tap0 is a port of br0",
        "the kernel reaches 192.168.69.1 through tap0",
        "192.168.69.1 reaches the kernel's 192.168.69.100",
        "All is well.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn what_is_wrong_with_a_bridge_is_mended_on_the_bridge() {
    in_namespace!();
    for (damage, finding) in [
        ("ip link set br0 down", "br0 is down"),
        ("iptables -A INPUT -i br0 -j DROP", "does not get through"),
        ("ip route flush dev br0", "the kernel has no route"),
    ] {
        reset_network();
        bridge_tap();
        sh(damage);
        let (code, text) = doctor(&[]);
        assert_eq!(code, Some(45), "{damage}: {text}");
        assert!(text.contains(finding), "{damage}: {text}");
        let commands: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("sudo "))
            .collect();
        assert!(
            commands.iter().all(|command| command.contains("br0")),
            "{text}"
        );
        sh(&commands.join("\n"));
        let (code, text) = doctor(&[]);
        assert_eq!(code, Some(0), "after {commands:?} {text}");
    }
}

#[test]
fn a_bridge_without_an_address_of_the_kernel_is_no_fault() {
    in_namespace!();
    bridge_tap();
    sh("ip addr flush dev br0");
    let (code, text) = doctor(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("other hosts of the bridge can be reached"),
        "{text}"
    );
    assert!(!text.contains("sudo"), "{text}");
}

#[test]
fn another_host_with_our_address_is_found_and_the_proposed_one_is_free() {
    in_namespace!();
    bridge_tap();
    // A namespace of its own, whose end of the cable is a port of the bridge.
    sh("ip link add v0 type veth peer v1; ip link set v0 master br0 up");
    let mut host = crate::common::killed_with_test("unshare");
    host.args([
        "-n",
        "sh",
        "-c",
        "echo $$; read line; ip addr add 192.168.69.1/24 dev v1
        ip link set v1 up; echo up; cat",
    ]);
    let mut host = crate::common::Process::start(&mut host);
    host.wait_for_stdout("\n");
    sh(&format!("ip link set v1 netns {}", host.id()));
    host.write_stdin("go\n");
    host.wait_for_stdout("up");
    // The kernel notices a moment later that the port is up.
    sh("until bridge link show dev v0 | grep -q 'state forwarding'; do sleep 0.01; done");
    let (code, text) = doctor(&[]);
    assert_eq!(code, Some(45), "{text}");
    assert!(text.contains("has our address 192.168.69.1 too"), "{text}");
    assert!(!text.contains("sudo"), "{text}");
    let (code, text) = doctor(&["--address", "192.168.69.2/24"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_tap_of_another_user_gets_its_address_mtu_bridge_and_state_back() {
    if !is_root() {
        return;
    }
    in_namespace!();
    for is_bridged in [false, true] {
        reset_network();
        recreate_tap_for("4242");
        sh("ip link set tap0 mtu 1400; ip addr add 10.1.2.3/16 dev tap0");
        if is_bridged {
            bridge_tap();
        }
        let exited = hosttap_as("4243", &["doctor"]).finish();
        let text = exited.stdout();
        assert_eq!(exited.code, Some(45), "{text}{}", exited.stderr());
        let commands: Vec<_> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("sudo "))
            .map(|command| command.replace("$(id -un)", "4243"))
            .collect();
        sh(&commands.join("\n"));
        let exited = hosttap_as("4243", &["doctor"]).finish();
        let text = exited.stdout();
        assert_eq!(
            exited.code,
            Some(0),
            "{commands:?}\n{text}{}",
            exited.stderr()
        );
        assert!(text.contains("MTU 1400"), "{text}");
        let address = "inet 10.1.2.3/16";
        assert_eq!(sh("ip addr show tap0").contains(address), !is_bridged);
    }
}

#[test]
fn doctor_changes_nothing() {
    in_namespace!();
    // The kernel's own link-local address, and whether a program holds the TAP, are not ours.
    let look = "ip -4 -o addr; ip -4 route | sed 's/ linkdown//'";
    let before = sh(look);
    let (code, text) = doctor(&["--host-address", "192.168.69.101/24"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(sh(look), before);
}
