//! An upload that a sender offers, and the names that its file may get.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use tickwire::file::{FileName, NAME_LEN_MAX, clean, shortened};
use tickwire::store::{Digest, Upload};

use crate::system::calendar::date;

/// How many numbered names of a form are tried before the store gives up.
const NUMBERS_MAX: u32 = 10_000;

/// An [`Upload`] that owns its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnedUpload {
    pub(super) digest: Option<Digest>,
    pub(super) length: u64,
    /// The requested name, sanitized; `None` in the plain form.
    pub(super) name: Option<FileName>,
}

impl From<&Upload<'_>> for OwnedUpload {
    fn from(upload: &Upload<'_>) -> Self {
        Self {
            digest: upload.digest.copied(),
            length: upload.length,
            name: upload.name.map(clean),
        }
    }
}

impl OwnedUpload {
    /// The name to try after `number` others of this form were taken. A file without a name is dated
    /// by `unix`.
    pub(super) fn candidate_name(&self, form: Form, number: u32, unix: Duration) -> String {
        match &self.name {
            Some(name) => form.of(name, number),
            None => format!("received-{}-{}.bin", date(unix), u64::from(number) + 1),
        }
    }
}

/// The forms of a name, from the one that was offered to one that every file system takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it was offered.
    Whole,
    /// Shortened: encrypting file systems have names of 143 or 189 bytes.
    Short,
    /// Short, and without the characters that FAT, exFAT and Windows' shares refuse.
    Portable,
}

impl Form {
    pub(super) const ALL: [Self; 3] = [Self::Whole, Self::Short, Self::Portable];
    /// No file system has shorter names than our own hidden ones, which have 99 bytes.
    const SHORT_BYTES_MAX: usize = 99;

    /// `name` in this form, with a number unless that is 0.
    pub(super) fn of(self, name: &str, number: u32) -> String {
        let len_max = match self {
            Self::Whole => NAME_LEN_MAX,
            Self::Short | Self::Portable => Self::SHORT_BYTES_MAX,
        };
        let name = shortened(name, number, len_max);
        let is_refused = |c: char| !(c.is_ascii_alphanumeric() || " ()+,-.=@[]_".contains(c));
        match self {
            Self::Whole | Self::Short => name.as_str().to_owned(),
            Self::Portable => name.replace(is_refused, "_"),
        }
    }
}

/// Tries the names of an upload until one can be had. `try_name` returns whether it could: `false`
/// means that the name is taken. A form that the file system does not take is left for the next.
///
/// # Errors
/// That of `try_name`; `EEXIST` if all names are taken.
pub(super) fn first_free(
    candidate: impl Fn(Form, u32) -> String,
    mut try_name: impl FnMut(&str, u32) -> io::Result<bool>,
) -> io::Result<String> {
    let mut failure = Errno::EXIST.into();
    for form in Form::ALL {
        for number in 0..NUMBERS_MAX {
            let name = candidate(form, number);
            match try_name(&name, number) {
                Ok(true) => return Ok(name),
                Ok(false) => {}
                Err(error) if is_name_refused(&error) => {
                    failure = error;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Err(failure)
}

/// Whether the error says that the file system has no such names.
fn is_name_refused(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "한글: a?.txt";

    /// The name that a folder with `taken` names, and of which `refuses` is true of others, gets.
    fn stored_as(name: &str, taken: &[&str], refuses: impl Fn(&str) -> Option<Errno>) -> String {
        first_free(
            |form, number| form.of(name, number),
            |name, _| match refuses(name) {
                Some(errno) => Err(errno.into()),
                None => Ok(!taken.contains(&name)),
            },
        )
        .unwrap()
    }

    #[test]
    fn a_name_that_the_file_system_refuses_is_shortened_and_then_made_portable() {
        assert_eq!(stored_as(NAME, &[], |_| None), NAME);
        assert_eq!(stored_as(NAME, &[NAME], |_| None), "한글: a? (1).txt");
        let long = "한".repeat(83) + ".txt";
        for len_max in [143, 189] {
            let is_long = |name: &str| (name.len() > len_max).then_some(Errno::NAMETOOLONG);
            assert_eq!(stored_as(&long, &[], is_long), "한".repeat(31) + ".txt");
        }
        let is_fat = |name: &str| name.contains(['?', ':']).then_some(Errno::INVAL);
        assert_eq!(stored_as(NAME, &[], is_fat), "___ a_.txt");
        assert_eq!(stored_as(NAME, &["___ a_.txt"], is_fat), "___ a_ (1).txt");
        let is_ascii = |name: &str| (!name.is_ascii()).then_some(Errno::ILSEQ);
        assert_eq!(stored_as("é", &[], is_ascii), "_");
    }

    #[test]
    fn another_failure_is_no_reason_to_try_another_name() {
        let mut count = 0;
        let error = first_free(
            |form, number| form.of(NAME, number),
            |_, _| {
                count += 1;
                Err(Errno::NOSPC.into())
            },
        );
        assert_eq!(
            Errno::from_io_error(&error.unwrap_err()),
            Some(Errno::NOSPC)
        );
        assert_eq!(count, 1);
    }
}
