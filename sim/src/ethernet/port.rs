//! A port as smoltcp sees it: a device.

use smoltcp::{
    phy::{self, Device, DeviceCapabilities, Medium, TxToken as _},
    time::Instant,
};

use super::{Ethernet, FrameObserver, observer::Watcher, segment::Segment};
use tickwire::Tick;

/// One port of an Ethernet for the calls of one tick.
///
/// As a smoltcp device it takes the time from the Ethernet's caller and not from smoltcp: hosts on one Ethernet may have
/// clocks of their own. It never refuses to transmit; what has no room is dropped and counted.
pub struct Port<'w, 'a> {
    ethernet: &'w mut Ethernet<'a>,
    port: usize,
    now_micros: u64,
    watcher: Watcher<'w>,
}

impl<'w, 'a> Port<'w, 'a> {
    pub(super) fn new(ethernet: &'w mut Ethernet<'a>, port: usize, now: Tick) -> Self {
        assert!(
            port < ethernet.ports_count(),
            "the ethernet has no port {port}"
        );
        Self {
            ethernet,
            port,
            now_micros: now.as_millis().saturating_mul(1_000),
            watcher: None,
        }
    }

    /// Lets an observer see all frames that are sent and received through this.
    #[must_use]
    pub fn observed(mut self, observer: &'w mut dyn FrameObserver) -> Self {
        self.watcher = Some(observer);
        self
    }

    /// Sends a frame, Ethernet header first.
    ///
    /// # Panics
    /// When the frame is longer than the memory of a frame.
    pub fn send(&mut self, frame: &[u8]) {
        self.transmit_token()
            .consume(frame.len(), |buffer| buffer.copy_from_slice(frame));
    }

    /// The next frame that is due, if any.
    pub fn receive_frame(&mut self) -> Option<&[u8]> {
        let (rx, _) = self.tokens()?;
        Some(rx.frame)
    }

    fn tokens(&mut self) -> Option<(RxToken<'_>, TxToken<'_, 'a>)> {
        let Ethernet { segment, held } = &mut *self.ethernet;
        let len = segment.receive(self.port, self.now_micros, held, &mut self.watcher)?;
        let rx = RxToken {
            frame: held.get(..len)?,
        };
        let tx = TxToken {
            segment,
            port: self.port,
            now_micros: self.now_micros,
            watcher: reborrow(&mut self.watcher),
        };
        Some((rx, tx))
    }

    fn transmit_token(&mut self) -> TxToken<'_, 'a> {
        TxToken {
            segment: &mut self.ethernet.segment,
            port: self.port,
            now_micros: self.now_micros,
            watcher: reborrow(&mut self.watcher),
        }
    }
}

/// The same observer for a shorter time.
fn reborrow<'short>(watcher: &'short mut Watcher<'_>) -> Watcher<'short> {
    match watcher {
        Some(observer) => Some(&mut **observer),
        None => None,
    }
}

impl<'a> Device for Port<'_, 'a> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t, 'a>
    where
        Self: 't;

    fn receive(&mut self, _timestamp: Instant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        self.tokens()
    }

    fn transmit(&mut self, _timestamp: Instant) -> Option<Self::TxToken<'_>> {
        Some(self.transmit_token())
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.ethernet.segment.port_bytes_max(self.port);
        capabilities
    }
}

/// A frame that a port received.
pub struct RxToken<'t> {
    frame: &'t [u8],
}

impl phy::RxToken for RxToken<'_> {
    fn consume<R, F>(self, f: F) -> R
    where
        F: FnOnce(&[u8]) -> R,
    {
        f(self.frame)
    }
}

/// Leave to send one frame.
pub struct TxToken<'t, 'a> {
    segment: &'t mut Segment<'a>,
    port: usize,
    now_micros: u64,
    watcher: Watcher<'t>,
}

impl phy::TxToken for TxToken<'_, '_> {
    fn consume<R, F>(mut self, len: usize, f: F) -> R
    where
        F: FnOnce(&mut [u8]) -> R,
    {
        let buffer = self
            .segment
            .scratch
            .get_mut(..len)
            .expect("no frame is longer than the memory of one");
        let result = f(buffer);
        self.segment
            .send(self.port, self.now_micros, len, &mut self.watcher);
        result
    }
}
