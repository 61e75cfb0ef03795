//! Over a real TAP, in a namespace of its own: what tickwire costs on top of smoltcp, and what its TAP device gains.
//!
//! `cargo run --release --manifest-path benches/tap/Cargo.toml` (as root) prints ratios, each the median of nine
//! interleaved rounds.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod device;
mod link;
mod loops;
mod peer;

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use link::{Link, Ours, Smoltcps};

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "TICKWIRE_BENCH_INSIDE";
const ROUNDS: usize = 9;

fn main() {
    if std::env::var_os(INSIDE).is_none() {
        let program = std::env::current_exe().expect("the program has a path");
        let why = Command::new("unshare")
            .args(["-n", "--"])
            .arg(program)
            .env(INSIDE, "1")
            .exec();
        panic!("unshare: {why}");
    }
    let mut ours = Ours::open("tap0", [192, 168, 69, 0]);
    let mut theirs = Smoltcps::open("tap1", [192, 168, 70, 0]);

    println!(
        "one frame of 1,514 bytes, no TCP, processor time: our TAP device against smoltcp's TunTapInterface"
    );
    let (a, b) = pair(
        || device::receive(&mut ours),
        || device::receive(&mut theirs),
    );
    report("in", "frame", device::FRAMES, a, b);
    let (a, b) = pair(
        || device::transmit(&mut ours),
        || device::transmit(&mut theirs),
    );
    report("out", "frame", device::FRAMES, a, b);

    println!(
        "a bare socket, {} MiB: our TAP device against smoltcp's TunTapInterface",
        peer::MIB
    );
    let (a, b) = pair(|| loops::bare_in(&mut ours), || loops::bare_in(&mut theirs));
    report("in", "byte", peer::BYTES, a, b);
    let (a, b) = pair(
        || loops::bare_out(&mut ours),
        || loops::bare_out(&mut theirs),
    );
    report("out", "byte", peer::BYTES, a, b);

    println!(
        "our TAP device, {} MiB in: the GET client against a bare socket",
        peer::MIB
    );
    let mut ours = Some(ours);
    let cell = std::cell::RefCell::new(&mut ours);
    let with = |run: fn(Ours) -> (Ours, Duration)| {
        let mut cell = cell.borrow_mut();
        let (link, elapsed) = run(cell.take().expect("one runs at a time"));
        **cell = Some(link);
        elapsed
    };
    let (a, b) = pair(
        || with(loops::get),
        || {
            with(|mut link| {
                let elapsed = loops::bare_in(&mut link);
                (link, elapsed)
            })
        },
    );
    report("get", "byte", peer::BYTES, a, b);
    println!(
        "our TAP device, {} MiB in: the GET client with the guard against without",
        peer::MIB
    );
    let (a, b) = pair(|| with(loops::get_guarded), || with(loops::get));
    report("get guarded", "byte", peer::BYTES, a, b);
}

/// Both contenders in turns. The order changes, so that neither always comes second.
fn pair(
    mut first: impl FnMut() -> Duration,
    mut second: impl FnMut() -> Duration,
) -> (Vec<Duration>, Vec<Duration>) {
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=ROUNDS {
        let (a, b) = if round % 2 == 0 {
            let a = first();
            (a, second())
        } else {
            let b = second();
            (first(), b)
        };
        if round > 0 {
            firsts.push(a);
            seconds.push(b);
        }
    }
    (firsts, seconds)
}

/// The median of how many times as fast the first was, and what either took.
fn report(what: &str, unit: &str, units: u64, first: Vec<Duration>, second: Vec<Duration>) {
    let mut ratios: Vec<f64> = first
        .iter()
        .zip(&second)
        .map(|(first, second)| second.as_secs_f64() / first.as_secs_f64())
        .collect();
    let ratio = median(&mut ratios);
    let nanos = |durations: &[Duration]| {
        let mut nanos: Vec<f64> = durations
            .iter()
            .map(|duration| duration.as_secs_f64() * 1e9 / units as f64)
            .collect();
        median(&mut nanos)
    };
    println!(
        "  {what:12} {ratio:.3} times as fast  ({:.3} against {:.3} ns a {unit})",
        nanos(&first),
        nanos(&second)
    );
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
