//! How urgent a case is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How urgent a case is; the greater, the more urgent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth a call within days.
    #[default]
    Low,
    /// Worth a call or a visit within two days.
    Medium,
    /// To be met within a day.
    High,
    /// The money is about to go: handled like an emergency call.
    Urgent,
}

impl Level {
    /// Every level, the lowest first.
    pub const ALL: [Level; 4] = [Level::Low, Level::Medium, Level::High, Level::Urgent];

    /// The name in fields, rules and labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Urgent => "urgent",
        }
    }

    /// The name in Chinese texts.
    pub const fn zh(self) -> &'static str {
        match self {
            Level::Low => "低",
            Level::Medium => "中",
            Level::High => "高",
            Level::Urgent => "紧急",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Level::ALL.into_iter().find(|level| level.as_str() == text).ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

/// A text that names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level `{0}` (known: low, medium, high, urgent)")]
pub struct UnknownLevel(String);

/// From which score on an event has which level; below `medium` it is low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Levels {
    /// Scores from here on are urgent; shipped 80.
    pub urgent: u32,
    /// Scores from here on are high; shipped 50.
    pub high: u32,
    /// Scores from here on are medium; shipped 25.
    pub medium: u32,
}

impl Default for Levels {
    fn default() -> Self {
        Levels { urgent: 80, high: 50, medium: 25 }
    }
}

impl Levels {
    /// Whether each level asks for more than the one below it.
    pub const fn descend(&self) -> bool {
        self.urgent > self.high && self.high > self.medium
    }

    /// The level of a score.
    pub const fn of(&self, score: u32) -> Level {
        if score >= self.urgent {
            Level::Urgent
        } else if score >= self.high {
            Level::High
        } else if score >= self.medium {
            Level::Medium
        } else {
            Level::Low
        }
    }
}
