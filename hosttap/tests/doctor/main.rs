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
    let exited = hosttap(&[&["doctor"], arguments].concat()).finish(10);
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
        let exited = exited.finish(10);
        let message =
            format!("hosttap: the TAP tap0 has an MTU of {mtu}, below {mtu_min}: {command}\n");
        assert_eq!((exited.code, exited.stderr()), (Some(45), message));
    }
}

#[test]
fn the_commands_that_doctor_prints_fix_what_is_wrong() {
    in_namespace!();
    for (damage, finding) in [
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
        ("ip link set tap0 mtu 500", "an MTU of 500"),
        (
            "ip link add v0 type veth peer v1 || { echo no veth; exit; }
            ip addr add 192.168.69.7/32 dev v0; ip link set v0 up; ip link set v1 up
            ip route add 192.168.69.1/32 dev v0",
            "through another interface",
        ),
    ] {
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
            .map(|command| format!("{command};").replace(" user $USER", ""))
            .collect();
        assert_ne!(commands, "", "{text}");
        sh(&commands);
        let (code, text) = doctor(&[]);
        assert_eq!(code, Some(0), "after {commands} {text}");
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
        let exited = hosttap_as(uid, &["doctor"]).finish(10);
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
        holder.wait_for_stdout("held", 10);
        holder.write_stdin("still there?\n");
        holder.wait_for_stderr("read still there?", 10);
        let (code, text) = doctor(&[]);
        assert_eq!(code, Some(45), "{text}");
        assert!(text.contains("tap0 is held by another program"), "{text}");
        if by_signal {
            holder.interrupt();
        }
        assert_eq!(holder.finish(10).code == Some(0), !by_signal);
        assert_eq!(doctor(&[]).0, Some(0));
    }
}
