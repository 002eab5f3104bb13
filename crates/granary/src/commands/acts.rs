//! Commands that are acts, tokens and looks at the record, as operations.

use anyhow::{Context, Result, bail};
use catalog::work::{ActAsk, ActVerb};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use web::identity::Scopes;

use crate::cli::{ActCommand, End, TokenCommand, WaiversCommand};
use crate::config::reader::parse_duration;
use crate::operations::Operation;

/// The operation that a command is.
pub fn operation(command: &ActCommand) -> Result<Operation> {
    let ask = match command {
        ActCommand::Promote { of, to, reason } => ActAsk {
            view: to.clone(),
            ..act(ActVerb::Promote, of, &reason.why)
        },
        ActCommand::Withdraw { of, legal, reason } => ActAsk {
            legal: *legal,
            ..act(ActVerb::Withdraw, of, &reason.why)
        },
        ActCommand::Quarantine { of, reason } => act(ActVerb::Quarantine, of, &reason.why),
        ActCommand::Release { of, reason } => act(ActVerb::Release, of, &reason.why),
        ActCommand::Approve { of, view, reason } => ActAsk {
            view: view.clone(),
            ..act(ActVerb::Approve, of, &reason.why)
        },
        ActCommand::Waive {
            of,
            rule,
            owner,
            end,
            reason,
        } => {
            let until = find_end(end, Timestamp::now())?;
            ActAsk {
                rule: Some(rule.clone()),
                owner: Some(owner.clone()),
                until: Some(until.context("a waiver ends: say when with --until or --for")?),
                ..act(ActVerb::Waive, of, &reason.why)
            }
        }
        ActCommand::Waivers {
            what: Some(WaiversCommand::End { of, reason }),
        } => {
            let of: Vec<String> = of.iter().map(ToString::to_string).collect();
            act(ActVerb::EndWaiver, &of, &reason.why)
        }
        ActCommand::Waivers { what: None } => return Ok(Operation::Waivers),
        ActCommand::Why { of, view } => {
            return Ok(Operation::Why {
                of: of.clone(),
                view: view.clone(),
            });
        }
        ActCommand::Members { view, at } => {
            return Ok(Operation::Members {
                view: view.clone(),
                at: at.clone(),
            });
        }
        ActCommand::Deeds { after, limit } => {
            return Ok(Operation::Deeds {
                after: *after,
                limit: *limit,
            });
        }
        ActCommand::Token { what } => return token(what),
    };
    if ask.why.trim().is_empty() {
        bail!("--why is empty: the record wants a reason");
    }
    Ok(Operation::Act { ask })
}

/// An act without what only some acts need.
fn act(act: ActVerb, of: &[String], why: &str) -> ActAsk {
    ActAsk {
        act,
        of: of.to_vec(),
        view: None,
        legal: false,
        rule: None,
        owner: None,
        until: None,
        why: why.to_owned(),
        // Whoever carries it out knows who asks.
        by: String::new(),
    }
}

fn token(command: &TokenCommand) -> Result<Operation> {
    Ok(match command {
        TokenCommand::Create {
            name,
            verbs,
            views,
            modules,
            end,
            why,
        } => Operation::TokenCreate {
            name: name.clone(),
            scopes: Scopes::new(verbs.iter().copied(), views.clone(), modules.clone())?,
            expires_at: find_end(end, Timestamp::now())?,
            why: why.clone(),
        },
        TokenCommand::List => Operation::Tokens,
        TokenCommand::Revoke { name, why } => Operation::TokenRevoke {
            name: name.clone(),
            why: why.clone(),
        },
    })
}

/// When something ends that is said with `--until` or `--for`; none where neither is.
fn find_end(end: &End, now: Timestamp) -> Result<Option<Timestamp>> {
    if let Some(text) = &end.lasting {
        let lasting = parse_duration(text)
            .with_context(|| format!("--for {text}: write it like 12h or 30d"))?;
        // To the second: who reads it later does not care for more.
        let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let ends = now.checked_add(lasting);
        return Ok(Some(
            ends.with_context(|| format!("--for {text}: that is too long"))?,
        ));
    }
    let Some(text) = &end.until else {
        return Ok(None);
    };
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Some(time));
    }
    let wanted = || format!("--until {text}: write it like 2030-01-31 or 2030-01-31T12:00:00Z");
    // A time of day without its zone would be read as the day alone, hours later than it was meant.
    if text.contains(['T', 't', ' ']) {
        bail!(wanted());
    }
    let day: Date = text.parse().with_context(wanted)?;
    // A day that is named is still within.
    let end = day.tomorrow()?.to_zoned(TimeZone::UTC)?;
    Ok(Some(end.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(until: Option<&str>, lasting: Option<&str>) -> Result<Option<String>> {
        let end = End {
            until: until.map(ToOwned::to_owned),
            lasting: lasting.map(ToOwned::to_owned),
        };
        let now = "2030-01-30T12:00:00Z".parse().unwrap();
        Ok(find_end(&end, now)?.map(|at| at.to_string()))
    }

    #[test]
    fn ends_are_times_days_or_durations() {
        assert_eq!(end(None, None).unwrap(), None);
        for (until, lasting, want) in [
            (Some("2030-01-31"), None, "2030-02-01T00:00:00Z"),
            (
                Some("2030-01-31T12:00:00+02:00"),
                None,
                "2030-01-31T10:00:00Z",
            ),
            (None, Some("36h"), "2030-02-01T00:00:00Z"),
            (None, Some("30d"), "2030-03-01T12:00:00Z"),
        ] {
            assert_eq!(end(until, lasting).unwrap().as_deref(), Some(want));
        }
        for (until, lasting) in [
            (Some("tomorrow"), None),
            (Some("2030-02-30"), None),
            (Some("2030-01-31T12:00:00"), None),
            (None, Some("30")),
            (None, Some("99999999d")),
        ] {
            assert!(end(until, lasting).is_err(), "{until:?} {lasting:?}");
        }
    }
}
