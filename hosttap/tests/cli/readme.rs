//! The sessions and the code in README are true.

use std::process::Command;

use crate::common::{in_namespace, sh};

/// A prologue for README's commands: they run in an empty directory, as root and without `sudo`.
/// `sleep` waits until every program that was started listens, because a slow machine may need more
/// than the second that README waits.
const PROLOGUE: &str = r#"
cd "$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$PWD"' EXIT
ip link del tap0
sudo() { "$@"; }
hosttap() { "$hosttap" "$@"; }
started=0
all_listen() {
    [ -n "$(ss -ltnH 'sport = 8000')" ] && [ $(cat *.log | grep -c Listening) -ge $((started - 1)) ]
}
sleep() { for _ in $(seq 300); do command sleep 0.2; all_listen && return; done; }
USER=root
"#;

fn readme() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    std::fs::read_to_string(path).unwrap()
}

/// The content of the code block of this kind that begins with `first`.
fn block<'a>(text: &'a str, kind: &str, first: &str) -> &'a str {
    let start = text.find(&format!("```{kind}\n{first}")).unwrap();
    let rest = &text[start + kind.len() + 4..];
    &rest[..rest.find("```").unwrap()]
}

/// `text` with every measurement, which differs from run to run, replaced by `N`.
fn without_measurements(text: &str) -> String {
    let mut words = Vec::new();
    for line in text.lines() {
        let line: Vec<_> = line
            .split(' ')
            .map(|word| {
                if word.contains('.')
                    && word.starts_with(|first: char| first.is_ascii_digit() || first == '(')
                {
                    "N"
                } else {
                    word
                }
            })
            .collect();
        words.push(line.join(" "));
    }
    words.join("\n")
}

#[test]
fn the_session_in_readme_prints_what_readme_shows() {
    in_namespace!();
    let readme = readme();
    let session = block(&readme, "console", "$ sudo ip tuntap");
    let mut script = String::from(PROLOGUE);
    let mut expected = Vec::new();
    for line in session.lines() {
        match line.strip_prefix("$ ") {
            Some(command) if command.ends_with('&') => {
                script.push_str(&format!("{command} started=$((started + 1))\n"));
            }
            Some(command) => script.push_str(&format!("{command}\n")),
            None => expected.push(line),
        }
    }
    let printed = sh(&format!(
        "exec bash -c '{}' 2>&1",
        script.replace('\'', r"'\''")
    ));
    assert_eq!(
        without_measurements(printed.trim_end()),
        without_measurements(&expected.join("\n"))
    );
}

#[test]
fn the_tour_in_readme_is_what_the_program_prints() {
    let output = Command::new(env!("CARGO_BIN_EXE_hosttap"))
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let program = env!("CARGO_BIN_EXE_hosttap");
    let readme = readme();
    let tour = block(&readme, "text", "A device (10.0.0.1)");
    assert_eq!(printed.replace(program, "target/debug/hosttap"), tour);
}

#[test]
fn the_loop_in_readme_is_the_loop_in_the_crates_documentation() {
    let page = include_str!("../../../src/lib.rs");
    let readme = readme();
    let quoted = block(&readme, "rust", "let mut slot");
    let lines: String = quoted.lines().map(|line| format!("//! {line}\n")).collect();
    assert!(page.contains(&lines), "{lines}");
}
