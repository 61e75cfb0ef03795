//! The table of hostile responses, over TAPs, whole and byte by byte, to a file and to stdout.

#[path = "../../../tests/common/hostile/mod.rs"]
mod table;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::TRANSFER_SECONDS_MAX;
use crate::common::{Call, Server, hosttap, inside, sh};
use table::{Case, End};

/// Programs that run at a time, each on a TAP of its own; most of them wait for a deadline.
const TAPS: usize = 24;
/// Longer responses come only whole.
const BYTEWISE_BYTES_MAX: usize = 2 * 1024;
/// How much longer a case may take that was too slow for the table's deadline.
const PATIENCE: u32 = 8;

/// One run: a case, how its bytes come, and where they go.
struct Run<'c> {
    index: usize,
    case: &'c Case,
    bytewise: bool,
    to_file: bool,
}

/// What a run left: its code, what was saved or shown, and stderr.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    code: Option<i32>,
    data: Option<Vec<u8>>,
    stderr: String,
}

#[test]
fn every_hostile_response_has_its_code_and_bytes_whole_and_bytewise() {
    if !inside("get::hostile::every_hostile_response_has_its_code_and_bytes_whole_and_bytewise") {
        return;
    }
    let cases = table::cases();
    let server = Server::start("0.0.0.0", {
        let cases = cases.clone();
        move |call| serve(call, &cases)
    });
    let runs = runs(&cases);
    assert!(
        cases.len() >= 60 && runs.len() > 3 * cases.len(),
        "{}",
        runs.len()
    );
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for tap in 0..TAPS {
            let (next, failures, runs, server) = (&next, &failures, &runs, &server);
            scope.spawn(move || {
                sh(&format!(
                    "ip tuntap add dev h{tap} mode tap; ip addr add 10.0.{tap}.100/24 dev h{tap}; ip link set h{tap} up"
                ));
                let folder = tempfile::tempdir().unwrap();
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(failure) = run.check(tap, server.port(), folder.path()) {
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Every case in every way, those that wait for a deadline first.
fn runs(cases: &[Case]) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        for bytewise in [false, true] {
            if bytewise && case.response.len() > BYTEWISE_BYTES_MAX {
                continue;
            }
            runs.extend([false, true].map(|to_file| Run {
                index,
                case,
                bytewise,
                to_file,
            }));
        }
    }
    runs.sort_by_key(|run| run.case.timeout_s.is_none());
    runs
}

/// Answers a request for `/INDEX/whole` or `/INDEX/bytewise`.
fn serve(call: &mut Call, cases: &[Case]) {
    let mut path = call.request.split('/').skip(1);
    let case = &cases[path.next().unwrap().parse::<usize>().unwrap()];
    if path.next().unwrap().starts_with("bytewise") {
        call.send_bytewise(&case.response);
    } else {
        call.send(&case.response);
    }
    match case.end {
        End::Fin => {}
        End::Rst => call.reset(),
        End::Silence => call.wait_until_gone(),
        End::Drip(bytes) => call.drip(bytes),
    }
}

impl Run<'_> {
    /// What went wrong, if anything did.
    fn check(&self, tap: usize, port: u16, folder: &Path) -> Option<String> {
        let mut result = self.run(tap, port, folder, 1);
        // A machine that stood still for the deadline's time needs a longer one.
        if self.case.timeout_s.is_some() && !self.is_right(&result) {
            result = self.run(tap, port, folder, PATIENCE);
        }
        let Case {
            name,
            exit,
            delivered,
            ..
        } = self.case;
        let (bytewise, to_file) = (self.bytewise, self.to_file);
        (!self.is_right(&result)).then(|| {
            format!("{name} (bytewise {bytewise}, to a file {to_file}): {exit} {delivered:?} wanted, {result:?}")
        })
    }

    fn is_right(&self, result: &Result) -> bool {
        let right_data = match (&result.data, self.to_file) {
            (data, true) => data.as_deref() == self.case.saved(),
            (Some(data), false) if matches!(self.case.end, End::Drip(_)) => {
                data.starts_with(&self.case.delivered)
            }
            (data, false) => data.as_deref() == Some(&self.case.delivered),
        };
        let right_words = result.stderr.contains(": malformed: ") == self.case.malformed.is_some();
        result.code == Some(self.case.exit) && right_data && right_words
    }

    fn run(&self, tap: usize, port: u16, folder: &Path, patience: u32) -> Result {
        let manner = if self.bytewise { "bytewise" } else { "whole" };
        let file = folder.join("file");
        let mut arguments = vec![
            "get".to_owned(),
            format!("http://10.0.{tap}.100:{port}/{}/{manner}", self.index),
            format!("--tap=h{tap}"),
            format!("--address=10.0.{tap}.1/24"),
        ];
        if self.to_file {
            arguments.push(format!("--output={}", file.display()));
        }
        if let Some(bytes) = self.case.max_size_bytes {
            arguments.push(format!("--max-size={bytes}"));
        }
        if self.case.require_length {
            arguments.push("--require-length".to_owned());
        }
        if let Some(seconds) = self.case.timeout_s {
            let seconds = seconds * patience;
            arguments.push(format!("--first-byte-timeout={seconds}"));
            arguments.push(format!("--idle-timeout={seconds}"));
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let ended = hosttap(&arguments).finish(TRANSFER_SECONDS_MAX);
        let saved = std::fs::read(&file).ok();
        // The next run must not find it.
        let _ = std::fs::remove_file(&file);
        Result {
            code: ended.code,
            data: if self.to_file {
                saved
            } else {
                Some(ended.stdout_bytes.clone())
            },
            stderr: ended.stderr(),
        }
    }
}
