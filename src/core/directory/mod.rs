//! Who and what there is in the zone (contract 9).

mod areas;

pub use areas::{Area, AreaFault, AreaKind, Areas, AreasError, Population};
