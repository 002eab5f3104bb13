//! Walks through everything that a policy's syntax tree calls and refers to.

use regorus::unstable::{Expr, Literal, Module, Query, Ref, Rule, RuleAssign, RuleHead, Span};

/// What a walk finds.
#[derive(Default)]
pub(super) struct Found {
    /// Calls, and within which rule they stand.
    pub calls: Vec<Call>,
    /// References as written, longest form only: `input.size.files` gives one.
    pub references: Vec<Reference>,
}

/// A place in a file: line and column, both from 1.
pub(super) type Place = (u32, u32);

/// A call.
pub(super) struct Call {
    /// The function as written, e.g. `regex.match`.
    pub name: String,
    /// Where.
    pub place: Place,
    /// The rule or function that calls, as its head names it.
    pub within: String,
}

/// A reference whose first parts are fixed names.
pub(super) struct Reference {
    /// The parts up to the first that is computed.
    pub parts: Vec<String>,
    /// Where.
    pub place: Place,
}

/// Walks through a file.
pub(super) fn walk(module: &Module) -> Found {
    let mut walker = Walker::default();
    for rule in &module.policy {
        walker.within = head_name(rule);
        walker.rule(rule);
    }
    walker.found
}

/// Names that a set's message uses and that nothing gives a value to: neither the conditions of the rule nor another rule
/// nor an import. The interpreter would pass over the message in silence.
pub(super) fn list_unbound(module: &Module, rule: &Rule) -> Vec<String> {
    let Rule::Spec {
        head: RuleHead::Set { key: Some(key), .. },
        bodies,
        ..
    } = rule
    else {
        return Vec::new();
    };
    let mut names = Vec::new();
    free_names(key, &mut names);
    let is_known = |name: &String| {
        let is_rule = |rule: &Ref<Rule>| head_name(rule).split('.').next() == Some(name.as_str());
        ["input", "data", "_"].contains(&name.as_str())
            || module.policy.iter().any(is_rule)
            || module.imports.iter().any(|import| match &import.r#as {
                Some(other) => other.text() == name,
                None => parts(&import.refr).last() == Some(name),
            })
    };
    names.retain(|name| !is_known(name));
    names.retain(|name| {
        bodies.is_empty()
            || bodies.iter().any(|body| {
                let mut walker = Walker::default();
                walker.query(&body.query);
                !walker
                    .found
                    .references
                    .iter()
                    .any(|reference| reference.parts.first() == Some(name))
            })
    });
    names
}

/// The names in an expression, those of comprehensions left out: they bring values of their own.
fn free_names(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::Var { span, .. } => names.push(span.text().to_owned()),
        Expr::RefDot { refr, .. } => free_names(refr, names),
        Expr::RefBrack { refr, index, .. } => {
            free_names(refr, names);
            free_names(index, names);
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().for_each(|item| free_names(item, names));
        }
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                free_names(key, names);
                free_names(value, names);
            }
        }
        Expr::Call { params, .. } => params.iter().for_each(|param| free_names(param, names)),
        Expr::UnaryExpr { expr, .. } => free_names(expr, names),
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            free_names(lhs, names);
            free_names(rhs, names);
        }
        _ => {}
    }
}

/// Where an expression begins. The interpreter's own columns count a tab as four and begin at a call's bracket.
pub(super) fn place(expr: &Expr) -> Place {
    match expr {
        Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => place(refr),
        Expr::Call { fcn, .. } => place(fcn),
        other => place_of(other.span()),
    }
}

/// Where a span begins.
pub(super) fn place_of(span: &Span) -> Place {
    let before = span.source.get_contents().get(..span.start as usize);
    let line = before.and_then(|text| text.rsplit('\n').next());
    let column = line.map_or(span.col, |line| line.chars().count() as u32 + 1);
    (span.line, column)
}

/// The name in a rule's head as written, without brackets and arguments: `deny`, `limits.zip`.
pub(super) fn head_name(rule: &Rule) -> String {
    let refr = match rule {
        Rule::Spec { head, .. } => match head {
            RuleHead::Compr { refr, .. }
            | RuleHead::Set { refr, .. }
            | RuleHead::Func { refr, .. } => refr,
        },
        Rule::Default { refr, .. } => refr,
    };
    parts(refr).join(".")
}

/// The fixed parts at the beginning of a reference; empty if it does not begin with a name.
fn parts(expr: &Expr) -> Vec<String> {
    match expr {
        Expr::Var { span, .. } => vec![span.text().to_owned()],
        Expr::RefDot { refr, field, .. } => extended(refr, field.0.text()),
        Expr::RefBrack { refr, index, .. } => match &**index {
            Expr::String { span, .. } => extended(refr, span.text()),
            _ => parts(refr),
        },
        _ => Vec::new(),
    }
}

/// The parts of `refr` and one more, unless `refr` has a computed part before it.
fn extended(refr: &Expr, part: &str) -> Vec<String> {
    let mut all = parts(refr);
    if !all.is_empty() && is_fixed(refr) {
        all.push(part.to_owned());
    }
    all
}

/// Whether all parts of a reference are names.
fn is_fixed(expr: &Expr) -> bool {
    match expr {
        Expr::Var { .. } => true,
        Expr::RefDot { refr, .. } => is_fixed(refr),
        Expr::RefBrack { refr, index, .. } => {
            matches!(&**index, Expr::String { .. }) && is_fixed(refr)
        }
        _ => false,
    }
}

#[derive(Default)]
struct Walker {
    within: String,
    found: Found,
}

impl Walker {
    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Spec { head, bodies, .. } => {
                match head {
                    RuleHead::Compr { refr, assign, .. } => {
                        self.indexes(refr);
                        self.assign(assign.as_ref());
                    }
                    RuleHead::Set { refr, key, .. } => {
                        self.indexes(refr);
                        self.all(key);
                    }
                    RuleHead::Func { args, assign, .. } => {
                        self.all(args);
                        self.assign(assign.as_ref());
                    }
                }
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query);
                }
            }
            Rule::Default { args, value, .. } => {
                self.all(args);
                self.expr(value);
            }
        }
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn {
                    key,
                    value,
                    collection,
                    ..
                } => {
                    self.all(key);
                    self.expr(value);
                    self.expr(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { domain, query, .. } => {
                    self.expr(domain);
                    self.query(query);
                }
            }
            // What a `with` replaces is not used; what it puts there is.
            for with in &statement.with_mods {
                self.expr(&with.r#as);
            }
        }
    }

    fn all<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Ref<Expr>>) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    /// The computed parts of a reference.
    fn indexes(&mut self, expr: &Expr) {
        match expr {
            Expr::RefDot { refr, .. } => self.indexes(refr),
            Expr::RefBrack { refr, index, .. } => {
                self.indexes(refr);
                self.expr(index);
            }
            Expr::Var { .. } => {}
            other => self.expr(other),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.found.references.push(Reference {
                    parts: parts(expr),
                    place: place(expr),
                });
                self.indexes(expr);
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                self.found.calls.push(Call {
                    name: parts(fcn).join("."),
                    place: place(fcn),
                    within: self.within.clone(),
                });
                self.all(params);
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                self.all(key);
                self.expr(value);
                self.expr(collection);
            }
        }
    }
}
