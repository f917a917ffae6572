//! Rows of JSON lines: one object per line.

use serde_json::{Map, Value};

use super::{Builder, Role, Row, tag_names};
use crate::corpus::CorpusError;

pub(super) fn read(bytes: &[u8], builder: &mut Builder<'_>) -> Result<(), CorpusError> {
    let lines = || {
        let lines =
            (1..).zip(bytes.split(|&byte| byte == b'\n')).map(|(line, text)| (line, text.trim_ascii()));
        lines.filter(|(_, text)| !text.is_empty())
    };
    // Only when no line has "tags" is any other key a tag. Read twice, so that a teacher's list, which has a number for
    // every tag of every window, never is in memory as objects.
    let mut by_name = false;
    for (line, text) in lines() {
        by_name |= object(line, text, builder)?.keys().any(|key| Role::of(key) == Role::Tags);
    }
    builder.by_name = by_name;
    for (line, text) in lines() {
        let object = object(line, text, builder)?;
        let row = row(line, &object, builder)?;
        builder.push(row)?;
    }
    Ok(())
}

fn object(line: u64, text: &[u8], builder: &Builder<'_>) -> Result<Map<String, Value>, CorpusError> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(builder.line_error(line, "not a JSON object")),
        Err(error) => Err(builder.line_error(line, format!("not JSON: {error}"))),
    }
}

fn row(line: u64, object: &Map<String, Value>, builder: &mut Builder<'_>) -> Result<Row, CorpusError> {
    let mut row = Row { line, ..Row::default() };
    let mut seen = std::collections::HashSet::new();
    for (key, value) in object {
        if !seen.insert(key.trim().to_lowercase()) {
            return Err(
                builder.line_error(line, format!("`{key}` is there twice; case does not tell keys apart"))
            );
        }
        if Role::of(key) == Role::Label {
            if !builder.by_name && !value.is_null() {
                let wrong =
                    || builder.value_error(line, key, value.to_string(), "a number from 0 to 1, or null");
                let label = label(value).ok_or_else(wrong)?;
                row.valued.push((builder.tag(key.trim()), label));
            }
            continue;
        }
        let wrong = |expected| builder.value_error(line, key, value.to_string(), expected);
        let text = || match value {
            Value::String(text) => Ok(text.clone()),
            Value::Null => Ok(String::new()),
            _ => Err(wrong("a text")),
        };
        let number_or_text = || match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => String::new(),
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
            Role::Start => row.start = builder.seconds(line, key, &number_or_text())?,
            Role::Seconds => row.seconds = number_or_text(),
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
