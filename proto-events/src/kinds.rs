//! The macro that types the events of a stream: the enum of events, the enum of their kinds, names, types, labels,
//! schemas, and reading and writing. One for cases, centers and learning, so that a new stream says only its list.

/// Types a list of events whose data are structs of the same names, in scope where it is called.
macro_rules! event_kinds {
    (
        $(#[$event_attribute:meta])* $event:ident,
        $(#[$kind_attribute:meta])* $kind:ident, $prefix:literal;
        $( $variant:ident, $name:literal, v $version:literal, $zh:literal; )+
    ) => {
        $(#[$event_attribute])*
        pub enum $event {
            $( #[doc = $zh] $variant($variant), )+
        }

        $(#[$kind_attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {
            $( #[doc = $zh] $variant, )+
        }

        impl $kind {
            /// Every kind, in the order of the handbook.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The last part of the type: `forwarded`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The full type with its current version: `cn.unstuck.case.forwarded.v1`.
            #[must_use]
            pub const fn event_type(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($prefix, $name, ".v", $version)),+
                }
            }

            /// The Chinese label.
            #[must_use]
            pub const fn label_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),+ }
            }

            /// The kind of this full type, when it is one of the current versions.
            #[must_use]
            pub fn of_type(event_type: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.event_type() == event_type)
            }

            /// The JSON Schema of its data.
            #[must_use]
            pub fn schema(self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                match self {
                    $(Self::$variant => <$variant as schemars::JsonSchema>::json_schema(generator)),+
                }
            }

            /// Reads the data of an event of this kind.
            ///
            /// # Errors
            /// Says what does not fit, as serde puts it.
            pub fn read(self, body: serde_json::Value) -> Result<$event, serde_json::Error> {
                match self {
                    $(Self::$variant => serde_json::from_value(body).map($event::$variant)),+
                }
            }
        }

        impl $event {
            /// Which event it is.
            #[must_use]
            pub const fn kind(&self) -> $kind {
                match self { $(Self::$variant(_) => $kind::$variant),+ }
            }

            /// Writes the data as JSON.
            #[must_use]
            pub fn to_body(&self) -> alloc::vec::Vec<u8> {
                match self {
                    $(Self::$variant(data) => serde_json::to_vec(data),)+
                }
                .expect("the data of an event has string keys only, so it is always JSON")
            }
        }

        $(
            impl From<$variant> for $event {
                fn from(data: $variant) -> Self {
                    Self::$variant(data)
                }
            }
        )+
    };
}

pub(crate) use event_kinds;
