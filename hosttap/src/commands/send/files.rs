//! The files that the user names: files, folders and stdin.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use tickwire::Source;
use tickwire::file::plain_word;

use crate::cli::SendOptions;
use crate::exit::{Exit, Failure};
use crate::storage::file_source::FileSource;

/// A file to send.
#[derive(Debug)]
pub(super) struct LocalFile {
    /// The name that is offered: the last component of the path.
    pub(super) name: String,
    /// `None` is stdin.
    path: Option<PathBuf>,
    /// What opening it early has brought.
    opened: Option<Result<FileSource, Failure>>,
}

/// The files that `paths` stand for. `-` is stdin; a folder stands for the files in it, but not for
/// those in its folders.
///
/// # Errors
/// [`Exit::Read`] if a folder cannot be read or has no files.
pub(super) fn list_files(paths: &[PathBuf]) -> Result<Vec<LocalFile>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if is_stdin(path) {
            files.push(LocalFile::stdin());
        } else if path.is_dir() {
            let name = path.display().to_string();
            let failed = |error: io::Error| Failure::from_io(Exit::Read, &name, &error);
            let found = list_folder(path).map_err(failed)?;
            if found.is_empty() {
                let text = format!("{name}: there are no files in this folder");
                return Err(Failure::new(Exit::Read, text));
            }
            files.extend(found.into_iter().map(LocalFile::at));
        } else {
            files.push(LocalFile::at(path.clone()));
        }
    }
    Ok(files)
}

/// Whether the user means stdin.
pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The regular files in a folder, and the links to such, by name.
fn list_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

impl LocalFile {
    fn stdin() -> Self {
        Self {
            name: "stdin".to_owned(),
            path: None,
            opened: None,
        }
    }

    fn at(path: PathBuf) -> Self {
        // A path that ends in `..` has no name; the whole path is used then.
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            name: name.to_string_lossy().into_owned(),
            path: Some(path),
            opened: None,
        }
    }

    /// Whether it is read to its end before it can be sent.
    pub(super) fn is_pipe(&self) -> bool {
        let is_fifo =
            |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo());
        self.path.as_ref().is_none_or(is_fifo)
    }

    /// Opens it, so that [`take`](Self::take) has nothing to wait for.
    pub(super) fn prepare(&mut self, options: &SendOptions) {
        self.opened = Some(self.open(options));
    }

    /// The open file.
    ///
    /// # Errors
    /// Those of [`FileSource::open`]; [`Exit::Read`] if stdin has another length than the user says;
    /// [`Exit::TooLarge`] if it is too large for the plain form.
    pub(super) fn take(&mut self, options: &SendOptions) -> Result<FileSource, Failure> {
        self.opened.take().unwrap_or_else(|| self.open(options))
    }

    /// Why it could not be opened early.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.opened.as_ref()?.as_ref().err()
    }

    fn open(&self, options: &SendOptions) -> Result<FileSource, Failure> {
        let source = match &self.path {
            Some(path) => FileSource::open(path)?,
            None => FileSource::stdin()?,
        };
        let length = source.len();
        if let (Some(wanted), None) = (options.length, &self.path)
            && wanted != length
        {
            let text = format!("stdin has {length} bytes, not the {wanted} of --length");
            return Err(Failure::new(Exit::Read, text));
        }
        if options.plain && plain_word(length).is_err() {
            let name = &self.name;
            let text = format!("'{name}': the plain form cannot send 2 GiB or more");
            return Err(Failure::new(Exit::TooLarge, text));
        }
        Ok(source)
    }
}
