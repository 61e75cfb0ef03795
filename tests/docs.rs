//! The pages quote the code as it is, and name files that are there.

use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

/// The limits of `docs/writing-an-app.md`: a session, and a session with its test.
const SESSION_LINES_MAX: usize = 60;
const TESTED_LINES_MAX: usize = 100;
/// The limit of an app over UDP.
const UDP_APP_LINES_MAX: usize = 80;
/// Prose is wrapped here; tables and code are as wide as they are.
const PROSE_COLUMNS_MAX: usize = 120;
const GUIDE: &str = "docs/writing-an-app.md";
const INSIDE: &str = "docs/inside-your-program.md";
/// Pages that name files of another project: the reader's own, and smoltcp.
const OF_OTHERS: [(&str, &str); 3] = [
    ("docs/porting.md", ".cargo/config.toml"),
    ("docs/porting.md", "src/main.rs"),
    ("docs/upstream.md", "src/"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    let text = read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fenced blocks of a page in this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in page.lines() {
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

/// The text without the comment signs of a module's documentation.
fn uncommented(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.strip_prefix("//!").unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text without the indent of its lines: a quotation may stand further left than its source.
fn unindented(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    lines.join("\n")
}

/// The pages of the package, by their paths from its root.
fn pages() -> Vec<String> {
    let of_folder = |folder: &str| {
        let entries = read_dir(root().join(folder)).expect("the folder is there");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let path = PathBuf::from(folder).join(name);
            Some(path.to_string_lossy().into_owned())
        };
        entries.filter_map(name).collect::<Vec<_>>()
    };
    let mut pages = of_folder("");
    pages.extend(of_folder("docs"));
    pages.retain(|page| page.ends_with(".md"));
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

#[test]
fn the_guide_quotes_the_crate_as_it_is() {
    let lib = uncommented(&read("src/lib.rs"));
    let sources = [read("src/echo.rs"), read("src/http/fetch.rs"), lib];
    let sources = sources.map(|source| unindented(&source));
    let quotes = blocks(&read(GUIDE), "rs");
    assert!(quotes.len() >= 6, "{} quotes", quotes.len());
    for quote in quotes {
        let quote = unindented(&quote);
        let is_there = sources.iter().any(|source| source.contains(&quote));
        assert!(is_there, "in no source: {quote}");
    }
}

/// Fails unless the page shows each of `files` as one block, and nothing else but parts of `rest`.
/// Returns what it does not show of `rest`.
fn unshown(page: &str, files: &[&str], rest: &str) -> String {
    let mut quotes = blocks(&read(page), "rust");
    for path in files {
        let file = read(path);
        let at = quotes.iter().position(|quote| quote == file.trim_end());
        let at = at.unwrap_or_else(|| panic!("{page} has no block that is {path} as it is"));
        quotes.remove(at);
    }
    let mut unshown = read(rest);
    for quote in quotes {
        assert!(unshown.contains(&quote), "{page}: not in {rest}: {quote}");
        unshown = unshown.replacen(&quote, "", 1);
    }
    unshown
}

#[test]
fn the_guide_shows_its_programs_and_all_their_tests() {
    let files = ["commands.rs", "ask.rs", "udp_echo.rs", "udp_ask.rs"]
        .map(|name| format!("tests/guide/{name}"));
    let unshown = unshown(
        GUIDE,
        &files.each_ref().map(String::as_str),
        "tests/guide/main.rs",
    );
    assert!(!unshown.contains("fn "), "not in {GUIDE}: {unshown}");
}

#[test]
fn the_page_about_a_program_of_one_s_own_shows_that_program() {
    let program = "tests/inside/program.rs";
    let unshown = unshown(INSIDE, &[program], "tests/inside/own_sockets.rs");
    assert!(!unshown.contains("poll"), "not in {INSIDE}: {unshown}");
}

/// The number of lines of the function with this name, its attributes and documentation left out.
fn function_lines(text: &str, name: &str) -> usize {
    let start = text.find(&format!("\nfn {name}")).expect("it is there") + 1;
    let end = text[start..].find("\n}").expect("it ends");
    text[start..start + end].lines().count() + 1
}

#[test]
fn a_session_is_short_and_so_is_its_test() {
    let main = read("tests/guide/main.rs");
    let tests = [
        (
            "commands",
            "server",
            "callers_share_a_lamp_and_nobody_ends_the_line_of_another",
        ),
        (
            "ask",
            "client",
            "a_question_is_asked_until_a_whole_answer_has_come",
        ),
    ];
    for (session, make, test) in tests {
        let lines = read(&format!("tests/guide/{session}.rs")).lines().count();
        assert!(lines < SESSION_LINES_MAX, "{session}: {lines} lines");
        let tested = lines + function_lines(&main, make) + function_lines(&main, test);
        assert!(
            tested < TESTED_LINES_MAX,
            "{session} and its test: {tested} lines"
        );
    }
}

#[test]
fn an_app_over_udp_is_short() {
    for app in ["udp_echo", "udp_ask"] {
        let lines = read(&format!("tests/guide/{app}.rs")).lines().count();
        assert!(lines < UDP_APP_LINES_MAX, "{app}: {lines} lines");
    }
}

#[test]
fn the_readme_begins_with_the_get_of_the_crate_s_page() {
    let visible = |block: &String| {
        let lines = block.lines().filter(|line| !line.starts_with("# "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let lib = blocks(&uncommented(&read("src/lib.rs")), "no_run");
    let get = lib.first().map(visible).expect("it has an example");
    let readme = blocks(&read("README.md"), "rust");
    assert_eq!(readme.first(), Some(&get));
}

/// The program of a board that the README and the page about porting show.
const MINIMAL: &str = "firmware/images/src/bin/minimal.rs";

#[test]
fn the_loop_in_the_readme_is_the_loop_of_a_board() {
    let minimal = read(MINIMAL);
    let quotes = blocks(&read("README.md"), "rust");
    let quote = quotes.get(1).expect("it has the loop");
    assert!(unindented(&minimal).contains(&unindented(quote)), "{quote}");
}

#[test]
fn the_page_about_porting_shows_the_smallest_image() {
    let minimal = read(MINIMAL);
    let (_, code) = minimal
        .split_once('\n')
        .expect("its first line says what it is for");
    let quotes = blocks(&read("docs/porting.md"), "rust");
    let [quote] = &quotes[..] else {
        panic!("{} programs", quotes.len())
    };
    assert_eq!(quote, code.trim_end());
}

#[test]
fn the_readme_s_links_work_on_a_registry_s_page() {
    let readme = read("README.md");
    for (at, link) in readme.match_indices("](") {
        let target = &readme[at + link.len()..];
        assert!(
            target.starts_with("https://"),
            "{}",
            target.lines().next().unwrap_or("")
        );
    }
}

/// What stands in code font in the prose of a page.
fn code_spans(page: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut spans = Vec::new();
    for line in page.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if !is_code {
            spans.extend(line.split('`').skip(1).step_by(2));
        }
    }
    spans
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let endings = [".rs", ".md", ".sh", ".py", ".toml", ".txt", ".patch"];
    let mut named = 0;
    for page in pages() {
        for span in code_spans(&read(&page)) {
            let is_file = endings.iter().any(|ending| span.ends_with(ending));
            let is_of = |(by, path): &(&str, &str)| page == *by && span.starts_with(path);
            let is_ours = is_file && !span.contains([' ', '<']) && !OF_OTHERS.iter().any(is_of);
            if is_ours && span.contains('/') {
                assert!(root().join(span).exists(), "{page}: {span}");
                named += 1;
            }
        }
    }
    assert!(named > 40, "{named} files");
}

#[test]
fn prose_is_wrapped() {
    for page in pages() {
        let mut is_code = false;
        for (number, line) in (1..).zip(read(&page).lines()) {
            is_code ^= line.trim_start().starts_with("```");
            let is_free = is_code || line.starts_with('|') || line.starts_with('#');
            let columns = line.chars().count();
            assert!(
                is_free || columns <= PROSE_COLUMNS_MAX,
                "{page}:{number}: {columns} columns"
            );
        }
    }
}
