//! Downloads with `-C` from servers that people use, killed at any moment until they are whole.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::Signal;
use rustix::rand::{GetRandomFlags, getrandom};
use tempfile::TempDir;

use super::real_servers::{start_apache, start_caddy};
use super::{create_site, names, start_nginx, start_python_server};
use crate::common::{KERNEL_ADDRESS, hosttap, in_namespace, is_installed, random_bytes};

/// More kills than any download needs.
const KILLS_MAX: u64 = 200;
/// How often a moment is drawn from one range.
const ATTEMPTS_PER_RANGE: u64 = 10;

/// What became of downloads.
#[derive(Debug, Default)]
struct Kills {
    kills: u32,
    /// Runs that went on where the one before was killed.
    resumed: u32,
    /// Runs that began anew although something was there.
    anew: u32,
}

/// How many bytes an earlier run has left that the next one can use.
fn left(file: &Path) -> u64 {
    let part = file.with_extension("part");
    let has_record = file.with_extension("part.info").exists();
    fs::metadata(part).map_or(0, |found| if has_record { found.len() } else { 0 })
}

/// Downloads `url`, and kills the program at a moment that is drawn, again and again, until the
/// file is there. The range of the moments doubles now and then, so that a slow machine gets there
/// too.
fn download(url: &str, file: &Path, body: &[u8], millis: u64, kills: &mut Kills) {
    for attempt in 0..KILLS_MAX {
        let before = left(file);
        let program = hosttap(&["get", "-C", url, "-o", file.to_str().unwrap()]);
        let mut random = [0; 4];
        getrandom(&mut random, GetRandomFlags::empty()).unwrap();
        let range = (millis * 1_000) << (attempt / ATTEMPTS_PER_RANGE);
        sleep(Duration::from_micros(
            u64::from(u32::from_ne_bytes(random)) % range,
        ));
        program.signal(Signal::KILL);
        let exited = program.finish();
        let stderr = exited.stderr();
        assert!(matches!(exited.code, None | Some(0)), "{stderr}");
        // Of what was in the part nothing is fetched again, but the last byte of a whole file.
        let before = before.min(body.len() as u64 - 1);
        if stderr.contains("going on after") {
            let expected = format!("going on after {before} bytes of an earlier run");
            assert!(
                before > 0 && stderr.contains(&expected),
                "{before}: {stderr}"
            );
            kills.resumed += 1;
        } else if stderr.contains("beginning anew") {
            kills.anew += 1;
        }
        if file.exists() {
            assert!(fs::read(file).unwrap() == body, "a mixed file");
            // A kill after the rename leaves the record, which the next run does not believe.
            if exited.code == Some(0) {
                assert_eq!(names(file.parent().unwrap()), ["copy"]);
            }
            return;
        }
        kills.kills += 1;
        if left(file) > 0 {
            let part = fs::read(file.with_extension("part")).unwrap();
            assert!(body.starts_with(&part), "a mixed part");
        }
    }
    panic!("never whole: {kills:?}");
}

/// A site, and what is downloaded from it.
struct Trial {
    site: TempDir,
    body_bytes: usize,
    downloads: u32,
    /// The range of the first moment.
    millis: u64,
}

impl Trial {
    /// A small one, or, with `TICKWIRE_LARGE_DOWNLOADS=N`, N downloads of 200 MB.
    fn new() -> Self {
        let large = std::env::var("TICKWIRE_LARGE_DOWNLOADS");
        let (body_bytes, downloads, millis) = match large {
            Ok(downloads) => (200_000_000, downloads.parse().unwrap(), 700),
            Err(_) => (24 << 20, 3, 100),
        };
        let site = create_site(body_bytes);
        // The validator of a file that has just changed proves nothing.
        let old = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let big = site.path().join("www/big");
        let big = fs::File::options().append(true).open(big).unwrap();
        big.set_modified(old).unwrap();
        Self {
            site,
            body_bytes,
            downloads,
            millis,
        }
    }

    /// All downloads from `port`.
    fn run(&self, port: u16) -> Kills {
        let url = format!("http://{KERNEL_ADDRESS}:{port}/big");
        let directory = tempfile::tempdir_in(self.site.path()).unwrap();
        let file = directory.path().join("copy");
        let body = random_bytes(self.body_bytes);
        let mut all = Kills::default();
        for _ in 0..self.downloads {
            download(&url, &file, &body, self.millis, &mut all);
            fs::remove_file(&file).unwrap();
        }
        println!("{} downloads: {all:?}", self.downloads);
        all
    }
}

#[test]
fn killed_at_any_moment_downloads_from_nginx_fetch_nothing_twice_and_become_whole() {
    if !is_installed("nginx") {
        return;
    }
    in_namespace!();
    let trial = Trial::new();
    let _server = start_nginx(trial.site.path());
    assert_eq!(trial.run(8080).anew, 0);
}

#[test]
fn killed_at_any_moment_downloads_from_apache_fetch_nothing_twice_and_become_whole() {
    if !is_installed("apache2") {
        return;
    }
    in_namespace!();
    let trial = Trial::new();
    let _server = start_apache(trial.site.path(), "");
    assert_eq!(trial.run(8081).anew, 0);
}

#[test]
fn killed_at_any_moment_downloads_from_caddy_fetch_nothing_twice_and_become_whole() {
    if !is_installed("caddy") {
        return;
    }
    in_namespace!();
    let trial = Trial::new();
    let _server = start_caddy(trial.site.path());
    assert_eq!(trial.run(8082).anew, 0);
}

#[test]
fn killed_at_any_moment_downloads_from_python_begin_anew_and_become_whole() {
    in_namespace!();
    let trial = Trial::new();
    let _server = start_python_server(&trial.site.path().join("www"));
    assert_eq!(trial.run(8000).resumed, 0);
}
