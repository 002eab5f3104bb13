//! Names of tree entries that git refuses to take into an index, and so to archive: `.git` in all its disguises.
//!
//! Source: git 2.39, `read-cache.c`, `verify_path`, with `core.protectNTFS` on and `core.protectHFS` off, which are the
//! defaults on Linux.

/// Whether git refuses an entry of this name; one such name anywhere makes the whole commit impossible to archive.
pub fn is_refused(name: &[u8], is_symlink: bool) -> bool {
    if matches!(name, b"" | b"." | b"..") || name.contains(&0) {
        return true;
    }
    // A backslash separates folders on other systems, so every part counts.
    (0..name.len())
        .filter(|&at| at == 0 || name[at - 1] == b'\\')
        .any(|at| is_dot_git(&name[at..]) || (is_symlink && is_dot_gitmodules(&name[at..])))
}

fn is_dot_git(part: &[u8]) -> bool {
    [&b".git"[..], b"git~1"]
        .into_iter()
        .any(|name| starts_with_name(part, name))
}

/// The second short name is the one that Windows makes where the first four are taken.
fn is_dot_gitmodules(part: &[u8]) -> bool {
    if starts_with_name(part, b".gitmodules") {
        return true;
    }
    (1..=4u8).any(|n| starts_with_name(part, &[&b"gitmod~"[..], &[b'0' + n]].concat()))
        || is_hashed_short_name(part)
}

/// `gi7eba~1` and its kin: the hash of the name, cut to make room for the number, eight characters in all.
fn is_hashed_short_name(part: &[u8]) -> bool {
    const HASHED: &[u8] = b"gi7eba";
    let Some(name) = part.get(..8) else {
        return false;
    };
    let Some(tilde) = name.iter().position(|&byte| byte == b'~') else {
        return false;
    };
    tilde <= HASHED.len()
        && name[..tilde].eq_ignore_ascii_case(&HASHED[..tilde])
        && matches!(name.get(tilde + 1), Some(b'1'..=b'9'))
        && name[tilde + 1..].iter().all(u8::is_ascii_digit)
        && is_end(&part[8..])
}

fn starts_with_name(part: &[u8], name: &[u8]) -> bool {
    part.len() >= name.len()
        && part[..name.len()].eq_ignore_ascii_case(name)
        && is_end(&part[name.len()..])
}

/// Windows drops blanks and dots at the end of a name, and what is behind a colon is a stream of the same file.
fn is_end(rest: &[u8]) -> bool {
    match rest.iter().find(|&&byte| byte != b'.' && byte != b' ') {
        None => true,
        Some(byte) => matches!(byte, b':' | b'\\'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(names: &[&str], is_symlink: bool, want: bool) {
        for name in names {
            assert_eq!(is_refused(name.as_bytes(), is_symlink), want, "{name:?}");
        }
    }

    #[test]
    fn disguises_of_dot_git_are_refused() {
        check_refused(
            &[
                "",
                ".",
                "..",
                ".git",
                ".GIT",
                "git~1",
                "GIT~1",
                ".git ",
                ".git. .",
                ".git:x",
                "a\\.git",
                ".git\\x",
                "a\\git~1\\b",
            ],
            false,
            true,
        );
    }

    #[test]
    fn other_names_pass() {
        check_refused(
            &[
                ".gitignore",
                ".gitmodules",
                "git",
                "git~2",
                "...",
                "..a",
                ".git-x",
                "a.git",
                "a\\b",
                ".gi",
                "gi7eba~1",
            ],
            false,
            false,
        );
    }

    #[test]
    fn links_named_gitmodules_are_refused() {
        check_refused(
            &[
                ".gitmodules",
                ".GITMODULES ",
                "gitmod~1",
                "GITMOD~4",
                "gi7eba~1",
                "gi7e~123",
                ".gitmodules:x",
            ],
            true,
            true,
        );
        check_refused(
            &["gitmod~5", "gi7eba~0", "gitmodules", "gi7eba~12"],
            true,
            false,
        );
    }
}
