//! What is stored is listed whatever views say of it, and what has not come through the gates is held.

use catalog::{Catalog, NewMod};

use crate::gates::verdict_on;
use crate::rig::{module, new_mod, views, zip_of};

const NAMES: [&str; 4] = [
    "b.example/m@v1.0.0",
    "a.example/m@v1.10.0",
    "a.example/m@v1.9.0",
    "a.example/M@v1.0.0",
];

/// All in dev; the second one everywhere, the third one withdrawn, the last one without a zip.
async fn fill(catalog: &Catalog) {
    for of in NAMES {
        let view = "dev".to_owned();
        let new = new_mod(of, "x");
        catalog.land_mod(NewMod { view, ..new }).await.unwrap();
        if of != NAMES[3] {
            let zip = catalog.land_zip(&module(of), zip_of(of, "x")).await;
            zip.unwrap();
        }
    }
    let further = views(&["staging", "prod"]);
    let landed = catalog
        .settle(None, &further, &module(NAMES[1]), "gate", "")
        .await;
    landed.unwrap();
    let all = views(&["dev", "staging", "prod"]);
    let out = catalog
        .withdraw(&module(NAMES[2]), &all, false, "admin", "")
        .await;
    out.unwrap();
}

pub async fn every_version_is_listed_once_whatever_views_say(catalog: &Catalog) {
    fill(catalog).await;
    let (mut after, mut listed) = (0, Vec::new());
    loop {
        let page = catalog.list_stored(after, 3).await.unwrap();
        let found = catalog.list_as_found(after, 3).await.unwrap();
        let same = page.iter().zip(&found);
        assert_eq!(page.len(), found.len());
        for (stored, found) in same {
            assert_eq!(found.version.as_ref().unwrap(), stored);
            assert_eq!(
                (found.seq, &found.of),
                (stored.landed.seq, &stored.module.to_string())
            );
        }
        let Some(last) = page.last() else { break };
        after = last.landed.seq;
        listed.extend(page.iter().map(|stored| stored.module.to_string()));
        assert!(page.iter().all(|stored| stored.landed.view == "dev"));
    }
    assert_eq!(listed, NAMES);
}

pub async fn stored_modules_are_listed_by_bytes(catalog: &Catalog) {
    fill(catalog).await;
    let listed = catalog.list_stored_modules(None, 10).await.unwrap();
    let names: Vec<_> = listed.iter().map(|path| path.as_str()).collect();
    assert_eq!(names, ["a.example/M", "a.example/m", "b.example/m"]);
    let page = catalog.list_stored_modules(Some(&listed[0]), 1).await;
    assert_eq!(page.unwrap(), listed[1..2]);
    let versions = catalog.list_stored_versions(&listed[1], 10).await.unwrap();
    let names: Vec<_> = versions.iter().map(|version| version.as_str()).collect();
    assert_eq!(names, ["v1.10.0", "v1.9.0"]);
    let page = catalog.list_stored_versions(&listed[1], 1).await.unwrap();
    assert_eq!(page, versions[..1]);
}

pub async fn what_has_not_come_through_is_held(catalog: &Catalog) {
    fill(catalog).await;
    let held = async |after| {
        let held = catalog.list_held("dev", "prod", after, 10).await.unwrap();
        let told = held.into_iter().map(|(of, seq)| (of.to_string(), seq));
        told.collect::<Vec<_>>()
    };
    let first = NAMES[0].to_owned();
    assert_eq!(held(0).await, [(first.clone(), 1)]);
    assert_eq!(held(1).await, []);
    // A zip that comes later, and a version that was taken out and is back.
    let last = module(NAMES[3]);
    let zip = catalog.land_zip(&last, zip_of(NAMES[3], "x")).await;
    zip.unwrap();
    catalog
        .release(&module(NAMES[2]), &[], "admin", "")
        .await
        .unwrap();
    let all = [
        (first, 1),
        (NAMES[3].to_owned(), 4),
        (NAMES[2].to_owned(), 9),
    ];
    assert_eq!(held(0).await, all);
    assert_eq!(held(1).await, all[1..]);
    let page = catalog.list_held("dev", "prod", 0, 2).await.unwrap();
    assert_eq!(page.len(), 2);
    let through = catalog
        .settle(None, &views(&["prod"]), &last, "gate", "")
        .await;
    through.unwrap();
    assert_eq!(held(0).await, [all[0].clone(), all[2].clone()]);
}

pub async fn the_last_verdict_has_the_highest_number(catalog: &Catalog) {
    fill(catalog).await;
    assert_eq!(catalog.last_verdict().await.unwrap(), 0);
    for (at, of) in NAMES.iter().enumerate() {
        let verdict = Some(verdict_on(of, "staging", false, "x"));
        let settled = catalog.settle(verdict, &[], &module(of), "gate", "").await;
        settled.unwrap();
        let all = catalog.list_verdicts(0, 10, None).await.unwrap();
        assert_eq!(all.len(), at + 1);
        assert_eq!(catalog.last_verdict().await.unwrap(), all[at].id);
    }
}
