//! How a page is looked at: size, theme, language; and its picture.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::page::Page;
use crate::binary::repository;

/// A screen, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl Size {
    /// The screens of counters: the commonest one of office machines.
    pub const DESKTOP: Self = Self { width: 1366, height: 768 };
    /// A telephone held upright.
    pub const PHONE: Self = Self { width: 390, height: 844 };

    /// Whether it is shown as telephones show pages.
    #[must_use]
    pub fn is_phone(self) -> bool {
        self.width < 600
    }
}

/// The sizes that every page is looked at in.
pub const SIZES: [Size; 2] = [Size::DESKTOP, Size::PHONE];

/// Which colours the visitor's machine asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark text on a light ground.
    Light,
    /// Light text on a dark ground.
    Dark,
}

/// The themes that every page is looked at in.
pub const THEMES: [Theme; 2] = [Theme::Light, Theme::Dark];

impl Theme {
    /// As CSS names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// Which language the visitor's browser asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// 简体中文.
    Chinese,
    /// English.
    English,
}

/// The languages that every page is looked at in.
pub const LANGUAGES: [Language; 2] = [Language::Chinese, Language::English];

impl Language {
    /// Its name in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chinese => "zh",
            Self::English => "en",
        }
    }

    /// As the browser asks for it.
    #[must_use]
    pub fn accepted(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN,zh;q=0.9",
            Self::English => "en-GB,en;q=0.9",
        }
    }
}

/// One way to look at a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// The screen.
    pub size: Size,
    /// The colours.
    pub theme: Theme,
    /// The language.
    pub language: Language,
}

impl Looks {
    /// At a counter, in Chinese.
    pub const COUNTER: Self =
        Self { size: Size::DESKTOP, theme: Theme::Light, language: Language::Chinese };
}

impl Page {
    /// Looks at the page another way from now on. Size and theme change at once, the language with the next page.
    #[track_caller]
    pub fn look(&self, looks: Looks) {
        let Size { width, height } = looks.size;
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({
                "width": width, "height": height, "deviceScaleFactor": 1,
                "screenWidth": width, "screenHeight": height, "mobile": looks.size.is_phone(),
            }),
        );
        self.call(
            "Emulation.setEmulatedMedia",
            json!({ "media": "", "features": [
                { "name": "prefers-color-scheme", "value": looks.theme.name() },
                // What moves is looked at when it has arrived.
                { "name": "prefers-reduced-motion", "value": "reduce" },
            ] }),
        );
        self.call(
            "Network.setExtraHTTPHeaders",
            json!({ "headers": { "Accept-Language": looks.language.accepted() } }),
        );
    }

    /// Shows the page as it is printed (`true`), or on the screen again.
    #[track_caller]
    pub fn look_at_print(&self, is_print: bool) {
        let media = if is_print { "print" } else { "" };
        self.call("Emulation.setEmulatedMedia", json!({ "media": media }));
    }

    /// Takes a picture of what is seen, looking that way, into `target/screenshots/<name>-<size>-<theme>-<language>.png`.
    ///
    /// # Panics
    /// When it cannot be taken or written.
    #[track_caller]
    pub fn screenshot(&self, name: &str, looks: Looks) -> PathBuf {
        self.look(looks);
        self.reload();
        let Size { width, height } = looks.size;
        let (theme, language) = (looks.theme.name(), looks.language.name());
        self.picture(&format!("{name}-{width}x{height}-{theme}-{language}"))
    }

    /// Takes a picture of what is seen right now into `target/screenshots/<name>.png`.
    ///
    /// # Panics
    /// When it cannot be taken or written.
    #[track_caller]
    pub fn picture(&self, name: &str) -> PathBuf {
        self.keep(name, json!({ "format": "png" }))
    }

    /// Takes a picture of the page from top to bottom, as [`Page::picture`] does.
    ///
    /// # Panics
    /// When it cannot be taken or written.
    #[track_caller]
    pub fn whole_picture(&self, name: &str) -> PathBuf {
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let mut clip = size;
        clip["scale"] = json!(1);
        self.keep(name, json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }))
    }

    #[track_caller]
    fn keep(&self, name: &str, how: Value) -> PathBuf {
        let folder = repository().join("target/screenshots");
        let file = folder.join(format!("{name}.png"));
        let picture = self.call("Page.captureScreenshot", how);
        let bytes = STANDARD.decode(picture["data"].as_str().expect("a picture has data"));
        fs::create_dir_all(file.parent().expect("it lies in a folder"))
            .expect("target/ can be written");
        fs::write(&file, bytes.expect("the protocol speaks base64")).expect("it can be written");
        file
    }
}
