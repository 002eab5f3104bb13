//! `/v1/openapi.json`: the API described for machines (OpenAPI 3.1). Kept by hand; a test holds it against the resources.

use super::reply::Reply;

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /v1/openapi.json`.
pub(super) fn get() -> Reply {
    Reply::text(DOCUMENT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::super::resource::{Right, every};
    use super::*;

    #[test]
    fn the_document_names_exactly_what_there_is() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods
                .as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "parameters")
            {
                described.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
        let mut there = BTreeSet::new();
        for resource in every() {
            for method in resource.methods() {
                there.insert(format!("{method} {}", resource.template()));
            }
        }
        assert_eq!(described, there);
    }

    #[test]
    fn the_document_says_what_takes_a_token() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        for resource in every() {
            let operations = &document["paths"][resource.template()];
            for method in resource.methods() {
                let operation = &operations[method.as_str().to_lowercase()];
                let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
                assert_eq!(is_open, resource.right() == Right::Everyone, "{operation}");
                let security = operation["security"].as_array();
                let is_optional = security.is_some_and(|ways| ways.contains(&json!({})));
                assert_eq!(
                    is_optional,
                    resource.right() == Right::Readers,
                    "{operation}"
                );
                let has_refusals = operation["responses"].get("401").is_some();
                assert_eq!(has_refusals, !is_open, "{method} {}", resource.template());
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(to)) = members.get("$ref") {
                        found.push(to);
                    }
                    members.values().for_each(|member| walk(member, found));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
                _ => {}
            }
        }
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut found = Vec::new();
        walk(&document, &mut found);
        assert!(found.len() > 20);
        for to in found {
            let pointer = to.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{to}");
        }
    }
}
