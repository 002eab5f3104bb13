//! Whatever happens in whatever order, a version that a list names is served when it is asked for, as far as a verdict can
//! tell: always by a gatekeeper, and from the verdict on otherwise. And what prod served once it goes on serving, but for
//! withdrawals.

use std::collections::{BTreeMap, BTreeSet};

use super::{MODULE, Rig, must_run};
use crate::rig::granary::Granary;
use crate::rig::module::Made;

/// Steps of one run; `GRANARY_SOAK_STEPS` raises it.
const STEPS: usize = 25;

/// A generator of numbers that is the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// What is known of the versions from outside.
#[derive(Default)]
struct Seen {
    served: BTreeSet<String>,
    refused: BTreeSet<String>,
    withheld: BTreeSet<String>,
}

fn listed(granary: &Granary) -> BTreeSet<String> {
    let answer = granary.get(&format!("/{MODULE}/@v/list"));
    match answer.status {
        200 => answer.text().lines().map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

fn steps() -> usize {
    let given = std::env::var("GRANARY_SOAK_STEPS").ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(STEPS)
}

/// Asks for a zip and holds the answer to what was seen before.
fn ask(granary: &Granary, made: &Made, version: &str, seen: &mut Seen) {
    let answer = granary.get(&made.file("zip"));
    match answer.status {
        200 => {
            assert!(answer.body == made.zip, "{version} has other bytes");
            assert!(
                !seen.withheld.contains(version),
                "{version} is withheld and served"
            );
            seen.refused.remove(version);
            seen.served.insert(version.to_owned());
        }
        403 | 404 if !seen.withheld.contains(version) => {
            assert!(
                !seen.served.contains(version),
                "{version} was served: {}",
                answer.text()
            );
            seen.refused.insert(version.to_owned());
        }
        403 | 410 => assert!(
            seen.withheld.contains(version),
            "{version}: {}",
            answer.text()
        ),
        status => panic!("{version}: {status} {}", answer.text()),
    }
}

fn run(mode: &str, seed: u64) {
    let rig = Rig::refusing_bad().set("refusal", mode);
    let mut dice = Dice(seed);
    let mut made: BTreeMap<String, Made> = BTreeMap::new();
    let mut seen = Seen::default();
    let granary = rig.setup.start();
    for step in 0..steps() {
        match dice.roll(6) {
            0 | 1 => {
                let ending = if dice.roll(3) == 0 { "-bad" } else { "" };
                let version = format!("v1.{step}.0{ending}");
                made.insert(version.clone(), rig.publish(&version));
            }
            2 if !made.is_empty() => {
                let version = made.keys().nth(dice.roll(made.len())).unwrap().clone();
                let (act, is_held) = match seen.withheld.contains(&version) {
                    true => ("release", false),
                    false => ("withdraw", true),
                };
                let output =
                    rig.setup
                        .run(&[act, &format!("{MODULE}@{version}"), "--why", "a test"]);
                if output.status.success() {
                    match is_held {
                        true => seen.withheld.insert(version.clone()),
                        false => seen.withheld.remove(&version),
                    };
                    crate::rig::wait_until(super::withdrawals::WITHIN, "the act is known", || {
                        let status = granary.get(&made[&version].file("zip")).status;
                        (status == 410 || (status == 403 && mode == "gatekeeper" && is_held))
                            == is_held
                    });
                }
            }
            _ if !made.is_empty() => {
                let version = made.keys().nth(dice.roll(made.len())).unwrap().clone();
                ask(&granary, &made[&version], &version, &mut seen);
            }
            _ => {}
        }
        let shown = listed(&granary);
        for version in &shown {
            assert!(
                !seen.withheld.contains(version),
                "step {step}: {version} is withheld and listed"
            );
            assert!(
                !seen.refused.contains(version),
                "step {step}: {version} is refused and listed"
            );
            if mode == "gatekeeper" {
                let answer = granary.get(&made[version].file("zip"));
                assert_eq!(
                    answer.status,
                    200,
                    "step {step}: {version} is listed: {}",
                    answer.text()
                );
            }
        }
    }
    must_run(&rig.setup, &["verify"]);
}

#[test]
fn what_a_gatekeeper_lists_it_serves() {
    run("gatekeeper", 1);
}

#[test]
fn what_is_refused_is_listed_no_more() {
    run("redundancy", 2);
    run("advisory", 3);
}
