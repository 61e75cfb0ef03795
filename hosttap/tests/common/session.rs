//! The sessions on a page of the documentation: their commands run, and print what the page shows.

use super::sh;

/// The commands run in an empty directory, as root and without `sudo`. `sleep` waits until every
/// server that was started listens, because a slow machine may need more than the second that the
/// page waits.
const PROLOGUE: &str = r#"
cd "$(mktemp -d)"
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$PWD"' EXIT
sudo() { "$@"; }
PATH=$(dirname "$hosttap"):$PATH
started=0
all_listen() {
    local servers=$(ss -ltnH 'sport = 8000' | wc -l)
    local listeners=$(cat *.log 2>/dev/null | grep -c Listening)
    [ $((servers + listeners)) -ge $started ]
}
sleep() { for _ in $(seq 3000); do command sleep 0.2; all_listen && return; done; }
USER=root
"#;

/// A page, by its path in the repository.
pub(crate) fn page(path: &str) -> String {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The content of the code block of this kind that begins with `first`.
pub(crate) fn block<'a>(text: &'a str, kind: &str, first: &str) -> &'a str {
    let start = text.find(&format!("```{kind}\n{first}")).unwrap();
    let rest = &text[start + kind.len() + 4..];
    &rest[..rest.find("```").unwrap()]
}

/// The part of a page under this heading, up to the next one.
pub(crate) fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text.find(&format!("{heading}\n")).unwrap() + heading.len();
    let rest = &text[start..];
    // A comment in a code block begins with one `#`.
    &rest[..rest.find("\n##").unwrap_or(rest.len())]
}

/// All sessions of a part, one after another.
pub(crate) fn sessions(part: &str) -> String {
    let blocks = part.split("```console\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// Runs the commands of a session, after `setup`. What they print must be what the session shows,
/// but for measurements.
#[track_caller]
pub(crate) fn check_session(session: &str, setup: &str) {
    let mut script = format!("{PROLOGUE}{setup}\n");
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
