//! The published face of the events: JSON Schemas and the AsyncAPI document, made from the types.
//!
//! Invariant: what is written here is derived; the golden files in `proto-events/schemas` are its
//! witness. A changed golden file of a published event is a broken promise, unless a field was added.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::centers::{self, CenterEventKind};
use crate::envelope::header;
use crate::events::{self, CaseEventKind, Service};
use crate::learning::{self, LearningEventKind};
use crate::{public, subject, upcast};

/// What every event type of the product begins with.
const PRODUCT_PREFIX: &str = "cn.unstuck.";

/// The JSON Schema (2020-12) of the data of an event of a case, complete in itself.
#[must_use]
pub fn schema(kind: CaseEventKind) -> Value {
    complete(kind.event_type(), |generator| kind.schema(generator))
}

/// The JSON Schema (2020-12) of the data of an event of a center, complete in itself.
#[must_use]
pub fn center_schema(kind: CenterEventKind) -> Value {
    complete(kind.event_type(), |generator| kind.schema(generator))
}

/// The JSON Schema (2020-12) of the data of an event of what the district learns, complete in itself.
#[must_use]
pub fn learning_schema(kind: LearningEventKind) -> Value {
    complete(kind.event_type(), |generator| kind.schema(generator))
}

/// Every schema of a current version with the name of its file.
#[must_use]
pub fn schemas() -> Vec<(String, Value)> {
    let of_cases = CaseEventKind::ALL.iter().map(|kind| (file_name(*kind), schema(*kind)));
    let of_centers = CenterEventKind::ALL
        .iter()
        .map(|kind| (file_name_of(kind.event_type()), center_schema(*kind)));
    let of_learning = LearningEventKind::ALL
        .iter()
        .map(|kind| (file_name_of(kind.event_type()), learning_schema(*kind)));
    of_cases.chain(of_centers).chain(of_learning).collect()
}

fn complete(
    event_type: &str,
    schema: impl FnOnce(&mut schemars::SchemaGenerator) -> schemars::Schema,
) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schema = schema(&mut generator);
    let mut value = schema.to_value();
    let definitions = generator.take_definitions(true);
    if let Value::Object(object) = &mut value {
        object.insert("$schema".to_string(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("$id".to_string(), json!(format!("urn:{}", event_type.replace('.', ":"))));
        object.insert("title".to_string(), json!(event_type));
        if !definitions.is_empty() {
            object.insert("$defs".to_string(), Value::Object(definitions));
        }
    }
    value
}

/// The file that holds the schema of this event: `opened.v1.json`.
#[must_use]
pub fn file_name(kind: CaseEventKind) -> String {
    file_name_of(kind.event_type())
}

/// The file of a full type: `opened.v1.json` of a case, `center.consultation_tallied.v1.json` of anything else.
#[must_use]
pub fn file_name_of(event_type: &str) -> String {
    let versioned = event_type
        .strip_prefix(events::TYPE_PREFIX)
        .or_else(|| event_type.strip_prefix(PRODUCT_PREFIX))
        .unwrap_or(event_type);
    format!("{versioned}.json")
}

/// The full type of a schema's or sample's file, by its name without `.json`.
#[must_use]
pub fn event_type_of(file_stem: &str) -> String {
    let is_of_case = !["center.", "learning."].iter().any(|stream| file_stem.starts_with(stream));
    let prefix = if is_of_case { events::TYPE_PREFIX } else { PRODUCT_PREFIX };
    format!("{prefix}{file_stem}")
}

/// The service that writes events of a type, in whatever version; `None` for a type that nobody writes.
#[must_use]
pub fn service_of(event_type: &str) -> Option<Service> {
    let wanted = unversioned(event_type)?;
    let is_it = |event_type: &str| unversioned(event_type) == Some(wanted);
    let cases = CaseEventKind::ALL.iter().map(|kind| (kind.event_type(), kind.service()));
    let centers = CenterEventKind::ALL.iter().map(|kind| (kind.event_type(), kind.service()));
    let learning = LearningEventKind::ALL.iter().map(|kind| (kind.event_type(), kind.service()));
    let mut kinds = cases.chain(centers).chain(learning);
    kinds.find(|(event_type, _)| is_it(event_type)).map(|(_, service)| service)
}

/// Whether a center with a server of its own writes events of a type, in whatever version: what citizens bring, which commutes
/// with everything that the district decides meanwhile, and what the center counts.
#[must_use]
pub fn is_of_a_center(event_type: &str) -> bool {
    let Some(wanted) = unversioned(event_type) else { return false };
    let is_it = |event_type: &str| unversioned(event_type) == Some(wanted);
    events::OF_A_CENTER.iter().any(|kind| is_it(kind.event_type()))
        || CenterEventKind::ALL.iter().any(|kind| is_it(kind.event_type()))
}

/// An event's type without its version; `None` for what is no type.
#[must_use]
pub fn unversioned(event_type: &str) -> Option<&str> {
    event_type.rsplit_once(".v").map(|(name, _)| name)
}

/// Whether a type and a body are an event that somebody of the house can read, of whatever stream.
#[must_use]
pub fn is_readable(event_type: &str, body: &[u8]) -> bool {
    upcast::read(event_type, body).is_ok()
        || centers::read(event_type, body).is_ok()
        || learning::read(event_type, body).is_ok()
}

/// The AsyncAPI 3.0 document of the bus.
#[must_use]
pub fn async_api(version: &str) -> Value {
    let mut messages = Map::new();
    let mut channel_messages = Map::new();
    let mut operations = Map::new();
    for kind in CaseEventKind::ALL {
        let name = kind.name();
        let service = kind.service().name();
        let mut of_case = message(kind.event_type(), kind.label_zh(), service);
        of_case["x-public-data"] = json!(public::told_of(*kind).paths());
        messages.insert(name.to_string(), of_case);
        channel_messages
            .insert(name.to_string(), json!({ "$ref": format!("#/components/messages/{name}") }));
    }
    for service in ["intake", "routing", "escalation"] {
        let written: Vec<Value> = CaseEventKind::ALL
            .iter()
            .filter(|kind| kind.service().name() == service)
            .map(|kind| json!({ "$ref": format!("#/channels/cases/messages/{}", kind.name()) }))
            .collect();
        operations.insert(
            format!("{service}Appends"),
            json!({
                "action": "send",
                "channel": { "$ref": "#/channels/cases" },
                "summary": format!("{service} appends these events to the stream"),
                "messages": written,
            }),
        );
    }
    operations.insert(
        "projectionFollows".to_string(),
        json!({
            "action": "receive",
            "channel": { "$ref": "#/channels/cases" },
            "summary": "projection follows the whole stream in order",
        }),
    );
    for kind in CenterEventKind::ALL {
        let (name, service) = (kind.name(), kind.service().name());
        messages.insert(name.to_string(), message(kind.event_type(), kind.label_zh(), service));
        let channel = channel_of(*kind);
        operations.insert(
            format!("{service}Appends{}", capitalized(channel)),
            json!({
                "action": "send",
                "channel": { "$ref": format!("#/channels/{channel}") },
                "summary": format!("{service} appends this event to the stream; it commutes"),
                "messages": [{ "$ref": format!("#/channels/{channel}/messages/{name}") }],
            }),
        );
        operations.insert(
            format!("projectionFollows{}", capitalized(channel)),
            json!({
                "action": "receive",
                "channel": { "$ref": format!("#/channels/{channel}") },
                "summary": "projection follows the whole stream of centers in order",
            }),
        );
    }
    for (channel, subject) in LEARNING_CHANNELS {
        let kinds = || LearningEventKind::ALL.iter().filter(|kind| kind.is_of(subject));
        for kind in kinds() {
            let (name, service) = (kind.name(), kind.service().name());
            messages.insert(name.to_string(), message(kind.event_type(), kind.label_zh(), service));
        }
        let written: Vec<Value> = kinds()
            .map(|kind| json!({ "$ref": format!("#/channels/{channel}/messages/{}", kind.name()) }))
            .collect();
        operations.insert(
            format!("learningAppends{}", capitalized(channel)),
            json!({
                "action": "send",
                "channel": { "$ref": format!("#/channels/{channel}") },
                "summary": format!("learning appends these events to the {subject}'s own subject"),
                "messages": written,
            }),
        );
        operations.insert(
            format!("projectionFollows{}", capitalized(channel)),
            json!({
                "action": "receive",
                "channel": { "$ref": format!("#/channels/{channel}") },
                "summary": "projection and learning follow the whole stream of what was learned in order",
            }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Unstuck (办得成): the district bus",
            "version": version,
            "description": "Events of the 办不成事 desks over NATS JetStream. One message is one event; the \
                headers are CloudEvents 1.0 in binary mode.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": {
            "cases": {
                "address": "case.{center}.{case_id}",
                "title": "Every event of every case, in order",
                "description": "One literal subject per case; the event's type stands in the header ce-type.",
                "parameters": {
                    "center": { "description": "The center that opened the case." },
                    "case_id": { "description": "The case, a UUID." },
                },
                "messages": channel_messages,
                "x-stream": {
                    "name": subject::CASES_STREAM,
                    "subjects": [subject::CASES_SUBJECTS],
                    "retention": "unlimited; nothing is ever deleted",
                },
            },
            "consultations": center_channel(
                CenterEventKind::ConsultationTallied,
                "The questions that a center was asked, counted",
                "One literal subject per center. No person stands in it.",
            ),
            "days": center_channel(
                CenterEventKind::CenterDayClosed,
                "The days that a center has closed",
                "One literal subject per center. A day without an event is silent, which is not zero.",
            ),
            "precedents": learning_channel("precedent", "What is to be done again in a case of the same kind"),
            "improvements": learning_channel("improvement", "What is to be changed, so that it does not happen again"),
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": { "headers": header_schema() },
        },
    })
}

fn message(event_type: &str, title: &str, service: &str) -> Value {
    json!({
        "name": event_type,
        "title": title,
        "contentType": "application/json",
        "headers": { "$ref": "#/components/schemas/headers" },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": { "$ref": format!("./schemas/{}", file_name_of(event_type)) },
        },
        "x-written-by": service,
    })
}

const fn channel_of(kind: CenterEventKind) -> &'static str {
    match kind {
        CenterEventKind::ConsultationTallied => "consultations",
        CenterEventKind::CenterDayClosed => "days",
    }
}

fn capitalized(channel: &str) -> String {
    let (first, rest) = channel.split_at(1);
    format!("{}{rest}", first.to_ascii_uppercase())
}

fn center_channel(kind: CenterEventKind, title: &str, description: &str) -> Value {
    let name = kind.name();
    json!({
        "address": format!("center.{{center}}.{}", channel_of(kind)),
        "title": title,
        "description": description,
        "parameters": { "center": { "description": "The center." } },
        "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
        "x-stream": {
            "name": subject::CENTERS_STREAM,
            "subjects": [subject::CENTERS_SUBJECTS],
            "retention": "unlimited; nothing is ever deleted",
        },
    })
}

/// The channels of what the district learns, and what stands first in their subjects.
const LEARNING_CHANNELS: [(&str, &str); 2] =
    [("precedents", "precedent"), ("improvements", "improvement")];

fn learning_channel(subject: &str, title: &str) -> Value {
    let kinds = LearningEventKind::ALL.iter().filter(|kind| kind.is_of(subject));
    let messages: Map<String, Value> = kinds
        .map(|kind| kind.name())
        .map(|name| (name.to_string(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "address": format!("{subject}.{{id}}"),
        "title": title,
        "description": format!("One literal subject per {subject}. No person who asked for help stands in it."),
        "parameters": { "id": { "description": format!("The {subject}, a UUID.") } },
        "messages": messages,
        "x-stream": {
            "name": subject::LEARNING_STREAM,
            "subjects": subject::LEARNING_SUBJECTS,
            "retention": "unlimited; nothing is ever deleted",
        },
    })
}

fn header_schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "properties": {
            header::SPEC_VERSION: { "const": crate::envelope::SPEC_VERSION },
            header::ID: { "type": "string", "format": "uuid", "description": "UUIDv5 of command id and index." },
            header::NATS_MESSAGE_ID: text("The event id again."),
            header::SOURCE: text("/<district>/<service>[/<center>]"),
            header::TYPE: text("The type with its version."),
            header::SUBJECT: text("The case id, the center, or the id of the precedent or improvement."),
            header::TIME: { "type": "string", "format": "date-time", "description": "When it happened." },
            header::CONTENT_TYPE: { "const": "application/json" },
            header::RECORDED_AT: {
                "type": "string", "format": "date-time", "description": "When it was written down.",
            },
            header::ACTOR: text("Username, or the name of a reaction."),
            header::ROLE: text("The role in which the actor did it."),
            header::COMMAND_ID: { "type": "string", "format": "uuid" },
            header::COMMAND_HASH: text("Keyed hash of the request's body."),
            header::CAUSATION_ID: text("The event that caused the command."),
            header::CORRELATION_ID: text("The first request of the chain."),
            header::TRACE_PARENT: text("W3C trace context."),
            header::PREVIOUS: text(
                "`first`, or the SHA-256 of the event before this one on its subject, in base64url; absent where the \
                 writer did not look (facts that commute)."
            ),
            header::MAC: text(
                "`v1.<key>.<mac>`: HMAC-SHA256 under the site's key over subject, attributes and body; absent on events \
                 that were written before there was one."
            ),
        },
        "required": [
            header::SPEC_VERSION, header::ID, header::SOURCE, header::TYPE, header::SUBJECT,
            header::TIME, header::RECORDED_AT, header::ACTOR, header::ROLE, header::COMMAND_ID,
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_center_writes_what_is_intakes_and_commutes_and_what_it_counts() {
        for kind in events::OF_A_CENTER {
            assert_eq!(kind.service(), Service::Intake, "{}", kind.name());
            assert!(is_of_a_center(kind.event_type()));
        }
        for kind in CenterEventKind::ALL {
            assert!(is_of_a_center(kind.event_type()));
        }
        for other in [CaseEventKind::Corrected, CaseEventKind::Declined, CaseEventKind::Forwarded] {
            assert!(!is_of_a_center(other.event_type()), "{}", other.name());
        }
        assert!(!is_of_a_center("") && !is_of_a_center("cn.unstuck.case.opened"));
        assert!(is_of_a_center("cn.unstuck.case.opened.v9"), "in whatever version");
    }
}
