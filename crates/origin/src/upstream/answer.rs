//! What an answer of a proxy over HTTP means, and whether an `.info` fits what was asked.

use std::time::Duration;

use gomod::info::Info;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};

use super::error::{UpstreamClass, UpstreamError};
use crate::outside::{Answer, find_retry_after};
use crate::refusal;

/// Largest body of a refusal that is read: its text is cut to 648 bytes, the rest lets the connection be used again.
const REFUSAL_BODY_MAX: u64 = 16 * 1024;

/// Turns an answer other than 200 into the error that it is. `asked` says what was wanted, `entry` whom we asked.
pub(super) async fn refuse(answer: Answer, asked: &str, entry: &str) -> UpstreamError {
    let status = answer.status;
    let words = answer.status_words.clone();
    let retry_after = find_retry_after(&answer.headers);
    let content_type = answer
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let is_plain = answer.check_plain().is_ok();
    // A body that cannot be read loses its text, not its status.
    let body = answer.read(REFUSAL_BODY_MAX).await.unwrap_or_default();
    let text = is_plain
        .then(|| refusal::find_text(content_type.as_deref(), &body))
        .flatten();
    let class = classify(status, retry_after);
    let is_refusal = matches!(
        class,
        UpstreamClass::Absent
            | UpstreamClass::Gone
            | UpstreamClass::Forbidden
            | UpstreamClass::Legal
    );
    let text = match text {
        Some(text) if is_refusal => text,
        Some(text) => format!("{asked}: {entry} answered {words}\n{text}"),
        None => format!("{asked}: {entry} answered {words}"),
    };
    UpstreamError::new(class, &text, Some(entry))
}

/// Checks an `.info`: JSON with a canonical version that fits the module and, where a version was asked for, is that
/// version.
///
/// Asked for `v2.0.0` of a path without `/v2`, a proxy may answer `v2.0.0+incompatible`; only a version that could be
/// one of this module must come back as it was. Source: cmd/go, `proxyRepo.Stat`.
pub(super) fn check_info(
    module: &ModulePath,
    query: Option<&str>,
    bytes: &[u8],
) -> Result<Version, String> {
    let info = Info::parse(bytes).map_err(|cause| match std::error::Error::source(&cause) {
        Some(source) => format!("{cause}: {source}"),
        None => cause.to_string(),
    })?;
    let asked = query.and_then(|query| query.parse::<Version>().ok());
    let asked = asked.and_then(|version| ModuleVersion::new(module.clone(), version).ok());
    if let Some(asked) = asked
        && *asked.version() != info.version
    {
        return Err(format!(".info is for version {}", info.version));
    }
    match ModuleVersion::new(module.clone(), info.version) {
        Ok(found) => Ok(found.version().clone()),
        Err(cause) => Err(format!(
            ".info names a version that the module cannot have: {cause}"
        )),
    }
}

fn classify(status: u16, retry_after: Option<Duration>) -> UpstreamClass {
    match status {
        404 => UpstreamClass::Absent,
        410 => UpstreamClass::Gone,
        403 => UpstreamClass::Forbidden,
        451 => UpstreamClass::Legal,
        429 => UpstreamClass::Overloaded { retry_after },
        503 if retry_after.is_some() => UpstreamClass::Overloaded { retry_after },
        408 | 504 => UpstreamClass::TooSlow,
        508 => UpstreamClass::Loop,
        _ => UpstreamClass::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, query: Option<&str>, info: &str, want: Result<&str, &str>) {
        let found = check_info(&path.parse().unwrap(), query, info.as_bytes());
        match (found, want) {
            (Ok(version), Ok(want)) => assert_eq!(version.as_str(), want),
            (Err(why), Err(want)) => assert!(why.contains(want), "{why}"),
            (found, want) => panic!("{found:?}, wanted {want:?}"),
        }
    }

    #[test]
    fn info_answers_what_was_asked() {
        let m = "example.com/m";
        check(m, Some("v1.0.0"), r#"{"Version":"v1.0.0"}"#, Ok("v1.0.0"));
        check(
            m,
            Some("v1.0.0"),
            r#"{"Version":"v1.0.1"}"#,
            Err("for version v1.0.1"),
        );
        check(
            m,
            Some("main"),
            r#"{"Version":"v0.0.0-20200101000000-abcdefabcdef"}"#,
            Ok("v0.0.0-20200101000000-abcdefabcdef"),
        );
        check(m, Some("v1"), r#"{"Version":"v1.5.0"}"#, Ok("v1.5.0"));
        check(m, None, r#"{"Version":"v1.5.0"}"#, Ok("v1.5.0"));
        check(
            m,
            Some("v2.0.0"),
            r#"{"Version":"v2.0.0+incompatible"}"#,
            Ok("v2.0.0+incompatible"),
        );
        check(
            m,
            Some("v2.0.0+incompatible"),
            r#"{"Version":"v2.0.1+incompatible"}"#,
            Err("for version"),
        );
    }

    #[test]
    fn versions_that_cannot_be_are_refused() {
        let m = "example.com/m";
        check(
            m,
            Some("main"),
            r#"{"Version":"v2.0.0"}"#,
            Err("cannot have"),
        );
        check(
            "example.com/m/v2",
            Some("main"),
            r#"{"Version":"v1.0.0"}"#,
            Err("cannot have"),
        );
        check(m, Some("main"), r#"{"Version":"v1"}"#, Err("canonical"));
        check(m, Some("main"), r#"{"Version":"main"}"#, Err("semantic"));
        check(m, Some("main"), "not json", Err("JSON"));
        check(m, Some("main"), "{}", Err("no version"));
    }

    #[test]
    fn statuses_have_their_class() {
        let wait = Some(Duration::from_secs(1));
        for (status, retry_after, want) in [
            (404, None, UpstreamClass::Absent),
            (410, None, UpstreamClass::Gone),
            (403, None, UpstreamClass::Forbidden),
            (451, None, UpstreamClass::Legal),
            (429, None, UpstreamClass::Overloaded { retry_after: None }),
            (503, wait, UpstreamClass::Overloaded { retry_after: wait }),
            (503, None, UpstreamClass::Unreachable),
            (504, None, UpstreamClass::TooSlow),
            (508, None, UpstreamClass::Loop),
            (500, None, UpstreamClass::Unreachable),
            (204, None, UpstreamClass::Unreachable),
            (401, None, UpstreamClass::Unreachable),
            (304, None, UpstreamClass::Unreachable),
        ] {
            assert_eq!(classify(status, retry_after), want, "{status}");
        }
    }
}
