//! The OpenAPI 3.1 document, made of the same types that the handlers read and write.
//!
//! Invariants: every `$ref` resolves inside the document; a schema that reads and writes differently
//! stands twice, under two names; the document does not vary between runs.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::problem::{FieldError, PROBLEM_CONTENT_TYPE, ProblemEntry};

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterPlace {
    /// In the path; always required.
    Path,
    /// In the query string.
    Query,
    /// In a header.
    Header,
}

/// One parameter of an operation.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: ParameterPlace,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it means.
    pub description: &'static str,
    /// Its type.
    pub schema: Schema,
}

impl Parameter {
    /// An optional parameter of the query string, of type `T`.
    #[must_use]
    pub fn query<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        let place = ParameterPlace::Query;
        Self { name, place, is_required: false, description, schema: request_schema::<T>() }
    }

    /// A parameter of the path, of type `T`.
    #[must_use]
    pub fn path<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        let place = ParameterPlace::Path;
        Self { name, place, is_required: true, description, schema: request_schema::<T>() }
    }
}

/// One thing that a service does for its callers.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The HTTP method.
    pub method: Method,
    /// The path with its parameters in braces, as axum takes it.
    pub path: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The group that it belongs to.
    pub tag: &'static str,
    /// The body that it takes.
    pub request: Option<Schema>,
    /// The body that it answers; `None` for an answer without body.
    pub response: Option<Schema>,
    /// The content type of the answer.
    pub response_content_type: &'static str,
    /// The status of a success.
    pub success_status: u16,
    /// Whether somebody must be signed in.
    pub auth: bool,
    /// Whether it is a command: takes `Idempotency-Key` and `If-Match`, answers with `ETag`.
    pub is_command: bool,
    /// The codes of its problems, beside those that every operation may have.
    pub problems: Vec<&'static str>,
    /// Its parameters; those of the path may be left out.
    pub parameters: Vec<Parameter>,
}

impl Operation {
    /// Makes an operation for signed-in callers that answers 200 without a body.
    #[must_use]
    pub fn new(
        method: Method,
        path: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            method,
            path,
            summary,
            tag,
            request: None,
            response: None,
            response_content_type: "application/json",
            success_status: 200,
            auth: true,
            is_command: false,
            problems: Vec::new(),
            parameters: Vec::new(),
        }
    }

    /// Sets the type of the body that it takes.
    #[must_use]
    pub fn takes<T: JsonSchema>(mut self) -> Self {
        self.request = Some(request_schema::<T>());
        self
    }

    /// Sets the type and status of its answer.
    #[must_use]
    pub fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.response = Some(response_schema::<T>());
        self.success_status = status;
        self
    }

    /// Sets the status of an answer without JSON: another content type, or 204 without a body.
    #[must_use]
    pub fn answers_with(mut self, status: u16, content_type: &'static str) -> Self {
        self.success_status = status;
        self.response_content_type = content_type;
        self
    }

    /// Opens it to callers who are not signed in.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.auth = false;
        self
    }

    /// Makes it a command: `Idempotency-Key`, `If-Match`, `ETag`.
    #[must_use]
    pub fn command(mut self) -> Self {
        self.is_command = true;
        self
    }

    /// Adds codes of problems.
    #[must_use]
    pub fn refuses(mut self, codes: &[&'static str]) -> Self {
        self.problems.extend_from_slice(codes);
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }
}

/// The schema of a type as it is read.
#[must_use]
pub fn request_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>()
}

/// The schema of a type as it is written.
#[must_use]
pub fn response_schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Makes the document of all `operations`; `catalogue` gives each problem's status and text.
#[must_use]
pub fn openapi(
    title: &str,
    version: &str,
    operations: &[Operation],
    catalogue: &[ProblemEntry],
) -> Value {
    let mut components = Components::default();
    components.hoist(problem_schema());
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut tags = BTreeSet::new();
    for operation in operations {
        tags.insert(operation.tag);
        paths.entry(operation.path).or_default().insert(
            operation.method.as_str().to_ascii_lowercase(),
            describe(operation, catalogue, &mut components),
        );
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": version },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "tags": tags.into_iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "securitySchemes": {
                "session": { "type": "http", "scheme": "bearer", "description": "The token of POST /v1/session, or that of a machine (POST /v1/tokens) within its scopes" },
            },
        },
    })
}

fn describe(
    operation: &Operation,
    catalogue: &[ProblemEntry],
    components: &mut Components,
) -> Value {
    let mut entry = json!({
        "operationId": operation_id(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": parameters(operation, components),
        "responses": responses(operation, catalogue, components),
        "security": if operation.auth { json!([{ "session": [] }]) } else { json!([]) },
    });
    if let Some(schema) = &operation.request {
        let schema = components.hoist(schema.clone());
        entry["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    entry
}

/// `post_v1_cases_id_forward`: stable, and unique as method and path are.
fn operation_id(operation: &Operation) -> String {
    let words =
        operation.path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let method = operation.method.as_str().to_ascii_lowercase();
    std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn parameters(operation: &Operation, components: &mut Components) -> Vec<Value> {
    let mut listed = Vec::new();
    let declared = |name: &str| operation.parameters.iter().any(|parameter| parameter.name == name);
    for name in
        operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    {
        if !declared(name) {
            listed.push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
        }
    }
    for parameter in &operation.parameters {
        let place = match parameter.place {
            ParameterPlace::Path => "path",
            ParameterPlace::Query => "query",
            ParameterPlace::Header => "header",
        };
        listed.push(json!({
            "name": parameter.name,
            "in": place,
            "required": parameter.is_required || parameter.place == ParameterPlace::Path,
            "description": parameter.description,
            "schema": components.hoist(parameter.schema.clone()),
        }));
    }
    if operation.is_command {
        listed.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Makes a repeat harmless: the same key and body get the same answer",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$" },
        }));
        listed.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The version that was decided on, as in ETag; 412 when it is no longer the newest",
            "schema": { "type": "string", "pattern": "^(\\*|\"[0-9]+\")$" },
        }));
    }
    listed
}

fn responses(
    operation: &Operation,
    catalogue: &[ProblemEntry],
    components: &mut Components,
) -> Map<String, Value> {
    let mut success = json!({ "description": operation.summary });
    if let Some(schema) = &operation.response {
        let schema = components.hoist(schema.clone());
        success["content"] = json!({ operation.response_content_type: { "schema": schema } });
    } else if operation.success_status != 204 {
        success["content"] = json!({ operation.response_content_type: {} });
    }
    if operation.is_command {
        success["headers"] = json!({
            "ETag": { "description": "The version after the command", "schema": { "type": "string" } },
        });
    }
    let mut listed = Map::new();
    listed.insert(operation.success_status.to_string(), success);

    let mut codes = vec!["malformed", "internal", "busy", "unavailable"];
    if operation.auth {
        codes.extend(["unauthenticated", "forbidden"]);
    }
    if operation.request.is_some() {
        codes.extend(["too_large", "unsupported_media_type"]);
    }
    let is_asked = operation.parameters.iter().any(|one| one.place == ParameterPlace::Query);
    if is_asked || operation.request.is_some() {
        codes.push("invalid");
    }
    if operation.path.contains('{') {
        codes.push("not_found");
    }
    if operation.is_command {
        codes.extend(["stale", "idempotency_mismatch"]);
    }
    codes.extend(&operation.problems);
    let mut by_status: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    for code in codes {
        // A code that is in no catalogue is a rule's: 409.
        let status =
            catalogue.iter().find(|entry| entry.code == code).map_or(409, |entry| entry.status);
        by_status.entry(status).or_default().insert(code);
    }
    for (status, codes) in by_status {
        let codes: Vec<_> = codes.into_iter().map(|code| format!("`{code}`")).collect();
        listed.insert(
            status.to_string(),
            json!({
                "description": codes.join(", "),
                "content": { PROBLEM_CONTENT_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
            }),
        );
    }
    listed
}

/// The body of every problem, as [`super::Problem`] writes it.
#[derive(JsonSchema)]
#[schemars(rename = "Problem")]
#[expect(dead_code, reason = "only its schema is used")]
struct ProblemBody {
    /// The page of the code.
    r#type: String,
    /// A short title that does not vary.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The code, for programs.
    code: String,
    /// What happened here.
    detail: String,
    /// The fields that are wrong; not there when no field is.
    #[schemars(skip_serializing_if = "Option::is_none")]
    errors: Option<Vec<FieldError>>,
    /// Finds the request in the log.
    #[schemars(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

fn problem_schema() -> Schema {
    response_schema::<ProblemBody>()
}

/// The schemas that stand once, under `components`.
#[derive(Default)]
struct Components {
    schemas: BTreeMap<String, Value>,
}

impl Components {
    /// Moves a schema and its definitions under `components`, and returns what stands in its place.
    fn hoist(&mut self, schema: Schema) -> Value {
        let mut root = schema.to_value();
        let Some(members) = root.as_object_mut() else { return root };
        members.remove("$schema");
        let definitions = match members.remove("$defs") {
            Some(Value::Object(definitions)) => definitions,
            _ => Map::new(),
        };
        let title = members.get("title").and_then(Value::as_str).map(str::to_owned);
        let is_object = members.contains_key("properties") || members.contains_key("oneOf");

        let mut names: BTreeMap<String, String> = BTreeMap::new();
        // Names depend on contents and contents on names; a second round settles what refers to a
        // definition that was renamed in the first.
        for _ in 0..2 {
            for (name, definition) in &definitions {
                let mut definition = definition.clone();
                point_to_components(&mut definition, &names);
                let chosen = self.place(name, definition);
                names.insert(name.clone(), chosen);
            }
        }
        point_to_components(&mut root, &names);
        match title {
            Some(title)
                if is_object && title.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
            {
                let name = self.place(&title, root);
                json!({ "$ref": format!("#/components/schemas/{name}") })
            }
            _ => root,
        }
    }

    /// Puts a schema under its name, or under the name with a number when another has it.
    fn place(&mut self, name: &str, schema: Value) -> String {
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' })
            .collect();
        for number in 1.. {
            let candidate = if number == 1 { name.clone() } else { format!("{name}{number}") };
            match self.schemas.get(&candidate) {
                Some(present) if *present != schema => {}
                _ => {
                    self.schemas.insert(candidate.clone(), schema);
                    return candidate;
                }
            }
        }
        name
    }
}

fn point_to_components(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref")
                && let Some(name) = target.strip_prefix("#/$defs/")
            {
                let name = names.get(name).map_or(name, String::as_str);
                *target = format!("#/components/schemas/{name}");
            }
            for member in members.values_mut() {
                point_to_components(member, names);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point_to_components(item, names)),
        _ => {}
    }
}
