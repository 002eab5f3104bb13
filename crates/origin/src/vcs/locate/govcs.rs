//! GOVCS: which kinds of version control may be used for which paths.
//!
//! Source: cmd/go/internal/vcs, `parseGOVCS`, `govcsConfig.allow`, `checkGOVCS`; `go help vcs`.

use std::str::FromStr;

use gomod::private::PrivatePatterns;

use super::kind::Vcs;
use crate::upstream::UpstreamClass;
use crate::vcs::code::CodeError;

/// Rules in their order, those of the go command behind them: everything for private paths, git and hg for public ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GovcsRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    paths: Paths,
    /// Names as they were written: one that nobody knows allows nothing, and `all` everything.
    allowed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Paths {
    Private,
    Public,
    Matching(PrivatePatterns),
}

/// Why a GOVCS setting is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("GOVCS: {why} in {item:?}")]
pub struct BadGovcs {
    item: String,
    why: &'static str,
}

impl GovcsRules {
    /// Checks that `vcs` may be used for the repository whose root is the path `root`.
    ///
    /// # Errors
    /// Class `Forbidden`; the text names the setting. Never for [`Vcs::Mod`].
    pub fn check(&self, vcs: Vcs, root: &str, private: &PrivatePatterns) -> Result<(), CodeError> {
        let is_private = private.is_match(root);
        if vcs == Vcs::Mod || self.allows(vcs, root, is_private) {
            return Ok(());
        }
        let (what, other) = if is_private {
            ("private", String::new())
        } else {
            let other = format!(", or GOPRIVATE if {root} is your own");
            ("public", other)
        };
        Err(CodeError::new(
            UpstreamClass::Forbidden,
            format!(
                "GOVCS disallows using {vcs} for {what} {root}: to allow it, set GOVCS={root}:{vcs}{other}"
            ),
        ))
    }

    fn allows(&self, vcs: Vcs, root: &str, is_private: bool) -> bool {
        let rule = self.rules.iter().find(|rule| match &rule.paths {
            Paths::Private => is_private,
            Paths::Public => !is_private,
            Paths::Matching(patterns) => patterns.is_match(root),
        });
        match rule {
            Some(rule) => rule
                .allowed
                .iter()
                .any(|name| name == "all" || name == vcs.name()),
            None => is_private || matches!(vcs, Vcs::Git | Vcs::Mercurial),
        }
    }
}

impl FromStr for GovcsRules {
    type Err = BadGovcs;

    /// Reads `pattern:vcs|vcs,…`; an empty text is no rule besides the usual ones.
    fn from_str(text: &str) -> Result<Self, BadGovcs> {
        let mut rules = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        for item in text.split(',').map(str::trim) {
            let bad = |why| BadGovcs {
                item: item.to_owned(),
                why,
            };
            let (pattern, list) = item.split_once(':').ok_or_else(|| bad("no colon"))?;
            let (pattern, list) = (pattern.trim(), list.trim());
            if pattern.is_empty() {
                return Err(bad("an empty pattern"));
            }
            if matches!(pattern, "." | "..")
                || pattern.starts_with("./")
                || pattern.starts_with("../")
            {
                return Err(bad("a relative pattern"));
            }
            if seen.contains(&pattern) {
                return Err(bad("a pattern that an earlier entry has already"));
            }
            seen.push(pattern);
            let allowed: Vec<String> = list.split('|').map(|name| name.trim().to_owned()).collect();
            if allowed.iter().any(String::is_empty) {
                return Err(bad("an empty name of version control"));
            }
            let paths = match pattern {
                "private" => Paths::Private,
                "public" => Paths::Public,
                _ => Paths::Matching(pattern.parse().map_err(|_bad| bad("a malformed pattern"))?),
            };
            rules.push(Rule { paths, allowed });
        }
        Ok(Self { rules })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(govcs: &str, goprivate: &str, root: &str, want: &str) {
        let rules: GovcsRules = govcs.parse().unwrap();
        let private = goprivate.parse().unwrap();
        let allowed: Vec<&str> = Vcs::REPOSITORIES
            .into_iter()
            .filter(|vcs| rules.check(*vcs, root, &private).is_ok())
            .map(Vcs::name)
            .collect();
        assert_eq!(allowed.join(" "), want, "GOVCS={govcs} {root}");
        assert!(rules.check(Vcs::Mod, root, &private).is_ok());
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let all = "git hg svn bzr fossil";
        check("", "", "example.com/x", "git hg");
        check(" ", "example.com", "example.com/x", all);
        check("", "example.com/y", "example.com/x", "git hg");
        check("public:all", "", "example.com/x", all);
        check("public:off", "", "example.com/x", "");
        check("private:git", "example.com", "example.com/x", "git");
        check("private:git", "", "example.com/x", "git hg");
        check("example.com:svn", "", "example.com/x", "svn");
        check("example.com:svn", "example.com", "example.com/x", "svn");
        check("example.com/x/y:svn", "", "example.com/x", "git hg");
        check("*.com:bzr|fossil", "", "example.com/x.fossil", "bzr fossil");
        check("public:svn,example.com:bzr", "", "example.com/x", "svn");
        check("example.com:bzr,public:svn", "", "example.com/x", "bzr");
        check(" a.b : git | hg , public : svn ", "", "a.b/c", "git hg");
        check("a.b:GIT", "", "a.b/c", "");
        check("a.b/:svn", "", "a.b/c", "svn");
    }

    #[test]
    fn malformed_settings_are_refused() {
        for (text, want) in [
            (",", "no colon"),
            ("a.b:git,", "no colon"),
            ("a.b", "no colon"),
            (":git", "empty pattern"),
            ("a.b:", "empty name"),
            ("a.b:git||hg", "empty name"),
            ("./a:git", "relative"),
            ("..:git", "relative"),
            ("a.b:git,a.b:hg", "earlier entry"),
            ("[:git", "malformed"),
        ] {
            let error = text.parse::<GovcsRules>().unwrap_err().to_string();
            assert!(
                error.contains(want) && error.contains("GOVCS"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_refusal_names_the_setting_and_the_way_out() {
        let rules = GovcsRules::default();
        let error = rules
            .check(
                Vcs::Subversion,
                "example.com/x",
                &PrivatePatterns::default(),
            )
            .unwrap_err();
        assert_eq!(error.class, UpstreamClass::Forbidden);
        assert!(error.text.contains("GOVCS=example.com/x:svn"), "{error}");
    }
}
