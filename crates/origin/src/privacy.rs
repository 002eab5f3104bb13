//! Which modules are private: the patterns of `GOPRIVATE`, `GONOPROXY` and `GONOSUMDB`.

use std::str::FromStr;

use gomod::path::ModulePath;
use gomod::private::{PatternError, PrivatePatterns};

/// Toolchains are verified whatever the patterns say: nothing else vouches for a compiler.
/// Source: cmd/go, `modfetch`, `useSumDB`.
const TOOLCHAIN: &str = "golang.org/toolchain";

/// The three lists of patterns, `GOPRIVATE` standing in where one of the others is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    private: PrivatePatterns,
    no_proxy: PrivatePatterns,
    no_database: PrivatePatterns,
}

impl Privacy {
    /// Reads the lists. `None` for the latter two means not set; an empty text is a set list without patterns.
    ///
    /// # Errors
    /// [`PatternError`]: a pattern that matched nothing in silence would send private names to the outside.
    pub fn new(
        goprivate: &str,
        gonoproxy: Option<&str>,
        gonosumdb: Option<&str>,
    ) -> Result<Self, PatternError> {
        Ok(Self {
            private: PrivatePatterns::from_str(goprivate)?,
            no_proxy: PrivatePatterns::from_str(gonoproxy.unwrap_or(goprivate))?,
            no_database: PrivatePatterns::from_str(gonosumdb.unwrap_or(goprivate))?,
        })
    }

    /// The patterns of private modules themselves.
    pub fn patterns(&self) -> &PrivatePatterns {
        &self.private
    }

    /// Whether no upstream proxy may hear of the module.
    pub fn is_direct_only(&self, module: &ModulePath) -> bool {
        self.no_proxy.is_match(module.as_str())
    }

    /// The patterns for which no checksum database may hear of a module.
    pub fn database_patterns(&self) -> &PrivatePatterns {
        &self.no_database
    }

    /// The pattern for which no checksum database may hear of the module; `None` where one is to be asked.
    pub fn skips_database(&self, module: &ModulePath) -> Option<String> {
        if module.as_str() == TOOLCHAIN {
            return None;
        }
        self.no_database
            .find_match(module.as_str())
            .map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str) -> ModulePath {
        path.parse().unwrap()
    }

    #[test]
    fn goprivate_stands_in_for_lists_that_are_not_set() {
        let both = Privacy::new("*.corp.test", None, None).unwrap();
        assert!(both.is_direct_only(&module("git.corp.test/team/lib")));
        assert_eq!(
            both.skips_database(&module("git.corp.test/team/lib"))
                .as_deref(),
            Some("*.corp.test")
        );
        assert!(!both.is_direct_only(&module("example.com/lib")));

        let proxied = Privacy::new("*.corp.test", Some(""), None).unwrap();
        assert!(!proxied.is_direct_only(&module("git.corp.test/team/lib")));
        assert!(
            proxied
                .skips_database(&module("git.corp.test/team/lib"))
                .is_some()
        );
    }

    #[test]
    fn toolchains_are_never_private() {
        let all =
            Privacy::new("golang.org", None, Some("golang.org/toolchain,golang.org")).unwrap();
        assert_eq!(all.skips_database(&module("golang.org/toolchain")), None);
        assert!(all.skips_database(&module("golang.org/x/text")).is_some());
    }

    #[test]
    fn malformed_patterns_are_errors() {
        assert!(Privacy::new("[", None, None).is_err());
    }
}
