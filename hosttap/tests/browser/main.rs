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

/// Longest wait, however slow the machine.
const SECONDS_MAX: u64 = 230;
const LIBRARY: &str = include_str!("lib.js");

/// Runs a script with a hub that listens on ports 80 and 4000.
fn run_with_hub(script: &str) {
    if !is_installed("chromium") || !has_peers(&[], &["playwright-core"]) {
        return;
    }
    let hub = hosttap(&["serve", "--hub", "--lines", "4000"]);
    hub.wait_for_stderr("Listening on port 4000\n", SECONDS_MAX);
    // Where to put screenshots, if somebody wants them.
    let place = std::env::var("TICKWIRE_SCREENSHOTS").ok();
    let arguments: Vec<&str> = place.as_deref().into_iter().collect();
    let browsers = start_node_peer(&format!("{LIBRARY}{script}"), &arguments);
    let exited = browsers.finish(SECONDS_MAX);
    let (stdout, stderr) = (exited.stdout(), exited.stderr());
    assert_eq!(
        (exited.code, stdout.as_str()),
        (Some(0), "done\n"),
        "{stderr}"
    );
    hub.interrupt();
    assert_eq!(hub.finish(SECONDS_MAX).code, Some(130));
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
