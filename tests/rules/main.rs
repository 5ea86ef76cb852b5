//! Rules and levels (contract 6) and the areas of the directory (contract 9), as they are shipped and as an operator
//! may write them.

mod areas;
mod facts;
mod language;
mod properties;
mod refusal;
mod scene;
mod shipped;
