//! Where the people of the zone live and work.

/// There is no place to live in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory has no area for the made-up people to live in")]
pub struct NoPlaces;

/// The areas people are given, by their codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// All codes.
    all: Vec<String>,
    homes: Vec<String>,
    workplaces: Vec<String>,
}

impl Places {
    /// From the codes and kinds of a directory (contract 9). People live in a `village` or `community`, or anywhere if
    /// there is none, and work in an `enterprise` or `market`.
    ///
    /// # Errors
    /// [`NoPlaces`] without any area.
    pub fn new<'a>(areas: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, NoPlaces> {
        let mut places = Places { all: Vec::new(), homes: Vec::new(), workplaces: Vec::new() };
        for (code, kind) in areas {
            places.all.push(code.to_owned());
            match kind {
                "village" | "community" => places.homes.push(code.to_owned()),
                "enterprise" | "market" => places.workplaces.push(code.to_owned()),
                _ => {}
            }
        }
        if places.homes.is_empty() {
            places.homes.clone_from(&places.all);
        }
        if places.homes.is_empty() { Err(NoPlaces) } else { Ok(places) }
    }

    /// Some areas of the shipped directory, for what reads no directory.
    pub fn sample() -> Self {
        let owned = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
        let (homes, workplaces) = (owned(&SAMPLE_HOMES), owned(&SAMPLE_WORKPLACES));
        let all = [owned(&["kfq"]), homes.clone(), workplaces.clone()].concat();
        Places { all, homes, workplaces }
    }

    /// Every area.
    pub fn all(&self) -> &[String] {
        &self.all
    }

    /// Where people live; never empty.
    pub fn homes(&self) -> &[String] {
        &self.homes
    }

    /// Where people work.
    pub fn workplaces(&self) -> &[String] {
        &self.workplaces
    }
}

const SAMPLE_HOMES: [&str; 8] = [
    "kfq/huangchengli",
    "kfq/xiheyan",
    "kfq/shangyangtou",
    "kfq/houtangxia",
    "kfq/jinxing",
    "kfq/nanyuan",
    "kfq/binjiang",
    "kfq/xueyuanlu",
];
const SAMPLE_WORKPLACES: [&str; 4] =
    ["kfq/heyan-works", "kfq/dongsheng-hardware", "kfq/qiming-cups", "kfq/kejie-market"];

/// Codes that no directory of this zone has: other counties, and one that only begins like the zone's.
pub(super) const ELSEWHERE: [&str; 6] = [
    "330702/east-street",
    "330727/mountain-village",
    "330783/river-town",
    "kfq-east/old-town",
    "kfqx",
    "elsewhere/port/dock-2",
];

/// The last parts of codes below an area, which no directory lists.
pub(super) const WITHIN: [&str; 4] = ["house-7", "grid-12", "shop-3", "block-b/door-2"];
