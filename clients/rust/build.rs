//! Generates the messages and clients from the contracts, with a compiler in Rust.

use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let contracts = found(Path::new("proto/rafiki"))?;
    let files = protox::compile(&contracts, ["proto", "proto/third_party"])?;
    tonic_prost_build::configure()
        // The servers are for the crate's own tests.
        .build_server(true)
        .include_file("contracts.rs")
        .compile_fds(files)?;
    println!("cargo:rerun-if-changed=proto");
    Ok(())
}

/// Every contract below a folder.
fn found(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            paths.extend(found(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
