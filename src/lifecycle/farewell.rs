//! What must be put right before the process ends at once, without anything being dropped.

use parking_lot::Mutex;

type Farewell = Box<dyn Fn() + Send>;

static FAREWELL: Mutex<Option<Farewell>> = Mutex::new(None);

/// While this is kept the farewell is said; dropping it takes the farewell back.
#[derive(Debug)]
#[must_use = "dropping it takes the farewell back"]
pub struct OnExit(());

/// Has `farewell` called when the process ends at once. There is one at most: a later one takes its place.
pub fn on_exit(farewell: impl Fn() + Send + 'static) -> OnExit {
    set(Some(Box::new(farewell)));
    OnExit(())
}

/// Says farewell, once. For whoever is about to end the process.
pub fn say_farewell() {
    if let Some(farewell) = set(None) {
        farewell();
    }
}

impl Drop for OnExit {
    fn drop(&mut self) {
        drop(set(None));
    }
}

fn set(farewell: Option<Farewell>) -> Option<Farewell> {
    std::mem::replace(&mut *FAREWELL.lock(), farewell)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_farewell_is_said_once_and_not_after_it_was_taken_back() {
        let said = Arc::new(AtomicU32::new(0));
        let count = || {
            let said = Arc::clone(&said);
            move || {
                let _ = said.fetch_add(1, Ordering::Relaxed);
            }
        };
        say_farewell();
        let kept = on_exit(count());
        say_farewell();
        say_farewell();
        assert_eq!(said.load(Ordering::Relaxed), 1);
        drop(kept);
        drop(on_exit(count()));
        say_farewell();
        assert_eq!(said.load(Ordering::Relaxed), 1);
    }
}
