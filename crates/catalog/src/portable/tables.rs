//! The tables of the catalog with their columns, as data: what a dump holds and a load accepts. A test compares them with
//! what the migrations made, so that no later table is forgotten.

/// A table.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// The migration that made it.
    pub(crate) since: i64,
    /// Its key: the order of its rows in a dump.
    pub(crate) key: &'static [&'static str],
    pub(crate) columns: &'static [Column],
    /// Whether the engine numbers its rows by itself, in a column called `id`.
    pub(crate) is_numbered: bool,
}

/// A column.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The migration that made it.
    pub(crate) since: i64,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Text,
    Bytes,
}

const fn int(name: &'static str) -> Column {
    column(name, Kind::Int)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn bytes(name: &'static str) -> Column {
    column(name, Kind::Bytes)
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        since: 1,
    }
}

/// The seal of a row; see `crate::seal`.
const SEAL: Column = Column {
    name: "seal",
    kind: Kind::Bytes,
    since: 2,
};

/// Whether a landing is a withdrawal for legal reasons.
const LEGAL: Column = Column {
    name: "legal",
    kind: Kind::Int,
    since: 3,
};

const fn table(
    name: &'static str,
    key: &'static [&'static str],
    columns: &'static [Column],
) -> Table {
    Table {
        name,
        since: 1,
        key,
        columns,
        is_numbered: false,
    }
}

/// All tables, those that others refer to before those that refer to them.
pub(crate) const TABLES: &[Table] = &[
    table("realms", &["realm"], &[text("realm"), int("seq")]),
    table(
        "versions",
        &["realm", "module", "version"],
        &[
            text("realm"),
            text("module"),
            text("version"),
            bytes("info"),
            int("info_size"),
            bytes("go_mod"),
            int("mod_size"),
            bytes("mod_h1"),
            bytes("zip_h1"),
            int("version_at"),
            text("verified_by"),
            text("verified_name"),
            int("record_id"),
            int("tree_size"),
            int("first_seen_at"),
            SEAL,
        ],
    ),
    table(
        "zips",
        &["realm", "module", "version"],
        &[
            text("realm"),
            text("module"),
            text("version"),
            bytes("zip"),
            int("zip_size"),
            bytes("kept_h1"),
            int("kept_at"),
            SEAL,
        ],
    ),
    table(
        "landings",
        &["realm", "seq"],
        &[
            text("realm"),
            int("seq"),
            text("view"),
            text("module"),
            text("version"),
            text("act"),
            text("by"),
            text("why"),
            int("at"),
            LEGAL,
        ],
    ),
    table(
        "members",
        &["realm", "view", "module", "version"],
        &[
            text("realm"),
            text("view"),
            text("module"),
            text("version"),
            int("seq"),
        ],
    ),
    table(
        "observations",
        &["realm", "module", "kind", "name", "seen_at"],
        &[
            text("realm"),
            text("module"),
            text("kind"),
            text("name"),
            text("value"),
            int("seen_at"),
            int("gone_at"),
        ],
    ),
    table(
        "known_lists",
        &["realm", "module"],
        &[
            text("realm"),
            text("module"),
            text("versions"),
            int("seen_at"),
            SEAL,
        ],
    ),
    table(
        "resolutions",
        &["realm", "module", "query"],
        &[
            text("realm"),
            text("module"),
            text("query"),
            text("version"),
            bytes("info"),
            int("seen_at"),
            SEAL,
        ],
    ),
    table(
        "records",
        &["realm", "database", "module", "version"],
        &[
            text("realm"),
            text("database"),
            text("module"),
            text("version"),
            int("record_id"),
            bytes("body"),
            int("seen_at"),
            SEAL,
        ],
    ),
    table(
        "heads",
        &["realm", "database", "tree_size"],
        &[
            text("realm"),
            text("database"),
            int("tree_size"),
            bytes("note"),
            int("seen_at"),
        ],
    ),
    Table {
        is_numbered: true,
        ..table(
            "quarantine",
            &["id"],
            &[
                int("id"),
                text("realm"),
                text("module"),
                text("version"),
                text("kind"),
                bytes("found"),
                bytes("expected"),
                text("source"),
                bytes("digest"),
                text("detail"),
                int("at"),
            ],
        )
    },
    Table {
        is_numbered: true,
        ..table(
            "events",
            &["id"],
            &[
                int("id"),
                text("realm"),
                text("kind"),
                text("module"),
                text("detail"),
                int("at"),
            ],
        )
    },
    table(
        "settings",
        &["realm", "name"],
        &[text("realm"), text("name"), text("value"), int("set_at")],
    ),
    Table {
        is_numbered: true,
        since: 3,
        ..table(
            "verdicts",
            &["id"],
            &[
                int("id"),
                text("realm"),
                text("view"),
                text("module"),
                text("version"),
                int("admitted"),
                text("reasons"),
                bytes("facts"),
                bytes("policies"),
                int("until_at"),
                int("at"),
            ],
        )
    },
    Table {
        since: 3,
        ..table(
            "newest_verdicts",
            &["realm", "view", "module", "version"],
            &[
                text("realm"),
                text("view"),
                text("module"),
                text("version"),
                int("verdict_id"),
                int("admitted"),
                int("until_at"),
            ],
        )
    },
    Table {
        is_numbered: true,
        since: 3,
        ..table(
            "waivers",
            &["id"],
            &[
                int("id"),
                text("realm"),
                text("pattern"),
                text("rule"),
                text("owner"),
                text("why"),
                text("by"),
                int("until_at"),
                int("at"),
                int("ended_at"),
                text("ended_by"),
                text("ended_why"),
            ],
        )
    },
    Table {
        is_numbered: true,
        since: 3,
        ..table(
            "tokens",
            &["id"],
            &[
                int("id"),
                text("realm"),
                text("name"),
                bytes("hash"),
                text("scopes"),
                int("expires_at"),
                text("by"),
                int("at"),
                int("revoked_at"),
                text("revoked_by"),
            ],
        )
    },
    Table {
        is_numbered: true,
        since: 3,
        ..table(
            "deeds",
            &["id"],
            &[
                int("id"),
                text("realm"),
                text("verb"),
                text("subject"),
                text("view"),
                text("by"),
                text("why"),
                text("outcome"),
                text("detail"),
                int("at"),
            ],
        )
    },
];

impl Table {
    /// Its columns after the first `schema` migrations.
    pub(crate) fn columns_at(&self, schema: i64) -> Vec<Column> {
        let there = self.columns.iter().filter(|column| column.since <= schema);
        there.copied().collect()
    }

    pub(crate) fn find_column(&self, name: &str) -> Option<Column> {
        self.columns.iter().find(|c| c.name == name).copied()
    }
}
