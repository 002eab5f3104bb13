//! How old an answer from the outside may be before someone is asked again.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::FrontConfig;

/// After a refresh that did not come in time the known answer is given for this long without another try, so that a
/// slow origin costs one wait and not one for every request.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How good an answer still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Good for this long.
    Fresh(Duration),
    /// Good enough to be given while a refresh runs behind.
    Stale,
    /// To be asked again first.
    Old,
}

/// Judges an answer seen at `seen_at`. One from the future (a clock was set back) counts as just seen up to
/// `list_fresh` ahead, and as old beyond that.
pub(crate) fn judge(config: &FrontConfig, seen_at: Timestamp, now: Timestamp) -> Freshness {
    let age_ms = now.as_millisecond() - seen_at.as_millisecond();
    let fresh_ms = i64::try_from(config.list_fresh.as_millis()).unwrap_or(i64::MAX);
    if age_ms < -fresh_ms {
        return Freshness::Old;
    }
    let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
    match config.list_fresh.checked_sub(age) {
        Some(left) if !left.is_zero() => Freshness::Fresh(left),
        _ if age < config.list_stale_max => Freshness::Stale,
        _ => Freshness::Old,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_judge(age_ms: i64, want: Freshness) {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let seen_at = Timestamp::from_millisecond(now.as_millisecond() - age_ms).unwrap();
        assert_eq!(
            judge(&FrontConfig::default(), seen_at, now),
            want,
            "{age_ms} ms"
        );
    }

    #[test]
    fn answers_age() {
        check_judge(0, Freshness::Fresh(Duration::from_secs(60)));
        check_judge(59_999, Freshness::Fresh(Duration::from_millis(1)));
        check_judge(60_000, Freshness::Stale);
        check_judge(3_599_999, Freshness::Stale);
        check_judge(3_600_000, Freshness::Old);
        check_judge(-60_000, Freshness::Fresh(Duration::from_secs(60)));
        check_judge(-60_001, Freshness::Old);
    }
}
