//! A program under a deadline, whose output is gathered while it runs.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hosttap::system::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A program that was started; it is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Gathered,
    stderr: Gathered,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code, `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// All that it wrote to stdout.
    pub(crate) stdout_bytes: Vec<u8>,
    /// All that it wrote to stderr.
    pub(crate) stderr_bytes: Vec<u8>,
}

impl Ended {
    /// stdout as text.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout_bytes).into_owned()
    }

    /// stderr as text.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr_bytes).into_owned()
    }
}

impl Running {
    /// Starts `command` with pipes on stdin, stdout and stderr.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped(), Stdio::piped())
    }

    /// Starts `command` with a pipe on stdin and the given stdout and stderr; what goes into pipes is gathered.
    pub(crate) fn start_with(command: &mut Command, stdout: Stdio, stderr: Stdio) -> Self {
        command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take().map(Gathered::from).unwrap_or_default();
        let stderr = child.stderr.take().map(Gathered::from).unwrap_or_default();
        // The command keeps descriptors of ours until it is given others.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Writes to its stdin; [`close_stdin`](Self::close_stdin) ends it.
    pub(crate) fn type_in(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("stdin is still open");
        stdin.write_all(text.as_bytes()).expect("the program reads");
    }

    /// Ends its input.
    pub(crate) fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until stdout contains `text`.
    pub(crate) fn wait_for_stdout(&self, text: &str, seconds: u64) {
        self.wait_for(&self.stdout, text, seconds);
    }

    /// Waits until stderr contains `text`, such as `Listening on`.
    pub(crate) fn wait_for_stderr(&self, text: &str, seconds: u64) {
        self.wait_for(&self.stderr, text, seconds);
    }

    fn wait_for(&self, gathered: &Gathered, text: &str, seconds: u64) {
        let clock = Clock::start();
        while !gathered.text().contains(text) {
            assert!(
                clock.now().as_millis() < seconds * 1_000,
                "no {text:?} within {seconds} s\n{}",
                self.said()
            );
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// What it has written to stderr so far.
    pub(crate) fn stderr_so_far(&self) -> String {
        self.stderr.text()
    }

    /// What it has written, for people.
    fn said(&self) -> String {
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        format!("stdout: {stdout}\nstderr: {stderr}")
    }

    /// Sends Ctrl-C's signal.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends `signal`, which changes nothing when the program has ended already.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("its id is its own until it is waited for");
    }

    /// The number of the process that was started.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; its stdin is closed first.
    pub(crate) fn finish(mut self, seconds: u64) -> Ended {
        self.close_stdin();
        self.finish_without_end(seconds)
    }

    /// Waits for its end while its stdin stays open.
    pub(crate) fn finish_without_end(mut self, seconds: u64) -> Ended {
        let status = self.wait(seconds);
        Ended {
            code: status.code(),
            stdout_bytes: self.stdout.end(),
            stderr_bytes: self.stderr.end(),
        }
    }

    fn wait(&mut self, seconds: u64) -> ExitStatus {
        let clock = Clock::start();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(
                clock.now().as_millis() < seconds * 1_000,
                "not ended within {seconds} s\n{}",
                self.said()
            );
            thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; either way it must be waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program has written so far; a thread reads it, so that the program never waits for us.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Gathered {
    pub(crate) fn from(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut block = [0; 64 * 1024];
            while let Ok(length @ 1..) = pipe.read(&mut block) {
                shared
                    .lock()
                    .expect("no reader panics")
                    .extend_from_slice(&block[..length]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("no reader panics")).into_owned()
    }

    /// All of it, once the program and whoever inherited its pipe have ended.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
        std::mem::take(&mut self.bytes.lock().expect("no reader panics"))
    }
}
