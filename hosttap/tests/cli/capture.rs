//! `--pcap -` writes to stdout, which then belongs to the capture alone.

use std::process::Stdio;

use crate::common::{
    HttpServer, KERNEL_ADDRESS, Process, Pty, hosttap, hosttap_command, in_namespace, sh,
};

/// The magic number of a pcap file, in this machine's byte order.
const MAGIC: [u8; 4] = 0xa1b2_c3d4_u32.to_ne_bytes();

#[test]
fn a_dash_as_capture_file_is_stdout() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, b"hello");
    let directory = tempfile::tempdir().unwrap();
    let (directory, url) = (directory.path().display(), server.url("/"));
    let output = sh(&format!(
        "cd {directory}; $hosttap get --pcap - -q {url} -o body > capture; cat body; echo; ls"
    ));
    assert_eq!(output, "hello\nbody\ncapture\n");
    let exited = hosttap(&["--pcap", "-", "get", &url, "-o", "/dev/null"]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    assert_eq!(exited.stdout_bytes[..4], MAGIC);
}

#[test]
fn a_capture_on_a_pipe_that_is_full_and_not_blocking_loses_nothing() {
    in_namespace!();
    let server = HttpServer::with_body(KERNEL_ADDRESS, &[b'x'; 1 << 20]);
    // The reader begins late, and shares the open file description, whose flag it has set.
    let script = "import fcntl, os, subprocess, sys, time
r, w = os.pipe()
fcntl.fcntl(w, fcntl.F_SETFL, os.O_NONBLOCK)
p = subprocess.Popen(sys.argv[1:], stdout=w)
os.close(w)
time.sleep(1)
n = 0
while block := os.read(r, 65536):
    n += len(block)
print(p.wait(), n > 1 << 20)";
    let program = env!("CARGO_BIN_EXE_hosttap");
    let url = server.url("/");
    let arguments = [program, "--pcap", "-", "-q", "get", &url, "-o", "/dev/null"];
    let output = crate::common::start_python(script, &arguments).expect_success();
    assert_eq!(output, "0 True\n");
}

#[test]
fn a_capture_shares_stdout_with_nothing_and_is_not_for_a_terminal() {
    in_namespace!();
    let url = "http://192.168.69.100/";
    for command in [
        &["get", url][..],
        &["get", url, "-o", "-"],
        &["chat"],
        &["recv", "-o", "-"],
        &["doctor"],
    ] {
        let exited = hosttap(&[&["--pcap", "-"], command].concat()).finish();
        assert_eq!(exited.code, Some(2), "{command:?}: {}", exited.stderr());
        assert_eq!(exited.stdout(), "", "{command:?}");
    }
    let pty = Pty::open();
    let mut command = hosttap_command(&["--pcap", "-", "echo"]);
    let exited = Process::start_with(&mut command, pty.as_stdio(), Stdio::piped()).finish();
    assert_eq!(exited.code, Some(23), "{}", exited.stderr());
    assert!(
        exited.stderr().contains("--pcap FILE"),
        "{}",
        exited.stderr()
    );
    assert_eq!(pty.finish(), "");
}
