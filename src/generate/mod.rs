//! A made-up development zone and the news of it, for the demo, for load and for the benches.
//!
//! Everything follows from a seed: the same seed, the same times given, the same bytes. Nothing here knows Kafka,
//! reads a clock or shares code with the matcher; each event carries the outcome it must have, known from how it was
//! made, so that whoever sends it can count what the program must answer.
//!
//! * [`Zone`] holds nobody: registrant `i` is computed whenever it is asked for.
//! * [`EventFeed`] makes single events in the shares of a [`Mix`], as fast as a bench needs them.
//! * [`StoryBook`] tells stories of several events each over such a background, in time order.
//! * [`MALFORMED`] lists every way in which an event can be bad.
//!
//! No number here rings at anybody: phones of the zone come from ranges given to data cards, landlines begin with
//! a digit no landline has, and accounts carry issuer numbers nobody uses. Names are random pairings.

mod allowed;
mod cases;
mod dice;
mod feed;
mod json;
mod malformed;
mod mix;
mod names;
mod numbers;
mod pieces;
mod places;
mod plots;
mod record;
mod registrant;
mod render;
mod stage;
mod stamp;
mod stories;
mod targets;
mod zone;

pub use allowed::{AllowList, allow_list};
pub use cases::MALFORMED;
pub use feed::EventFeed;
pub use malformed::Malformed;
pub use mix::{Mix, MixError};
pub use places::{NoPlaces, Places};
pub use plots::{Story, StoryTag};
pub use record::{Expected, Feed, Flavour, Generated, Reason, Record, Tally};
pub use registrant::{MemberRecord, RegistrantRecord};
pub use stamp::Stamp;
pub use stories::StoryBook;
pub use zone::{Families, MAX_REGISTRANTS, Zone};
