//! Puts the chosen board's memory map where the linker finds it as `memory.x`.

use std::path::Path;
use std::{env, fs};

fn main() {
    let boards: Vec<&str> = ["mps2-an385", "lm3s6965evb"]
        .into_iter()
        .filter(|board| {
            let feature = board.to_uppercase().replace('-', "_");
            env::var_os(format!("CARGO_FEATURE_{feature}")).is_some()
        })
        .collect();
    let [board] = boards[..] else {
        panic!("choose exactly one board by its feature, not {boards:?}");
    };
    let map = format!("memory/{board}.x");
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for a build script");
    let mut memory = fs::read_to_string(&map).expect("there is a memory map for each board");
    if env::var_os("CARGO_FEATURE_RAM_16K").is_some() {
        let (head, _) = memory
            .rsplit_once("LENGTH = ")
            .expect("the last length of a memory map is that of its RAM");
        memory = format!("{head}LENGTH = 16K\n}}\n");
    }
    fs::write(Path::new(&out).join("memory.x"), memory).expect("the memory map can be written");
    // cortex-m-rt asks for the names of the board's interrupt handlers; there are none (see raw.rs).
    fs::write(Path::new(&out).join("device.x"), "").expect("device.x can be written");
    println!("cargo::rustc-link-search={}", Path::new(&out).display());
    println!("cargo::rerun-if-changed={map}");
    println!("cargo::rerun-if-changed=build.rs");
}
