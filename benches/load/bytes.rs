//! Sizes: the tracker before the click, the messenger, the binary.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use crate::report::line;

/// Gzip sizes of what a browser loads, and the size of the executable.
pub(crate) fn run() -> anyhow::Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("widget/dist");
    let (mut loader, mut messenger) = (0, 0);
    for entry in std::fs::read_dir(&dist)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default()
            .to_owned();
        if !name.ends_with(".js") {
            continue;
        }
        let size = gzip(&std::fs::read(&path)?)?;
        if name == "widget.js" {
            loader = size
        } else if name.starts_with("messenger") {
            messenger += size
        }
    }
    let binary = std::fs::metadata(crate::process::binary()?)?.len();
    line(
        "bytes",
        &json!({
            "tracker_before_the_click_gzip": loader, "tracker_aim": "<= 8192",
            "messenger_gzip": messenger, "messenger_aim": "<= 30720",
            "binary": binary, "binary_aim": "<= 20000000",
        }),
    );
    Ok(())
}

fn gzip(bytes: &[u8]) -> anyhow::Result<usize> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
