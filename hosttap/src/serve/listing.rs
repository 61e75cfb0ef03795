//! A folder as a page of links.

use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType, Stat};
use rustix::io::Errno;

/// Names that are looked at for one page. More would make the loop wait for the disk.
const NAMES_MAX: usize = 2_000;

/// The page of a folder, in HTML.
pub(super) type Listing = Vec<u8>;

/// An entry of a folder.
#[derive(Debug)]
struct Entry {
    name: Vec<u8>,
    /// Size in bytes; `None` for a folder.
    size: Option<u64>,
}

/// The page of an open folder, whose name in the served one this is. `look` says what may be seen of
/// an entry.
pub(super) fn of(
    folder: OwnedFd,
    name: &[u8],
    look: impl Fn(&[u8]) -> Option<Stat>,
) -> Result<Listing, Errno> {
    let mut entries = Vec::new();
    let mut names = Dir::new(folder)?;
    for entry in names.by_ref().take(NAMES_MAX) {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name.starts_with(b".") {
            continue;
        }
        // Links that lead out of the folder are not shown, nor is what has gone meanwhile.
        let Some(found) = look(name) else {
            continue;
        };
        let size = match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => None,
            FileType::RegularFile => Some(u64::try_from(found.st_size).unwrap_or_default()),
            _ => continue,
        };
        entries.push(Entry {
            name: name.to_vec(),
            size,
        });
    }
    entries.sort_by(|one, other| {
        (one.size.is_some(), &one.name).cmp(&(other.size.is_some(), &other.name))
    });
    let is_whole = names.next().is_none();
    Ok(page(name, &entries, is_whole))
}

fn page(name: &[u8], entries: &[Entry], is_whole: bool) -> Listing {
    let title = escaped(&String::from_utf8_lossy(name));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
        <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
        <title>/{title}</title>\n<h1>/{title}</h1>\n<ul>\n"
    );
    if !name.is_empty() {
        page += "<li><a href=\"../\">..</a>\n";
    }
    for Entry { name, size } in entries {
        let (link, shown) = (encoded(name), escaped(&String::from_utf8_lossy(name)));
        page += &match size {
            None => format!("<li><a href=\"./{link}/\">{shown}/</a>\n"),
            Some(size) => format!("<li><a href=\"./{link}\">{shown}</a> {size} bytes\n"),
        };
    }
    page += "</ul>\n";
    if !is_whole {
        page += &format!("<p>Only the first {NAMES_MAX} names are looked at.</p>\n");
    }
    page.into_bytes()
}

/// A name in a URL: everything percent-encoded that is not unreserved (RFC 3986, 2.3).
fn encoded(name: &[u8]) -> String {
    let mut text = String::new();
    for &byte in name {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text += &format!("%{byte:02X}"),
        }
    }
    text
}

/// A text in HTML.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            character if character.is_control() => out.push('\u{fffd}'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_escapes_from_the_page() {
        let entry = |name: &[u8], size| Entry {
            name: name.to_vec(),
            size,
        };
        let entries = [
            entry(b"a b&c", None),
            entry(b"<script>\"'\n%\xff", Some(3)),
            entry(b"javascript:x", Some(0)),
        ];
        let page = String::from_utf8(page(b"x<y", &entries, false)).unwrap();
        assert!(page.contains("<title>/x&lt;y</title>"), "{page}");
        assert!(
            page.contains("<a href=\"./a%20b%26c/\">a b&amp;c/</a>"),
            "{page}"
        );
        assert!(
            page.contains(
                "\"./%3Cscript%3E%22%27%0A%25%FF\">&lt;script&gt;&quot;&#39;\u{fffd}%\u{fffd}<"
            ),
            "{page}"
        );
        assert!(page.contains("\"./javascript%3Ax\""), "{page}");
        assert!(page.contains("Only the first"), "{page}");
    }
}
