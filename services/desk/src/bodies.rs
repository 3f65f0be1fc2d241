//! Parts of request bodies that several commands share. Requests are read strictly (an unknown field is a slip of
//! the caller's), events tolerantly; hence these types beside those of `proto-events`.

use proto_events::events;
use proto_events::ids::DepartmentId;
use schemars::JsonSchema;
use serde::Deserialize;

macro_rules! strict {
    ($(#[$doc:meta])* $name:ident for $event:path { $( $(#[$field_doc:meta])* $field:ident : $type:ty, )+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )+
        }

        impl From<$name> for $event {
            fn from(body: $name) -> Self {
                Self { $($field: body.$field,)+ }
            }
        }
    };
}

strict! {
    /// A matter.
    Matter for events::Matter {
        /// Its name.
        name: String,
        /// Its code in the national catalogue.
        #[serde(default)]
        code: Option<String>,
    }
}
strict! {
    /// The notice about personal data.
    Notice for events::Notice {
        /// Which version of the text.
        version: String,
        /// How it was given.
        mode: events::Mode,
    }
}
strict! {
    /// Where to go instead.
    Remedy for events::Remedy {
        /// The right body.
        #[serde(default)]
        body: String,
        /// How to reach it.
        #[serde(default)]
        contact: Option<String>,
    }
}
strict! {
    /// A paper that came in.
    ReceivedItem for events::ReceivedItem {
        /// What it is.
        name: String,
        /// Why it is needed.
        #[serde(default)]
        basis: Option<String>,
    }
}
strict! {
    /// A window.
    WindowContact for events::WindowContact {
        /// Its name.
        window: String,
        /// Its telephone.
        #[serde(default)]
        phone: Option<String>,
    }
}
strict! {
    /// A text of law or policy.
    PolicyBasis for events::PolicyBasis {
        /// Its title.
        title: String,
        /// Its document number.
        #[serde(default)]
        number: Option<String>,
        /// The article.
        article: String,
        /// The day from which it is in force.
        #[serde(default)]
        in_force_from: Option<chrono::NaiveDate>,
    }
}
strict! {
    /// A body that explains.
    Explainer for events::Explainer {
        /// A department or center.
        department: DepartmentId,
    }
}
strict! {
    /// A member of a task force.
    Member for events::Member {
        /// The body that sends him.
        department: DepartmentId,
        /// Username or office.
        #[serde(default)]
        person: String,
    }
}
strict! {
    /// Where a department stands.
    DepartmentPosition for events::DepartmentPosition {
        /// The department or center.
        department: DepartmentId,
        /// Its position.
        position: proto_events::codes::Position,
        /// The text that an objection stands on.
        #[serde(default)]
        basis: Option<String>,
    }
}
strict! {
    /// Something that a meeting gave somebody to do.
    MeetingAction for events::MeetingAction {
        /// Who.
        owner: String,
        /// What.
        what: String,
        /// By when.
        due_at: proto_events::Timestamp,
    }
}

strict! {
    /// A paper that is asked for.
    RequestedItem for events::RequestedItem {
        /// What it is.
        name: String,
        /// The text that requires it.
        basis: String,
    }
}
strict! {
    /// A department's part of a joint matter.
    PartWish for casework::command::PartWish {
        /// The department.
        department: DepartmentId,
        /// What is asked of it.
        ask: String,
        /// By when; with the case when left out.
        #[serde(default)]
        due_at: Option<proto_events::Timestamp>,
    }
}

/// Turns the parts of a list into those of an event.
#[must_use]
pub fn all<A, B: From<A>>(list: Vec<A>) -> Vec<B> {
    list.into_iter().map(B::from).collect()
}
