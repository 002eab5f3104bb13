//! What makes no sense in an act, whatever the catalog holds.

use catalog::Stages;
use catalog::work::ActAsk;
use gomod::private::PrivatePatterns;
use gomod::version::ModuleVersion;

/// Refuses an act of which nothing could come.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn check_ask(ask: &ActAsk, stages: &Stages) -> Result<(), String> {
    ask.check_shape()
        .map_err(|malformed| malformed.to_string())?;
    match &ask.view {
        Some(view) if stages.position(view).is_none() => Err(format!(
            "there is no view {view}; there are {}",
            stages.names().join(", ")
        )),
        _ => Ok(()),
    }
}

/// Refuses a pattern that names nothing.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn check_pattern(of: &str) -> Result<(), String> {
    let malformed = match of.contains('@') {
        true => of
            .parse::<ModuleVersion>()
            .err()
            .map(|cause| cause.to_string()),
        false => of
            .parse::<PrivatePatterns>()
            .err()
            .map(|cause| cause.to_string()),
    };
    malformed.map_or(Ok(()), |cause| {
        Err(format!("{of} is no module@version and no pattern: {cause}"))
    })
}
