//! Several URLs, files named by their URLs, and the report of `--json`.

use std::fs;
use std::path::Path;

use serde_json::{Value, from_str, json};

use super::{get, names};
use crate::common::{HttpServer, KERNEL_ADDRESS, in_namespace, ok_response, sh};

/// A server that answers with the path, or with 404 for `/no`.
fn start_server() -> HttpServer {
    HttpServer::start(KERNEL_ADDRESS, |connection| {
        let path = connection.request.split(' ').nth(1).unwrap().to_owned();
        if path == "/no" {
            connection.send(b"HTTP/1.0 404 \r\n\r\n");
        } else {
            connection.send(&ok_response(path.as_bytes()));
        }
    })
}

/// Runs a command line in a directory, with the exit code after what it printed.
fn run_in(directory: &Path, arguments: &str) -> String {
    sh(&format!(
        "exec 2>&1; cd {}; $hosttap get -q {arguments} || echo code $?",
        directory.display()
    ))
}

#[test]
fn files_get_the_names_of_their_urls_here_or_in_a_folder() {
    in_namespace!();
    let server = start_server();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (one, two) = (server.url("/dir/one.txt?x=1"), server.url("/two%20words"));
    assert_eq!(run_in(path, &format!("-O '{one}' {two}")), "");
    assert_eq!(names(path), ["one.txt", "two words"]);
    assert_eq!(
        fs::read_to_string(path.join("one.txt")).unwrap(),
        "/dir/one.txt?x=1"
    );
    fs::create_dir(path.join("in")).unwrap();
    for folder in ["in", "in/"] {
        assert_eq!(run_in(path, &format!("-o {folder} {two}")), "");
        assert_eq!(names(&path.join("in")), ["two words"], "{folder}");
    }
    let printed = run_in(path, &format!("-o missing/ {two}"));
    assert!(
        printed.ends_with("No such file or directory\ncode 23\n"),
        "{printed}"
    );
}

#[test]
fn a_url_without_a_file_name_is_an_error_before_anything_is_fetched() {
    in_namespace!();
    let server = start_server();
    let directory = tempfile::tempdir().unwrap();
    let (named, unnamed) = (server.url("/a"), server.url("/"));
    let printed = run_in(directory.path(), &format!("-O {named} {unnamed}"));
    let words = "the URL has no file name, so give one with -o FILE";
    assert_eq!(printed, format!("hosttap: {unnamed}: {words}\ncode 23\n"));
    assert!(names(directory.path()).is_empty());
}

#[test]
fn bodies_of_several_urls_follow_each_other_on_stdout_and_fit_in_no_one_file() {
    in_namespace!();
    let server = start_server();
    let directory = tempfile::tempdir().unwrap();
    let urls = format!("{} {}", server.url("/a"), server.url("/b"));
    assert_eq!(run_in(directory.path(), &urls), "/a/b");
    assert_eq!(run_in(directory.path(), &format!("-o - {urls}")), "/a/b");
    let printed = run_in(directory.path(), &format!("-o file {urls}"));
    assert!(printed.ends_with("code 2\n"), "{printed}");
    // More of them than the stack has sockets.
    let many: String = (0..20)
        .map(|n| format!("{} ", server.url(&format!("/{n}"))))
        .collect();
    let all: String = (0..20).map(|n| format!("/{n}")).collect();
    assert_eq!(run_in(directory.path(), &many), all);
}

#[test]
fn a_failure_does_not_keep_the_others_from_being_fetched_unless_it_should() {
    in_namespace!();
    let server = start_server();
    let directory = tempfile::tempdir().unwrap();
    let no = server.url("/no");
    let refused = format!("http://{KERNEL_ADDRESS}:9/x");
    let urls = format!("{} {no} {refused} {}", server.url("/a"), server.url("/b"));
    let printed = run_in(directory.path(), &format!("-O {urls}"));
    let wanted = format!(
        "hosttap: {no}: status 404\nhosttap: {refused}: the connection was refused\ncode 22\n"
    );
    assert_eq!(printed, wanted);
    assert_eq!(names(directory.path()), ["a", "b"]);
    fs::remove_file(directory.path().join("b")).unwrap();
    let printed = run_in(directory.path(), &format!("-O --fail-early {urls}"));
    assert_eq!(printed, format!("hosttap: {no}: status 404\ncode 22\n"));
    assert_eq!(names(directory.path()), ["a"]);
}

#[test]
fn json_tells_what_became_of_each_url() {
    in_namespace!();
    let server = start_server();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("in/").display().to_string();
    fs::create_dir(&file).unwrap();
    let (hello, no) = (server.url("/hello"), server.url("/no"));
    let exited = get(&[&hello, &no, "-o", &file, "--json", "-q"]);
    assert_eq!(exited.code, Some(22), "{}", exited.stderr());
    let objects: Vec<Value> = exited
        .stdout()
        .lines()
        .map(|line| from_str(line).unwrap())
        .collect();
    let [fetched, failed] = &objects[..] else {
        panic!("{}", exited.stdout());
    };
    let seconds = fetched["seconds"].as_f64().unwrap();
    assert!((0.0..60.0).contains(&seconds), "{seconds}");
    let mut fetched = fetched.clone();
    fetched["seconds"] = json!(0);
    let digest = sh("printf /hello | sha256sum");
    assert_eq!(
        fetched,
        json!({
            "url": hello, "file": format!("{file}hello"), "exit": 0, "error": null,
            "status": 200, "bytes": 6, "seconds": 0, "proof": "length",
            "sha256": digest.split(' ').next(), "attempts": 1,
        })
    );
    assert_eq!(
        *failed,
        json!({
            "url": no, "file": format!("{file}no"), "exit": 22, "error": format!("{no}: status 404"),
            "status": 404, "bytes": null, "seconds": null, "proof": null, "sha256": null,
            "attempts": 1,
        })
    );
}

#[test]
fn json_shares_stdout_with_no_body_and_no_capture() {
    in_namespace!();
    let url = "http://192.168.69.100/a";
    for arguments in [
        &["get", url, "--json"][..],
        &["get", url, "--json", "-o", "-"],
        &["get", url, "--json", "-o", "file", "--pcap", "-"],
        &["get", url, "-O", "-o", "file"],
    ] {
        let exited = crate::common::hosttap(arguments).finish();
        assert_eq!(exited.code, Some(2), "{arguments:?}: {}", exited.stderr());
        assert_eq!(exited.stdout(), "", "{arguments:?}");
    }
}

#[test]
fn the_summary_of_one_of_several_urls_says_which_one() {
    in_namespace!();
    let server = start_server();
    let (one, two) = (server.url("/one"), server.url("/two"));
    let stderr = get(&[&one, &two]).stderr();
    for url in [&one, &two] {
        assert!(
            stderr.contains(&format!("hosttap: {url}: 4 bytes in ")),
            "{stderr}"
        );
    }
    let stderr = get(&[&one]).stderr();
    assert!(stderr.starts_with("hosttap: 4 bytes in "), "{stderr}");
}
