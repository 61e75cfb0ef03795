//! The house rules that no lint knows. There are no exceptions.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the rules hold.
const FOLDERS: [&str; 10] = [
    "src",
    "guard",
    "embassy-driver",
    "tests",
    "benches",
    "sim",
    "hosttap",
    "fuzz",
    "firmware/board",
    "firmware/images",
];
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

struct Source {
    /// From the root of the workspace, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Each line with its number, from 1 on.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    fn is_test(&self) -> bool {
        self.path.contains("tests")
    }
}

/// All Rust files under `folders`, build products left out.
fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut sources = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() && !path.ends_with("target") {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let path = path.strip_prefix(root).expect("it is below the root");
                let path = path.to_string_lossy().replace('\\', "/");
                sources.push(Source { path, text });
            }
        }
    }
    assert!(sources.len() > 20, "{} files", sources.len());
    sources
}

/// Fails with everything that breaks a rule at once.
fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Each line for which `breaks` holds, as `path:line`.
fn lines_that(sources: &[Source], breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let of_one = |source: &Source| {
        let lines = source.lines().filter(|(_, line)| breaks(line));
        lines
            .map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim()))
            .collect::<Vec<_>>()
    };
    sources.iter().flat_map(of_one).collect()
}

#[test]
fn files_are_short() {
    let length = |source: &Source| source.text.lines().count();
    let long = sources(&FOLDERS)
        .into_iter()
        .filter(|source| length(source) >= FILE_LINES_MAX);
    assert_none(
        long.map(|source| format!("{}: {} lines", source.path, length(&source)))
            .collect(),
    );
}

/// Whether a line begins a function, in rustfmt's layout.
fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        let is_qualifier = ["pub", "const", "async", "unsafe", "extern"].contains(word);
        is_qualifier || word.starts_with("pub(") || word.starts_with('"')
    });
    words.next() == Some("fn")
}

#[test]
fn functions_fit_on_a_screen() {
    let mut long = Vec::new();
    for source in sources(&FOLDERS) {
        let lines: Vec<_> = source.text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            if !begins_function(line) || line.ends_with(';') || line.ends_with("}") {
                continue;
            }
            // A function ends with the first brace, or semicolon, at its own indent.
            let indent = line.len() - line.trim_start().len();
            let ends = |line: &&str| {
                line.len() - line.trim_start().len() == indent
                    && (line.trim() == "}" || line.ends_with(';'))
            };
            let rest = lines.iter().skip(start + 1);
            let count = 2 + rest.take_while(|line| !ends(line)).count();
            if count >= FUNCTION_LINES_MAX {
                long.push(format!("{}:{}: {count} lines", source.path, start + 1));
            }
        }
    }
    assert_none(long);
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent = sources(&FOLDERS)
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"));
    assert_none(silent.map(|source| source.path).collect());
}

#[test]
fn only_a_program_s_clock_module_reads_a_clock() {
    let clocks = [
        "embassy-driver/examples/w5500-evb-pico/src/clock.rs",
        "guard/examples/tap/src/clock.rs",
        "hosttap/src/system/clock.rs",
        "sim/src/program/clock.rs",
    ];
    let mut without_clock = sources(&[
        "src",
        "tests",
        "guard",
        "embassy-driver",
        "sim",
        "hosttap",
        "firmware",
    ]);
    without_clock.retain(|source| {
        source.path != "tests/style.rs" && !clocks.contains(&source.path.as_str())
    });
    let reads = |line: &str| line.contains("Instant::now") || line.contains("SystemTime::now");
    assert_none(lines_that(&without_clock, reads));
}

#[test]
fn the_core_the_guard_and_the_simulator_need_neither_std_nor_alloc_nor_unsafe() {
    for root in [
        "src/lib.rs",
        "guard/src/lib.rs",
        "embassy-driver/src/lib.rs",
        "sim/src/lib.rs",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        let text = fs::read_to_string(path).expect("it is there");
        for attribute in ["#![no_std]", "#![forbid(unsafe_code)]"] {
            assert!(text.contains(attribute), "{root} has no {attribute}");
        }
    }
    // In a unit test std is fine; it stands after `cfg(test)` or in a module of tests.
    let shipped: Vec<_> = sources(&["src", "guard/src", "embassy-driver/src", "sim/src"])
        .into_iter()
        .filter(|source| !source.is_test())
        .map(|source| {
            let text = source.text.split("#[cfg(test)]").next().unwrap_or("");
            Source {
                text: text.to_owned(),
                ..source
            }
        })
        .collect();
    assert_none(lines_that(&shipped, |line| {
        line.trim_start().starts_with("extern crate")
    }));
}

#[test]
fn nothing_is_left_for_later() {
    let marks =
        ["TO", "FIX"].map(|word| format!("{word}{}", if word == "TO" { "DO" } else { "ME" }));
    let calls = ["todo!(", "unimplemented!(", "dbg!(", "#[ignore"];
    let mut others = sources(&FOLDERS);
    others.retain(|source| source.path != "tests/style.rs");
    assert_none(lines_that(&others, |line| {
        marks.iter().any(|mark| line.contains(mark)) || calls.iter().any(|call| line.contains(call))
    }));
}

/// The variants of an enum.
fn variants(text: &str, name: &str) -> Vec<String> {
    let body = text
        .split_once(&format!("pub enum {name} {{\n"))
        .and_then(|(_, rest)| rest.split_once("\n}"))
        .expect("the enum is there")
        .0;
    let is_variant = |line: &&str| {
        line.starts_with("    ") && line.as_bytes().get(4).is_some_and(u8::is_ascii_uppercase)
    };
    let names = body.lines().filter(is_variant).map(|line| {
        let name = line.trim_start().split(|c: char| !c.is_alphanumeric());
        name.into_iter().next().unwrap_or_default().to_owned()
    });
    names.collect()
}

/// Whether `text` has this path, and not only a longer one that begins with it.
fn names(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let next = text[at + path.len()..].chars().next();
        !next.is_some_and(char::is_alphanumeric)
    })
}

/// Enums whose every variant needs a test, and where they are.
const TESTED_ENUMS: [(&str, &str); 17] = [
    ("Error", "src/runtime/error.rs"),
    ("TimeoutKind", "src/runtime/deadline.rs"),
    ("SinkError", "src/payload/mod.rs"),
    ("SourceError", "src/payload/mod.rs"),
    ("GetError", "src/http/error.rs"),
    ("Malformed", "src/http/malformed.rs"),
    ("ChatError", "src/chat/error.rs"),
    ("JoinError", "src/hub/error.rs"),
    ("PostError", "src/hub/error.rs"),
    ("RenameError", "src/hub/error.rs"),
    ("MoveError", "src/hub/error.rs"),
    ("SessionError", "src/hub/error.rs"),
    ("JsonError", "src/hub/socketio/json.rs"),
    ("PacketError", "src/hub/socketio/packet.rs"),
    ("OfferError", "src/file/error.rs"),
    ("SendError", "src/file/error.rs"),
    ("ReceiveError", "src/file/error.rs"),
];

#[test]
fn every_error_has_a_test() {
    let sources = sources(&["src", "tests", "hosttap"]);
    let tests: String = sources
        .iter()
        .map(
            |source| match source.text.split_once("#[cfg(test)]\nmod tests {") {
                Some((_, tests)) => tests,
                None if source.is_test() => &source.text,
                None => "",
            },
        )
        .collect();
    let mut untested = Vec::new();
    for (name, path) in TESTED_ENUMS {
        let file = sources.iter().find(|source| source.path == path);
        let variants = variants(&file.expect("it is there").text, name);
        assert!(variants.len() > 1, "{name} has {variants:?}");
        untested.extend(variants.into_iter().filter_map(|variant| {
            let path = format!("{name}::{variant}");
            // Reports in words name what was missing in this way.
            let in_words = format!("TimedOut({variant})");
            let is_tested =
                names(&tests, &path) || name == "TimeoutKind" && tests.contains(&in_words);
            (!is_tested).then_some(path)
        }));
    }
    assert_none(untested);
}

#[test]
fn tests_of_several_files_are_a_folder_with_a_main_file() {
    let sources = sources(&["tests"]);
    let beside = sources.iter().filter_map(|source| {
        let folder = source.path.strip_suffix(".rs")?;
        let has_files = |other: &Source| other.path.starts_with(&format!("{folder}/"));
        sources.iter().any(has_files).then(|| source.path.clone())
    });
    assert_none(beside.collect());
}
