//! The pages quote the code as it is.

use std::fs::read_to_string;
use std::path::Path;

fn read(path: &str) -> String {
    read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there")
}

/// The fenced blocks of a page in this language, comment signs of a module's documentation taken
/// away.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let lines = page.lines().map(|line| {
        let line = line.strip_prefix("//!").unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line)
    });
    let mut blocks = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in lines {
        match &mut open {
            Some(block) if line == "```" => {
                blocks.push(block.join("\n"));
                open = None;
            }
            Some(block) => block.push(line),
            None if line.strip_prefix("```") == Some(language) => open = Some(Vec::new()),
            None => {}
        }
    }
    blocks
}

#[test]
fn the_guide_quotes_echo_as_it_is() {
    // One space of each line's indent was taken away.
    let unindented = |text: &str| {
        let lines: Vec<_> = text.lines().map(str::trim_start).collect();
        lines.join("\n")
    };
    let echo = unindented(&read("src/echo.rs"));
    let quotes = blocks(&read("docs/writing-an-app.md"), "rs");
    assert!(quotes.len() >= 4, "{} quotes", quotes.len());
    for quote in quotes {
        assert!(echo.contains(&unindented(&quote)), "not in echo: {quote}");
    }
}

#[test]
fn the_crate_s_page_tells_the_caps_of_a_turn_as_they_are() {
    let page = read("src/lib.rs");
    let page = page.replace("\n//! ", " ");
    let cap = format!("takes in at most {} frames", tickwire::INGRESS_MAX);
    assert!(page.contains(&cap), "{cap}");
}

#[test]
fn echo_is_a_server_in_under_sixty_lines() {
    let echo = read("src/echo.rs");
    assert!(echo.lines().count() < 60, "{}", echo.lines().count());
}
