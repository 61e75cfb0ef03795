//! The pages quote the code as it is.

use std::fs::read_to_string;
use std::path::Path;

fn read(path: &str) -> String {
    read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is there")
}

/// The fenced blocks of a page in this language, comment signs of a module's documentation taken away.
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
fn the_crate_s_page_quotes_the_loop_as_it_is() {
    let turn = read("src/turn.rs");
    let quotes = blocks(&read("src/lib.rs"), "text");
    let [quote] = &quotes[..] else {
        panic!("{} quotes", quotes.len());
    };
    // The comments are the page's own.
    let lines: Vec<_> = quote
        .lines()
        .map(|line| line.split("//").next().unwrap_or(line).trim())
        .collect();
    let code: Vec<_> = turn.lines().map(str::trim).collect();
    assert!(
        code.windows(lines.len()).any(|window| window == lines),
        "not in turn: {quote}"
    );
}

#[test]
fn echo_is_an_app_in_under_a_hundred_lines_with_its_test() {
    let echo = read("src/echo.rs");
    assert!(echo.lines().count() < 100, "{}", echo.lines().count());
    assert!(echo.contains("/// ```\n"), "its test is its example");
}
