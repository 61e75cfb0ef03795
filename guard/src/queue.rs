//! Frames of the guard's own that wait for the device.

/// The longest of them: a TCP header with options over IPv6, or a multicast listener report.
#[cfg(feature = "ipv6")]
const FRAME_LEN_MAX: usize = 96;
#[cfg(not(feature = "ipv6"))]
const FRAME_LEN_MAX: usize = 66;
const FRAMES: usize = 2;

/// A queue that never grows: a frame that finds no room is lost, as on any link.
#[derive(Debug)]
pub(crate) struct FrameQueue {
    /// The frames, the oldest first. A length of 0 is no frame.
    frames: [[u8; FRAME_LEN_MAX]; FRAMES],
    lens: [u8; FRAMES],
}

impl FrameQueue {
    pub(crate) const fn new() -> Self {
        Self {
            frames: [[0; FRAME_LEN_MAX]; FRAMES],
            lens: [0; FRAMES],
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        let [first, ..] = self.lens;
        first == 0
    }

    /// The oldest frame.
    pub(crate) fn first(&self) -> Option<&[u8]> {
        let ([frame, ..], [len, ..]) = (&self.frames, self.lens);
        frame
            .get(..usize::from(len))
            .filter(|frame| !frame.is_empty())
    }

    /// Forgets the oldest frame.
    pub(crate) fn remove_first(&mut self) {
        self.frames.rotate_left(1);
        self.lens.rotate_left(1);
        if let Some(len) = self.lens.last_mut() {
            *len = 0;
        }
    }

    /// Appends the frame that `build` writes, and returns whether there was room. `build` gets the
    /// longest room there is, and returns the frame's length, or None when it does not fit.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "no duty has sent a frame of its own yet")
    )]
    pub(crate) fn push(&mut self, build: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let mut places = self.frames.iter_mut().zip(&mut self.lens);
        let Some((frame, len)) = places.find(|(_, len)| **len == 0) else {
            return false;
        };
        *len = build(frame)
            .filter(|&built| built <= FRAME_LEN_MAX)
            .and_then(|built| u8::try_from(built).ok())
            .unwrap_or(0);
        *len != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &mut FrameQueue, byte: u8) -> bool {
        queue.push(|room| {
            room.fill(byte);
            Some(usize::from(byte))
        })
    }

    #[test]
    fn frames_leave_in_order_and_one_too_many_is_lost() {
        let mut queue = FrameQueue::new();
        assert!(queue.is_empty() && queue.first().is_none());
        assert!(push(&mut queue, 1) && push(&mut queue, 2));
        assert!(!push(&mut queue, 3), "there is room for two");
        assert_eq!(queue.first(), Some(&[1][..]));
        queue.remove_first();
        assert!(push(&mut queue, 4));
        assert_eq!(queue.first(), Some(&[2, 2][..]));
        queue.remove_first();
        assert_eq!(queue.first(), Some(&[4; 4][..]));
        queue.remove_first();
        assert!(queue.is_empty() && queue.first().is_none());
    }

    #[test]
    fn a_frame_that_does_not_fit_takes_no_place() {
        let mut queue = FrameQueue::new();
        assert!(!queue.push(|_| None));
        assert!(!queue.push(|room| Some(room.len() + 1)));
        assert!(!queue.push(|_| Some(0)));
        assert!(queue.is_empty());
    }
}
