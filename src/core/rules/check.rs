//! Looks every name and type of an expression up before it is ever run, and writes it in terms of slots.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, ListExpr, SelectExpr, operators};
use cel::{IdedExpr, Program};

use super::moment;
use super::node::{
    Fault, Node, arguments, as_time, bool_literal, call, fault, gives, is_deeper, is_null, known_value, literal_node,
    plain, present, read, readable_time, split, strict, string_literal,
};
use super::types::{self, Type};
use super::vocabulary::{OBJECTS, fields_of, slot_of};

/// An expression that can be run.
#[derive(Debug)]
pub(super) struct Checked {
    /// The expression, its fields written as slots.
    pub expr: IdedExpr,
    /// Bits of the slots without which it cannot hold: most rules are about one kind of event and need not be run on
    /// the other.
    pub needs: u64,
}

/// How deep an expression may be nested: everything that walks one calls itself once a level.
const MAX_DEPTH: usize = 100;

/// Checks a rule's expression; it must give a bool.
pub(super) fn check(program: &Program) -> Result<Checked, Fault> {
    if is_deeper(program.expression(), MAX_DEPTH) {
        return Err(fault(program.expression().id, format!("nested deeper than {MAX_DEPTH} levels")));
    }
    let root = program.expression().clone();
    let id = root.id;
    let checked = Checker { locals: Vec::new() }.node(root)?;
    match checked.holds {
        Type::Bool | Type::Any => Ok(Checked { expr: checked.expr, needs: checked.not_true }),
        other => Err(fault(id, format!("a rule must give a bool, this gives {other}"))),
    }
}

struct Checker {
    /// The variables of the macros around the node, the innermost last.
    locals: Vec<(String, Type)>,
}

impl Checker {
    fn node(&mut self, node: IdedExpr) -> Result<Node, Fault> {
        let id = node.id;
        match node.expr {
            Expr::Literal(literal) => literal_node(id, literal),
            Expr::Ident(name) => self.ident(id, name),
            Expr::Select(select) => self.select(id, select),
            Expr::Call(call) => self.call(id, call),
            Expr::List(list) => self.list(id, list),
            Expr::Comprehension(comprehension) => self.comprehension(id, *comprehension),
            Expr::Map(_) => Err(fault(id, "rules have no maps")),
            Expr::Struct(_) => Err(fault(id, "rules have no structures")),
            Expr::Unspecified => Err(fault(id, "an empty expression")),
        }
    }

    fn nodes(&mut self, nodes: Vec<IdedExpr>) -> Result<Vec<Node>, Fault> {
        nodes.into_iter().map(|node| self.node(node)).collect()
    }

    /// A node that must give a bool.
    fn condition(&mut self, node: IdedExpr) -> Result<Node, Fault> {
        let id = node.id;
        let node = self.node(node)?;
        match node.holds {
            Type::Bool | Type::Any => Ok(node),
            other => Err(fault(id, format!("{other} where a bool is needed"))),
        }
    }

    fn local(&self, name: &str) -> Option<&Type> {
        self.locals.iter().rev().find(|(local, _)| local == name).map(|(_, holds)| holds)
    }

    fn ident(&self, id: u64, name: String) -> Result<Node, Fault> {
        if let Some(holds) = self.local(&name) {
            let holds = holds.clone();
            return Ok(plain(IdedExpr { id, expr: Expr::Ident(name) }, holds));
        }
        if OBJECTS.contains(&name.as_str()) {
            return Err(fault(id, format!("`{name}` is an object: name one of its fields")));
        }
        Err(fault(id, format!("unknown variable `{name}` (known: {})", OBJECTS.join(", "))))
    }

    /// The name of a variable, if that is all the node is.
    fn object(&self, node: &IdedExpr) -> Option<&'static str> {
        match &node.expr {
            Expr::Ident(name) if self.local(name).is_none() => OBJECTS.into_iter().find(|object| object == name),
            _ => None,
        }
    }

    fn slot(&self, id: u64, object: &str, name: &str) -> Result<usize, Fault> {
        slot_of(object, name).ok_or_else(|| {
            let known: Vec<_> = fields_of(object).collect();
            fault(id, format!("unknown field `{object}.{name}` (known: {})", known.join(", ")))
        })
    }

    fn select(&mut self, id: u64, select: SelectExpr) -> Result<Node, Fault> {
        let Some(object) = self.object(&select.operand) else {
            let operand = self.node(*select.operand)?;
            return Err(fault(id, format!("{} has no field `{}`", operand.holds, select.field)));
        };
        let slot = self.slot(id, object, &select.field)?;
        Ok(if select.test { present(id, slot) } else { read(id, slot) })
    }

    fn call(&mut self, id: u64, mut expr: CallExpr) -> Result<Node, Fault> {
        if let Some(target) = expr.target.take() {
            return self.member(id, *target, expr);
        }
        let (name, args) = (expr.func_name, expr.args);
        match name.as_str() {
            operators::LOGICAL_AND | operators::LOGICAL_OR => self.logical(id, &name, args),
            operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE => {
                let [operand] = arguments(id, args)?;
                let operand = self.condition(operand)?;
                // A macro's loop goes on over an unknown element.
                let unknown = if name == operators::LOGICAL_NOT { operand.unknown } else { 0 };
                Ok(strict(call(id, &name, vec![operand.expr]), Type::Bool, unknown))
            }
            operators::CONDITIONAL => self.conditional(id, args),
            operators::EQUALS | operators::NOT_EQUALS => self.equality(id, &name, args),
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
                let [left, right] = arguments(id, args)?;
                let (left, right) = (self.node(left)?, self.node(right)?);
                self.comparison(id, &name, left, right, Type::orderable)
            }
            operators::IN => self.membership(id, args),
            operators::INDEX => self.index(id, args),
            operators::NEGATE => {
                let [operand] = arguments(id, args)?;
                let operand = self.node(operand)?;
                match operand.holds {
                    Type::Int | Type::Double | Type::Any => {
                        Ok(strict(call(id, &name, vec![operand.expr]), operand.holds, operand.unknown))
                    }
                    other => Err(fault(id, format!("{other} has no negative"))),
                }
            }
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO => {
                self.arithmetic(id, &name, args)
            }
            _ => self.function(id, name, args),
        }
    }

    fn logical(&mut self, id: u64, name: &str, args: Vec<IdedExpr>) -> Result<Node, Fault> {
        let [left, right] = arguments(id, args)?;
        let (left, right) = (self.condition(left)?, self.condition(right)?);
        let not_true = if name == operators::LOGICAL_AND {
            left.not_true | right.not_true
        } else {
            left.not_true & right.not_true
        };
        let unknown = left.unknown & right.unknown;
        let expr = call(id, name, vec![left.expr, right.expr]);
        Ok(Node { expr, holds: Type::Bool, field: None, unknown, not_true })
    }

    fn conditional(&mut self, id: u64, args: Vec<IdedExpr>) -> Result<Node, Fault> {
        let [condition, yes, no] = arguments(id, args)?;
        let (condition, yes, no) = (self.condition(condition)?, self.node(yes)?, self.node(no)?);
        let unknown = condition.unknown | (yes.unknown & no.unknown);
        let not_true = condition.unknown | (yes.not_true & no.not_true);
        let clash = format!("`? :` between {} and {}", yes.holds, no.holds);
        let holds = yes.holds.common(no.holds).ok_or_else(|| fault(id, clash))?;
        let expr = call(id, operators::CONDITIONAL, vec![condition.expr, yes.expr, no.expr]);
        Ok(Node { expr, holds, field: None, unknown, not_true })
    }

    /// `==` and `!=`. Against `null` they ask whether a field is there; otherwise they are comparisons like `<`, which
    /// a null field leaves unknown.
    fn equality(&mut self, id: u64, name: &str, args: Vec<IdedExpr>) -> Result<Node, Fault> {
        let [left, right] = arguments(id, args)?;
        if is_null(&left) || is_null(&right) {
            let asked = if is_null(&right) { left } else { right };
            return self.null_question(id, asked, name == operators::EQUALS);
        }
        let (left, right) = (self.node(left)?, self.node(right)?);
        self.comparison(id, name, left, right, Type::comparable)
    }

    fn null_question(&mut self, id: u64, asked: IdedExpr, is_null: bool) -> Result<Node, Fault> {
        if self.object(&asked).is_some() {
            return Ok(plain(bool_literal(id, !is_null), Type::Bool));
        }
        let asked = self.node(asked)?;
        let Some(slot) = asked.field else {
            return Err(fault(id, format!("{} is never null: only a field can be", asked.holds)));
        };
        let present = present(id, slot);
        if !is_null {
            return Ok(present);
        }
        Ok(strict(call(id, operators::LOGICAL_NOT, vec![present.expr]), Type::Bool, 0))
    }

    fn comparison(
        &self,
        id: u64,
        name: &str,
        left: Node,
        right: Node,
        allowed: fn(&Type, &Type) -> bool,
    ) -> Result<Node, Fault> {
        let left = as_time(left, &right.holds)?;
        let right = as_time(right, &left.holds)?;
        if !allowed(&left.holds, &right.holds) {
            let operator = name.trim_matches('_');
            let reason = format!("{} {operator} {} can never hold", left.holds, right.holds);
            return Err(fault(id, reason));
        }
        known_value(left.field, &right.expr)?;
        known_value(right.field, &left.expr)?;
        let unknown = left.unknown | right.unknown;
        Ok(strict(call(id, name, vec![left.expr, right.expr]), Type::Bool, unknown))
    }

    fn membership(&mut self, id: u64, args: Vec<IdedExpr>) -> Result<Node, Fault> {
        let [element, list] = arguments(id, args)?;
        let (element, list) = (self.node(element)?, self.node(list)?);
        match &list.holds {
            Type::List(elements) if element.holds.comparable(elements) => {}
            Type::Any => {}
            other => {
                return Err(fault(id, format!("{} in {other} can never hold", element.holds)));
            }
        }
        if let Expr::List(literals) = &list.expr.expr {
            literals.elements.iter().try_for_each(|literal| known_value(element.field, literal))?;
        }
        let unknown = element.unknown | list.unknown;
        Ok(strict(call(id, operators::IN, vec![element.expr, list.expr]), Type::Bool, unknown))
    }

    /// `event['kind']` is `event.kind`; a list is indexed by number.
    fn index(&mut self, id: u64, args: Vec<IdedExpr>) -> Result<Node, Fault> {
        let [indexed, index] = arguments(id, args)?;
        if let Some(object) = self.object(&indexed) {
            let Some(name) = string_literal(&index) else {
                return Err(fault(id, format!("a field of `{object}` must be named")));
            };
            return self.slot(id, object, name).map(|slot| read(id, slot));
        }
        let (indexed, index) = (self.node(indexed)?, self.node(index)?);
        let unknown = indexed.unknown | index.unknown;
        let holds = match (indexed.holds, &index.holds) {
            (Type::List(element), Type::Int | Type::Uint | Type::Any) => *element,
            (indexed, index) => {
                return Err(fault(id, format!("{indexed} has no place numbered by {index}")));
            }
        };
        Ok(strict(call(id, operators::INDEX, vec![indexed.expr, index.expr]), holds, unknown))
    }

    fn arithmetic(&mut self, id: u64, name: &str, args: Vec<IdedExpr>) -> Result<Node, Fault> {
        let [left, right] = arguments(id, args)?;
        let (left, right) = (self.node(left)?, self.node(right)?);
        let operator = name.trim_matches('_');
        let clash = format!(
            "{} {operator} {}: CEL reckons only with two values of the same type (write 2.0, or int(…))",
            left.holds, right.holds
        );
        let unknown = left.unknown | right.unknown;
        let holds = match name {
            operators::ADD => left.holds.sum(right.holds),
            operators::MODULO => left.holds.product(right.holds).filter(|t| *t != Type::Double),
            _ => left.holds.product(right.holds),
        };
        let holds = holds.ok_or_else(|| fault(id, clash))?;
        Ok(strict(call(id, name, vec![left.expr, right.expr]), holds, unknown))
    }

    fn function(&mut self, id: u64, name: String, args: Vec<IdedExpr>) -> Result<Node, Fault> {
        if name == "timestamp" {
            args.iter().try_for_each(readable_time)?;
        }
        let args = self.nodes(args)?;
        let (exprs, holds, unknown) = split(args);
        let result = gives(id, &name, types::function(&name, &holds), &holds)?;
        Ok(strict(call(id, &name, exprs), result, unknown))
    }

    fn member(&mut self, id: u64, target: IdedExpr, expr: CallExpr) -> Result<Node, Fault> {
        let name = expr.func_name;
        if self.object(&target).is_some() {
            return Err(fault(id, format!("unknown function `{name}` of an object")));
        }
        let target = self.node(target)?;
        if moment::MEMBERS.contains(&name.as_str())
            && let Some(text) = expr.args.first().and_then(string_literal)
            && moment::offset(text).is_none()
        {
            return Err(fault(id, format!("`{text}` is no offset such as +08:00")));
        }
        let (exprs, holds, unknown) = split(self.nodes(expr.args)?);
        let signature = types::member(&name, &target.holds, &holds);
        let result = gives(id, &name, signature, &holds)?;
        let unknown = unknown | target.unknown;
        let expr = CallExpr { func_name: name, target: Some(Box::new(target.expr)), args: exprs };
        Ok(strict(IdedExpr { id, expr: Expr::Call(expr) }, result, unknown))
    }

    fn list(&mut self, id: u64, list: ListExpr) -> Result<Node, Fault> {
        let (elements, holds, unknown) = split(self.nodes(list.elements)?);
        let mut element = Type::Any;
        for holds in holds {
            let clash = format!("a list of {element} and {holds}");
            element = element.common(holds).ok_or_else(|| fault(id, clash))?;
        }
        let expr = IdedExpr { id, expr: Expr::List(ListExpr::new(elements)) };
        Ok(strict(expr, Type::List(Box::new(element)), unknown))
    }

    /// What `all`, `exists`, `exists_one`, `map` and `filter` are written out to.
    fn comprehension(&mut self, id: u64, expr: ComprehensionExpr) -> Result<Node, Fault> {
        let range = self.node(expr.iter_range)?;
        let element = match range.holds {
            Type::List(element) => *element,
            other => return Err(fault(id, format!("{other} is no list to go through"))),
        };
        if OBJECTS.contains(&expr.iter_var.as_str()) || expr.iter_var2.is_some() {
            return Err(fault(id, format!("`{}` is taken: choose another name", expr.iter_var)));
        }
        let init = self.node(expr.accu_init)?;
        let depth = self.locals.len();
        self.locals.push((expr.accu_var.clone(), init.holds.clone()));
        self.locals.push((expr.iter_var.clone(), element));
        let condition = self.condition(expr.loop_cond)?;
        let step = self.node(expr.loop_step)?;
        let clash = format!("{} and {} in one loop", init.holds, step.holds);
        let accu = init.holds.common(step.holds).ok_or_else(|| fault(id, clash))?;
        self.locals.push((expr.accu_var.clone(), accu));
        let result = self.node(expr.result)?;
        self.locals.truncate(depth);
        let expr = Expr::Comprehension(Box::new(ComprehensionExpr {
            iter_range: range.expr,
            iter_var: expr.iter_var,
            iter_var2: None,
            accu_var: expr.accu_var,
            accu_init: init.expr,
            loop_cond: condition.expr,
            loop_step: step.expr,
            result: result.expr,
        }));
        Ok(strict(IdedExpr { id, expr }, result.holds, range.unknown))
    }
}

#[cfg(test)]
mod tests {
    use cel::Env;

    use super::super::vocabulary::FIELDS;
    use super::*;

    /// The fields without which an expression is not even run.
    fn needs(when: &str) -> Vec<&'static str> {
        let checked = check(&Env::stdlib().compile(when).unwrap()).unwrap();
        let needed = |slot: &usize| checked.needs & (1 << slot) != 0;
        (0..FIELDS.len()).filter(needed).map(|slot| FIELDS[slot].name).collect()
    }

    #[test]
    fn a_rule_is_skipped_only_where_a_null_field_decides() {
        assert_eq!(needs("call.live"), ["live"]);
        assert_eq!(needs("!call.live"), ["live"]);
        assert_eq!(
            needs("call.phase == 'ended' && case.calls_2h > call.duration_s"),
            ["phase", "duration_s", "calls_2h"]
        );
        assert_eq!(needs("event.list != null && event.list != 'x'"), ["list"]);
        assert_eq!(needs("event.list == 'x' || event.list == 'y'"), ["list"]);
        assert_eq!(needs("(call.live ? call.forwarded : call.duration_s > 5)"), ["live"]);
        assert_eq!(needs("subject.groups.exists(g, g == event.list)"), ["groups"]);
        for when in [
            "true",
            "event.list == null",
            "event.list == null || event.list == 'x'",
            "call.live || transfer.reversible",
            "!(call.live && transfer.reversible)",
            "!(event.list != null)",
            "has(event.list) == false",
        ] {
            assert_eq!(needs(when), [""; 0], "{when}");
        }
    }
}
