//! Where the body of each URL goes.

use std::path::{Path, PathBuf};

use tickwire::file::clean;

use crate::cli::{GetOptions, is_stdout};
use crate::exit::{Exit, Failure};

/// The file for the body of `url`; `-` is stdout.
///
/// # Errors
/// [`Exit::Write`], as in curl, if the file should get its name from the URL, and the URL has none.
pub(super) fn path_for(options: &GetOptions, url: &str) -> Result<PathBuf, Failure> {
    let folder = match &options.output {
        None if options.remote_name => PathBuf::from("."),
        None => return Ok(PathBuf::from("-")),
        Some(path) if is_folder(path) => path.clone(),
        Some(path) => return Ok(path.clone()),
    };
    let name = name_in(url).ok_or_else(|| {
        let text = "the URL has no file name, so give one with -o FILE";
        Failure::new(Exit::Write, text)
    })?;
    Ok(folder.join(name))
}

/// Whether several bodies can go there.
pub(super) fn takes_several(options: &GetOptions) -> bool {
    let output = options.output.as_deref();
    output.is_none_or(|path| is_folder(path) || is_stdout(path))
}

/// A path that ends in a slash, or that is a folder.
fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

/// The last component of the URL's path, with its percent signs decoded, as a name that is safe in
/// any folder.
fn name_in(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let rest = rest.split(['?', '#']).next()?;
    let (_, path) = rest.split_once('/')?;
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    let decoded = decode_percent(last.as_bytes());
    let name = String::from_utf8(decoded).unwrap_or_else(|_| last.to_owned());
    Some(clean(&name).as_str().to_owned())
}

/// `%20` is a space (RFC 3986, section 2.1); a percent sign without two digits stays.
fn decode_percent(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |c: &u8| char::from(*c).to_digit(16);
                let byte = digit(high)
                    .zip(digit(low))
                    .map(|(high, low)| high * 16 + low);
                byte.and_then(|byte| u8::try_from(byte).ok())
                    .inspect(|_| rest = after)
            }
            _ => None,
        };
        decoded.push(byte.unwrap_or(*first));
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_component_decoded_and_safe() {
        for (url, name) in [
            ("http://h/a/b.txt", Some("b.txt")),
            ("http://h/a.txt?x=/y#z/w", Some("a.txt")),
            ("http://h/two%20words%25%zz%4", Some("two words%%zz%4")),
            ("http://h/%ED%95%9C.txt", Some("\u{d55c}.txt")),
            ("http://h/%ff", Some("%ff")),
            ("http://h/..%2f..%2fetc%2fpasswd", Some("passwd")),
            ("http://h/.bashrc", Some("_bashrc")),
            ("http://h/%2e%2e", Some("__")),
            ("http://h/a%0Ab", Some("a_b")),
            ("http://h/", None),
            ("http://h", None),
            ("http://h?a/b", None),
            ("http://h/dir/", None),
        ] {
            assert_eq!(name_in(url).as_deref(), name, "{url}");
        }
    }
}
