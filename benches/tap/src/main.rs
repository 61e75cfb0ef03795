//! Over a real TAP, in a namespace of its own: what tickwire costs on top of smoltcp, and what its TAP device gains.
//!
//! `cargo run --release --manifest-path benches/tap/Cargo.toml` (as root) prints ratios, each the median of nine
//! interleaved rounds. With `-- loss` it transfers over a TAP that loses frames, with the guard and without; with
//! `-- slow [COUNT]`, to a kernel whose reader is slow.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod device;
mod kernel;
mod link;
mod loops;
mod loss;
mod peer;

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use link::{Link, Ours, Smoltcps};

/// Set in the process that runs inside the namespace.
const INSIDE: &str = "TICKWIRE_BENCH_INSIDE";
const ROUNDS: usize = 9;

fn main() {
    if kernel::between() || loss::one() {
        return;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["loss"] => return loss::all(),
        ["slow"] => return loss::slow(240),
        ["slow", count] => return loss::slow(count.parse().expect("a number of transfers")),
        _ => {}
    }
    if std::env::var_os(INSIDE).is_none() {
        let program = std::env::current_exe().expect("the program has a path");
        let why = Command::new("unshare")
            .args(["-n", "--"])
            .arg(program)
            .env(INSIDE, "1")
            .exec();
        panic!("unshare: {why}");
    }
    run(
        &mut Ours::open("tap0", [192, 168, 69, 0]),
        &mut Smoltcps::open("tap1", [192, 168, 70, 0]),
    );
}

fn run(ours: &mut Ours, theirs: &mut Smoltcps) {
    let both = &mut (ours, theirs);
    println!("our TAP device against smoltcp's TunTapInterface");
    println!(" one frame of 1,514 bytes, no TCP, processor time");
    let pair = duel(
        both,
        |both| device::receive(both.0),
        |both| device::receive(both.1),
    );
    pair.report("in", "frame", device::FRAMES);
    let pair = duel(
        both,
        |both| device::transmit(both.0),
        |both| device::transmit(both.1),
    );
    pair.report("out", "frame", device::FRAMES);
    println!(" a bare socket, {} MiB", peer::MIB);
    let pair = duel(
        both,
        |both| loops::bare_in(both.0),
        |both| loops::bare_in(both.1),
    );
    pair.report("in", "byte", peer::BYTES);
    let pair = duel(
        both,
        |both| loops::bare_out(both.0),
        |both| loops::bare_out(both.1),
    );
    pair.report("out", "byte", peer::BYTES);

    let ours = &mut *both.0;
    println!(
        "an app against a bare socket, our TAP device, {} MiB",
        peer::MIB
    );
    let pair = duel(ours, loops::get, loops::bare_in);
    pair.report("get", "byte", peer::BYTES);
    let pair = duel(ours, loops::receive, loops::bare_in);
    pair.report("recv", "byte", peer::BYTES);
    let pair = duel(ours, loops::receive, |_| loops::digest());
    pair.report("recv/SHA-256", "byte", peer::BYTES);
    let pair = duel(ours, loops::send, loops::bare_out);
    pair.report("send", "byte", peer::BYTES);
    let pair = duel(
        ours,
        |ours| device::whole_processor_time(|| loops::serve(ours)),
        |ours| device::whole_processor_time(|| loops::bare_asset(ours)),
    );
    pair.report("serve, CPU", "byte", peer::BYTES);
    println!(
        "the GET client with the guard against without, {} MiB",
        peer::MIB
    );
    let pair = duel(ours, loops::get_guarded, loops::get);
    pair.report("guard", "byte", peer::BYTES);
    let pair = duel(
        ours,
        |ours| device::whole_processor_time(|| loops::get_guarded(ours)),
        |ours| device::whole_processor_time(|| loops::get(ours)),
    );
    pair.report("guard, CPU", "byte", peer::BYTES);
}

/// What two contenders took, round by round.
struct Pair(Vec<Duration>, Vec<Duration>);

/// Runs both contenders in turns. The order changes, so that neither always comes second.
fn duel<C: ?Sized>(
    context: &mut C,
    first: impl Fn(&mut C) -> Duration,
    second: impl Fn(&mut C) -> Duration,
) -> Pair {
    let mut pair = Pair(Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=ROUNDS {
        let (a, b) = if round % 2 == 0 {
            let a = first(context);
            (a, second(context))
        } else {
            let b = second(context);
            (first(context), b)
        };
        if round > 0 {
            pair.0.push(a);
            pair.1.push(b);
        }
    }
    pair
}

impl Pair {
    /// Prints the median of how many times as fast the first was, and what either took.
    fn report(&self, what: &str, unit: &str, units: u64) {
        let Self(first, second) = self;
        let mut ratios: Vec<f64> = first
            .iter()
            .zip(second)
            .map(|(first, second)| second.as_secs_f64() / first.as_secs_f64())
            .collect();
        let ratio = median(&mut ratios);
        let nanos = |durations: &[Duration]| {
            let each = durations
                .iter()
                .map(|all| all.as_secs_f64() * 1e9 / units as f64);
            median(&mut each.collect::<Vec<_>>())
        };
        let (first, second) = (nanos(first), nanos(second));
        println!(
            "  {what:12} {ratio:.3} times as fast  ({first:.3} against {second:.3} ns a {unit})"
        );
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
