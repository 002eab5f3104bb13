-- The catalog's first shape, for PostgreSQL. Its twin is migrations/sqlite/0001_catalog.sql: same tables, same columns.
-- Digests and h1 hashes are the 32 raw bytes; times end in _at and are microseconds since 1970 (UTC).

-- Text is compared by bytes, as SQLite does: the order of listings must not depend on a server's locale.

-- seq is the number of the realm's last landing. The one row that is ever changed by a landing: it makes seq gap-free.
create table realms (
    realm         text collate "C" not null primary key,
    seq           bigint           not null
);

insert into realms (realm, seq) values ('main', 0);

-- One row a version, for ever: the first verified bytes win by the primary key.
create table versions (
    realm         text collate "C" not null,
    module        text collate "C" not null,
    version       text collate "C" not null,
    info          bytea            not null,
    info_size     bigint           not null,
    go_mod        bytea            not null,
    mod_size      bigint           not null,
    mod_h1        bytea            not null,
    zip_h1        bytea,
    version_at    bigint,
    verified_by   text collate "C" not null,
    verified_name text collate "C",
    record_id     bigint,
    tree_size     bigint,
    first_seen_at bigint           not null,
    primary key (realm, module, version)
);

-- The zip of a version arrives later, as a row of its own: versions are never updated.
create table zips (
    realm         text collate "C" not null,
    module        text collate "C" not null,
    version       text collate "C" not null,
    zip           bytea            not null,
    zip_size      bigint           not null,
    kept_h1       bytea            not null,
    kept_at       bigint           not null,
    primary key (realm, module, version),
    foreign key (realm, module, version) references versions (realm, module, version)
);

-- What every view says and ever said. act: land, withdraw, quarantine, release.
create table landings (
    realm         text collate "C" not null,
    seq           bigint           not null,
    view          text collate "C" not null,
    module        text collate "C" not null,
    version       text collate "C" not null,
    act           text collate "C" not null,
    by            text collate "C" not null,
    why           text collate "C" not null,
    at            bigint           not null,
    primary key (realm, seq),
    foreign key (realm, module, version) references versions (realm, module, version)
);

create index landings_by_version on landings (realm, module, version, view, seq);

-- Current membership, derived from landings in the same transaction.
create table members (
    realm         text collate "C" not null,
    view          text collate "C" not null,
    module        text collate "C" not null,
    version       text collate "C" not null,
    seq           bigint           not null,
    primary key (realm, view, module, version),
    foreign key (realm, module, version) references versions (realm, module, version)
);

create index members_by_module on members (realm, view, module, seq);

-- What an origin or upstream was seen to say: kind 'list' (name = a version), kind 'query' (name = branch or query,
-- value = the version it named). gone_at is set once, when it was seen to say so no more.
create table observations (
    realm         text collate "C" not null,
    module        text collate "C" not null,
    kind          text collate "C" not null,
    name          text collate "C" not null,
    value         text collate "C" not null,
    seen_at       bigint           not null,
    gone_at       bigint,
    primary key (realm, module, kind, name, seen_at)
);

-- What upstream's list said last and when: a cache of the open observations of kind 'list'.
create table known_lists (
    realm         text collate "C" not null,
    module        text collate "C" not null,
    versions      text collate "C" not null,
    seen_at       bigint           not null,
    primary key (realm, module)
);

-- What a query (latest, a branch, a commit) named last, with the .info that said so: a cache.
create table resolutions (
    realm         text collate "C" not null,
    module        text collate "C" not null,
    query         text collate "C" not null,
    version       text collate "C" not null,
    info          bytea            not null,
    seen_at       bigint           not null,
    primary key (realm, module, query)
);

-- Lookup answers of checksum databases, verified before they come here.
create table records (
    realm         text collate "C" not null,
    database      text collate "C" not null,
    module        text collate "C" not null,
    version       text collate "C" not null,
    record_id     bigint           not null,
    body          bytea            not null,
    seen_at       bigint           not null,
    primary key (realm, database, module, version)
);

-- Signed tree heads of checksum databases, each proven consistent with the one before.
create table heads (
    realm         text collate "C" not null,
    database      text collate "C" not null,
    tree_size     bigint           not null,
    note          bytea            not null,
    seen_at       bigint           not null,
    primary key (realm, database, tree_size)
);

-- Bytes that were refused because someone vouches for others.
create table quarantine (
    id            bigint generated always as identity primary key,
    realm         text collate "C" not null,
    module        text collate "C" not null,
    version       text collate "C" not null,
    kind          text collate "C" not null,
    found         bytea            not null,
    expected      bytea            not null,
    source        text collate "C" not null,
    digest        bytea,
    detail        text collate "C" not null,
    at            bigint           not null,
    unique (realm, module, version, kind, found, expected, source)
);

create index quarantine_by_age on quarantine (realm, id);

-- What people should hear about; detail is JSON.
create table events (
    id            bigint generated always as identity primary key,
    realm         text collate "C" not null,
    kind          text collate "C" not null,
    module        text collate "C",
    detail        text collate "C" not null,
    at            bigint           not null
);

create index events_by_age on events (realm, id);

create table settings (
    realm         text collate "C" not null,
    name          text collate "C" not null,
    value         text collate "C" not null,
    set_at        bigint           not null,
    primary key (realm, name)
);
