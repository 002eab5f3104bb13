//! What a token may: which verbs, in which views, on which modules. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use gomod::private::PrivatePatterns;
use serde::{Deserialize, Serialize};

/// Stands for all views, and as a module pattern for all modules.
pub const ALL: &str = "*";

/// Most patterns and most views of a token: it is read with every request that needs it.
const ENTRIES_MAX: usize = 100;

/// Longest pattern and longest name of a view, in bytes. Module paths end below it.
const ENTRY_BYTES_MAX: usize = 512;

/// One kind of thing that can be done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Reads views and modules that are not open to everyone, and what is known about versions.
    Read,
    /// Sends versions through the gates, and has them captured where they are not here.
    Promote,
    /// Takes versions out of all views for good.
    Withdraw,
    /// Takes versions out of views until they are released, and releases them.
    Quarantine,
    /// Says yes where a stage asks for approval.
    Approve,
    /// Makes and ends exceptions from policies.
    Waive,
    /// Looks at policies and tries them.
    Policy,
    /// Makes, lists and revokes tokens that may no more than itself.
    Token,
    /// Everything.
    Admin,
}

impl Verb {
    /// All of them.
    pub const EVERY: [Self; 9] = [
        Self::Read,
        Self::Promote,
        Self::Withdraw,
        Self::Quarantine,
        Self::Approve,
        Self::Waive,
        Self::Policy,
        Self::Token,
        Self::Admin,
    ];

    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Promote => "promote",
            Self::Withdraw => "withdraw",
            Self::Quarantine => "quarantine",
            Self::Approve => "approve",
            Self::Waive => "waive",
            Self::Policy => "policy",
            Self::Token => "token",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Verb {
    type Err = InvalidScopes;

    fn from_str(text: &str) -> Result<Self, InvalidScopes> {
        let found = Self::EVERY.into_iter().find(|verb| verb.name() == text);
        found.ok_or_else(|| {
            let names = Self::EVERY.map(Self::name).join(", ");
            InvalidScopes(format!("no verb is called {text:?}; there are {names}"))
        })
    }
}

/// Scopes that make no sense, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScopes(String);

/// What a token may: its verbs, each in all of its views and on all of its modules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stated", into = "Stated")]
pub struct Scopes {
    verbs: BTreeSet<Verb>,
    views: BTreeSet<String>,
    modules: BTreeSet<String>,
    patterns: PrivatePatterns,
}

/// As scopes are written: `{"verbs": ["read"], "views": ["*"], "modules": ["git.corp.example"]}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    verbs: Vec<Verb>,
    #[serde(default = "everything")]
    views: Vec<String>,
    #[serde(default = "everything")]
    modules: Vec<String>,
}

fn everything() -> Vec<String> {
    vec![ALL.to_owned()]
}

impl TryFrom<Stated> for Scopes {
    type Error = InvalidScopes;

    fn try_from(stated: Stated) -> Result<Self, InvalidScopes> {
        Self::new(stated.verbs, stated.views, stated.modules)
    }
}

impl From<Scopes> for Stated {
    fn from(scopes: Scopes) -> Self {
        Self {
            verbs: scopes.verbs.into_iter().collect(),
            views: scopes.views.into_iter().collect(),
            modules: scopes.modules.into_iter().collect(),
        }
    }
}

impl Scopes {
    /// Puts scopes together. `views` are names or `*`; `modules` are patterns as in GOPRIVATE, where `*` is every path.
    ///
    /// # Errors
    /// [`InvalidScopes`]: no verb, view or pattern at all, too many or too long ones, a malformed pattern.
    pub fn new(
        verbs: impl IntoIterator<Item = Verb>,
        views: impl IntoIterator<Item = String>,
        modules: impl IntoIterator<Item = String>,
    ) -> Result<Self, InvalidScopes> {
        let verbs: BTreeSet<Verb> = verbs.into_iter().collect();
        if verbs.is_empty() {
            return Err(InvalidScopes("a token needs a verb".to_owned()));
        }
        let views = check_entries("view", views)?;
        let modules = check_entries("module pattern", modules)?;
        let list: Vec<&str> = modules.iter().map(String::as_str).collect();
        let patterns = list
            .join(",")
            .parse()
            .map_err(|error| InvalidScopes(format!("{error}")))?;
        Ok(Self {
            verbs,
            views,
            modules,
            patterns,
        })
    }

    /// Everything, everywhere.
    ///
    /// # Errors
    /// None in truth: what is fixed here is well-formed.
    pub fn admin() -> Result<Self, InvalidScopes> {
        Self::new([Verb::Admin], everything(), everything())
    }

    /// Its verbs.
    pub fn verbs(&self) -> impl Iterator<Item = Verb> + '_ {
        self.verbs.iter().copied()
    }

    /// Whether a verb is among them; `admin` stands for each.
    pub fn has(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb) || self.verbs.contains(&Verb::Admin)
    }

    /// Whether they reach every view, those to come too.
    pub fn is_for_all_views(&self) -> bool {
        self.views.contains(ALL)
    }

    /// Whether they reach a view.
    pub fn is_for_view(&self, view: &str) -> bool {
        self.is_for_all_views() || self.views.contains(view)
    }

    /// Whether they reach every module.
    pub fn is_for_all_modules(&self) -> bool {
        self.modules.contains(ALL)
    }

    /// Whether they reach a module, by its path.
    pub fn is_for_module(&self, path: &str) -> bool {
        self.patterns.is_match(path)
    }

    /// Whether they surely reach every module that a pattern matches: it is one of their own, or it is below one of those
    /// that are plain paths. (Whether one glob lies within another is not asked further.)
    pub fn is_for_pattern(&self, pattern: &str) -> bool {
        let pattern = pattern.trim_end_matches('/');
        let is_plain = |own: &str| !own.contains(['*', '?', '[', '\\']);
        self.is_for_all_modules()
            || self.modules.iter().any(|own| {
                let own = own.trim_end_matches('/');
                let rest = pattern.strip_prefix(own);
                rest == Some("")
                    || (is_plain(own) && rest.is_some_and(|rest| rest.starts_with('/')))
            })
    }

    /// Whether they allow everything that `other` allows: only then may their holder hand those out.
    pub fn covers(&self, other: &Self) -> bool {
        other.verbs.iter().all(|verb| self.has(*verb))
            && other
                .views
                .iter()
                .all(|view| self.is_for_view(view) || self.is_for_all_views())
            && other
                .modules
                .iter()
                .all(|pattern| self.is_for_pattern(pattern))
    }
}

impl fmt::Display for Scopes {
    /// In words: `read, promote in all views on git.corp.example`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs: Vec<&str> = self.verbs.iter().map(|verb| verb.name()).collect();
        let listed = |entries: &BTreeSet<String>, all: &str| match entries.contains(ALL) {
            true => all.to_owned(),
            false => entries.iter().cloned().collect::<Vec<_>>().join(", "),
        };
        write!(
            f,
            "{} in {} on {}",
            verbs.join(", "),
            listed(&self.views, "all views"),
            listed(&self.modules, "all modules")
        )
    }
}

fn check_entries(
    what: &str,
    entries: impl IntoIterator<Item = String>,
) -> Result<BTreeSet<String>, InvalidScopes> {
    let entries: BTreeSet<String> = entries
        .into_iter()
        .map(|entry| entry.trim().to_owned())
        .collect();
    if entries.is_empty() {
        return Err(InvalidScopes(format!(
            "a token needs a {what}, or * for all"
        )));
    }
    if entries.len() > ENTRIES_MAX {
        return Err(InvalidScopes(format!(
            "a token has at most {ENTRIES_MAX} of each {what}"
        )));
    }
    let is_wrong = |entry: &&String| {
        entry.is_empty()
            || entry.len() > ENTRY_BYTES_MAX
            || entry.chars().any(|c| c == ',' || c.is_control())
    };
    match entries.iter().find(is_wrong) {
        Some(entry) => {
            let shown: String = entry.chars().take(60).collect();
            Err(InvalidScopes(format!("{shown:?} is no {what}")))
        }
        None => Ok(entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(verbs: &[Verb], views: &[&str], modules: &[&str]) -> Scopes {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        Scopes::new(verbs.iter().copied(), owned(views), owned(modules)).unwrap()
    }

    #[test]
    fn scopes_are_written_as_json_and_read_back() {
        let made = scopes(
            &[Verb::Read, Verb::Approve],
            &["staging"],
            &["corp.example"],
        );
        let text = serde_json::to_string(&made).unwrap();
        assert_eq!(
            text,
            r#"{"verbs":["read","approve"],"views":["staging"],"modules":["corp.example"]}"#
        );
        assert_eq!(serde_json::from_str::<Scopes>(&text).unwrap(), made);
        let short: Scopes = serde_json::from_str(r#"{"verbs":["admin"]}"#).unwrap();
        assert_eq!(short, Scopes::admin().unwrap());
        for wrong in [
            r#"{}"#,
            r#"{"verbs":[]}"#,
            r#"{"verbs":["all"]}"#,
            r#"{"verbs":["read"],"views":[]}"#,
            r#"{"verbs":["read"],"views":[""]}"#,
            r#"{"verbs":["read"],"modules":["[a-"]}"#,
            r#"{"verbs":["read"],"modules":["a,b"]}"#,
            r#"{"verbs":["read"],"stages":["dev"]}"#,
        ] {
            assert!(serde_json::from_str::<Scopes>(wrong).is_err(), "{wrong}");
        }
        let many = (0..=ENTRIES_MAX).map(|number| format!("m{number}.example"));
        assert!(Scopes::new([Verb::Read], everything(), many).is_err());
        assert!(
            Scopes::new(
                [Verb::Read],
                everything(),
                ["x".repeat(ENTRY_BYTES_MAX + 1)]
            )
            .is_err()
        );
    }

    #[test]
    fn every_verb_is_itself_and_admin_is_each() {
        for verb in Verb::EVERY {
            assert_eq!(verb.name().parse::<Verb>().unwrap(), verb);
            assert_eq!(serde_json::to_value(verb).unwrap(), verb.name());
            for other in Verb::EVERY {
                let has = scopes(&[verb], &["*"], &["*"]).has(other);
                assert_eq!(has, verb == other || verb == Verb::Admin, "{verb} {other}");
            }
        }
        assert!("Read".parse::<Verb>().is_err());
    }

    #[test]
    fn patterns_are_those_of_goprivate() {
        let team = scopes(
            &[Verb::Read],
            &["dev"],
            &["*.corp.example", "github.com/org/*"],
        );
        for (path, want) in [
            ("git.corp.example/a", true),
            ("git.corp.example", true),
            ("corp.example/a", false),
            ("github.com/org/a/v2", true),
            ("github.com/org", false),
            ("github.com/organ/a", false),
            ("github.com/other/a", false),
        ] {
            assert_eq!(team.is_for_module(path), want, "{path}");
        }
        assert!(team.is_for_view("dev") && !team.is_for_view("prod") && !team.is_for_all_views());
        assert!(scopes(&[Verb::Read], &["*"], &["*"]).is_for_module("any.example/thing"));
    }

    #[test]
    fn only_what_is_surely_within_is_handed_on() {
        let own = scopes(
            &[Verb::Token, Verb::Read],
            &["dev"],
            &["corp.example", "*.x.example"],
        );
        let check = |verbs: &[Verb], views: &[&str], modules: &[&str], want: bool| {
            let other = scopes(verbs, views, modules);
            assert_eq!(own.covers(&other), want, "{other}");
        };
        check(&[Verb::Read], &["dev"], &["corp.example"], true);
        check(&[Verb::Read], &["dev"], &["corp.example/team/*"], true);
        check(&[Verb::Read], &["dev"], &["*.x.example"], true);
        check(
            &[Verb::Token, Verb::Read],
            &["dev"],
            &["corp.example/"],
            true,
        );
        check(&[Verb::Promote], &["dev"], &["corp.example"], false);
        check(&[Verb::Admin], &["dev"], &["corp.example"], false);
        check(&[Verb::Read], &["prod"], &["corp.example"], false);
        check(&[Verb::Read], &["*"], &["corp.example"], false);
        check(&[Verb::Read], &["dev"], &["*"], false);
        check(&[Verb::Read], &["dev"], &["corp.examples"], false);
        check(&[Verb::Read], &["dev"], &["*.x.example/a"], false);
        check(&[Verb::Read], &["dev"], &["git.x.example"], false);
        let admin = Scopes::admin().unwrap();
        assert!(admin.covers(&own) && admin.covers(&admin) && !own.covers(&admin));
    }
}
