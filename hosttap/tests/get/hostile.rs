//! Every response in the table of hostile responses, over TAPs: whole and byte by byte, to a file
//! and to stdout.

#[path = "../../../tests/common/hostile/mod.rs"]
mod table;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::common::{
    DEADLINE_FACTORS, HttpConnection, HttpServer, SECONDS_MAX, hosttap, in_namespace, sh,
};
use table::{Case, End};

/// How many programs run at the same time, each on its own TAP. Most of them wait for a deadline.
const TAPS: usize = 24;
/// Longer responses are sent only whole.
const BYTEWISE_BYTES_MAX: usize = 2 * 1024;

/// One run: a case, how its bytes are sent, and where they are written.
struct Run<'c> {
    index: usize,
    case: &'c Case,
    bytewise: bool,
    to_file: bool,
}

/// The result of a run: the exit code, the saved or printed data, and stderr.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    code: Option<i32>,
    data: Option<Vec<u8>>,
    stderr: String,
}

#[test]
fn every_hostile_response_has_its_exit_code_and_bytes_whole_and_bytewise() {
    in_namespace!();
    let cases = table::cases();
    let server = HttpServer::start("0.0.0.0", {
        let cases = cases.clone();
        move |connection| serve(connection, &cases)
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
                    "ip tuntap add dev h{tap} mode tap; ip addr add 10.0.{tap}.100/24 dev h{tap}
                    ip link set h{tap} up"
                ));
                let directory = tempfile::tempdir().unwrap();
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(failure) = run.check(tap, server.port(), directory.path()) {
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

/// Every case in every variant. Those that wait for a deadline come first.
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
fn serve(connection: &mut HttpConnection, cases: &[Case]) {
    let mut path = connection.request.split('/').skip(1);
    let case = &cases[path.next().unwrap().parse::<usize>().unwrap()];
    if path.next().unwrap().starts_with("bytewise") {
        connection.send_bytewise(&case.response);
    } else {
        connection.send(&case.response);
    }
    match case.end {
        End::Fin => {}
        End::Rst => connection.reset(),
        End::Silence => connection.wait_until_closed(),
        End::Drip(bytes) => connection.drip(bytes),
    }
}

impl Run<'_> {
    /// Runs the case. Returns a description of what is wrong, if anything is.
    fn check(&self, tap: usize, port: u16, directory: &Path) -> Option<String> {
        let mut unexpected = Vec::new();
        for factor in DEADLINE_FACTORS {
            let result = self.run(tap, port, directory, factor);
            if self.is_expected(&result) {
                return None;
            }
            unexpected.push(result);
            if self.case.timeout_s.is_none() {
                break;
            }
        }
        let Case {
            name,
            exit,
            delivered,
            ..
        } = self.case;
        let (bytewise, to_file) = (self.bytewise, self.to_file);
        Some(format!(
            "{name} (bytewise {bytewise}, to a file {to_file}): \
             {exit} {delivered:?} wanted, {unexpected:?}"
        ))
    }

    fn is_expected(&self, result: &Outcome) -> bool {
        let is_data_expected = match (&result.data, self.to_file) {
            (data, true) => data.as_deref() == self.case.saved(),
            (Some(data), false) if matches!(self.case.end, End::Drip(_)) => {
                data.starts_with(&self.case.delivered)
            }
            (data, false) => data.as_deref() == Some(&self.case.delivered),
        };
        let is_message_expected =
            result.stderr.contains(": malformed: ") == self.case.malformed.is_some();
        result.code == Some(self.case.exit) && is_data_expected && is_message_expected
    }

    fn run(&self, tap: usize, port: u16, directory: &Path, factor: u32) -> Outcome {
        let variant = if self.bytewise { "bytewise" } else { "whole" };
        let file = directory.join("file");
        let mut arguments = vec![
            "get".to_owned(),
            format!("http://10.0.{tap}.100:{port}/{}/{variant}", self.index),
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
        let seconds = self
            .case
            .timeout_s
            .map_or(SECONDS_MAX, |seconds| (seconds * factor).into());
        arguments.push(format!("--first-byte-timeout={seconds}"));
        arguments.push(format!("--idle-timeout={seconds}"));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let exited = hosttap(&arguments).finish();
        let saved = std::fs::read(&file).ok();
        // The next run must not find this file.
        let _ = std::fs::remove_file(&file);
        Outcome {
            code: exited.code,
            data: if self.to_file {
                saved
            } else {
                Some(exited.stdout_bytes.clone())
            },
            stderr: exited.stderr(),
        }
    }
}
