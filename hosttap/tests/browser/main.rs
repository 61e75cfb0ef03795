//! The page of `hosttap serve --hub` in Chromium, with people who talk there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

use common::peers::{has_peers, start_node_peer};
use common::{hosttap, in_namespace, is_installed};

const LIBRARY: &str = include_str!("lib.js");

/// Runs a script with a hub that listens on ports 80 and 4000.
fn run_with_hub(script: &str) {
    run_with(&["--hub", "--lines", "4000"], 4000, script);
}

/// Runs a script with `hosttap serve`, whose last port is `port`.
fn run_with(options: &[&str], port: u16, script: &str) {
    if !is_installed("chromium") || !has_peers(&[], &["playwright-core"]) {
        return;
    }
    let server = hosttap(&[&["serve"], options].concat());
    server.wait_for_stderr(&format!("Listening on port {port}\n"));
    // Where to put screenshots, if somebody wants them.
    let place = std::env::var("TICKWIRE_SCREENSHOTS").ok();
    let arguments: Vec<&str> = place.as_deref().into_iter().collect();
    let browsers = start_node_peer(&format!("{LIBRARY}{script}"), &arguments);
    let exited = browsers.finish();
    let (stdout, stderr) = (exited.stdout(), exited.stderr());
    assert_eq!(
        (exited.code, stdout.as_str()),
        (Some(0), "done\n"),
        "{stderr}"
    );
    server.interrupt();
    assert_eq!(server.finish().code, Some(130));
}

#[test]
fn two_tabs_and_a_terminal_talk_in_one_room() {
    in_namespace!();
    run_with_hub(include_str!("talk.js"));
}

#[test]
fn a_frozen_browser_slows_nobody_and_is_let_go_in_time() {
    in_namespace!();
    run_with_hub(include_str!("frozen.js"));
}

#[test]
fn a_page_returns_by_itself_after_a_reload_after_back_and_after_a_cut() {
    in_namespace!();
    run_with_hub(include_str!("returns.js"));
}

#[test]
fn a_server_that_ends_says_so_and_the_page_returns_to_the_next() {
    in_namespace!();
    if !is_installed("chromium") || !has_peers(&[], &["playwright-core"]) {
        return;
    }
    let start = || {
        let server = hosttap(&["serve", "--hub"]);
        server.wait_for_stderr("Listening on port 80\n");
        server
    };
    let server = start();
    let page = start_node_peer(&format!("{LIBRARY}{}", include_str!("restarts.js")), &[]);
    page.wait_for_stdout("ready\n");
    server.interrupt();
    assert_eq!(server.finish().code, Some(130));
    page.wait_for_stdout("told\n");
    let server = start();
    assert!(page.expect_success().ends_with("done\n"));
    server.interrupt();
    assert_eq!(server.finish().code, Some(130));
}

#[test]
fn a_message_too_long_for_the_server_is_given_back_and_not_one_said_after_it() {
    in_namespace!();
    let options = ["--hub", "--lines", "4000", "--max-message", "64"];
    run_with(&options, 4000, include_str!("too_long.js"));
}

#[test]
fn a_listing_shows_a_text_saves_what_the_browser_cannot_show_and_sends_a_file() {
    in_namespace!();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.txt"), "a text\n").unwrap();
    std::fs::write(folder.path().join("a.zip"), "no text\n").unwrap();
    let dir = folder.path().to_str().unwrap();
    run_with(&["--dir", dir, "--upload"], 80, include_str!("saves.js"));
}
