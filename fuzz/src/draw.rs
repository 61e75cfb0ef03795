//! Choices drawn from the bytes of an input.

/// What is left of the input; when it is over, everything drawn is 0.
pub(crate) struct Draw<'d>(pub(crate) &'d [u8]);

impl<'d> Draw<'d> {
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (array, rest) = self.0.split_first_chunk().unwrap_or((&[0; N], &[]));
        self.0 = rest;
        *array
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u8) -> bool {
        // Not at 0, so that an input that is over draws nothing unusual.
        self.byte() % times == 1
    }

    /// A distance from what is expected: mostly none, often a small one.
    pub(crate) fn distance(&mut self) -> i32 {
        match self.byte() % 8 {
            0..=3 => 0,
            4 | 5 => i32::from(i8::from_be_bytes(self.array())),
            6 => i32::from(i16::from_be_bytes(self.array())),
            _ => i32::from_be_bytes(self.array()),
        }
    }

    /// Up to so many bytes of the input itself.
    pub(crate) fn bytes(&mut self, len: usize) -> &'d [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}
