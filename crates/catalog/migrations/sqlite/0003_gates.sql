-- Stages and gates: verdicts, waivers, tokens and the record of acts. Its twin is migrations/postgres/0003_gates.sql.

-- Whether a withdrawal is for legal reasons, 0 or 1; 0 on every other landing. Acts have one more value from here on,
-- lift: a withdrawal or quarantine ends in a view that the version was never in.
alter table landings add column legal bigint not null default 0;

-- What was ever withheld, of which there is little: lists ask for it whenever they are rendered.
create index withholdings_by_module on landings (realm, module, version, view, seq)
 where act in ('withdraw', 'quarantine');

-- What policies said of a version that would enter a view, and why; reasons is JSON. The digests name the facts and the
-- policies that it was made from; until_at is when it is to be asked again.
create table verdicts (
    id       integer not null primary key autoincrement,
    realm    text    not null,
    view     text    not null,
    module   text    not null,
    version  text    not null,
    admitted bigint  not null,
    reasons  text    not null,
    facts    blob    not null,
    policies blob    not null,
    until_at bigint,
    at       bigint  not null,
    foreign key (realm, module, version) references versions (realm, module, version)
);

create index verdicts_by_age on verdicts (realm, id);
create index verdicts_by_module on verdicts (realm, module, id);

-- The newest verdict of each version and view, derived from verdicts in the same transaction.
create table newest_verdicts (
    realm      text   not null,
    view       text   not null,
    module     text   not null,
    version    text   not null,
    verdict_id bigint not null,
    admitted   bigint not null,
    until_at   bigint,
    primary key (realm, view, module, version),
    foreign key (realm, module, version) references versions (realm, module, version)
) without rowid;

create index refusals_by_module on newest_verdicts (realm, view, module, version, until_at) where admitted = 0;
create index refusals_by_until on newest_verdicts (realm, until_at) where admitted = 0;

-- Who lets what pass although a rule refuses it, and until when. The columns about its end are set once.
create table waivers (
    id        integer not null primary key autoincrement,
    realm     text    not null,
    pattern   text    not null,
    rule      text    not null,
    owner     text    not null,
    why       text    not null,
    by        text    not null,
    until_at  bigint  not null,
    at        bigint  not null,
    ended_at  bigint,
    ended_by  text,
    ended_why text
);

create index waivers_by_age on waivers (realm, id);
create index open_waivers on waivers (realm, until_at) where ended_at is null;

-- Who may do what, by the hash of a secret; scopes is JSON. The columns about the revocation are set once.
create table tokens (
    id         integer not null primary key autoincrement,
    realm      text    not null,
    name       text    not null,
    hash       blob    not null,
    scopes     text    not null,
    expires_at bigint,
    by         text    not null,
    at         bigint  not null,
    revoked_at bigint,
    revoked_by text
);

create unique index tokens_by_hash on tokens (realm, hash);
create unique index tokens_by_name on tokens (realm, name) where revoked_at is null;
create index tokens_by_age on tokens (realm, id);

-- Every act that someone asked for and what came of it: done, already, refused; detail is JSON.
create table deeds (
    id      integer not null primary key autoincrement,
    realm   text    not null,
    verb    text    not null,
    subject text    not null,
    view    text,
    by      text    not null,
    why     text    not null,
    outcome text    not null,
    detail  text    not null,
    at      bigint  not null
);

create index deeds_by_age on deeds (realm, id);
