//! `hosttap get` from common servers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod disk;
mod downloads;
mod failures;
mod hostile;
mod kills;
mod link;
mod output;
mod progress;
mod real_servers;
mod resumed_kills;
mod several;
mod targets;

use std::path::Path;

use common::{
    Exited, KERNEL_ADDRESS, Process, hosttap, in_namespace, is_installed, killed_with_test,
    random_bytes, sh,
};

const BIG_BYTES: usize = 64 << 20;

/// Runs `hosttap get` to its end.
fn get(arguments: &[&str]) -> Exited {
    hosttap(&[&["get"], arguments].concat()).finish()
}

/// The names in `directory`, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Starts `python3 -m http.server` for `directory`. It ends by itself after some minutes.
fn start_python_server(directory: &Path) -> Process {
    let script = "import runpy, signal, sys; signal.alarm(300); \
        sys.argv = ['http.server', '--bind', sys.argv[1], '--directory', sys.argv[2], '8000']; \
        runpy.run_module('http.server', run_name='__main__')";
    let mut command = killed_with_test("python3");
    command
        .args(["-u", "-c", script, KERNEL_ADDRESS])
        .arg(directory);
    let server = Process::start(&mut command);
    server.wait_for_stdout("Serving HTTP");
    server
}

/// Starts nginx for `directory`/www on port 8080. All its own files are in `directory`.
fn start_nginx(directory: &Path) -> Process {
    let config = format!(
        "daemon off; master_process off; worker_processes 1; user root; pid nginx.pid; error_log stderr notice;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {{
                listen {KERNEL_ADDRESS}:8080; root www;
                location = /moved {{ return 301 /big?a=b; }}
                location = /gone {{ return 410; }}
            }}
        }}"
    );
    std::fs::write(directory.join("nginx.conf"), config).unwrap();
    let mut command = killed_with_test("nginx");
    command
        .arg("-p")
        .arg(directory)
        .args(["-c", "nginx.conf", "-e", "stderr"]);
    let server = Process::start(&mut command);
    // It prints its version once its port is open.
    server.wait_for_stderr(": nginx/");
    server
}

/// Fetches 64 MiB to a file and to stdout, and compares the digests with sha256sum.
fn fetch_big(directory: &Path, url: &str) {
    let script = format!(
        "cd {}; $hosttap get -q {url} -o copy; $hosttap get -q {url} | sha256sum - www/big copy",
        directory.display()
    );
    let sums = sh(&script);
    let sums: Vec<_> = sums
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(sums.len(), 3, "{sums:?}");
    assert!(
        sums.iter().all(|sum| sum.len() == 64 && *sum == sums[0]),
        "{sums:?}"
    );
}

/// A directory with the files that every server here offers. The file `big` has `big_bytes`.
fn create_site(big_bytes: usize) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let www = directory.path().join("www");
    std::fs::create_dir_all(www.join("directory")).unwrap();
    std::fs::write(www.join("big"), random_bytes(big_bytes)).unwrap();
    std::fs::write(www.join("empty"), "").unwrap();
    std::fs::write(www.join("page"), "hello\n").unwrap();
    directory
}

#[test]
fn a_large_file_from_python_is_the_same_in_a_file_and_on_stdout() {
    in_namespace!();
    let site = create_site(BIG_BYTES);
    let _server = start_python_server(&site.path().join("www"));
    fetch_big(site.path(), &format!("http://{KERNEL_ADDRESS}:8000/big"));
}

#[test]
fn a_large_file_from_nginx_is_the_same_in_a_file_and_on_stdout() {
    if !is_installed("nginx") {
        return;
    }
    in_namespace!();
    let site = create_site(BIG_BYTES);
    let _server = start_nginx(site.path());
    fetch_big(site.path(), &format!("http://{KERNEL_ADDRESS}:8080/big"));
}

/// Fetches `path` to a file. Returns the exit code, the content of the file, and stderr.
fn fetch(server: &str, path: &str) -> (Option<i32>, Option<Vec<u8>>, String) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let exited = get(&[&format!("{server}{path}"), "-o", file.to_str().unwrap()]);
    (exited.code, std::fs::read(file).ok(), exited.stderr())
}

/// Checks the responses that are the same from both servers.
fn check_small_files_and_errors(server: &str) {
    for (path, wanted) in [("/page", &b"hello\n"[..]), ("/empty", b"")] {
        let (code, saved, stderr) = fetch(server, path);
        assert_eq!(
            (code, saved.as_deref()),
            (Some(0), Some(wanted)),
            "{stderr}"
        );
    }
    let (code, saved, stderr) = fetch(server, "/missing");
    assert_eq!((code, saved), (Some(22), None), "{stderr}");
    assert_eq!(stderr, format!("hosttap: {server}/missing: status 404\n"));
    let (code, saved, stderr) = fetch(server, "/directory");
    assert_eq!((code, saved), (Some(22), None), "{stderr}");
    assert!(stderr.contains("status 301, Location: "), "{stderr}");
    assert!(stderr.ends_with("/directory/\n"), "{stderr}");
}

#[test]
fn small_files_from_python_are_saved_and_errors_save_nothing() {
    in_namespace!();
    let site = create_site(1);
    let _server = start_python_server(&site.path().join("www"));
    check_small_files_and_errors(&format!("http://{KERNEL_ADDRESS}:8000"));
}

#[test]
fn small_files_from_nginx_are_saved_and_errors_save_nothing() {
    if !is_installed("nginx") {
        return;
    }
    in_namespace!();
    let site = create_site(1);
    let _server = start_nginx(site.path());
    let server = format!("http://{KERNEL_ADDRESS}:8080");
    check_small_files_and_errors(&server);
    let (code, saved, stderr) = fetch(&server, "/moved");
    assert_eq!((code, saved), (Some(22), None), "{stderr}");
    assert!(stderr.ends_with("/big?a=b\n"), "{stderr}");
    let (code, saved, stderr) = fetch(&server, "/gone");
    assert_eq!((code, saved), (Some(22), None), "{stderr}");
    assert!(stderr.ends_with("status 410\n"), "{stderr}");
}

#[test]
fn twenty_runs_in_a_row_need_no_pause() {
    in_namespace!();
    let site = create_site(1);
    let _server = start_python_server(&site.path().join("www"));
    // Each run is a new stack with new ports, while the kernel still has the earlier connections.
    for run in 0..20 {
        let (code, saved, stderr) = fetch(&format!("http://{KERNEL_ADDRESS}:8000"), "/page");
        assert_eq!(code, Some(0), "run {run}: {stderr}");
        assert_eq!(saved.as_deref(), Some(&b"hello\n"[..]), "run {run}");
    }
}
