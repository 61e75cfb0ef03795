//! `get` from the servers that people use.

mod disk;
mod failures;
mod hostile;
mod killed;
mod link;
mod output;

use std::path::Path;

use crate::common::{Ended, HOST, Running, hosttap, inside, mortal, noise, sh, skip};

/// Longest wait for one transfer, however slow the machine.
const TRANSFER_SECONDS_MAX: u64 = 120;
const BIG_BYTES: usize = 64 << 20;

/// Runs `hosttap get` with these arguments to its end.
fn get(arguments: &[&str]) -> Ended {
    hosttap(&[&["get"], arguments].concat()).finish(TRANSFER_SECONDS_MAX)
}

/// `python3 -m http.server` for `folder`; it ends by itself within some minutes.
fn python_server(folder: &Path) -> Running {
    let script = "import runpy, signal, sys; signal.alarm(300); \
        sys.argv = ['http.server', '--bind', sys.argv[1], '--directory', sys.argv[2], '8000']; \
        runpy.run_module('http.server', run_name='__main__')";
    let mut command = mortal("python3");
    command.args(["-u", "-c", script, HOST]).arg(folder);
    let server = Running::start(&mut command);
    server.wait_for_stdout("Serving HTTP", 60);
    server
}

/// nginx for `folder`/www on port 8080, with all its files in `folder`.
fn nginx(folder: &Path) -> Running {
    let config = format!(
        "daemon off; master_process off; worker_processes 1; user root; pid nginx.pid; error_log stderr notice;
        events {{ worker_connections 64; }}
        http {{
            access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            server {{
                listen {HOST}:8080; root www;
                location = /moved {{ return 301 /big?a=b; }}
                location = /gone {{ return 410; }}
            }}
        }}"
    );
    std::fs::write(folder.join("nginx.conf"), config).unwrap();
    let mut command = mortal("nginx");
    command
        .arg("-p")
        .arg(folder)
        .args(["-c", "nginx.conf", "-e", "stderr"]);
    let server = Running::start(&mut command);
    // It tells its version once its port is open.
    server.wait_for_stderr(": nginx/", 60);
    server
}

/// Whether nginx is there, which not every machine has.
fn has_nginx() -> bool {
    let there = std::process::Command::new("nginx")
        .arg("-v")
        .output()
        .is_ok();
    there || skip::<()>("there is no nginx").is_some()
}

/// Fetches 64 MiB to a file and to stdout, and compares digests as sha256sum has them.
fn fetch_big(folder: &Path, url: &str) {
    let script = format!(
        "cd {}; $hosttap get -q {url} -o copy; $hosttap get -q {url} | sha256sum - www/big copy",
        folder.display()
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

/// A folder with the files that every server here offers; one of them is as big as it is asked for.
fn site(big_bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let www = folder.path().join("www");
    std::fs::create_dir_all(www.join("folder")).unwrap();
    std::fs::write(www.join("big"), noise(big_bytes)).unwrap();
    std::fs::write(www.join("empty"), "").unwrap();
    std::fs::write(www.join("page"), "hello\n").unwrap();
    folder
}

#[test]
fn sixty_four_mebibytes_from_python_are_the_same_in_a_file_and_on_stdout() {
    if !inside("get::sixty_four_mebibytes_from_python_are_the_same_in_a_file_and_on_stdout") {
        return;
    }
    let site = site(BIG_BYTES);
    let _server = python_server(&site.path().join("www"));
    fetch_big(site.path(), &format!("http://{HOST}:8000/big"));
}

#[test]
fn sixty_four_mebibytes_from_nginx_are_the_same_in_a_file_and_on_stdout() {
    if !has_nginx()
        || !inside("get::sixty_four_mebibytes_from_nginx_are_the_same_in_a_file_and_on_stdout")
    {
        return;
    }
    let site = site(BIG_BYTES);
    let _server = nginx(site.path());
    fetch_big(site.path(), &format!("http://{HOST}:8080/big"));
}

/// Fetches what `path` names and returns the code, what the file holds, and stderr.
fn fetch(server: &str, path: &str) -> (Option<i32>, Option<Vec<u8>>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let ended = get(&[&format!("{server}{path}"), "-o", file.to_str().unwrap()]);
    (ended.code, std::fs::read(file).ok(), ended.stderr())
}

/// What both servers answer alike.
fn small_files_and_errors(server: &str) {
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
    let (code, saved, stderr) = fetch(server, "/folder");
    assert_eq!((code, saved), (Some(22), None), "{stderr}");
    assert!(stderr.contains("status 301, Location: "), "{stderr}");
    assert!(stderr.ends_with("/folder/\n"), "{stderr}");
}

#[test]
fn python_serves_small_files_and_errors_save_nothing() {
    if !inside("get::python_serves_small_files_and_errors_save_nothing") {
        return;
    }
    let site = site(1);
    let _server = python_server(&site.path().join("www"));
    small_files_and_errors(&format!("http://{HOST}:8000"));
}

#[test]
fn nginx_serves_small_files_and_errors_save_nothing() {
    if !has_nginx() || !inside("get::nginx_serves_small_files_and_errors_save_nothing") {
        return;
    }
    let site = site(1);
    let _server = nginx(site.path());
    let server = format!("http://{HOST}:8080");
    small_files_and_errors(&server);
    let (code, saved, stderr) = fetch(&server, "/moved");
    assert_eq!((code, saved), (Some(22), None), "{stderr}");
    assert!(stderr.ends_with("/big?a=b\n"), "{stderr}");
    let (code, saved, stderr) = fetch(&server, "/gone");
    assert_eq!((code, saved), (Some(22), None), "{stderr}");
    assert!(stderr.ends_with("status 410\n"), "{stderr}");
}

#[test]
fn twenty_runs_in_a_row_need_no_pause() {
    if !inside("get::twenty_runs_in_a_row_need_no_pause") {
        return;
    }
    let site = site(1);
    let _server = python_server(&site.path().join("www"));
    // Each run is a new stack with new ports, and the kernel still holds the connections of the runs before.
    for run in 0..20 {
        let (code, saved, stderr) = fetch(&format!("http://{HOST}:8000"), "/page");
        assert_eq!(code, Some(0), "run {run}: {stderr}");
        assert_eq!(saved.as_deref(), Some(&b"hello\n"[..]), "run {run}");
    }
}
