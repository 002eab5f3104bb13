//! The commands that decide what is served, show why, and say who may: their flags and the words of `--help`.

use clap::{Args, Subcommand};
use web::identity::Verb;

/// What every act that changes something takes.
#[derive(Clone, Debug, Args)]
pub struct Reason {
    /// Why, for the record and for those who meet the outcome
    #[arg(long, value_name = "TEXT")]
    pub why: String,
}

/// When something ends.
#[derive(Clone, Debug, Args)]
#[group(required = false, multiple = false)]
pub struct End {
    /// Ends at this time: 2030-01-31T12:00:00Z, or with the end of a day: 2030-01-31 (UTC)
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Ends after this time: 12h, 30d
    #[arg(long = "for", value_name = "DURATION")]
    pub lasting: Option<String>,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum ActCommand {
    /// Sends versions through the gates now, and captures those that are not here yet
    #[command(
        after_help = "What clients ask for goes through the gates by itself; this is for what nobody\nasked for yet. Gates are not skipped: what policies refuse takes a waiver\n(`granary waive`), what waits for a person takes `granary approve`, what is\nwithdrawn or in quarantine takes `granary release`. Doing it again changes\nnothing. Exit code 1 if any of it was refused.\n\nExample:\n    granary promote github.com/spf13/cobra@v1.8.0 --why \"needed for the hotfix\""
    )]
    Promote {
        /// What to promote, e.g. github.com/spf13/cobra@v1.8.0
        #[arg(required = true, value_name = "MODULE@VERSION")]
        of: Vec<String>,
        /// The view that is to be reached; default: the last one
        #[arg(long, value_name = "VIEW")]
        to: Option<String>,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// Takes versions out of all views for good; clients are told the reason
    #[command(
        after_help = "Clients get 410 with the reason (403 with `refusal = gatekeeper`), or 451 with\n--legal. The hashes stay on record for ever, so that nobody ever gets other bytes\nunder these versions. `granary release` undoes it.\n\nExample:\n    granary withdraw example.com/m@v1.0.0 --why \"published by mistake, ticket 4711\""
    )]
    Withdraw {
        /// What to withdraw
        #[arg(required = true, value_name = "MODULE@VERSION")]
        of: Vec<String>,
        /// Clients are told that it is unavailable for legal reasons (451)
        #[arg(long)]
        legal: bool,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// Takes versions out of all views until they are released: they are under suspicion
    #[command(
        after_help = "A pattern, as in GOPRIVATE, stands for every stored version of every module that\nit matches. Clients get 403 with the reason. `granary release` undoes it.\n\nExamples:\n    granary quarantine example.com/m@v1.0.0 --why \"strange network calls in init\"\n    granary quarantine 'github.com/evil-org/*' --why \"the account was taken over\""
    )]
    Quarantine {
        /// What to put into quarantine
        #[arg(required = true, value_name = "MODULE@VERSION|PATTERN")]
        of: Vec<String>,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// Ends quarantines and withdrawals: what was served before is served again
    #[command(
        after_help = "A pattern, as in GOPRIVATE, stands for every version that is withheld of every\nmodule that it matches.\n\nExample:\n    granary release 'github.com/evil-org/*' --why \"the account is safe again\""
    )]
    Release {
        /// What to release
        #[arg(required = true, value_name = "MODULE@VERSION|PATTERN")]
        of: Vec<String>,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// Says yes to versions where a stage asks for approval (`stages`, gate `approval`)
    #[command(
        after_help = "What policies say still counts. A version that is not here yet is captured first.\nDoing it again changes nothing.\n\nExample:\n    granary approve example.com/m@v1.4.0 --why \"reviewed by ann\""
    )]
    Approve {
        /// What to approve
        #[arg(required = true, value_name = "MODULE@VERSION")]
        of: Vec<String>,
        /// The view that it may enter; default: every one that asks
        #[arg(long, value_name = "VIEW")]
        view: Option<String>,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// Makes an exception from a rule, for a time and with someone who answers for it
    #[command(
        after_help = "A waived rule still speaks, and no longer refuses. When the time is over it\nrefuses again what is not served by then. `granary waivers` lists all,\n`granary waivers end` ends one before its time.\n\nExamples:\n    granary waive example.com/m@v1.0.0 --rule open-source-licence --for 30d \\\n        --owner ann --why \"licence asked for\"\n    granary waive 'example.com/team/*' --rule cooldown --until 2030-01-31 \\\n        --owner bob --why \"our own\""
    )]
    Waive {
        /// For what: one version, or every version of the modules that a pattern matches
        #[arg(required = true, value_name = "MODULE@VERSION|PATTERN")]
        of: Vec<String>,
        /// The rule, as a refusal and `granary why` name it
        #[arg(long, value_name = "RULE")]
        rule: String,
        /// Who answers for it
        #[arg(long, value_name = "NAME")]
        owner: String,
        /// When it ends; one of both is needed.
        #[command(flatten)]
        end: End,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
    /// Lists the exceptions from rules, also those that are over
    Waivers {
        /// What to do instead of listing.
        #[command(subcommand)]
        what: Option<WaiversCommand>,
    },
    /// Says where a version stands in every view, and why
    #[command(
        after_help = "Exit code 1 if nothing is known of it.\n\nExample: granary why github.com/spf13/cobra@v1.8.0"
    )]
    Why {
        /// The version
        #[arg(value_name = "MODULE@VERSION")]
        of: String,
        /// Only this view
        #[arg(long, value_name = "VIEW")]
        view: Option<String>,
    },
    /// Lists what a view holds, or held at an earlier moment
    #[command(
        after_help = "Each line is a version with the number and the time of the landing that made it a\nmember, who did that and why. The last line says of which landing the list is;\n--at with that number gives the same list for ever.\n\nExamples:\n    granary members prod\n    granary members prod --at 2026-01-31T12:00:00Z\n    granary members staging --at 4711 --json"
    )]
    Members {
        /// The view
        #[arg(value_name = "VIEW")]
        view: String,
        /// A time with its zone, or the number of a landing (0: before the first); default: now
        #[arg(long, value_name = "TIME|NUMBER")]
        at: Option<String>,
    },
    /// Makes, lists and revokes the tokens with which others reach what is not open to everyone
    Token {
        /// What to do.
        #[command(subcommand)]
        what: TokenCommand,
    },
    /// Prints the record of who asked for what and what came of it, oldest first
    #[command(
        after_help = "For export: with --json the member `data` of each line is one deed. The last line\nsays how many there were and the number of the last one, after which the next\nexport begins; without it the export broke off.\n\nExamples:\n    granary deeds --json > deeds.ndjson\n    granary deeds --json --after 4711 --limit 1000"
    )]
    Deeds {
        /// Only those after this number
        #[arg(long, value_name = "ID", default_value_t = 0)]
        after: u64,
        /// At most so many; default: all
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
}

/// What to do with waivers.
#[derive(Clone, Debug, Subcommand)]
pub enum WaiversCommand {
    /// Ends exceptions before their time
    End {
        /// Their numbers, as the list shows them
        #[arg(required = true, value_name = "ID")]
        of: Vec<u64>,
        /// Why.
        #[command(flatten)]
        reason: Reason,
    },
}

/// What to do with tokens.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Makes a token and prints it, once
    #[command(
        after_help = "Verbs: read (views and private modules that are not open, and what is known of versions), promote,\nwithdraw, quarantine (and release), approve, waive, policy, token, admin (everything).\nEach holds in all the views and on all the modules named. Only a hash of the token is kept.\n\ngo sends a token that is in ~/.netrc (or in GOAUTH):\n    machine granary.example login token password granary_...\n\nExamples:\n    granary token create ci --verbs read --for 90d\n    granary token create release-bot --verbs read,approve --views staging --modules 'git.corp.example'"
    )]
    Create {
        /// Its name, for the record: small letters, digits, dots, dashes, underscores
        name: String,
        /// What it may, comma separated
        #[arg(long, required = true, value_name = "VERB", value_delimiter = ',')]
        verbs: Vec<Verb>,
        /// In which views, comma separated
        #[arg(long, value_name = "VIEW", value_delimiter = ',', default_value = "*")]
        views: Vec<String>,
        /// On which modules: patterns as in GOPRIVATE, comma separated
        #[arg(
            long,
            value_name = "PATTERN",
            value_delimiter = ',',
            default_value = "*"
        )]
        modules: Vec<String>,
        /// When it ends; default: never.
        #[command(flatten)]
        end: End,
        /// What it is for, for the record
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
    /// Lists all tokens, also those that are over; never their secrets
    List,
    /// Revokes a token: within seconds every process refuses it
    Revoke {
        /// Its name
        name: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", default_value = "")]
        why: String,
    },
}
