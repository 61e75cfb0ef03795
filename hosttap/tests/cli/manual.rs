//! Completions and manual pages.

use std::fs;

use crate::common::{hosttap, sh};

/// A script in which a shell loads its completions from the file `$1`, and fails if it cannot.
const LOADERS: [(&str, &str); 3] = [
    ("bash", "source \"$1\" && complete -p hosttap > /dev/null"),
    (
        "zsh",
        "autoload -U compinit && compinit -u -D && source \"$1\" && test -n \"$_comps[hosttap]\"",
    ),
    (
        "fish",
        "source $argv[1]; and complete -c hosttap | string match -q '*retry*'",
    ),
];

#[test]
fn the_completions_of_each_shell_load_without_a_word() {
    let directory = tempfile::tempdir().unwrap();
    for (shell, loader) in LOADERS {
        let exited = hosttap(&["completions", shell]).finish();
        assert_eq!(exited.code, Some(0), "{}", exited.stderr());
        let script = exited.stdout();
        for words in ["send", "idle-timeout", "remote-name"] {
            assert!(script.contains(words), "{shell}: {words} is missing");
        }
        let file = directory.path().join(shell);
        fs::write(&file, script).unwrap();
        let file = file.display();
        // Not every machine has every shell.
        let arguments = if shell == "fish" { "" } else { shell };
        let printed = sh(&format!(
            "exec 2>&1; command -v {shell} > /dev/null || exit 0
            {shell} -c '{}' {arguments} {file}",
            loader.replace('\'', "'\\''")
        ));
        assert_eq!(printed, "", "{shell}");
    }
    let exited = hosttap(&["completions", "csh"]).finish();
    assert_eq!(exited.code, Some(2));
}

#[test]
fn each_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let exited = hosttap(&["man", directory.path().to_str().unwrap()]).finish();
    assert_eq!(exited.code, Some(0), "{}", exited.stderr());
    for (page, words) in [
        ("hosttap.1", "Exit codes are curl"),
        ("hosttap-get.1", "fail"),
        ("hosttap-chat.1", "/disconnect"),
        ("hosttap-send.1", "stdin"),
        ("hosttap-doctor.1", "TAP"),
    ] {
        let text = fs::read_to_string(directory.path().join(page)).unwrap();
        assert!(text.contains(words), "{page}: {words} is missing");
    }
    assert!(!directory.path().join("hosttap-help.1").exists());
    let exited = hosttap(&["man", "/no/such/folder"]).finish();
    assert_eq!(exited.code, Some(23));
}

#[test]
fn completions_to_a_full_disk_are_an_error_and_not_a_panic() {
    let printed = sh("{ $hosttap completions bash > /dev/full || echo code $?; } 2>&1");
    assert_eq!(
        printed,
        "hosttap: stdout: No space left on device\ncode 23\n"
    );
}
