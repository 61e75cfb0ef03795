//! Hostile and taken names of files.

use proptest::prelude::*;
use tickwire::file::{NAME_LEN_MAX, clean, numbered, shortened};

#[test]
fn hostile_names_are_cleaned() {
    let cases = [
        ("plain.txt", "plain.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Windows\\notepad.exe", "notepad.exe"),
        ("a/b\\c", "c"),
        ("a\\b/c", "c"),
        ("folder/", "folder"),
        ("../", "__"),
        ("..", "__"),
        (".", "_"),
        ("...", "___"),
        ("/", "unnamed"),
        ("\\\\//", "unnamed"),
        ("", "unnamed"),
        (".hidden", "_hidden"),
        ("..hidden", "__hidden"),
        ("name.tar.gz", "name.tar.gz"),
        ("name.part", "name.part"),
        ("name.", "name_"),
        ("name. .", "name___"),
        ("   ", "___"),
        (" a b ", " a b_"),
        ("a\0b\nc\x1b[2J\x7fd", "a_b_c_[2J_d"),
        ("a\u{80}b\u{9f}c", "a_b_c"),
        ("txt\u{202e}gpj.exe", "txt_gpj.exe"),
        ("a\u{2066}b\u{2069}\u{feff}\u{200b}\u{2028}c", "a_b____c"),
        ("한글 이름.txt", "한글 이름.txt"),
        ("می\u{200c}خواهم.txt", "می\u{200c}خواهم.txt"),
        ("naïve—日本語—עברית.md", "naïve—日本語—עברית.md"),
        ("👩\u{200d}🚀.png", "👩\u{200d}🚀.png"),
    ];
    for (hostile, wanted) in cases {
        assert_eq!(clean(hostile).as_str(), wanted, "{hostile:?}");
    }
}

#[test]
fn a_name_of_255_bytes_stays_and_a_longer_one_keeps_its_extension() {
    let fits = "a".repeat(251) + ".txt";
    assert_eq!(clean(&fits).as_str(), fits);
    let long = "a".repeat(1_000) + ".txt";
    assert_eq!(clean(&long).as_str(), fits);
    // Three bytes a letter: the cut is at a letter, not in it.
    let korean = "한".repeat(100) + ".txt";
    assert_eq!(clean(&korean).as_str(), "한".repeat(83) + ".txt");
    let cut_at_a_space = "a".repeat(254) + " b";
    assert_eq!(clean(&cut_at_a_space).as_str(), "a".repeat(254) + "_");
}

#[test]
fn a_name_is_shortened_at_a_letter_and_keeps_number_and_extension() {
    assert_eq!(shortened("short.txt", 0, 64).as_str(), "short.txt");
    assert_eq!(shortened("short.txt", 7, 64).as_str(), "short (7).txt");
    let korean = "한".repeat(80) + ".tar.gz";
    assert_eq!(
        shortened(&korean, 0, 143).as_str(),
        "한".repeat(45) + ".tar.gz"
    );
    let whole = shortened(&korean, u32::MAX, 64);
    assert_eq!(whole.as_str(), "한".repeat(14) + " (4294967295).tar.gz");
}

#[test]
fn a_number_goes_before_the_extension() {
    let cases = [
        ("name.ext", 1, "name (1).ext"),
        ("name", 2, "name (2)"),
        ("name.tar.gz", 10, "name (10).tar.gz"),
        (".tar.gz", 1, ".tar (1).gz"),
        ("a.b.c", 1, "a.b (1).c"),
        (".hidden", 1, ".hidden (1)"),
        ("_hidden", 1, "_hidden (1)"),
        ("name (1).ext", 2, "name (1) (2).ext"),
        ("이름.txt", u32::MAX, "이름 (4294967295).txt"),
    ];
    for (name, number, wanted) in cases {
        assert_eq!(numbered(name, number).as_str(), wanted);
    }
}

#[test]
fn a_numbered_name_has_255_bytes_at_most_with_all_its_suffixes() {
    let ascii = "a".repeat(251) + ".txt";
    assert_eq!(numbered(&ascii, 1).as_str(), "a".repeat(247) + " (1).txt");
    let korean = "한".repeat(85);
    assert_eq!(numbered(&korean, 1).as_str(), "한".repeat(83) + " (1)");
    let all_extension = "a.".to_owned() + &"b".repeat(253);
    let wanted = "a.".to_owned() + &"b".repeat(249) + " (1)";
    assert_eq!(numbered(&all_extension, 1).as_str(), wanted);
}

fn hostile_name() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => any::<char>(),
        1 => prop::sample::select(vec!['.', '.', ' ', '/', '\\', '\0', '\u{9b}', '\u{202e}', 'a']),
    ];
    prop::collection::vec(character, 0..300).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn any_name_becomes_one_harmless_component(name in hostile_name()) {
        let name = clean(&name);
        prop_assert!(!name.is_empty() && name.len() <= NAME_LEN_MAX);
        prop_assert!(!name.starts_with('.') && !name.ends_with(['.', ' ']));
        prop_assert!(!name.contains(['/', '\\']) && !name.chars().any(char::is_control));
        prop_assert_eq!(clean(&name), name, "cleaning again changes nothing");
    }

    #[test]
    fn numbers_tell_any_name_apart(name in hostile_name(), a in any::<u32>(), b in any::<u32>()) {
        let name = clean(&name);
        prop_assert_eq!(numbered(&name, a) == numbered(&name, b), a == b);
        prop_assert_eq!(clean(&numbered(&name, a)), numbered(&name, a), "still clean");
    }
}
