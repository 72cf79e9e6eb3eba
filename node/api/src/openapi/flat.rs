//! Fields that stand in their parent's own object (serde's `flatten`).
//!
//! The derived schema says it with `allOf`: a reference to what is put in, and the object around it. That is right,
//! but most generators of clients make nothing of an `allOf` whose part is one of several kinds, as an operation is. So
//! such a schema is written out: one object with all fields, or one for each kind.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Behind it stands a schema's name.
const SCHEMAS: &str = "#/components/schemas/";

/// Writes out every schema that is an `allOf` of objects. What nothing refers to any more is left out, or there would
/// be two schemas of one title.
pub(super) fn flatten(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else {
        return;
    };
    let known = schemas.clone();
    let mut put_in = BTreeSet::new();
    for schema in schemas.values_mut() {
        if let Some(whole) = written_out(schema, &known) {
            put_in.extend(parts(schema).filter_map(name));
            *schema = whole;
        }
    }
    let names: BTreeSet<String> = known.keys().cloned().collect();
    for schema in schemas.values_mut() {
        rename_kinds(schema, &names);
    }
    let text = document.to_string();
    let unused = put_in
        .into_iter()
        .filter(|name| !text.contains(&format!("\"{SCHEMAS}{name}\"")));
    let unused: Vec<String> = unused.collect();
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.retain(|name, _| !unused.contains(name));
    }
}

/// What an `allOf` is of.
fn parts(schema: &Value) -> impl Iterator<Item = &Value> {
    schema["allOf"].as_array().into_iter().flatten()
}

/// The schema that a reference names.
fn name(part: &Value) -> Option<String> {
    Some(part["$ref"].as_str()?.strip_prefix(SCHEMAS)?.to_owned())
}

/// One schema for an `allOf` of objects, of which at most one is of several kinds; none for other schemas.
fn written_out(schema: &Value, known: &Map<String, Value>) -> Option<Value> {
    let (mut objects, mut kinds) = (Vec::new(), None);
    for part in parts(schema) {
        let part = match name(part) {
            Some(name) => known.get(&name)?,
            None => part,
        };
        match part["oneOf"].as_array() {
            Some(several) if kinds.is_none() => kinds = Some(several),
            Some(_) => return None,
            None => objects.push(part),
        }
    }
    if objects.is_empty() {
        return None;
    }
    let mut whole = match kinds {
        None => joined(&objects)?,
        Some(kinds) => {
            let each = kinds.iter().map(|kind| {
                let parts: Vec<&Value> = [kind].into_iter().chain(objects.iter().copied()).collect();
                joined(&parts)
            });
            serde_json::json!({ "oneOf": each.collect::<Option<Vec<_>>>()? })
        }
    };
    if let Some(description) = schema.get("description") {
        whole["description"] = description.clone();
    }
    Some(whole)
}

/// One object with the fields of all of these; title and description are those of the first.
fn joined(objects: &[&Value]) -> Option<Value> {
    let mut whole = (*objects.first()?).clone();
    for object in &objects[1..] {
        let fields = object["properties"].as_object()?;
        whole["properties"].as_object_mut()?.extend(fields.clone());
        for field in object["required"].as_array().into_iter().flatten() {
            match whole["required"].as_array_mut() {
                Some(required) => required.push(field.clone()),
                None => whole["required"] = Value::Array(vec![field.clone()]),
            }
        }
    }
    Some(whole)
}

/// A kind is a type of its own where a client is generated: it must not be called as a schema is.
fn rename_kinds(schema: &mut Value, names: &BTreeSet<String>) {
    let kinds = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    for kind in kinds.into_iter().flatten() {
        let title = kind["title"].as_str().filter(|title| names.contains(*title));
        if let Some(title) = title {
            kind["title"] = format!("{title}Operation").into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_with_others_in_it_has_the_fields_of_all_and_of_each_kind() {
        let object = |title: &str, field: &str| {
            json!({
                "type": "object", "title": title, "required": [field], "properties": { field: { "type": "string" } },
            })
        };
        let around =
            json!({ "type": "object", "required": ["by"], "properties": { "by": { "type": "string" } } });
        let reference = |name: &str| json!({ "$ref": format!("{SCHEMAS}{name}") });
        let mut document = json!({ "components": { "schemas": {
            "Act": { "description": "An act.", "allOf": [reference("Kinds"), around] },
            "Kinds": { "oneOf": [object("Pay", "to"), object("Hold", "until")] },
            "Hold": { "allOf": [reference("Name"), around] },
            "Name": object("Name", "owner"),
            "Release": { "type": "object", "properties": { "hold": reference("Name") } },
        } } });
        flatten(&mut document);
        let both = |field: &str| json!({ field: { "type": "string" }, "by": { "type": "string" } });
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Act"]["description"], "An act.");
        for (place, title, field) in [(0, "Pay", "to"), (1, "HoldOperation", "until")] {
            let kind = &schemas["Act"]["oneOf"][place];
            assert_eq!(kind["title"], title);
            assert_eq!(kind["properties"], both(field));
            assert_eq!(kind["required"], json!([field, "by"]));
        }
        assert_eq!(schemas["Hold"]["properties"], both("owner"));
        assert!(schemas["Hold"]["allOf"].is_null() && schemas["Hold"]["oneOf"].is_null());
        // The one is still referred to, the other is not.
        assert!(schemas["Name"].is_object() && schemas["Kinds"].is_null());
    }
}
