//! The latest of a view's members, chosen as the go command chooses; what `@latest` says when no upstream can be asked, or
//! when the view shows its members alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use gomod::modfile;
use gomod::path::ModulePath;
use gomod::version::{ModuleVersion, Version};
use jiff::Timestamp;

use crate::answer::Error;
use crate::entry::Entry;
use crate::front::{Front, catalog_trouble};
use crate::proxy::file::find_served;
use crate::proxy::shown::hide;
use crate::target::FileKind;
use crate::view::View;

/// A version and the time it was made.
type Dated = (Version, Option<Timestamp>);

/// The `.info` of the latest stored version that is not retracted; of the latest one where all are.
pub(crate) async fn find_latest(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
    may_fetch: bool,
) -> Result<Option<Arc<Entry>>, Error> {
    let mut stored = list_dated(front, view, module).await?;
    if !front.shows_members_only(view) && view != front.view(0) {
        stored.extend(list_dated(front, front.view(0), module).await?);
    }
    let mut shown: BTreeSet<Version> = stored.iter().map(|(version, _)| version.clone()).collect();
    hide(front, view, module, &mut shown).await?;
    stored.retain(|(version, _)| shown.contains(version));
    let Some(highest) = choose(&stored) else {
        return Ok(None);
    };
    let find =
        async |version: &Version, kind| match ModuleVersion::new(module.clone(), version.clone()) {
            Ok(of) => find_served(front, view, &of, kind, may_fetch).await,
            Err(_) => Ok(None),
        };
    // Only the highest version's go.mod speaks for the others.
    if let Some(go_mod) = find(&highest, FileKind::GoMod).await?
        && let Ok(parsed) = modfile::parse_lax("go.mod", &go_mod.plain.body)
    {
        let is_retracted = |version: &Version| {
            parsed
                .retract
                .iter()
                .any(|retract| retract.covers(version.as_str()))
        };
        stored.retain(|(version, _)| !is_retracted(version));
    }
    let chosen = choose(&stored).unwrap_or(highest);
    find(&chosen, FileKind::Info).await
}

/// The members of a view with their times.
async fn list_dated(
    front: &Front,
    view: View<'_>,
    module: &ModulePath,
) -> Result<Vec<Dated>, Error> {
    let limit = front.config.list_versions_max;
    let listed = front
        .catalog
        .list_versions(view.name(), module, limit)
        .await;
    listed.map_err(|cause| catalog_trouble(module, cause))
}

/// The highest release, else the highest pre-release, else the newest commit; versions of a module without go.mod only
/// where there is nothing but commits beside them.
pub(crate) fn choose(stored: &[Dated]) -> Option<Version> {
    let rank = |version: &Version| match version {
        pseudo if pseudo.is_pseudo() => 0,
        old if old.is_incompatible() => 1,
        early if early.is_prerelease() => 2,
        _ => 3,
    };
    let key = |(version, time): &&Dated| {
        let newest = if version.is_pseudo() { *time } else { None };
        (rank(version), newest, version.clone())
    };
    stored
        .iter()
        .max_by_key(key)
        .map(|(version, _)| version.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_latest(stored: &[(&str, i64)], want: Option<&str>) {
        let stored = stored
            .iter()
            .map(|(version, at)| (version.parse().unwrap(), Timestamp::from_second(*at).ok()))
            .collect::<Vec<_>>();
        assert_eq!(choose(&stored).as_ref().map(Version::as_str), want);
    }

    #[test]
    fn the_highest_release_is_latest() {
        check_latest(&[], None);
        check_latest(
            &[("v1.2.0", 9), ("v1.10.0", 1), ("v1.11.0-rc.1", 10)],
            Some("v1.10.0"),
        );
        check_latest(
            &[("v1.0.0-alpha", 9), ("v1.0.0-beta", 1)],
            Some("v1.0.0-beta"),
        );
        check_latest(&[("v2.0.0+incompatible", 9), ("v1.0.0", 1)], Some("v1.0.0"));
        check_latest(&[("v2.0.0+incompatible", 9)], Some("v2.0.0+incompatible"));
        check_latest(
            &[
                ("v0.0.0-20200101000000-aaaaaaaaaaaa", 20),
                ("v1.0.1-0.20190101000000-bbbbbbbbbbbb", 10),
            ],
            Some("v0.0.0-20200101000000-aaaaaaaaaaaa"),
        );
    }
}
