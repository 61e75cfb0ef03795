//! Network namespaces, and the tests that run in them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use super::{Process, TEST_SECONDS_MAX, killed_with_test, skip};

/// Set for a test that runs inside its namespace.
const INSIDE: &str = "TICKWIRE_INSIDE_NAMESPACE";
/// Creates `tap0` and configures the kernel's side of it.
const CREATE_TAP: &str = "ip tuntap add dev tap0 mode tap && \
    ip addr add 192.168.69.100/24 dev tap0 && ip link set tap0 up";

/// Whether this process is a test that [`run_inside`] started.
pub(crate) fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs a test of this program again, in a fresh namespace with `tap0`. `test` is the type name of
/// a closure in the test.
///
/// # Panics
/// If the test fails or does not end in time.
pub(crate) fn run_inside(test: &str) {
    let Some((_namespace, process)) = start_inside(test) else {
        return;
    };
    let exited = process.finish_within(TEST_SECONDS_MAX);
    let (stdout, stderr) = (exited.stdout(), exited.stderr());
    assert_eq!(
        exited.code,
        Some(0),
        "inside the namespace:\n{stdout}{stderr}"
    );
    assert!(stdout.contains("1 passed"), "no test {test}:\n{stdout}");
}

/// Starts a test of this program again, as [`run_inside`] does. Returns `None` if the test is
/// skipped because there can be no TAP.
pub(crate) fn start_inside(test: &str) -> Option<(Namespace, Process)> {
    let namespace = match Namespace::with_tap() {
        Ok(namespace) => namespace,
        Err(why) => {
            skip(&why);
            return None;
        }
    };
    // `crate::module::test::{{closure}}`; the test runner knows it as `module::test`.
    let (_, name) = test.split_once("::").unwrap();
    let name = name.strip_suffix("::{{closure}}").unwrap();
    let program = std::env::current_exe().unwrap();
    let mut command = namespace.command(&program);
    command.args(["--exact", name, "--nocapture"]);
    let process = Process::start(command.env(INSIDE, "1"));
    Some((namespace, process))
}

/// A fresh network namespace. Only the programs that the test starts in it can be reached.
#[derive(Debug)]
pub(crate) struct Namespace {
    holder: Child,
    /// Whether it stands in a user namespace, because this process is not root.
    has_user_namespace: bool,
}

impl Namespace {
    /// A namespace with loopback and `tap0`, whose kernel's side is up as 192.168.69.100/24. The
    /// error says why there is none.
    fn with_tap() -> Result<Self, String> {
        let namespace = Self::hold(false)
            .or_else(|_| Self::hold(true))
            .map_err(|why| format!("no network namespace: {why}"))?;
        let created = namespace.sh(CREATE_TAP);
        // The root of a user namespace may create a TAP but may have no permission to open the
        // device node.
        let opened = namespace.sh("exec 3<>/dev/net/tun");
        if created.status.success() && opened.status.success() {
            return Ok(namespace);
        }
        Err(format!("no TAP: {} {}", stderr(&created), stderr(&opened)))
    }

    /// A further namespace with nothing but loopback, for a test that runs inside its own. The error
    /// says why there is none.
    pub(crate) fn beside() -> Result<Self, String> {
        Self::hold(false)
    }

    /// The process in it, by which `ip` knows it.
    pub(crate) fn id(&self) -> u32 {
        self.holder.id()
    }

    /// Runs a shell script in it.
    ///
    /// # Panics
    /// If the script fails.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) {
        let output = self.sh(&format!("set -e\n{script}"));
        assert!(output.status.success(), "{script}\n{}", stderr(&output));
    }

    fn hold(with_user_namespace: bool) -> Result<Self, String> {
        let options = if with_user_namespace { "-Urn" } else { "-n" };
        let mut holder = Command::new("unshare")
            .args([options, "--", "sh", "-c"])
            .arg("ip link set lo up && echo ready && exec cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("it was requested");
        BufReader::new(stdout)
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        if line == "ready\n" {
            return Ok(Self {
                holder,
                has_user_namespace: with_user_namespace,
            });
        }
        let output = holder
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        Err(stderr(&output))
    }

    /// A command that runs in the namespace.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = killed_with_test("nsenter");
        if self.has_user_namespace {
            command.args(["--user", "--preserve-credentials"]);
        }
        let holder = self.holder.id().to_string();
        command.args(["--net", "--target", &holder, "--"]);
        command.arg(program.as_ref());
        command
    }

    fn sh(&self, script: &str) -> Output {
        let mut command = self.command("sh");
        command.args(["-c", script]).output().expect("sh runs")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended already; either way it must be waited for.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
