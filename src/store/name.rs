//! The name that a store keeps with a file.

/// Longest stored name in bytes. The protocol allows no longer one.
pub(super) const NAME_LEN_MAX: usize = 255;

/// A stored name. It is empty for an upload without a name; no offer has an empty name.
pub(super) type StoredName = heapless::String<NAME_LEN_MAX>;

/// The name that a stored one was given as, where there was one.
pub(super) fn given_name(stored: &StoredName) -> Option<&str> {
    Some(stored.as_str()).filter(|name| !name.is_empty())
}

/// The start of `name` that fits, cut at a character boundary.
pub(super) fn stored_name(name: Option<&str>) -> StoredName {
    let mut stored = StoredName::new();
    for character in name.unwrap_or_default().chars() {
        if stored.push(character).is_err() {
            break;
        }
    }
    stored
}
