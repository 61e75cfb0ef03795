//! What may be a file's name: hostile names cleaned, and taken ones numbered.

use core::fmt::Write as _;

/// The longest name in bytes, on the wire and in nearly every file system.
pub const NAME_LEN_MAX: usize = 255;

/// A file's name without a folder, at most 255 bytes.
pub type FileName = heapless::String<NAME_LEN_MAX>;

/// The name of a file whose sender gave it none.
const UNNAMED: &str = "unnamed";
const REPLACEMENT: char = '_';

/// What follows the last dot is an extension up to this length with the dot; a longer one is
/// shortened like the rest.
const EXTENSION_LEN_MAX: usize = 32;
/// Bytes in the longest mark that [`numbered`] inserts, ` (4294967295)`.
const MARK_LEN_MAX: usize = 13;

/// A name that is safe to create in a folder, made of whatever a sender gave.
///
/// Only the last component is left (both `/` and `\` separate), so that no other folder is meant.
/// Letters of every script are kept. Replaced by `_` are:
///
/// - control bytes (C0, DEL, C1), and characters that steer how text is shown without being seen
///   (such as the bidirectional overrides, with which `exe.txt` can be shown for `txt.exe`); the
///   two joiners that Persian and Indic scripts need are kept;
/// - leading dots, so that it is neither `.`, `..` nor a hidden file;
/// - trailing dots and spaces, which FAT drops, so that two names would be one.
///
/// A name over 255 bytes loses the end of its stem. The result is never empty; cleaning it again
/// changes nothing.
pub fn clean(name: &str) -> FileName {
    let mut components = name.rsplit(['/', '\\']);
    let last = components.find(|component| !component.is_empty());
    let name = fit(last.unwrap_or(UNNAMED), "", NAME_LEN_MAX);

    let start = name.len() - name.trim_start_matches('.').len();
    let end = name.trim_end_matches(['.', ' ']).len();
    let mut clean = FileName::new();
    for (at, character) in name.char_indices() {
        let kept = (start..end).contains(&at) && !is_invisible(character);
        clean
            .push(if kept { character } else { REPLACEMENT })
            .expect("the replacement is no longer than what it replaces");
    }
    clean
}

/// `name` with a number before its extension, for a folder where `name` is taken: `name (1).ext`.
///
/// The stem is shortened where the whole would be over 255 bytes. `.tar.gz` and its like are one
/// extension.
pub fn numbered(name: &str, number: u32) -> FileName {
    fit(name, &mark(number), NAME_LEN_MAX)
}

/// `name` in at most `len_max` bytes, for a file system whose names are shorter; with a number as
/// [`numbered`] has it, unless that is 0.
///
/// # Panics
/// If `len_max` is less than 64 or more than 255.
pub fn shortened(name: &str, number: u32, len_max: usize) -> FileName {
    assert!((64..=NAME_LEN_MAX).contains(&len_max), "no length of names");
    match number {
        0 => fit(name, "", len_max),
        _ => fit(name, &mark(number), len_max),
    }
}

fn mark(number: u32) -> heapless::String<MARK_LEN_MAX> {
    let mut mark = heapless::String::new();
    write!(mark, " ({number})").expect("ten digits are the most that a u32 has");
    mark
}

/// `name` with `mark` before its extension, its stem cut at a character so that all has `len_max`
/// bytes.
fn fit(name: &str, mark: &str, len_max: usize) -> FileName {
    let (stem, extension) = split_extension(name);
    let room = len_max.saturating_sub(mark.len() + extension.len());
    let stem = stem.get(..stem.floor_char_boundary(room)).unwrap_or(stem);
    let mut fitted = FileName::new();
    for part in [stem, mark, extension] {
        fitted
            .push_str(part)
            .expect("the stem was cut to leave room for mark and extension");
    }
    fitted
}

/// Stem and extension; the extension begins with its dot, or is empty.
fn split_extension(name: &str) -> (&str, &str) {
    const TAR: &str = ".tar";
    const { assert!(MARK_LEN_MAX + TAR.len() + EXTENSION_LEN_MAX < 64) };
    let dot = name.bytes().rposition(|byte| byte == b'.');
    let Some((stem, extension)) = dot.and_then(|dot| name.split_at_checked(dot)) else {
        return (name, "");
    };
    if stem.is_empty() || extension.len() > EXTENSION_LEN_MAX {
        return (name, "");
    }
    match stem.strip_suffix(TAR) {
        Some(inner) if !inner.is_empty() => name.split_at_checked(inner.len()),
        _ => None,
    }
    .unwrap_or((stem, extension))
}

/// Control characters, and format characters (Unicode's category Cf, and the line and paragraph
/// separators) except the joiners U+200C and U+200D.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}
