//! The look-back, pure: what is held, for how long, what is found, and that no pair of event and registration falls
//! between the threads (contract 5).

use std::collections::{BTreeMap, BTreeSet};

use golden_bell::core::event::EventKind;
use golden_bell::core::identifier::IndexKey;
use golden_bell::core::lookback::{Events, Held, Hit, Lookback, Place, Positions, Reading, Upto, Wanted, tag};
use golden_bell::core::matching::VictimKeys;
use proptest::prelude::*;

const WINDOW: i64 = 1_000;
/// How long events linger behind their window, so that a search that is late still finds them.
const GRACE: i64 = 10_000;
/// Long enough for nothing to linger.
const LONG_AFTER: i64 = 1_000_000;

fn place(partition: i32) -> Place {
    let kind = if partition % 2 == 0 { EventKind::Call } else { EventKind::Transfer };
    Place { kind, partition }
}

fn key(n: u8) -> IndexKey {
    let mut bytes = [0; 16];
    bytes[0] = n + 1;
    IndexKey::from_bytes(bytes)
}

fn event(place: Place, offset: i64, time: i64, phone: Option<u8>, account: Option<u8>) -> Held {
    Held::new(place, offset, time, &VictimKeys { phone: phone.map(key), account: account.map(key) })
}

fn wanted(keys: impl IntoIterator<Item = u8>, read_at: i64) -> Wanted {
    keys.into_iter().map(|n| (tag(&key(n)), read_at)).collect()
}

fn offsets(events: &Events, place: Place, wanted: &Wanted) -> Vec<i64> {
    let mut offsets: Vec<i64> = events.find(place, wanted).iter().map(|hit| hit.offset).collect();
    offsets.sort_unstable();
    offsets
}

#[test]
fn an_event_is_found_by_phone_and_by_account_and_within_the_window_only() {
    let mut events = Events::new(WINDOW, 100);
    let here = place(1);
    let opening = events.open(here, 0);
    events.hold(opening, &event(here, 5, 10_000, Some(1), Some(2)));
    events.hold(opening, &event(here, 6, 10_500, Some(1), None));
    assert_eq!(offsets(&events, here, &wanted([1], 11_000)), [5, 6]);
    assert_eq!(offsets(&events, here, &wanted([2], 11_000)), [5]);
    assert_eq!(offsets(&events, here, &wanted([1, 2], 11_001)), [6], "the window is the registration's");
    assert_eq!(offsets(&events, here, &wanted([3], 11_000)), [0; 0]);
    assert_eq!(offsets(&events, place(3), &wanted([1], 11_000)), [0; 0]);
}

#[test]
fn an_event_that_was_matched_is_found_no_more_and_makes_room() {
    let mut events = Events::new(WINDOW, 2);
    let here = place(0);
    let opening = events.open(here, 0);
    events.hold(opening, &event(here, 1, 10, Some(1), None));
    events.hold(opening, &event(here, 2, 11, Some(1), None));
    events.release(&Hit { place: here, opening, offset: 1 });
    events.release(&Hit { place: here, opening, offset: 1 });
    assert_eq!((events.held(), offsets(&events, here, &wanted([1], 20))), (1, vec![2]));
    events.hold(opening, &event(here, 3, 12, Some(1), None));
    assert_eq!(events.trim(20), 0);
    assert_eq!(offsets(&events, here, &wanted([1], 20)), [2, 3]);
}

#[test]
fn a_partition_that_goes_takes_its_events_along_and_comes_back_without_them() {
    let mut events = Events::new(WINDOW, 100);
    let here = place(0);
    let first = events.open(here, 0);
    events.hold(first, &event(here, 1, 10, Some(1), None));
    let second = events.open(here, 2);
    assert_eq!(events.held(), 0);
    events.hold(first, &event(here, 2, 11, Some(1), None));
    assert_eq!(events.held(), 0, "a late event of the window before");
    // Read again and live at the same time, in any order.
    events.hold(second, &event(here, 2, 11, Some(1), None));
    events.hold(second, &event(here, 0, 9, Some(1), None));
    events.hold(second, &event(here, 3, 12, Some(1), None));
    events.hold(second, &event(here, 1, 10, Some(1), None));
    events.hold(second, &event(here, 1, 10, Some(1), None));
    assert_eq!(offsets(&events, here, &wanted([1], 20)), [0, 1, 2, 3]);
    events.close(here);
    assert_eq!((events.held(), events.places()), (0, vec![]));
}

#[test]
fn offsets_and_times_far_apart_are_kept_exactly() {
    let mut events = Events::new(i64::MAX / 4, 100);
    let here = place(0);
    let opening = events.open(here, 0);
    let far = [(0, 5), (1, 5 + (1 << 40)), (1 << 40, 6), ((1 << 40) + 1, -(1 << 40)), (1 << 41, 0)];
    for (offset, time) in far {
        events.hold(opening, &event(here, offset, time, Some(1), None));
    }
    assert_eq!(offsets(&events, here, &wanted([1], 0)), far.map(|(offset, _)| offset));
    for (offset, _) in far {
        events.release(&Hit { place: here, opening, offset });
    }
    assert_eq!(events.held(), 0);
}

#[test]
fn positions_are_what_was_written_down() {
    let mut positions = Positions::default();
    assert_eq!(positions.to_text(), "");
    assert_eq!(Positions::parse(""), None);
    assert_eq!(Positions::parse("somebody else's words"), None);
    assert_eq!(Positions::parse("registrants:1,x"), None);
    positions.advance(2, 7);
    positions.advance(0, 9_223_372_036_854_775_807);
    positions.advance(2, 6);
    assert_eq!(positions.to_text(), "registrants:9223372036854775807,0,7");
    assert_eq!(Positions::parse(&positions.to_text()), Some(positions.clone()));
    assert!(positions.cover(2, 6) && !positions.cover(2, 7) && !positions.cover(1, 0) && !positions.cover(9, 0));
    for partition in 0..10_000 {
        positions.advance(partition, 1_000_000);
    }
    assert_eq!(positions.to_text(), "", "more than a broker keeps beside an offset");
}

#[derive(Clone, Debug)]
enum Step {
    Open(i32),
    Close(i32),
    Hold { partition: i32, again: bool, passed: i64, phone: Option<u8>, account: Option<u8> },
    Trim { passed: i64 },
    Release(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let keys = (prop::option::of(0..4_u8), prop::option::of(0..4_u8));
    let keys = keys.prop_map(|(phone, account)| (phone.or(account.is_none().then_some(0)), account));
    let hold = (0..3, any::<bool>(), 0..200_i64, keys).prop_map(|(partition, again, passed, (phone, account))| {
        Step::Hold { partition, again, passed, phone, account }
    });
    prop_oneof![
        1 => (0..3).prop_map(Step::Open),
        1 => (0..3).prop_map(Step::Close),
        20 => hold,
        3 => (0..3_000_i64).prop_map(|passed| Step::Trim { passed }),
        3 => any::<prop::sample::Index>().prop_map(Step::Release),
    ]
}

/// An event of the naive model, ordered as they go: oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    time: i64,
    opening: u64,
    live: bool,
    offset: i64,
    partition: i32,
    keys: [Option<u8>; 2],
}

/// Where live reading begins in every window of the model.
const LIVE: i64 = 1_000_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Held against a model that keeps everything in one sorted list. Record times never fall within a partition.
    #[test]
    fn the_oldest_go_first_and_are_counted(steps in prop::collection::vec(step(), 0..300), most in 1_usize..40) {
        let mut events = Events::new(WINDOW, most);
        let mut model: BTreeSet<Kept> = BTreeSet::new();
        let mut openings: BTreeMap<i32, u64> = BTreeMap::new();
        let mut next: BTreeMap<(i32, bool), i64> = BTreeMap::new();
        let mut now = 1_000_000;
        for step in steps {
            match step {
                Step::Open(partition) => {
                    openings.insert(partition, events.open(place(partition), LIVE));
                    model.retain(|kept| kept.partition != partition);
                    next.retain(|(p, _), _| *p != partition);
                }
                Step::Close(partition) => {
                    events.close(place(partition));
                    model.retain(|kept| kept.partition != partition);
                    openings.remove(&partition);
                }
                Step::Hold { partition, again, passed, phone, account } => {
                    let Some(opening) = openings.get(&partition).copied() else { continue };
                    let next = next.entry((partition, again)).or_insert(if again { 0 } else { LIVE });
                    let offset = *next;
                    *next += 1 + passed % 3;
                    now += passed / 8;
                    events.hold(opening, &event(place(partition), offset, now, phone, account));
                    model.insert(Kept { time: now, opening, live: !again, offset, partition, keys: [phone, account] });
                }
                Step::Trim { passed } => {
                    now += passed;
                    let dropped = events.trim(now);
                    let mut expected = 0;
                    while let Some(oldest) = model.first().copied() {
                        if model.len() <= most && oldest.time >= now - WINDOW - GRACE {
                            break;
                        }
                        model.remove(&oldest);
                        expected += usize::from(oldest.time >= now - WINDOW);
                    }
                    prop_assert_eq!(dropped, expected);
                }
                Step::Release(index) => {
                    if model.is_empty() { continue; }
                    let kept = *index.get(&model.iter().copied().collect::<Vec<_>>());
                    events.release(&Hit { place: place(kept.partition), opening: kept.opening, offset: kept.offset });
                    model.remove(&kept);
                }
            }
            prop_assert_eq!(events.held(), model.len());
            for partition in 0..3 {
                for sought in [vec![0], vec![1, 2], vec![0, 1, 2, 3]] {
                    let by_model: BTreeSet<i64> = model.iter()
                        .filter(|kept| kept.partition == partition && kept.time >= now - WINDOW)
                        .filter(|kept| kept.keys.iter().flatten().any(|k| sought.contains(k)))
                        .map(|kept| kept.offset).collect();
                    let found = offsets(&events, place(partition), &wanted(sought, now));
                    prop_assert_eq!(found, by_model.into_iter().collect::<Vec<_>>());
                }
            }
        }
        events.trim(now + LONG_AFTER);
        prop_assert_eq!(events.held(), 0);
    }

    /// Record times are whatever producers wrote: nothing is lost or doubled that is not accounted for.
    #[test]
    fn times_in_any_order_lose_nothing_unaccounted(
        times in prop::collection::vec((0..3_i32, -2_000..2_000_i64), 0..300), most in 1_usize..50,
    ) {
        let mut events = Events::new(WINDOW, most);
        let openings: Vec<u64> = (0..3).map(|partition| events.open(place(partition), 0)).collect();
        let now = 1_000_000;
        let mut dropped = 0;
        for (offset, (partition, time)) in times.iter().enumerate() {
            events.hold(openings[*partition as usize], &event(place(*partition), offset as i64, now + time, Some(0), None));
            dropped += events.trim(now);
            prop_assert!(events.held() <= most);
        }
        let all = Wanted::from_iter([(tag(&key(0)), i64::MIN / 2)]);
        let found: usize = (0..3).map(|partition| offsets(&events, place(partition), &all).len()).sum();
        prop_assert_eq!(found, events.held());
        // Too old when they came, they linger or go without being counted.
        let within = times.iter().filter(|(_, time)| *time >= -WINDOW).count();
        prop_assert!(events.held() + dropped >= within);
        prop_assert!(events.held() + dropped <= times.len());
    }
}

/// The threads of a process as a schedule of their steps, each of which is one hold of the lock or one look-up.
struct Race {
    lookback: Lookback,
    /// Keys the index has, and registrations that are in it but not yet told of.
    index: BTreeSet<u8>,
    untold: Option<u8>,
    /// By registration, in order of `registrants`.
    registered: Vec<u8>,
    workers: [Worker; 2],
    /// Events matched, live or afterwards, by partition and offset.
    matched: BTreeSet<(i32, i64)>,
    /// Events handed over, with their key.
    handed: BTreeMap<(i32, i64), u8>,
    hits: BTreeSet<Hit>,
    upto: Option<Upto>,
    wanted: Wanted,
    places: Vec<Place>,
}

#[derive(Default)]
struct Worker {
    deciding: bool,
    next: i64,
    batch: Vec<Held>,
    keys: Vec<(i64, u8)>,
}

impl Race {
    fn new() -> Self {
        let mut lookback = Lookback::new(WINDOW, 1_000, 2);
        for worker in 0..2 {
            lookback.opened(worker, place(worker as i32), None, "");
        }
        Race {
            lookback,
            index: BTreeSet::new(),
            untold: None,
            registered: Vec::new(),
            workers: Default::default(),
            matched: BTreeSet::new(),
            handed: BTreeMap::new(),
            hits: BTreeSet::new(),
            upto: None,
            wanted: Wanted::default(),
            places: Vec::new(),
        }
    }

    fn index_step(&mut self, n: u8) {
        match self.untold.take() {
            Some(n) => {
                self.registered.push(n);
                self.lookback.applied(0, self.registered.len() as i64, &[key(n)], 0);
            }
            None if self.index.insert(n) => self.untold = Some(n),
            None => {}
        }
    }

    fn worker_step(&mut self, which: usize, n: u8, end: bool) {
        let worker = &mut self.workers[which];
        if !worker.deciding {
            self.lookback.begin(which);
            worker.deciding = true;
        } else if end {
            self.lookback.take_in(which, &mut worker.batch, 0);
            self.handed.extend(worker.keys.drain(..).map(|(offset, n)| ((which as i32, offset), n)));
            worker.deciding = false;
        } else {
            let offset = worker.next;
            worker.next += 1;
            if self.index.contains(&n) {
                self.matched.insert((which as i32, offset));
            } else {
                worker.batch.push(event(place(which as i32), offset, 0, Some(n), None));
                worker.keys.push((offset, n));
            }
        }
    }

    fn search_step(&mut self) {
        if let Some(place) = self.places.pop() {
            self.hits.extend(self.lookback.events().find(place, &self.wanted));
        } else if let Some(hit) = self.hits.pop_first() {
            self.matched.insert((hit.place.partition, hit.offset));
            self.lookback.matched(&hit);
        } else if let Some(upto) = self.upto.take() {
            self.lookback.settle(&upto);
        } else {
            let work = self.lookback.work();
            self.wanted = work.wanted;
            self.hits.extend(work.late);
            self.upto = Some(work.upto);
            self.places = self.lookback.events().places();
        }
    }

    /// What stands beside a committed offset must be true: an event handed over that a registration before these
    /// positions finds is matched.
    fn promise(&mut self) -> Result<(), TestCaseError> {
        let marker = self.lookback.marker(0, place(0));
        let done = Positions::parse(&marker).unwrap_or_default();
        for (offset, n) in self.registered.iter().enumerate().filter(|(offset, _)| done.cover(0, *offset as i64)) {
            for (event, _) in self.handed.iter().filter(|(_, key)| *key == n) {
                prop_assert!(self.matched.contains(event), "{event:?} is not matched, {offset} is said to be done");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_pair_falls_between_the_threads(
        schedule in prop::collection::vec((0..4_usize, 0..6_u8, prop::bool::weighted(0.3)), 0..200),
    ) {
        let mut race = Race::new();
        for (thread, n, end) in schedule {
            match thread {
                0 => race.index_step(n),
                3 => race.search_step(),
                worker => race.worker_step(worker - 1, n, end),
            }
            race.promise()?;
        }
        // Everybody finishes what they began.
        if race.untold.is_some() { race.index_step(0); }
        for worker in 0..2 {
            if race.workers[worker].deciding { race.worker_step(worker, 0, true); }
        }
        for _ in 0..1_000 { race.search_step(); }
        race.promise()?;
        for (event, n) in &race.handed {
            prop_assert_eq!(race.matched.contains(event), race.index.contains(n), "{:?}", event);
        }
        let done = race.lookback.marker(0, place(0));
        prop_assert_eq!(Positions::parse(&done).unwrap_or_default().partitions() > 0, !race.registered.is_empty());
    }
}

#[test]
fn a_window_that_is_read_again_keeps_the_marker_it_came_with() {
    let mut lookback = Lookback::new(WINDOW, 100, 2);
    lookback.applied(0, 5, &[], 0);
    lookback.opened(0, place(0), Some(10), "registrants:3");
    lookback.opened(0, place(2), None, "");
    let work = lookback.work();
    lookback.settle(&work.upto);
    let [Reading { end: 10, opening, .. }] = work.readings[..] else { panic!("{:?}", work.readings) };
    assert_eq!(&*lookback.marker(0, place(0)), "registrants:3");
    assert_eq!(&*lookback.marker(0, place(2)), "registrants:5");
    lookback.hold_again(opening, &mut vec![event(place(0), 4, 0, Some(1), None)], 0);
    lookback.read_again(&work.readings[0]);
    assert_eq!(&*lookback.marker(0, place(0)), "registrants:5");
    assert_eq!(lookback.events().held(), 1);
    // Another worker was given the partition before this one says that it went.
    lookback.opened(1, place(0), Some(10), "registrants:3");
    lookback.closed(0);
    assert_eq!(lookback.events().places(), [place(0)]);
    lookback.closed(1);
    assert_eq!(lookback.events().places(), []);
}
