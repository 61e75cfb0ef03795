//! Messages as pure bytes.

extern crate std;

mod encodings;
mod lease;
mod message;
mod request;

use std::vec::Vec;

/// An option as a server writes it.
fn option(code: u8, value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(value.len()).unwrap();
    [&[code, len], value].concat()
}

/// A reply of a server to 02:00:00:00:00:01 with number 0x11223344, for the address 10.0.0.9, with
/// these options and these fields.
fn reply_with(options: &[u8], file: &[u8], server_name: &[u8]) -> Vec<u8> {
    let mut bytes = std::vec![2, 1, 6, 0, 0x11, 0x22, 0x33, 0x44];
    bytes.extend([0; 8]);
    bytes.extend([10, 0, 0, 9]);
    bytes.extend([0; 8]);
    bytes.extend([2, 0, 0, 0, 0, 1]);
    bytes.extend([0; 10]);
    let padded = |field: &[u8], len: usize| {
        let mut padded = field.to_vec();
        padded.resize(len, 0);
        padded
    };
    bytes.extend(padded(server_name, 64));
    bytes.extend(padded(file, 128));
    bytes.extend([99, 130, 83, 99]);
    bytes.extend(options);
    bytes
}

fn reply(options: &[Vec<u8>]) -> Vec<u8> {
    reply_with(&[&options.concat()[..], &[255]].concat(), &[], &[])
}

/// An ACK of 192.168.0.1 for an hour, with more options.
fn ack(options: &[Vec<u8>]) -> Vec<u8> {
    let all = [
        option(53, &[5]),
        option(54, &[192, 168, 0, 1]),
        option(51, &3_600_u32.to_be_bytes()),
    ];
    reply(&[&all, options].concat())
}
