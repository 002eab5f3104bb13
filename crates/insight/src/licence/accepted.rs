//! The lists by which Go's package site decides: names of licence files, and licences that allow redistribution.
//!
//! Source: golang.org/x/pkgsite, `internal/licenses`, and its page "License policy".

/// Names of licence files in lower case; the case of a file's name does not matter.
const NAMES: [&str; 44] = [
    "copying",
    "copying.md",
    "copying.markdown",
    "copying.txt",
    "copying.lesser",
    "copying.lesser.md",
    "copying.lesser.markdown",
    "copying.lesser.txt",
    "licence",
    "licence.md",
    "licence.markdown",
    "licence.txt",
    "licence-2.0.txt",
    "licence-apache",
    "licence-apache-2.0.txt",
    "licence-mit",
    "licence.mit",
    "licence.code",
    "licence.docs",
    "licence.rst",
    "license",
    "license.md",
    "license.markdown",
    "license.txt",
    "license-2.0.txt",
    "license-apache",
    "license-apache-2.0.txt",
    "license-mit",
    "license.mit",
    "license.code",
    "license.docs",
    "license.rst",
    "mit-licence",
    "mit-licence.md",
    "mit-licence.markdown",
    "mit-licence.txt",
    "mit-license",
    "mit-license.md",
    "mit-license.markdown",
    "mit-license.txt",
    "mit_licence",
    "mit_license",
    "unlicence",
    "unlicense",
];

/// Licences that allow everyone to pass the files on.
const REDISTRIBUTABLE: &[&str] = &[
    "0BSD",
    "AFL-3.0",
    "AGPL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-2-Clause-Views",
    "BSD-3-Clause",
    "BSD-3-Clause-Clear",
    "BSD-3-Clause-LBNL",
    "BSD-3-Clause-Open-MPI",
    "BSD-4-Clause",
    "BSD-4-Clause-UC",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CECILL-2.1",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.1",
    "EUPL-1.2",
    "Freetype",
    "GPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ICU",
    "ISC",
    "JSON",
    "LGPL-2.1",
    "LGPL-2.1-or-later",
    "LGPL-3.0",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "MPL-2.0-no-copyleft-exception",
    "MulanPSL-2.0",
    "NCSA",
    "NIST-PD",
    "NIST-PD-fallback",
    "OSL-3.0",
    "OpenSSL",
    "PostgreSQL",
    "Python-2.0",
    "UPL-1.0",
    "Unlicense",
    "Zlib",
];

/// What stands in licence files and decides nothing: grants that come on top, and a licence of fonts.
const IGNORABLE: &[&str] = &[
    "CC-Notice",
    "GooglePatentClause",
    "GooglePatentsFile",
    "OFL-1.1",
    "blessing",
];

/// Whether a file with this path inside a module is a licence file: by its name in any case, in any folder but those of
/// vendored packages, whose licences are their own affair.
pub fn is_licence_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    !is_vendored(path) && NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether the file lies in a folder below a `vendor` folder. A file in `vendor` itself is a package's of that name.
fn is_vendored(path: &str) -> bool {
    let below = match path.strip_prefix("vendor/") {
        Some(below) => below,
        None => path.split_once("/vendor/").map_or("", |(_, below)| below),
    };
    below.contains('/')
}

/// Whether this licence allows everyone to pass the files on.
pub fn is_redistributable(licence: &str) -> bool {
    REDISTRIBUTABLE.contains(&licence)
}

/// Whether this one decides nothing.
pub fn is_ignorable(licence: &str) -> bool {
    IGNORABLE.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_files_have_one_of_the_names_in_any_case() {
        for name in NAMES {
            assert!(
                is_licence_file(name) && is_licence_file(&name.to_uppercase()),
                "{name}"
            );
            assert!(is_licence_file(&format!("a/b/{name}")), "{name}");
            assert!(!is_licence_file(&format!("{name}.go")), "{name}");
        }
        for other in [
            "README",
            "PATENTS",
            "LICENSE.html",
            "License.txt.bak",
            "LICENSE/README",
            "",
            "/",
            "NOTICE",
        ] {
            assert!(!is_licence_file(other), "{other}");
        }
    }

    #[test]
    fn vendored_licences_are_not_the_modules() {
        assert!(is_licence_file("vendor/LICENSE"));
        assert!(is_licence_file("a/vendor/LICENSE"));
        assert!(!is_licence_file("vendor/a/LICENSE"));
        assert!(!is_licence_file("a/vendor/b/LICENSE"));
        assert!(is_licence_file("vendored/b/LICENSE"));
        assert!(is_licence_file("a/myvendor/b/LICENSE"));
    }

    #[test]
    fn the_lists_do_not_overlap() {
        for licence in IGNORABLE {
            assert!(!is_redistributable(licence));
        }
        assert!(
            is_redistributable("MIT")
                && !is_redistributable("BUSL-1.1")
                && !is_redistributable("UNKNOWN")
        );
    }
}
