//! The commands of `docs/recipes.md`, taken out of the page and run.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

use common::{block, check_session, in_namespace, is_installed, page, part, sessions, sh};

/// A server on this machine, and beyond a router, at 203.0.113.1, another host with one.
const OUT_THERE: &str = r#"
unshare --net sleep 300 &
out=$!
until [ "$(readlink /proc/$out/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do command sleep 0.1; done
out_there() { timeout 30 nsenter -t $out -n sh -c "$1"; }
ip link add eth0 type veth peer name eth1 netns $out
ip addr add 203.0.113.254/24 dev eth0; ip link set eth0 up
out_there 'ip link set lo up; ip addr add 203.0.113.1/24 dev eth1; ip link set eth1 up'
nsenter -t $out -n python3 -m http.server 8000 > out.txt 2>&1 &
python3 -m http.server 8000 > web.txt 2>&1 &
started=1
until out_there 'ss -ltnH "sport = 8000"' | grep -q .; do command sleep 0.1; done
sleep 1
"#;

/// Runs what stands under this heading.
#[track_caller]
fn check(heading: &str, setup: &str) {
    let text = page("docs/recipes.md");
    let session = sessions(part(&text, heading));
    assert!(session.lines().count() > 2, "{heading}");
    check_session(&session, setup);
}

#[test]
fn two_programs_meet_on_a_bridge() {
    in_namespace!();
    check("## Two hosttaps on one bridge", "");
}

#[test]
fn two_programs_meet_through_a_router() {
    in_namespace!();
    check("## Two hosttaps with a router between them", "");
}

#[test]
fn nftables_lets_pass_what_the_rules_say() {
    in_namespace!();
    let closed = r#"
nft add table inet filter
nft add chain inet filter input "{ type filter hook input priority filter; policy drop; }"
nft add rule inet filter input ct state established,related accept
nft add chain inet filter forward "{ type filter hook forward priority filter; policy drop; }"
"#;
    check("### nftables", &format!("{OUT_THERE}{closed}"));
}

#[test]
fn iptables_lets_pass_what_the_rules_say() {
    in_namespace!();
    let closed = "
iptables -P INPUT DROP
iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -P FORWARD DROP
";
    check("### iptables", &format!("{OUT_THERE}{closed}"));
}

#[test]
fn a_container_has_all_that_is_needed() {
    in_namespace!();
    let text = page("docs/recipes.md");
    let dockerfile = block(part(&text, "## In a container"), "dockerfile", "FROM");
    let entry = dockerfile.split("ENTRYPOINT ").nth(1).unwrap().trim();
    let entry: Vec<String> = serde_json::from_str(entry).unwrap();
    assert_eq!(entry[0], "hosttap");
    let runs = sessions(part(&text, "## In a container"));
    let run = runs
        .lines()
        .find(|line| line.contains("--network"))
        .unwrap();
    assert!(run.contains("--cap-drop ALL --cap-add NET_ADMIN --device /dev/net/tun"));
    let (_, command) = run.split_once(" hosttap ").unwrap();
    let printed = sh(&format!(
        "cd $(mktemp -d); ip link del tap0; ip link set lo up; echo hello > index.html
        python3 -m http.server 80 > /dev/null 2>&1 & server=$!
        until ss -ltnH 'sport = 80' | grep -q .; do sleep 0.1; done
        setpriv --inh-caps=-all,+net_admin --bounding-set=-all,+net_admin \\
            $hosttap -q {} {command}; kill $server",
        entry[1..].join(" ")
    ));
    assert_eq!(printed, "hello\n");
}

#[test]
fn the_scripts_do_what_they_say() {
    in_namespace!();
    let text = page("docs/recipes.md");
    let text = part(&text, "## From a script");
    let [fetch, wait] = ["# fetch.sh", "# wait.sh"].map(|name| block(text, "sh", name));
    let setup = format!(
        "cat > fetch.sh <<'END'\n{fetch}END\ncat > wait.sh <<'END'\n{wait}END\n\
         # The scripts' shells know no functions of this one.\n\
         mkdir bin web inbox; ln -s \"$hosttap\" bin/hosttap; PATH=$PWD/bin:$PATH\n\
         python3 -m http.server --directory web 8000 > web.txt 2>&1 &\n\
         started=1; sleep 1\n"
    );
    check_session(&sessions(text), &setup);
}

#[test]
fn systemd_understands_the_unit_and_its_command_needs_no_more_than_it_grants() {
    if !is_installed("systemd-analyze") {
        return;
    }
    in_namespace!();
    let text = page("docs/recipes.md");
    let unit = block(part(&text, "## As a service"), "ini", "[Unit]");
    let program = env!("CARGO_BIN_EXE_hosttap");
    let installed = unit.replace("/usr/local/bin/hosttap", program);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosttap-recv.service");
    std::fs::write(&path, installed).unwrap();
    let said = sh(&format!("systemd-analyze verify {} 2>&1", path.display()));
    assert_eq!(said, "");

    let setting = |name: &str| {
        let mut lines = unit.lines();
        lines.find_map(|line| line.strip_prefix(name)).unwrap()
    };
    assert_eq!(setting("AmbientCapabilities="), "CAP_NET_ADMIN");
    assert_eq!(setting("CapabilityBoundingSet="), "CAP_NET_ADMIN");
    assert_eq!(setting("NoNewPrivileges="), "yes");
    let (_, command) = setting("ExecStart=").split_once(' ').unwrap();
    let command = command.replace("/var/lib/hosttap", "$state");
    // Another user may not reach the program's folder, so it runs from an open descriptor. On a
    // machine with systemd everybody may open the device.
    let printed = sh(&format!(
        "export state=$(mktemp -d); chown 65534 $state; ip link del tap0; exec 9< $hosttap
        unshare --mount sh -c 'mount -t tmpfs none /dev/net
            mknod -m 666 /dev/net/tun c 10 200
            exec setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs \\
                --inh-caps=-all,+net_admin --ambient-caps=-all,+net_admin \\
                --bounding-set=-all,+net_admin -- /proc/self/fd/9 {command}' 2> $state/log &
        service=$!
        until grep -qs Listening $state/log; do kill -0 $service; sleep 0.1; done
        printf '\\005\\0\\0\\0hello' | nc -N 192.168.69.1 2001
        until grep -q 'has sent' $state/log; do kill -0 $service; sleep 0.1; done
        cat $state/received-*; kill -TERM $service; wait $service || echo \" $?\"
        rm -r $state"
    ));
    assert_eq!(
        printed,
        format!("hello {}\n", setting("SuccessExitStatus="))
    );
}
