//! What a query was found to be.

use bytes::Bytes;
use gomod::version::Version;
use serde::Serialize;

use crate::vcs::code::{Code, Revision};

/// A version that exists, with all that is known of it once that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The canonical version.
    pub version: Version,
    /// What it is made from.
    pub revision: Revision,
    /// Where in the repository the module lies at this revision: no slash at either end, empty for the root.
    pub directory: String,
    /// The `.mod` file: the bytes of the module's `go.mod` as stored, or the text made up where there is none.
    pub go_mod: Bytes,
}

/// An `.info` file; the order of the fields is cmd/go's.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Info<'a> {
    version: &'a str,
    time: String,
    origin: Origin<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Origin<'a> {
    #[serde(rename = "VCS")]
    vcs: &'a str,
    #[serde(rename = "URL")]
    url: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subdir: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#ref: Option<&'a str>,
}

/// Writes the `.info` file. The time is that of the commit in UTC, fractions of a second where there are any, without
/// zeros at their end. `subdirectory` is where the module was expected, which is what cmd/go writes down, even if it
/// lies in the directory of its major version. The numbers of Subversion and Bazaar are no hashes and are left out.
pub fn write_info(code: &dyn Code, subdirectory: &str, stated: &Stated) -> Vec<u8> {
    let has_hash = !matches!(code.vcs(), "svn" | "bzr");
    let info = Info {
        version: stated.version.as_str(),
        time: stated.revision.time.to_string(),
        origin: Origin {
            vcs: code.vcs(),
            url: code.url(),
            subdir: subdirectory,
            hash: has_hash.then_some(stated.revision.name.as_str()),
            r#ref: stated.revision.reference.as_deref(),
        },
    };
    // Strings alone: there is nothing in them that JSON could not hold.
    serde_json::to_vec(&info).unwrap_or_default()
}
