//! Tests: SQLite answers the statements that requests wait for by the indexes that their comments name. It decides
//! without statistics on a young catalog, and its first choice was a walk through all landings for two of them.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _};

use crate::{
    arrivals, deeds, held, history, incidents, landings, migrations, tokens, verdicts, versions,
    waivers, withheld,
};

async fn plan_of(connection: &mut SqliteConnection, sql: &'static str) -> Vec<String> {
    let explained = sqlx::AssertSqlSafe(format!("explain query plan {sql}"));
    let rows = sqlx::query(explained).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

#[tokio::test]
async fn requests_are_answered_by_indexes() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    migrations::of_sqlite()
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    let wanted: [(&'static str, &[&str]); 27] = [
        (
            versions::FIND_VERSION,
            &[
                "m USING PRIMARY KEY (realm=? AND view=? AND module=? AND version=?)",
                "v USING PRIMARY KEY (realm=? AND module=? AND version=?)",
                "l USING PRIMARY KEY (realm=? AND seq=?)",
                "z USING PRIMARY KEY (realm=? AND module=? AND version=?)",
            ],
        ),
        (
            versions::LIST_ALL,
            &[
                "l USING PRIMARY KEY (realm=? AND seq>?)",
                "m USING PRIMARY KEY (realm=? AND view=?",
            ],
        ),
        (
            held::LIST_STORED.sqlite,
            &[
                "l USING PRIMARY KEY (realm=? AND seq>?)",
                "e USING COVERING INDEX landings_by_version (realm=? AND module=? AND version=?",
                "v USING PRIMARY KEY (realm=? AND module=? AND version=?)",
            ],
        ),
        (
            held::LIST_HELD,
            &[
                "l USING PRIMARY KEY (realm=? AND seq>?)",
                "m USING PRIMARY KEY (realm=? AND view=? AND module=? AND version=?)",
                "o USING PRIMARY KEY (realm=? AND view=? AND module=? AND version=?)",
            ],
        ),
        (
            versions::LIST_VERSIONS,
            &["INDEX members_by_module (realm=? AND view=? AND module=?)"],
        ),
        (
            versions::LIST_MODULES,
            &["(realm=? AND view=? AND module>?)"],
        ),
        (
            versions::LIST_MISSING_ZIPS,
            &["z USING PRIMARY KEY (realm=? AND module=? AND version=?)"],
        ),
        (
            arrivals::FIND_STORED.sqlite,
            &["INDEX landings_by_version (realm=? AND module=? AND version=?)"],
        ),
        (
            landings::FIND_LAST_LANDING.sqlite,
            &["INDEX landings_by_version (realm=? AND module=? AND version=? AND view=?)"],
        ),
        (
            landings::LIST_LANDINGS,
            &["PRIMARY KEY (realm=? AND seq>?)"],
        ),
        (
            incidents::LIST_QUARANTINE,
            &["INDEX quarantine_by_age (realm=?)"],
        ),
        (incidents::LIST_EVENTS, &["INDEX events_by_age (realm=?)"]),
        (
            landings::FIND_LAST_OPEN.sqlite,
            &["INDEX landings_by_version (realm=? AND module=? AND version=? AND view=?)"],
        ),
        (
            landings::LIST_STANDINGS.sqlite,
            &[
                "l USING INDEX landings_by_version (realm=? AND module=? AND version=?)",
                "o USING COVERING INDEX landings_by_version (realm=? AND module=? AND version=? AND view=? AND seq>?)",
            ],
        ),
        (
            history::LIST_MEMBERS_AT.sqlite,
            &[
                "l USING PRIMARY KEY (realm=? AND seq>? AND seq<?)",
                "o USING COVERING INDEX landings_by_version (realm=? AND module=? AND version=? AND view=? AND seq>? AND seq<?)",
            ],
        ),
        (history::FIND_SEQ_AT, &["PRIMARY KEY (realm=?)"]),
        (
            verdicts::FIND_VERDICT,
            &[
                "n USING PRIMARY KEY (realm=? AND view=? AND module=? AND version=?)",
                "d USING INTEGER PRIMARY KEY (rowid=?)",
            ],
        ),
        (
            verdicts::LIST_REFUSED.sqlite,
            &[
                "n USING COVERING INDEX refusals_by_module (realm=? AND view=? AND module=?)",
                "m USING PRIMARY KEY (realm=? AND view=? AND module=? AND version=?)",
            ],
        ),
        (
            verdicts::LIST_DUE_VERDICTS.sqlite,
            &[
                "n USING INDEX refusals_by_until (realm=? AND until_at<?)",
                "m USING PRIMARY KEY (realm=? AND view=? AND module=? AND version=?)",
                "l USING INDEX landings_by_version (realm=? AND module=? AND version=?)",
                "o USING COVERING INDEX landings_by_version (realm=? AND module=? AND version=? AND view=? AND seq>?)",
            ],
        ),
        (
            verdicts::LIST_VERDICTS,
            &["INDEX verdicts_by_age (realm=? AND id>?)"],
        ),
        (
            verdicts::LIST_VERDICTS_OF_MODULE,
            &["INDEX verdicts_by_module (realm=? AND module=? AND id>?)"],
        ),
        (
            withheld::LIST_WITHHELD.sqlite,
            &[
                "l USING INDEX withholdings_by_module (realm=? AND module=?)",
                "o USING COVERING INDEX landings_by_version (realm=? AND module=? AND version=? AND view=? AND seq>?)",
                "m USING PRIMARY KEY (realm=? AND view=? AND module=? AND version=?)",
            ],
        ),
        (
            waivers::LIST_OPEN_WAIVERS,
            &["INDEX open_waivers (realm=? AND until_at>?)"],
        ),
        (
            waivers::LIST_WAIVERS,
            &["INDEX waivers_by_age (realm=? AND id>?)"],
        ),
        (
            tokens::FIND_TOKEN,
            &["INDEX tokens_by_hash (realm=? AND hash=?)"],
        ),
        (
            tokens::FIND_OPEN_NAME,
            &["INDEX tokens_by_name (realm=? AND name=?)"],
        ),
        (
            deeds::LIST_DEEDS,
            &["INDEX deeds_by_age (realm=? AND id>?)"],
        ),
    ];
    for (sql, parts) in wanted {
        let plan = plan_of(&mut connection, sql).await.join("\n");
        for part in parts {
            assert!(
                plan.contains(part),
                "{sql}\nis answered by\n{plan}\nwithout {part}"
            );
        }
    }
    let refusal = plan_of(&mut connection, incidents::FIND_REFUSAL)
        .await
        .join("\n");
    assert!(
        refusal.contains("(realm=? AND module=? AND version=?)"),
        "{refusal}"
    );
}
