//! Inputs that say by themselves where they are cut.

/// How to cut an input: the lengths of its pieces, which take turns.
#[derive(Clone, Copy)]
pub(crate) struct Cuts(pub(crate) [u8; 2]);

impl Cuts {
    /// Takes the cuts from the end of an input, so that its front can be written by hand.
    pub(crate) fn split_off(data: &[u8]) -> Option<(&[u8], Self)> {
        let (bytes, cuts) = data.split_last_chunk::<2>()?;
        Some((bytes, Self(*cuts)))
    }

    /// Where the pieces of `bytes` end; the last end is that of `bytes`, and there is at least one.
    pub(crate) fn ends(self, bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
        let mut end = 0;
        let mut lengths = self.0.into_iter().cycle();
        let mut is_first = true;
        std::iter::from_fn(move || {
            if end == bytes.len() && !is_first {
                return None;
            }
            is_first = false;
            end = bytes.len().min(end + 1 + usize::from(lengths.next()?));
            Some(end)
        })
    }

    /// The pieces of `bytes`.
    pub(crate) fn pieces(self, bytes: &[u8]) -> impl Iterator<Item = &[u8]> + '_ {
        let mut start = 0;
        self.ends(bytes).map(move |end| {
            let piece = &bytes[start..end];
            start = end;
            piece
        })
    }
}
