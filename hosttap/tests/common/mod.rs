//! Namespaces, programs under a deadline, and the rule for tests that lack the privilege.
//!
//! Nothing is left over: a namespace lives as long as its holder, the holder as long as its stdin, and that as long
//! as the test; programs are killed when dropped and python peers end by themselves.

mod inside;
mod pty;
mod running;
mod server;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) use inside::{HOST, hosttap, inside, mortal, noise, sh};
pub(crate) use pty::Pty;
pub(crate) use running::{Ended, Running};
pub(crate) use server::{Call, Server, with_length};

/// Set to 1 where a skipped TAP test is a failure, as in CI.
const REQUIRE: &str = "TICKWIRE_REQUIRE_TAP";
/// Set for a test that runs again inside its namespace.
const INSIDE: &str = "TICKWIRE_INSIDE_NAMESPACE";
/// A python peer ends by itself after so many seconds.
const PEER_SECONDS_MAX: u32 = 60;

/// A fresh network namespace; only programs that the test starts in it can be reached.
#[derive(Debug)]
pub(crate) struct Namespace {
    holder: Child,
    /// Made without root, inside a user namespace.
    user: bool,
}

impl Namespace {
    /// A namespace with loopback up, or `None` after printing why there is none.
    ///
    /// # Panics
    /// With `TICKWIRE_REQUIRE_TAP=1` instead of `None`.
    pub(crate) fn new() -> Option<Self> {
        match Self::hold(false).or_else(|_| Self::hold(true)) {
            Ok(namespace) => Some(namespace),
            Err(why) => skip(&format!("no network namespace: {why}")),
        }
    }

    /// A namespace with `tap0`, whose kernel's side is up as 192.168.69.100/24; or `None` as in [`new`](Self::new).
    pub(crate) fn with_tap() -> Option<Self> {
        let namespace = Self::new()?;
        let made = namespace.sh(
            "ip tuntap add dev tap0 mode tap && ip addr add 192.168.69.100/24 dev tap0 && ip link set tap0 up",
        );
        // The kernel lets root of a user namespace create a TAP, but the device node may be closed to him.
        let opens = namespace.sh("exec 3<>/dev/net/tun");
        if made.status.success() && opens.status.success() {
            return Some(namespace);
        }
        skip(&format!("no TAP: {} {}", stderr(&made), stderr(&opens)))
    }

    fn hold(user: bool) -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args(if user { &["-Urn"][..] } else { &["-n"] });
        command.args([
            "--",
            "sh",
            "-c",
            "ip link set lo up && echo ready && exec cat",
        ]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut holder = command
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("it was asked for");
        BufReader::new(stdout)
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        if line == "ready\n" {
            return Ok(Self { holder, user });
        }
        let output = holder
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        Err(stderr(&output))
    }

    /// A command that will run inside.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.holder.id().to_string();
        if self.user {
            command.args(["--user", "--preserve-credentials"]);
        }
        command
            .args(["--net", "--target", &holder, "--"])
            .arg(program.as_ref());
        command
    }

    /// Runs a short shell script inside and waits for it.
    pub(crate) fn sh(&self, script: &str) -> Output {
        self.command("sh")
            .args(["-c", script])
            .output()
            .expect("sh runs")
    }

    /// Starts this package's program inside.
    pub(crate) fn hosttap(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(env!("CARGO_BIN_EXE_hosttap"));
        Running::start(command.args(arguments))
    }

    /// Starts this package's program inside as another user without any capability, for whom `/dev/net/tun` is open.
    /// Only root can do this.
    pub(crate) fn hosttap_as(&self, uid: &str, arguments: &[&str]) -> Running {
        // The folder of the program may be root's alone, so it runs from an open descriptor; and the device node is
        // one of its own, in a mount namespace that ends with it.
        let script = "exec 9<\"$1\"; uid=$2; shift 2; mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && \
            exec setpriv --reuid $uid --clear-groups --inh-caps=-all --bounding-set=-all -- /proc/self/fd/9 \"$@\"";
        let mut command = self.command("unshare");
        command.args([
            "--mount",
            "--",
            "sh",
            "-c",
            script,
            "sh",
            env!("CARGO_BIN_EXE_hosttap"),
            uid,
        ]);
        Running::start(command.args(arguments))
    }

    /// Starts a python peer inside. It says on stdout when it listens; whatever it does, it ends within a minute.
    pub(crate) fn python(&self, script: &str, arguments: &[&str]) -> Running {
        let script = format!("import signal; signal.alarm({PEER_SECONDS_MAX})\n{script}");
        let mut command = self.command("python3");
        Running::start(command.args(["-u", "-c", &script]).args(arguments))
    }

    /// Whether this process is the test that [`start_again`](Self::start_again) started.
    pub(crate) fn is_inside() -> bool {
        std::env::var_os(INSIDE).is_some()
    }

    /// Starts the test `name` of this program once more, inside.
    pub(crate) fn start_again(&self, name: &str) -> Running {
        let myself = std::env::current_exe().expect("a running program has a path");
        let mut command = self.command(myself);
        command.args(["--exact", name, "--nocapture"]);
        Running::start(command.env(INSIDE, "1"))
    }

    /// Runs the test `name` of this program once more, inside, and fails when it fails there or takes longer.
    pub(crate) fn run_again(&self, name: &str, seconds: u64) {
        let inside = self.start_again(name);
        let ended = inside.finish(seconds);
        let (stdout, stderr) = (ended.stdout(), ended.stderr());
        assert_eq!(
            ended.code,
            Some(0),
            "inside the namespace:\n{stdout}{stderr}"
        );
        assert!(stdout.contains("1 passed"), "no test {name}:\n{stdout}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended already; either way it must be waited for.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Says why a test is skipped, or fails where it must not be.
pub(crate) fn skip<T>(why: &str) -> Option<T> {
    assert_ne!(
        std::env::var(REQUIRE).as_deref(),
        Ok("1"),
        "{REQUIRE}=1, but {why}"
    );
    eprintln!("skipped: {why}");
    None
}

/// Whether the tests run as root, who alone can become somebody else.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
