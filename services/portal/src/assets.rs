//! What the pages load: one style sheet, one script, one sign, all from the binary.
//!
//! Invariant: the address of an asset has the hash of its content, so that a browser keeps it for ever and still never
//! has an old one.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

struct Asset {
    path: String,
    kind: &'static str,
    text: String,
}

/// Characters of the hash: enough that two versions never share one.
const HASH_CHARS: usize = 16;

static CSS: LazyLock<Asset> = LazyLock::new(|| {
    let parts = [
        include_str!("../assets/css/10-tokens.css"),
        include_str!("../assets/css/20-base.css"),
        include_str!("../assets/css/30-shell.css"),
        include_str!("../assets/css/40-parts.css"),
        include_str!("../assets/css/50-form.css"),
        include_str!("../assets/css/60-figures.css"),
        include_str!("../assets/css/65-wall.css"),
        include_str!("../assets/css/70-public.css"),
        include_str!("../assets/css/80-print.css"),
    ];
    asset("unstuck", "css", "text/css; charset=utf-8", parts.concat())
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../assets/unstuck.js").to_owned();
    asset("unstuck", "js", "text/javascript; charset=utf-8", text)
});

static FAVICON: LazyLock<Asset> = LazyLock::new(|| {
    let text = include_str!("../assets/favicon.svg").to_owned();
    asset("favicon", "svg", "image/svg+xml", text)
});

fn asset(name: &str, extension: &str, kind: &'static str, text: String) -> Asset {
    let mut hash = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(HASH_CHARS / 2) {
        let _ = write!(hash, "{byte:02x}");
    }
    Asset { path: format!("/assets/{name}-{hash}.{extension}"), kind, text }
}

/// The address of the style sheet.
pub(crate) fn css() -> &'static str {
    &CSS.path
}

/// The address of the script.
pub(crate) fn script() -> &'static str {
    &SCRIPT.path
}

/// The address of the sign.
pub(crate) fn favicon() -> &'static str {
    &FAVICON.path
}

/// Serves them.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/{file}", get(serve))
        // Browsers ask for it by themselves.
        .route("/favicon.ico", get(|| async { answer(&FAVICON, "public, max-age=86400") }))
}

async fn serve(Path(file): Path<String>) -> Response {
    let assets = [&*CSS, &*SCRIPT, &*FAVICON];
    let found = assets.into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(&file));
    match found {
        Some(asset) => answer(asset, "public, max-age=31536000, immutable"),
        // An old page asks for an asset of an older program; keeping nothing makes it read the page again.
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(asset: &'static Asset, cache: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, asset.text.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_changes_with_the_content() {
        let first = asset("a", "css", "text/css", "x".to_owned());
        let second = asset("a", "css", "text/css", "y".to_owned());
        assert_ne!(first.path, second.path);
        assert!(css().starts_with("/assets/unstuck-") && css().ends_with(".css"));
    }

    #[test]
    fn the_script_is_small_enough_for_the_line_of_a_village() {
        assert!(SCRIPT.text.len() < 16 * 1024, "{}", SCRIPT.text.len());
    }
}
