//! Which version `latest` names among those of a list, chosen as the go command chooses it.

use async_trait::async_trait;
use bytes::Bytes;
use gomod::modfile;
use gomod::path::ModulePath;
use gomod::version::Version;

/// Where the go.mod files come from that the choice depends on; at most three are read.
#[async_trait]
pub trait GoMods: Sync {
    /// The bytes of a version's go.mod; nothing where it cannot be had.
    async fn read(&self, version: &Version) -> Option<Bytes>;
}

/// Chooses the latest of `versions`: the highest release, else the highest pre-release, else the highest pseudo-version.
///
/// What the go.mod of the highest retracts is passed over; nothing remains where all of them are retracted.
/// `+incompatible` versions count only where the highest compatible one comes from a time before go.mod files.
///
/// Source: cmd/go/internal/modload, `queryMatcher.filterVersions` and `CheckRetractions`.
pub async fn choose_latest(
    module: &ModulePath,
    mut versions: Vec<Version>,
    go_mods: &impl GoMods,
) -> Option<Version> {
    versions.sort();
    let highest = highest(module, &versions, go_mods).await?;
    let retracted = retracted_by(go_mods.read(&highest).await);
    if retracted.is_empty() {
        return Some(highest);
    }
    versions.retain(|v| !retracted.iter().any(|r| r.covers(v.as_str())));
    self::highest(module, &versions, go_mods).await
}

/// The highest of sorted versions, retractions aside.
async fn highest(
    module: &ModulePath,
    sorted: &[Version],
    go_mods: &impl GoMods,
) -> Option<Version> {
    let tagged: Vec<&Version> = sorted.iter().filter(|v| !v.is_pseudo()).collect();
    let compatible = tagged.iter().position(|v| v.is_incompatible());
    let compatible = &tagged[..compatible.unwrap_or(tagged.len())];
    let considered = match compatible.last() {
        Some(last) if compatible.len() < tagged.len() => {
            match go_mods.read(last).await {
                // Upstreams make this one up for versions that have none.
                Some(bytes) if bytes == modfile::synthesize(module).as_bytes() => &tagged[..],
                _ => compatible,
            }
        }
        _ => &tagged[..],
    };
    let release = considered.iter().rev().find(|v| !v.is_prerelease());
    let tagged = release.or(considered.last()).copied();
    tagged.or(sorted.last()).cloned()
}

/// What a go.mod retracts, its bounds as written (`v1.3` counts as `v1.3.0`); one that cannot be read retracts nothing.
fn retracted_by(go_mod: Option<Bytes>) -> Vec<modfile::Retract> {
    match go_mod.map(|bytes| modfile::parse_lax("go.mod", &bytes)) {
        Some(Ok(file)) => file.retract,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const OWN: &str = "module example.com/m\n\ngo 1.21\n";

    /// go.mod files by version; a version that is not named has `OWN`.
    struct Given(HashMap<&'static str, &'static str>);

    #[async_trait]
    impl GoMods for Given {
        async fn read(&self, version: &Version) -> Option<Bytes> {
            let text = self.0.get(version.as_str()).copied().unwrap_or(OWN);
            (text != "none").then(|| Bytes::from_static(text.as_bytes()))
        }
    }

    #[track_caller]
    fn check(versions: &str, go_mods: &[(&'static str, &'static str)], want: Option<&str>) {
        let module = "example.com/m".parse().unwrap();
        let list: Vec<Version> = versions
            .split(' ')
            .filter(|v| !v.is_empty())
            .map(|v| v.parse().unwrap())
            .collect();
        let given = Given(go_mods.iter().copied().collect());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let found = runtime.block_on(choose_latest(&module, list, &given));
        assert_eq!(
            found.as_ref().map(Version::as_str),
            want,
            "{versions} {go_mods:?}"
        );
    }

    #[test]
    fn a_release_comes_before_a_higher_pre_release() {
        check(
            "v1.10.0 v1.9.0 v2.0.0-rc.1 v1.11.0-beta",
            &[],
            Some("v1.10.0"),
        );
        check("v0.1.0-alpha v0.1.0-beta", &[], Some("v0.1.0-beta"));
        check("", &[], None);
    }

    #[test]
    fn a_pseudo_version_is_the_last_resort() {
        let pseudo = "v0.0.0-20240506070809-abcdefabcdef";
        let older = "v0.0.0-20230506070809-abcdefabcdef";
        check(&format!("{pseudo} {older}"), &[], Some(pseudo));
        check(&format!("v0.0.0-alpha {pseudo}"), &[], Some("v0.0.0-alpha"));
    }

    #[test]
    fn what_the_highest_retracts_is_passed_over() {
        let itself = "module example.com/m\n\nretract v1.2.0\n";
        check(
            "v1.0.0 v1.1.0 v1.2.0",
            &[("v1.2.0", itself)],
            Some("v1.1.0"),
        );
        let range = "module example.com/m\n\nretract [v1.1.0, v1.2.0]\n";
        check("v1.0.0 v1.1.0 v1.2.0", &[("v1.2.0", range)], Some("v1.0.0"));
        check("v1.1.0 v1.2.0", &[("v1.2.0", range)], None);
        let short = "module example.com/m\n\nretract v1.2\n";
        check("v1.1.0 v1.2.0", &[("v1.2.0", short)], Some("v1.1.0"));
        // Only the highest one's word counts.
        check("v1.0.0 v1.1.0", &[("v1.0.0", itself)], Some("v1.1.0"));
        check("v1.0.0 v1.2.0", &[("v1.2.0", "none")], Some("v1.2.0"));
        check("v1.0.0 v1.2.0", &[("v1.2.0", "((")], Some("v1.2.0"));
    }

    #[test]
    fn incompatible_versions_count_only_before_go_mod_files() {
        let made_up = "module example.com/m\n";
        let list = "v1.0.0 v1.5.0 v2.0.0+incompatible v3.1.0+incompatible";
        check(list, &[], Some("v1.5.0"));
        check(list, &[("v1.5.0", "none")], Some("v1.5.0"));
        check(list, &[("v1.5.0", made_up)], Some("v3.1.0+incompatible"));
        check("v3.1.0+incompatible", &[], Some("v3.1.0+incompatible"));
        // A compatible pre-release with a go.mod comes before an incompatible release.
        check("v1.5.0-rc.1 v2.0.0+incompatible", &[], Some("v1.5.0-rc.1"));
    }
}
