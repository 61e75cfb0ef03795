//! The program `sim` as a script uses it: its last lines, its files and its exit codes.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn sim(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sim"));
    command.args(line.split_whitespace());
    command
}

fn output(line: &str) -> Output {
    sim(line).output().unwrap()
}

fn stdout(line: &str) -> String {
    let output = output(line);
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A path that only this test uses.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A number from the first level of a result.
fn number(json: &str, name: &str) -> u64 {
    let (_, value) = json.split_once(&format!("\"{name}\":")).unwrap();
    let end = value.find([',', '}']).unwrap();
    value[..end].parse().unwrap()
}

#[test]
fn a_range_excludes_its_end_and_its_last_line_counts_the_seeds() {
    let text = stdout("--seeds 3..5 --scenario get");
    assert!(text.ends_with('\n'));
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("2 seeds, 0 failed, bad get, "), "{last}");
}

#[test]
fn shards_together_are_the_whole_range_and_no_seed_twice() {
    let result = |shard: &str| {
        let path = scratch(&format!("shard-{}.json", shard.replace('/', "-of-")));
        let line = format!("--seeds 10..20 --scenario file --shard {shard} --json");
        let status = sim(&line)
            .arg(&path)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let json = fs::read_to_string(path).unwrap();
        (number(&json, "seeds"), number(&json, "turns"))
    };
    let parts = [result("0/3"), result("1/3"), result("2/3")];
    assert_eq!(parts.map(|(seeds, _)| seeds), [4, 3, 3]);
    // The number of turns differs much from seed to seed.
    let turns = parts.iter().map(|(_, turns)| turns).sum();
    assert_eq!((10, turns), result("0/1"));
}

#[test]
fn scripts_break_a_bare_host_in_every_known_way_and_a_guarded_one_in_none() {
    // All scripts of up to two acts, some of three, and some drawn ones.
    for seeds in ["0..60000", "100000000..100005000"] {
        let guarded = stdout(&format!("--explore --seeds {seeds}"));
        assert!(guarded.ends_with("guarded: 0 failed\n"), "{guarded}");
        let bare = output(&format!("--explore --no-guard --seeds {seeds}"));
        assert_eq!(bare.status.code(), Some(1));
        let bare = String::from_utf8(bare.stdout).unwrap();
        for defect in [
            "stuck with data",
            "stuck with a FIN",
            "truncates",
            "loses bytes",
            "ignores an ACK",
        ] {
            assert!(bare.contains(&format!("{defect}: ")), "{defect}: {bare}");
        }
    }
    let bare = output("--explore --no-guard --seeds 100000000..100020000");
    let bare = String::from_utf8(bare.stdout).unwrap();
    for defect in ["spins", "ignores data", "never ends"] {
        assert!(bare.contains(&format!("{defect}: ")), "{defect}: {bare}");
    }
}

#[test]
fn what_makes_no_sense_is_wrong_usage_and_runs_nothing() {
    for line in [
        "--seeds 5..5",
        "--seeds 6..5",
        "--seeds 5",
        "--seeds 0..18446744073709551616",
        "--seed 1 --seeds 0..2",
        "--shard 0/0",
        "--shard 3/3",
        "--seed 1 --shard 0/2",
        "--seeds 0..2 --pcap never.pcap",
        "--seeds 0..2 --timeline never.svg",
        "--compare-guard --seeds 0..1 --pcap never.pcap",
        "--canaries --timeline never.svg",
        "--explore --compare-guard",
        "--explore --seed 1",
        "--recovery --compare-guard",
        "--recovery --no-guard",
        "--recovery --seed 1",
        "--pcap never.pcap",
        "--seed 1 --pcap -",
        "--seed 1 --timeline -",
        "--seeds 0..2 --json -",
        "--profile worse",
    ] {
        let output = output(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
    }
}

#[test]
fn one_seed_has_a_result_too() {
    let path = scratch("one-seed.json");
    let result = |line: &str| {
        let output = sim(line).arg(&path).output().unwrap();
        (output, fs::read_to_string(&path).unwrap())
    };
    let (output, json) = result("--seed 5 --json");
    assert!(output.status.success(), "{output:?}");
    assert_eq!((number(&json, "seeds"), number(&json, "failed")), (1, 0));
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, trace) = text.trim_end().rsplit_once("\ntrace ").unwrap();
    assert!(json.contains(&format!("\"trace\":\"{trace}\"")), "{json}");
    // smoltcp panics in this one.
    let (output, json) = result("--seed 747 --no-guard --json");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!((number(&json, "seeds"), number(&json, "failed")), (1, 1));
    let replay = "\"replay\":\"sim --seed 747 --profile bad --no-guard\"";
    assert!(json.contains(replay), "{json}");
}

#[test]
fn a_result_that_cannot_be_written_is_noticed_before_the_sweep() {
    // This number of seeds takes days.
    let output = output("--seeds 0..1000000000 --json /nonexistent/result.json");
    assert_eq!(output.status.code(), Some(23));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nonexistent/result.json"));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_no_fault_of_a_seed() {
    for line in [
        "--seed 5",
        "--seeds 0..4",
        "--compare-guard --seeds 0..1",
        "--recovery --seeds 0..1",
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = sim(line).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(23), "{line}");
        assert!(output.stderr.starts_with(b"sim: "), "{line}");
    }
}

#[test]
fn a_client_of_unreliable_servers_believes_nobody_else_and_is_never_stuck() {
    for profile in ["mild", "bad", "hostile"] {
        let text = stdout(&format!("--scenario net --profile {profile} --seeds 0..12"));
        let last = text.lines().last().unwrap();
        let expected = format!("12 seeds, 0 failed, {profile} net, transfer ");
        assert!(last.starts_with(&expected), "{text}");
        // What was to be survived has happened.
        let mut happened = vec!["refused", "late", "unanswered", "failed"];
        if profile == "hostile" {
            happened.extend(["forged", "declined"]);
        }
        for what in happened {
            assert!(text.contains(&format!("server: {what}")), "{what}: {text}");
        }
    }
}

#[test]
fn rooms_are_swept_and_one_seed_of_them_is_replayed_like_all_others() {
    let (json, pcap, svg) = (
        scratch("rooms.json"),
        scratch("rooms.pcap"),
        scratch("rooms.svg"),
    );
    let mut sweep = sim("--scenario serve --seeds 40..48 --shard 1/2 --json");
    let swept = sweep.arg(&json).output().unwrap();
    assert!(swept.status.success(), "{swept:?}");
    let swept = String::from_utf8(swept.stdout).unwrap();
    for part in ["4 seeds, 0 failed, bad serve, lines ", "hub: entries heard"] {
        assert!(swept.contains(part), "{part}: {swept}");
    }
    assert_eq!(number(&fs::read_to_string(json).unwrap(), "seeds"), 4);
    let one = |options: &str| stdout(&format!("--scenario serve --seed 41 {options}"));
    let (pcap_path, svg_path) = (pcap.display(), svg.display());
    let text = one(&format!("--pcap {pcap_path} --timeline {svg_path}"));
    assert_eq!(text, one(""));
    for part in ["faults end at", "member 0", "Answer", "\ntrace "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(fs::read(pcap).unwrap().len() > 10_000);
    assert!(fs::read_to_string(svg).unwrap().contains("node 3"));
    assert_ne!(text, one("--no-guard"));
}

#[test]
fn one_seed_of_a_network_has_one_trace_and_says_what_happens() {
    let run = || stdout("--scenario net --profile hostile --seed 3");
    let text = run();
    assert_eq!(text, run());
    for part in ["faults end at", "LeaseAcquired", "Set {", "\ntrace "] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
