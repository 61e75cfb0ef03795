//! The cases 1 to 10 of the Autobahn test suite (`cases.py`), against both of our sides.

use super::*;

/// All groups; 6 and 9 are the longest.
const GROUPS: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "9", "10"];
/// Number of cases in them: those of the suite, without its groups 12 and 13 (compression).
const CASES: usize = 301;

fn script() -> String {
    format!("{PEER_PY}\n{}", include_str!("cases.py"))
}

/// Waits for the script, which prints a line for each case.
fn judge(cases: Process) {
    let exited = cases.finish();
    let (stdout, stderr) = (exited.stdout(), exited.stderr());
    let failed: Vec<_> = stdout
        .lines()
        .filter(|line| line.contains("FAILED"))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(exited.code, Some(0), "{stdout}{stderr}");
    assert!(
        stdout.contains(&format!("{CASES} cases, 0 failed")),
        "{stdout}"
    );
}

#[test]
fn every_case_is_passed_by_our_server() {
    in_namespace!();
    let server = hosttap(&["echo", "--ws"]);
    server.wait_for_stderr("Listening on port 12345\n");
    let arguments = [&["server", "192.168.69.1", "12345"], &GROUPS[..]].concat();
    judge(start_python(&script(), &arguments));
    server.interrupt();
    assert_eq!(server.finish().code, Some(130));
}

#[test]
fn every_case_is_passed_by_our_client() {
    in_namespace!();
    let arguments = [&["client", "9001"], &GROUPS[..]].concat();
    let cases = start_python(&script(), &arguments);
    cases.wait_for_stdout("ready\n");
    let url = format!("ws://{KERNEL_ADDRESS}:9001/echo");
    let client = hosttap(&["echo", "--connect", &url]);
    judge(cases);
    client.interrupt();
    assert_eq!(client.finish().code, Some(130));
}
