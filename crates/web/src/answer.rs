//! Short text answers and refusals. The one module that knows which status and which cache policy a "no" gets.

use catalog::work::{Refusal, RefusalClass};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, StatusCode};

use crate::config::RefusalMode;

/// What the go client prints of a refusal: cmd/go reads no more than this.
pub const REFUSAL_LINES_MAX: usize = 8;
/// See [`REFUSAL_LINES_MAX`]; in bytes.
pub const REFUSAL_BYTES_MAX: usize = 648;

/// Text for people and for the go client.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// Says which installation a request came back to.
pub const GRANARY_LOOP: HeaderName = HeaderName::from_static("granary-loop");

/// Refusals may be kept by others for as long as Granary itself keeps them at most.
const KEEP_REFUSAL: &str = "public, max-age=60";
const KEEP_NOTHING: &str = "no-store";
/// How a token can be sent; go knows the second way.
const CHALLENGES: [&str; 2] = [
    "Bearer realm=\"granary\"",
    "Basic realm=\"granary\", charset=\"UTF-8\"",
];
/// When a client whose wait ran out should come back: most captures end sooner.
const RETRY_SECONDS: u64 = 5;

/// A whole answer that is made for one request and not kept.
#[derive(Clone, Debug)]
pub struct Plain {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub text: String,
    /// All headers but length and date.
    pub headers: HeaderMap,
}

impl Plain {
    /// A text that nobody keeps.
    pub fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self::of_type(status, TEXT, text)
    }

    /// A body of another type that nobody keeps.
    pub fn of_type(
        status: StatusCode,
        content_type: &'static str,
        text: impl Into<String>,
    ) -> Self {
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(KEEP_NOTHING));
        headers.insert(
            http::header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        Self {
            status,
            text: text.into(),
            headers,
        }
    }

    fn kept(mut self) -> Self {
        self.headers
            .insert(CACHE_CONTROL, HeaderValue::from_static(KEEP_REFUSAL));
        self
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// What stands between a version and a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The gates refuse it.
    Refused,
    /// The gates have not spoken yet, and what they need is on its way.
    Pending,
    /// It was never captured, and nobody is about to do that.
    Absent,
    /// An administrator withdrew it.
    Withdrawn,
    /// An administrator withdrew it for legal reasons.
    Legal,
    /// It is in quarantine.
    Quarantined,
}

impl Barrier {
    /// The table of refusals. The mode is about the gates' verdicts; quarantine is none of them, and a withdrawal only
    /// turns into a full stop where nothing may get around the gates.
    fn status(self, mode: RefusalMode) -> StatusCode {
        use RefusalMode::{Advisory, Gatekeeper, Redundancy};
        match (self, mode) {
            (Self::Refused, Advisory) | (Self::Pending | Self::Absent, Redundancy | Advisory) => {
                StatusCode::NOT_FOUND
            }
            (Self::Pending, Gatekeeper) => StatusCode::SERVICE_UNAVAILABLE,
            (Self::Legal, _) => StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
            (Self::Withdrawn, Redundancy | Advisory) => StatusCode::GONE,
            // A 404 would send go to the next entry of its list, around a gatekeeper.
            (Self::Refused | Self::Absent | Self::Withdrawn | Self::Quarantined, _) => {
                StatusCode::FORBIDDEN
            }
        }
    }
}

/// Every way in which a request gets no 200.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is served at this path, or what it names cannot exist.
    #[error("{0}")]
    Unserved(String),
    /// A method other than GET and HEAD.
    #[error("only GET and HEAD are served here")]
    Method,
    /// It takes a token, and none came or one that is none here; a sentence for the user.
    #[error("{0}")]
    Unauthorized(String),
    /// The token that came may not do this.
    #[error("{0}")]
    NotAllowed(String),
    /// The token that came knows nothing of such a module, whether there is one or not.
    #[error("{0}: not found here, or not for the token that came with the request")]
    Hidden(String),
    /// The request asks under a name that is not this server's.
    #[error("{0}")]
    Misdirected(String),
    /// A header that cannot be believed.
    #[error("{0}")]
    BadHeader(&'static str),
    /// Not here, and the client asked for nothing to be fetched.
    #[error(
        "{what} is not stored here, and the request forbids fetching it (Disable-Module-Fetch)"
    )]
    FetchForbidden {
        /// What was asked for.
        what: String,
    },
    /// Someone's rule keeps it from being served.
    #[error("{0}")]
    Forbidden(String),
    /// Something stands between a version and the view.
    #[error("{text}")]
    Barred {
        /// What it is.
        by: Barrier,
        /// How that looks to the go command here.
        mode: RefusalMode,
        /// What stands there, why, and what the user can do.
        text: String,
    },
    /// The pipeline's "no", or the trouble it had.
    #[error("{}", .0.text)]
    Refused(Refusal),
    /// The wait is over before the work was.
    #[error("{what} is not here yet{progress}; it is still being fetched, try again")]
    NotHereYet {
        /// What was asked for.
        what: String,
        /// How far the work is, with a separator in front, or nothing.
        progress: String,
    },
    /// As many requests wait here as may.
    #[error("too many requests wait for something here at the moment, try again")]
    Crowded,
    /// As many jobs are in line as may.
    #[error("{what}: too much is in line to be fetched here at the moment, try again")]
    JobsFull {
        /// What was asked for.
        what: String,
    },
    /// The request has been here before.
    #[error(
        "this request came back to where it started: an upstream of this Granary leads to itself\n\
         take its address out of GRANARY_UPSTREAM"
    )]
    Loop {
        /// The installation that noticed.
        instance_id: String,
    },
    /// The job that was to find an answer did not come to an end.
    #[error("{what}: {message}")]
    JobFailed {
        /// What was asked for.
        what: String,
        /// What the job said.
        message: String,
        /// Whether the next try may do better.
        retry: bool,
    },
    /// A keeper is busy or out of reach; the next try may do better.
    #[error("{what} cannot be looked up now{why}")]
    Unavailable {
        /// What was asked for.
        what: String,
        /// Why not, in words for the client with a separator in front; nothing where the keeper has none. A keeper that
        /// has words for clients has told the log itself, once for all requests.
        why: String,
        /// What the keeper said; for the log only.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no room, or no right, to keep what was asked for.
    #[error("{what} cannot be stored here")]
    Storage {
        /// What was asked for.
        what: String,
        /// What the keeper said; for the log only.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Something that must not happen; the log has the cause.
    #[error("{what} is broken here: the server's log has the cause, `granary doctor` says more")]
    Broken {
        /// What was asked for.
        what: String,
        /// The cause; for the log only.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// The answer that the client gets.
    pub fn into_answer(self) -> Plain {
        let text = refusal_text(&self.to_string());
        let plain = |status| Plain::text(status, text.clone());
        match self {
            Self::Unserved(_) => plain(StatusCode::NOT_FOUND).kept(),
            Self::Method => plain(StatusCode::METHOD_NOT_ALLOWED)
                .with(ALLOW, HeaderValue::from_static("GET, HEAD")),
            Self::Unauthorized(_) => {
                let mut answer = plain(StatusCode::UNAUTHORIZED);
                for challenge in CHALLENGES {
                    let value = HeaderValue::from_static(challenge);
                    answer.headers.append(WWW_AUTHENTICATE, value);
                }
                answer
            }
            Self::NotAllowed(_) => plain(StatusCode::FORBIDDEN),
            Self::Hidden(_) => plain(StatusCode::NOT_FOUND),
            Self::Misdirected(_) => plain(StatusCode::MISDIRECTED_REQUEST),
            Self::BadHeader(_) => plain(StatusCode::BAD_REQUEST),
            Self::FetchForbidden { .. } => plain(StatusCode::NOT_FOUND),
            Self::Forbidden(_) => plain(StatusCode::FORBIDDEN).kept(),
            Self::Barred { by, mode, .. } => match by.status(mode) {
                StatusCode::SERVICE_UNAVAILABLE => retry_later(text),
                // A verdict, a waiver or a release may change it any time: nobody keeps it.
                status => plain(status),
            },
            Self::Refused(refusal) => answer_refusal(&refusal, text),
            Self::NotHereYet { .. }
            | Self::Crowded
            | Self::JobsFull { .. }
            | Self::Unavailable { .. } => retry_later(text),
            Self::JobFailed { retry: true, .. } => retry_later(text),
            Self::JobFailed { retry: false, .. } | Self::Broken { .. } => {
                plain(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Self::Loop { instance_id } => {
                let id = HeaderValue::from_str(&instance_id)
                    .unwrap_or_else(|_| HeaderValue::from_static("unnamed"));
                plain(StatusCode::LOOP_DETECTED).with(GRANARY_LOOP, id)
            }
            Self::Storage { .. } => plain(StatusCode::INSUFFICIENT_STORAGE),
        }
    }

    /// Whether the log should have it: trouble here, not a "no".
    pub fn is_trouble(&self) -> bool {
        if let Self::Unavailable { why, .. } = self {
            return why.is_empty();
        }
        if let Self::Refused(refusal) = self {
            return refusal.class == RefusalClass::Damaged;
        }
        matches!(
            self,
            Self::JobFailed { .. } | Self::Storage { .. } | Self::Broken { .. }
        )
    }
}

fn retry_later(text: String) -> Plain {
    Plain::text(StatusCode::SERVICE_UNAVAILABLE, text)
        .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
}

fn answer_refusal(refusal: &Refusal, text: String) -> Plain {
    let (status, kept) = match refusal.class {
        RefusalClass::Absent | RefusalClass::Invalid => (StatusCode::NOT_FOUND, true),
        RefusalClass::Gone => (StatusCode::GONE, true),
        RefusalClass::Forbidden | RefusalClass::NoRecord => (StatusCode::FORBIDDEN, true),
        // What gates and administrators say may change at any time.
        RefusalClass::Mismatch | RefusalClass::Policy | RefusalClass::Quarantined => {
            (StatusCode::FORBIDDEN, false)
        }
        RefusalClass::Legal => (StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, true),
        RefusalClass::Unverifiable
        | RefusalClass::Overloaded
        | RefusalClass::Damaged
        | RefusalClass::Pending => {
            return retry_later(text);
        }
        RefusalClass::Unreachable => (StatusCode::BAD_GATEWAY, false),
        RefusalClass::TooSlow => (StatusCode::GATEWAY_TIMEOUT, false),
        RefusalClass::Loop => (StatusCode::LOOP_DETECTED, false),
        RefusalClass::Storage => (StatusCode::INSUFFICIENT_STORAGE, false),
    };
    let answer = Plain::text(status, text);
    if kept { answer.kept() } else { answer }
}

/// Cuts a reason to what the go client prints: 8 lines and 648 bytes, on a character boundary, without blank lines
/// (the client stops at the first) and without control characters.
pub fn refusal_text(reason: &str) -> String {
    let mut text = String::with_capacity(reason.len().min(REFUSAL_BYTES_MAX));
    let lines = reason
        .split(['\n', '\r'])
        .map(str::trim_end)
        .filter(|line| !line.trim().is_empty())
        .take(REFUSAL_LINES_MAX);
    for line in lines {
        for character in line.chars().chain(['\n']) {
            let shown = match character {
                '\n' | '\t' => character,
                other if other.is_control() => '\u{fffd}',
                other => other,
            };
            // One byte stays free for the newline at the end.
            if text.len() + shown.len_utf8() > REFUSAL_BYTES_MAX - 1 && shown != '\n' {
                text.push('\n');
                return text;
            }
            text.push(shown);
        }
        if text.len() >= REFUSAL_BYTES_MAX - 1 {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status_of(class: RefusalClass) -> u16 {
        Error::Refused(Refusal::new(class, "no"))
            .into_answer()
            .status
            .as_u16()
    }

    #[test]
    fn classes_have_their_statuses() {
        use RefusalClass as C;
        for (class, want) in [
            (C::Absent, 404),
            (C::Gone, 410),
            (C::Forbidden, 403),
            (C::Legal, 451),
            (C::Mismatch, 403),
            (C::NoRecord, 403),
            (C::Unverifiable, 503),
            (C::Unreachable, 502),
            (C::TooSlow, 504),
            (C::Overloaded, 503),
            (C::Loop, 508),
            (C::Storage, 507),
            (C::Invalid, 404),
            (C::Damaged, 503),
            (C::Policy, 403),
            (C::Pending, 503),
            (C::Quarantined, 403),
        ] {
            assert_eq!(status_of(class), want, "{class:?}");
        }
    }

    #[test]
    fn trouble_is_never_kept_by_others() {
        use RefusalClass as C;
        for class in [
            C::Unverifiable,
            C::Unreachable,
            C::TooSlow,
            C::Overloaded,
            C::Loop,
            C::Storage,
            C::Mismatch,
            C::Damaged,
            C::Policy,
            C::Pending,
            C::Quarantined,
        ] {
            let answer = Error::Refused(Refusal::new(class, "no")).into_answer();
            assert_eq!(answer.headers[CACHE_CONTROL], "no-store", "{class:?}");
        }
        for class in [C::Unverifiable, C::Overloaded, C::Damaged, C::Pending] {
            let answer = Error::Refused(Refusal::new(class, "no")).into_answer();
            assert!(answer.headers.contains_key(RETRY_AFTER), "{class:?}");
        }
        // Nor is what one may not have and another may.
        for error in [
            Error::Unauthorized("x".into()),
            Error::NotAllowed("x".into()),
            Error::Hidden("x".into()),
        ] {
            let answer = error.into_answer();
            assert_eq!(answer.headers[CACHE_CONTROL], "no-store", "{}", answer.text);
        }
        let absent = Error::Refused(Refusal::new(C::Absent, "no")).into_answer();
        assert_eq!(absent.headers[CACHE_CONTROL], "public, max-age=60");
    }

    #[test]
    fn own_errors_have_their_statuses() {
        let cause = || "disk".into();
        let what = || "example.com/m@v1.0.0".to_owned();
        for (error, want) in [
            (Error::Unserved("x".into()), 404),
            (Error::Method, 405),
            (Error::Unauthorized("x".into()), 401),
            (Error::NotAllowed("x".into()), 403),
            (Error::Hidden("x".into()), 404),
            (Error::Misdirected("x".into()), 421),
            (Error::BadHeader("x"), 400),
            (Error::FetchForbidden { what: what() }, 404),
            (Error::Forbidden("x".into()), 403),
            (
                Error::NotHereYet {
                    what: what(),
                    progress: String::new(),
                },
                503,
            ),
            (
                Error::Loop {
                    instance_id: "a".into(),
                },
                508,
            ),
            (
                Error::JobFailed {
                    what: what(),
                    message: "m".into(),
                    retry: true,
                },
                503,
            ),
            (
                Error::JobFailed {
                    what: what(),
                    message: "m".into(),
                    retry: false,
                },
                500,
            ),
            (
                Error::Unavailable {
                    what: what(),
                    why: ": the catalog is busy".into(),
                    cause: cause(),
                },
                503,
            ),
            (
                Error::Storage {
                    what: what(),
                    cause: cause(),
                },
                507,
            ),
            (
                Error::Broken {
                    what: what(),
                    cause: cause(),
                },
                500,
            ),
        ] {
            let answer = error.into_answer();
            assert_eq!(answer.status.as_u16(), want, "{}", answer.text);
            assert!(!answer.text.contains("disk"), "insides are not told");
            assert_eq!(answer.headers[CONTENT_TYPE], TEXT);
        }
    }

    #[test]
    fn barriers_look_as_the_mode_says() {
        use Barrier as B;
        use RefusalMode as M;
        for (by, redundancy, gatekeeper, advisory) in [
            (B::Refused, 403, 403, 404),
            (B::Pending, 404, 503, 404),
            (B::Absent, 404, 403, 404),
            (B::Withdrawn, 410, 403, 410),
            (B::Legal, 451, 451, 451),
            (B::Quarantined, 403, 403, 403),
        ] {
            let modes = [
                (M::Redundancy, redundancy),
                (M::Gatekeeper, gatekeeper),
                (M::Advisory, advisory),
            ];
            for (mode, want) in modes {
                let text = "no".to_owned();
                let answer = Error::Barred { by, mode, text }.into_answer();
                assert_eq!(answer.status.as_u16(), want, "{by:?} {mode:?}");
                assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
            }
        }
    }

    #[track_caller]
    fn check_text(reason: &str, want: &str) {
        assert_eq!(refusal_text(reason), want);
    }

    #[test]
    fn reasons_are_cut_to_what_the_client_prints() {
        check_text("not found", "not found\n");
        check_text("a\n\nb\r\nc\n", "a\nb\nc\n");
        check_text(
            "bell \u{7} and \u{1b}[31m",
            "bell \u{fffd} and \u{fffd}[31m\n",
        );
        check_text(&"x\n".repeat(20), &"x\n".repeat(8));
        check_text("", "");
        check_text(&"x".repeat(647), &format!("{}\n", "x".repeat(647)));
        check_text(&"x".repeat(648), &format!("{}\n", "x".repeat(647)));
        // 215 three-byte characters are 645 bytes; the next would end at 648, which the newline needs.
        check_text(
            &"\u{20ac}".repeat(300),
            &format!("{}\n", "\u{20ac}".repeat(215)),
        );
    }

    #[test]
    fn cut_reasons_stay_within_the_limits() {
        for reason in [
            "\u{1f600}y\n".repeat(400),
            "ab\n".repeat(300),
            "z".repeat(100_000),
        ] {
            for skip in 0..8 {
                let text = refusal_text(&format!("{}{reason}", "q".repeat(skip)));
                assert!(text.len() <= REFUSAL_BYTES_MAX, "{}", text.len());
                assert!(text.lines().count() <= REFUSAL_LINES_MAX);
                assert!(text.ends_with('\n'));
            }
        }
    }
}
