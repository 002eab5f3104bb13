//! The time of a commit, to the end of the year 9999.

use std::fmt;

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The start of Unix time.
const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// When a revision was made, in UTC.
///
/// An instant of the library ends a day earlier than the calendar does, so that it can be shown in every time zone;
/// `go` writes times up to the last second of the year 9999. Shown as `.info` has it: `2006-01-02T15:04:05Z`, with a
/// fraction where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitTime(DateTime);

impl CommitTime {
    /// The time that a commit states; none where no calendar with four digits a year holds it.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        EPOCH
            .checked_add(SignedDuration::from_secs(seconds))
            .ok()
            .map(Self)
    }

    /// A date and a time of day in UTC.
    pub fn from_utc(at: DateTime) -> Self {
        Self(at)
    }

    /// Whole seconds since 1970, counted down to the earlier one.
    pub fn unix_seconds(self) -> i64 {
        let since = self.0.duration_since(EPOCH);
        since.as_secs() - i64::from(since.subsec_nanos() < 0)
    }

    /// As pseudo-versions have it: `20060102150405`.
    pub fn digits(self) -> String {
        self.0.strftime("%Y%m%d%H%M%S").to_string()
    }
}

impl From<Timestamp> for CommitTime {
    fn from(at: Timestamp) -> Self {
        Self(TimeZone::UTC.to_datetime(at))
    }
}

impl fmt::Display for CommitTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}Z", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, seconds: i64) {
        let time: Timestamp = text.parse().unwrap();
        let time = CommitTime::from(time);
        assert_eq!(time.to_string(), text);
        assert_eq!(time.unix_seconds(), seconds, "{text}");
    }

    #[test]
    fn fractions_are_cut_not_rounded() {
        check("1970-01-01T00:00:01.999999Z", 1);
        check("1970-01-01T00:00:01Z", 1);
        check("1969-12-31T23:59:59.5Z", -1);
        check("1969-12-31T23:59:59Z", -1);
    }

    #[test]
    fn every_second_of_four_digits_a_year() {
        let shown = |seconds| CommitTime::from_unix_seconds(seconds).map(|time| time.to_string());
        assert_eq!(shown(0).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(shown(-1).unwrap(), "1969-12-31T23:59:59Z");
        assert_eq!(shown(253_402_300_799).unwrap(), "9999-12-31T23:59:59Z");
        assert_eq!(shown(253_402_300_800), None);
        assert_eq!(shown(i64::MAX), None);
        assert_eq!(shown(i64::MIN), None);
        let last = CommitTime::from_unix_seconds(253_402_300_799).unwrap();
        assert_eq!(last.unix_seconds(), 253_402_300_799);
        assert_eq!(last.digits(), "99991231235959");
    }
}
