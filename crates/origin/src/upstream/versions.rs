//! Reading the body of `@v/list`.

use gomod::pseudo;
use gomod::semver;
use gomod::version::Version;
use jiff::Timestamp;

/// Longest `@v/list` that is read, in bytes: about 300,000 versions, ten times the longest list that is known. Reading,
/// sorting and keeping one takes a second and 100 MB then; with four times that a few of them would stop the server.
pub const LIST_BYTES_MAX: u64 = 4 << 20;

/// Gives the versions of a list, sorted, each once. Lines that are no canonical version and pseudo-versions are passed
/// over, as the go command does; what follows the version in its line does not matter.
pub fn parse_list(body: &[u8]) -> Vec<Version> {
    let mut versions: Vec<Version> = lines(body)
        .filter(|(version, _)| !pseudo::is_pseudo(version))
        .filter_map(|(version, _)| version.parse().ok())
        .collect();
    versions.sort();
    versions.dedup();
    versions
}

/// Finds the newest line by time: the time that stands behind the version, else that of a pseudo-version. Plain
/// versions without a time do not count.
///
/// This is what the go command does when a proxy has no `@latest`. Source: cmd/go, `proxyRepo.latestFromList`.
pub(super) fn find_newest(body: &[u8]) -> Option<String> {
    let mut newest: Option<(Timestamp, &str)> = None;
    for (version, time) in lines(body) {
        let at = match time {
            Some(time) => time.parse().ok(),
            None => pseudo::time(version)
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok()),
        };
        if let Some(at) = at
            && newest.is_none_or(|(best, _)| best < at)
        {
            newest = Some((at, version));
        }
    }
    newest.map(|(_, version)| version.to_owned())
}

/// The first two words of each line that begins with a semantic version.
fn lines(body: &[u8]) -> impl Iterator<Item = (&str, Option<&str>)> {
    body.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let version = words.next().filter(|version| semver::is_valid(version))?;
            Some((version, words.next()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::versions;

    mod cases;

    #[test]
    fn the_corpus_of_the_fuzzer_is_read() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/corpus/upstream_list");
        let mut count = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let body = std::fs::read(file.unwrap().path()).unwrap();
            cases::upstream_list(&body);
            for at in 0..body.len().min(500) {
                cases::upstream_list(&body[..at]);
                let mut damaged = body.clone();
                damaged[at] ^= 0x20;
                cases::upstream_list(&damaged);
            }
            count += 1;
        }
        assert!(count > 10, "{count}");
    }

    #[track_caller]
    fn check_list(body: &[u8], want: &[&str]) {
        let versions: Vec<String> = parse_list(body).iter().map(Version::to_string).collect();
        assert_eq!(versions, want);
    }

    #[test]
    fn only_canonical_named_versions_count() {
        check_list(b"", &[]);
        check_list(
            b"v1.10.0\nv1.9.0\r\n\nv1.9.0 2020-01-01T00:00:00Z\n",
            &["v1.9.0", "v1.10.0"],
        );
        check_list(
            b"v1\nv1.0\nmain\n<html>\nv1.0.0+meta\nv2.0.0+incompatible\n",
            &["v2.0.0+incompatible"],
        );
        check_list(
            b"v0.0.0-20200101000000-abcdefabcdef\nv1.0.0-pre\n",
            &["v1.0.0-pre"],
        );
        check_list(b"\xff\xfe\nv1.0.0\n", &["v1.0.0"]);
    }

    #[test]
    fn the_newest_needs_a_time() {
        for (body, want) in [
            ("v1.0.0\n", None),
            (
                "v0.0.0-20200101000000-abcdefabcdef\nv0.0.0-20210101000000-bbcdefabcdef\n",
                Some("v0.0.0-20210101000000-bbcdefabcdef"),
            ),
            (
                "v1.0.0 2022-01-01T00:00:00Z\nv0.0.0-20210101000000-bbcdefabcdef\n",
                Some("v1.0.0"),
            ),
            ("v1.0.0 yesterday\n", None),
            ("", None),
        ] {
            assert_eq!(find_newest(body.as_bytes()).as_deref(), want, "{body}");
        }
    }
}
