//! `hosttap serve` with common programs as its callers, and with callers that misbehave.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy's exception for tests does not reach their helpers"
)]

#[path = "../common/mod.rs"]
mod common;

mod files;
mod load;
mod uploads;

use std::fs;
use std::path::Path;

use common::{Exited, Process, SECONDS_MAX, hosttap, sh};
use tempfile::TempDir;

const ADDRESS: &str = "192.168.69.1:80";

/// A server of a folder, with a folder beside it whose files nobody may see.
struct Served {
    server: Process,
    root: TempDir,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("served")).unwrap();
        fs::create_dir(root.path().join("outside")).unwrap();
        fs::write(root.path().join("outside/secret"), b"secret").unwrap();
        let folder = root.path().join("served");
        let folder = folder.to_str().unwrap();
        let server = hosttap(&[&["serve", "--dir", folder], arguments].concat());
        server.wait_for_stderr("Listening on port 80\n");
        Self { server, root }
    }

    /// The folder that is served.
    fn folder(&self) -> &Path {
        // The temporary folder lives as long as this.
        self.root.path()
    }

    /// Writes a file whose tag is a strong one already.
    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::write(path, bytes).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder().join("served").join(name)
    }

    /// Ends the server. It must have gone well until then.
    fn stop(self) -> Exited {
        self.server.interrupt();
        let exited = self.server.finish();
        assert_eq!((exited.code, exited.stdout().as_str()), (Some(130), ""));
        exited
    }
}

/// The output of curl for this path, which is sent as it is, and these options.
fn curl(options: &str, path: &str) -> String {
    sh(&format!(
        "curl --silent --show-error --max-time {SECONDS_MAX} --path-as-is {options} http://{ADDRESS}{path}"
    ))
}

/// The status that curl gets.
fn status(options: &str, path: &str) -> String {
    curl(
        &format!("--output /dev/null --write-out '%{{http_code}}' {options}"),
        path,
    )
}
