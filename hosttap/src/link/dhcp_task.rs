//! The DHCP client of a TAP, which watches its link.

use std::io;

use tickwire::Task;
use tickwire::dhcp::{self, Dhcp, DhcpOptions};

use super::watch::LinkWatch;
use crate::cli::LinkOptions;

/// What keeps our address.
pub(super) struct DhcpTask {
    pub(super) task: Task<Dhcp<'static>>,
    pub(super) watch: LinkWatch,
    pub(super) is_link_up: bool,
}

impl DhcpTask {
    pub(super) fn new(link: &LinkOptions, storage: &'static dhcp::Storage) -> io::Result<Self> {
        let options = DhcpOptions {
            keeps_name_servers: !link.dns.is_empty(),
            ..DhcpOptions::default()
        };
        let mut task = Task::new(Dhcp::new(storage, options));
        let watch = LinkWatch::open(&link.tap)?;
        let is_link_up = watch.is_up()?;
        task.app_mut().set_link(is_link_up);
        Ok(Self {
            task,
            watch,
            is_link_up,
        })
    }

    /// Tells the client how the link is.
    pub(super) fn check_link(&mut self) -> io::Result<()> {
        self.is_link_up = self.watch.is_up()?;
        self.task.app_mut().set_link(self.is_link_up);
        Ok(())
    }
}
