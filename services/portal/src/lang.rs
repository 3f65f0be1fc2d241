//! The two languages of the pages: their texts, and how they write days and hours.
//!
//! Invariants: both catalogues have the same keys with the same arguments, every key that code asks for is there, and
//! none is idle (tests below hold it). A text is data: it goes through maud like anything else, and is escaped there.
//! Names of bodies, causes, states are no texts of the catalogues; the API says them in both languages, see
//! [`Lang::of`].

mod arguments;
mod catalogue;
mod moments;
#[cfg(test)]
mod tests;

pub(crate) use arguments::Argument;

use fluent_bundle::FluentArgs;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lang {
    /// 简体中文, the language of the house.
    Chinese,
    /// English.
    English,
}

impl Lang {
    /// The tag as it stands in `lang`, in the cookie, and in the name of the folder of its catalogue.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// Reads what a query or a cookie says.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// Chooses by `Accept-Language`; the language of the house when nothing fits.
    pub(crate) fn accepted(header: &str) -> Self {
        let wishes = header.split(',').filter_map(|wish| {
            let (tag, weight) = wish.split_once(';').unwrap_or((wish, "q=1"));
            let weight = weight.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
            Some((Self::from_tag(tag.trim())?, weight.filter(|weight| *weight > 0.0)?))
        });
        // The first of the heaviest: `max_by` would take the last.
        wishes
            .reduce(|best, wish| if wish.1 > best.1 { wish } else { best })
            .map_or(Self::Chinese, |(lang, _)| lang)
    }

    /// The other language, for the switch.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Chinese => Self::English,
            Self::English => Self::Chinese,
        }
    }

    /// The text with this key.
    pub(crate) fn text(self, key: &str) -> String {
        catalogue::format(self, key, None)
    }

    /// The text with this key and what it needs to know.
    pub(crate) fn with(self, key: &str, args: &[(&str, &dyn Argument)]) -> String {
        let args: FluentArgs<'_> =
            args.iter().map(|(name, value)| (*name, value.value())).collect();
        catalogue::format(self, key, Some(&args))
    }

    /// One of two texts that the API says in both languages.
    pub(crate) const fn of<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Chinese => zh,
            // A name that nobody translated is better than none.
            Self::English if en.is_empty() => zh,
            Self::English => en,
        }
    }
}
