//! Repositories that a module path names by itself: those of known hosts, and paths with `.git` and the like.
//!
//! Source: cmd/go/internal/vcs, `vcsPaths`, `vcsPathsAfterDynamic`, `repoRootFromVCSPaths`.

use super::kind::Vcs;
use super::tag::is_below;

/// A repository named by a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// The path's beginning that is the repository's root.
    pub(super) root: String,
    /// Its kind.
    pub(super) vcs: Vcs,
    /// Where it is.
    pub(super) address: Address,
}

/// Where a named repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// At this URL.
    Url(String),
    /// At this host and path; the scheme has to be found out.
    Schemeless(String),
}

/// A path of launchpad.net, whose second element may be a series or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Launchpad {
    /// The root if the second element is a series.
    pub(super) root: String,
    /// Otherwise: the root if it is a folder, and the file that only series have.
    pub(super) shorter: Option<(String, String)>,
}

/// Hosts whose paths are known, with the beginnings that they have.
const KNOWN: [(&str, Vcs, Layout); 6] = [
    ("github.com", Vcs::Git, Layout::OwnerAndName),
    ("bitbucket.org", Vcs::Git, Layout::OwnerAndName),
    ("hub.jazz.net/git", Vcs::Git, Layout::LowerOwnerAndName),
    ("git.apache.org", Vcs::Git, Layout::NameDotGit),
    ("git.openstack.org", Vcs::Git, Layout::TwoElements),
    ("chiselapp.com", Vcs::Fossil, Layout::Chisel),
];

/// How the elements behind a host make a repository.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Owner and name; a name must not end like version control.
    OwnerAndName,
    /// The same with an owner of small letters and digits.
    LowerOwnerAndName,
    /// One element that ends in `.git`, of small letters.
    NameDotGit,
    /// Two elements of any kind.
    TwoElements,
    /// `user/NAME/repository/NAME`, and nothing behind it.
    Chisel,
}

/// The repository that a path names, `None` where a page has to be asked.
///
/// # Errors
/// Words for a path that can be no module whatever a page says.
pub(super) fn find_named(path: &str) -> Result<Option<Named>, String> {
    // Two names that the go command never asks for, so that documentation and its own tests may use them.
    if is_below(path, "example.net") {
        return Err("there are no modules on example.net".to_owned());
    }
    if path == "rsc.io" {
        return Err("rsc.io is not a module".to_owned());
    }
    for (host, vcs, layout) in KNOWN {
        if is_below(path, host) {
            return find_known(path, host, vcs, layout).map(Some);
        }
    }
    find_suffixed(path)
}

/// The branch that a path of launchpad.net names; `None` for other hosts and for paths that name none.
pub(super) fn find_launchpad(path: &str) -> Option<Launchpad> {
    let elements: Vec<&str> = path.strip_prefix("launchpad.net/")?.split('/').collect();
    let plain = elements
        .iter()
        .take_while(|element| is_plain(element))
        .count();
    if let [user, project, branch, rest @ ..] = elements.as_slice()
        && user.strip_prefix('~').is_some_and(is_plain)
        && [project, branch]
            .into_iter()
            .chain(rest)
            .all(|element| is_plain(element))
    {
        let root = format!("launchpad.net/{user}/{project}/{branch}");
        return Some(Launchpad {
            root,
            shorter: None,
        });
    }
    match elements.as_slice() {
        _ if plain < elements.len() => None,
        [project] => Some(Launchpad {
            root: format!("launchpad.net/{project}"),
            shorter: None,
        }),
        [project, series, ..] => {
            let root = format!("launchpad.net/{project}/{series}");
            let file = format!("https://code.launchpad.net/{project}/{series}/.bzr/branch-format");
            Some(Launchpad {
                root,
                shorter: Some((format!("launchpad.net/{project}"), file)),
            })
        }
        [] => None,
    }
}

fn find_known(path: &str, host: &str, vcs: Vcs, layout: Layout) -> Result<Named, String> {
    let below = path.get(host.len() + 1..).unwrap_or_default();
    let elements: Vec<&str> = below.split('/').collect();
    let count = match layout {
        Layout::OwnerAndName | Layout::LowerOwnerAndName | Layout::TwoElements => 2,
        Layout::NameDotGit => 1,
        Layout::Chisel => 4,
    };
    let fits = match (layout, elements.as_slice()) {
        (Layout::LowerOwnerAndName, [owner, ..]) => owner
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()),
        (Layout::NameDotGit, [name, ..]) => {
            let small = !name.bytes().any(|byte| byte.is_ascii_uppercase());
            small
                && name
                    .strip_suffix(".git")
                    .is_some_and(|name| !name.is_empty())
        }
        (Layout::Chisel, [user, owner, repository, _name]) => {
            let is_owner = owner.bytes().all(|byte| byte.is_ascii_alphanumeric());
            *user == "user" && *repository == "repository" && is_owner
        }
        (Layout::Chisel, _) => false,
        _ => true,
    };
    if !fits || elements.len() < count || !elements.iter().all(|element| is_plain(element)) {
        return Err(format!("it is no path of a module on {host}"));
    }
    let root = format!("{host}/{}", elements[..count].join("/"));
    let may_not_end = matches!(layout, Layout::OwnerAndName | Layout::LowerOwnerAndName);
    if may_not_end && let Some(vcs) = find_suffix(&root) {
        return Err(format!("paths on {host} are written without .{vcs}"));
    }
    Ok(Named {
        address: Address::Url(format!("https://{root}")),
        root,
        vcs,
    })
}

/// `host/path.git/sub`: the last element with such an ending is the repository, its address has no ending.
fn find_suffixed(path: &str) -> Result<Option<Named>, String> {
    let elements: Vec<&str> = path.split('/').collect();
    let Some(odd) = elements
        .iter()
        .rposition(|element| !is_plain(untilde(element)))
    else {
        let suffixed = elements
            .iter()
            .enumerate()
            .skip(1)
            .rev()
            .find_map(|(index, element)| Some((index, find_repository(element)?)));
        return Ok(suffixed.map(|(index, vcs)| {
            let root = elements[..=index].join("/");
            let repository = &root[..root.len() - vcs.name().len() - 1];
            Named {
                address: Address::Schemeless(repository.to_owned()),
                root,
                vcs,
            }
        }));
    };
    // The go command's pattern is not bound to the path's beginning: behind an element that it cannot read it finds a
    // host and a repository further back, and fails because the path does not begin with them.
    let last = elements
        .iter()
        .rposition(|element| find_repository(element).is_some());
    let hosts = elements.get(odd..last.unwrap_or(odd)).unwrap_or_default();
    if hosts.iter().any(|element| ends_in_host(element)) {
        return Err("the repository that is named in it is not at its beginning".to_owned());
    }
    Ok(None)
}

/// The kind of repository that an element is one of, by its ending.
fn find_repository(element: &str) -> Option<Vcs> {
    let name = untilde(element);
    find_suffix(name).filter(|vcs| name.len() > vcs.name().len() + 1)
}

fn untilde(element: &str) -> &str {
    element.strip_prefix('~').unwrap_or(element)
}

fn ends_in_host(element: &str) -> bool {
    let is_of_host =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    let host = &element[element.trim_end_matches(is_of_host).len()..];
    let inner = host.get(1..host.len().saturating_sub(1));
    inner.is_some_and(|inner| inner.contains('.'))
}

/// The kind of version control in whose name a text ends, after a dot.
pub(super) fn find_suffix(name: &str) -> Option<Vcs> {
    Vcs::REPOSITORIES.into_iter().find(|vcs| {
        name.strip_suffix(vcs.name())
            .is_some_and(|rest| rest.ends_with('.'))
    })
}

/// Letters, digits, `_`, `.` and `-`; at least one.
fn is_plain(element: &str) -> bool {
    !element.is_empty()
        && element
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests;
