//! Versions come in once, zips follow, views say what their landings say.

use catalog::{Act, Catalog, CatalogError, Landing, ModLanding, Settled, Verification, ZipLanding};
use gomod::path::ModulePath;

use crate::rig::{digest, h1, module, new_mod, views, zip_of};

const QUOTE: &str = "rsc.io/quote@v1.5.2";

#[track_caller]
fn seq_of(landing: ModLanding) -> u64 {
    match landing {
        ModLanding::Landed { seq, .. } => seq,
        other => panic!("not landed: {other:?}"),
    }
}

pub async fn a_landed_version_reads_back_whole(catalog: &Catalog) {
    let ways = [
        Verification::Record {
            database: "sum.golang.org".to_owned(),
            record_id: 0,
            tree_size: 1 << 40,
        },
        Verification::Private {
            pattern: "*.corp.example".to_owned(),
        },
        Verification::Absent {
            database: "sum.golang.org".to_owned(),
        },
        Verification::Off,
    ];
    for (i, verified) in ways.into_iter().enumerate() {
        let of = format!("example.com/way{i}@v1.0.0");
        let mut new = new_mod(&of, "x");
        new.verified = verified.clone();
        let before = jiff::Timestamp::now();
        let seq = seq_of(catalog.land_mod(new.clone()).await.unwrap());
        assert_eq!(seq, i as u64 + 1);
        let found = catalog
            .find_version("prod", &module(&of))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.module, new.module);
        assert_eq!((found.info, found.info_size), (new.info, 90));
        assert_eq!(
            (found.go_mod, found.mod_size, found.mod_h1),
            (new.go_mod, 120, new.mod_h1)
        );
        assert_eq!(
            (found.zip_h1_expected, found.zip),
            (new.zip_h1_expected, None)
        );
        assert_eq!((found.time, found.verified), (new.time, verified));
        assert_eq!(
            (
                found.landed.view.as_str(),
                found.landed.seq,
                found.landed.by.as_str()
            ),
            ("prod", seq, "pipeline")
        );
        assert!(found.first_seen_at.as_microsecond() >= before.as_microsecond());
        assert_eq!(found.landed.at, found.first_seen_at);
    }
    assert_eq!(catalog.count_versions().await.unwrap(), 4);
    assert_eq!(catalog.last_seq().await.unwrap(), 4);
}

pub async fn what_is_not_known_stays_unknown(catalog: &Catalog) {
    let mut new = new_mod(QUOTE, "x");
    new.zip_h1_expected = None;
    new.time = None;
    catalog.land_mod(new).await.unwrap();
    let found = catalog
        .find_version("prod", &module(QUOTE))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.zip_h1_expected, found.time), (None, None));
    for other in [
        "rsc.io/quote@v1.5.1",
        "rsc.io/quote/v3@v3.0.0",
        "rsc.io/Quote@v1.5.2",
    ] {
        assert_eq!(
            catalog.find_version("prod", &module(other)).await.unwrap(),
            None,
            "{other}"
        );
    }
    assert_eq!(
        catalog
            .find_version("staging", &module(QUOTE))
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        catalog
            .find_landing("prod", &module("rsc.io/quote@v1.5.1"))
            .await
            .unwrap(),
        None
    );
}

pub async fn the_same_bytes_again_are_not_first(catalog: &Catalog) {
    let first = catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    assert_eq!(
        first,
        ModLanding::Landed {
            seq: 1,
            first: true
        }
    );
    let again = catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    assert_eq!(
        again,
        ModLanding::Landed {
            seq: 1,
            first: false
        }
    );
    // Who has no voucher for the zip does not contradict who has.
    let mut without = new_mod(QUOTE, "x");
    without.zip_h1_expected = None;
    without.verified = Verification::Off;
    assert_eq!(
        catalog.land_mod(without).await.unwrap(),
        ModLanding::Landed {
            seq: 1,
            first: false
        }
    );
    assert_eq!(catalog.landings_since(0, 10).await.unwrap().len(), 1);
}

pub async fn other_bytes_are_a_conflict_that_changes_nothing(catalog: &Catalog) {
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let stored = catalog
        .find_version("prod", &module(QUOTE))
        .await
        .unwrap()
        .unwrap();
    let base = new_mod(QUOTE, "x");
    let others = [
        new_mod(QUOTE, "y"),
        catalog::NewMod {
            info: digest("other"),
            ..base.clone()
        },
        catalog::NewMod {
            go_mod: digest("other"),
            ..base.clone()
        },
        catalog::NewMod {
            mod_h1: h1("other"),
            ..base.clone()
        },
        catalog::NewMod {
            zip_h1_expected: Some(h1("other")),
            ..base
        },
    ];
    for other in others {
        match catalog.land_mod(other).await.unwrap() {
            ModLanding::Conflict { stored: told } => assert_eq!(*told, stored),
            outcome => panic!("not a conflict: {outcome:?}"),
        }
    }
    assert_eq!(
        catalog
            .find_version("prod", &module(QUOTE))
            .await
            .unwrap()
            .unwrap(),
        stored
    );
    assert_eq!(catalog.last_seq().await.unwrap(), 1);
}

pub async fn a_zip_lands_once_and_only_as_expected(catalog: &Catalog) {
    let of = module(QUOTE);
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    assert_eq!(
        catalog.list_missing_zips(10).await.unwrap(),
        vec![of.clone()]
    );
    let wrong = catalog.land_zip(&of, zip_of(QUOTE, "y")).await.unwrap();
    assert!(
        matches!(wrong, ZipLanding::Conflict { ref stored } if stored.zip.is_none()),
        "{wrong:?}"
    );

    let zip = zip_of(QUOTE, "x");
    assert_eq!(
        catalog.land_zip(&of, zip).await.unwrap(),
        ZipLanding::Landed { first: true }
    );
    assert_eq!(
        catalog.land_zip(&of, zip).await.unwrap(),
        ZipLanding::Landed { first: false }
    );
    assert_eq!(
        catalog
            .find_version("prod", &of)
            .await
            .unwrap()
            .unwrap()
            .zip,
        Some(zip)
    );
    assert_eq!(catalog.list_missing_zips(10).await.unwrap(), vec![]);

    // The same contents packed otherwise: right hash, other bytes. The first stay.
    let repacked = catalog::StoredZip {
        digest: digest("repacked"),
        ..zip
    };
    let outcome = catalog.land_zip(&of, repacked).await.unwrap();
    assert!(
        matches!(outcome, ZipLanding::Conflict { ref stored } if stored.zip == Some(zip)),
        "{outcome:?}"
    );
    assert_eq!(
        catalog
            .find_version("prod", &of)
            .await
            .unwrap()
            .unwrap()
            .zip,
        Some(zip)
    );
    assert_eq!(catalog.last_seq().await.unwrap(), 1, "a zip is no landing");
}

pub async fn a_zip_needs_its_version(catalog: &Catalog) {
    let error = catalog
        .land_zip(&module(QUOTE), zip_of(QUOTE, "x"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, CatalogError::NoVersion { ref module } if module.to_string() == QUOTE),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "rsc.io/quote@v1.5.2 is not in the catalog"
    );
}

pub async fn views_are_apart(catalog: &Catalog) {
    let of = module(QUOTE);
    catalog.land_mod(new_mod(QUOTE, "x")).await.unwrap();
    let landed = catalog
        .settle(None, &views(&["staging"]), &of, "gate", "passed")
        .await
        .unwrap();
    assert_eq!(
        landed,
        Settled::Landed {
            seqs: vec![2],
            first: true
        }
    );
    catalog
        .withdraw(&of, &views(&["prod"]), false, "admin", "")
        .await
        .unwrap();
    assert_eq!(catalog.find_version("prod", &of).await.unwrap(), None);
    let staged = catalog.find_version("staging", &of).await.unwrap().unwrap();
    assert_eq!(
        (
            staged.landed.view.as_str(),
            staged.landed.seq,
            staged.landed.by.as_str()
        ),
        ("staging", 2, "gate")
    );
}

pub async fn a_version_lands_in_the_view_that_is_named(catalog: &Catalog) {
    let of = module(QUOTE);
    assert_eq!(catalog.find_stored(&of).await.unwrap(), None);
    let mut new = new_mod(QUOTE, "x");
    new.view = "dev".to_owned();
    assert_eq!(seq_of(catalog.land_mod(new.clone()).await.unwrap()), 1);
    assert_eq!(catalog.find_version("prod", &of).await.unwrap(), None);
    let stored = catalog.find_stored(&of).await.unwrap().unwrap();
    assert_eq!(stored.landed.view, "dev");
    assert_eq!(
        catalog.find_version("dev", &of).await.unwrap(),
        Some(stored)
    );
    // The same bytes in another view are a landing of their own.
    new.view = "prod".to_owned();
    assert_eq!(
        catalog.land_mod(new).await.unwrap(),
        ModLanding::Landed {
            seq: 2,
            first: true
        }
    );
    let stored = catalog.find_stored(&of).await.unwrap().unwrap();
    assert_eq!(
        (stored.landed.view.as_str(), stored.landed.seq),
        ("dev", 1),
        "the first landing"
    );
}

pub async fn listings_are_ordered_and_bounded(catalog: &Catalog) {
    for version in ["v1.2.0", "v1.10.0", "v1.1.0", "v1.3.0-rc.1"] {
        catalog
            .land_mod(new_mod(&format!("example.com/m@{version}"), "x"))
            .await
            .unwrap();
        catalog
            .land_mod(new_mod(&format!("example.com/mm@{version}"), "x"))
            .await
            .unwrap();
    }
    let path: ModulePath = "example.com/m".parse().unwrap();
    let listed = catalog.list_versions("prod", &path, 10).await.unwrap();
    let names: Vec<_> = listed.iter().map(|(version, _)| version.as_str()).collect();
    assert_eq!(
        names,
        ["v1.3.0-rc.1", "v1.1.0", "v1.10.0", "v1.2.0"],
        "newest landing first"
    );
    assert!(
        listed
            .iter()
            .all(|(_, time)| *time == new_mod("example.com/m@v1.0.0", "x").time)
    );
    assert_eq!(
        catalog.list_versions("prod", &path, 3).await.unwrap(),
        listed[..3],
        "the newest stay"
    );
    assert_eq!(
        catalog
            .list_versions("prod", &path, u64::MAX)
            .await
            .unwrap()
            .len(),
        4
    );

    let mut walked = Vec::new();
    let mut after = 0;
    loop {
        let page = catalog.list_all("prod", after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.landed.seq;
        walked.extend(page.iter().map(|stored| stored.landed.seq));
    }
    assert_eq!(walked, (1..=8).collect::<Vec<_>>());
    let missing = catalog.list_missing_zips(3).await.unwrap();
    assert_eq!(missing.len(), 3);
}

pub async fn modules_are_listed_by_bytes(catalog: &Catalog) {
    for path in [
        "b.example/m",
        "a.example/m",
        "a.example/M",
        "a.example/m-n",
        "a.example/m/sub",
    ] {
        catalog
            .land_mod(new_mod(&format!("{path}@v1.0.0"), "x"))
            .await
            .unwrap();
        catalog
            .land_mod(new_mod(&format!("{path}@v1.0.1"), "x"))
            .await
            .unwrap();
    }
    let listed = catalog.list_modules("prod", None, 10).await.unwrap();
    let names: Vec<_> = listed.iter().map(ModulePath::as_str).collect();
    assert_eq!(
        names,
        [
            "a.example/M",
            "a.example/m",
            "a.example/m-n",
            "a.example/m/sub",
            "b.example/m"
        ]
    );
    assert_eq!(
        catalog
            .list_modules("prod", Some(&listed[1]), 2)
            .await
            .unwrap(),
        listed[2..4]
    );
    assert_eq!(catalog.list_modules("dev", None, 10).await.unwrap(), vec![]);
}

pub async fn landings_tell_everything_in_order(catalog: &Catalog) {
    catalog
        .land_mod(new_mod("example.com/a@v1.0.0", "x"))
        .await
        .unwrap();
    catalog
        .land_mod(new_mod("example.com/b@v1.0.0", "x"))
        .await
        .unwrap();
    let a = module("example.com/a@v1.0.0");
    catalog
        .withdraw(
            &a,
            &views(&["prod"]),
            false,
            "admin",
            "broken\u{0}, it says",
        )
        .await
        .unwrap();
    let told = catalog.landings_since(0, 10).await.unwrap();
    let acts: Vec<_> = told
        .iter()
        .map(|Landing { seq, act, .. }| (*seq, *act))
        .collect();
    assert_eq!(acts, [(1, Act::Land), (2, Act::Land), (3, Act::Withdraw)]);
    let last = &told[2];
    assert_eq!(
        (&last.module, last.by.as_str(), last.view.as_str()),
        (&a, "admin", "prod")
    );
    assert_eq!(
        last.why, "broken\u{fffd}, it says",
        "text has no NUL in either engine"
    );
    assert_eq!(catalog.landings_since(1, 1).await.unwrap(), told[1..2]);
    assert_eq!(catalog.landings_since(3, 10).await.unwrap(), vec![]);
}
