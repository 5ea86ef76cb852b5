//! Checked nodes of an expression, and what is said of them one by one.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue};

use super::types::{self, Signature, Type};
use super::vocabulary::{FIELDS, present_ident, read_ident};
use crate::core::time;

/// What is wrong with an expression.
#[derive(Debug)]
pub(super) struct Fault {
    /// The node it is about.
    pub node: u64,
    /// What is wrong.
    pub reason: String,
}

/// A checked node.
pub(super) struct Node {
    pub expr: IdedExpr,
    pub holds: Type,
    /// The field it reads, if that is all it does.
    pub field: Option<usize>,
    /// Slots that leave it unknown if one of them is null.
    pub unknown: u64,
    /// Slots that leave it unknown or false if one of them is null.
    pub not_true: u64,
}

pub(super) fn fault(node: u64, reason: impl Into<String>) -> Fault {
    Fault { node, reason: reason.into() }
}

pub(super) fn bool_literal(id: u64, value: bool) -> IdedExpr {
    IdedExpr { id, expr: Expr::Literal(LiteralValue::Boolean(value.into())) }
}

pub(super) fn call(id: u64, func_name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    IdedExpr { id, expr: Expr::Call(CallExpr { func_name: func_name.to_owned(), target: None, args }) }
}

pub(super) fn string_literal(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

pub(super) fn is_null(expr: &IdedExpr) -> bool {
    matches!(expr.expr, Expr::Literal(LiteralValue::Null))
}

/// Takes the arguments of an operator out of their list.
pub(super) fn arguments<const N: usize>(id: u64, args: Vec<IdedExpr>) -> Result<[IdedExpr; N], Fault> {
    args.try_into().map_err(|_| fault(id, "an operator with the wrong number of operands"))
}

pub(super) fn literal_node(id: u64, literal: LiteralValue) -> Result<Node, Fault> {
    let holds = match &literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::UInt(_) => Type::Uint,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::Bytes(_) => return Err(fault(id, "rules have no bytes")),
        LiteralValue::Null => Type::Null,
    };
    Ok(plain(IdedExpr { id, expr: Expr::Literal(literal) }, holds))
}

/// Whether an expression is nested deeper than this. Of maps and structures only the top counts: they are refused.
pub(super) fn is_deeper(expr: &IdedExpr, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return true;
    };
    let any = |exprs: &[IdedExpr]| exprs.iter().any(|expr| is_deeper(expr, below));
    match &expr.expr {
        Expr::Select(select) => is_deeper(&select.operand, below),
        Expr::Call(call) => call.target.as_ref().is_some_and(|target| is_deeper(target, below)) || any(&call.args),
        Expr::List(list) => any(&list.elements),
        Expr::Comprehension(loops) => {
            [&loops.iter_range, &loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result]
                .into_iter()
                .any(|expr| is_deeper(expr, below))
        }
        Expr::Map(_) | Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => false,
    }
}

/// A node that reads no field.
pub(super) fn plain(expr: IdedExpr, holds: Type) -> Node {
    strict(expr, holds, 0)
}

/// A node that is unknown whenever one of its operands is.
pub(super) fn strict(expr: IdedExpr, holds: Type, unknown: u64) -> Node {
    Node { expr, holds, field: None, unknown, not_true: unknown }
}

pub(super) fn read(id: u64, slot: usize) -> Node {
    let holds = FIELDS.get(slot).map_or(Type::Any, |field| field.holds.into());
    let expr = IdedExpr { id, expr: Expr::Ident(read_ident(slot)) };
    Node { field: Some(slot), ..strict(expr, holds, 1 << slot) }
}

pub(super) fn present(id: u64, slot: usize) -> Node {
    let expr = IdedExpr { id, expr: Expr::Ident(present_ident(slot)) };
    Node { not_true: 1 << slot, ..plain(expr, Type::Bool) }
}

pub(super) fn split(nodes: Vec<Node>) -> (Vec<IdedExpr>, Vec<Type>, u64) {
    let unknown = nodes.iter().fold(0, |unknown, node| unknown | node.unknown);
    let (exprs, holds) = nodes.into_iter().map(|node| (node.expr, node.holds)).unzip();
    (exprs, holds, unknown)
}

pub(super) fn gives(id: u64, name: &str, signature: Signature, arguments: &[Type]) -> Result<Type, Fault> {
    match signature {
        Signature::Gives(holds) => Ok(holds),
        Signature::WrongArguments => {
            let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
            Err(fault(id, format!("`{name}` does not take ({})", arguments.join(", "))))
        }
        Signature::Unknown => Err(fault(id, format!("unknown function `{name}` (known: {})", types::FUNCTIONS))),
    }
}

/// A text written where a time is compared is meant as a time.
pub(super) fn as_time(node: Node, other: &Type) -> Result<Node, Fault> {
    if *other != Type::Time || string_literal(&node.expr).is_none() {
        return Ok(node);
    }
    readable_time(&node.expr)?;
    let id = node.expr.id;
    Ok(plain(call(id, "timestamp", vec![node.expr]), Type::Time))
}

pub(super) fn readable_time(expr: &IdedExpr) -> Result<(), Fault> {
    match string_literal(expr) {
        Some(text) if time::parse(text).is_none() => {
            Err(fault(expr.id, format!("`{text}` is no RFC 3339 time with offset")))
        }
        _ => Ok(()),
    }
}

/// A text compared with a field of a closed enumeration must be one of its values: a slip of the pen would make a rule
/// that never holds, and nobody would notice.
pub(super) fn known_value(field: Option<usize>, literal: &IdedExpr) -> Result<(), Fault> {
    let (Some(field), Some(text)) = (field.and_then(|slot| FIELDS.get(slot)), string_literal(literal)) else {
        return Ok(());
    };
    if field.values.is_empty() || field.values.contains(&text) {
        return Ok(());
    }
    let (object, name, known) = (field.object, field.name, field.values.join(", "));
    Err(fault(literal.id, format!("`{object}.{name}` is never `{text}` (known: {known})")))
}
