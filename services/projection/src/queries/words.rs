//! A text in both languages of the house.

use schemars::JsonSchema;
use serde::Serialize;

/// A text in Chinese and in English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Words {
    /// Chinese.
    pub(crate) zh: String,
    /// English.
    pub(crate) en: String,
}

impl Words {
    pub(crate) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

impl From<casework::explanation::Words> for Words {
    fn from(words: casework::explanation::Words) -> Self {
        Self { zh: words.zh, en: words.en }
    }
}
