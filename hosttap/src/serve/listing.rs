//! A folder as a page of links.

use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType, Stat};
use rustix::io::Errno;
use tickwire::http::percent;

/// Names that are looked at for one page. More would make the loop wait for the disk.
const NAMES_MAX: usize = 2_000;

/// What may be seen of a folder.
#[derive(Debug)]
pub(super) struct Listing {
    /// The folder's own name in the served one, which is empty for that one itself.
    name: Vec<u8>,
    entries: Vec<Entry>,
    /// Whether every name was looked at.
    is_whole: bool,
}

/// An entry of a folder.
#[derive(Debug)]
struct Entry {
    name: Vec<u8>,
    /// Size in bytes; `None` for a folder.
    size: Option<u64>,
}

/// What may be seen of an open folder, whose name in the served one this is. `look` says what may be
/// seen of an entry.
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
    Ok(Listing {
        name: name.to_vec(),
        entries,
        is_whole: names.next().is_none(),
    })
}

impl Listing {
    /// The page of it, in HTML. `takes_files`: with a form for a file, which goes into the served folder
    /// itself and no other.
    pub(super) fn page(&self, takes_files: bool) -> Vec<u8> {
        let Self { name, entries, .. } = self;
        let title = escaped(&String::from_utf8_lossy(name));
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
            <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
            <meta name=\"color-scheme\" content=\"light dark\">\n\
            <link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n\
            <link rel=\"stylesheet\" href=\"/page.css\">\n\
            <title>/{title}</title>\n<header>\n<h1><bdi>/{title}</bdi></h1>\n\
            <nav><a href=\"/\">Home</a></nav>\n</header>\n<main>\n"
        );
        if takes_files && name.is_empty() {
            page += FORM;
        }
        page += "<ul class=\"files\">\n";
        if !name.is_empty() {
            page += "<li><a href=\"../\">..</a>\n";
        }
        for Entry { name, size } in entries {
            let shown = escaped(&String::from_utf8_lossy(name));
            let mut link = String::new();
            percent::encode(name, &mut |piece| link += piece);
            page += &match size {
                None => format!("<li><a href=\"./{link}/\"><bdi>{shown}</bdi>/</a>\n"),
                Some(size) => {
                    format!(
                        "<li><a href=\"./{link}\"><bdi>{shown}</bdi></a> <span>{size} bytes</span>\n"
                    )
                }
            };
        }
        page += "</ul>\n";
        if entries.is_empty() {
            page += "<p>Nothing is here.</p>\n";
        }
        if !self.is_whole {
            page += &format!("<p>Only the first {NAMES_MAX} names are looked at.</p>\n");
        }
        page += "</main>\n</html>\n";
        page.into_bytes()
    }
}

/// The form whose answer is the listing again.
const FORM: &str = "\
    <form method=\"post\" action=\"/files/\" enctype=\"multipart/form-data\">\n\
    <label for=\"file\">Send a file here</label>\n\
    <input id=\"file\" name=\"file\" type=\"file\" required>\n\
    <button type=\"submit\">Send</button>\n</form>\n";

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
        let listing = Listing {
            name: b"x<y".to_vec(),
            entries: entries.into(),
            is_whole: false,
        };
        let page = String::from_utf8(listing.page(true)).unwrap();
        assert!(page.contains("<title>/x&lt;y</title>"), "{page}");
        assert!(
            page.contains("<a href=\"./a%20b%26c/\"><bdi>a b&amp;c</bdi>/</a>"),
            "{page}"
        );
        assert!(
            page.contains(
                "\"./%3Cscript%3E%22%27%0A%25%FF\"><bdi>&lt;script&gt;&quot;&#39;\u{fffd}%\u{fffd}<"
            ),
            "{page}"
        );
        assert!(page.contains("\"./javascript%3Ax\""), "{page}");
        assert!(page.contains("Only the first"), "{page}");
        assert!(!page.contains("<form"), "files go into the folder itself");
    }
}
