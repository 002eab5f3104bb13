//! Verdicts and what follows from them, waivers, tokens, and the record of acts.

use catalog::work::DeedOutcome;
use catalog::{
    Act, Catalog, CatalogError, Level, NewDeed, NewToken, NewVerdict, NewWaiver, Reason, Settled,
    TokenEnding, TokenSaving, Verdict, WaiverEnding,
};
use jiff::{SignedDuration, Timestamp};

use crate::rig::{digest, module, new_mod, time, views};

const QUOTE: &str = "rsc.io/quote@v1.5.2";
const NOON: &str = "2026-01-01T12:00:00.123456Z";

/// A verdict made from facts that `facts` stands for.
pub fn verdict_on(of: &str, view: &str, admitted: bool, facts: &str) -> NewVerdict {
    NewVerdict {
        module: module(of),
        view: view.to_owned(),
        admitted,
        reasons: vec![Reason {
            rule: "licence".to_owned(),
            level: if admitted { Level::Warn } else { Level::Deny },
            text: format!("no licence that may be hosted: {facts}"),
            waiver: Some(7),
            until: Some(time("2026-02-01T00:00:00.123456789Z")),
        }],
        facts: digest(facts),
        policies: digest("policies"),
        until: Some(time(NOON)),
    }
}

pub fn waiver_for(pattern: &str, now: Timestamp) -> NewWaiver {
    NewWaiver {
        pattern: pattern.to_owned(),
        rule: "licence".to_owned(),
        owner: "ann".to_owned(),
        why: "we wrote it".to_owned(),
        by: "local:bob".to_owned(),
        until: now + SignedDuration::from_hours(1),
    }
}

pub fn token_of(name: &str, secret: &str) -> NewToken {
    NewToken {
        name: name.to_owned(),
        hash: digest(secret),
        scopes: r#"[{"verb":"read","view":"*"}]"#.to_owned(),
        expires_at: Some(time(NOON)),
        by: "local:ann".to_owned(),
    }
}

pub fn deed_of(verb: &str, subject: &str) -> NewDeed {
    NewDeed {
        verb: verb.to_owned(),
        subject: subject.to_owned(),
        view: Some("prod".to_owned()),
        by: "token:ci".to_owned(),
        why: "a leak \u{1f980}".to_owned(),
        outcome: DeedOutcome::Done,
        detail: serde_json::json!({"seqs": [1, 2], "text": "it's \u{0}"}),
    }
}

async fn land(catalog: &Catalog, of: &str) {
    let mut new = new_mod(of, "x");
    new.view = "dev".to_owned();
    catalog.land_mod(new).await.unwrap();
}

async fn settle(catalog: &Catalog, verdict: Option<NewVerdict>, land_in: &[&str]) -> Settled {
    let of = verdict
        .as_ref()
        .map_or(module(QUOTE), |verdict| verdict.module.clone());
    let settled = catalog
        .settle(verdict, &views(land_in), &of, "gate", "passed")
        .await;
    settled.unwrap()
}

async fn find(catalog: &Catalog, view: &str) -> Option<Verdict> {
    catalog.find_verdict(view, &module(QUOTE)).await.unwrap()
}

#[track_caller]
fn check_same(found: &Verdict, new: &NewVerdict) {
    assert_eq!(
        (&found.module, &found.view, found.admitted, &found.reasons),
        (&new.module, &new.view, new.admitted, &new.reasons)
    );
    assert_eq!(
        (&found.facts, &found.policies, found.until),
        (&new.facts, &new.policies, new.until)
    );
}

pub async fn a_verdict_is_kept_with_what_follows_from_it(catalog: &Catalog) {
    land(catalog, QUOTE).await;
    assert_eq!(find(catalog, "staging").await, None);
    let before = Timestamp::now();
    let new = verdict_on(QUOTE, "staging", true, "first");
    let settled = settle(catalog, Some(new.clone()), &["staging", "prod"]).await;
    assert_eq!(
        settled,
        Settled::Landed {
            seqs: vec![2, 3],
            first: true
        }
    );
    let found = find(catalog, "staging").await.unwrap();
    check_same(&found, &new);
    assert!(found.at.as_microsecond() >= before.as_microsecond());
    assert_eq!(find(catalog, "prod").await, None, "it is on staging alone");
    let told = catalog.landings_since(1, 10).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|l| (l.view.as_str(), l.act, l.by.as_str(), l.why.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("staging", Act::Land, "gate", "passed"),
            ("prod", Act::Land, "gate", "passed")
        ]
    );
    let later = verdict_on(QUOTE, "staging", false, "later");
    assert_eq!(
        settle(catalog, Some(later.clone()), &[]).await,
        Settled::Judged
    );
    check_same(&find(catalog, "staging").await.unwrap(), &later);
    assert!(
        catalog
            .find_version("staging", &module(QUOTE))
            .await
            .unwrap()
            .is_some(),
        "what is in stays in"
    );
}

pub async fn a_verdict_that_says_the_same_is_kept_once(catalog: &Catalog) {
    land(catalog, QUOTE).await;
    let new = verdict_on(QUOTE, "prod", false, "a");
    let mut others = vec![new.clone(); 6];
    others[1].admitted = true;
    others[2].reasons.clear();
    others[3].facts = digest("other facts");
    others[4].policies = digest("other policies");
    others[5].until = None;
    for (at, other) in others.into_iter().enumerate() {
        settle(catalog, Some(other.clone()), &[]).await;
        settle(catalog, Some(other.clone()), &[]).await;
        let kept = catalog.list_verdicts(0, 100, None).await.unwrap();
        assert_eq!(kept.len(), at + 1);
        check_same(&kept[at], &other);
    }
    // Only the newest counts: what was said once is said again.
    settle(catalog, Some(new.clone()), &[]).await;
    assert_eq!(catalog.list_verdicts(0, 100, None).await.unwrap().len(), 7);
    let mut finer = new;
    finer.until = Some(time("2026-01-01T12:00:00.123456789Z"));
    settle(catalog, Some(finer), &[]).await;
    assert_eq!(
        catalog.list_verdicts(0, 100, None).await.unwrap().len(),
        7,
        "times are kept to the microsecond"
    );
}

pub async fn what_settles_twice_changes_nothing(catalog: &Catalog) {
    land(catalog, QUOTE).await;
    let new = verdict_on(QUOTE, "staging", true, "x");
    for first in [true, false] {
        let settled = settle(catalog, Some(new.clone()), &["staging", "prod", "staging"]).await;
        assert_eq!(
            settled,
            Settled::Landed {
                seqs: vec![2, 3, 2],
                first
            }
        );
    }
    let settled = settle(catalog, None, &["dev", "gate-1", "prod"]).await;
    assert_eq!(
        settled,
        Settled::Landed {
            seqs: vec![1, 4, 3],
            first: true
        }
    );
    assert_eq!(settle(catalog, None, &[]).await, Settled::Judged);
    assert_eq!(catalog.last_seq().await.unwrap(), 4);
}

pub async fn what_is_withheld_is_judged_and_lands_nowhere(catalog: &Catalog) {
    land(catalog, QUOTE).await;
    let stages = views(&["dev", "prod"]);
    let of = module(QUOTE);
    let taken_out = catalog.quarantine(&of, &stages, "admin", "odd").await;
    taken_out.unwrap();
    let new = verdict_on(QUOTE, "prod", true, "x");
    let settled = settle(catalog, Some(new.clone()), &["dev", "prod"]).await;
    let last = catalog.find_landing("prod", &module(QUOTE)).await.unwrap();
    assert_eq!(
        settled,
        Settled::Withheld {
            landing: Box::new(last.unwrap())
        }
    );
    check_same(&find(catalog, "prod").await.unwrap(), &new);
    assert_eq!(catalog.last_seq().await.unwrap(), 3);
}

pub async fn a_verdict_needs_its_version(catalog: &Catalog) {
    let new = verdict_on(QUOTE, "prod", true, "x");
    let settled = catalog
        .settle(Some(new), &views(&["prod"]), &module(QUOTE), "gate", "")
        .await;
    let error = settled.unwrap_err();
    assert!(matches!(error, CatalogError::NoVersion { .. }), "{error}");
    assert_eq!(catalog.list_verdicts(0, 10, None).await.unwrap(), []);
}

pub async fn refusals_are_listed_until_they_end(catalog: &Catalog) {
    let path = module(QUOTE).path().clone();
    let refused = async |view: &str| {
        let refused = catalog.list_refused(view, &path).await.unwrap();
        let names = refused.into_iter().map(|(version, until)| {
            assert_eq!(until, Some(time(NOON)));
            version.as_str().to_owned()
        });
        names.collect::<Vec<_>>()
    };
    let names = ["v1.5.1", "v1.10.0", "v1.5.2"].map(|version| format!("rsc.io/quote@{version}"));
    for of in &names {
        land(catalog, of).await;
        let verdict = verdict_on(of, "staging", false, of);
        settle(catalog, Some(verdict), &[]).await;
    }
    // A longer path and another view are others.
    land(catalog, "rsc.io/quote/v3@v3.0.0").await;
    let other = verdict_on("rsc.io/quote/v3@v3.0.0", "staging", false, "x");
    settle(catalog, Some(other), &[]).await;
    assert_eq!(refused("staging").await, ["v1.10.0", "v1.5.1", "v1.5.2"]);
    assert_eq!(refused("prod").await, [""; 0]);

    // Admitted by a later verdict.
    let admitted = verdict_on(&names[1], "staging", true, "x");
    settle(catalog, Some(admitted), &[]).await;
    assert_eq!(refused("staging").await, ["v1.5.1", "v1.5.2"]);
    // Let in whatever the verdict was.
    let of = module(&names[0]);
    let promoted = catalog
        .settle(None, &views(&["staging"]), &of, "ann", "")
        .await;
    promoted.unwrap();
    assert_eq!(refused("staging").await, ["v1.5.2"]);
    // Taken out, it is refused again.
    let out = catalog
        .quarantine(&of, &views(&["staging"]), "ann", "")
        .await;
    out.unwrap();
    assert_eq!(refused("staging").await, ["v1.5.1", "v1.5.2"]);
}

pub async fn due_verdicts_are_the_newest_ones(catalog: &Catalog) {
    let at = |minute: i8| time(&format!("2026-01-01T12:{minute:02}:00Z"));
    let due = async |minute: i8, limit: u64| {
        let due = catalog.list_due_verdicts(at(minute), limit).await.unwrap();
        let names = due.iter().map(|verdict| verdict.module.to_string());
        names.collect::<Vec<_>>()
    };
    let names = ["a", "b", "c", "d", "e"].map(|name| format!("example.com/{name}@v1.0.0"));
    for (of, until) in names
        .iter()
        .zip([Some(30), Some(10), Some(20), None, Some(10)])
    {
        land(catalog, of).await;
        let mut verdict = verdict_on(of, "staging", false, of);
        verdict.until = until.map(at);
        verdict.admitted = *of == names[4];
        settle(catalog, Some(verdict), &[]).await;
    }
    assert_eq!(due(9, 10).await, [""; 0]);
    assert_eq!(due(10, 10).await, [names[1].as_str()]);
    assert_eq!(
        due(59, 10).await,
        [names[1].as_str(), &names[2], &names[0]],
        "the longest due first"
    );
    assert_eq!(due(59, 2).await, [names[1].as_str(), &names[2]]);
    // Asked again, it is due later.
    let mut again = verdict_on(&names[1], "staging", false, "x");
    again.until = Some(at(40));
    settle(catalog, Some(again), &[]).await;
    assert_eq!(due(30, 10).await, [names[2].as_str(), &names[0]]);
    // Nothing would follow for what is withheld, in whatever view, or in already.
    let (c, dev) = (module(&names[2]), views(&["dev"]));
    catalog.quarantine(&c, &dev, "ann", "").await.unwrap();
    assert_eq!(due(30, 10).await, [names[0].as_str()]);
    catalog.release(&c, &dev, "ann", "").await.unwrap();
    let (a, staging) = (module(&names[0]), views(&["staging"]));
    let promoted = catalog.settle(None, &staging, &a, "ann", "").await;
    promoted.unwrap();
    assert_eq!(due(30, 10).await, [names[2].as_str()]);
}

pub async fn verdicts_are_listed_by_number(catalog: &Catalog) {
    let names = [
        "example.com/a@v1.0.0",
        "example.com/b@v1.0.0",
        "example.com/a@v1.1.0",
    ];
    for of in names {
        land(catalog, of).await;
    }
    for round in ["x", "y"] {
        for of in names {
            settle(catalog, Some(verdict_on(of, "prod", false, round)), &[]).await;
        }
    }
    let all = catalog.list_verdicts(0, 100, None).await.unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|verdict| verdict.module.to_string())
        .collect();
    assert_eq!(told, [names, names].concat());
    assert!(all.is_sorted_by_key(|verdict| verdict.id));
    let page = catalog.list_verdicts(all[1].id, 2, None).await.unwrap();
    assert_eq!(page, all[2..4]);
    let path = module(names[0]).path().clone();
    let of_a = catalog.list_verdicts(0, 100, Some(&path)).await.unwrap();
    let told: Vec<_> = of_a
        .iter()
        .map(|verdict| verdict.module.to_string())
        .collect();
    assert_eq!(told, [names[0], names[2], names[0], names[2]]);
    let page = catalog.list_verdicts(of_a[0].id, 2, Some(&path)).await;
    assert_eq!(page.unwrap(), of_a[1..3]);
}

pub async fn waivers_cover_what_they_name_while_they_hold(catalog: &Catalog) {
    let now = time(NOON);
    let patterns = [
        "rsc.io",
        "rsc.io/quote@v1.5.2",
        "*.example, rsc.io/*",
        "rsc.io/quote/v3",
        "rsc.io/quote@v1.5.1,rsc.io/qu[",
    ];
    for (at, pattern) in patterns.iter().enumerate() {
        let new = waiver_for(pattern, now);
        let saved = catalog.save_waiver(new.clone()).await.unwrap();
        assert_eq!((saved.id, saved.first), (at as u64 + 1, true));
        let again = catalog.save_waiver(new).await.unwrap();
        assert_eq!((again.id, again.first), (saved.id, false));
    }
    let covering = async |of: &str, at: Timestamp| {
        let found = catalog.waivers_for(&module(of), at).await.unwrap();
        found.iter().map(|waiver| waiver.id).collect::<Vec<_>>()
    };
    assert_eq!(covering(QUOTE, now).await, [1, 2, 3]);
    assert_eq!(covering("rsc.io/quote@v1.5.1", now).await, [1, 3, 5]);
    assert_eq!(covering("rsc.io/quote/v3@v3.0.0", now).await, [1, 3, 4]);
    assert_eq!(covering("rsc.iou/quote@v1.5.2", now).await, [0; 0]);
    assert_eq!(covering("corp.example/m@v1.0.0", now).await, [3]);
    let end = now + SignedDuration::from_hours(1);
    assert_eq!(
        covering(QUOTE, end - SignedDuration::from_micros(1)).await,
        [1, 2, 3]
    );
    assert_eq!(covering(QUOTE, end).await, [0; 0], "it has run out");
    let all = catalog.list_waivers(0, 10).await.unwrap();
    let told: Vec<_> = all.iter().map(|waiver| waiver.pattern.as_str()).collect();
    assert_eq!(told, patterns);
    assert_eq!(
        (all[0].rule.as_str(), all[0].owner.as_str(), &all[0].ended),
        ("licence", "ann", &None)
    );
    assert_eq!((all[0].by.as_str(), all[0].until), ("local:bob", end));
    assert_eq!(catalog.list_waivers(2, 2).await.unwrap(), all[2..4]);
}

pub async fn a_waiver_ends_once(catalog: &Catalog) {
    let now = time(NOON);
    let new = waiver_for("rsc.io", now);
    let id = catalog.save_waiver(new.clone()).await.unwrap().id;
    let end = async |id| catalog.end_waiver(id, "bob", "over").await.unwrap();
    assert_eq!(end(id + 1).await, WaiverEnding::NoWaiver);
    assert_eq!(end(id).await, WaiverEnding::Ended);
    assert_eq!(end(id).await, WaiverEnding::Already);
    let left = catalog.waivers_for(&module(QUOTE), now).await.unwrap();
    assert_eq!(left, []);
    let kept = catalog.list_waivers(0, 10).await.unwrap();
    let ended = kept[0].ended.clone().unwrap();
    assert_eq!((ended.by.as_str(), ended.why.as_str()), ("bob", "over"));
    // The same again is another one.
    let again = catalog.save_waiver(new).await.unwrap();
    assert_eq!((again.id, again.first), (id + 1, true));
}

pub async fn a_token_is_found_by_its_hash_and_revoked_once(catalog: &Catalog) {
    let now = time(NOON) - SignedDuration::from_micros(1);
    let save = async |name, secret| catalog.save_token(token_of(name, secret)).await.unwrap();
    assert_eq!(save("ci", "a").await, TokenSaving::Saved { id: 1 });
    assert_eq!(save("ci", "b").await, TokenSaving::NameTaken);
    assert_eq!(save("other", "a").await, TokenSaving::SecretTaken);
    let found = catalog.find_token(&digest("a")).await.unwrap().unwrap();
    let new = token_of("ci", "a");
    assert_eq!(
        (found.name.as_str(), found.hash, &found.scopes),
        ("ci", new.hash, &new.scopes)
    );
    assert_eq!((&found.by, found.expires_at), (&new.by, new.expires_at));
    assert!(found.is_valid_at(now) && !found.is_valid_at(time(NOON)));
    assert_eq!(catalog.find_token(&digest("b")).await.unwrap(), None);

    let revoke = async |name| catalog.revoke_token(name, "ann").await.unwrap();
    assert_eq!(revoke("cd").await, TokenEnding::NoToken);
    assert_eq!(revoke("ci").await, TokenEnding::Revoked);
    assert_eq!(revoke("ci").await, TokenEnding::Already);
    let revoked = catalog.find_token(&digest("a")).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_by.as_deref(), Some("ann"));
    assert!(!revoked.is_valid_at(now));
    // The name is free again, the secret never is.
    assert_eq!(save("ci", "a").await, TokenSaving::SecretTaken);
    assert!(matches!(save("ci", "b").await, TokenSaving::Saved { .. }));
    let mut lasting = token_of("lasting", "c");
    lasting.expires_at = None;
    catalog.save_token(lasting).await.unwrap();
    let listed = catalog.list_tokens(0, 10).await.unwrap();
    let told: Vec<_> = listed.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(told, ["ci", "ci", "lasting"]);
    assert!(listed[2].is_valid_at(Timestamp::MAX));
    let page = catalog.list_tokens(listed[0].id, 1).await.unwrap();
    assert_eq!(page, listed[1..2]);
}

pub async fn deeds_are_told_by_pages(catalog: &Catalog) {
    let mut refused = deed_of("promote", QUOTE);
    refused.view = None;
    refused.outcome = DeedOutcome::Refused;
    let mut already = deed_of("withdraw", QUOTE);
    already.outcome = DeedOutcome::Already;
    let new = [deed_of("withdraw", QUOTE), refused, already];
    let mut ids = Vec::new();
    for deed in &new {
        ids.push(catalog.save_deed(deed.clone()).await.unwrap());
    }
    // The same asked for twice is two deeds.
    ids.push(catalog.save_deed(new[0].clone()).await.unwrap());
    let told = catalog.list_deeds(0, 10).await.unwrap();
    assert_eq!(told.iter().map(|deed| deed.id).collect::<Vec<_>>(), ids);
    for (deed, new) in told.iter().zip(&new) {
        let kept = NewDeed {
            verb: deed.verb.clone(),
            subject: deed.subject.clone(),
            view: deed.view.clone(),
            by: deed.by.clone(),
            why: deed.why.clone(),
            outcome: deed.outcome,
            detail: deed.detail.clone(),
        };
        assert_eq!(kept, *new);
    }
    assert_eq!(catalog.list_deeds(ids[0], 2).await.unwrap(), told[1..3]);
    assert_eq!(catalog.list_deeds(ids[3], 2).await.unwrap(), []);
}
