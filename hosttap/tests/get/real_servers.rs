//! `-C` and `-L` with servers that people use: nginx, apache and caddy honour ranges and `If-Range`,
//! each with its own validators; python's ignores them.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::Signal;

use super::{create_site, get, start_nginx, start_python_server};
use crate::common::{
    KERNEL_ADDRESS, Process, SECONDS_MAX, hosttap, in_namespace, is_installed, killed_with_test,
    random_bytes,
};

const BODY_BYTES: usize = 48 << 20;
/// Tries to interrupt a transfer in the middle, before it is too fast for that.
const TRIES_MAX: usize = 50;

/// Starts apache for `directory`/www on port 8081, with `more` in its configuration.
pub(super) fn start_apache(directory: &Path, more: &str) -> Process {
    let modules = ["mpm_event", "authz_core", "dir"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let place = directory.display();
    let config = format!(
        "{}ServerRoot {place}\nPidFile apache.pid\nErrorLog /dev/stderr\nServerName here\n\
         Listen {KERNEL_ADDRESS}:8081\nDocumentRoot {place}/www\nUser www-data\n{more}\n",
        modules.concat()
    );
    fs::write(directory.join("apache.conf"), config).unwrap();
    // Its workers run as another user.
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = killed_with_test("apache2");
    command.arg("-DFOREGROUND").arg("-f");
    start(command.arg(directory.join("apache.conf")), 8081)
}

/// Starts caddy for `directory`/www on port 8082.
pub(super) fn start_caddy(directory: &Path) -> Process {
    let mut command = killed_with_test("caddy");
    command
        .env("HOME", directory)
        .args(["file-server", "--listen"])
        .arg(format!("{KERNEL_ADDRESS}:8082"))
        .arg("--root")
        .arg(directory.join("www"));
    start(&mut command, 8082)
}

fn start(command: &mut std::process::Command, port: u16) -> Process {
    let server = Process::start(command);
    for _ in 0..10 * SECONDS_MAX {
        if TcpStream::connect((KERNEL_ADDRESS, port)).is_ok() {
            return server;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("{}", server.stderr_so_far());
}

/// Kills `-C` in the middle of a transfer; the length of the part.
fn interrupt(url: &str, file: &Path) -> u64 {
    let part = file.with_extension("part");
    for _ in 0..TRIES_MAX {
        let program = hosttap(&["get", "-C", url, "-o", file.to_str().unwrap()]);
        while !file.exists() && fs::metadata(&part).map_or(0, |found| found.len()) < 1 << 20 {
            sleep(Duration::from_millis(1));
        }
        program.signal(Signal::KILL);
        program.finish();
        if !file.exists() {
            return fs::metadata(&part).unwrap().len();
        }
        fs::remove_file(file).unwrap();
    }
    panic!("it was never interrupted");
}

/// What `-C` fetches, and the status of the answer.
fn go_on(url: &str, file: &Path) -> (Vec<u8>, String) {
    let exited = get(&["-q", "-C", "--json", url, "-o", file.to_str().unwrap()]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    let report: serde_json::Value = serde_json::from_str(&exited.stdout()).unwrap();
    assert_eq!(report["attempts"], 1, "{report}");
    (fs::read(file).unwrap(), report["status"].to_string())
}

/// A file of which a part came goes on if it is the same, and begins anew if it is another one.
fn check(site: &Path, port: u16, is_resumed: bool) {
    let url = format!("http://{KERNEL_ADDRESS}:{port}/big");
    let file = site.join("copy");
    // A Last-Modified of the same second as the answer proves nothing, and to apache one of the same
    // minute.
    let old = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let big = fs::File::options().append(true).open(site.join("www/big"));
    big.unwrap().set_modified(old).unwrap();
    let bytes = interrupt(&url, &file);
    assert!(bytes > 0 && (bytes as usize) < BODY_BYTES);
    let (body, status) = go_on(&url, &file);
    assert!(body == random_bytes(BODY_BYTES));
    assert_eq!(status, if is_resumed { "206" } else { "200" });

    fs::remove_file(&file).unwrap();
    interrupt(&url, &file);
    let mut changed = random_bytes(BODY_BYTES);
    changed.reverse();
    fs::write(site.join("www/big"), &changed).unwrap();
    let (body, status) = go_on(&url, &file);
    assert!(body == changed, "a mixed file");
    assert_eq!(status, "200");
}

/// A folder without its slash is redirected, and what is not there is not saved.
fn check_statuses(site: &Path, port: u16) {
    fs::write(site.join("www/directory/index.html"), "index\n").unwrap();
    let url = |path: &str| format!("http://{KERNEL_ADDRESS}:{port}{path}");
    let exited = get(&["-q", "-L", &url("/directory")]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(exited.stdout(), "index\n");
    let exited = get(&["-q", &url("/nothing")]);
    assert_eq!((exited.code, exited.stdout()), (Some(22), String::new()));
    let exited = get(&["-q", "--head", &url("/page")]);
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert!(
        exited
            .stdout()
            .to_lowercase()
            .contains("content-length: 6\r\n")
    );
}

#[test]
fn nginx_goes_on_with_the_same_file_and_begins_anew_with_another() {
    if !is_installed("nginx") {
        return;
    }
    in_namespace!();
    let site = create_site(BODY_BYTES);
    let _server = start_nginx(site.path());
    check_statuses(site.path(), 8080);
    check(site.path(), 8080, true);
}

#[test]
fn apache_goes_on_with_the_same_file_and_begins_anew_with_another() {
    if !is_installed("apache2") {
        return;
    }
    in_namespace!();
    let site = create_site(BODY_BYTES);
    let _server = start_apache(site.path(), "");
    check_statuses(site.path(), 8081);
    check(site.path(), 8081, true);
}

#[test]
fn apache_without_etags_goes_on_by_the_date_of_the_file() {
    if !is_installed("apache2") {
        return;
    }
    in_namespace!();
    let site = create_site(BODY_BYTES);
    let _server = start_apache(site.path(), "FileETag None");
    check(site.path(), 8081, true);
}

#[test]
fn caddy_goes_on_with_the_same_file_and_begins_anew_with_another() {
    if !is_installed("caddy") {
        return;
    }
    in_namespace!();
    let site = create_site(BODY_BYTES);
    let _server = start_caddy(site.path());
    check_statuses(site.path(), 8082);
    check(site.path(), 8082, true);
}

#[test]
fn python_gives_the_whole_file_each_time() {
    in_namespace!();
    let site = create_site(BODY_BYTES);
    let _server = start_python_server(&site.path().join("www"));
    check_statuses(site.path(), 8000);
    check(site.path(), 8000, false);
}
