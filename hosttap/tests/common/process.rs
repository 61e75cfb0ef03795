//! A running program with a deadline. Its output is collected while it runs.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hosttap::system::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};

use super::SECONDS_MAX;

const POLL_PERIOD: Duration = Duration::from_millis(5);

/// A program that was started. Dropping it kills the program.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdout: OutputCollector,
    stderr: OutputCollector,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Exited {
    /// Its exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Everything that it wrote to stdout.
    pub(crate) stdout_bytes: Vec<u8>,
    /// Everything that it wrote to stderr.
    pub(crate) stderr_bytes: Vec<u8>,
}

impl Exited {
    /// stdout as text.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout_bytes).into_owned()
    }

    /// stderr as text.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr_bytes).into_owned()
    }
}

impl Process {
    /// Starts `command` with pipes on stdin, stdout and stderr.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::start_with(command, Stdio::piped(), Stdio::piped())
    }

    /// Starts `command` with a pipe on stdin and the given stdout and stderr. Output into pipes is
    /// collected.
    pub(crate) fn start_with(command: &mut Command, stdout: Stdio, stderr: Stdio) -> Self {
        command.stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stdout = child.stdout.take();
        let stdout = stdout.map(|pipe| OutputCollector::start(pipe.into()));
        let stderr = child.stderr.take();
        let stderr = stderr.map(|pipe| OutputCollector::start(pipe.into()));
        // The command holds our descriptors until it is given others.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            child,
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
        }
    }

    /// Writes to its stdin. [`close_stdin`](Self::close_stdin) ends its input.
    pub(crate) fn write_stdin(&mut self, text: &str) {
        self.write_stdin_bytes(text.as_bytes());
    }

    /// The same with bytes that need not be text.
    pub(crate) fn write_stdin_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("stdin is still open");
        stdin.write_all(bytes).expect("the program reads");
    }

    /// Ends its input.
    pub(crate) fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until stdout contains `text`.
    #[track_caller]
    pub(crate) fn wait_for_stdout(&self, text: &str) {
        self.wait_for(&self.stdout, text, 1);
    }

    /// Waits until stderr contains `text`, such as `Listening on`.
    #[track_caller]
    pub(crate) fn wait_for_stderr(&self, text: &str) {
        self.wait_for(&self.stderr, text, 1);
    }

    /// Waits until stderr contains `text` as often as this.
    #[track_caller]
    pub(crate) fn wait_for_stderr_times(&self, text: &str, times: usize) {
        self.wait_for(&self.stderr, text, times);
    }

    #[track_caller]
    fn wait_for(&self, output: &OutputCollector, text: &str, times: usize) {
        assert!(
            output.waits_until(|so_far| so_far.matches(text).count() >= times),
            "no {text:?} within {SECONDS_MAX} s\n{}",
            self.output_so_far()
        );
    }

    /// What it has written to stderr so far.
    pub(crate) fn stderr_so_far(&self) -> String {
        self.stderr.text()
    }

    /// What it has written to stdout so far.
    pub(crate) fn stdout_so_far(&self) -> String {
        self.stdout.text()
    }

    fn output_so_far(&self) -> String {
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        format!("stdout: {stdout}\nstderr: {stderr}")
    }

    /// Sends the signal of Ctrl-C.
    pub(crate) fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends `signal`. It has no effect if the program has ended already.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the id is not reused before the wait");
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Closes its stdin and waits for its end.
    #[track_caller]
    pub(crate) fn finish(self) -> Exited {
        self.finish_within(SECONDS_MAX)
    }

    /// The same with another longest wait.
    #[track_caller]
    pub(crate) fn finish_within(mut self, seconds: u64) -> Exited {
        self.close_stdin();
        self.wait_and_collect(seconds)
    }

    /// Waits for its end while its stdin stays open.
    #[track_caller]
    pub(crate) fn finish_with_open_stdin(mut self) -> Exited {
        self.wait_and_collect(SECONDS_MAX)
    }

    #[track_caller]
    fn wait_and_collect(&mut self, seconds: u64) -> Exited {
        let status = self.wait(seconds);
        Exited {
            code: status.code(),
            stdout_bytes: self.stdout.finish(),
            stderr_bytes: self.stderr.finish(),
        }
    }

    /// Waits for its end, which must be a success. Returns its stdout.
    #[track_caller]
    pub(crate) fn expect_success(self) -> String {
        let exited = self.finish();
        let (stdout, stderr) = (exited.stdout(), exited.stderr());
        assert_eq!(exited.code, Some(0), "{stdout}{stderr}");
        stdout
    }

    #[track_caller]
    fn wait(&mut self, seconds: u64) -> ExitStatus {
        let clock = Clock::start();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(
                clock.now().as_millis() < seconds * 1_000,
                "not ended within {seconds} s\n{}",
                self.output_so_far()
            );
            thread::sleep(POLL_PERIOD);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; either way it must be waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program has written so far. A thread reads it, so that the program never blocks.
#[derive(Debug, Default)]
pub(crate) struct OutputCollector {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl OutputCollector {
    /// Starts to read `source`.
    pub(crate) fn start(source: std::os::fd::OwnedFd) -> Self {
        let mut source = std::fs::File::from(source);
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut block = [0; 64 * 1024];
            while let Ok(length @ 1..) = source.read(&mut block) {
                shared
                    .lock()
                    .expect("the reader does not panic")
                    .extend_from_slice(&block[..length]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    /// Waits until `is_so` of what was written so far. Returns `false` if it never is.
    pub(crate) fn waits_until(&self, is_so: impl Fn(&str) -> bool) -> bool {
        let clock = Clock::start();
        while !is_so(&self.text()) {
            if clock.now().as_millis() >= SECONDS_MAX * 1_000 {
                return false;
            }
            thread::sleep(POLL_PERIOD);
        }
        true
    }

    /// What was written so far.
    pub(crate) fn text(&self) -> String {
        let bytes = self.bytes.lock().expect("the reader does not panic");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// All output, once the program and its children have closed the pipe.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
        std::mem::take(&mut self.bytes.lock().expect("the reader does not panic"))
    }
}
