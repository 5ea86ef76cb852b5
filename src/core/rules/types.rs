//! The types of expressions, as far as a rule set must be right about them when it is loaded.

use std::fmt;

use super::moment;
use super::vocabulary::FieldType;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Time,
    List(Box<Type>),
    /// The literal `null`, which can only be compared with a field.
    Null,
    /// The elements of `[]`.
    Any,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Uint => f.write_str("uint"),
            Type::Double => f.write_str("double"),
            Type::Text => f.write_str("string"),
            Type::Time => f.write_str("timestamp"),
            Type::List(element) => write!(f, "list({element})"),
            Type::Null => f.write_str("null"),
            Type::Any => f.write_str("anything"),
        }
    }
}

impl From<FieldType> for Type {
    fn from(field: FieldType) -> Self {
        match field {
            FieldType::Bool => Type::Bool,
            FieldType::Int => Type::Int,
            FieldType::Double => Type::Double,
            FieldType::Text => Type::Text,
            FieldType::Texts => Type::List(Box::new(Type::Text)),
            FieldType::Time => Type::Time,
        }
    }
}

impl Type {
    const fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Uint | Type::Double)
    }

    /// Whether `==` between the two can ever hold. Numbers of all types compare with each other.
    pub fn comparable(&self, other: &Type) -> bool {
        match (self, other) {
            (Type::Null, _) | (_, Type::Null) => false,
            (Type::Any, _) | (_, Type::Any) => true,
            (Type::List(a), Type::List(b)) => a.comparable(b),
            _ => self == other || (self.is_number() && other.is_number()),
        }
    }

    /// Whether `<` between the two has an answer.
    pub fn orderable(&self, other: &Type) -> bool {
        !matches!(self, Type::List(_)) && self.comparable(other)
    }

    /// The type of a list element or branch that is either of the two; `None` where they clash.
    pub fn common(self, other: Type) -> Option<Type> {
        match (self, other) {
            (Type::Null, _) | (_, Type::Null) => None,
            (Type::Any, known) | (known, Type::Any) => Some(known),
            (Type::List(a), Type::List(b)) => a.common(*b).map(|element| Type::List(Box::new(element))),
            (a, b) => (a == b).then_some(a),
        }
    }

    /// The type of `self + other`: CEL adds only like to like.
    pub fn sum(self, other: Type) -> Option<Type> {
        let sum = self.common(other)?;
        matches!(sum, Type::Int | Type::Uint | Type::Double | Type::Text | Type::List(_) | Type::Any).then_some(sum)
    }

    /// The type of `self - other` and the like.
    pub fn product(self, other: Type) -> Option<Type> {
        self.common(other).filter(|product| product.is_number() || *product == Type::Any)
    }
}

/// What a call gives.
pub(super) enum Signature {
    /// A value of this type.
    Gives(Type),
    /// The function is there, but not for these arguments.
    WrongArguments,
    /// There is no such function.
    Unknown,
}

/// The functions rules can call, for the error that names them.
pub(super) const FUNCTIONS: &str = "size, contains, startsWith, endsWith, int, double, string, timestamp, getFullYear, \
     getMonth, getDate, getDayOfWeek, getHours, getMinutes, has, all, exists, exists_one, map, filter";

/// What `name(arguments)` gives.
pub(super) fn function(name: &str, arguments: &[Type]) -> Signature {
    use Type::{Any, Bool, Double, Int, List, Text, Time, Uint};
    let gives = match (name, arguments) {
        ("size", [Text | List(_) | Any]) => Int,
        ("int", [Int | Uint | Double | Text | Any]) => Int,
        ("double", [Int | Uint | Double | Text | Any]) => Double,
        ("string", [Bool | Int | Uint | Double | Text | Any]) => Text,
        ("timestamp", [Text | Any]) => Time,
        ("size" | "int" | "double" | "string" | "timestamp", _) => return Signature::WrongArguments,
        _ => return Signature::Unknown,
    };
    Signature::Gives(gives)
}

/// What `target.name(arguments)` gives.
pub(super) fn member(name: &str, target: &Type, arguments: &[Type]) -> Signature {
    use Type::{Any, Bool, Int, List, Text, Time};
    let part_of_time = moment::MEMBERS.contains(&name);
    let gives = match (name, target, arguments) {
        ("size", Text | List(_) | Any, []) => Int,
        ("contains" | "startsWith" | "endsWith", Text | Any, [Text | Any]) => Bool,
        (_, Time | Any, [] | [Text]) if part_of_time => Int,
        ("size" | "contains" | "startsWith" | "endsWith", _, _) => return Signature::WrongArguments,
        _ if part_of_time => return Signature::WrongArguments,
        _ => return Signature::Unknown,
    };
    Signature::Gives(gives)
}
