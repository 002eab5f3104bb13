//! `/v1/views/<view>/members`: what a view holds, or held at an earlier moment.

use catalog::{Catalog, CatalogError};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::call::Call;
use super::problem::Problem;
use super::query::next_page_at;
use super::reply::Reply;
use super::shape::LandingShape;
use crate::front::catalog_trouble;
use crate::identity::Verb;

/// Why a text names no moment of the past.
#[derive(Debug, thiserror::Error)]
pub enum MomentError {
    /// It is neither a number nor a time.
    #[error(
        "{text:?} names no moment: give the number of a landing (17), or a time with its zone (2030-01-31T12:00:00Z); \
         in a URL a + is written %2B"
    )]
    Unreadable {
        /// The text.
        text: String,
    },
    /// It has not come yet.
    #[error("{time} lies in the future: here it is {now:.0}")]
    Future {
        /// The time.
        time: Timestamp,
        /// What the clock here says.
        now: Timestamp,
    },
    /// Nothing has that number yet.
    #[error("landing {seq} has not been made yet: the last one is {last}")]
    Beyond {
        /// The number.
        seq: u64,
        /// The last one that was made.
        last: u64,
    },
    /// The catalog cannot say.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// The number of the landing after which it was as it was at a moment: a landing's number, or a time with its zone (RFC
/// 3339); without a text, now. 0 stands for the time before the first.
///
/// # Errors
/// [`MomentError`], in words for whoever gave the text.
pub async fn find_moment(
    catalog: &Catalog,
    text: Option<&str>,
    now: Timestamp,
) -> Result<u64, MomentError> {
    let Some(text) = text else {
        return Ok(catalog.last_seq().await?);
    };
    if let Ok(seq) = text.parse::<u64>() {
        let last = catalog.last_seq().await?;
        return match seq <= last {
            true => Ok(seq),
            false => Err(MomentError::Beyond { seq, last }),
        };
    }
    match text.parse::<Timestamp>() {
        Ok(time) if time > now => Err(MomentError::Future { time, now }),
        Ok(time) => Ok(catalog.seq_at(time).await?),
        Err(_) => Err(MomentError::Unreadable {
            text: text.chars().take(80).collect(),
        }),
    }
}

/// `GET /v1/views/<view>/members[?at=&limit=&page=]`. All pages are of the moment of the first one. A page holds only what
/// the caller may see, and so may be short though another follows.
pub(super) async fn list(call: &Call, view: &str) -> Result<Reply, Problem> {
    let views = call.front.views();
    if !views.iter().any(|known| known == view) {
        return Err(Problem::absent(format!(
            "there is no view {view:?}, only {}",
            views.join(", ")
        )));
    }
    if !(call.by).is_allowed(|own| own.has(Verb::Read) && own.is_for_view(view)) {
        let why = format!("{} may not read in {view}", call.by.by());
        return Err(call.refuse(Verb::Read.name(), "its members", Some(view), why));
    }
    let limit = call.query.limit()?;
    let catalog = &call.front.catalog;
    let (seq, after) = match call.query.after_at()? {
        Some(page) => page,
        None => {
            let moment = find_moment(catalog, call.query.get("at"), Timestamp::now()).await;
            (moment.map_err(of_moment)?, 0)
        }
    };
    let rows = catalog.members_at(view, seq, after, limit).await;
    let rows = rows.map_err(|cause| catalog_trouble(format!("view {view}"), cause))?;
    let more = rows.last().filter(|_| rows.len() as u64 == limit);
    let seen = rows
        .iter()
        .filter(|row| call.may_see(&row.view, &row.module));
    Ok(Reply::json(
        StatusCode::OK,
        &json!({
            "view": view,
            "landing": seq,
            "items": seen.map(LandingShape::from).collect::<Vec<_>>(),
            "next": more.map(|row| next_page_at(seq, row.seq)),
        }),
    ))
}

fn of_moment(error: MomentError) -> Problem {
    match error {
        MomentError::Catalog(cause) => catalog_trouble("the landings", cause).into(),
        other => Problem::bad(format!("`at`: {other}")),
    }
}
