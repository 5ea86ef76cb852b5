//! What a template is made of: plain text, fields and conditions, and nothing else of the engine's language.

use std::collections::BTreeSet;

use super::Field;

/// A template taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    /// The plain text between the tags.
    pub plain: Vec<&'t str>,
    /// The fields it names.
    pub fields: BTreeSet<Field>,
}

/// A tag that may not stand in a template, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadTag<'t> {
    pub tag: &'t str,
    pub reason: String,
}

/// Takes a template apart: `{{ field }}`, `{% if field %}` with `not`, `and`, `or`, `{% elif … %}`, `{% else %}`,
/// `{% endif %}`.
pub(super) fn take_apart<'t>(text: &'t str, allowed: &[Field]) -> Result<Parts<'t>, BadTag<'t>> {
    let mut parts = Parts::default();
    let mut rest = text;
    while let Some(start) = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min() {
        let (plain, from) = rest.split_at(start);
        parts.plain.push(plain);
        let close = if from.starts_with("{{") { "}}" } else { "%}" };
        let Some(end) = from.find(close).filter(|_| !from.starts_with("{#")) else {
            let tag = from.lines().next().unwrap_or(from);
            return Err(BadTag { tag, reason: "a tag that is not closed, or a comment".to_owned() });
        };
        let (tag, after) = from.split_at(end + close.len());
        let inside = tag.get(2..tag.len() - 2).unwrap_or_default();
        let fields = if close == "}}" { written(inside, allowed) } else { asked(inside, allowed) };
        parts.fields.extend(fields.map_err(|reason| BadTag { tag, reason })?);
        rest = after;
    }
    parts.plain.push(rest);
    Ok(parts)
}

fn written(inside: &str, allowed: &[Field]) -> Result<Vec<Field>, String> {
    let field = named(inside.trim(), allowed)?;
    if field.is_condition() {
        return Err(format!("the field `{}` is a yes or no: it can be asked but not written", field.as_str()));
    }
    Ok(vec![field])
}

fn asked(inside: &str, allowed: &[Field]) -> Result<Vec<Field>, String> {
    let mut words = inside.split_whitespace();
    match words.next() {
        Some("else" | "endif") if words.next().is_none() => return Ok(Vec::new()),
        Some("if" | "elif") => {}
        _ => return Err("only if, elif, else and endif are known".to_owned()),
    }
    let mut fields = Vec::new();
    let mut complete = false;
    for word in words {
        match (word, complete) {
            ("not", false) => {}
            ("and" | "or", true) => complete = false,
            (name, false) => {
                fields.push(named(name, allowed)?);
                complete = true;
            }
            _ => return Err("a condition is made of fields, not, and, or".to_owned()),
        }
    }
    if complete { Ok(fields) } else { Err("a condition is made of fields, not, and, or".to_owned()) }
}

fn named(name: &str, allowed: &[Field]) -> Result<Field, String> {
    if let Some(field) = Field::from_name(name).filter(|field| allowed.contains(field)) {
        return Ok(field);
    }
    let known = allowed.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ");
    // What was written is repeated only where it is a name: an error must not carry a text.
    let is_name = !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let what = if is_name { format!("the field `{name}`") } else { "what stands in this tag".to_owned() };
    Err(format!("{what} is unknown here; there are: {known}"))
}
