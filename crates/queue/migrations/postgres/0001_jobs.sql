-- Durable jobs that are not finished, and those given up (dead). A row belongs to the process named in owner for as long as
-- that process renews its lease in job_owners: one small row per process is renewed, not one per job.
create table jobs (
    id           text     not null collate "C" primary key, -- read on by id: the order must be the bytes' everywhere
    kind         text     not null,
    payload      bytea    not null,
    priority     smallint not null,
    acknowledged boolean  not null,
    attempts     integer  not null,
    run_at_ms    bigint   not null,
    dead         boolean  not null,
    message      text     not null,
    died_at_ms   bigint   not null,
    owner        text     not null
);

create index jobs_by_owner on jobs (owner) where not dead;
create index jobs_by_death on jobs (died_at_ms) where dead;

create table job_owners (
    owner       text        not null primary key,
    lease_until timestamptz not null
);
