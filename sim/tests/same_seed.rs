//! The same seed gives the same run: in another process, in another build, on another platform, and
//! while other runs are going on.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

use std::thread;

use tickwire_sim::{MEMORY_BYTES, Options, Profile, Scenario, run};

/// Traces that every build must have: profile, scenario, seed, trace. A change of an app, of the
/// Ethernet or of what a seed decides changes them; the test prints the new ones.
const TRACES: &str = include_str!("traces.txt");

const PROFILES: [Profile; 3] = [Profile::Mild, Profile::Bad, Profile::Hostile];
const SCENARIOS: [Scenario; 4] = [Scenario::All, Scenario::Get, Scenario::Chat, Scenario::File];

fn trace(profile: Profile, scenario: Scenario, seed: u64) -> u64 {
    let options = Options {
        profile,
        scenario,
        is_guarded: true,
    };
    let report = run(seed, &options, &mut vec![0; MEMORY_BYTES], &mut ());
    assert_eq!(report.finding, None, "seed {seed}, {options:?}");
    report.trace
}

#[test]
fn traces_are_the_same_in_every_build_and_on_every_platform() {
    let mut now = String::new();
    for profile in PROFILES {
        for scenario in SCENARIOS {
            for seed in 0..4 {
                let trace = trace(profile, scenario, seed);
                let (profile, scenario) = (profile.name(), scenario.name());
                now += &format!("{profile} {scenario} {seed} {trace:016x}\n");
            }
        }
    }
    assert!(
        now == TRACES,
        "sim/tests/traces.txt has other traces than this build:\n{now}"
    );
}

#[test]
fn runs_at_the_same_time_do_not_affect_each_other() {
    let alone = trace(Profile::Bad, Scenario::All, 5);
    let several: Vec<u64> = thread::scope(|scope| {
        let threads = [5, 6, 5, 7].map(|seed| {
            scope.spawn(move || {
                // The memory still has the content of another run.
                let (options, mut memory) = (Options::default(), vec![0xa5; MEMORY_BYTES]);
                run(seed + 1, &options, &mut memory, &mut ());
                run(seed, &options, &mut memory, &mut ()).trace
            })
        });
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!((several[0], several[2]), (alone, alone));
    assert_ne!(several[1], alone);
    assert_ne!(several[3], alone);
}

#[cfg(feature = "cli")]
#[test]
fn two_processes_print_the_same_trace_last() {
    let last_line = || {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_sim"))
            .args(["--seed", "5"])
            .output()
            .unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().last().unwrap().to_string()
    };
    let expected = format!("trace {:016x}", trace(Profile::Bad, Scenario::All, 5));
    assert_eq!([last_line(), last_line()], [expected.clone(), expected]);
}
