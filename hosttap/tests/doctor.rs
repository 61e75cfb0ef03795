//! `doctor` finds each fault, names its remedy, and the remedy works.

use crate::common::{Namespace, is_root, skip};

/// Runs doctor and returns its code and what it printed.
fn doctor(namespace: &Namespace, arguments: &[&str]) -> (Option<i32>, String) {
    let ended = namespace
        .hosttap(&[&["doctor"], arguments].concat())
        .finish(10);
    assert_eq!(ended.stderr(), "");
    (ended.code, ended.stdout())
}

#[test]
fn doctor_is_content_with_a_complete_set_up() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let (code, text) = doctor(&namespace, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("All is well.\n"), "{text}");
    assert!(
        text.contains("the kernel reaches 192.168.69.1 through tap0"),
        "{text}"
    );
}

#[test]
fn no_command_starts_over_an_mtu_that_doctor_calls_wrong() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    for (mtu, mtu_min, address) in [(575, 576, "192.168.69.1/24"), (1279, 1280, "fd00::1/64")] {
        let set = namespace.sh(&format!("ip link set tap0 mtu {mtu}"));
        assert!(set.status.success(), "{set:?}");
        let arguments = ["--address", address];
        let (code, text) = doctor(&namespace, &arguments);
        assert_eq!(code, Some(45), "{text}");
        let found = format!("WRONG  an MTU of {mtu} is below {mtu_min}\n");
        assert!(text.contains(&found), "{text}");
        let command = "sudo ip link set tap0 mtu 1500";
        assert!(text.contains(command), "{text}");
        let ended = namespace.hosttap(&[&["echo"][..], &arguments].concat());
        let ended = ended.finish(10);
        let said =
            format!("hosttap: the TAP tap0 has an MTU of {mtu}, below {mtu_min}: {command}\n");
        assert_eq!((ended.code, ended.stderr()), (Some(45), said));
    }
}

#[test]
fn the_commands_that_doctor_prints_mend_what_is_wrong() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    for (damage, named) in [
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
            "ip link add v0 type veth peer v1; ip addr add 192.168.69.7/32 dev v0; ip link set v0 up; ip link set v1 up; \
          ip route add 192.168.69.1/32 dev v0",
            "through another interface",
        ),
    ] {
        let damaged = namespace.sh(damage);
        if damage.contains("veth") && !damaged.status.success() {
            eprintln!("not tried, since this kernel has no veth: {named}");
            continue;
        }
        assert!(damaged.status.success(), "{damage}: {damaged:?}");
        let (code, text) = doctor(&namespace, &[]);
        assert_eq!(code, Some(45), "{damage}: {text}");
        assert!(text.contains(named), "{damage}: {text}");
        let commands: String = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("sudo "))
            .map(|command| format!("{command};").replace(" user $USER", ""))
            .collect();
        assert_ne!(commands, "", "{text}");
        let mended = namespace.sh(&commands);
        assert!(mended.status.success(), "{commands}: {mended:?}");
        let (code, text) = doctor(&namespace, &[]);
        assert_eq!(code, Some(0), "after {commands} {text}");
    }
}

#[test]
fn doctor_tells_a_missing_interface_that_will_be_made_from_one_that_is_amiss() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    let (code, text) = doctor(
        &namespace,
        &["--tap", "tap7", "--host-address", "192.168.69.100/24"],
    );
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("it will be created"), "{text}");
    let (code, text) = doctor(&namespace, &["--tap", "lo"]);
    assert_eq!(code, Some(45), "{text}");
    assert!(text.contains("lo exists but is not a TAP"), "{text}");
}

#[test]
fn doctor_works_without_privilege_and_knows_whose_the_tap_is() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    if !is_root() {
        let _: Option<()> = skip("only root can become somebody else");
        return;
    }
    let remade = namespace.sh(
        "ip tuntap del dev tap0 mode tap; ip tuntap add dev tap0 mode tap user 4242; \
         ip addr add 192.168.69.100/24 dev tap0; ip link set tap0 up",
    );
    assert!(remade.status.success(), "{remade:?}");
    for (uid, code, named) in [
        ("4242", 0, "tap0 can be opened by you"),
        ("4243", 45, "tap0 belongs to user 4242"),
    ] {
        let ended = namespace.hosttap_as(uid, &["doctor"]).finish(10);
        let text = ended.stdout();
        assert_eq!(ended.code, Some(code), "{text}{}", ended.stderr());
        assert!(text.contains("no CAP_NET_ADMIN"), "{text}");
        assert!(text.contains(named), "{text}");
    }
}

#[test]
fn doctor_tells_that_another_program_holds_the_tap() {
    let Some(namespace) = Namespace::with_tap() else {
        return;
    };
    // TUNSETIFF with IFF_TAP | IFF_NO_PI; the end of stdin or Ctrl-C lets it go. Python's own handler of SIGINT may come after the
    // end of stdin, which follows at once, and then the program would end as if nothing had been.
    let hold = "import fcntl, signal, struct, sys; signal.signal(signal.SIGINT, signal.SIG_DFL)
f = open('/dev/net/tun', 'r+b', 0)
fcntl.ioctl(f, 0x400454ca, struct.pack('16sH22x', b'tap0', 0x1002)); print('held')
for line in sys.stdin: print('heard', line, file=sys.stderr)";
    for by_signal in [false, true] {
        let mut holder = namespace.python(hold, &[]);
        holder.wait_for_stdout("held", 10);
        holder.type_in("still there?\n");
        holder.wait_for_stderr("heard still there?", 10);
        let (code, text) = doctor(&namespace, &[]);
        assert_eq!(code, Some(45), "{text}");
        assert!(text.contains("tap0 is held by another program"), "{text}");
        if by_signal {
            holder.interrupt();
        }
        assert_eq!(holder.finish(10).code == Some(0), !by_signal);
        assert_eq!(doctor(&namespace, &[]).0, Some(0));
    }
}
