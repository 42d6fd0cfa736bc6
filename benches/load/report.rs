//! One JSON line a figure, with the machine it was measured on.

use std::io::Write as _;

use serde_json::{Value, json};

/// Prints a figure: what was measured, Parlor's value, the baseline's, their ratio, and the aim.
pub(crate) fn line(what: &str, figures: &Value) {
    let commit = std::process::Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output()
        .ok()
        .and_then(|o| String::from_utf8(o.stdout).ok())
        .unwrap_or_default();
    let out = json!({
        "what": what,
        "figures": figures,
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "commit": commit.trim(),
    });
    let _ = writeln!(std::io::stdout(), "{out}");
}

/// The middle value; 0 for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which the share `q` of all values lies; 0 for none.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index within the list"
    )]
    let at = (last as f64 * q).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

/// Two decimals are more than such a machine can tell.
pub(crate) fn round(v: f64) -> f64 {
    (v * 100.0).round() / 100.0
}
