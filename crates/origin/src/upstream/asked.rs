//! The files of a module that an upstream is asked for, and their names in a GOPROXY.

use gomod::escape::{EscapeError, escape_version};
use gomod::path::ModulePath;
use gomod::version::Version;

/// A file of a module, as the GOPROXY protocol names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleFile {
    /// `@v/list`: the versions that have a name.
    List,
    /// `@latest`: the `.info` of the newest version where the list has none.
    Latest,
    /// `@v/<query>.info`, where the query is a version, a branch or a commit, unescaped.
    Info(String),
    /// `@v/<version>.mod`.
    Mod(Version),
    /// `@v/<version>.zip`.
    Zip(Version),
}

impl ModuleFile {
    /// The file's path below a GOPROXY's base, with the module's: escaped by the rules for modules, `/` between
    /// elements, no slash in front.
    ///
    /// # Errors
    /// [`EscapeError`] for a query that the protocol cannot ask for, such as a branch with a slash.
    pub fn path(&self, module: &ModulePath) -> Result<String, EscapeError> {
        let module = module.escaped();
        Ok(match self {
            Self::List => format!("{module}/@v/list"),
            Self::Latest => format!("{module}/@latest"),
            Self::Info(query) => format!("{module}/@v/{}.info", escape_version(query)?),
            Self::Mod(version) => format!("{module}/@v/{}.mod", version.escaped()),
            Self::Zip(version) => format!("{module}/@v/{}.zip", version.escaped()),
        })
    }

    /// What is asked, in words: `example.com/m@v1.0.0` and the like.
    pub fn describe(&self, module: &ModulePath) -> String {
        match self {
            Self::List => format!("versions of {module}"),
            Self::Latest => format!("{module}@latest"),
            Self::Info(query) => format!("{module}@{query}"),
            Self::Mod(version) => format!("go.mod of {module}@{version}"),
            Self::Zip(version) => format!("zip of {module}@{version}"),
        }
    }
}

/// Escapes a path for a URL as Go's client does: everything but letters, digits and `-_.~$&+:=@/`.
///
/// Some servers compare the raw path, so `!` must travel as `%21` for them to see what `go` would have sent.
pub(super) fn escape_for_url(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len() + 8);
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+:=@/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_path(file: &ModuleFile, want: &str) {
        assert_eq!(
            file.path(&"github.com/Azure/sdk".parse().unwrap()).unwrap(),
            want
        );
    }

    #[test]
    fn names_are_escaped() {
        check_path(&ModuleFile::List, "github.com/!azure/sdk/@v/list");
        check_path(&ModuleFile::Latest, "github.com/!azure/sdk/@latest");
        check_path(
            &ModuleFile::Info("Main".to_owned()),
            "github.com/!azure/sdk/@v/!main.info",
        );
        check_path(
            &ModuleFile::Mod("v1.0.0-RC1".parse().unwrap()),
            "github.com/!azure/sdk/@v/v1.0.0-!r!c1.mod",
        );
        check_path(
            &ModuleFile::Zip("v2.0.0+incompatible".parse().unwrap()),
            "github.com/!azure/sdk/@v/v2.0.0+incompatible.zip",
        );
    }

    #[test]
    fn queries_cannot_leave_their_folder() {
        for query in [
            "feature/x",
            "..",
            ".",
            "../../../etc/passwd",
            "a\\b",
            "a!b",
            "",
            "a/../b",
            "\0",
        ] {
            assert!(
                ModuleFile::Info(query.to_owned())
                    .path(&"example.com/m".parse().unwrap())
                    .is_err(),
                "{query}"
            );
        }
    }

    #[test]
    fn urls_carry_what_go_sends() {
        assert_eq!(
            escape_for_url("github.com/!azure/@v/v1.0.0+incompatible.zip"),
            "github.com/%21azure/@v/v1.0.0+incompatible.zip"
        );
        assert_eq!(escape_for_url("a b#c?d%e(f)"), "a%20b%23c%3Fd%25e%28f%29");
    }
}
