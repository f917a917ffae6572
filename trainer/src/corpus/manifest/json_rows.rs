//! Rows of JSON lines: one object per line.

use serde_json::{Map, Value};

use super::{Builder, Role, Row, tag_names};
use crate::corpus::CorpusError;

pub(super) fn read(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), CorpusError> {
    let mut objects: Vec<(u64, Map<String, Value>)> = Vec::new();
    for (line, text) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        match text.trim_ascii() {
            b"" => {}
            text => match serde_json::from_slice(text) {
                Ok(Value::Object(object)) => objects.push((line, object)),
                Ok(_) => return Err(builder.line_error(line, "not a JSON object")),
                Err(error) => return Err(builder.line_error(line, format!("not JSON: {error}"))),
            },
        }
    }
    // Only when no line has "tags" is any other key a tag.
    builder.by_name = objects.iter().any(|(_, object)| object.keys().any(|key| Role::of(key) == Role::Tags));
    for (line, object) in objects {
        let row = row(line, &object, builder)?;
        builder.push(row)?;
    }
    Ok(())
}

fn row(line: u64, object: &Map<String, Value>, builder: &Builder<'_>) -> Result<Row, CorpusError> {
    let mut row = Row { line, ..Row::default() };
    let mut seen = std::collections::HashSet::new();
    for (key, value) in object {
        if !seen.insert(key.trim().to_lowercase()) {
            return Err(
                builder.line_error(line, format!("`{key}` is there twice; case does not tell keys apart"))
            );
        }
        let wrong = |expected| builder.value_error(line, key, value.to_string(), expected);
        let text = || match value {
            Value::String(text) => Ok(text.clone()),
            Value::Null => Ok(String::new()),
            _ => Err(wrong("a text")),
        };
        match Role::of(key) {
            Role::Path => row.path = text()?,
            Role::Split => row.split = builder.split(line, key, &text()?)?,
            Role::Artist => row.artist = text()?,
            Role::Album => row.album = text()?,
            Role::Tags if value.is_null() => {}
            Role::Tags => {
                row.named = Some(names(value).ok_or_else(|| wrong("a list of texts, a text or null"))?)
            }
            Role::Label if !builder.by_name && !value.is_null() => {
                let label = label(value).ok_or_else(|| wrong("a number from 0 to 1, or null"))?;
                row.valued.push((key.trim().into(), label));
            }
            Role::Label | Role::Note => {}
        }
    }
    Ok(row)
}

fn names(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(tag_names(text)),
        Value::Array(list) => {
            let names: Option<Vec<&str>> = list.iter().map(|value| value.as_str().map(str::trim)).collect();
            Some(names?.into_iter().filter(|name| !name.is_empty()).map(String::from).collect())
        }
        _ => None,
    }
}

fn label(value: &Value) -> Option<f32> {
    let number = match value {
        Value::Bool(on) => f64::from(u8::from(*on)),
        Value::Number(number) => number.as_f64()?,
        _ => return None,
    };
    (0.0..=1.0).contains(&number).then_some(number as f32)
}
