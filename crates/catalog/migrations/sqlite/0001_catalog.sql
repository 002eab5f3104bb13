-- The catalog's first shape, for SQLite. Its twin is migrations/postgres/0001_catalog.sql: same tables, same columns.
-- Digests and h1 hashes are the 32 raw bytes; times end in _at and are microseconds since 1970 (UTC).

-- 0x4772616e is "Gran": tells the file apart from another program's database.
pragma application_id = 1198678382;

-- seq is the number of the realm's last landing. The one row that is ever changed by a landing: it makes seq gap-free.
create table realms (
    realm text   not null primary key,
    seq   bigint not null
) without rowid;

insert into realms (realm, seq) values ('main', 0);

-- One row a version, for ever: the first verified bytes win by the primary key.
create table versions (
    realm         text   not null,
    module        text   not null,
    version       text   not null,
    info          blob   not null,
    info_size     bigint not null,
    go_mod        blob   not null,
    mod_size      bigint not null,
    mod_h1        blob   not null,
    zip_h1        blob,
    version_at    bigint,
    verified_by   text   not null,
    verified_name text,
    record_id     bigint,
    tree_size     bigint,
    first_seen_at bigint not null,
    primary key (realm, module, version)
) without rowid;

-- The zip of a version arrives later, as a row of its own: versions are never updated.
create table zips (
    realm    text   not null,
    module   text   not null,
    version  text   not null,
    zip      blob   not null,
    zip_size bigint not null,
    kept_h1  blob   not null,
    kept_at  bigint not null,
    primary key (realm, module, version),
    foreign key (realm, module, version) references versions (realm, module, version)
) without rowid;

-- What every view says and ever said. act: land, withdraw, quarantine, release.
create table landings (
    realm   text   not null,
    seq     bigint not null,
    view    text   not null,
    module  text   not null,
    version text   not null,
    act     text   not null,
    by      text   not null,
    why     text   not null,
    at      bigint not null,
    primary key (realm, seq),
    foreign key (realm, module, version) references versions (realm, module, version)
) without rowid;

create index landings_by_version on landings (realm, module, version, view, seq);

-- Current membership, derived from landings in the same transaction.
create table members (
    realm   text   not null,
    view    text   not null,
    module  text   not null,
    version text   not null,
    seq     bigint not null,
    primary key (realm, view, module, version),
    foreign key (realm, module, version) references versions (realm, module, version)
) without rowid;

create index members_by_module on members (realm, view, module, seq);

-- What an origin or upstream was seen to say: kind 'list' (name = a version), kind 'query' (name = branch or query,
-- value = the version it named). gone_at is set once, when it was seen to say so no more.
create table observations (
    realm   text   not null,
    module  text   not null,
    kind    text   not null,
    name    text   not null,
    value   text   not null,
    seen_at bigint not null,
    gone_at bigint,
    primary key (realm, module, kind, name, seen_at)
) without rowid;

-- What upstream's list said last and when: a cache of the open observations of kind 'list'.
create table known_lists (
    realm    text   not null,
    module   text   not null,
    versions text   not null,
    seen_at  bigint not null,
    primary key (realm, module)
) without rowid;

-- What a query (latest, a branch, a commit) named last, with the .info that said so: a cache.
create table resolutions (
    realm   text   not null,
    module  text   not null,
    query   text   not null,
    version text   not null,
    info    blob   not null,
    seen_at bigint not null,
    primary key (realm, module, query)
) without rowid;

-- Lookup answers of checksum databases, verified before they come here.
create table records (
    realm     text   not null,
    database  text   not null,
    module    text   not null,
    version   text   not null,
    record_id bigint not null,
    body      blob   not null,
    seen_at   bigint not null,
    primary key (realm, database, module, version)
);

-- Signed tree heads of checksum databases, each proven consistent with the one before.
create table heads (
    realm     text   not null,
    database  text   not null,
    tree_size bigint not null,
    note      blob   not null,
    seen_at   bigint not null,
    primary key (realm, database, tree_size)
);

-- Bytes that were refused because someone vouches for others.
create table quarantine (
    id       integer not null primary key autoincrement,
    realm    text    not null,
    module   text    not null,
    version  text    not null,
    kind     text    not null,
    found    blob    not null,
    expected blob    not null,
    source   text    not null,
    digest   blob,
    detail   text    not null,
    at       bigint  not null,
    unique (realm, module, version, kind, found, expected, source)
);

create index quarantine_by_age on quarantine (realm, id);

-- What people should hear about; detail is JSON.
create table events (
    id     integer not null primary key autoincrement,
    realm  text    not null,
    kind   text    not null,
    module text,
    detail text    not null,
    at     bigint  not null
);

create index events_by_age on events (realm, id);

create table settings (
    realm  text   not null,
    name   text   not null,
    value  text   not null,
    set_at bigint not null,
    primary key (realm, name)
) without rowid;
