//! Recognizes the names of a few fields without a copy of them.

/// A field's name, as far as it has come. There may be up to eight names to look for.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct NameFinder {
    /// Number of bytes of the name.
    len: usize,
    /// One bit for each name that still matches.
    matching: u8,
}

impl NameFinder {
    /// A name of which nothing has come.
    pub(crate) const fn new() -> Self {
        Self {
            len: 0,
            matching: u8::MAX,
        }
    }

    /// The next byte; the names to look for are in lower case, and always the same.
    pub(crate) fn push<T>(&mut self, names: &[(T, &[u8])], byte: u8) {
        for (index, (_, name)) in names.iter().enumerate() {
            if name.get(self.len) != Some(&byte.to_ascii_lowercase()) {
                self.matching &= !(1 << index);
            }
        }
        self.len = self.len.saturating_add(1);
    }

    /// Which of the names it is, now that it is complete.
    pub(crate) fn find<T: Copy>(&self, names: &[(T, &[u8])]) -> Option<T> {
        let is_it =
            |index: usize, name: &[u8]| name.len() == self.len && self.matching & (1 << index) != 0;
        let mut names = names.iter().enumerate();
        names
            .find(|(index, (_, name))| is_it(*index, name))
            .map(|(_, &(field, _))| field)
    }
}
