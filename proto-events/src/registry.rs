//! The published face of the events: JSON Schemas and the AsyncAPI document, made from the types.
//!
//! Invariant: what is written here is derived; the golden files in `proto-events/schemas` are its
//! witness. A changed golden file of a published event is a broken promise, unless a field was added.

use alloc::format;
use alloc::string::{String, ToString};

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::envelope::header;
use crate::events::CaseEventKind;
use crate::subject;

/// The JSON Schema (2020-12) of an event's data, complete in itself.
#[must_use]
pub fn schema(kind: CaseEventKind) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schema = kind.schema(&mut generator);
    let mut value = schema.to_value();
    let definitions = generator.take_definitions(true);
    if let Value::Object(object) = &mut value {
        object.insert("$schema".to_string(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert(
            "$id".to_string(),
            json!(format!("urn:{}", kind.event_type().replace('.', ":"))),
        );
        object.insert("title".to_string(), json!(kind.event_type()));
        if !definitions.is_empty() {
            object.insert("$defs".to_string(), Value::Object(definitions));
        }
    }
    value
}

/// The file that holds the schema of this event: `opened.v1.json`.
#[must_use]
pub fn file_name(kind: CaseEventKind) -> String {
    let versioned = kind.event_type().trim_start_matches(crate::events::TYPE_PREFIX);
    format!("{versioned}.json")
}

/// The AsyncAPI 3.0 document of the bus.
#[must_use]
pub fn async_api(version: &str) -> Value {
    let mut messages = Map::new();
    let mut channel_messages = Map::new();
    let mut operations = Map::new();
    for kind in CaseEventKind::ALL {
        let name = kind.name();
        messages.insert(
            name.to_string(),
            json!({
                "name": kind.event_type(),
                "title": kind.label_zh(),
                "contentType": "application/json",
                "headers": { "$ref": "#/components/schemas/headers" },
                "payload": {
                    "schemaFormat": "application/schema+json;version=draft-2020-12",
                    "schema": { "$ref": format!("./schemas/{}", file_name(*kind)) },
                },
                "x-written-by": kind.service().name(),
            }),
        );
        channel_messages
            .insert(name.to_string(), json!({ "$ref": format!("#/components/messages/{name}") }));
    }
    for service in ["intake", "routing", "escalation"] {
        let written: alloc::vec::Vec<Value> = CaseEventKind::ALL
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
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": { "headers": header_schema() },
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
            header::SUBJECT: text("The case id."),
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
        },
        "required": [
            header::SPEC_VERSION, header::ID, header::SOURCE, header::TYPE, header::SUBJECT,
            header::TIME, header::RECORDED_AT, header::ACTOR, header::ROLE, header::COMMAND_ID,
        ],
    })
}
