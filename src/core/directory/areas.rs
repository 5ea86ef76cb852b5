//! The areas of the zone: a tree of codes joined by `/`, which the operator defines. It need not follow any official
//! division; a statistics code is only noted beside it.

use std::collections::HashMap;
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::core::files::{line_of, version_of_text};
use crate::core::rules::Bilingual;

/// What kind of place an area is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AreaKind {
    /// The zone itself, or a part of it that holds others.
    Zone,
    /// An administrative village.
    Village,
    /// An urban residential community.
    Community,
    /// A company with its own contact.
    Enterprise,
    /// A market.
    Market,
    /// A park.
    Park,
    /// Any other place everybody passes.
    Site,
}

impl AreaKind {
    /// Every kind.
    pub const ALL: [AreaKind; 7] = [
        AreaKind::Zone,
        AreaKind::Village,
        AreaKind::Community,
        AreaKind::Enterprise,
        AreaKind::Market,
        AreaKind::Park,
        AreaKind::Site,
    ];

    /// The name in files and fields.
    pub const fn as_str(self) -> &'static str {
        match self {
            AreaKind::Zone => "zone",
            AreaKind::Village => "village",
            AreaKind::Community => "community",
            AreaKind::Enterprise => "enterprise",
            AreaKind::Market => "market",
            AreaKind::Park => "park",
            AreaKind::Site => "site",
        }
    }
}

/// How many people live in an area, and when that was so: the denominator of its coverage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Population {
    /// Residents.
    pub count: u64,
    /// The day of the count.
    pub date: NaiveDate,
}

/// One area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its code, the codes of the areas above it first, joined by `/`.
    pub code: String,
    /// Its names.
    pub name: Bilingual,
    /// What kind of place it is.
    pub kind: AreaKind,
    /// How many people live there; `None` where nobody does or nobody knows.
    pub population: Option<Population>,
    /// Whether it is a model of fraud prevention for the others.
    pub model_site: bool,
    /// Its official division (6 digits) or statistics code (12 digits), if it has one.
    pub statistics_code: Option<String>,
}

impl Area {
    /// The code of the area above it; `None` for a root.
    pub fn parent(&self) -> Option<&str> {
        parent(&self.code)
    }
}

/// All areas, in one version; replaced as a whole.
#[derive(Clone, Debug)]
pub struct Areas {
    areas: Vec<Area>,
    by_code: HashMap<String, usize>,
    version: String,
}

/// Why a list of areas was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreasError {
    /// The file, as it was named to [`Areas::load`].
    pub file: String,
    /// What is wrong with it, in the order of the file.
    pub faults: Vec<AreaFault>,
}

/// One thing that is wrong with a list of areas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AreaFault {
    /// The line it begins on, from 1.
    pub line: Option<usize>,
    /// The area it is about, by its code.
    pub area: Option<String>,
    /// The key it is about.
    pub key: Option<&'static str>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for AreasError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            f.write_str(&self.file)?;
            if let Some(line) = fault.line {
                write!(f, ":{line}")?;
            }
            if let Some(area) = &fault.area {
                write!(f, ": area `{area}`")?;
            }
            if let Some(key) = fault.key {
                write!(f, ": {key}")?;
            }
            write!(f, ": {}", fault.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for AreasError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    areas: Vec<Spanned<toml::Table>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawArea {
    code: String,
    name: RawName,
    kind: String,
    population: Option<RawPopulation>,
    #[serde(default)]
    model_site: bool,
    statistics_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawName {
    zh: String,
    en: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPopulation {
    count: u64,
    date: toml::Value,
}

impl Areas {
    /// Reads the areas; `file` is only its name in errors.
    ///
    /// # Errors
    ///
    /// Where the text is not TOML, an area lacks a key or has an unknown one, two have the same code, the area above
    /// one is missing, or a kind, code, name or date is not one.
    pub fn load(text: &str, file: &str) -> Result<Areas, AreasError> {
        let refused = |faults| AreasError { file: file.to_owned(), faults };
        let raw: RawFile = toml::from_str(text).map_err(|error| {
            refused(vec![AreaFault {
                line: error.span().map(|span| line_of(text, span.start)),
                area: None,
                key: None,
                reason: error.message().to_owned(),
            }])
        })?;
        let mut loader = Loader { text, faults: Vec::new(), areas: Vec::new(), lines: Vec::new() };
        if raw.areas.is_empty() {
            loader.fault(None, None, None, "there are no areas in it");
        }
        for table in raw.areas {
            loader.area(table);
        }
        let by_code = loader.index();
        if !loader.faults.is_empty() {
            return Err(refused(loader.faults));
        }
        let version = version_of_text(text);
        Ok(Areas { areas: loader.areas, by_code, version })
    }

    /// The areas, in the order of the file.
    pub fn all(&self) -> &[Area] {
        &self.areas
    }

    /// The area with exactly this code.
    pub fn get(&self, code: &str) -> Option<&Area> {
        self.areas.get(*self.by_code.get(code)?)
    }

    /// Whether a code names an area of the directory or lies below one.
    pub fn contains(&self, code: &str) -> bool {
        self.nearest(code).is_some()
    }

    /// The area with this code, else the nearest one above it.
    pub fn nearest(&self, code: &str) -> Option<&Area> {
        self.upwards(code).next()
    }

    /// The area with this code, if there is one, and then those above it, the nearest first.
    pub fn upwards<'a, 'c>(&'a self, code: &'c str) -> impl Iterator<Item = &'a Area> + use<'a, 'c> {
        std::iter::successors(Some(code), |code| parent(code)).filter_map(|code| self.get(code))
    }

    /// The areas directly below one.
    pub fn below<'a>(&'a self, code: &'a str) -> impl Iterator<Item = &'a Area> {
        self.areas.iter().filter(move |area| area.parent() == Some(code))
    }

    /// The residents of an area: its own count, else the sum of the areas below it; `None` where nobody counted.
    pub fn population(&self, code: &str) -> Option<u64> {
        let area = self.get(code)?;
        if let Some(population) = area.population {
            return Some(population.count);
        }
        let counts: Vec<u64> = self.below(code).filter_map(|area| self.population(&area.code)).collect();
        (!counts.is_empty()).then(|| counts.into_iter().fold(0, u64::saturating_add))
    }

    /// The first 16 hex digits of the SHA-256 of the file.
    pub fn version(&self) -> &str {
        &self.version
    }
}

fn parent(code: &str) -> Option<&str> {
    code.rsplit_once('/').map(|(parent, _)| parent)
}

struct Loader<'t> {
    text: &'t str,
    faults: Vec<AreaFault>,
    areas: Vec<Area>,
    lines: Vec<Option<usize>>,
}

impl Loader<'_> {
    fn fault(&mut self, line: Option<usize>, area: Option<&str>, key: Option<&'static str>, reason: impl Into<String>) {
        let area = area.map(ToOwned::to_owned);
        self.faults.push(AreaFault { line, area, key, reason: reason.into() });
    }

    fn area(&mut self, table: Spanned<toml::Table>) {
        let line = Some(line_of(self.text, table.span().start));
        let table = table.into_inner();
        let code = table.get("code").and_then(toml::Value::as_str).map(ToOwned::to_owned);
        let raw: RawArea = match table.try_into() {
            Ok(raw) => raw,
            Err(error) => {
                let error: toml::de::Error = error;
                return self.fault(line, code.as_deref(), None, error.message());
            }
        };
        let code = Some(raw.code.as_str());
        if !is_code(&raw.code) {
            let reason = "a code is letters, digits, `-`, `_` and `.` in parts joined by `/`";
            self.fault(line, code, Some("code"), reason);
        }
        for (language, name) in [("zh", &raw.name.zh), ("en", &raw.name.en)] {
            if name.trim().is_empty() {
                self.fault(line, code, Some("name"), format!("{language} is empty"));
            }
        }
        if let Some(digits) = &raw.statistics_code
            && !(matches!(digits.len(), 6 | 12) && digits.bytes().all(|b| b.is_ascii_digit()))
        {
            self.fault(line, code, Some("statistics_code"), "6 or 12 digits are needed");
        }
        let kind = AreaKind::ALL.into_iter().find(|kind| kind.as_str() == raw.kind);
        if kind.is_none() {
            let known = AreaKind::ALL.map(AreaKind::as_str).join(", ");
            let reason = format!("unknown kind `{}` (known: {known})", raw.kind);
            self.fault(line, code, Some("kind"), reason);
        }
        let population = raw.population.and_then(|population| {
            let date = date(&population.date);
            if date.is_none() {
                let reason = format!("date {} is no day such as 2021-06-30", population.date);
                self.fault(line, code, Some("population"), reason);
            }
            date.map(|date| Population { count: population.count, date })
        });
        // An area with a fault is kept, so that those below it are not said to hang in the air too.
        self.lines.push(line);
        self.areas.push(Area {
            code: raw.code,
            name: Bilingual { zh: raw.name.zh, en: raw.name.en },
            kind: kind.unwrap_or(AreaKind::Site),
            population,
            model_site: raw.model_site,
            statistics_code: raw.statistics_code,
        });
    }

    fn index(&mut self) -> HashMap<String, usize> {
        let mut by_code = HashMap::with_capacity(self.areas.len());
        let mut faults = Vec::new();
        for (i, area) in self.areas.iter().enumerate() {
            let line = self.lines.get(i).copied().flatten();
            if by_code.insert(area.code.clone(), i).is_some() {
                faults.push((line, area.code.clone(), "another area has the same code".to_owned()));
            }
        }
        for (area, line) in self.areas.iter().zip(&self.lines) {
            if let Some(parent) = area.parent().filter(|parent| !by_code.contains_key(*parent)) {
                let reason = format!("the area above it, `{parent}`, is missing");
                faults.push((*line, area.code.clone(), reason));
            }
        }
        for (line, code, reason) in faults {
            self.fault(line, Some(&code), Some("code"), reason);
        }
        by_code
    }
}

fn is_code(code: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    code.split('/').all(|part| !part.is_empty() && part.chars().all(fits))
}

/// A day, as a TOML date or as text.
fn date(value: &toml::Value) -> Option<NaiveDate> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(date) if date.time.is_none() => date.to_string(),
        _ => return None,
    };
    NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()
}
