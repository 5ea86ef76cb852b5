//! The names of the fraud types: a table of the configuration, open at the end.

use std::collections::HashMap;

use super::Bilingual;

/// One kind of fraud, as the Ministry of Public Security lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FraudType {
    /// The code that events carry.
    pub code: String,
    /// Its name.
    pub name: Bilingual,
    /// The year of the list it stands on; old codes stay valid.
    pub source_year: u16,
}

/// The fraud types known by name. A code that is not among them is as good as any other and is shown as it is.
#[derive(Clone, Debug, Default)]
pub struct FraudTypes {
    types: Vec<FraudType>,
    by_code: HashMap<String, usize>,
}

impl FraudTypes {
    /// Adds a type; gives it back if its code is taken.
    pub(super) fn add(&mut self, fraud_type: FraudType) -> Result<(), FraudType> {
        if self.by_code.contains_key(&fraud_type.code) {
            return Err(fraud_type);
        }
        self.by_code.insert(fraud_type.code.clone(), self.types.len());
        self.types.push(fraud_type);
        Ok(())
    }

    /// The types, in the order of the file.
    pub fn all(&self) -> &[FraudType] {
        &self.types
    }

    /// The type with this code.
    pub fn get(&self, code: &str) -> Option<&FraudType> {
        self.types.get(*self.by_code.get(code)?)
    }

    /// The Chinese name of a code, or the code.
    pub fn zh<'a>(&'a self, code: &'a str) -> &'a str {
        self.get(code).map_or(code, |fraud_type| &fraud_type.name.zh)
    }

    /// The English name of a code, or the code.
    pub fn en<'a>(&'a self, code: &'a str) -> &'a str {
        self.get(code).map_or(code, |fraud_type| &fraud_type.name.en)
    }
}
