//! What a text can be told: words and numbers.
//!
//! Invariant: a number stays a number, so that a catalogue can choose between one and many by it.

use std::borrow::Cow;

use fluent_bundle::FluentValue;

/// Something that stands in a text.
pub(crate) trait Argument {
    /// As the catalogues take it.
    fn value(&self) -> FluentValue<'_>;
}

macro_rules! words {
    ($($kind:ty),+) => {$(
        impl Argument for $kind {
            fn value(&self) -> FluentValue<'_> {
                FluentValue::String(Cow::Borrowed(self))
            }
        }
    )+};
}

macro_rules! numbers {
    ($($kind:ty),+) => {$(
        impl Argument for $kind {
            fn value(&self) -> FluentValue<'_> {
                FluentValue::from(*self)
            }
        }
    )+};
}

words!(str, String, Cow<'_, str>);
numbers!(u8, u16, u32, u64, usize, i32, i64, f64);

impl<T: Argument + ?Sized> Argument for &T {
    fn value(&self) -> FluentValue<'_> {
        (**self).value()
    }
}
