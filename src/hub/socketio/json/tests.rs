//! JSON in place, against RFC 8259 and its own inverse.

extern crate std;

use std::string::String;
use std::vec::Vec;

use super::*;

fn is_sound(text: &str) -> bool {
    Json::parse(text).is_ok()
}

/// One a line.
const SOUND: &str = r#"null
true
false
0
-0
10
-1.5
1e9
1E+9
0.1e-3
""
[]
{}
[ ]
{ }
 [1 , 2]	
{"a":1,"b":[{},[]]}
{"a" : "b"}
"\"\\\/\b\f\n\r\t\u00e9"
"é😀"
"\ud83d""#;

/// One a line.
const UNSOUND: &str = r#"
nul
nulll
True
01
-
+1
.5
1.
1e
1e+
0x1
NaN
"
"a
'a'
"\a"
"\u12g4"
"\u123"
"	"
[
]
[1
[1,]
[,1]
[1 2]
[1]]
[}
{
}
{]
{1:2}
{"a"}
{"a":}
{"a":1,}
{,}
{"a" 1}
{"a":1 "b":2}
{"a":1]
1 2
[]x
[1],
//"#;

#[test]
fn what_the_grammar_allows_is_json_and_nothing_else() {
    for text in SOUND.lines() {
        assert!(is_sound(text), "{text}");
    }
    assert!(is_sound("\r\n[1,\r\n2]"));
    for text in UNSOUND.lines().chain(["\"\n\"", "\u{feff}1", "\u{a0}1"]) {
        assert_eq!(Json::parse(text), Err(JsonError::Syntax), "{text}");
    }
}

#[test]
fn cut_at_any_place_a_value_is_none() {
    let text = r#"["my other event",{"my":"d\u00e4ta","n":[-1.5e3,true,null]}]"#;
    for end in 0..text.len() {
        assert!(!is_sound(&text[..end]), "{}", &text[..end]);
    }
    assert!(is_sound(text));
}

#[test]
fn what_is_nested_too_deep_is_refused_and_costs_no_stack() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(is_sound(&nested(32)));
    assert_eq!(Json::parse(&nested(33)), Err(JsonError::TooDeep));
    assert_eq!(Json::parse(&nested(1_000_000)), Err(JsonError::TooDeep));
    let objects = r#"{"a":"#.repeat(32) + "1" + &"}".repeat(32);
    assert!(is_sound(&objects));
    assert!(!is_sound(&objects.replace("1}", "1]")));
}

#[test]
fn elements_come_out_as_they_are() {
    let json = Json::parse(r#" [ "a,b" , [1,[2]] ,{"c":"]"},-1 ] "#).unwrap();
    let elements: Vec<_> = json.elements().unwrap().map(|element| element.0).collect();
    assert_eq!(elements, [r#""a,b""#, "[1,[2]]", r#"{"c":"]"}"#, "-1"]);
    assert_eq!(Json::parse("[]").unwrap().elements().unwrap().count(), 0);
    for text in ["{}", "1", "\"[]\""] {
        assert!(Json::parse(text).unwrap().elements().is_none());
    }
}

#[test]
fn strings_come_out_as_what_they_say() {
    let says = |text: &str| Json::parse(text).unwrap().chars().map(String::from_iter);
    let escapes = r#""a\"\\\/\b\f\n\r\tz\u00e9\ud83d\ude00é""#;
    assert_eq!(
        says(escapes).unwrap(),
        "a\"\\/\u{8}\u{c}\n\r\tz\u{e9}\u{1f600}\u{e9}"
    );
    let halves = r#""\ud83dx\ude00\ud83d\u0041\ud83d""#;
    assert_eq!(says(halves).unwrap(), "\u{fffd}x\u{fffd}\u{fffd}A\u{fffd}");
    assert_eq!(says("1"), None);
    assert!(
        Json::parse(r#""me\u0073sage""#)
            .unwrap()
            .is_string("message")
    );
    assert!(!Json::parse(r#""messages""#).unwrap().is_string("message"));
}

#[test]
fn what_is_escaped_comes_back() {
    let all: String = (0..0x300).filter_map(char::from_u32).collect();
    for text in ["", "plain", "\"\\\u{0}\u{1f}", &all, "\u{1f600}\u{2028}"] {
        let mut json = String::from("\"");
        escape(text, &mut |piece| json.push_str(piece));
        json.push('"');
        let back = Json::parse(&json).unwrap().chars().unwrap();
        assert_eq!(back.collect::<String>(), text);
    }
}
