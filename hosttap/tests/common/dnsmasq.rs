//! The DHCP server that most networks have.

use std::path::Path;

use super::{Process, killed_with_test};

/// A running dnsmasq that lends 192.168.69.50 to .60, beside other options. It answers for names only
/// where an option gives it a port for that.
pub(crate) fn start_dnsmasq(directory: &Path, options: &[&str]) -> Process {
    let mut command = killed_with_test("dnsmasq");
    command.args([
        "--no-daemon",
        "--conf-file=/dev/null",
        "--user=root",
        "--interface=tap0",
        "--bind-dynamic",
        "--log-dhcp",
        // It would ping each address for three seconds before it offers it.
        "--no-ping",
        "--dhcp-range=192.168.69.50,192.168.69.60,255.255.255.0,2m",
    ]);
    if !options.iter().any(|option| option.starts_with("--port=")) {
        command.arg("--port=0");
    }
    command.arg(format!(
        "--dhcp-leasefile={}",
        directory.join("leases").display()
    ));
    let server = Process::start(command.args(options));
    server.wait_for_stderr("sockets bound exclusively");
    server
}
