//! Recognizes the names of a few fields without a copy of them.

/// The field that a head is at, if it is one of those that are looked for. There may be up to eight
/// names.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct NameFinder<T: 'static> {
    /// In lower case.
    names: &'static [(T, &'static [u8])],
    /// Number of bytes of the name, as far as it has come.
    len: usize,
    /// One bit for each name that still matches.
    matching: u8,
    /// The field whose value comes now.
    current: Option<T>,
}

impl<T: Copy> NameFinder<T> {
    /// Before the first field.
    ///
    /// # Panics
    /// With more than eight names.
    pub(crate) const fn new(names: &'static [(T, &'static [u8])]) -> Self {
        assert!(
            names.len() <= u8::BITS as usize,
            "there is a bit for each name"
        );
        Self {
            names,
            len: 0,
            matching: u8::MAX,
            current: None,
        }
    }

    /// A name begins.
    pub(crate) const fn begin(&mut self) {
        *self = Self {
            names: self.names,
            len: 0,
            matching: u8::MAX,
            current: None,
        };
    }

    /// The next byte of the name.
    pub(crate) fn push(&mut self, byte: u8) {
        for (index, (_, name)) in self.names.iter().enumerate() {
            if name.get(self.len) != Some(&byte.to_ascii_lowercase()) {
                self.matching &= !(1 << index);
            }
        }
        self.len = self.len.saturating_add(1);
    }

    /// The name is complete: which it is, until the end of its value.
    pub(crate) fn find(&mut self) -> Option<T> {
        let is_it =
            |index: usize, name: &[u8]| name.len() == self.len && self.matching & (1 << index) != 0;
        let mut names = self.names.iter().enumerate();
        self.current = names
            .find(|(index, (_, name))| is_it(*index, name))
            .map(|(_, &(field, _))| field);
        self.current
    }

    /// The field whose value comes now.
    pub(crate) const fn current(&self) -> Option<T> {
        self.current
    }

    /// The value is complete: whose it was.
    pub(crate) const fn end(&mut self) -> Option<T> {
        self.current.take()
    }
}
