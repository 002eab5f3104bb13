//! What stands behind the question mark: names that a resource knows, each once; and the way from one page of a list to the
//! next.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::problem::Problem;
use crate::target::percent_decode;

/// Rows of one page where nobody says otherwise, and the most that may be asked for.
const ROWS_USUAL: u64 = 100;
const ROWS_MAX: u64 = 1000;

/// Longest query that is looked at, in bytes as sent.
const QUERY_BYTES_MAX: usize = 8192;

/// What was given, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query; `known` are the names that may stand in it.
    pub fn parse(raw: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let raw = raw.unwrap_or_default();
        if raw.len() > QUERY_BYTES_MAX {
            return Err(Problem::bad(format!(
                "the query is longer than {QUERY_BYTES_MAX} bytes"
            )));
        }
        let mut given: Vec<(String, String)> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| {
                percent_decode(&text.replace('+', " "))
                    .map_err(|error| Problem::bad(format!("{error} (in the query)")))
            };
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                return Err(Problem::bad(match known.is_empty() {
                    true => format!("nothing is known of {name:?} here"),
                    false => format!(
                        "nothing is known of {name:?} here; there are {}",
                        known.join(", ")
                    ),
                }));
            }
            if given.iter().any(|(other, _)| *other == name) {
                return Err(Problem::bad(format!("{name:?} is given twice")));
            }
            given.push((name, value));
        }
        Ok(Self(given))
    }

    /// A value, if it was given and is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let given = self.0.iter().find(|(other, _)| other == name);
        given
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// How many rows a page is to have.
    pub fn limit(&self) -> Result<u64, Problem> {
        let Some(text) = self.get("limit") else {
            return Ok(ROWS_USUAL);
        };
        let limit = text
            .parse()
            .ok()
            .filter(|limit| (1..=ROWS_MAX).contains(limit));
        limit.ok_or_else(|| Problem::bad(format!("`limit` is a number from 1 to {ROWS_MAX}")))
    }

    /// After which row the page begins.
    pub fn after(&self) -> Result<u64, Problem> {
        let after = self.read_page(|text| read_number(text.strip_prefix("after:")?))?;
        Ok(after.unwrap_or(0))
    }

    /// Of which landing the first page was, and after which row this one begins; none on the first page.
    pub fn after_at(&self) -> Result<Option<(u64, u64)>, Problem> {
        self.read_page(|text| {
            let (seq, after) = text.strip_prefix("at:")?.split_once(':')?;
            Some((read_number(seq)?, read_number(after)?))
        })
    }

    fn read_page<T>(&self, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(page) = self.get("page") else {
            return Ok(None);
        };
        let text = URL_SAFE_NO_PAD.decode(page).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        match text.and_then(|text| read(&text)) {
            Some(read) => Ok(Some(read)),
            None => Err(Problem::bad(
                "`page` is what `next` of the page before said, unchanged",
            )),
        }
    }
}

/// A number that a row can have.
fn read_number(text: &str) -> Option<u64> {
    let number = text.parse().ok()?;
    i64::try_from(number).is_ok().then_some(number)
}

/// What `next` says of a page that ends with this row.
pub(super) fn next_page(after: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("after:{after}"))
}

/// What `next` says of a page that ends with this row, where all pages are of one landing's moment.
pub(super) fn next_page_at(seq: u64, after: u64) -> String {
    URL_SAFE_NO_PAD.encode(format!("at:{seq}:{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Option<Query> {
        Query::parse(Some(raw), &["limit", "page", "module"]).ok()
    }

    #[test]
    fn queries_hold_what_is_known() {
        let query = parse("module=example.com%2Fa&limit=5").unwrap();
        assert_eq!(query.get("module"), Some("example.com/a"));
        assert_eq!(query.limit().unwrap(), 5);
        assert_eq!(parse("").unwrap().limit().unwrap(), ROWS_USUAL);
        for wrong in [
            "x=1",
            "limit=1&limit=1",
            "module=%zz",
            "module=%00",
            &"&".repeat(9000),
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        for limit in ["0", "1001", "-1", "x", "1e3"] {
            assert!(
                parse(&format!("limit={limit}")).unwrap().limit().is_err(),
                "{limit}"
            );
        }
    }

    #[test]
    fn pages_follow_each_other() {
        let query = parse(&format!("page={}", next_page(1234))).unwrap();
        assert_eq!(query.after().unwrap(), 1234);
        assert_eq!(parse("limit=3").unwrap().after().unwrap(), 0);
        for page in ["1234", "!", "YWZ0ZXI6", "YWZ0ZXI6LTE"] {
            assert!(
                parse(&format!("page={page}")).unwrap().after().is_err(),
                "{page}"
            );
        }
        let query = parse(&format!("page={}", next_page_at(17, 4))).unwrap();
        assert_eq!(query.after_at().unwrap(), Some((17, 4)));
        assert!(query.after().is_err(), "a page of another list");
        assert_eq!(parse("").unwrap().after_at().unwrap(), None);
        let too_far = next_page(u64::MAX);
        assert!(parse(&format!("page={too_far}")).unwrap().after().is_err());
    }
}
