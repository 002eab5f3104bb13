//! What `deny` and `warn` gave, made into findings.

use catalog::Level;
use jiff::Timestamp;
use regorus::Value;

use super::super::finding::{Finding, level_name, soon};
use super::super::limits::FINDINGS_MAX;
use super::words::{cut, one_line};

/// Reads what `deny` or `warn` gave: a set of messages, each a text or an object with `msg` and perhaps `until`.
pub(super) fn read_findings(
    rule: &str,
    level: Level,
    value: &Value,
    now: Timestamp,
) -> Result<Vec<Finding>, String> {
    let name = level_name(level);
    let messages = match value {
        Value::Set(messages) => messages,
        _ => return Err(format!("{name} is not a set of messages")),
    };
    let mut findings = Vec::new();
    for message in messages.iter().take(FINDINGS_MAX) {
        let (text, until) = match message {
            Value::String(text) => (text, None),
            Value::Object(fields) => {
                let text = fields
                    .get(&Value::from("msg"))
                    .and_then(|msg| msg.as_string().ok());
                let Some(text) = text else {
                    return Err(format!("an object in {name} has no text `msg`"));
                };
                (text, fields.get(&Value::from("until")))
            }
            _ => {
                return Err(format!(
                    "{name} has a message that is neither a text nor an object with `msg`"
                ));
            }
        };
        findings.push(Finding {
            rule: rule.to_owned(),
            level,
            text: cut(&one_line(text)),
            until: until.map(|until| read_until(until, now)).transpose()?,
        });
    }
    if messages.len() > FINDINGS_MAX {
        findings.push(Finding {
            rule: rule.to_owned(),
            level,
            text: format!("and {} findings more", messages.len() - FINDINGS_MAX),
            until: None,
        });
    }
    Ok(findings)
}

/// Reads `until`: RFC 3339 text or Unix seconds. A moment that is over is put a little ahead, since asking at once again
/// would give the same answer.
fn read_until(value: &Value, now: Timestamp) -> Result<Timestamp, String> {
    let until = match value {
        Value::String(text) => text.parse::<Timestamp>().ok(),
        Value::Number(_) => value
            .as_f64()
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds.floor() as i64).ok()),
        _ => None,
    };
    match until {
        Some(until) if until > now => Ok(until),
        Some(_) => Ok(soon(now)),
        None => Err("`until` is neither an RFC 3339 time nor Unix seconds".to_owned()),
    }
}
