//! Tells when an interface goes down or comes up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use super::netlink::Netlink;

// linux/rtnetlink.h: changes of links.
const RTMGRP_LINK: u32 = 1;
/// Notifications taken in by one look. What is left makes the descriptor ready again.
const DRAINED_MAX: usize = 64;

/// A watch over one interface.
#[derive(Debug)]
pub struct LinkWatch {
    name: String,
    /// The kernel writes to it whenever any link changes.
    changes: OwnedFd,
}

impl LinkWatch {
    /// Watches the interface `name`.
    ///
    /// # Errors
    /// The socket's.
    pub fn open(name: &str) -> io::Result<Self> {
        let changes = socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            // NETLINK_ROUTE is protocol 0, the default.
            None,
        )?;
        bind(&changes, &SocketAddrNetlink::new(0, RTMGRP_LINK))?;
        Ok(Self {
            name: name.to_owned(),
            changes,
        })
    }

    /// Whether the interface is up now. One that is gone is not.
    ///
    /// # Errors
    /// The kernel's.
    pub fn is_up(&self) -> io::Result<bool> {
        // What the notifications say may be old, or lost: they only say when to ask.
        let mut notification = [0; 4_096];
        for _ in 0..DRAINED_MAX {
            match recv(&self.changes, &mut notification, RecvFlags::empty()) {
                Ok(_) | Err(Errno::INTR | Errno::NOBUFS) => {}
                Err(_) => break,
            }
        }
        let link = Netlink::open()?.link(&self.name)?;
        Ok(link.is_some_and(|link| link.is_up))
    }
}

impl AsFd for LinkWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.changes.as_fd()
    }
}
