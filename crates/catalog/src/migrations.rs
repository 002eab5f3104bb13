//! The migrations of both engines, built into the program.
//!
//! Not by sqlx's macro: that one needs both engines a second time, built for the compiler.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Name of the table that remembers which migrations ran; the queue may share a database and has its own.
const MIGRATIONS_TABLE: &str = "catalog_migrations";

/// Each with its number, its name and its statements.
type Migrations = &'static [(i64, &'static str, &'static str)];

const SQLITE: Migrations = &[
    (
        1,
        "catalog",
        include_str!("../migrations/sqlite/0001_catalog.sql"),
    ),
    (
        2,
        "seals",
        include_str!("../migrations/sqlite/0002_seals.sql"),
    ),
    (
        3,
        "gates",
        include_str!("../migrations/sqlite/0003_gates.sql"),
    ),
];

const POSTGRES: Migrations = &[
    (
        1,
        "catalog",
        include_str!("../migrations/postgres/0001_catalog.sql"),
    ),
    (
        2,
        "seals",
        include_str!("../migrations/postgres/0002_seals.sql"),
    ),
    (
        3,
        "gates",
        include_str!("../migrations/postgres/0003_gates.sql"),
    ),
];

/// Makes SQLite's tables.
pub(crate) fn of_sqlite() -> Migrator {
    migrator(SQLITE)
}

/// Makes PostgreSQL's tables.
pub(crate) fn of_postgres() -> Migrator {
    migrator(POSTGRES)
}

fn migrator(migrations: Migrations) -> Migrator {
    let made = migrations.iter().map(|(number, name, statements)| {
        let statements = statements.into_sql_str();
        Migration::new(
            *number,
            (*name).into(),
            MigrationType::Simple,
            statements,
            false,
        )
    });
    let mut migrator = Migrator::with_migrations(made.collect());
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator
}

#[cfg(test)]
mod tests {
    use super::{Migrations, POSTGRES, SQLITE};

    #[test]
    fn every_file_is_built_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let check = |engine: &str, migrations: Migrations| {
            let files = std::fs::read_dir(folder.join(engine)).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.sort();
            assert_eq!(files.len(), migrations.len(), "{engine}");
            for (file, (number, name, statements)) in files.iter().zip(migrations) {
                let expected = format!("{number:04}_{name}.sql");
                assert_eq!(file.file_name().unwrap().to_str(), Some(expected.as_str()));
                assert_eq!(std::fs::read_to_string(file).unwrap(), *statements);
            }
        };
        check("sqlite", SQLITE);
        check("postgres", POSTGRES);
    }
}
